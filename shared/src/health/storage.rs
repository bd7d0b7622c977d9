//! Claims, volumes and snapshots.

mod provisioner;

use super::table::Rule;
use super::{Related, fullness, pod, precedence};
use crate::object::{Body, Claim, Lookup, Object, ObjectRef, Pod};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    CLAIM_BOUND = "pvc-bound", "The claim has its volume", "The claim is bound.", "Nothing to do.";
    CLAIM_WAITS = "pvc-waits-for-consumer", "The claim waits for its first pod",
        "Its class binds volumes only when a pod uses the claim, and none does.", "Nothing to do.";
    CLAIM_PENDING = "pvc-pending", "The claim has no volume",
        "No volume was made for the claim: its class does not exist, no class is the default one, the provisioner does not run or refuses.",
        "Look at the claim's events (`kubectl describe pvc NAME -n NAMESPACE`), at its StorageClass (`kubectl get storageclass`) and at the provisioner.";
    CLAIM_LOST = "pvc-lost", "The claim has lost its volume",
        "The volume that the claim is bound to is gone: the data is not reachable.",
        "Find out whether the volume still exists in the storage; restore from a snapshot if not.", Final;
    CLAIM_RESIZE = "pvc-resize", "The claim is being resized, or cannot be",
        "A larger size was asked for. It may wait for the pod to restart, or be infeasible.", "Read the claim's conditions.";
    VOLUME_FAILED = "pv-failed", "The volume has failed",
        "The volume could not be deleted or reclaimed.", "Read its message; clean up in the storage.";
    VOLUME_RELEASED = "pv-released", "The volume is kept after its claim is gone",
        "The claim was deleted and the volume is retained: it costs money and holds data that nobody uses.",
        "Find out whose data it is first. To use it again remove spec.claimRef and make a claim with spec.volumeName; otherwise delete it, in the storage too.";
    SNAPSHOT_FAILED = "snapshot-failed", "The snapshot has failed",
        "The storage reported an error; this snapshot cannot be restored from.", "Read the error and take another one.";
    SNAPSHOT_PENDING = "snapshot-not-ready", "The snapshot is not ready",
        "The snapshot is being taken; it cannot be restored from yet.", "Wait; look at the snapshotter when it stays.";
    ATTACHMENT_OK = "volume-attached", "The volume is attached", "The volume is attached to its node, or not asked to be.", "Nothing to do.";
    ATTACHMENT_WAITS = "volume-attaching", "The volume is being attached",
        "The driver has not reported the volume as attached yet.", "If it stays: look at the driver's controller and at the node.";
    ATTACHMENT_FAILED = "volume-attach-failed", "The volume cannot be attached or detached",
        "The driver reports an error, mostly that the volume is still attached to another node, or that the node takes no more volumes. The pod that needs it stays in ContainerCreating.",
        "Read the error; look at the node that still holds the volume.";
}

const SNAPSHOTS: &str = "snapshot.storage.k8s.io";

pub(super) const RULES: &[Rule] = &[
    Rule::new("storage.k8s.io", "VolumeAttachment", attachment),
    Rule::new("", "PersistentVolumeClaim", claim),
    Rule::new("", "PersistentVolume", volume),
    Rule::new(SNAPSHOTS, "VolumeSnapshot", snapshot),
    Rule::new(SNAPSHOTS, "VolumeSnapshotContent", snapshot),
];

fn claim(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Claim(claim) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no claim");
    };
    match &*claim.status.phase {
        "Bound" => {
            let size = claim
                .status
                .capacity
                .get(&"storage".into())
                .map_or_else(String::new, |size| format!(", {}", text::bytes(*size)));
            let mut verdict = Verdict::ok(&CLAIM_BOUND, format!("bound{size}"));
            let volume = &claim.spec.volume_name;
            if !volume.is_empty() && related.get("", "PersistentVolume", "", volume).is_missing() {
                let missing = ObjectRef::new("", "PersistentVolume", "", volume);
                verdict =
                    verdict.and(Verdict::fail(&CLAIM_LOST, format!("its volume {volume} is gone"))).blame(missing);
            }
            verdict = resizes(claim, related, now).into_iter().fold(verdict, Verdict::and);
            match fullness::of_claim(related.inventory, &object.meta.namespace, &object.meta.name) {
                Some((_, statistics)) => {
                    // Whether the claim is bound does not become unsure because its figures are old.
                    let filled = fullness::volume(statistics, related.limits, now);
                    if filled.level > Level::Unknown { verdict.and(filled) } else { verdict }
                }
                None => verdict,
            }
        }
        "Lost" => Verdict::fail(&CLAIM_LOST, format!("lost its volume {}", claim.spec.volume_name)),
        _ => pending(object, claim, related, now),
    }
}

