//! kubectl's policy on the credential plugins that a kubeconfig may run, from the person's kuberc.
//!
//! Source: `credentialPluginPolicy` and `credentialPluginAllowlist` of kubectl.config.k8s.io/v1beta1
//! (beta since 1.35), which kube does not know. Who set `DenyAll` expects that nothing runs.

use super::ClusterError;
use crate::text::documents;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A kuberc larger than this is none.
const BYTES: u64 = 1 << 20;

/// The part of a `Preference` that counts here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preference {
    credential_plugin_policy: String,
    credential_plugin_allowlist: Option<Vec<Entry>>,
}

/// An entry of the allowlist. The field was `name` in 1.35 and is `command` since 1.36.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(alias = "name")]
    command: String,
}

/// Which credential plugins may run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Policy {
    AllowAll,
    DenyAll,
    /// Commands: a name found on PATH, or a path.
    Allowlist(Vec<String>),
}

impl Policy {
    /// The policy that applies to this person: the kuberc of `$KUBERC` (`off` for none), else
    /// `~/.kube/kuberc` when it is there.
    ///
    /// # Errors
    /// When a kuberc is there and cannot be read: kubectl warns and runs everything then, but a
    /// policy that cannot be read is no permission.
    pub(super) fn of_person() -> Result<Self, ClusterError> {
        let named = std::env::var_os("KUBERC").filter(|path| !path.is_empty());
        let path = match named {
            Some(path) if path == "off" => return Ok(Self::AllowAll),
            Some(path) => PathBuf::from(path),
            None => match std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/kuberc")) {
                Some(path) if path.exists() => path,
                _ => return Ok(Self::AllowAll),
            },
        };
        let unusable = |reason: String| ClusterError::Kubeconfig(format!("kuberc {}: {reason}", path.display()));
        let size = std::fs::metadata(&path).map_err(|error| unusable(error.to_string()))?.len();
        if size > BYTES {
            return Err(unusable(format!("it is larger than {BYTES} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| unusable(error.to_string()))?;
        Self::parse(&text).map_err(unusable)
    }

    fn parse(text: &str) -> Result<Self, String> {
        // `kubectl kuberc set` may leave an empty file.
        let document = documents(&mut text.as_bytes(), text.len() + 1).next().transpose();
        let document = document.map_err(|_| "it is no YAML".to_owned())?.unwrap_or_default();
        let preference = Option::<Preference>::deserialize(&document).map_err(|_| "it is no Preference".to_owned())?;
        let Preference { credential_plugin_policy: policy, credential_plugin_allowlist: list } =
            preference.unwrap_or_default();
        match (&*policy, list) {
            ("" | "AllowAll", None) => Ok(Self::AllowAll),
            ("DenyAll", None) => Ok(Self::DenyAll),
            ("Allowlist", list) => {
                Ok(Self::Allowlist(list.unwrap_or_default().into_iter().map(|entry| entry.command).collect()))
            }
            ("" | "AllowAll" | "DenyAll", Some(_)) => {
                Err("credentialPluginAllowlist needs credentialPluginPolicy: Allowlist".to_owned())
            }
            (other, _) => Err(format!("unknown credentialPluginPolicy {other:?}")),
        }
    }

    /// Whether this command may run.
    ///
    /// # Errors
    /// When it may not, with the command and the policy.
    pub(super) fn check(&self, command: &str) -> Result<(), ClusterError> {
        let refused = |policy: &str| Err(ClusterError::PluginRefused(command.to_owned(), policy.to_owned()));
        match self {
            Self::AllowAll => Ok(()),
            Self::DenyAll => refused("DenyAll"),
            Self::Allowlist(allowed) => {
                let found = resolve(command);
                let is_allowed = found.is_some() && allowed.iter().any(|entry| resolve(entry) == found);
                if is_allowed { Ok(()) } else { refused("Allowlist") }
            }
        }
    }
}

/// The file that a command stands for: a name is looked up on PATH, a path stands for itself.
fn resolve(command: &str) -> Option<PathBuf> {
    let path = Path::new(command);
    if path.is_absolute() {
        return Some(path.components().collect());
    }
    which::which(command).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_kubectl_reads_them() {
        assert_eq!(Policy::parse(""), Ok(Policy::AllowAll));
        assert_eq!(Policy::parse("kind: Preference\ndefaults: []\n"), Ok(Policy::AllowAll));
        assert_eq!(Policy::parse("credentialPluginPolicy: DenyAll"), Ok(Policy::DenyAll));
        let list = "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: a}, {command: /b/c}]";
        assert_eq!(Policy::parse(list), Ok(Policy::Allowlist(vec!["a".to_owned(), "/b/c".to_owned()])));
        assert!(Policy::parse("credentialPluginPolicy: Sometimes").is_err());
        assert!(Policy::parse("credentialPluginAllowlist: [{name: a}]").is_err());
        assert!(Policy::parse("[").is_err());
    }

    #[test]
    fn only_what_is_listed_may_run() {
        let sh = which::which("sh").expect("a shell").display().to_string();
        assert!(Policy::AllowAll.check("anything").is_ok());
        assert!(Policy::DenyAll.check("sh").is_err());
        let by_name = Policy::Allowlist(vec!["sh".to_owned()]);
        assert!(by_name.check("sh").is_ok() && by_name.check(&sh).is_ok());
        // Another file of the same name is another program.
        assert!(by_name.check("/somewhere/else/sh").is_err());
        assert!(by_name.check("no-such-program").is_err());
        assert!(Policy::Allowlist(vec!["no-such-program".to_owned()]).check("no-such-program").is_err());
    }
}
