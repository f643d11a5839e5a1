//! The responder: a request's bytes to a reply's. Not its sockets.
