//! Sources on the internet that policies certainly keep Flux' source-controller from.

use super::codes::NETPOL_CUTS_PLATFORM;
use super::isolation::Policies;
use super::peers::is_within;
use super::reach::is_source_controller;
use crate::finding::Finding;
use crate::record::policy::{Direction, EgressRule, Policy};
use crate::record::{Custom, Records, Workload};
use crate::severity::Severity::Medium;
use http::Uri;
use mlops_shared::object::ObjectRef;
use serde_json::Value;
use std::collections::BTreeMap;

/// Hosts that are never inside a cluster. Any other name may be that of a load balancer, whose traffic a node sends
/// straight to the pods behind it, on other ports.
const OUTSIDE: &[&str] = &[
    "bitbucket.org",
    "codeberg.org",
    "dev.azure.com",
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "github.com",
    "github.io",
    "gitlab.com",
    "quay.io",
    "registry.k8s.io",
    "ssh.dev.azure.com",
    "ssh.github.com",
];

/// The findings: one for each source-controller and port, with the sources that it cannot fetch.
pub(super) fn check(
    records: &Records,
    workloads: &BTreeMap<ObjectRef, Vec<&Workload>>,
    policies: &Policies<'_>,
) -> Vec<Finding> {
    let mut by_port: BTreeMap<i64, Vec<(String, &Custom)>> = BTreeMap::new();
    for source in records.customs.iter().filter(|it| &*it.head.ty.group == "source.toolkit.fluxcd.io") {
        if let Some((host, port)) = outside(source) {
            by_port.entry(port).or_default().push((host, source));
        }
    }
    let mut found = Vec::new();
    for (object, members) in workloads {
        let Some(first) = members.first().filter(|it| is_source_controller(it) && asks_itself(it)) else { continue };
        let isolating = policies.isolating(first, Direction::Egress);
        if isolating.is_empty() {
            continue;
        }
        for (port, sources) in &by_port {
            if isolating.iter().any(|policy| lets_out(policy, *port)) {
                continue;
            }
            let names: Vec<&str> = isolating.iter().map(|policy| policy.head.meta.name.as_str()).collect();
            let Some((host, source)) = sources.first() else { continue };
            let more = if sources.len() > 1 { format!(" and {} more", sources.len() - 1) } else { String::new() };
            let (kind, meta) = (&*source.head.ty.kind, &source.head.meta);
            let message = format!(
                "no rule of {} lets TCP {port} through to {host}, of {kind} {}/{}{more}: Flux cannot fetch it",
                names.join(", "),
                meta.namespace,
                meta.name
            );
            let finding = Finding::new(&NETPOL_CUTS_PLATFORM, Medium, object.clone(), message);
            found.push(finding.at(format!("Egress {port} outside")).placed(first.head.place.clone()));
        }
    }
    found
}

/// Host and port of a source that is certainly outside and is asked without a proxy of its own.
fn outside(source: &Custom) -> Option<(String, i64)> {
    let uri: Uri = source.text("/url").parse().ok()?;
    let host = uri.host()?.to_ascii_lowercase();
    let is_outside =
        OUTSIDE.iter().any(|known| host.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    let port = uri.port_u16().or(match uri.scheme_str()? {
        "https" | "oci" => Some(443),
        "http" => Some(80),
        "ssh" => Some(22),
        _ => None,
    })?;
    let content = &source.content;
    let is_left = content.spec_at("/proxySecretRef").is_some() || content.spec_true("/suspend");
    (is_outside && !is_left).then(|| (host, port.into()))
}

/// Whether nothing in its environment may name a proxy that it asks instead.
fn asks_itself(workload: &Workload) -> bool {
    workload.spec.all_containers().all(|container| {
        container.env_from.is_empty()
            && !container
                .env
                .iter()
                .any(|env| env.name.to_ascii_uppercase().ends_with("_PROXY") && &*env.name != "NO_PROXY")
    })
}

/// Whether a policy may let a TCP port through to an address that is no pod's.
fn lets_out(policy: &Policy, port: i64) -> bool {
    let may = |rule: &EgressRule| {
        let to = rule.to.is_empty() || rule.to.iter().any(|peer| peer.ip_block.is_some());
        to && (rule.ports.is_empty()
            || rule.ports.iter().any(|range| {
                matches!(&*range.protocol, "" | "TCP")
                    && match &range.port {
                        None | Some(Value::Null) => true,
                        Some(Value::Number(number)) => is_within(number.as_i64(), range.end_port, port),
                        // A name is one of a pod's ports.
                        Some(_) => false,
                    }
            }))
    };
    policy.spec.egress.iter().any(may)
}

#[cfg(test)]
mod tests {
    use crate::testing::found;

    fn cuts(env: &str, url: &str, egress: &str) -> Vec<String> {
        let yaml = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: source-controller, namespace: flux-system}}, spec: {{template: {{metadata: {{labels: {{app: source-controller}}}}, spec: {{containers: [{{name: manager, image: i, env: [{env}]}}]}}}}}}}}
---
{{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {{name: platform, namespace: flux-system}}, spec: {{url: '{url}'}}}}
---
{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: flux-system}}, spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{egress}]}}}}
"
        );
        let all = found(super::super::check, &yaml);
        let cuts = all.into_iter().filter(|finding| finding.code.id == "netpol-cuts-platform");
        cuts.map(|finding| format!("{} {}: {}", finding.object.name, finding.path, finding.message)).collect()
    }

    #[test]
    fn a_source_that_no_rule_lets_out_to_is_told() {
        let dns = "{ports: [{port: 53, protocol: UDP}]}";
        let want = "source-controller Egress 443 outside: no rule of p lets TCP 443 through to github.com, of \
                    GitRepository flux-system/platform: Flux cannot fetch it";
        assert_eq!(cuts("", "https://github.com/a/b", dns), [want]);
        assert_eq!(cuts("", "ssh://git@github.com/a/b", dns).len(), 1);
        assert_eq!(cuts("", "https://github.com/a/b", "{to: [{namespaceSelector: {}}]}").len(), 1, "pods only");
        assert_eq!(cuts("", "https://github.com/a/b", "{ports: [{port: 22}]}").len(), 1);
    }

    #[test]
    fn what_may_go_out_or_is_not_known_is_no_finding() {
        let dns = "{ports: [{port: 53, protocol: UDP}]}";
        for (env, url, egress) in [
            ("", "https://github.com/a/b", "{}"),
            ("", "https://github.com/a/b", "{ports: [{port: 443}]}"),
            ("", "https://github.com/a/b", "{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}"),
            ("", "ssh://git@github.com:2222/a/b", "{ports: [{port: 2000, endPort: 3000}]}"),
            ("", "https://git.example.org/a/b", dns),
            ("", "https://notgithub.com/a/b", dns),
            ("{name: HTTPS_PROXY, value: 'http://proxy:3128'}", "https://github.com/a/b", dns),
            ("", "no address", dns),
        ] {
            assert!(cuts(env, url, egress).is_empty(), "{env} {url} {egress}");
        }
    }
}
