//! Powers: what rules let their holder do that leads further. A new one is one row.

use super::codes::{
    RBAC_APISERVICE, RBAC_AWS_AUTH, RBAC_BIND, RBAC_CRD_WRITE, RBAC_CSR_APPROVE, RBAC_ESCALATE, RBAC_FLUX_APPLY,
    RBAC_IMPERSONATE, RBAC_MANAGE_BINDINGS, RBAC_NODE_PATCH, RBAC_NODE_PROXY, RBAC_POD_CREATE, RBAC_POD_EXEC,
    RBAC_PV_CREATE, RBAC_SECRETS_READ, RBAC_SECRETS_WRITE, RBAC_TOKEN_REQUEST, RBAC_WEBHOOKS, RBAC_WILDCARD,
};
use crate::record::rbac::Rule;
use crate::severity::Severity::{self, Critical, High, Low, Medium};
use mlops_shared::report::Code;
use std::collections::BTreeSet;

/// Any of these verbs on any of these resources of a group.
pub(crate) struct Asked {
    pub(crate) verbs: &'static [&'static str],
    pub(crate) group: &'static str,
    pub(crate) resources: &'static [&'static str],
}

/// A power: any of what is asked gives it.
struct Row {
    code: &'static Code,
    /// How much it matters when it holds in the whole cluster, and in one namespace; none: it gives nothing there.
    everywhere: Severity,
    in_namespace: Option<Severity>,
    asked: &'static [Asked],
}

const fn on(verbs: &'static [&'static str], group: &'static str, resources: &'static [&'static str]) -> Asked {
    Asked { verbs, group, resources }
}

const RBAC: &str = "rbac.authorization.k8s.io";
/// The one verb on ClusterRoles that is asked with the namespace of a binding.
const BIND: &[&str] = &["bind"];
const ROLES: &[&str] = &["clusterroles", "roles"];
const BINDINGS: &[&str] = &["clusterrolebindings", "rolebindings"];
pub(crate) const WRITE: &[&str] = &["create", "patch", "update"];

/// Kinds by which pods come to run, or whose operators run pods, with a service account of the author's choice.
pub(crate) const POD_MAKERS: &[Asked] = &[
    on(&["create"], "", &["pods"]),
    on(WRITE, "", &["replicationcontrollers"]),
    on(WRITE, "apps", &["daemonsets", "deployments", "replicasets", "statefulsets"]),
    on(WRITE, "batch", &["cronjobs", "jobs"]),
    on(WRITE, "sparkoperator.k8s.io", &["scheduledsparkapplications", "sparkapplications"]),
    on(WRITE, "kafka.strimzi.io", &["kafkaconnects", "kafkas", "kafkanodepools"]),
    on(WRITE, "core.strimzi.io", &["strimzipodsets"]),
    on(WRITE, "minio.min.io", &["tenants"]),
    on(WRITE, "argoproj.io", &["cronworkflows", "rollouts", "workflows", "workflowtemplates"]),
    on(WRITE, "ray.io", &["rayclusters", "rayjobs", "rayservices"]),
    on(WRITE, "serving.kserve.io", &["inferenceservices"]),
    on(WRITE, "serving.knative.dev", &["services"]),
    on(WRITE, "kubeflow.org", &["notebooks", "pytorchjobs", "tfjobs"]),
];

/// Kinds that Flux applies, each by its controller, with an account of the author's choice or its own.
const APPLIED: &[Asked] = &[
    on(WRITE, "kustomize.toolkit.fluxcd.io", &["kustomizations"]),
    on(WRITE, "helm.toolkit.fluxcd.io", &["helmreleases"]),
];

