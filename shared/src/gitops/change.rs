//! One change from its place in a tree to a pushed commit.

use super::edit::{Edit, EditError};
use super::locate::{LocateError, Located, Root, Target, locate};
use super::repository::{Checkout, Repository, RepositoryError, Upstream};
use super::tree::{Tree, TreeError};
use crate::cluster::WriteToken;
use serde_json::Value;

/// How often a push is tried when others push too.
const TRIES: u32 = 3;

/// A change that somebody wants.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Of which field of which object.
    pub target: Target<'a>,
    /// Where in the tree one begins.
    pub root: Root<'a>,
    /// What it is to be.
    pub value: &'a Value,
}

/// A change as it would be made, on the files of one commit.
#[derive(Debug)]
pub struct Proposal<'r> {
    checkout: Checkout<'r>,
    /// What sets the field.
    pub located: Located,
    /// The edit.
    pub edit: Edit,
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The commit that holds the value: ours, or that of whoever set the same one meanwhile.
    pub commit: String,
    /// How often it was tried.
    pub tries: u32,
}

/// Why a change was not made. Nothing of it is left, but for a push that is in doubt.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The tree could not be read or written.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// There is no one place.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The place is not edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// git failed, or refused.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Somebody set another value meanwhile.
    #[error("{place} was changed to {now} meanwhile")]
    Changed {
        /// The place.
        place: String,
        /// What is there now.
        now: String,
    },
    /// The permission is one for a dry run.
    #[error("a dry run commits nothing")]
    DryRun,
}

impl ChangeError {
    /// What to do about it, for people.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Locate(error) => error.hints(),
            Self::Repository(error) => error.hints(),
            Self::Edit(_) => vec!["make this change by hand".to_owned()],
            Self::Changed { .. } => vec!["look at what was changed, and run it again".to_owned()],
            Self::Tree(_) | Self::DryRun => Vec::new(),
        }
    }
}

/// Finds the place in the files of a commit, and plans the edit.
///
/// # Errors
/// When there is no one place, or it is not to be edited.
pub fn propose<'r>(repository: &'r Repository, commit: &str, wish: Wish<'_>) -> Result<Proposal<'r>, ChangeError> {
    let checkout = repository.checkout(commit)?;
    let tree = Tree::read(checkout.path())?;
    let located = locate(&tree, wish.target, wish.root)?;
    let edit = Edit::plan(&tree, &located.place, wish.value)?;
    Ok(Proposal { checkout, located, edit })
}

impl Proposal<'_> {
    /// The commit that it was made from.
    pub fn base(&self) -> &str {
        self.checkout.base()
    }

    /// Edits the file and commits it, on no branch.
    ///
    /// # Errors
    /// When it cannot be written, or git or a hook refuses it.
    pub fn commit(&self, token: &WriteToken, message: &str) -> Result<String, ChangeError> {
        if token.is_dry_run() {
            return Err(ChangeError::DryRun);
        }
        self.edit.write(self.checkout.path())?;
        Ok(self.checkout.commit(&self.edit.file, message)?)
    }
}

/// Commits a proposal and pushes it to a branch. When others were faster the edit is made anew on what they pushed, as
/// long as the place still says what the proposal was made from.
///
/// # Errors
/// When it cannot be made, or the remote refuses it.
pub fn push(
    repository: &Repository,
    proposal: Proposal<'_>,
    upstream: &Upstream,
    (token, message): (&WriteToken, &str),
    wish: Wish<'_>,
) -> Result<Pushed, ChangeError> {
    let from = proposal.located.place.text.clone();
    let mut proposal = proposal;
    for tries in 1..=TRIES {
        if proposal.edit.is_nothing() {
            return Ok(Pushed { commit: proposal.base().to_owned(), tries });
        }
        let place = &proposal.located.place;
        if place.text != from {
            return Err(ChangeError::Changed { place: place.name(), now: place.text.clone() });
        }
        let commit = proposal.commit(token, message)?;
        if proposal.checkout.push(&commit, upstream)? {
            return Ok(Pushed { commit, tries });
        }
        let tip = repository.fetch(upstream)?;
        proposal = propose(repository, &tip, wish)?;
    }
    Err(RepositoryError::Race { branch: upstream.name(), tries: TRIES }.into())
}

/// The message of a commit: a subject, why, and what it was made for. Lines that a person or a cluster gave are kept to
/// one.
pub fn message(subject: &str, reason: Option<&str>, facts: &[(&str, &str)]) -> String {
    let one = |text: &str| {
        let text: String = text.chars().map(|it| if it.is_whitespace() { ' ' } else { it }).collect();
        crate::text::line(text.trim()).into_owned()
    };
    let mut message = format!("{}\n", one(subject));
    if let Some(reason) = reason {
        message.push_str(&format!("\n{}\n", one(reason)));
    }
    if !facts.is_empty() {
        message.push('\n');
    }
    for (name, value) in facts {
        message.push_str(&format!("{name}: {}\n", one(value)));
    }
    message
}
