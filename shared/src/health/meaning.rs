//! What it means for the platform when a known component does not run.
//!
//! One line of evidence on the workload that failed, and on the pod that is its cause, while no
//! replica is ready: Airflow and MLflow have no kinds of their own to say it, and the operators'
//! objects only say that nobody looks after them.

use super::Related;
use crate::object::{Object, Workload};
use crate::report::{Level, Verdict};

/// A component, by the labels that its own charts and manifests give.
struct Component {
    labels: &'static [(&'static str, &'static str)],
    effect: &'static str,
}

const fn row(labels: &'static [(&'static str, &'static str)], effect: &'static str) -> Component {
    Component { labels, effect }
}

const TIER: (&str, &str) = ("tier", "airflow");
const AIRFLOW: (&str, &str) = (NAME, "airflow");
const NAME: &str = "app.kubernetes.io/name";
/// Stands for the workload's own name, where charts give no label that tells.
const OWN_NAME: &str = "";
const COMPONENT: &str = "app.kubernetes.io/component";

const SCHEDULER: &str = "Airflow's scheduler is down: no DAG run and no task is started. Tasks in pods or workers of their own go on; with LocalExecutor they ended with it.";
const API_SERVER: &str = "Airflow's API server is down: the UI and the API do not answer, and since Airflow 3 no task can start or report its end through it.";
const WEBSERVER: &str = "Airflow's web server is down: the UI and the API do not answer. DAGs run on.";
const TRIGGERER: &str = "Airflow's triggerer is down: deferred tasks are not resumed. Other tasks run on.";
const PROCESSOR: &str =
    "Airflow's DAG processor is down: new and changed DAG files are not seen. DAGs that are known run on.";
const WORKER: &str = "Airflow's workers are down: tasks stay queued, none runs. Nothing that is queued is lost.";
const MLFLOW: &str = "MLflow's server is down: training runs cannot log, models cannot be registered or looked up. What is in its database and artifact store is kept.";

const WORKFLOWS: &str =
    "Argo's workflow controller is down: pods that run go on. No next step and no scheduled workflow is started.";

/// First match wins. Sources: the charts apache-airflow, bitnami/airflow, community and bitnami
/// mlflow; the manifests of Strimzi, KServe, Knative, KubeRay, Argo Workflows and Kueue.
const COMPONENTS: &[Component] = &[
    row(&[TIER, ("component", "scheduler")], SCHEDULER),
    row(&[TIER, ("component", "api-server")], API_SERVER),
    row(&[TIER, ("component", "webserver")], WEBSERVER),
    row(&[TIER, ("component", "triggerer")], TRIGGERER),
    row(&[TIER, ("component", "dag-processor")], PROCESSOR),
    row(&[TIER, ("component", "worker")], WORKER),
    row(&[TIER, ("component", "redis")], "Airflow's broker is down: no task reaches a worker. Tasks that run go on."),
    row(
        &[TIER, ("component", "pgbouncer")],
        "Airflow's way to its database is down: scheduler, UI and tasks stop until it is back.",
    ),
    row(&[AIRFLOW, (COMPONENT, "scheduler")], SCHEDULER),
    row(&[AIRFLOW, (COMPONENT, "api-server")], API_SERVER),
    row(&[AIRFLOW, (COMPONENT, "web")], WEBSERVER),
    row(&[AIRFLOW, (COMPONENT, "webserver")], WEBSERVER),
    row(&[AIRFLOW, (COMPONENT, "triggerer")], TRIGGERER),
    row(&[AIRFLOW, (COMPONENT, "dag-processor")], PROCESSOR),
    row(&[AIRFLOW, (COMPONENT, "worker")], WORKER),
    row(&[(NAME, "mlflow"), (COMPONENT, "tracking")], MLFLOW),
    row(&[(NAME, "mlflow"), (COMPONENT, "")], MLFLOW),
    row(
        &[("strimzi.io/kind", "cluster-operator")],
        "Strimzi's operator is down: brokers go on serving. No change, no rolling restart and no renewal of certificates takes place.",
    ),
    row(
        &[("strimzi.io/component-type", "entity-operator")],
        "Strimzi's topic and user operators are down: brokers go on serving. No topic and no user is made or changed.",
    ),
    row(
        &[(OWN_NAME, "minio-operator")],
        "MinIO's operator is down: tenants go on serving. No tenant is made, changed or watched.",
    ),
    row(
        &[("control-plane", "kserve-controller-manager")],
        "KServe's controller is down: models that serve go on. No new or changed InferenceService comes up.",
    ),
    row(
        &[(NAME, "knative-serving"), (COMPONENT, "activator")],
        "Knative's activator is down: services that have scaled to zero do not wake up.",
    ),
    row(
        &[(NAME, "kuberay-operator")],
        "KubeRay's operator is down: clusters that run go on. No RayJob is started, and a head or worker that dies is not replaced.",
    ),
    row(
        &[(NAME, "spark-operator"), (COMPONENT, "controller")],
        "Spark's operator is down: drivers and executors run on. No application is submitted, retried or scheduled.",
    ),
    row(&[(COMPONENT, "workflow-controller")], WORKFLOWS),
    row(&[("app", "workflow-controller")], WORKFLOWS),
    row(
        &[(NAME, "kueue"), ("control-plane", "controller-manager")],
        "Kueue's controller is down: nothing that waits is admitted, and new jobs may be refused for want of its webhook.",
    ),
];

