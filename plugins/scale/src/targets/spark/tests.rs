//! Plans of Spark applications.

use crate::plan::Write;
use crate::testing::{draft, plan, refused};
use mlops_shared::report::{Level, Plan, PlanState, Risk};
use serde_json::json;

const UP: &[&str] = &["plan", "sparkapplication/pi", "--executors", "4"];

fn application(kind: &str, state: &str, more: &str) -> String {
    let spec = "type: Scala, driver: {cores: 1, memory: 1g}, executor: {instances: 2, cores: 1, memory: 2g}MORE";
    let spec = spec.replace("MORE", more);
    let (spec, fields) = match kind {
        "SparkApplication" => (spec, r#""f:executor": {"f:instances": {}}"#),
        _ => (format!("schedule: '@daily', template: {{{spec}}}"), r#""f:template": {}"#),
    };
    format!(
        r#"
apiVersion: sparkoperator.k8s.io/v1beta2
kind: {kind}
metadata: {{name: pi, namespace: a, managedFields: [{{manager: ada, operation: Update, fieldsV1: {{"f:spec": {{{fields}}}}}}}]}}
spec: {{{spec}}}
status: {{{state}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: spark-operator-controller, namespace: ops, generation: 1}}
spec: {{replicas: 1}}
status: {{observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1, availableReplicas: 1}}
---
apiVersion: v1
kind: Node
metadata: {{name: n1}}
status: {{allocatable: {{cpu: "4", memory: 32Gi, pods: "110"}}, conditions: [{{type: Ready, status: "True"}}]}}
"#
    )
}

fn running(more: &str) -> String {
    let state = "applicationState: {state: RUNNING}, submissionID: x, executorState: {pi-1: RUNNING, pi-2: RUNNING}";
    application("SparkApplication", state, more)
}

fn words<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

fn verdict(plan: &Plan, check: &str) -> Level {
    plan.preflight.iter().find(|it| it.check == check).unwrap_or_else(|| panic!("no {check}: {plan:?}")).verdict
}

#[test]
fn a_change_runs_an_application_again_and_needs_consent() {
    let plain = plan(&running(""), UP);
    assert_eq!(codes(&plain), ["would-run-again"]);
    assert!(plain.refusals[0].reason.contains("runs it again from its start"), "{plain:?}");
    let agreed = draft(&running(""), &words(UP, &["--rerun"]));
    assert_eq!((agreed.plan.state, agreed.plan.risk()), (PlanState::Planned, Risk::Disruption), "{:?}", agreed.plan);
    assert_eq!(agreed.writes.last(), Some(&Write::Change(json!({"spec": {"executor": {"instances": 4}}}))));
    assert_eq!(agreed.plan.request, "scale SparkApplication/a/pi from 2 to 4");
    for state in ["COMPLETED", "FAILED", "SUBMISSION_FAILED", "SUBMITTED", "PENDING_RERUN", "SUSPENDED", "UNKNOWN"] {
        let manifests = application("SparkApplication", &format!("applicationState: {{state: {state}}}"), "");
        assert_eq!(codes(&plan(&manifests, UP)), ["would-run-again"], "{state}");
    }
    let new = plan(&application("SparkApplication", "", ""), UP);
    assert_eq!((new.state, new.risk()), (PlanState::Planned, Risk::None), "{:?}", new.refusals);
}

#[test]
fn with_dynamic_allocation_the_limits_change() {
    let more = ", dynamicAllocation: {enabled: true, minExecutors: 6, initialExecutors: 3, maxExecutors: 8}";
    let found = draft(&running(more), &words(UP, &["--rerun"]));
    let Some(Write::Change(patch)) = found.writes.last() else { panic!("{:?}", found.writes) };
    assert_eq!(*patch, json!({"spec": {"dynamicAllocation": {"maxExecutors": 4, "minExecutors": 4}}}));
    assert_eq!(found.plan.request, "scale SparkApplication/a/pi from 8 to 4");
    let open = draft(&running(", dynamicAllocation: {enabled: true}"), &words(UP, &["--rerun"]));
    assert_eq!(open.plan.steps.last().map(|step| (&step.from, &step.undo)), Some((&None, &None)));
}

#[test]
fn a_schedule_counts_from_its_next_run_on() {
    let manifests = application("ScheduledSparkApplication", "nextRun: '2026-11-21T00:00:00Z'", "");
    let found = draft(&manifests, &["plan", "scheduledsparkapplication/pi", "--executors", "3"]);
    assert_eq!((found.plan.state, found.plan.risk()), (PlanState::Planned, Risk::None), "{:?}", found.plan.refusals);
    let patch = json!({"spec": {"template": {"executor": {"instances": 3}}}});
    assert_eq!(found.writes.last(), Some(&Write::Change(patch)));
    let step = found.plan.steps.last().expect("a step");
    assert!(
        step.effect.contains("2026-11-21") && step.field.as_deref() == Some(".spec.template.executor.instances"),
        "{step:?}"
    );
    assert_eq!(verdict(&found.plan, "driver-capacity"), Level::Ok);
}

#[test]
fn executors_need_room_with_their_overhead() {
    let up = |executors: &'static str| {
        plan(&running(""), &["plan", "sparkapplication/pi", "--rerun", "--executors", executors])
    };
    assert_eq!(verdict(&up("6"), "capacity"), Level::Ok, "two that run end first");
    assert_eq!(verdict(&up("7"), "capacity"), Level::Warn);
    let large = running("").replace("memory: 2g", "memory: 31g");
    let large = plan(&large, &words(UP, &["--rerun"]));
    assert_eq!(codes(&large), ["capacity-forbids"], "31 GiB and a tenth are more than 32");
    let quota = running("")
        + "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: a}\nspec: {hard: {pods: '4'}}\nstatus: {hard: {pods: '4'}, used: {pods: '3'}}\n";
    assert_eq!(codes(&plan(&quota, &words(UP, &["--rerun"]))), ["quota-forbids"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert_eq!(
        codes(&plan(&running(""), &["plan", "sparkapplication/pi", "--executors", "0", "--rerun"])),
        ["no-executor"]
    );
    let failure = refused(&running(""), &["plan", "sparkapplication/pi", "--replicas", "4"]);
    assert!(failure.message.contains("--replicas does not go with SparkApplication"), "{failure:?}");
    let silent = refused(&running(""), &["plan", "sparkapplication/pi"]);
    assert!(silent.message.contains("--executors says how many"), "{silent:?}");
    let down = running("").replace("availableReplicas: 1", "availableReplicas: 0");
    assert_eq!(codes(&plan(&down, &words(UP, &["--rerun"]))), ["operator-forbids"]);
    // A webhook that runs is no operator.
    let webhook = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: spark-operator-webhook, namespace: ops}\nspec: {replicas: 1}\nstatus: {availableReplicas: 1}\n";
    assert_eq!(codes(&plan(&(down + webhook), &words(UP, &["--rerun"]))), ["operator-forbids"]);
}

#[test]
fn only_the_new_run_counts() {
    use super::progress;
    use crate::progress::{Look, Progress};
    use mlops_shared::object::{InventoryBuilder, Scope};
    let pods = InventoryBuilder::new(Scope::Cluster, false).finish();
    let platform = mlops_shared::platform::Platform::built_in();
    let before = json!({"status": {"submissionID": "1", "applicationState": {"state": "RUNNING"}}});
    let look = |submission: &str, state: &str, current: u32| {
        let json = json!({"status": {"submissionID": submission, "applicationState": {"state": state}}});
        let now = crate::testing::now();
        progress(&Look {
            json: &json,
            before: &before,
            beside: None,
            wanted: 4,
            current,
            goal: 4,
            path: None,
            manager: "mlops",
            pods: &pods,
            platform: &platform,
            now,
        })
    };
    assert!(matches!(look("1", "RUNNING", 4), Progress::Waiting { .. }), "the run before");
    assert!(matches!(look("2", "RUNNING", 3), Progress::Waiting { .. }));
    assert_eq!(look("2", "RUNNING", 4), Progress::Reached);
    assert_eq!(look("2", "COMPLETED", 0), Progress::Reached);
    assert!(matches!(look("2", "FAILED", 0), Progress::Refused { .. }));
}
