//! Who would make an object again if it were lost.

use super::chain::Presence;
use super::{Chain, Link, Manager, Managers, Proof};
use crate::object::Object;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who would make an object again if it were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rebuilder {
    /// Flux's kustomize-controller or Argo CD, from Git or another source.
    Git,
    /// A release of Helm, from its chart and values.
    Helm,
    /// The controller that owns it, or the control plane.
    Controller,
    /// Nobody: without a backup it is gone.
    Nobody,
    /// Managers were not read, so nobody can tell.
    Unknown,
}

impl Rebuilder {
    /// The stable word: `git`, `helm`, `controller`, `nobody`, `unknown`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Helm => "helm",
            Self::Controller => "controller",
            Self::Nobody => "nobody",
            Self::Unknown => "unknown",
        }
    }
}

impl Managers<'_> {
    /// Who would make an object again.
    pub fn rebuilder(&self, object: &Object) -> Rebuilder {
        self.of_chain(object, &self.of(object)).unwrap_or_else(|| {
            if is_of_control_plane(object) || self.is_issued(object) {
                Rebuilder::Controller
            } else if self.is_record_of_release(object) {
                Rebuilder::Helm
            } else if self.are_unread() {
                Rebuilder::Unknown
            } else {
                Rebuilder::Nobody
            }
        })
    }

    /// The nearest manager decides: a pod is its controller's, whoever brought that one's owner. One that is gone makes
    /// nothing again, nor does one that reads from this very object.
    fn of_chain(&self, object: &Object, chain: &Chain) -> Option<Rebuilder> {
        let link = chain.links.first().filter(|link| !self.is_gone(link) && !self.is_source(object, link))?;
        Some(match link.manager {
            Manager::Kustomization | Manager::FluxInstance | Manager::ResourceSet | Manager::Application => {
                Rebuilder::Git
            }
            Manager::HelmRelease | Manager::Helm => Rebuilder::Helm,
            Manager::Controller => Rebuilder::Controller,
        })
    }

    /// Whether a manager that left its mark is not there any more: it was removed, or its kind with it.
    fn is_gone(&self, link: &Link) -> bool {
        let (group, kind) = (&*link.object.group, &*link.object.kind);
        let is_unserved = || self.inventory().is_complete() && self.inventory().section(group, kind).is_none();
        match link.presence {
            // What an owner that is gone had is collected.
            _ if link.proof == Proof::OwnerReference || link.manager == Manager::Helm => false,
            Presence::Read => false,
            Presence::Missing => true,
            Presence::Unread => is_unserved(),
        }
    }

    /// Whether a Kustomization has its manifests from this source, which then must be there before it.
    fn is_source(&self, object: &Object, link: &Link) -> bool {
        let manager = self.inventory().find(&link.object).found();
        let Some(custom) = manager.filter(|_| link.manager == Manager::Kustomization).and_then(Object::custom) else {
            return false;
        };
        let of = |field: &str| custom.spec_text(&format!("/sourceRef/{field}"));
        let namespace = if of("namespace").is_empty() { &*link.object.namespace } else { of("namespace") };
        *object.ty.group == *"source.toolkit.fluxcd.io"
            && *object.ty.kind == *of("kind")
            && *object.meta.name == *of("name")
            && *object.meta.namespace == *namespace
    }

    /// A certificate's Secret has no owner by default, and cert-manager writes it again as long as the Certificate is
    /// there (cert-manager, `internal/controller/certificates/secrets.go`). Copies elsewhere bear the annotation too.
    fn is_issued(&self, object: &Object) -> bool {
        let name = object.meta.annotations.get("cert-manager.io/certificate-name");
        let lookup =
            name.map(|name| self.inventory().get("cert-manager.io", "Certificate", &object.meta.namespace, name));
        object.is("", "Secret") && lookup.is_some_and(|lookup| lookup.found().is_some())
    }

    /// What Helm notes of a release (helm, `pkg/storage/driver/secrets.go`), where a HelmRelease makes that again: nobody
    /// runs `helm install` once more by itself.
    fn is_record_of_release(&self, object: &Object) -> bool {
        let is_driver = object.is("", "Secret") || object.is("", "ConfigMap");
        let name = object.meta.labels.get("name").unwrap_or_default();
        is_driver
            && object.meta.labels.has("owner", "helm")
            && object.meta.name.starts_with("sh.helm.release.v1.")
            && self.makes_release(&object.meta.namespace, name)
    }
}

