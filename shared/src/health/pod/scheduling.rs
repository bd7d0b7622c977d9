//! Pods that have no node: what the scheduler says, taken apart, and which objects explain it.

use super::{POD_GATED, POD_UNSCHEDULABLE};
use crate::health::{Related, device};
use crate::object::{Body, Lookup, Object, ObjectRef, Pod, find_condition};
use crate::report::Verdict;
use jiff::Timestamp;

/// The verdict of a pending pod that the scheduler has not placed; `None` when it has.
pub(super) fn unscheduled(object: &Object, pod: &Pod, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let Some(condition) = pod.condition("PodScheduled") else {
        return unseen(object, pod, related, now);
    };
    if !condition.is_false() {
        return None;
    }
    if &*condition.reason == "SchedulingGated" {
        let gates: Vec<&str> = pod.scheduling_gates.iter().map(|gate| gate.as_str()).collect();
        return Some(Verdict::suspended(&POD_GATED, format!("waits for scheduling gates {}", gates.join(", "))));
    }
    let since = condition.since().or(object.meta.creation_timestamp.get());
    let waited = since.map_or(i64::MAX, |since| now.duration_since(since).as_secs());
    let reason = scheduler_words(object, pod, related);
    let sentence = Sentence::parse(reason);
    let late = waited > related.limits.unschedulable_seconds;
    let text = match &sentence {
        Some(sentence) if late => format!("none of {} takes it: {}", sentence.nodes(), sentence.causes()),
        Some(sentence) => format!("waits for one of {}: {}", sentence.nodes(), sentence.causes()),
        None if late => format!("no node takes it: {reason}"),
        None => format!("waits for a node: {reason}"),
    };
    let verdict =
        if late { Verdict::fail(&POD_UNSCHEDULABLE, text) } else { Verdict::progressing(&POD_UNSCHEDULABLE, text) };
    let verdict = blame_claims(verdict, object, pod, sentence.as_ref(), related);
    let verdict = device::blame_claims(verdict, object, reason, related, now);
    Some(blame_nodes(verdict, sentence.as_ref(), related).since(since))
}

/// Whether no node takes this pod, for reasons that have nothing to do with volumes: then its
/// claims wait for the pod, and not the pod for its claims.
pub(in crate::health) fn waits_without_volumes(object: &Object, related: &Related<'_>) -> bool {
    let Some(pod) = object.pod() else { return false };
    pod.condition("PodScheduled").is_some_and(|condition| condition.is_false())
        && Sentence::parse(scheduler_words(object, pod, related)).is_some_and(|sentence| !sentence.is_about_volumes())
}

fn scheduler_words<'a>(object: &Object, pod: &'a Pod, related: &Related<'a>) -> &'a str {
    let message = pod.condition("PodScheduled").map_or("", |condition| &*condition.message);
    if !message.is_empty() {
        return message;
    }
    related.warning(object, &["FailedScheduling"]).map_or("no node fits", |event| &*event.message)
}

/// A pod that no scheduler has written a condition on. A status that tells of containers was cut
/// down from a pod that had a node.
fn unseen(object: &Object, pod: &Pod, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    if !pod.node.is_empty() || pod.all_containers().any(|container| container.status.is_some()) {
        return None;
    }
    let who = if pod.scheduler.is_empty() { "the default scheduler" } else { &*pod.scheduler };
    let created = object.meta.creation_timestamp;
    let late = created.seconds_before(now).is_some_and(|age| age > related.limits.unschedulable_seconds);
    let text = format!("has no node, and {who} has not looked at it");
    let verdict =
        if late { Verdict::fail(&POD_UNSCHEDULABLE, text) } else { Verdict::progressing(&POD_UNSCHEDULABLE, text) };
    Some(verdict.since(created.get()))
}

