//! The table of sources on the page: a row of numbers each, and below it what did not fit there. Other parts are `plain`'s.

use super::look::{Look, Tone};
use super::nts;
use super::plain::{counted, printable, shortened, wrapped};
use super::reason::{reason, standing};
use crate::observation::Source;
use crate::path_model::{JitterKind, Waiting};
use crate::time::Poll;
use crate::time::quantity::{magnitude, signed};
use crate::verdict::Verdict;

const VERDICT: usize = 14;
/// A name is as wide as what the numbers leave, within these.
const NAMES: (usize, usize) = (8, 48);

/// Heading and rows.
pub(super) fn table(sources: &[Source], look: Look) -> Vec<String> {
    if sources.is_empty() {
        return vec!["No sources.".to_owned()];
    }
    let columns = Columns::new(look.width, sources);
    let mut lines = vec![look.paint(Tone::Heading, &columns.heading())];
    for source in sources {
        let (tone, left, right) = columns.cells(source, look);
        lines.push(format!("{}{right}", look.paint(tone, &left)).trim_end().to_owned());
        lines.extend(below(source, columns.name, look.width));
    }
    lines
}

/// Heading and rows alone, in one colour each.
pub(in crate::cli) fn table_rows(sources: &[Source], look: Look) -> (String, Vec<(Tone, String)>) {
    let columns = Columns::new(look.width, sources);
    let row = |source| {
        let (tone, left, right) = columns.cells(source, look);
        (tone, left + &right)
    };
    (columns.heading(), sources.iter().map(row).collect())
}

/// What stands below the row of a source.
pub(in crate::cli) fn table_details(source: &Source, look: Look) -> Vec<String> {
    below(source, 0, look.width)
}

/// Those that there is room for, the most telling first.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: usize,
    has_delay: bool,
    has_polls: bool,
    has_reach: bool,
    has_error: bool,
}

impl Columns {
    /// A wide terminal shows longer names, where there are any.
    fn new(width: usize, sources: &[Source]) -> Self {
        let longest = sources.iter().map(|source| source.name.chars().count()).max().unwrap_or_default();
        let mut columns = Self {
            name: 0,
            has_delay: width >= 80,
            has_polls: width >= 71,
            has_reach: width >= 62,
            has_error: width >= 48,
        };
        let others =
            "  ".len() + columns.row(&Default::default()).1.chars().count() + " ".len() + VERDICT + " ".len();
        let room = width.saturating_sub(others);
        columns.name = room.min(longest.max(18)).clamp(NAMES.0, NAMES.1);
        columns
    }

    fn heading(self) -> String {
        let cells = ["Source", "Verdict", "Str", "Poll", "Reach", "Offset", "Error", "Delay"];
        let (left, right) = self.row(&cells.map(str::to_owned));
        format!("  {left}{right}").trim_end().to_owned()
    }

    /// Of one source: sign, name and verdict, and the numbers.
    fn cells(self, source: &Source, look: Look) -> (Tone, String, String) {
        let measured = |text: String| if source.measured { text } else { "-".to_owned() };
        let (left, right) = self.row(&[
            shortened(&printable(&source.name), self.name),
            source.verdict.name().to_owned(),
            source.stratum.map_or("-".to_owned(), |stratum| stratum.to_string()),
            seconds(source.poll_interval).to_string(),
            format!("{:o}", source.reach),
            measured(signed(source.offset)),
            measured(magnitude(source.uncertainty)),
            measured(magnitude(source.delay)),
        ]);
        (tone(source.verdict), format!("{} {left}", mark(source.verdict, look)), right)
    }

