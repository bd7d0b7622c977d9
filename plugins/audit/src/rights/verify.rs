//! What the API server says of the same rights: questions for SubjectAccessReviews, and the answers that differ.

use super::permissions::is_master;
use crate::rbac::{Grants, Identity, Request, sensitive};
use mlops_shared::cluster::{Access, Answer};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// More questions are not asked in one run.
const MOST: usize = 500;

/// What became of the questions.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Questions that were asked.
    pub(super) asked: usize,
    /// Questions that were too many.
    pub(super) left_out: usize,
    /// Answers that are not what roles and bindings say: another authorizer decides too, or something changed.
    pub(super) disagreements: Vec<Disagreement>,
}

/// An answer that is not what roles and bindings say.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// The question.
    pub(super) question: String,
    /// What roles and bindings say.
    pub(super) computed: bool,
    /// What the API server says.
    pub(super) answered: bool,
    /// Why, in its words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
}

/// One question. The empty namespace is that of requests in the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    Resource { namespace: String, group: String, resource: String, verb: String, name: String },
    Path { path: String, verb: String },
}

impl Question {
    fn request(&self) -> (Request<'_>, &str) {
        match self {
            Self::Resource { namespace, group, resource, verb, name } => {
                (Request::Resource { verb, group, resource, name }, namespace)
            }
            Self::Path { path, verb } => (Request::Path { verb, path }, ""),
        }
    }

    /// As the API server is asked.
    fn access(&self, who: &Identity) -> Access {
        let (user, groups) = (who.user.clone(), who.groups.iter().cloned().collect());
        match self.clone() {
            Self::Resource { namespace, group, resource, verb, name } => {
                let (resource, subresource) = match resource.split_once('/') {
                    Some((resource, sub)) => (resource.to_owned(), sub.to_owned()),
                    None => (resource, String::new()),
                };
                Access { user, groups, verb, namespace, group, resource, subresource, name, ..Access::default() }
            }
            Self::Path { path, verb } => Access { user, groups, verb, path, ..Access::default() },
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Resource { namespace, group, resource, verb, name } => {
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                let name = if name.is_empty() { String::new() } else { format!(" {name}") };
                let place = if namespace.is_empty() { String::new() } else { format!(" in {namespace}") };
                format!("{verb} {resource}{group}{name}{place}")
            }
            Self::Path { path, verb } => format!("{verb} {path}"),
        }
    }
}

/// What there is to ask of somebody: every right that they hold, and everything that leads further wherever they
/// hold something, which mostly they do not. At most 500, and how many are left out.
pub(super) fn questions(grants: &Grants<'_>, who: &Identity, namespaces: &[String]) -> (Vec<Question>, usize) {
    let is_asked = |own: &str| own.is_empty() || namespaces.is_empty() || namespaces.iter().any(|it| it == own);
    let mut places = BTreeSet::from([""]);
    places.extend(namespaces.iter().map(String::as_str));
    let mut all = BTreeSet::new();
    for (grant, _) in grants.of(who) {
        let namespace = grant.namespace().map_or("", |own| own.as_str());
        if !is_asked(namespace) {
            continue;
        }
        places.insert(namespace);
        for rule in grant.rules.iter() {
            for verb in &rule.verbs {
                let paths = rule.paths.iter().filter(|_| namespace.is_empty());
                all.extend(paths.map(|path| Question::Path { path: path.to_string(), verb: verb.to_string() }));
                for resource in &rule.resources {
                    all.extend(rule.api_groups.iter().map(|group| Question::Resource {
                        namespace: namespace.to_owned(),
                        group: group.to_string(),
                        resource: resource.to_string(),
                        verb: verb.to_string(),
                        name: rule.resource_names.first().map(ToString::to_string).unwrap_or_default(),
                    }));
                }
            }
        }
    }
    // Rights first: what is asked besides may be cut.
    let mut list: Vec<Question> = all.into_iter().collect();
    let others = places.iter().flat_map(|namespace| {
        sensitive().map(|(verb, group, resource)| Question::Resource {
            namespace: (*namespace).to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            verb: verb.to_owned(),
            name: String::new(),
        })
    });
    let known: BTreeSet<Question> = list.iter().cloned().collect();
    list.extend(others.filter(|question| !known.contains(question)));
    let left_out = list.len().saturating_sub(MOST);
    list.truncate(MOST);
    (list, left_out)
}

/// The questions as the API server is asked them.
pub(super) fn accesses(questions: &[Question], who: &Identity) -> Vec<Access> {
    questions.iter().map(|question| question.access(who)).collect()
}

/// Holds the answers against what roles and bindings say.
pub(super) fn compare(
    grants: &Grants<'_>,
    who: &Identity,
    (questions, left_out): (&[Question], usize),
    answers: Vec<Answer>,
) -> Verification {
    let differing = questions.iter().zip(answers).filter_map(|(question, answer)| {
        let (request, namespace) = question.request();
        let computed = is_master(who) || grants.allows(who, request, namespace).is_some();
        (computed != answer.is_allowed).then(|| Disagreement {
            question: question.label(),
            computed,
            answered: answer.is_allowed,
            reason: answer.reason,
        })
    });
    Verification { asked: questions.len(), left_out, disagreements: differing.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    #[test]
    fn rights_are_asked_first_and_answers_are_compared() {
        let records = records(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: exec, namespace: ml}
rules: [{verbs: [create], apiGroups: [''], resources: [pods/exec], resourceNames: [one]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: exec, namespace: ml}
roleRef: {kind: Role, name: exec}
subjects: [{kind: User, name: ann}]
",
        );
        let grants = Grants::new(&records);
        let ann = Identity::new("ann", []);
        let (questions, left_out) = questions(&grants, &ann, &[]);
        assert_eq!(questions[0].label(), "create pods/exec one in ml");
        assert!(questions.len() > 100 && left_out == 0, "{} and {left_out}", questions.len());
        let asked = &accesses(&questions, &ann)[0];
        assert_eq!((asked.resource.as_str(), asked.subresource.as_str(), asked.name.as_str()), ("pods", "exec", "one"));
        let no = || Answer { is_allowed: false, reason: "because".to_owned() };
        let answers: Vec<Answer> = questions.iter().map(|_| no()).collect();
        let told = compare(&grants, &ann, (&questions, left_out), answers);
        assert_eq!(told.disagreements.len(), 1, "{:?}", told.disagreements);
        assert!(told.disagreements[0].computed && !told.disagreements[0].answered);
    }
}
