//! The plugins that are there: beside this program's own file, then on `PATH`.

use mlops_shared::tools::Program;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What the plugins' files are called, however the umbrella was.
const PREFIX: &str = "kubectl-mlops-";

/// The suite's plugins, with what each is for. Those that are not installed are not offered.
pub(crate) const SUITE: [(&str, &str); 8] = [
    ("health", "Is the platform healthy, and if not, what is the one cause"),
    ("audit", "Who can do what, what is exposed, what is out of date"),
    ("backup", "Save what Git cannot rebuild, and prove that it restores"),
    ("scale", "Grow and shrink Kafka, MinIO and workloads without losing data or being undone by Flux"),
    ("diagnose", "From a symptom to its root cause"),
    ("deploy", "Add or update a component through Git"),
    ("monitor", "The monitoring stack, metrics and alerts"),
    ("recover", "Emergency procedures, staged and guarded"),
];

/// A plugin that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plugin {
    /// Its subcommand.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) about: &'static str,
}

/// The file name of a subcommand's plugin; none where no plugin can have that name. kubectl's rule: a dash of a word
/// is written as `_`, for dashes part words.
pub(crate) fn file_name(subcommand: &str) -> Option<String> {
    let is_word = subcommand.starts_with(|first: char| first.is_ascii_alphanumeric())
        && subcommand.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
    is_word.then(|| format!("{PREFIX}{}", subcommand.replace('-', "_")))
}

/// The program of a subcommand: the one beside this program, else the one on `PATH`.
pub(crate) fn find(subcommand: &str) -> Option<Program> {
    let file = file_name(subcommand)?;
    Program::sibling(&file).or_else(|_| Program::find(&file)).ok()
}

/// The plugins that are there: the suite's in its order, then others by name.
pub(crate) fn all() -> Vec<Plugin> {
    let mut names: Vec<String> = Vec::new();
    for folder in own_folder().into_iter().chain(search_path()) {
        names.extend(plugins_in(&folder));
    }
    names.sort_unstable_by_key(|name| (rank(name), name.clone()));
    names.dedup();
    // What is not executable is no plugin.
    names.retain(|name| find(name).is_some());
    names.into_iter().map(|name| Plugin { about: about(&name), name }).collect()
}

/// What a plugin is for, as far as the umbrella knows.
pub(crate) fn about(name: &str) -> &'static str {
    SUITE.get(rank(name)).map_or("A plugin that is not of this suite", |(_, about)| about)
}

/// Where a subcommand's plugin was looked for, in words.
pub(crate) fn shown(subcommand: &str) -> String {
    let file = file_name(subcommand).unwrap_or_default();
    match own_folder() {
        Some(folder) => format!("{file} in {} or on PATH", folder.display()),
        None => format!("{file} on PATH"),
    }
}

/// The suite's plugins, each with what it is for.
pub fn suite() -> impl Iterator<Item = (&'static str, &'static str)> {
    SUITE.into_iter()
}

fn rank(name: &str) -> usize {
    SUITE.iter().position(|(known, _)| *known == name).unwrap_or(SUITE.len())
}

/// The folder that this program's own file lies in, links followed: krew, flux and package managers link to it.
pub(crate) fn own_folder() -> Option<PathBuf> {
    own_file()?.parent().map(Path::to_path_buf)
}

/// This program's own file, links followed.
pub(crate) fn own_file() -> Option<PathBuf> {
    std::env::current_exe().ok()?.canonicalize().ok()
}

fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

/// The subcommands that a folder's files stand for. A folder that cannot be read has none.
fn plugins_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| subcommand_of(&entry.file_name())).collect()
}

/// The subcommand of a file name. A further dash parts words, so such a file is a plugin of the plugin.
fn subcommand_of(file: &OsStr) -> Option<String> {
    let file = file.to_str()?;
    let word = file.strip_suffix(".exe").unwrap_or(file).strip_prefix(PREFIX)?;
    let name = word.replace('_', "-");
    (!word.contains(['-', '.']) && file_name(&name).is_some()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_and_subcommands_go_both_ways() {
        assert_eq!(file_name("health").as_deref(), Some("kubectl-mlops-health"));
        assert_eq!(file_name("my-tool").as_deref(), Some("kubectl-mlops-my_tool"));
        for wrong in ["", "../health", "/bin/sh", "a b", "-n", "x\u{1b}", "a\\b", ".", ".."] {
            assert_eq!(file_name(wrong), None, "{wrong:?}");
        }
        assert_eq!(subcommand_of(OsStr::new("kubectl-mlops-my_tool")).as_deref(), Some("my-tool"));
        assert_eq!(subcommand_of(OsStr::new("kubectl-mlops-health.exe")).as_deref(), Some("health"));
        for other in ["kubectl-mlops", "kubectl-mlops-", "kubectl-mlops-health-deep", "kubectl-mlops-health.d", "x"] {
            assert_eq!(subcommand_of(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn the_suite_comes_first() {
        assert!(rank("health") < rank("recover") && rank("recover") < rank("aaa"));
        assert_eq!(about("health"), SUITE[0].1);
    }
}
