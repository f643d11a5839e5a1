//! What is served to others: requests of each listener, and key exchanges.

use super::clock::duration;
use super::html::Html;
use crate::observation::{KeyExchangeServer, Server, State};
use crate::snapshot::KeyExchangeEnd;

/// Nothing where nothing is served.
pub(super) fn section(html: &mut Html, state: &State) {
    if !state.servers.is_empty() {
        html.raw("<section aria-labelledby=\"serving\"><h2 id=\"serving\">Serving time</h2>\n");
        let columns = [
            "Listener",
            "Requests",
            "Answered",
            "With NTS",
            "Refused",
            "Dropped",
            "Clients in the last hour",
        ];
        table(html, &columns, |html| state.servers.iter().for_each(|server| listener(html, server)));
    }
    if !state.key_exchange_servers.is_empty() {
        html.raw("<section aria-labelledby=\"keys\"><h2 id=\"keys\">Serving keys (NTS)</h2>\n");
        let columns = ["Listener", "Key exchanges", "Not completed", "Open now", "Certificate"];
        table(html, &columns, |html| state.key_exchange_servers.iter().for_each(|s| key_exchange(html, s)));
    }
    if let Some(keys) = &state.master_keys {
        let plural = if keys.accepted == 1 { "" } else { "s" };
        html.raw("<p class=\"soft\">Cookies of ")
            .text(&keys.accepted.to_string())
            .raw(" master key")
            .raw(plural);
        html.raw(" are accepted");
        if let Some(age) = keys.age {
            html.raw("; the present one is ").text(&duration(age)).raw(" old");
        }
        html.raw(".</p>\n");
    }
}

fn table(html: &mut Html, columns: &[&'static str], rows: impl FnOnce(&mut Html)) {
    html.raw("<div class=\"card\"><table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">");
    for (n, column) in columns.iter().enumerate() {
        html.raw("<th role=\"columnheader\" scope=\"col\"").raw(if n == 0 {
            ">"
        } else {
            " class=\"number\">"
        });
        html.raw(column).raw("</th>");
    }
    html.raw("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    rows(html);
    html.raw("</tbody></table></div></section>\n");
}

fn first(html: &mut Html, address: &str, more: &str) {
    html.raw("<tr role=\"row\"><td role=\"cell\" class=\"name\"><b>")
        .text(address)
        .raw("</b><small>")
        .text(more);
    html.raw("</small></td>");
}

fn cell(html: &mut Html, label: &'static str, value: &str, more: &str) {
    html.raw("<td role=\"cell\" class=\"number\" data-label=\"").raw(label).raw("\">").text(value);
    if !more.is_empty() {
        html.raw("<small>").text(more).raw("</small>");
    }
    html.raw("</td>");
}

fn listener(html: &mut Html, server: &Server) {
    let stats = &server.stats;
    let workers = if server.workers.len() == 1 { "worker" } else { "workers" };
    first(html, &server.address.to_string(), &format!("{} {workers}", server.workers.len()));
    cell(html, "Requests", &grouped(stats.received_packets), "");
    let share = percent(stats.accepted_packets, stats.received_packets);
    cell(html, "Answered", &grouped(stats.accepted_packets), &share);
    let nts = format!("{} answered", grouped(stats.nts_accepted_packets));
    let some = stats.nts_received_packets > 0;
    cell(html, "With NTS", &grouped(stats.nts_received_packets), if some { &nts } else { "" });
    let most = server.refused.iter().max_by_key(|(_, count)| **count);
    let most = most.map(|(reason, count)| format!("{reason} {}", grouped(*count))).unwrap_or_default();
    cell(html, "Refused", &grouped(server.refused.values().sum()), &most);
    cell(html, "Dropped", &grouped(server.dropped_packets), "");
    cell(html, "Clients in the last hour", &grouped(server.recent_clients), "");
    html.raw("</tr>\n");
}

fn key_exchange(html: &mut Html, server: &KeyExchangeServer) {
    first(html, &server.address.to_string(), "TCP");
    let completed = server.ended.get(&KeyExchangeEnd::Completed).copied().unwrap_or_default();
    cell(html, "Key exchanges", &grouped(completed), "");
    let others = || server.ended.iter().filter(|(end, _)| **end != KeyExchangeEnd::Completed);
    let most = others().max_by_key(|(_, count)| **count);
    let most = most.map(|(end, count)| format!("{end} {}", grouped(*count))).unwrap_or_default();
    cell(html, "Not completed", &grouped(others().map(|(_, count)| count).sum()), &most);
    cell(html, "Open now", &grouped(server.open_connections), "");
    let certificate = match server.certificate_remaining {
        None => "–".to_owned(),
        Some(left) if left > 0.0 => format!("good for {}", duration(left)),
        Some(left) => format!("ended {} ago", duration(-left)),
    };
    cell(html, "Certificate", &certificate, "");
    html.raw("</tr>\n");
}

/// `1 234 567`, with spaces that do not break.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (12_345_678, "12 345 678")] {
            assert_eq!(grouped(count).replace('\u{202f}', " "), text);
        }
        assert_eq!((percent(1, 0), percent(1, 3)), (String::new(), "33.3 %".to_owned()));
    }
}
