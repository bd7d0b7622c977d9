//! What the API server serves under which name, and where one object is.

use super::decoder::DecodeItem;
use super::discovery::{Served, discover};
use super::list::{Warnings, encode, get_within, list};
use super::{ClusterError, Connection};
use crate::object::TypeMeta;
use serde_json::Value;
use std::sync::Arc;

/// An object may be so large with its managedFields; etcd refuses more than 1.5 MiB by default.
pub(super) const OBJECT_BYTES: usize = 8 << 20;
pub(super) const JSON: &str = "application/json";

/// A kind that is served and can be listed, in the version that the server prefers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// The name in paths: `deployments`.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
    /// Other names: the singular one, then the short ones.
    pub names: Vec<String>,
    /// `scale`, `status`, …
    pub subresources: Vec<String>,
}

impl Resource {
    /// `apps/v1`, `v1`
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, as RBAC and kubectl write it.
    pub fn full_name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Whether it has this subresource.
    pub fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|known| known == subresource)
    }

    /// The object of that name; the namespace of a kind that is in none is ignored.
    pub fn at(&self, namespace: &str, name: &str) -> Place {
        let namespace = if self.is_namespaced { namespace } else { "" };
        Place { resource: self.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The path of the collection.
    pub(super) fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", encode(&self.group)) };
        let within = match namespace {
            "" => String::new(),
            namespace => format!("/namespaces/{}", encode(namespace)),
        };
        format!("{root}/{}{within}/{}", encode(&self.version), encode(&self.plural))
    }
}

/// Where one object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Place {
    /// The path of the object, or of a subresource of it; empty for the object.
    pub(super) fn path(&self, subresource: &str) -> String {
        let below = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
        format!("{}/{}{below}", self.resource.path(&self.namespace), encode(&self.name))
    }
}

/// What discovery found.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// The kinds, in the order in which the server names them.
    pub all: Vec<Resource>,
    /// Groups and versions that could not be asked, with the reason.
    pub unanswered: Vec<(String, String)>,
}

impl Resources {
    /// The kinds that a person may mean by a word, as kubectl reads TYPE: plural, singular or short name or kind in
    /// any case, alone, with `.GROUP` (or its beginning) or with `.VERSION.GROUP`. More than one is for the caller to
    /// tell apart.
    pub fn named(&self, word: &str) -> Vec<&Resource> {
        let word = word.to_lowercase();
        let (name, rest) = word.split_once('.').map_or((word.as_str(), None), |(name, rest)| (name, Some(rest)));
        let is_called = |resource: &&Resource| {
            resource.plural == name
                || resource.kind.to_lowercase() == name
                || resource.names.iter().any(|known| known.to_lowercase() == name)
        };
        let called: Vec<&Resource> = self.all.iter().filter(is_called).collect();
        let Some(rest) = rest else { return called };
        let of = |fits: &dyn Fn(&Resource) -> bool| {
            called.iter().filter(|resource| fits(resource)).copied().collect::<Vec<&Resource>>()
        };
        let exact = of(&|resource| {
            resource.group == rest
                || (!resource.group.is_empty() && rest == format!("{}.{}", resource.version, resource.group))
        });
        if exact.is_empty() { of(&|resource| !rest.is_empty() && resource.group.starts_with(rest)) } else { exact }
    }

    /// The kind of a group, in the version that the server prefers.
    pub fn of_kind(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.all.iter().find(|resource| resource.group == group && resource.kind == kind)
    }
}

/// Asks what is served.
///
/// # Errors
/// When discovery does not answer; a group that does not is in the answer.
pub async fn resources(connection: &Connection) -> Result<Resources, ClusterError> {
    let found = discover(connection, &Warnings::default()).await?;
    let resource = |served: Served| Resource {
        group: served.group,
        version: served.version,
        kind: served.kind,
        plural: served.plural,
        is_namespaced: served.is_namespaced,
        names: served.names,
        subresources: served.subresources,
    };
    Ok(Resources { all: found.kinds.into_iter().map(resource).collect(), unanswered: found.unanswered })
}

/// One object as the API server gives it, with resourceVersion and managedFields.
///
/// # Errors
/// When it is not there, may not be read, or the server does not answer.
pub async fn object(connection: &Connection, place: &Place) -> Result<Value, ClusterError> {
    fetch(connection, place, "").await
}

