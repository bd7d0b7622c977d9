//! A verdict: the level of one object, why, since when, and what it points at.

use super::{Code, Level};
use crate::object::ObjectRef;
use jiff::Timestamp;
use std::borrow::Cow;

/// What is thought of one object, and why.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// How it is.
    pub level: Level,
    /// Which kind of finding this is.
    pub code: &'static Code,
    /// One line for people, with the numbers. Not made safe to print: it may quote the cluster.
    pub message: Cow<'static, str>,
    /// Since when it is so, where somebody knows.
    pub since: Option<Timestamp>,
    /// Further lines that support it: events, exit codes, conditions.
    pub evidence: Vec<String>,
    /// Objects whose state explains this one; the cause graph follows them.
    pub blames: Vec<ObjectRef>,
    /// The command that looks further, when there is a better one than `kubectl describe`.
    pub command: Option<String>,
    /// Lesser findings about the same object.
    pub more: Vec<Verdict>,
}

impl Verdict {
    /// A verdict of any level.
    pub fn new(level: Level, code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            level,
            code,
            message: message.into(),
            since: None,
            evidence: Vec::new(),
            blames: Vec::new(),
            command: None,
            more: Vec::new(),
        }
    }

    /// It is as it should be.
    pub fn ok(code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Level::Ok, code, message)
    }

    /// It works, but.
    pub fn warn(code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Level::Warn, code, message)
    }

    /// It is broken.
    pub fn fail(code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Level::Fail, code, message)
    }

    /// It is on its way.
    pub fn progressing(code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Level::Progressing, code, message)
    }

    /// It is held on purpose.
    pub fn suspended(code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Level::Suspended, code, message)
    }

    /// Nobody can tell.
    pub fn unknown(code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Level::Unknown, code, message)
    }

    /// Since when it is so; an absent time changes nothing.
    #[must_use]
    pub fn since(mut self, time: Option<Timestamp>) -> Self {
        self.since = time.or(self.since);
        self
    }

    /// Adds a supporting line.
    #[must_use]
    pub fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// Names an object whose state explains this one.
    #[must_use]
    pub fn blame(mut self, cause: ObjectRef) -> Self {
        if !self.blames.contains(&cause) {
            self.blames.push(cause);
        }
        self
    }

    /// The command that looks further.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Joins two findings about the same object: the more urgent one leads, the other one is kept
    /// below it unless it says that all is well.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (mut head, rest) = if other.level > self.level { (other, self) } else { (self, other) };
        if rest.level > Level::Ok {
            let mut rest = rest;
            head.more.append(&mut rest.more);
            head.more.push(rest);
        } else {
            head.more.extend(rest.more);
        }
        head
    }

    /// The most urgent level among this finding and the lesser ones.
    pub fn worst_level(&self) -> Level {
        self.more.iter().map(|more| more.level).fold(self.level, Level::max)
    }

    /// Whether all is well.
    pub fn is_ok(&self) -> bool {
        self.level == Level::Ok
    }
}
