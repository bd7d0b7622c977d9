//! Ways on through Flux: what is written into a Kustomization, a HelmRelease or a source of theirs is applied with
//! somebody's rights (fluxcd/pkg runtime/client/impersonation.go).
//!
//! An object may name any service account of its own namespace. One that names none is applied with the account of
//! `--default-service-account`, and without that flag with the controller's own rights. One with a kubeConfig is
//! applied in another cluster: it leads nowhere here, unless kubeconfigs may run commands in the controller.

use super::capability::{CHANGE, Capability, Hit, Reach, Scope, way};
use crate::flux::{Applier, applier};
use crate::rbac::WRITE;
use crate::record::{Custom, Records};
use std::collections::BTreeSet;

const GROUP: &str = "source.toolkit.fluxcd.io";

/// Kinds of sources, with the resources that they are written by.
const SOURCES: &[(&str, &str)] = &[
    ("Bucket", "buckets"),
    ("GitRepository", "gitrepositories"),
    ("HelmChart", "helmcharts"),
    ("HelmRepository", "helmrepositories"),
    ("OCIRepository", "ocirepositories"),
];

/// A kind that is applied: its controller, API group, kind and resource.
struct Kind {
    controller: &'static str,
    group: &'static str,
    kind: &'static str,
    resource: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        controller: "kustomize-controller",
        group: "kustomize.toolkit.fluxcd.io",
        kind: "Kustomization",
        resource: "kustomizations",
    },
    Kind {
        controller: "helm-controller",
        group: "helm.toolkit.fluxcd.io",
        kind: "HelmRelease",
        resource: "helmreleases",
    },
];

/// The controllers that apply, what they apply, and from where.
pub(super) struct Flux<'r> {
    appliers: [Applier; 2],
    /// Each with the place of its kind in [`KINDS`].
    applied: Vec<(usize, &'r Custom)>,
    /// Namespaces that have a source; none where not all sources were read.
    sources: Option<BTreeSet<&'r str>>,
}

impl<'r> Flux<'r> {
    pub(super) fn new(records: &'r Records, knows_sources: bool) -> Self {
        let of_kind = |custom: &Custom| KINDS.iter().position(|kind| custom.head.is(kind.group, kind.kind));
        let sources = records.customs.iter().filter(|custom| &*custom.head.ty.group == GROUP);
        Self {
            appliers: KINDS.map(|kind| applier(records, kind.controller)),
            applied: records.customs.iter().filter_map(|custom| Some((of_kind(custom)?, custom))).collect(),
            sources: knows_sources.then(|| sources.map(|custom| custom.head.meta.namespace.as_str()).collect()),
        }
    }

    /// The ways on of a scope.
    pub(super) fn ways(&self, scope: &Scope<'_>) -> Vec<Capability> {
        let mut ways: Vec<Capability> = (0..KINDS.len()).flat_map(|kind| self.by_object(scope, kind)).collect();
        for (kind, resource) in SOURCES {
            if let Some(hit) = scope.find(CHANGE, GROUP, resource) {
                self.by_source(scope, (kind, resource), &hit, &mut ways);
            }
        }
        ways
    }

    /// What a controller's own account is: by its Deployment, else by the name that Flux gives it.
    fn own(&self, kind: usize) -> Vec<Reach> {
        let accounts = &self.appliers[kind].accounts;
        if accounts.is_empty() {
            return vec![Reach::Named { account: KINDS[kind].controller }];
        }
        let reach = |(namespace, name): &(String, String)| Reach::Accounts {
            namespace: Some(namespace.clone()),
            names: vec![name.clone()],
        };
        accounts.iter().map(reach).collect()
    }

    /// By writing an object that is applied.
    fn by_object(&self, scope: &Scope<'_>, kind: usize) -> Vec<Capability> {
        let (Kind { group, resource, .. }, applier) = (&KINDS[kind], &self.appliers[kind]);
        let Some(hit) = scope.find(WRITE, group, resource) else { return Vec::new() };
        if !self.has_source(scope, applier) {
            return Vec::new();
        }
        let right = format!("{} {resource}", hit.verb);
        let mut ways = Vec::new();
        if applier.default_account.is_none() {
            let does = format!("has it apply anything, without spec.serviceAccountName ({right})");
            ways.extend(self.own(kind).into_iter().map(|reach| way(&hit, does.clone(), reach)));
        } else if applier.runs_commands && scope.find(WRITE, "", "secrets").is_some() {
            let does = format!("runs a command in it by a kubeconfig of its own ({right}, and secrets)");
            ways.extend(self.own(kind).into_iter().map(|reach| way(&hit, does.clone(), reach)));
        }
        let does = format!("has Flux apply anything as it, by spec.serviceAccountName ({right})");
        let places = self.places(scope, kind, &hit);
        let reaches = places.into_iter().map(|namespace| Reach::Accounts { namespace, names: Vec::new() });
        ways.extend(reaches.map(|reach| way(&hit, does.clone(), reach)));
        ways
    }

