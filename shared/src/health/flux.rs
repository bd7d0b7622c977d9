//! Flux: sources, Kustomizations, HelmReleases, and what a Ready condition of theirs does not say.

use super::flux_inventory::inventory_ids;
use super::table::Rule;
use super::{Related, assess, precedence};
use crate::object::{Condition, Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Code, Level, Verdict, codes};
use crate::text;
use jiff::{SignedDuration, Timestamp};

codes! {
    FLUX_READY = "flux-ready", "Reconciled",
        "The controller has reconciled the newest generation, lately, without an error.", "Nothing to do.";
    FLUX_STATIC = "flux-static", "A kind without a status",
        "Alerts, Providers and HelmRepositories of type oci are only read by others; they have no status by design.", "Nothing to do.";
    FLUX_RECONCILING = "flux-reconciling", "Being reconciled", "The controller is at work on it.", "Nothing to do but wait.";
    FLUX_FAILED = "flux-failed", "The reconciliation fails",
        "The last reconciliation ended with an error; the controller tries again at every interval. kstatus calls this InProgress for ever.",
        "The message is the controller's; read it to the end.";
    FLUX_STALLED = "flux-stalled", "The reconciliation is stalled",
        "The controller has given up until the object changes: the spec cannot work, or the retries are used up.",
        "Change the spec, or for a HelmRelease without retries left: `flux reconcile hr NAME --reset`.", Final;
    FLUX_AUTH = "flux-source-auth-failed", "The source refuses the credentials",
        "The repository wants other credentials: a token expired or was revoked, a key is missing in the Secret, or the repository moved. The last artifact is still served: the cluster runs an old revision and looks healthy.",
        "Renew the Secret that spec.secretRef names, then `flux reconcile source`.", Stuck 300;
    FLUX_FETCH = "flux-source-fetch-failed", "The source cannot be fetched",
        "The repository cannot be reached or does not have what is asked for: DNS, network, TLS, a branch or tag that is gone. The last artifact is still served.",
        "The message tells which; test from inside the cluster, not from your machine.";
    FLUX_DEPENDENCY = "flux-dependency-not-ready", "Waits for a dependency",
        "What it depends on is not ready, so it is not applied.", "Look at the dependency that is named.";
    FLUX_SOURCE = "flux-source-not-ready", "Its source is not ready",
        "The source that it is made from does not exist or has no artifact.", "Look at the source that is named.";
    FLUX_HEALTH = "flux-health-check-failed", "What it applied does not become healthy",
        "The objects were applied, and those that are named did not become ready in time.", "Look at the objects that are named.";
    FLUX_BUILD = "flux-build-failed", "The manifests cannot be built",
        "The path does not exist, a file is missing, YAML is wrong, a variable is not set, or decryption failed.",
        "Build it locally: `flux build kustomization`.", Stuck 120;
    FLUX_STALE = "flux-stale", "Says Ready, and nobody has looked for long",
        "The object says Ready=True, but its last reconciliation is older than twice its interval with its timeout: the controller does not get to it. What it says is about the past.",
        "Look at the controller: is it running, is it watching this namespace, is it stuck?";
    FLUX_REQUEST = "flux-request-unhandled", "A requested reconciliation was not handled",
        "Somebody asked for a reconciliation and the controller has not answered.", "Look at the controller.";
    FLUX_OLD_REVISION = "flux-old-revision", "An older revision than the source's is applied",
        "The source has a newer artifact than what was applied last.", "Nothing to do unless it stays for longer than the interval.";
    FLUX_INVENTORY = "flux-inventory-unhealthy", "Ready says nothing about its workloads",
        "It neither waits nor has health checks, so Ready means applied. Some of the objects in its inventory are not healthy.",
        "Look at the objects that are named; set spec.wait to have Flux watch them.";
    FLUX_REMEDIATED = "helm-remediated", "The release was rolled back or uninstalled",
        "An upgrade or test failed and was undone: the cluster runs an older release than Git asks for.",
        "Read why the upgrade failed: the object's history and events.";
    FLUX_DRIFTED = "helm-drifted", "The release differs from its chart",
        "Objects of the release were changed by somebody else.", "Find out who; correct the values or revert the change.";
}

const SOURCE: &str = "source.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const NOTIFY: &str = "notification.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";

