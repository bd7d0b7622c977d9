//! Controllers that are down: the statuses that they alone write are stale, whatever they say.

use crate::object::{Inventory, Object};
use crate::report::{Level, Verdict, codes};

codes! {
    STATUS_STALE = "status-stale", "The status is stale: its controller is down",
        "The controller that writes this object's status does not run. What the status says was true at some time in the past; nobody refreshes it and nobody acts on the object.",
        "Bring the controller back first; it is named as the cause. Then look again.";
}

/// Which Deployment writes the status of a group of kinds.
struct Controller {
    /// The API group, and a kind of it; an empty kind stands for all.
    writes: (&'static str, &'static str),
    /// The Deployment's name, or the start of it where a release name may follow.
    deployment: &'static str,
    /// Whether objects of the kind end: what has ended is told by its last status for good.
    ends: bool,
}

const fn row(group: &'static str, kind: &'static str, deployment: &'static str) -> Controller {
    Controller { writes: (group, kind), deployment, ends: false }
}

/// A kind of work that ends.
const fn work(group: &'static str, kind: &'static str, deployment: &'static str) -> Controller {
    Controller { ends: true, ..row(group, kind, deployment) }
}

/// Names as the projects' own manifests and charts give them.
const CONTROLLERS: &[Controller] = &[
    row("source.toolkit.fluxcd.io", "", "source-controller"),
    row("kustomize.toolkit.fluxcd.io", "", "kustomize-controller"),
    row("helm.toolkit.fluxcd.io", "", "helm-controller"),
    row("notification.toolkit.fluxcd.io", "", "notification-controller"),
    row("image.toolkit.fluxcd.io", "ImageUpdateAutomation", "image-automation-controller"),
    row("image.toolkit.fluxcd.io", "", "image-reflector-controller"),
    row("kafka.strimzi.io", "KafkaTopic", "*-entity-operator"),
    row("kafka.strimzi.io", "KafkaUser", "*-entity-operator"),
    row("kafka.strimzi.io", "", "strimzi-cluster-operator"),
    row("core.strimzi.io", "", "strimzi-cluster-operator"),
    row("minio.min.io", "", "minio-operator"),
    row("sparkoperator.k8s.io", "", "spark-operator-controller"),
    row("sparkoperator.k8s.io", "", "spark-operator"),
    row("cert-manager.io", "", "cert-manager"),
    row("acme.cert-manager.io", "", "cert-manager"),
    // Monitors and rules have no status of the operator's, or one that names their readers.
    row("monitoring.coreos.com", "Prometheus", "prometheus-operator"),
    row("monitoring.coreos.com", "PrometheusAgent", "prometheus-operator"),
    row("monitoring.coreos.com", "Alertmanager", "prometheus-operator"),
    row("monitoring.coreos.com", "ThanosRuler", "prometheus-operator"),
    row("external-secrets.io", "", "external-secrets"),
    row("bitnami.com", "SealedSecret", "sealed-secrets-controller"),
    row("bitnami.com", "SealedSecret", "sealed-secrets"),
    row("keda.sh", "ScaledObject", "keda-operator"),
    row("keda.sh", "ScaledJob", "keda-operator"),
    row("postgresql.cnpg.io", "", "cnpg-controller-manager"),
    row("postgresql.cnpg.io", "", "cloudnative-pg"),
    row("grafana.integreatly.org", "", "grafana-operator"),
    row("velero.io", "", "velero"),
    row("serving.kserve.io", "InferenceService", "kserve-controller-manager"),
    row("serving.kserve.io", "InferenceGraph", "kserve-controller-manager"),
    row("serving.kserve.io", "TrainedModel", "kserve-controller-manager"),
    row("ray.io", "RayCluster", "kuberay-operator"),
    row("ray.io", "RayService", "kuberay-operator"),
    work("ray.io", "RayJob", "kuberay-operator"),
    work("argoproj.io", "Workflow", "workflow-controller"),
    row("argoproj.io", "CronWorkflow", "workflow-controller"),
    row("argoproj.io", "Rollout", "argo-rollouts"),
    work("trainer.kubeflow.org", "TrainJob", "kubeflow-trainer-controller-manager"),
    work("kubeflow.org", "PyTorchJob", "training-operator"),
    work("kubeflow.org", "TFJob", "training-operator"),
    work("kubeflow.org", "XGBoostJob", "training-operator"),
    work("kubeflow.org", "Experiment", "katib-controller"),
    work("kubeflow.org", "Trial", "katib-controller"),
    work("kueue.x-k8s.io", "Workload", "kueue-controller-manager"),
    row("kueue.x-k8s.io", "LocalQueue", "kueue-controller-manager"),
    row("kueue.x-k8s.io", "ClusterQueue", "kueue-controller-manager"),
    work("batch.volcano.sh", "Job", "volcano-controllers"),
    work("jobset.x-k8s.io", "JobSet", "jobset-controller-manager"),
    row("leaderworkerset.x-k8s.io", "LeaderWorkerSet", "lws-controller-manager"),
];

