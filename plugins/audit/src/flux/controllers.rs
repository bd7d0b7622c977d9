//! The flags of Flux' controllers.

use super::codes::*;
use crate::finding::Finding;
use crate::images::Reference;
use crate::record::{Records, Workload};
use crate::severity::Severity::{High, Low};

const EXEC: &str = "--insecure-kubeconfig-exec";
const TLS: &str = "--insecure-kubeconfig-tls";
const ACCOUNT: &str = "--default-service-account";
const CROSS: &str = "--no-cross-namespace-refs";
const BASES: &str = "--no-remote-bases";

/// The flags that are read, for the records to keep.
pub(crate) const FLAGS: &[&str] = &[EXEC, TLS, ACCOUNT, CROSS, BASES];

/// Controllers that follow references and so can be kept from other namespaces.
const FOLLOW: &[&str] = &[
    "helm-controller",
    "kustomize-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
];

/// The findings on the controllers' flags.
pub(super) fn check(records: &Records) -> Vec<Finding> {
    controllers(records).flat_map(|(name, workload)| findings(&name, workload)).collect()
}

/// Whether a controller was read, and gives objects without an account one.
pub(super) fn has_default_account(records: &Records, controller: &str) -> bool {
    let mut all = controllers(records).filter(|(name, _)| name == controller);
    all.any(|(_, workload)| flag(workload, ACCOUNT).is_some_and(|value| !value.is_empty()))
}

/// The Deployments that run Flux' controllers, by their images' names: `kustomize-controller`. A mirror keeps them.
fn controllers(records: &Records) -> impl Iterator<Item = (String, &Workload)> {
    let deployments = records.workloads.iter().filter(|workload| workload.head.is("apps", "Deployment"));
    deployments.filter_map(|workload| {
        let of_image = |image: &str| Reference::parse(image).map(|reference| reference.short().to_owned());
        let mut names = workload.spec.containers.iter().filter_map(|container| of_image(&container.image));
        names.find(|name| FOLLOW.contains(&name.as_str())).map(|name| (name, workload))
    })
}

/// The value of a flag; empty for one without.
fn flag<'a>(workload: &'a Workload, name: &str) -> Option<&'a str> {
    let flags = workload.spec.containers.iter().flat_map(|container| container.args.iter());
    let values = flags.filter_map(|flag| {
        let rest = flag.strip_prefix(name)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('=') }
    });
    values.last()
}

/// Whether a flag is set, as Go's flags are: alone, or with a value that is true.
fn is_on(workload: &Workload, name: &str) -> bool {
    flag(workload, name).is_some_and(|value| matches!(value, "" | "true" | "TRUE" | "True" | "t" | "T" | "1"))
}

fn findings(name: &str, workload: &Workload) -> Vec<Finding> {
    let head = &workload.head;
    let mut found = Vec::new();
    let applies = matches!(name, "helm-controller" | "kustomize-controller");
    for insecure in [EXEC, TLS].into_iter().filter(|insecure| applies && is_on(workload, insecure)) {
        found.push(head.finding(&FLUX_INSECURE_FLAG, High, format!("{name} runs with {insecure}")).at(insecure));
    }
    if name == "kustomize-controller" && !is_on(workload, BASES) {
        found.push(head.finding(&FLUX_REMOTE_BASES, Low, format!("{name} runs without {BASES}=true")).at(BASES));
    }
    if !is_on(workload, CROSS) {
        found.push(head.finding(&FLUX_CROSS_NAMESPACE, Low, format!("{name} runs without {CROSS}=true")).at(CROSS));
    }
    if applies && flag(workload, ACCOUNT).is_none_or(str::is_empty) {
        found.push(head.finding(&FLUX_NO_DEFAULT_ACCOUNT, Low, format!("{name} runs without {ACCOUNT}")).at(ACCOUNT));
    }
    found
}
