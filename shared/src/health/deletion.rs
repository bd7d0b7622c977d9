//! Why a deletion does not end, by what each kind waits for.

use super::storage::ATTACHMENT_FAILED;
use super::{Related, extension, pod};
use crate::object::{Body, Lookup, Object, ObjectRef, find_condition};
use crate::report::Verdict;

/// Adds to the verdict of an object that is being deleted what its kind knows of the reasons.
pub(super) fn explain(object: &Object, verdict: Verdict, related: &Related<'_>) -> Verdict {
    match &object.body {
        Body::Namespace(_) => extension::explain_deletion(object, verdict, related),
        Body::Pod(pod) if !pod.node.is_empty() => on_dead_node(verdict, &pod.node, related),
        Body::Claim(_) => still_used(verdict, object, related),
        Body::Custom(custom) if object.is("storage.k8s.io", "VolumeAttachment") => {
            // Deleting it is how a volume is detached, so an error stands here and nowhere else.
            let error = custom.status_text("/detachError/message");
            if error.is_empty() {
                return verdict;
            }
            let since = custom.status_text("/detachError/time").parse().ok().or(verdict.since);
            let text = format!("cannot detach from {}: {error}", custom.spec_text("/nodeName"));
            Verdict::fail(&ATTACHMENT_FAILED, text).since(since)
        }
        _ => verdict,
    }
}

/// Only the kubelet can say that a pod has stopped: without it the pod stays for ever.
fn on_dead_node(verdict: Verdict, name: &str, related: &Related<'_>) -> Verdict {
    match related.get("", "Node", "", name) {
        Lookup::Missing => verdict
            .evidence(format!("node {name} is not there any more: nobody will say that the pod has stopped"))
            .blame(ObjectRef::new("", "Node", "", name)),
        Lookup::Found(found) => {
            let Body::Node(record) = &found.body else { return verdict };
            let ready = find_condition(&record.status.conditions, "Ready");
            if ready.is_none_or(|ready| ready.is_true()) {
                return verdict;
            }
            let line = format!("node {name} does not report: nobody says that the pod has stopped");
            verdict.evidence(line).blame(found.reference())
        }
        Lookup::Unread => verdict,
    }
}

/// A claim goes when the last pod that uses it has gone (`kubernetes.io/pvc-protection`).
fn still_used(verdict: Verdict, object: &Object, related: &Related<'_>) -> Verdict {
    let pods = related.inventory.in_namespace("", "Pod", &object.meta.namespace).iter();
    let mut users =
        pods.filter(|pod| pod.pod().is_some_and(|it| !it.is_finished()) && pod::uses(pod, &object.meta.name));
    match users.next() {
        Some(user) => verdict.evidence(format!("pod {} uses it", user.meta.name)),
        None => verdict,
    }
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    const NODE: &str = "---\napiVersion: v1\nkind: Node\nmetadata: {name: w1}\nstatus: {conditions: [{type: Ready, status: Unknown}]}\n";
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, deletionTimestamp: '2026-11-20T01:00:00Z'}\nspec: {nodeName: w1, containers: [{name: c}], volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}\nstatus: {phase: Running}\n";

    #[test]
    fn a_pod_that_does_not_go_names_its_dead_node() {
        let verdict = judge(&format!("{POD}{NODE}"), "Pod", "p");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "terminating-stuck"));
        assert_eq!(verdict.blames[0].to_string(), "Node/w1");
        let gone = NODE.replace("w1", "w2");
        assert!(judge(&format!("{POD}{gone}"), "Pod", "p").evidence[0].contains("not there any more"));
        assert!(judge(&format!("{POD}{}", NODE.replace("Unknown", "'True'")), "Pod", "p").blames.is_empty());
    }

    #[test]
    fn a_claim_that_does_not_go_names_its_pod_and_an_attachment_its_error() {
        let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: n, deletionTimestamp: '2026-11-20T01:00:00Z', finalizers: [kubernetes.io/pvc-protection]}\n";
        let verdict = judge(&format!("{POD}{claim}"), "PersistentVolumeClaim", "data");
        assert_eq!(verdict.evidence, ["pod p uses it"]);
        let attachment = "apiVersion: storage.k8s.io/v1\nkind: VolumeAttachment\nmetadata: {name: a, deletionTimestamp: '2026-11-20T02:58:00Z'}\nspec: {nodeName: w1}\nstatus: {attached: true, detachError: {message: device is busy}}\n";
        expect(attachment, "VolumeAttachment", "a", Level::Fail, "volume-attach-failed");
    }
}
