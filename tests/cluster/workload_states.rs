//! Workloads that real controllers run, hold, or fail to run: progressing, suspended, done and failing.

use crate::health::{root_of, settled};
use mlops_tests::control_plane::shared;
use mlops_tests::fixtures::{claim, deployment, job};
use mlops_tests::users::User;
use serde_json::json;

#[test]
fn what_the_real_workload_controllers_write_is_told_apart() {
    let plane = shared();
    if plane.is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has no stages of ours");
        return;
    }
    let api = plane.api();
    let namespace = api.new_namespace("workloads").expect("made");
    let mut paused = deployment(&namespace, "paused", 1, None);
    paused["spec"]["paused"] = json!(true);
    let mut held = job(&namespace, "held", None);
    held["spec"]["suspend"] = json!(true);
    let template = job(&namespace, "nightly", None)["spec"].clone();
    let nightly = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": namespace},
        "spec": {"schedule": "0 3 1 1 *", "suspend": true, "jobTemplate": {"spec": template}}
    });
    let mut unfit = deployment(&namespace, "unfit", 1, None);
    unfit["spec"]["template"]["spec"]["nodeSelector"] = json!({"no": "such"});
    api.apply_objects(vec![
        deployment(&namespace, "runs", 2, None),
        deployment(&namespace, "starts", 1, Some("pending")),
        deployment(&namespace, "crashes", 1, Some("crash-loop")),
        deployment(&namespace, "pulls", 1, Some("image-pull")),
        deployment(&namespace, "none", 0, None),
        unfit,
        paused,
        held,
        nightly,
        job(&namespace, "done", None),
        job(&namespace, "failed", Some("failed")),
        claim(&namespace, "data"),
    ])
    .expect("applied");
    let report = settled(
        &plane.kubeconfig(User::Admin).expect("kubeconfig"),
        &namespace,
        &[
            ("Deployment", "runs", "OK", "workload-ready"),
            ("Deployment", "none", "OK", "workload-scaled-to-zero"),
            ("Deployment", "starts", "PROGRESSING", "workload-rolling-out"),
            ("Deployment", "crashes", "FAIL", "workload-pods-fail"),
            ("Deployment", "pulls", "FAIL", "workload-pods-fail"),
            ("Deployment", "unfit", "FAIL", "workload-pods-fail"),
            ("Deployment", "paused", "SUSPENDED", "workload-paused"),
            ("Job", "done", "OK", "job-complete"),
            ("Job", "failed", "FAIL", "job-failed"),
            ("Job", "held", "SUSPENDED", "suspended"),
            ("CronJob", "nightly", "SUSPENDED", "suspended"),
            ("PersistentVolumeClaim", "data", "OK", "pvc-bound"),
        ],
    );
    for name in ["crashes", "pulls", "unfit"] {
        let root = root_of(&report, "Deployment", name).unwrap_or_default();
        assert!(root.starts_with(&format!("Pod/{name}-")), "{name} is explained by {root}");
    }
}
