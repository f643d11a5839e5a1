//! Keys and cookies of sources with NTS, from one run to the next. Who uses them is the engine's to decide.
//!
//! The file is removed before any of them is used, so that no cookie is ever sent twice (RFC 8915 §5.7): whoever sees two requests with
//! one cookie knows that they come from one client, wherever it has moved meanwhile. A run that lives puts
//! cookies by here that it does not use itself, for the one after a crash.

use crate::nts::{Algorithm, NtpServer, Origin, SavedSession, ServerName, Session, SessionKeys};
use crate::time::{ClockTime, Span};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// JSON with binary values in hexadecimal digits.
#[derive(Debug, Clone)]
pub(in crate::daemon) struct SessionsFile(PathBuf);

/// Servers change their master keys daily and forget them in a week (RFC 8915 §6 leaves it to them): older cookies would only be refused.
const LONGEST_USE: Span = Span::from_secs(7 * 86_400);
/// More sources than that have other troubles.
const MOST: usize = 256;
/// Of the file's format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// Unix seconds, by the local clock.
    saved: i64,
    sessions: Vec<Entry>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Entry {
    host: String,
    port: u16,
    #[zeroize(skip)]
    server: std::net::SocketAddr,
    /// What the key exchange called the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Of a service record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    algorithm: u16,
    c2s: String,
    s2c: String,
    cookies: Vec<String>,
}

impl SessionsFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// What an earlier run kept, once: the file is gone afterwards. One that makes no sense, or cannot be removed, is told of and not used.
    pub(in crate::daemon) fn take(&self, now: ClockTime) -> Vec<SavedSession> {
        let Some(text) = super::read(&self.0) else { return Vec::new() };
        let path = self.0.display();
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(
                    "{path}: cannot be removed: {error}; not used, as no cookie may be used twice"
                );
                return Vec::new();
            }
            _ => {}
        }
        let sessions = parse(&text, now);
        if sessions.is_none() {
            tracing::warn!("{path}: these are no sessions of this version; keys are exchanged anew");
        }
        sessions.unwrap_or_default()
    }

    /// Replaces the file as a whole; readable by its owner only.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub(in crate::daemon) fn save(&self, sessions: Vec<SavedSession>, now: ClockTime) -> Result<(), String> {
        let kept = sessions.into_iter().filter(|saved| saved.session.cookies_left() > 0).take(MOST);
        let sessions: Vec<Entry> = kept.map(Entry::of).collect();
        if sessions.is_empty() {
            return Ok(());
        }
        let contents = Contents { version: VERSION, saved: now.unix_secs(), sessions };
        // Room for all of it at once: what outgrows its room leaves a copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(contents.sessions.len() * 32 * 1024));
        serde_json::to_writer_pretty(&mut *text, &contents).map_err(|error| error.to_string())?;
        super::save(&self.0, &text, 0o600)
    }
}

/// `None` for what is no file of ours. An entry that makes no sense is left out.
fn parse(text: &str, now: ClockTime) -> Option<Vec<SavedSession>> {
    let contents: Contents = serde_json::from_str(text).ok().filter(|c: &Contents| c.version == VERSION)?;
    // A clock that is behind says nothing of the age; the server does.
    if now - ClockTime::from_unix_secs(contents.saved) > LONGEST_USE {
        tracing::info!("The sessions of an earlier run are too old; keys are exchanged anew");
        return Some(Vec::new());
    }
    Some(contents.sessions.into_iter().take(MOST).filter_map(|entry| entry.session()).collect())
}

impl Entry {
    fn of(saved: SavedSession) -> Self {
        let (keys, cookies) = saved.session.into_parts();
        let NtpServer { address, origin } = saved.server;
        Self {
            host: saved.host,
            port: saved.port,
            server: address,
            name: origin.name.map(|name| name.as_str().to_owned()),
            target: origin.target,
            algorithm: keys.algorithm().id(),
            c2s: to_hex(keys.c2s.bytes()),
            s2c: to_hex(keys.s2c.bytes()),
            cookies: cookies.iter().map(|cookie| to_hex(cookie)).collect(),
        }
    }

