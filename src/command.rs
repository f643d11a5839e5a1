//! Everything that may be asked of the engine from outside. Who may ask is the asker's converter's to check.

/// One request to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Measure every source now and correct the clock in one step, whatever the size (panic thresholds excepted).
    ForceSync,
}
