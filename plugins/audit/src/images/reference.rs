//! Image references, by the grammar of the distribution project (github.com/distribution/reference): which registry,
//! which repository, which tag and digest.

use std::fmt;

/// A reference, its defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference<'a> {
    /// The registry: `docker.io` where none is named.
    pub registry: &'a str,
    /// The repository: `library/postgres`, `strimzi/operator`.
    pub repository: String,
    /// The tag; `None` where none is named, which means `latest` unless there is a digest.
    pub tag: Option<&'a str>,
    /// The digest: `sha256:…`.
    pub digest: Option<&'a str>,
}

/// The registry of references that name none.
const DEFAULT: &str = "docker.io";

impl<'a> Reference<'a> {
    /// Reads a reference; `None` where the text is none: a template, a substitution, an empty text.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) if is_digest(digest) => (name, Some(digest)),
            Some(_) => return None,
            None => (text, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].split_once(':') {
            Some((short, tag)) if is_tag(tag) => (&name[..last + short.len()], Some(tag)),
            Some(_) => return None,
            None => (name, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
            _ => (DEFAULT, name),
        };
        let registry = if registry == "index.docker.io" { DEFAULT } else { registry };
        if !is_host(registry) || !path.split('/').all(is_component) {
            return None;
        }
        let is_official = registry == DEFAULT && !path.contains('/');
        let repository = if is_official { format!("library/{path}") } else { path.to_owned() };
        Some(Self { registry, repository, tag, digest })
    }

    /// Whether what it names may change by itself: no digest, and no tag or `latest`.
    pub fn is_moving(&self) -> bool {
        self.digest.is_none() && self.tag.is_none_or(|tag| tag == "latest")
    }

    /// Registry and repository.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The last part of the repository: `operator`.
    pub fn short(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// Whether its name is `prefix`, or lies below it as a folder: `quay.io/strimzi` holds `quay.io/strimzi/kafka`
    /// but not `quay.io/strimzi-evil/kafka`.
    pub fn is_below(&self, prefix: &str) -> bool {
        let name = self.name();
        let rest = name.strip_prefix(prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = self.tag {
            write!(out, ":{tag}")?;
        }
        if let Some(digest) = self.digest {
            write!(out, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether this is `ALGORITHM:HEX` with at least 32 digits.
pub(super) fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.starts_with(|first: char| first.is_ascii_alphabetic())
            && algorithm.chars().all(|part| part.is_ascii_alphanumeric() || "+.-_".contains(part))
            && hex.len() >= 32
            && hex.chars().all(|digit| digit.is_ascii_hexdigit())
    })
}

fn is_tag(text: &str) -> bool {
    let is_word = |part: char| part.is_ascii_alphanumeric() || part == '_';
    text.len() <= 128 && text.starts_with(is_word) && text.chars().all(|part| is_word(part) || ".-".contains(part))
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.rsplit_once(':').map_or((text, "1"), |(name, port)| (name, port));
    let is_name = !name.is_empty() && name.chars().all(|part| part.is_ascii_alphanumeric() || ".-[]:".contains(part));
    is_name && !port.is_empty() && port.chars().all(|digit| digit.is_ascii_digit())
}

/// Letters and digits, with single dots, one or two underscores or any number of dashes between them.
fn is_component(text: &str) -> bool {
    let is_plain = |part: char| part.is_ascii_lowercase() || part.is_ascii_digit();
    let is_joined = text.starts_with(is_plain) && text.ends_with(is_plain);
    let separators = text.split(is_plain).filter(|between| !between.is_empty());
    is_joined && separators.into_iter().all(|it| matches!(it, "." | "_" | "__") || it.chars().all(|part| part == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_get_their_defaults() {
        for (text, whole, is_moving) in [
            ("postgres", "docker.io/library/postgres", true),
            ("apache/airflow:2.10.5", "docker.io/apache/airflow:2.10.5", false),
            ("localhost/a:latest", "localhost/a:latest", true),
            ("registry:5000/a/b", "registry:5000/a/b", true),
            ("index.docker.io/busybox:1", "docker.io/library/busybox:1", false),
            (
                "quay.io/minio/minio:RELEASE.2024-07-10T18-41-49Z",
                "quay.io/minio/minio:RELEASE.2024-07-10T18-41-49Z",
                false,
            ),
            ("foo__bar/a--b.c", "docker.io/foo__bar/a--b.c", true),
        ] {
            let reference = Reference::parse(text).expect(text);
            assert_eq!((reference.to_string().as_str(), reference.is_moving()), (whole, is_moving));
        }
        let text = format!("a/b:latest@{DIGEST}");
        let pinned = Reference::parse(&text).expect("a digest");
        assert_eq!((pinned.tag, pinned.digest, pinned.is_moving()), (Some("latest"), Some(DIGEST), false));
    }

    #[test]
    fn what_is_no_reference_is_not_guessed_at() {
        for text in
            ["", "${IMAGE}", "a:{{ .tag }}", "A/b", "a@sha256:12", "a:", "a//b", "*:latest", "http://a/b", "a..b"]
        {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let reference = Reference::parse("quay.io/strimzi-evil/kafka:1").expect("a reference");
        assert!(!reference.is_below("quay.io/strimzi") && reference.is_below("quay.io"));
        assert!(reference.is_below("quay.io/strimzi-evil/") && !reference.is_below("quay.i"));
    }
}
