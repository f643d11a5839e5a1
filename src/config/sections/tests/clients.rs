//! What `[[server]]` says of its clients.

use super::{check, diagnostics, good};
use crate::config::diagnostic::Severity;
use crate::config::file::parse;
use crate::config::{FilterAction, FilterList, RateLimit, ServerConfig};
use crate::time::Span;

const SERVER: &str = "[[server]]\nlisten = \"[::]:123\"\n";

#[track_caller]
fn server(text: &str) -> ServerConfig {
    good(&format!("{SERVER}{text}")).servers.remove(0)
}

/// Good, with this one warning at this place.
#[track_caller]
fn check_warning(text: &str, place: &str, message: &str) -> ServerConfig {
    let text = format!("{SERVER}{text}");
    let warnings = diagnostics(&text, Severity::Warning);
    let [warning] = warnings.as_slice() else { panic!("{text}\ngives {warnings:#?}") };
    assert!(warning.starts_with(&format!("f:{place}: ")) && warning.contains(message), "{warning}");
    parse("f", &text).expect("it is good").0.servers.remove(0)
}

fn list(networks: &[&str], action: FilterAction) -> Option<FilterList> {
    Some(FilterList { networks: networks.iter().map(|text| text.parse().unwrap()).collect(), action })
}

#[test]
fn a_server_without_a_word_of_its_clients_answers_all_as_often_as_they_like() {
    let server = server("");
    assert_eq!(
        (server.allowlist, server.denylist, server.require_nts, server.rate_limit),
        (None, None, None, None)
    );
}

#[test]
fn lists_are_read_inline_and_as_sections() {
    let inline = server(
        "allowlist = { filter = [\"192.0.2.0/24\", \"2001:db8::/32\"], action = \"deny\" }\n\
         denylist = { filter = [], action = \"ignore\" }\n",
    );
    assert_eq!(inline.allowlist, list(&["192.0.2.0/24", "2001:db8::/32"], FilterAction::Deny));
    assert_eq!(inline.denylist, list(&[], FilterAction::Ignore));
    let section = server("[server.denylist]\nfilter = [\"::ffff:192.0.2.0/120\"]\naction = \"ignore\"\n");
    assert_eq!(section.denylist, list(&["192.0.2.0/24"], FilterAction::Ignore));
}

#[test]
fn bits_that_do_not_count_are_told_of_once_for_each_list() {
    let text =
        "denylist = { filter = [\"10.0.0.0/8\", \"192.168.1.1/24\", \"127.0.0.1/8\"], action = \"deny\" }";
    let server =
        check_warning(text, "3:38", "`denylist` has \"192.168.1.1/24\", which is taken for 192.168.1.0/24");
    assert_eq!(server.denylist, list(&["10.0.0.0/8", "192.168.1.0/24", "127.0.0.0/8"], FilterAction::Deny));
}

#[test]
fn an_allowed_network_in_a_denied_one_is_told_of_since_1_x_would_refuse_it() {
    let lists = |allow: &str, deny: &str| {
        format!(
            "allowlist = {{ filter = [{allow}], action = \"ignore\" }}\ndenylist = {{ filter = [{deny}], action = \"deny\" }}"
        )
    };
    check_warning(
        &lists("\"0.0.0.0/0\", \"10.1.0.0/16\"", "\"10.0.0.0/8\", \"10.0.0.0/9\""),
        "3:1",
        "`allowlist` has 10.1.0.0/16, which is inside 10.0.0.0/9 of `denylist`: it is answered",
    );
    server(&lists("\"0.0.0.0/0\", \"10.1.0.0/16\"", "\"10.1.0.0/16\", \"10.1.2.0/24\", \"::/0\""));
    server(&lists("\"10.1.0.0/16\"", "\"10.0.0.0/8\", \"10.1.0.0/16\""));
}

#[test]
fn an_allowlist_without_networks_is_told_of() {
    check_warning("allowlist = { filter = [], action = \"deny\" }", "3:1", "so nobody is answered");
}

#[test]
fn networks_are_checked_at_their_place() {
    let row = |network: &str| {
        format!("{SERVER}denylist = {{ filter = [\"::/0\", \"{network}\"], action = \"deny\" }}")
    };
    check(&row("192.0.2.1"), "3:32", "contains \"192.0.2.1\"; write \"192.0.2.1/32\" for one address");
    check(&row("192.0.2.0/33"), "3:32", "contains \"192.0.2.0/33\"; at most 32 bits");
    check(&row("localhost/8"), "3:32", "contains \"localhost/8\"; write networks like");
    check(&row("::ffff:1.2.3.4/8"), "3:32", "contains \"::ffff:1.2.3.4/8\"; write it as an IPv4 network");
    check(&row(""), "3:32", "is empty");
    check(
        &format!("{SERVER}denylist = [\"::/0\"]"),
        "3:12",
        "is a list; write a table with filter and action",
    );
    check(&format!("{SERVER}denylist = {{ action = \"deny\" }}"), "3:12", "`filter` is missing");
    check(
        &format!("{SERVER}denylist = {{ filter = \"::/0\", action = \"deny\" }}"),
        "3:23",
        "write a list of networks",
    );
}

#[test]
fn require_nts_means_what_it_does_in_1_x_and_warns_that_nobody_is_answered() {
    assert_eq!(server("require-nts = false").require_nts, None);
    for (text, action) in [
        ("true", FilterAction::Ignore),
        ("\"ignore\"", FilterAction::Ignore),
        ("\"deny\"", FilterAction::Deny),
    ] {
        let server = check_warning(&format!("require-nts = {text}"), "3:15", "so this server answers nobody");
        assert_eq!(server.require_nts, Some(action));
    }
    check(&format!("{SERVER}require-nts = \"drop\""), "3:15", "something else than true");
}

#[test]
fn rate_limiting_needs_a_size_and_a_cutoff() {
    let limit = |burst| RateLimit { cache_size: 32, cutoff: Span::from_secs(1), burst };
    let both = "rate-limiting-cache-size = 32\nrate-limiting-cutoff-ms = 1000\n";
    assert_eq!(server(both).rate_limit, Some(limit(1)));
    assert_eq!(server(&format!("{both}rate-limiting-burst = 8")).rate_limit, Some(limit(8)));
    assert_eq!(server("rate-limiting-cache-size = 0\nrate-limiting-cutoff-ms = 0").rate_limit, None);
    for text in ["rate-limiting-cache-size = 32", "rate-limiting-cutoff-ms = 1000", "rate-limiting-burst = 8"]
    {
        assert_eq!(check_warning(text, "3:1", "rate limiting stays off").rate_limit, None);
    }
    let zero = "rate-limiting-cache-size = 0\nrate-limiting-cutoff-ms = 1000\n";
    assert_eq!(check_warning(zero, "4:1", "rate limiting stays off").rate_limit, None);
}

#[test]
fn limits_of_rates_are_checked_at_their_place() {
    for (text, place, message) in [
        ("rate-limiting-cache-size = 67108865", "3:28", "write a whole number from 0 to 67108864"),
        ("rate-limiting-cutoff-ms = 4294967296", "3:27", "write a whole number from 0 to 4294967295"),
        ("rate-limiting-burst = 0", "3:23", "is 0; write a whole number from 1 to 10000"),
        ("rate-limiting-burst = 1.5", "3:23", "is a number with a fraction"),
    ] {
        check(&format!("{SERVER}{text}"), place, message);
    }
}