/// What is being changed about a bound volume: its size, or its attributes. Conditions and states as in
/// `k8s.io/api/core/v1/types.go`; an expansion takes seconds, unless it waits for a pod to start again.
fn resizes(claim: &Claim, related: &Related<'_>, now: Timestamp) -> Vec<Verdict> {
    let mut found = Vec::new();
    for condition in claim.status.conditions.iter().filter(|condition| condition.is_true()) {
        let is_young = condition
            .since()
            .is_some_and(|since| now.duration_since(since).as_secs() <= related.limits.progress_seconds);
        let level = match &*condition.r#type {
            "Resizing" | "FileSystemResizePending" | "ModifyingVolume" if is_young => Level::Progressing,
            "Resizing" | "FileSystemResizePending" | "ModifyingVolume" => Level::Warn,
            "ControllerResizeError" | "NodeResizeError" | "ModifyVolumeError" => Level::Warn,
            _ => continue,
        };
        let said = if condition.text().is_empty() { String::new() } else { format!(": {}", condition.text()) };
        let text = format!("{}{said}", condition.r#type);
        found.push(Verdict::new(level, &CLAIM_RESIZE, text).since(condition.since()));
    }
    for (resource, state) in &claim.status.allocated_resource_statuses {
        if state.ends_with("Infeasible") {
            found.push(Verdict::fail(&CLAIM_RESIZE, format!("{resource}: {state}")));
        } else if state.ends_with("Failed") {
            found.push(Verdict::warn(&CLAIM_RESIZE, format!("{resource}: {state}")));
        }
    }
    let change = &claim.status.modify_volume_status;
    if &*change.status == "Infeasible" {
        let text = format!("the driver refuses VolumeAttributesClass {}", change.target_volume_attributes_class_name);
        found.push(Verdict::warn(&CLAIM_RESIZE, text));
    }
    found
}

fn pending(object: &Object, claim: &Claim, related: &Related<'_>, now: Timestamp) -> Verdict {
    let created = object.meta.creation_timestamp;
    let age = created.seconds_before(now);
    let event = related.warning(object, &["ProvisioningFailed", "FailedBinding", "VolumeMismatch"]);
    let said = event.map_or_else(String::new, |event| format!(": {}", &*event.message));
    let name = claim.spec.storage_class_name.as_ref().map(|name| name.as_str());
    let classes = related.inventory.of_kind("storage.k8s.io", "StorageClass");
    let fail = |text: String| Verdict::fail(&CLAIM_PENDING, text).since(created.get());
    let class = match name {
        Some("") => None,
        Some(name) => match related.get("storage.k8s.io", "StorageClass", "", name) {
            Lookup::Missing => {
                return fail(format!("StorageClass {name} does not exist")).blame(ObjectRef::new(
                    "storage.k8s.io",
                    "StorageClass",
                    "",
                    name,
                ));
            }
            found => found.found(),
        },
        None => {
            let is_default = |class: &&Object| {
                class.meta.annotations.get("storageclass.kubernetes.io/is-default-class") == Some("true")
            };
            if related.inventory.was_read("storage.k8s.io", "StorageClass", "")
                && !classes.iter().any(|class| is_default(&class))
            {
                return fail(format!("names no StorageClass, and none is the default{said}"));
            }
            classes.iter().find(is_default)
        }
    };
    let waits = class.is_some_and(|class| {
        matches!(&class.body, Body::StorageClass(class) if &*class.volume_binding_mode == "WaitForFirstConsumer")
    });
    // Asked only where it counts, and the cheap question first: there may be thousands of both.
    let mut pods = related.inventory.in_namespace("", "Pod", &object.meta.namespace).iter();
    let used = waits
        && pods.any(|pod| {
            // A pod that no node takes for other reasons keeps its claim waiting, not the other way round.
            pod::uses(pod, &object.meta.name)
                && !pod.pod().is_some_and(Pod::is_finished)
                && !pod::waits_without_volumes(pod, related)
        });
    let pods_read = related.inventory.was_read("", "Pod", &object.meta.namespace);
    if waits && !used && !pods_read && event.is_none() {
        return Verdict::progressing(&CLAIM_WAITS, "waits for its first pod; the pods were not read");
    }
    if waits && !used && event.is_none() {
        return Verdict::ok(&CLAIM_WAITS, "waits for its first pod");
    }
    // A class that was not read may be one that waits for a first pod: no deadline then.
    let known = class.is_some() || name == Some("") || related.inventory.was_read("storage.k8s.io", "StorageClass", "");
    let late = known && age.is_some_and(|age| age > related.limits.creating_seconds);
    let what = name.map_or_else(String::new, |name| format!(" of class {name}"));
    let text = format!("no volume{what} yet{said}");
    let verdict = if event.is_some() || late {
        fail(text)
    } else {
        Verdict::progressing(&CLAIM_PENDING, text).since(created.get())
    };
    match class {
        Some(class) => provisioner::explain(verdict, class, related),
        None => verdict,
    }
}

