//! `kubectl mlops backup restore` against a real control plane with its controllers: what comes back is what was there,
//! also when a run is killed in the middle, and what cannot come back is told.

use mlops_tests::control_plane::{ControlPlane, shared};
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Objects that are made.
const OBJECTS: usize = 2_000;
const CANARY: &str = "CANARY-of-a-restore";
pub(crate) const LIMIT: Duration = Duration::from_secs(240);

pub(crate) fn command(kubeconfig: &Path, folder: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-backup"));
    command.env_clear().env("HOME", folder).current_dir(folder).args(flags).arg("--kubeconfig").arg(kubeconfig);
    command
}

pub(crate) fn backup(kubeconfig: &Path, folder: &Path, flags: &[&str]) -> Output {
    let output = command(kubeconfig, folder, flags).output().expect("runs");
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains(CANARY));
    }
    output
}

pub(crate) fn json_of(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

/// The kinds that are made, with their versions.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "LimitRange"),
    ("v1", "PodTemplate"),
    ("v1", "ReplicationController"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("kafka.strimzi.io/v1", "KafkaTopic"),
];

/// An object of a kind.
pub(crate) fn object(namespace: &str, index: usize) -> Value {
    let (api_version, kind) = KINDS[index % KINDS.len()];
    let selector = json!({"matchLabels": {"app": format!("x{index}")}});
    let template = |restart: &str| {
        json!({"metadata": {"labels": {"app": format!("x{index}")}}, "spec": {"restartPolicy": restart,
            "nodeSelector": {"nowhere": "true"}, "containers": [{"name": "c", "image": "example.invalid/i:1"}]}})
    };
    let rest = match kind {
        "ConfigMap" => json!({"data": {"z": "é\u{7}\"", "a": index.to_string()}}),
        "Secret" => json!({"stringData": {"password": format!("{CANARY}-{index}")}}),
        "Service" => json!({"spec": {"ports": [{"port": 80}], "selector": {"app": "x"}}}),
        "PersistentVolumeClaim" => {
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}})
        }
        "LimitRange" => json!({"spec": {"limits": [{"type": "PersistentVolumeClaim", "min": {"storage": "1"}}]}}),
        "PodTemplate" => json!({"template": template("Always")}),
        "ReplicationController" => {
            json!({"spec": {"replicas": 0, "selector": {"app": format!("x{index}")}, "template": template("Always")}})
        }
        "Deployment" | "ReplicaSet" => {
            json!({"spec": {"replicas": 0, "selector": selector, "template": template("Always")}})
        }
        "StatefulSet" => {
            json!({"spec": {"replicas": 0, "serviceName": "x", "selector": selector, "template": template("Always")}})
        }
        "DaemonSet" => json!({"spec": {"selector": selector, "template": template("Always")}}),
        "Job" => json!({"spec": {"suspend": true, "template": template("Never")}}),
        "CronJob" => {
            json!({"spec": {"suspend": true, "schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template("Never")}}}})
        }
        "HorizontalPodAutoscaler" => {
            json!({"spec": {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}}})
        }
        "PodDisruptionBudget" => json!({"spec": {"minAvailable": 1, "selector": selector}}),
        "NetworkPolicy" => json!({"spec": {"podSelector": {}}}),
        "Ingress" => {
            json!({"spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}})
        }
        "Role" => json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        "RoleBinding" => {
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
                "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": namespace}]})
        }
        "KafkaTopic" => json!({"spec": {"partitions": 3, "replicas": 1}}),
        _ => json!({}),
    };
    let mut object = rest;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    let name = format!("{}-{index}", kind.to_lowercase());
    object["metadata"] = json!({"name": name, "namespace": namespace, "labels": {"made": "true"}});
    object
}

