//! The files of `deploy/`: the API server takes every one of them, and the nightly Jobs run where nothing but hardened
//! pods is let in.

use mlops_tests::control_plane::shared;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

const NAMESPACE: &str = "mlops-system";
const WITHIN: Duration = Duration::from_secs(60);

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(folder);
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    all.sort();
    assert!(!all.is_empty(), "{}", folder.display());
    all
}

#[test]
fn the_nightly_jobs_are_taken_and_run_in_a_restricted_namespace() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: makes a namespace of a fixed name, which a cluster that is already there may have");
        return;
    }
    let plane = shared();
    let api = plane.api();
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}});
    api.apply_object(&namespace).expect("namespace");
    for path in files("rbac").iter().chain(&files("cronjob")) {
        let path = path.to_string_lossy();
        plane.kubectl(&["apply", "--dry-run=server", "--validate=strict", "-f", &path]).expect("valid");
    }
    // What the file of the backup asks for besides.
    api.apply_object(&json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "mlops-backups"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": NAMESPACE, "name": "mlops-backups"}}}))
        .expect("volume");
    api.apply_object(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "mlops-backups", "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": "mlops-backups",
            "resources": {"requests": {"storage": "1Gi"}}}}))
        .expect("claim");
    for path in files("cronjob") {
        let path = path.to_string_lossy();
        let name = plane.kubectl(&["apply", "--validate=strict", "-f", &path, "-o", "name"]).expect("applied");
        let name = name.trim().rsplit('/').next().expect("a name").to_owned();
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": NAMESPACE}});
        api.apply_object(&account).expect("account");
        let job = format!("{name}-now");
        plane
            .kubectl(&["create", "job", "-n", NAMESPACE, &job, &format!("--from=cronjob/{name}")])
            .expect("started by hand");
        // A pod that Pod Security refuses is never made, and the Job never ends.
        api.wait_for(("batch/v1", "Job", NAMESPACE, &job), WITHIN, |job| job["status"]["succeeded"] == 1)
            .expect("the pod was let in");

        // What it would run is a command line that the plugin takes.
        let cron = api.get("batch/v1", "CronJob", NAMESPACE, &name).expect("got").expect("there");
        let container = &cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
        let args: Vec<&str> =
            container["args"].as_array().expect("args").iter().map(|word| word.as_str().expect("a word")).collect();
        let (plugin, flags) = args.split_first().expect("a subcommand");
        let binary = match *plugin {
            "health" => env!("CARGO_BIN_EXE_under-test-health"),
            "audit" => env!("CARGO_BIN_EXE_under-test-audit"),
            "backup" => {
                let parsed = mlops_backup::command().try_get_matches_from([&["backup"], flags].concat());
                assert!(parsed.is_ok(), "{args:?}: {parsed:?}");
                continue;
            }
            other => panic!("{other} is no plugin"),
        };
        let output = std::process::Command::new(binary)
            .args(flags)
            .args(["--from", "examples/healthy", "--now", "2026-11-20T03:00:00Z", "--fail-on", "never"])
            .env_clear()
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    plane.kubectl(&["delete", "persistentvolume", "mlops-backups", "--wait=false"]).expect("deleted");
    plane.kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]).expect("deleted");
}
