//! A person at a shell: a line that is typed into a real shell on a pseudo-terminal, and what one TAB makes of it.

use crate::install::{Installation, Outcome};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// zsh offers the pseudo-terminal. The line is echoed behind a word that was not typed; nothing waits for a time.
const SCRIPT: &str = r#"#!/usr/bin/env -S zsh -f
zmodload zsh/zpty || exit 9
setup=$1 typed=$2
shift 2
zpty shell "$@"
zpty -r -m shell seen '*READY> *' || exit 8
zpty -w shell "$setup; RESULT=RESULT:; echo DO''NE"
zpty -r -m shell seen '*DONE*READY> *' || exit 7
zpty -w -n shell "$typed"$'\t\x01echo $RESULT \n'
zpty -r -m shell seen '*RESULT:*READY> *' || exit 6
seen=${seen##*RESULT:}
print -r -- ${${seen%%[$'\r\n']*}# }
"#;

const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// zsh, after `compinit`.
    Zsh,
    /// bash as it starts without any file.
    Bash,
    /// bash with the package bash-completion.
    BashWithCompletion,
    /// fish.
    Fish,
}

impl Shell {
    /// Whether it is installed, with what typing into it needs. Says on standard error what is missing, past the test
    /// harness, which keeps the output of a test that goes well to itself; CI installs all of them.
    #[must_use]
    pub fn is_here(self) -> bool {
        let programs: &[&str] = match self {
            Self::Zsh => &["zsh"],
            Self::Bash | Self::BashWithCompletion => &["zsh", "bash"],
            Self::Fish => &["fish"],
        };
        let mut missing: Vec<&str> = programs.iter().copied().filter(|name| program(name).is_none()).collect();
        if self == Self::BashWithCompletion && !Path::new(BASH_COMPLETION).exists() {
            missing.push("bash-completion");
        }
        for name in &missing {
            let _ = writeln!(std::io::stderr(), "skipped: {name} is not installed");
        }
        missing.is_empty()
    }

    /// What the line `typed` becomes by one TAB, in `folder`, after the commands `setup`. fish only tells what it offers:
    /// of it that is the line with the one offer.
    ///
    /// # Errors
    /// How the run ended, where the shell ended before it told, or offered more than one word.
    ///
    /// # Panics
    /// When the shell cannot be started; see [`Self::is_here`].
    pub fn completes(self, suite: &Installation, folder: &Path, setup: &str, typed: &str) -> Result<String, Outcome> {
        let outcome = match self {
            Self::Fish => {
                let fish = program("fish").expect("fish");
                let script = format!("{setup}; complete -C '{typed}'");
                suite.run_with(&fish.display().to_string(), &["--no-config", "-c", &script], |command| {
                    command.current_dir(folder);
                })
            }
            shell => {
                suite.file("typist", SCRIPT.as_bytes(), 0o755);
                let (first, command): (_, &[&str]) = match shell {
                    Self::Zsh => ("autoload -Uz compinit; compinit -u -D; ".to_owned(), &["zsh", "-f", "-i"]),
                    Self::Bash => (String::new(), &["bash", "--norc", "--noprofile", "-i"]),
                    _ => (format!("source {BASH_COMPLETION}; "), &["bash", "--norc", "--noprofile", "-i"]),
                };
                let setup = format!("{first}{setup}");
                suite.run_with("typist", &[&[setup.as_str(), typed], command].concat(), |command| {
                    command.env("PS1", "READY> ").env("TERM", "dumb").current_dir(folder);
                })
            }
        };
        if outcome.code != Some(0) {
            return Err(outcome);
        }
        if self != Self::Fish {
            // zsh takes the slash of a folder back where a command ends.
            return Ok(outcome.stdout.trim_end().trim_end_matches('/').to_owned());
        }
        let offered: Vec<&str> = outcome.stdout.lines().map(|line| line.split('\t').next().unwrap_or(line)).collect();
        let before = typed.rsplit_once(' ').map_or("", |(before, _)| before);
        match offered.as_slice() {
            [] => Ok(typed.to_owned()),
            [only] => Ok(format!("{before} {only}").trim_end_matches('/').to_owned()),
            _ => Err(outcome),
        }
    }
}

fn program(name: &str) -> Option<PathBuf> {
    which::which_in(name, Some("/usr/local/bin:/usr/bin:/bin"), "/").ok()
}
