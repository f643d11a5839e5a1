//! Stories of orders over the bus: whose are obeyed, whom polkit is asked about, and what ten thousand odd calls do.

use crate::bus::{Bus, socket};
use crate::lab::{Host, Lab};
use crate::process::run;
use crate::programs::Daemon;
use crate::wait::{poll, seconds};
use std::pin::Pin;
use std::thread;
use tokio::sync::oneshot;
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::message::{Flags, Type};
use zbus::{Connection, Message, MessageStream, Variant};

const MANAGER: [&str; 3] = ["org.ntpd_rs1", "/org/ntpd_rs1", "org.ntpd_rs1.Manager"];
const NAMES: &str = "On the system bus as org.freedesktop.timesync1 and org.ntpd_rs1";

/// busctl's own words for an AccessDenied, whatever ours are.
const DENIED: &str = "Access denied";

#[track_caller]
fn daemon_on_the_bus(lab: &Lab) -> Daemon {
    let daemon = Daemon::start(lab, "", &["-p", "10.77.0.1"]);
    daemon.process.wait_for(NAMES, seconds(20));
    daemon
}

/// What busctl prints when nobody gives it these words.
#[track_caller]
fn nobody(lab: &Lab, arguments: &[&str]) -> String {
    let mut command = lab.command(Host::Client, "setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "busctl", "--no-pager"])
        .args(arguments);
    run("busctl", command, seconds(10)).1
}

fn call<'a>(method: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["call"], &MANAGER[..], &[method], arguments].concat()
}

#[test]
#[ignore = "needs root, dbus-daemon and busctl: ./test runs it"]
fn roots_orders_are_obeyed_and_nobodys_are_not_without_polkit() {
    let lab = Lab::new();
    let bus = Bus::start(&lab);
    let daemon = daemon_on_the_bus(&lab);
    assert_eq!(bus.busctl(&lab, &call("Reload", &[])), "");
    daemon.process.wait_for("Configuration reloaded", seconds(5));
    let refused = nobody(&lab, &call("Reload", &[]));
    assert!(refused.contains(DENIED), "{refused}");
    assert!(nobody(&lab, &[&["get-property"], &MANAGER[..], &["State"]].concat()).contains("s \""));
    let wrong = [
        "call",
        "org.freedesktop.timesync1",
        "/org/freedesktop/timesync1",
        "org.freedesktop.timesync1.Manager",
    ];
    let wrong = bus.busctl(&lab, &[&wrong[..], &["SetRuntimeNTPServers", "as", "1", "a b"]].concat());
    assert!(wrong.contains("`a b` contains ` `"), "{wrong}");

    let log = ["org.ntpd_rs1", "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel"];
    let level = || bus.busctl(&lab, &[&["get-property"], &log[..]].concat());
    assert_eq!(level().trim(), "s \"info\"");
    assert_eq!(bus.busctl(&lab, &[&["set-property"], &log[..], &["s", "debug"]].concat()), "");
    assert_eq!(level().trim(), "s \"debug\"");
    let refused = nobody(&lab, &[&["set-property"], &log[..], &["s", "emerg"]].concat());
    assert!(refused.contains(DENIED), "{refused}");
    assert_eq!(level().trim(), "s \"debug\"");
}

/// On this bus, in a thread of its own until the sender is dropped: a connection, and what is done with it.
fn on_the_bus<F: Future<Output = ()>>(
    lab: &Lab,
    act: impl FnOnce(Connection, oneshot::Receiver<()>) -> F + Send + 'static,
) -> (oneshot::Sender<()>, thread::JoinHandle<()>) {
    let address = format!("unix:path={}", socket(lab.folder()).display());
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connection = Builder::address(address.as_str()).build().await.unwrap();
            act(connection, stopped).await;
        });
    });
    (stop, thread)
}

async fn next(messages: &mut MessageStream) -> Message {
    std::future::poll_fn(|context| Pin::new(&mut *messages).poll_next(context)).await.unwrap().unwrap()
}

