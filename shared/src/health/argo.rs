//! Argo Workflows: workflows, and what starts them on a schedule.

use super::schedule::{Clock, Schedule};
use super::table::Rule;
use super::{Related, culprit, lead_condition, precedence};
use crate::object::{Custom, Object, find_condition};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

codes! {
    SUCCEEDED = "argo-workflow-succeeded", "The workflow has succeeded", "All of its steps ended without an error.", "Nothing to do.";
    RUNS = "argo-workflow-running", "The workflow is at work",
        "Steps of it run or wait for their turn.", "Nothing to do but wait.", Work;
    WAITS = "argo-workflow-waits", "The workflow waits to be resumed",
        "A suspend step without a duration is reached and nothing else runs: somebody has to decide.",
        "`argo resume NAME`, or `argo stop NAME`.", Final;
    STUCK = "argo-workflow-stuck", "A step of the workflow does not start",
        "A pod of the workflow cannot be scheduled, its image is not found, or it crashes. Without a deadline the workflow waits for ever.",
        "Look at the pod that is named.";
    FAILED = "argo-workflow-failed", "The workflow has failed",
        "A step failed and no retry is left, its time was over, or the controller could not run it.",
        "Read the step that is named: `argo logs WORKFLOW NODE`; `argo retry WORKFLOW` runs what failed again.", Final;
    SUPERSEDED = "argo-workflow-superseded", "A failed run that a later one made good",
        "A later workflow of the same schedule has succeeded since.",
        "Nothing to do, unless what the failed run should have made is missing.";
    NOTE = "argo-workflow-note", "The workflow reports a side trouble",
        "Its metrics could not be given out, or its artifacts could not be cleared away.",
        "Read the message.";
    SCHEDULED = "argo-cron-workflow", "Workflows are started on schedule", "The schedule is valid and in force.", "Nothing to do.";
    REFUSED = "argo-cron-workflow-refused", "No workflow can be started",
        "The schedule or the template is not valid, or the workflow could not be submitted: no run takes place.",
        "Read the message; a missing WorkflowTemplate or rights of the controller are the usual causes.";
    MISSED = "argo-cron-workflow-missed", "Runs were missed",
        "Two or more runs were due and did not start: the workflow controller is down, or does not watch this namespace.",
        "Look at the workflow-controller: does it run, which namespaces does it watch?";
    RUN_FAILED = "argo-cron-workflow-run-failed", "The last run has failed",
        "The schedule works, and the newest workflow that it started has failed.",
        "Look at the workflow that is named.";
}

const GROUP: &str = "argoproj.io";
const CRON_LABEL: &str = "workflows.argoproj.io/cron-workflow";

/// The rows of this family.
pub(super) const RULES: &[Rule] =
    &[Rule::new(GROUP, "Workflow", workflow), Rule::new(GROUP, "CronWorkflow", cron_workflow)];

