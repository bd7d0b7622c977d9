//! Finding a program, and becoming it.

use super::ToolError;
use super::error::spoken;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A program that was found: an absolute path to a file that may be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    name: String,
    path: PathBuf,
}

impl Program {
    /// The program of this name on `PATH`. Entries of `PATH` that are relative are passed over, for the folder that
    /// somebody stands in must not decide what runs.
    ///
    /// # Errors
    /// When no folder of `PATH` has it.
    pub fn find(name: &str) -> Result<Self, ToolError> {
        Self::find_in(name, std::env::var_os("PATH").as_deref())
    }

    /// As [`Self::find`], with the search path given.
    ///
    /// # Errors
    /// When no folder has it.
    pub fn find_in(name: &str, search: Option<&OsStr>) -> Result<Self, ToolError> {
        let folders: Vec<PathBuf> = search
            .map(|path| std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect())
            .unwrap_or_default();
        // A search path of nothing means the folder that somebody stands in.
        let found = (is_plain(name) && !folders.is_empty())
            .then(|| std::env::join_paths(&folders).ok())
            .flatten()
            .and_then(|paths| which::which_in_global(name, Some(paths)).ok()?.next());
        match found {
            Some(path) => Ok(Self { name: name.to_owned(), path }),
            None => Err(ToolError::NotFound { name: name.to_owned(), folders }),
        }
    }

    /// The program of this name in the folder where this program's own file lies, links followed: however it was
    /// called (by kubectl, by krew's link, by flux), its siblings lie beside it.
    ///
    /// # Errors
    /// When there is none, or nobody can tell where this program lies.
    pub fn sibling(name: &str) -> Result<Self, ToolError> {
        let start = |error| ToolError::Start { program: name.to_owned(), error };
        Self::beside(&std::env::current_exe().map_err(start)?, name)
    }

    /// As [`Self::sibling`], beside the file `own`.
    ///
    /// # Errors
    /// When there is none, or `own` is not there.
    pub fn beside(own: &Path, name: &str) -> Result<Self, ToolError> {
        let own = own.canonicalize().map_err(|error| ToolError::Start { program: name.to_owned(), error })?;
        Self::find_in(name, own.parent().map(Path::as_os_str))
    }

    /// The name that it was looked for by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Becomes this program: same process, same terminal, same environment. On Unix this returns only when it
    /// fails, and the program sees `called` as the name by which it was started, as
    /// [`crate::cli::display_name`] reads it. Elsewhere the program runs as a child and its exit code is returned,
    /// to be this program's own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn become_it(&self, called: &str, arguments: &[OsString]) -> Result<i32, ToolError> {
        let failed = |error| ToolError::Start { program: spoken(&self.name, arguments), error };
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            // duct has no exec, and a child in between would change what signals and job control do.
            #[expect(clippy::disallowed_methods, reason = "the one place that replaces the process")]
            let error = std::process::Command::new(&self.path).arg0(called).args(arguments).exec();
            Err(failed(error))
        }
        #[cfg(not(unix))]
        {
            let _ = called;
            #[expect(clippy::disallowed_methods, reason = "without exec, a child takes this process's place")]
            let ended = duct::cmd(&self.path, arguments).unchecked().run().map_err(failed)?;
            Ok(ended.status.code().unwrap_or(1))
        }
    }
}

/// Whether this is a file's name and no path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && Path::new(name).file_name() == Some(OsStr::new(name)) && !name.contains(['/', '\\'])
}
