//! External Secrets: stores, and the Secrets that are fetched from or pushed to them.

use super::table::Rule;
use super::{Related, lead_condition, precedence};
use crate::object::{Condition, Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;
use serde_json::Value;

codes! {
    STORE_READY = "secret-store-ready", "The store can be used",
        "The operator has checked the store's address and credentials.",
        "Nothing to do.";
    STORE_WAITS = "secret-store-waits", "The store is being checked",
        "The operator has not said whether the store can be used.",
        "Nothing to do but wait.";
    STORE_FAILED = "secret-store-failed", "The store cannot be used",
        "The operator cannot reach the provider, or its credentials are refused. Secrets keep their last values and are not refreshed.",
        "Read the message; check the credentials that the store names and the way to the provider.";
    SYNCED = "external-secret-synced", "The Secret is synced",
        "The last exchange with the provider went well.",
        "Nothing to do.";
    SYNC_WAITS = "external-secret-waits", "The Secret is not synced yet",
        "The operator has not said how the exchange went.",
        "Nothing to do but wait.";
    SYNC_FAILED = "external-secret-failed", "The Secret is not synced",
        "The provider refuses, the key is not there, or the store is not ready. An existing Secret keeps its last value.",
        "Read the message; look at the store and at the key's name in the provider. `kubectl annotate externalsecret NAME -n NAMESPACE force-sync=now --overwrite` tries at once.";
    SYNC_STALE = "external-secret-stale", "The Secret is no longer refreshed",
        "Ready is True, and the last refresh is older than two intervals: a value that was rotated at the provider has not arrived.",
        "Look at the external-secrets controller.";
    SECRET_GONE = "external-secret-gone", "The Secret is not there",
        "The operator reports success, and the Secret that it should keep does not exist: it was deleted at the provider or in the cluster.",
        "Look whether the provider still has the key; delete nothing else before that.";
}

const GROUP: &str = "external-secrets.io";

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "SecretStore", store),
    Rule::new(GROUP, "ClusterSecretStore", store),
    Rule::new(GROUP, "ExternalSecret", external),
    Rule::new(GROUP, "ClusterExternalSecret", cluster_external),
    Rule::new(GROUP, "PushSecret", push),
];

const CODES_OF_SYNC: lead_condition::Codes =
    lead_condition::Codes { met: &SYNCED, waits: &SYNC_WAITS, failed: &SYNC_FAILED };
/// Refreshes may be so late beyond their interval: retries, a restart of the operator.
const SLACK_SECONDS: i64 = 600;
/// `spec.refreshInterval` where it is not set.
const DEFAULT_INTERVAL: &str = "1h";

fn unreadable() -> Verdict {
    Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind")
}

/// `apis/externalsecrets/v1/secretstore_types.go`: Ready and nothing else.
fn store(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let codes = lead_condition::Codes { met: &STORE_READY, waits: &STORE_WAITS, failed: &STORE_FAILED };
    lead_condition::judge(object, custom, "Ready", &codes, related, now)
}

/// Blames the stores of these references that are not well.
fn with_stores<'a>(
    verdict: Verdict,
    references: impl Iterator<Item = &'a Value>,
    object: &Object,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let text = |value: &'a Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    references.take(50).fold(verdict, |verdict, reference| {
        let kind = if text(reference, "kind") == "ClusterSecretStore" { "ClusterSecretStore" } else { "SecretStore" };
        let namespace = if kind == "SecretStore" { object.meta.namespace.as_str() } else { "" };
        let name = text(reference, "name");
        if name.is_empty() {
            return verdict;
        }
        match related.get(GROUP, kind, namespace, name) {
            Lookup::Missing => verdict
                .evidence(format!("{kind} {name} does not exist"))
                .blame(ObjectRef::new(GROUP, kind, namespace, name)),
            Lookup::Found(found) => {
                let state = store(found, related, now);
                if state.level <= Level::Absent {
                    return verdict;
                }
                verdict.evidence(format!("{kind} {name}: {}", state.message)).blame(found.reference())
            }
            Lookup::Unread => verdict,
        }
    })
}