/// The powers, most grave first.
const ROWS: &[Row] = &[
    Row {
        code: &RBAC_ESCALATE,
        everywhere: Critical,
        in_namespace: Some(High),
        asked: &[on(&["escalate"], RBAC, ROLES)],
    },
    Row {
        code: &RBAC_IMPERSONATE,
        everywhere: Critical,
        in_namespace: Some(High),
        asked: &[
            on(&["impersonate"], "", &["groups", "serviceaccounts", "users"]),
            on(&["impersonate"], "authentication.k8s.io", &["uids"]),
        ],
    },
    Row {
        code: &RBAC_NODE_PROXY,
        everywhere: Critical,
        in_namespace: None,
        asked: &[on(&["create", "get"], "", &["nodes/proxy"])],
    },
    Row {
        code: &RBAC_TOKEN_REQUEST,
        everywhere: Critical,
        in_namespace: Some(High),
        asked: &[on(&["create"], "", &["serviceaccounts/token"])],
    },
    // What it gives depends on how Flux' controllers are started: `mod.rs` looks.
    Row { code: &RBAC_FLUX_APPLY, everywhere: Critical, in_namespace: Some(High), asked: APPLIED },
    Row {
        code: &RBAC_SECRETS_READ,
        everywhere: High,
        in_namespace: Some(Medium),
        asked: &[on(&["get", "list", "watch"], "", &["secrets"])],
    },
    Row {
        code: &RBAC_SECRETS_WRITE,
        everywhere: High,
        in_namespace: Some(Medium),
        asked: &[on(WRITE, "", &["secrets"])],
    },
    Row { code: &RBAC_POD_CREATE, everywhere: High, in_namespace: Some(Medium), asked: POD_MAKERS },
    Row {
        code: &RBAC_POD_EXEC,
        everywhere: High,
        in_namespace: Some(Medium),
        asked: &[
            on(&["create", "get"], "", &["pods/attach", "pods/exec", "pods/portforward"]),
            on(&["patch", "update"], "", &["pods", "pods/ephemeralcontainers"]),
        ],
    },
    Row {
        code: &RBAC_WEBHOOKS,
        everywhere: High,
        in_namespace: None,
        asked: &[on(
            WRITE,
            "admissionregistration.k8s.io",
            &[
                "mutatingadmissionpolicies",
                "mutatingadmissionpolicybindings",
                "mutatingwebhookconfigurations",
                "validatingadmissionpolicies",
                "validatingadmissionpolicybindings",
                "validatingwebhookconfigurations",
            ],
        )],
    },
    Row {
        code: &RBAC_APISERVICE,
        everywhere: High,
        in_namespace: None,
        asked: &[on(WRITE, "apiregistration.k8s.io", &["apiservices"])],
    },
    Row {
        code: &RBAC_NODE_PATCH,
        everywhere: High,
        in_namespace: None,
        asked: &[on(&["patch", "update"], "", &["nodes", "nodes/status"])],
    },
    Row {
        code: &RBAC_PV_CREATE,
        everywhere: High,
        in_namespace: None,
        asked: &[on(WRITE, "", &["persistentvolumes"])],
    },
    Row {
        code: &RBAC_CRD_WRITE,
        everywhere: Medium,
        in_namespace: None,
        asked: &[on(WRITE, "apiextensions.k8s.io", &["customresourcedefinitions"])],
    },
];

/// Every right that gives a power: verb, group, resource.
pub(crate) fn sensitive() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let asked = ROWS.iter().flat_map(|row| row.asked);
    asked.flat_map(|ask| {
        ask.resources.iter().flat_map(move |resource| ask.verbs.iter().map(move |verb| (*verb, ask.group, *resource)))
    })
}

/// A power that rules give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// Its code.
    pub code: &'static Code,
    /// How much it matters.
    pub severity: Severity,
    /// What gives it: `get, list secrets`; with the names that it is limited to.
    pub what: String,
    /// Names that it is limited to; none is all.
    pub names: Vec<String>,
}

impl Power {
    fn new(code: &'static Code, severity: Severity, what: impl Into<String>) -> Self {
        Self { code, severity, what: what.into(), names: Vec::new() }
    }
}

/// Whether rules allow every verb on everything, as `cluster-admin` does.
pub fn is_all(rules: &[Rule]) -> bool {
    rules.iter().any(|rule| {
        let all = |list: &[mlops_shared::object::Sym]| list.iter().any(|item| item.as_str() == "*");
        all(&rule.verbs) && all(&rule.api_groups) && all(&rule.resources) && rule.resource_names.is_empty()
    })
}

/// The powers that rules give, in the whole cluster or in one namespace. Of rules that allow everything only
/// that is said.
pub fn powers(rules: &[Rule], is_cluster_wide: bool) -> Vec<Power> {
    if is_all(rules) {
        let severity = if is_cluster_wide { Critical } else { High };
        return vec![Power::new(&RBAC_WILDCARD, severity, "every verb on every resource")];
    }
    let mut found: Vec<Power> = ROWS.iter().filter_map(|row| power(row, rules, is_cluster_wide)).collect();
    found.extend(bindings(rules, is_cluster_wide));
    if !found.iter().any(|power| power.code.id == RBAC_IMPERSONATE.id) {
        found.extend(constrained(rules, is_cluster_wide));
    }
    found.extend(cloud_identities(rules));
    if is_cluster_wide {
        found.extend(certificates(rules));
    }
    found.extend(wildcards(rules, is_cluster_wide));
    found.sort_by_key(|power| std::cmp::Reverse(power.severity));
    found
}

