//! Secrets that nothing refers to, tokens that nothing mounts, and Secrets in the environment of processes.

use super::codes::{SECRET_APPLIED, SECRET_IN_ENVIRONMENT, SECRET_STATIC_TOKEN, SECRET_UNUSED, SECRET_USE_UNKNOWN};
use super::may_refer;
use super::uses::{Uses, names};
use super::writers::is_hand;
use crate::check::Asked;
use crate::finding::Finding;
use crate::record::{Head, Secret};
use crate::severity::Severity::{Info, Low};
use mlops_shared::object::{ObjectRef, SectionState, Sym};
use mlops_shared::text::{plural, shell_word};
use std::collections::{BTreeMap, BTreeSet};

/// Labels by which a controller finds Secrets that nothing names.
const FOUND_BY_LABEL: &[&str] = &[
    "argocd.argoproj.io/secret-type",
    "sealedsecrets.bitnami.com/sealed-secrets-key",
    "grafana_dashboard",
    "grafana_datasource",
    "cluster.x-k8s.io/cluster-name",
    "reflector.v1.k8s.emberstack.com/reflection-allowed",
    "kubeflow.org/inject-secret",
    "toolkit.fluxcd.io/tenant",
];

/// The findings on what refers to Secrets.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let uses = Uses::of(asked.records);
    let unread = unread(asked);
    let unseen = match asked.records.settings.is_empty() {
        true => "ConfigMaps and programs that ask the API server for it are not seen",
        false => "programs that ask the API server for it are not seen",
    };
    let mut found = Vec::new();
    for secret in &asked.records.secrets {
        if secret.is_applied {
            let text = "the annotation of `kubectl apply` holds its values once more, in base64";
            let name = (&secret.head.meta.namespace, &secret.head.meta.name);
            found.push(secret.head.finding(&SECRET_APPLIED, Low, text).at("metadata.annotations").command(format!(
                "kubectl annotate secret {} -n {} kubectl.kubernetes.io/last-applied-configuration-",
                shell_word(name.1),
                shell_word(name.0)
            )));
        }
        // In a pile of manifests nothing is known of what refers to an object.
        if asked.is_whole {
            found.extend(unused(secret, &uses, &unread).map(|it| {
                let is_sure = it.code == &SECRET_UNUSED;
                if is_sure { it.evidence(unseen) } else { it }
            }));
        }
    }
    found.extend(in_environment(asked));
    found
}

/// Whether a Secret belongs to something, so that this says whether it is needed.
fn is_owned(secret: &Secret) -> bool {
    let meta = &secret.head.meta;
    let has_label = |key: &&str| meta.labels.get(key).is_some();
    // What brings manifests and charts puts its name there too.
    let is_made = meta.labels.get("app.kubernetes.io/managed-by").is_some_and(|by| !is_hand(by));
    let mut owners = secret.keys.iter().flat_map(|key| key.owners.iter().map(|(name, _)| &**name)).peekable();
    let is_by_program = owners.peek().is_some() && owners.all(|name| !is_hand(name));
    !meta.owner_references.is_empty()
        || FOUND_BY_LABEL.iter().any(has_label)
        || is_made
        || is_by_program
        || meta.annotations.get("cert-manager.io/certificate-name").is_some()
        || meta.deletion_timestamp.get().is_some()
}

fn unused(secret: &Secret, uses: &Uses, unread: &[String]) -> Option<Finding> {
    let head = &secret.head;
    let (namespace, name) = (&head.meta.namespace, &head.meta.name);
    if secret.is_release() || secret.is_bootstrap() {
        return None;
    }
    if secret.is_token() {
        return token(secret, uses, unread);
    }
    if is_owned(secret) || uses.by_any(namespace, name) {
        return None;
    }
    if !unread.is_empty() {
        let text = "nothing that was read refers to it, and not everything that may was read";
        let finding = head.finding(&SECRET_USE_UNKNOWN, Info, text);
        return Some(unread.iter().take(5).fold(finding, |finding, why| finding.evidence(why.as_str())));
    }
    let by = manager(head);
    let severity = if by.is_some() { Info } else { Low };
    let finding = head.finding(&SECRET_UNUSED, severity, "no reference to it was found");
    let finding = match by {
        Some(by) => finding.evidence(format!("{by} brings it: take it out there")),
        None => finding,
    };
    Some(finding.command(format!(
        "kubectl get secret {} -n {} -o jsonpath='{{.metadata.managedFields}}'",
        shell_word(name),
        shell_word(namespace)
    )))
}

/// A token that never expires and that no pod mounts.
fn token(secret: &Secret, uses: &Uses, unread: &[String]) -> Option<Finding> {
    let head = &secret.head;
    if uses.by_pods(&head.meta.namespace, &head.meta.name) || !unread.is_empty() {
        return None;
    }
    let account = if secret.account.is_empty() { "a service account" } else { &*secret.account };
    let text = format!("a token of {account} that does not expire, and no pod mounts it");
    let finding = head.finding(&SECRET_STATIC_TOKEN, Low, text);
    Some(match head.meta.labels.get("kubernetes.io/legacy-token-last-used") {
        Some(day) => finding.evidence(format!("the API server saw it last on {day}: something outside may use it")),
        None => finding,
    })
}

