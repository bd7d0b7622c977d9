//! YAML as the values that Kubernetes reads in it, document by document, within budgets for nesting, aliases and size.

use serde_json::Value;
use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;
use std::io::Read;

/// Nodes of one document; a `kubectl get -o yaml` of some thousand pods fits.
const NODES: usize = 3_000_000;

/// The documents of a stream of at most so many bytes, empty ones as `null`. Errors may quote what stands there: see
/// [`describe`].
pub(crate) fn documents<R: Read>(input: &mut R, bytes: usize) -> impl Iterator<Item = Result<Value, Error>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: Some(bytes),
            max_nodes: NODES,
            max_events: NODES * 2,
            max_total_scalar_bytes: bytes,
            max_documents: 100_000,
        },
        // Kubernetes reads `y`, `n`, `on` as strings unless a field is boolean; so must we.
        strict_booleans: true,
        // A snippet of the source in an error could be a Secret.
        with_snippet: false,
    };
    serde_saphyr::read_with_options::<_, Value>(input, options)
}

/// What is wrong and where, for people and without the content.
pub(crate) fn describe(error: &Error) -> String {
    match error.without_snippet() {
        Error::DuplicateMappingKey { location, .. } => format!(
            "a key stands twice in one mapping at line {} column {}; is a `---` missing between two documents?",
            location.line(),
            location.column()
        ),
        Error::AliasError { error, .. } if matches!(**error, Error::Budget { .. }) => describe(error),
        Error::Budget { breach, location } => {
            format!("{} at line {} column {}", limit(breach), location.line(), location.column())
        }
        Error::IOError { cause } if cause.kind() == std::io::ErrorKind::InvalidData => {
            format!("neither YAML nor JSON: {cause}")
        }
        Error::IOError { cause } => cause.to_string(),
        Error::InvalidUtf8Input => "neither YAML nor JSON: not UTF-8".to_owned(),
        other => other.to_string(),
    }
}

/// Which limit a document broke, in words: the parser's own message is the Debug form of its counters.
fn limit(breach: &BudgetBreach) -> &'static str {
    match breach {
        BudgetBreach::Depth { .. } => "nested too deeply",
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::MergeKeys { .. } => "too many anchors and aliases",
        BudgetBreach::Documents { .. } => "too many documents",
        _ => "too large once its aliases are replaced",
    }
}
