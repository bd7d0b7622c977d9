//! Tests of what is said of snapshots, and of the plans.

use super::cover::GROUP;
use super::judge::report;
use super::read::{Seen, read};
use super::wait::{Look, look};
use super::{Wanted, retain, take, wanted};
use crate::args::{Args, Command};
use clap::Parser as _;
use mlops_shared::cli::{WriteArgs, WriteSettings};
use mlops_shared::object::{InventoryBuilder, Scope, Section, SectionState, Sym, Unread};
use mlops_shared::report::{Level, PlanState, Risk};
use serde_json::json;

const BASE: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-0, namespace: a, creationTimestamp: '2026-01-01T00:00:00Z', labels: {strimzi.io/cluster: events}}
spec: {volumeName: pv-0, storageClassName: fast}
status: {phase: Bound, capacity: {storage: 10Gi}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-0}
spec: {csi: {driver: csi.example.com, volumeHandle: h0}, capacity: {storage: 10Gi}}
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: keep}
driver: csi.example.com
deletionPolicy: Retain
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: other}
driver: csi.other.com
deletionPolicy: Delete
---
";

fn snapshot(name: &str, taken: &str, ready: bool, more: &str) -> String {
    format!(
        "apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata:
  name: {name}
  namespace: a
  uid: 00000000-0000-4000-8000-00000000000{n}
  labels: {{app.kubernetes.io/managed-by: kubectl-mlops, mlops.dev/snapshot-run: x}}
spec: {{source: {{persistentVolumeClaimName: data-0}}}}
status: {{readyToUse: {ready}, creationTime: '{taken}', boundVolumeSnapshotContentName: c-{name}, restoreSize: 10Gi{more}}}
---
",
        n = name.len()
    )
}

fn content(name: &str, policy: &str) -> String {
    format!(
        "apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotContent
metadata: {{name: c-{name}}}
spec:
  driver: csi.example.com
  deletionPolicy: {policy}
  source: {{volumeHandle: h0}}
  volumeSnapshotRef: {{namespace: a, name: {name}, uid: 00000000-0000-4000-8000-00000000000{n}}}
status: {{readyToUse: true}}
---
",
        n = name.len()
    )
}

fn seen(yaml: &str, flags: &[&str]) -> (Seen, Wanted) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("all.yaml");
    std::fs::write(&path, yaml).expect("write");
    let path = path.to_string_lossy().into_owned();
    let words = ["x", "snapshots", "--from", &path, "--now", "2026-11-20T03:00:00Z"];
    let args = Args::try_parse_from(words.iter().chain(flags)).expect("arguments");
    let Command::Snapshots(command) = &args.command else { panic!("another command") };
    let wanted = wanted(&args, command).expect("wanted");
    (read(&args, &wanted).expect("read"), wanted)
}

fn told(yaml: &str) -> (Level, String) {
    let (seen, wanted) = seen(yaml, &[]);
    let claim = report(&seen, &wanted).expect("a report").claims.remove(0);
    (claim.level, claim.message)
}