    /// The namespaces that objects may be written in: those of the scope, and with names those that have such.
    fn places(&self, scope: &Scope<'_>, kind: usize, hit: &Hit<'_>) -> Vec<Option<String>> {
        if hit.names.is_empty() || !scope.is_wide() {
            return vec![scope.place()];
        }
        let named = self.applied.iter().filter(|(own, custom)| *own == kind && is_named(hit, &custom.head.meta.name));
        let places: BTreeSet<String> = named.map(|(_, custom)| custom.head.meta.namespace.to_string()).collect();
        places.into_iter().map(Some).collect()
    }

    /// Whether an object of the scope finds something to apply. Where sources of other namespaces are refused, it
    /// takes one in its own.
    fn has_source(&self, scope: &Scope<'_>, applier: &Applier) -> bool {
        let (Some(namespace), Some(sources)) = (scope.namespace, &self.sources) else { return true };
        !applier.keeps_to_namespace
            || sources.contains(namespace)
            || SOURCES.iter().any(|(_, resource)| scope.find(&["create"], GROUP, resource).is_some())
    }

    /// By changing a source that something is applied from.
    fn by_source(&self, scope: &Scope<'_>, (kind, resource): (&str, &str), hit: &Hit<'_>, ways: &mut Vec<Capability>) {
        for (own, custom) in &self.applied {
            let Some(source) = source(custom).filter(|source| source.kind == kind) else { continue };
            let home = custom.head.meta.namespace.as_str();
            let is_in_scope = scope.namespace.is_none_or(|namespace| namespace == source.namespace);
            let is_refused = self.appliers[*own].keeps_to_namespace && source.namespace != home;
            let is_idle = custom.content.spec_true("/suspend") || custom.content.spec_at("/kubeConfig").is_some();
            if !is_in_scope || is_refused || is_idle || !is_named(hit, source.name) {
                continue;
            }
            let named = Some(custom.text("/serviceAccountName")).filter(|account| !account.is_empty());
            let reaches = match named.or(self.appliers[*own].default_account.as_deref()) {
                Some(account) => {
                    vec![Reach::Accounts { namespace: Some(home.to_owned()), names: vec![account.to_owned()] }]
                }
                None => self.own(*own),
            };
            for reach in reaches {
                if ways.iter().any(|known| known.reach == reach) {
                    continue;
                }
                let does = format!(
                    "has {} {home}/{} apply other content, by {} {} ({} {resource})",
                    custom.head.ty.kind, custom.head.meta.name, source.kind, source.name, hit.verb
                );
                ways.push(way(hit, does, reach));
            }
        }
    }
}

fn is_named(hit: &Hit<'_>, name: &str) -> bool {
    hit.names.is_empty() || hit.names.iter().any(|known| known == name)
}

/// What an object is applied from.
struct Source<'r> {
    kind: &'r str,
    namespace: &'r str,
    name: &'r str,
}

fn source(custom: &Custom) -> Option<Source<'_>> {
    let pointer = ["/sourceRef", "/chartRef", "/chart/spec/sourceRef"]
        .into_iter()
        .find(|pointer| custom.content.spec_at(pointer).is_some())?;
    let text = |key: &str| custom.text(&format!("{pointer}/{key}"));
    let namespace = Some(text("namespace")).filter(|own| !own.is_empty()).unwrap_or(&custom.head.meta.namespace);
    Some(Source { kind: text("kind"), namespace, name: text("name") })
}

#[cfg(test)]
mod tests {
    use super::super::paths::reached;
    use crate::testing::records;

    /// The controllers with these flags, an account that holds nothing, one that holds everything, and one whose
    /// rights are those of RULES.
    fn objects(flags: &str, rules: &str) -> String {
        let controller = |name: &str| {
            format!(
                "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: flux-system}}
spec: {{template: {{spec: {{serviceAccountName: {name}, automountServiceAccountToken: false, containers: [{{name: manager, image: 'ghcr.io/fluxcd/{name}:v1.9.4', args: [{flags}]}}]}}}}}}
---
"
            )
        };
        format!(
            "{}{}{ACCOUNTS}rules: [{rules}]
",
            controller("kustomize-controller"),
            controller("helm-controller")
        )
    }

