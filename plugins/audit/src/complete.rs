//! What the arguments of `audit` may be, for completion.

use crate::check::all_codes;
use crate::severity::Severity;
use mlops_shared::cli::complete::{Candidate, Table, Typed, Values};
use mlops_shared::cli::explain_format;
use mlops_shared::report::Format;

/// The values of this plugin's own arguments. Families are known to clap.
pub(crate) const VALUES: Table = &[
    ("code", Values::From(codes)),
    ("output", Values::From(formats)),
    ("fail_on", Values::From(fail_on)),
    ("show", Values::From(|_| severities().collect())),
];

fn codes(_: &Typed) -> Vec<Candidate> {
    all_codes().into_iter().map(|code| Candidate::new(code.id, code.title)).collect()
}

/// The formats that the subcommand prints.
fn formats(typed: &Typed) -> Vec<Candidate> {
    let is_printed = |word: &str| matches!(typed.subcommand(), None | Some("tree")) || explain_format(word).is_ok();
    let words = Format::of_analysis().map(|(word, _)| word).chain(["cyclonedx"]);
    words.filter(|word| is_printed(word)).map(|word| Candidate::new(word, "")).collect()
}

fn severities() -> impl Iterator<Item = Candidate> {
    Severity::ALL.into_iter().map(|severity| Candidate::new(severity.word().to_lowercase(), ""))
}

fn fail_on(_: &Typed) -> Vec<Candidate> {
    severities().chain([Candidate::new("never", "")]).collect()
}