/// Ready is about the last try, whatever its age: the finding about refreshes that stopped.
fn stale(custom: &Custom, now: Timestamp) -> Option<Verdict> {
    if !matches!(custom.spec_text("/refreshPolicy"), "" | "Periodic") {
        return None;
    }
    let refreshed: Timestamp = custom.status_text("/refreshTime").parse().ok()?;
    let interval = match custom.spec_text("/refreshInterval") {
        "" => DEFAULT_INTERVAL,
        text => text,
    };
    // An interval of zero means once and never again.
    let seconds = text::parse_duration(interval)?.as_secs();
    let limit = seconds.saturating_mul(2).saturating_add(SLACK_SECONDS);
    if seconds <= 0 || now.duration_since(refreshed).as_secs() <= limit {
        return None;
    }
    let message = format!("last refreshed {} ago, should be every {interval}", text::age(refreshed, now));
    Some(Verdict::warn(&SYNC_STALE, message).since(Some(refreshed)))
}

/// Conditions as in `pkg/controllers/externalsecret/externalsecret_controller.go`;
/// `syncedResourceVersion` begins with the generation that was synced (`util.go`).
///
/// Argo CD's `external-secrets.io/ExternalSecret/health.lua` takes `refreshPolicy: OnChange` for
/// progressing while Ready is older than the last refresh. The operator keeps the time of a
/// condition that stays True, so that is the lasting state after a change: here it is no sign.
fn external(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let verdict = lead_condition::judge(object, custom, "Ready", &CODES_OF_SYNC, related, now);
    if !verdict.is_ok() {
        let own = custom.spec_at("/secretStoreRef").into_iter();
        let parts = ["/data", "/dataFrom"].iter().flat_map(|list| custom.spec_list(list));
        let references = own.chain(parts.filter_map(|part| part.pointer("/sourceRef/storeRef")));
        return with_stores(verdict, references, object, related, now);
    }
    let synced = custom.status_text("/syncedResourceVersion").split_once('-');
    let observed = synced.and_then(|(generation, _)| generation.parse().ok());
    if let Some(verdict) = precedence::generation(object, observed, related, now) {
        return verdict;
    }
    let verdict = match stale(custom, now) {
        Some(stale) => stale.and(verdict),
        None => verdict,
    };
    match gone(object, custom, related) {
        Some(gone) => gone.and(verdict),
        None => verdict,
    }
}

/// The finding about a Secret that is not there although it was synced.
fn gone(object: &Object, custom: &Custom, related: &Related<'_>) -> Option<Verdict> {
    let creates = matches!(custom.spec_text("/target/creationPolicy"), "" | "Owner" | "Orphan");
    if !creates || custom.spec_at("/target/manifest").is_some() {
        return None;
    }
    let name = match custom.spec_text("/target/name") {
        "" => object.meta.name.as_str(),
        name => name,
    };
    let conditions = custom.conditions();
    let deleted = find_condition(&conditions, "Ready").is_some_and(|ready| &*ready.reason == "SecretDeleted");
    let missing = related.get("", "Secret", &object.meta.namespace, name).is_missing();
    if deleted {
        let message = format!("Secret {name} was deleted because the provider no longer has it");
        return Some(Verdict::warn(&SECRET_GONE, message));
    }
    missing.then(|| {
        Verdict::fail(&SECRET_GONE, format!("is said to be synced, and Secret {name} does not exist"))
            .blame(ObjectRef::new("", "Secret", &object.meta.namespace, name))
    })
}

