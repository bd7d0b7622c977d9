//! `snapshots --keep-last`: removing old snapshots that `--create` made, of each claim all but the newest.

use super::cover::{GROUP, is_ready, source, taken};
use super::judge::bond;
use super::read::Seen;
use super::take::{fail, settle, unread};
use super::{MADE_BY, RUN, Wanted, draft};
use mlops_shared::cli::WriteSettings;
use mlops_shared::cluster::{ClusterError, Connection, Propagation, Resource, Writer, object};
use mlops_shared::object::Object;
use mlops_shared::report::{ObjectId, Plan, PlanState, Risk, Step, StepState};
use mlops_shared::text;
use serde_json::Value;
use std::collections::BTreeMap;

/// The plan. Snapshots of claims that are gone are looked at too, for nobody else removes them.
pub(super) fn plan(seen: &Seen, wanted: &Wanted, settings: &WriteSettings, keep: u32) -> Plan {
    let mut plan = draft(seen, wanted, settings);
    let mut by_claim: BTreeMap<(&str, &str), Vec<&Object>> = BTreeMap::new();
    for snapshot in seen.inventory.of_kind(GROUP, "VolumeSnapshot") {
        let (namespace, claim) = (&*snapshot.meta.namespace, source(snapshot));
        let is_ours = snapshot.meta.labels.has(MADE_BY.0, MADE_BY.1) && snapshot.meta.labels.get(RUN).is_some();
        let is_named =
            wanted.claims.is_empty() || wanted.claims.iter().any(|(space, name)| space == namespace && name == claim);
        let is_chosen = wanted.labels.as_ref().is_none_or(|labels| {
            let claim = seen.inventory.get("", "PersistentVolumeClaim", namespace, claim).found();
            claim.is_some_and(|claim| labels.matches(&claim.meta.labels))
        });
        if is_ours && is_named && is_chosen && !claim.is_empty() && snapshot.meta.deletion_timestamp.get().is_none() {
            by_claim.entry((namespace, claim)).or_default().push(snapshot);
        }
    }
    for ((namespace, claim), mut snapshots) in by_claim {
        snapshots.sort_by_key(|snapshot| std::cmp::Reverse((when(snapshot), snapshot.meta.name.clone())));
        let is_good = |snapshot: &&Object| is_ready(snapshot) && bond(seen, snapshot).is_bound == Some(true);
        let newest_ready = snapshots.iter().position(is_good);
        for (index, snapshot) in snapshots.iter().enumerate().skip(usize::try_from(keep).unwrap_or(usize::MAX)) {
            // Whatever the number says: what a restore would be made from stays, and where none is ready nothing goes,
            // for one of them may yet become so.
            if newest_ready.is_none_or(|newest| newest == index) {
                continue;
            }
            let policy = policy(seen, snapshot);
            let (fate, risk) = match policy {
                Some("Retain") => ("its data stays with its content, which is then nobody's", Risk::Permanent),
                _ => ("its data goes with it", Risk::DataLoss),
            };
            let age = taken(snapshot).map_or_else(
                || "of an unknown age".to_owned(),
                |taken| format!("{} old", text::age(taken, wanted.now)),
            );
            plan.steps.push(Step {
                action: "delete".to_owned(),
                object: ObjectId {
                    api_version: snapshot.ty.api_version(),
                    kind: "VolumeSnapshot".to_owned(),
                    namespace: namespace.to_owned(),
                    name: snapshot.meta.name.to_string(),
                },
                field: None,
                from: None,
                to: None,
                effect: format!("a snapshot of the claim {claim}, {age}; {fate}"),
                risk,
                undo: None,
                state: StepState::Planned,
                message: None,
            });
        }
    }
    let count = plan.steps.len();
    plan.request = format!(
        "delete {}, all but the newest {keep} of each claim that were made here",
        text::plural(count, "snapshot")
    );
    let unread = unread(seen, &[(GROUP, "VolumeSnapshot"), (GROUP, "VolumeSnapshotContent")]);
    if let Some(refusal) = unread {
        plan.steps.clear();
        plan.refusals.push(refusal);
        plan.state = PlanState::Refused;
        "it is not known which snapshots can be restored from; nothing was deleted".clone_into(&mut plan.outcome);
    } else if count == 0 {
        plan.state = PlanState::Done;
        "nothing to delete".clone_into(&mut plan.outcome);
    }
    plan
}

/// When a snapshot was taken, or else made.
fn when(snapshot: &Object) -> Option<jiff::Timestamp> {
    taken(snapshot).or_else(|| snapshot.meta.creation_timestamp.get())
}

fn policy<'a>(seen: &'a Seen, snapshot: &Object) -> Option<&'a str> {
    let name = snapshot.custom().map(|it| it.status_text("/boundVolumeSnapshotContentName")).unwrap_or_default();
    let content = seen.inventory.get(GROUP, "VolumeSnapshotContent", "", name).found()?;
    content.custom().map(|it| it.spec_text("/deletionPolicy"))
}

/// Deletes them, each as it is looked at once more: one that has another maker by now, or is another object, stays.
pub(super) async fn carry_out(connection: &Connection, writer: &Writer<'_>, resource: &Resource, plan: &mut Plan) {
    for step in &mut plan.steps {
        let place = resource.at(&step.object.namespace, &step.object.name);
        let found = match object(connection, &place).await {
            Ok(found) => found,
            Err(ClusterError::NotFound) => {
                step.state = StepState::Unneeded;
                step.message = Some("it is gone already".to_owned());
                continue;
            }
            Err(error) => {
                step.state = StepState::Failed;
                step.message = Some(error.to_string());
                continue;
            }
        };
        let label = found.pointer("/metadata/labels").and_then(|labels| labels.get(MADE_BY.0)).and_then(Value::as_str);
        let uid = found.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
        if label != Some(MADE_BY.1) {
            step.state = StepState::Failed;
            step.message = Some("it does not bear the label of this tool any more".to_owned());
            continue;
        }
        match writer.delete(&place, uid, Propagation::Background).await {
            Ok(()) | Err(ClusterError::NotFound) => step.state = StepState::Done,
            Err(error) => fail(step, &mut plan.notes, &error),
        }
    }
    settle(plan);
}
