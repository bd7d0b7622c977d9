//! `--kinds`: which kinds a word means.

use crate::exclude;
use mlops_shared::cli::Failure;
use mlops_shared::cluster::ServedKind;
use mlops_shared::text;

/// Whether a word names a kind: by its kind or its plural name, alone or with `.GROUP` behind it, in any case.
pub(crate) fn names(word: &str, kind: &ServedKind) -> bool {
    let is_called = |word: &str| word.eq_ignore_ascii_case(&kind.ty.kind) || word.eq_ignore_ascii_case(&kind.resource);
    is_called(word)
        || word
            .split_once('.')
            .is_some_and(|(name, group)| is_called(name) && group.eq_ignore_ascii_case(&kind.ty.group))
}

/// Refuses words that name no kind of the cluster, or one that no backup holds.
///
/// # Errors
/// The first such word.
pub(crate) fn check<'a>(words: &[String], served: impl Iterator<Item = &'a ServedKind> + Clone) -> Result<(), Failure> {
    for word in words {
        let mut fitting = served.clone().filter(|kind| names(word, kind)).peekable();
        if fitting.peek().is_none() {
            let failure = Failure::usage(format!("the cluster serves no kind {word:?}"));
            let plurals = served.clone().map(|kind| kind.resource.as_str());
            return Err(match text::nearest(word, plurals) {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint("`kubectl api-resources` lists the kinds"),
            });
        }
        let why = |kind: &ServedKind| exclude::of_kind(&kind.ty.group, &kind.ty.kind);
        let reasons: Option<Vec<&str>> = fitting.map(why).collect();
        if let Some(why) = reasons.and_then(|reasons| reasons.first().copied()) {
            return Err(Failure::usage(format!("no backup holds {word}: {why}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlops_shared::object::TypeMeta;
    use std::sync::Arc;

    #[test]
    fn kinds_are_named_as_kubectl_names_them() {
        let kind = |api_version: &str, kind: &str, resource: &str| ServedKind {
            ty: Arc::new(TypeMeta::new(api_version, kind)),
            resource: resource.to_owned(),
            is_namespaced: true,
        };
        let served = [kind("apps/v1", "Deployment", "deployments"), kind("v1", "Event", "events")];
        for word in ["Deployment", "deployments", "deployments.apps", "Deployment.Apps"] {
            assert!(names(word, &served[0]), "{word}");
            assert!(check(&[word.to_owned()], served.iter()).is_ok());
        }
        assert!(!names("deployments.extensions", &served[0]));
        let refused = |word: &str| check(&[word.to_owned()], served.iter()).expect_err("refused").to_string();
        assert!(refused("deploymets").contains("did you mean deployments?"));
        assert!(refused("events").contains("end by themselves"));
    }
}