/// Marks objects whose controller is known to be down: what seems well becomes unknown, and
/// everything of it blames the controller's Deployment.
///
/// A controller that is not among the objects proves nothing here: it may run in a namespace that
/// was not read. `verdicts` are in the inventory's order.
pub(super) fn mark_stale(inventory: &Inventory, verdicts: &mut [Verdict]) {
    let deployments = inventory.of_kind("apps", "Deployment");
    for controller in CONTROLLERS {
        let found: Vec<&Object> =
            deployments.iter().filter(|deployment| is_controller(controller.deployment, deployment)).collect();
        let is_down = |deployment: &&Object| {
            deployment.workload().and_then(|workload| workload.status.as_ref()).is_some_and(|status| {
                status.available_replicas == 0
                    && inventory.position(deployment).is_some_and(|index| {
                        verdicts[index].level >= Level::Warn || deployment.workload().is_some_and(|it| it.wanted() == 0)
                    })
            })
        };
        let Some(down) = found.first().filter(|_| found.iter().all(is_down)).map(|down| down.reference()) else {
            continue;
        };
        for (index, object) in inventory.objects().iter().enumerate() {
            let (group, kind) = controller.writes;
            let is_its = &*object.ty.group == group && (kind.is_empty() || &*object.ty.kind == kind);
            let cluster = object.meta.labels.get("strimzi.io/cluster").unwrap_or_default();
            let is_local = !controller.deployment.starts_with('*') || down.name.starts_with(cluster);
            if !is_its || !is_local || verdicts[index].blames.contains(&down) {
                continue;
            }
            if controller.ends && verdicts[index].level != Level::Progressing {
                continue;
            }
            let verdict = &mut verdicts[index];
            if matches!(verdict.level, Level::Ok | Level::Progressing) {
                let said = std::mem::take(&mut verdict.message);
                *verdict = Verdict::unknown(
                    &STATUS_STALE,
                    format!("status is stale, {} is down; it last said: {said}", down.name),
                )
                .since(verdict.since);
            }
            verdict.blames.insert(0, down.clone());
        }
    }
}

