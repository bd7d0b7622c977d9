//! The kubelets' summaries of filesystems and volumes, through the API server's node proxy.

use super::list::{Warnings, encode, get_within};
use super::read::unread;
use super::{ClusterError, Connection};
use crate::object::{
    Body, Decoded, Object, STATISTICS_GROUP, STATISTICS_KIND, STATISTICS_VERSION, Section, SectionState, Sym, TypeMeta,
    Unread, decode_typed, find_condition,
};
use crate::text;
use futures::StreamExt;
use serde_json::value::RawValue;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Nodes that are asked at a time.
const AT_A_TIME: usize = 8;
/// When so many have failed and none has answered, the way to the kubelets is closed: no more are asked.
const HOPELESS: usize = AT_A_TIME;
/// One node may take so long, tries included: a kubelet that hangs must not hold up the others.
const NODE: Duration = Duration::from_secs(10);
/// All nodes together may take so long where they are only a part of what is read.
const ALL: Duration = Duration::from_secs(30);
/// A summary may be so large: one of 250 pods is about 1 MB.
const BYTES: usize = 64 << 20;
/// Nodes that a line names before it counts the rest.
const NAMED: usize = 3;

/// The nodes of a cluster, by whether it is worth while to ask their kubelets.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Those that are to be asked.
    ask: Vec<String>,
    /// Those that say that they are not ready: their kubelets would only use up the time.
    silent: Vec<String>,
}

impl Nodes {
    /// All nodes among these objects, or those on which a pod among them runs.
    pub(super) fn of(objects: &[Object], are_all: bool) -> Self {
        let nodes: BTreeMap<&str, bool> = objects
            .iter()
            .filter_map(|object| match &object.body {
                Body::Node(node) => {
                    let ready = find_condition(&node.status.conditions, "Ready");
                    Some((object.meta.name.as_str(), ready.is_some_and(|ready| ready.is_true())))
                }
                _ => None,
            })
            .collect();
        let mut names: Vec<&str> = if are_all {
            nodes.keys().copied().collect()
        } else {
            let pods = objects.iter().filter_map(Object::pod);
            pods.filter(|pod| !pod.is_finished() && !pod.node.is_empty()).map(|pod| pod.node.as_str()).collect()
        };
        names.sort_unstable();
        names.dedup();
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        // Of nodes that may not be read nobody knows whether they are ready.
        let (ask, silent) = names.into_iter().partition(|name| nodes.get(name).is_none_or(|is_ready| *is_ready));
        Self { ask: owned(ask), silent: owned(silent) }
    }
}

/// Asks the kubelets of these nodes, `None` where they are not known, and says what came of it.
pub(super) async fn measure(
    connection: &Connection,
    nodes: Option<Nodes>,
    deadline: Instant,
) -> (SectionState, Vec<Decoded>) {
    let Some(nodes) = nodes else {
        let why = "the nodes could not be read, so no kubelet was asked".to_owned();
        return (SectionState::Unread(Unread::Unmeasured(why)), Vec::new());
    };
    let until = deadline.min(Instant::now() + ALL);
    let (mut summaries, mut failures) = (Vec::new(), Vec::new());
    for (node, outcome) in statistics(connection, &nodes.ask, until).await {
        match outcome {
            Ok(summary) => summaries.push(Decoded::Object(summary)),
            Err(why) => failures.push((node, why)),
        }
    }
    failures.sort_by(|one, two| one.0.cmp(&two.0));
    (state(summaries.len(), &failures, &nodes.silent), summaries)
}

/// What came of asking: so many answered, these did not, and these were not asked for they are not ready.
fn state(answered: usize, failures: &[(String, Unread)], silent: &[String]) -> SectionState {
    if failures.is_empty() && silent.is_empty() {
        return SectionState::Read(answered);
    }
    let forbidden = failures.iter().find(|(_, why)| matches!(why, Unread::Forbidden(_)));
    if let Some((_, why)) = forbidden.filter(|_| answered == 0) {
        return SectionState::Unread(why.clone());
    }
    // What an account or a kind of node cannot give is no fault; a kubelet that should answer and
    // does not may hide a full volume.
    let is_fault = |why: &Unread| why.is_gap() && !matches!(why, Unread::Forbidden(_));
    let faults: Vec<&(String, Unread)> = failures.iter().filter(|(_, why)| is_fault(why)).collect();
    let others = failures.iter().filter(|(_, why)| !is_fault(why));
    let mut lines: Vec<String> =
        faults.iter().copied().chain(others).map(|(node, why)| format!("{node}: {why}")).collect();
    lines.extend(silent.iter().map(|node| format!("{node}: not ready")));
    let all = answered + lines.len();
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let text = format!("measured on {answered} of {}; not on {}{more}", text::plural(all, "node"), lines.join("; "));
    SectionState::Unread(if faults.is_empty() { Unread::Unmeasured(text) } else { Unread::Failed(text) })
}

