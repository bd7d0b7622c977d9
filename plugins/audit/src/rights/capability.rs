//! What rights lead to: whom their holder can become. A new way is one function and one line in `WAYS`.

use super::flux::Flux;
use super::who_can::{binding_label, role_label};
use crate::rbac::{Grant, POD_MAKERS, WRITE, is_all};
use crate::record::rbac::Rule;

/// A rule, and what gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'g> {
    pub(super) rule: &'g Rule,
    pub(super) grant: &'g Grant<'g>,
}

/// All that somebody holds in one namespace, or in the whole cluster.
#[derive(Debug)]
pub(super) struct Scope<'g> {
    pub(super) namespace: Option<&'g str>,
    pub(super) held: Vec<Held<'g>>,
}

/// Whom a holder can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// Whoever it likes: the whole cluster.
    Everything,
    /// Service accounts that exist, in a namespace or in all; with names only those.
    Accounts { namespace: Option<String>, names: Vec<String> },
    /// Service accounts whose token is mounted in a pod of the namespace, or of any.
    Mounted { namespace: Option<String> },
    /// Service accounts that have a token in a Secret of the namespace, or of any; with names only in those Secrets.
    Stored { namespace: Option<String>, secrets: Vec<String> },
    /// Users that bindings name; without names all of them.
    Users { names: Vec<String> },
    /// A service account of this name in some namespace: that of a Flux controller whose Deployment was not read.
    Named { account: &'static str },
}

/// One way on.
#[derive(Debug, Clone)]
pub(super) struct Capability {
    /// What the holder does, in words: `makes a token of it (create serviceaccounts/token)`.
    pub(super) does: String,
    /// The binding that lets it, and its role.
    pub(super) binding: String,
    pub(super) role: String,
    pub(super) reach: Reach,
}

/// A right that was looked for and found.
pub(super) struct Hit<'g> {
    grant: &'g Grant<'g>,
    pub(super) verb: &'static str,
    /// The names that it is limited to; none is all.
    pub(super) names: Vec<String>,
}

const RBAC: &str = "rbac.authorization.k8s.io";
pub(super) const CHANGE: &[&str] = &["update", "patch"];
const READ: &[&str] = &["list", "watch", "get"];

