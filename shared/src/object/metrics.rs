//! What is in use: metrics.k8s.io's NodeMetrics and PodMetrics, and the kubelet's statistics of
//! filesystems and volumes.

use super::record::record;
use super::sym::{Sym, When};
use crate::text::Quantity;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The group that the kubelet's `/stats/summary` is filed under: it bears neither kind nor
/// apiVersion (its Go package is `k8s.io/kubelet/pkg/apis/stats/v1alpha1`).
pub const STATISTICS_GROUP: &str = "stats";
/// Its `apiVersion` in an inventory.
pub const STATISTICS_VERSION: &str = "stats/v1alpha1";
/// Its kind in an inventory; the object's name is the node's.
pub const STATISTICS_KIND: &str = "Summary";

record! {
    /// What one container uses.
    pub struct ContainerMetrics {
        /// The container's name.
        name: Sym,
        /// `cpu` and `memory`.
        usage: BTreeMap<Sym, Quantity>,
    }

    /// A NodeMetrics or PodMetrics (fields stand beside `metadata`).
    pub struct Metrics {
        /// The end of the window.
        timestamp: When,
        /// What the node uses.
        usage: BTreeMap<Sym, Quantity>,
        /// What the pod's containers use.
        containers: Vec<ContainerMetrics>,
    }

    /// A filesystem, as statfs or the storage driver reports it. What is absent was not reported.
    pub struct Filesystem {
        /// When it was measured.
        time: When,
        /// Its size in bytes.
        capacity_bytes: Option<Count>,
        /// Bytes that are used.
        used_bytes: Option<Count>,
        /// Bytes that a process without privileges can still write.
        available_bytes: Option<Count>,
        /// Inodes that it has.
        inodes: Option<Count>,
        /// Inodes that are used.
        inodes_used: Option<Count>,
        /// Inodes that are free.
        inodes_free: Option<Count>,
    }

    pub(super) struct WireReference { namespace: Sym, name: Sym, }
    pub(super) struct WireVolumeStatistics {
        name: Sym,
        pvc_ref: Option<WireReference>,
        time: When,
        capacity_bytes: Option<Count>,
        used_bytes: Option<Count>,
        available_bytes: Option<Count>,
        inodes: Option<Count>,
        inodes_used: Option<Count>,
        inodes_free: Option<Count>,
    }
    pub(super) struct WirePodStatistics { pod_ref: WireReference, volume: Vec<WireVolumeStatistics>, }
    pub(super) struct WireRuntime { image_fs: Option<Filesystem>, }
    pub(super) struct WireNodeStatistics { node_name: Sym, fs: Option<Filesystem>, runtime: WireRuntime, }
    pub(super) struct WireSummary { node: WireNodeStatistics, pods: Vec<WirePodStatistics>, }
}

impl Metrics {
    /// What is used of `resource`: the node's own figure, or the sum of the containers'.
    pub fn used(&self, resource: &str) -> Option<Quantity> {
        let of = |usage: &BTreeMap<Sym, Quantity>| usage.get(&Sym::new(resource)).copied();
        if let Some(used) = of(&self.usage) {
            return Some(used);
        }
        let parts: Vec<Quantity> = self.containers.iter().filter_map(|container| of(&container.usage)).collect();
        (!parts.is_empty()).then(|| parts.into_iter().sum())
    }
}

/// A count of bytes or inodes. Some filesystems report 2^64-1 of them: read as the largest `i64`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub i64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl serde::de::Visitor<'_> for Reader {
            type Value = Count;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a count")
            }
            fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
                Ok(Count(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            fn visit_i64<E>(self, count: i64) -> Result<Count, E> {
                Ok(Count(count.max(0)))
            }
            fn visit_f64<E>(self, count: f64) -> Result<Count, E> {
                // `as` saturates.
                Ok(Count((count as i64).max(0)))
            }
        }
        input.deserialize_any(Reader)
    }
}

/// One claim's volume as one pod's node sees it.
#[derive(Debug, Default, Clone)]
pub struct VolumeStatistics {
    /// The claim's namespace.
    pub namespace: Sym,
    /// The claim's name.
    pub claim: Sym,
    /// The pod that mounts it.
    pub pod: Sym,
    /// What was measured.
    pub filesystem: Filesystem,
}

/// What is kept of a node's summary: its filesystems, and the volumes of claims.
#[derive(Debug, Default, Clone)]
pub struct Statistics {
    /// The kubelet's filesystem: logs, emptyDir volumes.
    pub filesystem: Option<Filesystem>,
    /// The container runtime's, where images lie.
    pub image_filesystem: Option<Filesystem>,
    /// Volumes of claims, sorted by namespace, claim and pod.
    pub volumes: Box<[VolumeStatistics]>,
}

