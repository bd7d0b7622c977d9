//! How long the credentials of a Secret have not been changed: never longer than is certain.
//!
//! A field manager's time moves whenever it changes a value that it owns, since Kubernetes 1.25 (pull request
//! 110058). It moves for its other fields too, so a key was last changed at that time or before: what is left is the
//! least age. When the Secret was made gives the greatest.

use super::codes::{SECRET_AGE, SECRET_AGE_UNKNOWN};
use super::key;
use super::writers::is_hand;
use crate::check::Asked;
use crate::finding::Finding;
use crate::record::{Custom, Key, Secret};
use crate::severity::Severity::{Info, Low, Medium};
use jiff::Timestamp;
use mlops_shared::text::plural;
use std::collections::HashMap;

const DAY: i64 = 86_400;

/// Objects by kind, namespace and name.
type Makers<'a> = HashMap<(&'a str, &'a str, &'a str), &'a Custom>;

/// The findings on the age of Secrets.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let follows_values = asked.server_version.is_none_or(|version| minor(version) >= Some((1, 25)));
    let makers = makers(asked);
    let judged = asked.records.secrets.iter().filter(|secret| is_judged(secret, &makers));
    judged.filter_map(|secret| one(secret, &makers, follows_values, asked)).collect()
}

/// Objects that say of a Secret when it was renewed.
fn makers<'a>(asked: &Asked<'a>) -> Makers<'a> {
    let is_maker = |custom: &&Custom| {
        matches!(
            (&*custom.head.ty.group, &*custom.head.ty.kind),
            ("cert-manager.io", "Certificate")
                | ("external-secrets.io", "ExternalSecret")
                | ("kafka.strimzi.io", "KafkaUser")
        )
    };
    let named = asked.records.customs.iter().filter(is_maker).map(|custom| {
        let kind = &*custom.head.ty.kind;
        let target = match kind {
            "Certificate" => custom.text("/secretName"),
            "ExternalSecret" => custom.text("/target/name"),
            _ => "",
        };
        let name = if target.is_empty() { &custom.head.meta.name } else { target };
        ((kind, &*custom.head.meta.namespace, name), custom)
    });
    named.collect()
}

/// Whether age says something of a Secret: not where Kubernetes, Helm or an operator renews it by a rule of its own,
/// nor where nothing in it is secret.
fn is_judged(secret: &Secret, makers: &Makers<'_>) -> bool {
    let meta = &secret.head.meta;
    let maker = |kind: &'static str| makers.get(&(kind, &*meta.namespace, &*meta.name));
    if secret.is_release() || secret.is_token() || secret.is_bootstrap() {
        return false;
    }
    if maker("Certificate").is_some_and(|it| !it.content.status_text("/notBefore").is_empty()) {
        return false;
    }
    // Strimzi renews its certificates by their validity; passwords of users it makes once.
    let is_strimzi = meta.labels.get("app.kubernetes.io/managed-by").is_some_and(|by| by.starts_with("strimzi-"));
    let is_password = maker("KafkaUser").is_some_and(|it| it.text("/authentication/type") == "scram-sha-512");
    let is_sealing = meta.labels.get("sealedsecrets.bitnami.com/sealed-secrets-key").is_some();
    let is_public = !secret.keys.is_empty() && secret.keys.iter().all(|it| key::is_public(&it.name));
    !(is_strimzi && !is_password || is_sealing || is_public)
}

