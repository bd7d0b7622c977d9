//! What a pod reserves and may use at most: the scheduler's effective requests, and limits.
//!
//! Follows `k8s.io/component-helpers/resource/helpers.go` v0.36 (`PodRequests`, `PodLimits`) with
//! status resources in use, as the scheduler and the kubelet call it: init containers and native
//! sidecars (KEP-753), pod overhead, resources of the pod as a whole (KEP-2837) and resizes in
//! place (KEP-1287, KEP-5419). Resources of claims (DRA) are not counted.

use super::pod::{Container, Pod};
use super::record::record;
use super::sym::Sym;
use crate::text::Quantity;
use std::collections::BTreeMap;

/// Amounts by resource name.
pub type Amounts = Box<[(Sym, Quantity)]>;

record! {
    /// `resources` of a container or pod, in its spec or its status.
    pub struct Resources {
        /// What is reserved.
        requests: BTreeMap<Sym, Quantity>,
        /// What is not exceeded.
        limits: BTreeMap<Sym, Quantity>,
    }
}

/// Requests and limits that count, where they are not those of the spec alone.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Effective {
    /// What is reserved.
    pub requests: Amounts,
    /// What is not exceeded.
    pub limits: Amounts,
}

/// What the node has done of a container's or pod's resources.
#[derive(Debug, Clone, Copy)]
pub(super) struct Actual<'a> {
    /// `status.resources`: in force.
    pub(super) actuated: &'a Resources,
    /// `status.allocatedResources`: promised by the node.
    pub(super) allocated: Option<&'a BTreeMap<Sym, Quantity>>,
    /// Whether the resize that the spec asks for can never be done, so that the spec does not count.
    pub(super) is_infeasible: bool,
}

impl Actual<'_> {
    /// What counts (`determineEffectiveRequests`, `determineEffectiveLimits`).
    pub(super) fn effective(self, spec: &Resources) -> Effective {
        let spec = (!self.is_infeasible).then_some(spec);
        let empty = BTreeMap::new();
        let requests =
            [spec.map_or(&empty, |spec| &spec.requests), &self.actuated.requests, self.allocated.unwrap_or(&empty)];
        let limits = [spec.map_or(&empty, |spec| &spec.limits), &self.actuated.limits];
        Effective { requests: largest(&requests), limits: largest(&limits) }
    }
}

fn largest(lists: &[&BTreeMap<Sym, Quantity>]) -> Amounts {
    let mut out: BTreeMap<&Sym, Quantity> = BTreeMap::new();
    for (name, amount) in lists.iter().flat_map(|list| list.iter()) {
        let known = out.entry(name).or_insert(*amount);
        *known = (*known).max(*amount);
    }
    out.into_iter().map(|(name, amount)| (name.clone(), amount)).collect()
}

