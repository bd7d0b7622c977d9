//! What state words and reasons mean, in the many spellings of controllers.

/// What a word says of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// It works, or has done its work.
    Well,
    /// Its controller is on the way.
    AtWork,
    /// It does not work.
    Broken,
    /// It is set aside.
    Held,
    /// It works, with a reservation.
    Warns,
    /// The controller does not know.
    Unclear,
}

const WELL: &[&str] = &[
    "accepted",
    "active",
    "allocated",
    "approved",
    "available",
    "bound",
    "clusterinhealthystate",
    "complete",
    "completed",
    "configured",
    "connected",
    "current",
    "deployed",
    "done",
    "established",
    "enabled",
    "finished",
    "functional",
    "good",
    "green",
    "healthy",
    "initialized",
    "installed",
    "issued",
    "live",
    "normal",
    "ok",
    "online",
    "operational",
    "programmed",
    "passed",
    "provisioned",
    "ready",
    "reconciled",
    "resolved",
    "running",
    "scheduled",
    "serving",
    "stable",
    "started",
    "succeeded",
    "success",
    "successful",
    "synced",
    "true",
    "up",
    "uptodate",
    "valid",
    "validated",
    "verified",
];

const AT_WORK: &[&str] = &[
    "applying",
    "attaching",
    "binding",
    "bootstrapping",
    "building",
    "changing",
    "configuring",
    "creating",
    "decommissioning",
    "deleting",
    "deploying",
    "detaching",
    "downloading",
    "draining",
    "expanding",
    "importing",
    "initializing",
    "initialising",
    "inprogress",
    "installing",
    "joining",
    "migrating",
    "moving",
    "new",
    "notstarted",
    "outofsync",
    "pending",
    "pendingrerun",
    "preparing",
    "processing",
    "progressing",
    "propagating",
    "provisioning",
    "pulling",
    "queued",
    "rebalancing",
    "rebooting",
    "reconciling",
    "recovering",
    "reloading",
    "removing",
    "renewing",
    "resizing",
    "restarting",
    "restoring",
    "resuming",
    "retrying",
    "rollingout",
    "rollingupdate",
    "scaling",
    "scalingdown",
    "scalingup",
    "scheduling",
    "startingup",
    "starting",
    "stopping",
    "submitted",
    "switching",
    "syncing",
    "terminating",
    "uninstalling",
    "unbound",
    "unscheduled",
    "updating",
    "upgrading",
    "validating",
    "verifying",
    "waiting",
    "settingup",
    "setup",
    "backingup",
    "cloning",
    "copying",
    "snapshotting",
    "deployednotready",
    "accepted_pending",
];

const BROKEN: &[&str] = &[
    "aborted",
    "broken",
    "cancelled",
    "canceled",
    "conflict",
    "corrupted",
    "crashed",
    "critical",
    "crashloopbackoff",
    "dead",
    "degraded",
    "denied",
    "down",
    "error",
    "errored",
    "evicted",
    "expired",
    "fail",
    "failed",
    "failing",
    "failure",
    "fatal",
    "faulted",
    "inaccessible",
    "incompatible",
    "invalid",
    "killed",
    "lost",
    "misconfigured",
    "missing",
    "notready",
    "notsynced",
    "offline",
    "red",
    "refused",
    "rejected",
    "stalled",
    "stuck",
    "terminatedwitherror",
    "timedout",
    "timeout",
    "unauthorized",
    "unavailable",
    "undeployable",
    "unhealthy",
    "unreachable",
    "unschedulable",
    "unsupported",
    "unusable",
    "wrong",
];

const HELD: &[&str] = &[
    "disabled",
    "halted",
    "hibernated",
    "held",
    "onhold",
    "paused",
    "scaledtozero",
    "standby",
    "stopped",
    "suspended",
    "suspending",
];

const WARNS: &[&str] =
    &["partial", "partiallyfailed", "partiallysucceeded", "warning", "yellow", "unmanaged", "overloaded"];

const UNCLEAR: &[&str] = &["unknown"];

