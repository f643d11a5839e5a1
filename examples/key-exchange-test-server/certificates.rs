//! Certificates that are made anew at every start, good and bad. Nobody keeps the authority's key.

use ntpd_rs::testserver::key_exchange::{Identity, KeyExchangeBehaviour as Behaviour};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Whom clients are to trust.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// In a chain that is too long.
const LONG_CHAIN: usize = 50;

impl Authority {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "nobody's certificate authority");
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for the name, or what such a server has in its place.
    pub(crate) fn identity(&self, name: &str, behaviour: Behaviour) -> Result<Identity, Error> {
        let name = if behaviour == Behaviour::WrongName { "other.example" } else { name };
        let mut params = CertificateParams::new([name.to_owned()])?;
        match behaviour {
            Behaviour::Expired => params.not_after = date_time_ymd(2001, 1, 1),
            Behaviour::NotYetValid => params.not_before = date_time_ymd(2100, 1, 1),
            Behaviour::SelfSigned => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            _ => {}
        }
        let key = KeyPair::generate()?;
        let leaf = match behaviour {
            Behaviour::SelfSigned => params.self_signed(&key)?,
            _ => params.signed_by(&key, &self.0)?,
        };
        let others = if behaviour == Behaviour::LongChain { LONG_CHAIN - 1 } else { 0 };
        let mut chain = vec![leaf.der().clone()];
        chain.extend(std::iter::repeat_n(self.0.der().clone(), others));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Identity { chain, key })
    }
}
