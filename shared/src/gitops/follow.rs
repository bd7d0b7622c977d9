//! Whether a commit is live yet: from the source to the Kustomization to the object. Pure; whoever reads the objects
//! asks again until there is an answer.

use crate::ownership::FieldPath;
use serde_json::Value;

/// The annotation that asks a Flux controller to look at once (fluxcd/pkg, `meta.ReconcileRequestAnnotation`).
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// What is waited for.
#[derive(Debug, Clone)]
pub struct Goal<'a> {
    /// The commit.
    pub commit: &'a str,
    /// The value that the source was annotated with; `None` where it was not.
    pub requested_at: Option<&'a str>,
    /// The field of the object, and what it is to be.
    pub path: &'a FieldPath,
    /// The value.
    pub value: &'a Value,
}

/// The objects as they are now; `Null` where there is none.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The GitRepository.
    pub source: Value,
    /// The Kustomization.
    pub kustomization: Value,
    /// The HelmRelease between it and the object, where there is one.
    pub release: Option<Value>,
    /// The object.
    pub object: Value,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Look again: what is waited for, and where known why it is not there.
    Wait(String),
    /// The field has the value.
    Reached,
    /// It will not be reached: why.
    Failed(String),
}

/// The digest of a revision: `main@sha1:…`.
pub fn digest(revision: &str) -> &str {
    revision.rsplit(':').next().unwrap_or(revision)
}

/// The revisions that an objects' statuses name.
pub fn revisions(look: &Look) -> Vec<&str> {
    [
        text(&look.source, "/status/artifact/revision"),
        text(&look.kustomization, "/status/lastAppliedRevision"),
        text(&look.kustomization, "/status/lastAttemptedRevision"),
    ]
    .into_iter()
    .filter(|revision| !revision.is_empty())
    .collect()
}

/// Why waiting makes no sense: what is suspended does not move, and a request to it is answered all the same
/// (kustomize-controller copies `requestedAt` even then).
pub fn suspended(look: &Look) -> Option<String> {
    let parts = [
        ("GitRepository", Some(&look.source)),
        ("Kustomization", Some(&look.kustomization)),
        ("HelmRelease", look.release.as_ref()),
    ];
    parts.into_iter().find_map(|(kind, object)| {
        let object = object?;
        let is_suspended = object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
        let name = text(object, "/metadata/name");
        is_suspended.then(|| format!("{kind} {name} is suspended: a change in Git does not arrive"))
    })
}

/// What the objects say of the commit. `holds` tells of a digest whether it is the commit, or one after it; `None`
/// where nobody knows.
pub fn next(goal: &Goal<'_>, look: &Look, holds: impl Fn(&str) -> Option<bool>) -> Next {
    if let Some(why) = suspended(look) {
        return Next::Failed(why);
    }
    let has = |object: &Value, pointer: &str| {
        let revision = digest(text(object, pointer));
        !revision.is_empty() && (revision == goal.commit || holds(revision) == Some(true))
    };
    source(goal, look, &has)
        .or_else(|| kustomization(look, &has))
        .or_else(|| look.release.as_ref().and_then(release))
        .unwrap_or_else(|| object(goal, look))
}

fn source(goal: &Goal<'_>, look: &Look, has: &impl Fn(&Value, &str) -> bool) -> Option<Next> {
    let (source, name) = (&look.source, text(&look.source, "/metadata/name"));
    if source.is_null() {
        return Some(Next::Failed("the GitRepository is gone".to_owned()));
    }
    if has(source, "/status/artifact/revision") {
        return None;
    }
    let ready = ready(source);
    let why = match ready {
        Some((false, reason, message)) => format!(": {reason}: {message}"),
        _ => {
            let is_handled = goal.requested_at.is_some_and(|at| text(source, "/status/lastHandledReconcileAt") == at);
            let revision = text(source, "/status/artifact/revision");
            let has_looked = if is_handled { ", it has looked since and has" } else { ", it has" };
            if revision.is_empty() { String::new() } else { format!("{has_looked} {revision}") }
        }
    };
    Some(Next::Wait(format!("GitRepository {name} is to fetch {}{why}", short(goal.commit))))
}

