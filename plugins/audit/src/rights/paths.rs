//! `audit paths`: from the token in a pod to the whole cluster, by the fewest steps.
//!
//! Every service account that exists and every user that a binding names is a node; a right that lets one become
//! another is an edge. The search goes backwards from those that hold everything, layer by layer, so that each gets
//! a shortest path. Ways through a node's filesystem, through volumes and through constrained impersonation are not
//! part of it.

use super::basis::Basis;
use super::capability::{Capability, Reach, capabilities};
use super::flux::Flux;
use super::identities::Index;
use crate::rbac::{Grants, Identity};
use crate::record::{Account, Records};
use mlops_shared::report::document::{Block, Cell, Column, Document, Line, Table, Tone};
use mlops_shared::report::{Detail, Level, Present};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Workloads that are named before the rest is counted.
const NAMED: usize = 5;

/// How tokens of pods lead to the whole cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PathsReport {
    #[serde(flatten)]
    pub(super) basis: Basis,
    /// Service accounts whose token is mounted in a workload.
    pub(super) accounts: usize,
    /// Those of them that lead to the whole cluster, the shortest paths first.
    pub(super) paths: Vec<Path>,
}

/// A shortest path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Path {
    /// The namespace of the service account that it starts from.
    namespace: String,
    /// Its name.
    account: String,
    /// Workloads that its token is mounted in; the first five.
    workloads: Vec<String>,
    /// How many there are.
    workloads_total: usize,
    /// The steps, the last of which holds the whole cluster.
    steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Who takes it: `ServiceAccount ml/job`, `User ann`.
    from: String,
    /// What it does.
    does: String,
    /// Whom it becomes; absent where it holds the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The binding that lets it.
    binding: String,
    /// The role of the binding.
    role: String,
}

/// A service account: namespace and name.
type Key<'r> = (&'r str, &'r str);

/// Somebody who can be become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Node<'r> {
    Account(&'r str, &'r str),
    User(&'r str),
}

impl Node<'_> {
    fn label(self) -> String {
        match self {
            Self::Account(namespace, name) => format!("ServiceAccount {namespace}/{name}"),
            Self::User(name) => format!("User {name}"),
        }
    }

    fn identity(self) -> Identity {
        match self {
            Self::Account(namespace, name) => Identity::account(namespace, name),
            Self::User(name) => Identity::new(name, []),
        }
    }
}

/// The way on from a node: what it does, and whom it becomes.
struct Next<'r> {
    capability: Capability,
    to: Option<Node<'r>>,
}

/// Nodes that lead on to the whole cluster, so that one which an edge reaches is found at once.
#[derive(Default)]
struct Reached<'r> {
    accounts: BTreeMap<&'r str, BTreeSet<&'r str>>,
    mounted: BTreeMap<&'r str, &'r str>,
    stored: Vec<(&'r Account, Vec<&'r str>)>,
    users: BTreeSet<&'r str>,
}

impl<'r> Reached<'r> {
    fn add(&mut self, node: Node<'r>, graph: &Graph<'r>) {
        match node {
            Node::User(name) => {
                self.users.insert(name);
            }
            Node::Account(namespace, name) => {
                self.accounts.entry(namespace).or_default().insert(name);
                if graph.mounted.contains_key(&(namespace, name)) {
                    self.mounted.entry(namespace).or_insert(name);
                }
                if let Some(account) = graph.accounts.get(&(namespace, name)) {
                    let secrets: Vec<&str> = tokens(account).collect();
                    if !secrets.is_empty() {
                        self.stored.push((account, secrets));
                    }
                }
            }
        }
    }

