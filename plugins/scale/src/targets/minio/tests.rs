//! Plans of tenants: pools that come, and pools that may go.

use crate::plan::Write;
use crate::testing::{draft, draft_with, plan, refused};
use mlops_shared::report::{Level, Plan, PlanState, Risk};
use serde_json::{Value, json};

const ADD: &[&str] = &["plan", "tenant/t", "--add-pool", "4x4:1Ti"];
const REMOVE: &[&str] = &["plan", "tenant/t", "--decommission", "pool-0"];

fn tenant(pools: &str) -> String {
    format!(
        r#"
apiVersion: minio.min.io/v2
kind: Tenant
metadata: {{name: t, namespace: a, managedFields: [{{manager: ada, operation: Update, fieldsV1: {{"f:spec": {{"f:pools": {{}}}}}}}}]}}
spec:
  pools: [{pools}]
status:
  currentState: Initialized
  healthStatus: green
  drivesOnline: 16
  drivesOffline: 0
  pools: [{{ssName: t-pool-0, state: PoolInitialized}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: minio-operator, namespace: ops, generation: 1}}
spec: {{replicas: 1}}
status: {{observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1, availableReplicas: 1}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: fast}}
provisioner: p
---
apiVersion: v1
kind: Node
metadata: {{name: n1}}
status: {{allocatable: {{cpu: "8", memory: 32Gi, pods: "110"}}, conditions: [{{type: Ready, status: "True"}}]}}
"#
    )
}

fn pool(name: &str, servers: u32, volumes: u32) -> String {
    format!(
        "{{name: {name}, servers: {servers}, volumesPerServer: {volumes}, resources: {{requests: {{cpu: '1'}}}}, volumeClaimTemplate: \
         {{metadata: {{name: data}}, spec: {{storageClassName: fast, resources: {{requests: {{storage: 1Ti}}}}}}}}}}"
    )
}

fn one() -> String {
    tenant(&pool("pool-0", 4, 4))
}

fn two() -> String {
    tenant(&format!("{}, {}", pool("pool-0", 4, 4), pool("pool-1", 4, 4)))
}

fn words<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

fn check<'a>(plan: &'a Plan, check: &str) -> (Level, &'a str) {
    let found = plan.preflight.iter().find(|it| it.check == check).unwrap_or_else(|| panic!("no {check}: {plan:?}"));
    (found.verdict, &found.message)
}

