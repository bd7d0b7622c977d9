//! KServe: models that answer requests, and graphs of them.

use super::table::Rule;
use super::{Related, culprit, lead_condition, precedence};
use crate::object::{Condition, Custom, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use jiff::Timestamp;
use serde_json::Value;

codes! {
    SERVES = "kserve-serving", "The model answers requests",
        "The predictor, the parts around it and the way to it are ready.",
        "Nothing to do.";
    STARTS = "kserve-starting", "The model is on its way",
        "The predictor starts, the model is being fetched or loaded, or a new revision takes over.",
        "Nothing to do but wait.";
    SLOW = "kserve-slow", "The model does not get ready",
        "The predictor has been starting for more than an hour. The model is fetched in vain, its server does not start, or no node has room for it.",
        "Look at the predictor's pods (label serving.kserve.io/inferenceservice), first at the init container storage-initializer.";
    OLD_SERVES = "kserve-newest-fails", "The newest revision fails, an older one serves",
        "Requests are still answered, by the model as it was before the last change. The change is not in effect.",
        "Read the failure of the newest revision; correct the spec or go back to the older one in Git.", Stuck 600;
    LOAD_FAILED = "kserve-model-load-failed", "The model cannot be loaded",
        "The storage cannot be read, the model is not where storageUri says, it has another format than the server reads, or it needs more memory than there is.",
        "Read the log of storage-initializer, then of kserve-container, in the predictor's pods.";
    NO_RUNTIME = "kserve-no-runtime", "No serving runtime takes the model",
        "The runtime that is named does not exist or is disabled, or no runtime reads this model format.",
        "Compare spec.predictor.model with `kubectl get servingruntimes,clusterservingruntimes`.";
    SPEC_INVALID = "kserve-spec-invalid", "The predictor's spec is refused",
        "KServe cannot make a predictor from the spec.",
        "The message names what is wrong.", Final;
    NOT_READY = "kserve-not-ready", "The model does not answer",
        "A predictor, transformer or explainer is not ready.",
        "Look at the pods and at the Knative Service or Deployment of the part that is named.";
    NO_INGRESS = "kserve-no-ingress", "The model runs and cannot be reached",
        "Its parts are ready, and the way from outside is not: the ingress, route or virtual service does not work.",
        "Look at the ingress gateway and at the domain in the ConfigMap inferenceservice-config.";
    GRAPH_BROKEN = "kserve-graph-step-down", "A step of the graph is down",
        "The graph's router runs, and an InferenceService to which it sends requests does not answer or does not exist.",
        "Look at the InferenceService that is named.";
}

const GROUP: &str = "serving.kserve.io";
/// A predictor that has not got ready after so long does not: models of many gigabytes are there by then.
const START_SECONDS: i64 = 3600;
const STOP: &str = "serving.kserve.io/stop";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "InferenceService", service),
    Rule::new(GROUP, "LLMInferenceService", llm_service),
    Rule::new(GROUP, "InferenceGraph", graph),
    Rule::new(GROUP, "TrainedModel", trained_model),
];

fn stopped(object: &Object, conditions: &[Condition], related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let condition = find_condition(conditions, "Stopped").filter(|stopped| stopped.is_true());
    let by_reason = conditions.iter().find(|condition| &*condition.reason == "Stopped");
    let asked = object.meta.annotations.get(STOP).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let how = match (asked, condition.or(by_reason)) {
        (true, _) => STOP,
        (false, Some(_)) => "the Stopped condition",
        (false, None) => return None,
    };
    Some(precedence::suspended(how, condition.or(by_reason).and_then(Condition::since), related, now))
}

/// `pkg/apis/serving/v1beta1/inference_service_status.go`. Its `observedGeneration` is that of the
/// Deployment or Knative Service behind it, another counter than the object's own: it is not read.
/// `lastFailureInfo` stays after the failure is gone, so it counts only while the transition fails.
fn service(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    if let Some(verdict) = stopped(object, &conditions, related, now) {
        return verdict;
    }
    let transition = custom.status_text("/modelStatus/transitionStatus");
    let has_failed = matches!(transition, "BlockedByFailedLoad" | "InvalidSpec");
    if conditions.is_empty() && !has_failed {
        return precedence::no_status(object, None, related, now);
    }
    let ready = find_condition(&conditions, "Ready");
    let is_ready = ready.is_some_and(Condition::is_true);
    let verdict = if has_failed {
        failed_model(custom, &conditions, is_ready)
    } else if is_ready {
        serving(custom, &conditions, transition)
    } else {
        // What has served before should soon serve again.
        let had_served = custom.status_text("/modelStatus/states/activeModelState") == "Loaded";
        let limit = if had_served { related.limits.progress_seconds } else { START_SECONDS };
        not_ready(object, &conditions, transition, limit, now)
    };
    let pods = || {
        let key = "serving.kserve.io/inferenceservice";
        related.pods_labelled(&object.meta.namespace, key, &object.meta.name)
    };
    if verdict.level == Level::Progressing && !is_ready {
        return culprit::descend(verdict, &NOT_READY, pods(), related, now);
    }
    if verdict.level < Level::Warn {
        return verdict;
    }
    let verdict = with_runtime(verdict, object, custom, related);
    culprit::pods(verdict, pods(), related, now)
}

