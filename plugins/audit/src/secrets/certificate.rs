//! Certificates as they are judged: whose, how long they hold, in which order, and whether a key belongs to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use zeroize::Zeroizing;

/// Certificates of one value that are looked at.
const MOST: usize = 256;

/// One certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Its common name, else the first name that it holds for. Not made safe to print.
    pub subject: String,
    /// Seconds since 1970 from which on it holds.
    pub not_before: i64,
    /// Seconds since 1970 after which it does not.
    pub not_after: i64,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// Whether it is for servers and names none that a client would accept.
    pub is_nameless: bool,
    /// A key or a signature that is too weak to be trusted.
    pub weakness: Option<String>,
}

/// The certificates of one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Where they stand: `data[tls.crt]`, `webhooks[0].clientConfig.caBundle`.
    pub path: String,
    /// As they stand there.
    pub certificates: Vec<Certificate>,
    /// Whether they are what one server or client shows, its own first; else all are trusted alike.
    pub is_shown: bool,
    /// Whether each is signed by the next, as far as their names say.
    pub is_ordered: bool,
    /// Whether the key beside them is that of the first; `None` where there is none, or it cannot be told.
    pub fits_key: Option<bool>,
}

impl Chain {
    /// The certificates in a PEM text. `None` where there is none that can be read.
    pub(crate) fn of_pem(path: impl Into<String>, text: &[u8], key: Option<&[u8]>) -> Option<Self> {
        let blocks = Pem::iter_from_buffer(text).take(MOST).filter_map(Result::ok);
        let blocks: Vec<Pem> = blocks.filter(|block| block.label.ends_with("CERTIFICATE")).collect();
        let parsed: Vec<X509Certificate<'_>> = blocks
            .iter()
            .filter_map(|block| X509Certificate::from_der(&block.contents).ok().map(|(_, it)| it))
            .collect();
        let first = parsed.first()?;
        let is_ordered = parsed.windows(2).all(|pair| pair[0].issuer().as_raw() == pair[1].subject().as_raw());
        Some(Self {
            path: path.into(),
            is_shown: key.is_some() || !first.is_ca(),
            is_ordered,
            fits_key: key.and_then(|key| fits(first, key)),
            certificates: parsed.iter().map(certificate).collect(),
        })
    }

    /// As [`Chain::of_pem`], of PEM in base64, as `caBundle` and kubeconfigs have it.
    pub(crate) fn of_base64(path: impl Into<String>, text: &str) -> Option<Self> {
        let packed: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        Self::of_pem(path, &STANDARD.decode(packed).ok()?, None)
    }
}

fn certificate(it: &X509Certificate<'_>) -> Certificate {
    let common = it.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default();
    let names = it.subject_alternative_name().ok().flatten().map(|found| found.value.general_names.as_slice());
    let named = names.unwrap_or_default();
    let first = named.iter().find_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some(*name),
        _ => None,
    });
    let subject = if common.is_empty() { first.unwrap_or("without a name") } else { common };
    let uses = it.extended_key_usage().ok().flatten().map(|found| found.value);
    let is_server = uses.is_some_and(|uses| uses.server_auth);
    Certificate {
        subject: subject.chars().take(120).collect(),
        not_before: it.validity().not_before.timestamp(),
        not_after: it.validity().not_after.timestamp(),
        is_authority: it.is_ca(),
        is_nameless: !it.is_ca() && is_server && named.is_empty(),
        weakness: weakness(it),
    }
}

/// RSA below 2048 bits, and signatures by MD5 or SHA-1; of what signs itself the signature proves nothing anyway.
fn weakness(it: &X509Certificate<'_>) -> Option<String> {
    if let Ok(PublicKey::RSA(key)) = it.public_key().parsed() {
        let bits = key.key_size();
        if bits < 2048 {
            return Some(format!("an RSA key of {bits} bits"));
        }
    }
    let is_self_signed = it.issuer().as_raw() == it.subject().as_raw();
    let digest = match it.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => "MD5",
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.3.14.3.2.29" => "SHA-1",
        _ => return None,
    };
    (!is_self_signed).then(|| format!("a signature with {digest}"))
}

