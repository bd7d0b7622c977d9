//! The stable forms, JSON and YAML.

use serde::Serialize;

/// Any report as JSON.
///
/// # Errors
/// The serialiser's words.
pub(super) fn json(report: &impl Serialize) -> Result<String, String> {
    let mut text = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}

/// Any report as YAML.
///
/// # Errors
/// The serialiser's words.
pub(super) fn yaml(report: &impl Serialize) -> Result<String, String> {
    // Through JSON's value, so that both forms agree field by field.
    let value = serde_json::to_value(report).map_err(|error| error.to_string())?;
    serde_saphyr::to_string(&value).map_err(|error| error.to_string())
}
