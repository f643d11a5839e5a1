//! Makes a certificate authority that nobody trusts yet, and a certificate of it for these names. For tests and measurements on one machine:
//! nobody keeps the authority's key.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(folder), names) = (arguments.next().map(PathBuf::from), arguments.collect::<Vec<_>>()) else {
        return Err("usage: throwaway-certificate FOLDER NAME…, which writes ca.pem, certificate.pem and key.pem there".into());
    };
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "nobody's certificate authority");
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(names)?.signed_by(&key, &Issuer::new(authority, authority_key))?;
    fs::write(folder.join("ca.pem"), authority_certificate.pem())?;
    fs::write(folder.join("certificate.pem"), certificate.pem())?;
    fs::write(folder.join("key.pem"), key.serialize_pem())?;
    Ok(())
}
