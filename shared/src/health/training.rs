//! Kubeflow: training jobs, notebooks, and searches for hyperparameters.

use super::table::Rule;
use super::{Related, culprit, lead_condition, precedence};
use crate::object::{Condition, Custom, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;
use serde_json::Value;

codes! {
    DONE = "training-succeeded", "The training has succeeded", "It ended without an error.", "Nothing to do.";
    RUNS = "training-running", "The training is at work", "Its workers run.", "Nothing to do but wait.", Work;
    STARTS = "training-starting", "The training is being started",
        "Its pods have been created or are about to be.", "Nothing to do but wait.";
    SLOW = "training-slow", "The training does not start",
        "It was made more than half an hour ago and its workers do not run: all of them need their place (GPUs) at the same time.",
        "Look at the pods of the job, and at the queue when one is used.";
    RESTARTS = "training-restarting", "The training is started again",
        "A worker ended with an error and is started again; work since the last checkpoint is lost.",
        "Read the log of the worker that failed before: `kubectl logs --previous`.";
    STUCK = "training-stuck", "A worker of the training fails",
        "The pod of a worker or of the launcher cannot be scheduled, its image is not found, or it crashes. The other workers wait for it.",
        "Look at the pod that is named.";
    FAILED = "training-failed", "The training has failed",
        "A worker ended with an error that is not retried, or no retry is left, or its time was over.",
        "Read the message, then the log of the worker that is named.", Final;
    NOTEBOOK_OK = "notebook-running", "The notebook runs", "Its server is ready.", "Nothing to do.";
    NOTEBOOK_STARTS = "notebook-starting", "The notebook is on its way", "Its pod starts.", "Nothing to do but wait.";
    NOTEBOOK_SLOW = "notebook-slow", "The notebook does not start",
        "Its pod has been starting for more than half an hour.", "Look at the pod and at its volume.";
    NOTEBOOK_DOWN = "notebook-down", "The notebook does not run",
        "Its server ended or cannot be started: mostly the image, the volume or memory.",
        "Look at the pod (label notebook-name).";
    TRIAL_FAILED = "katib-trial-failed", "A trial has failed",
        "The training of one trial failed, or its metrics could not be read. The experiment goes on until spec.maxFailedTrialCount is reached.",
        "Look at the trial's job; with MetricsUnavailable at the names of the metrics that it prints.";
    TRIAL_PAST = "katib-trial-past", "A failed trial of an experiment that succeeded",
        "Other trials gave the experiment its result.", "Nothing to do.";
}

const GROUP: &str = "kubeflow.org";
const TRAINER: &str = "trainer.kubeflow.org";
const START_SECONDS: i64 = 1800;

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "PyTorchJob", job),
    Rule::new(GROUP, "TFJob", job),
    Rule::new(GROUP, "MPIJob", job),
    Rule::new(GROUP, "XGBoostJob", job),
    Rule::new(GROUP, "MXJob", job),
    Rule::new(GROUP, "PaddleJob", job),
    Rule::new(GROUP, "JAXJob", job),
    Rule::new(TRAINER, "TrainJob", train_job),
    Rule::new(GROUP, "Notebook", notebook),
    Rule::new(GROUP, "Experiment", experiment),
    Rule::new(GROUP, "Trial", trial),
    Rule::new(GROUP, "Suggestion", suggestion),
];

/// The condition `name`, where it is True.
fn met<'a>(conditions: &'a [Condition], name: &str) -> Option<&'a Condition> {
    find_condition(conditions, name).filter(|condition| condition.is_true())
}

