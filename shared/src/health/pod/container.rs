//! One container of a pod: what it waits for, how it ended, and what a restart means.

use super::{
    POD_CONFIG, POD_CRASH_LOOP, POD_FAILED, POD_IMAGE, POD_IMAGE_REFUSED, POD_INIT, POD_OOM_KILLED, POD_RESTARTED,
    blame_missing_needs, job_of, prefixed,
};
use crate::health::Related;
use crate::object::{Container, ContainerStatus, Exit, Object, ObjectRef, Pod};
use crate::report::{Level, Verdict};
use crate::text;
use jiff::Timestamp;

/// What one container says; `None` when it is well.
pub(super) fn state(
    object: &Object,
    pod: &Pod,
    container: &Container,
    status: &ContainerStatus,
    is_init: bool,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let what = if is_init { "init container" } else { "container" };
    let name = &container.name;
    let previous = format!(
        "kubectl logs -n {} {} -c {} --previous",
        text::shell_word(&object.meta.namespace),
        text::shell_word(&object.meta.name),
        text::shell_word(name)
    );
    let last = status.last_state.terminated.as_ref();
    if let Some(waiting) = &status.state.waiting {
        let message = &*waiting.message;
        return match &*waiting.reason {
            "CrashLoopBackOff" => {
                let how = last.map_or_else(|| message.to_owned(), |exit| ending(exit));
                let code = match last {
                    Some(exit) if &*exit.reason == "OOMKilled" => &POD_OOM_KILLED,
                    _ if is_init => &POD_INIT,
                    _ => &POD_CRASH_LOOP,
                };
                let text = format!(
                    "{what} {name} crash-loops, {}: {how}",
                    text::plural(usize::try_from(status.restart_count).unwrap_or(0), "restart")
                );
                let mut verdict =
                    Verdict::fail(code, text).since(last.and_then(|exit| exit.finished_at.get())).command(previous);
                if let Some(exit) = last.filter(|exit| !exit.message.is_empty()) {
                    verdict = verdict.evidence(exit.message.to_string());
                }
                Some(with_probe(verdict, object, last.map(|exit| &**exit), related))
            }
            "ImagePullBackOff"
            | "ErrImagePull"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                let event = related.warning(object, &["Failed"]).map(|event| event.message.to_string());
                let text = format!("{what} {name} cannot pull {}{}", container.image, prefixed(": ", message));
                let is_refused = matches!(&*waiting.reason, "ErrImageNeverPull" | "InvalidImageName");
                let code = if is_refused { &POD_IMAGE_REFUSED } else { &POD_IMAGE };
                let verdict = Verdict::fail(code, text).since(object.meta.creation_timestamp.get());
                let verdict = if is_refused { verdict } else { blame_pull_secrets(verdict, object, pod, related) };
                Some(event.into_iter().fold(verdict, Verdict::evidence))
            }
            // The kubelet's cache is not there yet: it tries again (krane's rule).
            "CreateContainerConfigError" if message.contains("failed to sync") && message.contains("cache") => None,
            "CreateContainerConfigError"
            | "CreateContainerError"
            | "RunContainerError"
            | "PreStartHookError"
            | "PostStartHookError"
            | "ContainerCannotRun" => {
                let verdict =
                    Verdict::fail(&POD_CONFIG, format!("{what} {name}: {}{}", waiting.reason, prefixed(": ", message)));
                Some(blame_missing_needs(verdict, object, pod, related).since(object.meta.creation_timestamp.get()))
            }
            _ => None,
        };
    }
    if let Some(exit) = &status.state.terminated {
        if exit.exit_code == 0 {
            return None;
        }
        let code = match &*exit.reason {
            "OOMKilled" => &POD_OOM_KILLED,
            _ if is_init => &POD_INIT,
            _ => &POD_FAILED,
        };
        return Some(
            Verdict::fail(code, format!("{what} {name} {}", ending(exit)))
                .since(exit.finished_at.get())
                .command(previous),
        );
    }
    let last = last?;
    let verdict = restarted(status, last, name, what, pod, related, now)?;
    let mut verdict = with_probe(verdict, object, Some(last), related).command(previous);
    // To a Job a container that is started again is a try, which it counts itself.
    if job_of(object).is_some() {
        verdict.level = verdict.level.min(Level::Warn);
    }
    Some(verdict)
}