/// What must come back of an object, by its own rules: everything but what the API server gives anew.
pub(crate) fn lasting(kind: &str, mut object: Value) -> Value {
    let drop = |object: &mut Value, pointer: &str, keys: &[&str]| {
        if let Some(map) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
            keys.iter().for_each(|key| drop(map.remove(*key)));
        }
    };
    drop(&mut object, "", &["status"]);
    drop(&mut object, "/metadata", &["uid", "resourceVersion", "generation", "creationTimestamp"]);
    drop(&mut object, "/spec", &["clusterIP", "clusterIPs"]);
    // An item of a list does not say its kind.
    if kind == "Job" {
        drop(&mut object, "/spec", &["selector"]);
        let uid = ["controller-uid", "batch.kubernetes.io/controller-uid"];
        drop(&mut object, "/spec/template/metadata/labels", &uid);
        drop(&mut object, "/metadata/labels", &uid);
    }
    for owner in object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut).into_iter().flatten() {
        drop(owner, "", &["uid"]);
    }
    if let Some(managers) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
        managers.retain(|entry| entry.get("subresource").is_none_or(|it| it != "status"));
    }
    object
}

/// What is in a namespace of the kinds that were made.
fn state(plane: &ControlPlane, namespace: &str) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    for (api_version, kind) in KINDS {
        for object in plane.api().list(api_version, kind, namespace).expect("listed") {
            if object["metadata"]["labels"]["made"] == "true" {
                state.insert(format!("{kind}/{}", object["metadata"]["name"]), lasting(kind, object));
            }
        }
    }
    state
}

pub(crate) fn compare(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (name, object) in before {
        assert_eq!(object, &after[name], "{name}");
    }
}

/// A namespace with objects, and an owner among them that is made after what it owns.
pub(crate) fn filled(plane: &ControlPlane, prefix: &str, count: usize) -> String {
    let api = plane.api();
    let namespace = api.new_namespace(prefix).expect("namespace");
    api.apply_objects((0..count).map(|index| object(&namespace, index)).collect()).expect("made");
    let owner = api.get("apps/v1", "Deployment", &namespace, "deployment-8").expect("got").expect("there");
    let owners = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "deployment-8", "uid": owner["metadata"]["uid"]}]);
    api.patch("v1", "ConfigMap", &namespace, "configmap-0", &json!({"metadata": {"ownerReferences": owners}}))
        .expect("owned");
    namespace
}

pub(crate) struct Archive {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) path: String,
    pub(crate) key: String,
}

/// A new recipient, and the file in a folder with the identity that opens what is encrypted to it.
pub(crate) fn keys(folder: &Path) -> (String, String) {
    let identity = age::x25519::Identity::generate();
    let file = folder.join("key");
    std::fs::write(&file, age::secrecy::ExposeSecret::expose_secret(&identity.to_string())).expect("write");
    (identity.to_public().to_string(), file.to_string_lossy().into_owned())
}

/// Kills a process once it has come so far.
pub(crate) fn kill_once(mut child: Child, (what, within): (&str, Duration), is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < within, "not there: {what}");
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// How many objects were sent through the proxy.
pub(crate) fn posts(proxy: &Proxy) -> usize {
    proxy.requests().iter().filter(|request| request.method == "POST").count()
}

pub(crate) fn saved(config: &Path, flags: &[&str]) -> Archive {
    let folder = tempfile::tempdir().expect("folder");
    let (recipient, key) = keys(folder.path());
    let made = backup(config, folder.path(), &[&["create", "--recipient", &recipient, "-o", "json"], flags].concat());
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let path = json_of(&made)["archive"].as_str().expect("a path").to_owned();
    Archive { path, key, folder }
}

pub(crate) fn gone(plane: &ControlPlane, namespace: &str) {
    plane.api().delete("v1", "Namespace", "", namespace).expect("deleted");
    let start = Instant::now();
    while plane.api().get("v1", "Namespace", "", namespace).expect("got").is_some() {
        assert!(start.elapsed() < LIMIT, "namespace {namespace} is still there");
        std::thread::yield_now();
    }
}

