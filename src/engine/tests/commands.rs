//! What people ask while the engine runs: done, or refused with the reason.

use super::*;
use crate::command::{Command, Mark};
use crate::config::StepLimits;
use crate::snapshot::{Source, SyncState};

const MINUTE: Span = Span::from_secs(60);

impl Bench {
    /// Asks, and does what follows.
    fn ask(&mut self, command: Command) -> Result<(), String> {
        let (actions, answer) = self.engine.obey(self.now(), command);
        for action in actions {
            self.perform(action);
        }
        answer
    }

    fn refused(&mut self, command: Command) -> String {
        let before = format!("{:?}", self.engine.snapshot(self.now()).sources);
        let reason = self.ask(command).unwrap_err();
        assert_eq!(format!("{:?}", self.engine.snapshot(self.now()).sources), before, "{reason}");
        reason
    }

    fn sources(&self) -> Vec<Source> {
        self.engine.snapshot(self.now()).sources
    }

    fn names(&self) -> Vec<String> {
        self.sources().into_iter().map(|source| source.name).collect()
    }

    fn requests(&self) -> u64 {
        self.sources().iter().map(|source| source.requests).sum()
    }
}

/// Three servers that are measured.
fn measured() -> Bench {
    let mut bench = Bench::new(["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(server).into());
    let clock = |request: &Request| Some(good(request, ClockTime::from_unix_secs(START)));
    bench.run(MINUTE, clock);
    bench
}

fn answered(request: &Request) -> Option<Header> {
    Some(good(request, ClockTime::from_unix_secs(START)))
}

fn add(address: &str) -> Command {
    Command::AddSource { section: format!("mode = \"server\"\naddress = \"{address}\"") }
}

fn remove(name: &str) -> Command {
    Command::RemoveSource { name: name.to_owned() }
}

fn mark(name: &str, mark: Mark, on: bool) -> Command {
    Command::Mark { name: name.to_owned(), mark, on }
}

fn offer(origin: SourceOrigin, servers: &[&str]) -> Command {
    Command::Offer { origin, servers: servers.iter().map(|server| server.parse().unwrap()).collect() }
}

fn online(name: Option<&str>, online: bool) -> Command {
    Command::Online { name: name.map(ToOwned::to_owned), online }
}

fn reload(bench: &mut Bench, sources: &[&str]) {
    let sources = sources.iter().map(|name| server(name)).collect();
    bench.handle(Event::Configured(Box::new(Config { sources, ..Config::default() })));
}

#[test]
fn a_step_that_cannot_come_is_refused_with_the_reason() {
    let few = vec![server("192.0.2.1")];
    for (sources, controls_clock, reason) in [
        (few.clone(), false, "does not control the clock"),
        (Vec::new(), true, "no sources"),
        (few, true, "`minimum-agreeing-sources` = 3"),
    ] {
        let mut bench = Bench::new(sources);
        bench.engine.start.controls_clock = controls_clock;
        let told = bench.ask(Command::ForceSync).unwrap_err();
        assert!(told.contains(reason), "{told}");
    }
    let mut bench = Bench::new(vec![pool("pool.example", 4)]);
    bench.ask(online(None, false)).unwrap();
    assert!(bench.ask(Command::ForceSync).unwrap_err().contains("ntp-ctl online"));
}

#[test]
fn a_step_that_may_come_is_accepted() {
    let mut bench = Bench::new(vec![pool("pool.example", 4)]);
    assert_eq!(bench.ask(Command::ForceSync), Ok(()));
}

#[test]
fn a_source_that_is_added_is_asked_at_once_and_stays_when_the_configuration_is_read_again() {
    let mut bench = measured();
    bench.ask(add("192.0.2.4")).unwrap();
    assert_eq!(bench.sources()[3].origin, SourceOrigin::Added);
    bench.run(MINUTE, answered);
    let replies = bench.sources()[3].replies;
    assert!(replies > 7, "{replies}");
    reload(&mut bench, &["192.0.2.1"]);
    assert_eq!(bench.names(), ["192.0.2.1", "192.0.2.4"]);
    assert_eq!(bench.sources()[1].replies, replies);
    reload(&mut bench, &["192.0.2.4"]);
    assert_eq!(bench.names(), ["192.0.2.4"], "what is configured now needs no adding");
    let kept = &bench.sources()[0];
    assert_eq!((kept.origin, kept.replies), (SourceOrigin::Configuration, replies));
}

#[test]
fn a_wrong_section_one_that_is_there_and_one_too_many_are_refused() {
    let mut bench = measured();
    let wrong = Command::AddSource { section: "mode = \"server\"\nadress = \"a\"".to_owned() };
    let reason = bench.refused(wrong);
    assert!(reason.contains("the new source:2:1") && reason.contains("`address`"), "{reason}");
    assert!(bench.refused(add("192.0.2.2")).contains("a source already"));
    for host in 0..32 {
        bench.ask(add(&format!("198.51.100.{host}"))).unwrap();
    }
    assert!(bench.refused(add("198.51.100.32")).contains("32 sources were added"));
    bench.ask(remove("198.51.100.7")).unwrap();
    assert_eq!(bench.ask(add("198.51.100.32")), Ok(()));
}

#[test]
fn a_source_that_is_removed_is_asked_no_more_until_the_configuration_is_read_again() {
    let mut bench = measured();
    let gone = bench.sources()[1].id;
    bench.closed.clear();
    bench.ask(remove("192.0.2.2")).unwrap();
    assert_eq!(
        (bench.names(), bench.closed.clone()),
        (["192.0.2.1", "192.0.2.3"].map(Into::into).into(), vec![gone])
    );
    bench.run(MINUTE, |request| {
        assert_ne!(request.to.ip().to_string(), "192.0.2.2");
        answered(request)
    });
    let told = bench.refused(remove("192.0.2.2"));
    assert!(told.contains("no source `192.0.2.2`") && told.contains("`192.0.2.1`, `192.0.2.3`"), "{told}");
    reload(&mut bench, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert_eq!(bench.names().len(), 3);
}

#[test]
fn the_last_source_may_be_removed_and_people_are_told_what_it_means() {
    let mut bench = measured();
    for host in 1..=3 {
        bench.ask(remove(&format!("192.0.2.{host}"))).unwrap();
    }
    assert_eq!(bench.names(), [""; 0]);
    let told: Vec<_> = bench.notices.iter().filter(|n| matches!(n, Notice::TooFewSources { .. })).collect();
    assert_eq!(told, [&Notice::TooFewSources { configured: 2, needed: 3 }]);
    assert!(bench.refused(remove("a")).contains("no other either"));
    bench.run(Span::from_secs(100_000), silence);
    assert_eq!(bench.engine.snapshot(bench.now()).system.state, SyncState::NoSources);
    bench.ask(add("192.0.2.1")).unwrap();
    bench.run(MINUTE, answered);
    assert!(bench.sources()[0].replies > 0);
}

#[test]
fn a_mark_changes_what_selection_does_and_no_history_and_ends_with_the_next_reading() {
    let mut bench = measured();
    let before = bench.sources();
    bench.ask(mark("192.0.2.1", Mark::Noselect, true)).unwrap();
    let after = bench.sources();
    assert_eq!(after[0].verdict, Verdict::NotSelectable);
    assert_eq!((after[0].id, after[0].replies), (before[0].id, before[0].replies));
    bench.ask(mark("192.0.2.2", Mark::Prefer, true)).unwrap();
    assert!(bench.sources()[1].marks.prefer);
    bench.ask(mark("192.0.2.2", Mark::Prefer, false)).unwrap();
    assert!(!bench.sources()[1].marks.prefer);
    reload(&mut bench, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let after = bench.sources();
    assert!(after.iter().all(|source| source.marks == Marks::default()));
    assert_eq!((after[0].id, after[0].replies), (before[0].id, before[0].replies));
}

#[test]
fn marks_that_contradict_each_other_and_names_that_nobody_has_are_refused() {
    let mut bench = measured();
    bench.ask(mark("192.0.2.1", Mark::Trust, true)).unwrap();
    let told = bench.refused(mark("192.0.2.1", Mark::Noselect, true));
    assert!(told.contains("`noselect`") && told.contains("`trust`"), "{told}");
    for command in [
        mark("a", Mark::Prefer, true),
        remove("a"),
        online(Some("a"), false),
        Command::Burst { name: Some("a".to_owned()) },
    ] {
        let told = bench.refused(command);
        assert!(told.contains("no source `a`; there is `192.0.2.1`, "), "{told}");
    }
}

#[test]
fn a_changed_file_that_differs_in_marks_alone_keeps_the_history() {
    let mut bench = measured();
    let before = bench.sources();
    let mut sources: Vec<_> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(server).into();
    sources[2].marks.noselect = true;
    bench.handle(Event::Configured(Box::new(Config { sources, ..Config::default() })));
    let after = bench.sources();
    assert_eq!((after[2].id, after[2].replies), (before[2].id, before[2].replies));
    assert_eq!(after[2].verdict, Verdict::NotSelectable);
}

#[test]
fn offered_servers_take_the_place_of_those_offered_before_and_no_other_s() {
    let mut bench = measured();
    bench.ask(add("198.51.100.1")).unwrap();
    bench.ask(offer(SourceOrigin::Link, &["203.0.113.1", "203.0.113.2"])).unwrap();
    bench.ask(offer(SourceOrigin::Runtime, &["192.0.2.1", "203.0.113.2", "203.0.113.3"])).unwrap();
    bench.run(MINUTE, answered);
    let shown: Vec<_> =
        bench.sources().into_iter().skip(3).map(|source| (source.name, source.origin)).collect();
    let expected = [
        ("198.51.100.1", SourceOrigin::Added),
        ("203.0.113.2", SourceOrigin::Runtime),
        ("203.0.113.3", SourceOrigin::Runtime),
        ("203.0.113.1", SourceOrigin::Link),
    ];
    assert_eq!(shown, expected.map(|(name, origin)| (name.to_owned(), origin)), "nobody is asked twice");
    let snapshot = bench.engine.snapshot(bench.now());
    assert_eq!(snapshot.offered[&SourceOrigin::Runtime], ["192.0.2.1", "203.0.113.2", "203.0.113.3"]);
    let kept = bench.sources()[4].replies;
    bench.ask(offer(SourceOrigin::Runtime, &[])).unwrap();
    let last: Vec<_> = bench.sources().into_iter().skip(4).collect();
    assert_eq!(last.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["203.0.113.1", "203.0.113.2"]);
    assert_eq!((last[1].origin, last[1].replies), (SourceOrigin::Link, kept), "another offers it too");
    reload(&mut bench, &["192.0.2.1"]);
    assert_eq!(bench.names(), ["192.0.2.1", "198.51.100.1", "203.0.113.1", "203.0.113.2"]);
    bench.ask(remove("203.0.113.1")).unwrap();
    bench.ask(offer(SourceOrigin::Link, &["203.0.113.1"])).unwrap();
    assert_eq!(bench.names(), ["192.0.2.1", "198.51.100.1"], "who removed it does not want it");
}

#[test]
fn offers_without_a_bound_or_from_nowhere_are_refused() {
    let mut bench = measured();
    let many: Vec<String> = (0..33).map(|host| format!("203.0.113.{host}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(bench.refused(offer(SourceOrigin::Link, &many)).contains("33 servers"));
    bench.refused(offer(SourceOrigin::Configuration, &["203.0.113.1"]));
}

#[test]
fn offline_sources_send_nothing_say_so_and_are_asked_at_once_when_they_are_online_again() {
    let mut bench = measured();
    assert!(bench.sources().iter().any(|source| source.verdict.is_used()));
    bench.ask(online(None, false)).unwrap();
    for source in bench.sources() {
        assert_eq!((source.verdict, source.reach), (Verdict::Offline, 0));
        assert!(source.problem.unwrap().contains("offline by command"));
    }
    let before = bench.requests();
    bench.ask(add("192.0.2.4")).unwrap();
    bench.run(Span::from_secs(4000), answered);
    assert_eq!(bench.requests(), before, "one that is added is left alone too");
    bench.ask(online(None, true)).unwrap();
    bench.run(Span::from_secs(20), answered);
    assert!(bench.requests() >= before + 4 * 8, "a burst for each: {}", bench.requests());
    assert!(bench.sources().iter().all(|source| source.verdict != Verdict::Offline && source.reach != 0));
}

#[test]
fn one_source_may_be_offline_among_others_and_one_online_among_none() {
    let mut bench = measured();
    let offline = |bench: &Bench| -> Vec<bool> {
        bench.sources().iter().map(|source| source.verdict == Verdict::Offline).collect()
    };
    bench.ask(online(Some("192.0.2.2"), false)).unwrap();
    assert_eq!(offline(&bench), [false, true, false]);
    reload(&mut bench, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert_eq!(offline(&bench), [false, true, false], "no file says who is offline");
    bench.ask(online(None, false)).unwrap();
    bench.ask(online(Some("192.0.2.1"), true)).unwrap();
    assert_eq!(offline(&bench), [false, true, true]);
    bench.ask(online(Some("192.0.2.1"), false)).unwrap();
    bench.ask(online(Some("192.0.2.1"), false)).unwrap();
    assert_eq!(offline(&bench), [true; 3]);
}

#[test]
fn names_are_not_looked_up_while_their_sources_are_offline() {
    let mut bench = Bench::new(vec![pool("pool.example", 4), nts::nts("ke.example")]);
    bench.ask(online(None, false)).unwrap();
    bench.run(Span::from_secs(4000), silence);
    assert_eq!((bench.resolves.len(), bench.exchanges.len()), (0, 0));
    assert!(bench.sources().iter().all(|source| source.verdict == Verdict::Offline));
    bench.ask(online(None, true)).unwrap();
    assert_eq!((bench.resolves.len(), bench.exchanges.len()), (1, 1));
}

#[test]
fn a_burst_measures_now_and_another_one_has_to_wait() {
    let mut bench = measured();
    bench.run(Span::from_secs(4000), answered);
    let before = bench.sources()[0].requests;
    bench.ask(Command::Burst { name: Some("192.0.2.1".to_owned()) }).unwrap();
    bench.run(Span::from_secs(10), answered);
    assert_eq!(bench.sources()[0].requests, before + 4);
    let told = bench.refused(Command::Burst { name: Some("192.0.2.1".to_owned()) });
    assert!(told.contains("`192.0.2.1` had a burst just now; wait 50 s"), "{told}");
    assert_eq!(bench.ask(Command::Burst { name: None }), Ok(()), "the others had none");
    bench.refused(Command::Burst { name: None });
}

#[test]
fn bursts_by_command_flood_nobody() {
    let mut bench = measured();
    bench.run(Span::from_secs(4000), answered);
    let before = bench.sources()[0].requests;
    for _ in 0..600 {
        let _ = bench.ask(Command::Burst { name: None });
        bench.run(Span::from_secs(1), answered);
    }
    let asked = bench.sources()[0].requests - before;
    assert!((16..=4 * (4 + 600 / 256 + 1) + 10).contains(&asked), "{asked} requests in ten minutes");
}

#[test]
fn a_burst_that_cannot_be_is_refused_with_the_reason() {
    let mut bench = Bench::new(vec![server("192.0.2.1")]);
    bench.run(Span::from_secs(300), |request| Some(kiss(request, KissCode::Deny)));
    assert!(bench.refused(Command::Burst { name: None }).contains("`192.0.2.1` has refused service"));
    bench.ask(online(None, false)).unwrap();
    assert!(bench.refused(Command::Burst { name: None }).contains("is offline"));
    let mut bench = Bench::new(vec![server("192.0.2.1")]);
    bench.run(Span::from_secs(300), |request| Some(kiss(request, KissCode::Rate)));
    assert!(bench.refused(Command::Burst { name: None }).contains("fewer requests"));
    let mut bench = Bench::new(vec![server("time.example")]);
    assert!(bench.refused(Command::Burst { name: None }).contains("no server yet"));
    let mut bench = Bench::new(Vec::new());
    assert!(bench.refused(Command::Burst { name: None }).contains("no sources"));
}

#[test]
fn a_panic_threshold_by_command_holds_until_the_configuration_is_read_again() {
    let limits = StepLimits { forward: Some(Span::from_secs(1)), backward: None };
    let mut bench = measured();
    bench.ask(Command::PanicThreshold(limits)).unwrap();
    assert_eq!(bench.engine.config.synchronization.single_step_panic, limits);
    reload(&mut bench, &["192.0.2.1"]);
    let usual = Config::default().synchronization.single_step_panic;
    assert_eq!(bench.engine.config.synchronization.single_step_panic, usual);
}
