//! Keys of a run: recipients that an archive is encrypted to, and the key that signs it.

use crate::storage::{Content, Storage, Watched};
use age::Recipient;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use minisign::{PublicKey, SecretKey, SecretKeyBox, SignatureBox};
use mlops_shared::cli::Failure;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A file of keys may be so large.
const BYTES: u64 = 1 << 20;

/// Reads a small file of text; `None` where there is none.
///
/// # Errors
/// When it cannot be read, is no text, or is larger than 1 MiB.
pub(crate) fn text_of(path: &Path) -> Result<Option<String>, Failure> {
    let failed = |reason: &str| Failure::usage(format!("failed to read {}: {reason}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error.to_string())),
    };
    let mut text = String::new();
    let read = file.take(BYTES + 1).read_to_string(&mut text).map_err(|_| failed("it is no text"))?;
    if read as u64 > BYTES { Err(failed("it is larger than 1 MiB")) } else { Ok(Some(text)) }
}

/// Reads a small file of text that has to be there.
fn text(path: &Path) -> Result<String, Failure> {
    text_of(path)?.ok_or_else(|| {
        let reason = std::io::Error::from(ErrorKind::NotFound);
        Failure::usage(format!("failed to read {}: {reason}", path.display()))
    })
}

/// So many random bytes as hexadecimal digits: what tells a run from others.
///
/// # Errors
/// When the system gives no random numbers.
pub(crate) fn mark<const BYTES: usize>() -> Result<String, Failure> {
    let mut bytes = [0; BYTES];
    let failed = |_| Failure::unchecked("the system gives no random numbers");
    SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The recipients that were named, and those of files, one a line.
///
/// # Errors
/// When one is none. What it was is not repeated: it may be an identity that was given by mistake.
pub(crate) fn recipients(named: &[String], files: &[PathBuf]) -> Result<Vec<Box<dyn Recipient + Send>>, Failure> {
    let mut all = Vec::new();
    for (index, word) in named.iter().enumerate() {
        all.push(recipient(word).map_err(|why| refused(&format!("--recipient {}", index + 1), why))?);
    }
    for path in files {
        let before = all.len();
        for (index, line) in text(path)?.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                let place = format!("line {} of {}", index + 1, path.display());
                all.push(recipient(line).map_err(|why| refused(&place, why))?);
            }
        }
        if all.len() == before {
            return Err(refused(&path.display().to_string(), "it is empty"));
        }
    }
    Ok(all)
}

fn refused(place: &str, why: &str) -> Failure {
    Failure::usage(format!("{place} is no recipient: {why}")).hint(
        "a recipient is age1… (`age-keygen -y KEY` prints it) or an SSH public key: ssh-ed25519 AAAA…, ssh-rsa AAAA…",
    )
}

fn recipient(word: &str) -> Result<Box<dyn Recipient + Send>, &'static str> {
    if word.starts_with("AGE-SECRET-KEY-") {
        return Err("it is an identity, which must stay secret");
    }
    if word.starts_with("ssh-") {
        let parsed: Result<age::ssh::Recipient, _> = word.parse();
        return parsed.map(|it| Box::new(it) as _).map_err(|_| "it is no SSH public key that age knows");
    }
    let parsed: Result<age::x25519::Recipient, _> = word.parse();
    parsed.map(|it| Box::new(it) as _).map_err(|_| "it does not begin with age1, or is not whole")
}

/// The bytes of a key that makes values of Secrets comparable between backups.
///
/// # Errors
/// When the file cannot be read, or is too short to be one.
pub(crate) fn comparison(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |reason: &str| Failure::usage(format!("failed to read {}: {reason}", path.display()));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(&error.to_string()))?;
    file.take(BYTES).read_to_end(&mut bytes).map_err(|error| failed(&error.to_string()))?;
    if bytes.len() < 32 {
        return Err(failed("a key has at least 32 bytes").hint("make one: `head -c 32 /dev/urandom > compare.key`"));
    }
    Ok(bytes)
}

/// Reads a minisign secret key.
///
/// # Errors
/// When it is none, or has a password.
pub(crate) fn signing(path: &Path) -> Result<SecretKey, Failure> {
    let refused = |why: &str| {
        Failure::usage(format!("{} is no key to sign with: {why}", path.display()))
            .hint("`minisign -G -W` makes one without a password, for runs that nobody watches")
    };
    let parsed = SecretKeyBox::from_string(&text(path)?).map_err(|_| refused("it is no minisign secret key"))?;
    parsed.into_unencrypted_secret_key().map_err(|_| refused("it has a password, or is broken"))
}

/// Reads a minisign public key: a file, or the key itself.
///
/// # Errors
/// When it is none.
pub(crate) fn public(word: &str) -> Result<PublicKey, Failure> {
    let path = Path::new(word);
    let text = if path.exists() { text(path)? } else { word.to_owned() };
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    PublicKey::from_base64(line.trim()).map_err(|_| {
        Failure::usage("--public-key is neither a minisign public key nor a file with one")
            .hint("it is the line RW… of the file minisign.pub")
    })
}

