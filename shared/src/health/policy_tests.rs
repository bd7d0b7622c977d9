//! Tests of the rules of autoscalers, budgets and quotas.

use crate::health::testing::{expect, judge};
use crate::report::Level;

fn autoscaler(created: &str, condition: &str) -> String {
    format!(
        "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: h, namespace: n, creationTimestamp: '{created}'}}
spec: {{maxReplicas: 3, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: d}}}}
status:
  currentReplicas: 3
  conditions:
  - {{type: AbleToScale, status: 'True', reason: ReadyForNewScale}}
  - {condition}
"
    )
}

#[test]
fn metrics_may_lack_at_the_start_only() {
    let failing = "{type: ScalingActive, status: 'False', reason: FailedGetResourceMetric}";
    let hpa = |created| autoscaler(created, failing);
    expect(&hpa("2026-11-20T02:55:00Z"), "HorizontalPodAutoscaler", "h", Level::Progressing, "hpa-waiting");
    expect(&hpa("2026-11-01T00:00:00Z"), "HorizontalPodAutoscaler", "h", Level::Fail, "hpa-no-metrics");
    let api = "
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
status: {conditions: [{type: Available, status: 'False'}]}
";
    let verdict = judge(&(hpa("2026-11-01T00:00:00Z") + api), "HorizontalPodAutoscaler", "h");
    assert_eq!(verdict.blames.len(), 1);
}

#[test]
fn a_disabled_autoscaler_is_ok_and_one_at_its_maximum_is_not() {
    let off = "{type: ScalingActive, status: 'False', reason: ScalingDisabled}";
    let full = "{type: ScalingLimited, status: 'True', reason: TooManyReplicas}";
    let created = "2026-11-01T00:00:00Z";
    expect(&autoscaler(created, off), "HorizontalPodAutoscaler", "h", Level::Ok, "hpa-active");
    expect(&autoscaler(created, full), "HorizontalPodAutoscaler", "h", Level::Warn, "hpa-at-maximum");
}

#[test]
fn budgets_are_told_by_their_numbers() {
    for (healthy, desired, expected, allowed, level, code) in [
        (2, 3, 3, 0, Level::Fail, "pdb-too-few-healthy"),
        (3, 3, 3, 0, Level::Warn, "pdb-blocks-drains"),
        (2, 2, 3, 0, Level::Ok, "pdb-met"),
        (3, 2, 3, 1, Level::Ok, "pdb-met"),
    ] {
        let yaml = format!(
            "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: b, namespace: n}}
spec: {{selector: {{matchLabels: {{app: x}}}}}}
status: {{currentHealthy: {healthy}, desiredHealthy: {desired}, expectedPods: {expected}, disruptionsAllowed: {allowed}}}
"
        );
        expect(&yaml, "PodDisruptionBudget", "b", level, code);
    }
}

#[test]
fn a_quota_warns_when_it_is_used_up_but_not_when_it_forbids() {
    for (used, level, code) in [("2", Level::Warn, "quota-full"), ("1900m", Level::Ok, "quota-room")] {
        let yaml = format!(
            "
apiVersion: v1
kind: ResourceQuota
metadata: {{name: q, namespace: n}}
spec: {{hard: {{requests.cpu: '2'}}}}
status: {{hard: {{requests.cpu: '2', services.loadbalancers: '0'}}, used: {{requests.cpu: {used}, services.loadbalancers: '0'}}}}
"
        );
        expect(&yaml, "ResourceQuota", "q", level, code);
    }
}