pub(super) const RULES: &[Rule] = &[
    Rule::new(SOURCE, "GitRepository", source),
    Rule::new(SOURCE, "OCIRepository", source),
    Rule::new(SOURCE, "Bucket", source),
    Rule::new(SOURCE, "HelmRepository", helm_repository),
    Rule::new(SOURCE, "HelmChart", source),
    Rule::new(SOURCE, "ExternalArtifact", common),
    Rule::new("source.extensions.fluxcd.io", "ArtifactGenerator", common),
    Rule::new(KUSTOMIZE, "Kustomization", kustomization),
    Rule::new(HELM, "HelmRelease", helm_release),
    Rule::new(NOTIFY, "Alert", static_kind),
    Rule::new(NOTIFY, "Provider", static_kind),
    Rule::new(NOTIFY, "Receiver", common),
    Rule::new(IMAGE, "ImageRepository", common),
    Rule::new(IMAGE, "ImagePolicy", common),
    Rule::new(IMAGE, "ImageUpdateAutomation", common),
    Rule::new("fluxcd.controlplane.io", "FluxInstance", common),
    Rule::new("fluxcd.controlplane.io", "ResourceSet", common),
    Rule::new("fluxcd.controlplane.io", "ResourceSetInputProvider", common),
];

fn is_suspended(object: &Object, custom: &Custom) -> Option<&'static str> {
    if custom.spec_true("/suspend") {
        return Some("spec.suspend");
    }
    let keys = ["source.extensions.fluxcd.io/reconcile", "fluxcd.controlplane.io/reconcile"];
    let off = |key: &&str| object.meta.annotations.get(key).is_some_and(|value| value.eq_ignore_ascii_case("disabled"));
    keys.into_iter().find(off)
}

/// Static kinds have no status subresource (older versions had one, and it then counts).
fn static_kind(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    match object.custom() {
        Some(custom) if custom.spec_true("/suspend") => precedence::suspended("spec.suspend", None, related, now),
        Some(custom) if custom.conditions().is_empty() => Verdict::ok(&FLUX_STATIC, "has no status by design"),
        _ => common(object, related, now),
    }
}

fn helm_repository(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    match object.custom() {
        Some(custom) if custom.spec_text("/type") == "oci" && custom.conditions().is_empty() => {
            static_kind(object, related, now)
        }
        _ => source(object, related, now),
    }
}

fn source(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let verdict = common(object, related, now);
    let Some(custom) = object.custom() else { return verdict };
    let revision = custom.status_text("/artifact/revision");
    let mut verdict = verdict;
    if verdict.level == Level::Fail && !revision.is_empty() {
        let since = custom.status_text("/artifact/lastUpdateTime");
        verdict = verdict.evidence(format!("the cluster still runs revision {revision} of {since}"));
    }
    let reference = custom.spec_at("/sourceRef").map(|reference| source_ref(reference, "", object));
    match reference {
        Some(reference) if verdict.level > Level::Ok => blame_if_unwell(verdict, reference, related, now),
        _ => verdict,
    }
}

/// What all of Flux's kinds share: suspension, generation, Stalled, Reconciling, Ready.
fn common(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no object of Flux");
    };
    if let Some(how) = is_suspended(object, custom) {
        return precedence::suspended(how, None, related, now);
    }
    let conditions = custom.conditions();
    let condition = |name: &str| find_condition(&conditions, name);
    let is_true = |name: &str| condition(name).filter(|condition| condition.is_true());
    let ready = condition("Ready");
    if let Some(stalled) = is_true("Stalled") {
        let why = ready.filter(|ready| ready.is_false()).unwrap_or(stalled);
        let code = class(why).unwrap_or(&FLUX_STALLED);
        return Verdict::fail(code, format!("stalled: {}", why.text())).since(stalled.since());
    }
    let Some(ready) = ready else {
        // The API server sets -1 until the controller has been there.
        let is_new = conditions.is_empty() && custom.observed_generation().unwrap_or(-1) < 1;
        return if is_new || !custom.has_status {
            precedence::no_status(object, None, related, now)
        } else {
            Verdict::progressing(&FLUX_RECONCILING, "waits to be reconciled")
        };
    };
    let retrying = is_true("Reconciling").filter(|condition| &*condition.reason == "ProgressingWithRetry");
    if ready.is_false() {
        // The first tries of a new object, and dependencies, resolve themselves.
        let at_work = is_true("Reconciling").is_some() && retrying.is_none();
        let waits = matches!(&*ready.reason, "Progressing" | "ProgressingWithRetry" | "DependencyNotReady");
        let code = class(ready).unwrap_or(&FLUX_FAILED);
        let tries = if retrying.is_some() { " (retrying)" } else { "" };
        let text = format!("{}{tries}", ready.text());
        // What failed before stands until the next try has ended.
        let has_failed = class(ready).is_some() && !waits;
        let verdict = if (at_work && !has_failed) || (waits && retrying.is_none()) {
            Verdict::progressing(if waits { code } else { &FLUX_RECONCILING }, text)
        } else {
            Verdict::fail(code, text)
        };
        return verdict.since(ready.since());
    }
    if let Some(verdict) = precedence::generation(object, custom.observed_generation(), related, now) {
        return verdict;
    }
    if !ready.is_true() || is_true("Reconciling").is_some() {
        return Verdict::progressing(&FLUX_RECONCILING, ready.text().into_owned()).since(ready.since());
    }
    let verdict = Verdict::ok(&FLUX_READY, ready.message.to_string()).since(ready.since());
    match unhandled_request(object, custom, now) {
        Some(finding) => verdict.and(finding),
        None => verdict,
    }
}

