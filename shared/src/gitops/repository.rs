//! A Git repository, through the `git` program: what is configured there (credentials, hooks, signing, remotes) holds.
//!
//! Nothing here touches the files, the index or the branch that somebody works on. Work is done in a worktree of its
//! own, in a temporary folder.

use crate::text;
use crate::tools::{Call, Output, Program, ToolError};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Variables that would lead git to another repository, index or configuration than those of the folder.
const MISLEADING: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_SHALLOW_FILE",
];

/// Why the repository is of no use, or something in it failed.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// git failed, or is not there.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The folder is in no repository.
    #[error("{0} is in no Git repository")]
    None(String),
    /// It has no files.
    #[error("{0} is a bare repository, without files to edit")]
    Bare(String),
    /// It has no commit.
    #[error("{0} has no commit yet")]
    Empty(String),
    /// There is no remote of that name, or none that fits.
    #[error("{0}")]
    Remote(String),
    /// The commit is not what was planned.
    #[error("the commit is not what was planned: {0}; it was dropped")]
    Hook(String),
    /// The remote's branch was changed each time that something was pushed.
    #[error("{branch} was changed by others {tries} times while this was pushed")]
    Race {
        /// The remote branch.
        branch: String,
        /// How often it was tried.
        tries: u32,
    },
    /// A push failed, and the remote could not be asked what became of it.
    #[error("nobody can tell whether commit {commit} was pushed: {error}")]
    InDoubt {
        /// The commit.
        commit: String,
        /// What the push said.
        error: ToolError,
    },
    /// A temporary folder could not be made or read.
    #[error("failed to use a temporary folder: {0}")]
    Folder(std::io::Error),
}

impl RepositoryError {
    /// What to do about it, for people.
    pub fn hints(&self) -> Vec<String> {
        let one = |hint: &str| vec![hint.to_owned()];
        match self {
            Self::Tool(error) => {
                let told = error.to_string();
                let mut hints = error.hints();
                if told.contains("user.email") || told.contains("empty ident") || told.contains("identity unknown") {
                    hints.push("git config --global user.email YOU@EXAMPLE.COM, and user.name".to_owned());
                }
                if told.contains("terminal prompts disabled") || told.contains("could not read Username") {
                    hints.push(
                        "nothing is asked for here: set up a credential helper, or log in with git once".to_owned(),
                    );
                }
                if told.contains("dubious ownership") {
                    hints.push(
                        "the repository belongs to somebody else: git config --global --add safe.directory".to_owned(),
                    );
                }
                hints
            }
            Self::None(_) => one("clone the repository that Flux fetches, and name the clone with --tree"),
            Self::Bare(_) => one("clone it, and name the clone with --tree"),
            Self::Empty(_) => Vec::new(),
            Self::Remote(_) => one("git remote -v lists the remotes; --remote names one"),
            Self::Hook(_) => one("a hook of the repository changes what is committed: make this change by hand"),
            Self::Race { .. } => one("run it again"),
            Self::InDoubt { .. } => one("fetch, and look whether the branch holds the commit"),
            Self::Folder(_) => one("is there room in the folder for temporary files (TMPDIR)?"),
        }
    }
}

/// A repository with files.
#[derive(Debug)]
pub struct Repository {
    git: Program,
    top: PathBuf,
    limit: Duration,
    /// Whether ssh may be told not to ask: nothing else is configured for it.
    is_plain_ssh: bool,
}

/// A branch of a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The remote: `origin`.
    pub remote: String,
    /// The branch there: `main`.
    pub branch: String,
}

/// A remote and the addresses that it fetches from and pushes to, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The name.
    pub name: String,
    /// The address.
    pub url: String,
}

impl Repository {
    /// The repository that a folder is in. A run of git may take `limit`.
    ///
    /// # Errors
    /// When there is no git, no repository, or one without files.
    pub fn open(folder: &Path, limit: Duration) -> Result<Self, RepositoryError> {
        Self::open_with(Program::find("git")?, folder, limit)
    }

