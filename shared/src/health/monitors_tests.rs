//! Who reads a monitor, and what it leads to.

use crate::health::testing::{expect, judge};
use crate::report::Level;

fn prometheus(spec: &str) -> String {
    format!(
        "apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {{name: k8s, namespace: mon}}
spec: {{{spec}}}
status: {{conditions: [{{type: Available, status: 'True'}}]}}
"
    )
}

const NAMESPACES: &str = "---
{apiVersion: v1, kind: Namespace, metadata: {name: mon, labels: {team: ops}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: apps, labels: {team: dev}}}
";

fn monitor(namespace: &str, labels: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {{name: web, namespace: {namespace}, labels: {{{labels}}}, creationTimestamp: '2026-11-01T00:00:00Z'}}
spec: {{{spec}}}
"
    )
}

fn service(namespace: &str, labels: &str, port: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: {namespace}, labels: {{{labels}}}}}
spec: {{selector: {{app: web}}, ports: [{{name: {port}, port: 80}}]}}
"
    )
}

#[test]
fn selectors_have_the_operators_meaning() {
    let all = "serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {}";
    for (spec, namespace, labels, level, code) in [
        // Not set selects nothing; empty selects everything.
        ("serviceMonitorNamespaceSelector: {}", "mon", "", Level::Warn, "monitor-not-selected"),
        (all, "apps", "", Level::Ok, "monitor-read"),
        // Namespaces that are not set: its own only.
        ("serviceMonitorSelector: {}", "mon", "", Level::Ok, "monitor-read"),
        ("serviceMonitorSelector: {}", "apps", "", Level::Warn, "monitor-not-selected"),
        (
            "serviceMonitorSelector: {matchLabels: {release: kps}}, serviceMonitorNamespaceSelector: {}",
            "apps",
            "release: kps",
            Level::Ok,
            "monitor-read",
        ),
        (
            "serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {matchLabels: {team: dev}}",
            "apps",
            "",
            Level::Ok,
            "monitor-read",
        ),
        (
            "serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [dev]}]}",
            "apps",
            "",
            Level::Warn,
            "monitor-not-selected",
        ),
    ] {
        let yaml = prometheus(spec) + NAMESPACES + &monitor(namespace, labels, "");
        expect(&yaml, "ServiceMonitor", "web", level, code);
    }
}

#[test]
fn the_missing_label_is_named() {
    let yaml = prometheus("serviceMonitorSelector: {matchLabels: {release: kps}}, serviceMonitorNamespaceSelector: {}")
        + &monitor("apps", "app: web", "");
    let verdict = judge(&yaml, "ServiceMonitor", "web");
    assert_eq!(
        verdict.message,
        "nothing selects it; Prometheus mon/k8s: serviceMonitorSelector asks for the label release=kps, which is missing"
    );
}

#[test]
fn what_was_not_read_proves_nothing() {
    // The labels of the namespace are not known.
    let yaml = prometheus("serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {matchLabels: {team: ops}}")
        + &monitor("apps", "", "");
    expect(&yaml, "ServiceMonitor", "web", Level::Ok, "monitor-unclaimed");
    // No Prometheus was read.
    expect(
        monitor("apps", "", "").trim_start_matches("---\n"),
        "ServiceMonitor",
        "web",
        Level::Ok,
        "monitor-unclaimed",
    );
    // Services of another namespace only.
    let yaml = prometheus("serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {}")
        + &monitor("apps", "", "selector: {matchLabels: {app: web}}")
        + &service("mon", "app: other", "http");
    expect(&yaml, "ServiceMonitor", "web", Level::Ok, "monitor-read");
}

#[test]
fn a_service_monitor_needs_a_service_with_the_port() {
    let all = prometheus("serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {}");
    let web = "selector: {matchLabels: {app: web}}, endpoints: [{port: http}]";
    for (spec, service, level, code) in [
        (web, service("apps", "app: web", "http"), Level::Ok, "monitor-read"),
        (web, service("apps", "app: other", "http"), Level::Warn, "monitor-no-target"),
        (web, service("apps", "app: web", "metrics"), Level::Warn, "monitor-no-port"),
        // Ports of pods are not the Service's.
        (
            "selector: {matchLabels: {app: web}}, endpoints: [{targetPort: http}]",
            service("apps", "app: web", "metrics"),
            Level::Ok,
            "monitor-read",
        ),
        // An empty selector is every Service.
        ("selector: {}, endpoints: [{port: http}]", service("apps", "x: y", "http"), Level::Ok, "monitor-read"),
        (
            "selector: {matchLabels: {app: web}}, namespaceSelector: {matchNames: [data]}, endpoints: [{port: http}]",
            service("data", "app: web", "http"),
            Level::Ok,
            "monitor-read",
        ),
        (
            "selector: {matchLabels: {app: web}}, namespaceSelector: {any: true}, endpoints: [{port: http}]",
            service("data", "app: web", "http"),
            Level::Ok,
            "monitor-read",
        ),
        (
            "selector: {matchLabels: {app: web}}, namespaceSelector: {any: true}, endpoints: [{port: http}]",
            service("data", "app: other", "http"),
            Level::Warn,
            "monitor-no-target",
        ),
    ] {
        expect(&(all.clone() + &monitor("apps", "", spec) + &service), "ServiceMonitor", "web", level, code);
    }
    // Endpoints that somebody else writes may have any port.
    let foreign = service("apps", "app: web", "metrics").replace("selector: {app: web}, ", "");
    expect(&(all.clone() + &monitor("apps", "", web) + &foreign), "ServiceMonitor", "web", Level::Ok, "monitor-read");
    // A reader that ignores namespace selectors looks at the monitor's own namespace.
    let strict = all.replace("spec: {", "spec: {ignoreNamespaceSelectors: true, ");
    let spec = "selector: {matchLabels: {app: web}}, namespaceSelector: {any: true}";
    let yaml = strict
        + &monitor("apps", "", spec)
        + &service("data", "app: web", "http")
        + &service("apps", "a: b", "http").replace("name: web,", "name: b,");
    expect(&yaml, "ServiceMonitor", "web", Level::Warn, "monitor-no-target");
}

