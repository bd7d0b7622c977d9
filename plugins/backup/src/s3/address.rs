//! `s3://BUCKET/KEY`: what a path on the command line means in an object store.

use mlops_shared::cli::Failure;
use std::path::Path;

/// How such an address begins.
const SCHEME: &str = "s3://";

/// A bucket, and a key or the beginning of keys in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The bucket.
    pub(crate) bucket: String,
    /// Without a slash at its ends; empty for the whole bucket.
    pub(crate) key: String,
}

/// Whether a path names an object store.
pub(crate) fn is_remote(path: &Path) -> bool {
    path.to_string_lossy().starts_with(SCHEME)
}

impl Address {
    /// Reads `s3://BUCKET/KEY`; `None` for any other path.
    ///
    /// # Errors
    /// When the bucket's name or the key cannot be one.
    pub(crate) fn parse(path: &Path) -> Result<Option<Self>, Failure> {
        let Some(text) = path.to_str().and_then(|text| text.strip_prefix(SCHEME)) else { return Ok(None) };
        let refused = |why: &str| {
            Failure::usage(format!("{} is no address: {why}", path.display())).hint("as in s3://BUCKET/PREFIX")
        };
        let (bucket, key) = text.split_once('/').unwrap_or((text, ""));
        let is_letter = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, b'-' | b'.' | b'_');
        if bucket.len() < 3 || bucket.len() > 63 || !bucket.bytes().all(is_letter) {
            return Err(refused("a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens"));
        }
        let key = key.trim_matches('/');
        if key.len() > 900 || key.chars().any(char::is_control) {
            return Err(refused("its key is too long, or holds control characters"));
        }
        // A name between slashes that is empty or a dot is another key to some servers, and none to others.
        if key.split('/').any(|part| part == "." || part == ".." || (part.is_empty() && !key.is_empty())) {
            return Err(refused("a part of its key is empty, or a dot"));
        }
        Ok(Some(Self { bucket: bucket.to_owned(), key: key.to_owned() }))
    }

    /// The beginning that the keys of objects in it have, as of files in a folder.
    pub(crate) fn prefix(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!("{}/", self.key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_buckets_and_keys() {
        let parse = |text: &str| Address::parse(Path::new(text));
        let is = |text: &str| parse(text).expect("fits").map(|it| (it.bucket.clone(), it.key.clone(), it.prefix()));
        let of = |bucket: &str, key: &str, prefix: &str| Some((bucket.to_owned(), key.to_owned(), prefix.to_owned()));
        assert_eq!(is("s3://backups"), of("backups", "", ""));
        assert_eq!(is("s3://backups/"), of("backups", "", ""));
        assert_eq!(is("s3://backups/prod/eu/"), of("backups", "prod/eu", "prod/eu/"));
        assert_eq!(is("backups/prod"), None);
        for text in [
            "s3://",
            "s3://ab",
            "s3://UPPER/x",
            "s3://backups/a/../b",
            "s3://backups/a//b",
            "s3://b@d/x",
            "s3://backups/\u{1b}[2J",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
