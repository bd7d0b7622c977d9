//! What a run found: levels, codes, verdicts, the report model and its renderers.

mod analysis;
mod code;
pub mod document;
mod level;
mod list;
mod model;
mod overview;
mod plan;
mod present;
mod render;
mod verdict;

pub use analysis::{Acceptance, Analysis, Located};
pub(crate) use code::codes;
pub use code::{Code, Outlook};
pub use document::Document;
pub use level::Level;
pub use list::{OfCluster, ReportList, SameAs};
pub use model::{
    API_VERSION, AreaSummary, Cause, Coverage, Entry, ExceptionUse, Explained, ManagedBy, ManagedLink, Note, ObjectId,
    ReadError, Report, Summary, View,
};
pub use overview::{gaps, instant, whose};
pub use plan::{Plan, PlanState, Preflight, Refusal, Risk, Step, StepState};
pub use present::{Case, Detail, Metric, Present, Sample, Subject};
pub use render::{Format, Rendered, Style, render, write};
pub use verdict::Verdict;
