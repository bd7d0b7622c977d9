//! Why a program could not be run, or did not do what it was asked.

use super::tail::quoted;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What went wrong with another program. Its own text is safe to print; credentials in addresses are left out.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// There is no such program in the folders that were searched.
    #[error("{name} was not found{}", searched(.folders))]
    NotFound {
        /// The name that was looked for.
        name: String,
        /// Where.
        folders: Vec<PathBuf>,
    },
    /// It is there and could not be started, or its streams could not be read.
    #[error("{program} could not be run: {error}")]
    Start {
        /// What was to run: the program and its first word.
        program: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It did not end in time and was killed.
    #[error("{program} did not end within {}s and was stopped{}", .limit.as_secs_f32(), quoted(.stderr))]
    TimedOut {
        /// What ran.
        program: String,
        /// The limit.
        limit: Duration,
        /// The last lines of its standard error.
        stderr: Vec<String>,
    },
    /// It printed more than anybody asked for and was stopped: half an answer is no answer.
    #[error("{program} printed more than {limit} bytes and was stopped")]
    TooMuch {
        /// What ran.
        program: String,
        /// The most bytes of its standard output.
        limit: usize,
    },
    /// It ended with another code than 0.
    #[error("{program} failed with exit code {code}{}", quoted(.stderr))]
    Failed {
        /// What ran.
        program: String,
        /// Its exit code.
        code: i32,
        /// The last lines of its standard error.
        stderr: Vec<String>,
    },
    /// A signal ended it.
    #[error("{program} was ended by a signal{}", quoted(.stderr))]
    Signalled {
        /// What ran.
        program: String,
        /// The last lines of its standard error.
        stderr: Vec<String>,
    },
}

/// Programs that the suite may need, and where each is explained.
const INSTALL: &[(&str, &str)] = &[
    ("flux", "https://fluxcd.io/flux/installation/"),
    ("helm", "https://helm.sh/docs/intro/install/"),
    ("git", "https://git-scm.com/downloads"),
    ("kubectl", "https://kubernetes.io/docs/tasks/tools/"),
];

impl ToolError {
    /// What to do about it, for people.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { name, .. } => match INSTALL.iter().find(|(known, _)| known == name) {
                Some((_, page)) => vec![format!("install {name} and put it on PATH: {page}")],
                None => vec![format!("put {name} on PATH, or beside the program that runs it")],
            },
            Self::Start { error, .. } if error.kind() == std::io::ErrorKind::PermissionDenied => {
                vec!["is the file executable, and built for this machine?".to_owned()]
            }
            Self::TimedOut { .. } => vec!["is it waiting for an answer, or for the network?".to_owned()],
            _ => Vec::new(),
        }
    }
}

fn searched(folders: &[PathBuf]) -> String {
    const NAMED: usize = 6;
    if folders.is_empty() {
        return ": no folder to search (is PATH set?)".to_owned();
    }
    let names: Vec<_> = folders.iter().take(NAMED).map(|folder| folder.display().to_string()).collect();
    let rest = folders.len().saturating_sub(NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    crate::text::line(&format!(" in {}{more}", names.join(", "))).into_owned()
}

/// The program's name and the first argument that is no flag and no path: enough to know what ran, and no place for
/// a secret.
pub(super) fn spoken(program: &str, arguments: &[OsString]) -> String {
    let word = arguments.first().and_then(|first| first.to_str()).filter(|first| {
        first.len() <= 32 && first.chars().all(|character| character.is_ascii_lowercase() || character == '-')
    });
    match word.filter(|word| !word.starts_with('-')) {
        Some(word) => format!("{} {word}", crate::text::line(program)),
        None => crate::text::line(program).into_owned(),
    }
}
