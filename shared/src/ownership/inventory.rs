//! The inventory that Flux writes into a Kustomization's or HelmRelease's status.

use crate::object::{Custom, ObjectRef};

/// The objects that `status.inventory.entries[].id` names. An id is `namespace_name_group_Kind`;
/// the namespace is empty for cluster-scoped objects, the group for core ones, and a `:` of a name
/// is written `__` (github.com/fluxcd/cli-utils, `pkg/object/objmetadata.go`).
pub fn inventory_ids(custom: &Custom) -> impl Iterator<Item = ObjectRef> + '_ {
    custom.status_list("/inventory/entries").iter().filter_map(|entry| parse(entry.get("id")?.as_str()?))
}

fn parse(id: &str) -> Option<ObjectRef> {
    let (namespace, rest) = id.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, group) = rest.rsplit_once('_')?;
    Some(ObjectRef::new(group, kind, namespace, &name.replace("__", ":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart() {
        let id = |text: &str| parse(text).map(|reference| (reference.group.to_string(), reference.to_string()));
        assert_eq!(id("default_podinfo__Service"), Some(("".into(), "Service/default/podinfo".into())));
        assert_eq!(id("_data-plane__Namespace"), Some(("".into(), "Namespace/data-plane".into())));
        assert_eq!(
            id("_system__reader_rbac.authorization.k8s.io_ClusterRole"),
            Some(("rbac.authorization.k8s.io".into(), "ClusterRole/system:reader".into()))
        );
        assert_eq!(id("nothing"), None);
    }
}