/// What a state word means; `None` for an empty word and for one that says nothing known.
///
/// Spaces, dashes, underscores and case do not count. A longer text (`Failed to create X`,
/// `Setting up primary`) is judged by its first word, then by how its words end.
pub(super) fn sense_of_word(word: &str) -> Option<Sense> {
    let plain = squeeze(word);
    if plain.is_empty() || plain.len() > 120 {
        return None;
    }
    exact(&plain).or_else(|| by_parts(word, &plain))
}

fn squeeze(word: &str) -> String {
    word.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn exact(plain: &str) -> Option<Sense> {
    [
        (WELL, Sense::Well),
        (AT_WORK, Sense::AtWork),
        (BROKEN, Sense::Broken),
        (HELD, Sense::Held),
        (WARNS, Sense::Warns),
        (UNCLEAR, Sense::Unclear),
    ]
    .into_iter()
    .find_map(|(words, sense)| words.contains(&plain).then_some(sense))
}

fn by_parts(word: &str, plain: &str) -> Option<Sense> {
    let has = |parts: &[&str]| parts.iter().any(|part| plain.contains(part));
    // "NoError", "not failed".
    let denied = plain.starts_with("no") && !plain.starts_with("not") && !plain.starts_with("node");
    if !denied
        && has(&[
            "fail",
            "error",
            "unhealthy",
            "notready",
            "invalid",
            "degraded",
            "unrecoverable",
            "denied",
            "unavailable",
            "crash",
            "exceeded",
            "timedout",
            "conflict",
            "notfound",
            "mismatch",
        ])
    {
        return Some(Sense::Broken);
    }
    if has(&["paused", "suspend", "hibernat"]) {
        return Some(Sense::Held);
    }
    if has(&["inprogress", "waiting", "pending", "progress", "settingup", "startingup", "inplaceupdat", "upgrading"]) {
        return Some(Sense::AtWork);
    }
    let first = word.split(|character: char| !character.is_alphanumeric()).find(|part| !part.is_empty())?;
    if let Some(sense) = exact(&squeeze(first)).filter(|_| first.len() < word.len()) {
        return Some(sense);
    }
    if plain.ends_with("ing") {
        return Some(Sense::AtWork);
    }
    if has(&["healthy", "succe", "complete", "ready"]) && !has(&["unhealthy", "notready", "incomplete"]) {
        return Some(Sense::Well);
    }
    None
}

/// What a condition's type says: only words that are known, since `ContinuousArchiving` is no
/// work that ends.
pub(super) fn sense_of_type(kind: &str) -> Option<Sense> {
    exact(&squeeze(kind))
}

/// Whether the reason of a condition that is not met speaks of an error rather than of work.
pub(super) fn reason_is_error(reason: &str) -> Option<bool> {
    // `ClusterIsNotReady` only says again what the condition says.
    if squeeze(reason).contains("notready") {
        return Some(false);
    }
    match sense_of_word(reason)? {
        Sense::Broken => Some(true),
        Sense::AtWork => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood_in_any_spelling() {
        for (word, sense) in [
            ("Running", Sense::Well),
            ("RUNNING", Sense::Well),
            ("up-to-date", Sense::Well),
            ("Cluster in healthy state", Sense::Well),
            ("PENDING_RERUN", Sense::AtWork),
            ("Setting up primary", Sense::AtWork),
            ("In Progress", Sense::AtWork),
            ("Reticulating", Sense::AtWork),
            ("UpdateFailed", Sense::Broken),
            ("SUBMISSION_FAILED", Sense::Broken),
            ("FailedToCreate", Sense::Broken),
            ("not ready", Sense::Broken),
            ("Paused", Sense::Held),
            ("yellow", Sense::Warns),
            ("Unknown", Sense::Unclear),
        ] {
            assert_eq!(sense_of_word(word), Some(sense), "{word}");
        }
        for word in ["", "  ", "v1.2.3", "blue"] {
            assert_eq!(sense_of_word(word), None, "{word}");
        }
    }
}
