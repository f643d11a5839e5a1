//! Keys and cookies from a server that one trusts: one NTS key exchange (RFC 8915 §4). Sends no NTP.

#[path = "../key-exchange-load/exchange.rs"]
mod exchange;

use exchange::{Agreed, Client};
use ntpd_rs::nts::{Algorithm, SessionKeys};
use std::io;
use std::path::Path;

/// What an exchange brings.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) keys: SessionKeys,
    pub(crate) cookies: Vec<Vec<u8>>,
}

/// With the key exchange server `at`, as `HOST:PORT`, whose certificate an authority in this file of PEM signed.
pub(crate) fn establish(at: &str, authority: &Path, algorithm: Algorithm) -> io::Result<Established> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let Agreed { answer, tls } = Client::new(at, authority, algorithm, provider)?.exchange()?;
    let export = |to: &mut [u8], label: &[u8], context: &[u8]| {
        tls.export_keying_material(to, label, Some(context)).map(drop)
    };
    let keys = answer.exporter.keys(export).map_err(io::Error::other)?;
    let keys = keys.ok_or_else(|| io::Error::other("key exchange: the keys have another length"))?;
    Ok(Established { keys, cookies: answer.cookies })
}