/// Adds the line to the verdict of a workload that failed, or of the pod that failed in it.
pub(super) fn note(object: &Object, mut verdict: Verdict, related: &Related<'_>) -> Verdict {
    if verdict.level != Level::Fail {
        return verdict;
    }
    let top;
    let owner = if object.pod().is_some() {
        top = related.top_controller(object);
        related.inventory.find(&top).found()
    } else {
        Some(object)
    };
    if let Some((owner, workload)) = owner.and_then(|owner| Some((owner, owner.workload()?)))
        && !owner.is("apps", "ReplicaSet")
        && is_down(workload)
        && let Some(known) = COMPONENTS.iter().find(|known| fits(known, owner, workload))
    {
        verdict.evidence.insert(0, known.effect.to_owned());
    }
    verdict
}

/// Whether no replica works; not so while nobody has told.
fn is_down(workload: &Workload) -> bool {
    workload.status.as_ref().is_some_and(|status| status.ready_replicas == 0 && status.number_ready == 0)
}

/// Whether a workload has the labels, itself or in its pods. A label that should be empty must be
/// absent in both.
fn fits(component: &Component, object: &Object, workload: &Workload) -> bool {
    let (own, pods) = (&object.meta.labels, &workload.spec.template.metadata.labels);
    component.labels.iter().all(|(key, value)| match *value {
        value if *key == OWN_NAME => &*object.meta.name == value,
        "" => own.get(key).or(pods.get(key)).is_none_or(str::is_empty),
        value => own.has(key, value) || pods.has(key, value),
    })
}

#[cfg(test)]
mod tests {
    use crate::health::testing::judge;
    use crate::report::Level;

    fn workload(labels: &str, ready: i64) -> String {
        format!(
            "apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: it, namespace: x, uid: u1, generation: 1, creationTimestamp: '2026-11-01T00:00:00Z', labels: {{{labels}}}}}
spec: {{replicas: 2, selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}}}}}
status: {{observedGeneration: 1, replicas: 2, updatedReplicas: 2, currentReplicas: 2, readyReplicas: {ready}, availableReplicas: {ready}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: it-0, namespace: x, labels: {{a: b}}, ownerReferences: [{{apiVersion: apps/v1, kind: StatefulSet, name: it, uid: u1, controller: true}}]}}
spec: {{containers: [{{name: c, image: x}}]}}
status: {{phase: Running, containerStatuses: [{{name: c, ready: false, restartCount: 9, image: x, imageID: x, state: {{waiting: {{reason: CrashLoopBackOff}}}}}}]}}
"
        )
    }

    fn effect(labels: &str, ready: i64, kind: &str, name: &str) -> Option<String> {
        let verdict = judge(&workload(labels, ready), kind, name);
        assert_eq!(verdict.level, Level::Fail, "{}", verdict.message);
        verdict.evidence.into_iter().find(|line| line.contains(" down: "))
    }

    #[test]
    fn components_are_known_by_their_labels() {
        for (labels, start) in [
            ("tier: airflow, component: scheduler", "Airflow's scheduler is down"),
            ("app.kubernetes.io/name: airflow, app.kubernetes.io/component: triggerer", "Airflow's triggerer"),
            ("app.kubernetes.io/name: mlflow", "MLflow's server is down"),
            ("app.kubernetes.io/name: mlflow, app.kubernetes.io/component: tracking", "MLflow's server"),
            ("strimzi.io/kind: cluster-operator", "Strimzi's operator is down"),
            ("app: workflow-controller", "Argo's workflow controller is down"),
        ] {
            for (kind, name) in [("StatefulSet", "it"), ("Pod", "it-0")] {
                let line = effect(labels, 0, kind, name).unwrap_or_default();
                assert!(line.starts_with(start), "{labels}: {line}");
            }
        }
    }

    #[test]
    fn nothing_is_said_of_others_or_while_a_replica_works() {
        for labels in [
            "component: scheduler",
            "tier: airflow",
            "app.kubernetes.io/name: mlflow, app.kubernetes.io/component: postgresql",
        ] {
            assert_eq!(effect(labels, 0, "StatefulSet", "it"), None, "{labels}");
        }
        let named = workload("", 0).replace("name: it,", "name: minio-operator,");
        let verdict = judge(&named, "StatefulSet", "minio-operator");
        assert!(verdict.evidence.iter().any(|line| line.starts_with("MinIO's operator is down")));
        assert_eq!(effect("tier: airflow, component: worker", 1, "Pod", "it-0"), None);
    }
}
