//! Real controllers make pods, and kwok's stages make of them what the label says.

use std::time::Duration;

use mlops_tests::control_plane::shared;
use mlops_tests::fixtures::{claim, deployment, job};
use mlops_tests::kwok::STATE_LABEL;
use mlops_tests::wait;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);

fn pod_of(namespace: &str, app: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    wait::until(&format!("a pod of {app} as expected"), WITHIN, || {
        let pods = shared().api().list("v1", "Pod", namespace)?;
        last = pods.into_iter().find(|pod| pod["metadata"]["labels"]["app"] == json!(app)).unwrap_or_default();
        Ok(condition(&last).then(|| last.clone()))
    })
    .unwrap_or_else(|error| panic!("{error}: {last:#}"))
}

#[test]
fn pods_run_degrade_and_heal() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has no stages of ours");
        return;
    }
    let api = shared().api();
    let namespace = api.new_namespace("kwok").expect("made");
    let objects = vec![
        deployment(&namespace, "fine", 2, None),
        deployment(&namespace, "crash", 1, Some("crash-loop")),
        deployment(&namespace, "pull", 1, Some("image-pull")),
        deployment(&namespace, "oom", 1, Some("oom")),
        deployment(&namespace, "unready", 1, Some("not-ready")),
        deployment(&namespace, "creating", 1, Some("pending")),
    ];
    api.apply_objects(objects).expect("applied");
    let ready = |count: u64| move |object: &Value| object["status"]["readyReplicas"] == json!(count);
    api.wait_for(("apps/v1", "Deployment", &namespace, "fine"), WITHIN, ready(2)).expect("both run");

    let container = |pod: &Value| pod["status"]["containerStatuses"][0].clone();
    let pod = pod_of(&namespace, "crash", |pod| container(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff");
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(container(&pod)["lastState"]["terminated"]["exitCode"], json!(1));
    let pod = pod_of(&namespace, "pull", |pod| container(pod)["state"]["waiting"]["reason"] == "ImagePullBackOff");
    assert_eq!(pod["status"]["phase"], "Pending");
    pod_of(&namespace, "oom", |pod| container(pod)["lastState"]["terminated"]["reason"] == "OOMKilled");
    pod_of(&namespace, "unready", |pod| {
        container(pod)["state"]["running"].is_object() && container(pod)["ready"] == json!(false)
    });
    pod_of(&namespace, "creating", |pod| container(pod)["state"]["waiting"]["reason"] == "ContainerCreating");

    let name = pod_of(&namespace, "crash", |_| true)["metadata"]["name"].as_str().expect("a name").to_owned();
    let healed = json!({"metadata": {"labels": {STATE_LABEL: null}}});
    api.patch("v1", "Pod", &namespace, &name, &healed).expect("patched");
    api.wait_for(("apps/v1", "Deployment", &namespace, "crash"), WITHIN, ready(1)).expect("healed");
}

#[test]
fn jobs_complete_or_fail_and_claims_are_bound() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has no stages of ours");
        return;
    }
    let api = shared().api();
    let namespace = api.new_namespace("jobs").expect("made");
    let objects =
        vec![job(&namespace, "good", None), job(&namespace, "bad", Some("failed")), claim(&namespace, "data")];
    api.apply_objects(objects).expect("applied");
    api.wait_for(("batch/v1", "Job", &namespace, "good"), WITHIN, |job| job["status"]["succeeded"] == json!(1))
        .expect("completes");
    api.wait_for(("batch/v1", "Job", &namespace, "bad"), WITHIN, |job| job["status"]["failed"] == json!(1))
        .expect("fails");
    api.wait_for(("v1", "PersistentVolumeClaim", &namespace, "data"), WITHIN, |claim| {
        claim["status"]["phase"] == "Bound"
    })
    .expect("bound");
}
