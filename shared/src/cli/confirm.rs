//! Asking before something is changed: the only place where permission to write is made.

use super::write_args::WriteSettings;
use super::{DryRun, Exit, Failure};
use crate::cluster::WriteToken;
use crate::text;
use std::io::{self, BufRead as _, IsTerminal, Read as _, Write as _};

/// An answer is no longer.
const ANSWER: u64 = 1024;

/// What it takes to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand<'a> {
    /// `y`, or `--yes`.
    Yes,
    /// The word itself, for what cannot be undone: typed at the terminal, or given by a flag of its own. `--yes` is not
    /// enough.
    Typed {
        /// What has to be typed: the name of what is lost.
        word: &'a str,
        /// What was given on the command line.
        given: Option<&'a str>,
        /// The flag that gives it, for the hint: `--accept-data-loss`.
        flag: &'static str,
    },
}

/// Asks whether to go on, and gives permission to write. `question` says what will be done: `scale
/// Deployment/a/web from 2 to 5?`. With `--dry-run=server` nobody is asked, and the permission changes nothing.
///
/// # Errors
/// When nobody can be asked (exit 2), when the answer is not yes (exit 1, nothing was changed), and for
/// `--dry-run=client`, which never writes.
pub async fn confirm(settings: &WriteSettings, question: &str, demand: Demand<'_>) -> Result<WriteToken, Failure> {
    match settings.dry_run {
        DryRun::Server => return Ok(WriteToken::dry_run()),
        DryRun::Client => return Err(Failure::usage("--dry-run=client changes nothing")),
        DryRun::None => {}
    }
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    let Some(prompt) = prompt(settings.is_agreed, question, &demand, can_ask)? else {
        return Ok(WriteToken::confirmed());
    };
    // Its own thread: an interruption must end the run while nobody answers.
    let answer = tokio::task::spawn_blocking(move || ask(&prompt)).await.ok().and_then(Result::ok).unwrap_or_default();
    if agrees(&answer, &demand) { Ok(WriteToken::confirmed()) } else { Err(declined()) }
}

/// What to ask; `None` when the command line has agreed already.
fn prompt(is_agreed: bool, question: &str, demand: &Demand<'_>, can_ask: bool) -> Result<Option<String>, Failure> {
    let question = text::line(question);
    match demand {
        Demand::Yes if is_agreed => Ok(None),
        Demand::Typed { word, given: Some(given), .. } if given == word => Ok(None),
        Demand::Typed { word, given: Some(_), flag } => {
            Err(Failure::usage(format!("{flag} does not say {word}, which is what would be lost")))
        }
        Demand::Yes if can_ask => Ok(Some(format!("{question} [y/N] "))),
        Demand::Typed { word, .. } if can_ask => {
            Ok(Some(format!("{question} This cannot be undone: type {} to go on: ", text::line(word))))
        }
        Demand::Yes => Err(Failure::usage("nothing was changed: there is no terminal to ask on")
            .hint("--yes agrees beforehand, --dry-run=client prints the plan")),
        Demand::Typed { word, flag, .. } => {
            Err(Failure::usage("nothing was changed: this cannot be undone, and there is no terminal to ask on")
                .hint(format!("{flag} {word} agrees beforehand; --yes is not enough")))
        }
    }
}

fn agrees(answer: &str, demand: &Demand<'_>) -> bool {
    let answer = answer.trim();
    match demand {
        Demand::Yes => answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"),
        Demand::Typed { word, .. } => answer == *word,
    }
}

fn declined() -> Failure {
    Failure { exit: Exit::Findings, ..Failure::usage("nothing was changed: the answer was not yes") }
}

fn ask(prompt: &str) -> io::Result<String> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(prompt.as_bytes())?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().take(ANSWER).read_line(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSS: Demand<'static> = Demand::Typed { word: "db", given: None, flag: "--accept-data-loss" };

    #[test]
    fn without_a_terminal_only_a_flag_agrees() {
        assert_eq!(prompt(true, "scale?", &Demand::Yes, false).expect("agreed"), None);
        let refused = prompt(false, "scale?", &Demand::Yes, false).expect_err("refused");
        assert!(refused.exit == Exit::Usage && refused.hints[0].contains("--yes"));
        // What cannot be undone takes more than --yes.
        assert_eq!(prompt(true, "scale?", &LOSS, false).expect_err("refused").exit, Exit::Usage);
        let given = |given| Demand::Typed { word: "db", given: Some(given), flag: "--accept-data-loss" };
        assert_eq!(prompt(false, "scale?", &given("db"), false).expect("agreed"), None);
        assert!(prompt(true, "scale?", &given("bd"), true).is_err());
        assert!(prompt(true, "scale?", &LOSS, true).expect("asks").is_some_and(|text| text.contains("type db")));
    }

    #[test]
    fn only_yes_agrees() {
        for answer in ["y", "Y\r", " yes ", "YES"] {
            assert!(agrees(answer, &Demand::Yes), "{answer:?}");
        }
        for answer in ["", "n", "ja", "y y", "yess"] {
            assert!(!agrees(answer, &Demand::Yes), "{answer:?}");
        }
        assert!(agrees("db\r", &LOSS) && !agrees("yes", &LOSS) && !agrees("DB", &LOSS));
    }

    #[test]
    fn a_question_is_safe_to_print() {
        let prompt = prompt(false, "scale a\u{1b}[2J?", &Demand::Yes, true).expect("asks").expect("a prompt");
        assert!(!prompt.contains('\u{1b}'));
    }
}
