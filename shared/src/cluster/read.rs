//! The whole cluster as an inventory: what is served, listed side by side, each kind with its outcome.

use super::by_namespace::by_namespace;
use super::connection::IN_CLUSTER;
use super::decoder::DecodeItem;
use super::discovery::{Served, discover};
use super::kubelet;
use super::list::{Warnings, get, list};
use super::{ClusterError, Connection};
use crate::object::{Decoded, InventoryBuilder, Scope, Section, SectionState, Sym, TypeMeta, Unread, decode_kept};
use crate::report::View;
use crate::source::{Gathered, Snapshot};
use futures::StreamExt;
use futures::channel::oneshot;
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Kinds that are read at a time: kube speaks HTTP/1.1, so each needs a connection.
const AT_A_TIME: usize = 8;
const JSON: &str = "application/json";
pub(super) const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1";

/// Groups whose objects say nothing of health, or are reports by the thousand.
pub(super) const PASSED_OVER: &[&str] = &[
    "authentication.k8s.io",
    "authorization.k8s.io",
    "metrics.k8s.io",
    "custom.metrics.k8s.io",
    "external.metrics.k8s.io",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "node.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "events.k8s.io",
    "internal.apiserver.k8s.io",
    "storagemigration.k8s.io",
    "wgpolicyk8s.io",
    "reports.kyverno.io",
    "aquasecurity.github.io",
    "cilium.io",
    "spdx.softwarecomposition.kubescape.io",
];

/// Kinds of other groups that are passed over for the same reasons.
const KINDS_PASSED_OVER: &[(&str, &str)] = &[
    ("", "ComponentStatus"),
    ("", "Endpoints"),
    ("", "PodTemplate"),
    ("", "ServiceAccount"),
    ("", "LimitRange"),
    ("apps", "ControllerRevision"),
    ("storage.k8s.io", "CSIStorageCapacity"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("certificates.k8s.io", "PodCertificateRequest"),
    // One a node and driver, each with up to a hundred devices: the scheduler says which of them fit.
    ("resource.k8s.io", "ResourceSlice"),
    ("resource.k8s.io", "DeviceTaintRule"),
];

/// What to read.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Only these namespaces; empty for all.
    pub namespaces: Vec<String>,
    /// Namespaces to try one by one where the whole cluster may be neither listed nor its
    /// namespaces named.
    pub likely: Vec<String>,
    /// The whole run may take so long; what is not read by then timed out.
    pub budget: Duration,
    /// Whether the kubelets are asked how full volumes and node filesystems are, beside the lists
    /// ([`read`] only). Needs `get` on `nodes/proxy`; an account without it reads all the rest.
    pub kubelets: bool,
    /// Whether Secrets and ConfigMaps are asked for with what they hold, not as metadata. Helm's releases are left
    /// out then: each may be a megabyte.
    pub contents: bool,
}

/// Reads the cluster.
///
/// # Errors
/// When not even discovery answers. A kind that cannot be read is a section of the inventory that
/// says why, never an error and never empty.
pub async fn read(connection: &Connection, plan: &Plan) -> Result<Snapshot, ClusterError> {
    let deadline = Instant::now() + plan.budget;
    let mut builder = builder(plan);
    let (tell, told) = oneshot::channel();
    let lists = async {
        // The nodes whose kubelets are asked are those of the cluster, or with namespaces those
        // that run the pods; when the lists end without them being known, this drops the sender.
        let (mut tell, mut awaited) = (Some(tell), vec!["Node"]);
        if !plan.namespaces.is_empty() {
            awaited.push("Pod");
        }
        let decides = if plan.namespaces.is_empty() { "Node" } else { "Pod" };
        let keep = &mut |kind: &Served, pages: Option<Vec<Vec<Decoded>>>| {
            let is_read = pages.is_some();
            pages.into_iter().for_each(|pages| push(&mut builder, pages));
            if !kind.group.is_empty() || !awaited.contains(&&*kind.kind) {
                return;
            }
            awaited.retain(|awaited| *awaited != kind.kind);
            if kind.kind == decides && !is_read {
                tell = None;
            }
            if awaited.is_empty()
                && let Some(tell) = tell.take()
            {
                // Nobody listens where kubelets are not asked.
                let _ = tell.send(kubelet::Nodes::of(builder.objects(), plan.namespaces.is_empty()));
            }
        };
        gather_where(connection, plan, is_wanted, &|_| true, Some(Unread::PassedOver), decode_kept, keep).await
    };
    let measured = async {
        if plan.kubelets {
            kubelet::measure(connection, told.await.ok(), deadline).await
        } else {
            (SectionState::Unread(Unread::NotAsked), Vec::new())
        }
    };
    let (gathered, (state, summaries)) = futures::join!(lists, measured);
    let gathered = gathered?;
    push(&mut builder, vec![summaries]);
    builder.section(kubelet::section(state));
    Ok(snapshot(gathered, builder))
}