#[test]
fn a_pool_is_added_behind_those_that_are_there() {
    let found = draft(&one(), ADD);
    assert_eq!(found.plan.state, PlanState::Planned, "{:?}", found.plan.refusals);
    let [Write::Change(patch)] = found.writes.as_slice() else { panic!("{:?}", found.writes) };
    let pools = patch["spec"]["pools"].as_array().expect("pools");
    assert_eq!((pools.len(), &pools[0]["name"], &pools[1]["name"]), (2, &json!("pool-0"), &json!("pool-1")));
    assert_eq!(pools[1]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"], "1Ti");
    assert_eq!(pools[1]["volumeClaimTemplate"]["spec"]["storageClassName"], "fast");
    let step = &found.plan.steps[0];
    assert_eq!((step.risk, &step.undo), (Risk::Permanent, &None));
    assert!(
        step.effect.contains("sets of 16 drives with EC:4") && step.effect.contains("restart at once"),
        "{}",
        step.effect
    );
    assert_eq!(check(&found.plan, "usable"), (Level::Ok, "12Ti to use before, 24Ti after"));
    assert_eq!(check(&found.plan, "capacity").0, Level::Ok);
    assert!(check(&found.plan, "storage").1.starts_with("16 new claims with 16Ti"), "{:?}", found.plan.preflight);
}

#[test]
fn names_of_pools_are_used_once() {
    let claim =
        one() + "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data0-t-pool-1-0, namespace: a}\n";
    let found = draft(&claim, ADD);
    let Some(Write::Change(patch)) = found.writes.last() else { panic!("{:?}", found.plan) };
    assert_eq!(patch["spec"]["pools"][1]["name"], "pool-2");
    for name in ["pool-1", "pool-0", "Pool", "x-", "a.b"] {
        let plan = plan(&claim, &words(ADD, &["--pool-name", name]));
        assert_eq!(codes(&plan), ["pool-name-taken"], "{name}");
    }
    let gone = one().replace("ssName: t-pool-0", "ssName: t-pool-9");
    assert_eq!(codes(&plan(&gone, &words(ADD, &["--pool-name", "pool-9"]))), ["pool-name-taken"]);
    assert_eq!(codes(&plan(&tenant(&pool("''", 4, 4)), ADD)), ["pools-unnamed"]);
}

#[test]
fn shapes_that_the_server_or_the_operator_refuse_are_refused() {
    for shape in ["17x1", "2x1", "3x1", "4", "0x4", "4x4:0"] {
        let plan = plan(&one(), &["plan", "tenant/t", "--add-pool", shape]);
        assert_eq!(codes(&plan), ["not-a-pool"], "{shape}");
    }
}

#[test]
fn parity_is_that_of_the_first_pool() {
    let small = tenant(&pool("pool-0", 1, 2));
    let found = plan(&small, ADD);
    let (level, message) = check(&found, "parity");
    assert!(level == Level::Warn && message.starts_with("EC:1"), "{message}");
    let set =
        small.replace("spec:\n  pools", "spec:\n  env: [{name: MINIO_STORAGE_CLASS_STANDARD, value: 'EC:4'}]\n  pools");
    assert_eq!(check(&plan(&set, ADD), "parity").0, Level::Ok);
    let tight = plan(&one(), &["plan", "tenant/t", "--add-pool", "4x1"]);
    assert_eq!(codes(&tight), ["set-too-small"], "sets of 4 hold no EC:4");
}

#[test]
fn nothing_is_changed_while_drives_are_missing() {
    for (from, to) in [
        ("drivesOffline: 0", "drivesOffline: 1"),
        ("drivesOffline: 0", "drivesHealing: 1"),
        ("healthStatus: green", "healthStatus: yellow"),
        ("currentState: Initialized", "currentState: Provisioning MinIO Statefulset"),
    ] {
        assert_eq!(codes(&plan(&one().replace(from, to), ADD)), ["drives-forbids"], "{to}");
    }
    let silent = plan(&one().replace("healthStatus: green", "other: x"), ADD);
    assert!(check(&silent, "drives").0 == Level::Unknown && silent.is_unsure(), "{silent:?}");
    let down = one().replace("availableReplicas: 1", "availableReplicas: 0");
    assert_eq!(codes(&plan(&down, ADD)), ["operator-forbids"]);
}

fn answer(complete: bool, failed: i64) -> Value {
    json!([{"id": 0, "cmdline": "https://t-pool-0-{0...3}.t-hl.a.svc.cluster.local/export{0...3}", "decommissionInfo": {
        "startTime": "2026-11-20T01:00:00Z", "complete": complete, "failed": false, "canceled": false,
        "objectsDecommissionedFailed": failed, "bytesDecommissionedFailed": 0, "bytesDecommissioned": 4096}},
        {"id": 1, "cmdline": "https://t-pool-1-{0...3}.t-hl.a.svc.cluster.local/export{0...3}"}])
}

#[test]
fn a_pool_leaves_only_when_the_server_says_that_it_is_empty() {
    let unasked = plan(&two(), REMOVE);
    assert_eq!(codes(&unasked), ["server-was-not-asked"]);
    assert!(unasked.is_unsure() && !unasked.has_failed());
    assert!(unasked.refusals[0].hints[0].contains("mc admin decommission start"));
    let with = |answer: Result<Value, String>, flags: &[&str]| draft_with(&two(), &words(REMOVE, flags), Some(answer));
    let done = with(Ok(answer(true, 0)), &[]);
    assert_eq!(done.plan.state, PlanState::Planned, "{:?}", done.plan.refusals);
    let [Write::Change(patch)] = done.writes.as_slice() else { panic!("{:?}", done.writes) };
    let pools = patch["spec"]["pools"].as_array().expect("pools");
    assert_eq!((pools.len(), &pools[0]["name"]), (1, &json!("pool-1")));
    assert_eq!((done.plan.steps[0].risk, check(&done.plan, "parity").0), (Risk::Permanent, Level::Warn));
    for force in [&[][..], &["--ignore-preflight", "--force-drift", "--take-over"]] {
        for (answer, code) in [
            (Ok(answer(false, 0)), "decommission-runs"),
            (Ok(answer(true, 1)), "decommission-failed"),
            (Ok(json!([])), "server-is-another"),
            (Ok(json!({"status": "error"})), "server-is-another"),
            (Err("mc is not there".to_owned()), "server-did-not-answer"),
        ] {
            let found = with(answer, force);
            assert_eq!(codes(&found.plan), [code]);
            assert!(found.writes.is_empty(), "{:?}", found.writes);
        }
        let mut none = answer(true, 0);
        none[0]["decommissionInfo"] = Value::Null;
        let found = with(Ok(none), force);
        assert_eq!(codes(&found.plan), ["not-decommissioned"]);
        let command = found.plan.refusals[0].command.as_deref().unwrap_or_default();
        assert!(command.contains("decommission start ALIAS 'https://t-pool-0-{0...3}"), "{command}");
    }
}

#[test]
fn what_cannot_go_is_said() {
    assert_eq!(codes(&plan(&one(), REMOVE)), ["last-pool"]);
    assert_eq!(codes(&plan(&two(), &["plan", "tenant/t", "--decommission", "pool-7"])), ["no-such-pool"]);
    let failure = refused(&one(), &["plan", "tenant/t", "--replicas", "5"]);
    assert!(failure.message.contains("--replicas does not go with Tenant"), "{failure:?}");
}
