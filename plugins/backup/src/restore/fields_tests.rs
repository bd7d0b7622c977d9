//! One case a rule of `fields.rs`.

use super::fields::*;
use serde_json::{Value, json};

fn context() -> Context {
    Context { volumes: ["kept".to_owned()].into(), ..Context::default() }
}

/// Name of the rule, what it gets, what is left.
fn cases() -> Vec<(&'static str, Value, Value)> {
    let pod = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec});
    let v1 = |kind: &str, mut rest: Value| {
        rest["apiVersion"] = "v1".into();
        rest["kind"] = kind.into();
        rest
    };
    vec![
        (
            "identity",
            v1(
                "ConfigMap",
                json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "generation": 2,
                "creationTimestamp": "t", "deletionTimestamp": "t", "deletionGracePeriodSeconds": 1, "selfLink": "s",
                "generateName": "a-", "labels": {"l": "v"}, "managedFields": [{"manager": "m"}]}}),
            ),
            v1("ConfigMap", json!({"metadata": {"name": "a", "labels": {"l": "v"}}})),
        ),
        (
            "status",
            v1("Service", json!({"metadata": {"name": "a"}, "status": {"loadBalancer": {}}})),
            v1("Service", json!({"metadata": {"name": "a"}})),
        ),
        (
            "finalizers",
            v1(
                "ConfigMap",
                json!({"metadata": {"name": "a", "finalizers": ["finalizers.fluxcd.io", "example.com/own"]}}),
            ),
            v1("ConfigMap", json!({"metadata": {"name": "a", "finalizers": ["example.com/own"]}})),
        ),
        (
            "revision of a deployment",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d",
                "annotations": {"deployment.kubernetes.io/revision": "7", "a": "b"}}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "annotations": {"a": "b"}}}),
        ),
        (
            "finalizers of namespaces",
            v1("Namespace", json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["kubernetes"]}})),
            v1("Namespace", json!({"metadata": {"name": "a"}, "spec": {}})),
        ),
        (
            "addresses of services",
            v1(
                "Service",
                json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
                "ipFamilies": ["IPv4"]}}),
            ),
            v1("Service", json!({"metadata": {"name": "a"}, "spec": {"ipFamilies": ["IPv4"]}})),
        ),
        (
            "addresses of services",
            v1("Service", json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "None", "clusterIPs": ["None"]}})),
            v1("Service", json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "None", "clusterIPs": ["None"]}})),
        ),
        (
            "node ports of services",
            v1(
                "Service",
                json!({"metadata": {"name": "a", "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {"f:ports": {
                "k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:nodePort": {}}, "k:{\"port\":81,\"protocol\":\"TCP\"}": {}}}}}]},
                "spec": {"healthCheckNodePort": 30000, "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30001},
                {"port": 81, "protocol": "TCP", "nodePort": 30002}]}}),
            ),
            v1(
                "Service",
                json!({"metadata": {"name": "a"}, "spec": {"ports": [
                {"port": 80, "protocol": "TCP", "nodePort": 30001}, {"port": 81, "protocol": "TCP"}]}}),
            ),
        ),
        (
            "claim of a volume",
            v1(
                "PersistentVolume",
                json!({"metadata": {"name": "a", "annotations": {"pv.kubernetes.io/bound-by-controller": "yes", "k": "v"}},
                "spec": {"claimRef": {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": "1"}}}),
            ),
            v1(
                "PersistentVolume",
                json!({"metadata": {"name": "a", "annotations": {"k": "v"}}, "spec": {"claimRef": {"name": "c", "namespace": "n"}}}),
            ),
        ),
        (
            "volume of a claim",
            v1(
                "PersistentVolumeClaim",
                json!({"metadata": {"name": "a", "annotations": {"volume.kubernetes.io/selected-node": "n"}},
                "spec": {"volumeName": "pvc-1"}}),
            ),
            v1("PersistentVolumeClaim", json!({"metadata": {"name": "a", "annotations": {}}, "spec": {}})),
        ),
        (
            "volume of a claim",
            v1("PersistentVolumeClaim", json!({"metadata": {"name": "a"}, "spec": {"volumeName": "kept"}})),
            v1("PersistentVolumeClaim", json!({"metadata": {"name": "a"}, "spec": {"volumeName": "kept"}})),
        ),
        (
            "node of a pod",
            pod(
                json!({"nodeName": "n", "priority": 0, "serviceAccountName": "sa", "volumes": [{"name": "kube-api-access-1"},
                {"name": "sa-token-1"}, {"name": "data"}], "containers": [{"name": "c", "volumeMounts": [{"name": "sa-token-1"}, {"name": "data"}]}]}),
            ),
            pod(json!({"serviceAccountName": "sa", "volumes": [{"name": "data"}],
                "containers": [{"name": "c", "volumeMounts": [{"name": "data"}]}]})),
        ),
        (
            "selector of a job",
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "labels": {"controller-uid": "u"}}, "spec": {
                "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}},
                "template": {"metadata": {"labels": {"batch.kubernetes.io/controller-uid": "u", "controller-uid": "u", "a": "b"}}}}}),
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "labels": {}},
                "spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}),
        ),
        (
            "tokens of an account",
            v1(
                "ServiceAccount",
                json!({"metadata": {"name": "sa"}, "secrets": [{"name": "sa-token-x"}, {"name": "own"}]}),
            ),
            v1("ServiceAccount", json!({"metadata": {"name": "sa"}, "secrets": [{"name": "own"}]})),
        ),
        (
            "token in a secret",
            v1(
                "Secret",
                json!({"metadata": {"name": "s", "annotations": {"kubernetes.io/service-account.uid": "u",
                "kubernetes.io/service-account.name": "sa"}}, "type": "kubernetes.io/service-account-token",
                "data": {"token": "x", "ca.crt": "x", "namespace": "x", "own": "x"}}),
            ),
            v1(
                "Secret",
                json!({"metadata": {"name": "s", "annotations": {"kubernetes.io/service-account.name": "sa"}},
                "type": "kubernetes.io/service-account-token", "data": {"own": "x"}}),
            ),
        ),
    ]
}

