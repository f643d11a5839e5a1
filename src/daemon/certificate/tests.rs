//! Certificates made at test time, and what is said of files that hold none.

use super::*;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::fs;
use std::path::PathBuf;

/// A certificate for localhost, and where it lies.
pub(in crate::daemon) struct Made {
    pub(in crate::daemon) chain: PathBuf,
    pub(in crate::daemon) key: PathBuf,
    /// Its own root.
    pub(in crate::daemon) root: CertificateDer<'static>,
}

/// Puts a new one there, valid in these years.
pub(in crate::daemon) fn make(folder: &Path, years: std::ops::Range<i32>) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let made = Made {
        chain: folder.join("chain.pem"),
        key: folder.join("key.pem"),
        root: certificate.der().clone(),
    };
    fs::write(&made.chain, certificate.pem()).unwrap();
    fs::write(&made.key, key.serialize_pem()).unwrap();
    made
}

/// About the first of January.
pub(in crate::daemon) fn at(year: i64) -> ClockTime {
    ClockTime::from_unix_secs((year - 1970) * 31_557_600)
}

#[test]
fn a_chain_and_its_key_are_read_with_their_validity() {
    let folder = tempfile::tempdir().unwrap();
    let Made { chain, key, .. } = make(folder.path(), 2020..2040);
    let certificate = read(&chain, &key).unwrap();
    let Validity { not_before, not_after } = certificate.validity;
    assert_eq!(
        (Date::of(not_before).to_string(), Date::of(not_after).to_string()),
        ("2020-01-01".into(), "2040-01-01".into())
    );
    assert_eq!(certificate.trouble(at(2030)), None);
    assert!(certificate.trouble(at(2041)).unwrap().contains("has expired on 2040-01-01"));
    assert!(certificate.trouble(at(2019)).unwrap().contains("is not valid before 2020-01-01"));
}

#[test]
fn a_certificate_without_an_end_is_good_for_all_time() {
    let folder = tempfile::tempdir().unwrap();
    let Made { chain, key, .. } = make(folder.path(), 2020..9999);
    assert_eq!(read(&chain, &key).unwrap().trouble(at(2261)), None);
}

#[test]
fn chain_and_key_may_be_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let Made { chain, key, .. } = make(folder.path(), 2020..2040);
    let both = [fs::read(&key).unwrap(), fs::read(&chain).unwrap()].concat();
    fs::write(&chain, both).unwrap();
    read(&chain, &chain).unwrap();
}

#[test]
fn files_of_no_use_are_named_with_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let Made { chain, key, .. } = make(folder.path(), 2020..2040);
    let other = tempfile::tempdir().unwrap();
    let stranger = make(other.path(), 2020..2040);
    let bad = folder.path().join("bad.pem");
    let says = |chain: &Path, key: &Path, named: &Path, what: &str| {
        let text = read(chain, key).unwrap_err();
        assert!(text.starts_with(&format!("{}: ", named.display())) && text.contains("; "), "{text}");
        assert!(text.contains(what), "{text}");
    };
    says(&bad, &key, &bad, "the certificate chain cannot be read");
    says(&chain, &bad, &bad, "the private key cannot be read");
    says(folder.path(), &key, folder.path(), "no regular file");
    says(&chain, &stranger.key, &stranger.key, "not the key of the first certificate");
    says(&key, &key, &key, "no certificate in it");
    says(&chain, &chain, &chain, "no private key in it");
    for (text, what) in [
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "has no end"),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "not base64"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be understood"),
    ] {
        fs::write(&bad, text).unwrap();
        says(&bad, &key, &bad, what);
    }
    fs::write(&bad, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    says(&chain, &bad, &bad, "cannot be used");
    fs::write(&bad, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
        .unwrap();
    says(&chain, &bad, &bad, "is encrypted");
    fs::write(&bad, vec![b'\n'; LONGEST + 1]).unwrap();
    says(&bad, &key, &bad, "longer than any");
}
