//! MinIO: TLS, metrics, what is reached from outside, and who uses the root account.

use super::codes::{MINIO_EXPOSED, MINIO_NO_TLS, MINIO_PUBLIC_METRICS, MINIO_ROOT_USED};
use crate::finding::Finding;
use crate::network::workloads;
use crate::record::{Custom, Records, Workload};
use crate::severity::Severity::{High, Medium};
use mlops_shared::object::{ObjectRef, Sym};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The label of a tenant's pods.
const TENANT: &str = "v1.min.io/tenant";

/// The findings on a tenant.
pub(super) fn tenant(custom: &Custom) -> Vec<Finding> {
    let (head, spec) = (&custom.head, &custom.content);
    let mut found = Vec::new();
    let is_off = spec.spec_at("/requestAutoCert").and_then(Value::as_bool) == Some(false);
    if is_off && spec.spec_list("/externalCertSecret").is_empty() {
        let message = "requestAutoCert is false and no externalCertSecret is given: the tenant speaks plain HTTP";
        found.push(head.finding(&MINIO_NO_TLS, Medium, message).at("spec.requestAutoCert"));
    }
    let is_public = |variable: &&Value| {
        variable["name"].as_str() == Some("MINIO_PROMETHEUS_AUTH_TYPE") && variable["value"].as_str() == Some("public")
    };
    if spec.spec_list("/env").iter().any(|variable| is_public(&variable)) {
        let message = "MINIO_PROMETHEUS_AUTH_TYPE is public: metrics need no token";
        found.push(head.finding(&MINIO_PUBLIC_METRICS, Medium, message).at("spec.env[MINIO_PROMETHEUS_AUTH_TYPE]"));
    }
    for part in ["minio", "console"] {
        if spec.spec_true(&format!("/exposeServices/{part}")) {
            let message = format!("exposeServices.{part} makes its Service a load balancer");
            found.push(head.finding(&MINIO_EXPOSED, High, message).at(format!("spec.exposeServices.{part}")));
        }
    }
    found
}

/// A Service that opens a tenant's pods to the outside. One that the operator made is told of the tenant.
pub(super) fn service(custom: &Custom) -> Vec<Finding> {
    let ty = custom.text("/type");
    // A label with a slash in it is no step of a JSON pointer.
    let tenant = custom.content.spec_at("/selector").and_then(|selector| selector.get(TENANT)).and_then(Value::as_str);
    let is_made = custom.head.meta.controller().is_some_and(|owner| &*owner.kind == "Tenant");
    match tenant {
        Some(tenant) if !is_made && matches!(ty, "NodePort" | "LoadBalancer") => {
            let message = format!("type {ty} opens tenant {tenant} to the outside");
            vec![custom.head.finding(&MINIO_EXPOSED, High, message).at("spec.type")]
        }
        _ => Vec::new(),
    }
}

/// The root credentials of every tenant: the Secret's name and the tenant.
fn roots(records: &Records) -> BTreeMap<Sym, ObjectRef> {
    let tenants = records.customs.iter().filter(|custom| custom.head.is("minio.min.io", "Tenant"));
    let pairs = tenants.flat_map(|custom| {
        let names = ["/configuration/name", "/credsSecret/name"].map(|pointer| custom.text(pointer));
        names.into_iter().filter(|name| !name.is_empty()).map(|name| (Sym::new(name), custom.head.reference()))
    });
    pairs.collect()
}

