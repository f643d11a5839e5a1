//! `ntp-ctl source …` on the command line. Does nothing with it.

use crate::command::Mark;
use clap::{Args, Subcommand};

/// What is done with sources while the daemon runs.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SourceCommand {
    /// Show every source, where it comes from and how it is marked
    List,
    /// Have one source more asked, until it is removed or the daemon ends
    Add(New),
    /// Have a source asked no more, until the configuration is read again
    Remove {
        /// As listed
        name: String,
    },
    /// Use it rather than others that agree with it
    Prefer(Marked),
    /// Measure it and never use it
    Noselect(Marked),
    /// Let its word go before a majority's
    Trust(Marked),
    /// Have no time without one that is marked so
    Require(Marked),
}

/// A mark that is put there or taken away.
#[derive(Debug, Args)]
pub(in crate::cli) struct Marked {
    /// As listed
    pub(in crate::cli) name: String,
    /// Take the mark away
    #[arg(long)]
    pub(in crate::cli) off: bool,
}

impl SourceCommand {
    /// Which mark, if it is about one.
    pub(in crate::cli) const fn mark(&self) -> Option<(Mark, &Marked)> {
        Some(match self {
            Self::Prefer(marked) => (Mark::Prefer, marked),
            Self::Noselect(marked) => (Mark::Noselect, marked),
            Self::Trust(marked) => (Mark::Trust, marked),
            Self::Require(marked) => (Mark::Require, marked),
            Self::List | Self::Add(_) | Self::Remove { .. } => return None,
        })
    }
}

/// A source that is added: a server, unless it says otherwise.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(in crate::cli) struct New {
    /// Name or address, of the key exchange server with NTS
    pub(in crate::cli) address: String,
    /// Several servers behind that name
    #[arg(long, group = "mode")]
    pub(in crate::cli) pool: bool,
    /// With NTS
    #[arg(long, group = "mode")]
    pub(in crate::cli) nts: bool,
    /// Several servers, with NTS
    #[arg(long, group = "mode")]
    pub(in crate::cli) nts_pool: bool,
    /// So many servers of a pool
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) count: Option<u8>,
    /// Use it rather than others that agree with it
    #[arg(long)]
    pub(in crate::cli) prefer: bool,
    /// Measure it and never use it
    #[arg(long)]
    pub(in crate::cli) noselect: bool,
    /// Let its word go before a majority's
    #[arg(long)]
    pub(in crate::cli) trust: bool,
    /// Have no time without one that is marked so
    #[arg(long)]
    pub(in crate::cli) require: bool,
    /// Any other key of a [[source]] section, like poll-interval-limits={max=6}
    #[arg(long, value_name = "KEY=VALUE")]
    pub(in crate::cli) set: Vec<String>,
}
