//! Tests of the rules for Flux.

use crate::health::testing::{expect, judge};
use crate::report::Level;

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
        ("spec: {suspend: true}\nstatus: {conditions: [{type: Ready, status: 'True'}]}", Level::Suspended, "suspended"),
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

#[test]
fn failures_are_told_apart_by_reason_and_words() {
    for (reason, message, code) in [
        (
            "ReconciliationFailed",
            "Kafka/x dry-run failed: no matches for kind Kafka in version v1beta2",
            "flux-kind-missing",
        ),
        ("BuildFailed", "cannot get sops data key: failed to decrypt", "flux-decryption-failed"),
        ("BuildFailed", "accumulating resources: missing file", "flux-build-failed"),
        ("ArtifactFailed", "kustomization path not found: stat ./x", "flux-build-failed"),
        ("ReconciliationFailed", "Job/x dry-run failed: field is immutable", "flux-immutable-field"),
        ("ReconciliationFailed", "secrets x is forbidden: User y cannot patch resource", "flux-apply-forbidden"),
        ("ReconciliationFailed", "exceeded quota: compute", "flux-quota-exceeded"),
        ("ReconciliationFailed", "admission webhook x denied the request: no", "flux-admission-denied"),
        ("ReconciliationFailed", "failed calling webhook x: no endpoints", "flux-webhook-unanswered"),
        ("PruneFailed", "timeout", "flux-prune-failed"),
        ("VerificationError", "no matching signatures", "flux-verification-failed"),
        ("StorageOperationFailed", "no space left on device", "flux-storage-failed"),
        (
            "ReconciliationFailed",
            "Deployment/x/y dry-run failed (Invalid): Deployment.apps y is invalid: [spec.selector: Required value]",
            "flux-object-invalid",
        ),
        ("SomethingNew", "x", "flux-failed"),
    ] {
        let rest = format!(
            "status: {{conditions: [{{type: Ready, status: 'False', reason: {reason}, message: \"{message}\"}}]}}"
        );
        expect(&ks(&rest), "Kustomization", "apps", Level::Fail, code);
    }
}

#[test]
fn a_release_without_retries_is_an_end_whatever_failed_last() {
    let yaml = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: f, generation: 1}\nstatus: {observedGeneration: 1, conditions: [{type: Stalled, status: 'True', reason: RetriesExceeded, message: gave up}, {type: Ready, status: 'False', reason: UpgradeFailed, message: context deadline exceeded}]}\n";
    expect(yaml, "HelmRelease", "r", Level::Fail, "helm-retries-exhausted");
    assert!(judge(yaml, "HelmRelease", "r").message.contains("context deadline exceeded"));
}

#[test]
fn a_ready_source_that_cannot_fetch_is_not_ok() {
    let yaml = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: r, namespace: f, generation: 1}\nstatus: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}, {type: FetchFailed, status: 'True', reason: GitOperationFailed, message: no such host}]}\n";
    expect(yaml, "GitRepository", "r", Level::Warn, "flux-artifact-old");
}

#[test]
fn a_failing_release_says_what_the_cluster_runs_meanwhile() {
    let yaml = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: f, generation: 1}\nstatus:\n  observedGeneration: 1\n  failures: 4\n  conditions: [{type: Ready, status: 'False', reason: UpgradeFailed, message: timed out}]\n  history:\n  - {chartName: mlflow, chartVersion: 2.0.0, version: 8, status: failed, lastDeployed: 2026-11-20T02:00:00Z}\n  - {chartName: mlflow, chartVersion: 1.9.0, version: 7, status: superseded, lastDeployed: 2026-11-01T02:00:00Z}\n  - {chartName: mlflow, chartVersion: 1.8.0, version: 6, status: deployed, lastDeployed: 2026-10-01T02:00:00Z}\n";
    let verdict = judge(yaml, "HelmRelease", "r");
    let wanted = [
        "failed 4 times with this configuration",
        "chart mlflow 2.0.0 as release version 8: failed",
        "deployed before: chart mlflow 1.8.0 as release version 6, 2026-10-01T02:00:00Z",
    ];
    assert_eq!(verdict.evidence, wanted);
    let hostile = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: f}\nstatus: {failures: many, history: [1, {version: x}], conditions: [{type: Ready, status: 'False', reason: UpgradeFailed}]}\n";
    assert_eq!(judge(hostile, "HelmRelease", "r").evidence.len(), 0);
}

