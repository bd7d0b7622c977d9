//! Every object of the sample platforms in a real API server: judged live as it is judged in files.

use crate::health::{NOW, degraded, health, report};
use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::users::User;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Verdict and code by kind, namespace and name.
type States = BTreeMap<(String, String, String), (String, String)>;

fn states(report: &Value) -> States {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let objects = report["objects"].as_array().expect("objects");
    let states = objects.iter().map(|entry| {
        let key = (text(entry, "kind"), text(entry, "namespace"), text(entry, "name"));
        (key, (text(entry, "verdict"), text(entry, "code")))
    });
    states.collect()
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

fn of_files(path: &Path) -> States {
    let home = tempfile::tempdir().expect("home");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .env_clear()
        .env("HOME", home.path())
        .arg("--from")
        .arg(path)
        .args(["-A", "--no-volumes", "-o", "json", "--now", NOW, "--fail-on", "never"])
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    states(&serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {:?}", output.stderr)))
}

fn of_cluster(plane: &ControlPlane) -> States {
    let admin = plane.kubeconfig(User::Admin).expect("kubeconfig");
    states(&report(&health(&admin, &["-A", "--now", NOW, "--fail-on", "never"])))
}

/// All that the cluster serves, as kubectl writes it. Leases other than the nodes' are left out: the
/// server renews its own at the real time, which would move the clock of the dump off the samples'.
fn dump(plane: &ControlPlane, file: &Path) {
    let names = plane.kubectl(&["api-resources", "--verbs=list", "-o", "name"]).expect("resources");
    let names: Vec<&str> = names.lines().filter(|name| *name != "events.events.k8s.io").collect();
    let list = plane.kubectl(&["get", &names.join(","), "-A", "-o", "json"]).expect("dumped");
    let mut list: Value = serde_json::from_str(&list).expect("JSON");
    if let Some(items) = list["items"].as_array_mut() {
        items.retain(|item| item["kind"] != "Lease" || item["metadata"]["namespace"] == "kube-node-lease");
    }
    std::fs::write(file, list.to_string()).expect("written");
}

/// What differs, as `kind namespace/name: ours, theirs`, but for objects of kinds that are left out.
fn differences(ours: &States, theirs: &States, left_out: &[&str]) -> Vec<String> {
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differs = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key));
    let differs = differs.filter(|(kind, _, _)| !left_out.contains(&kind.as_str()));
    let state =
        |states: &States, key| states.get(key).map_or("-".to_owned(), |(level, code)| format!("{level} {code}"));
    differs.map(|key| format!("{} {}/{}: {}, {}", key.0, key.1, key.2, state(ours, key), state(theirs, key))).collect()
}

/// Kinds without a state of their own that a live run does not ask for; a file has what it has.
const NOT_ASKED_FOR: [&str; 9] = [
    "ComponentStatus",
    "FlowSchema",
    "PriorityLevelConfiguration",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ServiceAccount",
    "PriorityClass",
];

/// What an API server makes by itself, and the definitions of the test bed.
const OF_THE_SERVER: [&str; 3] = ["APIService", "IPAddress", "CustomResourceDefinition"];

/// Objects that every API server makes by itself.
const MADE_BY_THE_SERVER: [&str; 5] = [
    "ConfigMap kube-system/extension-apiserver-authentication: OK stateless, -",
    "ConfigMap kube-system/kube-apiserver-legacy-service-account-token-tracking: OK stateless, -",
    "Namespace /kube-public: OK namespace-active, -",
    "Service default/kubernetes: OK service-ready, -",
    "ServiceCIDR /kubernetes: OK ready, -",
];

/// The server sets the times of creation and deletion itself: in a cluster these are new, or being
/// deleted since now.
const SINCE_NOW: [&str; 6] = [
    "Namespace /feature-store-v1: PROGRESSING terminating, FAIL terminating-stuck",
    "PersistentVolumeClaim feature-store-v1/data-feature-store-0: PROGRESSING terminating, FAIL terminating-stuck",
    "Pod observability/alertmanager-kube-prometheus-stack-alertmanager-0: PROGRESSING terminating, FAIL terminating-stuck",
    "Pod processing-jobs/drift-report-xbsn52vv: PROGRESSING terminating, FAIL terminating-stuck",
    "StatefulSet observability/alertmanager-kube-prometheus-stack-alertmanager: PROGRESSING workload-rolling-out, FAIL workload-pods-fail",
    "Tenant data-plane/mlops-tenant: WARN tenant-no-tolerance, WARN tenant-start-late",
];

/// Why a cluster that is already there does not get whole platforms; none where it is our own.
fn foreign() -> Option<&'static str> {
    std::env::var_os("MLOPS_TEST_KUBECONFIG")
        .map(|_| "skipped: loads whole platforms, which a cluster that is already there should not get")
}

fn compare(plane: &ControlPlane, name: &str, known: &[&str]) {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("dump.json");
    dump(plane, &file);
    let (live, dumped) = (of_cluster(plane), of_files(&file));
    assert!(live.len() > 300, "{}", live.len());
    assert_eq!(differences(&live, &dumped, &NOT_ASKED_FOR), Vec::<String>::new(), "live, and a dump of the same");
    let wrong = dumped.iter().filter(|(key, state)| state.0 != "OK" && NOT_ASKED_FOR.contains(&key.0.as_str()));
    assert_eq!(wrong.collect::<Vec<_>>(), []);

    let left_out = [&NOT_ASKED_FOR[..], &OF_THE_SERVER].concat();
    let mut known: Vec<&str> = [&MADE_BY_THE_SERVER[..], known].concat();
    known.sort_unstable();
    assert_eq!(differences(&live, &of_files(&sample(name)), &left_out), known, "live, and the files of the sample");
}

#[test]
fn the_healthy_platform_is_judged_in_a_cluster_as_in_its_files() {
    if let Some(reason) = foreign() {
        eprintln!("{reason}");
        return;
    }
    let plane = ControlPlane::start(&Parts::objects_only()).expect("started");
    plane.api().apply_path(&sample("healthy")).expect("loaded");
    compare(&plane, "healthy", &[]);
}

#[test]
fn the_degraded_platform_is_judged_in_a_cluster_as_in_its_files() {
    if let Some(reason) = foreign() {
        eprintln!("{reason}");
        return;
    }
    compare(degraded(), "degraded", &SINCE_NOW);
}
