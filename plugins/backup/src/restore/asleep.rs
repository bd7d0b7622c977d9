//! Objects that are only tried: what they lose so that nothing runs, nobody acts on them, and all of them can be deleted.

use super::fields::{Context, Trial, group_and_kind, take};
use serde_json::{Value, json};

/// A label that no node has, and a gate that nobody opens.
const NOWHERE: &str = "mlops.dev/asleep";

/// The kinds that a drill makes, with what keeps them from doing anything. Of all others the API server is only asked.
pub(crate) const MADE: &[(&str, &str)] = &[
    ("", "ConfigMap"),
    ("", "Endpoints"),
    ("", "LimitRange"),
    ("", "Pod"),
    ("", "PodTemplate"),
    ("", "ReplicationController"),
    ("", "ResourceQuota"),
    ("", "Secret"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "ControllerRevision"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("resource.k8s.io", "ResourceClaimTemplate"),
];

/// Why a drill does not make an object of a kind; `None` where it does.
pub(crate) fn why_not(group: &str, kind: &str, is_namespaced: bool) -> Option<&'static str> {
    match (group, kind) {
        _ if !is_namespaced => Some("it has no namespace, so it would be the cluster's own"),
        _ if MADE.contains(&(group, kind)) => None,
        ("", "PersistentVolumeClaim") => Some("it would get a disk"),
        ("networking.k8s.io", "Ingress") => Some("it would take requests for its hosts"),
        _ => Some("an operator or a driver would act on it"),
    }
}

/// The rule of objects that are tried.
pub(super) fn quieten(object: &mut Value, context: &Context) {
    if context.trial == Trial::No {
        return;
    }
    let (group, kind) = group_and_kind(object);
    if (&*group, &*kind) == ("", "Service") {
        ports_of_nodes(object);
    }
    if context.trial == Trial::Asked {
        take(object, "/metadata", "ownerReferences");
        if (&*group, &*kind) == ("", "Pod") {
            // Its own is not in the namespace where it is tried.
            take(object, "/spec", "serviceAccount");
            take(object, "/spec", "serviceAccountName");
        }
        return;
    }
    take(object, "/metadata", "finalizers");
    // Annotations tell controllers what to do: names in DNS, copies into other namespaces.
    take(object, "/metadata", "annotations");
    let mut set = |field: &str, value: Value| {
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert(field.to_owned(), value);
        }
    };
    match (&*group, &*kind) {
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("", "ReplicationController") => {
            set("replicas", json!(0));
        }
        ("batch", "Job" | "CronJob") => set("suspend", json!(true)),
        ("", "Pod") => set("schedulingGates", json!([{"name": NOWHERE}])),
        ("apps", "DaemonSet") => {
            if let Some(spec) = object.pointer_mut("/spec/template/spec").and_then(Value::as_object_mut) {
                spec.insert("nodeSelector".to_owned(), json!({NOWHERE: "true"}));
            }
        }
        ("", "Service") => within_the_cluster(object),
        _ => {}
    }
}

/// The copy cannot have the ports that the original holds.
fn ports_of_nodes(service: &mut Value) {
    take(service, "/spec", "healthCheckNodePort");
    for port in service.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        take(port, "", "nodePort");
    }
}

fn within_the_cluster(service: &mut Value) {
    for field in [
        "allocateLoadBalancerNodePorts",
        "externalIPs",
        "externalTrafficPolicy",
        "loadBalancerClass",
        "loadBalancerIP",
        "loadBalancerSourceRanges",
    ] {
        take(service, "/spec", field);
    }
    if let Some(kind) = service.pointer_mut("/spec/type").filter(|kind| *kind != "ExternalName") {
        *kind = json!("ClusterIP");
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::prepare;
    use super::*;

    fn of(trial: Trial, object: Value) -> Value {
        prepare(object, &Context { trial, ..Context::default() })
    }

    #[test]
    fn nothing_runs_and_nobody_is_told_to_act() {
        let template = json!({"spec": {"nodeSelector": {"a": "b"}}});
        for (before, pointer, after) in [
            (
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}}),
                "/spec/replicas",
                json!(0),
            ),
            (json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {}}), "/spec/replicas", json!(0)),
            (json!({"apiVersion": "v1", "kind": "ReplicationController", "spec": {}}), "/spec/replicas", json!(0)),
            (
                json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"suspend": false}}),
                "/spec/suspend",
                json!(true),
            ),
            (json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {}}), "/spec/suspend", json!(true)),
            (json!({"apiVersion": "v1", "kind": "Pod", "spec": {}}), "/spec/schedulingGates/0/name", json!(NOWHERE)),
            (
                json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "spec": {"template": template}}),
                "/spec/template/spec/nodeSelector",
                json!({NOWHERE: "true"}),
            ),
        ] {
            assert_eq!(of(Trial::Asleep, before.clone()).pointer(pointer), Some(&after), "{before}");
            let asked = of(Trial::Asked, before.clone());
            assert_eq!(asked.pointer(pointer), before.pointer(pointer), "asking runs nothing: {before}");
        }
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"finalizers": ["a.example/f"],
            "annotations": {"external-dns.alpha.kubernetes.io/hostname": "x"}},
            "spec": {"type": "LoadBalancer", "externalIPs": ["1.2.3.4"], "externalTrafficPolicy": "Local",
            "ports": [{"port": 80, "nodePort": 30080}]}});
        let expected = json!({"apiVersion": "v1", "kind": "Service", "metadata": {},
            "spec": {"type": "ClusterIP", "ports": [{"port": 80}]}});
        assert_eq!(of(Trial::Asleep, service.clone()), expected);
        assert_eq!(of(Trial::No, service.clone()).pointer("/spec/type"), Some(&json!("LoadBalancer")));
        let name = json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {"type": "ExternalName", "externalName": "x"}});
        assert_eq!(of(Trial::Asleep, name.clone()), name);
    }

    #[test]
    fn a_drill_makes_only_what_it_knows() {
        assert_eq!(why_not("", "Secret", true), None);
        for (group, kind, is_namespaced) in [
            ("kafka.strimzi.io", "Kafka", true),
            ("helm.toolkit.fluxcd.io", "HelmRelease", true),
            ("", "PersistentVolumeClaim", true),
            ("networking.k8s.io", "Ingress", true),
            ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false),
            ("", "Namespace", false),
        ] {
            assert!(why_not(group, kind, is_namespaced).is_some(), "{kind}");
        }
    }
}
