//! A whole cluster with its own things: the platform's kind of objects and 2,000 of sixty kinds are saved, all of it is
//! deleted, and comes back field by field, also when the backup and the restore are killed on their way.

use crate::restore::{KINDS, backup, command, compare, gone, json_of, kill_once, lasting, object, posts, saved};
use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::crds::CrdSet;
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const OBJECTS: usize = 2_000;
/// Of kinds that make work for the API server there are so many each.
const FEW: usize = 3;
const LIMIT: Duration = Duration::from_secs(300);
const SPACES: [&str; 3] = ["made-a", "made-b", "made-c"];

/// Kinds beyond those of [`KINDS`]: version, kind, whether it has a namespace, whether there are few of it.
const MORE: &[(&str, &str, bool, bool)] = &[
    ("v1", "Endpoints", true, false),
    ("v1", "ResourceQuota", true, true),
    ("v1", "Pod", true, false),
    ("apps/v1", "ControllerRevision", true, false),
    ("discovery.k8s.io/v1", "EndpointSlice", true, false),
    ("resource.k8s.io/v1", "ResourceClaimTemplate", true, false),
    ("cert-manager.io/v1", "Certificate", true, false),
    ("cert-manager.io/v1", "Issuer", true, false),
    ("kafka.strimzi.io/v1", "Kafka", true, false),
    ("kafka.strimzi.io/v1", "KafkaNodePool", true, false),
    ("kafka.strimzi.io/v1", "KafkaUser", true, false),
    ("kafka.strimzi.io/v1", "KafkaConnector", true, false),
    ("minio.min.io/v2", "Tenant", true, false),
    ("sparkoperator.k8s.io/v1beta2", "SparkApplication", true, false),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", true, false),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", true, false),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", true, false),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease", true, false),
    ("example.invalid/v1", "Thing", true, false),
    ("v1", "Namespace", false, true),
    ("v1", "PersistentVolume", false, false),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", false, false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", false, false),
    ("scheduling.k8s.io/v1", "PriorityClass", false, false),
    ("storage.k8s.io/v1", "StorageClass", false, false),
    ("storage.k8s.io/v1", "CSIDriver", false, false),
    ("storage.k8s.io/v1", "VolumeAttributesClass", false, false),
    ("networking.k8s.io/v1", "IngressClass", false, false),
    ("node.k8s.io/v1", "RuntimeClass", false, false),
    ("resource.k8s.io/v1", "DeviceClass", false, false),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshotClass", false, false),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshotContent", false, false),
    ("cert-manager.io/v1", "ClusterIssuer", false, false),
    ("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", false, true),
    ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", false, true),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", false, true),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", false, true),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", false, true),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", false, true),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", false, true),
];