/// A polkit that lets everybody reload, wants a password for ForceSync, and nothing else.
async fn polkit(connection: Connection, mut stop: oneshot::Receiver<()>) {
    let mut messages = MessageStream::from(&connection);
    connection.request_name("org.freedesktop.PolicyKit1").await.unwrap();
    loop {
        let call = tokio::select! {
            _ = &mut stop => return,
            call = next(&mut messages) => call,
        };
        if call.message_type() != Type::MethodCall {
            continue;
        }
        let body = call.body();
        assert_eq!(body.signature().to_string_no_parens(), "(sa{sv})sa{ss}us");
        type Question<'a> = (
            (&'a str, std::collections::BTreeMap<&'a str, Variant<'a>>),
            &'a str,
            std::collections::BTreeMap<&'a str, &'a str>,
            u32,
            &'a str,
        );
        let ((kind, subject), action, _, flags, _): Question<'_> = body.deserialize().unwrap();
        assert_eq!(kind, "system-bus-name");
        assert!(matches!(subject.get("name"), Some(Variant::Str(name)) if name.starts_with(':')));
        let may = action == "org.ntpd-rs.reload";
        let challenge = action == "org.ntpd-rs.force-sync" && flags == 0;
        let details = std::collections::BTreeMap::<&str, &str>::new();
        connection.reply(&call.header(), &((may, challenge, details),)).await.unwrap();
    }
}

#[test]
#[ignore = "needs root, dbus-daemon and busctl: ./test runs it"]
fn polkit_is_asked_about_others() {
    let lab = Lab::new();
    let _bus = Bus::start(&lab);
    let daemon = daemon_on_the_bus(&lab);
    let (stop, thread) = on_the_bus(&lab, polkit);
    let obeyed = poll(seconds(10), || nobody(&lab, &call("Reload", &[])).is_empty().then_some(()));
    assert!(obeyed.is_some(), "{}", nobody(&lab, &call("Reload", &[])));
    daemon.process.wait_for("Configuration reloaded", seconds(5));
    let denied = nobody(&lab, &call("RemoveSource", &["s", "10.77.0.1"]));
    assert!(denied.contains(DENIED), "{denied}");
    let quiet = [&["--allow-interactive-authorization=no"], call("ForceSync", &[]).as_slice()].concat();
    let wanted = nobody(&lab, &quiet);
    assert!(wanted.contains("needs somebody's password (org.ntpd-rs.force-sync)"), "{wanted}");
    drop(stop);
    thread.join().unwrap();
}

/// Every combination of paths, interfaces, members and bodies of some odd ones, over and over.
async fn pester(connection: Connection, _stop: oneshot::Receiver<()>) {
    let paths =
        ["/", "/org/ntpd_rs1", "/org/freedesktop/timesync1", "/org/freedesktop/LogControl1", "/a/b/c"];
    let interfaces = [
        None,
        Some("org.freedesktop.DBus.Properties"),
        Some("org.freedesktop.DBus.Introspectable"),
        Some("org.ntpd_rs1.Manager"),
        Some("org.freedesktop.timesync1.Manager"),
        Some("a.b"),
    ];
    let members =
        ["Get", "GetAll", "Set", "Introspect", "SetRuntimeNTPServers", "ForceSync", "X", "AddSource"];
    let bodies = [
        Variant::new(""),
        Variant::new(("", "LogLevel", Variant::new(vec![1_u8; 5000]))),
        Variant::new(vec!["a b"; 2000]),
        Variant::new(vec![0_u8; 1 << 20]),
        Variant::new(f64::NAN),
    ];
    for number in 0..10_000_usize {
        let mut call = Message::method_call(paths[number % 5], members[number / 5 % 8])
            .destination("org.ntpd_rs1")
            .with_flags(Flags::NO_REPLY_EXPECTED);
        if let Some(interface) = interfaces[number / 40 % 6] {
            call = call.interface(interface);
        }
        // The largest are thrown away; a few of them are enough.
        let body = if number % 50 == 0 { &bodies[3] } else { &bodies[[0, 1, 2, 4][number / 240 % 4]] };
        connection.send(&call.build(body).unwrap()).await.unwrap();
    }
}

#[test]
#[ignore = "needs root, dbus-daemon and busctl: ./test runs it"]
fn ten_thousand_odd_calls_leave_the_daemon_as_it_was() {
    let lab = Lab::new();
    let bus = Bus::start(&lab);
    let mut daemon = daemon_on_the_bus(&lab);
    let state = || bus.busctl(&lab, &[&["get-property"], &MANAGER[..], &["State"]].concat());
    let told = state();
    let before = daemon.process.kilobytes("VmRSS");
    let (_stop, thread) = on_the_bus(&lab, pester);
    thread.join().unwrap();
    // The bus hands them over in order, so this one is answered after all of them.
    let answered = poll(seconds(30), || (state() == told).then_some(()));
    assert!(answered.is_some() && daemon.process.is_running(), "{}", daemon.process.output());
    let output = daemon.process.output();
    assert_eq!(output.matches("On the system bus").count(), 1, "the connection has lasted: {output}");
    let grown = daemon.process.kilobytes("VmRSS").saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more than before");
}
