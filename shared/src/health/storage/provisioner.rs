//! Who makes the volumes of a class, and whether it is there: the driver's workload, or its registration.

use crate::health::Related;
use crate::object::{Body, Object, ObjectRef};
use crate::report::Verdict;

/// Parts of provisioner names that say nothing of the driver.
const GENERIC: &[&str] = &[
    "csi",
    "com",
    "org",
    "net",
    "dev",
    "k8s",
    "kubernetes",
    "storage",
    "driver",
    "drivers",
    "provisioner",
    "cloud",
    "sigs",
    "min",
];

/// Blames the provisioner of a class where it does not run, or is not installed.
pub(super) fn explain(verdict: Verdict, class: &Object, related: &Related<'_>) -> Verdict {
    let Body::StorageClass(record) = &class.body else { return verdict };
    let provisioner = &*record.provisioner;
    if let Some(down) = workload_down(provisioner, related) {
        return verdict.blame(down);
    }
    if is_unregistered(provisioner, related) {
        return verdict.evidence(format!("no CSI driver {provisioner} is registered")).blame(ObjectRef::new(
            "storage.k8s.io",
            "CSIDriver",
            "",
            provisioner,
        ));
    }
    verdict
}

/// Whether a provisioner is a CSI driver that neither the cluster nor any node knows. In-tree ones and
/// those that are no CSI drivers are never registered.
fn is_unregistered(provisioner: &str, related: &Related<'_>) -> bool {
    let is_csi = provisioner.split('.').any(|part| part == "csi");
    let nodes = related.inventory.of_kind("storage.k8s.io", "CSINode");
    let on_a_node = nodes.iter().filter_map(Object::custom).any(|node| {
        let mut drivers = node.spec_list("/drivers").iter();
        drivers.any(|driver| driver.get("name").and_then(serde_json::Value::as_str) == Some(provisioner))
    });
    let missing = related.get("storage.k8s.io", "CSIDriver", "", provisioner).is_missing();
    is_csi && missing && !on_a_node && related.inventory.was_read("storage.k8s.io", "CSINode", "")
}

/// The provisioner's workload, when the one whose name fits best has no ready pod. Names are a
/// convention: `ebs.csi.aws.com` is run by `ebs-csi-controller`, `rook-ceph.rbd.csi.ceph.com` by
/// `csi-rbdplugin-provisioner` in the namespace `rook-ceph`.
fn workload_down(provisioner: &str, related: &Related<'_>) -> Option<ObjectRef> {
    let words: Vec<&str> =
        provisioner.split(['/', '.', '-']).filter(|word| word.len() > 1 && !GENERIC.contains(word)).collect();
    let fit = |object: &&Object| {
        let name = &*object.meta.name;
        if !["csi", "provisioner"].iter().any(|role| name.contains(role)) {
            return 0;
        }
        let in_name = words.iter().filter(|word| name.contains(**word)).count();
        let found = words.iter().filter(|word| name.contains(**word) || object.meta.namespace.contains(**word)).count();
        // Of two with as many words, the one that bears them in its own name.
        found * 10 + in_name
    };
    let kinds = ["Deployment", "StatefulSet"];
    let all = kinds.iter().flat_map(|kind| related.inventory.of_kind("apps", kind));
    let best = all.filter(|object| fit(object) > 0).max_by_key(fit)?;
    let status = best.workload()?.status.as_ref()?;
    (status.available_replicas == 0 && status.ready_replicas == 0).then(|| best.reference())
}

#[cfg(test)]
mod tests {
    use crate::health::testing::judge;

    fn blamed(provisioner: &str, more: &str) -> Vec<String> {
        let yaml = format!(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: a, creationTimestamp: 2026-11-20T01:00:00Z}}
spec: {{storageClassName: fast}}
status: {{phase: Pending}}
---
{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: fast}}, provisioner: {provisioner}}}
{more}"
        );
        judge(&yaml, "PersistentVolumeClaim", "data").blames.iter().map(ToString::to_string).collect()
    }

    fn deployment(namespace: &str, name: &str, ready: i64) -> String {
        format!(
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{replicas: 1}}
status: {{replicas: 1, readyReplicas: {ready}, availableReplicas: {ready}}}
"
        )
    }

    #[test]
    fn the_workload_that_fits_best_is_blamed_when_it_is_down() {
        for (provisioner, namespace, name) in [
            ("ebs.csi.aws.com", "kube-system", "ebs-csi-controller"),
            ("driver.longhorn.io", "longhorn-system", "csi-provisioner"),
            ("rancher.io/local-path", "local-path-storage", "local-path-provisioner"),
            ("rook-ceph.rbd.csi.ceph.com", "rook-ceph", "csi-rbdplugin-provisioner"),
            ("pd.csi.storage.gke.io", "gke-managed", "pd-csi-controller"),
        ] {
            let others = deployment("rook-ceph", "csi-cephfsplugin-provisioner", 1) + &deployment("x", "web", 0);
            let down = deployment(namespace, name, 0) + &others;
            assert_eq!(blamed(provisioner, &down), [format!("Deployment/{namespace}/{name}")]);
            assert!(blamed(provisioner, &(deployment(namespace, name, 1) + &others)).is_empty(), "{provisioner}");
        }
        let other = deployment("rook-ceph", "csi-rbdplugin-provisioner", 1)
            + &deployment("rook-ceph", "csi-cephfsplugin-provisioner", 0);
        assert!(blamed("rook-ceph.rbd.csi.ceph.com", &other).is_empty());
    }

    #[test]
    fn a_driver_that_nobody_registered_is_missing() {
        let nodes = |driver: &str| {
            format!(
                "---
{{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {{name: other}}}}
---
{{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {{name: w}}, spec: {{drivers: [{{name: {driver}}}]}}}}
"
            )
        };
        assert_eq!(blamed("nfs.csi.k8s.io", &nodes("other")), ["CSIDriver/nfs.csi.k8s.io"]);
        assert!(blamed("nfs.csi.k8s.io", &nodes("nfs.csi.k8s.io")).is_empty());
        assert!(blamed("rancher.io/local-path", &nodes("other")).is_empty());
    }
}