fn of_actions<'a>(report: &'a Value, action: &str) -> Vec<&'a Value> {
    let objects = report["objects"].as_array().expect("objects");
    objects.iter().filter(|it| it["action"] == action).collect()
}

#[test]
fn two_thousand_objects_come_back_as_they_were() {
    let plane = shared();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let namespace = filled(plane, "restore", OBJECTS);
    let before = state(plane, &namespace);
    let archive = saved(&config, &["-n", &namespace]);
    let restore = |flags: &[&str]| {
        let all =
            [&["restore", &archive.path, "--identity", &archive.key, "-n", &namespace, "-o", "json"], flags].concat();
        backup(&config, archive.folder.path(), &all)
    };
    let same = restore(&["--dry-run=client"]);
    assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stderr));
    assert!(of_actions(&json_of(&same), "create").is_empty(), "{}", json_of(&same)["counts"]);
    gone(plane, &namespace);

    let plan = restore(&["--dry-run=server"]);
    let planned = json_of(&plan);
    assert!(of_actions(&planned, "create").len() > OBJECTS, "{}", planned["counts"]);
    assert!(plane.api().get("v1", "ConfigMap", &namespace, "configmap-0").expect("got").is_none());
    let refused = restore(&[]);
    assert_eq!(refused.status.code(), Some(2), "nobody agreed");
    let done = restore(&["--yes"]);
    let report = json_of(&done);
    let bad: Vec<&Value> =
        report["objects"].as_array().expect("objects").iter().filter(|it| it["state"] == "failed").collect();
    assert!(done.status.code() == Some(0), "{bad:?} {}", String::from_utf8_lossy(&done.stderr));
    compare(&before, &state(plane, &namespace));
    let owned = plane.api().get("v1", "ConfigMap", &namespace, "configmap-0").expect("got").expect("there");
    let owner = plane.api().get("apps/v1", "Deployment", &namespace, "deployment-8").expect("got").expect("there");
    assert_eq!(owned["metadata"]["ownerReferences"][0]["uid"], owner["metadata"]["uid"]);
    let again = json_of(&restore(&["--yes"]));
    assert!(of_actions(&again, "create").is_empty() && of_actions(&again, "finish").is_empty(), "{}", again["counts"]);
    gone(plane, &namespace);
}

#[test]
fn a_restore_that_is_killed_goes_on_where_it_was() {
    let plane = shared();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let namespace = filled(plane, "killed", 400);
    let before = state(plane, &namespace);
    let archive = saved(&config, &["-n", &namespace]);
    gone(plane, &namespace);
    let proxy = Proxy::start(plane).expect("proxy");
    let slow = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let flags = ["restore", &archive.path, "--identity", &archive.key, "-n", &namespace, "--yes", "-o", "json"];
    let child = command(&slow, archive.folder.path(), &flags).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    kill_once(child.expect("starts"), ("150 objects", LIMIT), || posts(&proxy) >= 150);
    assert!(state(plane, &namespace).len() < before.len(), "it was killed in the middle");
    let done = backup(&config, archive.folder.path(), &flags);
    let report = json_of(&done);
    assert_eq!(done.status.code(), Some(0), "{} {}", report["counts"], String::from_utf8_lossy(&done.stderr));
    assert!(!of_actions(&report, "finish").is_empty(), "{}", report["counts"]);
    compare(&before, &state(plane, &namespace));
    gone(plane, &namespace);
}

