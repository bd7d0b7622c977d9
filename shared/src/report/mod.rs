//! What a run found: levels, codes, verdicts, the report model and its renderers.

mod code;
mod level;
mod model;
mod render;
mod verdict;

pub use code::Code;
pub(crate) use code::codes;
pub use level::Level;
pub use model::{
    API_VERSION, AreaSummary, Cause, Coverage, Entry, ExceptionUse, Explained, Note, ObjectId, Report, Summary, View,
};
pub use render::{Format, Style, render};
pub use verdict::Verdict;
