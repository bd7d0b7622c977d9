//! Network isolation: who may talk to whom, per direction, by NetworkPolicies.

mod codes;
mod git;
mod isolation;
mod peers;
mod plugin;
mod reach;

pub(crate) use codes::CODES;
pub use isolation::{unprotected, workloads};

use crate::check::Asked;
use crate::finding::Finding;
use crate::record::policy::{Direction, Peer, Policy, PortRange};
use crate::record::{Custom, Workload};
use crate::severity::Severity::{Info, Low, Medium};
use crate::workloads::is_of_system;
use codes::*;
use isolation::Policies;
use mlops_shared::object::{ObjectRef, Section, Sym};
use peers::{Scene, is_within, leaves_out};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Kinds that are read where they are there: policies of other kinds, and what Flux fetches from elsewhere.
pub(crate) const LIKES: &[(&str, &str)] = &[
    ("cilium.io", "CiliumNetworkPolicy"),
    ("cilium.io", "CiliumClusterwideNetworkPolicy"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "GlobalNetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
    ("policy.networking.k8s.io", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
];

/// Those of [`LIKES`] that decide too, and are not evaluated: group, kind.
const OTHER_POLICIES: &[(&str, &str)] = LIKES.split_at(LIKES.len() - 3).0;

/// Names of workloads in a line before the rest is counted.
const NAMED: usize = 8;

/// The findings on network isolation.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let records = asked.records;
    let policies = Policies::new(records);
    let workloads = workloads(records);
    let scene = Scene::new(records);
    let mut found = other_policies(&records.customs);
    // Policies of other kinds may let through what these do not, and some of these may not be seen.
    if found.is_empty() && !asked.sections.iter().any(is_hidden) {
        found.extend(reach::check(&workloads, &policies, &scene));
        found.extend(git::check(records, &workloads, &policies));
    }
    found.extend(plugin::check(asked));
    found.extend(namespaces(asked, &policies, &workloads));
    for policy in &records.policies {
        found.extend(policy_findings(asked, policy, &workloads, &scene));
    }
    for (object, members) in &workloads {
        found.extend(workload_findings(object, members, &policies, &scene));
    }
    found
}

/// Whether a kind of policy may be there, for it could not be read, or not in all namespaces.
fn is_hidden(section: &Section) -> bool {
    section.state.gap().is_some() && OTHER_POLICIES.contains(&(&*section.group, &*section.kind))
}

/// One finding a namespace that has workloads and denies nothing by default.
fn namespaces(
    asked: &Asked<'_>,
    policies: &Policies<'_>,
    workloads: &BTreeMap<ObjectRef, Vec<&Workload>>,
) -> Vec<Finding> {
    let used: BTreeSet<&Sym> = workloads.keys().map(|object| &object.namespace).collect();
    let heads = asked.records.namespaces.iter().map(|namespace| (&namespace.head.meta.name, Some(&namespace.head)));
    let mut all: BTreeMap<&Sym, Option<&crate::record::Head>> = used.iter().map(|name| (*name, None)).collect();
    all.extend(heads);
    let found = all.into_iter().filter(|(name, _)| !is_of_system(name)).filter_map(|(name, head)| {
        let denies = |direction: Direction| {
            policies.of(name).iter().any(|policy| {
                policy.spec.pod_selector.is_empty() && policy.isolates(direction) && policy.rules(direction).is_empty()
            })
        };
        let open: Vec<&str> =
            Direction::ALL.into_iter().filter(|direction| !denies(*direction)).map(Direction::word).collect();
        if open.is_empty() {
            return None;
        }
        let count = workloads.keys().filter(|object| object.namespace == *name).count();
        let what = if policies.of(name).is_empty() { "no NetworkPolicy at all" } else { "no default deny" };
        let message = format!("{what} for {} ({})", open.join(" and "), mlops_shared::text::plural(count, "workload"));
        let is_unused = count == 0 && asked.is_known("", "Pod");
        let severity = if is_unused { Info } else { Medium };
        Some(match head {
            Some(head) => head.finding(&NETPOL_NO_DEFAULT_DENY, severity, message),
            None => {
                let object = ObjectRef::new("", "Namespace", "", name);
                Finding::new(&NETPOL_NO_DEFAULT_DENY, severity, object, message)
            }
        })
    });
    found.collect()
}

/// What is wrong with one policy.
fn policy_findings(
    asked: &Asked<'_>,
    policy: &Policy,
    workloads: &BTreeMap<ObjectRef, Vec<&Workload>>,
    scene: &Scene<'_>,
) -> Vec<Finding> {
    let head = &policy.head;
    let mut found = Vec::new();
    let selected: Vec<&ObjectRef> = workloads
        .iter()
        .filter(|(object, members)| {
            object.namespace == head.meta.namespace
                && members.iter().any(|member| policy.spec.pod_selector.matches(&member.labels))
        })
        .map(|(object, _)| object)
        .collect();
    // Of files only what they hold is known: pods may be elsewhere.
    if selected.is_empty() && !policy.spec.pod_selector.is_empty() && asked.is_known("", "Pod") {
        found.push(head.finding(&NETPOL_DANGLING, Low, "its podSelector selects no pod and no template"));
    }
    for direction in Direction::ALL {
        let word = direction.word().to_lowercase();
        for (number, (peers, ports)) in policy.rules(direction).into_iter().enumerate() {
            if peers.is_empty() && ports.is_empty() {
                let message = format!("a rule of {word} has neither peers nor ports: everything is let through");
                found.push(head.finding(&NETPOL_ALLOW_ALL, Medium, message).at(word.as_str()));
            } else if let Some(open) = peers.iter().find_map(|peer| world(peer, direction)) {
                let message = format!("a rule of {word} is open to {open}");
                found.push(head.finding(&NETPOL_WORLD_OPEN, Medium, message).at(word.as_str()));
            }
            // Of some namespaces or of files only a part is known.
            if asked.is_known("", "Namespace") {
                let nobody = peers.iter().enumerate().filter(|(_, peer)| scene.means_none(peer));
                found.extend(nobody.map(|(index, _)| {
                    let message = format!("a peer of {word} selects no namespace: nobody is meant by it");
                    head.finding(&NETPOL_DANGLING, Low, message).at(format!("{word}[{number}][{index}]"))
                }));
            }
        }
    }
    found.dedup_by(|one, two| one.code.id == two.code.id && one.path == two.path);
    found
}

/// Where a cloud's metadata service listens, which hands out the node's credentials.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];

/// The range of a peer that is all addresses; on the way out not where the metadata service is left out.
fn world(peer: &Peer, direction: Direction) -> Option<&str> {
    let block = peer.ip_block.as_ref()?;
    let is_all = matches!(block.cidr.as_str(), "0.0.0.0/0" | "::/0");
    let spares_metadata = METADATA.into_iter().any(|address| leaves_out(block, address));
    (is_all && !(direction == Direction::Egress && spares_metadata)).then_some(block.cidr.as_str())
}

/// What is wrong with the isolation of one workload.
fn workload_findings(
    object: &ObjectRef,
    members: &[&Workload],
    policies: &Policies<'_>,
    scene: &Scene<'_>,
) -> Vec<Finding> {
    let Some(first) = members.first() else { return Vec::new() };
    if is_of_system(&object.namespace) {
        return Vec::new();
    }
    let finding = |code, severity, message: String| {
        Finding::new(code, severity, object.clone(), message).placed(first.head.place.clone())
    };
    let mut found = Vec::new();
    let isolating = |direction| policies.isolating(first, direction);
    if first.spec.host_network == Some(true) {
        let names: Vec<&str> =
            Direction::ALL.iter().flat_map(|it| isolating(*it)).map(|it| it.head.meta.name.as_str()).collect();
        if let Some(name) = names.first() {
            let message = format!("is in the node's network: NetworkPolicy {name} most likely does not hold for it");
            found.push(finding(&NETPOL_HOST_NETWORK, Low, message));
        }
        return found;
    }
    // Where the namespace has no policy at all, that is said once, of the namespace.
    if !policies.of(&object.namespace).is_empty() {
        let open: Vec<&str> = Direction::ALL
            .into_iter()
            .filter(|direction| members.iter().any(|member| !policies.isolate(member, *direction)))
            .map(Direction::word)
            .collect();
        if !open.is_empty() {
            let message = format!("no NetworkPolicy selects it for {}", open.join(" and "));
            found.push(finding(&NETPOL_UNPROTECTED, Medium, message).at(open.join("+")));
        }
    }
    let egress = isolating(Direction::Egress);
    if !egress.is_empty() && !egress.iter().any(|policy| lets_dns(policy, "UDP", scene)) {
        let names: Vec<&str> = egress.iter().take(NAMED).map(|policy| policy.head.meta.name.as_str()).collect();
        let has_tcp = egress.iter().any(|policy| lets_dns(policy, "TCP", scene));
        let only = if has_tcp { ", only TCP, which is what a port without a protocol means" } else { "" };
        let message = format!("no rule of {} lets it ask DNS on UDP 53{only}", names.join(", "));
        found.push(finding(&NETPOL_DNS_BLOCKED, Medium, message));
    }
    found
}

/// Namespaces that the cluster's DNS runs in, and what its pods bear there.
const DNS: [&str; 2] = ["kube-system", "openshift-dns"];

/// Whether an egress rule of a policy may let its pods ask DNS over a protocol. An address may be that of DNS.
fn lets_dns(policy: &Policy, protocol: &str, scene: &Scene<'_>) -> bool {
    let home = policy.head.meta.namespace.as_str();
    let is_dns = |port: &PortRange| {
        let own = if port.protocol.is_empty() { "TCP" } else { port.protocol.as_str() };
        own == protocol
            && match &port.port {
                None | Some(serde_json::Value::Null) => true,
                // OpenShift's listens on 5353.
                Some(serde_json::Value::Number(number)) => {
                    [53, 5353].into_iter().any(|wanted| is_within(number.as_i64(), port.end_port, wanted))
                }
                // Names resolve on the pods that are asked.
                Some(serde_json::Value::String(name)) => name.contains("dns"),
                Some(_) => false,
            }
    };
    let may_be_dns = |peer: &Peer| {
        let may_be_in = |namespace: &&str| scene.may_be_in(peer, home, namespace);
        peer.ip_block.is_some() || DNS.iter().filter(|it| **it == DNS[0] || scene.knows(it)).any(may_be_in)
    };
    policy.spec.egress.iter().any(|rule| {
        (rule.to.is_empty() || rule.to.iter().any(may_be_dns))
            && (rule.ports.is_empty() || rule.ports.iter().any(is_dns))
    })
}

/// Policies of other kinds, by kind.
fn other_policies(customs: &[Custom]) -> Vec<Finding> {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Custom>> = BTreeMap::new();
    for custom in customs {
        let kind = (&*custom.head.ty.group, &*custom.head.ty.kind);
        if OTHER_POLICIES.contains(&kind) {
            kinds.entry(kind).or_default().push(custom);
        }
    }
    let told = kinds.into_values().filter_map(|policies| {
        let first = policies.first()?;
        let count = mlops_shared::text::plural(policies.len(), &first.head.ty.kind);
        Some(first.head.finding(&NETPOL_NOT_EVALUATED, Info, format!("{count} decide too and are not evaluated")))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found};

    const POD: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: n}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: n, labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: n}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}
