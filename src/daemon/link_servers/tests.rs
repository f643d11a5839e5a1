//! Files as networkd and the dispatcher script write them, and as nobody should.

use super::*;
use crate::asking::Asked;
use tokio::sync::mpsc;
use tokio::time::timeout;

const NETWORKD: &str = "# This is private data. Do not parse.\nADMIN_STATE=configured\nDNS=192.0.2.53\n\
    NTP=192.0.2.1 2001:db8::1 ntp.example.org\nDOMAINS=example.org\n";

fn names(servers: &[HostPort]) -> Vec<String> {
    servers.iter().map(ToString::to_string).collect()
}

/// Two directories that may be there.
struct Links(tempfile::TempDir);

impl Links {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn directories(&self) -> Vec<PathBuf> {
        ["netif/links", "ours"].map(|name| self.0.path().join(name)).into()
    }

    /// As networkd does: nobody sees half a file.
    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = path.with_file_name(".#new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
    }

    fn servers(&self) -> Vec<String> {
        names(&servers_in(&self.directories()))
    }
}

#[test]
fn the_servers_of_all_interfaces_are_one_list_without_doubles() {
    let links = Links::new();
    assert_eq!(links.servers(), [""; 0], "nothing is there");
    links.write("netif/links/2", NETWORKD);
    links.write("netif/links/3", "NTP=\n");
    links.write("ours/wlan0", "NTP=192.0.2.7 ntp.example.org\n");
    assert_eq!(links.servers(), ["192.0.2.1", "2001:db8::1", "ntp.example.org", "192.0.2.7"]);
}

#[test]
fn what_is_no_server_is_left_out() {
    let odd = "NTP=../../etc [::1 a:b:c host:0 \u{1b}[2J x\u{e9} http://a/ 127.0.0.1 :: 224.0.1.1 good.example\nXNTP=bad\n NTP=bad\n";
    assert_eq!(names(&servers_of(odd)), ["good.example"]);
    assert_eq!(names(&servers_of(&format!("NTP={}", "a".repeat(300)))), [""; 0]);
}

#[test]
fn no_network_can_give_out_more_than_a_few_servers() {
    let links = Links::new();
    for link in 0..10 {
        let many: String = (0..1000).map(|n| format!("192.0.{link}.{} ", n % 250)).collect();
        links.write(&format!("netif/links/{link}"), &format!("NTP={many}\n"));
    }
    let servers = links.servers();
    assert_eq!(servers.len(), MOST);
    assert_eq!(servers.iter().filter(|server| server.starts_with("192.0.0.")).count(), MOST_OF_A_LINK);
}

#[test]
fn what_is_no_ordinary_file_is_neither_followed_nor_waited_for() {
    let links = Links::new();
    links.write("secret", "NTP=192.0.2.66\n");
    links.write("netif/links/2", "NTP=192.0.2.1\n");
    let directory = links.0.path().join("netif/links");
    std::os::unix::fs::symlink(links.0.path().join("secret"), directory.join("3")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(directory.join("4")).status().unwrap();
    assert!(pipe.success());
    fs::create_dir(directory.join("5")).unwrap();
    fs::write(directory.join("6"), b"NTP=192.0.2.2 \xff\n").unwrap();
    fs::write(directory.join(".7"), "NTP=192.0.2.3\n").unwrap();
    fs::write(directory.join("8"), format!("{}\nNTP=192.0.2.4\n", "x".repeat(1 << 20))).unwrap();
    assert_eq!(links.servers(), ["192.0.2.1"]);
}

struct Running {
    links: Links,
    wanted: watch::Sender<bool>,
    asked: mpsc::Receiver<Asked<Command>>,
}

fn running(wanted: bool) -> Running {
    let links = Links::new();
    let (wanted, receiver) = watch::channel(wanted);
    let (commands, asked) = Door::new();
    let task = LinkServers::in_directories(links.directories(), receiver, commands);
    tokio::spawn(task.run(CancellationToken::new()));
    Running { links, wanted, asked }
}

impl Running {
    /// What is offered next, within some seconds.
    async fn offered(&mut self) -> Option<Vec<String>> {
        let asked = timeout(Duration::from_secs(5), self.asked.recv()).await.ok()??;
        let (command, answer) = asked.answer_with();
        answer(Ok(()));
        match command {
            Command::Offer { origin: SourceOrigin::Link, servers } => Some(names(&servers)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn servers_that_appear_change_and_go_are_offered() {
    let mut running = running(true);
    tokio::task::yield_now().await;
    running.links.write("netif/links/2", NETWORKD);
    let first = running.offered().await.unwrap();
    assert_eq!(first, ["192.0.2.1", "2001:db8::1", "ntp.example.org"]);
    running.links.write("ours/wlan0", "NTP=192.0.2.7\n");
    assert_eq!(running.offered().await.unwrap().last().unwrap(), "192.0.2.7");
    fs::remove_file(running.links.0.path().join("netif/links/2")).unwrap();
    assert_eq!(running.offered().await.unwrap(), ["192.0.2.7"]);
    fs::remove_dir_all(running.links.0.path().join("ours")).unwrap();
    assert_eq!(running.offered().await.unwrap(), [""; 0]);
    running.links.write("ours/wlan0", "NTP=192.0.2.8\n");
    assert_eq!(running.offered().await.unwrap(), ["192.0.2.8"], "a directory that comes again");
}

#[tokio::test]
async fn they_are_offered_only_while_they_are_wanted() {
    let mut running = running(false);
    running.links.write("netif/links/2", "NTP=192.0.2.1\n");
    assert!(timeout(Duration::from_millis(100), running.asked.recv()).await.is_err());
    running.wanted.send_replace(true);
    assert_eq!(running.offered().await.unwrap(), ["192.0.2.1"]);
    running.wanted.send_replace(false);
    assert_eq!(running.offered().await.unwrap(), [""; 0]);
}
