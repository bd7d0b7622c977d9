//! What the relations of an object suggest as its causes: owners, volumes, nodes, sources, releases.
//!
//! A relation explains only what it can bring about: a node under pressure evicts pods, but no typing
//! error in the name of an image comes from it.

use crate::health::{flux, fullness, node, pod, policy, storage, workload};
use crate::object::{Body, Inventory, Object, ObjectRef, Sym};
use crate::report::{Code, Level, Verdict};
use std::collections::HashMap;

/// Relations over one inventory, with what would be slow to look for once an object.
pub(super) struct Relations<'a> {
    inventory: &'a Inventory,
    verdicts: &'a [Verdict],
    /// Objects that are not well, by the Helm release that they belong to: its namespace and name.
    by_release: HashMap<(&'a str, &'a str), Vec<&'a Object>>,
    /// Attachments that are not well, by their volume.
    attachments: HashMap<&'a str, Vec<&'a Object>>,
}

/// Annotations that Helm puts on every object of a release.
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

impl<'a> Relations<'a> {
    pub(super) fn new(inventory: &'a Inventory, verdicts: &'a [Verdict]) -> Self {
        let mut it = Self { inventory, verdicts, by_release: HashMap::new(), attachments: HashMap::new() };
        for (object, _) in inventory.objects().iter().zip(verdicts).filter(|(_, verdict)| verdict.level > Level::Absent)
        {
            if let Some(name) = object.meta.annotations.get(RELEASE_NAME) {
                let namespace = object.meta.annotations.get(RELEASE_NAMESPACE).unwrap_or(&object.meta.namespace);
                it.by_release.entry((namespace, name)).or_default().push(object);
            }
            if object.is("storage.k8s.io", "VolumeAttachment")
                && let Some(custom) = object.custom()
            {
                let volume = custom.spec_text("/source/persistentVolumeName");
                it.attachments.entry(volume).or_default().push(object);
            }
        }
        it
    }