---
";

    /// The codes beside a default deny of a policy with this spec.
    fn codes(spec: &str) -> Vec<&'static str> {
        let policy = format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: n}}, spec: {spec}}}"
        );
        codes_of(&found(super::check, &format!("{POD}{policy}")))
    }

    fn egress(rules: &str) -> Vec<&'static str> {
        codes(&format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{rules}]}}"))
    }

    const DNS: &str = "{ports: [{port: 53, protocol: UDP}]}";

    #[test]
    fn dns_takes_udp_and_a_peer_that_may_be_it() {
        let kube_system = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}";
        for open in [
            DNS.to_owned(),
            format!(
                "{{to: [{{{kube_system}, podSelector: {{matchLabels: {{k8s-app: kube-dns}}}}}}], ports: [{{port: 53, protocol: UDP}}]}}"
            ),
            format!("{{to: [{{{kube_system}}}]}}"),
            "{to: [{namespaceSelector: {}}], ports: [{protocol: UDP}]}".to_owned(),
            "{to: [{ipBlock: {cidr: 169.254.20.10/32}}], ports: [{port: 53, protocol: UDP}]}".to_owned(),
        ] {
            assert!(egress(&open).is_empty(), "{open}: {:?}", egress(&open));
        }
        for closed in [
            "{ports: [{port: 53}]}",
            "{ports: [{port: 53, protocol: TCP}, {port: 443}]}",
            "{to: [{podSelector: {}}]}",
            "{to: [{namespaceSelector: {matchLabels: {a: b}}}], ports: [{port: 53, protocol: UDP}]}",
        ] {
            assert_eq!(egress(closed), ["netpol-dns-blocked"], "{closed}");
        }
    }

    #[test]
    fn all_addresses_are_the_world_unless_the_metadata_service_is_left_out() {
        let block = |cidr: &str, except: &str| {
            egress(&format!("{DNS}, {{to: [{{ipBlock: {{cidr: '{cidr}', except: [{except}]}}}}]}}"))
        };
        assert_eq!(block("0.0.0.0/0", ""), ["netpol-world-open"]);
        assert_eq!(block("0.0.0.0/0", "169.254.1.0/24"), ["netpol-world-open"], "another part of that range");
        assert!(block("0.0.0.0/0", "169.254.169.254/32").is_empty());
        assert!(block("0.0.0.0/0", "10.0.0.0/8, 169.254.0.0/16").is_empty());
        assert_eq!(block("::/0", "'fe80::/10'"), ["netpol-world-open"]);
        assert!(block("::/0", "'fd00:ec2::254/128'").is_empty());
        assert!(block("10.0.0.0/8", "").is_empty());
        let ingress =
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}]}";
        assert_eq!(codes(ingress), ["netpol-dns-blocked", "netpol-world-open"], "on the way in nothing is spared");
    }

    #[test]
    fn rules_without_peers_and_ports_allow_all() {
        assert_eq!(egress("{}"), ["netpol-allow-all"]);
        let denied = "netpol-dns-blocked";
        assert_eq!(codes("{podSelector: {}, ingress: [{}]}"), ["netpol-allow-all", denied]);
        assert_eq!(codes("{podSelector: {}, ingress: [{ports: [{port: 80}]}]}"), [denied]);
        assert_eq!(codes("{podSelector: {}, policyTypes: [Ingress], egress: [{}]}"), [denied], "it isolates no egress");
    }

    #[test]
    fn a_default_deny_is_empty_in_selector_and_rules() {
        let of = |spec: &str| {
            let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: n}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}";
            let yaml = POD.replace(policy, &policy.replace("{podSelector: {}, policyTypes: [Ingress, Egress]}", spec));
            let all = found(super::check, &yaml);
            let message = all.iter().find(|finding| finding.code.id == "netpol-no-default-deny");
            message.map(|finding| finding.message.clone()).unwrap_or_default()
        };
        assert_eq!(of("{podSelector: {}, policyTypes: [Ingress, Egress]}"), "");
        assert!(of("{podSelector: {}}").starts_with("no default deny for Egress "));
        assert!(of("{podSelector: {}, egress: []}").starts_with("no default deny for Egress "), "no types, no egress");
        assert!(of("{podSelector: {matchLabels: {app: a}}}").starts_with("no default deny for Ingress and Egress"));
        assert!(
            of("{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{}]}")
                .starts_with("no default deny for Egress")
        );
    }

    #[test]
    fn policies_of_other_kinds_are_present_and_not_evaluated() {
        for (api_version, kind) in [
            ("cilium.io/v2", "CiliumNetworkPolicy"),
            ("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),
            ("crd.projectcalico.org/v1", "GlobalNetworkPolicy"),
            ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
            ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
        ] {
            let other = format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: x, namespace: n}}}}");
            let codes = codes_of(&found(super::check, &format!("{POD}{other}")));
            assert!(codes.contains(&"netpol-not-evaluated"), "{kind}: {codes:?}");
        }
    }
}
