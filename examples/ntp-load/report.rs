//! Counts, and what is printed of them. Measures nothing.

use std::fmt::Write;

/// Of requests in the measured time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    /// With time.
    pub(crate) answered: u64,
    /// Kisses, and replies of a server without time.
    pub(crate) without_time: u64,
    /// What is no reply to a request on its way: late, repeated, malformed.
    pub(crate) nonsense: u64,
    /// Unanswered in time.
    pub(crate) lost: u64,
    /// Did not leave.
    pub(crate) unsent: u64,
}

impl Tally {
    /// Counts since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            answered: self.answered - earlier.answered,
            without_time: self.without_time - earlier.without_time,
            nonsense: self.nonsense - earlier.nonsense,
            lost: self.lost - earlier.lost,
            unsent: self.unsent - earlier.unsent,
        }
    }
}

/// What a run found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) load: Tally,
    /// With a flood: the clients beside it.
    pub(crate) honest: Option<Tally>,
    /// CPU time of the server's threads in the measured time.
    pub(crate) server_cpu_seconds: Option<f64>,
}

impl Outcome {
    fn figures(&self) -> Vec<(&'static str, f64)> {
        let load = &self.load;
        let replies = count(load.answered + load.without_time);
        let mut figures = vec![("seconds", self.seconds)];
        figures.extend(tally_figures(load));
        figures.push(("sent_per_second", count(load.sent) / self.seconds));
        figures.push(("replies_per_second", replies / self.seconds));
        if let Some(cpu) = self.server_cpu_seconds {
            figures.push(("server_cpu_seconds", cpu));
            if replies > 0.0 {
                figures.push(("cpu_us_per_reply", cpu * 1e6 / replies));
            }
        }
        if let Some(honest) = &self.honest {
            figures.push(("honest_sent", count(honest.sent)));
            figures.push(("honest_answered", count(honest.answered)));
            figures.push(("honest_without_time", count(honest.without_time)));
            figures.push(("honest_share", count(honest.answered) / count(honest.sent.max(1))));
        }
        figures
    }

    /// One JSON object.
    pub(crate) fn json(&self) -> String {
        let fields: serde_json::Map<_, _> =
            self.figures().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        serde_json::Value::Object(fields).to_string()
    }

    /// One figure a line.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.figures() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:20} {value:.3}");
        }
        text.trim_end().to_owned()
    }
}

fn tally_figures(tally: &Tally) -> [(&'static str, f64); 6] {
    [
        ("sent", count(tally.sent)),
        ("answered", count(tally.answered)),
        ("without_time", count(tally.without_time)),
        ("nonsense", count(tally.nonsense)),
        ("lost", count(tally.lost)),
        ("unsent", count(tally.unsent)),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "exact to 2^53, and for print")]
fn count(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_text_have_the_figures() {
        let load = Tally { sent: 10, answered: 8, without_time: 1, lost: 1, ..Tally::default() };
        let honest = Some(Tally { sent: 4, answered: 3, ..Tally::default() });
        let outcome = Outcome { seconds: 2.0, load, honest, server_cpu_seconds: Some(9e-6) };
        let json: serde_json::Value = serde_json::from_str(&outcome.json()).unwrap();
        assert_eq!(json["sent_per_second"], 5.0);
        assert_eq!(json["cpu_us_per_reply"], 1.0);
        assert_eq!(json["honest_share"], 0.75);
        assert!(outcome.text().contains("lost                 1.000"), "{}", outcome.text());
    }
}