/// Workloads and Helm releases that name a tenant's root credentials. The name counts in other namespaces too: a
/// Secret is used there by a copy under the same name.
pub(super) fn root_users(records: &Records) -> Vec<Finding> {
    let roots = roots(records);
    if roots.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let message = |name: &str, tenant: &ObjectRef| format!("uses Secret {name}, the root credentials of {tenant}");
    for (object, members) in workloads(records) {
        let names: BTreeSet<&Sym> =
            members.iter().filter(|member| !is_of_tenant(member)).flat_map(|member| secrets(member)).collect();
        for (name, tenant) in names.into_iter().filter_map(|name| roots.get_key_value(name)) {
            let place = members.first().and_then(|member| member.head.place.clone());
            let finding = Finding::new(&MINIO_ROOT_USED, High, object.clone(), message(name, tenant));
            found.push(finding.at(name.as_str()).placed(place));
        }
    }
    let releases = records.customs.iter().filter(|custom| custom.head.is("helm.toolkit.fluxcd.io", "HelmRelease"));
    let releases = releases.filter_map(|custom| Some((custom, custom.content.spec_at("/values")?)));
    for (custom, values) in releases.chain(records.values.iter().map(|custom| (custom, &custom.content.spec))) {
        for (name, tenant) in roots.iter().filter(|(name, _)| names(values, name)) {
            found.push(custom.head.finding(&MINIO_ROOT_USED, High, message(name, tenant)).at(name.as_str()));
        }
    }
    found
}

fn is_of_tenant(workload: &Workload) -> bool {
    workload.labels.get(TENANT).is_some()
}

/// The Secrets that a workload's containers take their environment from.
fn secrets(workload: &Workload) -> impl Iterator<Item = &Sym> {
    let containers = workload.spec.all_containers();
    containers.flat_map(|container| {
        let single = container.env.iter().filter_map(|variable| variable.value_from.as_ref());
        let whole = container.env_from.iter().map(|from| &from.secret_ref.name);
        single.map(|from| &from.secret_key_ref.name).chain(whole)
    })
}

/// Whether a text somewhere in a value is `name`.
fn names(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name,
        Value::Array(items) => items.iter().any(|item| names(item, name)),
        Value::Object(fields) => fields.values().any(|inner| names(inner, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found};

    const TENANT: &str = "apiVersion: minio.min.io/v2
kind: Tenant
metadata: {name: t, namespace: data}
spec: SPEC
---
";

    fn codes(spec: &str, others: &str) -> Vec<&'static str> {
        codes_of(&found(super::super::check, &format!("{}{others}", TENANT.replace("SPEC", spec))))
    }

    #[test]
    fn settings_of_a_tenant_are_told() {
        let open = "{requestAutoCert: false, env: [{name: MINIO_PROMETHEUS_AUTH_TYPE, value: public}], exposeServices: {console: true}}";
        assert_eq!(codes(open, ""), ["minio-exposed", "minio-no-tls", "minio-public-metrics"]);
        assert!(codes("{env: [{name: MINIO_PROMETHEUS_AUTH_TYPE, value: jwt}]}", "").is_empty());
        assert!(codes("{requestAutoCert: false, externalCertSecret: [{name: c}]}", "").is_empty());
    }

    #[test]
    fn services_that_open_a_tenant_are_told() {
        let service = |ty: &str| {
            format!(
                "{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: data}}, spec: {{type: {ty}, selector: {{v1.min.io/tenant: t}}}}}}"
            )
        };
        assert_eq!(codes("{}", &service("NodePort")), ["minio-exposed"]);
        assert!(codes("{}", &service("ClusterIP")).is_empty());
    }

    #[test]
    fn applications_with_the_root_account_are_told_and_the_tenant_is_not() {
        let app = |label: &str| {
            format!(
                "apiVersion: apps/v1
kind: Deployment
metadata: {{name: mlflow, namespace: ml}}
spec: {{template: {{metadata: {{labels: {{{label}: t}}}}, spec: {{containers: [{{name: c, image: a/b:1, env: [{{name: K, valueFrom: {{secretKeyRef: {{name: root, key: k}}}}}}]}}]}}}}}}
"
            )
        };
        let spec = "{configuration: {name: root}}";
        assert_eq!(codes(spec, &app("app")), ["minio-root-used"]);
        assert!(codes(spec, &app("v1.min.io/tenant")).is_empty());
        assert!(codes("{configuration: {name: other}}", &app("app")).is_empty());
        let release = "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: h, namespace: ml}, spec: {values: {env: {K: {valueFrom: {secretKeyRef: {name: root}}}}}}}";
        assert_eq!(codes(spec, release), ["minio-root-used"]);
    }
}
