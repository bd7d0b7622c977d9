//! The cluster that is measured: nodes, Deployments and their pods, as controllers and kubelets write them.

use serde_json::{Value, json};

/// Namespaces of the platform, so that the guide's own commands find pods.
pub(crate) const NAMESPACES: [&str; 6] =
    ["platform-operators", "data-plane", "orchestration", "ml-lifecycle", "processing-jobs", "flux-system"];
/// Pods of a Deployment.
const REPLICAS: usize = 20;
/// Pods of a node.
const PODS_PER_NODE: usize = 100;
const TIME: &str = "2026-11-20T02:00:00Z";

/// What is created before pods: path of the collection and object. Statuses are written afterwards.
pub(crate) fn around(pods: usize) -> Vec<(String, Value)> {
    let mut objects = Vec::new();
    for name in NAMESPACES {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        objects.push(("/api/v1/namespaces".to_owned(), namespace));
    }
    for number in 0..pods.div_ceil(PODS_PER_NODE) {
        objects.push(("/api/v1/nodes".to_owned(), node(number)));
    }
    for number in 0..pods.div_ceil(REPLICAS) {
        let path = format!("/apis/apps/v1/namespaces/{}/deployments", namespace(number));
        objects.push((path, deployment(number)));
    }
    objects
}

fn namespace(deployment: usize) -> &'static str {
    NAMESPACES[deployment % (NAMESPACES.len() - 1)]
}

fn node(number: usize) -> Value {
    let size = json!({"cpu": "64", "memory": "256Gi", "pods": "110", "ephemeral-storage": "500Gi"});
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": "Kubelet", "message": "as it should be",
               "lastHeartbeatTime": TIME, "lastTransitionTime": TIME})
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": format!("node-{number:03}"), "labels": {"kubernetes.io/hostname": format!("node-{number:03}")}},
        "status": {
            "capacity": size, "allocatable": size,
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True")],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "machineID": "", "systemUUID": "", "bootID": "",
                "kernelVersion": "6.1", "osImage": "Linux", "containerRuntimeVersion": "containerd://2.1",
                "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64"}
        }
    })
}

fn deployment(number: usize) -> Value {
    let name = format!("service-{number:04}");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace(number), "labels": {"app": name}},
        "spec": {
            "replicas": REPLICAS, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec(number, 0, false)}
        },
        "status": {
            "observedGeneration": 1, "replicas": REPLICAS, "updatedReplicas": REPLICAS, "readyReplicas": REPLICAS,
            "availableReplicas": REPLICAS,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                 "lastTransitionTime": TIME, "lastUpdateTime": TIME, "message": "Deployment has minimum availability."},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                 "lastTransitionTime": TIME, "lastUpdateTime": TIME, "message": "has successfully progressed."}
            ]
        }
    })
}

fn spec(deployment: usize, pod: usize, is_placed: bool) -> Value {
    let variables: Vec<Value> = (0..12)
        .map(|index| json!({"name": format!("SETTING_{index}"), "value": format!("value-of-{index}")}))
        .collect();
    let mut spec = json!({
        "containers": [{
            "name": "main", "image": format!("registry.example/platform/service-{deployment:04}:1.4.2"),
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}], "env": variables,
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10},
            "volumeMounts": [{"name": "settings", "mountPath": "/etc/settings"}]
        }],
        "volumes": [{"name": "settings", "emptyDir": {}}],
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]
    });
    if is_placed {
        spec["nodeName"] = json!(format!("node-{:03}", pod / PODS_PER_NODE));
    }
    spec
}

/// Pod `number`, with the path of its collection. One in 500 crashes.
pub(crate) fn pod(number: usize) -> (String, Value) {
    let deployment = number / REPLICAS;
    let (namespace, app) = (namespace(deployment), format!("service-{deployment:04}"));
    let is_crashing = number % 500 == 499;
    let state = if is_crashing {
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}})
    } else {
        json!({"running": {"startedAt": TIME}})
    };
    let ready = if is_crashing { "False" } else { "True" };
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": TIME, "observedGeneration": 1});
    let address = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{app}-7c9d5b8f6d-{number:05}"), "namespace": namespace,
            "labels": {"app": app, "pod-template-hash": "7c9d5b8f6d", "app.kubernetes.io/part-of": "platform"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-7c9d5b8f6d"),
                "uid": format!("00000000-0000-0000-0001-{deployment:012}"), "controller": true, "blockOwnerDeletion": true}]
        },
        "spec": spec(deployment, number, true),
        "status": {
            "phase": "Running", "qosClass": "Burstable", "startTime": TIME, "podIP": address, "hostIP": "192.0.2.1",
            "podIPs": [{"ip": address}],
            "conditions": [condition("PodReadyToStartContainers", "True"), condition("Initialized", "True"),
                condition("Ready", ready), condition("ContainersReady", ready), condition("PodScheduled", "True")],
            "containerStatuses": [{
                "name": "main", "ready": !is_crashing, "started": !is_crashing,
                "restartCount": if is_crashing { 42 } else { 0 }, "state": state, "lastState": {},
                "image": format!("registry.example/platform/service-{deployment:04}:1.4.2"),
                "imageID": "registry.example/platform/service@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "containerID": format!("containerd://{number:064x}")
            }]
        }
    });
    (format!("/api/v1/namespaces/{namespace}/pods"), pod)
}
