//! What no backup holds, and why: what the cluster makes by itself, what says only how it is at this moment, and what
//! must never be restored.

use mlops_shared::archive::Json;

/// Groups whose objects are measurements, questions or answers.
const GROUPS: &[(&str, &str)] = &[
    ("metrics.k8s.io", "measurements"),
    ("custom.metrics.k8s.io", "measurements"),
    ("external.metrics.k8s.io", "measurements"),
    ("authentication.k8s.io", "questions, which are not kept"),
    ("authorization.k8s.io", "questions, which are not kept"),
    ("events.k8s.io", "events, which end by themselves"),
    ("internal.apiserver.k8s.io", "what API servers tell each other"),
    ("apidiscovery.k8s.io", "what the API server says of itself"),
    ("wgpolicyk8s.io", "reports that a scanner makes again"),
    ("openreports.io", "reports that a scanner makes again"),
    ("reports.kyverno.io", "reports that a scanner makes again"),
    ("aquasecurity.github.io", "reports that a scanner makes again"),
    ("spdx.softwarecomposition.kubescape.io", "reports that a scanner makes again"),
    ("packages.operators.coreos.com", "a catalogue that is read from its images"),
];

/// Kinds of other groups.
const KINDS: &[(&str, &str, &str)] = &[
    ("", "Event", "events, which end by themselves"),
    ("", "ComponentStatus", "what the API server says of itself"),
    ("coordination.k8s.io", "Lease", "signs of life, renewed every few seconds"),
    ("coordination.k8s.io", "LeaseCandidate", "signs of life, renewed every few seconds"),
    ("storage.k8s.io", "CSINode", "made by the driver on each node"),
    ("storage.k8s.io", "VolumeAttachment", "says where a volume is attached at this moment"),
    ("storage.k8s.io", "CSIStorageCapacity", "made by the driver"),
    ("certificates.k8s.io", "CertificateSigningRequest", "asks for a certificate, and ends within a day"),
    ("certificates.k8s.io", "PodCertificateRequest", "asks for a certificate, and ends within a day"),
    ("networking.k8s.io", "IPAddress", "made by the API server for each Service"),
    ("resource.k8s.io", "ResourceSlice", "made by the driver on each node"),
    ("cilium.io", "CiliumEndpoint", "made by the agent for each pod"),
    ("cilium.io", "CiliumEndpointSlice", "made by the operator for each pod"),
    ("cilium.io", "CiliumIdentity", "made by the agent"),
    ("cilium.io", "CiliumNode", "made by the agent on each node"),
    ("kyverno.io", "UpdateRequest", "work that is done at once"),
    ("kyverno.io", "AdmissionReport", "reports that a scanner makes again"),
    ("kyverno.io", "BackgroundScanReport", "reports that a scanner makes again"),
];

/// Why no object of a kind is in a backup; `None` where they are.
pub(crate) fn of_kind(group: &str, kind: &str) -> Option<&'static str> {
    let by_group = GROUPS.iter().find(|(known, _)| *known == group).map(|(_, why)| *why);
    let by_kind = || KINDS.iter().find(|(in_group, known, _)| *in_group == group && *known == kind).map(|row| row.2);
    by_group.or_else(by_kind)
}

/// Why this one object is in no backup though others of its kind are.
pub(crate) fn of_object(group: &str, kind: &str, object: &Json<'_>) -> Option<&'static str> {
    let label = |key: &str| object.at(&["metadata", "labels", key]).and_then(Json::text);
    match (group, kind) {
        // kubernetes, pkg/controller/endpointslice and endpointslicemirroring: others were made by people.
        ("discovery.k8s.io", "EndpointSlice") => label("endpointslice.kubernetes.io/managed-by")
            .filter(|by| by.ends_with("controller.k8s.io"))
            .map(|_| "made by a controller from a Service"),
        // Since 1.33 the controller marks them; before it wrote when the pods last changed.
        ("", "Endpoints") => {
            let changed = ["metadata", "annotations", "endpoints.kubernetes.io/last-change-trigger-time"];
            let is_made = label("endpoints.kubernetes.io/managed-by").is_some() || object.at(&changed).is_some();
            is_made.then_some("made by a controller from a Service")
        }
        ("apiregistration.k8s.io", "APIService") => {
            label("kube-aggregator.kubernetes.io/automanaged").map(|_| "made by the API server")
        }
        _ => None,
    }
}

/// Takes away what says only how an object is at this moment, where that changes every few seconds.
pub(crate) fn trim(group: &str, kind: &str, object: &mut Json<'_>) {
    if (group, kind) != ("", "Node") {
        return;
    }
    let Some(status) = object.get_mut("status") else { return };
    for field in ["images", "volumesInUse", "volumesAttached"] {
        status.remove(field);
    }
    if let Some(Json::List(conditions)) = status.get_mut("conditions") {
        for condition in conditions {
            condition.remove("lastHeartbeatTime");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cluster_makes_stays_out_and_what_people_make_stays_in() {
        assert!(of_kind("", "Event").is_some() && of_kind("metrics.k8s.io", "PodMetrics").is_some());
        assert!(of_kind("coordination.k8s.io", "Lease").is_some() && of_kind("", "Secret").is_none());
        let slice = |labels: &str| {
            let text = format!(r#"{{"metadata":{{"name":"x","labels":{labels}}}}}"#);
            of_object("discovery.k8s.io", "EndpointSlice", &Json::parse(&text).expect("JSON")).is_some()
        };
        assert!(slice(r#"{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io"}"#));
        assert!(!slice(r#"{"endpointslice.kubernetes.io/managed-by":"a-person"}"#) && !slice("{}"));
        let text = r#"{"metadata":{"annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"t"}}}"#;
        assert!(of_object("", "Endpoints", &Json::parse(text).expect("JSON")).is_some());
        assert!(of_object("", "Endpoints", &Json::parse("{}").expect("JSON")).is_none());
    }

    #[test]
    fn a_node_loses_what_its_kubelet_writes_every_minute() {
        let text = r#"{"status":{"capacity":{"cpu":"4"},"images":[1],"conditions":[{"type":"Ready","lastHeartbeatTime":"t"}]}}"#;
        let mut node = Json::parse(text).expect("JSON");
        trim("", "Node", &mut node);
        let mut out = Vec::new();
        node.write(&mut out);
        assert_eq!(out, br#"{"status":{"capacity":{"cpu":"4"},"conditions":[{"type":"Ready"}]}}"#);
    }
}
