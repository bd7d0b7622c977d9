//! The name by which a person calls a program: `kubectl mlops health`, not `kubectl-mlops-health`.

use crate::text;
use std::ffi::OsStr;
use std::path::Path;

/// The programs that run plugins, each with a space behind, as a name starts that is already meant for people.
const HOSTS: [&str; 2] = ["kubectl ", "flux "];

/// What to call a program that was started as `argv0`; `otherwise` where that tells nothing.
///
/// kubectl splits a plugin's file name at dashes into words and writes a dash of a word as `_`
/// (`kubectl-mlops-health`, `kubectl-my_tool`). flux takes all behind `flux-` as one word. The umbrella starts its
/// siblings under a name for people, which stays as it is.
pub fn display_name(argv0: Option<&OsStr>, otherwise: &str) -> String {
    let Some(argv0) = argv0.and_then(OsStr::to_str) else { return otherwise.to_owned() };
    if HOSTS.iter().any(|host| argv0.starts_with(host)) {
        return text::line(argv0).into_owned();
    }
    let file = Path::new(argv0).file_name().and_then(OsStr::to_str).unwrap_or_default();
    let file = file.strip_suffix(".exe").unwrap_or(file);
    let name = match (file.strip_prefix("kubectl-"), file.strip_prefix("flux-")) {
        (Some(words), _) if !words.is_empty() => format!("kubectl {}", words.replace('-', " ").replace('_', "-")),
        (_, Some(word)) if !word.is_empty() => format!("flux {word}"),
        _ => return otherwise.to_owned(),
    };
    text::line(&name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_one_types() {
        for (argv0, name) in [
            ("/usr/local/bin/kubectl-mlops", "kubectl mlops"),
            ("kubectl-mlops-health", "kubectl mlops health"),
            ("/home/a/.krew/bin/kubectl-my_tool", "kubectl my-tool"),
            ("C.exe/kubectl-mlops.exe", "kubectl mlops"),
            ("/home/a/.fluxcd/plugins/flux-mlops", "flux mlops"),
            ("flux-mlops-health", "flux mlops-health"),
            ("flux mlops health", "flux mlops health"),
            ("kubectl acme health", "kubectl acme health"),
            ("under-test", "kubectl mlops"),
            ("kubectl-", "kubectl mlops"),
            ("", "kubectl mlops"),
        ] {
            assert_eq!(display_name(Some(OsStr::new(argv0)), "kubectl mlops"), name, "{argv0}");
        }
        assert_eq!(display_name(None, "kubectl mlops"), "kubectl mlops");
    }

    #[test]
    fn a_name_is_safe_to_print() {
        assert!(!display_name(Some(OsStr::new("kubectl-a\u{1b}[2J")), "x").contains('\u{1b}'));
        assert!(!display_name(Some(OsStr::new("kubectl a\u{1b}[2J")), "x").contains('\u{1b}'));
    }
}
