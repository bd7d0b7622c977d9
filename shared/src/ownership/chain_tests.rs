//! Chains of managers: one test a kind of proof, and what is no proof.

use super::testing::World;
use super::{ByHand, Managers, Presence};
use crate::object::{InventoryBuilder, ObjectRef, Scope, Section, SectionState, Unread};

const FLUX: &str = "
---
{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: infra, namespace: flux-system}}
---
{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: flux-system, namespace: flux-system},
  spec: {interval: 10m0s, sourceRef: {kind: GitRepository, name: infra}, path: ./clusters},
  status: {lastAppliedRevision: 'main@sha1:0123456789012345678901234567890123456789', inventory: {entries: [
    {id: flux-system_flux-system_kustomize.toolkit.fluxcd.io_Kustomization, v: v1},
    {id: flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization, v: v1}]}}}
---
{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps, namespace: flux-system,
    labels: {kustomize.toolkit.fluxcd.io/name: flux-system, kustomize.toolkit.fluxcd.io/namespace: flux-system}},
  spec: {interval: 5m0s, sourceRef: {kind: GitRepository, name: infra}, path: ./apps},
  status: {lastAppliedRevision: 'main@sha1:0123456789012345678901234567890123456789', inventory: {entries: [
    {id: data_web_apps_Deployment, v: v1}, {id: flux-system_chart_helm.toolkit.fluxcd.io_HelmRelease, v: v2},
    {id: data_broker_kafka.strimzi.io_Kafka, v: v1}, {id: data_gone__ConfigMap, v: v1}]}}}
---
{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: chart, namespace: flux-system},
  spec: {interval: 30m, targetNamespace: data, chart: {spec: {chart: c, sourceRef: {kind: HelmRepository, name: r}}}}}
";

const WEB: &str = "
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: data, uid: d}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, namespace: data, uid: r,
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: d, controller: true}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-1-a, namespace: data,
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: r, controller: true}]}}
";

#[test]
fn a_pod_leads_to_its_commit() {
    let world = World::new(&format!("{FLUX}{WEB}"));
    assert_eq!(
        world.chain("Pod", "web-1-a"),
        [
            "ReplicaSet/data/web-1 owner-reference",
            "Deployment/data/web owner-reference",
            "Kustomization/flux-system/apps inventory",
            "Kustomization/flux-system/flux-system inventory"
        ]
    );
    assert_eq!(
        world.line("Pod", "web-1-a"),
        "Kustomization/flux-system/apps (GitRepository infra at main@sha1:01234567, every 5m): \
         edit it in Git, a change by hand of what Git sets is undone"
    );
    let chain = Managers::new(&world.inventory).of(world.object("Pod", "web-1-a"));
    assert_eq!(chain.deployed.as_ref().map(ToString::to_string).as_deref(), Some("Deployment/data/web"));
    let home = chain.home(&world.inventory);
    assert_eq!((home.path.as_deref(), home.interval.as_deref()), (Some("./apps"), Some("5m0s")));
    let unfetched = FLUX.replacen(
        "namespace: flux-system}}",
        "namespace: flux-system}, status: {conditions: [{type: Ready, status: 'False', reason: GitOperationFailed}]}}",
        1,
    );
    let line = World::new(&format!("{unfetched}{WEB}")).line("Pod", "web-1-a");
    assert!(line.contains("at main@sha1:01234567, which cannot be fetched now, every 5m)"), "{line}");
    // The Kustomization that lists itself is its own only manager.
    assert!(world.chain("Kustomization", "flux-system").is_empty());
}

#[test]
fn a_release_is_found_by_its_record_and_its_labels() {
    let meta = "{name: tool, namespace: data, labels: {app.kubernetes.io/managed-by: Helm}, annotations: \
        {meta.helm.sh/release-name: NAME, meta.helm.sh/release-namespace: data}}";
    let object = |name: &str| {
        format!("{FLUX}\n---\n{{apiVersion: v1, kind: Service, metadata: {}}}", meta.replace("NAME", name))
    };
    // helm-controller calls the release TARGET-NAME.
    let world = World::new(&object("data-chart"));
    assert_eq!(
        world.chain("Service", "tool")[..2],
        ["HelmRelease/flux-system/chart release", "Kustomization/flux-system/apps inventory"]
    );
    assert_eq!(
        world.line("Service", "tool"),
        "HelmRelease/flux-system/chart of Kustomization/flux-system/apps (GitRepository infra at main@sha1:01234567, \
         every 30m): change its values in Git, a change by hand lasts until the next upgrade"
    );
    let drift = object("data-chart").replace("interval: 30m,", "interval: 30m, driftDetection: {mode: enabled},");
    assert!(World::new(&drift).line("Service", "tool").ends_with("a change by hand of what the chart sets is undone"));
    // What its history says wins over how it would be called.
    let recorded = object("own")
        .replace("name: r}}}}}", "name: r}}}}, status: {history: [{name: own, namespace: data, version: 1}]}}");
    assert_eq!(World::new(&recorded).chain("Service", "tool")[0], "HelmRelease/flux-system/chart release");
    let plain = World::new(&object("by-hand"));
    assert_eq!(plain.chain("Service", "tool"), ["Release/data/by-hand release"]);
    assert_eq!(
        plain.line("Service", "tool"),
        "Release/data/by-hand: change its values there, a change by hand lasts until the next upgrade"
    );
}