/// Signs a stream from its beginning to its end: what `minisign -V` verifies.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn sign(key: &SecretKey, input: impl Read, comment: &str) -> Result<String, Failure> {
    let failed = |error: String| Failure::unchecked(format!("failed to sign the archive: {error}"));
    let signed = minisign::sign(None, key, input, Some(comment), Some("signature of a kubectl mlops backup"));
    Ok(signed.map_err(|error| failed(error.to_string()))?.into_string())
}

/// Whether the lines of a signature have their lengths, and it is of a digest (`ED`): minisign takes the lengths for granted,
/// and reads the whole file into memory for the old form.
fn has_form(text: &str) -> bool {
    let line = |number: usize| BASE64_STANDARD.decode(text.lines().nth(number).unwrap_or_default().trim()).ok();
    line(1).is_some_and(|it| it.len() == 74 && it.starts_with(b"ED")) && line(3).is_some_and(|it| it.len() == 64)
}

/// Verifies the detached signature of a file, and gives the comment that it covers, and what was read.
///
/// # Errors
/// When it does not fit.
pub(crate) fn verify(
    key: &PublicKey,
    storage: &Storage<'_>,
    archive: &Path,
    signature: &Path,
) -> Result<(String, Content), Failure> {
    let refused = |why: &str| {
        Failure::usage(format!("the signature of {} does not hold: {why}", archive.display()))
            .hint("the archive or its signature was changed, or somebody else signed it: do not restore it")
    };
    let Some(text) = storage.small(signature, BYTES)? else {
        return Err(refused(&format!("there is no {}", signature.display())));
    };
    if !has_form(&text) {
        return Err(refused("it is no minisign signature of a digest"));
    }
    let parsed = SignatureBox::from_string(&text).map_err(|_| refused("it is no minisign signature"))?;
    let mut input = Watched::new(storage.open(archive)?);
    let verified = minisign::verify(key, &parsed, &mut input, true, false, false);
    // Where it could not be read, nothing is known about the signature.
    if let Some(failure) = input.failure() {
        return Err(failure);
    }
    verified.map_err(|error| refused(&error.to_string()))?;
    Ok((parsed.trusted_comment().unwrap_or_default(), input.content()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_of_age_or_ssh_and_an_identity_is_never_repeated() {
        let folder = tempfile::tempdir().expect("folder");
        let identity = age::x25519::Identity::generate();
        let file = folder.path().join("recipients");
        std::fs::write(&file, format!("# ops\n{}\n", identity.to_public())).expect("write");
        assert_eq!(
            recipients(&[identity.to_public().to_string()], std::slice::from_ref(&file)).map(|all| all.len()).ok(),
            Some(2)
        );
        let secret = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
        for word in [secret.as_str(), "age1nonsense", "ssh-ed25519 CANARY", "ssh-dss CANARY x", ""] {
            let failure = recipients(&[word.to_owned()], &[]).err().expect("refused");
            assert!(word.is_empty() || !failure.to_string().contains(word), "{failure}");
        }
        std::fs::write(&file, "# nobody\n").expect("write");
        assert!(recipients(&[], &[file]).is_err());
    }

    #[test]
    fn a_signature_holds_for_what_was_signed() {
        let folder = tempfile::tempdir().expect("folder");
        let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
        let (archive, signature) = (folder.path().join("a"), folder.path().join("a.minisig"));
        std::fs::write(&archive, "content").expect("write");
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, pair.sk.to_box(None).expect("box").into_string()).expect("write");
        let key = signing(&key_file).expect("key");
        let text = sign(&key, File::open(&archive).expect("open"), "of a test").expect("signed");
        std::fs::write(&signature, text).expect("write");
        let public = public(&pair.pk.to_base64()).expect("public key");
        let flags = crate::s3::S3Args::default();
        let storage = Storage::new(&flags);
        assert_eq!(verify(&public, &storage, &archive, &signature).expect("holds").0, "of a test");
        let good = std::fs::read_to_string(&signature).expect("read");
        let lines: Vec<&str> = good.lines().collect();
        let old = BASE64_STANDARD.decode(lines[1]).map(|it| [b"Ed", &it[2..]].concat()).expect("base64");
        let old = BASE64_STANDARD.encode(old);
        for (second, fourth) in [(lines[1], ""), (lines[1], "AAAA"), ("AAAA", lines[3]), (old.as_str(), lines[3])] {
            let bad = [lines[0], second, lines[2], fourth, ""].join("\n");
            std::fs::write(&signature, bad).expect("write");
            assert!(verify(&public, &storage, &archive, &signature).is_err(), "{second} {fourth}");
        }
        std::fs::write(&signature, good).expect("write");
        std::fs::write(&archive, "Content").expect("write");
        assert!(verify(&public, &storage, &archive, &signature).is_err());
        assert!(verify(&public, &storage, &archive, &folder.path().join("none")).is_err());
        assert!(super::public("nonsense").is_err() && signing(&archive).is_err());
    }
}
