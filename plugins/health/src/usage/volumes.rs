//! The claims' volumes: how full each is, which pods mount it, and why it was not measured.

use super::facts::{Facts, Live};
use super::model::{Fill, VolumeUsage};
use super::nodes::fill;
use mlops_shared::health::fullness::{self, Fullness};
use mlops_shared::object::{Body, Claim, Object, STATISTICS_GROUP, STATISTICS_KIND};
use mlops_shared::report::{Level, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// One volume with its verdict.
pub(super) struct Judged {
    pub(super) usage: VolumeUsage,
    pub(super) verdict: Verdict,
    /// Whether the verdict may be a finding. What nobody could measure is none where the kubelet was
    /// not read: that is said once, of the kubelet.
    pub(super) is_finding: bool,
    /// Whether it is mounted and its kubelet was not read.
    pub(super) is_unread: bool,
}

/// Every claim that `-n` and `-l` mean, and what kubelets measured of claims that could not be
/// listed; fullest first.
pub(super) fn volumes(facts: &Facts<'_>) -> Vec<Judged> {
    let users = users(facts);
    let mut known: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut out = Vec::new();
    for object in facts.ask.inventory.of_kind("", "PersistentVolumeClaim") {
        let key = (object.meta.namespace.as_str(), object.meta.name.as_str());
        known.insert(key);
        let claim = match &object.body {
            Body::Claim(claim) => Some(&**claim),
            _ => None,
        };
        // A claim without a volume has no use; `health` says why it has none.
        let is_bound = claim.is_none_or(|claim| &*claim.status.phase == "Bound");
        if facts.is_meant(object) && is_bound {
            out.push(judge(facts, key, claim, owner_pod(facts, object), &users));
        }
    }
    // Claims that may not be listed are in the kubelets' summaries all the same.
    if facts.ask.selector.is_none() {
        for (namespace, claim) in measured(facts).difference(&known) {
            if facts.is_namespace_meant(namespace) {
                out.push(judge(facts, (namespace, claim), None, None, &users));
            }
        }
    }
    let fullest = |judged: &Judged| {
        let fill = &judged.usage.fill;
        fill.used_percent.unwrap_or(-1.0).max(fill.inodes_percent.unwrap_or(-1.0))
    };
    // Stable: of equally full ones the order of names stays.
    out.sort_by(|one, two| {
        let mounted = |judged: &Judged| judged.usage.mounted;
        fullest(two).total_cmp(&fullest(one)).then(mounted(two).cmp(&mounted(one)))
    });
    out
}

type Users<'a> = BTreeMap<(&'a str, &'a str), Vec<Live<'a>>>;

/// Pods that have not ended, by the claims that they name.
fn users<'a>(facts: &Facts<'a>) -> Users<'a> {
    let mut users: Users<'a> = BTreeMap::new();
    for pod in &facts.pods {
        for need in pod.pod.needs.iter().filter(|need| need.kind == "PersistentVolumeClaim") {
            users.entry((pod.object.meta.namespace.as_str(), need.name.as_str())).or_default().push(*pod);
        }
    }
    users
}

/// The pod that an ephemeral volume's claim belongs to: it does not name the claim, it owns it.
fn owner_pod<'a>(facts: &Facts<'a>, claim: &Object) -> Option<Live<'a>> {
    let owner = claim.meta.owner_references.iter().find(|owner| &*owner.kind == "Pod" && owner.api_version == "v1")?;
    let object = facts.ask.inventory.get("", "Pod", &claim.meta.namespace, &owner.name).found()?;
    let pod = object.pod().filter(|pod| !pod.is_finished())?;
    Some(Live { object, pod })
}

fn measured<'a>(facts: &Facts<'a>) -> BTreeSet<(&'a str, &'a str)> {
    let summaries = facts.ask.inventory.of_kind(STATISTICS_GROUP, STATISTICS_KIND).iter();
    let of = |object: &'a Object| match &object.body {
        Body::Statistics(statistics) => statistics.volumes.iter(),
        _ => [].iter(),
    };
    summaries.flat_map(of).map(|volume| (volume.namespace.as_str(), volume.claim.as_str())).collect()
}