#[test]
fn labels_are_hints_that_an_inventory_overrules() {
    let labelled = |manager: &str, kind: &str| {
        format!(
            "{FLUX}\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: copy, namespace: data, labels: \
             {{{kind}.toolkit.fluxcd.io/name: {manager}, {kind}.toolkit.fluxcd.io/namespace: flux-system}}}}}}"
        )
    };
    // The Kustomization lists what it manages, and not this: an operator copied the labels.
    assert!(World::new(&labelled("apps", "kustomize")).chain("ConfigMap", "copy").is_empty());
    // A HelmRelease before Flux 2.8 lists nothing.
    let old = World::new(&labelled("chart", "helm"));
    assert_eq!(old.chain("ConfigMap", "copy")[0], "HelmRelease/flux-system/chart label");
    assert!(old.line("ConfigMap", "copy").starts_with("HelmRelease/flux-system/chart (by its label) of "));
    let gone = World::new(&labelled("old", "kustomize"));
    let chain = Managers::new(&gone.inventory).of(gone.object("ConfigMap", "copy"));
    assert_eq!(chain.links[0].presence, Presence::Missing);
    assert_eq!(chain.by_hand(&gone.inventory), Some(ByHand::Unknown));
    assert!(gone.line("ConfigMap", "copy").contains(", which is gone: "), "{}", gone.line("ConfigMap", "copy"));
    // An owner reference is stronger than any label.
    let owned = labelled("chart", "helm").replace(
        "name: copy,",
        "name: copy, ownerReferences: [{apiVersion: kafka.strimzi.io/v1, kind: Kafka, name: broker, uid: k}],",
    );
    let owned = World::new(&format!(
        "{owned}\n---\n{{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {{name: broker, namespace: data, uid: k}}}}"
    ));
    assert_eq!(
        owned.chain("ConfigMap", "copy")[..2],
        ["Kafka/data/broker owner-reference", "Kustomization/flux-system/apps inventory"]
    );
    assert!(owned.line("ConfigMap", "copy").starts_with("Kafka/data/broker of Kustomization/flux-system/apps ("));
}

#[test]
fn what_an_operator_leaves_without_an_owner_is_known_by_its_label() {
    let yaml = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-0, namespace: data, labels: \
        {strimzi.io/cluster: broker}}}
---
{apiVersion: kafka.strimzi.io/v1, kind: KafkaTopic, metadata: {name: t, namespace: data, labels: {strimzi.io/cluster: broker}}}
---
{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {name: broker, namespace: data,
  annotations: {strimzi.io/pause-reconciliation: 'true'}}}";
    let world = World::new(yaml);
    assert_eq!(world.chain("PersistentVolumeClaim", "data-0"), ["Kafka/data/broker label"]);
    assert_eq!(
        world.line("PersistentVolumeClaim", "data-0"),
        "Kafka/data/broker (by its label), suspended: a change by hand stays until that is resumed, \
         a change in Git does not arrive before"
    );
    // Topics bear the same label, set by people.
    assert!(world.chain("KafkaTopic", "t").is_empty());
}

#[test]
fn flux_operator_and_argo_cd_are_known() {
    let yaml = "{apiVersion: fluxcd.controlplane.io/v1, kind: ResourceSet, metadata: {name: tenants, namespace: flux-system}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: x, labels:
  {resourceset.fluxcd.controlplane.io/name: tenants, resourceset.fluxcd.controlplane.io/namespace: flux-system}}}
---
{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: shop, namespace: argocd},
  spec: {source: {path: shop}, syncPolicy: {automated: {selfHeal: true}}}, status: {sync: {revision: abc}}}