#[test]
fn a_pod_monitor_needs_a_pod_with_the_port() {
    let all = prometheus("podMonitorSelector: {}, podMonitorNamespaceSelector: {}");
    let monitor = |spec: &str| {
        format!(
            "---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {{name: web, namespace: apps, creationTimestamp: '2026-11-01T00:00:00Z'}}
spec: {{selector: {{matchLabels: {{app: web}}}}, {spec}}}
"
        )
    };
    let pod = |label: &str, phase: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: web-0, namespace: apps, labels: {{app: {label}}}}}
spec: {{containers: [{{name: main, ports: [{{name: metrics, containerPort: 9404}}]}}]}}
status: {{phase: {phase}}}
"
        )
    };
    let metrics = "podMetricsEndpoints: [{port: metrics}]";
    for (spec, pod, level, code) in [
        (metrics, pod("web", "Running"), Level::Ok, "monitor-read"),
        (metrics, pod("other", "Running"), Level::Warn, "monitor-no-target"),
        // Prometheus drops pods that have ended.
        (metrics, pod("web", "Succeeded"), Level::Warn, "monitor-no-target"),
        ("podMetricsEndpoints: [{port: http}]", pod("web", "Running"), Level::Warn, "monitor-no-port"),
        ("podMetricsEndpoints: [{portNumber: 9404}]", pod("web", "Running"), Level::Ok, "monitor-read"),
    ] {
        expect(&(all.clone() + &monitor(spec) + &pod), "PodMonitor", "web", level, code);
    }
    let idle = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: apps}
spec: {replicas: 0, template: {metadata: {labels: {app: web}}}}
";
    let yaml = all + &monitor(metrics) + &pod("other", "Running") + idle;
    expect(&yaml, "PodMonitor", "web", Level::Ok, "monitor-read");
}

#[test]
fn rules_and_routes_have_readers_of_their_own() {
    let rule = "---
{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {name: r, namespace: mon}}
";
    expect(&(prometheus("") + rule), "PrometheusRule", "r", Level::Warn, "monitor-not-selected");
    let ruler = "---
{apiVersion: monitoring.coreos.com/v1, kind: ThanosRuler, metadata: {name: t, namespace: mon}, spec: {ruleSelector: {}}}
";
    expect(&(prometheus("") + rule + ruler), "PrometheusRule", "r", Level::Ok, "monitor-read");
    let route = "---
{apiVersion: monitoring.coreos.com/v1beta1, kind: AlertmanagerConfig, metadata: {name: main, namespace: mon}}
";
    let alertmanager = |spec: &str| {
        format!(
            "{{apiVersion: monitoring.coreos.com/v1, kind: Alertmanager, metadata: {{name: am, namespace: mon}}, spec: {{{spec}}}}}\n"
        )
    };
    let other = alertmanager("alertmanagerConfigSelector: {matchLabels: {a: b}}");
    expect(&(other + route), "AlertmanagerConfig", "main", Level::Warn, "monitor-not-selected");
    let named = alertmanager("alertmanagerConfiguration: {name: main}");
    expect(&(named + route), "AlertmanagerConfig", "main", Level::Ok, "monitor-read");
}

#[test]
fn bindings_are_the_operators_own_word() {
    let bound = |conditions: &str| {
        format!(
            "{}status: {{bindings: [{{resource: prometheuses, namespace: mon, name: k8s, conditions: [{conditions}]}}]}}
",
            monitor("apps", "", "").trim_start_matches("---\n")
        )
    };
    let accepted = "{type: Accepted, status: 'True', observedGeneration: 1}";
    expect(&bound(accepted), "ServiceMonitor", "web", Level::Ok, "monitor-read");
    let refused = bound("{type: Accepted, status: 'False', reason: InvalidConfiguration, message: no secret}");
    let verdict = judge(&refused, "ServiceMonitor", "web");
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "monitor-rejected"));
    assert_eq!(verdict.message, "prometheuses mon/k8s refuses it: InvalidConfiguration: no secret");
}

#[test]
fn a_new_monitor_may_wait_for_its_pods() {
    let yaml = prometheus("serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {}")
        + &monitor("apps", "", "selector: {matchLabels: {app: web}}").replace("2026-11-01T00:00", "2026-11-20T02:58")
        + &service("apps", "app: other", "http");
    expect(&yaml, "ServiceMonitor", "web", Level::Progressing, "monitor-no-target");
}