/// One condition at a time is True of Ready, PartiallyReady and NotReady, and the newest stands
/// last (Argo CD's `external-secrets.io/ClusterExternalSecret/health.lua`).
fn cluster_external(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let conditions = custom.conditions();
    let Some(last) = conditions.last() else { return precedence::no_status(object, None, related, now) };
    let failed = custom.status_list("/failedNamespaces");
    let count = custom.status_list("/provisionedNamespaces").len();
    let is = |name: &str| &*last.r#type == name && last.is_true();
    if is("Ready") {
        return Verdict::ok(&SYNCED, format!("in {}", text::plural(count, "namespace"))).since(last.since());
    }
    let broken = is("PartiallyReady") || is("NotReady") || (&*last.r#type == "Ready" && last.is_false());
    if !broken {
        return Verdict::progressing(&SYNC_WAITS, lead_condition::said(last)).since(last.since());
    }
    let message = format!("{} failed: {}", text::plural(failed.len(), "namespace"), said(last));
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let lines = failed.iter().take(10).map(|entry| format!("{}: {}", text(entry, "namespace"), text(entry, "reason")));
    lines.fold(Verdict::fail(&SYNC_FAILED, message).since(last.since()), Verdict::evidence)
}

fn said(condition: &Condition) -> String {
    lead_condition::said(condition)
}

/// `pkg/controllers/pushsecret/pushsecret_controller.go`: Ready, and the stores that it names.
fn push(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else { return unreadable() };
    let verdict = lead_condition::judge(object, custom, "Ready", &CODES_OF_SYNC, related, now);
    if verdict.is_ok() {
        return match stale(custom, now) {
            Some(stale) => stale.and(verdict),
            None => verdict,
        };
    }
    let mut verdict = with_stores(verdict, custom.spec_list("/secretStoreRefs").iter(), object, related, now);
    let source = custom.spec_text("/selector/secret/name");
    if !source.is_empty() && related.get("", "Secret", &object.meta.namespace, source).is_missing() {
        verdict = verdict.evidence(format!("Secret {source} does not exist")).blame(ObjectRef::new(
            "",
            "Secret",
            &object.meta.namespace,
            source,
        ));
    }
    verdict
}

#[cfg(test)]
mod tests {
    use crate::health::testing::{expect, judge};
    use crate::report::Level;

    fn external(spec: &str, status: &str) -> String {
        format!(
            "apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: db, namespace: x, generation: 2, creationTimestamp: '2026-09-01T00:00:00Z'}}
spec: {{secretStoreRef: {{name: vault}}{spec}}}
status: {{{status}}}
"
        )
    }

    const READY: &str = "conditions: [{type: Ready, status: 'True', reason: SecretSynced, message: Secret was synced}]";
    const FAILED: &str = "conditions: [{type: Ready, status: 'False', reason: SecretSyncedError, message: no key}]";

    #[test]
    fn readiness_must_be_fresh() {
        for (spec, status, level, code) in [
            ("", format!("{READY}, refreshTime: '2026-11-20T02:30:00Z'"), Level::Ok, "external-secret-synced"),
            ("", format!("{READY}, refreshTime: '2026-11-19T02:30:00Z'"), Level::Warn, "external-secret-stale"),
            (
                ", refreshInterval: 48h",
                format!("{READY}, refreshTime: '2026-11-19T02:30:00Z'"),
                Level::Ok,
                "external-secret-synced",
            ),
            // Never again, on change, once: age proves nothing.
            (
                ", refreshInterval: '0'",
                format!("{READY}, refreshTime: '2025-01-01T00:00:00Z'"),
                Level::Ok,
                "external-secret-synced",
            ),
            (
                ", refreshPolicy: OnChange",
                format!("{READY}, refreshTime: '2025-01-01T00:00:00Z'"),
                Level::Ok,
                "external-secret-synced",
            ),
            ("", format!("{READY}, syncedResourceVersion: 1-abc"), Level::Progressing, "generation-not-observed"),
            ("", FAILED.to_owned(), Level::Fail, "external-secret-failed"),
            ("", String::new(), Level::Fail, "no-status"),
        ] {
            expect(&external(spec, &status), "ExternalSecret", "db", level, code);
        }
    }

    #[test]
    fn a_store_that_is_broken_or_missing_is_blamed() {
        let store = |name: &str| {
            format!(
                "---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: {name}, namespace: x}}
status: {{conditions: [{{type: Ready, status: 'False', reason: InvalidProviderConfig, message: permission denied}}]}}
"
            )
        };
        for name in ["vault", "other"] {
            let verdict = judge(&(external("", FAILED) + &store(name)), "ExternalSecret", "db");
            assert_eq!(verdict.blames[0].to_string(), "SecretStore/x/vault", "{name}");
        }
        expect(&store("vault")[4..], "SecretStore", "vault", Level::Fail, "secret-store-failed");
        assert!(judge(&external("", FAILED), "ExternalSecret", "db").blames.is_empty());
    }

    #[test]
    fn a_synced_secret_must_be_there() {
        let other = "---\n{apiVersion: v1, kind: Secret, metadata: {name: other, namespace: x}}\n";
        expect(&(external("", READY) + other), "ExternalSecret", "db", Level::Fail, "external-secret-gone");
        let named = external(", target: {name: other}", READY) + other;
        expect(&named, "ExternalSecret", "db", Level::Ok, "external-secret-synced");
        let merged = external(", target: {creationPolicy: Merge}", READY) + other;
        expect(&merged, "ExternalSecret", "db", Level::Ok, "external-secret-synced");
    }

    #[test]
    fn namespaces_that_failed_are_told() {
        let yaml = "apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: {name: all}
status:
  conditions: [{type: PartiallyReady, status: 'True', message: one or more namespaces failed}]
  failedNamespaces: [{namespace: a, reason: exists}]
";
        let verdict = judge(yaml, "ClusterExternalSecret", "all");
        assert_eq!((verdict.level, verdict.evidence[0].as_str()), (Level::Fail, "a: exists"));
    }
}