fn judge(
    facts: &Facts<'_>,
    (namespace, name): (&str, &str),
    claim: Option<&Claim>,
    owner: Option<Live<'_>>,
    users: &Users<'_>,
) -> Judged {
    let pods: Vec<Live<'_>> = users.get(&(namespace, name)).into_iter().flatten().copied().chain(owner).collect();
    let running: Vec<&Live<'_>> = pods.iter().filter(|pod| &*pod.pod.phase == "Running").collect();
    let found = fullness::of_claim(facts.ask.inventory, namespace, name);
    let (verdict, reason) = match found {
        Some((_, statistics)) => {
            (fullness::volume(statistics, &facts.ask.platform.thresholds, facts.clock), Reason::Finding)
        }
        None => unmeasured(facts, claim, &running),
    };
    let mut names: BTreeSet<String> = pods.iter().map(|pod| pod.object.meta.name.to_string()).collect();
    names.extend(found.map(|(_, statistics)| statistics.pod.to_string()).filter(|pod| !pod.is_empty()));
    let node = found.map(|(node, _)| node).or_else(|| pods.first().map(|pod| pod.pod.node.as_str()));
    let claimed = claim.and_then(|claim| claim.status.capacity.get(&"storage".into())).map(|size| size.units());
    let usage = VolumeUsage {
        namespace: namespace.to_owned(),
        claim: name.to_owned(),
        pods: names.into_iter().collect(),
        node: node.unwrap_or_default().to_owned(),
        storage_class: claim
            .and_then(|claim| claim.spec.storage_class_name.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default(),
        claimed,
        fill: found.map_or_else(Fill::default, |(_, statistics)| fill(&Fullness::of(&statistics.filesystem))),
        measured_at: found.and_then(|(_, statistics)| statistics.filesystem.time.get()).map(|time| time.to_string()),
        verdict: verdict.worst_level(),
        code: verdict.code.id.to_owned(),
        message: verdict.message.to_string(),
        mounted: found.is_some() || !running.is_empty(),
    };
    Judged {
        verdict: shared(verdict, &usage),
        usage,
        is_finding: reason == Reason::Finding,
        is_unread: reason == Reason::Unread,
    }
}

/// What a verdict is to the run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// It was measured, or should have been.
    Finding,
    /// Its kubelet was not read.
    Unread,
    /// It cannot be measured, and nothing is wrong with that.
    Quiet,
}

/// A filesystem much larger than the claim is shared with others: then its room is what is
/// measured, and what fills it may lie elsewhere.
fn shared(verdict: Verdict, usage: &VolumeUsage) -> Verdict {
    match (usage.fill.capacity, usage.claimed) {
        (Some(capacity), Some(claimed)) if claimed > 0 && capacity / 2 > claimed && verdict.level > Level::Ok => {
            verdict.evidence("the filesystem is much larger than the claim: it is shared, and others may fill it")
        }
        _ => verdict,
    }
}

fn unmeasured(facts: &Facts<'_>, claim: Option<&Claim>, running: &[&Live<'_>]) -> (Verdict, Reason) {
    if running.is_empty() {
        let are_pods_known = facts.has_all_pods || !facts.ask.namespaces.is_empty();
        if !are_pods_known {
            return (
                fullness::unmeasured("not measured, and whether a pod mounts it is not known".to_owned()),
                Reason::Unread,
            );
        }
        return (fullness::not_measurable("not measured: no running pod mounts it".to_owned()), Reason::Quiet);
    }
    if claim.is_some_and(|claim| &*claim.spec.volume_mode == "Block") {
        return (
            fullness::not_measurable("a block volume: only its pod knows what is in use".to_owned()),
            Reason::Quiet,
        );
    }
    let unread = running.iter().find(|pod| facts.statistics(&pod.pod.node).is_none());
    if let Some(pod) = unread {
        let message = format!("not measured: the kubelet of {} was not read", pod.pod.node);
        return (fullness::unmeasured(message), Reason::Unread);
    }
    let node = running.first().map_or("", |pod| pod.pod.node.as_str());
    let message = format!("the kubelet of {node} reports no figures of it: its storage driver measures none");
    (fullness::unmeasured(message), Reason::Finding)
}