#[test]
fn what_cannot_come_back_is_told() {
    let plane = shared();
    let api = plane.api();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let namespace = filled(plane, "blocked", KINDS.len());
    let other = api.new_namespace("ending").expect("namespace");
    api.apply_object(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "namespace": other,
        "finalizers": ["example.invalid/hold"]}}))
        .expect("made");
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.invalid"},
        "spec": {"group": "example.invalid", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things", "singular": "thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
        "x-kubernetes-preserve-unknown-fields": true}}}]}});
    api.apply_object(&crd).expect("made");
    let name = "things.example.invalid";
    api.wait_for(("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name), LIMIT, |crd| {
        mlops_tests::control_plane::condition(crd, "Established") == Some("True")
    })
    .expect("established");
    let thing =
        json!({"apiVersion": "example.invalid/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": namespace}});
    let start = Instant::now();
    while api.apply_object(&thing).is_err() {
        assert!(start.elapsed() < LIMIT, "the kind is served");
        std::thread::yield_now();
    }
    let archive = saved(&config, &["-n", &namespace, "-n", &other]);
    api.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name).expect("deleted");
    api.delete("v1", "Namespace", "", &other).expect("deleted");
    for gone in ["configmap-0", "secret-1"] {
        let kind = if gone.starts_with('s') { "Secret" } else { "ConfigMap" };
        api.delete("v1", kind, &namespace, gone).expect("deleted");
    }
    api.patch("v1", "Service", &namespace, "service-3", &json!({"spec": {"ports": [{"port": 81}]}})).expect("changed");
    let webhook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace}, "webhooks": [{"name": "deny.example.invalid", "failurePolicy": "Fail", "timeoutSeconds": 1,
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:1/"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]}]});
    api.apply_object(&webhook).expect("made");
    let start = Instant::now();
    let probe =
        |name: &str| plane.kubectl(&["create", "configmap", name, "-n", &namespace, "--dry-run=server"]).is_ok();
    while probe("probe") {
        assert!(start.elapsed() < LIMIT, "the webhook is asked");
        std::thread::yield_now();
    }
    let output = backup(
        &config,
        archive.folder.path(),
        &["restore", &archive.path, "--identity", &archive.key, "--dry-run=server", "-o", "json"],
    );
    api.delete("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", &namespace).expect("deleted");
    api.patch("v1", "ConfigMap", &other, "held", &json!({"metadata": {"finalizers": null}})).expect("let go");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json_of(&output);
    let line = |kind: &str, name: &str| -> (String, String, String) {
        let objects = report["objects"].as_array().expect("objects");
        let it = objects.iter().find(|it| it["kind"] == kind && it["name"] == name).expect("a line");
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        (text("action"), text("state"), format!("{}{}", text("why"), text("message")))
    };
    let (action, state, _) = line("Secret", "secret-1");
    assert_eq!((action.as_str(), state.as_str()), ("create", "accepted"));
    let (action, state, why) = line("ConfigMap", "configmap-0");
    assert!(action == "create" && state == "failed" && why.contains("deny.example.invalid"), "{action} {state} {why}");
    let (action, _, why) = line("Thing", "t");
    assert!(action == "blocked" && why.contains("does not serve Thing.example.invalid"), "{action} {why}");
    assert_eq!(line("Service", "service-3").0, "differs");
    let (action, _, why) = line("ConfigMap", "held");
    assert!(action == "blocked" && why.contains("is being deleted"), "{action} {why}");
    assert_eq!(line("ServiceAccount", "default").0, "left-to-controller");
    gone(plane, &namespace);
}

/// Objects of which the API server allows no change of what is different about them: as in the backup, and as they were
/// made instead.
fn unchangeable(namespace: &str) -> [Vec<Value>; 2] {
    let template = |label: &str| {
        json!({"metadata": {"labels": {"app": label}}, "spec": {"nodeSelector": {"nowhere": "true"},
            "containers": [{"name": "c", "image": "example.invalid/i:1"}]}})
    };
    [0, 1].map(|version: usize| {
        let label = ["old", "new"][version];
        let meta = |name: &str| json!({"name": name, "namespace": namespace});
        let claim = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": label, "resources": {"requests": {"storage": "1Gi"}}});
        let claims = json!([{"metadata": {"name": "data"}, "spec": claim}]);
        vec![
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("db"), "spec": {"replicas": 1, "serviceName": "x",
                "selector": {"matchLabels": {"app": "db"}}, "template": template("db"), "volumeClaimTemplates": claims}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("web"), "spec": {"replicas": 0,
                "selector": {"matchLabels": {"app": label}}, "template": template(label)}}),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta("b"),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": label},
                "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": namespace}]}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("fixed"), "immutable": true, "data": {"v": label}}),
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta("disk"), "spec": claim}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("plain"), "spec": {"ports": [{"port": 80 + version}]}}),
        ]
    })
}

