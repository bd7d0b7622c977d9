//! Connections that the platform lives by, and policies that certainly cut them.

use super::codes::NETPOL_CUTS_PLATFORM;
use super::isolation::Policies;
use super::peers::{Scene, takes_port};
use crate::finding::Finding;
use crate::record::Workload;
use crate::record::policy::{Direction, Policy};
use crate::severity::Severity::{self, Low, Medium};
use mlops_shared::object::ObjectRef;
use std::collections::BTreeMap;

/// A connection: who asks whom on which TCP port, and what for.
struct Pair {
    from: fn(&Workload) -> bool,
    to: fn(&Workload) -> bool,
    port: Port,
    what: &'static str,
    severity: Severity,
}

/// The port that is asked.
#[derive(Clone, Copy)]
enum Port {
    /// The product's own.
    Number(i64),
    /// The first one that the workload calls so.
    Named(&'static [&'static str]),
}

impl Port {
    fn of(self, workload: &Workload) -> Option<i64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Named(names) => {
                let mut ports = workload.spec.all_containers().flat_map(|container| &container.ports);
                ports.find(|port| names.contains(&&*port.name))?.container_port
            }
        }
    }
}

/// The connections. Strimzi's brokers and its operator speak on the ports of Strimzi's own policies
/// (strimzi-kafka-operator ListenersUtils and KafkaCluster), MinIO on 9000, Flux' source-controller on 9090.
const PAIRS: &[Pair] = &[
    Pair {
        from: is_strimzi_operator,
        to: is_kafka,
        port: Port::Number(9091),
        what: "Strimzi cannot roll or watch the brokers",
        severity: Medium,
    },
    Pair { from: is_kafka, to: is_kafka, port: Port::Number(9091), what: "brokers cannot replicate", severity: Medium },
    Pair {
        from: is_spark,
        to: is_minio,
        port: Port::Number(9000),
        what: "Spark jobs cannot read or write their data",
        severity: Medium,
    },
    Pair {
        from: is_mlflow,
        to: is_minio,
        port: Port::Number(9000),
        what: "MLflow cannot reach its artifacts",
        severity: Medium,
    },
    Pair {
        from: is_minio_operator,
        to: is_minio,
        port: Port::Number(9000),
        what: "the operator cannot manage the tenant",
        severity: Medium,
    },
    Pair {
        from: is_minio,
        to: is_minio,
        port: Port::Number(9000),
        what: "the servers of the tenant cannot reach each other",
        severity: Medium,
    },
    Pair {
        from: is_flux_applier,
        to: is_source_controller,
        port: Port::Number(9090),
        what: "Flux cannot fetch what it should apply",
        severity: Medium,
    },
    Pair {
        from: is_prometheus,
        to: is_of_platform,
        port: Port::Named(&["tcp-prometheus", "http-prom", "http-metrics", "metrics"]),
        what: "Prometheus cannot read its metrics",
        severity: Low,
    },
];

fn is_strimzi_operator(workload: &Workload) -> bool {
    workload.labels.has("strimzi.io/kind", "cluster-operator")
}

fn is_kafka(workload: &Workload) -> bool {
    workload.labels.has("strimzi.io/component-type", "kafka") && workload.labels.has("strimzi.io/kind", "Kafka")
}

fn is_minio(workload: &Workload) -> bool {
    workload.labels.get("v1.min.io/tenant").is_some()
}

fn is_minio_operator(workload: &Workload) -> bool {
    workload.labels.has("name", "minio-operator")
}

fn is_spark(workload: &Workload) -> bool {
    workload.labels.get("spark-role").is_some()
}

fn is_mlflow(workload: &Workload) -> bool {
    ["app", "app.kubernetes.io/name"].iter().any(|key| workload.labels.has(key, "mlflow"))
}

fn is_flux_applier(workload: &Workload) -> bool {
    ["kustomize-controller", "helm-controller"].iter().any(|name| workload.labels.has("app", name))
}

fn is_prometheus(workload: &Workload) -> bool {
    workload.labels.has("app.kubernetes.io/name", "prometheus")
}

