//! MinIO tenants: state, drives against the write quorum, pools, pods and fill.

use super::table::Rule;
use super::{Related, pod, precedence};
use crate::object::{Custom, Object, ObjectRef};
use crate::report::{Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

codes! {
    TENANT_OK = "tenant-healthy", "The tenant is healthy",
        "It is initialised, all drives are online, its pools are initialised and its pods are ready.", "Nothing to do.";
    TENANT_STARTING = "tenant-starting", "The tenant is being set up or changed",
        "The operator is provisioning, waiting, updating or restarting.", "Wait; look at its pods and volumes when it stays.";
    TENANT_START_LATE = "tenant-start-late", "The tenant is still being set up, long after it was made",
        "The operator waits for something and says what, and has done so since long after the tenant was made: a certificate that nobody approves, a Secret of spec.users that does not exist, pods that do not start.",
        "Look at what the state names: the CertificateSigningRequests, the Secrets of spec.users, the pods of the tenant.";
    TENANT_FAILED = "tenant-failed", "The operator cannot run the tenant",
        "The state is an error of the operator: credentials without the key config.env, a StatefulSet that is not its own, another tenant in the namespace, or any raw error text.",
        "The state names the cause; correct the Tenant or the Secret that it names.";
    TENANT_QUORUM = "tenant-quorum-lost", "The tenant has lost its write quorum",
        "Fewer drives are online than a write needs: writes fail, and reads may.",
        "Bring drives back: `kubectl get pods,pvc -l v1.min.io/tenant=NAME`, then their nodes. Do not restart healthy servers.";
    TENANT_NO_TOLERANCE = "tenant-no-tolerance", "One drive from read-only",
        "Exactly as many drives are online as a write needs: the next failure stops writes.",
        "Bring the offline drives back before any maintenance.";
    TENANT_DEGRADED = "tenant-degraded", "Drives are offline or healing",
        "The tenant serves reads and writes with less redundancy than it should have.",
        "`mc admin info ALIAS` shows servers and drives, `kubectl get pods -l v1.min.io/tenant=NAME` the pods; wait for healing to end before any maintenance.";
    TENANT_FULL = "tenant-full", "The tenant is nearly full",
        "Most of the usable capacity is used; at the end writes fail with XMinioStorageFull.",
        "Add a pool, or remove or tier objects.";
    TENANT_PODS = "tenant-pods-not-ready", "Servers of the tenant are not ready",
        "Some of the tenant's pods are not ready. The tenant's own health may say green all the same: it is polled every five minutes and looks at drives only.",
        "Look at the pods that are named.";
    TENANT_POOL = "tenant-pool-not-initialised", "A pool is not initialised",
        "A pool of the tenant has not been set up.", "Look at the pods and volumes of that pool.";
}

pub(super) const RULES: &[Rule] = &[Rule::new("minio.min.io", "Tenant", tenant)];

/// Starts of states that mean work (minio/operator `pkg/controller/main-controller.go`). The
/// operator writes any error it meets into the same field.
const AT_WORK: &[&str] =
    &["Provisioning", "Waiting", "Updating", "Restarting", "Decommissioning", "Finished Decommissioning"];

fn tenant(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let Some(custom) = object.custom() else {
        return Verdict::unknown(&precedence::OBJECT_UNREADABLE, "is no Tenant");
    };
    let state = custom.status_text("/currentState");
    let config = custom.spec_text("/configuration/name");
    let secret = ObjectRef::new("", "Secret", &object.meta.namespace, config);
    let config_missing = !config.is_empty() && related.inventory.find(&secret).is_missing();
    if state.is_empty() {
        let verdict = precedence::no_status(object, None, related, now);
        return if config_missing { verdict.blame(secret) } else { verdict };
    }
    let mut verdict = if state == "Initialized" {
        Verdict::ok(&TENANT_OK, format!("initialised, {}", drives(custom)))
    } else if AT_WORK.iter().any(|start| state.starts_with(start)) && !state.to_lowercase().contains("error") {
        starting(object, state, related, now)
    } else if state.starts_with('<') {
        // A placeholder, no state of the operator's and no error either.
        Verdict::progressing(&TENANT_STARTING, state.to_owned())
    } else {
        let verdict = Verdict::fail(&TENANT_FAILED, state.to_owned());
        if config_missing { verdict.blame(secret) } else { verdict }
    };
    if let Some(finding) = quorum(custom) {
        verdict = verdict.and(finding);
    }
    if let Some(finding) = fill(custom, related) {
        verdict = verdict.and(finding);
    }
    if state == "Initialized" {
        for pool in custom.status_list("/pools") {
            let text = |key: &str| pool.get(key).and_then(|value| value.as_str()).unwrap_or_default();
            if !matches!(text("state"), "PoolInitialized" | "") {
                let message = format!("pool {}: {}", text("ssName"), text("state"));
                verdict = verdict.and(Verdict::warn(&TENANT_POOL, message));
            }
        }
    }
    let pods = related.pods_labelled(&object.meta.namespace, "v1.min.io/tenant", &object.meta.name);
    match pod::worst_pod(pods, related, now) {
        Some((worst, why)) if why.level > Level::Ok => {
            let level = if why.level == Level::Fail { Level::Warn } else { why.level.min(Level::Warn) };
            let message = format!("pod {}: {}", worst.meta.name, why.message);
            verdict.and(Verdict::new(level, &TENANT_PODS, message).since(why.since)).blame(worst.reference())
        }
        _ => verdict,
    }
}

/// At work. The status bears no time, so that only the tenant's age tells: one that is still being set up
/// long after it was made is stuck, mostly on a certificate, a Secret or its first users.
fn starting(object: &Object, state: &str, related: &Related<'_>, now: Timestamp) -> Verdict {
    let sets_up = state.starts_with("Provisioning") || state.starts_with("Waiting");
    let created = object.meta.creation_timestamp.get();
    let late = created.filter(|created| now.duration_since(*created).as_secs() > related.limits.progress_seconds);
    let verdict = Verdict::progressing(&TENANT_STARTING, state.to_owned());
    match late.filter(|_| sets_up) {
        Some(created) => {
            let age = text::age(created, now);
            verdict.and(Verdict::warn(&TENANT_START_LATE, format!("is {age} old, and says: {state}")))
        }
        None => verdict,
    }
}

fn drives(custom: &Custom) -> String {
    let number = |pointer: &str| custom.status_number(pointer);
    match number("/drivesOnline") {
        Some(online) => format!(
            "{online} drives online, {} offline, {} healing",
            number("/drivesOffline").unwrap_or(0),
            number("/drivesHealing").unwrap_or(0)
        ),
        None => "drives not reported".to_owned(),
    }
}

fn quorum(custom: &Custom) -> Option<Verdict> {
    let number = |pointer: &str| custom.status_number(pointer);
    let health = custom.status_text("/healthStatus");
    let message = custom.status_text("/healthMessage");
    let detail = if message.is_empty() { drives(custom) } else { format!("{}: {message}", drives(custom)) };
    let lost = number("/drivesOffline").unwrap_or(0) > 0 || number("/drivesHealing").unwrap_or(0) > 0;
    if let (Some(online), Some(quorum)) = (number("/drivesOnline"), number("/writeQuorum").filter(|quorum| *quorum > 0))
    {
        if online < quorum && online + number("/drivesOffline").unwrap_or(0) > 0 {
            return Some(Verdict::fail(&TENANT_QUORUM, format!("{detail}; a write needs {quorum}")));
        }
        if online == quorum && lost {
            return Some(Verdict::warn(&TENANT_NO_TOLERANCE, format!("{detail}; a write needs {quorum}")));
        }
    }
    match health {
        "red" => Some(Verdict::fail(&TENANT_QUORUM, format!("health is red, {detail}"))),
        "yellow" => Some(Verdict::warn(&TENANT_DEGRADED, format!("health is yellow, {detail}"))),
        _ if lost => Some(Verdict::warn(&TENANT_DEGRADED, detail)),
        _ => None,
    }
}

fn fill(custom: &Custom, related: &Related<'_>) -> Option<Verdict> {
    let usage = custom.status_number("/usage/usage")?;
    let capacity = custom.status_number("/usage/capacity").filter(|capacity| *capacity > 0)?;
    let percent = usage as f64 / capacity as f64 * 100.0;
    let message = format!("{percent:.0}% of the usable capacity is used");
    // A tenant needs room to heal and to expire: it warns earlier than a volume.
    if percent >= related.limits.volume_fail_percent - 5.0 {
        Some(Verdict::fail(&TENANT_FULL, message))
    } else if percent >= related.limits.volume_warn_percent - 5.0 {
        Some(Verdict::warn(&TENANT_FULL, message))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::*;

    #[test]
    fn green_alone_is_not_trusted() {
        let tenant = |status: &str| {
            format!(
                "apiVersion: minio.min.io/v2\nkind: Tenant\nmetadata: {{name: t, namespace: data}}\nstatus: {status}\n"
            )
        };
        for (status, level, code) in [
            (
                "{currentState: Initialized, healthStatus: green, drivesOnline: 4, writeQuorum: 3}",
                Level::Ok,
                "tenant-healthy",
            ),
            (
                "{currentState: Initialized, healthStatus: yellow, drivesOnline: 3, drivesOffline: 1, writeQuorum: 3}",
                Level::Warn,
                "tenant-no-tolerance",
            ),
            (
                "{currentState: Initialized, healthStatus: green, drivesOnline: 2, drivesOffline: 2, writeQuorum: 3}",
                Level::Fail,
                "tenant-quorum-lost",
            ),
            (
                "{currentState: Initialized, healthStatus: green, drivesOnline: 4, writeQuorum: 3, usage: {usage: 95, capacity: 100}}",
                Level::Fail,
                "tenant-full",
            ),
            ("{currentState: Waiting for Tenant to be healthy}", Level::Progressing, "tenant-starting"),
            ("{currentState: Tenant credentials are not set properly}", Level::Fail, "tenant-failed"),
            ("{currentState: 'secrets \"x\" not found'}", Level::Fail, "tenant-failed"),
        ] {
            expect(&tenant(status), "Tenant", "t", level, code);
        }
    }

    #[test]
    fn a_tenant_that_never_gets_set_up_is_warned_of() {
        let tenant = |created: &str, state: &str| {
            format!(
                "apiVersion: minio.min.io/v2\nkind: Tenant\nmetadata: {{name: t, namespace: data, creationTimestamp: '{created}'}}\nstatus: {{currentState: {state}}}\n"
            )
        };
        let (old, new) = ("2026-11-01T00:00:00Z", "2026-11-20T02:55:00Z");
        expect(&tenant(old, "Provisioning initial users"), "Tenant", "t", Level::Warn, "tenant-start-late");
        expect(&tenant(old, "Waiting for MinIO TLS Certificate"), "Tenant", "t", Level::Warn, "tenant-start-late");
        expect(&tenant(new, "Provisioning initial users"), "Tenant", "t", Level::Progressing, "tenant-starting");
        expect(&tenant(old, "Updating MinIO Version"), "Tenant", "t", Level::Progressing, "tenant-starting");
    }
}
