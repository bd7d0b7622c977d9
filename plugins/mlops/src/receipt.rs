//! What `flux plugin install` leaves beside a plugin, and how one gets what it left out: of an archive it takes one file.

use crate::siblings::own_file;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

/// A receipt has some hundred bytes.
const MOST_BYTES: u64 = 64 << 10;

/// The archive that a plugin was taken from.
#[derive(Debug, PartialEq, Eq)]
struct Archive {
    url: String,
    /// SHA-256 in hexadecimal digits.
    digest: String,
}

/// How to get the program `wanted`, which is missing beside this one, as hints: out of the archive that flux took this
/// one from, where its receipt says so.
pub(crate) fn hints(wanted: &str) -> Vec<String> {
    let own = own_file().unwrap_or_default();
    // flux writes `flux-NAME.yaml` beside `flux-NAME` (flux2, internal/plugin/install.go).
    let receipt = std::fs::File::open(own.with_extension("yaml")).ok().and_then(|file| {
        let mut text = String::new();
        file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        archive(&text)
    });
    told(&own, wanted, receipt.as_ref())
}

fn told(own: &Path, wanted: &str, archive: Option<&Archive>) -> Vec<String> {
    let folder = own.parent().unwrap_or(own).to_string_lossy();
    let Some(Archive { url, digest }) = archive else {
        return vec![format!("the release's archive has it: put it in {folder}, or in a folder on PATH")];
    };
    let file = url.rsplit('/').next().unwrap_or_default();
    let folder = quoted(&folder);
    let sums = if cfg!(target_os = "macos") { "shasum -a 256" } else { "sha256sum" };
    vec![
        format!("`flux plugin install` took one file out of the release; this puts {wanted} beside it:"),
        format!(
            "cd {folder} && curl -fsSLO {url} && echo '{digest}  {file}' | {sums} -c && tar -xzf {file} {wanted} && rm {file}"
        ),
    ]
}

/// The archive that a receipt names. What would mean more than an address to a shell is none.
fn archive(receipt: &str) -> Option<Archive> {
    let value = |key: &str| {
        receipt
            .lines()
            .find_map(|line| line.trim().strip_prefix(key))
            .map(|value| value.trim().trim_matches(['"', '\'']))
    };
    let url = value("url:")?;
    let digest = value("checksum:")?.strip_prefix("sha256:")?;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._~:/%+@".contains(character);
    let is_address = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) && url.ends_with(".tar.gz");
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_address && is_digest && url.chars().all(is_plain))
        .then(|| Archive { url: url.to_owned(), digest: digest.to_owned() })
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._/".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut text = String::from("'");
    for character in word.chars() {
        // Writing to a String does not fail.
        let _ = if character == '\'' { write!(text, "'\\''") } else { write!(text, "{character}") };
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(url: &str) -> String {
        format!(
            "installedAt: \"2026-11-20T03:00:00Z\"\nname: mlops\nplatform:\n  arch: amd64\n  checksum: sha256:{}\n  \
             extractPath: kubectl-mlops\n  os: linux\n  url: {url}\nversion: 0.1.0\n",
            "a".repeat(64)
        )
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_receipt_leads_to_the_archive() {
        let found = archive(&receipt("https://example.org/r/kubectl-mlops_v0.1.0_linux_amd64.tar.gz"));
        let hints = told(Path::new("/home/a b/plugins/flux-mlops"), "kubectl-mlops-audit", found.as_ref());
        assert_eq!(
            hints[1],
            format!(
                "cd '/home/a b/plugins' && curl -fsSLO https://example.org/r/kubectl-mlops_v0.1.0_linux_amd64.tar.gz && \
                 echo '{}  kubectl-mlops_v0.1.0_linux_amd64.tar.gz' | sha256sum -c && \
                 tar -xzf kubectl-mlops_v0.1.0_linux_amd64.tar.gz kubectl-mlops-audit && rm kubectl-mlops_v0.1.0_linux_amd64.tar.gz",
                "a".repeat(64)
            )
        );
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    /// What is printed is pasted into a shell.
    #[test]
    fn a_receipt_that_says_more_than_an_address_is_none() {
        for url in [
            "https://example.org/$(reboot).tar.gz",
            "https://example.org/a.tar.gz;reboot.tar.gz",
            "https://example.org/a b.tar.gz",
            "file:///x.tar.gz",
            "-o/etc/passwd.tar.gz",
            "https://example.org/kubectl-mlops",
            "",
        ] {
            assert_eq!(archive(&receipt(url)), None, "{url}");
        }
        let good = receipt("https://example.org/a.tar.gz");
        assert_eq!(archive(&good.replace("sha256:", "md5:")), None);
        assert_eq!(archive(&good.replace("aaaa", "'$x;")), None);
        assert_eq!(told(Path::new("/x/flux-mlops"), "kubectl-mlops-audit", None).len(), 1);
    }
}