/// The section of the inventory that speaks of the summaries.
pub(super) fn section(state: SectionState) -> Section {
    Section {
        group: Sym::new(STATISTICS_GROUP),
        kind: Sym::new(STATISTICS_KIND),
        resource: Sym::new("nodes/proxy"),
        state,
    }
}

/// Asks the kubelet of each of these nodes for its summary. The answers come in no order, one for
/// each node: the summary as an object of the node's name, or why there is none.
///
/// Needs `get` on `nodes/proxy`. With `until` the whole of it ends then; nodes that were not asked
/// by that time timed out. An account that is refused once is not refused for every node: no more
/// are asked, and neither where none of the first eight answers.
pub async fn statistics(
    connection: &Connection,
    nodes: &[String],
    until: Instant,
) -> Vec<(String, Result<Object, Unread>)> {
    let warnings = Warnings::default();
    let (warnings, ty) = (&warnings, &Arc::new(TypeMeta::new(STATISTICS_VERSION, STATISTICS_KIND)));
    let (given_up, answered, failed) = (RefCell::new(None::<Unread>), Cell::new(0_usize), Cell::new(0_usize));
    let (given_up, answered, failed) = (&given_up, &answered, &failed);
    futures::stream::iter(nodes)
        .map(|node| async move {
            if let Some(why) = given_up.borrow().clone() {
                return (node.clone(), Err(why));
            }
            let left = until.saturating_duration_since(Instant::now());
            let limit = left.min(connection.limit.unwrap_or(NODE).min(NODE));
            let outcome = tokio::time::timeout(limit, one(connection, node, ty, warnings)).await;
            let outcome = outcome.unwrap_or(Err(ClusterError::TimedOut(limit))).map_err(|error| match error {
                // 404 of a proxy says nothing of what is installed; nodes that are none, such as
                // virtual kubelets, have no summary.
                ClusterError::NotFound => Unread::Unmeasured("gone, or its kubelet has no summary".to_owned()),
                error => unread(error),
            });
            match &outcome {
                Ok(_) => answered.set(answered.get() + 1),
                Err(why) => {
                    failed.set(failed.get() + 1);
                    if answered.get() == 0 && matches!(why, Unread::Forbidden(_)) {
                        given_up.replace(Some(why.clone()));
                    } else if answered.get() == 0 && failed.get() >= HOPELESS {
                        let why = format!("not asked, for none of {HOPELESS} others answered");
                        given_up.replace(Some(Unread::Failed(why)));
                    }
                }
            }
            (node.clone(), outcome)
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await
}

async fn one(
    connection: &Connection,
    node: &str,
    ty: &Arc<TypeMeta>,
    warnings: &Warnings,
) -> Result<Object, ClusterError> {
    let path = format!("/api/v1/nodes/{}/proxy/stats/summary", encode(node));
    let bytes = get_within(connection, (&path, "application/json"), warnings, BYTES, None).await?;
    let no_summary = || ClusterError::BadAnswer("no summary of a kubelet".to_owned());
    let raw: &RawValue = serde_json::from_slice(&bytes).map_err(|_| no_summary())?;
    match decode_typed(ty, raw) {
        Decoded::Object(object) if matches!(object.body, Body::Statistics(_)) => {
            // A summary of another node, or of none, is no answer to the question.
            if *object.meta.name != *node {
                return Err(ClusterError::BadAnswer("the summary is of another node".to_owned()));
            }
            Ok(object)
        }
        _ => Err(no_summary()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(node: &str, why: Unread) -> (String, Unread) {
        (node.to_owned(), why)
    }

    #[test]
    fn only_a_kubelet_that_should_answer_leaves_a_gap() {
        let no = || Unread::Forbidden("nodes/proxy".to_owned());
        let is_gap = |state: &SectionState| matches!(state, SectionState::Unread(why) if why.is_gap());
        assert_eq!(state(3, &[], &[]), SectionState::Read(3));
        assert_eq!(state(0, &[fails("a", no()), fails("b", no())], &[]), SectionState::Unread(no()));
        let virtual_node = state(2, &[fails("v", Unread::Unmeasured("no summary".into()))], &["w".to_owned()]);
        assert!(!is_gap(&virtual_node), "{virtual_node:?}");
        let SectionState::Unread(why) = &virtual_node else { panic!("{virtual_node:?}") };
        assert_eq!(why.to_string(), "measured on 2 of 4 nodes; not on v: no summary; w: not ready");
        let silent = state(2, &[fails("b", Unread::TimedOut)], &[]);
        assert!(is_gap(&silent), "{silent:?}");
    }

    #[test]
    fn a_line_names_the_faults_first_and_counts_the_rest() {
        let mut failures: Vec<_> = (0..9).map(|n| fails(&format!("n{n}"), Unread::Unmeasured("-".into()))).collect();
        failures.push(fails("z", Unread::TimedOut));
        let SectionState::Unread(why) = state(1, &failures, &[]) else { panic!("read") };
        assert_eq!(why.to_string(), "measured on 1 of 11 nodes; not on z: timed out; n0: -; n1: -; and 7 more");
    }
}
