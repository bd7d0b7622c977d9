//! What running a program promises, with `sh` as the program.

use super::*;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// `sh -c script`. Only a test may use a shell.
fn sh(script: &str) -> Call {
    let shell = Program::find_in("sh", Some(OsStr::new("/bin:/usr/bin"))).expect("a shell");
    Call::new(&shell).args(["-c", script])
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, "").expect("file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("mode");
}

#[test]
fn what_it_prints_is_the_answer() {
    let output = sh("cat; echo said >&2").input("in").run().expect("output");
    assert_eq!((output.stdout.as_slice(), output.stderr), (&b"in"[..], vec!["said".to_owned()]));
    // Without input there is none: nothing waits for a terminal.
    assert_eq!(sh("cat").run().expect("output").stdout, b"");
}

#[test]
fn arguments_are_no_shell_words() {
    let output = sh("printf %s \"$1\"").args(["zero", "; exit 9 $(id) *"]).run().expect("output");
    assert_eq!(output.stdout, b"; exit 9 $(id) *");
}

#[test]
fn a_failure_quotes_the_end_of_what_it_said() {
    let error = sh("echo 'fatal: https://bot:canary@host/x' >&2; exit 7").run().expect_err("a failure");
    assert_eq!(error.to_string(), "sh failed with exit code 7: fatal: https://…@host/x");
    let error = sh("kill -9 $$").run().expect_err("a signal");
    assert!(matches!(error, ToolError::Signalled { .. }), "{error}");
}

#[test]
fn what_does_not_end_is_stopped() {
    let error = sh("echo asked >&2; exec sleep 600").limit(Duration::from_millis(200)).run().expect_err("late");
    assert_eq!(error.to_string(), "sh did not end within 0.2s and was stopped: asked");
}

#[test]
fn what_is_left_behind_is_not_waited_for_without_end() {
    // The child of the shell holds the streams; the shell itself has ended well, but nobody knows what is to come.
    let folder = tempfile::tempdir().expect("folder");
    let script = "touch on; (while [ -e on ]; do sleep 0.05; done) & exit 0";
    let error = sh(script).folder(folder.path()).limit(Duration::from_millis(300)).run().expect_err("late");
    assert!(matches!(error, ToolError::TimedOut { .. }), "{error}");
}

#[test]
fn half_an_answer_is_no_answer() {
    let error = sh("while :; do echo yyyyyyyy; done").at_most(1000).run().expect_err("too much");
    assert_eq!(error.to_string(), "sh printed more than 1000 bytes and was stopped");
    assert_eq!(sh("printf 12345").at_most(5).run().expect("just so much").stdout, b"12345");
}

#[test]
fn much_on_standard_error_blocks_nothing() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo line$i >&2; i=$((i+1)); done; echo done";
    let output = sh(script).run().expect("output");
    assert_eq!(output.stdout, b"done\n");
    assert_eq!(output.stderr.last().map(String::as_str), Some("line19999"));
}

#[test]
fn the_environment_is_what_was_chosen() {
    let basic = |call: Call| String::from_utf8(call.run().expect("output").stdout).expect("text");
    let call = sh("env").environment(Environment::Basic).env("A", "1").env("B", "2").without_env("B");
    let seen = basic(call);
    let names: Vec<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(names.contains(&"A") && names.contains(&"LC_ALL") && names.contains(&"PATH"), "{names:?}");
    // Cargo sets this for every test.
    assert!(!names.contains(&"B") && !names.contains(&"CARGO_MANIFEST_DIR"), "{names:?}");
    assert!(basic(sh("env")).contains("CARGO_MANIFEST_DIR="));
    assert_eq!(basic(sh("pwd").folder("/")), "/\n");
}

#[test]
fn a_program_is_found_on_the_path_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("folder");
    executable(&folder.path().join("flux"));
    std::fs::write(folder.path().join("helm"), "").expect("file");
    let search = Some(folder.path().as_os_str());
    let found = Program::find_in("flux", search).expect("flux");
    assert_eq!((found.name(), found.path()), ("flux", folder.path().join("flux").as_path()));
    for name in ["helm", "git", "", "..", "./flux", "x/../flux"] {
        let error = Program::find_in(name, search).expect_err(name);
        assert!(matches!(error, ToolError::NotFound { .. }), "{name}: {error}");
    }
    let error = Program::find_in("helm", search).expect_err("not executable");
    assert_eq!(error.to_string(), format!("helm was not found in {}", folder.path().display()));
    assert_eq!(error.hints(), ["install helm and put it on PATH: https://helm.sh/docs/intro/install/"]);
    // A relative entry would find what lies where somebody happens to stand.
    for search in [None, Some(OsStr::new("")), Some(OsStr::new(".:..:src"))] {
        let error = Program::find_in("flux", search).expect_err("nowhere");
        assert_eq!(error.to_string(), "flux was not found: no folder to search (is PATH set?)");
    }
}

#[test]
fn siblings_lie_beside_the_file_that_a_link_leads_to() {
    let (real, links) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    executable(&real.path().join("kubectl-mlops"));
    executable(&real.path().join("kubectl-mlops-health"));
    let link = links.path().join("flux-mlops");
    std::os::unix::fs::symlink(real.path().join("kubectl-mlops"), &link).expect("link");
    let found = Program::beside(&link, "kubectl-mlops-health").expect("the sibling");
    assert_eq!(found.path(), real.path().canonicalize().expect("path").join("kubectl-mlops-health"));
    assert!(matches!(Program::beside(&link, "kubectl-mlops-audit"), Err(ToolError::NotFound { .. })));
    assert!(Program::beside(&links.path().join("gone"), "x").is_err());
}

/// Becomes `sh`; run in a process of its own by the next test.
#[test]
#[ignore = "replaces the process it runs in: the next test starts it"]
fn becoming() {
    if std::env::var_os("MLOPS_TEST_BECOMES").is_some() {
        let shell = Program::find("sh").expect("a shell");
        let error = shell.become_it("kubectl mlops sh", &["-c", "exit $1", "zero", "7"].map(OsString::from));
        panic!("{error:?}");
    }
}

#[test]
fn the_program_that_one_becomes_gives_the_exit_code() {
    let own = std::env::current_exe().expect("this test");
    let name = own.file_name().and_then(OsStr::to_str).expect("name");
    let this = Program::beside(&own, name).expect("this test");
    let call = Call::new(&this).args(["--ignored", "--exact", "tools::tests::becoming"]);
    let error = call.env("MLOPS_TEST_BECOMES", "1").run().expect_err("7");
    assert!(matches!(error, ToolError::Failed { code: 7, .. }), "{error}");
}
