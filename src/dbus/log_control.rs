//! `org.freedesktop.LogControl1`: the log level in the words of syslog, for `systemctl service-log-level`. Logs nothing.

use super::fault::{Fault, Kind};
use super::table::{Changes, Interface, Object, Order, Property, Value, What};
use crate::command::ServiceOrder;
use tracing::level_filters::LevelFilter;
use zbus::Variant;

/// It has no name on the bus of its own: whoever asks knows the service's.
pub(super) static OBJECT: Object = Object {
    path: "/org/freedesktop/LogControl1",
    interface: Interface {
        name: "org.freedesktop.LogControl1",
        properties: &[
            Property {
                name: "LogLevel",
                signature: "s",
                changes: Changes::Silent,
                get: |_| Value::new(word(LevelFilter::current())),
                set: Some(set_level),
            },
            Property::silent("LogTarget", "s", |view| Value::new(view.host.log_target())),
            Property::silent("SyslogIdentifier", "s", |_| Value::new("ntp-daemon")),
        ],
        methods: &[],
    },
};

/// Syslog's words in syslog's order, and what of ours they mean. It has none for the finest.
const WORDS: [(&str, &str); 8] = [
    ("emerg", "off"),
    ("alert", "error"),
    ("crit", "error"),
    ("err", "error"),
    ("warning", "warn"),
    ("notice", "info"),
    ("info", "info"),
    ("debug", "debug"),
];

/// The finest that is logged anywhere.
fn word(level: LevelFilter) -> &'static str {
    if level == LevelFilter::OFF {
        "emerg"
    } else if level == LevelFilter::ERROR {
        "err"
    } else if level == LevelFilter::WARN {
        "warning"
    } else if level == LevelFilter::INFO {
        "info"
    } else {
        "debug"
    }
}

fn set_level(value: &Variant<'_>) -> Result<Order, Fault> {
    let Variant::Str(given) = value else {
        return Err(Kind::InvalidArgs.because("LogLevel is a string (s)"));
    };
    let given = given.as_str();
    let found = WORDS.iter().find(|(word, _)| *word == given);
    let numbered = || given.parse().ok().and_then(|number: usize| WORDS.get(number));
    let Some((_, level)) = found.or_else(numbered) else {
        let words = WORDS.map(|(word, _)| word).join(", ");
        return Err(Kind::InvalidArgs.because(format!("this is no log level; write one of {words}")));
    };
    Ok(Order {
        action: "org.ntpd-rs.set-log-level",
        what: What::Service(ServiceOrder::LogFilter(Some((*level).to_owned()))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(given: &str) -> Result<Order, Fault> {
        set_level(&Variant::new(given))
    }

    #[test]
    fn every_word_and_number_of_syslog_is_a_level_of_ours() {
        for (number, (word, ours)) in WORDS.iter().enumerate() {
            let wanted = What::Service(ServiceOrder::LogFilter(Some((*ours).to_owned())));
            assert_eq!(level(word).unwrap().what, wanted, "{word}");
            assert_eq!(level(&number.to_string()).unwrap().what, wanted, "{number}");
        }
    }

    #[test]
    fn what_is_no_level_is_refused_with_those_there_are() {
        for given in ["", "DEBUG", "8", "trace", "-1"] {
            assert!(level(given).unwrap_err().words.contains("emerg, alert"), "{given}");
        }
        assert!(set_level(&Variant::new(7_u32)).is_err());
    }

    #[test]
    fn what_is_logged_has_a_word_that_sets_it_again() {
        let filters = ["off", "error", "warn", "info", "debug"];
        for filter in filters {
            let read = word(filter.parse().unwrap());
            let (_, ours) = WORDS.iter().find(|(word, _)| *word == read).unwrap();
            assert_eq!(*ours, filter);
        }
        assert_eq!(word(LevelFilter::TRACE), "debug");
    }
}