    /// A node that a capability reaches.
    fn find(&self, reach: &Reach) -> Option<Node<'r>> {
        let is_in = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|wanted| wanted == own);
        match reach {
            Reach::Everything => None,
            Reach::Accounts { namespace, names } => {
                let here = self.accounts.iter().filter(|(own, _)| is_in(namespace, own));
                let fits = |name: &&&str| names.is_empty() || names.iter().any(|wanted| wanted == **name);
                here.into_iter().find_map(|(own, all)| all.iter().find(fits).map(|name| Node::Account(own, name)))
            }
            Reach::Mounted { namespace } => {
                self.mounted.iter().find(|(own, _)| is_in(namespace, own)).map(|(own, name)| Node::Account(own, name))
            }
            Reach::Stored { namespace, secrets } => self.stored.iter().find_map(|(account, own)| {
                let meta = &account.head.meta;
                let is_named = secrets.is_empty() || own.iter().any(|name| secrets.iter().any(|it| it == name));
                (is_in(namespace, &meta.namespace) && is_named).then(|| Node::Account(&meta.namespace, &meta.name))
            }),
            Reach::Users { names } => {
                let fits = |user: &&&str| names.is_empty() || names.iter().any(|wanted| wanted == **user);
                self.users.iter().find(fits).map(|user| Node::User(user))
            }
            Reach::Named { account } => {
                self.accounts.iter().find_map(|(own, all)| all.get(account).map(|name| Node::Account(own, name)))
            }
        }
    }
}

/// The Secrets of a service account that hold a token of it. Kubernetes made one for every account until 1.24.
fn tokens(account: &Account) -> impl Iterator<Item = &str> {
    let start = format!("{}-token-", account.head.meta.name);
    account.secrets.iter().map(|name| name.as_str()).filter(move |name| name.starts_with(&start))
}

/// What the nodes are made from.
struct Graph<'r> {
    accounts: HashMap<Key<'r>, &'r Account>,
    /// Accounts whose token is mounted, with the workloads that have it.
    mounted: BTreeMap<Key<'r>, BTreeSet<String>>,
}

impl<'r> Graph<'r> {
    fn new(records: &'r Records) -> Self {
        let key = |account: &'r Account| (account.head.meta.namespace.as_str(), account.head.meta.name.as_str());
        let accounts: HashMap<Key<'_>, &Account> = records.accounts.iter().map(|it| (key(it), it)).collect();
        let mut mounted: BTreeMap<Key<'_>, BTreeSet<String>> = BTreeMap::new();
        for workload in records.workloads.iter().filter(|workload| !workload.is_ended) {
            let key = (workload.head.meta.namespace.as_str(), workload.spec.account());
            let of_account = accounts.get(&key).and_then(|account| account.automount);
            if workload.spec.automount_service_account_token.or(of_account).unwrap_or(true) {
                let top = records.top(&workload.head);
                mounted.entry(key).or_default().insert(format!("{}/{}", top.kind, top.name));
            }
        }
        Self { accounts, mounted }
    }
}

