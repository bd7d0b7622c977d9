//! Who would make an object again if it were lost.

use super::{Chain, Manager, Managers};
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
        of_chain(&self.of(object)).unwrap_or_else(|| {
            if is_of_control_plane(object) || is_issued(object) {
                Rebuilder::Controller
            } else if is_record_of_release(object) {
                Rebuilder::Helm
            } else if self.are_unread() {
                Rebuilder::Unknown
            } else {
                Rebuilder::Nobody
            }
        })
    }
}

/// The nearest manager decides: a pod is its controller's, whoever brought that one's owner.
fn of_chain(chain: &Chain) -> Option<Rebuilder> {
    Some(match chain.links.first()?.manager {
        Manager::Kustomization | Manager::FluxInstance | Manager::ResourceSet | Manager::Application => Rebuilder::Git,
        Manager::HelmRelease | Manager::Helm => Rebuilder::Helm,
        Manager::Controller => Rebuilder::Controller,
    })
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
        ("rbac.authorization.k8s.io", _) => labels.get("kubernetes.io/bootstrapping").is_some(),
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

/// A certificate's Secret has no owner by default, and cert-manager writes it again (cert-manager,
/// `internal/controller/certificates/secrets.go`).
fn is_issued(object: &Object) -> bool {
    object.is("", "Secret") && object.meta.annotations.get("cert-manager.io/certificate-name").is_some()
}

/// What Helm notes of a release (helm, `pkg/storage/driver/secrets.go`).
fn is_record_of_release(object: &Object) -> bool {
    let is_driver = object.is("", "Secret") || object.is("", "ConfigMap");
    is_driver && object.meta.labels.has("owner", "helm") && object.meta.name.starts_with("sh.helm.release.v1.")
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
metadata: {name: sh.helm.release.v1.x.v1, namespace: a, labels: {owner: helm}}
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
        assert_eq!(class("Secret", "sh.helm.release.v1.x.v1"), Rebuilder::Helm);
        assert_eq!(class("Secret", "tls"), Rebuilder::Controller);
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
