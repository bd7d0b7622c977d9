//! Man pages and the pages of the command reference, made from what clap parses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use clap::{Arg, Command};

use crate::Result;

/// The command of every plugin, the one list of them here: a test holds it against the workspace's binaries.
#[must_use]
pub fn commands() -> Vec<Command> {
    vec![
        mlops_umbrella::command(),
        mlops_audit::command(),
        mlops_backup::command(),
        mlops_health::command(),
        mlops_scale::command(),
    ]
}

/// Man pages of every command and subcommand by file name, `kubectl-mlops-health-usage.1`. They bear no date.
///
/// # Errors
/// When a page cannot be written, which memory always can.
pub fn man_pages() -> Result<BTreeMap<String, Vec<u8>>> {
    let mut pages = BTreeMap::new();
    for command in commands() {
        let mut command = command.disable_help_subcommand(true);
        command.build();
        man_pages_of(&command, &mut pages)?;
    }
    Ok(pages)
}

fn man_pages_of(command: &Command, pages: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for subcommand in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        man_pages_of(subcommand, pages)?;
    }
    let man = clap_mangen::Man::new(command.clone()).manual("kubectl-mlops");
    let mut page = Vec::new();
    man.render(&mut page).context("writing a man page")?;
    pages.insert(man.get_filename(), page);
    Ok(())
}

/// The reference of every plugin as Markdown, by file name, `kubectl-mlops-health.md`.
#[must_use]
pub fn pages() -> BTreeMap<String, String> {
    commands().into_iter().map(|command| (format!("{}.md", command.get_name()), page(command))).collect()
}

fn page(command: Command) -> String {
    let mut command = command.disable_help_subcommand(true).disable_help_flag(true).disable_version_flag(true);
    // Global flags are described once, where they are defined: subcommands are looked at before clap copies
    // them there.
    let written = command.clone();
    command.build();
    let mut page = String::new();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    section(&mut page, &written, &mut command, &name, 1);
    page
}

/// `written` has the arguments that the plugin wrote for this command, `built` knows its usage line.
fn section(page: &mut String, written: &Command, built: &mut Command, name: &str, depth: usize) {
    // Writing to a String does not fail.
    let mark = "#".repeat(depth);
    if depth == 1 {
        let _ = writeln!(page, "{mark} `{name}`\n\nMade from what the command parses; `--help` prints the same.");
    } else {
        let _ = writeln!(page, "\n{mark} `{name}`");
    }
    if let Some(about) = written.get_long_about().or_else(|| written.get_about()) {
        let _ = writeln!(page, "\n{}", text(&about.to_string()));
    }
    let usage = built.render_usage().to_string();
    let _ = writeln!(page, "\n```text\n{}\n```", usage.trim_start_matches("Usage:").trim());

    let subcommands: Vec<&Command> = written.get_subcommands().filter(|it| !it.is_hide_set()).collect();
    if !subcommands.is_empty() {
        let _ = writeln!(page, "\n| subcommand | what it does |\n|---|---|");
        for subcommand in &subcommands {
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(page, "| `{}` | {} |", subcommand.get_name(), cell(&about));
        }
    }
    let arguments: Vec<&Arg> = written.get_arguments().filter(|it| !it.is_hide_set()).collect();
    let mut headings: Vec<&str> = Vec::new();
    for heading in arguments.iter().map(|it| heading(it)) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for title in headings {
        let _ = writeln!(page, "\n{mark}# {title}\n\n| argument | what it means |\n|---|---|");
        for argument in arguments.iter().filter(|it| heading(it) == title) {
            let _ = writeln!(page, "| {} | {} |", cell(&spelling(argument)), cell(&meaning(argument)));
        }
    }
    if let Some(after) = written.get_after_long_help().or_else(|| written.get_after_help()) {
        let _ = writeln!(page, "\n```text\n{}\n```", after.to_string().trim());
    }
    for subcommand in subcommands {
        let sub_name = format!("{name} {}", subcommand.get_name());
        if let Some(built) = built.find_subcommand_mut(subcommand.get_name()) {
            section(page, subcommand, built, &sub_name, depth + 1);
        }
    }
}

