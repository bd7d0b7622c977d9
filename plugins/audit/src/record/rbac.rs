//! Roles and bindings.

use super::Head;
use mlops_shared::object::{Meta, Selector, Sym, TypeMeta};
use mlops_shared::record;
use serde_json::Error;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A Role or ClusterRole.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// Type, metadata, place.
    pub head: Head,
    /// What it allows.
    pub rules: Vec<Rule>,
    /// Of a ClusterRole that is made of others: selectors, any of which may take one.
    pub aggregates: Vec<Selector>,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Debug, Clone, Default)]
pub struct Binding {
    /// Type, metadata, place.
    pub head: Head,
    /// What it gives.
    pub role: RoleRef,
    /// Whom it gives it to.
    pub subjects: Vec<Subject>,
}

record! {
    /// One rule: any of its verbs on any of its resources.
    pub struct Rule {
        /// Verbs; `*` is all.
        verbs: Vec<Sym>,
        /// API groups; empty is the core group, `*` is all.
        api_groups: Vec<Sym>,
        /// `resource`, `resource/subresource`, `*` or `*/subresource`.
        resources: Vec<Sym>,
        /// Names; none is all.
        resource_names: Vec<Sym>,
        /// Paths that belong to no resource.
        #[serde(rename = "nonResourceURLs")]
        paths: Vec<Sym>,
    }

    /// The role that a binding gives.
    pub struct RoleRef {
        /// `Role` or `ClusterRole`.
        kind: Sym,
        /// Its name.
        name: Sym,
    }

    /// Whom a binding gives its role to.
    pub struct Subject {
        /// `User`, `Group` or `ServiceAccount`.
        kind: Sym,
        /// Name.
        name: Sym,
        /// Of a service account.
        namespace: Sym,
    }

    struct Aggregation {
        cluster_role_selectors: Vec<Selector>,
    }

    struct WireRole {
        metadata: Meta,
        rules: Vec<Rule>,
        aggregation_rule: Aggregation,
    }

    struct WireBinding {
        metadata: Meta,
        role_ref: RoleRef,
        subjects: Vec<Subject>,
    }
}

impl Role {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let wire: WireRole = serde_json::from_str(item.get())?;
        let aggregates = wire.aggregation_rule.cluster_role_selectors;
        Ok(Self { head: head(ty, wire.metadata), rules: wire.rules, aggregates })
    }
}

impl Binding {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let wire: WireBinding = serde_json::from_str(item.get())?;
        Ok(Self { head: head(ty, wire.metadata), role: wire.role_ref, subjects: wire.subjects })
    }

    /// Whether it gives its role in the whole cluster.
    pub fn is_cluster_wide(&self) -> bool {
        &*self.head.ty.kind == "ClusterRoleBinding"
    }
}

fn head(ty: &Arc<TypeMeta>, meta: Meta) -> Head {
    if ty.kind.starts_with("Cluster") { Head::new(ty, meta) } else { Head::in_namespace(ty, meta) }
}
