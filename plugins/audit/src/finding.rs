//! A finding: what is wrong with which object, where in it, and how much it matters.

use crate::severity::Severity;
use mlops_shared::object::{ObjectRef, Sym};
use mlops_shared::report::Code;
use ring::digest::{Context, SHA256};

/// A file and a line (from 1) that something was read from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The path, relative to the tree that was scanned.
    pub file: Sym,
    /// The line; 0 where it is not known.
    pub line: u32,
}

/// What is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The kind of finding.
    pub code: &'static Code,
    /// How much it matters here.
    pub severity: Severity,
    /// The object that it is about; of pods the top controller. Without a name it is about a file.
    pub object: ObjectRef,
    /// The API version of that object; empty where it is not known.
    pub api_version: Sym,
    /// Where in the object: a field path such as `spec.containers[kafka].image`, or any other word that
    /// tells two findings of one code about one object apart. Empty for the object as a whole.
    pub path: String,
    /// Where it stands in a file.
    pub place: Option<Place>,
    /// One line for people, with the numbers. Never holds the value of a Secret. Not made safe to print.
    pub message: String,
    /// Further lines that support it.
    pub evidence: Vec<String>,
    /// A command that shows or mends it; never one that shows a Secret's value.
    pub command: Option<String>,
}

impl Finding {
    /// A finding about an object as a whole.
    pub fn new(code: &'static Code, severity: Severity, object: ObjectRef, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            object,
            api_version: Sym::default(),
            path: String::new(),
            place: None,
            message: message.into(),
            evidence: Vec::new(),
            command: None,
        }
    }

    /// Where in the object.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Where in a file.
    #[must_use]
    pub fn placed(mut self, place: Option<Place>) -> Self {
        self.place = place.or(self.place);
        self
    }

    /// Adds a supporting line.
    #[must_use]
    pub fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// The command that shows or mends it.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// What stays the same of a finding from run to run: its code, its object and the place in it, or
    /// for something in no object the file. Neither lines, versions nor values are part of it. 32
    /// hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let file = self.place.as_ref().filter(|_| self.object.name.is_empty()).map(|place| place.file.as_str());
        let parts = [
            self.code.id,
            &self.object.group,
            &self.object.kind,
            &self.object.namespace,
            &self.object.name,
            file.unwrap_or_default(),
            &self.path,
        ];
        let mut digest = Context::new(&SHA256);
        for part in parts {
            digest.update(part.as_bytes());
            digest.update(&[0]);
        }
        digest.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CODE;

    #[test]
    fn the_fingerprint_is_of_what_stays() {
        let one = || Finding::new(&CODE, Severity::High, ObjectRef::new("", "Pod", "n", "p"), "1 of 2").at("spec");
        let place = |line| Some(Place { file: "a.yaml".into(), line });
        assert_eq!(one().fingerprint(), Finding { message: "2 of 3".into(), ..one() }.fingerprint());
        assert_eq!(one().placed(place(1)).fingerprint(), one().placed(place(9)).fingerprint());
        assert_ne!(one().fingerprint(), one().at("status").fingerprint());
        let other = Finding { object: ObjectRef::new("", "Pod", "np", ""), ..one() };
        assert_ne!(one().fingerprint(), other.fingerprint());
        assert_eq!(one().fingerprint().len(), 32);
    }
}