/// Resources of which a RoleBinding gives nothing, for they belong to no namespace.
const IN_NO_NAMESPACE: &[&str] = &["clusterrolebindings", "clusterroles", "groups", "nodes", "uids", "users"];

fn power(row: &Row, rules: &[Rule], is_cluster_wide: bool) -> Option<Power> {
    let severity = if is_cluster_wide { row.everywhere } else { row.in_namespace? };
    let given = given(row.asked, rules, is_cluster_wide);
    (!given.what.is_empty()).then(|| {
        let mut power = Power::new(row.code, severity, given.what.join("; "));
        if given.is_named {
            // Named objects only: what they are is for a person to judge.
            power.severity = severity.min(Medium);
            // A group is all that is needed of names that give everything.
            if row.code.id == RBAC_IMPERSONATE.id && given.names.contains("system:masters") {
                power.severity = severity;
            }
            power.names = given.names.into_iter().collect();
        }
        power
    })
}

#[derive(Default)]
struct Given {
    what: Vec<String>,
    names: BTreeSet<String>,
    is_named: bool,
}

/// What of what is asked the rules give. Rules with names count only where no rule gives the same without.
fn given(asked: &[Asked], rules: &[Rule], is_cluster_wide: bool) -> Given {
    let collect = |is_named: bool| {
        let mut given = Given { is_named, ..Given::default() };
        for ask in asked {
            for resource in ask.resources {
                if !is_cluster_wide && IN_NO_NAMESPACE.contains(resource) && ask.verbs != BIND {
                    continue;
                }
                let mut verbs = Vec::new();
                for verb in ask.verbs {
                    let gives = |rule: &&Rule| {
                        rule.allows_some(verb, ask.group, resource)
                            && rule.resource_names.is_empty() != is_named
                            // A name authorises no creation of an object, and no plain list.
                            && !(is_named && *verb == "create" && !resource.contains('/'))
                    };
                    let giving: Vec<&Rule> = rules.iter().filter(gives).collect();
                    if !giving.is_empty() {
                        verbs.push(*verb);
                        let names = giving.iter().flat_map(|rule| rule.resource_names.iter());
                        given.names.extend(names.map(|name| name.to_string()));
                    }
                }
                if !verbs.is_empty() {
                    let group = if ask.group.is_empty() { String::new() } else { format!(".{}", ask.group) };
                    given.what.push(format!("{} {resource}{group}", verbs.join(", ")));
                }
            }
        }
        given
    };
    let all = collect(false);
    if all.what.is_empty() { collect(true) } else { all }
}

/// The verb `bind` stands on the role, and needs a binding to write; without it a holder can hand on no more than
/// it has itself (kubernetes pkg/registry/rbac/escalation_check.go).
fn bindings(rules: &[Rule], is_cluster_wide: bool) -> Option<Power> {
    let writes = given(&[on(WRITE, RBAC, BINDINGS)], rules, is_cluster_wide);
    if writes.what.is_empty() {
        return None;
    }
    let binds = given(&[on(BIND, RBAC, ROLES)], rules, is_cluster_wide);
    if binds.what.is_empty() {
        let severity = if is_cluster_wide { Medium } else { Low };
        return Some(Power::new(&RBAC_MANAGE_BINDINGS, severity, writes.what.join("; ")));
    }
    let severity = match (is_cluster_wide, binds.is_named) {
        (true, false) => Critical,
        (true, true) | (false, false) => High,
        (false, true) => Medium,
    };
    let what = format!("{}; {}", binds.what.join("; "), writes.what.join("; "));
    Some(Power { names: binds.names.into_iter().collect(), ..Power::new(&RBAC_BIND, severity, what) })
}

