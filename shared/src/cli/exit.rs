//! Exit codes, the same in every plugin.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything that was asked for was checked, and nothing is at or above the threshold.
    Clean,
    /// Findings at or above the threshold; a write that did not reach its goal.
    Findings,
    /// Wrong usage, or a broken input file.
    Usage,
    /// Could not check, or only in part, and nothing worse was found in what was checked.
    Unchecked,
    /// Interrupted by the person.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Unchecked => 3,
            Self::Interrupted => 130,
        }
    }

    /// The exit of a check: findings win over partial coverage.
    pub const fn of_check(has_findings: bool, is_partial: bool) -> Self {
        match (has_findings, is_partial) {
            (true, _) => Self::Findings,
            (false, true) => Self::Unchecked,
            (false, false) => Self::Clean,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_win_over_partial_coverage() {
        assert_eq!(Exit::of_check(true, true).code(), 1);
        assert_eq!(Exit::of_check(false, true).code(), 3);
        assert_eq!(Exit::of_check(false, false).code(), 0);
    }
}