#[test]
fn what_allows_no_change_is_made_anew_also_when_the_run_is_killed_in_between() {
    let plane = shared();
    let api = plane.api();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let namespace = api.new_namespace("anew").expect("namespace");
    let [wanted, other] = unchangeable(&namespace);
    api.apply_objects(wanted).expect("made");
    let get = |api_version: &str, kind: &str, name: &str| api.get(api_version, kind, &namespace, name).expect("got");
    let archive = saved(&config, &["-n", &namespace]);
    for object in &other {
        let text = |key: &str| object[key].as_str().expect("text").to_owned();
        let name = object["metadata"]["name"].as_str().expect("a name");
        api.delete(&text("apiVersion"), &text("kind"), &namespace, name).expect("deleted");
        let start = Instant::now();
        while get(&text("apiVersion"), &text("kind"), name).is_some() {
            assert!(start.elapsed() < LIMIT, "{name} is still there");
            std::thread::yield_now();
        }
    }
    api.apply_objects(other).expect("made");
    let uid = |object: &Option<Value>| object.as_ref().expect("there")["metadata"]["uid"].clone();
    api.wait_for(("v1", "Pod", &namespace, "db-0"), LIMIT, |_| true).expect("a pod");
    let (pod, service) = (uid(&get("v1", "Pod", "db-0")), uid(&get("v1", "Service", "plain")));
    let flags =
        ["restore", &archive.path, "--identity", &archive.key, "-n", &namespace, "--existing=recreate", "-o", "json"];
    let restore = |config: &Path, more: &[&str]| backup(config, archive.folder.path(), &[&flags, more].concat());
    let action = |report: &Value, kind: &str, name: &str| {
        let objects = report["objects"].as_array().expect("objects");
        let it = objects.iter().find(|it| it["kind"] == kind && it["name"] == name).expect("a line");
        (it["action"].as_str().expect("an action").to_owned(), it["why"].as_str().unwrap_or_default().to_owned())
    };
    let plan = json_of(&restore(&config, &["--dry-run=server"]));
    for (kind, name, expected, why) in [
        ("StatefulSet", "db", "recreate", "its pods and claims stay"),
        ("Deployment", "web", "recreate", "its pods end"),
        ("RoleBinding", "b", "recreate", "gone for a moment"),
        ("ConfigMap", "fixed", "recreate", "immutable"),
        ("PersistentVolumeClaim", "disk", "blocked", "only as PersistentVolumeClaim/"),
        ("Service", "plain", "replace", "differs"),
    ] {
        let (found, said) = action(&plan, kind, name);
        assert!(found == expected && said.contains(why), "{kind}: {found}: {said}");
    }
    // The object is deleted, and the run dies before it is made again.
    let proxy = Proxy::start(plane).expect("proxy");
    let slow = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let dry = |target: &str| target.contains("dryRun=All");
    proxy.add(Rule::new(Fault::Hang).method("GET").path(&format!("{maps}/fixed")).after(2));
    let mut child = command(&slow, archive.folder.path(), &[&flags[..], &["--yes"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let start = Instant::now();
    let is_deleted = || {
        let asked = proxy.requests();
        asked.iter().any(|it| it.method == "DELETE" && it.target.starts_with(&maps) && !dry(&it.target))
    };
    while !is_deleted() || get("v1", "ConfigMap", "fixed").is_some() {
        assert!(start.elapsed() < LIMIT, "it is deleted: {:?}", child.try_wait());
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let plan = json_of(&restore(&config, &["--dry-run=client"]));
    let (found, said) = action(&plan, "ConfigMap", "fixed");
    assert!(found == "create" && said.contains("an earlier run deleted it"), "{found}: {said}");
    let done = restore(&config, &["--yes"]);
    let report = json_of(&done);
    assert_eq!(done.status.code(), Some(1), "the claim is blocked: {}", report["counts"]);
    for (kind, name) in [
        ("StatefulSet", "db"),
        ("Deployment", "web"),
        ("RoleBinding", "b"),
        ("ConfigMap", "fixed"),
        ("Service", "plain"),
    ] {
        let objects = report["objects"].as_array().expect("objects");
        let it = objects.iter().find(|it| it["kind"] == kind && it["name"] == name).expect("a line");
        assert!(it["state"] == "done" || it["action"] == "equal", "{it}");
    }
    assert_eq!(get("v1", "ConfigMap", "fixed").expect("there")["data"]["v"], "old");
    assert_eq!(get("rbac.authorization.k8s.io/v1", "RoleBinding", "b").expect("there")["roleRef"]["name"], "old");
    let web = get("apps/v1", "Deployment", "web").expect("there");
    assert_eq!(web["spec"]["selector"]["matchLabels"]["app"], "old");
    let set = get("apps/v1", "StatefulSet", "db").expect("there");
    assert_eq!(set["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"], "old");
    assert_eq!(uid(&get("v1", "Pod", "db-0")), pod, "the pod stayed");
    api.wait_for(("v1", "Pod", &namespace, "db-0"), LIMIT, |pod| {
        pod["metadata"]["ownerReferences"][0]["uid"] == set["metadata"]["uid"]
    })
    .expect("taken over");
    assert_eq!(uid(&get("v1", "Service", "plain")), service);
    let claim = get("v1", "PersistentVolumeClaim", "disk").expect("there");
    assert_eq!(claim["spec"]["storageClassName"], "new");
    // By its name, and with the word for what is lost.
    let named = format!("PersistentVolumeClaim/{namespace}/disk");
    assert_eq!(restore(&config, &["--yes", &named]).status.code(), Some(2), "--yes is not enough");
    assert_eq!(uid(&get("v1", "PersistentVolumeClaim", "disk")), claim["metadata"]["uid"]);
    let done = restore(&config, &[&named, "--accept-data-loss", "disk"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(get("v1", "PersistentVolumeClaim", "disk").expect("there")["spec"]["storageClassName"], "old");
    gone(plane, &namespace);
}

#[test]
fn a_claim_gets_the_volume_back_that_it_had() {
    let plane = shared();
    let api = plane.api();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let namespace = api.new_namespace("kept").expect("namespace");
    let disk = format!("disk-{namespace}");
    let size = json!({"storage": "1Gi"});
    api.apply_objects(vec![
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": disk}, "spec": {"capacity": size,
            "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "by-hand",
            "claimRef": {"namespace": namespace, "name": "data"}, "csi": {"driver": "example.invalid", "volumeHandle": disk}}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": namespace},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand", "volumeName": disk,
            "resources": {"requests": size}}}),
    ])
    .expect("made");
    let claim = |phase: &str| {
        let place = ("v1", "PersistentVolumeClaim", &*namespace, "data");
        api.wait_for(place, LIMIT, |claim| claim["status"]["phase"] == phase).expect("a phase")
    };
    let volume = |phase: &str| {
        let place = ("v1", "PersistentVolume", "", &*disk);
        api.wait_for(place, LIMIT, |volume| volume["status"]["phase"] == phase).expect("a phase")
    };
    claim("Bound");
    let archive = saved(&config, &["--kinds", "PersistentVolume,PersistentVolumeClaim,Namespace"]);
    let restore = |flags: &[&str]| {
        let own = ["restore", &archive.path, "--identity", &archive.key, "-n", &namespace, "-o", "json"];
        json_of(&backup(&config, archive.folder.path(), &[&own, flags].concat()))
    };
    let volumes = |report: &Value| -> Vec<String> {
        let objects = report["objects"].as_array().expect("objects").iter();
        let volumes = objects.filter(|it| it["kind"] == "PersistentVolume");
        volumes
            .map(|it| format!("{} {}", it["name"].as_str().expect("a name"), it["action"].as_str().expect("an action")))
            .collect()
    };
    assert!(volumes(&restore(&["--dry-run=client"])).is_empty(), "it is bound");
    api.delete("v1", "PersistentVolumeClaim", &namespace, "data").expect("deleted");
    volume("Released");
    let planned = restore(&["--dry-run=server"]);
    assert_eq!(volumes(&planned), [format!("{disk} rebind")], "{planned}");
    let done = restore(&["--yes"]);
    assert_eq!(volumes(&done), [format!("{disk} rebind")], "{done}");
    let bound = claim("Bound");
    assert_eq!(volume("Bound")["spec"]["claimRef"]["uid"], bound["metadata"]["uid"]);
    // What is bound stays bound, whatever differs about it.
    let label = json!({"metadata": {"labels": {"later": "than-the-backup"}}});
    api.patch("v1", "PersistentVolume", "", &disk, &label).expect("patched");
    let name = format!("PersistentVolume/{disk}");
    let own =
        ["restore", &archive.path, "--identity", &archive.key, &name, "--existing=replace", "--yes", "-o", "json"];
    let replaced = json_of(&backup(&config, archive.folder.path(), &own));
    assert_eq!(volumes(&replaced), [format!("{disk} replace")], "{replaced}");
    let kept = volume("Bound");
    assert_eq!(kept["spec"]["claimRef"]["uid"], bound["metadata"]["uid"]);
    assert!(kept["metadata"]["labels"]["later"].is_null(), "{kept}");
    gone(plane, &namespace);
    api.delete("v1", "PersistentVolume", "", &disk).expect("deleted");
}

#[test]
fn what_is_left_off_an_object_is_told() {
    let plane = shared();
    let api = plane.api();
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");
    let namespace = api.new_namespace("left-off").expect("namespace");
    let map = |name: &str, finalizers: &[&str]| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
            "metadata": {"name": name, "namespace": namespace, "finalizers": finalizers}})
    };
    let owner = api.apply_object(&map("owner", &[])).expect("made");
    api.apply_object(&map("owned", &["example.invalid/declared"])).expect("made");
    let owners = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]);
    // As a controller does: a finalizer and nothing else of what the object is for.
    let all =
        json!({"finalizers": ["example.invalid/declared", "example.invalid/controller"], "ownerReferences": owners});
    api.patch("v1", "ConfigMap", &namespace, "owned", &json!({"metadata": all})).expect("patched");
    let archive = saved(&config, &["-n", &namespace]);
    let free = |name: &str| {
        api.patch("v1", "ConfigMap", &namespace, name, &json!({"metadata": {"finalizers": null}})).expect("let go");
    };
    free("owned");
    for name in ["owned", "owner"] {
        api.delete("v1", "ConfigMap", &namespace, name).expect("deleted");
    }
    let named = format!("ConfigMap/{namespace}/owned");
    let flags = ["restore", &archive.path, "--identity", &archive.key, "--yes", &named];
    let done = json_of(&backup(&config, archive.folder.path(), &[&flags[..], &["-o", "json"]].concat()));
    let objects = done["objects"].as_array().expect("objects");
    let told = objects.iter().find(|it| it["name"] == "owned").expect("a line");
    assert_eq!(told["state"], "done", "{told}");
    assert_eq!(told["leftOff"], json!(["finalizer example.invalid/controller", "owner ConfigMap/owner"]), "{told}");
    let live = api.get("v1", "ConfigMap", &namespace, "owned").expect("got").expect("there");
    assert_eq!(live["metadata"]["finalizers"], json!(["example.invalid/declared"]));
    assert!(live["metadata"].get("ownerReferences").is_none(), "{live}");
    free("owned");
    gone(plane, &namespace);
}
