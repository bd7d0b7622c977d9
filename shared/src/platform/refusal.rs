//! Why a platform file is refused, in words: the line, the field, and the name that was probably meant.

use crate::text;
use serde_saphyr::Error;

/// Names that are listed where none of them looks like what was written.
const LISTED: usize = 20;

/// One line that says where the file is wrong and in which field. A platform file holds no secret,
/// so what stands there may be quoted.
pub(super) fn describe(file: &str, error: &Error) -> String {
    let error = error.without_snippet();
    let what = match error {
        Error::Eof { .. } if file.trim().is_empty() => return "the file is empty".to_owned(),
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("there is no field `{field}`{}", meant(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is not one of its values{}", meant(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => format!("the field `{field}` is missing"),
        // Its own words begin with the place, which stands in front already.
        other => {
            let words = other.to_string();
            let words = words.strip_prefix("error: ").unwrap_or(&words);
            let after_place = words.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
            after_place.map_or(words, |(_, rest)| rest).to_owned()
        }
    };
    let Some(place) = error.location().filter(|place| place.line() > 0) else { return what };
    let is_missing = matches!(error, Error::SerdeMissingField { .. });
    let field = if is_missing { None } else { field_of(file, place.line()) };
    let field = field.map_or_else(String::new, |field| format!(" ({field})"));
    format!("line {} column {}{field}: {what}", place.line(), place.column())
}

fn meant(word: &str, names: &[&'static str]) -> String {
    match text::nearest(word, names.iter().copied()) {
        Some(name) => format!("; did you mean `{name}`?"),
        None if names.is_empty() || names.len() > LISTED => String::new(),
        None => format!("; there are {}", names.join(", ")),
    }
}

/// The field that a line of the file begins with.
fn field_of(file: &str, line: u64) -> Option<&str> {
    let line = file.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let (field, _) = line.trim_start_matches(['-', ' ']).split_once(':')?;
    let is_field = !field.is_empty() && field.chars().all(|letter| letter.is_ascii_alphanumeric());
    is_field.then_some(field)
}
