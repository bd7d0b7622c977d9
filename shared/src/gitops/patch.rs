//! Patches of kustomize: which objects one selects, and what it does to a field.

use super::kustomize::{Occurrence, Wanted};
use super::place::{Origin, Place, SetBy, place};
use super::tree::Tree;
use super::yaml::{Content, Node, escape};
use crate::ownership::{FieldPath, Step};

/// What a patch does to the field.
#[derive(Debug)]
pub(super) enum Does {
    Nothing,
    Set(Box<Place>),
    /// It takes the field away.
    Unset,
    /// It takes the object away.
    Delete,
    /// Nobody can tell.
    Doubt,
}

/// The group of an apiVersion.
pub(super) fn group(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// Whether a patch is for an object; `None` where nobody can tell. With a target that one decides (kustomize,
/// `reswrangler.Select`), otherwise the patch names its object.
pub(super) fn selects(node: &Node, target: Option<&Node>, wanted: Wanted<'_>, it: &Occurrence) -> Option<bool> {
    let Some(target) = target else {
        if matches!(node.content, Content::List(_)) {
            return None;
        }
        let (name, namespace) = (node.word_in("metadata", "name"), node.word_in("metadata", "namespace"));
        let is_kind = node.word("kind") == wanted.kind && group(node.word("apiVersion")) == wanted.group;
        let is_name = it.names.iter().any(|known| known == name);
        return Some(is_kind && is_name && (namespace.is_empty() || it.namespaces.iter().any(|it| it == namespace)));
    };
    // A namespace that is not given is `default` (resid, `EffectiveNamespace`).
    let namespaces = it.namespaces.iter().map(|it| if it.is_empty() { "default" } else { it });
    let names = || it.names.first().into_iter().chain(it.names.last()).map(String::as_str);
    let mut sure = true;
    for (pattern, texts) in [
        (target.word("group"), vec![wanted.group]),
        (target.word("version"), vec![it.version.as_str()]),
        (target.word("kind"), vec![wanted.kind]),
        (target.word("name"), names().collect()),
        (target.word("namespace"), namespaces.collect::<Vec<_>>()),
    ] {
        if pattern.is_empty() {
            continue;
        }
        let matched: Vec<Option<bool>> = texts.iter().map(|text| matches(pattern, text)).collect();
        if matched.contains(&Some(true)) {
            continue;
        }
        if !matched.contains(&None) {
            return Some(false);
        }
        sure = false;
    }
    let is_open = ["labelSelector", "annotationSelector"].iter().any(|key| !target.word(key).is_empty());
    (sure && !is_open).then_some(true)
}

/// Whether an anchored regular expression matches, for those that are plain names or have only `.*` in them; `None`
/// for others.
fn matches(pattern: &str, text: &str) -> Option<bool> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = pattern.strip_suffix('$').unwrap_or(pattern);
    let parts: Vec<&str> = pattern.split(".*").collect();
    // A dot matches itself and everything else: of names that differ in nothing but a dot there are none worth the doubt.
    let is_plain = |part: &&str| part.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '_'));
    if !parts.iter().all(is_plain) {
        return None;
    }
    let [first, middle @ .., last] = parts.as_slice() else { return Some(pattern == text) };
    let Some(mut rest) = text.strip_prefix(first) else { return Some(false) };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return Some(false),
        }
    }
    Some(rest.ends_with(last))
}

/// What a patch does to the field of an object that it is for.
pub(super) fn does(tree: &Tree, node: &Node, origin: &Origin<'_>, path: &FieldPath) -> Does {
    match &node.content {
        Content::List(operations) => by_operations(tree, operations, origin, path),
        _ => by_merge(tree, node, origin, path),
    }
}

/// A strategic merge patch.
fn by_merge(tree: &Tree, node: &Node, origin: &Origin<'_>, path: &FieldPath) -> Does {
    let mut around = Some(node);
    for step in path.steps() {
        match around.map_or("", |node| node.word("$patch")) {
            "" => {}
            "delete" => return if around.is_some_and(|it| it.line == node.line) { Does::Delete } else { Does::Unset },
            _ => return Does::Doubt,
        }
        around = match step {
            Step::Field(name) => around.and_then(|node| node.get(name)),
            _ => None,
        };
    }
    match place(tree, origin, node, path.steps(), SetBy::Patch) {
        None => Does::Nothing,
        Some(place) if around.is_some_and(Node::is_null) && place.obstacle.is_none() => Does::Unset,
        Some(place) => Does::Set(Box::new(place)),
    }
}

/// Operations of RFC 6902, one after the other.
fn by_operations(tree: &Tree, operations: &[Node], origin: &Origin<'_>, path: &FieldPath) -> Does {
    let mut pointers = vec![String::new()];
    for step in path.steps() {
        let (Step::Field(name) | Step::Member(name)) = step else { break };
        pointers.push(format!("{}/{}", pointers[pointers.len() - 1], escape(name)));
    }
    let is_whole = pointers.len() == path.steps().len() + 1;
    let mut does = Does::Nothing;
    for (index, operation) in operations.iter().enumerate() {
        let at = operation.word("path");
        // The steps that lead from the operation's path to the field.
        let Some(depth) = pointers.iter().position(|pointer| pointer == at) else {
            let is_below = pointers.last().is_some_and(|last| !is_whole && at.starts_with(last.as_str()));
            if is_below || pointers[1..].iter().any(|pointer| pointer == operation.word("from")) {
                does = Does::Doubt;
            }
            continue;
        };
        does = match operation.word("op") {
            "add" | "replace" => {
                // Of an inline patch the pointer stays that of the text which holds it.
                let pointer = match origin.inline {
                    Some(_) => origin.pointer.clone(),
                    None => format!("{}/{index}/value", origin.pointer),
                };
                let origin = Origin { pointer, ..origin.clone() };
                let value = operation.get("value");
                match value.and_then(|value| place(tree, &origin, value, &path.steps()[depth..], SetBy::Patch)) {
                    Some(place) => Does::Set(Box::new(place)),
                    None => Does::Unset,
                }
            }
            "remove" => Does::Unset,
            "test" => does,
            _ => Does::Doubt,
        };
    }
    does
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_simple_patterns_are_decided_and_others_left_open() {
        for (pattern, text, wanted) in [
            ("web", "web", Some(true)),
            ("web", "web2", Some(false)),
            (".*", "web", Some(true)),
            ("web-.*", "web-a", Some(true)),
            ("web-.*", "api-a", Some(false)),
            (".*-db-.*", "a-db-b", Some(true)),
            ("^web$", "web", Some(true)),
            ("web|api", "web", None),
            ("(web)", "web", None),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
