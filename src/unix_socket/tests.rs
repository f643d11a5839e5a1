//! What is taken over, what is left alone, and that no client can hold up another.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn bind(path: &Path) -> Listener {
    Listener::bind(path, 0o600).await.unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_socket_has_the_permissions_asked_for_and_goes_away_with_its_listener() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run/observe");
    for permissions in [0o666, 0o600] {
        let listener = Listener::bind(&path, permissions).await.unwrap();
        assert_eq!((mode(&path), listener.path()), (permissions, path.as_path()));
        drop(listener);
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn what_a_dead_daemon_left_behind_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    // std leaves the file behind, as a killed process does.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = bind(&path).await;
    assert!(UnixStream::connect(&path).await.is_ok());
    drop(listener);
}

#[tokio::test]
async fn a_living_socket_and_a_file_of_another_kind_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    let living = bind(&path).await;
    let error = Listener::bind(&path, 0o600).await.unwrap_err();
    assert!(error.contains("another daemon"), "{error}");
    drop(living);
    fs::write(&path, "precious").unwrap();
    let error = Listener::bind(&path, 0o600).await.unwrap_err();
    assert!(error.contains("this is no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_told() {
    let error = Listener::bind(Path::new("/nonexistent/deep/observe"), 0o600).await.unwrap_err();
    assert!(error.contains("/nonexistent/deep/observe") && error.contains("create it"), "{error}");
}

#[tokio::test]
async fn the_file_of_a_successor_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    let old = bind(&path).await;
    fs::remove_file(&path).unwrap();
    let new = bind(&path).await;
    drop(old);
    assert!(path.exists());
    drop(new);
}

#[tokio::test(start_paused = true)]
async fn clients_that_never_finish_do_not_hold_up_the_others_for_a_moment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    let stop = CancellationToken::new();
    let echo = |mut stream: UnixStream, _| async move {
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await
    };
    let server = tokio::spawn(bind(&path).await.serve(stop.clone(), Duration::from_secs(2), echo));
    let mut silent = Vec::new();
    let began = tokio::time::Instant::now();
    for _ in 0..1000 {
        silent.push(UnixStream::connect(&path).await.unwrap());
        let mut client = UnixStream::connect(&path).await.unwrap();
        client.write_u8(7).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 7);
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    stop.cancel();
    server.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn only_who_is_let_in_by_more_than_the_bits_for_everybody_is_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let file = bind(&path).await;
    let owner = fs::symlink_metadata(&path).unwrap().uid();
    for (mode, stranger) in [(0o660, true), (0o600, true), (0o666, false), (0o662, false)] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(file.file.lets_in(owner), "{mode:o}");
        assert_eq!(file.file.lets_in(owner + 1), stranger, "{mode:o}");
    }
    fs::remove_file(&path).unwrap();
    assert!(!file.file.lets_in(owner), "nobody knows whose it is");
}