/// The paths of all accounts whose token is mounted, in these namespaces (none: anywhere), and how many such
/// accounts there are. `knows_sources`: a source of Flux that is not among the records does not exist.
pub(super) fn paths(records: &Records, namespaces: &[String], knows_sources: bool) -> (Vec<Path>, usize) {
    let grants = Grants::new(records);
    let flux = Flux::new(records, knows_sources);
    let index = Index::new(&grants);
    let graph = Graph::new(records);
    let mut nodes: BTreeSet<Node<'_>> = graph.accounts.keys().map(|(own, name)| Node::Account(own, name)).collect();
    // An account that was not read is there, for a pod runs with it.
    nodes.extend(graph.mounted.keys().map(|(own, name)| Node::Account(own, name)));
    nodes.extend(index.people().map(Node::User));
    let mut waiting: Vec<(Node<'_>, Vec<Capability>)> = nodes
        .into_iter()
        .map(|node| {
            let scopes = index.scopes(&node.identity());
            (node, scopes.iter().flat_map(|scope| capabilities(scope, &flux)).collect::<Vec<_>>())
        })
        .filter(|(_, capabilities)| !capabilities.is_empty())
        .collect();
    let mut found: HashMap<Node<'_>, Next<'_>> = HashMap::new();
    let mut reached = Reached::default();
    loop {
        // All of a layer are found before any of them can be reached: so no path is longer than it must be.
        let mut layer = Vec::new();
        waiting.retain(|(node, capabilities)| {
            let next = capabilities.iter().find_map(|capability| {
                let to = reached.find(&capability.reach);
                (to.is_some() || capability.reach == Reach::Everything)
                    .then(|| Next { capability: capability.clone(), to })
            });
            match next {
                Some(next) => {
                    layer.push((*node, next));
                    false
                }
                None => true,
            }
        });
        if layer.is_empty() {
            break;
        }
        for (node, next) in layer {
            reached.add(node, &graph);
            found.insert(node, next);
        }
    }
    let is_asked = |own: &str| namespaces.is_empty() || namespaces.iter().any(|wanted| wanted == own);
    let starts: Vec<_> = graph.mounted.iter().filter(|((own, _), _)| is_asked(own)).collect();
    let total = starts.len();
    let mut paths: Vec<Path> = starts
        .into_iter()
        .filter_map(|((namespace, account), workloads)| {
            let steps = steps(Node::Account(namespace, account), &found);
            (!steps.is_empty()).then(|| Path {
                namespace: (*namespace).to_owned(),
                account: (*account).to_owned(),
                workloads: workloads.iter().take(NAMED).cloned().collect(),
                workloads_total: workloads.len(),
                steps,
            })
        })
        .collect();
    paths.sort_by(|one, two| {
        let key = |path: &Path| (path.steps.len(), path.namespace.clone(), path.account.clone());
        key(one).cmp(&key(two))
    });
    (paths, total)
}

fn steps(start: Node<'_>, found: &HashMap<Node<'_>, Next<'_>>) -> Vec<Step> {
    let (mut steps, mut node, mut seen) = (Vec::new(), Some(start), HashSet::new());
    while let Some(from) = node.filter(|node| seen.insert(*node)) {
        let Some(next) = found.get(&from) else { break };
        steps.push(Step {
            from: from.label(),
            does: next.capability.does.clone(),
            to: next.to.map(Node::label),
            binding: next.capability.binding.clone(),
            role: next.capability.role.clone(),
        });
        node = next.to;
    }
    steps
}

impl Present for PathsReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let of = text::plural(self.accounts, "service account");
        let headline = match (self.paths.len(), self.basis.partial) {
            (0, _) => self.basis.headline(format!("no token of {of} in pods leads to the whole cluster")),
            (count, false) => {
                Line::marked(Level::Fail, format!("tokens of {count} of {of} in pods lead to the whole cluster"))
            }
            (count, true) => Line::marked(
                Level::Fail,
                format!("tokens of {count} of {of} in pods lead to the whole cluster; PARTIAL: there may be more"),
            ),
        };
        let mut document = Document::new("Paths to the whole cluster", headline);
        for path in &self.paths {
            document.blocks.push(Block::Section(format!("{}/{}", path.namespace, path.account).into()));
            let rest = path.workloads_total - path.workloads.len();
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            document.line(Line::plain(format!("mounted in {}{more}", path.workloads.join(", "))));
            let mut table = Table::new([
                Column::new("STEP").right(),
                Column::new("WHO"),
                Column::new("DOES").flex(3),
                Column::new("BECOMES"),
                Column::new("BINDING").optional(),
                Column::new("ROLE").wide(),
            ]);
            for (number, step) in path.steps.iter().enumerate() {
                table.row([
                    Cell::from((number + 1).to_string()),
                    Cell::toned(step.from.as_str(), Tone::Strong),
                    Cell::from(step.does.as_str()),
                    Cell::from(step.to.as_deref().unwrap_or("the whole cluster")),
                    Cell::from(step.binding.as_str()),
                    Cell::from(step.role.as_str()),
                ]);
            }
            document.blocks.push(Block::Table(table));
        }
        self.basis.finish(detail, &mut document);
        document
    }
}