fn kustomization(look: &Look, has: &impl Fn(&Value, &str) -> bool) -> Option<Next> {
    let (it, name) = (&look.kustomization, text(&look.kustomization, "/metadata/name"));
    if it.is_null() {
        return Some(Next::Failed("the Kustomization is gone".to_owned()));
    }
    let ready = ready(it);
    // What it says of an older revision does not count.
    if let Some((false, reason, message)) = ready
        && has(it, "/status/lastAttemptedRevision")
        && is_observed(it)
    {
        // A dependency that is not ready yet is tried again, and so is everything that says nothing of the manifests.
        let is_final = ["BuildFailed", "ReconciliationFailed", "HealthCheckFailed", "PruneFailed", "InvalidPath"];
        let told = format!("Kustomization {name}: {reason}: {message}");
        return Some(if is_final.contains(&reason) { Next::Failed(told) } else { Next::Wait(told) });
    }
    if has(it, "/status/lastAppliedRevision") && is_observed(it) && matches!(ready, Some((true, ..))) {
        return None;
    }
    let why = match ready {
        Some((true, ..)) | None => String::new(),
        Some((false, reason, message)) => format!(": {reason}: {message}"),
    };
    Some(Next::Wait(format!("Kustomization {name} is to apply it{why}")))
}

fn release(it: &Value) -> Option<Next> {
    let name = text(it, "/metadata/name");
    match ready(it) {
        Some((true, ..)) if is_observed(it) => None,
        Some((false, reason, message)) if is_observed(it) && is_stalled(it) => {
            Some(Next::Failed(format!("HelmRelease {name}: {reason}: {message}")))
        }
        Some((false, reason, message)) if is_observed(it) => {
            Some(Next::Wait(format!("HelmRelease {name}: {reason}: {message}")))
        }
        _ => Some(Next::Wait(format!("HelmRelease {name} is to upgrade"))),
    }
}

fn object(goal: &Goal<'_>, look: &Look) -> Next {
    let value = goal.path.value(&look.object);
    if value == Some(goal.value) {
        return Next::Reached;
    }
    let is = value.map_or_else(|| "is not set".to_owned(), |value| format!("is {value}"));
    Next::Wait(format!("{} is to be {}, and {is}", goal.path, goal.value))
}

/// The condition Ready: whether it is true, its reason and message. Unknown counts as none.
fn ready(object: &Value) -> Option<(bool, &str, &str)> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let ready = conditions.iter().find(|it| it.get("type").and_then(Value::as_str) == Some("Ready"))?;
    let is_true = match ready.get("status").and_then(Value::as_str)? {
        "True" => true,
        "False" => false,
        _ => return None,
    };
    Some((is_true, text(ready, "/reason"), text(ready, "/message")))
}

fn is_stalled(object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    conditions.iter().any(|it| text(it, "/type") == "Stalled" && text(it, "/status") == "True")
}

