//! What the arguments of `health` may be, for completion.

use mlops_shared::cli::complete::{Candidate, Table, Typed, Values};
use mlops_shared::cli::explain_format;
use mlops_shared::health::all_codes;
use mlops_shared::report::{Format, Level};

/// The values of this plugin's own arguments.
pub(crate) const VALUES: Table = &[
    ("code", Values::From(codes)),
    ("output", Values::From(formats)),
    ("fail_on", Values::From(fail_on)),
    ("show", Values::From(|_| levels().collect())),
];

fn codes(_: &Typed) -> Vec<Candidate> {
    all_codes().into_iter().map(|code| Candidate::new(code.id, code.title)).collect()
}

/// The formats that the subcommand prints.
fn formats(typed: &Typed) -> Vec<Candidate> {
    let is_printed = |word: &str, format: Format| match typed.subcommand() {
        Some("capacity") => matches!(format, Format::Table | Format::Wide | Format::Json | Format::Yaml),
        Some("explain") => explain_format(word).is_ok(),
        Some("platform") => matches!(format, Format::Table | Format::Json | Format::Yaml),
        Some("diff") => matches!(format, Format::Table | Format::Wide),
        _ => true,
    };
    let printed = Format::ALL.into_iter().filter(|(word, format)| is_printed(word, *format));
    printed.map(|(word, _)| Candidate::new(word, "")).collect()
}

fn levels() -> impl Iterator<Item = Candidate> {
    Level::ALL.into_iter().map(|level| Candidate::new(level.word().to_lowercase(), ""))
}

fn fail_on(_: &Typed) -> Vec<Candidate> {
    // --fail-on ok is refused.
    let levels = levels().filter(|candidate| candidate.value != "ok");
    levels.chain([Candidate::new("never", "")]).collect()
}
