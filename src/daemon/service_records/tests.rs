//! Service records of a name server on loopback: what is authenticated, what is believed, what is neither.

pub(in crate::daemon) mod name_server;

use super::order::{Server, ordered};
use super::*;
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::proto::op::ResponseCode;
use name_server::{Manner, NameServer, Signs, Zone};

const NOW: ClockTime = ClockTime::from_unix_secs(1_780_272_000);
const HOST: &str = "time.example";

fn zone() -> Zone {
    Zone::new(NOW.unix_secs())
}

fn services() -> Zone {
    zone().service(HOST, 10, 0, 4461, "Ke1.example.").service(HOST, 20, 0, 4460, "ke2.example.")
}

impl ServiceRecords {
    /// Those of a server of the tests.
    pub(in crate::daemon) fn of(server: &NameServer) -> Self {
        let address = server.address;
        let read = move || {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
            let servers = vec![NameServerConfig::new(address.ip(), true, connections.into())];
            Ok((ResolverConfig::from_parts(None, Vec::new(), servers), ResolverOpts::default()))
        };
        Self::with(Arc::new(read), server.anchors.clone())
    }
}

async fn look_up_at(zone: Zone, manner: Manner, now: Option<ClockTime>) -> Result<Services, Failure> {
    let server = NameServer::start(zone, manner).await;
    ServiceRecords::of(&server).look_up(HOST, &[], now, Duration::from_secs(5)).await
}

async fn look_up(zone: Zone, signs: Signs) -> Result<Services, Failure> {
    look_up_at(zone, Manner::Answers(signs), Some(NOW)).await
}

fn at(targets: &[(&str, u16)], authenticated: bool) -> Result<Services, Failure> {
    let target = |(host, port): &(&str, u16)| Target { host: (*host).to_owned(), port: *port };
    Ok(Services::At(Targets { targets: targets.iter().map(target).collect(), authenticated }))
}

const BOTH: [(&str, u16); 2] = [("ke1.example", 4461), ("ke2.example", 4460)];

#[tokio::test]
async fn signed_records_are_authenticated_and_in_the_order_of_their_priorities() {
    assert_eq!(look_up(services(), Signs::Well).await, at(&BOTH, true));
}

#[tokio::test]
async fn records_of_a_zone_without_signatures_are_not_authenticated() {
    let zone = services().unsigned("time.example.");
    assert_eq!(look_up(zone, Signs::Well).await, at(&BOTH, false));
}

#[tokio::test]
async fn without_any_signature_on_the_way_nothing_is_authenticated_and_all_is_found() {
    assert_eq!(look_up(services(), Signs::Never).await, at(&BOTH, false));
    assert_eq!(look_up(zone(), Signs::Never).await, Ok(Services::None));
}

#[tokio::test]
async fn signatures_that_prove_nothing_are_a_failure() {
    for signs in [Signs::Wrongly, Signs::Expired] {
        assert_eq!(look_up(services(), signs).await, Err(Failure::Bogus), "{signs:?}");
        assert_eq!(look_up(zone(), signs).await, Err(Failure::Bogus), "{signs:?}: of there being none");
    }
    let early = Some(ClockTime::from_unix_secs(0));
    assert_eq!(look_up_at(services(), Manner::Answers(Signs::Well), early).await, Err(Failure::Bogus));
}

#[tokio::test]
async fn where_the_time_is_unknown_no_signature_is_judged() {
    for signs in [Signs::Well, Signs::Wrongly, Signs::Expired, Signs::Never] {
        assert_eq!(look_up_at(services(), Manner::Answers(signs), None).await, at(&BOTH, false), "{signs:?}");
        assert_eq!(look_up_at(zone(), Manner::Answers(signs), None).await, Ok(Services::None), "{signs:?}");
    }
}

#[tokio::test]
async fn a_host_without_records_is_its_own_server_and_another_root_proves_nothing() {
    assert_eq!(look_up(zone(), Signs::Well).await, Ok(Services::None));
    let server = NameServer::start(services(), Manner::Answers(Signs::Well)).await;
    let records = ServiceRecords { anchors: Arc::default(), ..ServiceRecords::of(&server) };
    let found = records.look_up(HOST, &[], Some(NOW), Duration::from_secs(5)).await;
    assert_eq!(found, Err(Failure::Bogus));
}

#[tokio::test]
async fn a_service_that_is_decidedly_absent_is_told_and_so_is_one_that_cannot_be_asked() {
    for target in [".", "192.0.2.1.", "*.example."] {
        let zone = zone().service(HOST, 0, 0, 4460, target);
        assert_eq!(look_up(zone, Signs::Well).await, Err(Failure::NoService), "{target}");
    }
    let zone = zone().service(HOST, 0, 0, 0, "ke1.example.");
    assert_eq!(look_up(zone, Signs::Well).await, Err(Failure::NoService));
}

#[tokio::test]
async fn aliases_are_followed_and_all_of_them_must_be_signed() {
    let aliases = || {
        zone().alias("_ntske._tcp.time.example.", "a.example.").alias("a.example.", "_ntske._tcp.b.example.")
    };
    let found = |authenticated| at(&[("ke1.example", 4460)], authenticated);
    for leaves_aliases in [false, true] {
        let mut zone = aliases().service("b.example", 0, 0, 4460, "ke1.example.");
        zone.leaves_aliases = leaves_aliases;
        assert_eq!(look_up(zone, Signs::Well).await, found(true));
        let mut zone = aliases().service("b.example", 0, 0, 4460, "ke1.example.").unsigned("time.example.");
        zone.leaves_aliases = leaves_aliases;
        assert_eq!(look_up(zone, Signs::Well).await, found(false), "the alias is not signed");
        let mut zone = aliases();
        zone.leaves_aliases = leaves_aliases;
        assert_eq!(look_up(zone, Signs::Well).await, Ok(Services::None));
        let mut circle = zone_with_a_circle();
        circle.leaves_aliases = leaves_aliases;
        let failure = look_up(circle, Signs::Well).await.unwrap_err();
        assert!(failure.to_string().contains("too many aliases"), "{failure}");
    }
}