/// The target model failed; what is active may serve on.
fn failed_model(custom: &Custom, conditions: &[Condition], is_ready: bool) -> Verdict {
    let reason = custom.status_text("/modelStatus/lastFailureInfo/reason");
    let said = custom.status_text("/modelStatus/lastFailureInfo/message").trim();
    let exit = custom.status_number("/modelStatus/lastFailureInfo/exitCode").filter(|code| *code != 0);
    let mut message = match (reason, said) {
        ("", "") => part_failure(conditions).map_or_else(
            || custom.status_text("/modelStatus/transitionStatus").to_owned(),
            |part| format!("{}: {}", part.r#type, lead_condition::said(part)),
        ),
        ("", said) => said.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, said) => format!("{reason}: {said}"),
    };
    if let Some(exit) = exit {
        message = format!("{message} (exit code {exit})");
    }
    let since = culprit::time(custom, "/modelStatus/lastFailureInfo/time");
    let active = custom.status_text("/modelStatus/states/activeModelState");
    if is_ready && matches!(active, "Loaded" | "Standby") {
        return Verdict::warn(&OLD_SERVES, format!("the newest model fails, an older one still serves: {message}"))
            .since(since);
    }
    let code = match reason {
        "NoSupportingRuntime" | "RuntimeNotRecognized" | "RuntimeDisabled" => &NO_RUNTIME,
        "InvalidPredictorSpec" | "InvalidWorkerSpecNotSet" | "InvalidGPUAllocation" => &SPEC_INVALID,
        "RuntimeUnhealthy" => &NOT_READY,
        _ if custom.status_text("/modelStatus/transitionStatus") == "InvalidSpec" => &SPEC_INVALID,
        _ => &LOAD_FAILED,
    };
    let copies = custom.status_number("/modelStatus/copies/failedCopies").filter(|count| *count > 0);
    let verdict =
        Verdict::fail(code, message).since(since.or(find_condition(conditions, "Ready").and_then(|it| it.since())));
    match copies {
        Some(count) => verdict.evidence(format!("copies that failed to load: {count}")),
        None => verdict,
    }
}

/// The parts that requests go through.
const PARTS: [&str; 3] = ["PredictorReady", "TransformerReady", "ExplainerReady"];
/// What tells of the newest revision of a part.
const NEWEST: [&str; 4] = [
    "PredictorConfigurationReady",
    "TransformerConfigurationReady",
    "ExplainerConfigurationReady",
    "LatestDeploymentReady",
];

/// The condition that says most of what fails: one with a message, else with a reason.
fn part_failure(conditions: &[Condition]) -> Option<&Condition> {
    let order =
        NEWEST.iter().take(3).chain(&PARTS).chain(&["LatestDeploymentReady", "IngressReady", "RoutesReady", "Ready"]);
    let failed: Vec<&Condition> =
        order.filter_map(|name| find_condition(conditions, name)).filter(|it| it.is_false()).collect();
    let told =
        failed.iter().find(|it| !it.message.is_empty()).or_else(|| failed.iter().find(|it| !it.reason.is_empty()));
    told.or(failed.first()).copied()
}

/// Ready is True.
fn serving(custom: &Custom, conditions: &[Condition], transition: &str) -> Verdict {
    let is = |names: &[&str], fits: fn(&Condition) -> bool| {
        names.iter().filter_map(|name| find_condition(conditions, name)).any(fits)
    };
    let since = find_condition(conditions, "Ready").and_then(Condition::since);
    if is(&PARTS, Condition::is_false) || is(&["IngressReady"], Condition::is_false) {
        let said = part_failure(conditions).map(told).unwrap_or_default();
        return Verdict::fail(&NOT_READY, format!("Ready is True, and {said}"));
    }
    if is(&NEWEST, Condition::is_false) {
        let failed = part_failure(conditions);
        let said = failed.map(told).unwrap_or_default();
        let serves = match custom.status_text("/components/predictor/latestReadyRevision") {
            "" => "an older one still serves".to_owned(),
            name => format!("{name} still serves"),
        };
        return Verdict::warn(&OLD_SERVES, format!("the newest revision fails, {serves}: {said}"))
            .since(failed.and_then(Condition::since));
    }
    let unclear: fn(&Condition) -> bool = |it| !it.is_true() && !it.is_false();
    if is_idle(custom) {
        return Verdict::ok(&SERVES, "ready, scaled to zero").since(since);
    }
    if transition == "InProgress" || is(&NEWEST, unclear) || is(&["RoutesReady"], unclear) {
        return Verdict::progressing(&STARTS, "serves, and a new revision is on its way").since(since);
    }
    let url = custom.status_text("/url");
    let verdict = Verdict::ok(&SERVES, if url.is_empty() { "serves".to_owned() } else { format!("serves at {url}") });
    verdict.since(since)
}

