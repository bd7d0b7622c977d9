//! Rights: what bindings give, and what that leads to.

mod codes;
mod defaults;
mod grants;
mod matching;
mod powers;
mod surroundings;

pub(crate) use codes::CODES;
pub use grants::{Grant, Grants, Identity, account_of};
pub use matching::Request;
pub(crate) use powers::{POD_MAKERS, WRITE, sensitive};
pub use powers::{Power, is_all, powers};

use crate::check::Asked;
use crate::finding::Finding;
use crate::record::rbac::{Binding, Subject};
use crate::severity::Severity::{Critical, High, Info, Low, Medium};
use codes::{
    RBAC_ANONYMOUS, RBAC_AUTHENTICATED, RBAC_CLUSTER_ADMIN, RBAC_DEFAULT_ACCOUNT, RBAC_DEFAULT_CHANGED,
    RBAC_MASTERS_BOUND, RBAC_MISSING_ROLE, RBAC_NAMESPACE_ADMIN, RBAC_SECRETS_READ, RBAC_STALE_SUBJECT,
    RBAC_UNUSED_ACCOUNT,
};
use std::collections::HashSet;
use surroundings::Surroundings;

/// Subjects that are named in a message before the rest is counted.
const NAMED: usize = 5;

/// Bindings that give everybody what they may have: kubeadm's, for joining nodes.
const OPEN_TO_ALL: &[&str] = &["kubeadm:bootstrap-signer-clusterinfo"];

/// The findings on rights.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let grants = Grants::new(asked.records);
    let accounts = Accounts::new(asked);
    let around = Surroundings::new(asked, &grants);
    let mut found = default_roles(asked);
    for grant in &grants.all {
        let binding = grant.binding;
        let is_default = defaults::is_default_binding(binding);
        let mut subjects: Vec<&Subject> = binding.subjects.iter().collect();
        if is_default {
            subjects.retain(|subject| defaults::is_foreign(binding, subject));
            if !subjects.is_empty() {
                let message = format!("gives {} also to {}", binding.role.name, names(&subjects, binding));
                found.push(finding(binding, &RBAC_DEFAULT_CHANGED, High, message));
            }
        }
        let is_masters = |subject: &&&Subject| &*subject.kind == "Group" && &*subject.name == "system:masters";
        if subjects.iter().any(|subject| is_masters(&subject)) {
            let message = format!("gives {} to system:masters, which may do everything without it", binding.role.name);
            found.push(finding(binding, &RBAC_MASTERS_BOUND, Low, message));
        }
        // Who needs no binding to do everything is given nothing.
        subjects.retain(|subject| !is_administrator(subject));
        if subjects.is_empty() {
            continue;
        }
        found.extend(subject_findings(asked, &accounts, grant, &subjects));
        if grant.role.is_none() && asked.is_known("rbac.authorization.k8s.io", &binding.role.kind) {
            let message = format!(
                "gives {} the {} {}, which does not exist",
                names(&subjects, binding),
                binding.role.kind,
                binding.role.name
            );
            found.push(finding(binding, &RBAC_MISSING_ROLE, Low, message));
        }
        found.extend(power_findings(grant, &subjects, &around));
    }
    found
}

/// Default roles that give more than the API server's own.
fn default_roles(asked: &Asked<'_>) -> Vec<Finding> {
    let defaults = asked.records.roles.iter().filter(|role| defaults::is_default(&role.head));
    let changed = defaults.filter_map(|role| {
        let given = powers(&role.rules, role.head.meta.namespace.is_empty());
        let more = defaults::unexpected(role, &given);
        let worst = more.iter().map(|power| power.severity).max()?;
        let what: Vec<&str> = more.iter().map(|power| power.what.as_str()).collect();
        let message = format!("gives more than Kubernetes' own: {}", what.join("; "));
        Some(role.head.finding(&RBAC_DEFAULT_CHANGED, worst, message).command(describe(&role.head.ty.kind, &role.head)))
    });
    changed.collect()
}

/// Service accounts, each by namespace and name.
struct Accounts<'a> {
    exist: HashSet<(&'a str, &'a str)>,
    /// Those that workloads run with; none where not all workloads were read.
    used: Option<HashSet<(&'a str, &'a str)>>,
}

impl<'a> Accounts<'a> {
    fn new(asked: &Asked<'a>) -> Self {
        let kinds =
            [("", "Pod"), ("apps", "DaemonSet"), ("apps", "Deployment"), ("apps", "StatefulSet"), ("batch", "CronJob")];
        let is_known = kinds.iter().all(|(group, kind)| asked.is_known(group, kind));
        let workloads = asked.records.workloads.iter();
        let key = |head: &'a crate::record::Head| (head.meta.namespace.as_str(), head.meta.name.as_str());
        Self {
            exist: asked.records.accounts.iter().map(|account| key(&account.head)).collect(),
            used: is_known.then(|| workloads.map(|it| (it.head.meta.namespace.as_str(), it.spec.account())).collect()),
        }
    }

    fn is_unused(&self, namespace: &str, account: &str) -> bool {
        self.used.as_ref().is_some_and(|used| !used.contains(&(namespace, account)))
    }
}