/// Whether a private key, PEM, is that of a certificate; `None` where it cannot be told.
///
/// Encodings of RSA and, nearly always, of elliptic curves hold the public half too, so it is enough to look for it.
fn fits(it: &X509Certificate<'_>, key: &[u8]) -> Option<bool> {
    let block = Pem::iter_from_buffer(key).filter_map(Result::ok).find(|block| block.label.ends_with("PRIVATE KEY"))?;
    let label = block.label;
    let der = Zeroizing::new(block.contents);
    if label.starts_with("ENCRYPTED") {
        return None;
    }
    let holds = |part: &[u8]| der.windows(part.len().max(1)).any(|window| window == part);
    let public = it.public_key();
    match public.parsed().ok()? {
        PublicKey::RSA(rsa) => {
            let modulus: &[u8] = &rsa.modulus[rsa.modulus.iter().take_while(|byte| **byte == 0).count()..];
            (!modulus.is_empty()).then(|| holds(modulus))
        }
        PublicKey::EC(_) => {
            let point: &[u8] = &public.subject_public_key.data;
            if holds(point) {
                return Some(true);
            }
            // BIT STRING with a point of the same length: another key's.
            let length = u8::try_from(point.len() + 1).ok()?;
            holds(&[0x03, length, 0x00, 0x04]).then_some(false)
        }
        _ if public.algorithm.algorithm.to_id_string() == "1.3.101.112" => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()?;
            Some(pair.public_key().as_ref() == &*public.subject_public_key.data)
        }
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

    /// 2026-11-20T03:00:00Z, when the tests look.
    pub(crate) const NOW: i64 = 1_795_143_600;

    /// A chain of a leaf and its authority, with the leaf's key: PEM each.
    pub(crate) fn made(name: &str, days: (i64, i64)) -> (String, String, String) {
        let at = |day: i64| {
            let seconds = NOW + day * 86_400;
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds.unsigned_abs())
        };
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, format!("{name}-ca"));
        (authority.not_before, authority.not_after) = (at(-100), at(3000));
        let key = KeyPair::generate().expect("a key");
        let root = authority.self_signed(&key).expect("signed").pem();
        let issuer = Issuer::new(authority, key);
        let mut leaf = CertificateParams::new(vec![format!("{name}.example")]).expect("names");
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (leaf.not_before, leaf.not_after) = (at(days.0), at(days.1));
        let key = KeyPair::generate().expect("a key");
        let leaf = leaf.signed_by(&key, &issuer).expect("signed").pem();
        (leaf, root, key.serialize_pem())
    }

    #[test]
    fn chains_keys_and_orders_are_told() {
        let (leaf, root, key) = made("web", (-10, 80));
        let (other, _, _) = made("other", (-10, 80));
        let chain = |text: String| Chain::of_pem("p", text.as_bytes(), Some(key.as_bytes())).expect("certificates");
        let good = chain(format!("{leaf}{root}"));
        assert!(good.is_ordered && good.is_shown && good.fits_key == Some(true), "{good:?}");
        assert_eq!((good.certificates[0].subject.as_str(), good.certificates.len()), ("web", 2));
        assert_eq!(good.certificates[0].not_after, NOW + 80 * 86_400);
        assert!(good.certificates[1].is_authority && good.certificates.iter().all(|it| it.weakness.is_none()));
        assert!(!chain(format!("{leaf}{other}")).is_ordered);
        assert_eq!(chain(other).fits_key, Some(false));
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for text in
            ["", "redacted", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERT"]
        {
            assert_eq!(Chain::of_pem("p", text.as_bytes(), None), None, "{text}");
            assert_eq!(Chain::of_base64("p", &STANDARD.encode(text)), None, "{text}");
        }
        let (leaf, _, _) = made("web", (-10, 80));
        assert_eq!(Chain::of_base64("p", &STANDARD.encode(&leaf)).map(|it| it.certificates.len()), Some(1));
        let broken = Chain::of_pem(
            "p",
            leaf.as_bytes(),
            Some(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        );
        assert_eq!(broken.expect("a certificate").fits_key, None);
    }
}
