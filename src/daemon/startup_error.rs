//! Why a program cannot go on, for a human, and the exit code that says so to a service manager.

use std::fmt;
use std::process::ExitCode;

/// One line or several that say what is wrong and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartupError {
    /// What is wrong; how to fix it.
    pub message: String,
    /// What to exit with.
    pub exit_code: Failure,
}

/// Exit codes (after `sysexits.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 78: the configuration or the command line.
    Configuration,
    /// 77: the right to do something is missing.
    NotPermitted,
    /// 70: the clock cannot be corrected.
    Clock,
    /// 70: the clock may not be corrected: a panic threshold.
    Panic,
    /// 1: anything else.
    Other,
}

impl Failure {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Configuration => 78,
            Self::NotPermitted => 77,
            Self::Clock | Self::Panic => 70,
            Self::Other => 1,
        }
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        failure.code().into()
    }
}

impl StartupError {
    /// The configuration or the command line is wrong.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: Failure::Configuration }
    }

    /// The right to do something is missing.
    pub fn not_permitted(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: Failure::NotPermitted }
    }

    /// The clock cannot be corrected.
    pub fn clock(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: Failure::Clock }
    }

    /// The clock may not be corrected: a panic threshold.
    pub fn panic(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: Failure::Panic }
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: Failure::Other }
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StartupError {}