/// What brings an object: Helm, or a Kustomization of Flux.
fn manager(head: &Head) -> Option<String> {
    let labels = &head.meta.labels;
    if let Some(name) = labels.get("kustomize.toolkit.fluxcd.io/name") {
        return Some(format!("Kustomization {name}"));
    }
    let release = head.meta.annotations.get("meta.helm.sh/release-name").map(str::to_owned);
    let release = release.or_else(|| labels.get("helm.toolkit.fluxcd.io/name").map(str::to_owned));
    release.map(|name| format!("the Helm release {name}"))
}

/// Why something may refer to a Secret that was not read.
fn unread(asked: &Asked<'_>) -> Vec<String> {
    let mut unread = Vec::new();
    if !asked.namespaces.is_empty() {
        unread.push(format!("only {} was read", asked.namespaces.join(", ")));
    }
    for section in asked.sections.iter().filter(|section| may_refer(&section.group, &section.kind)) {
        let kind = if section.group.is_empty() {
            section.kind.to_string()
        } else {
            format!("{}.{}", section.kind, section.group)
        };
        match &section.state {
            SectionState::Unread(reason) if reason.is_gap() => unread.push(format!("{kind}: {reason}")),
            SectionState::Partly(_, _, reason) => unread.push(format!("{kind}: {reason}")),
            _ => {}
        }
    }
    unread
}

