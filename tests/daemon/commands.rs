//! Stories of a daemon that is changed while it runs: by `ntp-ctl`, over the control socket, as people do it.

use crate::lab::Lab;
use crate::programs::{Daemon, Status, example_server, write_config};
use crate::wait::seconds;
use ntpd_rs::verdict::{SourceOrigin, Verdict};
use std::fs;

const SERVERS: [&str; 3] = ["10.77.0.1:123", "10.77.0.2:123", "10.77.0.3:123"];
const TWO: &str = "[[source]]\nmode = \"server\"\naddress = \"10.77.0.1\"\n\
                   [[source]]\nmode = \"server\"\naddress = \"10.77.0.2\"\n\
                   [synchronization]\nminimum-agreeing-sources = 1\n";

#[track_caller]
fn done(daemon: &Daemon, line: &str, told: &str) {
    let (status, output) = daemon.ctl(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(status.code(), Some(0), "{line}: {output}");
    assert!(output.contains(told), "{line}: {output}");
}

#[track_caller]
fn refused(daemon: &Daemon, line: &str, told: &str) {
    let (status, output) = daemon.ctl(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(status.code(), Some(1), "{line}: {output}");
    assert!(output.contains(told), "{line}: {output}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn sources_are_added_marked_left_alone_and_removed_and_reload_puts_the_file_in_force_again() {
    let lab = Lab::new();
    let _servers = SERVERS.map(|address| example_server(&lab, "test-server", address, &[]));
    let daemon = Daemon::start(&lab, TWO, &[]);
    daemon.wait_until("using two", seconds(20), |status| status.uses(&SERVERS[..2]));

    done(&daemon, "source add 10.77.0.3 --prefer", "is asked now");
    let status = daemon.wait_until("using the third", seconds(20), |status| status.uses(&SERVERS[2..]));
    let third = status.0.sources.iter().find(|source| source.address == SERVERS[2]).unwrap();
    assert_eq!((third.origin, third.marks.prefer), (SourceOrigin::Added, true));
    done(&daemon, "source list", "10.77.0.3  added");
    refused(&daemon, "source add 10.77.0.3", "a source already");
    refused(&daemon, "source add 10.77.0.4 --set famly=any", "`family`");
    refused(&daemon, "source remove nobody", "there is `10.77.0.1`, `10.77.0.2`, `10.77.0.3`");

    done(&daemon, "source noselect 10.77.0.1", "until the configuration is read again");
    let is = |daemon: &Daemon, verdict: Verdict| {
        daemon.wait_until("as marked", seconds(20), |status| status.verdict(SERVERS[0]) == Some(verdict))
    };
    let marked = is(&daemon, Verdict::NotSelectable);
    done(&daemon, "source noselect 10.77.0.1 --off", "Done");
    done(&daemon, "offline 10.77.0.1", "ntp-ctl online");
    is(&daemon, Verdict::Offline);
    refused(&daemon, "burst 10.77.0.1", "offline");
    done(&daemon, "online", "asked again");
    daemon.wait_until("asked again", seconds(20), |status| {
        status.replies(SERVERS[0]) > marked.replies(SERVERS[0])
    });
    done(&daemon, "burst 10.77.0.2", "Measured");
    refused(&daemon, "burst 10.77.0.2", "wait ");
    done(&daemon, "panic-threshold 10 inf", "back without a limit");

    done(&daemon, "source remove 10.77.0.2", "asked no more");
    let before = daemon.wait_until("without it", seconds(5), |status| status.0.sources.len() == 2);
    done(&daemon, "reload", "in force");
    let after = daemon.wait_until("with it again", seconds(20), |status| status.0.sources.len() == 3);
    assert!(after.replies(SERVERS[0]) >= before.replies(SERVERS[0]), "its history is kept");
    for text in ["add-source", "\"command\":\"reload\""] {
        daemon.process.wait_for(text, seconds(5));
    }
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_wrong_file_changes_nothing_and_who_reloads_it_is_told_why() {
    let lab = Lab::new();
    let mut daemon = Daemon::start(&lab, TWO, &[]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    let folder = daemon.config.parent().unwrap().to_owned();
    // ntp-ctl finds the sockets by a file that stays good.
    let good = folder.join("good.toml");
    fs::copy(&daemon.config, &good).unwrap();
    daemon.config = good;
    write_config(&folder, "[[source]]\nmode = \"sundial\"\n");
    refused(&daemon, "reload", "ntp.toml:2:8: `mode` is \"sundial\"");
    assert_eq!(daemon.status().map(|status: Status| status.0.sources.len()), Some(2));
    write_config(&folder, &TWO.replace("10.77.0.2", "10.77.0.3"));
    done(&daemon, "reload", "in force");
    let names = daemon.status().unwrap().0.sources.into_iter().map(|source| source.name);
    assert_eq!(names.collect::<Vec<_>>(), ["10.77.0.1", "10.77.0.3"]);
}
