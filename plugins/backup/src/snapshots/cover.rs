//! Whether a claim's data has a snapshot that is ready and fresh: the one rule of `coverage` and `snapshots`.

use jiff::{SignedDuration, Timestamp};
use mlops_shared::object::{Inventory, Object, SectionState};
use mlops_shared::text;

/// The group of VolumeSnapshots.
pub(crate) const GROUP: &str = "snapshot.storage.k8s.io";

/// How a claim is covered. A snapshot is taken as it says of itself: that data can be read from it is not shown by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover {
    /// The newest that is ready is fresh; when it was taken.
    Fresh(Timestamp),
    /// The newest that is ready is too old; when it was taken.
    Stale(Timestamp),
    /// Those that are ready were taken of an earlier claim of this name; when the newest was.
    Before(Timestamp),
    /// There are so many, none of them ready.
    Unready(usize),
    /// There is none.
    None,
    /// Snapshots could not be read.
    Unknown,
}

impl Cover {
    /// That in words.
    pub(crate) fn words(self, now: Timestamp) -> String {
        match self {
            Self::Fresh(taken) => format!("a snapshot that is ready is {} old", text::age(taken, now)),
            Self::Stale(taken) => format!("the newest that is ready is {} old", text::age(taken, now)),
            Self::Before(taken) => {
                format!("the newest that is ready is {} old, of an earlier claim of this name", text::age(taken, now))
            }
            Self::Unready(count) => format!("{}, none of them ready", text::plural(count, "snapshot")),
            Self::None => "no snapshot".to_owned(),
            Self::Unknown => "not known: snapshots could not be read".to_owned(),
        }
    }
}

/// The claim that a snapshot says it is of; empty where it is of a content that was there before.
pub(crate) fn source(snapshot: &Object) -> &str {
    snapshot.custom().map(|custom| custom.spec_text("/source/persistentVolumeClaimName")).unwrap_or_default()
}

/// Whether a snapshot says that it can be restored from. An error of an earlier try may still stand beside that.
pub(crate) fn is_ready(snapshot: &Object) -> bool {
    let ready = snapshot.custom().and_then(|custom| custom.status_at("/readyToUse"));
    ready.is_some_and(|it| it.as_bool() == Some(true)) && snapshot.meta.deletion_timestamp.get().is_none()
}

/// When a snapshot was taken, as its driver says.
pub(crate) fn taken(snapshot: &Object) -> Option<Timestamp> {
    snapshot.custom().and_then(|custom| custom.status_text("/creationTime").parse().ok())
}

/// The snapshots of a claim, as they are named.
pub(crate) fn of_claim<'a>(inventory: &'a Inventory, claim: &'a Object) -> impl Iterator<Item = &'a Object> {
    let all = inventory.in_namespace(GROUP, "VolumeSnapshot", &claim.meta.namespace);
    all.iter().filter(|snapshot| source(snapshot) == &*claim.meta.name)
}

/// How a claim is covered by those of its snapshots that `is_usable` takes beside what they say of themselves.
pub(crate) fn cover(
    inventory: &Inventory,
    claim: &Object,
    is_usable: &dyn Fn(&Object) -> bool,
    (now, fresh): (Timestamp, SignedDuration),
) -> Cover {
    // Where every kind is named, one that is not there is not served.
    let is_read = match inventory.section(GROUP, "VolumeSnapshot") {
        None => inventory.is_complete(),
        Some(section) => matches!(section.state, SectionState::Read(_)),
    };
    if !is_read {
        return Cover::Unknown;
    }
    let (mut count, mut newest) = (0, None);
    for snapshot in of_claim(inventory, claim) {
        count += 1;
        if is_ready(snapshot) && is_usable(snapshot) {
            newest = newest.max(taken(snapshot));
        }
    }
    let made = claim.meta.creation_timestamp.get();
    match (count, newest) {
        (0, _) => Cover::None,
        (count, None) => Cover::Unready(count),
        (_, Some(taken)) if made.is_some_and(|made| taken < made) => Cover::Before(taken),
        (_, Some(taken)) if now.duration_since(taken) > fresh => Cover::Stale(taken),
        (_, Some(taken)) => Cover::Fresh(taken),
    }
}
