//! Changing one value of a file so that every other byte stays, and proving that before anything is written.

use super::place::Place;
use super::tree::{Tree, TreeError, read_file};
use super::yaml::{models, parse};
use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

/// A change of one value in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file, relative to the tree's root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The line as it is: `replicas: 3 # a comment`. Of a line that holds more than this value, only the value.
    pub before: String,
    /// The same as it will be.
    pub after: String,
    old: String,
    new: String,
}

/// Why a value is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} is not edited: {reason}")]
pub struct EditError {
    /// `apps/web.yaml:7`
    pub place: String,
    /// Why, a lower-case fragment.
    pub reason: String,
}

impl Edit {
    /// Plans to set `value` at a place. A text in quotes stays one; a number in place of a number is one.
    ///
    /// # Errors
    /// When something forbids it, or the file as it would be says anything else than before but for that value.
    pub fn plan(tree: &Tree, place: &Place, value: &Value) -> Result<Self, EditError> {
        let refuse = |reason: String| EditError { place: place.name(), reason };
        if let Some(obstacle) = &place.obstacle {
            return Err(refuse(obstacle.to_string()));
        }
        let old = tree.text(&place.file).ok_or_else(|| refuse("the file is not there".to_owned()))?;
        let mark = old.len() - old.strip_prefix('\u{feff}').unwrap_or(old).len();
        let span = place.span.start + mark..place.span.end + mark;
        let written = old.get(span.clone()).ok_or_else(|| refuse("the place is not in the file".to_owned()))?;
        let fresh = spell(written, value).map_err(refuse)?;
        let new = [&old[..span.start], &fresh, &old[span.end..]].concat();
        prove(&old[mark..], &new[mark..], place, &fresh).map_err(refuse)?;
        Ok(Self {
            file: place.file.clone(),
            line: place.line,
            before: shown(old, &span),
            after: shown(&new, &(span.start..span.start + fresh.len())),
            old: old.to_owned(),
            new,
        })
    }

    /// Whether the value is there already.
    pub fn is_nothing(&self) -> bool {
        self.old == self.new
    }

    /// Writes the file below `root`: aside and renamed, with its mode.
    ///
    /// # Errors
    /// When the file is no longer what the plan was made from, is reached through a link, or cannot be written; then it
    /// is as it was.
    pub fn write(&self, root: &Path) -> Result<(), TreeError> {
        let failed = |reason: String| TreeError::new(self.file.clone(), reason);
        let io = |error: std::io::Error| failed(error.to_string());
        let root = root.canonicalize().map_err(io)?;
        let path = root.join(&self.file);
        let folder = path.parent().ok_or_else(|| failed("no folder".to_owned()))?;
        // A folder that is a link by now leads elsewhere.
        if folder.canonicalize().map_err(io)? != *folder {
            return Err(failed("it is reached through a symbolic link".to_owned()));
        }
        if read_file(&path).map_err(failed)? != self.old {
            return Err(failed("it has changed since it was read".to_owned()));
        }
        let permissions = fs::metadata(&path).map_err(io)?.permissions();
        let mut aside = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        aside.write_all(self.new.as_bytes()).map_err(io)?;
        aside.as_file().set_permissions(permissions).map_err(io)?;
        aside.as_file().sync_all().map_err(io)?;
        aside.persist(&path).map_err(|error| io(error.error))?;
        Ok(())
    }
}

/// The line of a value, as far as nothing else stands on it: what else is there may be a credential.
fn shown(text: &str, span: &Range<usize>) -> String {
    let start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |end| span.end + end);
    let (before, after) = (text[start..span.start].trim(), text[span.end..end].trim());
    let key = before.trim_start_matches("- ").trim_end_matches(':').trim_matches('"');
    let is_key = key.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.'));
    match is_key && (after.is_empty() || after.starts_with('#')) {
        true => text[start..end].trim().to_owned(),
        false => format!("… {} …", &text[span.clone()]),
    }
}

/// A value in the form of what stands there: quotes stay, a number stays a number.
fn spell(written: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return Err("only single values are set".to_owned()),
    };
    if text.chars().any(char::is_control) {
        return Err("the new value has control characters".to_owned());
    }
    match written.chars().next() {
        Some('"') => Ok(Value::String(text).to_string()),
        Some('\'') => Ok(format!("'{}'", text.replace('\'', "''"))),
        _ if !value.is_string() => Ok(text),
        // A text without quotes stays so where it reads as the same text everywhere.
        _ => {
            let is_word = text.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '_' | '/'));
            // YAML 1.1, which some tools of the field read still, knows more words for true and false.
            let is_truth = ["y", "n", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
            let is_same =
                is_word && !is_truth && models(&text).is_ok_and(|models| models == [Value::String(text.clone())]);
            Ok(if is_same { text } else { Value::String(text).to_string() })
        }
    }
}