/// Claims explain it when they are known to be missing, or when they are not bound and the
/// scheduler speaks of volumes (or says nothing that can be taken apart).
fn blame_claims(
    mut verdict: Verdict,
    object: &Object,
    pod: &Pod,
    sentence: Option<&Sentence<'_>>,
    related: &Related<'_>,
) -> Verdict {
    let about_volumes = sentence.is_none_or(Sentence::is_about_volumes);
    for need in pod.needs.iter().filter(|need| need.kind == "PersistentVolumeClaim") {
        match related.get("", need.kind, &object.meta.namespace, &need.name) {
            Lookup::Found(claim) => {
                if about_volumes
                    && let Body::Claim(record) = &claim.body
                    && &*record.status.phase != "Bound"
                {
                    verdict = verdict.blame(claim.reference());
                }
            }
            Lookup::Missing => {
                verdict = verdict.blame(ObjectRef::new("", need.kind, &object.meta.namespace, &need.name));
            }
            Lookup::Unread => {}
        }
    }
    verdict
}

/// Nodes that do not report explain why the others have no room. Cordoned ones are set aside on
/// purpose, so they explain it only when nothing but taints stands in the way.
fn blame_nodes(mut verdict: Verdict, sentence: Option<&Sentence<'_>>, related: &Related<'_>) -> Verdict {
    let Some(sentence) = sentence else { return verdict };
    let silent = sentence.mentions(&["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"]);
    let cordoned = sentence.mentions(&["node.kubernetes.io/unschedulable", "were unschedulable"])
        && sentence.causes.iter().all(|(_, cause)| cause.contains("taint") || cause.contains("unschedulable"));
    if !silent && !cordoned {
        return verdict;
    }
    for node in related.inventory.of_kind("", "Node") {
        let Body::Node(record) = &node.body else { continue };
        let is_silent = find_condition(&record.status.conditions, "Ready").is_some_and(|ready| !ready.is_true());
        if (silent && is_silent) || (cordoned && record.spec.unschedulable) {
            verdict = verdict.blame(node.reference());
        }
    }
    verdict
}

/// The scheduler's sentence (`pkg/scheduler/framework/types.go`, FitError):
/// `0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint {k: v}. preemption: …`
struct Sentence<'a> {
    nodes: u64,
    /// Nodes that a cause rules out (`None` where the scheduler gives no number), and the cause.
    causes: Vec<(Option<u64>, &'a str)>,
}

impl<'a> Sentence<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (head, rest) = text.split_once(" nodes are available: ")?;
        let (_, nodes) = head.rsplit_once('/')?;
        let nodes = nodes.parse().ok()?;
        // What preemption could not do either is no further cause.
        let rest = rest.split_once(" preemption: ").map_or(rest, |(causes, _)| causes);
        let mut causes: Vec<_> = outside_braces(rest.trim().trim_end_matches('.')).map(Self::cause).collect();
        causes.retain(|(_, cause)| !cause.is_empty());
        causes.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        (!causes.is_empty()).then_some(Self { nodes, causes })
    }

    fn cause(part: &'a str) -> (Option<u64>, &'a str) {
        let part = part.trim().trim_end_matches('.');
        let (count, cause) = match part.split_once(' ') {
            Some((count, cause)) if count.parse::<u64>().is_ok() => (count.parse().ok(), cause),
            _ => (None, part),
        };
        (count, cause.strip_prefix("node(s) ").unwrap_or(cause).trim())
    }

    fn nodes(&self) -> String {
        crate::text::plural(usize::try_from(self.nodes).unwrap_or(usize::MAX), "node")
    }

    fn causes(&self) -> String {
        let part = |(count, cause): &(Option<u64>, &str)| match count {
            Some(count) => format!("{count} {cause}"),
            None => (*cause).to_owned(),
        };
        self.causes.iter().map(part).collect::<Vec<_>>().join(", ")
    }

    fn mentions(&self, words: &[&str]) -> bool {
        self.causes.iter().any(|(_, cause)| words.iter().any(|word| cause.contains(word)))
    }

    fn is_about_volumes(&self) -> bool {
        self.causes.iter().any(|(_, cause)| {
            let cause = cause.to_ascii_lowercase();
            cause.contains("volume") || cause.contains("persistentvolumeclaim")
        })
    }
}

/// The parts between commas that stand outside braces: taints hold commas of their own.
fn outside_braces(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::Sentence;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_sentence_panics(text in ".{0,120}") {
            let _ = Sentence::parse(&text);
            let _ = Sentence::parse(&format!("0/3 nodes are available: {text}"));
        }
    }
}
