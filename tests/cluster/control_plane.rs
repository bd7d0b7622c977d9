//! The control plane itself: it starts, two do not meet, and nothing of it is left behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mlops_tests::control_plane::{ControlPlane, Parts, shared};
use mlops_tests::wait;

/// Processes that name this folder on their command line.
fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&dir) {
            found.push(line);
        }
    }
    found
}

#[test]
fn serves_the_pinned_version() {
    let control_plane = shared();
    if control_plane.is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has a version of its own");
        return;
    }
    let version = control_plane.api().client().get("/version").expect("an answer").json().expect("JSON");
    assert_eq!(version["gitVersion"], "v1.36.3");
    let said = control_plane.kubectl(&["version", "--client"]).expect("kubectl runs");
    assert!(said.contains("v1.36.3"), "{said}");
}

#[test]
fn nothing_is_left_when_it_is_dropped() {
    let first = ControlPlane::start(&Parts::api_server()).expect("it starts");
    let second = ControlPlane::start(&Parts::api_server()).expect("another beside it");
    assert_ne!(first.address().expect("ours"), second.address().expect("ours"));
    let dir = first.dir().to_owned();
    assert!(processes_of(&dir).len() >= 3, "the guard, etcd and kube-apiserver: {:?}", processes_of(&dir));
    drop(first);
    assert_eq!(processes_of(&dir), Vec::<String>::new());
    assert!(!dir.exists(), "{} is still there", dir.display());
    second.check().expect("the other still runs");
    assert_eq!(second.api().client().get("/readyz").expect("an answer").status, 200);
}

#[test]
fn nothing_is_left_when_the_harness_is_killed() {
    // A harness of its own: the testbed program, which this test may kill.
    let program = Path::new(env!("CARGO_BIN_EXE_testbed"));
    let mut harness = Command::new(program)
        .args(["up", "--objects-only"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("testbed starts");
    let mut line = String::new();
    BufReader::new(harness.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let kubeconfig = line.trim().strip_prefix("export KUBECONFIG=").expect("the line that a shell can read");
    let dir = Path::new(kubeconfig).ancestors().nth(2).expect("the control plane's folder").to_owned();
    assert!(processes_of(&dir).len() >= 3);
    harness.kill().expect("SIGKILL");
    harness.wait().expect("its end");
    wait::until("everything is gone", Duration::from_secs(20), || {
        Ok((processes_of(&dir).is_empty() && !dir.exists()).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}, {} exists: {}", processes_of(&dir), dir.display(), dir.exists()));
}
