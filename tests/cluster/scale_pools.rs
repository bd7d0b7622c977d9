//! `kubectl mlops scale` of Kafka, MinIO and Spark against a real control plane, with stand-ins for their operators.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mlops_tests::control_plane::shared;
use mlops_tests::objects::Api;
use mlops_tests::operators::{self, Minio, Running, Spark, Strimzi};
use mlops_tests::users::User;
use serde_json::{Value, json};

use crate::scale::{Outcome, command, scale};

const WITHIN: Duration = Duration::from_secs(120);
const KAFKA: (&str, &str) = ("kafka.strimzi.io/v1", "Kafka");
const POOL: (&str, &str) = ("kafka.strimzi.io/v1", "KafkaNodePool");
const REBALANCE: (&str, &str) = ("kafka.strimzi.io/v1", "KafkaRebalance");
const TENANT: (&str, &str) = ("minio.min.io/v2", "Tenant");
const SPARK: (&str, &str) = ("sparkoperator.k8s.io/v1beta2", "SparkApplication");

/// A cluster `events` of three controllers and three brokers (3, 4, 5), with a topic of two replicas, whose operator runs.
pub(crate) fn kafka(api: &'static Api, namespace: &str) -> (Strimzi, Vec<Value>) {
    operators::deployment(api, namespace, "strimzi-cluster-operator").expect("applied");
    let labels = json!({"strimzi.io/cluster": "events"});
    let pool = |name: &str, role: &str| {
        json!({"apiVersion": POOL.0, "kind": POOL.1, "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"replicas": 3, "roles": [role], "storage": {"type": "ephemeral"}}})
    };
    let objects = vec![
        json!({"apiVersion": KAFKA.0, "kind": KAFKA.1, "metadata": {"name": "events", "namespace": namespace},
            "spec": {"kafka": {"version": "4.2.0", "config": {"default.replication.factor": 2}}, "cruiseControl": {}}}),
        // The operator goes through them in the order of their names.
        pool("a-controller", "controller"),
        pool("broker", "broker"),
        json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic",
            "metadata": {"name": "orders", "namespace": namespace, "labels": labels}, "spec": {"partitions": 3, "replicas": 2}}),
    ];
    (Strimzi::new(api, namespace, "events", &[3, 4, 5]), objects)
}