fn one(secret: &Secret, makers: &Makers<'_>, follows_values: bool, asked: &Asked<'_>) -> Option<Finding> {
    let now = asked.now;
    let created = secret.head.meta.creation_timestamp.get();
    let greatest = created.map(|created| days(created, now));
    let limits = &asked.platform.thresholds;
    let (warn, limit) = (limits.secret_age_warn_seconds / DAY, limits.secret_age_fail_seconds / DAY);
    let ages: Vec<(&Key, Option<i64>)> = secret.keys.iter().map(|key| (key, least(key, now))).collect();
    let oldest = ages.iter().filter_map(|(_, age)| *age).max();
    let of_greatest = |text: &mut String| {
        if let Some(greatest) = greatest.filter(|greatest| Some(*greatest) != oldest) {
            text.push_str(&format!("; the Secret was made {} ago", plural_days(greatest)));
        }
    };
    let place = |finding: Finding| {
        let finding = match makers.get(&("ExternalSecret", &*secret.head.meta.namespace, &*secret.head.meta.name)) {
            Some(it) if !it.content.status_text("/refreshTime").is_empty() => {
                let refreshed = it.content.status_text("/refreshTime");
                finding
                    .evidence(format!("ExternalSecret {} compared it with its store at {refreshed}", it.head.meta.name))
            }
            _ => finding,
        };
        let (namespace, name) = (&secret.head.meta.namespace, &secret.head.meta.name);
        finding.command(format!(
            "kubectl get secret {} -n {} -o jsonpath='{{.metadata.managedFields}}'",
            mlops_shared::text::shell_word(name),
            mlops_shared::text::shell_word(namespace)
        ))
    };
    match oldest {
        Some(oldest) if follows_values && oldest > warn => {
            let old: Vec<&str> =
                ages.iter().filter(|(_, age)| age.is_some_and(|age| age > warn)).map(|(key, _)| &*key.name).collect();
            let mut text = if old.len() == ages.len() {
                format!("nothing in it was changed for at least {}", plural_days(oldest))
            } else {
                format!("{} not changed for at least {}", some(&old), plural_days(oldest))
            };
            of_greatest(&mut text);
            let owners: Vec<&str> =
                ages.iter().flat_map(|(key, _)| key.owners.iter().map(|(name, _)| &**name)).collect();
            let is_copy = secret
                .head
                .meta
                .owner_references
                .iter()
                .any(|owner| matches!(&*owner.kind, "SealedSecret" | "ExternalSecret"));
            // What a program makes for itself is its own to renew.
            let severity = match (is_copy || owners.iter().any(|name| is_hand(name)), oldest > limit) {
                (false, _) => Info,
                (true, true) => Medium,
                (true, false) => Low,
            };
            let writers: std::collections::BTreeSet<&str> = owners.into_iter().collect();
            let writers: Vec<&str> = writers.into_iter().collect();
            Some(
                place(secret.head.finding(&SECRET_AGE, severity, text))
                    .evidence(format!("written by {}", some(&writers))),
            )
        }
        _ if greatest.is_some_and(|greatest| greatest > warn) => {
            let is_known = follows_values && ages.iter().all(|(_, age)| age.is_some()) && !ages.is_empty();
            if is_known {
                return None;
            }
            let why = if !follows_values {
                "the API server is older than 1.25, whose managedFields do not follow values"
            } else if !secret.is_managed {
                "its managedFields are not in the source"
            } else {
                "managedFields give no time for all of its keys"
            };
            let age = plural_days(greatest.unwrap_or_default());
            let text = format!("made {age} ago, and when it was last changed is not known: {why}");
            Some(place(secret.head.finding(&SECRET_AGE_UNKNOWN, Info, text)))
        }
        _ => None,
    }
}

/// Days for which a key was certainly not changed; `None` where an owner has no time.
fn least(key: &Key, now: Timestamp) -> Option<i64> {
    let times: Option<Vec<Timestamp>> = key.owners.iter().map(|(_, time)| time.get()).collect();
    times?.into_iter().max().map(|last| days(last, now))
}

/// Whole days from one instant to another; 0 where it lies ahead.
fn days(since: Timestamp, now: Timestamp) -> i64 {
    (now.duration_since(since).as_secs() / DAY).max(0)
}

fn plural_days(days: i64) -> String {
    plural(usize::try_from(days).unwrap_or_default(), "day")
}

/// A few names, and how many more.
fn some(names: &[&str]) -> String {
    let (shown, rest) = names.split_at(names.len().min(5));
    let list = shown.join(", ");
    if rest.is_empty() { list } else { format!("{list} and {} more", rest.len()) }
}