impl<'g> Scope<'g> {
    /// A rule that gives any of these verbs, preferably one without names. A creation bears no name, but that of a
    /// subresource does.
    pub(super) fn find(&self, verbs: &[&'static str], group: &str, resource: &str) -> Option<Hit<'g>> {
        let mut named: Option<Hit<'g>> = None;
        for verb in verbs.iter().copied() {
            for held in self.held.iter().filter(|held| held.rule.allows_some(verb, group, resource)) {
                let names: Vec<String> = held.rule.resource_names.iter().map(ToString::to_string).collect();
                let hit = Hit { grant: held.grant, verb, names };
                if hit.names.is_empty() {
                    return Some(hit);
                }
                if verb == "create" && !resource.contains('/') {
                    continue;
                }
                match &mut named {
                    Some(known) if known.verb == verb => known.names.extend(hit.names),
                    Some(_) => {}
                    None => named = Some(hit),
                }
            }
        }
        named
    }

    /// As [`Self::find`], without names, or with this one.
    pub(super) fn find_for(&self, verbs: &[&'static str], group: &str, resource: &str, name: &str) -> Option<Hit<'g>> {
        let hit = self.find(verbs, group, resource)?;
        (hit.names.is_empty() || hit.names.iter().any(|known| known == name)).then_some(hit)
    }

    pub(super) fn place(&self) -> Option<String> {
        self.namespace.map(str::to_owned)
    }

    pub(super) fn is_wide(&self) -> bool {
        self.namespace.is_none()
    }

    /// All accounts of the scope.
    pub(super) fn all(&self) -> Reach {
        Reach::Accounts { namespace: self.place(), names: Vec::new() }
    }
}

pub(super) fn way(hit: &Hit<'_>, does: impl Into<String>, reach: Reach) -> Capability {
    Capability { does: does.into(), binding: binding_label(hit.grant), role: role_label(hit.grant), reach }
}

type Way = fn(&Scope<'_>) -> Option<Capability>;

/// The ways on, the shortest stories first.
const WAYS: &[Way] = &[
    everything,
    escalate,
    bind,
    become_master,
    certificate,
    token,
    account,
    user,
    new_token_secret,
    stored_token,
    pod,
    exec,
    change_pod,
    kubelet,
    webhook,
];

/// All ways on of a scope. In a namespace those that the whole cluster gives too are told twice, which costs nothing.
pub(super) fn capabilities(scope: &Scope<'_>, flux: &Flux<'_>) -> Vec<Capability> {
    WAYS.iter().filter_map(|way| way(scope)).chain(flux.ways(scope)).collect()
}

fn everything(scope: &Scope<'_>) -> Option<Capability> {
    let held = scope.held.iter().find(|held| is_all(std::slice::from_ref(held.rule)))?;
    let hit = Hit { grant: held.grant, verb: "*", names: Vec::new() };
    Some(match scope.namespace {
        None => way(&hit, "holds every verb on every resource", Reach::Everything),
        Some(namespace) => way(&hit, format!("holds every verb on everything in {namespace}"), scope.all()),
    })
}

/// A role that it can both escalate and write takes any rule.
fn escalate(scope: &Scope<'_>) -> Option<Capability> {
    let resource = if scope.is_wide() { "clusterroles" } else { "roles" };
    let hit = scope.find(&["escalate"], RBAC, resource)?;
    let written = scope.find(CHANGE, RBAC, resource)?;
    // A name on both sides has to be the same role.
    let is_one =
        hit.names.is_empty() || written.names.is_empty() || hit.names.iter().any(|it| written.names.contains(it));
    let reach = if scope.is_wide() { Reach::Everything } else { scope.all() };
    is_one.then(|| way(&hit, format!("writes any rule into its own role (escalate {resource})"), reach))
}

/// `bind` stands on the role, and needs a binding to write.
fn bind(scope: &Scope<'_>) -> Option<Capability> {
    let hit = scope.find_for(&["bind"], RBAC, "clusterroles", "cluster-admin")?;
    if scope.is_wide() && scope.find(&["create", "update", "patch"], RBAC, "clusterrolebindings").is_some() {
        return Some(way(&hit, "binds itself to cluster-admin (bind clusterroles)", Reach::Everything));
    }
    scope.find(&["create", "update", "patch"], RBAC, "rolebindings")?;
    Some(way(&hit, "binds itself to cluster-admin in a namespace (bind clusterroles)", scope.all()))
}

/// A group is impersonated together with some user. Both are rights of the whole cluster.
fn become_master(scope: &Scope<'_>) -> Option<Capability> {
    if !scope.is_wide() {
        return None;
    }
    let hit = scope.find_for(&["impersonate"], "", "groups", "system:masters")?;
    scope.find(&["impersonate"], "", "users").or_else(|| scope.find(&["impersonate"], "", "serviceaccounts"))?;
    Some(way(&hit, "says that it is in system:masters (impersonate groups)", Reach::Everything))
}

fn certificate(scope: &Scope<'_>) -> Option<Capability> {
    const GROUP: &str = "certificates.k8s.io";
    if !scope.is_wide() {
        return None;
    }
    let hit = scope.find(CHANGE, GROUP, "certificatesigningrequests/approval")?;
    scope.find(&["create"], GROUP, "certificatesigningrequests")?;
    let signer = scope.find(&["approve"], GROUP, "signers")?;
    let logs_in = |name: &String| name == "kubernetes.io/*" || name == "kubernetes.io/kube-apiserver-client";
    let is_login = signer.names.is_empty() || signer.names.iter().any(logs_in);
    is_login.then(|| way(&hit, "signs itself a login as any user (approve certificates)", Reach::Everything))
}

fn token(scope: &Scope<'_>) -> Option<Capability> {
    let hit = scope.find(&["create"], "", "serviceaccounts/token")?;
    let reach = Reach::Accounts { namespace: scope.place(), names: hit.names.clone() };
    Some(way(&hit, "makes a token of it (create serviceaccounts/token)", reach))
}

fn account(scope: &Scope<'_>) -> Option<Capability> {
    let hit = scope.find(&["impersonate"], "", "serviceaccounts")?;
    let reach = Reach::Accounts { namespace: scope.place(), names: hit.names.clone() };
    Some(way(&hit, "impersonates it (impersonate serviceaccounts)", reach))
}

fn user(scope: &Scope<'_>) -> Option<Capability> {
    if !scope.is_wide() {
        return None;
    }
    let hit = scope.find(&["impersonate"], "", "users")?;
    let reach = Reach::Users { names: hit.names.clone() };
    Some(way(&hit, "impersonates that user (impersonate users)", reach))
}

fn new_token_secret(scope: &Scope<'_>) -> Option<Capability> {
    let hit = scope.find(&["create"], "", "secrets")?;
    scope.find(READ, "", "secrets")?;
    Some(way(&hit, "creates a token Secret of it and reads it (create and get secrets)", scope.all()))
}

fn stored_token(scope: &Scope<'_>) -> Option<Capability> {
    let hit = scope.find(READ, "", "secrets")?;
    let reach = Reach::Stored { namespace: scope.place(), secrets: hit.names.clone() };
    Some(way(&hit, format!("reads its token from a Secret ({} secrets)", hit.verb), reach))
}

/// A pod, or what makes pods, with the account of its choice.
fn pod(scope: &Scope<'_>) -> Option<Capability> {
    // What Strimzi makes is decided by what it is given, not by an account in the object.
    let is_chosen = |group: &str| group != "kafka.strimzi.io";
    for ask in POD_MAKERS.iter().filter(|ask| is_chosen(ask.group)) {
        for resource in ask.resources {
            if let Some(hit) = scope.find(ask.verbs, ask.group, resource).filter(|hit| hit.names.is_empty()) {
                let group = if ask.group.is_empty() { String::new() } else { format!(".{}", ask.group) };
                let does = format!("runs a pod with it ({} {resource}{group})", hit.verb);
                return Some(way(&hit, does, scope.all()));
            }
        }
    }
    None
}

fn exec(scope: &Scope<'_>) -> Option<Capability> {
    for resource in ["pods/exec", "pods/attach"] {
        if let Some(hit) = scope.find(&["create", "get"], "", resource).filter(|hit| hit.names.is_empty()) {
            let does = format!("enters a pod that has its token ({} {resource})", hit.verb);
            return Some(way(&hit, does, Reach::Mounted { namespace: scope.place() }));
        }
    }
    None
}

fn change_pod(scope: &Scope<'_>) -> Option<Capability> {
    for resource in ["pods/ephemeralcontainers", "pods"] {
        if let Some(hit) = scope.find(CHANGE, "", resource).filter(|hit| hit.names.is_empty()) {
            let does = format!("runs its own image in a pod that has its token ({} {resource})", hit.verb);
            return Some(way(&hit, does, Reach::Mounted { namespace: scope.place() }));
        }
    }
    None
}

fn kubelet(scope: &Scope<'_>) -> Option<Capability> {
    if !scope.is_wide() {
        return None;
    }
    let hit = scope.find(&["get", "create"], "", "nodes/proxy")?;
    let does = format!("runs a command in a pod that has its token, through the kubelet ({} nodes/proxy)", hit.verb);
    Some(way(&hit, does, Reach::Mounted { namespace: None }))
}

fn webhook(scope: &Scope<'_>) -> Option<Capability> {
    if !scope.is_wide() {
        return None;
    }
    let hit = scope.find(WRITE, "admissionregistration.k8s.io", "mutatingwebhookconfigurations")?;
    let does = format!("changes pods that are made with it ({} mutatingwebhookconfigurations)", hit.verb);
    hit.names.is_empty().then(|| way(&hit, does, Reach::Mounted { namespace: None }))
}
