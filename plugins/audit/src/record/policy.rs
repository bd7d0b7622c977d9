//! NetworkPolicies, and the policies of other kinds that are seen but not evaluated.

use super::Head;
use mlops_shared::object::{Meta, Selector, Sym, TypeMeta};
use mlops_shared::record;
use serde_json::value::RawValue;
use serde_json::{Error, Value};
use std::sync::Arc;

/// A NetworkPolicy.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Type, metadata, place.
    pub head: Head,
    /// What it says.
    pub spec: PolicySpec,
}

record! {
    /// What a NetworkPolicy says.
    pub struct PolicySpec {
        /// The pods of its namespace that it isolates.
        pod_selector: Selector,
        /// Who may come in; empty for nobody.
        ingress: Vec<IngressRule>,
        /// Where they may go; empty for nowhere.
        egress: Vec<EgressRule>,
        /// The directions that it isolates; where absent they follow from the rules.
        policy_types: Vec<Sym>,
    }

    /// A rule that lets in.
    pub struct IngressRule {
        /// From where; empty for everywhere.
        from: Vec<Peer>,
        /// To which ports; empty for all.
        ports: Vec<PortRange>,
    }

    /// A rule that lets out.
    pub struct EgressRule {
        /// To where; empty for everywhere.
        to: Vec<Peer>,
        /// On which ports; empty for all.
        ports: Vec<PortRange>,
    }

    /// One end of a connection.
    pub struct Peer {
        /// Pods; with `namespaceSelector` in those namespaces, else in the policy's own.
        pod_selector: Option<Selector>,
        /// Namespaces.
        namespace_selector: Option<Selector>,
        /// Addresses.
        ip_block: Option<Block>,
    }

    /// Addresses.
    pub struct Block {
        /// The range.
        cidr: Sym,
        /// Ranges that are not meant.
        except: Vec<Sym>,
    }

    /// Ports.
    pub struct PortRange {
        /// A number or a name; absent for all.
        port: Option<Value>,
        /// The last one of a range.
        end_port: Option<i64>,
        /// TCP where absent.
        protocol: Sym,
    }

    struct Wire {
        metadata: Meta,
        spec: PolicySpec,
    }
}

/// A direction of traffic, as seen from a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Towards the pod.
    Ingress,
    /// From the pod.
    Egress,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// Its word in policies.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }
}

impl Policy {
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_str(item.get())?;
        Ok(Self { head: Head::in_namespace(ty, wire.metadata), spec: wire.spec })
    }

    /// Whether it isolates the pods that it selects in this direction. Without `policyTypes` it isolates
    /// ingress always, and egress where it has a rule for it: an empty list of egress rules does not.
    pub fn isolates(&self, direction: Direction) -> bool {
        let types = &self.spec.policy_types;
        if types.is_empty() {
            return direction == Direction::Ingress || !self.spec.egress.is_empty();
        }
        types.iter().any(|word| word.as_str() == direction.word())
    }

    /// The peers and ports of every rule of a direction that it isolates; no peers are everybody, no ports all.
    pub fn rules(&self, direction: Direction) -> Vec<(&[Peer], &[PortRange])> {
        match direction {
            _ if !self.isolates(direction) => Vec::new(),
            Direction::Ingress => {
                self.spec.ingress.iter().map(|rule| (rule.from.as_slice(), rule.ports.as_slice())).collect()
            }
            Direction::Egress => {
                self.spec.egress.iter().map(|rule| (rule.to.as_slice(), rule.ports.as_slice())).collect()
            }
        }
    }
}
