//! Messages that fit, messages that are too long, and such as nobody can read.

use super::*;
use tokio::io::duplex;

fn message(member: &str, bytes: usize) -> Vec<u8> {
    Message::method_call("/a", member).build(&vec![0_u8; bytes]).unwrap().data().to_vec()
}

/// The members of the messages that get through, when these bytes come.
async fn received(early: &[u8], bytes: Vec<u8>) -> Vec<String> {
    let (mut there, here) = duplex(1000);
    let writing = async move { there.write_all(&bytes).await.unwrap() };
    let reading = async {
        let (mut reader, mut early, mut members) = (Reader(here), early.to_vec(), Vec::new());
        while let Ok(message) = reader.receive_message(1, &mut early, &mut Vec::new()).await {
            members.push(message.header().member().unwrap().to_string());
        }
        members
    };
    tokio::join!(writing, reading).1
}

#[tokio::test]
async fn what_came_with_the_handshake_is_read_first() {
    let (one, two) = (message("One", 10), message("Two", 20));
    for cut in [0, 1, 16, 17, one.len(), one.len() + 5] {
        let all = [one.as_slice(), &two].concat();
        assert_eq!(received(&all[..cut], all[cut..].to_vec()).await, ["One", "Two"], "{cut}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_thrown_away_and_the_next_is_read() {
    let long = message("Long", usize::try_from(LONGEST_MESSAGE).unwrap());
    let all = [long.as_slice(), &message("Next", 0)].concat();
    assert_eq!(received(&[], all.clone()).await, ["Next"]);
    assert_eq!(received(&all[..5000], all[5000..].to_vec()).await, ["Next"]);
    let fixed = message("A", 0).len() as u64;
    let largest = message("B", usize::try_from(LONGEST_MESSAGE - fixed).unwrap());
    assert_eq!(received(&[], largest).await, ["B"]);
}

#[tokio::test]
async fn a_message_that_nobody_can_read_is_thrown_away_and_the_next_is_read() {
    let good = message("Good", 8);
    for place in 16..good.len() - 12 {
        let mut odd = good.clone();
        odd[place] ^= 0xff;
        let members = received(&[], [odd.as_slice(), &message("Next", 0)].concat()).await;
        assert_eq!(members.last().map(String::as_str), Some("Next"), "byte {place}: {members:?}");
    }
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    assert!(received(&[], b"HTTP/1.1 400 Bad Request\r\n".to_vec()).await.is_empty());
    assert!(received(&[], message("Short", 5)[..20].to_vec()).await.is_empty());
}