fn mapped_cases() -> Vec<(&'static str, Value, Value)> {
    let binding = "rbac.authorization.k8s.io/v1";
    vec![
        (
            "namespace",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"kubernetes.io/metadata.name": "a"}}}),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b", "labels": {"kubernetes.io/metadata.name": "b"}}}),
        ),
        (
            "labels of Flux in another namespace",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "a",
                "labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "l": "v"}}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "b", "labels": {"l": "v"}}}),
        ),
        (
            "labels of Flux in another namespace",
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "other",
                "labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "spec": {"volumeName": "kept"}}),
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "other",
                "labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "spec": {"volumeName": "kept"}}),
        ),
        (
            "accounts of a binding",
            json!({"apiVersion": binding, "kind": "RoleBinding", "metadata": {"name": "c", "namespace": "a"},
                "subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "a"}, {"kind": "User", "name": "u"},
                    {"kind": "User", "name": "system:serviceaccount:a:s"}, {"kind": "Group", "name": "system:serviceaccounts:a"},
                    {"kind": "Group", "name": "system:serviceaccounts"}]}),
            json!({"apiVersion": binding, "kind": "RoleBinding", "metadata": {"name": "c", "namespace": "b"},
                "subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "b"}, {"kind": "User", "name": "u"},
                    {"kind": "User", "name": "system:serviceaccount:b:s"}, {"kind": "Group", "name": "system:serviceaccounts:b"},
                    {"kind": "Group", "name": "system:serviceaccounts"}]}),
        ),
    ]
}

#[test]
fn every_rule_has_its_case_and_holds() {
    let mut seen = std::collections::BTreeSet::new();
    for (rule, before, after) in cases() {
        assert_eq!(prepare(before.clone(), &context()), after, "{rule}");
        seen.insert(rule);
    }
    let mapped = Context { namespaces: [("a".to_owned(), "b".to_owned())].into(), ..context() };
    for (rule, before, after) in mapped_cases() {
        assert_eq!(prepare(before.clone(), &mapped), after, "{rule}");
        seen.insert(rule);
    }
    let asleep = Context { trial: Trial::Asleep, ..context() };
    let (rule, before, after) = (
        "trial",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "annotations": {"a": "b"}, "finalizers": ["example.com/own"]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}),
    );
    assert_eq!(prepare(before.clone(), &asleep), after, "{rule}");
    assert_eq!(prepare(before.clone(), &context()), before, "nothing is tried here");
    seen.insert(rule);
    let missing: Vec<&str> = RULES.iter().map(|rule| rule.name).filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "rules without a case: {missing:?}");
}

#[test]
fn what_no_rule_names_stays() {
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"manualSelector": true,
        "selector": {"matchLabels": {"a": "b"}}}});
    assert_eq!(prepare(job.clone(), &context()), job);
    let custom = json!({"apiVersion": "example.com/v1", "kind": "Service", "metadata": {"name": "x"},
        "spec": {"clusterIP": "10.0.0.1", "emptyDir": {}}});
    assert_eq!(prepare(custom.clone(), &context()), custom);
}

#[test]
fn statuses_are_dropped_but_for_what_no_operator_finds_out_again() {
    let kafka = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": "k"},
        "status": {"clusterId": "c", "conditions": []}});
    assert_eq!(status(&kafka), Some(json!({"clusterId": "c"})));
    assert!(must_pause(&kafka));
    let pool = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "status": {"nodeIds": [0, 1], "replicas": 2}});
    assert_eq!(status(&pool), Some(json!({"nodeIds": [0, 1]})));
    assert_eq!(status(&json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}})), None);
    let mut paused = kafka;
    annotate(&mut paused, PAUSE, "true");
    assert!(!must_pause(&paused));
    // Strimzi reads anything else as no pause.
    annotate(&mut paused, PAUSE, "false");
    assert!(must_pause(&paused) && pause(&paused) == Some("false"));
    assert_eq!(pause(&held(paused)), Some("true"));
}

#[test]
fn owners_and_what_the_server_adds_are_no_difference() {
    let one = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "1", "ownerReferences": [{"uid": "x"}],
        "labels": {}}, "data": {"k": "v"}});
    let two = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "2", "finalizers": []}, "data": {"k": "v"}});
    assert_eq!(comparable(one.clone(), &context()), comparable(two, &context()));
    let three = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "w"}});
    assert_ne!(comparable(one.clone(), &context()), comparable(three, &context()));
}

#[test]
fn managers_of_the_status_are_not_put_back() {
    let object = json!({"metadata": {"managedFields": [{"manager": "a"}, {"manager": "b", "subresource": "status"},
        {"manager": "c", "subresource": "scale"}]}});
    assert_eq!(managers(&object), [json!({"manager": "a"}), json!({"manager": "c", "subresource": "scale"})]);
}
