//! Waiting until a pushed commit is live: Flux is asked to fetch, and what it says is looked at again and again.

use super::origin::{Origin, Part};
use crate::apply::Run;
use crate::plan::Draft;
use jiff::{SignedDuration, Timestamp};
use mlops_shared::cluster::{self, ClusterError, Connection, Place, Writer};
use mlops_shared::gitops::follow::{self, Goal, Look, Next, REQUESTED_AT};
use mlops_shared::gitops::{Repository, Upstream};
use mlops_shared::report::PlanState;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits until the commit has reached the object, and tells in the plan when it does not.
pub(super) async fn until_live(
    run: &Run<'_>,
    writer: &Writer<'_>,
    (repository, upstream): (&Repository, &Upstream),
    origin: &Origin,
    commit: &str,
    deadline: Instant,
    draft: &mut Draft,
) -> bool {
    let at = Timestamp::now().to_string();
    let asked = match &origin.source.place {
        Some(place) => writer.merge_patch(place, &json!({"metadata": {"annotations": {REQUESTED_AT: at}}})).await,
        None => Err(ClusterError::NotFound),
    };
    if let Err(error) = &asked {
        let note = format!("Flux was not asked to fetch at once, and does when its interval ends: {error}");
        draft.plan.notes.push(note);
    }
    let Ok(path) = &run.seen.path else { return true };
    let value = json!(draft.replicas().unwrap_or_default());
    let goal = Goal { commit, requested_at: asked.is_ok().then_some(at.as_str()), path, value: &value };
    let (mut known, mut told_last): (BTreeMap<String, Option<bool>>, String) = (BTreeMap::new(), String::new());
    loop {
        let next = match look(run.connection, origin, run.place).await {
            Ok(look) => {
                for revision in follow::revisions(&look) {
                    let digest = follow::digest(revision).to_owned();
                    known.entry(digest.clone()).or_insert_with(|| holds(repository, upstream, commit, &digest));
                }
                follow::next(&goal, &look, |digest| known.get(digest).copied().flatten())
            }
            // A server that restarts is asked again, until time is up.
            Err(error) => Next::Wait(format!("it could not be looked at: {error}")),
        };
        let why = match next {
            Next::Reached => return true,
            Next::Failed(why) => {
                draft.plan.state = PlanState::Failed;
                draft.plan.outcome = format!("{why}; the commit stays");
                return false;
            }
            Next::Wait(why) => why,
        };
        if why != told_last {
            run.printer.progress(&why);
            told_last.clone_from(&why);
        }
        if Instant::now() >= deadline {
            let limit = SignedDuration::try_from(run.settings.timeout).unwrap_or_default();
            draft.plan.state = PlanState::Failed;
            draft.plan.outcome = format!("not reached within {limit:#}: {why}; the commit stays");
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a revision holds the commit; one that is not known here is fetched.
fn holds(repository: &Repository, upstream: &Upstream, commit: &str, digest: &str) -> Option<bool> {
    let known = repository.is_before(commit, digest).ok().flatten();
    if known.is_some() || digest == commit {
        return known;
    }
    repository.fetch(upstream).ok()?;
    repository.is_before(commit, digest).ok().flatten()
}

async fn look(connection: &Connection, origin: &Origin, place: &Place) -> Result<Look, ClusterError> {
    let release = match &origin.release {
        Some(release) => Some(of(connection, release).await?),
        None => None,
    };
    Ok(Look {
        source: of(connection, &origin.source).await?,
        kustomization: of(connection, &origin.kustomization).await?,
        release,
        object: at(connection, place).await?,
    })
}

async fn of(connection: &Connection, part: &Part) -> Result<Value, ClusterError> {
    match &part.place {
        Some(place) => at(connection, place).await,
        None => Ok(Value::Null),
    }
}

async fn at(connection: &Connection, place: &Place) -> Result<Value, ClusterError> {
    match cluster::object(connection, place).await {
        Err(ClusterError::NotFound) => Ok(Value::Null),
        other => other,
    }
}