fn volume(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Body::Volume(volume) = &object.body else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no volume");
    };
    let since = volume.status.last_phase_transition_time.get();
    let claim = volume
        .spec
        .claim_ref
        .as_ref()
        .map_or_else(String::new, |claim| format!(" (claim {}/{})", claim.namespace, claim.name));
    match &*volume.status.phase {
        "Failed" => {
            Verdict::fail(&VOLUME_FAILED, format!("{}: {}", volume.status.reason, &*volume.status.message)).since(since)
        }
        "Released" if &*volume.spec.persistent_volume_reclaim_policy == "Delete" && since.is_some() => {
            being_deleted(object, since, &claim, related, now)
        }
        "Released" => Verdict::warn(&VOLUME_RELEASED, format!("kept, its claim is gone{claim}")).since(since),
        "" => precedence::no_status(object, None, related, now),
        phase => Verdict::ok(&CLAIM_BOUND, phase.to_owned()),
    }
}

/// A volume that goes with its claim: the driver deletes it within seconds, or says why it cannot.
fn being_deleted(
    object: &Object,
    since: Option<Timestamp>,
    claim: &str,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let late = since.is_some_and(|since| now.duration_since(since).as_secs() > related.limits.progress_seconds);
    let verdict = if late {
        Verdict::fail(&VOLUME_FAILED, format!("its claim is gone, and it is not deleted{claim}"))
    } else {
        Verdict::progressing(&VOLUME_RELEASED, format!("its claim is gone, it is being deleted{claim}"))
    };
    let event = related.warning(object, &["VolumeFailedDelete"]);
    let verdict = event.into_iter().fold(verdict, |verdict, event| verdict.evidence(event.message.to_string()));
    verdict.since(since)
}

fn attachment(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return Verdict::ok(&precedence::OK, "no state is reported") };
    let since = object.meta.creation_timestamp;
    for (pointer, what) in [("/attachError/message", "attach"), ("/detachError/message", "detach")] {
        let error = custom.status_text(pointer);
        if !error.is_empty() {
            let node = custom.spec_text("/nodeName");
            let time = custom.status_text(&pointer.replace("message", "time")).parse().ok();
            return Verdict::fail(&ATTACHMENT_FAILED, format!("cannot {what} at {node}: {error}"))
                .since(time.or(since.get()));
        }
    }
    if custom.status_at("/attached").and_then(serde_json::Value::as_bool) == Some(true) {
        return Verdict::ok(&ATTACHMENT_OK, "attached");
    }
    let late = since.seconds_before(now).is_some_and(|age| age > related.limits.progress_seconds);
    let level = if late { Level::Fail } else { Level::Progressing };
    Verdict::new(level, &ATTACHMENT_WAITS, "is not attached yet").since(since.get())
}

