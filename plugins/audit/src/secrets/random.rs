//! Values under keys that say nothing, which look made by a machine.

use super::key::words;
use super::value::entropy;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Words of keys whose values are random and no secret: digests, versions, identities, public halves of keys.
const PUBLIC: &[&str] = &[
    "annotation",
    "ca",
    "cert",
    "certificate",
    "checksum",
    "commit",
    "crt",
    "data",
    "digest",
    "etag",
    "fingerprint",
    "hash",
    "icon",
    "id",
    "image",
    "integrity",
    "logo",
    "md5",
    "nonce",
    "pub",
    "public",
    "ref",
    "revision",
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "sig",
    "signature",
    "sum",
    "tag",
    "thumbprint",
    "uid",
    "url",
    "uuid",
    "version",
    "salt",
    "sops",
    "mac",
    "recipient",
];

/// How values begin that are random and open to everybody: paths and JPEG, digests of packages, SSH's public keys, and
/// certificates.
const OPEN: &[&str] = &["/", "sha1-", "sha256-", "sha384-", "sha512-", "AAAA", "MII"];

/// Whether a value under this key looks like a credential, though nothing says so: one word of 20 to 200 letters and
/// digits in a mixture that no word, name or identifier has, and none of the things that are random without being
/// secret.
pub(super) fn is_opaque(key: &str, value: &str) -> bool {
    if !(20..=200).contains(&value.len()) || words(key).iter().any(|word| PUBLIC.contains(&word.as_str())) {
        return false;
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+/=_-".contains(letter);
    if !value.chars().all(is_part) || OPEN.iter().any(|start| value.starts_with(start)) {
        return false;
    }
    let has = |test: fn(&char) -> bool| value.chars().any(|letter| test(&letter));
    if !(has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase)) {
        // Lower-case hexadecimal and UUIDs: nearly always a digest or an identity.
        return false;
    }
    // `team/Group2/ModelServer` is a path, `my-Model-V2-large` a name: long runs of one class, with signs between.
    let class = |letter: char| match letter {
        'a'..='z' => 0,
        'A'..='Z' => 1,
        '0'..='9' => 2,
        _ => 3,
    };
    let letters: Vec<u8> = value.chars().map(class).collect();
    let changes = letters.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let signs = letters.iter().filter(|class| **class == 3).count();
    let word = letters.split(|class| *class != 0).map(<[u8]>::len).max().unwrap_or_default();
    word < 6 && changes * 2 >= letters.len() && signs * 8 <= letters.len() && entropy(value) >= 3.9 && !is_packed(value)
}

/// Whether a value is base64 of something that is no secret: a text, a picture, an archive.
fn is_packed(value: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(value) else { return false };
    let is_text = std::str::from_utf8(&bytes)
        .is_ok_and(|text| !text.contains(|letter: char| letter.is_control() && !letter.is_whitespace()));
    let starts: &[&[u8]] = &[b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"PK\x03\x04", b"<svg", b"RIFF"];
    is_text || starts.iter().any(|start| bytes.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_name_looks_like_is_opaque() {
        for value in ["CaNaRyX7fQ2mLz9Kp4Wd8sT", "x9Kd03mPq7Zt1LwB6vRc", "wJalr7UtnFEMI/K7MDENG/bPx5fiCYzzz8aKEY"] {
            assert!(is_opaque("setting", value), "{value}");
        }
        for (key, value) in [
            ("imageDigest", "CaNaRyX7fQ2mLz9Kp4Wd8sT"),
            ("setting", "0b7c2d0e-9a43-4a57-8d0e-6c0b1f1a2b3c"),
            ("setting", "9b74c9897bac770ffc029102a200c5de9b74c989"),
            ("setting", "io.fluxcd.SourceControllerV2beta1"),
            ("setting", "FluxSourceControllerV2beta1Config"),
            ("setting", "team/Group2/ModelServerLarge/V3"),
            ("setting", "my-Model-V2-large-Instruct-Q4"),
            ("setting", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"),
            ("setting", "dGhpcyBpcyBhIHRleHQgb2Ygc29tZSBsZW5ndGg="),
            ("setting", "main@sha1:4c8d2a0f1b3e5d7c9a8b6f4e2d0c1a3b5e7f9d8c"),
            ("setting", "short7Aa"),
            ("setting", "sha256-x9Kd03mPq7Zt1LwB6vRcAb3De5Fg7Hi9Jk1Lm3No5P"),
            ("setting", "readCoreV1NamespacedPodStatus2X"),
            ("clusterId", "MkU3OEVBNTcwNTJENDM2Qk"),
        ] {
            assert!(!is_opaque(key, value), "{key} {value}");
        }
    }
}