    fn verdict(&self, object: &Object) -> Option<&'a Verdict> {
        self.verdicts.get(self.inventory.position(object)?)
    }

    /// The causes that the relations of this object suggest for its verdict, likeliest first.
    pub(super) fn of(&self, object: &'a Object, verdict: &Verdict) -> Vec<&'a Object> {
        match &object.body {
            Body::Pod(_) => return self.of_pod(object, verdict),
            Body::Claim(claim) => {
                let volume = self.inventory.get("", "PersistentVolume", "", &claim.spec.volume_name);
                return volume.found().into_iter().collect();
            }
            Body::DisruptionBudget(budget) => {
                let pods = self.inventory.in_namespace("", "Pod", &object.meta.namespace).iter();
                let selector = budget.spec.selector.as_ref().filter(|_| is_one_of(verdict, &[&policy::PDB_TOO_FEW]));
                return pods
                    .filter(|pod| selector.is_some_and(|selector| selector.matches(&pod.meta.labels)))
                    .collect();
            }
            Body::Namespace(_) if object.meta.deletion_timestamp.get().is_some() => {
                // A namespace goes when the last object in it has gone.
                let all = self.inventory.objects().iter();
                let leaves = |other: &&Object| other.meta.deletion_timestamp.get().is_some();
                return all.filter(|other| other.meta.namespace == object.meta.name).filter(leaves).collect();
            }
            // It owns its mirror pods and its lease, which depend on it and not the other way round.
            Body::Node(_) => return Vec::new(),
            // Runs that have ended blame their CronJob.
            Body::CronJob(_) => return Vec::new(),
            _ => {}
        }
        let mut causes: Vec<&Object> = Vec::new();
        // What an older template or a wrong node has to do with is not how the pods are.
        if !is_one_of(verdict, &[&workload::OLD_REVISION, &workload::MISSCHEDULED, &workload::NO_NODES]) {
            let is_job = object.is("batch", "Job");
            let children = self.inventory.owned_by(object.meta.uid);
            causes
                .extend(children.filter(|child| !(is_job && child.pod().is_some_and(crate::object::Pod::is_finished))));
        }
        self.of_custom(object, verdict, &mut causes);
        causes
    }

    fn of_pod(&self, object: &'a Object, verdict: &Verdict) -> Vec<&'a Object> {
        let Some(record) = object.pod() else { return Vec::new() };
        let inventory = self.inventory;
        let mut causes: Vec<&Object> = Vec::new();
        let node = inventory.get("", "Node", "", &record.node).found();
        causes.extend(node.filter(|node| self.verdict(node).is_some_and(|state| node_explains(state, verdict))));
        // The failed tries of a Job that gave up are told with the Job.
        if record.is_finished() {
            let owner = object.meta.controller().and_then(|owner| inventory.by_uid(owner.uid));
            causes.extend(owner.filter(|owner| owner.is("batch", "Job")));
        }
        for need in record.needs.iter().filter(|need| need.kind == "PersistentVolumeClaim") {
            let found = inventory.get("", "PersistentVolumeClaim", &object.meta.namespace, &need.name).found();
            let Some(claim) = found else { continue };
            causes.extend(
                Some(claim).filter(|claim| self.verdict(claim).is_some_and(|state| claim_explains(state, verdict))),
            );
            if let Body::Claim(claim) = &claim.body
                && is_one_of(verdict, &[&pod::POD_START_STUCK, &pod::POD_STARTING])
            {
                causes.extend(self.attachments.get(&*claim.spec.volume_name).into_iter().flatten());
            }
        }
        // A Secret that is there is not what a pod lacks, whoever should refresh it.
        let namespace = &object.meta.namespace;
        let lacks = |name: &&Sym| inventory.get("", "Secret", namespace, name).found().is_none();
        if is_one_of(verdict, &[&pod::POD_CONFIG, &pod::POD_START_STUCK, &pod::POD_STARTING]) {
            let secrets = record.needs.iter().filter(|need| need.kind == "Secret").map(|need| &need.name);
            causes.extend(secrets.filter(lacks).flat_map(|name| makers(inventory, namespace, name)));
        } else if is_one_of(verdict, &[&pod::POD_IMAGE]) {
            let secrets = record.pull_secrets.iter().filter(lacks);
            causes.extend(secrets.flat_map(|name| makers(inventory, namespace, name)));
        }
        causes
    }

    fn of_custom(&self, object: &'a Object, verdict: &Verdict, causes: &mut Vec<&'a Object>) {
        let inventory = self.inventory;
        let labelled = |kind: &(&str, &str), key: &str| -> Vec<&'a Object> {
            let all = inventory.in_namespace(kind.0, kind.1, &object.meta.namespace).iter();
            all.filter(|other| other.meta.labels.has(key, &object.meta.name)).collect()
        };
        match (&*object.ty.group, &*object.ty.kind) {
            ("kafka.strimzi.io", "Kafka" | "KafkaConnect" | "KafkaMirrorMaker2" | "KafkaBridge") => {
                let kinds = [
                    ("", "PersistentVolumeClaim"),
                    ("", "Pod"),
                    ("core.strimzi.io", "StrimziPodSet"),
                    ("kafka.strimzi.io", "KafkaNodePool"),
                ];
                causes.extend(kinds.iter().flat_map(|kind| labelled(kind, "strimzi.io/cluster")));
            }
            ("kafka.strimzi.io", "KafkaConnector") => causes.extend(self.labelled_cluster(object, "KafkaConnect")),
            ("kafka.strimzi.io", _) => causes.extend(self.labelled_cluster(object, "Kafka")),
            ("minio.min.io", "Tenant") => {
                causes.extend(labelled(&("", "Pod"), "v1.min.io/tenant"));
                causes.extend(self.signing_requests(object));
            }
            ("kustomize.toolkit.fluxcd.io" | "helm.toolkit.fluxcd.io", _) => {
                causes.extend(self.flux_sources(object));
                if is_one_of(verdict, ABOUT_OBJECTS) {
                    let inventory_ids = object.custom().map(crate::ownership::inventory_ids).into_iter().flatten();
                    causes.extend(inventory_ids.filter_map(|id| inventory.find(&id).found()));
                    causes.extend(self.of_release(object));
                }
            }
            _ => {}
        }
    }

    fn labelled_cluster(&self, object: &Object, kind: &str) -> Option<&'a Object> {
        let cluster = object.meta.labels.get("strimzi.io/cluster")?;
        self.inventory.get("kafka.strimzi.io", kind, &object.meta.namespace, cluster).found()
    }

    /// Requests for certificates that MinIO's operator made for a tenant: `TENANT-NAMESPACE-csr` and the like.
    fn signing_requests(&self, tenant: &'a Object) -> impl Iterator<Item = &'a Object> {
        let all = self.inventory.of_kind("certificates.k8s.io", "CertificateSigningRequest").iter();
        all.filter(move |request| {
            let rest = request.meta.name.strip_prefix(&*tenant.meta.name).and_then(|rest| rest.strip_prefix('-'));
            let rest = rest.map(|rest| rest.strip_prefix("client-").unwrap_or(rest));
            rest.and_then(|rest| rest.strip_prefix(&*tenant.meta.namespace)).is_some_and(|rest| rest == "-csr")
        })
    }

    /// Objects of a HelmRelease that keeps no inventory, as Helm marks them. Names of releases as in
    /// helm-controller's `GetReleaseName`: the target namespace stands in front where one is set.
    fn of_release(&self, object: &Object) -> Vec<&'a Object> {
        let Some(custom) = object.custom().filter(|_| object.is("helm.toolkit.fluxcd.io", "HelmRelease")) else {
            return Vec::new();
        };
        let target = custom.spec_text("/targetNamespace");
        let name = match custom.spec_text("/releaseName") {
            "" if target.is_empty() => object.meta.name.to_string(),
            "" => format!("{target}-{}", object.meta.name),
            name => name.to_owned(),
        };
        let namespace = if target.is_empty() { &*object.meta.namespace } else { target };
        self.by_release.get(&(namespace, name.as_str())).cloned().unwrap_or_default()
    }

    /// What a Kustomization or HelmRelease is made from, and what it waits for.
    fn flux_sources(&self, object: &Object) -> Vec<&'a Object> {
        let Some(custom) = object.custom() else { return Vec::new() };
        let own = &object.meta.namespace;
        let text =
            |value: Option<&serde_json::Value>| value.and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let mut found = Vec::new();
        for pointer in ["/sourceRef", "/chartRef", "/chart/spec/sourceRef"] {
            if let Some(source) = custom.spec_at(pointer) {
                let namespace = text(source.get("namespace"));
                let namespace = if namespace.is_empty() { own.to_string() } else { namespace };
                let (kind, name) = (text(source.get("kind")), text(source.get("name")));
                found.extend(self.inventory.get("source.toolkit.fluxcd.io", &kind, &namespace, &name).found());
            }
        }
        for dependency in custom.spec_list("/dependsOn") {
            let namespace = text(dependency.get("namespace"));
            let namespace = if namespace.is_empty() { own.to_string() } else { namespace };
            let name = text(dependency.get("name"));
            found.extend(self.inventory.get(&object.ty.group, &object.ty.kind, &namespace, &name).found());
        }
        found
    }
}