/// For tests: whom the only account that is mounted becomes, step by step; `all` at the end.
#[cfg(test)]
pub(super) fn reached(records: &Records, knows_sources: bool) -> Vec<String> {
    let (paths, accounts) = paths(records, &[], knows_sources);
    assert_eq!(accounts, 1, "one token is mounted");
    let steps = paths.into_iter().flat_map(|path| path.steps);
    steps.map(|step| step.to.unwrap_or_else(|| "all".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    const COMMON: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cluster-admin}
rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: flux}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: kustomize-controller, namespace: flux-system}]
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: kustomize-controller, namespace: flux-system}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: job, namespace: ml}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: deployer, namespace: ml}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: quiet, namespace: ml}, automountServiceAccountToken: false}
---
{apiVersion: v1, kind: Pod, metadata: {name: train, namespace: ml}, spec: {serviceAccountName: job, containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: still, namespace: ml}, spec: {serviceAccountName: quiet, containers: [{name: c, image: i}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer, namespace: ml}
roleRef: {kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer}, {kind: ServiceAccount, name: quiet}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer, namespace: ml}
rules: [{verbs: [patch], apiGroups: [kustomize.toolkit.fluxcd.io], resources: [kustomizations]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: job, namespace: ml}
roleRef: {kind: Role, name: job}
subjects: [{kind: ServiceAccount, name: job}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: job, namespace: ml}
";

    fn found(rules: &str) -> Vec<(String, Vec<String>)> {
        let records = records(&format!("{COMMON}rules: [{rules}]\n"));
        let (paths, accounts) = paths(&records, &[], true);
        assert_eq!(accounts, 1, "only the token of job is mounted");
        let told = paths.into_iter().map(|path| {
            let steps = path.steps.iter().map(|step| step.to.clone().unwrap_or_else(|| "all".to_owned()));
            (format!("{}/{}", path.namespace, path.account), steps.collect())
        });
        told.collect()
    }

    #[test]
    fn each_account_gets_its_shortest_path() {
        let long = ["ServiceAccount ml/deployer", "ServiceAccount flux-system/kustomize-controller", "all"];
        for rule in [
            "{verbs: [create], apiGroups: [''], resources: [pods]}",
            "{verbs: [create], apiGroups: [batch], resources: [jobs]}",
            "{verbs: [create], apiGroups: [''], resources: [serviceaccounts/token]}",
            "{verbs: [create], apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [deployer]}",
            "{verbs: [impersonate], apiGroups: [''], resources: [serviceaccounts]}",
            "{verbs: [create, get], apiGroups: [''], resources: [secrets]}",
            "{verbs: ['*'], apiGroups: ['*'], resources: ['*']}",
        ] {
            let want: Vec<String> = long.iter().map(|&it| it.to_owned()).collect();
            let got = found(rule);
            // Whoever may do everything in the namespace may write its Kustomizations too.
            let is_star = rule.contains("resources: ['*']");
            let want = if is_star { want[1..].to_vec() } else { want };
            assert_eq!(got, [("ml/job".to_owned(), want)], "{rule}");
        }
        let short = found(
            "{verbs: [create], apiGroups: [helm.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io], resources: [kustomizations]}",
        );
        assert_eq!(short[0].1.len(), 2, "{short:?}");
    }

    #[test]
    fn what_leads_nowhere_is_no_path() {
        for rule in [
            "{verbs: [get, list], apiGroups: [''], resources: [pods]}",
            "{verbs: [create], apiGroups: [''], resources: ['pods/*']}",
            "{verbs: [create], apiGroups: [''], resources: [pods/exec]}",
            "{verbs: [create], apiGroups: [''], resources: [pods], resourceNames: [one]}",
            "{verbs: [create], apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [other]}",
            "{verbs: [create], apiGroups: [''], resources: [secrets]}",
            "{verbs: [get], apiGroups: [''], resources: [secrets]}",
            "{verbs: [impersonate], apiGroups: [''], resources: [groups, users]}",
            "{verbs: [create], apiGroups: [other.example], resources: [pods]}",
            "{verbs: [escalate], apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles]}",
        ] {
            assert!(found(rule).is_empty(), "{rule}: {:?}", found(rule));
        }
    }
}