    pub(super) fn open_with(git: Program, folder: &Path, limit: Duration) -> Result<Self, RepositoryError> {
        let name = folder.display().to_string();
        if !folder.is_dir() {
            return Err(RepositoryError::None(name));
        }
        let mut repository = Self { git, top: folder.to_owned(), limit, is_plain_ssh: true };
        let bare = match repository.word(["rev-parse", "--is-bare-repository"]) {
            Ok(bare) => bare,
            Err(ToolError::Failed { stderr, .. })
                if stderr.iter().any(|line| line.contains("not a git repository")) =>
            {
                return Err(RepositoryError::None(name));
            }
            Err(error) => return Err(error.into()),
        };
        if bare == "true" {
            return Err(RepositoryError::Bare(name));
        }
        repository.top = PathBuf::from(OsString::from(repository.word(["rev-parse", "--show-toplevel"])?));
        let is_set = std::env::var_os("GIT_SSH_COMMAND").is_some() || std::env::var_os("GIT_SSH").is_some();
        repository.is_plain_ssh = !is_set && repository.maybe(["config", "--get", "core.sshCommand"])?.is_none();
        if repository.maybe(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?.is_none() {
            return Err(RepositoryError::Empty(name));
        }
        Ok(repository)
    }

    /// The folder of its files.
    pub fn top(&self) -> &Path {
        &self.top
    }

    fn call<const N: usize>(&self, folder: &Path, arguments: [&str; N]) -> Call {
        let mut call = Call::new(&self.git).args(arguments).folder(folder).limit(self.limit);
        for name in MISLEADING {
            call = call.without_env(name);
        }
        // Nothing asks: neither git, nor an editor, nor ssh where nobody has configured it.
        for (name, value) in [
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_EDITOR", ":"),
            ("GIT_PAGER", "cat"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
            // A file's name is a name, whatever is in it.
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("LC_ALL", "C"),
        ] {
            call = call.env(name, value);
        }
        if self.is_plain_ssh { call.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes") } else { call }
    }

    fn run<const N: usize>(&self, arguments: [&str; N]) -> Result<Output, ToolError> {
        self.call(&self.top, arguments).run()
    }

    /// What is printed, without its line end.
    fn word<const N: usize>(&self, arguments: [&str; N]) -> Result<String, ToolError> {
        Ok(String::from_utf8_lossy(&self.run(arguments)?.stdout).trim_end_matches(['\n', '\r']).to_owned())
    }

    /// The same; `None` where git says by its exit code 1 that there is none.
    fn maybe<const N: usize>(&self, arguments: [&str; N]) -> Result<Option<String>, ToolError> {
        match self.word(arguments) {
            Ok(word) => Ok(Some(word).filter(|word| !word.is_empty())),
            Err(ToolError::Failed { code: 1, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The branch that is checked out.
    ///
    /// # Errors
    /// When git fails.
    pub fn branch(&self) -> Result<Option<String>, RepositoryError> {
        Ok(self.maybe(["symbolic-ref", "--short", "--quiet", "HEAD"])?)
    }

    /// The remotes.
    ///
    /// # Errors
    /// When git fails.
    pub fn remotes(&self) -> Result<Vec<Remote>, RepositoryError> {
        let names = self.word(["remote"])?;
        let mut remotes = Vec::new();
        for name in names.lines() {
            if let Some(url) = self.maybe(["config", "--get", &format!("remote.{name}.url")])? {
                remotes.push(Remote { name: name.to_owned(), url: without_credentials(&url) });
            }
        }
        Ok(remotes)
    }

    /// The remote that Flux fetches from, by its address; else the one that is named; else that of the branch which is
    /// checked out, or the only one.
    ///
    /// # Errors
    /// When there is none, or the address is that of none.
    pub fn remote(&self, named: Option<&str>, url: Option<&str>) -> Result<Remote, RepositoryError> {
        let remotes = self.remotes()?;
        let by_name = |name: &str| remotes.iter().find(|remote| remote.name == name).cloned();
        if let Some(name) = named {
            return by_name(name).ok_or_else(|| RepositoryError::Remote(format!("there is no remote {name}")));
        }
        if let Some(url) = url {
            let found = remotes.iter().find(|remote| is_same_repository(&remote.url, url)).cloned();
            let none =
                || RepositoryError::Remote(format!("no remote is {}, which Flux fetches", without_credentials(url)));
            return found.ok_or_else(none);
        }
        let of_branch = match self.branch()? {
            Some(branch) => self.maybe(["config", "--get", &format!("branch.{branch}.remote")])?,
            None => None,
        };
        match (of_branch.as_deref().and_then(by_name), remotes.as_slice()) {
            (Some(remote), _) => Ok(remote),
            (None, [one]) => Ok(one.clone()),
            (None, []) => Err(RepositoryError::Remote("there is no remote to push to".to_owned())),
            (None, _) => Err(RepositoryError::Remote("there are several remotes".to_owned())),
        }
    }

    /// The commit of the branch of a remote, as the remote has it now.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub fn fetch(&self, upstream: &Upstream) -> Result<String, RepositoryError> {
        let (theirs, ours) = (format!("refs/heads/{}", upstream.branch), upstream.tracking());
        let refspec = format!("+{theirs}:{ours}");
        self.run(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", &upstream.remote, &refspec])?;
        Ok(self.word(["rev-parse", "--verify", "--quiet", &format!("{ours}^{{commit}}")])?)
    }

    /// The commit of the branch of a remote as it was fetched last.
    ///
    /// # Errors
    /// When git fails.
    pub fn known(&self, upstream: &Upstream) -> Result<Option<String>, RepositoryError> {
        Ok(self.maybe(["rev-parse", "--verify", "--quiet", &format!("{}^{{commit}}", upstream.tracking())])?)
    }

    /// The commit that is checked out.
    ///
    /// # Errors
    /// When git fails.
    pub fn head(&self) -> Result<String, RepositoryError> {
        Ok(self.word(["rev-parse", "--verify", "HEAD^{commit}"])?)
    }

    /// Whether a commit is `revision` or comes before it; `None` where the repository does not know the revision.
    ///
    /// # Errors
    /// When git fails otherwise.
    pub fn is_before(&self, commit: &str, revision: &str) -> Result<Option<bool>, RepositoryError> {
        if !is_commit(commit) || !is_commit(revision) {
            return Ok(None);
        }
        match self.run(["merge-base", "--is-ancestor", commit, revision]) {
            Ok(_) => Ok(Some(true)),
            Err(ToolError::Failed { code: 1, .. }) => Ok(Some(false)),
            Err(ToolError::Failed { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The files of a commit, in a temporary folder. Hooks do not run for it.
    ///
    /// # Errors
    /// When git fails.
    pub fn checkout(&self, commit: &str) -> Result<Checkout<'_>, RepositoryError> {
        let folder = tempfile::Builder::new().prefix("mlops-git-").tempdir().map_err(RepositoryError::Folder)?;
        let path = folder.path().canonicalize().map_err(RepositoryError::Folder)?.join("tree");
        let checkout = Checkout { repository: self, _folder: folder, path, base: commit.to_owned() };
        let add = ["-c", "core.hooksPath=/dev/null", "-c", "checkout.workers=1", "worktree", "add", "--quiet"];
        self.call(&self.top, add).args(["--detach", "--"]).args([checkout.path.as_os_str()]).args([commit]).run()?;
        Ok(checkout)
    }

    /// Makes a branch of this name, or of the name with a number behind it, and gives its name.
    ///
    /// # Errors
    /// When git fails.
    pub fn new_branch(&self, name: &str, commit: &str) -> Result<String, RepositoryError> {
        const MOST: usize = 100;
        for number in 1..MOST {
            let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
            let reference = format!("refs/heads/{name}");
            if self.maybe(["rev-parse", "--verify", "--quiet", &reference])?.is_none() {
                self.run(["update-ref", "-m", "kubectl mlops", &reference, commit, ""])?;
                return Ok(name);
            }
        }
        Err(RepositoryError::Remote(format!("there are {MOST} branches called {name}")))
    }
}

impl Upstream {
    fn tracking(&self) -> String {
        format!("refs/remotes/{}/{}", self.remote, self.branch)
    }

    /// `origin/main`
    pub fn name(&self) -> String {
        format!("{}/{}", self.remote, self.branch)
    }
}

/// The files of a commit in a folder that is removed with this.
#[derive(Debug)]
pub struct Checkout<'r> {
    repository: &'r Repository,
    _folder: tempfile::TempDir,
    path: PathBuf,
    base: String,
}

impl Checkout<'_> {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commit that it was made from.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Commits a file that was edited, with the hooks, the author and the signature that the repository is set up for,
    /// and gives the commit.
    ///
    /// # Errors
    /// When git or a hook refuses it, or when the commit holds anything else than the file as it is now.
    pub fn commit(&self, file: &str, message: &str) -> Result<String, RepositoryError> {
        let repository = self.repository;
        let wanted = std::fs::read(self.path.join(file)).map_err(RepositoryError::Folder)?;
        repository.call(&self.path, ["add", "--", file]).run()?;
        let commit = ["commit", "--quiet", "--no-edit", "--cleanup=whitespace", "--file=-"];
        repository.call(&self.path, commit).input(message).run()?;
        let names = repository.call(&self.path, ["diff", "--name-only", "-z", &self.base, "HEAD"]).run()?.stdout;
        if names != [file.as_bytes(), b"\0"].concat() {
            return Err(RepositoryError::Hook("it changes other files".to_owned()));
        }
        let is_clean = repository.call(&self.path, ["diff", "--quiet", "HEAD"]).run().is_ok();
        if !is_clean || std::fs::read(self.path.join(file)).map_err(RepositoryError::Folder)? != wanted {
            return Err(RepositoryError::Hook(format!("{file} is another one by now")));
        }
        let head = repository.call(&self.path, ["rev-parse", "--verify", "HEAD^{commit}"]).run()?.stdout;
        Ok(String::from_utf8_lossy(&head).trim().to_owned())
    }

    /// Pushes a commit to a branch of a remote, never by force. `false` where the branch has moved meanwhile.
    ///
    /// # Errors
    /// When the remote refuses it for another reason, or when nobody can tell what became of it.
    pub fn push(&self, commit: &str, upstream: &Upstream) -> Result<bool, RepositoryError> {
        let refspec = format!("{commit}:refs/heads/{}", upstream.branch);
        let pushed = self.repository.call(&self.path, ["push", "--quiet", "--", &upstream.remote, &refspec]).run();
        let Err(error) = pushed else { return Ok(true) };
        // Asked of the branch itself, for messages differ from server to server.
        match self.repository.fetch(upstream) {
            Ok(now) if self.repository.is_before(commit, &now)? == Some(true) => Ok(true),
            Ok(now) if now != self.base => Ok(false),
            Ok(_) => Err(error.into()),
            Err(_) => Err(RepositoryError::InDoubt { commit: commit.to_owned(), error }),
        }
    }
}

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        // What is left is a folder for temporary files, which `git worktree prune` forgets.
        let remove = ["worktree", "remove", "--force", "--"];
        let _ = self.repository.call(&self.repository.top, remove).args([self.path.as_os_str()]).run();
    }
}

/// Whether this is a commit's full digest.
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An address without user and password.
fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            text::line(&format!("{scheme}://{host}/{path}")).into_owned()
        }
        None => text::line(url).into_owned(),
    }
}

/// Whether two addresses are of one repository, whatever the protocol, the user and the ending.
fn is_same_repository(one: &str, two: &str) -> bool {
    let plain = |url: &str| {
        let rest = match url.split_once("://") {
            Some((_, rest)) => rest.to_owned(),
            // git@example.com:team/repository
            None => url.replacen(':', "/", 1),
        };
        let (host, path) = rest.split_once('/').unwrap_or((&rest, ""));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
        let path = path.trim_matches('/').trim_end_matches(".git").to_owned();
        (host, path)
    };
    plain(one) == plain(two)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_what_differs_by_protocol() {
        let https = "https://user:CANARY@Example.com/team/infra.git";
        assert_eq!(without_credentials(https), "https://Example.com/team/infra.git");
        for other in
            ["ssh://git@example.com:22/team/infra", "git@example.com:team/infra.git", "https://example.com/team/infra/"]
        {
            assert!(is_same_repository(https, other), "{other}");
        }
        for other in ["https://example.com/team/infra2", "https://example.org/team/infra", "/srv/team/infra"] {
            assert!(!is_same_repository(https, other), "{other}");
        }
    }

    #[test]
    fn commits_are_full_digests() {
        assert!(is_commit(&"0a".repeat(20)) && is_commit(&"f".repeat(64)));
        assert!(!is_commit("main") && !is_commit("--upload-pack=x") && !is_commit(&"g".repeat(40)));
    }
}
