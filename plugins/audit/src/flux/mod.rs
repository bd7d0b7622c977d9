//! Flux' own hardening list (fluxcd.io/flux/security/best-practices), item by item: the controllers' flags, the
//! sources, what is applied and with whose rights.

mod codes;
mod controllers;

pub(crate) use codes::CODES;
pub(crate) use controllers::{Applier, FLAGS, WITH_VALUE, applier};

use crate::check::Asked;
use crate::finding::Finding;
use crate::record::Custom;
use crate::severity::Severity::{High, Info, Low, Medium};
use codes::*;
use mlops_shared::text;

/// The kinds that Flux reads, and Deployments for its controllers: group, kind.
pub(crate) const NEEDS: &[(&str, &str)] = &[
    ("apps", "Deployment"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("notification.toolkit.fluxcd.io", "Provider"),
    ("notification.toolkit.fluxcd.io", "Receiver"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
];

/// An object that is suspended for more days is told.
const SUSPENDED_DAYS: i64 = 30;

/// The namespace that Flux is installed into, unless somebody chose another.
const HOME: &str = "flux-system";

/// Hosts whose webhook addresses hold a token.
const WEBHOOKS: &[&str] = &[
    "hooks.slack.com",
    "discord.com/api/webhooks",
    "discordapp.com/api/webhooks",
    "webhook.office.com",
    "logic.azure.com",
    "chat.googleapis.com",
    "open.feishu.cn",
    "api.telegram.org/bot",
];

/// The findings on Flux.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = controllers::check(asked.records);
    let has_default = |controller: &str| applier(asked.records, controller).default_account.is_some();
    let defaults = [has_default("kustomize-controller"), has_default("helm-controller")];
    for custom in &asked.records.customs {
        match &*custom.head.ty.group {
            "source.toolkit.fluxcd.io" => found.extend(source(custom)),
            "kustomize.toolkit.fluxcd.io" => found.extend(applied(custom, defaults[0])),
            "helm.toolkit.fluxcd.io" => found.extend(applied(custom, defaults[1])),
            "notification.toolkit.fluxcd.io" => found.extend(notification(custom)),
            _ => continue,
        }
        found.extend(suspended(asked, custom));
    }
    found
}

/// What is wrong with a source.
fn source(custom: &Custom) -> Vec<Finding> {
    let (head, spec) = (&custom.head, &custom.content);
    let mut found = Vec::new();
    let kind = &*head.ty.kind;
    let url = custom.text("/url");
    if url.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://")) {
        found.push(
            head.finding(&FLUX_PLAIN_SOURCE, High, "url is http: anybody on the way can change it").at("spec.url"),
        );
    } else if spec.spec_true("/insecure") {
        let (severity, what) =
            if is_inside(custom) { (Medium, "inside the cluster") } else { (High, "over the network") };
        let message = format!("insecure: true: fetched without TLS {what}");
        found.push(head.finding(&FLUX_PLAIN_SOURCE, severity, message).at("spec.insecure"));
    }
    if kind == "HelmRepository" && spec.spec_true("/passCredentials") {
        let message = "passCredentials: true sends the credentials to whatever host the index names";
        found.push(head.finding(&FLUX_PASS_CREDENTIALS, Medium, message).at("spec.passCredentials"));
    }
    if matches!(kind, "GitRepository" | "OCIRepository") && spec.spec_at("/verify").is_none() {
        found.push(head.finding(&FLUX_UNVERIFIED, Info, "spec.verify is not set: whoever can push decides what runs"));
    }
    found
}

/// Whether the address of a source is a Service of the cluster.
fn is_inside(custom: &Custom) -> bool {
    let address = [custom.text("/url"), custom.text("/endpoint")].into_iter().find(|it| !it.is_empty());
    let address = address.unwrap_or_default();
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    host.ends_with(".svc") || host.ends_with(".svc.cluster.local")
}

