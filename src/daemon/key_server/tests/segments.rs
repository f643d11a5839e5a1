//! What clients get, as it arrives.

use super::*;

/// The lengths of the TLS records that arrive together (RFC 8446 §5.1).
async fn next_segment(tcp: &TcpStream) -> Vec<usize> {
    let mut bytes = vec![0; 1 << 16];
    let length = loop {
        tcp.readable().await.unwrap();
        match tcp.try_read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => break read.unwrap(),
        }
    };
    let (mut records, mut rest) = (Vec::new(), &bytes[..length]);
    while let [_, _, _, high, low, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        records.push(length);
        rest = &more[length..];
    }
    records
}

#[tokio::test]
async fn the_answer_comes_with_the_farewell_in_one_segment_and_so_does_a_refusal() {
    let server = start(|_| ());
    for (message, longest) in [(Offer::default().emit(), 2000), (request(&[(99, b"")]), 100)] {
        let mut stream = connect(&server).await;
        stream.write_all(&message).await.unwrap();
        stream.flush().await.unwrap();
        let records = next_segment(stream.get_ref().0).await;
        assert_eq!(records.len(), 2, "{records:?}");
        assert!(records[0] < longest && records[1] < 30, "{records:?}");
        assert_eq!(next_segment(stream.get_ref().0).await, Vec::<usize>::new(), "and nothing more");
    }
}
