//! Whether anything in the cluster enforces NetworkPolicies: the network plugin, by its DaemonSet.

use super::codes::NETPOL_UNENFORCED;
use crate::check::Asked;
use crate::finding::Finding;
use crate::severity::Severity::{High, Info};
use mlops_shared::object::ObjectRef;
use mlops_shared::text;

/// DaemonSets and containers that enforce policies, by the name of either.
const ENFORCING: &[&str] = &[
    "anetd",
    "antrea-agent",
    "azure-npm",
    "calico-node",
    "canal",
    "cilium",
    "cilium-agent",
    "kube-network-policies",
    "kube-router",
    "ovnkube-node",
    "rke2-canal",
    "weave-net",
];

/// Containers of plugins that enforce none by themselves.
const ONLY_CONNECTS: &[&str] = &["kube-flannel"];

/// A finding where policies are there and no plugin is known to enforce them.
pub(super) fn check(asked: &Asked<'_>) -> Option<Finding> {
    let records = asked.records;
    if records.policies.is_empty() || !asked.is_known("apps", "DaemonSet") {
        return None;
    }
    let sets = || records.workloads.iter().filter(|workload| workload.head.is("apps", "DaemonSet"));
    let has = |names: &'static [&'static str]| {
        sets().find(move |set| {
            let containers = set.spec.containers.iter().map(|container| container.name.as_str());
            containers.chain([set.head.meta.name.as_str()]).any(|name| names.contains(&name))
        })
    };
    if has(ENFORCING).is_some() {
        return None;
    }
    let policies = text::plural(records.policies.len(), "NetworkPolicy");
    if let Some(set) = has(ONLY_CONNECTS) {
        let message =
            format!("flannel enforces no policies, and nothing else is there that does: {policies} without effect");
        return Some(set.head.finding(&NETPOL_UNENFORCED, High, message));
    }
    let object = ObjectRef::new("", "Namespace", "", "kube-system");
    let message = format!("it is not known whether anything enforces the {policies}: no known network plugin was seen");
    Some(Finding::new(&NETPOL_UNENFORCED, Info, object, message))
}

#[cfg(test)]
mod tests {
    use crate::check::Asked;
    use crate::severity::Severity::{High, Info};
    use crate::testing::records;
    use mlops_shared::object::{Section, SectionState, Sym};
    use mlops_shared::platform::Platform;

    #[test]
    fn what_enforces_policies_is_known_by_its_daemon_set() {
        let judge = |name: &str, container: &str, policies: bool| {
            let mut yaml = format!(
                "{{apiVersion: apps/v1, kind: DaemonSet, metadata: {{name: {name}, namespace: kube-system}}, spec: {{template: {{spec: {{containers: [{{name: {container}, image: i}}]}}}}}}}}\n"
            );
            if policies {
                yaml.push_str(
                    "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: n}}\n",
                );
            }
            let (records, platform) = (records(&yaml), Platform::built_in());
            let state = SectionState::Read(1);
            let sections =
                [Section { group: "apps".into(), kind: "DaemonSet".into(), resource: Sym::default(), state }];
            let now = jiff::Timestamp::UNIX_EPOCH;
            let of = |is_whole| {
                let asked = Asked {
                    records: &records,
                    sections: &sections,
                    is_whole,
                    platform: &platform,
                    server_version: None,
                    namespaces: &[],
                    target: None,
                    offered: None,
                    now,
                };
                super::check(&asked).map(|finding| finding.severity)
            };
            assert_eq!(of(false), None, "of files nothing is known");
            of(true)
        };
        assert_eq!(judge("calico-node", "calico-node", true), None);
        assert_eq!(judge("kube-flannel-ds", "kube-flannel", true), Some(High));
        assert_eq!(judge("kube-flannel-ds", "kube-network-policies", true), None);
        assert_eq!(judge("kube-proxy", "kube-proxy", true), Some(Info));
        assert_eq!(judge("kube-proxy", "kube-proxy", false), None, "there is nothing to enforce");
    }
}
