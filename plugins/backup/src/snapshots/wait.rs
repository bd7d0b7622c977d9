//! Waiting until snapshots are ready.

use super::take::settle;
use mlops_shared::cli::Printer;
use mlops_shared::cluster::{ClusterError, Connection, Resource, object};
use mlops_shared::report::{Plan, PlanState, StepState};
use mlops_shared::text;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// What a snapshot says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// It can be restored from.
    Ready,
    /// Its driver refuses, and why.
    Refused(String),
    /// Not yet; what went wrong last, which is tried again.
    Waiting(Option<String>),
}

/// Reads that from an object. Two controllers that met at one object (`the object has been modified`) settle it by
/// themselves; every other error stands for longer than anybody waits.
pub(super) fn look(snapshot: &Value) -> Look {
    if snapshot.pointer("/status/readyToUse").and_then(Value::as_bool) == Some(true) {
        return Look::Ready;
    }
    let error = snapshot.pointer("/status/error").filter(|error| error.is_object());
    let message = error.map(|error| error.get("message").and_then(Value::as_str).unwrap_or("an error without words"));
    match message {
        Some(message) if !message.contains("the object has been modified") => Look::Refused(message.to_owned()),
        message => Look::Waiting(message.map(str::to_owned)),
    }
}

/// Waits for every step that was accepted, and writes into the plan what came of it.
pub(super) async fn until_ready(
    connection: &Connection,
    resource: &Resource,
    plan: &mut Plan,
    (patience, printer): (Duration, &Printer),
) {
    let deadline = Instant::now() + patience;
    let mut last: Vec<Option<String>> = vec![None; plan.steps.len()];
    loop {
        for (step, last) in plan.steps.iter_mut().zip(&mut last) {
            if step.state != StepState::Accepted {
                continue;
            }
            match object(connection, &resource.at(&step.object.namespace, &step.object.name)).await {
                Ok(found) => match look(&found) {
                    Look::Ready => step.state = StepState::Done,
                    Look::Refused(why) => {
                        step.state = StepState::Failed;
                        step.message = Some(format!("made, and its driver says: {why}"));
                    }
                    Look::Waiting(why) => *last = why,
                },
                Err(ClusterError::NotFound) => {
                    step.state = StepState::Failed;
                    step.message = Some("made, and somebody has deleted it since".to_owned());
                }
                // The next look may be answered.
                Err(error) => *last = Some(error.to_string()),
            }
        }
        let open = plan.steps.iter().filter(|step| step.state == StepState::Accepted).count();
        if open == 0 {
            break;
        }
        if Instant::now() >= deadline {
            for (step, last) in plan.steps.iter_mut().zip(&mut last) {
                if step.state == StepState::Accepted {
                    step.state = StepState::Failed;
                    let why = last.take().map(|why| format!(": {why}")).unwrap_or_default();
                    step.message = Some(format!("made, and not ready after {}s{why}", patience.as_secs()));
                }
            }
            break;
        }
        printer.progress(&format!("{} not ready yet", text::plural(open, "snapshot")));
        tokio::time::sleep(PAUSE).await;
    }
    plan.state = PlanState::Done;
    plan.outcome = format!("{} ready to use", text::plural(plan.steps.len(), "snapshot"));
    settle(plan);
    if plan.state == PlanState::Failed {
        plan.notes.push(
            "drivers try again by themselves: `kubectl mlops backup snapshots` shows what became of it".to_owned(),
        );
    }
}