/// What is wrong with a Kustomization or HelmRelease. `has_default` tells that its controller gives those without an
/// account one that is not its own.
fn applied(custom: &Custom, has_default: bool) -> Vec<Finding> {
    let (head, spec) = (&custom.head, &custom.content);
    let (is_kustomization, is_release) = (&*head.ty.kind == "Kustomization", &*head.ty.kind == "HelmRelease");
    if !is_kustomization && !is_release {
        return Vec::new();
    }
    let mut found = Vec::new();
    let is_remote = spec.spec_at("/kubeConfig").is_some();
    if custom.text("/serviceAccountName").is_empty() && !has_default && !is_remote {
        // In Flux' own namespace it is the platform's administrators who write.
        let severity = if &*head.meta.namespace == HOME { Low } else { Medium };
        let message = "names no serviceAccountName: it is applied with the controller's own rights";
        found.push(head.finding(&FLUX_ACTS_AS_ADMIN, severity, message).at("spec.serviceAccountName"));
    }
    for pointer in ["/sourceRef", "/chartRef", "/chart/spec/sourceRef"] {
        let namespace = custom.text(&format!("{pointer}/namespace"));
        if !namespace.is_empty() && *namespace != *head.meta.namespace {
            let kind = custom.text(&format!("{pointer}/kind"));
            let message = format!("takes {kind} {} of namespace {namespace}", custom.text(&format!("{pointer}/name")));
            let path = format!("spec{}.namespace", pointer.replace('/', "."));
            found.push(head.finding(&FLUX_FOREIGN_SOURCE, Low, message).at(path));
        }
    }
    if is_kustomization && !spec.spec_true("/prune") {
        let message = "prune is off: what is deleted in Git stays in the cluster";
        found.push(head.finding(&FLUX_NO_PRUNE, Low, message).at("spec.prune"));
    }
    found
}

/// What is wrong with a receiver or provider. Addresses are never repeated.
fn notification(custom: &Custom) -> Vec<Finding> {
    let (head, ty) = (&custom.head, custom.text("/type"));
    let mut found = Vec::new();
    match &*head.ty.kind {
        "Receiver" if custom.text("/secretRef/name").is_empty() => {
            let message = "has no secretRef: nobody checks who calls it";
            found.push(head.finding(&FLUX_RECEIVER_OPEN, High, message).at("spec.secretRef"));
        }
        // The secret is only part of the path then: the call itself is not signed.
        "Receiver" if ty == "generic" => {
            let message = "is of type generic: whoever knows its path may call it";
            found.push(head.finding(&FLUX_RECEIVER_OPEN, Low, message).at("spec.type"));
        }
        "Provider" => {
            let address = custom.text("/address");
            if WEBHOOKS.iter().any(|host| address.contains(host)) {
                let message = format!("spec.address of the {ty} provider holds the webhook's token in clear text");
                found.push(head.finding(&FLUX_ADDRESS_IN_CLEAR, Medium, message).at("spec.address"));
            }
        }
        _ => {}
    }
    found
}