fn snapshot(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no snapshot");
    };
    let created = object.meta.creation_timestamp;
    // The controller retries and leaves readyToUse as it was: the error counts.
    if let Some(error) = custom.status_at("/error/message").and_then(|text| text.as_str()) {
        let since = custom.status_text("/error/time").parse().ok();
        return Verdict::fail(&SNAPSHOT_FAILED, error.to_owned()).since(since);
    }
    match custom.status_at("/readyToUse").and_then(serde_json::Value::as_bool) {
        Some(true) => Verdict::ok(&CLAIM_BOUND, "ready to restore from"),
        Some(false) => {
            let late = created.seconds_before(now).is_some_and(|age| age > 3600);
            let text = "not ready to restore from";
            let verdict = if late {
                Verdict::fail(&SNAPSHOT_PENDING, text)
            } else {
                Verdict::progressing(&SNAPSHOT_PENDING, text)
            };
            verdict.since(created.get())
        }
        None => precedence::no_status(object, None, related, now),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{expect, judge};
    use crate::report::Level;

    const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: a, creationTimestamp: 2026-11-20T01:00:00Z}\nspec: {storageClassName: fast}\nstatus: {phase: Pending}\n";

    #[test]
    fn a_pending_claim_is_told_by_its_class() {
        let class = |name: &str, mode: &str| {
            format!(
                "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: x.csi.io\nvolumeBindingMode: {mode}\n"
            )
        };
        // Only pods that were read can say that none of them uses the claim.
        let waits = format!("{CLAIM}{}", class("fast", "WaitForFirstConsumer"));
        let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: other, namespace: a}\n";
        expect(&waits, "PersistentVolumeClaim", "data", Level::Progressing, "pvc-waits-for-consumer");
        expect(&format!("{waits}{pod}"), "PersistentVolumeClaim", "data", Level::Ok, "pvc-waits-for-consumer");
        expect(
            &format!("{CLAIM}{}", class("fast", "Immediate")),
            "PersistentVolumeClaim",
            "data",
            Level::Fail,
            "pvc-pending",
        );
        let missing = judge(&format!("{CLAIM}{}", class("slow", "Immediate")), "PersistentVolumeClaim", "data");
        assert_eq!(missing.blames[0].to_string(), "StorageClass/fast");
    }

    #[test]
    fn a_resize_gets_its_time_and_what_cannot_be_fails() {
        let bound = |status: &str| CLAIM.replace("{phase: Pending}", &format!("{{phase: Bound, {status}}}"));
        let resizing =
            |at: &str| bound(&format!("conditions: [{{type: Resizing, status: 'True', lastTransitionTime: '{at}'}}]"));
        for (yaml, level) in [
            (resizing("2026-11-20T02:59:00Z"), Level::Progressing),
            (resizing("2026-11-20T01:00:00Z"), Level::Warn),
            (bound("allocatedResourceStatuses: {storage: NodeResizeInfeasible}"), Level::Fail),
            (bound("modifyVolumeStatus: {status: Infeasible, targetVolumeAttributesClassName: gold}"), Level::Warn),
        ] {
            expect(&yaml, "PersistentVolumeClaim", "data", level, "pvc-resize");
        }
    }

    #[test]
    fn a_volume_that_should_be_deleted_is_not_merely_kept() {
        let volume = |policy: &str, at: &str| {
            format!(
                "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: v}}\nspec: {{persistentVolumeReclaimPolicy: {policy}}}\nstatus: {{phase: Released, lastPhaseTransitionTime: '{at}'}}\n"
            )
        };
        let (young, old) = ("2026-11-20T02:59:00Z", "2026-11-20T01:00:00Z");
        expect(&volume("Delete", young), "PersistentVolume", "v", Level::Progressing, "pv-released");
        expect(&volume("Delete", old), "PersistentVolume", "v", Level::Fail, "pv-failed");
        expect(&volume("Retain", old), "PersistentVolume", "v", Level::Warn, "pv-released");
    }

    #[test]
    fn an_error_of_a_snapshot_wins() {
        let yaml = "apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: s, namespace: a}\nstatus: {readyToUse: true, error: {message: gone}}\n";
        expect(yaml, "VolumeSnapshot", "s", Level::Fail, "snapshot-failed");
    }
}