/// Without pods KServe calls the model pending and the transition in progress, also when it was loaded
/// before and nobody asks for it.
fn is_idle(custom: &Custom) -> bool {
    let text = |pointer: &str| custom.status_text(pointer);
    text("/modelStatus/states/activeModelState") == "Loaded"
        && text("/modelStatus/states/targetModelState") == "Pending"
        && custom.status_number("/modelStatus/copies/totalCopies").unwrap_or(0) == 0
        && text("/components/predictor/latestCreatedRevision") == text("/components/predictor/latestReadyRevision")
}

fn told(condition: &Condition) -> String {
    format!("{} is {}: {}", condition.r#type, condition.status, lead_condition::said(condition))
}

/// Ready is False or Unknown, and the model's transition has not failed.
fn not_ready(object: &Object, conditions: &[Condition], transition: &str, limit: i64, now: Timestamp) -> Verdict {
    let ready = find_condition(conditions, "Ready");
    let since = ready.and_then(Condition::since).or(object.meta.creation_timestamp.get());
    let failed = || PARTS.iter().filter_map(|name| find_condition(conditions, name)).find(|it| it.is_false());
    let parts_ready = PARTS.iter().filter_map(|name| find_condition(conditions, name)).all(Condition::is_true);
    if let Some(part) = failed() {
        // A Deployment is not available while its first pods start; a mesh says only False meanwhile.
        let is_starting = matches!(&*part.reason, "" | "MinimumReplicasUnavailable" | "Deploying");
        let says_so = transition == "InProgress" || transition.is_empty() && !part.reason.is_empty();
        if is_starting && says_so {
            return culprit::on_the_way(&STARTS, &SLOW, &told(part), since, limit, now);
        }
        let told_best = part_failure(conditions).unwrap_or(part);
        return Verdict::fail(&NOT_READY, told(told_best)).since(part.since());
    }
    let ingress = find_condition(conditions, "IngressReady").filter(|ingress| ingress.is_false());
    if let Some(ingress) = ingress.filter(|_| parts_ready) {
        return Verdict::fail(&NO_INGRESS, told(ingress)).since(ingress.since());
    }
    let said = match ready {
        // The ingress is not made before the parts are ready, and Ready repeats that.
        Some(ready) if ready.is_false() && ingress.is_none() => {
            let verdict =
                Verdict::fail(&NOT_READY, told(part_failure(conditions).unwrap_or(ready))).since(ready.since());
            if transition != "InProgress" {
                return verdict;
            }
            told(ready)
        }
        _ => {
            let waits = PARTS.iter().filter_map(|name| find_condition(conditions, name)).find(|it| !it.is_true());
            waits.or(ready).map_or_else(|| "is not ready yet".to_owned(), told)
        }
    };
    culprit::on_the_way(&STARTS, &SLOW, &said, since, limit, now)
}

/// The runtime that the predictor names, where it was looked for in both kinds and is in neither.
fn with_runtime(verdict: Verdict, object: &Object, custom: &Custom, related: &Related<'_>) -> Verdict {
    let name = custom.spec_text("/predictor/model/runtime");
    let format = custom.spec_text("/predictor/model/modelFormat/name");
    if verdict.code != &NO_RUNTIME {
        return verdict;
    }
    if name.is_empty() {
        return if format.is_empty() { verdict } else { verdict.evidence(format!("model format: {format}")) };
    }
    let own = ObjectRef::new(GROUP, "ServingRuntime", &object.meta.namespace, name);
    let shared = ObjectRef::new(GROUP, "ClusterServingRuntime", "", name);
    let found = related.inventory.find(&own).found().or(related.inventory.find(&shared).found());
    if let Some(runtime) = found {
        let is_off = runtime.custom().is_some_and(|runtime| runtime.spec_true("/disabled"));
        let how = if is_off { "is disabled" } else { "exists" };
        return verdict.evidence(format!("{} {name} {how}", runtime.ty.kind));
    }
    if related.inventory.find(&own).is_missing() && related.inventory.find(&shared).is_missing() {
        return verdict
            .evidence(format!("neither a ServingRuntime nor a ClusterServingRuntime {name} exists"))
            .blame(own);
    }
    verdict
}

const LEAD: lead_condition::Codes = lead_condition::Codes { met: &SERVES, waits: &STARTS, failed: &NOT_READY };

/// `pkg/apis/serving/v1alpha1/llm_inference_service_lifecycle.go`; levels as in Argo CD's
/// `LLMInferenceService/health.lua`, but a Deployment that is not available yet is no failure: loading
/// a large model takes long.
fn llm_service(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let conditions = custom.conditions();
    if conditions.is_empty() {
        return precedence::no_status(object, None, related, now);
    }
    let ready = find_condition(&conditions, "Ready");
    let observed = ready.and_then(|ready| ready.observed_generation).filter(|seen| *seen > 0);
    for seen in [observed, custom.observed_generation()] {
        if let Some(verdict) = precedence::generation(object, seen, related, now) {
            return verdict;
        }
    }
    if let Some(verdict) = stopped(object, &conditions, related, now) {
        return verdict;
    }
    let since = ready.and_then(Condition::since).or(object.meta.creation_timestamp.get());
    if ready.is_some_and(Condition::is_true) {
        let url = custom.status_text("/url");
        let message = if url.is_empty() { "serves".to_owned() } else { format!("serves at {url}") };
        return Verdict::ok(&SERVES, message).since(since);
    }
    let parts = || conditions.iter().filter(|it| !it.is_true() && !matches!(&*it.r#type, "Ready" | "Stopped"));
    let first = parts().find(|it| it.is_false()).or(parts().next()).or(ready);
    let said = first.map_or_else(|| "is not ready yet".to_owned(), told);
    let starts = |it: &Condition| matches!(&*it.reason, "MinimumReplicasUnavailable" | "GroupsProgressing");
    let is_starting = parts().any(starts) && parts().filter(|it| it.is_false()).all(starts);
    let pods = related.pods_labelled(&object.meta.namespace, "app.kubernetes.io/name", &object.meta.name);
    let pods = pods.filter(|pod| pod.meta.labels.has("app.kubernetes.io/part-of", "llminferenceservice"));
    if ready.is_some_and(Condition::is_false) && !is_starting {
        let verdict = Verdict::fail(&NOT_READY, said).since(since);
        let more = parts().filter(|it| it.is_false()).skip(1).take(10);
        return culprit::pods(more.fold(verdict, |verdict, part| verdict.evidence(told(part))), pods, related, now);
    }
    let verdict = culprit::on_the_way(&STARTS, &SLOW, &said, since, START_SECONDS, now);
    culprit::descend(verdict, &NOT_READY, pods, related, now)
}

/// `pkg/apis/serving/v1alpha1/inference_graph.go`: the router, and the services it sends requests to.
fn graph(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    if let Some(verdict) = stopped(object, &custom.conditions(), related, now) {
        return verdict;
    }
    let verdict = lead_condition::judge(object, custom, "Ready", &LEAD, related, now);
    let steps = custom.spec_at("/nodes").and_then(Value::as_object).into_iter().flatten();
    let steps = steps.filter_map(|(_, node)| node.get("steps").and_then(Value::as_array)).flatten();
    let names = steps.filter_map(|step| step.get("serviceName").and_then(Value::as_str));
    let mut broken = Verdict::warn(&GRAPH_BROKEN, "");
    for name in names.take(200) {
        let target = ObjectRef::new(GROUP, "InferenceService", &object.meta.namespace, name);
        broken = culprit::object(broken, target, related, now);
    }
    let Some(first) = broken.evidence.first().cloned() else { return verdict };
    if verdict.level == Level::Fail {
        let more = broken.evidence.into_iter().take(10).fold(verdict, Verdict::evidence);
        return broken.blames.into_iter().fold(more, Verdict::blame);
    }
    broken.message = format!("a step of the graph is down: {first}").into();
    broken.evidence.truncate(10);
    verdict.and(broken)
}

/// `pkg/apis/serving/v1alpha1/trained_model_status.go`: Ready waits for the service that hosts it.
fn trained_model(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return culprit::unreadable() };
    let verdict = lead_condition::judge(object, custom, "Ready", &LEAD, related, now);
    if verdict.level < Level::Unknown {
        return verdict;
    }
    let host = ObjectRef::new(GROUP, "InferenceService", &object.meta.namespace, custom.spec_text("/inferenceService"));
    let host_waits = related
        .inventory
        .find(&host)
        .found()
        .is_some_and(|host| super::assess(host, related, now).level == Level::Progressing);
    if host_waits {
        return Verdict::progressing(&STARTS, format!("waits for InferenceService {}", host.name)).since(verdict.since);
    }
    let parts = custom.conditions();
    let parts = parts.iter().filter(|it| it.is_false() && &*it.r#type != "Ready");
    let verdict = parts.take(10).fold(verdict, |verdict, part| verdict.evidence(told(part)));
    culprit::object(verdict, host, related, now)
}

#[cfg(test)]
#[path = "kserve_tests.rs"]
mod tests;
