//! Asking the API server about objects of an archive, one by one, with `dryRun=All`.

use crate::restore::apply::AT_A_TIME;
use crate::restore::fields::{Context, comparable, prepare};
use crate::restore::head::Head;
use crate::restore::plan::target;
use crate::restore::read::Archive;
use crate::restore::report::label;
use futures::StreamExt as _;
use mlops_shared::cli::Failure;
use mlops_shared::cluster::{ClusterError, Connection, Resources, Writer, object};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What the API server says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It would be taken.
    Accepted,
    /// There is one of that name; whether it is the same.
    There(bool),
    /// It would be refused, and why.
    Refused(String),
    /// Nobody can tell, and why.
    Unknown(String),
}

/// Kinds of the whole cluster that admission looks up for a pod, and the words around their name when there is none of
/// it (kubernetes, `plugin/pkg/admission/priority` and `.../runtimeclass`).
pub(crate) const LOOKED_UP: [(&str, &str, &str, &str); 2] = [
    ("scheduling.k8s.io", "PriorityClass", "no PriorityClass with name ", " was found"),
    ("node.k8s.io", "RuntimeClass", "RuntimeClass \"", "\" not found"),
];

/// What asking stands on.
pub(crate) struct Asking<'a> {
    pub(crate) connection: &'a Connection,
    /// Of a permission that changes nothing.
    pub(crate) writer: &'a Writer<'a>,
    pub(crate) resources: &'a Resources,
    pub(crate) context: &'a Context,
    pub(crate) archive: &'a RefCell<Archive>,
    /// Groups and kinds that definitions of the archive define.
    pub(crate) defined: &'a BTreeSet<(String, String)>,
    /// Kind and name of what a restore would make of [`LOOKED_UP`].
    pub(crate) looked_up: &'a BTreeSet<(String, String)>,
}

impl Asking<'_> {
    /// Asks about each of these, in any order.
    ///
    /// # Errors
    /// When the archive does not give an object back.
    pub(crate) async fn all<'h>(&self, heads: Vec<&'h Head>) -> Result<Vec<(&'h Head, Verdict)>, Failure> {
        let answers: Vec<(&Head, Result<Verdict, Failure>)> = futures::stream::iter(heads)
            .map(|head| async move { (head, self.one(head).await) })
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        let mut verdicts =
            answers.into_iter().map(|(head, verdict)| Ok((head, verdict?))).collect::<Result<Vec<_>, Failure>>()?;
        verdicts.sort_by(|one, two| one.0.path.cmp(&two.0.path));
        Ok(verdicts)
    }

    async fn one(&self, head: &Head) -> Result<Verdict, Failure> {
        let group = &head.place.group;
        let Some(served) = self.resources.of_kind(group, &head.kind) else {
            return Ok(self.unserved(head));
        };
        let original = self.archive.borrow_mut().object(&head.path)?;
        let body = prepare(original.clone(), self.context);
        let mut resource = served.clone();
        let version = head.api_version.split_once('/').map_or(&*head.api_version, |(_, version)| version);
        version.clone_into(&mut resource.version);
        let place = target(&head.place, self.context);
        let answer = self.writer.create(&resource, &place.namespace, &body).await;
        Ok(match answer {
            Ok(_) => Verdict::Accepted,
            Err(ClusterError::AlreadyExists(_)) => {
                let there = object(self.connection, &resource.at(&place.namespace, &place.name)).await;
                match there {
                    Ok(live) => Verdict::There(comparable(live, self.context) == comparable(original, self.context)),
                    Err(error) => Verdict::Unknown(error.to_string()),
                }
            }
            Err(ClusterError::NotFound) if resource.version != served.version => Verdict::Refused(format!(
                "the cluster serves {} as {}, and the archive has it as {}",
                head.kind,
                served.api_version(),
                head.api_version
            )),
            Err(error) => waits_for(&error, self.looked_up).unwrap_or_else(|| judge(&error)),
        })
    }

    fn unserved(&self, head: &Head) -> Verdict {
        let (group, kind) = (&head.place.group, &head.kind);
        let is_of_group = |group_version: &str| group_version.split_once('/').is_some_and(|(it, _)| it == group);
        if let Some((_, why)) = self.resources.unanswered.iter().find(|(it, _)| is_of_group(it)) {
            return Verdict::Unknown(format!("nobody can tell whether the cluster serves {kind}: {why}"));
        }
        let name = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
        if self.defined.contains(&(group.clone(), kind.clone())) {
            return Verdict::Unknown(format!("the cluster does not serve {name}, which a restore would define first"));
        }
        Verdict::Refused(format!("the cluster does not serve {name}, and the archive has no definition of it"))
    }
}

/// A refusal for want of an object that a restore would make before this one.
fn waits_for(error: &ClusterError, made: &BTreeSet<(String, String)>) -> Option<Verdict> {
    let message = error.to_string();
    let missing = |(_, kind, before, after): &(&str, &'static str, &str, &str)| {
        let name = message.split_once(before)?.1.split_once(after)?.0;
        Some(((*kind).to_owned(), name.to_owned()))
    };
    let (kind, name) = LOOKED_UP.iter().find_map(missing).filter(|missing| made.contains(missing))?;
    Some(Verdict::Unknown(format!("it needs {kind}/{name}, which a restore would make first")))
}

/// What an error says of the object: refused, or nobody can tell.
fn judge(error: &ClusterError) -> Verdict {
    let message = error.to_string();
    match error {
        // A webhook that does not answer refuses a restore as well.
        ClusterError::Status { code, .. } if *code >= 500 && message.contains("failed calling webhook") => {
            Verdict::Refused(message)
        }
        ClusterError::Status { code: 400, .. } if message.contains("dry run") => Verdict::Unknown(message),
        ClusterError::Status { code: 400 | 413 | 415 | 422, .. }
        | ClusterError::Forbidden(_)
        | ClusterError::NotFound => Verdict::Refused(message),
        _ => Verdict::Unknown(message),
    }
}

/// The object of the archive that is meant.
pub(crate) fn name(head: &Head) -> String {
    label(&head.kind, &head.place.namespace, &head.place.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_not_knowing() {
        let status = |code, message: &str| ClusterError::Status { code, message: message.to_owned() };
        for error in [
            status(422, "spec.x: Invalid value"),
            status(500, "Internal error: failed calling webhook \"x\""),
            ClusterError::Forbidden("exceeded quota".to_owned()),
        ] {
            assert!(matches!(judge(&error), Verdict::Refused(_)), "{error}");
        }
        for error in [
            status(503, "etcd"),
            status(400, "admission webhook \"x\" does not support dry run"),
            ClusterError::Denied { message: "no".to_owned(), rule: String::new() },
            ClusterError::Unauthorized,
        ] {
            assert!(matches!(judge(&error), Verdict::Unknown(_)), "{error}");
        }
    }
    #[test]
    fn what_a_restore_would_make_first_refuses_nothing() {
        let made = BTreeSet::from([("PriorityClass", "high"), ("RuntimeClass", "gvisor")])
            .into_iter()
            .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
            .collect();
        let verdict = |message: &str| waits_for(&ClusterError::Forbidden(message.to_owned()), &made);
        for message in [
            "pods \"a\" is forbidden: no PriorityClass with name high was found",
            "pods \"a\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found",
        ] {
            assert!(matches!(verdict(message), Some(Verdict::Unknown(why)) if why.contains("would make first")));
        }
        for message in ["no PriorityClass with name low was found", "RuntimeClass \"kata\" not found", "exceeded quota"]
        {
            assert_eq!(verdict(message), None, "{message}");
        }
    }
}
