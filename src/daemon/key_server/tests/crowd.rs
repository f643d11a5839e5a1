//! More clients than places: who is sent away, how, and who is not.

use super::*;
use std::future::Future;

/// The server's only place is taken by the client that `begin` connects. Is it there for another, once all patience is over?
async fn makes_room<C, F: Future<Output = C>>(
    begin: impl FnOnce(Server) -> F,
) -> (bool, C, Arc<KeyExchangeCounters>) {
    let folder = tempfile::tempdir().unwrap();
    let (listening, root) = listening(&folder, |section| section.concurrent_connections = 1);
    let KeyExchangeServer { address, counters } = listening.report();
    let (keys, files) = (watch::Sender::new(Arc::new(key_set(&[1], 0))), watch::Sender::new(()));
    let sealer = Rc::new(RefCell::new(Sealer::new(keys.subscribe(), [7; 32])));
    let server = Server {
        running: None,
        address,
        counters: Arc::clone(&counters),
        keys,
        files: files.clone(),
        folder,
        root,
    };
    let story = async {
        let listener = listening.begin(&sealer, files.subscribe()).unwrap();
        let service = Rc::clone(&listener.service);
        let running = tokio::task::spawn_local(listener.run());
        let client = begin(server).await;
        eventually(|| counters.open() == 1).await;
        let later = Instant::now() + Duration::from_secs(5);
        let next = service.places.borrow_mut().admit(later);
        if next.is_some() {
            eventually(|| counters.open() == 0).await;
            assert!(service.places.borrow_mut().admit(Instant::now()).is_none(), "the next has its place");
        }
        running.abort();
        (next.is_some(), client)
    };
    let (room, client) = LocalSet::new().run_until(story).await;
    (room, client, counters)
}

/// Whether the kernel of the other side has thrown the connection away, and left nothing of it.
async fn was_reset(mut stream: TcpStream) -> bool {
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .await
        .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn who_says_nothing_makes_room_and_is_reset() {
    let begin = async |server: Server| TcpStream::connect(server.address).await.unwrap();
    let (room, client, counters) = makes_room(begin).await;
    assert!(room && was_reset(client).await);
    assert_eq!(counters.ended(KeyExchangeEnd::Shed), 1);
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_makes_room() {
    let begin = async |server: Server| {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&client::hello(&server)).await.unwrap();
        // The server's part is here.
        assert_ne!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        stream
    };
    let (room, client, counters) = makes_room(begin).await;
    assert!(room && was_reset(client).await);
    assert_eq!(counters.ended(KeyExchangeEnd::Shed), 1);
}

#[tokio::test]
async fn who_asks_nothing_after_the_handshake_makes_room() {
    let begin = async |server: Server| {
        let mut stream = connect(&server).await;
        stream.write_all(&Offer::default().emit()[..5]).await.unwrap();
        stream.into_inner().0
    };
    let (room, client, counters) = makes_room(begin).await;
    assert!(room && was_reset(client).await);
    assert_eq!(counters.ended(KeyExchangeEnd::Shed), 1);
}

#[tokio::test]
async fn a_pool_that_was_answered_makes_no_room() {
    let begin = async |server: Server| {
        let mut stream = connect(&server).await;
        stream.write_all(&pools::fixed_keys(b"let me in")).await.unwrap();
        pools::next_answer(&mut stream).await;
        stream
    };
    let (room, _, counters) = makes_room(begin).await;
    assert!(!room);
    assert_eq!(counters.ended(KeyExchangeEnd::Shed), 0);
}

#[tokio::test]
async fn who_comes_when_all_places_are_taken_is_reset() {
    let server = start(|section| section.concurrent_connections = 1);
    let mut held = connect(&server).await;
    held.write_all(&pools::fixed_keys(b"let me in")).await.unwrap();
    pools::next_answer(&mut held).await;
    assert!(was_reset(client::connect_tcp(&server)).await);
    eventually(|| server.counters.ended(KeyExchangeEnd::Shed) == 1).await;
    assert_eq!(server.counters.open(), 1);
}

#[tokio::test]
async fn clients_that_come_all_at_once_are_all_served() {
    let server = start(|section| section.concurrent_connections = 100);
    let clients = (0..100).map(|_| async {
        let (answer, _) = exchange(&server, &Offer::default(), true).await;
        assert_eq!(answer.cookies.len(), 8);
    });
    let mut clients: Vec<_> = clients.map(Box::pin).collect();
    let all = std::future::poll_fn(|context| {
        clients.retain_mut(|client| client.as_mut().poll(context).is_pending());
        if clients.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    all.await;
    server.counted(KeyExchangeEnd::Completed, 100).await;
}
