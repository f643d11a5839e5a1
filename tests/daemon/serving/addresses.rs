//! The reply leaves from the address that was asked, whatever the listener and the routes are.

use super::{ask, header, listening_at, start_server};
use crate::lab::{Host, Lab};
use crate::wait::{poll, seconds};

const V4: [&str; 3] = ["10.77.0.100:123", "10.77.0.101:123", "10.78.0.100:123"];
const V6: [&str; 3] = ["[fd77::100]:123", "[fd77::101]:123", "[fd78::100]:123"];

/// The server has several addresses on one interface, one of them link-local, and another interface. What it sends to
/// 10.77.0.0/24 and fd77::/64 leaves by the first interface, also when the request came by the second.
fn lab() -> Lab {
    let lab = Lab::new();
    let second = format!("link add second type veth peer name second netns {}", lab.name(Host::Client));
    lab.ip(Host::Servers, &second);
    for (host, n) in [(Host::Servers, 1), (Host::Client, 100)] {
        // Replies that come by another way than the request went are what this is about.
        lab.output(host, "sysctl", &["-qw", "net.ipv4.conf.all.rp_filter=0"]);
        lab.ip(host, &format!("address add 10.78.0.{n}/24 dev second"));
        lab.ip(host, &format!("address add fd78::{n}/64 dev second nodad"));
        // Without them there is no neighbour discovery, and those that the kernel makes itself are there only later.
        lab.ip(host, "link set second addrgenmode none");
        lab.ip(host, &format!("address add fe80::{n}/64 dev second nodad"));
        lab.ip(host, &format!("address add fe80::{n}/64 dev cable nodad"));
        lab.ip(host, "link set second up");
    }
    lab.ip(Host::Client, "address add 10.77.0.101/24 dev cable");
    lab.ip(Host::Client, "address add fd77::101/64 dev cable nodad");
    lab
}

fn link_local(lab: &Lab) -> String {
    let interface = lab.output(Host::Servers, "cat", &["/sys/class/net/cable/ifindex"]);
    format!("[fe80::100%{}]:123", interface.trim())
}

#[track_caller]
fn check(lab: &Lab, listen: &[&str], asked: &[&str]) {
    let _daemon = start_server(lab, &listening_at(listen));
    for from in ["10.77.0.1:0", "10.78.0.1:0", "[fd77::1]:0", "[fd78::1]:0", "[fe80::1]:0"] {
        let is_near = |address: &&&str| {
            // A link-local address is asked from one, and nothing else is.
            address.starts_with('[') == from.starts_with('[')
                && address.starts_with("[fe80") == from.starts_with("[fe80")
        };
        let asked: Vec<&str> = asked.iter().filter(is_near).copied().collect();
        if asked.is_empty() {
            continue;
        }
        // Link-local sources need their interface, which the destination names already.
        let from = if from.starts_with("[fe80") { "[::]:0" } else { from };
        for address in asked {
            // IPv6 may take a moment before an interface is ready for it.
            let stratum = poll(seconds(5), || {
                let outcome = ask(lab, &[address, "--from", from, "--patience", "300"]).remove(0);
                header(address, &outcome).map(|header| header.stratum)
            });
            assert_eq!(stratum, Some(1), "{address} asked from {from}, listening at {listen:?}");
        }
    }
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn every_address_of_a_wildcard_answers_for_itself_also_when_the_reply_takes_another_way() {
    let lab = lab();
    let link_local = link_local(&lab);
    let all = [V4.as_slice(), &V6, &[&link_local]].concat();
    check(&lab, &["0.0.0.0:123"], &V4);
    check(&lab, &["[::]:123"], &all);
    check(&lab, &["0.0.0.0:123", "[::]:123"], &all);
}