/// Blames pull secrets that are known to be missing, where the registry wants to know who asks.
fn blame_pull_secrets(verdict: Verdict, object: &Object, pod: &Pod, related: &Related<'_>) -> Verdict {
    let text = verdict.message.to_ascii_lowercase();
    let refused = ["unauthorized", "authorization", "authentication", "denied", "forbidden", "401", "403"];
    let event = related.warning(object, &["FailedToRetrieveImagePullSecret"]);
    if event.is_none() && !refused.iter().any(|word| text.contains(word)) {
        return verdict;
    }
    let namespace = &object.meta.namespace;
    let missing = pod.pull_secrets.iter().filter(|name| related.get("", "Secret", namespace, name).is_missing());
    missing.fold(verdict, |verdict, name| verdict.blame(ObjectRef::new("", "Secret", namespace, name)))
}

/// Exit code 137 is a kill: by the kernel for memory, which the reason says, or by the kubelet
/// after a failed liveness probe, which only the event says.
fn with_probe(verdict: Verdict, object: &Object, last: Option<&Exit>, related: &Related<'_>) -> Verdict {
    let is_killed = last.is_some_and(|exit| matches!(exit.exit_code, 137 | 143) && &*exit.reason != "OOMKilled");
    let probe = related.events(object, &["Unhealthy", "Killing"]).find(|event| event.message.contains("iveness"));
    match probe.filter(|_| is_killed) {
        Some(event) => verdict.evidence(format!("{}: {}", event.reason, &*event.message)),
        None => verdict,
    }
}

/// A container that runs again: how bad that is depends on how long ago it ended (the rate, not
/// the count: flanksource/is-healthy).
fn restarted(
    status: &ContainerStatus,
    last: &Exit,
    name: &str,
    what: &str,
    pod: &Pod,
    related: &Related<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let ago = last.finished_at.seconds_before(now)?;
    let when = last.finished_at.get().map_or_else(String::new, |time| format!(" {} ago", text::age(time, now)));
    let text = format!(
        "{what} {name} {}{when}, {}",
        ending(last),
        text::plural(usize::try_from(status.restart_count).unwrap_or(0), "restart")
    );
    // The runtime gives this to containers that it finds dead after a restart of the node.
    if last.exit_code == 255 && &*last.reason == "Unknown" {
        let verdict = Verdict::warn(&POD_RESTARTED, format!("{text}: probably with its node"));
        return (ago <= related.limits.restart_fail_seconds).then(|| verdict.since(last.finished_at.get()));
    }
    if &*last.reason == "OOMKilled" && ago <= related.limits.restart_warn_seconds {
        return Some(Verdict::warn(&POD_OOM_KILLED, text).since(last.finished_at.get()));
    }
    if last.exit_code == 0 && pod.is_ready() || ago > related.limits.restart_warn_seconds {
        return None;
    }
    let verdict = if ago <= related.limits.restart_fail_seconds && status.restart_count >= 1 {
        Verdict::fail(&POD_RESTARTED, text)
    } else {
        Verdict::warn(&POD_RESTARTED, text)
    };
    Some(verdict.since(last.finished_at.get()))
}

/// How a container ended, with what its exit code means.
pub(super) fn ending(exit: &Exit) -> String {
    let meaning = match exit.exit_code {
        _ if &*exit.reason == "OOMKilled" => "out of memory",
        126 => "command cannot be run",
        127 => "command not found",
        137 => "killed: memory or liveness probe",
        139 => "segmentation fault",
        143 => "terminated",
        _ => "",
    };
    let reason =
        if exit.reason.is_empty() || &*exit.reason == "Error" { String::new() } else { format!(" ({})", exit.reason) };
    format!("ended with exit code {}{reason}{}", exit.exit_code, prefixed(", ", meaning))
}