#[test]
fn a_claim_is_as_well_off_as_its_newest_snapshot_that_would_serve() {
    let fresh = |more: &str| format!("{BASE}{}", snapshot("new", "2026-11-20T01:00:00Z", true, more));
    let cases = [
        (BASE.to_owned(), Level::Unknown, "could not be read"),
        (fresh("") + &content("new", "Retain"), Level::Ok, "120m old"),
        (fresh("") + &content("new", "Delete"), Level::Warn, "goes with the VolumeSnapshot"),
        (
            fresh("")
                .replace("uid: 00000000-0000-4000-8000-000000000003\n", "uid: 00000000-0000-4000-8000-0000000000ff\n")
                + &content("new", "Retain"),
            Level::Fail,
            "none of them ready",
        ),
        (fresh("").replace("c-new", "c-none") + &content("new", "Retain"), Level::Fail, "none of them ready"),
        (
            fresh("").replace("restoreSize: 10Gi", "restoreSize: 20Gi") + &content("new", "Retain"),
            Level::Warn,
            "needs a claim of 20Gi",
        ),
        (
            format!("{BASE}{}{}", snapshot("old", "2026-11-18T01:00:00Z", true, ""), content("old", "Retain")),
            Level::Fail,
            "2d2h old",
        ),
        (
            format!(
                "{BASE}{}{}",
                snapshot("new", "2026-11-20T01:00:00Z", false, ", error: {message: quota}"),
                content("new", "Retain")
            ),
            Level::Fail,
            "quota",
        ),
        (
            fresh("").replace("creationTimestamp: '2026-01-01", "creationTimestamp: '2026-11-20T02:00:00Z' # '")
                + &content("new", "Retain"),
            Level::Fail,
            "earlier claim",
        ),
    ];
    for (yaml, level, words) in cases {
        let yaml = yaml.replace("# 'T00:00:00Z', labels: {strimzi.io/cluster: events}}", "}");
        let (is, message) = told(&yaml);
        assert!(is == level && message.contains(words), "{is:?} {message:?}, not {level:?} {words:?}\n{yaml}");
    }
}

#[test]
fn a_claim_that_no_driver_can_snapshot_says_so() {
    let one = snapshot("x", "2026-11-01T00:00:00Z", false, "") + &content("x", "Retain");
    let of = |yaml: String| told(&(yaml + &one)).1;
    assert!(
        of(BASE.replace("driver: csi.example.com, volumeHandle: h0", "driver: csi.lone.com"))
            .contains("no VolumeSnapshotClass is for its driver csi.lone.com")
    );
    assert!(of(BASE.replace("csi: {driver: csi.example.com, volumeHandle: h0}, ", "")).contains("not of a CSI driver"));
}

#[test]
fn contents_without_their_snapshot_are_named() {
    let yaml = format!(
        "{BASE}{}{}{}",
        snapshot("new", "2026-11-20T01:00:00Z", true, ""),
        content("new", "Retain"),
        content("gone", "Retain")
    );
    let (seen, wanted) = seen(&yaml, &[]);
    let loose = report(&seen, &wanted).expect("a report").loose;
    assert!(loose.len() == 1 && loose[0].name == "c-gone" && loose[0].snapshot == "a/gone", "{loose:?}");
}

fn settings() -> WriteSettings {
    WriteArgs { field_manager: "mlops".to_owned(), ..WriteArgs::default() }.settings().expect("settings")
}

#[test]
fn a_plan_to_snapshot_names_class_fate_and_what_is_not_promised() {
    let (claim, _) = BASE.split_once("---\napiVersion: snapshot").expect("classes come last");
    let second = claim.replace("name: data-0", "name: data-1").replace("pv-0", "pv-1") + "---\n";
    let yaml = format!("{BASE}{second}{}", content("x", "Retain"));
    let (seen, wanted) = seen(&yaml, &[]);
    let (plan, drafts) = take::plan(&seen, &wanted, &settings()).expect("a plan");
    assert_eq!(plan.state, PlanState::Planned);
    assert_eq!(plan.steps[0].object.name, "data-0-20261120-030000");
    assert!(plan.steps[0].effect.contains("class keep; its data stays"), "{:?}", plan.steps[0]);
    assert!(
        plan.notes.iter().any(|note| note.starts_with("Kafka a/events has 2 volumes here (data-0, data-1)")),
        "{:?}",
        plan.notes
    );
    assert_eq!(
        drafts[1]["spec"],
        json!({"volumeSnapshotClassName": "keep", "source": {"persistentVolumeClaimName": "data-1"}})
    );
    let long = take::called(&"x".repeat(253), "20261120-030000");
    assert!(long.len() <= 253 && long.ends_with("-20261120-030000"));
}