/// Products that are measured wherever Prometheus is: whether it is told to ask another workload is not known.
fn is_of_platform(workload: &Workload) -> bool {
    is_kafka(workload) || is_minio(workload) || is_flux_applier(workload) || is_source_controller(workload)
}

pub(super) fn is_source_controller(workload: &Workload) -> bool {
    workload.labels.has("app", "source-controller")
}

/// A connection that is cut: the other ends, the port, and the names of the policies.
struct Cut<'a> {
    ends: Vec<&'a ObjectRef>,
    port: i64,
    policies: String,
}

/// Those of one kind that have to be the same product's: brokers of one cluster, servers of one tenant.
fn is_apart(from: &Workload, to: &Workload) -> bool {
    let differ = |key: &str| match (from.labels.get(key), to.labels.get(key)) {
        (Some(one), Some(two)) => one != two,
        _ => false,
    };
    differ("strimzi.io/cluster") || differ("v1.min.io/tenant")
}

/// The findings: one for each workload whose policies cut a connection, with those at the other end.
pub(super) fn check(
    workloads: &BTreeMap<ObjectRef, Vec<&Workload>>,
    policies: &Policies<'_>,
    scene: &Scene<'_>,
) -> Vec<Finding> {
    // By the workload whose policies cut, the pair, and the direction.
    let mut cuts: BTreeMap<(&ObjectRef, usize, Direction), Cut<'_>> = BTreeMap::new();
    for (place, pair) in PAIRS.iter().enumerate() {
        let ends = |is: fn(&Workload) -> bool| {
            let firsts = workloads.iter().filter_map(|(object, members)| Some((object, *members.first()?)));
            // In the node's network no policy is sure to hold.
            firsts.filter(move |(_, it)| is(it) && it.spec.host_network != Some(true)).collect::<Vec<_>>()
        };
        let sources = ends(pair.from);
        for (to, target) in ends(pair.to) {
            for (from, source) in &sources {
                if is_apart(source, target) {
                    continue;
                }
                let Some(port) = pair.port.of(target) else { continue };
                for direction in Direction::ALL {
                    let (own, other, at) = match direction {
                        Direction::Egress => (*source, target, *from),
                        Direction::Ingress => (target, *source, to),
                    };
                    let isolating = policies.isolating(own, direction);
                    if isolating.is_empty()
                        || isolating.iter().any(|it| lets(it, direction, other, target, port, scene))
                    {
                        continue;
                    }
                    let names: Vec<&str> = isolating.iter().map(|policy| policy.head.meta.name.as_str()).collect();
                    let end = if direction == Direction::Egress { to } else { *from };
                    let cut = cuts.entry((at, place, direction)).or_insert_with(|| Cut {
                        ends: Vec::new(),
                        port,
                        policies: names.join(", "),
                    });
                    cut.ends.push(end);
                }
            }
        }
    }
    let told = cuts.into_iter().filter_map(|((at, place, direction), Cut { ends, port, policies })| {
        let (pair, first) = (PAIRS.get(place)?, workloads.get(at)?.first()?);
        let rest = ends.len() - 1;
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let (word, end) = (if direction == Direction::Egress { "to" } else { "from" }, ends.first()?);
        let message = format!(
            "no rule of {policies} lets TCP {} through {word} {} {}/{}{more}: {}",
            port, end.kind, end.namespace, end.name, pair.what
        );
        let finding = Finding::new(&NETPOL_CUTS_PLATFORM, pair.severity, at.clone(), message);
        Some(finding.at(format!("{} {}", direction.word(), port)).placed(first.head.place.clone()))
    });
    told.collect()
}

