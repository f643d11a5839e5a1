//! One `[[source]]` section by itself, as people give it to a daemon that runs: read as in the file. Adds it to nothing.

use super::diagnostic::{Report, Severity};
use super::sections::sources;
use super::texts::Texts;
use super::{PollLimits, SourceConfig};
use toml::de::DeTable;

/// More than any source needs.
const LONGEST_SECTION: usize = 16 << 10;

/// Reads the keys of one `[[source]]`; what it leaves out is as in `defaults`.
///
/// # Errors
/// Everything that is wrong, a line for each with its place, for people.
pub fn parse_source(text: &str, defaults: PollLimits) -> Result<SourceConfig, String> {
    if text.len() > LONGEST_SECTION {
        return Err(format!("this is longer than {} KiB, so it is no source", LONGEST_SECTION >> 10));
    }
    let (report, texts) = (Report::default(), Texts::new("the new source", text.to_owned()));
    let (table, syntax_errors) = DeTable::parse_recoverable(text);
    for error in &syntax_errors {
        let offset = error.span().map_or(0, |span| span.start);
        report.error(offset, format!("this is no TOML: {}", error.message().replace('\n', ", ")));
    }
    let is_toml = syntax_errors.is_empty();
    let source = is_toml.then(|| sources::source(table.get_ref(), 0, defaults.into(), &report)).flatten();
    let mut found = report.into_diagnostics(&texts);
    found.retain(|diagnostic| diagnostic.severity == Severity::Error);
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    source.filter(|_| lines.is_empty()).ok_or_else(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Poll;

    #[test]
    fn a_section_is_read_as_in_the_file_with_the_defaults_in_force() {
        let defaults = PollLimits { min: Poll::new(5), ..PollLimits::default() };
        let text = "mode = \"server\"\naddress = \"a.example\"\nprefer = true\n";
        let source = parse_source(text, PollLimits { initial: Poll::new(5), ..defaults }).unwrap();
        assert_eq!((source.name().as_str(), source.poll.min), ("a.example", Poll::new(5)));
        assert!(source.marks.prefer);
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        for (text, told) in [
            ("mode = \"server\"\nadress = \"a\"", "the new source:2:1: "),
            ("mode = \"server\"\naddress = \"a b\"", "the new source:2:11: "),
            ("mode = \"sundial\"", "the new source:1:8: "),
            ("address = \"a\"", "`mode` is missing"),
            ("mode = ", "this is no TOML"),
            ("", "`mode` is missing"),
            ("mode = \"server\"\naddress = \"a\"\n[[source]]\nmode = \"pool\"", "source"),
        ] {
            let error = parse_source(text, PollLimits::default()).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
        let endless = "#".repeat(LONGEST_SECTION + 1);
        assert!(parse_source(&endless, PollLimits::default()).unwrap_err().contains("16 KiB"));
    }
}
