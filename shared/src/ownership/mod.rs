//! Who manages an object or a field, and who would undo a change. Pure: records and managedFields in, answers out.

mod by_hand;
mod chain;
mod fields;
mod hold;
mod immutable;
mod inventory;
mod managers;
mod path;
mod predict;
mod rebuilt;
mod setters;

pub use by_hand::{ByHand, Home, describe};
pub use chain::{Chain, Link, Manager, Presence, Proof};
pub use fields::{FieldOwner, Fields};
pub use hold::{
    Exemption, ExemptionKind, Hold, PAUSED_AT, PAUSED_BY, PAUSED_REASON, PAUSED_UNTIL, Stamp, exemption, hold, stamp,
};
pub use inventory::inventory_ids;
pub use managers::Managers;
pub use path::{FieldPath, Step};
pub use predict::{Change, Live, Outcome, predict};
pub use rebuilt::Rebuilder;
pub use setters::{Setter, is_folded_by_flux, setter};
#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod predict_tests;
#[cfg(test)]
mod testing;
