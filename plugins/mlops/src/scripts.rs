//! The scripts that make shells, kubectl and flux ask for completion.

use clap::ValueEnum;

/// Who is to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Asker {
    /// bash, for the programs typed by their own names
    Bash,
    /// zsh, for the programs typed by their own names
    Zsh,
    /// fish, for the programs typed by their own names
    Fish,
    /// PowerShell, for the programs typed by their own names
    Powershell,
    /// kubectl 1.26 or newer, for `kubectl mlops`
    Kubectl,
    /// flux 2.9 or newer: makes this program a plugin of flux, which asks by itself
    Flux,
}

impl Asker {
    const fn template(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../scripts/bash.sh"),
            Self::Zsh => include_str!("../scripts/zsh.zsh"),
            Self::Fish => include_str!("../scripts/fish.fish"),
            Self::Powershell => include_str!("../scripts/powershell.ps1"),
            Self::Kubectl => include_str!("../scripts/kubectl.sh"),
            Self::Flux => include_str!("../scripts/flux.sh"),
        }
    }

    /// What the script of a program is called where its asker looks for it.
    fn file(self, program: &str) -> String {
        match self {
            Self::Bash => format!("{program}.bash"),
            Self::Zsh => format!("_{program}"),
            Self::Fish => format!("{program}.fish"),
            Self::Powershell => format!("{program}.ps1"),
            Self::Kubectl => completer(program),
            Self::Flux => "flux-plugin.sh".to_owned(),
        }
    }
}

/// The name under which kubectl looks for a plugin's completer.
fn completer(program: &str) -> String {
    format!("kubectl_complete-{}", rest(program))
}

/// A plugin's name without that of its host.
fn rest(program: &str) -> &str {
    let rest = program.strip_prefix("kubectl-").or_else(|| program.strip_prefix("flux-"));
    rest.unwrap_or(program)
}

/// The script for these programs; the first gives its name. Names are those of files: letters, digits, `-`, `_`.
pub fn script(asker: Asker, programs: &[&str]) -> String {
    let first = programs.first().copied().unwrap_or("kubectl-mlops");
    // kubectl and flux are set up through the name that is on PATH.
    let of_kubectl = format!("kubectl-{}", rest(first));
    let first = if matches!(asker, Asker::Kubectl | Asker::Flux) { of_kubectl.as_str() } else { first };
    let identifier: String =
        first.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    let quoted: Vec<String> = programs.iter().map(|program| format!("'{program}'")).collect();
    let mut out = String::new();
    for line in asker.template().lines() {
        let lines: Vec<String> = match line.strip_prefix("@EACH:").and_then(|line| line.strip_suffix('@')) {
            Some(line) => programs.iter().map(|program| line.replace("@NAME@", program)).collect(),
            None => vec![line.to_owned()],
        };
        for line in lines {
            let line = line
                .replace("@NAMES@", &programs.join(" "))
                .replace("@QUOTED@", &quoted.join(", "))
                .replace("@ID@", &identifier)
                .replace("@FIRST@", first)
                .replace("@FILE@", &completer(first))
                .replace("@REST@", rest(first))
                .replace("@DISPLAY@", &first.replace('-', " ").replace('_', "-"));
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// The scripts that an installation may hold for these programs, each with its file's name.
pub fn files(programs: &[&str]) -> Vec<(String, String)> {
    const EACH: [Asker; 5] = [Asker::Bash, Asker::Zsh, Asker::Fish, Asker::Powershell, Asker::Kubectl];
    let of_program = |program: &&str| EACH.map(|asker| (asker.file(program), script(asker, &[program])));
    programs.iter().flat_map(of_program).collect()
}
