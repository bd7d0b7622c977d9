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
    "compliant",
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
    "matched",
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
];

const BROKEN: &[&str] = &[
    "abnormal",
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
    "err",
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
    "hibernating",
    "inactive",
    "onhold",
    "paused",
    "pausing",
    "scaledtozero",
    "standby",
    "stopped",
    "suspended",
    "suspending",
];

const WARNS: &[&str] =
    &["partial", "partiallyfailed", "partiallysucceeded", "warn", "warning", "yellow", "unmanaged", "overloaded"];

const UNCLEAR: &[&str] = &["unknown"];

/// Words in -ing that name a thing and no work.
const NOUNS: &[&str] = &[
    "billing",
    "existing",
    "logging",
    "missing",
    "monitoring",
    "networking",
    "nothing",
    "peering",
    "routing",
    "string",
];

/// What a state word means; `None` for an empty word and for one that says nothing known.
///
/// Spaces, dashes, underscores and case do not count. A longer text (`Failed to create X`,
/// `SettingUpPrimary`, `HEALTH_WARN`) is judged by what is in it, then by its first word, then by how it ends.
pub(super) fn sense_of_word(word: &str) -> Option<Sense> {
    let plain = squeeze(word);
    if plain.is_empty() || plain.len() > 120 {
        return None;
    }
    exact(&plain).or_else(|| by_parts(word, &plain))
}

pub(super) fn squeeze(word: &str) -> String {
    word.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The words of a name in lower case: `ACK.ResourceSynced` is ack, resource, synced, and `PVCBound` pvc, bound.
pub(super) fn parts(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut found = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let after = letters.get(index + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()));
        if begins || !letter.is_alphanumeric() {
            found.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(last) = found.last_mut()
        {
            last.extend(letter.to_lowercase());
        }
    }
    found.retain(|part| !part.is_empty());
    found
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
    if has(&["inprogress", "waiting", "pending", "progress", "settingup", "startingup", "inplaceupdat", "upgrading"])
        || plain.starts_with("waitfor")
    {
        return Some(Sense::AtWork);
    }
    // "NonCompliant", "DisConnected": the opposite of a good word.
    if ["non", "mis", "dis"].iter().filter_map(|prefix| plain.strip_prefix(prefix)).any(|rest| WELL.contains(&rest)) {
        return Some(Sense::Broken);
    }
    let first = word.split(|character: char| !character.is_alphanumeric()).find(|part| !part.is_empty())?;
    if let Some(sense) = exact(&squeeze(first)).filter(|_| first.len() < word.len()) {
        return Some(sense);
    }
    let names = parts(word);
    // "MissingSecret", "LostConnection"; not "DownScaled".
    if let [first, _, ..] = &*names
        && first.len() > 4
        && exact(first) == Some(Sense::Broken)
    {
        return Some(Sense::Broken);
    }
    let is_work = |part: &str| part.ends_with("ing") && part.len() > 4 && !NOUNS.contains(&part);
    if names.first().is_some_and(|first| is_work(first) && exact(first) != Some(Sense::Well)) || is_work(plain) {
        return Some(Sense::AtWork);
    }
    // "HEALTH_OK", "HEALTH_WARN".
    if let [_, last] = &*names
        && word.contains('_')
        && let Some(sense) = exact(last)
    {
        return Some(sense);
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

/// Whether the reason of a condition says that its work is done: `NewReplicaSetAvailable`, `AsExpected`.
pub(super) fn reason_is_done(reason: &str) -> bool {
    let names = parts(reason);
    let ends = ["available", "complete", "completed", "succeeded", "success", "successful", "finished", "idle"];
    names.last().is_some_and(|last| ends.contains(&last.as_str())) && sense_of_word(reason) != Some(Sense::Broken)
        || reason == "AsExpected"
}

/// Whether a message speaks of an error (`Some(true)`) or of work (`Some(false)`).
pub(super) fn message_is_error(message: &str) -> Option<bool> {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&[
        "error",
        "failed",
        "failure",
        "cannot",
        "could not",
        "no key could",
        "not found",
        "does not exist",
        "forbidden",
        "unauthorized",
        "invalid",
        "denied",
        "refused",
        "unable to",
    ]) {
        return Some(true);
    }
    let first = message.split(|character: char| !character.is_alphanumeric()).find(|part| !part.is_empty());
    let begins_with_work = first.is_some_and(|word| sense_of_word(word) == Some(Sense::AtWork));
    let says_work = says(&["waiting", "in progress", "pending", "creating", "not yet", "progressing"]);
    (begins_with_work || says_work).then_some(false)
}

/// Whether a message tells of an error in so many words, whatever work its reason names: a `Migrating`
/// that says `syntax error` is a try that failed.
pub(super) fn message_is_plain_error(message: &str) -> bool {
    let message = message.to_lowercase();
    ["error:", " error ", "syntax error", "failed to ", "failed with", "rpc error", "panic:"]
        .iter()
        .any(|word| message.contains(word))
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
            ("HEALTH_OK", Sense::Well),
            ("HEALTH_WARN", Sense::Warns),
            ("HEALTH_ERR", Sense::Broken),
            ("ApplyingChanges", Sense::AtWork),
            ("WaitForFirstConsumer", Sense::AtWork),
            ("NonCompliant", Sense::Broken),
            ("MissingCredentials", Sense::Broken),
            ("MissingSomething", Sense::Broken),
            ("Compliant", Sense::Well),
        ] {
            assert_eq!(sense_of_word(word), Some(sense), "{word}");
        }
        for word in ["", "  ", "v1.2.3", "blue", "MonitoringRules", "String"] {
            assert_eq!(sense_of_word(word), None, "{word}");
        }
    }

    #[test]
    fn names_are_taken_apart_into_their_words() {
        for (name, expected) in [
            ("ACK.ResourceSynced", "ack resource synced"),
            ("PVCBound", "pvc bound"),
            ("Installed", "installed"),
            ("all-replicas_ready", "all replicas ready"),
            ("HEALTH_OK", "health ok"),
            ("", ""),
        ] {
            assert_eq!(parts(name).join(" "), expected);
        }
    }
}
