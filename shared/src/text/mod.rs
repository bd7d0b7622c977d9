//! Untrusted text made safe to print, ages, quantities and widths.

mod age;
mod near;
mod quantity;
mod safe;
mod yaml;

pub use age::{age, parse_duration};
pub use near::nearest;
pub use quantity::{Quantity, bytes, cores};
pub use safe::{block, is_unsafe, line, plural, shell_word, truncate};
pub(crate) use yaml::{describe, documents};