fn is_observed(object: &Value) -> bool {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    generation.is_some() && generation == object.pointer("/status/observedGeneration").and_then(Value::as_i64)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OURS: &str = "1111111111111111111111111111111111111111";
    const LATER: &str = "2222222222222222222222222222222222222222";
    const OLDER: &str = "3333333333333333333333333333333333333333";

    fn look() -> Look {
        let status = |revision: &str| {
            json!({"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "ok"}],
                "artifact": {"revision": format!("main@sha1:{revision}")}, "lastHandledReconcileAt": "T",
                "lastAppliedRevision": format!("main@sha1:{revision}"), "lastAttemptedRevision": format!("main@sha1:{revision}")})
        };
        let of = |name: &str| json!({"metadata": {"name": name, "generation": 1}, "spec": {}, "status": status(OURS)});
        Look { source: of("infra"), kustomization: of("apps"), release: None, object: json!({"spec": {"replicas": 5}}) }
    }

    fn decide(look: &Look) -> Next {
        let (path, value) = (FieldPath::parse(".spec.replicas").expect("a path"), json!(5));
        let goal = Goal { commit: OURS, requested_at: Some("T"), path: &path, value: &value };
        next(&goal, look, |digest| match digest {
            LATER => Some(true),
            OLDER => Some(false),
            _ => None,
        })
    }

    fn waits(look: &Look) -> String {
        match decide(look) {
            Next::Wait(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_commit_is_live_when_all_of_it_is() {
        assert_eq!(decide(&look()), Next::Reached);
        let mut later = look();
        for pointer in ["/status/artifact/revision", "/status/lastAppliedRevision"] {
            *later.source.pointer_mut(pointer).expect("there") = json!(format!("main@sha1:{LATER}"));
            *later.kustomization.pointer_mut(pointer).expect("there") = json!(format!("main@sha1:{LATER}"));
        }
        assert_eq!(decide(&later), Next::Reached, "a later commit holds ours");
    }

    #[test]
    fn each_step_is_waited_for_in_turn() {
        let mut it = look();
        it.object["spec"]["replicas"] = json!(3);
        assert_eq!(waits(&it), ".spec.replicas is to be 5, and is 3");
        it.kustomization["metadata"]["generation"] = json!(2);
        assert_eq!(waits(&it), "Kustomization apps is to apply it");
        it.kustomization = look().kustomization;
        it.kustomization["status"]["lastAppliedRevision"] = json!(format!("main@sha1:{OLDER}"));
        assert_eq!(waits(&it), "Kustomization apps is to apply it");
        it.source["status"]["artifact"]["revision"] = json!(format!("main@sha1:{OLDER}"));
        assert_eq!(
            waits(&it),
            format!("GitRepository infra is to fetch 11111111, it has looked since and has main@sha1:{OLDER}")
        );
        it.source["status"]["artifact"]["revision"] = json!("main@sha1:unknown");
        it.source["status"]["conditions"][0] =
            json!({"type": "Ready", "status": "False", "reason": "GitOperationFailed", "message": "no route"});
        assert_eq!(waits(&it), "GitRepository infra is to fetch 11111111: GitOperationFailed: no route");
    }

    #[test]
    fn what_fails_at_the_commit_is_final_and_what_failed_before_is_not() {
        let mut it = look();
        let failed = json!({"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no such file"});
        it.kustomization["status"]["conditions"][0] = failed;
        assert_eq!(decide(&it), Next::Failed("Kustomization apps: BuildFailed: no such file".to_owned()));
        it.kustomization["status"]["lastAttemptedRevision"] = json!(format!("main@sha1:{OLDER}"));
        assert_eq!(waits(&it), "Kustomization apps is to apply it: BuildFailed: no such file");
        it.kustomization = look().kustomization;
        it.kustomization["status"]["conditions"][0] =
            json!({"type": "Ready", "status": "False", "reason": "DependencyNotReady", "message": "db"});
        assert_eq!(waits(&it), "Kustomization apps: DependencyNotReady: db");
    }

    #[test]
    fn what_is_suspended_is_not_waited_for() {
        for part in ["source", "kustomization", "release"] {
            let mut it = look();
            it.release = Some(look().kustomization);
            assert_eq!(decide(&it), Next::Reached);
            let object = match part {
                "source" => &mut it.source,
                "kustomization" => &mut it.kustomization,
                _ => it.release.as_mut().expect("there"),
            };
            object["spec"]["suspend"] = json!(true);
            assert!(matches!(decide(&it), Next::Failed(why) if why.contains("suspended")), "{part}");
        }
        let mut gone = look();
        gone.kustomization = Value::Null;
        assert_eq!(decide(&gone), Next::Failed("the Kustomization is gone".to_owned()));
    }

    #[test]
    fn a_release_is_waited_for_until_it_is_stalled() {
        let mut it = look();
        let mut release = look().kustomization;
        release["status"]["conditions"][0] =
            json!({"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "timeout"});
        it.release = Some(release.clone());
        assert_eq!(waits(&it), "HelmRelease apps: UpgradeFailed: timeout");
        release["status"]["conditions"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"type": "Stalled", "status": "True"}));
        it.release = Some(release);
        assert_eq!(decide(&it), Next::Failed("HelmRelease apps: UpgradeFailed: timeout".to_owned()));
    }
}