/// An object that somebody suspended long ago. In a file without managedFields it is not known since when.
fn suspended(asked: &Asked<'_>, custom: &Custom) -> Option<Finding> {
    if !custom.content.spec_true("/suspend") {
        return None;
    }
    let touch = custom.head.meta.managed_fields.last();
    let since = touch.and_then(|touch| touch.time.get());
    let Some(since) = since else {
        let message = "is suspended; since when is not known";
        return Some(custom.head.finding(&FLUX_LONG_SUSPENDED, Info, message).at("spec.suspend"));
    };
    let days = asked.now.duration_since(since).as_hours() / 24;
    if days <= SUSPENDED_DAYS {
        return None;
    }
    let days = text::plural(usize::try_from(days).unwrap_or_default(), "day");
    let by = touch.map_or_else(String::new, |touch| format!(" by {}", touch.manager));
    let message = format!("suspended for {days}{by}: no fix reaches the cluster");
    Some(custom.head.finding(&FLUX_LONG_SUSPENDED, Low, message).at("spec.suspend"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found};

    fn codes(kind: &str, spec: &str) -> Vec<&'static str> {
        let group = match kind {
            "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
            "HelmRelease" => "helm.toolkit.fluxcd.io/v2",
            "Receiver" | "Provider" => "notification.toolkit.fluxcd.io/v1",
            _ => "source.toolkit.fluxcd.io/v1",
        };
        codes_of(&found(
            super::check,
            &format!("{{apiVersion: {group}, kind: {kind}, metadata: {{name: x, namespace: n}}, spec: {spec}}}"),
        ))
    }

    #[test]
    fn sources_without_tls_are_told() {
        assert_eq!(codes("HelmRepository", "{url: 'http://charts.example.com'}"), ["flux-plain-source"]);
        assert_eq!(codes("HelmRepository", "{url: 'HTTP://charts.example.com'}"), ["flux-plain-source"]);
        assert_eq!(codes("Bucket", "{endpoint: 'minio.data.svc:9000', insecure: true}"), ["flux-plain-source"]);
        assert_eq!(
            codes("GitRepository", "{url: 'http://git.example.com/a'}"),
            ["flux-plain-source", "flux-unverified"]
        );
        assert!(codes("HelmRepository", "{url: 'https://charts.example.com'}").is_empty());
        assert!(codes("GitRepository", "{url: 'ssh://git@example.com/a', verify: {mode: HEAD}}").is_empty());
        assert_eq!(
            codes("HelmRepository", "{url: 'https://a.example.com', passCredentials: true}"),
            ["flux-pass-credentials"]
        );
    }

    #[test]
    fn whose_rights_are_used_is_told() {
        assert_eq!(codes("Kustomization", "{prune: true}"), ["flux-acts-as-admin"]);
        assert_eq!(codes("Kustomization", "{serviceAccountName: a}"), ["flux-no-prune"]);
        assert!(codes("Kustomization", "{prune: true, serviceAccountName: a, sourceRef: {namespace: n}}").is_empty());
        assert_eq!(
            codes("HelmRelease", "{serviceAccountName: a, chart: {spec: {sourceRef: {namespace: other}}}}"),
            ["flux-foreign-source"]
        );
        assert!(codes("Kustomization", "{prune: true, kubeConfig: {secretRef: {name: k}}}").is_empty());
    }

    #[test]
    fn a_default_account_of_the_controller_is_no_admin() {
        let objects = |flag: &str| {
            format!(
                "apiVersion: apps/v1
kind: Deployment
metadata: {{name: kustomize-controller, namespace: flux-system}}
spec: {{template: {{spec: {{containers: [{{name: manager, image: 'ghcr.io/fluxcd/kustomize-controller:v1.7.0', args: [{flag}]}}]}}}}}}
---
{{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {{name: x, namespace: n}}, spec: {{prune: true}}}}
"
            )
        };
        let without = codes_of(&found(super::check, &objects("'--no-remote-bases=true'")));
        assert_eq!(without, ["flux-acts-as-admin", "flux-cross-namespace", "flux-no-default-account"]);
        let want = ["flux-cross-namespace", "flux-insecure-flag", "flux-remote-bases"];
        for account in ["'--default-service-account=default'", "'--default-service-account', 'default'"] {
            let flags = format!("{account}, '--insecure-kubeconfig-exec'");
            assert_eq!(codes_of(&found(super::check, &objects(&flags))), want, "{account}");
        }
    }

    #[test]
    fn a_webhook_address_is_told_and_not_repeated() {
        let provider = "{type: slack, address: 'https://hooks.slack.com/services/CANARY'}";
        assert_eq!(codes("Provider", provider), ["flux-address-in-clear"]);
        let yaml = format!(
            "{{apiVersion: notification.toolkit.fluxcd.io/v1beta3, kind: Provider, metadata: {{name: x, namespace: n}}, spec: {provider}}}"
        );
        assert!(!format!("{:?}", found(super::check, &yaml)).contains("CANARY"));
        assert!(codes("Provider", "{type: slack, secretRef: {name: a}}").is_empty());
        assert_eq!(codes("Receiver", "{type: github}"), ["flux-receiver-open"]);
        assert!(codes("Receiver", "{type: github, secretRef: {name: t}}").is_empty());
    }

    #[test]
    fn long_suspension_is_told_by_its_age() {
        let of = |time: &str| {
            let yaml = format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: x
  namespace: n
  managedFields: [{{manager: flux, operation: Update, time: '{time}', fieldsV1: {{f:spec: {{f:suspend: {{}}}}}}}}]
spec: {{prune: true, serviceAccountName: a, suspend: true}}
"
            );
            found(super::check, &yaml)
        };
        assert!(of("2026-11-01T00:00:00Z").is_empty());
        let old = of("2026-09-01T00:00:00Z");
        assert_eq!(codes_of(&old), ["flux-long-suspended"]);
        assert!(old[0].message.contains("80 days by flux"), "{}", old[0].message);
    }
}
