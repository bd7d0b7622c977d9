//! One line of an archive's index.

use super::{Class, Digest, Place};
use serde::Deserialize;
use std::io::{self, Write};

/// An object of an archive, as its index names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands (see [`Place`]).
    pub path: Box<str>,
    /// Of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u32,
    /// Who would make it again.
    pub class: Class,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    path: std::borrow::Cow<'a, str>,
    sha256: std::borrow::Cow<'a, str>,
    bytes: u32,
    class: Class,
}

impl Entry {
    /// Writes its line.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        // A path has no character that JSON escapes (see `Place`), nor has any of the others.
        let Self { path, digest, bytes, class } = self;
        let class = class.word();
        writeln!(out, r#"{{"path":"{path}","sha256":"{digest}","bytes":{bytes},"class":"{class}"}}"#)
    }

    /// Reads a line, without its end; `None` where it is none.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        Place::parse(&line.path)?;
        Some(Self {
            path: line.path.into_owned().into_boxed_str(),
            digest: Digest::parse(&line.sha256)?,
            bytes: line.bytes,
            class: line.class,
        })
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        // Made by a place, or checked when it was read.
        Place::parse(&self.path).unwrap_or_else(|| Place {
            group: String::new(),
            resource: String::new(),
            namespace: String::new(),
            name: self.path.to_string(),
        })
    }
}