fn zone_with_a_circle() -> Zone {
    zone().alias("_ntske._tcp.time.example.", "a.example.").alias("a.example.", "_ntske._tcp.time.example.")
}

#[tokio::test]
async fn a_thousand_records_are_a_few() {
    let many = (0..1000).fold(zone(), |zone, n| zone.service(HOST, 0, n, 4460, &format!("ke{n}.example.")));
    let Ok(Services::At(found)) = look_up(many, Signs::Well).await else { panic!("not found") };
    assert!(found.authenticated);
    assert_eq!(found.targets.len(), TARGETS);
}

#[tokio::test]
async fn targets_that_are_in_use_come_last() {
    let server = NameServer::start(services(), Manner::Answers(Signs::Well)).await;
    let found =
        ServiceRecords::of(&server).look_up(HOST, &["ke1.example"], Some(NOW), Duration::from_secs(5)).await;
    assert_eq!(found, at(&[BOTH[1], BOTH[0]], true));
}

#[tokio::test]
async fn name_servers_that_are_silent_or_refuse_are_left_in_time_with_words() {
    let server = NameServer::start(services(), Manner::Silent).await;
    let found = ServiceRecords::of(&server).look_up(HOST, &[], Some(NOW), Duration::from_millis(100)).await;
    assert!(matches!(found, Err(Failure::NoAnswer(_))), "{found:?}");
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
        let failure = look_up_at(services(), Manner::Says(code), Some(NOW)).await.unwrap_err();
        assert!(failure.to_string().contains(code.to_str()), "{failure}");
    }
    let nowhere =
        ServiceRecords::with(Arc::new(|| Err("no nameservers found".to_owned())), TrustAnchors::default());
    let failure = nowhere.look_up(HOST, &[], Some(NOW), Duration::from_secs(5)).await.unwrap_err();
    assert!(failure.to_string().contains("no nameservers found"), "{failure}");
}

#[tokio::test]
async fn answers_of_any_bytes_are_survived() {
    let mangles: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |bytes| bytes.into_iter().take(17).collect(),
        |bytes| [bytes, vec![0xC0; 400]].concat(),
        // All but the identifier and the question's start.
        |bytes| {
            bytes.iter().enumerate().map(|(at, byte)| if at > 60 { byte ^ 0x55 } else { *byte }).collect()
        },
        |mut bytes| {
            // More records than there are.
            bytes[6] = 0xFF;
            bytes
        },
    ];
    for mangle in mangles {
        let server = NameServer::start(services(), Manner::Mangles(mangle)).await;
        let found =
            ServiceRecords::of(&server).look_up(HOST, &[], Some(NOW), Duration::from_millis(300)).await;
        assert!(found.is_err() || found == at(&BOTH, true), "{found:?}");
    }
}

fn server(priority: u16, weight: u16, host: &str) -> Server {
    Server { priority, weight, target: Target { host: host.to_owned(), port: 4460 } }
}

#[test]
fn the_first_among_equals_is_drawn_by_weight() {
    let mut random = ChaCha20Rng::from_seed([7; 32]);
    let servers = [
        server(2, 60_000, "last"),
        server(1, 10, "small"),
        server(1, 30, "large"),
        server(1, 0, "weightless"),
    ];
    let mut first = std::collections::BTreeMap::new();
    for _ in 0..4000 {
        let order = ordered(servers.to_vec(), &mut random);
        assert_eq!(order.len(), 4);
        assert_eq!(order[3].host, "last");
        *first.entry(order[0].host.clone()).or_insert(0) += 1;
    }
    // Of 0 to 40: 1 number, 10 and 30.
    let share = |host: &str| f64::from(first[host]) / 4000.0;
    assert!((share("weightless") - 1.0 / 41.0).abs() < 0.01, "{first:?}");
    assert!((share("small") - 10.0 / 41.0).abs() < 0.03, "{first:?}");
    assert!((share("large") - 30.0 / 41.0).abs() < 0.03, "{first:?}");
}

#[test]
fn a_target_that_is_named_twice_is_one() {
    let mut random = ChaCha20Rng::from_seed([7; 32]);
    assert_eq!(ordered(vec![server(1, 1, "a"), server(2, 1, "a")], &mut random).len(), 1);
    assert!(ordered(Vec::new(), &mut random).is_empty());
}

/// What is logged while it lives.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_that_a_stranger_sends_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _until_the_end = tracing::subscriber::set_default(subscriber);
    tracing::info!("it works");
    let mangles: fn(Vec<u8>) -> Vec<u8> = |bytes| [bytes, vec![0; 40]].concat();
    for manner in [
        Manner::Answers(Signs::Well),
        Manner::Answers(Signs::Wrongly),
        Manner::Answers(Signs::Never),
        Manner::Says(ResponseCode::Refused),
        Manner::Mangles(mangles),
    ] {
        let _ = look_up_at(services(), manner.clone(), Some(NOW)).await;
        let _ = look_up_at(zone(), manner, Some(NOW)).await;
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    // The name server of the tests reads and writes with the same library.
    let is_ours = |line: &&str| line.contains("hickory_net") || line.contains("hickory_resolver");
    let lines: Vec<&str> = text.lines().filter(is_ours).collect();
    assert!(text.contains("it works"));
    assert_eq!(lines, [""; 0]);
}
