//! The table of sources: what each says, and in words why it is used or not.

use super::clock::duration;
use super::html::Html;
use super::{Level, signed};
use crate::cli::status::{jitter_kind, reason, standing};
use crate::observation::{Source, SourceNts};
use crate::packet::ReferenceId;
use crate::time::Poll;
use crate::time::quantity::magnitude;
use crate::verdict::Verdict;

pub(super) fn section(html: &mut Html, sources: &[Source]) {
    html.raw("<section aria-labelledby=\"sources\"><h2 id=\"sources\">Sources</h2>\n");
    if sources.is_empty() {
        html.raw("<p class=\"soft\">None. Add a <code>[[source]]</code> section to the configuration.</p></section>\n");
        return;
    }
    summary(html, sources);
    html.raw("<div class=\"card\"><table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Source</th><th role=\"columnheader\" scope=\"col\">Verdict</th><th role=\"columnheader\" scope=\"col\" class=\"number\">Offset</th><th role=\"columnheader\" scope=\"col\" class=\"number\">Delay</th><th role=\"columnheader\" scope=\"col\" class=\"number\">Jitter</th><th role=\"columnheader\" scope=\"col\">Stratum</th><th role=\"columnheader\" scope=\"col\">Last polls</th></tr></thead>\n<tbody role=\"rowgroup\">\n");
    for source in sources {
        row(html, source);
    }
    html.raw("</tbody></table></div></section>\n");
}

/// How many are used and how many not, for those who have many.
fn summary(html: &mut Html, sources: &[Source]) {
    html.raw("<ul class=\"tags\" aria-label=\"Sources by verdict\">");
    let used = sources.iter().filter(|source| source.verdict.is_used()).count();
    let others = Verdict::ALL.into_iter().filter(|verdict| !verdict.is_used());
    let counts = others.map(|verdict| (verdict, sources.iter().filter(|s| s.verdict == verdict).count()));
    let mut tag = |level: Level, text: String| {
        html.raw("<li class=\"tag ").raw(level.class()).raw("\">").text(&text).raw("</li>");
    };
    tag(if used > 0 { Level::Good } else { Level::Calm }, format!("{used} of {} used", sources.len()));
    for (verdict, count) in counts.filter(|(_, count)| *count > 0) {
        tag(level(verdict), format!("{count} {}", word(verdict)));
    }
    html.raw("</ul>\n");
}

const fn level(verdict: Verdict) -> Level {
    match verdict {
        Verdict::Truechimer | Verdict::SystemPeer => Level::Good,
        Verdict::Waiting | Verdict::Offline | Verdict::Outlier | Verdict::NotSelectable | Verdict::Orphan => {
            Level::Calm
        }
        Verdict::Falseticker | Verdict::Demobilized | Verdict::Loop => Level::Bad,
        Verdict::Unreachable
        | Verdict::Unsynchronized
        | Verdict::TooDistant
        | Verdict::NoQuorum
        | Verdict::NoRequired => Level::Fair,
    }
}

/// Short, and without the standards' jargon where there is a plain word.
const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::SystemPeer => "used, followed",
        Verdict::Truechimer => "used",
        Verdict::TooDistant => "too distant",
        Verdict::NoQuorum => "too few agree",
        Verdict::NoRequired => "lacks a required one",
        Verdict::NotSelectable => "not selectable",
        verdict => verdict.name(),
    }
}

fn row(html: &mut Html, source: &Source) {
    html.raw("<tr role=\"row\"><td role=\"cell\" class=\"name\"><b>").text(&source.name).raw("</b>");
    let details = details(source).join(" · ");
    if !details.is_empty() {
        html.raw("<small>").text(&details).raw("</small>");
    }
    html.raw("</td><td role=\"cell\" class=\"verdict\"><span class=\"tag ")
        .raw(level(source.verdict).class());
    html.raw("\">").raw(word(source.verdict)).raw("</span>");
    for reason in reasons(source) {
        html.raw("<small>").text(&reason).raw("</small>");
    }
    html.raw("</td>");
    let measured = |text: String| if source.measured { text } else { "–".to_owned() };
    let uncertainty =
        if source.measured { format!("± {}", magnitude(source.uncertainty)) } else { String::new() };
    cell(html, "Offset", &measured(signed(source.offset)), &uncertainty);
    cell(html, "Delay", &measured(magnitude(source.delay)), "");
    cell(html, "Jitter", &measured(magnitude(source.jitter)), &jitter_kind(source).unwrap_or_default());
    html.raw("<td role=\"cell\" data-label=\"Stratum\">");
    html.text(&source.stratum.map_or("–".to_owned(), |stratum| stratum.to_string()));
    if let (Some(stratum), Some(id)) = (source.stratum, source.reference_id) {
        html.raw("<small>").text(&ReferenceId::from_bytes(id.to_be_bytes()).display(stratum)).raw("</small>");
    }
    html.raw("</td><td role=\"cell\" data-label=\"Last polls\">");
    reach(html, source);
    html.raw("</td></tr>\n");
}

fn cell(html: &mut Html, label: &'static str, value: &str, more: &str) {
    html.raw("<td role=\"cell\" class=\"number\" data-label=\"").raw(label).raw("\">").text(value);
    if !more.is_empty() {
        html.raw("<small>").text(more).raw("</small>");
    }
    html.raw("</td>");
}

/// Where it is asked, who added it, and its keys.
fn details(source: &Source) -> Vec<String> {
    let bare = source.address.strip_suffix(":123").unwrap_or(&source.address).trim_matches(['[', ']']);
    let is_name = source.address.is_empty() || source.name == source.address || source.name == bare;
    let address = (!is_name).then(|| source.address.clone());
    let nts = source.nts.as_ref().map(|nts| keys(nts, source.nts_cookies.unwrap_or_default()));
    [address, nts].into_iter().flatten().chain(standing(source)).collect()
}

fn keys(nts: &SourceNts, cookies: usize) -> String {
    let plural = if cookies == 1 { "" } else { "s" };
    let provisional = if nts.provisional { ", provisional until the clock is right" } else { "" };
    format!("NTS: {cookies} cookie{plural}, keys {} old{provisional}", duration(nts.keys_age))
}

/// Why it is not used, what was wrong with its replies, and what keeps it from being asked.
fn reasons(source: &Source) -> Vec<String> {
    let discards: Vec<_> =
        source.discards.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let discards = (!discards.is_empty()).then(|| format!("replies refused: {}", discards.join(", ")));
    [reason(source), source.problem.clone(), discards].into_iter().flatten().collect()
}

/// The last eight polls as boxes, the latest at the right.
fn reach(html: &mut Html, source: &Source) {
    let answered = format!("{} of the last 8 polls were answered", source.reach.count_ones());
    html.raw("<svg class=\"reach\" viewBox=\"0 0 62 10\" role=\"img\"><title>")
        .text(&answered)
        .raw("</title>");
    for (n, x) in (0..8).rev().zip(["0.5", "8.4", "16.3", "24.2", "32.1", "40", "47.9", "55.8"]) {
        html.raw(if source.reach >> n & 1 == 1 { "<rect class=\"hit\" x=\"" } else { "<rect x=\"" });
        html.raw(x).raw("\" y=\"0.5\" width=\"5.6\" height=\"9\" rx=\"1.4\"/>");
    }
    let poll = duration(Poll::new(source.poll_interval).interval().seconds());
    html.raw("</svg><small>every ").text(&poll);
    if let Some(age) = source.last_update_seconds_ago {
        html.raw(", last ").text(&duration(age)).raw(" ago");
    }
    html.raw("</small>");
}