    const ACCOUNTS: &str = "
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: cluster-admin}, rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: flux}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: kustomize-controller, namespace: flux-system}
- {kind: ServiceAccount, name: helm-controller, namespace: flux-system}
- {kind: ServiceAccount, name: boss, namespace: strong}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: kustomize-controller, namespace: flux-system}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: helm-controller, namespace: flux-system}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: boss, namespace: strong}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: weak, namespace: ml}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: job, namespace: ml}}
---
{apiVersion: v1, kind: Pod, metadata: {name: train, namespace: ml}, spec: {serviceAccountName: job, containers: [{name: c, image: i}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: job, namespace: NAMESPACE}
roleRef: {kind: Role, name: job}
subjects: [{kind: ServiceAccount, name: job, namespace: ml}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: job, namespace: NAMESPACE}
";

    const WRITES: &str = "{verbs: [create], apiGroups: [kustomize.toolkit.fluxcd.io], resources: [kustomizations]}";
    const RELEASES: &str = "{verbs: [update], apiGroups: [helm.toolkit.fluxcd.io], resources: [helmreleases]}";
    const GIT: &str = "{verbs: [patch], apiGroups: [source.toolkit.fluxcd.io], resources: [gitrepositories]}";
    const HARD: &str = "'--default-service-account=default', '--no-cross-namespace-refs=true'";
    const SOURCE: &str =
        "---\n{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: g, namespace: ml}}\n";

    /// Whom `job`, with rules in a namespace, becomes step by step; empty without a path.
    fn path(namespace: &str, flags: &str, rules: &str, more: &str) -> Vec<String> {
        let objects = format!("{}{more}", objects(flags, rules).replace("NAMESPACE", namespace));
        reached(&records(&objects), true)
    }

    #[test]
    fn without_a_default_account_whoever_writes_becomes_the_controller() {
        for (rules, controller) in [(WRITES, "kustomize-controller"), (RELEASES, "helm-controller")] {
            let want = [format!("ServiceAccount flux-system/{controller}"), "all".to_owned()];
            assert_eq!(path("ml", "", rules, ""), want);
        }
    }

    #[test]
    fn with_one_it_becomes_the_accounts_of_the_namespace_only() {
        for rules in [WRITES, RELEASES] {
            assert!(path("ml", HARD, rules, SOURCE).is_empty(), "{rules}");
            let strong = SOURCE.replace("namespace: ml", "namespace: strong");
            assert_eq!(path("strong", HARD, rules, &strong), ["ServiceAccount strong/boss", "all"], "{rules}");
            assert!(path("strong", HARD, rules, "").is_empty(), "no source there, and none elsewhere may be used");
            let loose = "'--default-service-account=default'";
            assert_eq!(path("strong", loose, rules, ""), ["ServiceAccount strong/boss", "all"], "{rules}");
        }
        let makes_source = "{verbs: [create], apiGroups: [source.toolkit.fluxcd.io], resources: [gitrepositories]}, "
            .to_owned()
            + WRITES;
        assert_eq!(path("strong", HARD, &makes_source, ""), ["ServiceAccount strong/boss", "all"]);
    }

    #[test]
    fn a_kubeconfig_that_runs_commands_is_the_controller_again() {
        let flags = format!("{HARD}, '--insecure-kubeconfig-exec=true'");
        assert!(path("ml", &flags, WRITES, SOURCE).is_empty(), "the kubeconfig has to be in a Secret");
        let both = format!("{{verbs: [create], apiGroups: [''], resources: [secrets]}}, {WRITES}");
        assert_eq!(path("ml", &flags, &both, SOURCE), ["ServiceAccount flux-system/kustomize-controller", "all"]);
        assert!(path("ml", HARD, &both, SOURCE).is_empty());
    }

    #[test]
    fn a_source_leads_to_whom_its_content_is_applied_as() {
        let applied = |namespace: &str, spec: &str| {
            format!(
                "---\n{{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {{name: k, namespace: {namespace}}}, spec: {{sourceRef: {{kind: GitRepository, name: g, namespace: ml}}{spec}}}}}\n"
            )
        };
        let own = ["ServiceAccount flux-system/kustomize-controller", "all"];
        assert!(path("ml", "", GIT, SOURCE).is_empty(), "nothing is applied from it");
        assert_eq!(path("ml", "", GIT, &applied("ml", "")), own);
        assert_eq!(path("ml", "", GIT, &applied("flux-system", "")), own);
        assert!(path("strong", "", GIT, &applied("ml", "")).is_empty(), "of another namespace");
        assert!(path("ml", "", GIT, &applied("ml", ", serviceAccountName: weak")).is_empty());
        assert!(path("ml", "", GIT, &applied("ml", ", kubeConfig: {secretRef: {name: c}}")).is_empty());
        assert!(path("ml", "", GIT, &applied("ml", ", suspend: true")).is_empty());
        let strong = applied("strong", ", serviceAccountName: boss");
        assert_eq!(path("ml", "", GIT, &strong), ["ServiceAccount strong/boss", "all"]);
        assert!(path("ml", HARD, GIT, &strong).is_empty(), "the reference is refused");
        assert!(path("ml", HARD, GIT, &applied("ml", "")).is_empty(), "applied as default, which holds nothing");
        let named = GIT.replace("resources: [gitrepositories]", "resources: [gitrepositories], resourceNames: [other]");
        assert!(path("ml", "", &named, &applied("ml", "")).is_empty());
    }
}