impl Statistics {
    /// The record of a summary.
    pub(super) fn from_wire(wire: WireSummary) -> Self {
        let mut volumes: Vec<VolumeStatistics> = Vec::new();
        for pod in wire.pods {
            for volume in pod.volume {
                // Without a claim it is an emptyDir, a projected token and the like.
                let Some(claim) = volume.pvc_ref.filter(|claim| !claim.name.is_empty()) else { continue };
                volumes.push(VolumeStatistics {
                    namespace: if claim.namespace.is_empty() { pod.pod_ref.namespace.clone() } else { claim.namespace },
                    claim: claim.name,
                    pod: pod.pod_ref.name.clone(),
                    filesystem: Filesystem {
                        time: volume.time,
                        capacity_bytes: volume.capacity_bytes,
                        used_bytes: volume.used_bytes,
                        available_bytes: volume.available_bytes,
                        inodes: volume.inodes,
                        inodes_used: volume.inodes_used,
                        inodes_free: volume.inodes_free,
                    },
                });
            }
        }
        volumes.sort_by(|one, two| (&one.namespace, &one.claim, &one.pod).cmp(&(&two.namespace, &two.claim, &two.pod)));
        Self { filesystem: wire.node.fs, image_filesystem: wire.node.runtime.image_fs, volumes: volumes.into() }
    }

    /// What this node measured of a claim's volume, once for each pod that mounts it.
    pub fn of_claim(&self, namespace: &str, claim: &str) -> &[VolumeStatistics] {
        let key =
            |volume: &VolumeStatistics| (volume.namespace.as_str(), volume.claim.as_str()).cmp(&(namespace, claim));
        let start = self.volumes.partition_point(|volume| key(volume).is_lt());
        let length = self.volumes[start..].partition_point(|volume| key(volume).is_eq());
        &self.volumes[start..start + length]
    }
}

#[cfg(test)]
mod tests {
    use crate::object::{Body, Decoded, Object, decode_object};
    use serde_json::value::RawValue;

    fn object(json: &str) -> Object {
        match decode_object(&RawValue::from_string(json.to_owned()).expect("json")) {
            Some(Decoded::Object(object)) => object,
            other => panic!("no object: {other:?}"),
        }
    }

    #[test]
    fn metrics_of_nodes_and_pods_are_read() {
        let node = object(
            r#"{"apiVersion":"metrics.k8s.io/v1beta1","kind":"NodeMetrics","metadata":{"name":"w1"},"timestamp":"2026-11-20T02:59:40Z","window":"20.1s","usage":{"cpu":"1512345678n","memory":"3145728Ki"}}"#,
        );
        let Body::Metrics(metrics) = &node.body else { panic!("{node:?}") };
        assert_eq!(metrics.used("cpu").map(|cpu| cpu.millis()), Some(1512));
        assert_eq!(metrics.used("memory").map(|memory| memory.units()), Some(3 << 30));
        assert!(metrics.timestamp.get().is_some());
        let pod = object(
            r#"{"apiVersion":"metrics.k8s.io/v1","kind":"PodMetrics","metadata":{"name":"p","namespace":"n"},"containers":[{"name":"a","usage":{"cpu":"250m","memory":"1Gi"}},{"name":"b","usage":{"cpu":"1","memory":"1Gi"}}]}"#,
        );
        let Body::Metrics(metrics) = &pod.body else { panic!("{pod:?}") };
        assert_eq!(metrics.used("cpu").map(|cpu| cpu.millis()), Some(1250));
        assert_eq!(metrics.used("nvidia.com/gpu"), None);
    }

    #[test]
    fn a_summary_is_known_by_its_shape() {
        let summary = object(
            r#"{"node":{"nodeName":"w1","fs":{"capacityBytes":18446744073709551615}},"pods":[
              {"podRef":{"name":"b","namespace":"n","uid":"u"},"volume":[{"name":"token"},{"name":"data","pvcRef":{"name":"data-0","namespace":"n"},"capacityBytes":100,"usedBytes":40,"availableBytes":60}]},
              {"podRef":{"name":"a","namespace":"n"},"volume":[{"name":"data","pvcRef":{"name":"data-0"}}]}]}"#,
        );
        assert_eq!((&*summary.meta.name, &*summary.ty.kind), ("w1", "Summary"));
        let Body::Statistics(statistics) = &summary.body else { panic!("{summary:?}") };
        assert_eq!(statistics.volumes.len(), 2, "volumes without a claim are left out");
        let found: Vec<&str> = statistics.of_claim("n", "data-0").iter().map(|volume| volume.pod.as_str()).collect();
        assert_eq!(found, ["a", "b"]);
        assert!(statistics.of_claim("n", "data-1").is_empty());
        let size = statistics.filesystem.as_ref().and_then(|filesystem| filesystem.capacity_bytes);
        assert_eq!(size.map(|size| size.0), Some(i64::MAX));
    }

    #[test]
    fn what_is_no_summary_stays_foreign() {
        for json in [r#"{"node":"w1"}"#, r#"{"node":{"nodeName":""}}"#, r#"{"a":1}"#, r#"[]"#] {
            assert!(decode_object(&RawValue::from_string(json.to_owned()).expect("json")).is_none(), "{json}");
        }
    }
}
