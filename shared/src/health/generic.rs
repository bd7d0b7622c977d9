//! Kinds without a rule of their own: conditions of either polarity, phase words, generations, errors.

use super::Related;
use super::precedence;
use crate::object::Object;
use crate::report::{Verdict, codes};
use jiff::Timestamp;

codes! {
    GENERIC_READY = "ready", "Says that it is ready",
        "The object has no rule of its own; its conditions or state words say that it works.",
        "Nothing to do.";
}

/// The verdict of an object of any kind.
pub(super) fn assess(object: &Object, related: &Related<'_>, now: Timestamp) -> Verdict {
    let _ = (object, related, now);
    Verdict::ok(&precedence::OK, "no state is reported by this kind")
}
