//! Pure algorithms: filter, select, combine, steer. Never sees a packet.
