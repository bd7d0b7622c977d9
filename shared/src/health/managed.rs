//! Who manages the object of a cause, as the report says it.

use crate::object::{Lookup, ObjectRef};
use crate::ownership::{Chain, Link, Managers, Presence, describe};
use crate::report::{ManagedBy, ManagedLink, ObjectId};

/// Who manages an object, there or not; `None` when nothing that was read does.
pub(super) fn managed_by(chain: &Chain, managers: &Managers<'_>) -> Option<Box<ManagedBy>> {
    let inventory = managers.inventory();
    // A static pod is its node's own.
    if chain.links.first().is_some_and(|link| &*link.object.kind == "Node") {
        return None;
    }
    let home = chain.home(inventory);
    let id = |object: &ObjectRef| ObjectId {
        api_version: match inventory.find(object) {
            Lookup::Found(found) => found.ty.api_version(),
            Lookup::Missing | Lookup::Unread => object.group.to_string(),
        },
        kind: object.kind.to_string(),
        namespace: object.namespace.to_string(),
        name: object.name.to_string(),
    };
    let link = |link: &Link| ManagedLink {
        object: id(&link.object),
        proof: link.proof.word().to_owned(),
        missing: link.presence == Presence::Missing,
        held: link.hold.as_ref().map(|hold| hold.how.clone()),
    };
    Some(Box::new(ManagedBy {
        summary: describe(chain, inventory)?,
        chain: chain.links.iter().map(link).collect(),
        source: home.source.as_ref().map(id),
        source_failing: home.is_source_failing,
        revision: home.revision,
        path: home.path,
        interval: home.interval,
        change_by_hand: chain.by_hand(inventory)?.word().to_owned(),
        rivals: chain.rivals.iter().map(id).collect(),
    }))
}
