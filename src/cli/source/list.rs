//! `ntp-ctl source list`: whom the daemon asks, and who says so. How good they are, `status` shows.

use crate::cli::status::{not_read, printable};
use crate::cli::{Outcome, print, sockets};
use crate::observation::{self, Source};
use std::path::Path;

/// Reads the observation socket: this needs no right to change anything.
pub(super) fn run(config: Option<&Path>) -> Outcome {
    let state = observation::read(&sockets::observation(&sockets::configuration(config)?));
    print(&table(&state.map_err(|error| not_read(&error))?.sources))
}

fn table(sources: &[Source]) -> String {
    if sources.is_empty() {
        return "There are no sources; `ntp-ctl source add` adds one.\n".to_owned();
    }
    let rows: Vec<_> = sources.iter().map(row).collect();
    let heading = ["Source", "Origin", "Verdict", "Marks"].map(str::to_owned);
    let all = || std::iter::once(&heading).chain(&rows);
    let width =
        |column: usize| all().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
    let (name, origin, verdict) = (width(0), width(1), width(2));
    let line = |[a, b, c, d]: &[String; 4]| {
        format!("{a:<name$}  {b:<origin$}  {c:<verdict$}  {d}").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}

fn row(source: &Source) -> [String; 4] {
    let marks: Vec<_> = source.marks.names().collect();
    [
        printable(&source.name),
        source.origin.name().to_owned(),
        source.verdict.name().to_owned(),
        marks.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::State;
    use crate::snapshot::example::{later, snapshot};
    use crate::verdict::SourceOrigin;

    #[test]
    fn every_source_has_a_row_with_its_origin_and_its_marks() {
        let snapshot = snapshot();
        let mut sources = State::new(&snapshot, later(&snapshot, 0)).sources;
        sources[0].origin = SourceOrigin::Link;
        (sources[0].marks.prefer, sources[0].marks.require) = (true, true);
        let table = table(&sources);
        assert_eq!(table.lines().count(), 1 + sources.len());
        let first = table.lines().nth(1).unwrap();
        assert!(first.contains("  link  ") && first.ends_with("prefer, require"), "{table}");
    }
}
