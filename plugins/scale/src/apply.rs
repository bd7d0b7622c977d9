//! Carrying a plan out: the writes in their order, then waiting for what follows. Each write is sent once.

use crate::plan::{Draft, Write};
use crate::progress::{Look, Progress};
use crate::read::Seen;
use crate::settings::Settings;
use crate::stamp::{DRIFT, RECONCILE, Scaling};
use crate::targets::target_of;
use jiff::Timestamp;
use mlops_shared::cli::Printer;
use mlops_shared::cluster::{self, ClusterError, Connection, Place, Resource, WriteToken, Writer};
use mlops_shared::object::{Decoded, Inventory, InventoryBuilder, Scope, Section, SectionState, decode_kept};
use mlops_shared::platform::Platform;
use mlops_shared::report::{PlanState, StepState};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A write that meets another one of the status is looked into, and sent so often at most.
const TRIES: u32 = 3;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// A run that writes.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) token: &'a WriteToken,
    pub(crate) settings: &'a Settings,
    pub(crate) seen: &'a Seen,
    pub(crate) place: &'a Place,
    pub(crate) platform: &'a Platform,
    pub(crate) printer: &'a Printer,
}

impl Run<'_> {
    /// Carries the plan out, and writes into it what became of it.
    pub(crate) async fn carry_out(&self, draft: &mut Draft) {
        let writer = Writer::new(self.connection, self.token, &self.settings.write.manager);
        let is_sent = self.send(&writer, draft).await;
        for warning in writer.warnings() {
            self.printer.note(&format!("the API server warns: {warning}"));
        }
        if !is_sent {
            return;
        }
        let plan = &mut draft.plan;
        if self.token.is_dry_run() {
            plan.state = PlanState::Accepted;
            "the API server takes every change, and has kept none".clone_into(&mut plan.outcome);
        } else if self.settings.timeout.is_zero() {
            plan.state = PlanState::Applied;
            "nobody waits for what follows".clone_into(&mut plan.outcome);
        } else {
            self.wait(&writer, draft).await;
        }
    }

    /// Sends the writes one after the other; at the first that fails, takes those before it back.
    async fn send(&self, writer: &Writer<'_>, draft: &mut Draft) -> bool {
        let mut known = self.seen.json.clone();
        for index in 0..draft.writes.len() {
            let outcome = self.one(writer, &draft.writes[index], &mut known).await;
            let step = &mut draft.plan.steps[index];
            let Err(error) = outcome else {
                step.state = if self.token.is_dry_run() { StepState::Accepted } else { StepState::Done };
                continue;
            };
            let is_doubt = matches!(error, ClusterError::InDoubt(_));
            step.state = if is_doubt { StepState::InDoubt } else { StepState::Failed };
            step.message = Some(told(&error));
            draft.plan.steps.iter_mut().skip(index + 1).for_each(|step| step.state = StepState::Skipped);
            draft.plan.state = if is_doubt { PlanState::InDoubt } else { PlanState::Failed };
            draft.plan.outcome = told(&error);
            draft.plan.notes.extend(error.hints().into_iter().map(|hint| format!("hint: {hint}")));
            // What may have been done is left with its marks, for `status` explains them.
            if !is_doubt && !self.token.is_dry_run() {
                self.take_back(writer, draft, index).await;
            }
            return false;
        }
        true
    }

    /// One write. `known` is the object as it was last seen.
    async fn one(&self, writer: &Writer<'_>, write: &Write, known: &mut Value) -> Result<(), ClusterError> {
        match write {
            Write::Object { patch, .. } => {
                let after = patch_unchanged(self.connection, writer, self.place, patch, known).await?;
                // Of a dry run nothing was kept.
                if !self.token.is_dry_run() {
                    *known = after;
                }
            }
            Write::Owner { patch, .. } => {
                let (place, json) = self.seen.owner.as_ref().ok_or(ClusterError::NotFound)?;
                patch_unchanged(self.connection, writer, place, patch, json).await?;
            }
            Write::Scale(to) => self.set_scale(writer, *to, known).await?,
        }
        Ok(())
    }

    async fn set_scale(&self, writer: &Writer<'_>, to: u32, known: &Value) -> Result<(), ClusterError> {
        let mut tries = 1;
        loop {
            let scale = cluster::scale(self.connection, self.place).await?;
            let from = self.seen.replicas.wanted;
            if scale.wanted != from {
                let message =
                    format!("{} replicas are wanted by now, not {from}: somebody else has scaled it", scale.wanted);
                return Err(ClusterError::Conflict { message, fields: Vec::new() });
            }
            match writer.set_scale(self.place, &scale, to).await {
                Err(ClusterError::Conflict { .. }) if tries < TRIES => {
                    unchanged(self.connection, self.place, known).await?;
                    tries += 1;
                }
                outcome => return outcome.map(|_| ()),
            }
        }
    }

    async fn take_back(&self, writer: &Writer<'_>, draft: &mut Draft, failed: usize) {
        for index in (0..failed).rev() {
            let (place, undo) = match &draft.writes[index] {
                Write::Object { undo, .. } => (self.place, undo),
                Write::Owner { undo, .. } => match &self.seen.owner {
                    Some((place, _)) => (place, undo),
                    None => continue,
                },
                Write::Scale(_) => continue,
            };
            let outcome = writer.merge_patch(place, undo).await;
            let step = &mut draft.plan.steps[index];
            step.message = Some(match outcome {
                Ok(_) => "made, and taken back".to_owned(),
                Err(error) => format!("made, and not taken back: {}", told(&error)),
            });
        }
    }

    /// Waits until the goal is reached, somebody reverts it, or time is up.
    async fn wait(&self, writer: &Writer<'_>, draft: &mut Draft) {
        let deadline = Instant::now() + self.settings.timeout;
        let mut told_last = String::new();
        loop {
            let (summary, reasons) = match self.look(draft).await {
                Ok(Progress::Reached) => {
                    draft.plan.state = PlanState::Done;
                    draft.plan.outcome = self.reached(draft);
                    self.unmark(writer, draft).await;
                    return;
                }
                Ok(Progress::Reverted { to, by }) => {
                    draft.plan.state = PlanState::Failed;
                    draft.is_over = true;
                    draft.plan.outcome = format!("reverted by {by}: {to} replicas are wanted again");
                    self.unmark(writer, draft).await;
                    return;
                }
                Ok(Progress::Waiting { summary, reasons }) => {
                    let line =
                        std::iter::once(summary.clone()).chain(reasons.iter().cloned()).collect::<Vec<_>>().join("; ");
                    if line != told_last {
                        self.printer.progress(&line);
                        told_last = line;
                    }
                    (summary, reasons)
                }
                Err(ClusterError::NotFound) => {
                    draft.plan.state = PlanState::Failed;
                    draft.is_over = true;
                    "it was deleted meanwhile".clone_into(&mut draft.plan.outcome);
                    return;
                }
                // A server that restarts is asked again, until time is up.
                Err(error) => (format!("it could not be looked at: {}", told(&error)), Vec::new()),
            };
            if Instant::now() >= deadline {
                let limit = jiff::SignedDuration::try_from(self.settings.timeout).unwrap_or_default();
                draft.plan.state = PlanState::Failed;
                draft.plan.outcome = format!("not reached within {limit:#}: {summary}; the change stays");
                draft.plan.notes.extend(reasons);
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether it was changed, did not come to its end, and going back loses nothing.
    pub(crate) fn can_go_back(&self, draft: &Draft) -> bool {
        let is_written = draft.plan.steps.iter().any(|step| step.action == "scale" && step.state == StepState::Done);
        draft.plan.state == PlanState::Failed && is_written && !draft.is_over && !draft.loses_data()
    }

    /// Sets the replicas of before, where those of this run are still wanted. Nobody waits for what follows.
    pub(crate) async fn go_back(&self, draft: &mut Draft) {
        let writer = Writer::new(self.connection, self.token, &self.settings.write.manager);
        let (from, goal) = (self.seen.replicas.wanted, self.goal(draft));
        let outcome = async {
            let scale = cluster::scale(self.connection, self.place).await?;
            if scale.wanted != goal {
                let message = format!("{} replicas are wanted by now: somebody else has scaled it", scale.wanted);
                return Err(ClusterError::Conflict { message, fields: Vec::new() });
            }
            writer.set_scale(self.place, &scale, from).await
        };
        match outcome.await {
            Ok(_) => {
                draft.plan.outcome.push_str(&format!("; went back to {from}"));
                self.unmark(&writer, draft).await;
            }
            Err(error) => draft.plan.outcome.push_str(&format!("; not gone back: {}", told(&error))),
        }
    }

    fn reached(&self, draft: &Draft) -> String {
        let goal = self.goal(draft);
        if goal == 0 { "no replica is left".to_owned() } else { format!("all {goal} replicas are ready") }
    }

    fn goal(&self, draft: &Draft) -> u32 {
        let scale = draft.writes.iter().find_map(|write| match write {
            Write::Scale(to) => Some(*to),
            _ => None,
        });
        scale.unwrap_or(self.seen.replicas.wanted)
    }

    async fn look(&self, draft: &Draft) -> Result<Progress, ClusterError> {
        let json = cluster::object(self.connection, self.place).await?;
        let scale = cluster::scale(self.connection, self.place).await?;
        let pods = pods(self.connection, &self.place.namespace, &scale.selector).await;
        let look = Look {
            json: &json,
            wanted: scale.wanted,
            current: scale.current,
            goal: self.goal(draft),
            path: self.seen.path.as_ref().ok(),
            manager: self.settings.write.manager.as_str(),
            pods: &pods,
            platform: self.platform,
            now: Timestamp::now(),
        };
        Ok(target_of(&self.place.resource.group, &self.place.resource.kind).progress(&look))
    }

    /// Takes away what says that a scaling runs.
    async fn unmark(&self, writer: &Writer<'_>, draft: &mut Draft) {
        let patch = json!({"metadata": {"annotations": Scaling::none()}});
        if let Err(error) = writer.merge_patch(self.place, &patch).await {
            draft.plan.notes.push(format!("the marks of this scaling were not taken away: {}", told(&error)));
        }
    }
}

/// The pods of a selector; none where they cannot be read, for they only explain.
async fn pods(connection: &Connection, namespace: &str, selector: &str) -> Inventory {
    let resource = Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        plural: "pods".to_owned(),
        is_namespaced: true,
        names: Vec::new(),
        subresources: Vec::new(),
    };
    let mut builder = InventoryBuilder::new(Scope::Cluster, false);
    if selector.is_empty() {
        return builder.finish();
    }
    if let Ok(found) = cluster::selected(connection, &resource, namespace, selector, decode_kept).await {
        let section = Section {
            group: "".into(),
            kind: "Pod".into(),
            resource: "pods".into(),
            state: SectionState::Read(found.len()),
        };
        builder.section(section);
        found.into_iter().filter(|item| matches!(item, Decoded::Object(_))).for_each(|item| builder.push(item));
    }
    builder.finish()
}

/// Patches an object that is still what it was, but for its status: controllers write that all the time. Where one does
/// so in the same moment, the object is looked at again, and the patch is sent again if nothing else has changed.
pub(crate) async fn patch_unchanged(
    connection: &Connection,
    writer: &Writer<'_>,
    place: &Place,
    patch: &Value,
    known: &Value,
) -> Result<Value, ClusterError> {
    let mut tries = 1;
    loop {
        let version = unchanged(connection, place, known).await?;
        match writer.merge_patch(place, &with_version(patch, &version)).await {
            Err(ClusterError::Conflict { .. }) if tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

/// The version of an object that is what it was, but for its status.
async fn unchanged(connection: &Connection, place: &Place, known: &Value) -> Result<String, ClusterError> {
    let now = cluster::object(connection, place).await?;
    if is_same(known, &now) {
        let version = now.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
        return Ok(version.to_owned());
    }
    let message = format!("{} {} has changed since it was looked at", place.resource.kind, place.name);
    Err(ClusterError::Conflict { message, fields: Vec::new() })
}

/// Whether it is the same object with the same spec, marks and pauses.
fn is_same(one: &Value, two: &Value) -> bool {
    let marks = |object: &Value| -> BTreeMap<String, Value> {
        let all = object.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
        let is_mark = |key: &str| key.starts_with("mlops.dev/") || [RECONCILE, DRIFT].contains(&key);
        all.filter(|(key, _)| is_mark(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let same = |pointer: &str| one.pointer(pointer) == two.pointer(pointer);
    same("/metadata/uid") && same("/metadata/deletionTimestamp") && same("/spec") && marks(one) == marks(two)
}

fn with_version(patch: &Value, version: &str) -> Value {
    let mut patch = patch.clone();
    patch["metadata"]["resourceVersion"] = version.into();
    patch
}

/// An error in one line.
pub(crate) fn told(error: &ClusterError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_no_change_and_a_mark_is_one() {
        let object = |spec: u32, status: u32, annotations: Value| {
            json!({"metadata": {"uid": "u", "resourceVersion": status.to_string(), "annotations": annotations},
                "spec": {"replicas": spec}, "status": {"replicas": status}})
        };
        let known = object(2, 1, json!({}));
        assert!(is_same(&known, &object(2, 2, json!({"deployment.kubernetes.io/revision": "1"}))));
        assert!(!is_same(&known, &object(3, 1, json!({}))));
        assert!(!is_same(&known, &object(2, 1, json!({"mlops.dev/scaling-to": "5"}))));
        assert!(!is_same(&known, &object(2, 1, json!({RECONCILE: "disabled"}))));
    }
}