/// Whether a resource can be asked for by the pod as a whole.
pub(super) fn is_pod_level(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

/// Whether a resource is an extended one: a GPU or another device that a plugin announces
/// (`IsExtendedResourceName` of `pkg/apis/core/v1/helper`).
pub fn is_extended(resource: &str) -> bool {
    resource.contains('/') && !resource.contains("kubernetes.io/") && !resource.starts_with("requests.")
}

fn find(list: &[(Sym, Quantity)], resource: &str) -> Option<Quantity> {
    list.iter().find(|(name, _)| &**name == resource).map(|(_, amount)| *amount)
}

impl Pod {
    /// What the scheduler reserves of `resource` for this pod. Of a pod that has ended nothing is
    /// reserved: see [`Pod::is_finished`].
    pub fn request(&self, resource: &str) -> Quantity {
        let whole = self.resources.as_ref().and_then(|whole| find(&whole.requests, resource));
        let reserved = whole.unwrap_or_else(|| self.peak(|container| container.request(resource)));
        reserved + find(&self.overhead, resource).unwrap_or_default()
    }

    /// What this pod may use of `resource` as far as limits are set; `None` when no container and
    /// not the pod as a whole has one. Containers without a limit are not bounded by it: see
    /// [`Pod::is_bounded`].
    pub fn limit(&self, resource: &str) -> Option<Quantity> {
        let whole = self.resources.as_ref().and_then(|whole| find(&whole.limits, resource));
        let limit = whole.unwrap_or_else(|| self.peak(|container| container.limit(resource)));
        (limit > Quantity::ZERO).then(|| limit + find(&self.overhead, resource).unwrap_or_default())
    }

    /// Whether neither the pod nor any of the containers that run along can use more of `resource`
    /// than a limit says.
    pub fn is_bounded(&self, resource: &str) -> bool {
        let whole = self.resources.as_ref().and_then(|whole| find(&whole.limits, resource));
        let running = self.containers.iter().chain(self.init.iter().filter(|container| container.restart_always));
        whole.is_some() || running.into_iter().all(|container| container.limit(resource) > Quantity::ZERO)
    }

    /// Names of all resources that it requests.
    pub fn requested_resources(&self) -> impl Iterator<Item = &Sym> {
        self.all_containers().flat_map(|container| container.requested().iter().map(|(name, _)| name))
    }

    /// The most that is in force at any time of the pod's life: the larger of the sum of its
    /// containers with its sidecars, and of any init container with the sidecars before it.
    fn peak(&self, of: impl Fn(&Container) -> Quantity) -> Quantity {
        let mut sidecars = Quantity::ZERO;
        let mut peak = Quantity::ZERO;
        for container in &self.init {
            if container.restart_always {
                sidecars = sidecars + of(container);
                peak = peak.max(sidecars);
            } else {
                peak = peak.max(sidecars + of(container));
            }
        }
        peak.max(sidecars + self.containers.iter().map(of).sum())
    }
}

impl Container {
    /// What counts as requested: with a resize in place the largest of what is asked for, promised
    /// and in force.
    fn requested(&self) -> &[(Sym, Quantity)] {
        self.resized.as_ref().map_or(&self.requests, |resized| &resized.requests)
    }

    /// What counts as requested of `resource`.
    pub fn request(&self, resource: &str) -> Quantity {
        find(self.requested(), resource).unwrap_or_default()
    }

    /// Its limit of `resource`; zero when it has none.
    pub fn limit(&self, resource: &str) -> Quantity {
        let limits = self.resized.as_ref().map_or(&self.limits, |resized| &resized.limits);
        find(limits, resource).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Decoded, decode_object};
    use serde_json::value::RawValue;

    fn pod(spec: &str, status: &str) -> Pod {
        let json =
            format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p"}},"spec":{spec},"status":{status}}}"#);
        let raw = RawValue::from_string(json).expect("json");
        match decode_object(&raw) {
            Some(Decoded::Object(object)) => object.pod().expect("a pod").clone(),
            other => panic!("no object: {other:?}"),
        }
    }

    fn container(name: &str, cpu: &str) -> String {
        format!(r#"{{"name":"{name}","resources":{{"requests":{{"cpu":"{cpu}"}}}}}}"#)
    }

    fn sidecar(name: &str, cpu: &str) -> String {
        format!(r#"{{"name":"{name}","restartPolicy":"Always","resources":{{"requests":{{"cpu":"{cpu}"}}}}}}"#)
    }

    #[test]
    fn init_containers_and_sidecars_count_as_the_scheduler_counts() {
        let run = container("a", "300m");
        let spec = |init: &[String]| format!(r#"{{"containers":[{run}],"initContainers":[{}]}}"#, init.join(","));
        let request = |init: &[String]| pod(&spec(init), "{}").request("cpu").millis();
        assert_eq!(request(&[]), 300);
        assert_eq!(request(&[container("i", "200m")]), 300, "ended before the others start");
        assert_eq!(request(&[container("i", "900m")]), 900);
        assert_eq!(request(&[sidecar("s", "100m")]), 400, "runs along");
        assert_eq!(request(&[sidecar("s", "100m"), container("i", "900m")]), 1000, "the sidecar runs by then");
        assert_eq!(request(&[container("i", "900m"), sidecar("s", "100m")]), 900, "and does not yet");
    }

    #[test]
    fn overhead_is_added_and_the_pod_as_a_whole_wins() {
        let spec = format!(
            r#"{{"containers":[{}],"overhead":{{"cpu":"50m","memory":"1Gi"}},"resources":{{"requests":{{"cpu":"1","nvidia.com/gpu":"4"}},"limits":{{"cpu":"2"}}}}}}"#,
            r#"{"name":"a","resources":{"requests":{"cpu":"3","nvidia.com/gpu":"1"}}}"#
        );
        let pod = pod(&spec, "{}");
        assert_eq!(pod.request("cpu").millis(), 1050);
        assert_eq!(pod.limit("cpu").map(Quantity::millis), Some(2050));
        assert_eq!(pod.request("nvidia.com/gpu").units(), 1, "devices are asked for by containers only");
        assert_eq!(pod.request("memory").units(), 1 << 30);
        assert_eq!(pod.limit("memory"), None, "overhead alone is no limit");
    }

    #[test]
    fn a_resize_counts_with_the_largest_of_asked_promised_and_in_force() {
        let spec = format!(r#"{{"containers":[{}]}}"#, container("a", "500m"));
        let status = |conditions: &str| {
            format!(
                r#"{{"conditions":[{conditions}],"containerStatuses":[{{"name":"a","allocatedResources":{{"cpu":"800m"}},"resources":{{"requests":{{"cpu":"1"}}}}}}]}}"#
            )
        };
        assert_eq!(pod(&spec, &status("")).request("cpu").millis(), 1000, "shrinking, not yet done");
        let grown = format!(r#"{{"containers":[{}]}}"#, container("a", "4"));
        assert_eq!(pod(&grown, &status("")).request("cpu").millis(), 4000, "growing, not yet done");
        let never = r#"{"type":"PodResizePending","status":"True","reason":"Infeasible"}"#;
        assert_eq!(pod(&grown, &status(never)).request("cpu").millis(), 1000, "cannot grow on this node");
        let old = r#"{"containerStatuses":[{"name":"a","allocatedResources":{"cpu":"2"}}]}"#;
        assert_eq!(pod(&spec, old).request("cpu").millis(), 500, "a kubelet before 1.33");
    }

    #[test]
    fn limits_without_requests_are_requests_too() {
        let spec = r#"{"containers":[{"name":"a","resources":{"limits":{"memory":"1Gi","nvidia.com/gpu":"2"},"requests":{"memory":"1Mi"}}},{"name":"b"}]}"#;
        let pod = pod(spec, "{}");
        assert_eq!(pod.request("nvidia.com/gpu").units(), 2, "as the API server defaults");
        assert_eq!(pod.request("memory").units(), 1 << 20);
        assert!(!pod.is_bounded("memory"), "b has no limit");
        assert!(pod.limit("cpu").is_none());
    }

    #[test]
    fn devices_are_told_from_native_resources() {
        for name in ["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.5gb", "example.org/fpga"] {
            assert!(is_extended(name), "{name}");
        }
        for name in ["cpu", "memory", "hugepages-2Mi", "attachable-volumes-aws-ebs", "x.kubernetes.io/y"] {
            assert!(!is_extended(name), "{name}");
        }
    }
}
