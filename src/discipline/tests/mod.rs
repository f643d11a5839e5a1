//! The discipline as a whole, against a small exact world. Its parts have tests of their own.

mod holdover;
mod hostile;
mod interleaved;
mod lab;
mod marks;
pub(super) mod random;
mod routes;
mod steering;
mod thresholds;
mod verdicts;