/// The class of a failure, by the controllers' reasons and the words of git, OCI and Helm clients.
fn class(ready: &Condition) -> Option<&'static Code> {
    let message = ready.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let auth = [
        "authentication required",
        "invalid credentials",
        "unable to authenticate",
        "401 unauthorized",
        "403 forbidden",
        "permission denied",
        "repository not found",
        "knownhosts",
    ];
    match &*ready.reason {
        "AuthenticationFailed" => Some(&FLUX_AUTH),
        "GitOperationFailed"
        | "FetchFailed"
        | "IndexationFailed"
        | "ChartPullError"
        | "OCIArtifactPullFailed"
        | "BucketOperationFailed"
        | "OCIPullFailed"
            if says(&auth) =>
        {
            Some(&FLUX_AUTH)
        }
        "GitOperationFailed"
        | "FetchFailed"
        | "IndexationFailed"
        | "OCIArtifactPullFailed"
        | "OCIPullFailed"
        | "BucketOperationFailed"
        | "URLInvalid"
        | "StorageOperationFailed"
        | "ChartPullError" => Some(&FLUX_FETCH),
        "DependencyNotReady" => Some(&FLUX_DEPENDENCY),
        "ArtifactFailed" | "SourceNotReady" | "ChartNotReady" => Some(&FLUX_SOURCE),
        "HealthCheckFailed" => Some(&FLUX_HEALTH),
        "BuildFailed" => Some(&FLUX_BUILD),
        _ => None,
    }
}

fn unhandled_request(object: &Object, custom: &Custom, now: Timestamp) -> Option<Verdict> {
    let requested = object.meta.annotations.get("reconcile.fluxcd.io/requestedAt")?;
    if requested == custom.status_text("/lastHandledReconcileAt") {
        return None;
    }
    let at: Timestamp = requested.parse().ok()?;
    (now.duration_since(at).as_secs() > 60).then(|| {
        let text = format!("asked to reconcile {} ago, not handled", text::age(at, now));
        Verdict::warn(&FLUX_REQUEST, text).since(Some(at))
    })
}

/// Ready=True that nobody refreshed: the newest entry of the history says when somebody did
/// (kustomize-controller 1.7 and later).
fn stale(custom: &Custom, now: Timestamp) -> Option<Verdict> {
    let last: Timestamp = custom.status_text("/history/0/lastReconciled").parse().ok()?;
    let duration = |pointer: &str| text::parse_duration(custom.spec_text(pointer));
    let interval = duration("/interval")?;
    let timeout = duration("/timeout").unwrap_or(interval);
    let limit = interval.saturating_mul(2).saturating_add(timeout).saturating_add(SignedDuration::from_secs(60));
    (now.duration_since(last) > limit).then(|| {
        let text = format!(
            "says Ready, last reconciled {} ago with an interval of {}",
            text::age(last, now),
            custom.spec_text("/interval")
        );
        Verdict::fail(&FLUX_STALE, text).since(Some(last))
    })
}

fn source_ref(reference: &serde_json::Value, default_kind: &str, object: &Object) -> ObjectRef {
    let text = |key: &str| reference.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    let namespace = if text("namespace").is_empty() { &*object.meta.namespace } else { text("namespace") };
    let kind = if text("kind").is_empty() { default_kind } else { text("kind") };
    ObjectRef::new(SOURCE, kind, namespace, text("name"))
}