/// `pkg/apis/workflow/v1alpha1/workflow_types.go`; levels as in Argo CD's `Workflow/health.lua`.
fn workflow(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    let phase = custom.status_text("/phase");
    let said = custom.status_text("/message").trim();
    let (started, ended) = (culprit::time(custom, "/startedAt"), culprit::time(custom, "/finishedAt"));
    let spec_error = find_condition(&conditions, "SpecError").filter(|error| error.is_true());
    let verdict = match phase {
        "Succeeded" => Verdict::ok(&SUCCEEDED, format!("succeeded{}", progress(custom))).since(ended),
        "Failed" | "Error" => failed(object, custom, phase, said, related, now).since(ended.or(started)),
        _ if spec_error.is_some() => {
            let said = spec_error.map(lead_condition::said).unwrap_or_default();
            Verdict::fail(&FAILED, format!("the definition is refused: {said}"))
        }
        _ if custom.spec_true("/suspend") => culprit::held("spec.suspend", None, object, related, now),
        "" if !custom.has_status => precedence::no_status(object, None, related, now),
        "" | "Pending" | "Running" => running(object, custom, said, related, now).since(started),
        other => Verdict::unknown(&RUNS, format!("has an unknown phase: {other}")),
    };
    let notes = ["MetricsError", "ArtifactGCError"].into_iter().filter_map(|name| find_condition(&conditions, name));
    notes.filter(|note| note.is_true()).fold(verdict, |verdict, note| {
        verdict.and(Verdict::warn(&NOTE, format!("{}: {}", note.r#type, lead_condition::said(note))))
    })
}

/// ` (3/5 steps)`
fn progress(custom: &Custom) -> String {
    match custom.status_text("/progress") {
        "" => String::new(),
        progress => format!(" ({progress} steps)"),
    }
}

fn nodes(custom: &Custom) -> Option<&Map<String, Value>> {
    custom.status_at("/nodes").and_then(Value::as_object)
}

fn text<'a>(node: &'a Value, field: &str) -> &'a str {
    node.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn running(object: &Object, custom: &Custom, said: &str, related: &Related<'_>, now: Timestamp) -> Verdict {
    let at_work =
        || nodes(custom).into_iter().flatten().map(|(_, node)| node).filter(|node| text(node, "phase") == "Running");
    let leaf = |node: &&Value| !matches!(text(node, "type"), "Steps" | "StepGroup" | "DAG" | "TaskGroup" | "Retry");
    let mut leaves = at_work().filter(leaf);
    // A suspend step with a duration ends by itself; its message tells when it began.
    let waiting = leaves.next().filter(|node| text(node, "type") == "Suspend" && leaves.next().is_none());
    if let Some(node) = waiting {
        let since = text(node, "startedAt").parse().ok();
        let mut verdict = precedence::suspended("", since, related, now);
        verdict.code = &WAITS;
        verdict.message = format!("waits at the step {} to be resumed", display_name(node)).into();
        return verdict;
    }
    let message = match said {
        "" => format!("running{}", progress(custom)),
        said => format!("running{}: {said}", progress(custom)),
    };
    let pods = related.pods_owned_by(object).into_iter().filter(|pod| pod.pod().is_some_and(|pod| !pod.is_finished()));
    culprit::descend(Verdict::progressing(&RUNS, message), &STUCK, pods, related, now)
}

fn display_name(node: &Value) -> &str {
    match text(node, "displayName") {
        "" => text(node, "name"),
        name => name,
    }
}

/// The steps that failed in the end, first failure first: a node below a retry stands for its last
/// try, and one below a retry that succeeded does not count. Nodes that were put away (compressed or
/// offloaded) cannot be read.
fn failed_steps(custom: &Custom) -> Vec<String> {
    let Some(nodes) = nodes(custom) else { return Vec::new() };
    let children = |node: &Value| {
        let list = node.get("children").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let retries: Vec<(&String, &Value, Vec<String>)> = nodes
        .iter()
        .filter(|(_, node)| text(node, "type") == "Retry")
        .map(|(id, node)| (id, node, children(node)))
        .collect();
    let is_failed = |node: &Value| matches!(text(node, "phase"), "Failed" | "Error");
    let mut leaves: Vec<(&String, &Value)> = nodes
        .iter()
        .filter(|(_, node)| is_failed(node))
        .filter(|(_, node)| !matches!(text(node, "type"), "Steps" | "StepGroup" | "DAG" | "TaskGroup" | "Retry"))
        .take(1000)
        .collect();
    leaves.sort_by_key(|(_, node)| text(node, "finishedAt").to_owned());
    let mut steps: Vec<(&str, String)> = Vec::new();
    for (id, node) in leaves {
        let retry = retries.iter().find(|(_, _, children)| children.contains(id));
        if retry.is_some_and(|(_, retry, _)| !is_failed(retry)) {
            continue;
        }
        let key = retry.map_or(id.as_str(), |(retry, _, _)| retry.as_str());
        let said = text(node, "message").trim();
        let said = if said.is_empty() { text(node, "phase") } else { said };
        let line = format!("{}: {said}", display_name(node));
        match steps.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = line,
            None => steps.push((key, line)),
        }
    }
    steps.into_iter().map(|(_, line)| line).collect()
}

fn failed(object: &Object, custom: &Custom, phase: &str, said: &str, related: &Related<'_>, now: Timestamp) -> Verdict {
    let steps = failed_steps(custom);
    let message = match (steps.first(), said) {
        (Some(step), _) if said.is_empty() || step.contains(said) => format!("{phase} at the step {step}"),
        (Some(step), said) => format!("{phase}: {said}; first at the step {step}"),
        (None, "") => phase.to_owned(),
        (None, said) => format!("{phase}: {said}"),
    };
    if let Some(later) = later_success(object, related) {
        let ended = culprit::time(custom, "/finishedAt");
        let recent = ended.is_some_and(|at| now.duration_since(at).as_secs() <= related.limits.restart_warn_seconds);
        let level = if recent { Level::Warn } else { Level::Ok };
        return Verdict::new(level, &SUPERSEDED, format!("{message}; the later run {later} succeeded"));
    }
    let verdict = Verdict::fail(&FAILED, message);
    let verdict =
        steps.into_iter().skip(1).take(9).fold(verdict, |verdict, step| verdict.evidence(format!("step {step}")));
    verdict.command(format!(
        "argo logs -n {} {}",
        text::shell_word(&object.meta.namespace),
        text::shell_word(&object.meta.name)
    ))
}

/// The workflows of a schedule, oldest first.
fn runs<'a>(namespace: &str, schedule: &str, related: &Related<'a>) -> Vec<&'a Object> {
    let all = related.inventory.in_namespace(GROUP, "Workflow", namespace).iter();
    let mut runs: Vec<&Object> = all.filter(|run| run.meta.labels.has(CRON_LABEL, schedule)).collect();
    runs.sort_by_key(|run| run.meta.creation_timestamp);
    runs
}