/// Whether a policy may let a connection through: `other` is its other end, `target` whom it goes to.
fn lets(
    policy: &Policy,
    direction: Direction,
    other: &Workload,
    target: &Workload,
    port: i64,
    scene: &Scene<'_>,
) -> bool {
    let home = policy.head.meta.namespace.as_str();
    let mut rules = policy.rules(direction).into_iter();
    rules.any(|(peers, ports)| {
        (peers.is_empty() || peers.iter().any(|peer| scene.may_be(peer, home, other)))
            && takes_port(ports, port, target)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::found;

    const ENDS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: jobs, labels: {tier: compute}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: data}}
---
{apiVersion: v1, kind: Pod, metadata: {name: driver, namespace: jobs, labels: {spark-role: driver}}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: minio-0, namespace: data, labels: {v1.min.io/tenant: t}}, spec: {containers: [{name: c, image: i, ports: [{name: api, containerPort: 9000}]}]}}
---
";

    fn cuts(policy: &str) -> Vec<String> {
        let yaml = format!("{ENDS}apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n{policy}");
        let all = found(super::super::check, &yaml);
        let cuts = all.into_iter().filter(|finding| finding.code.id == "netpol-cuts-platform");
        cuts.map(|finding| format!("{} {}", finding.object.name, finding.path)).collect()
    }

    #[test]
    fn only_what_certainly_cuts_is_told() {
        let data = |ingress: &str| {
            cuts(&format!("metadata: {{name: p, namespace: data}}\nspec: {{podSelector: {{}}, ingress: [{ingress}]}}"))
        };
        let between = "{from: [{podSelector: {matchLabels: {v1.min.io/tenant: t}}}]}";
        assert_eq!(data(between), ["minio-0 Ingress 9000"], "only its own may come in");
        let jobs = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: jobs}}";
        for through in [
            format!("{{from: [{{{jobs}}}]}}"),
            format!("{{from: [{{{jobs}}}], ports: [{{port: 9000}}]}}"),
            format!("{{from: [{{{jobs}}}], ports: [{{port: api}}]}}"),
            format!("{{from: [{{{jobs}}}], ports: [{{port: 8000, endPort: 9100}}]}}"),
            "{from: [{namespaceSelector: {}}]}".to_owned(),
            "{ports: [{port: 9000}]}".to_owned(),
            "{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}".to_owned(),
        ] {
            assert!(data(&format!("{between}, {through}")).is_empty(), "{through}");
        }
        for blocked in [
            format!("{{from: [{{{jobs}}}], ports: [{{port: 9090}}]}}"),
            format!("{{from: [{{{jobs}}}], ports: [{{port: 9000, protocol: UDP}}]}}"),
            format!("{{from: [{{{jobs}, podSelector: {{matchLabels: {{a: b}}}}}}]}}"),
            "{from: [{podSelector: {}}]}".to_owned(),
        ] {
            assert_eq!(data(&format!("{between}, {blocked}")), ["minio-0 Ingress 9000"], "{blocked}");
        }
    }

    #[test]
    fn the_side_that_cuts_is_named() {
        let out = cuts(
            "metadata: {name: p, namespace: jobs}\nspec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}",
        );
        assert_eq!(out, ["driver Egress 9000"]);
        let other = "metadata: {name: p, namespace: data}\nspec: {podSelector: {matchLabels: {a: b}}}";
        assert!(cuts(other).is_empty(), "it selects neither");
    }

    #[test]
    fn metrics_are_asked_on_the_port_that_is_called_so() {
        let prometheus = "
{apiVersion: v1, kind: Pod, metadata: {name: prometheus-0, namespace: jobs, labels: {app.kubernetes.io/name: prometheus}}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: events-0, namespace: data, labels: {strimzi.io/kind: Kafka, strimzi.io/component-type: kafka, strimzi.io/cluster: events}}, spec: {containers: [{name: c, image: i, ports: [{name: tcp-prometheus, containerPort: 9404}]}]}}
---";
        let policy = |port: u16| {
            cuts(&format!(
                "metadata: {{name: p, namespace: data}}\nspec: {{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {{}}}}], ports: [{{port: {port}}}, {{port: 9000}}, {{port: 9091}}]}}]}}\n---{prometheus}"
            ))
        };
        assert_eq!(policy(9092), ["events-0 Ingress 9404"]);
        assert!(policy(9404).is_empty());
    }

    #[test]
    fn policies_that_are_not_evaluated_leave_nothing_certain() {
        let deny = "metadata: {name: p, namespace: data}\nspec: {podSelector: {}, policyTypes: [Ingress]}";
        assert_eq!(cuts(deny).len(), 2, "from jobs and between its own servers");
        let admin =
            "\n---\n{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: a}}";
        assert!(cuts(&format!("{deny}{admin}")).is_empty());
    }
}