/// Findings of Flux that what it applied may bring about. Others (a build that fails, credentials) have
/// nothing to do with how the applied objects are.
const ABOUT_OBJECTS: &[&Code] = &[
    &flux::FLUX_HEALTH,
    &flux::FLUX_RECONCILING,
    &flux::FLUX_FAILED,
    &flux::FLUX_STALLED,
    &flux::FLUX_INVENTORY,
    &flux::FLUX_REMEDIATED,
    &flux::FLUX_PRUNE,
    &flux::HELM_FAILED,
    &flux::HELM_RETRIES,
];

fn is_one_of(verdict: &Verdict, codes: &[&Code]) -> bool {
    codes.iter().any(|code| code.id == verdict.code.id)
}

/// Whether the state of a node brings such a finding about a pod of it. A node that merely has little
/// room left, or takes no new pods, explains nothing of the pods that it has.
fn node_explains(node: &Verdict, pod: &Verdict) -> bool {
    let all = std::iter::once(node).chain(&node.more).filter(|finding| finding.level == Level::Fail);
    all.into_iter().any(|finding| {
        let has = |code: &Code| finding.code.id == code.id;
        let stops = [&pod::POD_START_STUCK, &pod::POD_STARTING, &pod::POD_NOT_READY, &pod::POD_CRASH_LOOP];
        if has(&node::NODE_NOT_READY) || has(&node::NODE_SILENT) {
            !is_one_of(pod, &[&pod::POD_IMAGE_REFUSED, &pod::POD_FAILED_TRY])
        } else if has(&node::NODE_PROBLEM) || has(&node::NODE_PRESSURE) && finding.message.starts_with("Network") {
            is_one_of(pod, &stops) || is_one_of(pod, &[&pod::POD_CONFIG, &pod::POD_RESTARTED])
        } else if has(&node::NODE_PRESSURE) || has(&fullness::NODE_DISK) {
            is_one_of(pod, &[&pod::POD_EVICTED, &pod::POD_START_STUCK, &pod::POD_STARTING])
        } else {
            false
        }
    })
}

