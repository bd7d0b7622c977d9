//! API versions that are deprecated or gone: since which release, and what to write instead.

mod kubernetes;
mod operators;

/// A minor release: `(1, 25)`.
pub type Minor = (u16, u16);

/// The newest Kubernetes release that the table knows; what is removed in it or before is gone for a reader who does not
/// know the cluster.
pub const NEWEST_KUBERNETES: Minor = kubernetes::NEWEST;

/// What is known of the end of an API version.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiVersion {
    group: &'static str,
    /// Kinds; empty for all of the group.
    kinds: &'static [&'static str],
    version: &'static str,
    /// What serves it: `Kubernetes`, `Flux`, …
    pub product: &'static str,
    /// The release that deprecates it; `None` where the source names none.
    pub deprecated: Option<Minor>,
    /// The first release without it.
    pub removed: Minor,
    /// What to write instead, a version of the group or a whole `group/version`; empty where there is nothing.
    instead: &'static str,
}

impl ApiVersion {
    /// What to do: `write apps/v1`.
    pub fn instead(&self) -> String {
        match self.instead {
            "" => "there is no other version of it".to_owned(),
            whole if whole.contains('/') => format!("write {whole}"),
            short => format!("write {}/{short}", self.group),
        }
    }

    /// The first release without it: `Flux 2.7`.
    pub fn since(&self) -> String {
        format!("{} {}.{}", self.product, self.removed.0, self.removed.1)
    }

    /// Whether it is a version of Kubernetes itself.
    pub fn is_of_kubernetes(&self) -> bool {
        self.product == kubernetes::PRODUCT
    }
}

/// The row of a version that is deprecated or gone, now or in a later release that is known.
pub fn find(group: &str, kind: &str, version: &str) -> Option<&'static ApiVersion> {
    // Nearly every object is in a version that stays.
    if version == "v1" {
        return None;
    }
    let mut rows = operators::TABLE.iter().chain(kubernetes::OLDER).chain(kubernetes::TABLE);
    rows.find(|row| row.group == group && row.version == version && (row.kinds.is_empty() || row.kinds.contains(&kind)))
}

/// As [`find`], of a version that current releases no longer serve.
pub fn removed(group: &str, kind: &str, version: &str) -> Option<&'static ApiVersion> {
    find(group, kind, version).filter(|row| !row.is_of_kubernetes() || row.removed <= NEWEST_KUBERNETES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_come_is_found_and_not_gone() {
        let later = find("resource.k8s.io", "ResourceClaim", "v1beta2").expect("a row");
        assert_eq!(
            (later.deprecated, later.removed, later.since()),
            (Some((1, 36)), (1, 39), "Kubernetes 1.39".into())
        );
        assert_eq!(later.instead(), "write resource.k8s.io/v1");
        assert!(removed("resource.k8s.io", "ResourceClaim", "v1beta2").is_none());
        let gone = removed("policy", "PodDisruptionBudget", "v1beta1").expect("a row");
        assert_eq!((gone.removed, gone.instead()), ((1, 25), "write policy/v1".into()));
    }

    #[test]
    fn versions_that_are_served_are_not_in_the_table() {
        for (group, kind, version) in [
            ("external-secrets.io", "PushSecret", "v1alpha1"),
            ("sparkoperator.k8s.io", "SparkApplication", "v1beta2"),
            ("notification.toolkit.fluxcd.io", "Alert", "v1beta3"),
            ("policy", "PodDisruptionBudget", "v1"),
            ("kafka.strimzi.io", "Kafka", "v1"),
        ] {
            assert!(find(group, kind, version).is_none(), "{group}/{version} {kind}");
        }
    }
}