    /// Name and verdict, and the numbers.
    fn row(self, cells: &[String; 8]) -> (String, String) {
        let [name, verdict, stratum, poll, reach, offset, error, delay] = cells;
        let width = self.name;
        let mut numbers = String::new();
        if self.has_polls {
            numbers += &format!("{stratum:>3} {poll:>4} ");
        }
        if self.has_reach {
            numbers += &format!("{reach:>5} ");
        }
        numbers += &format!("{offset:>9}");
        if self.has_error {
            numbers += &format!(" ± {error:<8}");
        }
        if self.has_delay {
            numbers += &format!(" {delay:>8}");
        }
        (format!("{name:<width$} {verdict:<VERDICT$} "), numbers)
    }
}

fn below(source: &Source, name: usize, width: usize) -> Vec<String> {
    let mut lines = wrapped(&details(source, name), width);
    lines.extend(reason(source).iter().chain(&source.problem).flat_map(|why| wrapped(why, width)));
    lines
}

/// The whole name, the address, who put it there, what its filter found, keys, what was discarded.
fn details(source: &Source, name: usize) -> String {
    let whole_name = Some(source.name.clone()).filter(|whole| whole.chars().count() > name);
    let address = Some(source.address.clone()).filter(|a| !a.is_empty() && !is_same(a, &source.name));
    let interleaved = (source.interleaved > 0)
        .then(|| format!("interleaved: {} of {} replies", source.interleaved, source.replies));
    let discards = counted(&source.discards).map(|list| format!("discarded: {list}"));
    let nts = source.nts.as_ref().map(|nts| nts::source(nts, source.nts_cookies.unwrap_or_default()));
    let (first, last) = ([whole_name, address], [path(source), nts, interleaved, discards]);
    let parts: Vec<_> =
        first.into_iter().flatten().chain(standing(source)).chain(last.into_iter().flatten()).collect();
    parts.join("; ")
}

/// The filter's own view: the jitter, of which kind it is, and how wrong the clock will be by the next poll.
fn path(source: &Source) -> Option<String> {
    let kind = jitter_kind(source)?;
    let path = source.path.as_ref()?;
    let (jitter, next) = (magnitude(source.jitter), magnitude(path.predicted_error));
    let longer = 2.0 * path.asymmetry.abs();
    let route = if longer > 0.0 { format!(", route longer by {}", magnitude(longer)) } else { String::new() };
    Some(format!("jitter {jitter} ({kind}{route}); next ±{next}"))
}

/// In words, once it is known.
pub(in crate::cli) fn jitter_kind(source: &Source) -> Option<String> {
    let path = source.path.as_ref()?;
    let kind = match path.jitter_kind {
        JitterKind::Unknown => return None,
        JitterKind::Queues => "queues",
        JitterKind::HeavyTails => "heavy tails",
        JitterKind::Bursts => "bursts",
        JitterKind::Gaussian => "Gaussian",
    };
    let waiting = match path.waiting {
        Waiting::Both => "",
        Waiting::Requests => " of requests",
        Waiting::Replies => " of replies",
    };
    Some(format!("{kind}{waiting}"))
}

/// A name that is an address already says it all; 123 is the port that nobody writes.
fn is_same(address: &str, name: &str) -> bool {
    let bare = address.strip_suffix(":123").unwrap_or(address);
    address == name || bare.trim_matches(['[', ']']) == name
}

/// Of a poll interval.
pub(super) fn seconds(log2: i8) -> i64 {
    Poll::new(log2).interval().nanos() / 1_000_000_000
}

fn mark(verdict: Verdict, look: Look) -> &'static str {
    match verdict {
        Verdict::SystemPeer => look.sign("★", "*"),
        Verdict::Truechimer => look.sign("✓", "+"),
        Verdict::Falseticker => look.sign("✗", "x"),
        Verdict::Unreachable | Verdict::Demobilized => "?",
        _ => " ",
    }
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::SystemPeer | Verdict::Truechimer => Tone::Good,
        Verdict::Falseticker | Verdict::Unreachable | Verdict::Demobilized | Verdict::Loop => Tone::Bad,
        Verdict::NotSelectable | Verdict::Outlier => Tone::Plain,
        _ => Tone::Doubtful,
    }
}
