//! Claims of devices (dynamic resource allocation): whether a claim has its devices, and what it lacks.

use super::table::Rule;
use super::{Related, culprit};
use crate::object::{Custom, Lookup, Object, ObjectRef};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

codes! {
    DEVICES_ALLOCATED = "device-claim-allocated", "The claim has its devices",
        "The scheduler has chosen devices for the claim, or no pod uses it yet.", "Nothing to do.";
    DEVICES_WAIT = "device-claim-waits", "The claim has no devices yet",
        "A pod waits for the claim, and no node has devices that fit it. The pod says what the scheduler finds.",
        "Look at the pod; `kubectl get resourceslices` shows which devices the nodes offer.";
    DEVICE_CLASS_MISSING = "device-class-missing", "The claim's class of devices does not exist",
        "A request names a DeviceClass that is not there: the driver of the devices is not installed, or the name is spelt differently.",
        "Install the driver, or correct the name (`kubectl get deviceclasses`).", Stuck 600;
    DEVICE_BROKEN = "device-not-ready", "A device of the claim is not ready",
        "The driver reports that a device that was given to the claim is not ready.",
        "Read the condition; look at the driver's pod on that node.";
}

pub(super) const GROUP: &str = "resource.k8s.io";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[Rule::new(GROUP, "ResourceClaim", claim)];

/// Follows `k8s.io/api/resource/v1/types.go`: a claim has its devices once `status.allocation` is there.
fn claim(object: &Object, related: &Related<'_>, _: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    if custom.status_at("/allocation").is_some_and(Value::is_object) {
        let consumers = text::plural(custom.status_list("/reservedFor").len(), "consumer");
        return broken_device(custom)
            .unwrap_or_else(|| Verdict::ok(&DEVICES_ALLOCATED, format!("allocated, {consumers}")));
    }
    let namespace = &object.meta.namespace;
    let classes = device_classes(custom);
    if let Some(class) = classes.iter().find(|class| related.get(GROUP, "DeviceClass", "", class).is_missing()) {
        return Verdict::fail(&DEVICE_CLASS_MISSING, format!("DeviceClass {class} does not exist"))
            .since(object.meta.creation_timestamp.get())
            .blame(ObjectRef::new(GROUP, "DeviceClass", "", class));
    }
    let uses = |pod: &&Object| {
        pod.pod().is_some_and(|pod| {
            !pod.is_finished() && pod.device_claims.iter().any(|claim| claim.name == object.meta.name)
        })
    };
    if !related.inventory.in_namespace("", "Pod", namespace).iter().any(|pod| uses(&pod)) {
        return Verdict::ok(&DEVICES_ALLOCATED, "no pod that was read uses it yet");
    }
    let of = if classes.is_empty() { String::new() } else { format!(" of class {}", classes.join(", ")) };
    Verdict::progressing(&DEVICES_WAIT, format!("no devices{of} yet")).since(object.meta.creation_timestamp.get())
}

/// The classes that a claim cannot do without: `exactly` as in v1, or beside the name as in v1beta1. Of
/// `firstAvailable` any will do.
fn device_classes(custom: &Custom) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for request in custom.spec_list("/devices/requests") {
        found.extend(request.get("deviceClassName").and_then(Value::as_str));
        found.extend(request.pointer("/exactly/deviceClassName").and_then(Value::as_str));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn broken_device(custom: &Custom) -> Option<Verdict> {
    custom.status_list("/devices").iter().find_map(|device| {
        let conditions = device.get("conditions").and_then(Value::as_array)?;
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let ready = conditions.iter().find(|condition| text(condition, "type") == "Ready")?;
        (text(ready, "status") == "False").then(|| {
            let said = format!("device {} is not ready: {}", text(device, "device"), text(ready, "message"));
            Verdict::new(Level::Warn, &DEVICE_BROKEN, said)
        })
    })
}

/// Blames the claims of devices that a pod without a node waits for: those that are not there or not
/// made, and, where the scheduler speaks of claims, those without devices.
pub(super) fn blame_claims(
    mut verdict: Verdict,
    object: &Object,
    words: &str,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let Some(pod) = object.pod() else { return verdict };
    let namespace = &object.meta.namespace;
    let about_claims = words.contains("claim");
    for claim in &pod.device_claims {
        if claim.name.is_empty() {
            let template = ObjectRef::new(GROUP, "ResourceClaimTemplate", namespace, &claim.template);
            if related.inventory.find(&template).is_missing() {
                verdict = verdict.blame(template);
            }
            continue;
        }
        let wanted = ObjectRef::new(GROUP, "ResourceClaim", namespace, &claim.name);
        match related.inventory.find(&wanted) {
            Lookup::Missing => verdict = verdict.blame(wanted),
            Lookup::Found(found) => {
                let state = super::assess(found, related, now);
                if state.level == Level::Fail {
                    verdict = verdict.blame(wanted);
                } else if about_claims && state.level > Level::Ok {
                    verdict = verdict.evidence(format!("ResourceClaim {}: {}", claim.name, state.message));
                }
            }
            Lookup::Unread => {}
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn claim(status: &str) -> String {
        format!(
            "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {{name: gpu, namespace: n}}\nspec: {{devices: {{requests: [{{name: r, exactly: {{deviceClassName: gpu.example.com}}}}]}}}}\nstatus: {status}\n"
        )
    }

    const POD: &str = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: train, namespace: n, creationTimestamp: '2026-11-20T01:00:00Z'}\nspec: {containers: [{name: c}], resourceClaims: [{name: gpu, resourceClaimTemplateName: t}]}\nstatus: {phase: Pending, resourceClaimStatuses: [{name: gpu, resourceClaimName: gpu}], conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: '0/3 nodes are available: 3 cannot allocate all claims.', lastTransitionTime: '2026-11-20T01:00:00Z'}]}\n";
    const CLASS: &str = "---\napiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: other.example.com}\n";

    #[test]
    fn a_claim_is_judged_by_its_allocation_and_by_who_waits_for_it() {
        expect(
            &claim("{allocation: {devices: {results: []}}}"),
            "ResourceClaim",
            "gpu",
            Level::Ok,
            "device-claim-allocated",
        );
        expect(&claim("{}"), "ResourceClaim", "gpu", Level::Ok, "device-claim-allocated");
        expect(&format!("{}{POD}", claim("{}")), "ResourceClaim", "gpu", Level::Progressing, "device-claim-waits");
        let broken = claim(
            "{allocation: {}, devices: [{device: d, conditions: [{type: Ready, status: 'False', message: XID 79}]}]}",
        );
        expect(&broken, "ResourceClaim", "gpu", Level::Warn, "device-not-ready");
    }

    #[test]
    fn a_pod_names_the_claim_that_it_waits_for() {
        let verdict = judge(&format!("{}{POD}", claim("{}")), "Pod", "train");
        assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "pod-unschedulable"));
        assert_eq!(verdict.evidence, ["ResourceClaim gpu: no devices of class gpu.example.com yet"]);
        let verdict = judge(&format!("{}{POD}{CLASS}", claim("{}")), "Pod", "train");
        assert_eq!(verdict.blames[0].to_string(), "ResourceClaim/n/gpu");
        expect(&format!("{}{POD}{CLASS}", claim("{}")), "ResourceClaim", "gpu", Level::Fail, "device-class-missing");
    }
}
