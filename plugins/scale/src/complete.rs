//! What the arguments of `scale` may be, for completion.

use mlops_shared::cli::complete::{Candidate, Table, Typed, Values, live_names};
use mlops_shared::report::Format;

/// The values of this plugin's own arguments.
pub(crate) const VALUES: Table = &[("output", Values::From(formats)), ("target", Values::From(targets))];

fn formats(_: &Typed) -> Vec<Candidate> {
    let printed = Format::ALL.into_iter().filter(|(_, format)| *format != Format::Prometheus);
    printed.map(|(word, _)| Candidate::new(word, "")).collect()
}

/// Workloads of the namespace as TYPE/NAME; other kinds are typed by hand.
fn targets(typed: &Typed) -> Vec<Candidate> {
    let namespace = typed.value("namespace");
    let of = |ty: &str, kind: &str| {
        let names = live_names(typed, "apps", kind, namespace).into_iter();
        names.map(|it| Candidate::new(format!("{ty}/{}", it.value), "")).collect::<Vec<_>>()
    };
    [of("deployment", "Deployment"), of("statefulset", "StatefulSet")].concat()
}