/// Major and minor of a server's version.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.');
    let number = |part: Option<&str>| {
        let digits: String = part?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    };
    Some((number(parts.next())?, number(parts.next())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{found, found_by};

    fn secret(metadata: &str, fields: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: n\n  creationTimestamp: 2024-01-01T00:00:00Z\n  {metadata}\n  managedFields: {fields}\n"
        )
    }

    fn of(yaml: &str) -> Vec<String> {
        found(check, yaml).iter().map(|it| format!("{} {} {}", it.code.id, it.severity, it.message)).collect()
    }

    #[test]
    fn only_the_least_age_counts() {
        let old = "[{manager: kubectl, time: 2025-10-01T00:00:00Z, fieldsV1: {f:data: {f:a: {}, f:b: {}}}}, {manager: sync, time: 2026-11-01T00:00:00Z, fieldsV1: {f:data: {f:b: {}}}}]";
        assert_eq!(
            of(&secret("", old)),
            ["secret-age MEDIUM a not changed for at least 415 days; the Secret was made 1054 days ago"]
        );
        let young = "[{manager: kubectl, time: 2026-11-01T00:00:00Z, fieldsV1: {f:data: {f:a: {}}}}]";
        assert_eq!(of(&secret("", young)), Vec::<String>::new());
        let middle = "[{manager: kubectl, time: 2026-05-01T00:00:00Z, fieldsV1: {f:data: {f:a: {}}}}]";
        assert!(
            of(&secret("", middle))[0].starts_with("secret-age LOW nothing in it was changed for at least 203 days")
        );
        let own = "[{manager: my-operator, time: 2025-05-01T00:00:00Z, fieldsV1: {f:data: {f:a: {}}}}]";
        assert!(of(&secret("", own))[0].starts_with("secret-age INFO"));
    }

    #[test]
    fn what_is_not_known_is_said_to_be() {
        let undated = "[{manager: kubectl, fieldsV1: {f:data: {f:a: {}}}}]";
        assert!(of(&secret("", undated))[0].contains("no time for all of its keys"));
        assert!(of(&secret("", "[]"))[0].starts_with("secret-age-unknown INFO made 1054 days ago"));
        let dated = "[{manager: kubectl, time: 2025-10-01T00:00:00Z, fieldsV1: {f:data: {f:a: {}}}}]";
        let old_server = |asked: &Asked<'_>| check(&Asked { server_version: Some("v1.24.9"), ..*asked });
        let told = found_by(old_server, &secret("", dated));
        assert!(told[0].message.contains("older than 1.25") && told[0].code.id == "secret-age-unknown", "{told:?}");
    }

    #[test]
    fn what_others_renew_has_no_age() {
        let dated = |keys: &str| {
            format!("[{{manager: kubectl, time: 2024-10-01T00:00:00Z, fieldsV1: {{f:data: {{{keys}}}}}}}]")
        };
        let labels = "labels: {app.kubernetes.io/managed-by: strimzi-cluster-operator}";
        assert_eq!(of(&secret(labels, &dated("f:ca.key: {}"))), Vec::<String>::new());
        let token = "annotations: {kubernetes.io/service-account.name: default}";
        assert_eq!(of(&secret(token, &dated("f:token: {}"))), Vec::<String>::new());
        assert_eq!(of(&secret("", &dated("f:ca.crt: {}"))), Vec::<String>::new());
        let certificate = "---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c, namespace: n}\nspec: {secretName: s}\nstatus: {notBefore: 2026-11-01T00:00:00Z}\n";
        let tls = secret("", &dated("f:tls.key: {}"));
        assert_eq!(of(&format!("{tls}{certificate}")), Vec::<String>::new());
        assert_eq!(of(&tls).len(), 1);
        let user = "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\nmetadata: {name: s, namespace: n}\nspec: {authentication: {type: scram-sha-512}}\n";
        let password =
            secret("labels: {app.kubernetes.io/managed-by: strimzi-user-operator}", &dated("f:password: {}"));
        assert_eq!(of(&format!("{password}{user}")).len(), 1);
    }
}