fn blame_if_unwell(verdict: Verdict, reference: ObjectRef, related: &Related<'_>, now: Timestamp) -> Verdict {
    match related.inventory.find(&reference) {
        Lookup::Missing => verdict.blame(reference),
        Lookup::Found(object) if common(object, related, now).level > Level::Ok => verdict.blame(reference),
        Lookup::Found(_) | Lookup::Unread => verdict,
    }
}

fn blame_dependencies(
    mut verdict: Verdict,
    object: &Object,
    custom: &Custom,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    for dependency in custom.spec_list("/dependsOn") {
        let mut reference = source_ref(dependency, &object.ty.kind, object);
        reference.group = object.ty.group.clone();
        reference.kind = object.ty.kind.clone();
        verdict = blame_if_unwell(verdict, reference, related, now);
    }
    verdict
}

/// Objects that a failed health check names: `[Kafka/data-plane/x status: 'InProgress', …]`.
fn named_objects<'a>(message: &str, custom: &'a Custom) -> impl Iterator<Item = ObjectRef> + 'a {
    let message = message.to_owned();
    inventory_ids(custom).filter(move |id| message.contains(&id.to_string()))
}

fn kustomization(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let verdict = common(object, related, now);
    let Some(custom) = object.custom() else { return verdict };
    let source = custom.spec_at("/sourceRef").map(|reference| source_ref(reference, "GitRepository", object));
    if verdict.level == Level::Suspended {
        return verdict;
    }
    if verdict.level > Level::Ok {
        let named: Vec<ObjectRef> = named_objects(&verdict.message, custom).collect();
        let mut verdict = blame_dependencies(verdict, object, custom, related, now);
        for id in named {
            if let Lookup::Found(found) = related.inventory.find(&id)
                && assess_shallow(found, related, now).level > Level::Ok
            {
                verdict = verdict.blame(id);
            }
        }
        return match source {
            Some(source) if verdict.blames.is_empty() => blame_if_unwell(verdict, source, related, now),
            _ => verdict,
        };
    }
    if let Some(stale) = stale(custom, now) {
        return stale;
    }
    let mut verdict = verdict;
    let applied = custom.status_text("/lastAppliedRevision");
    if let Some(Lookup::Found(source)) = source.map(|source| related.inventory.find(&source))
        && let Some(wanted) = source.custom().map(|custom| custom.status_text("/artifact/revision"))
        && !wanted.is_empty()
        && !applied.is_empty()
        && wanted != applied
    {
        verdict =
            verdict.and(Verdict::progressing(&FLUX_OLD_REVISION, format!("applied {applied}, source has {wanted}")));
    }
    let watches = custom.spec_true("/wait") || !custom.spec_list("/healthChecks").is_empty();
    if watches { verdict } else { verdict_of_inventory(verdict, custom, related, now) }
}

/// The verdict of an object of an inventory; for Flux's own kinds only what they say themselves,
/// since their inventories may hold each other.
fn assess_shallow(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    if object.ty.group.ends_with("toolkit.fluxcd.io") {
        common(object, related, now)
    } else {
        assess(object, related, now)
    }
}

fn verdict_of_inventory(verdict: Verdict, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    let (mut total, mut unwell) = (0_usize, Vec::new());
    for id in inventory_ids(custom) {
        total += 1;
        match related.inventory.find(&id) {
            Lookup::Found(object) if assess_shallow(object, related, now).level == Level::Fail => unwell.push(id),
            Lookup::Missing if related.inventory.is_complete() => unwell.push(id),
            _ => {}
        }
    }
    if unwell.is_empty() {
        return verdict;
    }
    let names: Vec<String> = unwell.iter().take(3).map(ToString::to_string).collect();
    let text =
        format!("Ready means applied only: {} of {total} objects are not healthy ({})", unwell.len(), names.join(", "));
    let finding = unwell.into_iter().fold(Verdict::warn(&FLUX_INVENTORY, text), Verdict::blame);
    let blames = finding.blames.clone();
    blames.into_iter().fold(verdict.and(finding), Verdict::blame)
}

