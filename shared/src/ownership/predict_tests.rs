//! What becomes of a change: one test a rule.

use super::Outcome;
use super::testing::World;
use crate::object::{Section, SectionState, Unread};

const KUSTOMIZATION: &str = "
---
{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps, namespace: flux-system},
  spec: {interval: 10m}, status: {inventory: {entries: [{id: data_web_apps_Deployment, v: v1}]}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: data, uid: d, managedFields: [
    {manager: kustomize-controller, operation: Apply, time: '2026-11-01T00:00:00Z', fieldsV1: {'f:spec': {'f:template':
      {'f:spec': {'f:containers': {'k:{\"name\":\"main\"}': {'f:image': {}}}}}}}}]},
  spec: {replicas: 3, template: {spec: {containers: [{name: main, image: x}]}}}}
";
const IMAGE: &str = ".spec.template.spec.containers[name=main].image";
const REPLICAS: &str = ".spec.replicas";

fn change(yaml: &str, path: &str, manager: &str) -> Outcome {
    World::new(yaml).outcome("Deployment", "web", path, manager)
}

#[track_caller]
fn undone(outcome: &Outcome, by: &str, seconds: Option<i64>) {
    match outcome {
        Outcome::Undone { by: who, when, .. } => {
            assert_eq!((who.to_string().as_str(), when.map(|when| when.as_secs())), (by, seconds));
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn survives(outcome: &Outcome, until: &str) {
    match outcome {
        Outcome::Survives { until: end, .. } => assert_eq!(end.as_deref().unwrap_or_default(), until),
        other => panic!("{other:?}"),
    }
}

#[test]
fn git_restores_what_it_sets_and_leaves_the_rest() {
    undone(&change(KUSTOMIZATION, IMAGE, "mlops"), "Kustomization/flux-system/apps", Some(600));
    survives(&change(KUSTOMIZATION, REPLICAS, "mlops"), "");
    // The name of the manager decides: what kubectl writes is taken over, and dropped.
    undone(&change(KUSTOMIZATION, REPLICAS, "kubectl-edit"), "Kustomization/flux-system/apps", Some(600));
    // What somebody has overwritten since is no longer Git's in managedFields, though Git may set it; what stayed
    // through a reconciliation is not Git's.
    let taken = KUSTOMIZATION.replace(
        "managedFields: [",
        "managedFields: [{manager: k9s, operation: Update, time: '2026-11-20T02:00:00Z', fieldsV1: {'f:spec': {'f:replicas': {}}}},",
    );
    assert!(matches!(change(&taken, REPLICAS, "mlops"), Outcome::Unknown { .. }));
    undone(&change(&taken, REPLICAS, "kubectl-edit"), "Kustomization/flux-system/apps", Some(600));
    let applied = |end: &str, status: &str| {
        let history = format!(
            "status: {{history: [{{lastReconciled: '{end}', lastReconciledDuration: 2s, lastReconciledStatus: {status}}}], inventory"
        );
        change(&taken.replacen("status: {inventory", &history, 1), REPLICAS, "mlops")
    };
    survives(&applied("2026-11-20T02:00:04Z", "ReconciliationSucceeded"), "");
    // It may have begun before the change.
    assert!(matches!(applied("2026-11-20T02:00:02Z", "ReconciliationSucceeded"), Outcome::Unknown { .. }));
    assert!(matches!(applied("2026-11-20T02:00:04Z", "BuildFailed"), Outcome::Unknown { .. }));
    let merge = KUSTOMIZATION.replace("uid: d,", "uid: d, annotations: {kustomize.toolkit.fluxcd.io/ssa: merge},");
    survives(&change(&merge, REPLICAS, "kubectl-edit"), "");
    undone(&change(&merge, IMAGE, "kubectl-edit"), "Kustomization/flux-system/apps", Some(600));
    assert!(matches!(change(KUSTOMIZATION, ".spec.template", "mlops"), Outcome::Unknown { .. }));
    let without = KUSTOMIZATION.replace("managedFields", "unmanagedFields");
    assert!(matches!(change(&without, IMAGE, "mlops"), Outcome::Unknown { .. }));
}

#[test]
fn what_flux_leaves_alone_stays() {
    for how in ["reconcile: disabled", "ssa: Ignore", "ssa: IfNotPresent"] {
        let exempt =
            KUSTOMIZATION.replace("uid: d,", &format!("uid: d, labels: {{kustomize.toolkit.fluxcd.io/{how}}},"));
        survives(&change(&exempt, IMAGE, "kubectl"), "that is taken away");
    }
    let suspended = KUSTOMIZATION.replace("interval: 10m", "interval: 10m, suspend: true");
    survives(&change(&suspended, IMAGE, "mlops"), "Kustomization/flux-system/apps is resumed");
    let ignore = |rule: &str| KUSTOMIZATION.replace("interval: 10m", &format!("interval: 10m, ignore: [{rule}]"));
    let image = "paths: [/spec/template/spec/containers/0/image]";
    for rule in [
        format!("{{{image}}}"),
        format!("{{{image}, target: {{kind: Deployment, name: '^web$'}}}}"),
        format!("{{{image}, target: {{kind: 'Deploy.*', namespace: data}}}}"),
        "{paths: [/spec/template]}".to_owned(),
    ] {
        survives(&change(&ignore(&rule), IMAGE, "mlops"), "");
    }
    for rule in [
        format!("{{{image}, target: {{kind: StatefulSet}}}}"),
        format!("{{{image}, target: {{name: (web|other)}}}}"),
        format!("{{{image}, target: {{labelSelector: app=web}}}}"),
        "{paths: [/spec/temp]}".to_owned(),
    ] {
        undone(&change(&ignore(&rule), IMAGE, "mlops"), "Kustomization/flux-system/apps", Some(600));
    }
}

const RELEASE: &str = "
---
{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: r, namespace: f}, spec: {interval: 30m},
  status: {inventory: {entries: [{id: data_web_apps_Deployment, v: v1}]}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: data, managedFields: [
  {manager: helm-controller, operation: Apply, fieldsV1: {'f:spec': {'f:replicas': {}}}}]}, spec: {replicas: 3}}
";

#[test]
fn a_release_restores_only_with_drift_detection() {
    let until = "the next upgrade of HelmRelease/f/r, where the chart sets the field";
    survives(&change(RELEASE, REPLICAS, "mlops"), until);
    let warn = RELEASE.replace("interval: 30m", "interval: 30m, driftDetection: {mode: warn}");
    survives(&change(&warn, REPLICAS, "mlops"), until);
    let enabled = RELEASE.replace("interval: 30m", "interval: 30m, driftDetection: {mode: enabled}");
    undone(&change(&enabled, REPLICAS, "mlops"), "HelmRelease/f/r", Some(1800));
    survives(&change(&enabled, ".spec.paused", "mlops"), "");
    // helm-controller does not fold what kubectl writes.
    survives(&change(&enabled, ".spec.paused", "kubectl"), "");
    let ignored = enabled.replace("mode: enabled", "mode: enabled, ignore: [{paths: [/spec/replicas]}]");
    survives(&change(&ignored, REPLICAS, "mlops"), until);
    let exempt =
        enabled.replace("name: web,", "name: web, annotations: {helm.toolkit.fluxcd.io/driftDetection: disabled},");
    survives(&change(&exempt, REPLICAS, "mlops"), until);
    let suspended = enabled.replace("interval: 30m", "interval: 30m, suspend: true");
    survives(&change(&suspended, REPLICAS, "mlops"), "HelmRelease/f/r is resumed");
}

#[test]
fn autoscalers_own_the_replicas() {
    let target = "{apiVersion: apps/v1, kind: Deployment, name: web}";
    let hpa = format!(
        "{KUSTOMIZATION}\n---\n{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h, namespace: data}}, \
         spec: {{scaleTargetRef: {target}}}}}"
    );
    undone(&change(&hpa, REPLICAS, "mlops"), "HorizontalPodAutoscaler/data/h", Some(15));
    survives(&change(&hpa.replace("name: web}}}", "name: else}}}"), REPLICAS, "mlops"), "");
    undone(&change(&hpa, IMAGE, "mlops"), "Kustomization/flux-system/apps", Some(600));
    let keda = format!(
        "{KUSTOMIZATION}\n---\n{{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {{name: k, namespace: data}}, \
         spec: {{scaleTargetRef: {{name: web}}}}}}"
    );
    undone(&change(&keda, REPLICAS, "mlops"), "ScaledObject/data/k", None);
    let paused = keda.replace("name: k,", "name: k, annotations: {autoscaling.keda.sh/paused: 'true'},");
    survives(&change(&paused, REPLICAS, "mlops"), "ScaledObject/data/k is resumed");
    let mut unread = World::new(KUSTOMIZATION);
    let mut builder = std::mem::take(&mut unread.inventory).reopen();
    builder.section(Section {
        group: "autoscaling".into(),
        kind: "HorizontalPodAutoscaler".into(),
        resource: "".into(),
        state: SectionState::Unread(Unread::TimedOut),
    });
    unread.inventory = builder.finish();
    assert!(matches!(unread.outcome("Deployment", "web", REPLICAS, "mlops"), Outcome::Unknown { .. }));
    undone(&unread.outcome("Deployment", "web", IMAGE, "mlops"), "Kustomization/flux-system/apps", Some(600));
    let vpa = |mode: &str| {
        format!(
            "{KUSTOMIZATION}\n---\n{{apiVersion: autoscaling.k8s.io/v1, kind: VerticalPodAutoscaler, \
             metadata: {{name: v, namespace: data}}, spec: {{targetRef: {target}, updatePolicy: {{updateMode: '{mode}'}}}}}}"
        )
    };
    let resources = ".spec.template.spec.containers[name=main].resources.requests.cpu";
    undone(&change(&vpa("Auto"), resources, "mlops"), "VerticalPodAutoscaler/data/v", None);
    survives(&change(&vpa("Off"), resources, "mlops"), "");
}

#[test]
fn owners_overrule() {
    let owned = |kind: &str, owner: &str, extra: &str| {
        format!(
            "{{apiVersion: {kind}, metadata: {{name: it, namespace: x{extra}, \
             ownerReferences: [{{{owner}, name: o, uid: o, controller: true}}]}}, spec: {{replicas: 1}}}}\n---\n\
             {{{owner}, metadata: {{name: o, namespace: x, uid: o}}, spec: {{}}}}"
        )
    };
    let outcome = |yaml: &str, kind: &str| World::new(yaml).outcome(kind, "it", REPLICAS, "mlops");
    let deployment = "apiVersion: apps/v1, kind: Deployment";
    undone(&outcome(&owned("apps/v1, kind: ReplicaSet", deployment, ""), "ReplicaSet"), "Deployment/x/o", None);
    let set = owned("v1, kind: Pod", "apiVersion: apps/v1, kind: ReplicaSet", "");
    survives(&outcome(&set, "Pod"), "the pod is replaced");
    let kafka = "apiVersion: kafka.strimzi.io/v1, kind: Kafka";
    let fields = ", managedFields: [{manager: strimzi-cluster-operator, fieldsV1: {'f:spec': {'f:replicas': {}}}}]";
    undone(&outcome(&owned("apps/v1, kind: Deployment", kafka, fields), "Deployment"), "Kafka/x/o", None);
    let unset = owned("apps/v1, kind: Deployment", kafka, &fields.replace("f:replicas", "f:paused"));
    assert!(matches!(outcome(&unset, "Deployment"), Outcome::Unknown { .. }));
    let bare = owned("apps/v1, kind: Deployment", kafka, "");
    assert!(matches!(outcome(&bare, "Deployment"), Outcome::Unknown { .. }));
    let paused = owned("apps/v1, kind: Deployment", kafka, fields)
        .replace("uid: o}, spec: {}", "uid: o, annotations: {strimzi.io/pause-reconciliation: 'true'}}, spec: {}");
    survives(&outcome(&paused, "Deployment"), "Kafka/x/o is resumed");
}

#[test]
fn what_cannot_change_is_refused() {
    let refused = |yaml: &str, kind: &str, path: &str| {
        matches!(World::new(yaml).outcome(kind, "it", path, "mlops"), Outcome::Refused { .. })
    };
    let object = |kind: &str, rest: &str| format!("{{apiVersion: {kind}, metadata: {{name: it, namespace: x}}{rest}}}");
    let set = object("apps/v1, kind: StatefulSet", "");
    assert!(refused(&set, "StatefulSet", ".spec.volumeClaimTemplates[0].spec"));
    assert!(!refused(&set, "StatefulSet", REPLICAS) && !refused(&set, "StatefulSet", ".spec.template.spec"));
    let claim = object("v1, kind: PersistentVolumeClaim", "");
    assert!(refused(&claim, "PersistentVolumeClaim", ".spec.storageClassName"));
    assert!(!refused(&claim, "PersistentVolumeClaim", ".spec.resources.requests.storage"));
    let tenant = object("minio.min.io/v2, kind: Tenant", ", spec: {pools: [{name: p, servers: 4}]}");
    assert!(refused(&tenant, "Tenant", ".spec.pools[name=p].servers"));
    assert!(!refused(&tenant, "Tenant", ".spec.pools[name=p].resources"));
    let map = object("v1, kind: ConfigMap", ", immutable: true, data: {a: b}");
    assert!(refused(&map, "ConfigMap", ".data.a"));
    assert!(!refused(&map.replace("true", "false"), "ConfigMap", ".data.a"));
}

#[test]
fn helm_argo_and_nobody() {
    let object = |meta: &str| {
        format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web, namespace: data{meta}}}}}")
    };
    survives(&change(&object(""), REPLICAS, "kubectl"), "");
    let helm = ", labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: r, \
        meta.helm.sh/release-namespace: data}";
    survives(
        &change(&object(helm), REPLICAS, "kubectl"),
        "the next upgrade of the release, where the chart sets the field",
    );
    let tracked = ", annotations: {argocd.argoproj.io/tracking-id: 'shop:apps/Deployment:data/web'}, managedFields: \
        [{manager: argocd-controller, operation: Apply, fieldsV1: {'f:spec': {'f:replicas': {}}}}]";
    let argo = format!(
        "{}\n---\n{{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {{name: shop, namespace: argocd}}, \
         spec: {{syncPolicy: {{automated: {{selfHeal: true}}}}}}}}",
        object(tracked)
    );
    undone(&change(&argo, REPLICAS, "kubectl"), "Application/argocd/shop", None);
    survives(&change(&argo, ".spec.paused", "kubectl"), "");
    let manual = argo.replace("selfHeal: true", "prune: true");
    survives(&change(&manual, REPLICAS, "kubectl"), "the next sync of Application/argocd/shop");
    // A label that names what was not read proves nothing either way.
    let unread =
        ", labels: {resourceset.fluxcd.controlplane.io/name: r, resourceset.fluxcd.controlplane.io/namespace: f}";
    assert!(matches!(change(&object(unread), REPLICAS, "mlops"), Outcome::Unknown { .. }));
}

#[test]
fn a_group_that_discovery_could_not_ask_may_manage_it() {
    let free = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: data, managedFields: [
        {manager: ada, operation: Update, fieldsV1: {'f:spec': {'f:template': {}}}}]}, spec: {replicas: 3}}";
    survives(&change(free, REPLICAS, "mlops"), "");
    for group in ["fluxcd.controlplane.io", "autoscaling"] {
        let mut world = World::new(free);
        let mut builder = world.inventory.reopen();
        builder.section(Section {
            group: group.into(),
            kind: "*".into(),
            resource: "*".into(),
            state: SectionState::Unread(Unread::Failed("503".to_owned())),
        });
        world.inventory = builder.finish();
        let outcome = world.outcome("Deployment", "web", REPLICAS, "mlops");
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{group}: {outcome:?}");
    }
}
