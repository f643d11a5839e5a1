//! A listener's certificate as its files have it: read at start, and again when they change. Makes no connection.

use crate::config::KeyExchangeServerConfig;
use crate::daemon::certificate::{self, ALPN, Certificate, Expiry, Left, ends_soon};
use crate::daemon::secret_file::Version;
use crate::daemon::startup_error::StartupError;
use crate::snapshot::KeyExchangeCounters;
use crate::time::{ClockTime, Date};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite::{
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ServerConfig, SupportedCipherSuite};
use std::path::PathBuf;
use std::sync::Arc;

/// What new connections are served with, and where it comes from.
#[derive(Debug)]
pub(super) struct Credentials {
    chain: PathBuf,
    key: PathBuf,
    certificate: Certificate,
    tls: Arc<ServerConfig>,
    expiry: Expiry,
    seen: [Option<Version>; 2],
    /// What is wrong with the files as they are, and whether people know.
    problem: Option<Problem>,
    counters: Arc<KeyExchangeCounters>,
    /// Another listener has the same files, and tells of them.
    silent: bool,
}

#[derive(Debug)]
struct Problem {
    text: String,
    told: bool,
}

/// The preferred first, whatever the client prefers (RFC 8446 §4.1.1): processors do SHA-256 by themselves, and with it a handshake costs a
/// seventh less than with SHA-384. P-256 and X25519 are no stronger than its suite.
const SUITES: [SupportedCipherSuite; 3] =
    [TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256];

impl Credentials {
    /// Read for the first time; one that has expired is warned of, unless `silent`.
    ///
    /// # Errors
    /// 78: a file that cannot be used, with what to do.
    pub(super) fn open(
        config: &KeyExchangeServerConfig,
        counters: Arc<KeyExchangeCounters>,
        now: ClockTime,
        silent: bool,
    ) -> Result<Self, StartupError> {
        let (chain, key) = (config.certificate_chain.clone(), config.private_key.clone());
        let seen = [Version::at(&chain), Version::at(&key)];
        let certificate = certificate::read(&chain, &key).map_err(StartupError::configuration)?;
        let tls = server_config(&certificate).map_err(StartupError::other)?;
        let expiry = Expiry::default();
        let mut this = Self { chain, key, certificate, tls, expiry, seen, problem: None, counters, silent };
        this.begin(now);
        Ok(this)
    }

    /// For new connections.
    pub(super) fn tls(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls)
    }

    /// Reads the files again if they have changed, or if somebody `asked`. A certificate of no use changes nothing, and is told of once:
    /// at once if somebody asked, and otherwise when it is found the same the next time, for the two files are not written in one moment.
    pub(super) fn look(&mut self, asked: bool, now: ClockTime) {
        let versions = [Version::at(&self.chain), Version::at(&self.key)];
        if versions != self.seen || self.problem.is_some() || asked {
            self.seen = versions;
            let read = certificate::read(&self.chain, &self.key)
                .and_then(|certificate| Ok((server_config(&certificate)?, certificate)));
            match read {
                Ok((tls, certificate)) => self.renew(tls, certificate, now),
                Err(text) => self.complain(text, asked),
            }
        }
        self.warn_ahead(now);
    }

    fn renew(&mut self, tls: Arc<ServerConfig>, certificate: Certificate, now: ClockTime) {
        let chain = self.chain.display();
        if self.problem.take().is_some_and(|problem| problem.told) && !self.silent {
            tracing::info!("{chain}: certificate and key are good again");
        }
        // The same one may have another key file; then nothing is to be told.
        let is_new = certificate.certified.cert != self.certificate.certified.cert;
        (self.tls, self.certificate) = (tls, certificate);
        if is_new {
            if !self.silent {
                let until = Date::of(self.certificate.validity.not_after);
                tracing::info!("{chain}: new clients get this certificate, good until {until}, from now on");
            }
            self.expiry = Expiry::default();
            self.begin(now);
        }
    }

    /// Another certificate is in force.
    fn begin(&mut self, now: ClockTime) {
        self.counters.set_certificate_expiry(self.certificate.validity.not_after);
        if let Some(trouble) = self.certificate.trouble(now).filter(|_| !self.silent) {
            tracing::warn!("{}: {trouble}", self.chain.display());
        }
        if now > self.certificate.validity.not_after {
            // Told just now.
            self.expiry.due(self.certificate.validity, now);
        }
    }

    fn warn_ahead(&mut self, now: ClockTime) {
        let validity = self.certificate.validity;
        let chain = self.chain.display();
        match self.expiry.due(validity, now).filter(|_| !self.silent) {
            None => {}
            Some(Left::Expired) => {
                let trouble = self.certificate.trouble(now).unwrap_or_default();
                tracing::warn!("{chain}: {trouble}");
            }
            Some(left) => {
                let warning = ends_soon(validity.not_after, left);
                tracing::warn!("{chain}: {warning}");
            }
        }
    }

    fn complain(&mut self, text: String, asked: bool) {
        let before = self.problem.take().filter(|before| before.text == text);
        let mut told = before.as_ref().is_some_and(|before| before.told);
        if asked || !told && before.is_some() {
            if !self.silent {
                tracing::error!("{text} (the certificate of before stays in force)");
            }
            told = true;
        }
        self.problem = Some(Problem { text, told });
    }
}

/// TLS 1.3 alone (RFC 8915 §3), no client is asked who it is, and none is known again: a resumed connection would save one signature, and
/// would let others link two exchanges of one client.
fn server_config(certificate: &Certificate) -> Result<Arc<ServerConfig>, String> {
    let provider =
        CryptoProvider { cipher_suites: SUITES.to_vec(), ..CryptoProvider::clone(&certificate::provider()) };
    let builder = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| format!("TLS 1.3 cannot be spoken: {error}"))?;
    let shown = SingleCertAndKey::from(Arc::clone(&certificate.certified));
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.ignore_client_order = true;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
