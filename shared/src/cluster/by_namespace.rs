//! Reading namespace by namespace what may not be listed across the cluster, with a bound on what is asked in vain.
//!
//! Who may list in one namespace usually may list there whatever the same role grants. So one kind is asked for in every
//! namespace first, and only where that is answered are others. A SelfSubjectRulesReview would tell the same, but it is
//! a POST, which an account that reads need not have, and of authorizers other than RBAC its answer is incomplete.

use super::decoder::DecodeItem;
use super::discovery::Served;
use super::list::{Warnings, get, list};
use super::read::{METADATA, Plan, accept, one, root};
use super::{ClusterError, Connection};
use crate::object::{Decoded, SectionState, Sym, TypeMeta, Unread, decode_typed};
use crate::text;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Instant;

/// Namespaces that are tried one by one at most.
const PROBED: usize = 200;
/// Namespaces that refuse a kind one after the other, after which no more are asked for it.
const REFUSALS: usize = 8;
/// Requests at a time.
const AT_A_TIME: usize = 8;
/// Kinds that namespaces are tried with, where they are among those that the cluster refuses: what
/// reading roles grant first.
const SOUNDING: &[&str] = &["Pod", "Deployment", "Service", "Event", "ConfigMap"];

/// A kind, what is known of it, and its pages.
type Outcome<'k, T> = (&'k Served, SectionState, Vec<Vec<T>>);

/// Who may not list across the cluster may still be allowed to in some namespaces: those of the
/// cluster when they can be listed, else the likely ones; the likely ones first.
pub(super) async fn by_namespace<'k, T: Send + 'static>(
    connection: &Connection,
    refused: Vec<(&'k Served, String)>,
    plan: &Plan,
    deadline: Instant,
    decode: DecodeItem<T>,
    warnings: &Warnings,
) -> Vec<Outcome<'k, T>> {
    let sounding = |kind: &Served| SOUNDING.iter().position(|known| *known == kind.kind).unwrap_or(SOUNDING.len());
    let Some((sounded, _)) = refused.iter().min_by_key(|(kind, _)| (sounding(kind), &kind.group, &kind.kind)) else {
        return Vec::new();
    };
    let left = || deadline.saturating_duration_since(Instant::now());
    let known = tokio::time::timeout(left(), namespaces(connection, warnings)).await.unwrap_or_default();
    let likely = plan.likely.iter().chain(&connection.namespace).cloned().collect();
    let tried = Tried::new(known, likely);
    let sound = |namespace: String| async move {
        let path = format!("{}/namespaces/{namespace}/{}?limit=1", root(sounded), sounded.plural);
        let answer = tokio::time::timeout(left(), get(connection, &path, accept(sounded, false), warnings)).await;
        matches!(answer, Ok(Ok(_))).then_some(namespace)
    };
    let open: Vec<String> = futures::stream::iter(tried.names)
        .map(sound)
        .buffered(AT_A_TIME)
        .filter_map(|open| async { open })
        .collect()
        .await;
    let outcomes = futures::stream::iter(refused).map(|(kind, message)| {
        let open = &open;
        async move {
            let (mut read, mut pages, mut in_a_row, mut asked) = (Vec::new(), Vec::new(), 0, 0);
            for namespace in open {
                if in_a_row == REFUSALS {
                    break;
                }
                asked += 1;
                let narrow = Plan { namespaces: vec![namespace.clone()], ..plan.clone() };
                match tokio::time::timeout(left(), one(connection, kind, &narrow, decode, warnings)).await {
                    Ok(Ok(found)) => {
                        in_a_row = 0;
                        read.push(Sym::new(namespace));
                        pages.extend(found);
                    }
                    Ok(Err(ClusterError::Forbidden(_))) => in_a_row += 1,
                    Ok(Err(_)) | Err(_) => {}
                }
            }
            let message = with_unasked(message, (open.len() - asked, in_a_row), tried.left_out);
            let why = Unread::Forbidden(message);
            let count = pages.iter().map(Vec::len).sum();
            let state =
                if read.is_empty() { SectionState::Unread(why) } else { SectionState::Partly(read, count, why) };
            (kind, state, pages)
        }
    });
    outcomes.buffer_unordered(AT_A_TIME).collect().await
}

/// The server's message, with how many namespaces were not asked and why.
fn with_unasked(message: String, (unasked, in_a_row): (usize, usize), left_out: usize) -> String {
    let namespaces = |count: usize| text::plural(count, "namespace");
    let mut said = message;
    if unasked > 0 {
        said.push_str(&format!("; {} refused it in a row, {unasked} more were not asked", namespaces(in_a_row)));
    }
    if left_out > 0 {
        said.push_str(&format!("; of the cluster's namespaces {left_out} were not tried"));
    }
    said
}

/// The namespaces to try.
#[derive(Debug, PartialEq, Eq)]
struct Tried {
    names: Vec<String>,
    /// Others that are there.
    left_out: usize,
}

impl Tried {
    /// Of the namespaces that are there, none where that is not known, and of those that are likely.
    fn new(mut known: Vec<String>, mut likely: Vec<String>) -> Self {
        for names in [&mut known, &mut likely] {
            names.sort();
            names.dedup();
        }
        if known.is_empty() {
            return Self {
                left_out: likely.len().saturating_sub(PROBED),
                names: {
                    likely.truncate(PROBED);
                    likely
                },
            };
        }
        let is_likely = |name: &String| likely.binary_search(name).is_ok();
        let (mut names, others): (Vec<String>, Vec<String>) = known.into_iter().partition(is_likely);
        names.extend(others);
        let left_out = names.len().saturating_sub(PROBED);
        names.truncate(PROBED);
        Self { names, left_out }
    }
}

/// The names of the cluster's namespaces; none where they may not be listed.
async fn namespaces(connection: &Connection, warnings: &Warnings) -> Vec<String> {
    let ty = Arc::new(TypeMeta::new("v1", "Namespace"));
    let name: DecodeItem<String> = |ty, item| match decode_typed(ty, item) {
        Decoded::Object(object) => Some(object.meta.name.to_string()),
        Decoded::Event(_) | Decoded::Nothing => None,
    };
    let pages = list(connection, "/api/v1/namespaces", "", METADATA, (&ty, name), warnings).await;
    pages.unwrap_or_default().into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn likely_namespaces_come_first_and_none_is_tried_that_is_not_there() {
        let tried =
            Tried::new(names(&["a", "flux-system", "z", "data-plane"]), names(&["flux-system", "gone", "data-plane"]));
        assert_eq!(tried, Tried { names: names(&["data-plane", "flux-system", "a", "z"]), left_out: 0 });
        let tried = Tried::new(Vec::new(), names(&["b", "a", "b"]));
        assert_eq!(tried, Tried { names: names(&["a", "b"]), left_out: 0 });
        let many: Vec<String> = (0..PROBED + 7).map(|number| format!("n{number:04}")).collect();
        let tried = Tried::new(many, names(&["n0206"]));
        assert_eq!((tried.names.len(), tried.names[0].as_str(), tried.left_out), (PROBED, "n0206", 7));
    }

    #[test]
    fn what_was_not_asked_is_said() {
        assert_eq!(with_unasked("no".to_owned(), (0, 3), 0), "no");
        assert_eq!(
            with_unasked("no".to_owned(), (92, 8), 7),
            "no; 8 namespaces refused it in a row, 92 more were not asked; of the cluster's namespaces 7 were not tried"
        );
    }
}