fn helm_release(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let mut verdict = common(object, related, now);
    let Some(custom) = object.custom() else { return verdict };
    let conditions = custom.conditions();
    let is_true = |name: &str| find_condition(&conditions, name).filter(|condition| condition.is_true());
    if verdict.level == Level::Suspended {
        return verdict;
    }
    if verdict.level > Level::Ok {
        verdict = blame_dependencies(verdict, object, custom, related, now);
        let chart = custom.spec_at("/chart/spec/sourceRef").map(|reference| {
            let source = source_ref(reference, "HelmRepository", object);
            // The controller makes a HelmChart of this name beside the source.
            let name = format!("{}-{}", object.meta.namespace, object.meta.name);
            (ObjectRef::new(SOURCE, "HelmChart", &source.namespace, &name), source)
        });
        if let Some((chart, source)) = chart {
            if related.inventory.find(&chart).found().is_some() {
                verdict = blame_if_unwell(verdict, chart, related, now);
            }
            verdict = blame_if_unwell(verdict, source, related, now);
        }
        if let Some(reference) = custom.spec_at("/chartRef") {
            verdict = blame_if_unwell(verdict, source_ref(reference, "OCIRepository", object), related, now);
        }
    }
    if let Some(remediated) = is_true("Remediated") {
        verdict =
            verdict.and(Verdict::warn(&FLUX_REMEDIATED, remediated.text().into_owned()).since(remediated.since()));
    }
    if let Some(drifted) = is_true("Drifted") {
        verdict = verdict.and(Verdict::warn(&FLUX_DRIFTED, drifted.text().into_owned()).since(drifted.since()));
    }
    let tests = find_condition(&conditions, "TestSuccess").filter(|condition| condition.is_false());
    if let Some(tests) = tests.filter(|_| verdict.level < Level::Warn) {
        verdict = verdict.and(Verdict::warn(&FLUX_FAILED, format!("Helm tests failed: {}", tests.text())));
    }
    if verdict.is_ok() { verdict_of_inventory(verdict, custom, related, now) } else { verdict }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{expect, judge};
    use super::*;

    fn ks(rest: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system, generation: 1, creationTimestamp: 2026-11-01T00:00:00Z}}\n{rest}\n"
        )
    }

    #[test]
    fn ready_is_read_with_what_stands_beside_it() {
        for (rest, level, code) in [
            (
                "spec: {interval: 10m}\nstatus: {observedGeneration: 1, conditions: [{type: Ready, status: 'True', reason: ReconciliationSucceeded}], history: [{lastReconciled: 2026-11-20T02:55:00Z}]}",
                Level::Ok,
                "flux-ready",
            ),
            (
                "spec: {interval: 10m}\nstatus: {observedGeneration: 1, conditions: [{type: Ready, status: 'True', reason: ReconciliationSucceeded}], history: [{lastReconciled: 2026-11-19T02:55:00Z}]}",
                Level::Fail,
                "flux-stale",
            ),
            (
                "spec: {suspend: true}\nstatus: {conditions: [{type: Ready, status: 'True'}]}",
                Level::Suspended,
                "suspended",
            ),
            (
                "status: {conditions: [{type: Ready, status: 'False', reason: BuildFailed, message: x}, {type: Reconciling, status: 'True', reason: ProgressingWithRetry}]}",
                Level::Fail,
                "flux-build-failed",
            ),
            (
                "status: {conditions: [{type: Ready, status: 'False', reason: DependencyNotReady, message: x}]}",
                Level::Progressing,
                "flux-dependency-not-ready",
            ),
            ("status: {observedGeneration: -1}", Level::Fail, "no-status"),
        ] {
            expect(&ks(rest), "Kustomization", "apps", level, code);
        }
    }

    #[test]
    fn ready_without_health_checks_does_not_hide_workloads() {
        let yaml = format!(
            "{}---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: x}}
status: {{conditions: [{{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}}]}}
",
            ks(
                "status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}], inventory: {entries: [{id: x_web_apps_Deployment, v: v1}]}}"
            )
        );
        let verdict = judge(&yaml, "Kustomization", "apps");
        assert_eq!((verdict.level, verdict.code.id), (Level::Warn, "flux-inventory-unhealthy"));
        assert_eq!(verdict.blames[0].to_string(), "Deployment/x/web");
    }

    #[test]
    fn an_oci_helm_repository_has_no_status_by_design() {
        let yaml = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: r, namespace: f, creationTimestamp: 2026-01-01T00:00:00Z}\nspec: {type: oci}\n";
        expect(yaml, "HelmRepository", "r", Level::Ok, "flux-static");
    }
}