/// `pkg/apis/kubeflow.org/v1/common_types.go`: conditions stay in the list, and several may be True.
/// An end counts before work, and a failure before a success.
fn job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let workers = replicas(custom);
    let pods = || {
        let labels = ["training.kubeflow.org/job-name", "job-name"];
        let named =
            labels.into_iter().flat_map(|key| related.pods_labelled(&object.meta.namespace, key, &object.meta.name));
        named.filter(|pod| {
            pod.meta.controller().is_some_and(|owner| owner.uid == object.meta.uid && *owner.kind == *object.ty.kind)
        })
    };
    if let Some(failed) = met(&conditions, "Failed") {
        let verdict =
            Verdict::fail(&FAILED, format!("{}{workers}", lead_condition::said(failed))).since(failed.since());
        return culprit::pods(verdict, pods(), related, now);
    }
    if let Some(succeeded) = met(&conditions, "Succeeded") {
        return Verdict::ok(&DONE, format!("succeeded{workers}")).since(succeeded.since());
    }
    let suspended = met(&conditions, "Suspended");
    if custom.spec_true("/runPolicy/suspend") || suspended.is_some() {
        let how =
            if custom.spec_true("/runPolicy/suspend") { "spec.runPolicy.suspend" } else { "the Suspended condition" };
        return culprit::held(how, suspended.and_then(Condition::since), object, related, now);
    }
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let active = || pods().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished()));
    let verdict = if let Some(restarting) = met(&conditions, "Restarting") {
        let mut verdict = Verdict::progressing(&RUNS, format!("is being restarted{workers}")).since(restarting.since());
        verdict.more.push(Verdict::warn(&RESTARTS, lead_condition::said(restarting)).since(restarting.since()));
        verdict
    } else if let Some(running) = met(&conditions, "Running") {
        Verdict::progressing(&RUNS, format!("running{workers}")).since(running.since())
    } else {
        let since = met(&conditions, "Created").and_then(Condition::since).or(object.meta.creation_timestamp.get());
        let text = format!("created, and not running yet{workers}");
        culprit::on_the_way(&STARTS, &SLOW, &text, since, START_SECONDS, now)
    };
    culprit::descend(verdict, &STUCK, active(), related, now)
}

/// ` (Master: 1 active; Worker: 2 active, 1 failed)`
fn replicas(custom: &Custom) -> String {
    let all = custom.status_at("/replicaStatuses").and_then(Value::as_object).into_iter().flatten();
    let parts = all.filter_map(|(name, counts)| {
        let number = |field: &str| counts.get(field).and_then(Value::as_i64).filter(|count| *count > 0);
        let counts = ["active", "succeeded", "failed"].into_iter();
        let counts: Vec<String> =
            counts.filter_map(|field| number(field).map(|count| format!("{count} {field}"))).collect();
        (!counts.is_empty()).then(|| format!("{name}: {}", counts.join(", ")))
    });
    let parts: Vec<String> = parts.take(10).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

/// `pkg/apis/trainer/v1alpha1/trainjob_types.go`: Suspended, Complete, Failed, and counts of the jobs.
fn train_job(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    if let Some(failed) = met(&conditions, "Failed") {
        let verdict = Verdict::fail(&FAILED, lead_condition::said(failed)).since(failed.since());
        return runtime(verdict, object, custom, related, now);
    }
    if let Some(complete) = met(&conditions, "Complete") {
        return Verdict::ok(&DONE, "complete").since(complete.since());
    }
    let suspended = met(&conditions, "Suspended");
    if custom.spec_true("/suspend") || suspended.is_some() {
        let how = if custom.spec_true("/suspend") { "spec.suspend" } else { "the Suspended condition" };
        return culprit::held(how, suspended.and_then(Condition::since), object, related, now);
    }
    let jobs = custom.status_list("/jobsStatus").iter();
    let jobs = jobs.filter(|job| job.get("active").and_then(Value::as_i64).unwrap_or(0) > 0);
    let names: Vec<&str> = jobs.filter_map(|job| job.get("name").and_then(Value::as_str)).take(10).collect();
    let verdict = if names.is_empty() {
        if !custom.has_status {
            return runtime(precedence::no_status(object, None, related, now), object, custom, related, now);
        }
        let since = object.meta.creation_timestamp.get();
        culprit::on_the_way(&STARTS, &SLOW, "its jobs do not run yet", since, START_SECONDS, now)
    } else {
        Verdict::progressing(&RUNS, format!("running ({})", names.join(", ")))
    };
    let pods = related.pods_labelled(&object.meta.namespace, "jobset.sigs.k8s.io/jobset-name", &object.meta.name);
    let active = pods.filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished()));
    culprit::descend(verdict, &STUCK, active, related, now)
}

