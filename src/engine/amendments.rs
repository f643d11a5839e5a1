//! What was changed of the sources while the daemon runs: beside the configuration, and undone with it or not. Asks nobody.

use crate::command::Mark;
use crate::config::{HostPort, PollLimits, SourceConfig};
use crate::verdict::SourceOrigin;
use std::collections::{BTreeMap, BTreeSet};

/// The sources that the configuration has, and everything that makes others of them.
#[derive(Debug, Default)]
pub(super) struct Amendments {
    configured: Vec<SourceConfig>,
    added: Vec<SourceConfig>,
    /// By whom; what is asked already is not asked twice.
    offered: BTreeMap<SourceOrigin, Vec<HostPort>>,
    /// By name, among those that are configured or offered.
    removed: BTreeSet<String>,
    marked: BTreeMap<(String, Mark), bool>,
    /// All are left alone, apart from the exceptions; or the other way round.
    offline: bool,
    exceptions: BTreeSet<String>,
}

impl Amendments {
    pub(super) fn new(configured: Vec<SourceConfig>) -> Self {
        Self { configured, ..Self::default() }
    }

    /// Another configuration is in force as it stands: removals and marks are undone; what it now has itself needs no adding.
    pub(super) fn configure(&mut self, configured: Vec<SourceConfig>) {
        self.configured = configured;
        self.removed.clear();
        self.marked.clear();
        let names: BTreeSet<_> = self.configured.iter().map(SourceConfig::name).collect();
        self.added.retain(|source| !names.contains(&source.name()));
    }

    /// Who is to be asked, in order; offered servers as often as `poll` says.
    pub(super) fn in_force(&self, poll: PollLimits) -> Vec<SourceConfig> {
        let mut sources: Vec<_> =
            self.configured.iter().filter(|source| !self.removed.contains(&source.name())).cloned().collect();
        sources.extend(self.added.iter().cloned());
        let mut asked: BTreeSet<_> = sources.iter().map(SourceConfig::name).collect();
        for (origin, servers) in &self.offered {
            let offered = servers
                .iter()
                .map(|server| SourceConfig { origin: *origin, ..SourceConfig::server(server.clone(), poll) });
            for source in offered.filter(|source| !self.removed.contains(&source.name())) {
                if asked.insert(source.name()) {
                    sources.push(source);
                }
            }
        }
        for source in &mut sources {
            let name = source.name();
            for ((_, mark), on) in self.marked.iter().filter(|((marked, _), _)| *marked == name) {
                mark.set(&mut source.marks, *on);
            }
        }
        sources
    }

    /// Whether it is left alone.
    pub(super) fn is_offline(&self, name: &str) -> bool {
        self.offline != self.exceptions.contains(name)
    }

    pub(super) fn add(&mut self, source: SourceConfig, poll: PollLimits) -> Result<(), String> {
        let name = source.name();
        if self.in_force(poll).iter().any(|other| other.name() == name) {
            return Err(format!(
                "`{name}` is a source already; remove it first if you want another kind of it"
            ));
        }
        if self.added.len() >= MOST_ADDED {
            return Err(format!(
                "{MOST_ADDED} sources were added already; write more into the configuration"
            ));
        }
        self.added.push(SourceConfig { origin: SourceOrigin::Added, ..source });
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str, poll: PollLimits) -> Result<(), String> {
        let sources = self.in_force(poll);
        let found = named(&sources, name)?;
        if found.iter().any(|source| source.origin != SourceOrigin::Added) {
            self.refuse_without_end()?;
            self.removed.insert(name.to_owned());
        }
        self.added.retain(|source| source.name() != name);
        self.marked.retain(|(marked, _), _| marked != name);
        self.exceptions.remove(name);
        Ok(())
    }

    pub(super) fn mark(&mut self, name: &str, mark: Mark, on: bool, poll: PollLimits) -> Result<(), String> {
        let sources = self.in_force(poll);
        for source in named(&sources, name)? {
            let mut marks = source.marks;
            mark.set(&mut marks, on);
            if let Some(other) = marks.contradiction() {
                return Err(format!(
                    "`{name}` cannot be `noselect` and `{other}` at once; take one of the two away first"
                ));
            }
        }
        self.refuse_without_end()?;
        self.marked.insert((name.to_owned(), mark), on);
        Ok(())
    }

    pub(super) fn offer(&mut self, origin: SourceOrigin, servers: Vec<HostPort>) -> Result<(), String> {
        if !matches!(origin, SourceOrigin::Runtime | SourceOrigin::Link) {
            return Err("only the run-time and the link servers of this machine are offered".to_owned());
        }
        if servers.len() > MOST_OFFERED {
            return Err(format!("{} servers are more than the {MOST_OFFERED} that are taken", servers.len()));
        }
        self.offered.insert(origin, servers);
        Ok(())
    }

    /// As they were named, whether or not they are sources of their own.
    pub(super) fn offered(&self) -> BTreeMap<SourceOrigin, Vec<String>> {
        let names = |servers: &Vec<HostPort>| servers.iter().map(ToString::to_string).collect();
        self.offered.iter().map(|(origin, servers)| (*origin, names(servers))).collect()
    }

    /// All of them without a name: later ones too.
    pub(super) fn set_online(
        &mut self,
        name: Option<&str>,
        online: bool,
        poll: PollLimits,
    ) -> Result<(), String> {
        let Some(name) = name else {
            self.offline = !online;
            self.exceptions.clear();
            return Ok(());
        };
        named(&self.in_force(poll), name)?;
        if self.offline == online {
            self.refuse_without_end()?;
            self.exceptions.insert(name.to_owned());
        } else {
            self.exceptions.remove(name);
        }
        Ok(())
    }

    /// Names come and go with offers: what is remembered of them has a bound.
    fn refuse_without_end(&self) -> Result<(), String> {
        let changes = self.removed.len() + self.marked.len() + self.exceptions.len();
        if changes < MOST_CHANGES {
            return Ok(());
        }
        Err(format!(
            "{MOST_CHANGES} changes were made already; write them into the configuration, and reload it"
        ))
    }
}

/// Those of that name; there is at least one.
///
/// # Errors
/// Which names there are.
pub(super) fn named<'a>(sources: &'a [SourceConfig], name: &str) -> Result<Vec<&'a SourceConfig>, String> {
    let found: Vec<_> = sources.iter().filter(|source| source.name() == name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: BTreeSet<_> = sources.iter().map(|source| format!("`{}`", source.name())).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let mut told: Vec<_> = names.into_iter().take(MOST_NAMES).collect();
    if more > 0 {
        told.push(format!("{more} more (`ntp-ctl source list`)"));
    }
    Err(match told.is_empty() {
        true => format!("there is no source `{name}`, and no other either"),
        false => format!("there is no source `{name}`; there is {}", told.join(", ")),
    })
}

const MOST_ADDED: usize = 32;
const MOST_OFFERED: usize = 32;
const MOST_CHANGES: usize = 1024;
/// In an answer.
const MOST_NAMES: usize = 16;
