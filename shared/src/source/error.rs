//! Why a file could not be read.

use crate::archive::ArchiveError;
use std::io;

/// Why a file, a folder or a stream could not be read. The messages name the file and the place in
/// it, never what stands there: it may be a Secret.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The path is not there or may not be opened.
    #[error("failed to open {path}: {reason}")]
    Open {
        /// The path as it was given.
        path: String,
        /// The system's words.
        reason: io::Error,
    },
    /// The path is neither a regular file nor a folder.
    #[error("{0} is neither a file nor a folder (symbolic links are not followed)")]
    NotAFile(String),
    /// The content is not what it should be.
    #[error("failed to read {path}: {reason}")]
    Content {
        /// The path, with the entry's name when it is an archive.
        path: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A backup archive that does not open, or is not whole.
    #[error("failed to read {path}: {reason}")]
    Archive {
        /// The path.
        path: String,
        /// Why not.
        reason: ArchiveError,
    },
    /// A limit was reached.
    #[error("{path} is larger than {limit}")]
    TooLarge {
        /// The path.
        path: String,
        /// The limit in words.
        limit: String,
    },
    /// Nothing in it is an object of Kubernetes.
    #[error("{0} holds no Kubernetes object")]
    Empty(String),
}

impl SourceError {
    /// What would help.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Empty(_) | Self::Content { .. } => vec![
                "a source is a folder, file or stream of manifests, `kubectl get … -o json`, a `kubectl cluster-info dump --all-namespaces --output-directory=DIR` a support bundle (.tar.gz) or an archive of `kubectl mlops backup`".to_owned(),
            ],
            Self::Archive { reason, .. } => reason.hints(),
            Self::TooLarge { .. } => vec!["read it in parts, or as JSON, which is read object by object".to_owned()],
            Self::NotAFile(_) => vec!["give the path that the link points to".to_owned()],
            Self::Open { path, .. } if path.starts_with("s3://") => {
                vec![format!("hand it on: kubectl mlops backup show {path} --stream | kubectl mlops … --from -")]
            }
            Self::Open { .. } => Vec::new(),
        }
    }
}