#[test]
fn a_claim_that_cannot_be_snapshotted_refuses_the_whole_plan() {
    let yaml = format!("{BASE}{}", content("x", "Retain"));
    for flags in [&["--create", "--class", "other"][..], &["--create", "--class", "none"]] {
        let (seen, wanted) = seen(&yaml, flags);
        let (plan, drafts) = take::plan(&seen, &wanted, &settings()).expect("a plan");
        assert!(plan.state == PlanState::Refused && plan.has_failed() && drafts.is_empty(), "{plan:?}");
    }
}

#[test]
fn of_old_snapshots_the_newest_that_is_ready_always_stays() {
    let all = |ready: [bool; 4]| {
        let times = ["2026-11-20T01:00:00Z", "2026-11-19T01:00:00Z", "2026-11-18T01:00:00Z", "2026-11-17T01:00:00Z"];
        let names = ["s", "ss", "sss", "ssss"];
        let each = (0..4).map(|at| snapshot(names[at], times[at], ready[at], "") + &content(names[at], "Delete"));
        let foreign = snapshot("sssss", "2026-11-01T01:00:00Z", true, "")
            .replace("managed-by: kubectl-mlops", "managed-by: velero");
        format!("{BASE}{}{foreign}", each.collect::<String>())
    };
    let goes = |ready, keep| -> Vec<String> {
        let (seen, wanted) = seen(&all(ready), &[]);
        let plan = retain::plan(&seen, &wanted, &settings(), keep);
        assert!(plan.steps.iter().all(|step| step.risk == Risk::DataLoss));
        plan.steps.into_iter().map(|step| step.object.name).collect()
    };
    assert_eq!(goes([true; 4], 2), ["sss", "ssss"]);
    assert_eq!(goes([false, false, true, true], 1), ["ss", "ssss"]);
    assert!(goes([false; 4], 1).is_empty());
    // Ready by its own words, and its content is gone: no restore is made from it.
    let (seen, wanted) = seen(&all([true; 4]).replace(&content("s", "Delete"), ""), &[]);
    let plan = retain::plan(&seen, &wanted, &settings(), 1);
    assert_eq!(plan.steps.iter().map(|step| &*step.object.name).collect::<Vec<_>>(), ["sss", "ssss"]);
}

#[test]
fn what_could_not_be_read_is_not_taken_for_absent() {
    for (group, kind) in [("", "PersistentVolumeClaim"), (GROUP, "VolumeSnapshot"), (GROUP, "VolumeSnapshotContent")] {
        let (mut seen, wanted) = seen(BASE, &[]);
        let mut unread = InventoryBuilder::new(Scope::Cluster, true);
        let is_of_claims = group.is_empty();
        let (group, kind) = (Sym::new(group), Sym::new(kind));
        let state = SectionState::Unread(Unread::Forbidden("no".to_owned()));
        unread.section(Section { group, kind, resource: Sym::new("x"), state });
        seen.inventory = unread.finish();
        let plan = match is_of_claims {
            true => take::plan(&seen, &wanted, &settings()).expect("a plan").0,
            false => retain::plan(&seen, &wanted, &settings(), 1),
        };
        assert!(plan.state == PlanState::Refused && plan.is_unsure() && plan.steps.is_empty(), "{plan:?}");
    }
}

#[test]
fn what_a_driver_says_ends_the_waiting_or_does_not() {
    assert_eq!(look(&json!({"status": {"readyToUse": true}})), Look::Ready);
    assert_eq!(look(&json!({})), Look::Waiting(None));
    assert_eq!(
        look(&json!({"status": {"readyToUse": false, "error": {"message": "quota"}}})),
        Look::Refused("quota".into())
    );
    let met = "snapshot controller failed to update x on API server: the object has been modified; please apply";
    assert!(matches!(look(&json!({"status": {"error": {"message": met}}})), Look::Waiting(Some(_))));
}
