//! Comments in a tree that accept findings: `# mlops-audit:allow CODE reason`.

use crate::finding::Place;
use mlops_shared::object::Sym;
use std::collections::HashMap;

/// The mark of ours, after which a code and a reason stand.
const OWN: &str = "mlops-audit:allow ";
/// Marks of other scanners; they accept credentials only.
const FOREIGN: &[&str] = &["gitleaks:allow", "pragma: allowlist secret"];

/// What a comment accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowed {
    /// A code, or `secret-` for all codes of credentials.
    code: String,
    reason: String,
}

/// The comments of a tree that accept findings, by file and line.
#[derive(Debug, Default)]
pub(crate) struct Inline(HashMap<(Sym, u32), Vec<Allowed>>);

impl Inline {
    /// Reads the comments of a file. One that stands alone is about the line after it.
    pub(super) fn read(&mut self, file: &Sym, text: &str) {
        if !text.contains(OWN) && !FOREIGN.iter().any(|mark| text.contains(mark)) {
            return;
        }
        for (line, content) in (1_u32..).zip(text.lines()) {
            let Some(allowed) = allowed(content) else { continue };
            let is_alone = content.trim_start().starts_with(['#', '/', ';', '<']);
            let line = if is_alone { line.saturating_add(1) } else { line };
            self.0.entry((file.clone(), line)).or_default().push(allowed);
        }
    }

    /// The reason for which a comment accepts a finding.
    pub(crate) fn reason(&self, code: &str, place: Option<&Place>) -> Option<&str> {
        let place = place?;
        let list = self.0.get(&(place.file.clone(), place.line))?;
        let fits = |allowed: &&Allowed| {
            allowed.code == code || (allowed.code.ends_with('-') && code.starts_with(&allowed.code))
        };
        list.iter().find(fits).map(|allowed| allowed.reason.as_str())
    }
}

fn allowed(line: &str) -> Option<Allowed> {
    let after = |mark: &str| {
        let at = line.find(mark)?;
        let is_comment = ["#", "//", ";", "<!--"].iter().any(|start| line[..at].contains(start));
        is_comment.then(|| line[at + mark.len()..].trim().trim_end_matches("-->").trim_end())
    };
    if let Some(rest) = after(OWN) {
        // Without a reason it accepts nothing.
        let (code, reason) = rest.split_once(char::is_whitespace)?;
        return (!reason.trim().is_empty() && !code.ends_with('-'))
            .then(|| Allowed { code: code.to_owned(), reason: reason.trim().chars().take(200).collect() });
    }
    let mark = FOREIGN.iter().find(|mark| after(mark).is_some())?;
    Some(Allowed { code: "secret-".to_owned(), reason: format!("the comment {mark}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_accept_what_they_name_where_they_stand() {
        let mut inline = Inline::default();
        let file = Sym::new("a.yaml");
        inline.read(
            &file,
            "a: b # mlops-audit:allow secret-plaintext a test database\n# mlops-audit:allow img-latest made here\nc: d\ne: f # gitleaks:allow\ng: h # mlops-audit:allow secret-plaintext\ni: mlops-audit:allow secret-plaintext no comment\n<!-- mlops-audit:allow secret-plaintext shown in class -->\nk: l\n",
        );
        let reason =
            |code: &str, line| inline.reason(code, Some(&Place { file: file.clone(), line })).map(str::to_owned);
        assert_eq!(reason("secret-plaintext", 1).as_deref(), Some("a test database"));
        assert_eq!(reason("secret-weak-credential", 1), None);
        assert_eq!(reason("img-latest", 3).as_deref(), Some("made here"));
        assert!(reason("secret-plaintext", 4).is_some() && reason("img-latest", 4).is_none());
        assert_eq!(reason("secret-plaintext", 5), None);
        assert_eq!(reason("secret-plaintext", 6), None);
        assert_eq!(reason("secret-plaintext", 8).as_deref(), Some("shown in class"));
    }
}