/// Waits until the cluster has these brokers and is well.
pub(crate) fn has_brokers(api: &Api, namespace: &str, ids: &[u64]) {
    let pool = (POOL.0, POOL.1, namespace, "broker");
    api.wait_for(pool, WITHIN, |pool| pool["status"]["nodeIds"] == json!(ids)).expect("its brokers");
    let kafka = (KAFKA.0, KAFKA.1, namespace, "events");
    let is_well = |kafka: &Value| {
        let conditions = kafka["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.len() == 1 && all[0]["type"] == "Ready" && all[0]["status"] == "True")
    };
    api.wait_for(kafka, WITHIN, is_well).expect("well");
}

fn done(outcome: &Outcome) {
    let plan = outcome.plan();
    assert_eq!((outcome.code, &plan["state"]), (Some(0), &json!("done")), "{plan}{}", outcome.stderr);
}

fn refused(outcome: &Outcome, code: &str) {
    assert_eq!((outcome.code, outcome.code_of_refusal().as_str()), (Some(1), code), "{}", outcome.stdout);
}

#[test]
fn brokers_are_added_filled_emptied_and_removed() {
    let api = shared().api();
    let namespace = api.new_namespace("kafka").expect("made");
    let (strimzi, objects) = kafka(api, &namespace);
    let holding = strimzi.holding.clone();
    api.apply_objects(objects).expect("applied");
    let _operator = Running::start(strimzi);
    has_brokers(api, &namespace, &[3, 4, 5]);
    let wanted =
        || api.get(POOL.0, POOL.1, &namespace, "broker").expect("read").expect("there")["spec"]["replicas"].clone();
    let held = || holding.lock().expect("no panic").clone();

    refused(
        &scale(&namespace, &["kafkanodepool/a-controller", "--replicas", "5", "--yes"]),
        "controllers-do-not-scale",
    );

    let plan = scale(&namespace, &["plan", "kafka/events", "--brokers", "4"]).plan();
    assert!(plan["steps"].to_string().contains("broker 6 (pod events-broker-6)"), "{plan}");
    done(&scale(&namespace, &["kafka/events", "--brokers", "4", "--rebalance", "--yes"]));
    has_brokers(api, &namespace, &[3, 4, 5, 6]);
    assert_eq!(held(), BTreeSet::from([3, 4, 5, 6]), "the new one got partitions");

    // It holds partitions: it does not go, neither by the plan nor, asked nonetheless, by the operator.
    refused(&scale(&namespace, &["kafka/events", "--brokers", "3", "--yes"]), "not-drained");
    assert_eq!(wanted(), 4);
    let kept = scale(&namespace, &["kafka/events", "--brokers", "3", "--yes", "--ignore-preflight"]);
    let plan = kept.plan();
    assert_eq!(kept.code, Some(1), "{plan}");
    assert!(
        plan["outcome"].as_str().is_some_and(|said| said.contains("Cannot scale-down Kafka brokers {6}")),
        "{plan}"
    );
    let status = scale(&namespace, &["status"]);
    assert!(status.code == Some(1) && status.stdout.contains("holds a shrinking back"), "{}", status.stdout);
    refused(&scale(&namespace, &["kafka/events", "--brokers", "2", "--rebalance", "--yes"]), "scale-down-prevented");

    // The wish taken back, all is as before.
    done(&scale(&namespace, &["kafkanodepool/broker", "--replicas", "4", "--yes"]));
    has_brokers(api, &namespace, &[3, 4, 5, 6]);

    done(&scale(&namespace, &["kafka/events", "--brokers", "3", "--rebalance", "--yes"]));
    has_brokers(api, &namespace, &[3, 4, 5]);
    assert_eq!(held(), BTreeSet::from([3, 4, 5]));
    refused(&scale(&namespace, &["kafka/events", "--brokers", "1", "--rebalance", "--yes"]), "too-few-for-replicas");
    let status = scale(&namespace, &["status"]);
    assert_eq!((status.code, &status.plan()["items"]), (Some(0), &json!([])), "{}", status.stdout);
}

#[test]
fn a_rebalance_that_waits_for_approval_is_told_with_the_command() {
    let api = shared().api();
    let namespace = api.new_namespace("kafka").expect("made");
    let (strimzi, mut objects) = kafka(api, &namespace);
    objects.push(
        json!({"apiVersion": REBALANCE.0, "kind": REBALANCE.1, "metadata": {"name": "by-hand", "namespace": namespace,
        "labels": {"strimzi.io/cluster": "events"}}, "spec": {"mode": "remove-brokers", "brokers": [5]}}),
    );
    api.apply_objects(objects).expect("applied");
    let _operator = Running::start(strimzi);
    has_brokers(api, &namespace, &[3, 4, 5]);
    let rebalance = (REBALANCE.0, REBALANCE.1, namespace.as_str(), "by-hand");
    let is = |state: &'static str| move |it: &Value| it["status"]["conditions"][0]["type"] == state;
    api.wait_for(rebalance, WITHIN, is("ProposalReady")).expect("a proposal");
    refused(&scale(&namespace, &["kafka/events", "--brokers", "2", "--rebalance", "--yes"]), "rebalance-runs");
    let status = scale(&namespace, &["status"]).plan();
    let command = status["items"][0]["command"].as_str().expect("a command").to_owned();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    shared().kubectl(&words).expect("approved");
    api.wait_for(rebalance, WITHIN, is("Ready")).expect("all is moved");
    // Its brokers are empty: nothing more has to be moved.
    done(&scale(&namespace, &["kafka/events", "--brokers", "2", "--yes"]));
    has_brokers(api, &namespace, &[3, 4]);
}

/// A folder with a program `mc` that says that the decommission of pool-0 is so.
fn mc(folder: &Path, namespace: &str, info: &Value) {
    let pool = |index: u32| {
        format!("http://lake-pool-{index}-{{0...1}}.lake-hl.{namespace}.svc.cluster.local/export{{0...1}}")
    };
    let answer = json!([{"id": 0, "cmdline": pool(0), "decommissionInfo": info}, {"id": 1, "cmdline": pool(1)}]);
    let program = folder.join("mc");
    std::fs::write(&program, format!("#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
}

#[test]
fn a_pool_of_drives_is_added_and_leaves_only_once_it_is_empty() {
    let api = shared().api();
    let namespace = api.new_namespace("minio").expect("made");
    operators::deployment(api, &namespace, "minio-operator").expect("applied");
    let claim = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    api.apply_objects(vec![
        json!({"apiVersion": TENANT.0, "kind": TENANT.1, "metadata": {"name": "lake", "namespace": namespace},
        "spec": {"pools": [{"name": "pool-0", "servers": 2, "volumesPerServer": 2, "volumeClaimTemplate": claim}]}}),
    ])
    .expect("applied");
    let _operator = Running::start(Minio { api, namespace: namespace.clone(), tenant: "lake".to_owned() });
    let tenant = (TENANT.0, TENANT.1, namespace.as_str(), "lake");
    let is_well = |it: &Value| it["status"]["currentState"] == "Initialized";
    api.wait_for(tenant, WITHIN, is_well).expect("initialised");
    let pools = || {
        let tenant = api.get(TENANT.0, TENANT.1, &namespace, "lake").expect("read").expect("there");
        let pools = tenant["spec"]["pools"].as_array().expect("pools").clone();
        pools.into_iter().map(|pool| pool["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let set = |name: &str| api.get("apps/v1", "StatefulSet", &namespace, name).expect("read");
    // What the guide does is refused by the API server: a pool does not change.
    let larger = json!({"spec": {"pools": [{"name": "pool-0", "servers": 4, "volumesPerServer": 2, "volumeClaimTemplate": claim}]}});
    let error = api.patch(TENANT.0, TENANT.1, &namespace, "lake", &larger).expect_err("immutable");
    assert!(format!("{error:#}").contains("servers is immutable"), "{error:#}");

    refused(&scale(&namespace, &["tenant/lake", "--add-pool", "17x1", "--yes"]), "not-a-pool");
    refused(
        &scale(&namespace, &["tenant/lake", "--add-pool", "4x1:1Gi", "--pool-name", "pool-0", "--yes"]),
        "pool-name-taken",
    );
    done(&scale(&namespace, &["tenant/lake", "--add-pool", "2x2:2Gi", "--yes"]));
    assert_eq!(pools(), ["pool-0", "pool-1"]);
    let second = set("lake-pool-1").expect("its StatefulSet");
    assert_eq!(second["spec"]["replicas"], 2);
    let size = &second["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"];
    assert_eq!(size, "2Gi", "{second}");

    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = shared().kubeconfig(User::Admin).expect("a kubeconfig");
    let mut completed = Command::new(env!("CARGO_BIN_EXE_under-test-scale"));
    completed.env_clear().env("HOME", folder.path()).args([
        "__complete",
        "tenant/lake",
        "-n",
        &namespace,
        "--kubeconfig",
    ]);
    let completed = completed.arg(&kubeconfig).args(["--decommission", ""]).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "pool-0\npool-1\n:4\n");

    let remove = || {
        let flags = ["tenant/lake", "--decommission", "pool-0", "--mc-alias", "lake", "--yes"];
        let mut command = command(&kubeconfig, &namespace, &flags);
        let output = command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display())).output().expect("runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    };
    let info = |complete: bool, failed: i64| {
        json!({"startTime": "2026-11-20T01:00:00Z", "complete": complete, "failed": false, "canceled": false,
            "objectsDecommissioned": 5, "objectsDecommissionedFailed": failed, "bytesDecommissioned": 5,
            "bytesDecommissionedFailed": 0})
    };
    for (answer, code) in [
        (Value::Null, "not-decommissioned"),
        (info(false, 0), "decommission-runs"),
        (info(true, 1), "decommission-failed"),
    ] {
        mc(folder.path(), &namespace, &answer);
        refused(&remove(), code);
    }
    mc(folder.path(), "elsewhere", &info(true, 0));
    let another = remove();
    assert_eq!(
        (another.code, another.code_of_refusal().as_str()),
        (Some(3), "server-is-another"),
        "{}",
        another.stdout
    );
    let unasked = scale(&namespace, &["tenant/lake", "--decommission", "pool-0", "--yes"]);
    assert_eq!(
        (unasked.code, unasked.code_of_refusal().as_str()),
        (Some(3), "server-was-not-asked"),
        "{}",
        unasked.stdout
    );
    assert_eq!(pools(), ["pool-0", "pool-1"]);
    assert!(set("lake-pool-0").is_some());

    mc(folder.path(), &namespace, &info(true, 0));
    done(&remove());
    assert_eq!(pools(), ["pool-1"]);
    assert!(set("lake-pool-0").is_none());
    // The claims stay, and keep the name from being used again.
    assert!(api.get("v1", "PersistentVolumeClaim", &namespace, "data0-lake-pool-0-0").expect("read").is_some());
    refused(
        &scale(&namespace, &["tenant/lake", "--add-pool", "2x2", "--pool-name", "pool-0", "--yes"]),
        "pool-name-taken",
    );
    let plan = scale(&namespace, &["plan", "tenant/lake", "--add-pool", "2x2"]).plan();
    assert!(plan["steps"].to_string().contains("spec.pools[pool-2]"), "{plan}");
}

#[test]
fn executors_are_changed_by_a_run_from_the_start() {
    let api = shared().api();
    let namespace = api.new_namespace("spark").expect("made");
    operators::deployment(api, &namespace, "spark-operator-controller").expect("applied");
    let spec = json!({"type": "Scala", "sparkVersion": "4.0.0", "driver": {"cores": 1, "memory": "1g"},
        "executor": {"instances": 1, "cores": 1, "memory": "1g"}});
    api.apply_objects(vec![
        json!({"apiVersion": SPARK.0, "kind": SPARK.1, "metadata": {"name": "etl", "namespace": namespace}, "spec": spec}),
        json!({"apiVersion": SPARK.0, "kind": "ScheduledSparkApplication", "metadata": {"name": "nightly", "namespace": namespace},
            "spec": {"schedule": "@daily", "template": spec}}),
    ])
    .expect("applied");
    let _operator = Running::start(Spark::new(api, &namespace, "etl"));
    let etl = (SPARK.0, SPARK.1, namespace.as_str(), "etl");
    api.wait_for(etl, WITHIN, |it| it["status"]["applicationState"]["state"] == "RUNNING").expect("runs");
    refused(&scale(&namespace, &["sparkapplication/etl", "--executors", "3", "--yes"]), "would-run-again");
    done(&scale(&namespace, &["sparkapplication/etl", "--executors", "3", "--rerun", "--yes"]));
    let now = api.get(SPARK.0, SPARK.1, &namespace, "etl").expect("read").expect("there");
    assert_eq!(now["status"]["submissionID"], "run-2", "{now}");
    assert_eq!(now["status"]["executorState"].as_object().map(serde_json::Map::len), Some(3), "{now}");
    done(&scale(&namespace, &["scheduledsparkapplication/nightly", "--executors", "4", "--yes"]));
    let nightly = api.get(SPARK.0, "ScheduledSparkApplication", &namespace, "nightly").expect("read").expect("there");
    assert_eq!(nightly["spec"]["template"]["executor"]["instances"], 4);
}
