//! Whom a rule of a NetworkPolicy may let through: what is not known counts as let through, so that "no" is certain.

use crate::record::pod::Port;
use crate::record::policy::{Block, Peer, PortRange};
use crate::record::{Records, Workload};
use mlops_shared::object::Labels;
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;

/// The label that an API server gives every namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// The namespaces that were read, with their labels.
pub(super) struct Scene<'a> {
    namespaces: HashMap<&'a str, Labels>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(records: &'a Records) -> Self {
        let with_name = |name: &'a str, labels: &'a Labels| {
            let others = labels.iter().filter(|(key, _)| *key != NAME);
            (name, others.chain([(NAME, name)]).collect())
        };
        let namespaces = records.namespaces.iter().map(|namespace| &namespace.head.meta);
        Self { namespaces: namespaces.map(|meta| with_name(meta.name.as_str(), &meta.labels)).collect() }
    }

    /// Whether a namespace was read.
    pub(super) fn knows(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }

    /// Whether the namespace may be one that a peer means, in a policy of the namespace `home`.
    pub(super) fn may_be_in(&self, peer: &Peer, home: &str, namespace: &str) -> bool {
        match &peer.namespace_selector {
            None => namespace == home,
            Some(selector) => self.namespaces.get(namespace).is_none_or(|labels| selector.matches(labels)),
        }
    }

    /// Whether a peer's selector of namespaces takes none of those that were read.
    pub(super) fn means_none(&self, peer: &Peer) -> bool {
        let selector = peer.namespace_selector.as_ref();
        selector.is_some_and(|selector| !self.namespaces.values().any(|labels| selector.matches(labels)))
    }

    /// Whether a peer may be the pods of a workload. Which addresses a block means is not known of pods.
    pub(super) fn may_be(&self, peer: &Peer, home: &str, other: &Workload) -> bool {
        peer.ip_block.is_some()
            || self.may_be_in(peer, home, &other.head.meta.namespace)
                && peer.pod_selector.as_ref().is_none_or(|selector| selector.matches(&other.labels))
    }
}

/// Whether ports of a rule (none: all) may take a TCP port of a workload.
pub(super) fn takes_port(ports: &[PortRange], wanted: i64, of: &Workload) -> bool {
    let named = |name: &str| {
        let mut same =
            of.spec.all_containers().flat_map(|container| &container.ports).filter(|port| &*port.name == name);
        // A name that no container has may still come with the next release.
        let first = same.next();
        first.is_none_or(|port| is_port(port, wanted)) || same.any(|port| is_port(port, wanted))
    };
    let takes = |range: &PortRange| {
        matches!(&*range.protocol, "" | "TCP")
            && match &range.port {
                None | Some(Value::Null) => true,
                Some(Value::Number(number)) => is_within(number.as_i64(), range.end_port, wanted),
                Some(Value::String(name)) => named(name),
                Some(_) => true,
            }
    };
    ports.is_empty() || ports.iter().any(takes)
}

fn is_port(port: &Port, wanted: i64) -> bool {
    port.container_port == Some(wanted)
}

/// Whether a number is a port, or in a range of them.
pub(super) fn is_within(start: Option<i64>, end: Option<i64>, wanted: i64) -> bool {
    start.is_some_and(|start| (start..=end.unwrap_or(start)).contains(&wanted))
}

/// Whether a block leaves out an address, by one of its exceptions.
pub(super) fn leaves_out(block: &Block, address: IpAddr) -> bool {
    block.except.iter().any(|range| holds(range, address))
}

/// Whether a range in CIDR form holds an address. What is no range holds nothing.
fn holds(range: &str, address: IpAddr) -> bool {
    let Some((start, length)) = range.split_once('/') else { return false };
    let (Ok(start), Ok(length)) = (start.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let same =
        |one: u128, two: u128, width: u32| length <= width && (one ^ two).checked_shr(width - length).unwrap_or(0) == 0;
    match (start, address) {
        (IpAddr::V4(one), IpAddr::V4(two)) => same(u32::from(one).into(), u32::from(two).into(), 32),
        (IpAddr::V6(one), IpAddr::V6(two)) => same(one.into(), two.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses() {
        for (range, address, want) in [
            ("169.254.0.0/16", "169.254.169.254", true),
            ("169.254.169.254/32", "169.254.169.254", true),
            ("169.254.1.0/24", "169.254.169.254", false),
            ("0.0.0.0/0", "169.254.169.254", true),
            ("fd00:ec2::/32", "fd00:ec2::254", true),
            ("fd00:ec3::/32", "fd00:ec2::254", false),
            ("::/0", "fd00:ec2::254", true),
            ("::/0", "169.254.169.254", false),
            ("169.254.169.254", "169.254.169.254", false),
            ("169.254.169.254/33", "169.254.169.254", false),
            ("nonsense/8", "169.254.169.254", false),
        ] {
            assert_eq!(holds(range, address.parse().expect("an address")), want, "{range} {address}");
        }
    }
}
