//! Why an archive could not be read.

use std::io;

/// The place that an archive lies in did not give it; nothing is said about the archive by that. Readers return it
/// within an error of their stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unread {
    /// What failed.
    pub message: String,
    /// What would help.
    pub hints: Vec<String>,
    /// Whether somebody interrupted it.
    pub is_interrupted: bool,
}

/// Why an archive could not be read. The messages hold nothing of what stands in it but entry names.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is encrypted, and no identity was given.
    #[error("it is encrypted, and no identity was given")]
    Locked,
    /// It is encrypted to others.
    #[error("it is encrypted, and none of the identities opens it")]
    WrongIdentity,
    /// An identity, or a file of them, that is none.
    #[error("{path} holds no identity: {reason}")]
    Identity {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The stream is cut or was changed.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It is not what this tool writes, though nothing of it changed on the way.
    #[error("it is no backup archive: {0}")]
    Foreign(String),
    /// It was written by a later version of the tool.
    #[error("it has format {0}, and this tool reads format {1}")]
    Newer(u32, u32),
    /// A limit was reached.
    #[error("it is refused: {0}")]
    TooLarge(String),
    /// The place that it lies in did not give it.
    #[error(transparent)]
    Unread(Unread),
    /// Whoever reads it stopped.
    #[error("{0}")]
    Stopped(String),
}

impl ArchiveError {
    /// What would help.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Locked => "give the file that opens it: --identity FILE (an age or SSH key)",
            Self::WrongIdentity => "give the identity of one of its recipients: --identity FILE",
            Self::Identity { .. } => {
                "an identity is a file with a line AGE-SECRET-KEY-1…, or an SSH private key without a passphrase"
            }
            Self::Damaged(_) => "take another copy of it, or the backup before; `kubectl mlops backup list` names them",
            Self::Foreign(_) => "`kubectl mlops backup create` writes archives",
            Self::Newer(..) => "read it with a newer version of the tool",
            Self::TooLarge(_) => "did it come from you? its manifest and its content do not look like a backup",
            Self::Unread(unread) => return unread.hints.clone(),
            Self::Stopped(_) => return Vec::new(),
        };
        vec![hint.to_owned()]
    }

    /// From an error of the streams below.
    pub(super) fn of_io(error: &io::Error) -> Self {
        if let Some(unread) = error.get_ref().and_then(|inner| inner.downcast_ref::<Unread>()) {
            return Self::Unread(unread.clone());
        }
        // What the layers say may be several lines of somebody else's wording.
        let text: String = error.to_string().lines().next().unwrap_or_default().chars().take(200).collect();
        match text.strip_prefix(super::read::LIMIT) {
            Some(limit) => Self::TooLarge(limit.to_owned()),
            None => Self::Damaged(text),
        }
    }
}