/// Checks that the new text says what the old one says, but for the value at the place; that the comments are the same;
/// and that one line differs.
fn prove(old: &str, new: &str, place: &Place, fresh: &str) -> Result<(), String> {
    let (mut expected, got) = (models(old)?, models(new).map_err(|reason| format!("it would be no YAML: {reason}"))?);
    let (old_parsed, new_parsed) = (parse(old), parse(new));
    // Models are of documents that say something.
    let at = old_parsed.documents.iter().take(place.document).filter(|it| !it.node.is_null()).count();
    let document = expected.get_mut(at).ok_or("its documents are counted in two ways")?;
    let value = document.pointer_mut(&place.pointer).ok_or("the parsers do not agree on where it is")?;
    *value = match &place.inner {
        None => scalar(fresh)?,
        Some(range) => Value::String(spliced(value, range, fresh)?),
    };
    if expected != got {
        return Err("the file would say something else besides".to_owned());
    }
    if old_parsed.comments != new_parsed.comments || new_parsed.broken.is_some() {
        return Err("a comment would change".to_owned());
    }
    let mut numbers = old.split('\n').zip(new.split('\n')).enumerate().filter(|(_, (old, new))| old != new);
    let changed = numbers.next().map(|(number, _)| number + 1);
    if numbers.next().is_some() || old.matches('\n').count() != new.matches('\n').count() {
        return Err("more than one line would change".to_owned());
    }
    match changed {
        Some(line) if line != place.line => Err(format!("line {line} would change")),
        _ => Ok(()),
    }
}

/// The text of an inline patch with the value set; the patch must still be one.
fn spliced(value: &Value, range: &Range<usize>, fresh: &str) -> Result<String, String> {
    let text = value.as_str().ok_or("the parsers do not agree on the patch")?;
    let (Some(before), Some(after)) = (text.get(..range.start), text.get(range.end..)) else {
        return Err("the parsers do not agree on the patch".to_owned());
    };
    let spliced = [before, fresh, after].concat();
    models(&spliced).map_err(|reason| format!("the patch would be no YAML: {reason}"))?;
    Ok(spliced)
}

/// What a scalar means.
fn scalar(text: &str) -> Result<Value, String> {
    let is_one = Parser::new_from_str(text).filter_map(Result::ok).filter(|(event, _)| {
        matches!(event, Event::Scalar(_, style, ..) if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded))
    });
    if is_one.count() != 1 {
        return Err("the new value is no single value".to_owned());
    }
    models(text)?.pop().ok_or_else(|| "the new value is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::place::SetBy;
    use super::*;

    fn place(span: Range<usize>, line: usize) -> Place {
        let text = |text: &str| text.to_owned();
        Place {
            file: text("a.yaml"),
            line,
            document: 0,
            pointer: text("/replicas"),
            by: SetBy::Manifest,
            text: text("3"),
            obstacle: None,
            span,
            inner: None,
        }
    }

    #[test]
    fn a_change_of_anything_else_is_noticed() {
        let old = "a: 1\nreplicas: 3 # c\nb: {x: 1}\n";
        let proven = |new: &str, line: usize| prove(old, new, &place(15..16, line), "5");
        assert_eq!(proven("a: 1\nreplicas: 5 # c\nb: {x: 1}\n", 2), Ok(()));
        for (new, why) in [
            ("a: 1\nreplicas: 5 # c\nb: {x: 2}\n", "something else"),
            ("a: 1\nreplicas: 6 # c\nb: {x: 1}\n", "something else"),
            ("a: 1\nreplicas: 5 # d\nb: {x: 1}\n", "a comment"),
            ("a:  1\nreplicas: 5 # c\nb: {x: 1}\n", "more than one line"),
            ("a: 1\nreplicas: 5 # c\nb: {x: 1}\n\n", "more than one line"),
            ("a: 1\nreplicas: [5 # c\nb: {x: 1}\n", "no YAML"),
        ] {
            assert!(proven(new, 2).is_err_and(|told| told.contains(why)), "{new}");
        }
        assert!(proven("a: 1\nreplicas: 5 # c\nb: {x: 1}\n", 3).is_err_and(|told| told.contains("line 2")));
    }

    #[test]
    fn what_else_stands_on_the_line_is_not_shown() {
        let show = |text: &str| shown(text, &(text.find('3').map_or(0..0, |at| at..at + 1)));
        assert_eq!(show("a: 1\n  replicas: 3 # three\n"), "replicas: 3 # three");
        assert_eq!(show("  - value: 3\r\n"), "- value: 3");
        assert_eq!(show("\"replicas\": 3"), "\"replicas\": 3");
        for line in ["{password: CANARY, replicas: 3}", "{replicas: 3, password: CANARY}", "password: CANARY, x: 3"] {
            assert_eq!(show(line), "… 3 …", "{line}");
        }
    }
}
