//! Versions: API versions that are gone, charts that float, software that gets no more fixes.

mod api;
mod charts;
mod codes;
mod constraint;
mod installed;
mod kafka;
mod release;
mod support;

pub(crate) use codes::CODES;
pub(crate) use installed::{Installed, Source, installed};
pub(crate) use release::kubernetes;

use crate::check::Asked;
use crate::finding::Finding;
use crate::model::HelmRelease;
use crate::record::Head;
use crate::severity::Severity::Medium;
use codes::VERSION_RELEASE_UNREADABLE;

/// What the family reads where it may, besides workloads: kinds whose objects name versions.
pub(crate) const LIKES: &[(&str, &str)] = &[
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "HelmChart"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("notification.toolkit.fluxcd.io", "Alert"),
    ("notification.toolkit.fluxcd.io", "Provider"),
    ("notification.toolkit.fluxcd.io", "Receiver"),
    ("kafka.strimzi.io", "Kafka"),
    ("kafka.strimzi.io", "KafkaNodePool"),
    ("kafka.strimzi.io", "KafkaTopic"),
    ("kafka.strimzi.io", "KafkaUser"),
    ("minio.min.io", "Tenant"),
    ("sparkoperator.k8s.io", "SparkApplication"),
    ("policy", "PodDisruptionBudget"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("networking.k8s.io", "Ingress"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
];

/// The findings on versions.
pub(crate) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = api::check(asked, heads(asked));
    found.extend(charts::check(asked));
    found.extend(unreadable(asked));
    found.extend(kafka::check(asked));
    found.extend(support::check(asked));
    found
}

/// Releases of which Helm's own record was to be read and could not.
fn unreadable(asked: &Asked<'_>) -> Vec<Finding> {
    let all = installed(asked.records).into_iter();
    let broken = all.filter_map(|one| {
        let reason = one.trouble.as_deref()?;
        let message = format!("revision {} of {}: {reason}", one.revision, one.name);
        Some(Finding::new(&VERSION_RELEASE_UNREADABLE, Medium, one.object(), message).at("release"))
    });
    broken.collect()
}

/// The releases of a run for the report's list.
pub(crate) fn releases(asked: &Asked<'_>) -> Vec<(mlops_shared::object::ObjectRef, HelmRelease)> {
    let all = installed(asked.records).into_iter().map(|one| {
        let offers = asked.offered.and_then(|offered| offered.of(&one));
        let newest = offers.and_then(|offers| charts::newest(&one.version, offers));
        let object = one.object();
        let managed_by = if one.flux.is_some() { "Flux" } else { "Helm" };
        let release = HelmRelease {
            managed_by: managed_by.to_owned(),
            last_deployed: one.last_deployed.map(|time| time.to_string()),
            newest: newest.as_ref().map(|(version, _)| version.to_string()),
            behind: offers.map(|_| newest.map_or(0, |(_, behind)| behind)),
            revision: (one.revision > 0).then_some(one.revision),
            name: one.name,
            namespace: one.namespace,
            chart: one.chart,
            version: one.version,
            app_version: one.app_version,
            status: one.status,
        };
        (object, release)
    });
    all.collect()
}

/// The head of every object that was read.
fn heads<'a>(asked: &Asked<'a>) -> impl Iterator<Item = &'a Head> {
    let records = asked.records;
    let plain = records.namespaces.iter().map(|it| &it.head).chain(records.accounts.iter().map(|it| &it.head));
    let plain = plain.chain(records.workloads.iter().map(|it| &it.head));
    let plain = plain.chain(records.policies.iter().map(|it| &it.head));
    let plain = plain.chain(records.roles.iter().map(|it| &it.head));
    let plain = plain.chain(records.bindings.iter().map(|it| &it.head));
    plain.chain(records.customs.iter().map(|it| &it.head)).chain(&records.broken)
}
