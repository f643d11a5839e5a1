//! What a log filter may look like. Applying it is `logging`'s.

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Checks a filter: a level, or a comma-separated list of levels and `module=level`.
///
/// A word that is no level is refused: taken as a module's name, as the subscriber would take it, a typing
/// error (`inof`) would switch all logging off without a word.
///
/// # Errors
/// What is wrong, for people.
pub fn check_log_filter(filter: &str) -> Result<(), String> {
    for directive in filter.split(',').map(str::trim) {
        let (target, level) = directive.rsplit_once('=').map_or((None, directive), |(t, l)| (Some(t), l));
        if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
            return Err(format!("`{level}` is no log level; write one of {}", LEVELS.join(", ")));
        }
        let names_module =
            |t: &str| !t.is_empty() && t.chars().all(|c| c.is_alphanumeric() || "_:-".contains(c));
        if let Some(target) = target.filter(|t| !names_module(t)) {
            return Err(format!("`{target}` is no module; write like \"info,ntpd_rs::engine=debug\""));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_module_lists_pass_and_typing_errors_do_not() {
        for good in ["info", "WARN", "off", "info,ntpd_rs::engine=debug", "warn, ntpd_rs=trace"] {
            assert_eq!(check_log_filter(good), Ok(()), "{good}");
        }
        for bad in ["", "inof", "info,", "ntpd_rs=loud", "=info", "a b=info"] {
            assert!(check_log_filter(bad).is_err(), "{bad}");
        }
    }
}