/// Findings about whom a binding names.
fn subject_findings(
    asked: &Asked<'_>,
    accounts: &Accounts<'_>,
    grant: &Grant<'_>,
    subjects: &[&Subject],
) -> Vec<Finding> {
    let binding = grant.binding;
    let name = binding.head.meta.name.as_str();
    let gives = format!("{} {}", binding.role.kind, binding.role.name);
    let mut found = Vec::new();
    for subject in subjects {
        let group = if &*subject.kind == "Group" { subject.name.as_str() } else { "" };
        if group == "system:unauthenticated" || (&*subject.kind == "User" && &*subject.name == "system:anonymous") {
            if !OPEN_TO_ALL.contains(&name) && !defaults::is_default_binding(binding) {
                let message = format!("{} holds {gives}", subject.name);
                found.push(finding(binding, &RBAC_ANONYMOUS, Critical, message).at(subject.name.to_string()));
            }
        } else if group == "system:authenticated"
            || group == "system:serviceaccounts"
            || group.starts_with("system:serviceaccounts:")
        {
            let severity = if group.starts_with("system:serviceaccounts:") { Medium } else { High };
            let message = format!("everybody in {group} holds {gives}");
            found.push(finding(binding, &RBAC_AUTHENTICATED, severity, message).at(group));
        }
        let Some((namespace, account)) = account_of(subject, binding) else { continue };
        let exists = accounts.exist.contains(&(namespace, account));
        if account == "default" {
            let message = format!("every pod of {namespace} that names no service account holds {gives}");
            found.push(finding(binding, &RBAC_DEFAULT_ACCOUNT, Medium, message).at(format!("{namespace}/default")));
        } else if !exists && asked.is_known("", "ServiceAccount") {
            let message = format!("names the service account {namespace}/{account}, which does not exist");
            found.push(finding(binding, &RBAC_STALE_SUBJECT, Low, message).at(format!("{namespace}/{account}")));
        } else if exists
            && !grant.rules.is_empty()
            && namespace != "kube-system"
            && accounts.is_unused(namespace, account)
        {
            let message = format!("{namespace}/{account} holds {gives}, and no workload runs with it");
            found.push(finding(binding, &RBAC_UNUSED_ACCOUNT, Info, message).at(format!("{namespace}/{account}")));
        }
    }
    found
}

/// Findings about what a binding gives.
fn power_findings(grant: &Grant<'_>, subjects: &[&Subject], around: &Surroundings<'_>) -> Vec<Finding> {
    let binding = grant.binding;
    let is_wide = binding.is_cluster_wide();
    let place = if is_wide { "in the whole cluster".to_owned() } else { format!("in {}", binding.head.meta.namespace) };
    let whom = names(subjects, binding);
    let is_of_flux = subjects.iter().all(|subject| {
        matches!(&*subject.name, "kustomize-controller" | "helm-controller") && &*subject.kind == "ServiceAccount"
    });
    if is_all(&grant.rules) {
        let message = format!("{whom} may do everything {place} ({} {})", binding.role.kind, binding.role.name);
        if !is_wide {
            return vec![finding(binding, &RBAC_NAMESPACE_ADMIN, High, message)];
        }
        if is_of_flux {
            let finding = finding(binding, &RBAC_CLUSTER_ADMIN, Medium, message);
            return vec![finding.evidence(
                "Flux applies what stands in Git with this: who may write a Kustomization or HelmRelease without spec.serviceAccountName has it too",
            )];
        }
        return vec![finding(binding, &RBAC_CLUSTER_ADMIN, Critical, message)];
    }
    // What the control plane's own accounts and nodes do is what they are for.
    let is_control_plane = |subject: &&Subject| {
        &*subject.namespace == "kube-system" || subject.name.starts_with("system:") && &*subject.kind == "User"
    };
    let is_theirs = subjects.iter().all(is_control_plane);
    let told = powers(&grant.rules, is_wide).into_iter().map(|power| {
        let named = if power.names.is_empty() { String::new() } else { format!(" (only {})", power.names.join(", ")) };
        let message = format!("{whom}: {}{named} {place} ({} {})", power.what, binding.role.kind, binding.role.name);
        // What holds the keys of Flux and of the cluster itself is no namespace like others.
        let is_vault = !is_wide && matches!(&*binding.head.meta.namespace, "flux-system" | "kube-system");
        let (judged, why) = around.judge(&power, binding, subjects);
        let severity = match judged {
            severity if is_theirs => severity.min(Info),
            severity if is_vault && power.code.id == RBAC_SECRETS_READ.id && power.names.is_empty() => {
                severity.max(High)
            }
            severity => severity,
        };
        why.into_iter().fold(finding(binding, power.code, severity, message), Finding::evidence)
    });
    told.collect()
}

/// Whether a subject needs no binding: members of `system:masters` may do everything.
fn is_administrator(subject: &Subject) -> bool {
    &*subject.kind == "Group" && matches!(&*subject.name, "system:masters" | "kubeadm:cluster-admins")
}

fn finding(
    binding: &Binding,
    code: &'static mlops_shared::report::Code,
    severity: crate::severity::Severity,
    message: String,
) -> Finding {
    binding.head.finding(code, severity, message).command(describe(&binding.head.ty.kind, &binding.head))
}

fn describe(kind: &str, head: &crate::record::Head) -> String {
    let namespace = if head.meta.namespace.is_empty() {
        String::new()
    } else {
        format!(" -n {}", mlops_shared::text::shell_word(&head.meta.namespace))
    };
    format!("kubectl describe{namespace} {} {}", kind.to_lowercase(), mlops_shared::text::shell_word(&head.meta.name))
}

/// Subjects in a line: `ServiceAccount ml/job, Group sre`.
fn names(subjects: &[&Subject], binding: &Binding) -> String {
    let mut seen = HashSet::new();
    let named = subjects.iter().filter_map(|subject| {
        let text = match account_of(subject, binding) {
            Some((namespace, name)) => format!("ServiceAccount {namespace}/{name}"),
            None => format!("{} {}", subject.kind, subject.name),
        };
        seen.insert(text.clone()).then_some(text)
    });
    let mut all: Vec<String> = named.collect();
    let rest = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", all.join(", "))
}