---
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: x, annotations: {argocd.argoproj.io/tracking-id: 'shop:/Service:x/s'}}}
---
{apiVersion: v1, kind: Service, metadata: {name: copied, namespace: x, annotations: {argocd.argoproj.io/tracking-id: 'shop:/Service:x/s'}}}
---
{apiVersion: v1, kind: Service, metadata: {name: labelled, namespace: x, labels: {app.kubernetes.io/instance: shop}}}
---
{apiVersion: v1, kind: Service, metadata: {name: other, namespace: x, labels: {app.kubernetes.io/instance: helm-release}}}";
    let world = World::new(yaml);
    assert_eq!(world.chain("ServiceAccount", "a"), ["ResourceSet/flux-system/tenants label"]);
    assert_eq!(world.chain("Service", "s"), ["Application/argocd/shop tracking"]);
    assert_eq!(
        world.line("Service", "s"),
        "Application/argocd/shop: edit it in Git, a change by hand of what Git sets is undone"
    );
    assert!(world.chain("Service", "copied").is_empty());
    assert_eq!(world.chain("Service", "labelled"), ["Application/argocd/shop label"]);
    assert!(world.chain("Service", "other").is_empty());
    let listed = yaml.replace(
        "sync: {revision: abc}",
        "resources: [{group: '', version: v1, kind: Service, namespace: x, name: other}]",
    );
    let listed = World::new(&listed);
    assert_eq!(listed.chain("Service", "other"), ["Application/argocd/shop inventory"]);
    assert!(listed.chain("Service", "labelled").is_empty());
    let manual = World::new(&yaml.replace("selfHeal: true", "selfHeal: false"));
    assert!(manual.line("Service", "s").ends_with("a change by hand lasts until the next sync"));
}

#[test]
fn what_is_suspended_exempt_or_failing_is_said() {
    let yaml = format!("{FLUX}{WEB}");
    let line = |from: &str, to: &str| World::new(&yaml.replacen(from, to, 1)).line("Deployment", "web");
    let suspended = line("spec: {interval: 5m0s,", "spec: {suspend: true, interval: 5m0s,");
    assert_eq!(
        suspended,
        "Kustomization/flux-system/apps, suspended (GitRepository infra at main@sha1:01234567, every 5m): a change by hand \
         stays until that is resumed, a change in Git does not arrive before"
    );
    let exempt = line(
        "{name: web, namespace: data, uid: d}",
        "{name: web, namespace: data, uid: d, annotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}}",
    );
    assert!(exempt.ends_with(
        "a change by hand stays until kustomize.toolkit.fluxcd.io/reconcile: disabled is taken away, a change in Git does \
         not arrive before"
    ));
    let failing = "status: {conditions: [{type: Ready, status: 'False', reason: BuildFailed}], inventory: {entries: [
    {id: data_web_apps";
    let whole =
        "status: {lastAppliedRevision: 'main@sha1:0123456789012345678901234567890123456789', inventory: {entries: [
    {id: data_web_apps";
    assert!(
        line(whole, failing).ends_with("it applies nothing now (BuildFailed), so a change by hand stays until it does"),
        "{}",
        line(whole, failing)
    );
}

#[test]
fn two_managers_of_one_object_are_rivals() {
    let second = "
---
{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: other, namespace: team},
  status: {inventory: {entries: [{id: data_web_apps_Deployment, v: v1}]}}}";
    let world = World::new(&format!("{FLUX}{WEB}{second}"));
    assert!(
        world
            .line("Deployment", "web")
            .ends_with("; Kustomization/team/other lists it too, and they undo each other's work")
    );
}

#[test]
fn what_is_gone_belongs_to_who_lists_it() {
    let world = World::new(FLUX);
    let managers = Managers::new(&world.inventory);
    let chain = managers.of_absent(&ObjectRef::new("", "ConfigMap", "data", "gone"));
    assert_eq!(chain.links.len(), 2);
    assert_eq!(chain.links[0].object.to_string(), "Kustomization/flux-system/apps");
    assert!(managers.of_absent(&ObjectRef::new("", "ConfigMap", "data", "never")).links.is_empty());
}

#[test]
fn managers_that_were_not_read_are_named() {
    let mut builder = InventoryBuilder::new(Scope::Cluster, true);
    builder.section(Section {
        group: "kustomize.toolkit.fluxcd.io".into(),
        kind: "Kustomization".into(),
        resource: "kustomizations".into(),
        state: SectionState::Unread(Unread::Forbidden(String::new())),
    });
    builder.section(Section {
        group: "helm.toolkit.fluxcd.io".into(),
        kind: "HelmRelease".into(),
        resource: "helmreleases".into(),
        state: SectionState::Unread(Unread::NotServed),
    });
    let world = World::new(WEB);
    for object in world.inventory.into_parts().0 {
        builder.push(crate::object::Decoded::Object(object));
    }
    let inventory = builder.finish();
    let pod = inventory.get("", "Pod", "data", "web-1-a").found().expect("the pod");
    let chain = Managers::new(&inventory).of(pod);
    assert_eq!(chain.unread, ["Kustomizations"]);
    assert_eq!(
        super::describe(&chain, &inventory).as_deref(),
        Some("Deployment/data/web: change that, it overrules a change here; Kustomizations were not read")
    );
}

#[test]
fn references_in_a_circle_end() {
    let yaml = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, namespace: x, uid: '1', ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: b, uid: '2'}]}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: b, namespace: x, uid: '2', ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: a, uid: '1'}]}}";
    assert_eq!(World::new(yaml).chain("ReplicaSet", "a"), ["ReplicaSet/x/b owner-reference"]);
}