/// What an object of a kind of [`MORE`] says beyond its name.
fn content(kind: &str, name: &str, index: usize) -> Value {
    let issuer = json!({"spec": {"selfSigned": {}}});
    let webhook = |name: &str| {
        json!({"webhooks": [{"name": format!("{name}.example.invalid"), "failurePolicy": "Ignore", "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:1/"},
            "objectSelector": {"matchLabels": {"nowhere": "true"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}]})
    };
    match kind {
        "Endpoints" => json!({"subsets": [{"addresses": [{"ip": "10.9.8.7"}], "ports": [{"port": 80}]}]}),
        "ResourceQuota" => json!({"spec": {"hard": {"services.loadbalancers": "50"}}}),
        "Pod" => {
            json!({"spec": {"nodeSelector": {"nowhere": "true"}, "containers": [{"name": "c", "image": "example.invalid/i:1"}]}})
        }
        "ControllerRevision" => json!({"revision": index, "data": {"a": index}}),
        "EndpointSlice" => {
            json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.9.8.7"]}], "ports": [{"name": "http", "port": 80}]})
        }
        "ResourceClaimTemplate" => {
            json!({"spec": {"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "none"}}]}}}})
        }
        "Certificate" => {
            json!({"spec": {"secretName": name, "dnsNames": ["a.example"], "issuerRef": {"name": "none"}}})
        }
        "Issuer" | "ClusterIssuer" => issuer,
        "Kafka" => json!({"spec": {"kafka": {"version": "4.1.0", "listeners": []}}}),
        "KafkaNodePool" => json!({"spec": {"replicas": 1, "roles": ["broker"], "storage": {"type": "ephemeral"}}}),
        "KafkaUser" => json!({"spec": {"authentication": {"type": "scram-sha-512"}}}),
        "KafkaConnector" => json!({"spec": {"class": "c", "tasksMax": 1, "config": {}}}),
        "Tenant" => json!({"spec": {"pools": [{"name": "p", "servers": 4, "volumesPerServer": 1,
            "volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}]}}),
        "SparkApplication" => {
            json!({"spec": {"type": "Python", "mode": "cluster", "sparkVersion": "4.0.0", "image": "i:1",
            "mainApplicationFile": "local:///a.py", "driver": {}, "executor": {}}})
        }
        "VolumeSnapshot" => json!({"spec": {"source": {"persistentVolumeClaimName": "none"}}}),
        "GitRepository" => json!({"spec": {"interval": "1h", "url": "https://git.example.invalid/a"}}),
        "Kustomization" => {
            json!({"spec": {"interval": "1h", "prune": true, "path": "./a", "sourceRef": {"kind": "GitRepository", "name": "a"}}})
        }
        "HelmRelease" => json!({"spec": {"interval": "1h", "releaseName": name,
            "chartRef": {"kind": "OCIRepository", "name": "a"}}}),
        "Thing" => json!({"spec": {"a": [1, {"b": null}], "z": index}}),
        "PersistentVolume" => json!({"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "by-hand",
            "csi": {"driver": "example.invalid", "volumeHandle": name}}}),
        "ClusterRole" => json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        "ClusterRoleBinding" => {
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}]})
        }
        "PriorityClass" => json!({"value": index, "description": "d"}),
        "StorageClass" => {
            json!({"provisioner": "example.invalid/p", "reclaimPolicy": "Retain", "parameters": {"a": "b"}})
        }
        "CSIDriver" => json!({"spec": {"attachRequired": false}}),
        "VolumeAttributesClass" => json!({"driverName": "example.invalid", "parameters": {"iops": "1"}}),
        "IngressClass" => json!({"spec": {"controller": "example.invalid/c"}}),
        "RuntimeClass" => json!({"handler": "runc"}),
        "DeviceClass" => json!({"spec": {"selectors": [{"cel": {"expression": "true"}}]}}),
        "VolumeSnapshotClass" => json!({"driver": "example.invalid", "deletionPolicy": "Retain"}),
        "VolumeSnapshotContent" => json!({"spec": {"deletionPolicy": "Retain", "driver": "example.invalid",
            "source": {"snapshotHandle": name}, "volumeSnapshotRef": {"name": "none", "namespace": SPACES[0]}}}),
        "PriorityLevelConfiguration" => {
            json!({"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}}})
        }
        "FlowSchema" => {
            json!({"spec": {"priorityLevelConfiguration": {"name": "workload-low"}, "matchingPrecedence": 9000,
            "rules": [{"subjects": [{"kind": "User", "user": {"name": "nobody"}}],
            "resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}]}]}})
        }
        "ValidatingAdmissionPolicy" => {
            json!({"spec": {"failurePolicy": "Ignore", "validations": [{"expression": "true"}],
            "matchConstraints": {"resourceRules": [{"apiGroups": ["nowhere.invalid"], "apiVersions": ["v1"],
            "operations": ["CREATE"], "resources": ["things"]}]}}})
        }
        "ValidatingAdmissionPolicyBinding" => json!({"spec": {"policyName": "none", "validationActions": ["Audit"]}}),
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => webhook(name),
        _ => json!({}),
    }
}

fn definition(plural: &str, kind: &str) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.invalid"), "labels": {"made": "true"}},
        "spec": {"group": "example.invalid", "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
        "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

/// The objects, in an order in which they can be made.
fn world() -> Vec<Value> {
    let mut all: Vec<Value> = SPACES
        .iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"made": "true"}}}))
        .collect();
    all.push(definition("things", "Thing"));
    all.extend((1..FEW).map(|index| definition(&format!("things{index}"), &format!("Thing{index}"))));
    let made = |api_version: &str, kind: &str, is_namespaced: bool, index: usize| {
        let name = format!("made-{}-{index}", kind.to_lowercase());
        let mut object = content(kind, &name, index);
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object["metadata"] = json!({"name": name, "labels": {"made": "true"}});
        if is_namespaced {
            object["metadata"]["namespace"] = SPACES[index % SPACES.len()].into();
        }
        object
    };
    for (api_version, kind, is_namespaced, _) in MORE.iter().filter(|row| row.3) {
        if !matches!(*kind, "Namespace" | "CustomResourceDefinition") {
            all.extend((0..FEW).map(|index| made(api_version, kind, *is_namespaced, index)));
        }
    }
    // Volumes and their claims, bound to each other.
    for index in 0..10 {
        let (claim, volume) = (format!("pair-{index}"), format!("made-pair-{index}"));
        let claims = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand", "volumeName": volume,
            "resources": {"requests": {"storage": "1Gi"}}});
        let mut bound = content("PersistentVolume", &volume, index);
        bound["spec"]["claimRef"] = json!({"namespace": SPACES[0], "name": claim});
        bound["apiVersion"] = "v1".into();
        bound["kind"] = "PersistentVolume".into();
        bound["metadata"] = json!({"name": volume, "labels": {"made": "true"}});
        all.push(bound);
        all.push(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": claims,
            "metadata": {"name": claim, "namespace": SPACES[0], "labels": {"made": "true"}}}));
    }
    let many: Vec<_> = MORE.iter().filter(|row| !row.3).collect();
    for index in 0.. {
        if all.len() >= OBJECTS {
            break;
        }
        match index % (many.len() + KINDS.len()) {
            at if at < many.len() => all.push(made(many[at].0, many[at].1, many[at].2, index)),
            at => all.push(object(SPACES[index % SPACES.len()], index * KINDS.len() + at - many.len())),
        }
    }
    all
}

/// The platform's own manifests, as far as this API server takes them: namespaces, Kafka, MinIO, Secrets, roles.
fn platform(plane: &ControlPlane) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/platform");
    let mut count = 0;
    for file in [
        "gitops/base/namespaces.yaml",
        "gitops/base/rbac.yaml",
        "infrastructure/manifests/platform-setup/secrets-template.yaml",
        "infrastructure/manifests/platform-setup/rbac.yaml",
        "infrastructure/manifests/kafka/kafka-cluster.yaml",
        "infrastructure/manifests/kafka/topics.yaml",
        "infrastructure/manifests/minio/minio-tenant.yaml",
        "infrastructure/manifests/minio/services.yaml",
    ] {
        let Ok(text) = std::fs::read_to_string(folder.join(file)) else { continue };
        for document in text.split("\n---") {
            let Ok(made) = plane.api().apply(document) else { continue };
            for object in made.objects {
                let text =
                    |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                let label = json!({"metadata": {"labels": {"made": "true"}}});
                let place = (text("/apiVersion"), text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
                plane.api().patch(&place.0, &place.1, &place.2, &place.3, &label).expect("labelled");
                count += 1;
            }
        }
    }
    count
}

/// What must come back of an object, beyond the rules of [`lasting`].
fn comes_back(kind: &str, object: Value) -> Value {
    let cluster_id = object.pointer("/status/clusterId").cloned();
    let mut object = lasting(kind, object);
    let mut drop_below = |pointer: &str, keys: &[&str]| {
        if let Some(map) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
            keys.iter().for_each(|key| drop(map.remove(*key)));
        }
    };
    match kind {
        "PersistentVolume" | "PersistentVolumeClaim" => {
            // The controller of volumes writes these again when it has bound them.
            drop_below("/metadata", &["managedFields", "finalizers", "annotations"]);
            drop_below("/spec/claimRef", &["uid", "resourceVersion"]);
        }
        "Pod" => {
            drop_below("/spec", &["volumes"]);
            drop_below("/spec/containers/0", &["volumeMounts"]);
        }
        "Kafka" => object["clusterId"] = cluster_id.into(),
        _ => {}
    }
    object
}

fn state(plane: &ControlPlane) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    let own = MORE.iter().map(|(api_version, kind, ..)| (*api_version, *kind)).chain(KINDS.iter().copied());
    for (api_version, kind) in own {
        for object in plane.api().list(api_version, kind, "").expect("listed") {
            let label = |key: &str| object["metadata"]["labels"].get(key).is_some();
            // What controllers make of Services and Endpoints has their labels.
            let is_copy =
                label("endpointslice.kubernetes.io/managed-by") || label("endpoints.kubernetes.io/managed-by");
            if label("made") && !is_copy {
                let name = format!("{kind}/{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
                state.insert(name, comes_back(kind, object));
            }
        }
    }
    state
}

/// Deletes all of it, and waits until it is gone.
fn delete_all(plane: &ControlPlane) {
    let api = plane.api();
    for (api_version, kind, ..) in MORE.iter().filter(|row| !row.2 && row.1 != "Namespace").rev() {
        for object in api.list(api_version, kind, "").expect("listed") {
            if object["metadata"]["labels"].get("made").is_some() {
                api.delete(api_version, kind, "", object["metadata"]["name"].as_str().expect("a name"))
                    .expect("deleted");
            }
        }
    }
    let spaces = api.list("v1", "Namespace", "").expect("listed");
    let spaces = spaces.iter().filter(|it| it["metadata"]["labels"].get("made").is_some());
    let names: Vec<&str> = spaces.filter_map(|it| it["metadata"]["name"].as_str()).collect();
    names.iter().for_each(|name| api.delete("v1", "Namespace", "", name).expect("deleted"));
    names.iter().for_each(|name| gone(plane, name));
    let start = Instant::now();
    while !api.list("v1", "PersistentVolume", "").expect("listed").is_empty()
        || !api
            .list("apiextensions.k8s.io/v1", "CustomResourceDefinition", "")
            .expect("listed")
            .iter()
            .all(|it| it["spec"]["group"] != "example.invalid")
    {
        assert!(start.elapsed() < LIMIT, "volumes and definitions are still there");
        std::thread::yield_now();
    }
}

/// Waits until the claims that have a volume are bound to it.
fn bound(plane: &ControlPlane) {
    for index in 0..10 {
        let name = format!("pair-{index}");
        plane
            .api()
            .wait_for(("v1", "PersistentVolumeClaim", SPACES[0], &name), LIMIT, |claim| {
                claim["status"]["phase"] == "Bound"
            })
            .expect("bound");
    }
}

#[test]
fn sixty_kinds_come_back_after_kills_of_backup_and_restore() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: deletes what has no namespace, which a cluster that is already there should keep");
        return;
    }
    let parts = Parts { controller_manager: true, crds: CrdSet::ALL.to_vec(), ..Parts::default() };
    let plane = &ControlPlane::start(&parts).expect("started");
    let api = plane.api();
    let kinds: BTreeSet<&str> = MORE.iter().map(|row| row.1).chain(KINDS.iter().map(|row| row.1)).collect();
    assert!(kinds.len() >= 60, "{}", kinds.len());
    let (first, rest): (Vec<Value>, Vec<Value>) = world()
        .into_iter()
        .partition(|object| matches!(object["kind"].as_str(), Some("Namespace" | "CustomResourceDefinition")));
    api.apply_objects(first).expect("made");
    api.wait_for(("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "things.example.invalid"), LIMIT, |crd| {
        mlops_tests::control_plane::condition(crd, "Established") == Some("True")
    })
    .expect("established");
    let thing = rest.iter().find(|it| it["kind"] == "Thing").expect("one");
    let start = Instant::now();
    while api.apply_object(thing).is_err() {
        assert!(start.elapsed() < LIMIT, "the kind is served");
        std::thread::yield_now();
    }
    api.apply_objects(rest).expect("made");
    let of_platform = platform(plane);
    eprintln!("{of_platform} objects of the platform");
    let kafka = api.list("kafka.strimzi.io/v1", "Kafka", "").expect("listed");
    for object in &kafka {
        let text = |key: &str| object["metadata"][key].as_str().expect("text");
        api.patch_status(
            "kafka.strimzi.io/v1",
            "Kafka",
            text("namespace"),
            text("name"),
            &json!({"clusterId": text("name")}),
        )
        .expect("a status");
    }
    bound(plane);
    let before = state(plane);
    assert!(before.len() >= OBJECTS, "{}", before.len());
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig");

    // A backup that is killed leaves nothing that looks like one.
    let proxy = Proxy::start(plane).expect("proxy");
    let slow = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    proxy.add(Rule::new(Fault::Hang).path("/apis/apps/v1/"));
    let empty = tempfile::tempdir().expect("folder");
    let flags = ["create", "--secrets=omit", "--request-timeout", "300s"];
    let child = command(&slow, empty.path(), &flags).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    kill_once(child.expect("starts"), ("the lists", LIMIT), || {
        proxy.requests().iter().any(|request| request.path().starts_with("/apis/apps/v1/"))
    });
    assert_eq!(std::fs::read_dir(empty.path()).expect("folder").count(), 0);
    proxy.reset();

    let archive = saved(&config, &[]);
    let flags = ["restore", &archive.path, "--identity", &archive.key, "--yes", "-o", "json"];
    let restored = || {
        let done = backup(&config, archive.folder.path(), &flags);
        let report = json_of(&done);
        let objects = report["objects"].as_array().expect("objects").clone();
        let bad: Vec<&Value> =
            objects.iter().filter(|it| it["state"] == "failed" || it["action"] == "blocked").collect();
        assert_eq!(
            done.status.code(),
            Some(0),
            "{bad:?} {} {}",
            report["counts"],
            String::from_utf8_lossy(&done.stderr)
        );
        bound(plane);
        compare(&before, &state(plane));
        report
    };
    delete_all(plane);
    let report = restored();
    assert!(report["counts"]["create"].as_u64().is_some_and(|count| count >= OBJECTS as u64), "{}", report["counts"]);

    delete_all(plane);
    let child = command(&slow, archive.folder.path(), &flags).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    kill_once(child.expect("starts"), ("half of the objects", LIMIT), || posts(&proxy) >= OBJECTS / 2);
    // Topics come late.
    let topics = api.list("kafka.strimzi.io/v1", "KafkaTopic", "").expect("listed").len();
    let of_before = before.keys().filter(|name| name.starts_with("KafkaTopic/")).count();
    assert!(topics < of_before, "it was killed in the middle");
    let report = restored();
    assert!(report["counts"]["finish"].as_u64().is_some_and(|count| count > 0), "{}", report["counts"]);
}