    fn session(&self) -> Option<SavedSession> {
        let algorithm = Algorithm::from_id(self.algorithm)?;
        let (c2s, s2c) = (from_hex(&self.c2s)?, from_hex(&self.s2c)?);
        let keys = SessionKeys::new(algorithm, &c2s, &s2c)?;
        let cookies = self.cookies.iter().filter_map(|cookie| Some(from_hex(cookie)?.to_vec()));
        let session = Session::new(keys, cookies);
        let name = self.name.as_ref().and_then(|name| ServerName::parse(name.as_bytes()));
        let server = NtpServer { address: self.server, origin: Origin { name, target: self.target.clone() } };
        let (host, port) = (self.host.clone(), self.port);
        (session.cookies_left() > 0).then_some(SavedSession { host, port, server, session })
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    text
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    for pair in text.as_bytes().chunks(2) {
        let [high, low] = pair else { return None };
        bytes.push(value(*high)? << 4 | value(*low)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::state_directory;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NOW: ClockTime = ClockTime::from_unix_secs(1_795_000_000);

    fn saved(algorithm: Algorithm, cookies: usize) -> SavedSession {
        let length = algorithm.key_len();
        let keys = SessionKeys::new(algorithm, &vec![0xA1; length], &vec![0x0B; length]).unwrap();
        let cookies = (1..=cookies).map(|n| vec![u8::try_from(n).unwrap(); 100]);
        let origin =
            Origin { name: ServerName::parse(b"Ntp.example"), target: Some("ke1.example".to_owned()) };
        let server = NtpServer { address: "[2001:db8::1]:123".parse().unwrap(), origin };
        SavedSession {
            host: "ke.example".to_owned(),
            port: 4460,
            server,
            session: Session::new(keys, cookies),
        }
    }

    #[test]
    fn what_is_saved_is_given_once_and_readable_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).sessions();
        let path = directory.path().join("nts-sessions");
        // What a crash left behind, for everybody to read.
        fs::write(path.with_extension("new"), "").unwrap();
        file.save(Algorithm::ALL.map(|algorithm| saved(algorithm, 8)).into(), NOW).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let restored = file.take(NOW + Span::from_secs(6 * 86_400));
        assert!(!path.exists());
        assert!(file.take(NOW).is_empty());
        assert_eq!(restored.len(), 3);
        for (got, algorithm) in restored.into_iter().zip(Algorithm::ALL) {
            let wanted = saved(algorithm, 8);
            assert_eq!((got.host, got.port, got.server), (wanted.host, wanted.port, wanted.server));
            assert_eq!(got.session.into_parts(), wanted.session.into_parts());
        }
    }

    #[test]
    fn a_file_that_does_not_say_how_a_server_was_found_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).sessions();
        let path = directory.path().join("nts-sessions");
        file.save(vec![saved(Algorithm::AesSivCmac256, 2)], NOW).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let is_new = |line: &&str| ["\"name\"", "\"target\""].iter().any(|key| line.trim().starts_with(key));
        assert_eq!(text.lines().filter(is_new).count(), 2);
        fs::write(&path, text.lines().filter(|line| !is_new(line)).collect::<Vec<_>>().join("\n")).unwrap();
        let restored = file.take(NOW);
        assert_eq!(restored.len(), 1);
        assert_eq!(restored[0].server.origin, Origin::default());
    }

    #[test]
    fn what_is_older_than_a_week_or_has_no_cookies_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).sessions();
        let path = directory.path().join("nts-sessions");
        file.save(vec![saved(Algorithm::AesSivCmac256, 0)], NOW).unwrap();
        assert!(!path.exists(), "there is nothing to keep");
        file.save(vec![saved(Algorithm::AesSivCmac256, 1)], NOW).unwrap();
        assert!(file.take(NOW + Span::from_secs(8 * 86_400)).is_empty());
        assert!(!path.exists());
        file.save(vec![saved(Algorithm::AesSivCmac256, 1)], NOW).unwrap();
        assert_eq!(file.take(ClockTime::from_unix_secs(0)).len(), 1, "the clock lost its date");
    }

    #[test]
    fn a_file_that_makes_no_sense_is_removed_and_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).sessions();
        let path = directory.path().join("nts-sessions");
        file.save(vec![saved(Algorithm::AesSivCmac256, 2)], NOW).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let cut = good.get(..good.len() / 2).unwrap().to_owned();
        let others = [
            ("\"version\": 1", "\"version\": 2"),
            ("\"algorithm\": 15", "\"algorithm\": 17"),
            ("\"algorithm\": 15", "\"algorithm\": 16"),
            ("\"c2s\": \"a1", "\"c2s\": \"a"),
            ("\"c2s\": \"a1", "\"c2s\": \"zz"),
            ("[2001:db8::1]:123", "nowhere"),
        ];
        let others = others.map(|(is, becomes)| good.replacen(is, becomes, 1));
        for bad in others.into_iter().chain([String::new(), "[]".to_owned(), cut]) {
            assert_ne!(bad, good);
            fs::write(&path, &bad).unwrap();
            assert!(file.take(NOW).is_empty(), "{bad}");
            assert!(!path.exists());
        }
    }

    #[test]
    fn hexadecimal_digits_come_in_pairs() {
        assert_eq!(to_hex(&[0, 0x7F, 0xFF]), "007fff");
        assert_eq!(from_hex("007fFF").unwrap().as_slice(), [0, 0x7F, 0xFF]);
        for bad in ["0", "0g", "é", "00 1"] {
            assert!(from_hex(bad).is_none(), "{bad}");
        }
    }
}
