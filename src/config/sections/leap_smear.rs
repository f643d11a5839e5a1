//! `leap-smear` in `[[server]]`. What comes of it is the server's.

use crate::config::diagnostic::Report;
use crate::config::keys;
use crate::config::reader::Section;
use crate::config::{LeapSmear, ServerConfig, SmearShape};
use crate::time::Span;
use toml::de::DeValue;

const SHAPES: [(&str, SmearShape); 2] = [("linear", SmearShape::Linear), ("cosine", SmearShape::Cosine)];
/// From noon to noon, as the public services that smear do: a rate of 11.6 ppm.
const DEFAULT_WINDOW: Span = Span::from_secs(86_400);
/// A cosine over two hours is 218 ppm at its steepest; clocks that follow it go 500 ppm at most, their own error included, and
/// notice a change of rate at their next polls only. A window longer than a day would begin before the leap second is announced.
const WINDOWS: std::ops::RangeInclusive<i64> = 7200..=86_400;

/// Without the key nothing is smeared.
pub(super) fn read(section: &Section<'_>) -> Option<LeapSmear> {
    let item = section.get("leap-smear")?;
    match item.value {
        DeValue::String(_) => item.choice(&SHAPES).map(|shape| LeapSmear { shape, window: DEFAULT_WINDOW }),
        DeValue::Table(_) => {
            let table = item.section(&keys::LEAP_SMEAR)?;
            let shape =
                table.require("shape", "`shape = \"linear\"`").and_then(|shape| shape.choice(&SHAPES));
            let window = table
                .get("window")
                .map_or(Some(DEFAULT_WINDOW), |window| Some(Span::from_secs(window.integer(WINDOWS)?)));
            Some(LeapSmear { shape: shape?, window: window? })
        }
        _ => {
            item.refuse(
                "is neither a shape nor a table",
                "write \"linear\" or \"cosine\", or { shape = \"linear\", window = 86400 }",
            );
            None
        }
    }
}

/// Warns once where listeners do not tell the same time around a leap second.
pub(super) fn warn_of_mixture(servers: &[(usize, ServerConfig)], report: &Report) {
    let Some((_, first)) = servers.first() else { return };
    let Some((place, other)) = servers.iter().find(|(_, server)| server.leap_smear != first.leap_smear)
    else {
        return;
    };
    let does = |server: &ServerConfig| if server.leap_smear.is_some() { "smears" } else { "does not smear" };
    let how = if does(first) == does(other) { " in another way" } else { "" };
    let (one, does_one, two, does_two) = (first.listen, does(first), other.listen, does(other));
    report.warning(
        *place,
        format!(
            "MIXED TIME: {one} {does_one} leap seconds and {two} {does_two} them{how}, so that around one they tell times up to \
             half a second apart; write the same `leap-smear` in every [[server]], unless no client can ask both"
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Diagnostic, Severity, parse};

    const SERVER: &str = "[[server]]\nlisten = \"[::]:123\"\n";

    fn found(text: &str, severity: Severity) -> Vec<String> {
        let all: Vec<Diagnostic> = parse("f", text).map_or_else(|wrong| wrong, |(_, warnings)| warnings);
        all.iter().filter(|one| one.severity == severity).map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check(value: &str, shape: SmearShape, window: i64) {
        let (config, warnings) = parse("f", &format!("{SERVER}leap-smear = {value}")).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let expected = LeapSmear { shape, window: Span::from_secs(window) };
        assert_eq!(config.servers.first().and_then(|server| server.leap_smear), Some(expected));
    }

    #[track_caller]
    fn check_refused(value: &str, expected: &str) {
        let errors = found(&format!("{SERVER}leap-smear = {value}"), Severity::Error);
        let [error] = errors.as_slice() else { panic!("{value} gives {errors:#?}") };
        assert!(error.starts_with("f:3:") && error.contains(expected), "{error}");
    }

    #[test]
    fn a_smear_is_a_shape_or_a_shape_and_a_window() {
        check("\"linear\"", SmearShape::Linear, 86_400);
        check("\"cosine\"", SmearShape::Cosine, 86_400);
        check("{ shape = \"cosine\" }", SmearShape::Cosine, 86_400);
        check("{ shape = \"linear\", window = 7200 }", SmearShape::Linear, 7200);
        assert_eq!(parse("f", SERVER).unwrap().0.servers.first().unwrap().leap_smear, None);
    }

    #[test]
    fn whoever_smears_is_told_what_goes_with_it() {
        let (config, _) = parse("f", &format!("{SERVER}leap-smear = \"linear\"")).unwrap();
        let warning = config.smear_warning().unwrap();
        assert!(warning.starts_with("leap seconds are smeared at [::]:123: clients there must"), "{warning}");
        assert_eq!(parse("f", SERVER).unwrap().0.smear_warning(), None);
    }

    #[test]
    fn other_values_are_refused() {
        check_refused("\"square\"", "is \"square\"; write one of \"linear\", \"cosine\"");
        check_refused("true", "is neither a shape nor a table; write \"linear\"");
        check_refused("{ window = 7200 }", "`shape` is missing in leap-smear; add");
        check_refused(
            "{ shape = \"linear\", window = 7199 }",
            "is 7199; write a whole number from 7200 to 86400",
        );
        check_refused("{ shape = \"linear\", window = 86401 }", "is 86401");
        check_refused("{ shape = \"linear\", windows = 7200 }", "did you mean `window`?");
    }

    /// Three listeners with these lines; the warning and its line, if there is one.
    fn mixture(smears: [&str; 3]) -> Option<String> {
        let section =
            |(index, line): (usize, &&str)| format!("[[server]]\nlisten = \"192.0.2.{index}:123\"\n{line}\n");
        let text: String = smears.iter().enumerate().map(section).collect();
        let warnings = found(&text, Severity::Warning);
        assert!(warnings.len() < 2, "{warnings:?}");
        warnings.into_iter().next()
    }

    #[test]
    fn listeners_that_smear_and_listeners_that_do_not_are_warned_of() {
        let (linear, cosine) = ("leap-smear = \"linear\"", "leap-smear = \"cosine\"");
        assert_eq!(mixture(["", "", ""]), None);
        assert_eq!(mixture([linear, "leap-smear.shape = \"linear\"", linear]), None);
        for (smears, place, text) in [
            (
                ["", linear, linear],
                "f:6:1: ",
                "192.0.2.0:123 does not smear leap seconds and 192.0.2.1:123 smears them,",
            ),
            (
                [linear, linear, ""],
                "f:7:1: ",
                "192.0.2.0:123 smears leap seconds and 192.0.2.2:123 does not smear them,",
            ),
            ([linear, cosine, linear], "f:6:1: ", "192.0.2.1:123 smears them in another way"),
        ] {
            let warning = mixture(smears).unwrap();
            assert!(warning.starts_with(place) && warning.contains(text), "{warning}");
            assert!(warning.contains("MIXED TIME"));
        }
    }
}
