//! `kubectl mlops health` against a real API server: the same platform as in `examples/`, each account's view.

use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::users::User;
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) const NOW: &str = "2026-11-20T03:00:00Z";

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn health(kubeconfig: &Path, flags: &[&str]) -> Outcome {
    // kwok's nodes are ready and have no kubelet that answers: the tests of `roles` ask for one.
    health_and_volumes(kubeconfig, &[&["--no-volumes"], flags].concat())
}

/// The same, asking the kubelets too.
pub(crate) fn health_and_volumes(kubeconfig: &Path, flags: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .env_clear()
        .env("HOME", home.path())
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["-o", "json"])
        .args(flags)
        .output()
        .expect("runs");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

pub(crate) fn report(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

/// A control plane of these tests' own with the degraded sample: its slim definitions replace the
/// stubs that other tests look at. Its guard ends it with the process.
pub(crate) fn degraded() -> &'static ControlPlane {
    static PLANE: OnceLock<ControlPlane> = OnceLock::new();
    PLANE.get_or_init(|| {
        let plane = ControlPlane::start(&Parts::objects_only()).expect("started");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/degraded");
        plane.api().apply_path(&folder).expect("loaded");
        plane
    })
}

/// A state that is expected of an object: kind, name, verdict and code.
pub(crate) type Expected<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The report on a namespace when every object is as expected, which controllers take a while to
/// bring about; what differs when they do not.
pub(crate) fn settled(kubeconfig: &Path, namespace: &str, expected: &[Expected<'_>]) -> Value {
    let mut differs = Vec::new();
    let settled = mlops_tests::wait::until("every object as expected", Duration::from_secs(150), || {
        let outcome = health(kubeconfig, &["-n", namespace, "--fail-on", "never"]);
        let report = report(&outcome);
        let all = report["objects"].as_array().expect("objects");
        let is = |entry: &Value, key: &str, value: &str| entry[key] == value;
        let wrong = expected.iter().filter_map(|(kind, name, verdict, code)| {
            let found = all.iter().find(|entry| is(entry, "kind", kind) && is(entry, "name", name));
            let fits = found.is_some_and(|entry| is(entry, "verdict", verdict) && is(entry, "code", code));
            (!fits).then(|| format!("{kind}/{name} should be {verdict} {code}, is {found:?}"))
        });
        differs = wrong.collect();
        Ok(differs.is_empty().then_some(report))
    });
    settled.unwrap_or_else(|error| panic!("{error}:\n{}", differs.join("\n")))
}

/// The root that explains an object, as `kind/name`; the object itself where it is a root.
pub(crate) fn root_of(report: &Value, kind: &str, name: &str) -> Option<String> {
    let shown = |object: &Value| {
        format!("{}/{}", object["kind"].as_str().unwrap_or_default(), object["name"].as_str().unwrap_or_default())
    };
    let wanted = format!("{kind}/{name}");
    let causes = report["causes"].as_array()?;
    let explains = |cause: &Value| {
        let effects = cause["explains"].as_array().into_iter().flatten();
        shown(&cause["object"]) == wanted || effects.into_iter().any(|effect| shown(&effect["object"]) == wanted)
    };
    causes.iter().find(|cause| explains(cause)).map(|cause| shown(&cause["object"]))
}

fn has_cause(report: &Value, kind: &str, name: &str, code: &str) -> bool {
    let fits =
        |cause: &Value| cause["object"]["kind"] == kind && cause["object"]["name"] == name && cause["code"] == code;
    report["causes"].as_array().is_some_and(|causes| causes.iter().any(fits))
}

#[test]
fn a_real_cluster_gives_the_causes_that_its_files_give() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: loads a whole platform, which a cluster that is already there should not get");
        return;
    }
    let outcome = health(&degraded().kubeconfig(User::Admin).expect("kubeconfig"), &["--now", NOW]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let report = report(&outcome);
    assert_eq!(report["view"]["source"], "cluster");
    assert!(has_cause(&report, "StorageClass", "fast-ssd", "object-missing"), "{}", report["causes"]);
    assert!(has_cause(&report, "Node", "mlops-worker-3", "node-not-ready"), "{}", report["causes"]);
    assert!(
        has_cause(&report, "GitRepository", "mlops-infrastructure", "flux-source-auth-failed"),
        "{}",
        report["causes"]
    );
    let entry = |kind: &str, name: &str| {
        let all = report["objects"].as_array().into_iter().flatten();
        all.into_iter()
            .find(|entry| entry["kind"] == kind && entry["name"] == name)
            .map(|entry| entry["verdict"].clone())
    };
    assert_eq!(entry("HelmRelease", "minio-operator"), Some("SUSPENDED".into()));
    assert_eq!(entry("Kafka", "mlops-kafka-cluster"), Some("FAIL".into()));
}

#[test]
fn an_account_that_may_not_read_everything_is_never_told_that_all_is_well() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: needs accounts of its own");
        return;
    }
    let plane = degraded();
    let reader = health(&plane.kubeconfig(User::Reader).expect("kubeconfig"), &["--fail-on", "never", "--now", NOW]);
    assert_eq!(reader.code, Some(3), "{}", reader.stderr);
    let report = report(&reader);
    let secrets =
        report["coverage"].as_array().and_then(|all| all.iter().find(|section| section["kind"] == "Secret").cloned());
    let secrets = secrets.expect("secrets are told");
    assert_eq!((&secrets["read"], &secrets["gap"]), (&false.into(), &true.into()), "{secrets}");
    assert!(secrets["hint"].as_str().is_some_and(|hint| hint.contains("resources: [\"secrets\"]")), "{secrets}");

    let stranger = health(&plane.kubeconfig(User::Stranger).expect("kubeconfig"), &["--now", NOW]);
    assert_eq!(stranger.code, Some(3), "{}{}", stranger.stdout, stranger.stderr);
}