/// Whether the state of a claim brings such a finding about a pod that uses it.
fn claim_explains(claim: &Verdict, pod: &Verdict) -> bool {
    let waits = [&pod::POD_UNSCHEDULABLE, &pod::POD_STARTING, &pod::POD_START_STUCK];
    let breaks = [&pod::POD_CRASH_LOOP, &pod::POD_NOT_READY, &pod::POD_FAILED, &pod::POD_INIT, &pod::POD_RESTARTED];
    let all = std::iter::once(claim).chain(&claim.more);
    all.into_iter().any(|finding| {
        let is_full = is_one_of(finding, &[&fullness::VOLUME_NEARLY_FULL, &fullness::VOLUME_INODES]);
        if is_one_of(finding, &[&storage::CLAIM_PENDING, &storage::CLAIM_WAITS]) {
            is_one_of(pod, &waits)
        } else if is_one_of(finding, &[&storage::CLAIM_LOST]) {
            is_one_of(pod, &waits) || is_one_of(pod, &breaks)
        } else {
            is_full && finding.level == Level::Fail && is_one_of(pod, &breaks)
        }
    })
}

/// Which findings of the same kind are one, although no object explains them: pods or Jobs of one
/// controller, requests for certificates of one signer, claims without a volume of one class. `None` for objects that stand alone.
pub(super) fn family(inventory: &Inventory, object: &Object, verdict: &Verdict) -> Option<ObjectRef> {
    if object.is("certificates.k8s.io", "CertificateSigningRequest") {
        let signer = object.custom()?.spec_text("/signerName");
        return Some(ObjectRef::new("certificates.k8s.io", "signer", "", signer));
    }
    if let Body::Volume(volume) = &object.body {
        let class = &volume.spec.storage_class_name;
        let kept = is_one_of(verdict, &[&storage::VOLUME_RELEASED]);
        return kept.then(|| ObjectRef::new("storage.k8s.io", "StorageClass", "", class));
    }
    if let Body::Claim(claim) = &object.body {
        let class = claim.spec.storage_class_name.as_ref();
        let waits = is_one_of(verdict, &[&storage::CLAIM_PENDING]);
        return class.filter(|_| waits).map(|class| ObjectRef::new("storage.k8s.io", "StorageClass", "", class));
    }
    if object.pod().is_none() && !object.is("batch", "Job") {
        return None;
    }
    let controller = object.meta.controller()?;
    // A node owns mirror pods that have nothing to do with each other.
    if &*controller.kind == "Node" {
        return None;
    }
    let owner = inventory.by_uid(controller.uid);
    // Pods of two ReplicaSets of one Deployment belong together.
    let top = owner.and_then(|owner| owner.meta.controller()).unwrap_or(controller);
    Some(top.reference(&object.meta.namespace))
}

/// Objects from which the Secret of this name is made: by External Secrets, Sealed Secrets,
/// cert-manager, or Strimzi's user operator.
pub(super) fn makers<'a>(inventory: &'a Inventory, namespace: &str, name: &str) -> Vec<&'a Object> {
    let mut found: Vec<&Object> = Vec::new();
    for (group, kind, pointer) in [
        ("external-secrets.io", "ExternalSecret", "/target/name"),
        ("cert-manager.io", "Certificate", "/secretName"),
        ("bitnami.com", "SealedSecret", ""),
        ("kafka.strimzi.io", "KafkaUser", ""),
    ] {
        let all = inventory.in_namespace(group, kind, namespace).iter();
        found.extend(all.filter(|maker| {
            let asked = maker.custom().filter(|_| !pointer.is_empty()).map(|custom| custom.spec_text(pointer));
            match asked.unwrap_or_default() {
                "" => &*maker.meta.name == name && kind != "Certificate",
                asked => asked == name,
            }
        }));
    }
    found
}
