//! Bindings by whom they name, so that what one of thousands holds is found without looking at every binding.

use super::capability::{Held, Scope};
use crate::rbac::{Grants, Identity, account_of};
use std::collections::{BTreeMap, HashMap};

/// Grants by user name and by group.
#[derive(Debug)]
pub(super) struct Index<'g, 'a> {
    grants: &'g Grants<'a>,
    users: HashMap<String, Vec<usize>>,
    groups: HashMap<&'a str, Vec<usize>>,
}

impl<'g, 'a> Index<'g, 'a> {
    pub(super) fn new(grants: &'g Grants<'a>) -> Self {
        let mut users: HashMap<String, Vec<usize>> = HashMap::new();
        let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, grant) in grants.all.iter().enumerate() {
            let binding = grant.binding;
            for subject in &binding.subjects {
                match &*subject.kind {
                    "User" => users.entry(subject.name.to_string()).or_default().push(place),
                    "Group" => groups.entry(&subject.name).or_default().push(place),
                    _ => {
                        if let Some((namespace, name)) = account_of(subject, binding) {
                            users.entry(Identity::account(namespace, name).user).or_default().push(place);
                        }
                    }
                }
            }
        }
        Self { grants, users, groups }
    }

    /// Users other than service accounts that bindings name.
    pub(super) fn people(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(String::as_str).filter(|user| !user.starts_with("system:serviceaccount:"))
    }

    /// What somebody holds, in the whole cluster and in each namespace; in a namespace also what they hold in the
    /// whole cluster, for some powers take rights of two bindings.
    pub(super) fn scopes(&self, who: &Identity) -> Vec<Scope<'g>> {
        let by_group = who.groups.iter().filter_map(|group| self.groups.get(group.as_str()));
        let mut places: Vec<usize> = self.users.get(&who.user).into_iter().chain(by_group).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        let mut wide: Vec<Held<'g>> = Vec::new();
        let mut narrow: BTreeMap<&str, Vec<Held<'g>>> = BTreeMap::new();
        for grant in places.into_iter().filter_map(|place| self.grants.all.get(place)) {
            let list = match grant.namespace() {
                None => &mut wide,
                Some(namespace) => narrow.entry(namespace).or_default(),
            };
            list.extend(grant.rules.iter().map(|rule| Held { rule, grant }));
        }
        let mut scopes = Vec::with_capacity(narrow.len() + 1);
        for (namespace, mut held) in narrow {
            held.extend(wide.iter().copied());
            scopes.push(Scope { namespace: Some(namespace), held });
        }
        scopes.insert(0, Scope { namespace: None, held: wide });
        scopes
    }
}