fn heading(argument: &Arg) -> &str {
    argument.get_help_heading().unwrap_or(if argument.is_positional() { "Arguments" } else { "Options" })
}

/// `-n`, `--namespace <NAMESPACE>` in code marks.
fn spelling(argument: &Arg) -> String {
    let values = argument
        .get_value_names()
        .map(|names| names.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(" "));
    let takes_value = argument.get_action().takes_values();
    let suffix = values.filter(|_| takes_value).unwrap_or_default();
    if argument.is_positional() {
        return format!("`{}`", if suffix.is_empty() { format!("<{}>", argument.get_id()) } else { suffix });
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = [short, long].into_iter().flatten().collect();
    let flag = names.join(", ");
    if suffix.is_empty() { format!("`{flag}`") } else { format!("`{flag} {suffix}`") }
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut parts = vec![text(&help)];
    let is_flag = !argument.get_action().takes_values();
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && !is_flag && !argument.is_hide_default_value_set() {
        parts.push(format!("Default: `{}`.", defaults.join(",")));
    }
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !possible.is_empty() && !is_flag {
        parts.push(format!("One of {}.", possible.join(", ")));
    }
    if let Some(variable) = argument.get_env() {
        parts.push(format!("Also from `${}`.", variable.to_string_lossy()));
    }
    parts.retain(|part| !part.is_empty());
    parts.iter().map(|part| ended(part)).collect::<Vec<_>>().join(" ")
}

/// Help texts of clap end without a full stop; sentences that follow each other need one.
fn ended(part: &str) -> String {
    if part.ends_with(['.', ':', '…', ']', '!', '?']) { part.to_owned() } else { format!("{part}.") }
}

fn text(help: &str) -> String {
    help.trim().to_owned()
}

/// A table's cell is one line, and a bar in it would end it.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .split('`')
        .enumerate()
        // Within code marks an entity would be printed as it stands.
        .map(|(index, part)| if index % 2 == 1 { part.replace("&lt;", "<") } else { part.to_owned() })
        .collect::<Vec<_>>()
        .join("`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;
    use clap::ArgAction;

    #[test]
    fn every_binary_of_the_workspace_has_its_pages() {
        let names: Vec<String> = commands().iter().map(|command| command.get_name().to_owned()).collect();
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(sorted, Workspace::read().expect("cargo metadata").binaries);
        let man = man_pages().expect("pages");
        for name in names {
            assert!(man.contains_key(&format!("{name}.1")), "{name} has no man page in {:?}", man.keys());
        }
    }

    #[test]
    fn hidden_commands_and_arguments_stay_out() {
        for page in pages().values() {
            assert!(!page.contains("__complete"), "{page}");
        }
        for name in man_pages().expect("pages").keys() {
            assert!(!name.contains("__complete"), "{name}");
        }
    }

    #[test]
    fn a_page_says_what_an_argument_takes_defaults_to_and_means() {
        let command = Command::new("kubectl-x")
            .bin_name("kubectl x")
            .about("Does x")
            .arg(Arg::new("level").long("level").short('l').value_name("LEVEL").default_value("a|b").help("How much"))
            .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).help("Use <name>").help_heading("Scope"))
            .arg(Arg::new("secret").long("secret").hide(true))
            .subcommand(Command::new("y").about("Does y").arg(Arg::new("FILE").help("A file")));
        let page = page(command);
        assert!(page.contains("| `-l, --level <LEVEL>` | How much. Default: `a\\|b`. |"), "{page}");
        assert!(
            page.contains("## Scope\n\n| argument | what it means |\n|---|---|\n| `--all` | Use &lt;name>. |"),
            "{page}"
        );
        assert!(page.contains("## `kubectl x y`\n\nDoes y\n\n```text\nkubectl x y [FILE]\n```"), "{page}");
        assert!(!page.contains("secret"), "{page}");
    }
}
