//! How far a scaling has come, from one look at the object and its pods. Pure.

use jiff::Timestamp;
use mlops_shared::health::{Related, assess};
use mlops_shared::object::{Inventory, Object};
use mlops_shared::ownership::{FieldPath, Fields};
use mlops_shared::platform::Platform;
use mlops_shared::report::Level;
use serde_json::Value;

/// Pods that are named with their reason.
const NAMED: usize = 5;

/// One look.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    /// The object.
    pub(crate) json: &'a Value,
    /// The object as it was before the change.
    pub(crate) before: &'a Value,
    /// The other object that its target wants to see.
    pub(crate) beside: Option<&'a Value>,
    /// Replicas that its scale wants.
    pub(crate) wanted: u32,
    /// Replicas that its scale counts.
    pub(crate) current: u32,
    /// Replicas that were asked for.
    pub(crate) goal: u32,
    /// The field that holds them, where it is known.
    pub(crate) path: Option<&'a FieldPath>,
    /// The field manager that set them.
    pub(crate) manager: &'a str,
    /// Its pods, as an inventory of their own.
    pub(crate) pods: &'a Inventory,
    pub(crate) platform: &'a Platform,
    pub(crate) now: Timestamp,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The goal is reached.
    Reached,
    /// It is on its way: how far, and what holds single pods up.
    Waiting { summary: String, reasons: Vec<String> },
    /// Its controller does not do it, and says why.
    Refused { why: String, hints: Vec<String> },
    /// Somebody has set the replicas again.
    Reverted { to: u32, by: String },
}

impl Look<'_> {
    /// How far the replicas have come: seen by the controller, so many, ready, and of the newest template.
    pub(crate) fn replicas(&self) -> Progress {
        if self.wanted != self.goal {
            return self.reverted();
        }
        match self.missing() {
            None => Progress::Reached,
            Some(summary) => Progress::Waiting { summary, reasons: self.reasons() },
        }
    }

    /// Somebody has set the replicas again.
    pub(crate) fn reverted(&self) -> Progress {
        Progress::Reverted { to: self.wanted, by: self.reverter() }
    }

    fn missing(&self) -> Option<String> {
        let number = |pointer: &str| self.json.pointer(pointer).and_then(Value::as_u64);
        let status = |field: &str| number(&format!("/status/{field}"));
        if let (Some(seen), Some(generation)) = (status("observedGeneration"), number("/metadata/generation"))
            && seen < generation
        {
            return Some("its controller has not seen the change yet".to_owned());
        }
        let goal = u64::from(self.goal);
        let is_built_in = matches!(self.json.get("apiVersion").and_then(Value::as_str), Some("apps/v1" | "v1"));
        let current = u64::from(self.current);
        if current != goal {
            return Some(format!("{current} of {goal} replicas"));
        }
        // The API server leaves zero out where a kind counts the ready ones; others may not count them.
        let ready = status("readyReplicas").or(is_built_in.then_some(0));
        if let Some(ready) = ready.filter(|ready| *ready != goal) {
            return Some(format!("{ready} of {goal} replicas are ready"));
        }
        let text = |pointer: &str| self.json.pointer(pointer).and_then(Value::as_str);
        let is_held = text("/spec/updateStrategy/type") == Some("OnDelete")
            || number("/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0) > 0
            || self.json.pointer("/spec/paused").and_then(Value::as_bool) == Some(true);
        let updates = matches!(self.json.get("kind").and_then(Value::as_str), Some("Deployment" | "StatefulSet"));
        let updated = status("updatedReplicas").or((is_built_in && updates).then_some(0));
        if let Some(updated) = updated.filter(|updated| *updated != goal && !is_held) {
            return Some(format!("{updated} of {goal} replicas have the newest template"));
        }
        let conditions = self.json.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let mut ready = conditions.filter(|it| it.get("type").and_then(Value::as_str) == Some("Ready"));
        let is_unready = ready.any(|it| it.get("status").and_then(Value::as_str) == Some("False"));
        is_unready.then(|| "its Ready condition is False".to_owned())
    }

    /// Who set the replicas last, other than this run.
    fn reverter(&self) -> String {
        let owners = self.path.map(|path| Fields::of(self.json).owners(path)).unwrap_or_default();
        let mut others =
            owners.into_iter().filter(|owner| owner.manager != self.manager || owner.subresource != "scale");
        others.next().map_or_else(|| "somebody whom managedFields do not name".to_owned(), |owner| owner.manager)
    }

    pub(crate) fn reasons(&self) -> Vec<String> {
        let related = Related { inventory: self.pods, limits: &self.platform.thresholds };
        let verdict = |pod: &Object| {
            let verdict = assess(pod, &related, self.now);
            (verdict.level > Level::Suspended).then(|| format!("{}: {}", pod.meta.name, verdict.message))
        };
        let mut lines: Vec<String> = self.pods.of_kind("", "Pod").iter().filter_map(verdict).collect();
        if lines.len() > NAMED {
            let rest = lines.len() - NAMED;
            lines.truncate(NAMED);
            lines.push(format!("and {rest} more pods"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlops_shared::object::{InventoryBuilder, Scope};
    use serde_json::json;

    fn deployment(status: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 4, "managedFields": [
            {"manager": "mlops", "operation": "Update", "subresource": "scale", "fieldsV1": {}},
            {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-20T03:00:00Z",
             "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}, "spec": {"replicas": 3}, "status": status})
    }

    fn progress(json: &Value, (wanted, current): (u32, u32)) -> Progress {
        let (pods, platform) = (InventoryBuilder::new(Scope::Cluster, false).finish(), Platform::built_in());
        let path = FieldPath::parse(".spec.replicas").expect("a path");
        let now = Timestamp::UNIX_EPOCH;
        let look = Look {
            json,
            before: json,
            beside: None,
            wanted,
            current,
            goal: 3,
            path: Some(&path),
            manager: "mlops",
            pods: &pods,
            platform: &platform,
            now,
        };
        look.replicas()
    }

    fn waits(status: Value, current: u32) -> String {
        match progress(&deployment(status), (3, current)) {
            Progress::Waiting { summary, .. } => summary,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_reached_when_the_controller_has_seen_it_and_all_are_ready_and_new() {
        let done = json!({"observedGeneration": 4, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3});
        assert_eq!(progress(&deployment(done.clone()), (3, 3)), Progress::Reached);
        let with = |key: &str, value: Value| {
            let mut status = done.clone();
            status[key] = value;
            status
        };
        assert!(waits(with("observedGeneration", 3.into()), 3).contains("has not seen"));
        assert_eq!(waits(with("readyReplicas", Value::Null), 3), "0 of 3 replicas are ready");
        assert_eq!(waits(with("updatedReplicas", 1.into()), 3), "1 of 3 replicas have the newest template");
        assert_eq!(waits(done, 2), "2 of 3 replicas");
    }

    #[test]
    fn who_sets_it_again_is_named() {
        let json = deployment(json!({"observedGeneration": 4}));
        let reverted = progress(&json, (2, 2));
        assert_eq!(reverted, Progress::Reverted { to: 2, by: "kustomize-controller".to_owned() });
    }

    #[test]
    fn kinds_that_count_no_ready_replicas_are_taken_at_their_word() {
        let mut custom =
            json!({"apiVersion": "x.org/v1", "kind": "Thing", "metadata": {}, "spec": {}, "status": {"replicas": 3}});
        assert_eq!(progress(&custom, (3, 3)), Progress::Reached);
        custom["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
        assert!(matches!(progress(&custom, (3, 3)), Progress::Waiting { .. }));
    }
}