/// The runtime that a job which does not work is made from.
fn runtime(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    if verdict.level != Level::Fail {
        return verdict;
    }
    let name = custom.spec_text("/runtimeRef/name");
    let (kind, namespace) = match custom.spec_text("/runtimeRef/kind") {
        "TrainingRuntime" => ("TrainingRuntime", &*object.meta.namespace),
        _ => ("ClusterTrainingRuntime", ""),
    };
    culprit::object(verdict, ObjectRef::new(TRAINER, kind, namespace, name), related, now)
}

/// `components/notebook-controller/api/v1/notebook_types.go`: the conditions are a history, newest
/// first; what is now stands in `containerState` and `readyReplicas`.
fn notebook(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    if let Some(stopped) = object.meta.annotations.get("kubeflow-resource-stopped") {
        let since = stopped.parse().ok();
        // Notebooks are stopped when nobody uses them: that is never forgotten.
        return Verdict::suspended(&precedence::SUSPENDED, "stopped by kubeflow-resource-stopped").since(since);
    }
    if !custom.has_status || custom.status.as_object().is_some_and(serde_json::Map::is_empty) {
        return precedence::no_status(object, None, related, now);
    }
    let pods = || related.pods_labelled(&object.meta.namespace, "notebook-name", &object.meta.name);
    let ready = custom.status_number("/readyReplicas").unwrap_or(0);
    let text = |pointer: &str| custom.status_text(&format!("/containerState/{pointer}")).trim().to_owned();
    let with = |reason: String, message: String| match (reason.as_str(), message.as_str()) {
        ("", "") => "no reason is given".to_owned(),
        ("", _) => message,
        (_, "") => reason,
        _ => format!("{reason}: {message}"),
    };
    if custom.status_at("/containerState/terminated").is_some() {
        let said = with(text("terminated/reason"), text("terminated/message"));
        let exit = custom.status_number("/containerState/terminated/exitCode").unwrap_or(0);
        let verdict = Verdict::fail(&NOTEBOOK_DOWN, format!("its server ended: {said} (exit code {exit})"));
        return culprit::pods(verdict, pods(), related, now);
    }
    if custom.status_at("/containerState/running").is_some() && ready > 0 {
        let since = text("running/startedAt").parse().ok();
        return Verdict::ok(&NOTEBOOK_OK, "running").since(since);
    }
    let waits = custom.status_at("/containerState/waiting").is_some();
    let reason = text("waiting/reason");
    if waits && !matches!(reason.as_str(), "" | "PodInitializing" | "ContainerCreating") {
        let verdict = Verdict::fail(&NOTEBOOK_DOWN, with(reason, text("waiting/message")));
        return culprit::pods(verdict, pods(), related, now);
    }
    let said = if waits { with(reason, text("waiting/message")) } else { "its server is not ready yet".to_owned() };
    let since = object.meta.creation_timestamp.get();
    let verdict = culprit::on_the_way(&NOTEBOOK_STARTS, &NOTEBOOK_SLOW, &said, since, START_SECONDS, now);
    culprit::descend(verdict, &NOTEBOOK_DOWN, pods(), related, now)
}

/// `pkg/apis/controller/experiments/v1beta1/experiment_types.go`
fn experiment(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let number = |pointer: &str| custom.status_number(pointer).unwrap_or(0);
    let allowed = custom.spec_number("/maxFailedTrialCount");
    let failed = number("/trialsFailed").saturating_add(number("/trialMetricsUnavailable"));
    let limit = allowed.map_or_else(String::new, |allowed| format!(" of {allowed} allowed"));
    let counts =
        format!("{} of {} trials succeeded, {failed}{limit} failed", number("/trialsSucceeded"), number("/trials"));
    if let Some(end) = met(&conditions, "Failed") {
        let verdict = Verdict::fail(&FAILED, format!("{}; {counts}", lead_condition::said(end))).since(end.since());
        let trials = custom.status_list("/failedTrialList").iter().filter_map(Value::as_str);
        return trials.take(1).fold(verdict, |verdict, name| {
            let trial = ObjectRef::new(GROUP, "Trial", &object.meta.namespace, name);
            culprit::object_if_found(verdict, trial, related, now)
        });
    }
    if let Some(end) = met(&conditions, "Succeeded") {
        return Verdict::ok(&DONE, counts).since(end.since());
    }
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let running = met(&conditions, "Restarting").or(met(&conditions, "Running"));
    match running {
        Some(running) => Verdict::progressing(&RUNS, counts).since(running.since()),
        None => {
            let since = met(&conditions, "Created").and_then(Condition::since).or(object.meta.creation_timestamp.get());
            culprit::on_the_way(&STARTS, &SLOW, "created, and not running yet", since, START_SECONDS, now)
        }
    }
}

