//! Sealed Secrets: whether the controller could open them.

use super::table::Rule;
use super::{Related, lead_condition, precedence};
use crate::object::{Lookup, Object, ObjectRef};
use crate::report::{Verdict, codes};
use jiff::Timestamp;

codes! {
    SEALED_OPEN = "sealed-secret-synced", "The Secret was made from it",
        "The controller has opened it and written the Secret.",
        "Nothing to do.";
    SEALED_WAITS = "sealed-secret-waits", "It is not opened yet",
        "The controller has not said whether it could open it.",
        "Nothing to do but wait.";
    SEALED_FAILED = "sealed-secret-failed", "It cannot be opened",
        "Mostly it was sealed for another cluster, another namespace or another name, or with a key that the controller no longer has; or a Secret of that name is there that it does not manage.",
        "Seal it again with this cluster's certificate (`kubeseal --fetch-cert`), for this namespace and name.";
    SEALED_GONE = "sealed-secret-gone", "The Secret is not there",
        "The controller says that it has written the Secret, and it does not exist.",
        "Find out who deleted it; any change of the SealedSecret makes the controller write it again.";
}

/// The rows of this family.
pub(super) const RULES: &[Rule] = &[Rule::new("bitnami.com", "SealedSecret", assess)];

/// `Synced` and `observedGeneration` as in sealed-secrets `pkg/controller/controller.go`; the level as
/// in Argo CD's `bitnami.com/SealedSecret/health.lua`.
fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "has not the shape of its kind");
    };
    let secret = related.get("", "Secret", &object.meta.namespace, &object.meta.name);
    if custom.conditions().is_empty()
        && let Lookup::Found(secret) = secret
        && secret.meta.owner_references.iter().any(|owner| &*owner.kind == "SealedSecret")
    {
        // With `--update-status=false` the controller leaves no other trace.
        return Verdict::ok(&SEALED_OPEN, "its Secret is there; the controller writes no status");
    }
    let codes = lead_condition::Codes { met: &SEALED_OPEN, waits: &SEALED_WAITS, failed: &SEALED_FAILED };
    let verdict = lead_condition::judge(object, custom, "Synced", &codes, related, now);
    if verdict.is_ok() && secret.is_missing() {
        let target = ObjectRef::new("", "Secret", &object.meta.namespace, &object.meta.name);
        return Verdict::fail(&SEALED_GONE, "is said to be synced, and its Secret does not exist").blame(target);
    }
    verdict
}

#[cfg(test)]
mod tests {
    use crate::health::testing::expect;
    use crate::report::Level;

    fn sealed(status: &str) -> String {
        format!(
            "apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {{name: db, namespace: x, generation: 2, creationTimestamp: '2026-09-01T00:00:00Z'}}
status: {{{status}}}
"
        )
    }

    #[test]
    fn the_condition_the_generation_and_the_secret_decide() {
        let secret = |name: &str| {
            format!(
                "---
{{apiVersion: v1, kind: Secret, metadata: {{name: {name}, namespace: x, ownerReferences: [{{kind: SealedSecret, name: {name}}}]}}}}
"
            )
        };
        let synced = "observedGeneration: 2, conditions: [{type: Synced, status: 'True'}]";
        for (status, others, level, code) in [
            (synced, String::new(), Level::Ok, "sealed-secret-synced"),
            (synced, secret("db"), Level::Ok, "sealed-secret-synced"),
            (synced, secret("other"), Level::Fail, "sealed-secret-gone"),
            (
                "observedGeneration: 1, conditions: [{type: Synced, status: 'True'}]",
                String::new(),
                Level::Progressing,
                "generation-not-observed",
            ),
            (
                "observedGeneration: 1, conditions: [{type: Synced, status: 'False', message: old}]",
                String::new(),
                Level::Progressing,
                "generation-not-observed",
            ),
            (
                "observedGeneration: 2, conditions: [{type: Synced, status: 'False', message: no key could decrypt secret}]",
                String::new(),
                Level::Fail,
                "sealed-secret-failed",
            ),
            ("", String::new(), Level::Fail, "no-status"),
            ("", secret("db"), Level::Ok, "sealed-secret-synced"),
        ] {
            expect(&(sealed(status) + &others), "SealedSecret", "db", level, code);
        }
    }
}
