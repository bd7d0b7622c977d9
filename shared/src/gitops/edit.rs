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
    /// The line as it is, and as it will be, line end excluded.
    pub before: String,
    /// The same afterwards.
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
        let line = |text: &str, at: usize| {
            let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
            text[start..end].trim_end_matches('\r').to_owned()
        };
        Ok(Self {
            file: place.file.clone(),
            line: place.line,
            before: line(old, span.start),
            after: line(&new, span.start),
            old: old.to_owned(),
            new,
        })
    }

    /// Whether the value is there already.
    pub fn is_nothing(&self) -> bool {
        self.old == self.new
    }

    /// The change in unified form, with the lines around it; as the file has them, not made safe to print.
    pub fn diff(&self) -> String {
        const AROUND: usize = 3;
        let lines: Vec<&str> = self.old.lines().collect();
        let at = self.line.saturating_sub(1);
        let (from, to) = (at.saturating_sub(AROUND), (at + AROUND + 1).min(lines.len()));
        let count = to - from;
        let mut diff = format!("--- a/{0}\n+++ b/{0}\n@@ -{1},{count} +{1},{count} @@\n", self.file, from + 1);
        for (index, line) in lines.iter().enumerate().take(to).skip(from) {
            if index == at {
                diff.push_str(&format!("-{}\n+{}\n", self.before, self.after));
            } else {
                diff.push_str(&format!(" {line}\n"));
            }
        }
        diff
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