/// Whether a Deployment is the controller of this name: by its own name, or by the labels that charts
/// give (kube-prometheus-stack cuts the release's name, and calls its operator by the component).
pub(super) fn is_controller(pattern: &str, deployment: &Object) -> bool {
    let labels = &deployment.meta.labels;
    fits(pattern, &deployment.meta.name)
        || labels.has("app.kubernetes.io/name", pattern)
        || labels.has("app.kubernetes.io/component", pattern)
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => name.ends_with(end),
        None => name == pattern || name.strip_suffix(pattern).is_some_and(|start| start.ends_with('-')),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn names_of_releases_are_recognised() {
        assert!(fits("spark-operator", "spark-operator"));
        assert!(fits("prometheus-operator", "kps-prometheus-operator"));
        assert!(!fits("source-controller", "resource-controller"));
        assert!(fits("*-entity-operator", "mlops-kafka-cluster-entity-operator"));
    }

    #[test]
    fn the_operators_of_the_platform_are_known_by_name_or_label() {
        for (labels, deployment, object) in [
            ("", "cert-manager", "acme.cert-manager.io/v1, kind: Order"),
            (
                "app.kubernetes.io/component: prometheus-operator",
                "prometheus-stack-kube-prom-operator",
                "monitoring.coreos.com/v1, kind: Alertmanager",
            ),
            ("", "external-secrets", "external-secrets.io/v1, kind: ExternalSecret"),
            ("", "keda-operator", "keda.sh/v1alpha1, kind: ScaledObject"),
            ("", "cnpg-controller-manager", "postgresql.cnpg.io/v1, kind: Cluster"),
            ("", "velero", "velero.io/v1, kind: Schedule"),
            ("", "kserve-controller-manager", "serving.kserve.io/v1beta1, kind: InferenceService"),
            ("", "kuberay-operator", "ray.io/v1, kind: RayService"),
            ("", "argo-workflows-workflow-controller", "argoproj.io/v1alpha1, kind: CronWorkflow"),
            ("", "kueue-controller-manager", "kueue.x-k8s.io/v1beta1, kind: LocalQueue"),
        ] {
            let inventory = testing::inventory(&format!(
                "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {deployment}, namespace: ops, generation: 1, labels: {{{labels}}}}}
spec: {{replicas: 0}}
status: {{observedGeneration: 1}}
---
{{apiVersion: {object}, metadata: {{name: it, namespace: x}}}}
"
            ));
            let mut verdicts: Vec<Verdict> = vec![Verdict::ok(&super::super::precedence::OK, "well"); 2];
            mark_stale(&inventory, &mut verdicts);
            let index = inventory.objects().iter().position(|object| &*object.meta.name == "it").expect("it");
            assert_eq!(verdicts[index].code.id, "status-stale", "{object}");
        }
    }

    #[test]
    fn work_that_has_ended_stays_so() {
        let inventory = testing::inventory(
            "apiVersion: apps/v1
kind: Deployment
metadata: {name: kuberay-operator, namespace: ops, generation: 1}
spec: {replicas: 0}
status: {observedGeneration: 1}
---
{apiVersion: ray.io/v1, kind: RayJob, metadata: {name: it, namespace: x}}
",
        );
        let index = inventory.position(&inventory.of_kind("ray.io", "RayJob")[0]).expect("it");
        for (before, after) in [
            (Level::Ok, Level::Ok),
            (Level::Fail, Level::Fail),
            (Level::Suspended, Level::Suspended),
            (Level::Progressing, Level::Unknown),
        ] {
            let mut verdicts = vec![Verdict::new(before, &super::super::precedence::OK, "so"); 2];
            mark_stale(&inventory, &mut verdicts);
            assert_eq!(verdicts[index].level, after);
            assert_eq!(verdicts[index].blames.is_empty(), before != Level::Progressing);
        }
    }

    #[test]
    fn a_ready_object_of_a_dead_controller_is_not_ready() {
        let inventory = testing::inventory(
            "apiVersion: apps/v1
kind: Deployment
metadata: {name: kustomize-controller, namespace: flux-system, generation: 1}
spec: {replicas: 0}
status: {observedGeneration: 1}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system, generation: 1}
status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True', reason: ReconciliationSucceeded}]}
",
        );
        let mut verdicts: Vec<Verdict> = vec![Verdict::ok(&super::super::precedence::OK, "well"); 2];
        mark_stale(&inventory, &mut verdicts);
        let index = inventory.position(&inventory.of_kind("kustomize.toolkit.fluxcd.io", "Kustomization")[0]);
        let verdict = &verdicts[index.expect("position")];
        assert_eq!((verdict.level, verdict.code.id), (Level::Unknown, "status-stale"));
        assert_eq!(verdict.blames[0].to_string(), "Deployment/flux-system/kustomize-controller");
    }
}
