//! What the answers on rights have in common: whose view they are, and what could not be read for them.

use jiff::Timestamp;
use mlops_shared::health::coverage;
use mlops_shared::object::{Section, SectionState};
use mlops_shared::report::document::{Document, Line};
use mlops_shared::report::{API_VERSION, Coverage, Detail, Level, View, gaps};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const RBAC: &str = "rbac.authorization.k8s.io";

/// What every answer is made from: group and kind.
pub(super) const ROLES_AND_BINDINGS: &[(&str, &str)] =
    &[(RBAC, "ClusterRole"), (RBAC, "ClusterRoleBinding"), (RBAC, "Role"), (RBAC, "RoleBinding")];

/// The part that every answer has.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Basis {
    /// `mlops/v1`
    api_version: String,
    /// The kind of answer.
    kind: String,
    /// The instant of the answer, RFC 3339.
    generated_at: String,
    /// The version of the tool.
    tool_version: String,
    /// Whose view this is.
    pub(super) view: View,
    /// Whether something that the answer needs could not be read: there may be more than it says.
    pub(super) partial: bool,
    /// Every kind that was read, or was not.
    coverage: Vec<Coverage>,
    /// Things to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

/// What was read for an answer.
#[derive(Debug)]
pub(super) struct Read<'a> {
    pub(super) sections: &'a [Section],
    pub(super) view: View,
    pub(super) notes: Vec<String>,
    pub(super) gaps: Vec<String>,
    /// The namespaces that were asked for; none is all.
    pub(super) namespaces: &'a [String],
    pub(super) now: Timestamp,
}

impl Basis {
    /// For an answer of this kind that needs these kinds of objects, each named by group and kind.
    pub(super) fn new(kind: &str, read: Read<'_>, needs: &[(&str, &str)]) -> Self {
        let is_live = read.view.source == "cluster";
        let missing: Vec<String> = needs.iter().filter_map(|need| missing(*need, &read, is_live)).collect();
        let partial = !missing.is_empty() || !read.gaps.is_empty();
        let mut notes = read.notes;
        notes.extend(missing.iter().chain(&read.gaps).map(|gap| format!("not read: {gap}")));
        Self {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            generated_at: read.now.to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            view: read.view,
            partial,
            coverage: coverage(read.sections),
            notes,
        }
    }

    /// The headline of the answer, marked as unknown where there may be more.
    pub(super) fn headline<'a>(&self, text: String) -> Line<'a> {
        if self.partial {
            Line::marked(Level::Unknown, format!("{text}; PARTIAL: not everything could be read"))
        } else {
            Line::plain(text)
        }
    }

    /// What could not be read, and the notes.
    pub(super) fn finish<'a>(&'a self, detail: &Detail, document: &mut Document<'a>) {
        gaps(&self.coverage, false, detail, document);
        for note in &self.notes {
            document.line(Line::plain(format!("note: {note}")));
        }
    }
}

/// Why a kind that an answer needs is not known whole. A live cluster serves roles and bindings always; of files
/// what they do not hold was not asked for.
fn missing((group, kind): (&str, &str), read: &Read<'_>, is_live: bool) -> Option<String> {
    let of = |wanted: &str| read.sections.iter().find(|section| &*section.group == group && &*section.kind == wanted);
    let reason = match of(kind).or_else(|| of("*")).map(|section| &section.state) {
        Some(SectionState::Read(_)) => return None,
        Some(SectionState::Partly(namespaces, _, why)) => {
            let has = |wanted: &String| namespaces.iter().any(|read| read.as_str() == wanted);
            if !read.namespaces.is_empty() && read.namespaces.iter().all(has) {
                return None;
            }
            why.to_string()
        }
        // Also what lies outside the namespaces that were asked for is needed: a RoleBinding gives ClusterRoles.
        Some(SectionState::Unread(why)) if is_live && group == RBAC || why.is_gap() => why.to_string(),
        Some(SectionState::Unread(_)) => return None,
        None if is_live && group == RBAC => "the API server does not name it".to_owned(),
        None => return None,
    };
    Some(format!("{kind}: {reason}"))
}