fn builder(plan: &Plan) -> InventoryBuilder {
    let namespaces: Vec<Sym> = plan.namespaces.iter().map(|name| Sym::new(name)).collect();
    let scope = if namespaces.is_empty() { Scope::Cluster } else { Scope::Namespaces(namespaces) };
    InventoryBuilder::new(scope, true)
}

fn push(builder: &mut InventoryBuilder, pages: Vec<Vec<Decoded>>) {
    builder.reserve(pages.iter().map(Vec::len).sum());
    pages.into_iter().flatten().for_each(|item| builder.push(item));
}

fn snapshot(gathered: Gathered<Decoded>, mut builder: InventoryBuilder) -> Snapshot {
    let Gathered { sections, view, notes, warnings, gaps, .. } = gathered;
    sections.into_iter().for_each(|section| builder.section(section));
    Snapshot { inventory: builder.finish(), view, notes, warnings, gaps }
}

/// Reads only these kinds, each named by group and kind, as far as they are served. Of one that is
/// not served there is no section.
///
/// # Errors
/// As [`read`].
pub async fn read_kinds(
    connection: &Connection,
    plan: &Plan,
    kinds: &[(&str, &str)],
) -> Result<Snapshot, ClusterError> {
    let wanted = |kind: &Served| kinds.contains(&(&*kind.group, &*kind.kind));
    let is_group_wanted = |group: &str| kinds.iter().any(|(known, _)| *known == group);
    let mut builder = builder(plan);
    let keep = &mut |_: &Served, pages: Option<_>| pages.into_iter().for_each(|pages| push(&mut builder, pages));
    let gathered = gather_where(connection, plan, wanted, &is_group_wanted, None, decode_kept, keep).await?;
    Ok(snapshot(gathered, builder))
}

/// Reads the kinds that `is_wanted` takes by group and kind, and keeps of each item what `decode`
/// makes of it. Of Secrets and ConfigMaps only metadata is asked for, unless the plan says otherwise.
///
/// # Errors
/// As [`read`].
pub async fn gather<T: Send + 'static>(
    connection: &Connection,
    plan: &Plan,
    is_wanted: impl Fn(&str, &str) -> bool,
    decode: DecodeItem<T>,
) -> Result<Gathered<T>, ClusterError> {
    let mut items = Vec::new();
    let keep = &mut |_: &Served, pages: Option<Vec<Vec<T>>>| items.extend(pages.into_iter().flatten().flatten());
    let is_wanted = |kind: &Served| is_wanted(&kind.group, &kind.kind);
    let gathered = gather_where(connection, plan, is_wanted, &|_| true, None, decode, keep).await?;
    Ok(Gathered { items, ..gathered })
}

/// Takes the pages of a kind, `None` of one that was not read.
type Keep<'a, T> = dyn FnMut(&Served, Option<Vec<Vec<T>>>) + 'a;

/// As [`gather`]; the items go to `keep`, kind by kind, `None` of one that was not read; none of them
/// is in what is returned. Groups that discovery could not ask are noted where they are wanted, kinds
/// that are not wanted where it is said why.
async fn gather_where<T: Send + 'static>(
    connection: &Connection,
    plan: &Plan,
    is_wanted: impl Fn(&Served) -> bool,
    is_group_wanted: &dyn Fn(&str) -> bool,
    unwanted: Option<Unread>,
    decode: DecodeItem<T>,
    keep: &mut Keep<'_, T>,
) -> Result<Gathered<T>, ClusterError> {
    let collected = Warnings::default();
    let warnings = &collected;
    let deadline = Instant::now() + plan.budget;
    let (found, version) = futures::join!(discover(connection, warnings), version(connection, warnings));
    let found = found?;
    let mut sections = Vec::new();
    let (mut wanted, others): (Vec<&Served>, Vec<&Served>) = found.kinds.iter().partition(|kind| is_wanted(kind));
    if let Some(why) = unwanted {
        sections.extend(others.into_iter().map(|kind| section(kind, SectionState::Unread(why.clone()))));
    }
    // What tells which kubelets to ask comes first.
    wanted.sort_by_key(|kind| match (&*kind.group, &*kind.kind) {
        ("", "Node") => 0,
        ("", "Pod") if !plan.namespaces.is_empty() => 1,
        _ => 2,
    });
    let mut outcomes = futures::stream::iter(wanted)
        .map(|kind| async move {
            let left = deadline.saturating_duration_since(Instant::now());
            let outcome = tokio::time::timeout(left, one(connection, kind, plan, decode, warnings)).await;
            (kind, outcome.unwrap_or(Err(ClusterError::TimedOut(plan.budget))))
        })
        .buffer_unordered(AT_A_TIME);
    let mut refused = Vec::new();
    while let Some((kind, outcome)) = outcomes.next().await {
        let state = match outcome {
            Ok(pages) => {
                let count = pages.iter().map(Vec::len).sum();
                keep(kind, Some(pages));
                SectionState::Read(count)
            }
            Err(ClusterError::Forbidden(message)) if is_spread(kind) && plan.namespaces.is_empty() => {
                refused.push((kind, message));
                continue;
            }
            Err(error) => {
                keep(kind, None);
                match error {
                    // Who asked for namespaces did not ask for what has none.
                    ClusterError::Forbidden(_) if !is_spread(kind) && !plan.namespaces.is_empty() => {
                        SectionState::Unread(Unread::OutOfScope)
                    }
                    error => SectionState::Unread(unread(error)),
                }
            }
        };
        sections.push(section(kind, state));
    }
    drop(outcomes);
    for (kind, state, pages) in by_namespace(connection, refused, plan, deadline, decode, warnings).await {
        keep(kind, Some(pages));
        sections.push(section(kind, state));
    }
    for (group_version, why) in found.unanswered {
        let (group, _) = group_version.split_once('/').unwrap_or_default();
        if !is_group_wanted(group) {
            continue;
        }
        sections.push(Section {
            group: Sym::new(group),
            kind: Sym::new("*"),
            resource: Sym::new("*"),
            state: SectionState::Unread(Unread::Failed(why)),
        });
    }
    let mut warnings: Vec<String> =
        collected.into_inner().into_iter().map(|warning| format!("the API server warns: {warning}")).collect();
    if connection.context == IN_CLUSTER {
        warnings.push("there is no kubeconfig: this is the view of the pod's own service account".to_owned());
    }
    Ok(Gathered {
        items: Vec::new(),
        sections,
        is_whole: true,
        scope: None,
        view: View {
            source: "cluster".to_owned(),
            name: connection.context.clone(),
            server: Some(connection.server.clone()),
            server_version: version,
            user: connection.user.clone(),
            namespaces: plan.namespaces.clone(),
            platform: None,
        },
        notes: Vec::new(),
        warnings,
        gaps: Vec::new(),
    })
}

