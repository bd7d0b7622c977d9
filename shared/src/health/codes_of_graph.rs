//! Codes of findings that only the graph makes.

use crate::report::codes;

codes! {
    OBJECT_MISSING = "object-missing", "An object that others need is missing",
        "Other objects name this one and it does not exist. It was deleted, never made, or is spelt differently.",
        "Create it or correct the name in the objects that ask for it; they are listed below it.", Stuck 600;
}