/// The objects of a kind in a namespace that a label selector chooses, and of each what `decode` makes of it.
///
/// # Errors
/// As a list: forbidden, no answer.
pub async fn selected<T: Send + 'static>(
    connection: &Connection,
    resource: &Resource,
    namespace: &str,
    selector: &str,
    decode: DecodeItem<T>,
) -> Result<Vec<T>, ClusterError> {
    let ty = Arc::new(TypeMeta::new(&resource.api_version(), &resource.kind));
    let query = format!("&labelSelector={}", encode(selector));
    let path = resource.path(namespace);
    let pages = list(connection, &path, &query, JSON, (&ty, decode), &Warnings::default()).await?;
    Ok(pages.into_iter().flatten().collect())
}

/// A subresource of one object; the object itself for an empty name.
pub(super) async fn fetch(connection: &Connection, place: &Place, subresource: &str) -> Result<Value, ClusterError> {
    let path = place.path(subresource);
    let answer = get_within(connection, (&path, JSON), &Warnings::default(), OBJECT_BYTES, None).await;
    parse(&answer.map_err(|error| denied(error, "get", place, subresource))?)
}

/// An object among the bytes of an answer.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, ClusterError> {
    serde_json::from_slice(bytes).map_err(|error| {
        ClusterError::BadAnswer(format!("the object is no JSON at line {} column {}", error.line(), error.column()))
    })
}

/// A refusal by RBAC, with the rule that would allow the request; other errors as they are.
pub(super) fn denied(error: ClusterError, verb: &str, place: &Place, subresource: &str) -> ClusterError {
    match error {
        // `User "u" cannot update resource "deployments/scale" in API group "apps" in the namespace "n"`; admission
        // answers 403 as well, and no role helps there.
        ClusterError::Forbidden(message) if message.contains(" cannot ") => {
            let below = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
            let place_of_role = match place.namespace.as_str() {
                "" => "in a ClusterRole".to_owned(),
                namespace => format!("in namespace {namespace}"),
            };
            let rule = format!(
                "apiGroups: [{:?}], resources: [\"{}{below}\"], verbs: [{verb:?}] ({place_of_role})",
                place.resource.group, place.resource.plural
            );
            ClusterError::Denied { message, rule }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(group: &str, kind: &str, plural: &str, names: &[&str]) -> Resource {
        Resource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            is_namespaced: true,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            subresources: vec!["scale".to_owned()],
        }
    }

    #[test]
    fn kinds_are_named_as_kubectl_names_them() {
        let all = vec![
            resource("apps", "Deployment", "deployments", &["deployment", "deploy"]),
            resource("postgresql.cnpg.io", "Cluster", "clusters", &["cluster"]),
            resource("cluster.x-k8s.io", "Cluster", "clusters", &["cluster", "cl"]),
            resource("", "Pod", "pods", &["pod", "po"]),
        ];
        let resources = Resources { all, unanswered: Vec::new() };
        let groups = |word: &str| -> Vec<&str> { resources.named(word).iter().map(|it| &*it.group).collect() };
        for word in ["deploy", "Deployment", "deployments", "deployments.apps", "deploy.v1.apps", "deployment.ap"] {
            assert_eq!(groups(word), ["apps"], "{word}");
        }
        assert_eq!(groups("clusters"), ["postgresql.cnpg.io", "cluster.x-k8s.io"]);
        assert_eq!(groups("cluster.postgresql.cnpg.io"), ["postgresql.cnpg.io"]);
        assert_eq!(groups("cluster.cluster"), ["cluster.x-k8s.io"]);
        assert_eq!(groups("po"), [""]);
        for word in ["deployment.batch", "deploys", "", "pods.v1.", "deployments."] {
            assert!(groups(word).is_empty(), "{word}");
        }
    }

    #[test]
    fn paths_hold_no_more_than_names() {
        let place = resource("apps", "Deployment", "deployments", &[]).at("a", "x/../y?z");
        assert_eq!(place.path("scale"), "/apis/apps/v1/namespaces/a/deployments/x%2F..%2Fy%3Fz/scale");
        assert_eq!(resource("", "Pod", "pods", &[]).path(""), "/api/v1/pods");
    }

    #[test]
    fn a_refusal_by_rbac_has_its_rule_and_one_of_admission_has_none() {
        let place = resource("apps", "Deployment", "deployments", &[]).at("a", "web");
        let error = |message: &str| denied(ClusterError::Forbidden(message.to_owned()), "update", &place, "scale");
        let hints = error("deployments.apps \"web\" is forbidden: User \"u\" cannot update resource").hints();
        assert!(
            hints[0].contains("resources: [\"deployments/scale\"], verbs: [\"update\"] (in namespace a)"),
            "{hints:?}"
        );
        let hints = error("exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3").hints();
        assert!(hints[0].contains("no role helps"), "{hints:?}");
    }
}
