//! One change, as `--watch -o json` prints it: one document a line.
//!
//! The form is stable (`apiVersion: mlops/v1`): adding a field or a type is fine, changing one is a
//! new version. Texts are as the cluster wrote them, with unsafe characters as JSON escapes.

use mlops_shared::report::{API_VERSION, Level, ObjectId, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventType {
    /// The state at the first look: `to` and `summary`. A `cause-appeared` for every cause follows.
    State,
    /// An object's verdict changed. Without `from` the object is new, without `to` it is gone.
    Changed,
    /// An object has become a root cause, or a cause has become more or less urgent.
    CauseAppeared,
    /// An object is a root cause no more; `to` is its verdict now, and `cause` what explains it if
    /// it is still not well.
    CauseCleared,
    /// Kinds can no longer be read: what was known of them is kept and may be old.
    KindsUnread,
    /// Kinds are read again.
    KindsRead,
    /// The cluster does not answer: nothing is known of it since `since`.
    Stale,
    /// The cluster answers again; changes meanwhile follow.
    Current,
}

/// One change of a cluster's health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthEvent {
    /// `mlops/v1`
    pub api_version: String,
    /// `HealthEvent`
    pub kind: String,
    /// When it was seen, RFC 3339; it happened since the look before.
    pub time: String,
    /// The kubeconfig context.
    pub cluster: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event: EventType,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectId>,
    /// The verdict before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Level>,
    /// The verdict now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Level>,
    /// The kind of finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Since when it is so, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The root cause that explains the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<ObjectId>,
    /// How many findings a cause explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explains: Option<usize>,
    /// Counts, of the state at the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

impl HealthEvent {
    /// An event that says nothing yet.
    pub(super) fn new(event: EventType, cluster: &str, time: &str) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "HealthEvent".to_owned(),
            time: time.to_owned(),
            cluster: cluster.to_owned(),
            event,
            object: None,
            from: None,
            to: None,
            code: None,
            message: String::new(),
            since: None,
            cause: None,
            explains: None,
            summary: None,
        }
    }

    /// Whether it is printed: changes of an object or cause only from or to a level at or above `show`.
    pub(crate) fn is_shown(&self, show: Level) -> bool {
        let reaches = |level: Option<Level>| level.is_some_and(|level| level >= show);
        match self.event {
            EventType::Changed | EventType::CauseAppeared | EventType::CauseCleared => {
                reaches(self.from) || reaches(self.to)
            }
            _ => true,
        }
    }

    /// Whether lines for people hold it: a change of an object that the same look names as a cause
    /// that came or went is one line, not two.
    pub(crate) fn is_told<'a>(&self, mut look: impl Iterator<Item = &'a Self>) -> bool {
        self.event != EventType::Changed
            || !look.any(|other| {
                matches!(other.event, EventType::CauseAppeared | EventType::CauseCleared) && other.object == self.object
            })
    }

    /// The document on one line.
    pub(crate) fn json(&self) -> Result<String, String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())?;
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            if mlops_shared::text::is_unsafe(character) {
                let mut units = [0; 2];
                // Inside of strings only: the structure of JSON is ASCII, and serde_json escapes control characters.
                for unit in character.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                out.push(character);
            }
        }
        Ok(out)
    }
}