#[test]
fn a_failing_kustomization_says_which_revision_still_stands() {
    let status = "status: {lastAppliedRevision: main@sha1:aaa, lastAttemptedRevision: main@sha1:bbb, conditions: [{type: Ready, status: 'False', reason: BuildFailed, message: x}]}";
    let verdict = judge(&ks(status), "Kustomization", "apps");
    assert_eq!(verdict.evidence, ["applied is main@sha1:aaa, tried was main@sha1:bbb"]);
    let never = "status: {lastAttemptedRevision: main@sha1:bbb, conditions: [{type: Ready, status: 'False', reason: BuildFailed, message: x}]}";
    assert_eq!(judge(&ks(never), "Kustomization", "apps").evidence, ["was never applied; tried was main@sha1:bbb"]);
}

#[test]
fn what_always_fails_is_no_mere_progress_while_the_next_try_runs() {
    let running = "conditions: [{type: Ready, status: Unknown, reason: Progressing, message: Running health checks}, {type: Reconciling, status: 'True', reason: Progressing}]";
    let failed = format!(
        "spec: {{interval: 10m}}\nstatus: {{observedGeneration: 1, {running}, history: [{{lastReconciledStatus: HealthCheckFailed, totalReconciliations: 7, firstReconciled: 2026-11-20T01:00:00Z, lastReconciled: 2026-11-20T02:50:00Z}}]}}"
    );
    expect(&ks(&failed), "Kustomization", "apps", Level::Warn, "flux-failed");
    let verdict = judge(&ks(&failed), "Kustomization", "apps");
    assert_eq!(verdict.message, "the last try ended with HealthCheckFailed, 7 times so far, and the next one runs");
    let well = failed.replace("HealthCheckFailed", "ReconciliationSucceeded");
    expect(&ks(&well), "Kustomization", "apps", Level::Progressing, "flux-reconciling");

    let release = |failures: u32| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: r, namespace: f, generation: 1}}\nstatus: {{observedGeneration: 1, failures: {failures}, {running}}}\n"
        )
    };
    expect(&release(3), "HelmRelease", "r", Level::Warn, "helm-action-failed");
    expect(&release(0), "HelmRelease", "r", Level::Progressing, "flux-reconciling");
}

/// The Flux Operator's kinds, as its `api/v1` has them.
#[test]
fn what_a_resource_set_applied_is_looked_at_unless_it_waits_itself() {
    let set = |kind: &str, spec: &str, ready: &str| {
        format!(
            "apiVersion: fluxcd.controlplane.io/v1
kind: {kind}
metadata: {{name: apps, namespace: flux-system, generation: 1}}
spec: {spec}
status: {{observedGeneration: 1, conditions: [{ready}], inventory: {{entries: [{{id: x_web_apps_Deployment, v: v1}}]}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: x}}
status: {{conditions: [{{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}}]}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: r, namespace: f, generation: 1}}
status: {{observedGeneration: 1, conditions: [{{type: Ready, status: 'False', reason: GitOperationFailed, message: no such host}}]}}
"
        )
    };
    let ready = "{type: Ready, status: 'True', reason: ReconciliationSucceeded}";
    for (kind, spec, level) in [
        ("ResourceSet", "{}", Level::Warn),
        ("ResourceSet", "{wait: true}", Level::Ok),
        ("FluxInstance", "{}", Level::Ok),
        ("FluxInstance", "{wait: false}", Level::Warn),
    ] {
        assert_eq!(judge(&set(kind, spec, ready), kind, "apps").level, level, "{kind} {spec}");
    }
    let waits = "{type: Ready, status: 'False', reason: DependencyNotReady, message: x}";
    let spec = "{dependsOn: [{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, name: r, namespace: f}]}";
    let verdict = judge(&set("ResourceSet", spec, waits), "ResourceSet", "apps");
    assert_eq!(verdict.blames[0].to_string(), "GitRepository/f/r");
    let off = set("ResourceSet", "{}", waits).replace(
        "namespace: flux-system, generation: 1",
        "namespace: flux-system, annotations: {fluxcd.controlplane.io/reconcile: disabled}",
    );
    expect(&off, "ResourceSet", "apps", Level::Suspended, "suspended");
}
