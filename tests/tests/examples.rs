//! Examples of the documents are run as they stand, in a shell, and must end as they say.
#![cfg(unix)]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A `kubectl` that runs the plugins under test. Of kubectl's own commands it takes `get` and
/// `describe` of `kind/name` or `kind.group/name` words, and fails for any other word.
fn shims(folder: &Path) {
    let (health, audit) = (env!("CARGO_BIN_EXE_under-test-health"), env!("CARGO_BIN_EXE_under-test-audit"));
    let scale = env!("CARGO_BIN_EXE_under-test-scale");
    let backup = env!("CARGO_BIN_EXE_under-test-backup");
    let script = format!(
        r#"#!/bin/sh
case "$1 $2" in
"mlops health") shift 2; exec '{health}' "$@" ;;
"mlops audit") shift 2; exec '{audit}' "$@" ;;
"mlops scale") shift 2; exec '{scale}' "$@" ;;
"mlops backup") shift 2; exec '{backup}' "$@" ;;
"get -n" | "describe -n") shift 3 ;;
"get "* | "describe "*) shift ;;
*) echo "no such command: $*" >&2; exit 64 ;;
esac
[ $# -gt 0 ] || {{ echo "nothing to show" >&2; exit 65; }}
for word in "$@"; do
  case "$word" in
  *[!a-z0-9./-]* | */*/* | /* | */) echo "not a resource: $word" >&2; exit 66 ;;
  */*) ;;
  *) echo "not a resource: $word" >&2; exit 66 ;;
  esac
done
"#
    );
    let path = folder.join("kubectl");
    std::fs::write(&path, script).expect("shim");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

/// Two backups, for the examples that read some.
fn archives(folder: &Path) {
    for (name, version) in [("monday.tar.zst", "4.1.0"), ("tuesday.tar.zst", "4.2.0")] {
        let mut objects = mlops_tests::backups::objects();
        for (path, items) in &mut objects {
            if path.ends_with("/kafkas") {
                items[0]["spec"]["kafka"]["version"] = version.into();
            }
        }
        let server = mlops_tests::backups::start(objects, |_, _| None);
        let flags = ["create", "--to", name];
        let made = mlops_tests::backups::run(env!("CARGO_BIN_EXE_under-test-backup"), &server.address, folder, &flags);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    std::fs::remove_file(folder.join("kubeconfig")).expect("removed");
}

struct Example {
    command: String,
    code: i32,
}

/// The lines of a document's fenced blocks that start with a prompt.
fn examples(document: &str) -> Vec<Example> {
    let mut is_inside = false;
    let mut examples = Vec::new();
    for line in document.lines() {
        if line.starts_with("```") {
            is_inside = !is_inside;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_inside) {
            let (command, code) = command.rsplit_once("# exit ").unwrap_or((command, "0"));
            examples.push(Example { command: command.trim().to_owned(), code: code.trim().parse().expect("a code") });
        }
    }
    examples
}

/// Whether an example looks at a cluster, which there is none of here.
fn needs_cluster(command: &str) -> bool {
    let words = ["--from ", " explain", " platform", " diff ", " verify ", " show ", " list ", " prune "];
    let reads_files = words.iter().any(|word| command.contains(word)) && !command.ends_with(" live");
    let tries = command.contains("--level 3") || command.contains("--level 4");
    command.contains("kubectl mlops") && (tries || !reads_files)
}

/// Runs the examples of a document, in a folder of their own; how many there were.
fn run(document: &str) -> usize {
    let text = std::fs::read_to_string(root().join(document)).expect(document);
    let folder = tempfile::tempdir().expect("folder");
    let (bin, work) = (folder.path().join("bin"), folder.path().join("work"));
    for made in [&bin, &work] {
        std::fs::create_dir(made).expect("folder");
    }
    shims(&bin);
    std::os::unix::fs::symlink(root().join("examples").canonicalize().expect("examples"), work.join("examples"))
        .expect("link");
    archives(&work);
    let mut count = 0;
    for Example { command, code } in examples(&text) {
        if needs_cluster(&command) || command.contains("OLD.json") {
            continue;
        }
        if command.contains("jq ") && which::which("jq").is_err() {
            let _ = writeln!(std::io::stdout(), "skipped, there is no jq here: {command}");
            continue;
        }
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", &command])
            .env_clear()
            .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default()))
            .env("HOME", folder.path())
            .current_dir(&work)
            .output()
            .expect("a shell");
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{document}: {command}\n{error}{out}");
        let is_silent = out.is_empty() && !command.contains(" | xargs") && !command.contains('>');
        assert!(!is_silent || code == 2, "{document}: {command} prints nothing");
        assert!(!out.contains('\u{1b}'), "{document}: {command} colours what is no terminal");
        count += 1;
    }
    count
}

#[test]
fn examples_of_the_readme_run() {
    assert!(run("README.md") >= 14);
}

#[test]
fn examples_of_the_health_page_run() {
    assert!(run("docs/health.md") >= 18);
}

#[test]
fn examples_of_the_backup_page_run() {
    assert!(run("docs/backup.md") >= 10);
}

#[test]
fn examples_of_the_audit_page_run() {
    assert!(run("docs/audit.md") >= 18);
}

#[test]
fn examples_of_the_scale_page_run() {
    assert!(run("docs/scale.md") >= 3);
}
