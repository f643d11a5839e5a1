//! The socket to the bus, which takes no message that is larger than ours ever are, and no descriptors. Speaks no D-Bus.
//!
//! Whoever may write to us on the bus may write 32 MiB at once and pass descriptors with it. What is too large, or what
//! zbus cannot read, is thrown away here; otherwise it would end the connection, and with it the service for everybody.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use zbus::Message;
use zbus::address::{Address, Transport, transport::UnixSocket};
use zbus::connection::socket::{ReadHalf, Socket, Split, WriteHalf};
use zbus::export::async_trait::async_trait;

/// With its header. The longest thing that anybody may tell us is a `[[source]]` section.
pub(super) const LONGEST_MESSAGE: u64 = 64 << 10;
/// Of the fixed part of a message's header: endianness, type, flags, version, and three lengths and numbers.
const FIXED: usize = 16;

/// Connects to the system bus: where `DBUS_SYSTEM_BUS_ADDRESS` says, else where it always is.
pub(super) async fn connect() -> io::Result<BusSocket> {
    let address = Address::system().map_err(|error| io::Error::other(error.to_string()))?;
    let stream = match address.transport() {
        Transport::Unix(unix) => match unix.path() {
            UnixSocket::File(path) => UnixStream::connect(path).await?,
            UnixSocket::Abstract(name) => connect_abstract(name.as_encoded_bytes())?,
            _ => return Err(unknown(&address)),
        },
        _ => return Err(unknown(&address)),
    };
    Ok(BusSocket(stream))
}

fn connect_abstract(name: &[u8]) -> io::Result<UnixStream> {
    let stream = StdStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn unknown(address: &Address) -> io::Error {
    let words = format!("the address {address} is of a kind that is not supported; write unix:path=…");
    io::Error::new(io::ErrorKind::Unsupported, words)
}

/// Connected, and nothing said yet.
#[derive(Debug)]
pub(super) struct BusSocket(UnixStream);

impl Socket for BusSocket {
    type ReadHalf = Reader<OwnedReadHalf>;
    type WriteHalf = Writer;

    fn split(self) -> Split<Reader<OwnedReadHalf>, Writer> {
        let (read, write) = self.0.into_split();
        Split::new(Reader(read), Writer(write))
    }
}

/// What comes in.
#[derive(Debug)]
pub(super) struct Reader<R>(pub(super) R);

#[async_trait]
impl<R: tokio::io::AsyncRead + std::fmt::Debug + Unpin + Send + Sync + 'static> ReadHalf for Reader<R> {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        Ok((self.0.read(buffer).await?, Vec::new()))
    }

    async fn receive_message(
        &mut self,
        number: u64,
        early: &mut Vec<u8>,
        _descriptors: &mut Vec<OwnedFd>,
    ) -> zbus::Result<Message> {
        loop {
            let mut fixed = [0; FIXED];
            self.fill(&mut fixed, early).await?;
            let rest = rest_of(&fixed)?;
            if rest + FIXED as u64 > LONGEST_MESSAGE {
                tracing::debug!("A message of {rest} bytes on the bus is thrown away");
                self.skip(rest, early).await?;
                continue;
            }
            let mut bytes = fixed.to_vec();
            bytes.resize(FIXED + usize::try_from(rest).unwrap_or_default(), 0);
            self.fill(bytes.get_mut(FIXED..).unwrap_or_default(), early).await?;
            match Whole(bytes).receive_message(number, &mut Vec::new(), &mut Vec::new()).await {
                Ok(message) => return Ok(message),
                Err(error) => tracing::debug!("A message on the bus is thrown away: {error}"),
            }
        }
    }
}

impl<R: tokio::io::AsyncRead + Unpin> Reader<R> {
    /// First from what came with the handshake.
    async fn fill(&mut self, buffer: &mut [u8], early: &mut Vec<u8>) -> io::Result<()> {
        let before = early.len().min(buffer.len());
        let (head, rest) = buffer.split_at_mut(before);
        for (to, from) in head.iter_mut().zip(early.drain(..before)) {
            *to = from;
        }
        self.0.read_exact(rest).await.map(drop)
    }

    async fn skip(&mut self, mut bytes: u64, early: &mut Vec<u8>) -> io::Result<()> {
        let mut waste = [0; 4096];
        while bytes > 0 {
            let most = usize::try_from(bytes).unwrap_or(usize::MAX).min(waste.len());
            let (part, _) = waste.split_at_mut(most);
            self.fill(part, early).await?;
            bytes -= part.len() as u64;
        }
        Ok(())
    }
}

/// The bytes of a message after the fixed part: fields, padded to eight, and body. Without an order of bytes there is no next message.
fn rest_of(fixed: &[u8; FIXED]) -> io::Result<u64> {
    let [endian, _, _, _, body @ .., f0, f1, f2, f3] = *fixed;
    let [b0, b1, b2, b3, ..] = body;
    let number = match endian {
        b'l' => u32::from_le_bytes,
        b'B' => u32::from_be_bytes,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the bus speaks no D-Bus")),
    };
    let (body, fields) = (number([b0, b1, b2, b3]), number([f0, f1, f2, f3]));
    Ok(u64::from(fields).next_multiple_of(8) + u64::from(body))
}

/// One message that is there, for zbus to read.
#[derive(Debug)]
struct Whole(Vec<u8>);

#[async_trait]
impl ReadHalf for Whole {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let part = self.0.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.0.drain(..part)) {
            *to = from;
        }
        Ok((part, Vec::new()))
    }
}

/// What goes out.
#[derive(Debug)]
pub(super) struct Writer(OwnedWriteHalf);

#[async_trait]
impl WriteHalf for Writer {
    async fn sendmsg(&mut self, buffer: &[u8], _descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.0.write(buffer).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }
}

#[cfg(test)]
mod tests;
