//! Whether a rule allows a request, as the API server decides it
//! (kubernetes pkg/apis/rbac/v1/evaluation_helpers.go). All texts are compared with their case.

use crate::record::rbac::Rule;
use mlops_shared::object::Sym;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// Something with a resource.
    Resource {
        /// The verb.
        verb: &'a str,
        /// API group; empty for the core group.
        group: &'a str,
        /// `resource` or `resource/subresource`.
        resource: &'a str,
        /// The object's name; empty where the request bears none: lists, and creation of an object.
        name: &'a str,
    },
    /// Something with a path that belongs to no resource.
    Path {
        /// The verb.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

impl<'a> Request<'a> {
    /// A request that bears no name.
    pub const fn any(verb: &'a str, group: &'a str, resource: &'a str) -> Self {
        Self::Resource { verb, group, resource, name: "" }
    }
}

fn has(list: &[Sym], wanted: &str) -> bool {
    list.iter().any(|item| item.as_str() == wanted)
}

/// Whether a list has the word or the star.
pub(super) fn takes(list: &[Sym], wanted: &str) -> bool {
    has(list, "*") || has(list, wanted)
}

/// Whether a list of resources takes `resource` or `resource/sub`. A rule for `pods` says nothing of `pods/log`; a
/// star before a subresource stands for every resource, one behind a resource for nothing.
pub(super) fn takes_resource(list: &[Sym], wanted: &str) -> bool {
    let by_subresource = |(_, sub): (&str, &str)| list.iter().any(|item| item.strip_prefix("*/") == Some(sub));
    takes(list, wanted) || wanted.split_once('/').is_some_and(by_subresource)
}

fn takes_path(list: &[Sym], wanted: &str) -> bool {
    list.iter().any(|item| match item.strip_suffix('*') {
        Some(start) => wanted.starts_with(start),
        None => item.as_str() == wanted,
    })
}

impl Rule {
    /// Whether it allows a request.
    pub fn allows(&self, request: Request<'_>) -> bool {
        match request {
            Request::Resource { verb, group, resource, name } => {
                takes(&self.verbs, verb)
                    && takes(&self.api_groups, group)
                    && takes_resource(&self.resources, resource)
                    && (self.resource_names.is_empty() || has(&self.resource_names, name))
            }
            Request::Path { verb, path } => takes(&self.verbs, verb) && takes_path(&self.paths, path),
        }
    }

    /// Whether it allows a request on at least one name.
    pub fn allows_some(&self, verb: &str, group: &str, resource: &str) -> bool {
        takes(&self.verbs, verb) && takes(&self.api_groups, group) && takes_resource(&self.resources, resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(yaml: &str) -> Rule {
        serde_saphyr::from_str(yaml).expect("a rule")
    }

    #[test]
    fn resources_are_matched_as_the_api_server_does() {
        let pods = rule("{verbs: [get], apiGroups: [''], resources: [pods]}");
        assert!(pods.allows(Request::any("get", "", "pods")));
        assert!(!pods.allows(Request::any("get", "", "pods/log")), "a subresource is a resource of its own");
        assert!(!pods.allows(Request::any("get", "metrics.k8s.io", "pods")), "of another group");
        assert!(!pods.allows(Request::any("GET", "", "pods")), "the case counts");
        let star = rule("{verbs: ['*'], apiGroups: ['*'], resources: ['*']}");
        assert!(star.allows(Request::any("create", "", "pods/exec")));
        let behind = rule("{verbs: [create], apiGroups: [''], resources: ['pods/*']}");
        assert!(!behind.allows(Request::any("create", "", "pods/exec")), "no wildcard of RBAC");
        let before = rule("{verbs: [create], apiGroups: [''], resources: ['*/exec']}");
        assert!(before.allows(Request::any("create", "", "pods/exec")));
        assert!(!before.allows(Request::any("create", "", "exec")));
    }

    #[test]
    fn a_named_rule_allows_no_request_without_a_name() {
        let named = rule("{verbs: ['*'], apiGroups: [''], resources: [secrets], resourceNames: [one]}");
        let on = |verb, name| named.allows(Request::Resource { verb, group: "", resource: "secrets", name });
        assert!(on("get", "one") && !on("get", "two"));
        assert!(!on("list", "") && !on("create", "") && !on("deletecollection", ""));
        assert!(on("list", "one"), "with a field selector on the name");
    }

    #[test]
    fn paths_end_in_a_star_or_are_exact() {
        let paths = rule("{verbs: [get], nonResourceURLs: [/healthz, /metrics/*]}");
        let on = |path| paths.allows(Request::Path { verb: "get", path });
        assert!(on("/healthz") && on("/metrics/cadvisor"));
        assert!(!on("/metrics") && !on("/healthz/etcd"));
        assert!(rule("{verbs: ['*'], nonResourceURLs: ['*']}").allows(Request::Path { verb: "post", path: "/x" }));
    }
}