/// Secrets that a process has in its environment, once for what stands at the top.
fn in_environment(asked: &Asked<'_>) -> Vec<Finding> {
    let mut by_top: BTreeMap<ObjectRef, (&Head, BTreeSet<Sym>)> = BTreeMap::new();
    for workload in &asked.records.workloads {
        let head = &workload.head;
        if workload.is_ended || asked.records.is_owned(head) {
            continue;
        }
        let used = names(workload).into_iter().filter(|(_, is_environment)| *is_environment).map(|(name, _)| name);
        let used: BTreeSet<Sym> = used.collect();
        if !used.is_empty() {
            by_top.entry(asked.records.top(head)).or_insert_with(|| (head, BTreeSet::new())).1.extend(used);
        }
    }
    let findings = by_top.into_iter().map(|(top, (head, names))| {
        let list: Vec<&str> = names.iter().take(5).map(|name| &**name).collect();
        let text = format!("{} in environment variables: {}", plural(names.len(), "Secret"), list.join(", "));
        let finding = Finding::new(&SECRET_IN_ENVIRONMENT, Low, top.clone(), text).placed(head.place.clone());
        let is_own = top == head.reference();
        let api_version = if is_own { head.ty.api_version().as_str().into() } else { Sym::default() };
        Finding { api_version, ..finding }
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found_by;
    use mlops_shared::object::{Section, Unread};

    /// What a whole cluster's objects give, with these sections.
    fn of(yaml: &str, sections: &[Section]) -> Vec<String> {
        let whole = |asked: &Asked<'_>| check(&Asked { is_whole: true, sections, ..*asked });
        let mut all: Vec<String> =
            found_by(whole, yaml).iter().map(|it| format!("{} {} {}", it.code.id, it.severity, it.object)).collect();
        all.sort();
        all
    }

    fn secret(name: &str, more: &str) -> String {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: n{more}}}\n---\n")
    }

    #[test]
    fn every_way_to_refer_to_a_secret_counts() {
        let users = [
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x, namespace: n}\nspec: {jobTemplate: {spec: {template: {spec: {volumes: [{name: v, secret: {secretName: s}}]}}}}}",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\nspec: {volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]}",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\nspec: {volumes: [{name: v, csi: {driver: d, nodePublishSecretRef: {name: s}}}]}",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\nspec: {volumes: [{name: v, iscsi: {secretRef: {name: s}}}]}",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\nspec: {imagePullSecrets: [{name: s}]}",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\nspec: {containers: [{name: c, args: ['--certificate=n/s']}]}",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x, namespace: n}\nimagePullSecrets: [{name: s}]",
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x, namespace: n}\nspec: {tls: [{secretName: s}]}",
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x, namespace: n, annotations: {nginx.ingress.kubernetes.io/auth-secret: n/s}}\nspec: {}",
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: x, namespace: other}\nspec: {listeners: [{tls: {certificateRefs: [{name: s, namespace: n}]}}]}",
            "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: x}\nparameters: {csi.storage.k8s.io/node-stage-secret-name: s}",
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: x}\nspec: {csi: {nodeStageSecretRef: {name: s, namespace: n}}}",
            "apiVersion: minio.min.io/v2\nkind: Tenant\nmetadata: {name: x, namespace: n}\nspec: {configuration: {name: s}}",
            "apiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\nmetadata: {name: s, namespace: n}\nspec: {}",
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x, namespace: n}\nspec: {values: {auth: {existingSecret: s}}}",
            "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: x, namespace: n}\nspec: {driver: {secrets: [{name: s, secretType: Generic}]}}",
            "apiVersion: example.org/v1\nkind: Odd\nmetadata: {name: x, namespace: n}\nconfig: {credentials: s}",
        ];
        assert_eq!(of(&secret("s", ""), &[]), ["secret-unused LOW Secret/n/s"]);
        for user in users {
            assert_eq!(of(&format!("{}{user}\n", secret("s", "")), &[]), Vec::<String>::new(), "{user}");
        }
        let other = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x, namespace: other}\nspec: {tls: [{secretName: s}]}\n";
        assert_eq!(of(&format!("{}{other}", secret("s", "")), &[]), ["secret-unused LOW Secret/n/s"]);
    }

    #[test]
    fn what_belongs_to_something_is_not_unused() {
        for more in [
            ", ownerReferences: [{apiVersion: a/v1, kind: A, name: a, uid: u}]",
            ", labels: {app.kubernetes.io/managed-by: strimzi-cluster-operator}",
            ", labels: {argocd.argoproj.io/secret-type: repository}",
            ", managedFields: [{manager: my-operator, fieldsV1: {f:data: {f:a: {}}}}]",
        ] {
            assert_eq!(of(&secret("s", more), &[]), Vec::<String>::new(), "{more}");
        }
        let release = "apiVersion: v1\nkind: Secret\nmetadata: {name: sh.helm.release.v1.x.v1, namespace: n, labels: {owner: helm}}\n";
        assert_eq!(of(release, &[]), Vec::<String>::new());
        let by_flux = secret("s", ", labels: {kustomize.toolkit.fluxcd.io/name: apps}");
        assert_eq!(of(&by_flux, &[]), ["secret-unused INFO Secret/n/s"]);
        let by_helm = secret("s", ", labels: {app.kubernetes.io/managed-by: Helm}");
        assert_eq!(of(&by_helm, &[]), ["secret-unused LOW Secret/n/s"]);
    }

    #[test]
    fn where_something_was_not_read_nothing_is_unused() {
        let section = |group: &str, kind: &str, why| Section {
            group: group.into(),
            kind: kind.into(),
            resource: Sym::default(),
            state: SectionState::Unread(why),
        };
        let forbidden = section("cert-manager.io", "Certificate", Unread::Forbidden(String::new()));
        assert_eq!(of(&secret("s", ""), &[forbidden]), ["secret-use-unknown INFO Secret/n/s"]);
        let spark = section("sparkoperator.k8s.io", "SparkApplication", Unread::TimedOut);
        assert_eq!(of(&secret("s", ""), &[spark]), ["secret-use-unknown INFO Secret/n/s"]);
        let nodes = section("", "Node", Unread::TimedOut);
        assert_eq!(of(&secret("s", ""), &[nodes]), ["secret-unused LOW Secret/n/s"]);
        // In files nobody knows of what is not there.
        let manifests = found_by(check, &secret("s", ""));
        assert!(manifests.is_empty(), "{manifests:?}");
        let narrow = ["n".to_owned()];
        let narrowed = |asked: &Asked<'_>| check(&Asked { is_whole: true, namespaces: &narrow, ..*asked });
        assert_eq!(found_by(narrowed, &secret("s", ""))[0].code.id, "secret-use-unknown");
    }

    #[test]
    fn tokens_are_used_by_pods_alone() {
        let token = secret("t", ", annotations: {kubernetes.io/service-account.name: a}");
        let account =
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: n}\nsecrets: [{name: t}]\n---\n";
        assert_eq!(of(&format!("{token}{account}"), &[]), ["secret-static-token LOW Secret/n/t"]);
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec: {volumes: [{name: v, secret: {secretName: t}}]}\n";
        assert_eq!(of(&format!("{token}{account}{pod}"), &[]), Vec::<String>::new());
    }

    #[test]
    fn environments_are_told_once_at_the_top() {
        let owner = |kind: &str, uid: &str| {
            format!("ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: web, uid: {uid}, controller: true}}]")
        };
        let spec = "{containers: [{name: c, env: [{name: A, valueFrom: {secretKeyRef: {name: db, key: k}}}], envFrom: [{secretRef: {name: all}}]}]}";
        let yaml = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: n, uid: u1}}\nspec: {{template: {{spec: {spec}}}}}\n---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: web-1, namespace: n, uid: u2, {}}}\nspec: {{template: {{spec: {spec}}}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web-1-a, namespace: n, {}}}\nspec: {spec}\n",
            owner("Deployment", "u1"),
            owner("ReplicaSet", "u2")
        );
        assert_eq!(of(&yaml, &[]), ["secret-in-environment LOW Deployment/n/web"]);
    }
}
