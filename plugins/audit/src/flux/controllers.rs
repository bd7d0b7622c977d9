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
/// Those of them that take the next argument for their value where they have none; of others it is an argument of
/// its own.
pub(crate) const WITH_VALUE: &[&str] = &[ACCOUNT];

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

/// How a controller that applies objects is set up, as far as its Deployments were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Applier {
    /// The service accounts that it runs with, by namespace and name; none where no Deployment of it was read.
    pub(crate) accounts: Vec<(String, String)>,
    /// `--default-service-account`: whom it acts as for an object that names no account. Of several shards all must
    /// have it, for which of them takes an object is the author's choice.
    pub(crate) default_account: Option<String>,
    /// Whether a kubeconfig may run a command in it.
    pub(crate) runs_commands: bool,
    /// Whether it refuses sources of other namespaces.
    pub(crate) keeps_to_namespace: bool,
}

/// The set-up of `kustomize-controller` or `helm-controller`.
pub(crate) fn applier(records: &Records, controller: &str) -> Applier {
    let all: Vec<&Workload> = controllers(records).filter(|(name, _)| name == controller).map(|(_, it)| it).collect();
    let default = |workload: &Workload| flag(workload, ACCOUNT).filter(|value| !value.is_empty()).map(str::to_owned);
    let defaults: Vec<Option<String>> = all.iter().map(|workload| default(workload)).collect();
    Applier {
        accounts: all
            .iter()
            .map(|workload| (workload.head.meta.namespace.to_string(), workload.spec.account().to_owned()))
            .collect(),
        default_account: defaults.into_iter().reduce(Option::and).flatten(),
        runs_commands: all.iter().any(|workload| is_on(workload, EXEC)),
        keeps_to_namespace: !all.is_empty() && all.iter().all(|workload| is_on(workload, CROSS)),
    }
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
