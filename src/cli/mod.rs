//! ntp-ctl: one file per command. Reads the daemon's sockets, never its memory.
