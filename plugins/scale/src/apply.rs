//! Carrying a plan out: the writes in their order, then waiting for what follows. Each write is sent once.

use crate::plan::{Draft, Gate, Write};
use crate::progress::{Look, Progress};
use crate::read::{Seen, of_spec};
use crate::settings::Settings;
use crate::situation::{Replicas, are_wanted};
use crate::stamp::{DRIFT, RECONCILE, Scaling};
use crate::targets::{Target, kafka, target_of};
use jiff::Timestamp;
use mlops_shared::cli::Printer;
use mlops_shared::cluster::{self, ClusterError, Connection, Place, Resource, WriteToken, Writer};
use mlops_shared::object::{Decoded, Inventory, InventoryBuilder, Scope, Section, SectionState, decode_kept};
use mlops_shared::platform::Platform;
use mlops_shared::report::{PlanState, StepState};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A write that meets another one of the status is looked into, and sent so often at most: a controller that rolls pods
/// out writes it many times a second.
const TRIES: u32 = 6;
/// Before the second try; twice as long before each one after.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the writes did not come to their end.
enum Stop {
    /// A write failed.
    Cluster(ClusterError),
    /// What was waited for did not come.
    Said(End),
}

impl From<ClusterError> for Stop {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// An end without success.
struct End {
    outcome: String,
    notes: Vec<String>,
    /// Whether the marks stay, because the change may still come.
    keeps_marks: bool,
    /// Whether there is nothing to go back from.
    is_over: bool,
}

impl End {
    fn of(outcome: String) -> Self {
        Self { outcome, notes: Vec::new(), keeps_marks: false, is_over: false }
    }
}

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
        let deadline = Instant::now() + self.settings.timeout;
        let is_sent = self.send(&writer, draft, deadline).await;
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
            self.wait(&writer, draft, deadline).await;
        }
    }

    /// Sends the writes one after the other, and waits where they say so; at the first that fails, takes those before it
    /// back, unless the change itself was made.
    async fn send(&self, writer: &Writer<'_>, draft: &mut Draft, deadline: Instant) -> bool {
        let mut known = self.seen.json.clone();
        let mut is_changed = false;
        for index in 0..draft.writes.len() {
            let outcome = self.one(writer, draft, index, &mut known, deadline).await;
            let write = &draft.writes[index];
            let step = &mut draft.plan.steps[index];
            let stop = match outcome {
                Ok(()) => {
                    is_changed |= matches!(write, Write::Scale(_) | Write::Change(_));
                    step.state = match (self.token.is_dry_run(), write) {
                        (true, Write::Await(_)) => StepState::Skipped,
                        (true, _) => StepState::Accepted,
                        (false, _) => StepState::Done,
                    };
                    continue;
                }
                Err(stop) => stop,
            };
            let is_doubt = matches!(stop, Stop::Cluster(ClusterError::InDoubt(_)));
            step.state = if is_doubt { StepState::InDoubt } else { StepState::Failed };
            draft.plan.steps.iter_mut().skip(index + 1).for_each(|step| step.state = StepState::Skipped);
            draft.plan.state = if is_doubt { PlanState::InDoubt } else { PlanState::Failed };
            let mut keeps_marks = is_doubt;
            // Going back while partitions are being moved would not be going back.
            draft.is_over = !matches!(write, Write::Await(Gate::Settled));
            match stop {
                Stop::Cluster(error) => {
                    draft.plan.outcome = told(&error);
                    draft.plan.notes.extend(error.hints().into_iter().map(|hint| format!("hint: {hint}")));
                }
                Stop::Said(end) => {
                    draft.plan.outcome = end.outcome;
                    draft.plan.notes.extend(end.notes);
                    keeps_marks = end.keeps_marks;
                    draft.is_over |= end.is_over;
                }
            }
            draft.plan.steps[index].message = Some(draft.plan.outcome.clone());
            // What may have been done is left with its marks, for `status` explains them.
            match (self.token.is_dry_run() || keeps_marks, is_changed) {
                (true, _) => {}
                (false, true) => self.unmark(writer, draft).await,
                (false, false) => self.take_back(writer, draft, index).await,
            }
            return false;
        }
        true
    }

    /// One write, or one wait. `known` is the object as it was last seen.
    async fn one(
        &self,
        writer: &Writer<'_>,
        draft: &Draft,
        index: usize,
        known: &mut Value,
        deadline: Instant,
    ) -> Result<(), Stop> {
        match &draft.writes[index] {
            Write::Object { patch, .. } | Write::Change(patch) => {
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
            // Committed elsewhere.
            Write::Git(_) => {}
            Write::Scale(to) => self.set_scale(writer, *to, known).await?,
            Write::Create { group, kind, object } => {
                let resource = self.resource(group, kind).await?;
                let mut object = object.clone();
                object["apiVersion"] = resource.api_version().into();
                writer.create(&resource, &self.place.namespace, &object).await?;
            }
            Write::Await(_) if self.token.is_dry_run() => {}
            Write::Await(Gate::Settled) => self.settle(draft, deadline).await.map_err(Stop::Said)?,
            Write::Await(Gate::Rebalance(name)) => {
                self.moved(name, deadline).await?;
                let mut later = draft.writes[index..].iter();
                if later.any(|write| matches!(write, Write::Scale(_) | Write::Change(_))) {
                    unchanged(self.connection, self.place, known).await?;
                }
            }
        }
        Ok(())
    }

    async fn set_scale(&self, writer: &Writer<'_>, to: u32, known: &Value) -> Result<(), ClusterError> {
        let mut tries = 1;
        loop {
            let scale = cluster::scale(self.connection, self.place).await?;
            let from = self.seen.replicas.wanted;
            if scale.wanted != from {
                let message = format!("{} by now, not {from}: somebody else has scaled it", are_wanted(scale.wanted));
                return Err(ClusterError::Conflict { message, fields: Vec::new() });
            }
            match writer.set_scale(self.place, &scale, to).await {
                Err(ClusterError::Conflict { .. }) if tries < TRIES => {
                    step_back(tries).await;
                    unchanged(self.connection, self.place, known).await?;
                    tries += 1;
                }
                outcome => return outcome.map(|_| ()),
            }
        }
    }

    async fn resource(&self, group: &str, kind: &str) -> Result<Resource, ClusterError> {
        let resources = cluster::resources(self.connection).await?;
        resources.of_kind(group, kind).cloned().ok_or(ClusterError::NotFound)
    }

    /// Waits for the end of a KafkaRebalance.
    async fn moved(&self, name: &str, deadline: Instant) -> Result<(), Stop> {
        let place = self.resource(kafka::GROUP, "KafkaRebalance").await?.at(&self.place.namespace, name);
        let mut told_last = String::new();
        loop {
            let summary = match cluster::object(self.connection, &place).await {
                Ok(json) => match kafka::rebalance::progress(&json) {
                    kafka::rebalance::Moving::Done => return Ok(()),
                    kafka::rebalance::Moving::Failed(why) => {
                        return Err(Stop::Said(End::of(format!("KafkaRebalance {name}: {why}"))));
                    }
                    kafka::rebalance::Moving::Waiting(what) => format!("KafkaRebalance {name}: {what}"),
                },
                Err(ClusterError::NotFound) => {
                    return Err(Stop::Said(End::of(format!("KafkaRebalance {name} was deleted meanwhile"))));
                }
                Err(error) => format!("KafkaRebalance {name} could not be looked at: {}", told(&error)),
            };
            if summary != told_last {
                self.printer.progress(&summary);
                told_last.clone_from(&summary);
            }
            if Instant::now() >= deadline {
                let outcome = format!("not reached within {}: {summary}; the moving goes on", self.limit());
                return Err(Stop::Said(End::of(outcome)));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn limit(&self) -> String {
        format!("{:#}", jiff::SignedDuration::try_from(self.settings.timeout).unwrap_or_default())
    }

    async fn take_back(&self, writer: &Writer<'_>, draft: &mut Draft, failed: usize) {
        for index in (0..failed).rev() {
            let (place, undo) = match &draft.writes[index] {
                Write::Object { undo, .. } => (self.place, undo),
                Write::Owner { undo, .. } => match &self.seen.owner {
                    Some((place, _)) => (place, undo),
                    None => continue,
                },
                Write::Scale(_) | Write::Change(_) | Write::Create { .. } | Write::Await(_) | Write::Git(_) => continue,
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
    pub(crate) async fn wait(&self, writer: &Writer<'_>, draft: &mut Draft, deadline: Instant) {
        let is_settled = draft.writes.iter().any(|write| matches!(write, Write::Await(Gate::Settled)));
        match if is_settled { Ok(()) } else { self.settle(draft, deadline).await } {
            Ok(()) => {
                draft.plan.state = PlanState::Done;
                draft.plan.outcome = self.target().reached(draft.goal);
                self.unmark(writer, draft).await;
            }
            Err(end) => {
                draft.plan.state = PlanState::Failed;
                draft.is_over = end.is_over;
                draft.plan.outcome = end.outcome;
                draft.plan.notes.extend(end.notes);
                if !end.keeps_marks {
                    self.unmark(writer, draft).await;
                }
            }
        }
    }

    fn target(&self) -> &'static dyn Target {
        target_of(&self.place.resource.group, &self.place.resource.kind)
    }

    async fn settle(&self, draft: &Draft, deadline: Instant) -> Result<(), End> {
        let mut told_last = String::new();
        loop {
            let (summary, reasons) = match self.look(draft).await {
                Ok(Progress::Reached) => return Ok(()),
                Ok(Progress::Reverted { to, by }) => {
                    let outcome = format!("reverted by {by}: {} again", are_wanted(to));
                    return Err(End { is_over: true, ..End::of(outcome) });
                }
                Ok(Progress::Refused { why, hints }) => return Err(End { notes: hints, ..End::of(why) }),
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
                    let end = End::of("it was deleted meanwhile".to_owned());
                    return Err(End { keeps_marks: true, is_over: true, ..end });
                }
                // A server that restarts is asked again, until time is up.
                Err(error) => (format!("it could not be looked at: {}", told(&error)), Vec::new()),
            };
            if Instant::now() >= deadline {
                let outcome = format!("not reached within {}: {summary}; the change stays", self.limit());
                return Err(End { notes: reasons, keeps_marks: true, ..End::of(outcome) });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether it was changed, did not come to its end, and going back loses nothing.
    pub(crate) fn can_go_back(&self, draft: &Draft) -> bool {
        let mut steps = draft.plan.steps.iter().zip(&draft.writes);
        let is_written = steps.any(|(step, write)| step.state == StepState::Done && matches!(write, Write::Scale(_)));
        draft.plan.state == PlanState::Failed && is_written && !draft.is_over && !draft.loses_data()
    }

    /// Sets the replicas of before, where those of this run are still wanted. Nobody waits for what follows.
    pub(crate) async fn go_back(&self, draft: &mut Draft) {
        let writer = Writer::new(self.connection, self.token, &self.settings.write.manager);
        let (from, goal) = (self.seen.replicas.wanted, draft.goal);
        let outcome = async {
            let scale = cluster::scale(self.connection, self.place).await?;
            if scale.wanted != goal {
                let message = format!("{} by now: somebody else has scaled it", are_wanted(scale.wanted));
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

    async fn look(&self, draft: &Draft) -> Result<Progress, ClusterError> {
        let json = cluster::object(self.connection, self.place).await?;
        let target = self.target();
        let replicas = if self.place.resource.has("scale") {
            let scale = cluster::scale(self.connection, self.place).await?;
            Replicas { wanted: scale.wanted, current: scale.current, selector: scale.selector }
        } else {
            target.replicas(&json).unwrap_or_else(|| of_spec(&json))
        };
        let pods = pods(self.connection, &self.place.namespace, &replicas.selector).await;
        let beside = match target.beside(&json) {
            Some((group, kind, name)) => {
                let place = self.resource(group, kind).await?.at(&self.place.namespace, &name);
                Some(cluster::object(self.connection, &place).await?)
            }
            None => None,
        };
        let look = Look {
            json: &json,
            before: &self.seen.json,
            beside: beside.as_ref(),
            wanted: replicas.wanted,
            current: replicas.current,
            goal: draft.goal,
            path: self.seen.path.as_ref().ok(),
            manager: self.settings.write.manager.as_str(),
            pods: &pods,
            platform: self.platform,
            now: Timestamp::now(),
        };
        Ok(target.progress(&look))
    }

    /// Takes away what says that a scaling runs.
    async fn unmark(&self, writer: &Writer<'_>, draft: &mut Draft) {
        if !self.target().marks() || draft.writes.iter().any(|write| matches!(write, Write::Git(_))) {
            return;
        }
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
            Err(ClusterError::Conflict { .. }) if tries < TRIES => {
                step_back(tries).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Waits before a write is sent again that was sent so often.
async fn step_back(tries: u32) {
    tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(tries - 1)).await;
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