/// Impersonation whose verbs say both who may be impersonated and what may be done meanwhile; it takes one of each
/// kind (KEP-5284, kubernetes apiserver/pkg/endpoints/filters/impersonation).
fn constrained(rules: &[Rule], is_cluster_wide: bool) -> Option<Power> {
    const GROUP: &str = "authentication.k8s.io";
    const MODES: &[(&str, Asked)] = &[
        ("user-info", on(&["impersonate:user-info"], GROUP, &["groups", "users"])),
        ("serviceaccount", on(&["impersonate:serviceaccount"], GROUP, &["serviceaccounts"])),
        ("arbitrary-node", on(&["impersonate:arbitrary-node"], GROUP, &["nodes"])),
        ("associated-node", on(&["impersonate:associated-node"], GROUP, &["nodes"])),
    ];
    let allows = |mode: &str, verb: &str| {
        let rest = verb.strip_prefix("impersonate-on:").and_then(|rest| rest.strip_prefix(mode));
        verb == "*" || rest.is_some_and(|rest| rest.starts_with(':'))
    };
    let mut all = Given::default();
    for (mode, ask) in MODES {
        let given = given(std::slice::from_ref(ask), rules, is_cluster_wide);
        let verbs = rules.iter().flat_map(|rule| rule.verbs.iter());
        let on: BTreeSet<&str> = verbs.map(|verb| verb.as_str()).filter(|verb| allows(mode, verb)).collect();
        if given.what.is_empty() || on.is_empty() {
            continue;
        }
        all.what.push(format!("{}; {}", given.what.join("; "), on.into_iter().collect::<Vec<_>>().join(", ")));
        all.names.extend(given.names);
    }
    let severity = if is_cluster_wide && all.names.is_empty() { High } else { Medium };
    (!all.what.is_empty()).then(|| Power {
        names: all.names.into_iter().collect(),
        ..Power::new(&RBAC_IMPERSONATE, severity, all.what.join("; "))
    })
}

/// Only a rule that names the map is about it: ConfigMaps are written by many, and few clusters have one.
fn cloud_identities(rules: &[Rule]) -> Option<Power> {
    let names_it = |rule: &&Rule| rule.resource_names.iter().any(|name| name.as_str() == "aws-auth");
    let writes = |rule: &&Rule| ["patch", "update"].iter().any(|verb| rule.allows_some(verb, "", "configmaps"));
    rules.iter().filter(names_it).find(writes)?;
    Some(Power::new(&RBAC_AWS_AUTH, High, "write the ConfigMap aws-auth"))
}

/// A signed certificate is a login. It takes a request, its approval, and the signer's consent.
fn certificates(rules: &[Rule]) -> Option<Power> {
    const GROUP: &str = "certificates.k8s.io";
    let approval = given(&[on(&["patch", "update"], GROUP, &["certificatesigningrequests/approval"])], rules, true);
    let signers = given(&[on(&["approve"], GROUP, &["signers"])], rules, true);
    let requests = given(&[on(&["create"], GROUP, &["certificatesigningrequests"])], rules, true);
    if approval.what.is_empty() || signers.what.is_empty() {
        return None;
    }
    let logs_in = |name: &str| name == "kubernetes.io/*" || name.starts_with("kubernetes.io/kube-apiserver-client");
    let is_login = !signers.is_named || signers.names.iter().any(|name| logs_in(name));
    if !is_login {
        return None;
    }
    let severity = if requests.what.is_empty() { Medium } else { Critical };
    let names = signers.names.into_iter().collect();
    Some(Power { names, ..Power::new(&RBAC_CSR_APPROVE, severity, "approve certificate requests that log in") })
}