/// Whether the kind is read from the namespaces that were asked for. Leases are read of nodes only.
fn is_spread(kind: &Served) -> bool {
    kind.is_namespaced && kind.kind != "Lease"
}

fn section(kind: &Served, state: SectionState) -> Section {
    Section { group: Sym::new(&kind.group), kind: Sym::new(&kind.kind), resource: Sym::new(&kind.plural), state }
}

fn is_wanted(kind: &Served) -> bool {
    !PASSED_OVER.contains(&&*kind.group) && !KINDS_PASSED_OVER.contains(&(&*kind.group, &*kind.kind))
}

pub(super) fn unread(error: ClusterError) -> Unread {
    match error {
        ClusterError::Forbidden(message) => Unread::Forbidden(message),
        ClusterError::TimedOut(_) => Unread::TimedOut,
        // Discovery has just named it: its definition was removed meanwhile, or something in between
        // answers in the server's place.
        ClusterError::NotFound => Unread::Failed("404 for a list that discovery names".to_owned()),
        other => Unread::Failed(other.to_string()),
    }
}

/// The path under which a kind's group is served.
pub(super) fn root(kind: &Served) -> String {
    if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    }
}

/// What of a kind is asked for: of Secrets and ConfigMaps only metadata, so that their data never
/// leaves the server, unless their contents are wanted.
pub(super) fn accept(kind: &Served, contents: bool) -> &'static str {
    let is_data = kind.group.is_empty() && matches!(&*kind.kind, "Secret" | "ConfigMap");
    if is_data && !contents { METADATA } else { JSON }
}

/// Reads one kind, in the plan's namespaces where it has some.
pub(super) async fn one<T: Send + 'static>(
    connection: &Connection,
    kind: &Served,
    plan: &Plan,
    decode: DecodeItem<T>,
    warnings: &Warnings,
) -> Result<Vec<Vec<T>>, ClusterError> {
    let (root, accept) = (root(kind), accept(kind, plan.contents));
    let group_version =
        if kind.group.is_empty() { kind.version.clone() } else { format!("{}/{}", kind.group, kind.version) };
    let ty = Arc::new(TypeMeta::new(&group_version, &kind.kind));
    let query = match (&*kind.group, &*kind.kind) {
        ("", "Secret") if plan.contents => "&fieldSelector=type!%3Dhelm.sh%2Frelease.v1",
        ("", "Event") => "&fieldSelector=type%3DWarning",
        _ => "",
    };
    let node_leases = [String::from("kube-node-lease")];
    let namespaces: &[String] = match (&*kind.group, &*kind.kind) {
        ("coordination.k8s.io", "Lease") => &node_leases,
        _ if kind.is_namespaced => &plan.namespaces,
        _ => &[],
    };
    if namespaces.is_empty() {
        return list(connection, &format!("{root}/{}", kind.plural), query, accept, (&ty, decode), warnings).await;
    }
    let mut all = Vec::new();
    for namespace in namespaces {
        let path = format!("{root}/namespaces/{namespace}/{}", kind.plural);
        all.extend(list(connection, &path, query, accept, (&ty, decode), warnings).await?);
    }
    Ok(all)
}

pub(super) async fn version(connection: &Connection, warnings: &Warnings) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    let bytes = get(connection, "/version", JSON, warnings).await.ok()?;
    serde_json::from_slice::<Version>(&bytes).ok().map(|version| version.git_version)
}
