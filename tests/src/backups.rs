//! A small scripted cluster, and backups of it: Secrets with canary values, objects of Git, of Helm, of controllers and
//! of nobody.

use crate::loopback::{Answer, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

/// What no output and no archive without a recipient may hold.
pub const CANARY: &str = "CANARY-value-of-a-secret";

/// Resources: group and version, plural, kind, whether they live in namespaces.
const SERVED: &[(&str, &str, &str, bool)] = &[
    ("v1", "namespaces", "Namespace", false),
    ("v1", "nodes", "Node", false),
    ("v1", "pods", "Pod", true),
    ("v1", "secrets", "Secret", true),
    ("v1", "configmaps", "ConfigMap", true),
    ("v1", "events", "Event", true),
    ("v1", "persistentvolumeclaims", "PersistentVolumeClaim", true),
    ("apps/v1", "deployments", "Deployment", true),
    ("apps/v1", "replicasets", "ReplicaSet", true),
    ("coordination.k8s.io/v1", "leases", "Lease", true),
    ("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", true),
    ("kafka.strimzi.io/v1", "kafkas", "Kafka", true),
    ("kafka.strimzi.io/v1", "kafkatopics", "KafkaTopic", true),
    ("kustomize.toolkit.fluxcd.io/v1", "kustomizations", "Kustomization", true),
    ("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", false),
];

/// The objects of the cluster, by the path of their list.
#[must_use]
pub fn objects() -> Vec<(&'static str, Vec<Value>)> {
    let uid = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    let meta = |name: &str, number: u32| json!({"name": name, "namespace": "data-plane", "uid": uid(number), "resourceVersion": number.to_string()});
    let with = |mut meta: Value, key: &str, value: Value| {
        meta[key] = value;
        meta
    };
    let owner = |api_version: &str, kind: &str, name: &str, number: u32| json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": uid(number), "controller": true}]);
    // base64 of the canary.
    let value = "Q0FOQVJZLXZhbHVlLW9mLWEtc2VjcmV0";
    vec![
        (
            "/api/v1/namespaces",
            vec![
                json!({"metadata": {"name": "data-plane", "uid": uid(1)}, "spec": {"finalizers": ["kubernetes"]}}),
                json!({"metadata": {"name": "kube-system", "uid": uid(2)}}),
            ],
        ),
        (
            "/api/v1/nodes",
            vec![json!({"metadata": {"name": "n1", "uid": uid(3)}, "status": {"images": [{"sizeBytes": 1}],
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-20T03:00:00Z"}]}})],
        ),
        (
            "/api/v1/pods",
            vec![
                json!({"metadata": with(meta("web-1-a", 12), "ownerReferences", owner("apps/v1", "ReplicaSet", "web-1", 11)),
                "spec": {"containers": [{"name": "c", "image": "i:1", "env": [{"name": "DB_PASSWORD", "value": "plain-text"}]}]},
                "status": {"phase": "Running"}}),
            ],
        ),
        (
            "/api/v1/secrets",
            vec![
                json!({"metadata": with(meta("db", 20), "annotations", json!({
                    "kubectl.kubernetes.io/last-applied-configuration": format!(r#"{{"data":{{"password":"{value}"}}}}"#)})),
                    "type": "Opaque", "data": {"password": value, "user": "dXNlcg=="}}),
                json!({"metadata": meta("tls", 21), "type": "kubernetes.io/tls", "data": {"tls.key": value}}),
            ],
        ),
        (
            "/api/v1/configmaps",
            vec![
                json!({"metadata": meta("kube-root-ca.crt", 30), "data": {"ca.crt": "x"}}),
                json!({"metadata": meta("settings", 31), "data": {"b": "2", "a": "1"}}),
            ],
        ),
        ("/api/v1/events", vec![json!({"metadata": meta("e", 40)})]),
        (
            "/api/v1/persistentvolumeclaims",
            vec![json!({"metadata": meta("data-0", 45), "spec": {"storageClassName": "fast"}})],
        ),
        (
            "/apis/apps/v1/deployments",
            vec![json!({"metadata": with(meta("web", 10), "labels", json!({
                "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})),
                "spec": {"replicas": 2}})],
        ),
        (
            "/apis/apps/v1/replicasets",
            vec![
                json!({"metadata": with(meta("web-1", 11), "ownerReferences", owner("apps/v1", "Deployment", "web", 10))}),
            ],
        ),
        ("/apis/coordination.k8s.io/v1/leases", vec![json!({"metadata": meta("l", 50)})]),
        (
            "/apis/discovery.k8s.io/v1/endpointslices",
            vec![
                json!({"metadata": with(meta("made", 60), "labels",
                    json!({"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}))}),
                json!({"metadata": meta("by-hand", 61)}),
            ],
        ),
        (
            "/apis/kafka.strimzi.io/v1/kafkas",
            vec![json!({"metadata": meta("events", 70), "spec": {"kafka": {"version": "4.1.0"}}})],
        ),
        (
            "/apis/kafka.strimzi.io/v1/kafkatopics",
            vec![json!({"metadata": meta("orders", 71), "spec": {"partitions": 3}})],
        ),
        (
            "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
            vec![json!({"metadata": {"name": "apps", "namespace": "flux-system", "uid": uid(80)},
                "status": {"inventory": {"entries": [{"id": "data-plane_web_apps_Deployment", "v": "v1"}]}}})],
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            vec![
                json!({"metadata": {"name": "system:node", "uid": uid(90), "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}, "rules": null}),
            ],
        ),
    ]
}

/// Starts the cluster with these objects; `script` may answer a request in its place, given the whole path and how
/// often it was asked before.
pub fn start(
    objects: Vec<(&'static str, Vec<Value>)>,
    script: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static,
) -> Server {
    let (core, named) = discovery();
    Server::start(Arc::new(move |target, times| {
        if let Some(answer) = script(target, times) {
            return answer;
        }
        let path = target.split('?').next().unwrap_or_default();
        match path {
            "/api" => return Some((200, "", core.clone())),
            "/apis" => return Some((200, "", named.clone())),
            "/version" => return Some((200, "", r#"{"gitVersion":"v1.36.3"}"#.to_owned())),
            "/api/v1/namespaces/kube-system" => {
                return Some((200, "", r#"{"metadata":{"uid":"00000000-0000-4000-8000-000000000002"}}"#.to_owned()));
            }
            _ => {}
        }
        // A list of one namespace is that of all, narrowed.
        let parts: Vec<&str> = path.split('/').collect();
        let place = parts.iter().position(|part| *part == "namespaces").filter(|at| parts.len() > at + 2);
        let (list, namespace) = match place {
            Some(at) => ([&parts[..at], &parts[at + 2..]].concat().join("/"), parts.get(at + 1).copied()),
            None => (path.to_owned(), None),
        };
        let items =
            objects.iter().find(|(known, _)| *known == list).map(|(_, items)| items.as_slice()).unwrap_or_default();
        let items: Vec<&Value> = items
            .iter()
            .filter(|item| namespace.is_none_or(|namespace| item["metadata"]["namespace"] == namespace))
            .filter(|item| {
                let name = target.split("metadata.name%3D").nth(1).or_else(|| target.split("metadata.name=").nth(1));
                name.is_none_or(|name| item["metadata"]["name"] == name.split('&').next().unwrap_or_default())
            })
            .collect();
        Some((200, "", json!({"kind": "List", "metadata": {"resourceVersion": "1000"}, "items": items}).to_string()))
    }))
}

/// Discovery of the core group and of the others.
fn discovery() -> (String, String) {
    let mut groups: Vec<(&str, &str, Vec<Value>)> = Vec::new();
    for (api_version, resource, kind, is_namespaced) in SERVED {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let scope = if *is_namespaced { "Namespaced" } else { "Cluster" };
        let entry =
            json!({"resource": resource, "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get", "list"]});
        match groups.iter_mut().find(|(known, ..)| *known == group) {
            Some((.., entries)) => entries.push(entry),
            None => groups.push((group, version, vec![entry])),
        }
    }
    let render = |is_core: bool| {
        let items: Vec<Value> = groups
            .iter()
            .filter(|(group, ..)| group.is_empty() == is_core)
            .map(|(group, version, entries)| {
                json!({"metadata": {"name": group}, "versions": [{"version": version, "freshness": "Current", "resources": entries}]})
            })
            .collect();
        json!({"kind": "APIGroupDiscoveryList", "items": items}).to_string()
    };
    (render(true), render(false))
}

/// Writes a kubeconfig for a server into a folder and runs a plugin with it, in a cleared environment.
///
/// # Panics
/// When the folder takes no file, or the plugin does not start.
#[must_use]
pub fn run(binary: &str, server: &str, folder: &Path, flags: &[&str]) -> Output {
    let config = folder.join("kubeconfig");
    let text = json!({"apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "TOKEN"}}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}]});
    std::fs::write(&config, text.to_string()).expect("write");
    Command::new(binary)
        .env_clear()
        .env("HOME", folder)
        .env("KUBECONFIG", &config)
        .env("COLUMNS", "120")
        .current_dir(folder)
        .args(flags)
        .output()
        .expect("starts")
}