/// Stars in a rule: what they give changes with every kind that is installed later.
fn wildcards(rules: &[Rule], is_cluster_wide: bool) -> Option<Power> {
    let star = |list: &[mlops_shared::object::Sym]| list.iter().any(|item| item.as_str() == "*");
    let rank = |rule: &Rule| {
        let (verbs, resources, groups) = (star(&rule.verbs), star(&rule.resources), star(&rule.api_groups));
        match (verbs, resources, groups) {
            _ if rule.resources.is_empty() || !rule.resource_names.is_empty() => None,
            (true, true, _) => Some((High, "every verb on every resource of its groups")),
            (true, false, true) => Some((Medium, "every verb, in every group")),
            (false, true, true) => Some((Medium, "every resource of every group")),
            (true, false, false) => Some((Low, "every verb")),
            (false, true, false) => Some((Low, "every resource of its groups")),
            (false, false, true) => Some((Low, "every group")),
            (false, false, false) => None,
        }
    };
    let (severity, what) = rules.iter().filter_map(rank).max_by_key(|(severity, _)| *severity)?;
    let severity = if is_cluster_wide { severity } else { severity.min(Medium) };
    Some(Power::new(&RBAC_WILDCARD, severity, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(yaml: &str, is_cluster_wide: bool) -> Vec<(&'static str, Severity)> {
        let rules: Vec<Rule> = serde_saphyr::from_str(yaml).expect("rules");
        powers(&rules, is_cluster_wide).into_iter().map(|power| (power.code.id, power.severity)).collect()
    }

    #[test]
    fn powers_are_what_the_api_server_would_let_through() {
        let rule = |verbs: &str, group: &str, resources: &str| {
            format!("[{{verbs: [{verbs}], apiGroups: ['{group}'], resources: [{resources}]}}]")
        };
        for (yaml, want) in [
            (rule("list", "", "secrets"), vec![("rbac-secrets-read", High)]),
            (rule("get", "", "nodes/proxy"), vec![("rbac-node-proxy", Critical)]),
            (rule("create", "", "pods"), vec![("rbac-pod-create", High)]),
            (rule("create", "", "'pods/*'"), vec![]),
            (rule("create", "", "'*/exec'"), vec![("rbac-pod-exec", High)]),
            (rule("get", "", "pods"), vec![]),
            (rule("patch", "sparkoperator.k8s.io", "sparkapplications"), vec![("rbac-pod-create", High)]),
            (rule("create", RBAC, "rolebindings"), vec![("rbac-manage-bindings", Medium)]),
            (rule("bind", RBAC, "clusterroles"), vec![]),
            (rule("'bind', 'create'", RBAC, "clusterroles, clusterrolebindings"), vec![("rbac-bind", Critical)]),
            (rule("escalate", RBAC, "roles"), vec![("rbac-escalate", Critical)]),
            (rule("list", "example.com", "secrets"), vec![]),
            (rule("watch", "", "secrets"), vec![("rbac-secrets-read", High)]),
            (rule("patch", "", "secrets"), vec![("rbac-secrets-write", High)]),
            (rule("create", "", "serviceaccounts/token"), vec![("rbac-token-request", Critical)]),
            (rule("create", "", "'*/token'"), vec![("rbac-token-request", Critical)]),
            (rule("create", "", "serviceaccounts"), vec![]),
            (rule("create", "", "nodes/proxy"), vec![("rbac-node-proxy", Critical)]),
            (rule("get", "", "'*/proxy'"), vec![("rbac-node-proxy", Critical)]),
            (rule("get", "", "'nodes/*'"), vec![]),
            (rule("get", "", "nodes/metrics, nodes/stats, nodes/log"), vec![]),
            (rule("update", "", "nodes/proxy"), vec![]),
            (rule("get", "", "pods/exec"), vec![("rbac-pod-exec", High)]),
            (rule("get", "", "pods/attach"), vec![("rbac-pod-exec", High)]),
            (rule("create", "", "pods/portforward"), vec![("rbac-pod-exec", High)]),
            (rule("patch", "", "pods/ephemeralcontainers"), vec![("rbac-pod-exec", High)]),
            (rule("update", "", "pods"), vec![("rbac-pod-exec", High)]),
            (rule("get", "", "pods/log"), vec![]),
            (rule("create", "batch", "cronjobs"), vec![("rbac-pod-create", High)]),
            (rule("update", "", "replicationcontrollers"), vec![("rbac-pod-create", High)]),
            (rule("create", "minio.min.io", "tenants"), vec![("rbac-pod-create", High)]),
            (rule("create", "kafka.strimzi.io", "kafkaconnects"), vec![("rbac-pod-create", High)]),
            (rule("create", "argoproj.io", "workflows"), vec![("rbac-pod-create", High)]),
            (rule("create", "kustomize.toolkit.fluxcd.io", "kustomizations"), vec![("rbac-flux-apply", Critical)]),
            (rule("patch", "helm.toolkit.fluxcd.io", "helmreleases"), vec![("rbac-flux-apply", Critical)]),
            (
                rule("update", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
                vec![("rbac-webhooks", High)],
            ),
            (
                rule("create", "admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
                vec![("rbac-webhooks", High)],
            ),
            (rule("create", "", "persistentvolumes"), vec![("rbac-pv-create", High)]),
            (rule("create", "", "persistentvolumeclaims"), vec![]),
            (rule("patch", "", "nodes"), vec![("rbac-node-patch", High)]),
            (rule("patch", "", "nodes/status"), vec![("rbac-node-patch", High)]),
            (rule("patch", "apiextensions.k8s.io", "customresourcedefinitions"), vec![("rbac-crd-write", Medium)]),
            (rule("create", "apiregistration.k8s.io", "apiservices"), vec![("rbac-apiservice", High)]),
            (
                rule("'*'", "", "secrets"),
                vec![("rbac-secrets-read", High), ("rbac-secrets-write", High), ("rbac-wildcard", Low)],
            ),
            (
                rule("'*'", "", "'*'"),
                vec![
                    ("rbac-impersonate", Critical),
                    ("rbac-node-proxy", Critical),
                    ("rbac-token-request", Critical),
                    ("rbac-secrets-read", High),
                    ("rbac-secrets-write", High),
                    ("rbac-pod-create", High),
                    ("rbac-pod-exec", High),
                    ("rbac-node-patch", High),
                    ("rbac-pv-create", High),
                    ("rbac-wildcard", High),
                ],
            ),
            (
                rule("get", "*", "'*'"),
                vec![
                    ("rbac-node-proxy", Critical),
                    ("rbac-secrets-read", High),
                    ("rbac-pod-exec", High),
                    ("rbac-wildcard", Medium),
                ],
            ),
        ] {
            assert_eq!(ids(&yaml, true), want, "{yaml}");
        }
        assert_eq!(ids("[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", false), [("rbac-wildcard", High)]);
    }

    #[test]
    fn impersonation_takes_whom_and_what() {
        let whom =
            "{verbs: ['impersonate:serviceaccount'], apiGroups: [authentication.k8s.io], resources: [serviceaccounts]}";
        let what =
            |mode: &str| format!("{{verbs: ['impersonate-on:{mode}:list'], apiGroups: [''], resources: [pods]}}");
        assert_eq!(ids(&format!("[{whom}]"), true), [], "nothing may be done meanwhile");
        assert_eq!(ids(&format!("[{whom}, {}]", what("user-info")), true), [], "of another mode");
        let both = format!("[{whom}, {}]", what("serviceaccount"));
        assert_eq!(ids(&both, true), [("rbac-impersonate", High)]);
        assert_eq!(ids(&both, false), [("rbac-impersonate", Medium)]);
        let users = "[{verbs: [impersonate], apiGroups: [''], resources: [users, groups]}]";
        assert_eq!(ids(users, false), [], "users belong to no namespace");
        assert_eq!(ids(users, true), [("rbac-impersonate", Critical)]);
        let named = |names: &str| {
            format!("[{{verbs: [impersonate], apiGroups: [''], resources: [users, groups], resourceNames: [{names}]}}]")
        };
        assert_eq!(ids(&named("ann, sre"), true), [("rbac-impersonate", Medium)]);
        assert_eq!(ids(&named("ann, 'system:masters'"), true), [("rbac-impersonate", Critical)]);
        for resource in ["uids", "userextras/scopes"] {
            let alone =
                format!("[{{verbs: [impersonate], apiGroups: [authentication.k8s.io], resources: [{resource}]}}]");
            let want = if resource == "uids" { vec![("rbac-impersonate", Critical)] } else { Vec::new() };
            assert_eq!(ids(&alone, true), want, "{resource}: extras say nothing of who somebody is");
        }
        let map = "[{verbs: [update], apiGroups: [''], resources: [configmaps], resourceNames: [aws-auth]}]";
        assert_eq!(ids(map, false), [("rbac-aws-auth", High)]);
        assert_eq!(ids("[{verbs: [update], apiGroups: [''], resources: [configmaps]}]", true), []);
    }

    #[test]
    fn names_narrow_a_power() {
        let named = "[{verbs: [get, list], apiGroups: [''], resources: [secrets], resourceNames: [one]}]";
        assert_eq!(ids(named, true), [("rbac-secrets-read", Medium)]);
        let created = "[{verbs: [create], apiGroups: [''], resources: [pods], resourceNames: [one]}]";
        assert_eq!(ids(created, true), [], "a creation bears no name");
    }

    #[test]
    fn approval_needs_the_signer() {
        let approval =
            "{verbs: [update], apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval]}";
        let signer = |name: &str| {
            format!(
                "{{verbs: [approve], apiGroups: [certificates.k8s.io], resources: [signers], resourceNames: ['{name}']}}"
            )
        };
        let login = signer("kubernetes.io/kube-apiserver-client");
        assert_eq!(ids(&format!("[{approval}]"), true), []);
        assert_eq!(ids(&format!("[{approval}, {login}]"), true), [("rbac-csr-approve", Medium)]);
        assert_eq!(ids(&format!("[{approval}, {}]", signer("example.com/mine")), true), []);
    }
}