/// Roles of the control plane by their names: the label that they bear is copied with a role.
fn is_bootstrap_role(name: &str) -> bool {
    name.starts_with("system:")
        || matches!(name, "cluster-admin" | "admin" | "edit" | "view" | "extension-apiserver-authentication-reader")
}

/// What every control plane makes by itself: namespaces and accounts that it needs, roles with its bootstrap label
/// (kubernetes, `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), priority classes of its own, the certificate in every
/// namespace (`pkg/controller/certificates/rootcacertpublisher`), default accounts (`pkg/controller/serviceaccount`).
fn is_of_control_plane(object: &Object) -> bool {
    let (name, labels) = (&*object.meta.name, &object.meta.labels);
    match (&*object.ty.group, &*object.ty.kind) {
        ("", "Namespace") => matches!(name, "default" | "kube-system" | "kube-public" | "kube-node-lease"),
        ("", "ConfigMap") => {
            name == "kube-root-ca.crt"
                || (&*object.meta.namespace == "kube-system"
                    && matches!(
                        name,
                        "extension-apiserver-authentication" | "kube-apiserver-legacy-service-account-token-tracking"
                    ))
        }
        ("", "ServiceAccount") => name == "default",
        ("", "Service") => &*object.meta.namespace == "default" && name == "kubernetes",
        ("", "Node") => true,
        ("rbac.authorization.k8s.io", _) => {
            labels.get("kubernetes.io/bootstrapping").is_some() && is_bootstrap_role(name)
        }
        ("scheduling.k8s.io", _) => name.starts_with("system-"),
        ("flowcontrol.apiserver.k8s.io", _) => {
            matches!(
                name,
                "exempt"
                    | "catch-all"
                    | "global-default"
                    | "leader-election"
                    | "node-high"
                    | "probes"
                    | "service-accounts"
                    | "workload-high"
                    | "workload-low"
                    | "system"
            ) || name.starts_with("system-")
                || name.starts_with("kube-")
                || name == "endpoint-controller"
                || name == "workload-leader-election"
        }
        ("networking.k8s.io", "ServiceCIDR") => name == "kubernetes",
        ("apiregistration.k8s.io", "APIService") => labels.get("kube-aggregator.kubernetes.io/automanaged").is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Rebuilder;
    use crate::object::{Decoded, InventoryBuilder, Scope, Section, SectionState, decode_object};
    use crate::ownership::Managers;
    use crate::ownership::testing::World;
    use serde_json::value::RawValue;

    #[test]
    fn every_object_is_made_again_by_its_nearest_manager_or_by_nobody() {
        let yaml = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
status: {inventory: {entries: [{id: a_web_apps_Deployment, v: v1}]}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: none, namespace: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a, uid: u1}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: a, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u1, controller: true}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-root-ca.crt, namespace: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: by-hand, namespace: a}
---
apiVersion: v1
kind: Secret
metadata: {name: sh.helm.release.v1.none.v1, namespace: a, labels: {owner: helm, name: none}}
---
apiVersion: v1
kind: Secret
metadata: {name: sh.helm.release.v1.x.v1, namespace: a, labels: {owner: helm, name: x}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: tls, namespace: a}
---
apiVersion: v1
kind: Secret
metadata: {name: tls, namespace: a, annotations: {cert-manager.io/certificate-name: tls}}
";
        let world = World::new(yaml);
        let managers = Managers::new(&world.inventory);
        let class = |kind: &str, name: &str| managers.rebuilder(world.object(kind, name));
        assert_eq!(class("Deployment", "web"), Rebuilder::Git);
        assert_eq!(class("ReplicaSet", "web-1"), Rebuilder::Controller);
        assert_eq!(class("ConfigMap", "kube-root-ca.crt"), Rebuilder::Controller);
        assert_eq!(class("ConfigMap", "by-hand"), Rebuilder::Nobody);
        assert_eq!(class("Secret", "sh.helm.release.v1.none.v1"), Rebuilder::Helm);
        assert_eq!(class("Secret", "sh.helm.release.v1.x.v1"), Rebuilder::Nobody, "nobody installs it again");
        assert_eq!(class("Secret", "tls"), Rebuilder::Controller);
    }

    #[test]
    fn marks_of_what_is_gone_elsewhere_or_copied_make_nothing_again() {
        let flux =
            "labels: {kustomize.toolkit.fluxcd.io/name: NAME, kustomize.toolkit.fluxcd.io/namespace: flux-system}";
        let yaml = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {sourceRef: {kind: GitRepository, name: flux-system}}
status: {inventory: {entries: [{id: flux-system_flux-system_source.toolkit.fluxcd.io_GitRepository, v: v1}, {id: a_listed__ConfigMap, v: v1}]}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: remote, namespace: flux-system}
spec: {kubeConfig: {secretRef: {name: other-cluster}}}
status: {inventory: {entries: [{id: a_remote__ConfigMap, v: v1}]}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: here, namespace: argocd}
spec: {destination: {server: https://kubernetes.default.svc}}
status: {resources: [{kind: ConfigMap, namespace: a, name: synced}, {kind: ConfigMap, namespace: a, name: pruned, requiresPruning: true}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: there, namespace: argocd}
spec: {destination: {server: https://other.example.com}}
status: {resources: [{kind: ConfigMap, namespace: a, name: elsewhere}]}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: edit, labels: {kubernetes.io/bootstrapping: rbac-defaults}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: team-edit, labels: {kubernetes.io/bootstrapping: rbac-defaults}}
---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: events, namespace: a}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-0, namespace: a, labels: {strimzi.io/cluster: events}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: left, namespace: a, labels: {strimzi.io/cluster: deleted}}
---
apiVersion: v1
kind: Secret
metadata: {name: events-cluster-ca, namespace: a, labels: {strimzi.io/cluster: events}}
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: old, namespace: a, labels: {strimzi.io/cluster: events}}
---
apiVersion: v1
kind: Secret
metadata: {name: copied, namespace: a, annotations: {cert-manager.io/certificate-name: elsewhere}}
";
        let config_map = |name: &str, more: &str| {
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: a{more}}}\n")
        };
        let names = ["listed", "remote", "synced", "pruned", "elsewhere"].map(|name| config_map(name, ""));
        let gone = config_map("gone", &format!(", {}", flux.replace("NAME", "removed")));
        let world = World::new(&format!("{yaml}{}{gone}", names.concat()));
        let managers = Managers::new(&world.inventory);
        for (kind, name, expected) in [
            ("ConfigMap", "listed", Rebuilder::Git),
            ("ConfigMap", "remote", Rebuilder::Nobody),
            ("ConfigMap", "synced", Rebuilder::Git),
            ("ConfigMap", "pruned", Rebuilder::Nobody),
            ("ConfigMap", "elsewhere", Rebuilder::Nobody),
            ("ConfigMap", "gone", Rebuilder::Nobody),
            ("GitRepository", "flux-system", Rebuilder::Nobody),
            ("ClusterRole", "edit", Rebuilder::Controller),
            ("ClusterRole", "team-edit", Rebuilder::Nobody),
            ("PersistentVolumeClaim", "data-0", Rebuilder::Controller),
            ("PersistentVolumeClaim", "left", Rebuilder::Nobody),
            ("Secret", "events-cluster-ca", Rebuilder::Nobody),
            ("Secret", "copied", Rebuilder::Nobody),
            ("VolumeSnapshot", "old", Rebuilder::Nobody),
        ] {
            assert_eq!(managers.rebuilder(world.object(kind, name)), expected, "{kind} {name}");
        }
    }

    #[test]
    fn without_the_managers_nobody_can_tell() {
        let json = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"by-hand","namespace":"a"}}"#;
        let raw = RawValue::from_string(json.to_owned()).expect("JSON");
        let mut builder = InventoryBuilder::new(Scope::Cluster, false);
        builder.push(decode_object(&raw).unwrap_or(Decoded::Nothing));
        let inventory = builder.finish();
        assert_eq!(Managers::new(&inventory).rebuilder(&inventory.objects()[0]), Rebuilder::Unknown);
    }

    #[test]
    fn a_manager_may_lie_in_a_namespace_that_was_not_read() {
        let class = |scope: Scope, has_flux: bool| {
            let json = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"by-hand","namespace":"a"}}"#;
            let raw = RawValue::from_string(json.to_owned()).expect("JSON");
            let mut builder = InventoryBuilder::new(scope, true);
            if has_flux {
                builder.section(Section {
                    group: "kustomize.toolkit.fluxcd.io".into(),
                    kind: "Kustomization".into(),
                    resource: "kustomizations".into(),
                    state: SectionState::Read(0),
                });
            }
            builder.push(decode_object(&raw).unwrap_or(Decoded::Nothing));
            let inventory = builder.finish();
            Managers::new(&inventory).rebuilder(&inventory.objects()[0])
        };
        let narrow = || Scope::Namespaces(vec!["a".into()]);
        assert_eq!(class(Scope::Cluster, true), Rebuilder::Nobody);
        assert_eq!(class(narrow(), true), Rebuilder::Unknown);
        assert_eq!(class(narrow(), false), Rebuilder::Nobody, "without Flux there is no manager elsewhere");
    }
}
