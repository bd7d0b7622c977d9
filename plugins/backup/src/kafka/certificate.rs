//! When a certificate ends. That is all that is read of it: a parser of whole certificates is a hundredth of the plugin.

use asn1_rs::{ASN1DateTime, Any, Class, FromDer as _, GeneralizedTime, Sequence, Tag, UtcTime};
use jiff::{Timestamp, civil, tz::TimeZone};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// When the first certificate of a PEM ends; `None` where there is none, or it cannot be read.
pub(super) fn end(pem: &[u8]) -> Option<Timestamp> {
    not_after(&CertificateDer::from_pem_slice(pem).ok()?)
}

/// RFC 5280, 4.1: a certificate begins with what is signed, and that with a version (absent in the first one), a serial
/// number, an algorithm, the issuer and the validity.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = Sequence::from_der(der).ok()?;
    let (_, signed) = Sequence::from_der(&certificate.content).ok()?;
    let (rest, first) = Any::from_der(&signed.content).ok()?;
    let before = if first.class() == Class::ContextSpecific { 3 } else { 2 };
    let mut rest = rest;
    for _ in 0..before {
        (rest, _) = Any::from_der(rest).ok()?;
    }
    let (_, validity) = Sequence::from_der(rest).ok()?;
    let (rest, _) = Any::from_der(&validity.content).ok()?;
    match Any::from_der(rest).ok()?.1.tag() {
        Tag::UtcTime => {
            let (_, UtcTime(time)) = UtcTime::from_der(rest).ok()?;
            // RFC 5280, 4.1.2.5.1
            instant(&time, if time.year < 50 { 2000 } else { 1900 })
        }
        Tag::GeneralizedTime => instant(&GeneralizedTime::from_der(rest).ok()?.1.0, 0),
        _ => None,
    }
}

fn instant(time: &ASN1DateTime, century: i16) -> Option<Timestamp> {
    let small = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(time.year).ok()?.checked_add(century)?;
    let (month, day) = (small(time.month)?, small(time.day)?);
    let (hour, minute, second) = (small(time.hour)?, small(time.minute)?, small(time.second)?);
    let time = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        [&[tag, 0x81][..if length < 128 { 1 } else { 2 }], &[length], content].concat()
    }

    fn certificate(version: &[u8], tag: u8, end: &str) -> Vec<u8> {
        let begin = wrapped(0x17, b"200101000000Z");
        let validity = wrapped(0x30, &[begin, wrapped(tag, end.as_bytes())].concat());
        let parts = [version, &[2, 1, 7], &[0x30, 0], &[0x30, 0], &validity, &[0x30, 0]].concat();
        wrapped(0x30, &[wrapped(0x30, &parts), vec![0x30, 0]].concat())
    }

    #[test]
    fn the_end_is_read_of_every_version_and_form_of_time() {
        let third = [0xa0, 3, 2, 1, 2];
        let text = |der: Vec<u8>| not_after(&der).map(|time| time.to_string());
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(text(certificate(&third, 0x17, "270102030405Z")), is("2027-01-02T03:04:05Z"));
        assert_eq!(text(certificate(&[], 0x17, "500102030405Z")), is("1950-01-02T03:04:05Z"));
        assert_eq!(text(certificate(&third, 0x18, "20510102030405Z")), is("2051-01-02T03:04:05Z"));
        assert_eq!(text(certificate(&third, 0x17, "271302030405Z")), None);
        assert_eq!(text(certificate(&third, 0x0c, "270102030405Z")), None);
    }

    #[test]
    fn what_is_cut_or_none_has_no_end() {
        let whole = certificate(&[0xa0, 3, 2, 1, 2], 0x17, "270102030405Z");
        for length in 0..whole.len() {
            assert!(not_after(&whole[..length]).is_none(), "{length}");
        }
        for text in ["", "CANARY", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(end(text.as_bytes()).is_none(), "{text}");
        }
    }
}