/// `pkg/apis/controller/trials/v1beta1/trial_types.go`
fn trial(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    if let Some(end) = met(&conditions, "Failed").or(met(&conditions, "MetricsUnavailable")) {
        let said = format!("{}: {}", end.r#type, lead_condition::said(end));
        let owner = object.meta.controller().and_then(|owner| related.inventory.by_uid(owner.uid));
        let experiment = owner.filter(|owner| owner.is(GROUP, "Experiment")).and_then(Object::custom);
        let ends = experiment.map(Custom::conditions);
        return match ends {
            Some(ends) if met(&ends, "Succeeded").is_some() => Verdict::ok(&TRIAL_PAST, said),
            Some(ends) if met(&ends, "Failed").is_none() => Verdict::warn(&TRIAL_FAILED, said),
            _ => Verdict::fail(&TRIAL_FAILED, said),
        }
        .since(end.since());
    }
    for (name, word) in [
        ("Succeeded", "succeeded"),
        ("EarlyStopped", "stopped early, as it was told to"),
        ("Killed", "killed by the experiment"),
    ] {
        if let Some(end) = met(&conditions, name) {
            return Verdict::ok(&DONE, word).since(end.since());
        }
    }
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    match met(&conditions, "Running") {
        Some(running) => Verdict::progressing(&RUNS, "running").since(running.since()),
        None => {
            let since = met(&conditions, "Created").and_then(Condition::since).or(object.meta.creation_timestamp.get());
            culprit::on_the_way(&STARTS, &SLOW, "created, and not running yet", since, START_SECONDS, now)
        }
    }
}

/// `pkg/apis/controller/suggestions/v1beta1/suggestion_types.go`: a service that is well while it runs.
fn suggestion(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    if let Some(failed) = met(&conditions, "Failed") {
        return Verdict::fail(&FAILED, lead_condition::said(failed)).since(failed.since());
    }
    if let Some(end) = met(&conditions, "Succeeded").or(met(&conditions, "Exhausted")) {
        return Verdict::ok(&DONE, lead_condition::said(end)).since(end.since());
    }
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    if let Some(ready) = met(&conditions, "DeploymentReady") {
        return Verdict::ok(&DONE, "its service is ready").since(ready.since());
    }
    let ready = find_condition(&conditions, "DeploymentReady");
    let said = ready.map_or_else(|| "its service is not ready yet".to_owned(), lead_condition::said);
    let since = ready.and_then(Condition::since).or(object.meta.creation_timestamp.get());
    culprit::on_the_way(&STARTS, &SLOW, &said, since, START_SECONDS, now)
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn object(version: &str, kind: &str, name: &str, more: &str, spec: &str, status: &str) -> String {
        format!(
            "---
apiVersion: {version}
kind: {kind}
metadata: {{name: {name}, namespace: ml, creationTimestamp: '2026-11-20T02:50:00Z'{more}}}
spec: {{{spec}}}
status: {{{status}}}
"
        )
    }

    fn conditions(list: &[(&str, &str)]) -> String {
        let all = list.iter().map(|(kind, status)| {
            format!("{{type: {kind}, status: '{status}', reason: R, message: m, lastTransitionTime: '2026-11-20T02:55:00Z'}}")
        });
        format!("conditions: [{}]", all.collect::<Vec<_>>().join(", "))
    }

    const POD: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: w-0, namespace: ml, labels: {training.kubeflow.org/job-name: it, notebook-name: it}, ownerReferences: [{apiVersion: kubeflow.org/v1, kind: PyTorchJob, name: it, uid: u1, controller: true}]}
spec: {containers: [{name: pytorch, image: x}]}
status: {phase: Running, containerStatuses: [{name: pytorch, ready: false, restartCount: 9, image: x, imageID: x, state: {waiting: {reason: CrashLoopBackOff}}}]}
";

    #[test]
    fn training_jobs() {
        for (spec, list, level, code) in [
            (
                "",
                &[("Created", "True"), ("Running", "False"), ("Succeeded", "True")] as &[_],
                Level::Ok,
                "training-succeeded",
            ),
            ("", &[("Succeeded", "True"), ("Failed", "True")], Level::Fail, "training-failed"),
            ("", &[("Created", "True"), ("Running", "True")], Level::Progressing, "training-running"),
            ("", &[("Created", "True"), ("Restarting", "True")], Level::Progressing, "training-running"),
            ("", &[("Created", "True")], Level::Progressing, "training-starting"),
            (
                "runPolicy: {suspend: true}",
                &[("Created", "True"), ("Suspended", "True")],
                Level::Suspended,
                "suspended",
            ),
            ("runPolicy: {suspend: true}", &[("Succeeded", "True")], Level::Ok, "training-succeeded"),
            ("", &[], Level::Fail, "no-status"),
        ] {
            for kind in ["PyTorchJob", "MPIJob"] {
                let yaml = object("kubeflow.org/v1", kind, "it", "", spec, &conditions(list));
                expect(&yaml[4..], kind, "it", level, code);
            }
        }
        let running =
            conditions(&[("Running", "True")]) + ", replicaStatuses: {Worker: {active: 2, failed: 1}, Master: {}}";
        let yaml = object("kubeflow.org/v1", "PyTorchJob", "it", ", uid: u1", "", &running);
        assert_eq!(judge(&yaml[4..], "PyTorchJob", "it").message, "running (Worker: 2 active, 1 failed)");
        let verdict = judge(&(yaml + POD)[4..], "PyTorchJob", "it");
        assert_eq!((verdict.code.id, verdict.blames[0].to_string().as_str()), ("training-stuck", "Pod/ml/w-0"));
        let restarts = conditions(&[("Restarting", "True")]);
        let yaml = object("kubeflow.org/v1", "TFJob", "it", "", "", &restarts);
        assert_eq!(judge(&yaml[4..], "TFJob", "it").more[0].code.id, "training-restarting");
        let odd =
            object("kubeflow.org/v1", "TFJob", "it", "", "runPolicy: 1", "conditions: {a: b}, replicaStatuses: [1]");
        expect(&odd[4..], "TFJob", "it", Level::Fail, "no-status");
    }

    #[test]
    fn train_jobs_and_their_runtime() {
        let runtime = "runtimeRef: {name: torch}";
        for (spec, status, level, code) in [
            (runtime, conditions(&[("Complete", "True")]), Level::Ok, "training-succeeded"),
            (runtime, conditions(&[("Failed", "True")]), Level::Fail, "training-failed"),
            ("suspend: true", conditions(&[("Suspended", "True")]), Level::Suspended, "suspended"),
            (runtime, conditions(&[("Suspended", "False")]), Level::Progressing, "training-starting"),
            (runtime, "jobsStatus: [{name: node, active: 1}]".to_owned(), Level::Progressing, "training-running"),
            (runtime, "jobsStatus: {}, conditions: 1".to_owned(), Level::Progressing, "training-starting"),
        ] {
            let yaml = object("trainer.kubeflow.org/v1alpha1", "TrainJob", "it", "", spec, &status);
            expect(&yaml[4..], "TrainJob", "it", level, code);
        }
        let job =
            object("trainer.kubeflow.org/v1alpha1", "TrainJob", "it", "", runtime, &conditions(&[("Failed", "True")]));
        let other =
            "---\n{apiVersion: trainer.kubeflow.org/v1alpha1, kind: ClusterTrainingRuntime, metadata: {name: other}}\n";
        let verdict = judge(&(job + other)[4..], "TrainJob", "it");
        assert_eq!(verdict.evidence, ["ClusterTrainingRuntime torch does not exist"]);
        // A runtime has no status at any age.
        let own = object("trainer.kubeflow.org/v1alpha1", "TrainingRuntime", "torch", "", "", "");
        expect(&own[4..].replace("status: {}\n", ""), "TrainingRuntime", "torch", Level::Ok, "ok");
    }

    #[test]
    fn notebooks() {
        let stopped = ", annotations: {kubeflow-resource-stopped: '2026-11-01T00:00:00Z'}";
        // Old conditions stay in the list.
        let old =
            "conditions: [{type: Running, status: 'True'}, {type: Waiting, status: 'True', reason: PodInitializing}]";
        for (more, status, level, code) in [
            (
                "",
                format!("{old}, readyReplicas: 1, containerState: {{running: {{startedAt: '2026-11-20T02:55:00Z'}}}}"),
                Level::Ok,
                "notebook-running",
            ),
            ("", "containerState: {running: {}}".to_owned(), Level::Progressing, "notebook-starting"),
            (
                "",
                "containerState: {waiting: {reason: PodInitializing}}".to_owned(),
                Level::Progressing,
                "notebook-starting",
            ),
            ("", "containerState: {waiting: {reason: ImagePullBackOff}}".to_owned(), Level::Fail, "notebook-down"),
            (
                "",
                "containerState: {terminated: {reason: OOMKilled, exitCode: 137}}".to_owned(),
                Level::Fail,
                "notebook-down",
            ),
            (stopped, "readyReplicas: 0".to_owned(), Level::Suspended, "suspended"),
            ("", "containerState: [1], readyReplicas: one".to_owned(), Level::Progressing, "notebook-starting"),
            ("", String::new(), Level::Fail, "no-status"),
        ] {
            let yaml = object("kubeflow.org/v1", "Notebook", "it", more, "", &status);
            expect(&yaml[4..], "Notebook", "it", level, code);
        }
        let waits = object("kubeflow.org/v1", "Notebook", "it", "", "", "containerState: {}, readyReplicas: 0");
        let verdict = judge(&(waits + POD)[4..], "Notebook", "it");
        assert_eq!((verdict.code.id, verdict.blames[0].to_string().as_str()), ("notebook-down", "Pod/ml/w-0"));
    }

    #[test]
    fn searches() {
        for (kind, list, level, code) in [
            ("Experiment", &[("Created", "True"), ("Running", "True")] as &[_], Level::Progressing, "training-running"),
            ("Experiment", &[("Running", "False"), ("Succeeded", "True")], Level::Ok, "training-succeeded"),
            ("Experiment", &[("Failed", "True")], Level::Fail, "training-failed"),
            ("Trial", &[("MetricsUnavailable", "True")], Level::Fail, "katib-trial-failed"),
            ("Trial", &[("EarlyStopped", "True")], Level::Ok, "training-succeeded"),
            ("Trial", &[("Created", "True")], Level::Progressing, "training-starting"),
            ("Suggestion", &[("DeploymentReady", "True"), ("Running", "True")], Level::Ok, "training-succeeded"),
            ("Suggestion", &[("DeploymentReady", "False")], Level::Progressing, "training-starting"),
            ("Suggestion", &[("Failed", "True")], Level::Fail, "training-failed"),
        ] {
            let yaml = object("kubeflow.org/v1beta1", kind, "it", "", "", &conditions(list));
            expect(&yaml[4..], kind, "it", level, code);
        }
        let owner = ", ownerReferences: [{apiVersion: kubeflow.org/v1beta1, kind: Experiment, name: e, uid: u1, controller: true}]";
        let trial = object("kubeflow.org/v1beta1", "Trial", "t", owner, "", &conditions(&[("Failed", "True")]));
        for (state, level) in [("Running", Level::Warn), ("Succeeded", Level::Ok), ("Failed", Level::Fail)] {
            let status = conditions(&[(state, "True")]) + ", failedTrialList: [t]";
            let experiment = object("kubeflow.org/v1beta1", "Experiment", "e", ", uid: u1", "", &status);
            let both = trial.clone() + &experiment;
            assert_eq!(judge(&both[4..], "Trial", "t").level, level);
            let blames = judge(&both[4..], "Experiment", "e").blames.len();
            assert_eq!(blames, usize::from(state == "Failed"));
        }
    }
}
