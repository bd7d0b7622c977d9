//! Releases of Kubernetes as numbers, and names that are safe in a command.

use crate::record::Head;
use mlops_shared::health::api_versions::Minor;

/// The minor release of a version such as `v1.36.3+k3s1` or `1.36`.
pub(crate) fn kubernetes(text: &str) -> Option<Minor> {
    let mut parts = text.trim().strip_prefix('v').unwrap_or(text.trim()).split('.');
    let number = |part: &str| -> Option<u16> {
        let digits = part.split(|next: char| !next.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    Some((number(parts.next()?)?, number(parts.next()?)?))
}

/// The minor release after one.
pub(super) const fn next(release: Minor) -> Minor {
    (release.0, release.1.saturating_add(1))
}

/// An object's name for a command; a name that would need quotes is none of Kubernetes'.
pub(super) fn word(head: &Head) -> &str {
    let is_plain = |next: char| next.is_ascii_alphanumeric() || matches!(next, '.' | '-');
    if head.meta.name.chars().all(is_plain) { &head.meta.name } else { "NAME" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_in_all_forms() {
        for (text, want) in [
            ("v1.36.3", Some((1, 36))),
            ("1.36", Some((1, 36))),
            ("v1.29.3-gke.1282001", Some((1, 29))),
            ("v1.30+", Some((1, 30))),
            ("latest", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(kubernetes(text), want, "{text}");
        }
    }
}