fn phase_of(run: &Object) -> &str {
    run.custom().map_or("", |run| run.status_text("/phase"))
}

fn later_success<'a>(object: &Object, related: &Related<'a>) -> Option<&'a str> {
    let schedule = object.meta.labels.get(CRON_LABEL)?;
    let runs = runs(&object.meta.namespace, schedule, related);
    let mut later = runs.into_iter().filter(|run| run.meta.creation_timestamp > object.meta.creation_timestamp);
    later.rfind(|run| phase_of(run) == "Succeeded").map(|run| run.meta.name.as_str())
}

/// `pkg/apis/workflow/v1alpha1/cron_workflow_types.go`; levels as in Argo CD's `CronWorkflow/health.lua`.
/// Before its first run it has no status, and is well.
fn cron_workflow(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    if custom.spec_true("/suspend") {
        return precedence::suspended("spec.suspend", None, related, now);
    }
    let conditions = custom.conditions();
    let errors = ["SpecError", "SubmissionError"].into_iter().filter_map(|name| find_condition(&conditions, name));
    if let Some(error) = errors.into_iter().find(|error| error.is_true()) {
        let text = format!("{}: {}", error.r#type, lead_condition::said(error));
        return Verdict::fail(&REFUSED, text).since(error.since());
    }
    let last = culprit::time(custom, "/lastScheduledTime");
    if custom.status_text("/phase") == "Stopped" {
        return precedence::suspended("its stop strategy", None, related, now);
    }
    let message = last.map_or("no run yet".to_owned(), |last| format!("last run {} ago", text::age(last, now)));
    let verdict = Verdict::ok(&SCHEDULED, message);
    let runs = runs(&object.meta.namespace, &object.meta.name, related);
    let ended = runs.iter().rfind(|run| matches!(phase_of(run), "Succeeded" | "Failed" | "Error"));
    let verdict = match ended.filter(|run| phase_of(run) != "Succeeded") {
        Some(run) => verdict.and(
            Verdict::warn(&RUN_FAILED, format!("the last run {} has failed", run.meta.name)).blame(run.reference()),
        ),
        None => verdict,
    };
    match missed(object, custom, last, related, now) {
        Some(missed) => verdict.and(missed),
        None => verdict,
    }
}

/// Runs that were due and did not start; with several schedules only when each of them missed some.
fn missed(
    object: &Object,
    custom: &Custom,
    last: Option<Timestamp>,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let active = !custom.status_list("/active").is_empty();
    if active && custom.spec_text("/concurrencyPolicy") == "Forbid" || custom.spec_at("/when").is_some() {
        return None;
    }
    let list = custom.spec_list("/schedules").iter().filter_map(Value::as_str);
    let one = Some(custom.spec_text("/schedule")).filter(|text| !text.is_empty());
    let is_utc = matches!(custom.spec_text("/timezone"), "UTC" | "Etc/UTC" | "GMT");
    let start = last.or(object.meta.creation_timestamp.get())?;
    let settled = now.checked_sub(SignedDuration::from_secs(related.limits.progress_seconds)).ok()?;
    let mut fewest = usize::MAX;
    for text in list.chain(one).take(20) {
        let schedule = Schedule::parse(text)?;
        fewest = fewest.min(Clock::of(&schedule, last, is_utc).due(&schedule, start, settled, 100));
    }
    let since = last.map_or_else(String::new, |last| format!(", last start {} ago", text::age(last, now)));
    (fewest > 1 && fewest < usize::MAX)
        .then(|| Verdict::warn(&MISSED, format!("{fewest} runs were due and did not start{since}")).since(last))
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn object(kind: &str, name: &str, more: &str, spec: &str, status: &str) -> String {
        format!(
            "---
apiVersion: argoproj.io/v1alpha1
kind: {kind}
metadata: {{name: {name}, namespace: ml{more}}}
spec: {{{spec}}}
status: {{{status}}}
"
        )
    }

    #[test]
    fn phases_of_workflows() {
        let waits = "phase: Running, nodes: {a: {type: Steps, phase: Running}, b: {type: Suspend, phase: Running, displayName: approve, startedAt: '2026-11-20T02:00:00Z'}}";
        for (spec, status, level, code) in [
            ("", "phase: Succeeded, progress: 2/2", Level::Ok, "argo-workflow-succeeded"),
            ("", "phase: Running", Level::Progressing, "argo-workflow-running"),
            ("", "message: starting", Level::Progressing, "argo-workflow-running"),
            ("suspend: true", "phase: Running", Level::Suspended, "suspended"),
            ("suspend: true", "phase: Failed", Level::Fail, "argo-workflow-failed"),
            ("", waits, Level::Suspended, "argo-workflow-waits"),
            ("", "phase: Error, message: no pods", Level::Fail, "argo-workflow-failed"),
            (
                "",
                "conditions: [{type: SpecError, status: 'True', message: no entrypoint}]",
                Level::Fail,
                "argo-workflow-failed",
            ),
            (
                "",
                "phase: Succeeded, conditions: [{type: ArtifactGCError, status: 'True', message: denied}]",
                Level::Warn,
                "argo-workflow-note",
            ),
            ("", "phase: [1], nodes: [2], conditions: x", Level::Progressing, "argo-workflow-running"),
            ("", "phase: Odd", Level::Unknown, "argo-workflow-running"),
        ] {
            expect(&object("Workflow", "w", "", spec, status)[4..], "Workflow", "w", level, code);
        }
        let bare = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w, creationTimestamp: '2026-11-19T00:00:00Z'}\n";
        expect(bare, "Workflow", "w", Level::Fail, "no-status");
    }

    #[test]
    fn the_step_that_failed_is_named() {
        let nodes = "phase: Failed, message: child 'w-2' failed, nodes: {
          w: {type: DAG, phase: Failed, displayName: w, finishedAt: '2026-11-20T02:09:00Z'},
          ok: {type: Retry, phase: Succeeded, children: [ok0, ok1]},
          ok0: {type: Pod, phase: Failed, displayName: 'load(0)', message: lost, finishedAt: '2026-11-20T02:00:00Z'},
          tr: {type: Retry, phase: Failed, displayName: train, children: [tr0, tr1]},
          tr0: {type: Pod, phase: Failed, displayName: 'train(0)', message: one, finishedAt: '2026-11-20T02:01:00Z'},
          tr1: {type: Pod, phase: Failed, displayName: 'train(1)', message: OOMKilled (exit code 137), finishedAt: '2026-11-20T02:02:00Z'},
          ex: {type: Pod, phase: Error, displayName: exit, message: late, finishedAt: '2026-11-20T02:03:00Z'}}";
        let verdict = judge(&object("Workflow", "w", "", "", nodes)[4..], "Workflow", "w");
        assert_eq!(
            verdict.message,
            "Failed: child 'w-2' failed; first at the step train(1): OOMKilled (exit code 137)"
        );
        assert_eq!(verdict.evidence, ["step exit: late"]);
    }

    #[test]
    fn schedules() {
        let day = "schedule: '0 2 * * *', timezone: UTC";
        for (spec, status, level, code) in [
            (day, "lastScheduledTime: '2026-11-20T02:00:00Z'", Level::Ok, "argo-cron-workflow"),
            (day, "", Level::Ok, "argo-cron-workflow"),
            (day, "lastScheduledTime: '2026-11-17T02:00:00Z'", Level::Warn, "argo-cron-workflow-missed"),
            (
                "schedules: ['0 2 * * *', '0 3 1 * *'], timezone: UTC",
                "lastScheduledTime: '2026-11-17T02:00:00Z'",
                Level::Ok,
                "argo-cron-workflow",
            ),
            ("suspend: true", "", Level::Suspended, "suspended"),
            ("", "phase: Stopped", Level::Suspended, "suspended"),
            (
                day,
                "conditions: [{type: SubmissionError, status: 'True', message: no template}]",
                Level::Fail,
                "argo-cron-workflow-refused",
            ),
            (day, "conditions: 7, active: {}, lastScheduledTime: soon", Level::Ok, "argo-cron-workflow"),
        ] {
            expect(&object("CronWorkflow", "c", "", spec, status)[4..], "CronWorkflow", "c", level, code);
        }
    }

    #[test]
    fn a_later_run_makes_good() {
        let run = |name: &str, day: u8, phase: &str| {
            let more = format!(
                ", labels: {{workflows.argoproj.io/cron-workflow: c}}, creationTimestamp: '2026-11-{day}T00:00:00Z'"
            );
            let status = format!("phase: {phase}, finishedAt: '2026-11-{day}T00:10:00Z'");
            object("Workflow", name, &more, "", &status)
        };
        let cron = object("CronWorkflow", "c", "", "", "");
        let good = run("a", 17, "Failed") + &run("b", 18, "Succeeded") + &cron;
        expect(&good[4..], "Workflow", "a", Level::Ok, "argo-workflow-superseded");
        expect(&good[4..], "CronWorkflow", "c", Level::Ok, "argo-cron-workflow");
        let bad = run("a", 17, "Succeeded") + &run("b", 18, "Failed") + &cron;
        expect(&bad[4..], "Workflow", "b", Level::Fail, "argo-workflow-failed");
        let verdict = judge(&bad[4..], "CronWorkflow", "c");
        assert_eq!((verdict.level, verdict.blames[0].to_string().as_str()), (Level::Warn, "Workflow/ml/b"));
    }
}
