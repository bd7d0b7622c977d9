//! What a watch tells, look by look.

use super::event::{EventType, HealthEvent};
use super::{Tracker, line};
use crate::samples::{at, cause, id, pod, read, report, unread};
use mlops_shared::report::{Level, Report};

/// The events that are printed by default, as lines without their time.
fn lines(events: &[HealthEvent]) -> Vec<String> {
    let shown: Vec<&HealthEvent> = events.iter().filter(|event| event.is_shown(Level::Suspended)).collect();
    let told = shown.iter().filter(|event| event.is_told(shown.iter().copied()));
    told.map(|event| line(event, false, 200)[22..].to_owned()).collect()
}

fn well(second: i64) -> Report {
    pod(report(second), "p", Level::Ok, "pod-ready")
}

fn broken(second: i64) -> Report {
    let effects = [("q", Level::Fail, "pod-not-ready")];
    cause(report(second), "p", Level::Fail, "pod-crash-loop", Some(second - 60), &effects)
}

#[test]
fn the_state_comes_first_and_then_only_changes() {
    let mut tracker = Tracker::default();
    let mut first = broken(100);
    first.summary.levels.insert(Level::Fail, 2);
    assert_eq!(
        lines(&tracker.see(&first)),
        [
            "now FAIL: 1 cause, 2 objects: 2 FAIL",
            "cause FAIL  Pod/a/p: p is FAIL (for 60s) [pod-crash-loop], explains 1"
        ]
    );
    assert_eq!(tracker.see(&broken(110)), [], "nothing changed");
    let mut next = pod(well(120), "q", Level::Progressing, "pod-starting");
    next.objects[1].cause = Some(Box::new(id("x")));
    assert_eq!(
        lines(&tracker.see(&next)),
        [
            "cleared FAIL -> OK  Pod/a/p: p is OK [pod-crash-loop]",
            "FAIL -> PROGRESSING  Pod/a/q: q is PROGRESSING [pod-starting], cause: Pod/a/x"
        ]
    );
}

#[test]
fn causes_appear_once_and_objects_tell_their_cause() {
    let mut tracker = Tracker::default();
    tracker.see(&well(0));
    let events = tracker.see(&broken(10));
    assert_eq!(
        lines(&events),
        [
            "cause OK -> FAIL  Pod/a/p: p is FAIL (for 60s) [pod-crash-loop], explains 1",
            "new -> FAIL  Pod/a/q: q is FAIL [pod-not-ready], cause: Pod/a/p"
        ]
    );
    // Documents hold the change of the object itself too.
    let changed = |event: &&HealthEvent| event.event == EventType::Changed && event.object == Some(id("p"));
    let changed = events.iter().find(changed).expect("a change");
    assert_eq!((changed.from, changed.to), (Some(Level::Ok), Some(Level::Fail)));
}

#[test]
fn what_is_gone_is_told_and_what_is_well_comes_and_goes_quietly() {
    let mut tracker = Tracker::default();
    tracker.see(&broken(0));
    let events = tracker.see(&report(10));
    assert_eq!(
        lines(&events),
        [
            "cleared FAIL -> gone  Pod/a/p: it is not there [pod-crash-loop]",
            "FAIL -> gone  Pod/a/q: is gone [pod-not-ready]"
        ]
    );
    assert_eq!(lines(&tracker.see(&well(20))), Vec::<String>::new());
    assert_eq!(lines(&tracker.see(&report(30))), Vec::<String>::new());
}

#[test]
fn a_kind_that_is_not_read_is_neither_gone_nor_well() {
    let mut tracker = Tracker::default();
    tracker.see(&broken(0));
    let dark = |second| unread(report(second), "Pod", None);
    assert_eq!(lines(&tracker.see(&dark(10))), ["not read: Pod: forbidden"]);
    assert_eq!(tracker.see(&dark(20)), [], "once");
    // The same is there again: that is no change.
    assert_eq!(lines(&tracker.see(&broken(30))), ["read again: Pod"]);
    tracker.see(&dark(40));
    assert_eq!(
        lines(&tracker.see(&well(50))),
        [
            "read again: Pod",
            "cleared FAIL -> OK  Pod/a/p: p is OK [pod-crash-loop]",
            "FAIL -> gone  Pod/a/q: is gone [pod-not-ready]"
        ]
    );
}

#[test]
fn a_discovery_with_gaps_makes_no_object_gone() {
    let mut tracker = Tracker::default();
    tracker.see(&broken(0));
    let mut partial = report(10);
    partial.coverage.clear();
    partial.summary.partial = true;
    assert_eq!(tracker.see(&partial), []);
    // Without a gap a kind that is not served any more is gone.
    let mut whole = read(report(20), "Node");
    whole.coverage.remove(0);
    assert_eq!(lines(&tracker.see(&whole)).len(), 2);
}

/// A volume does not empty itself because its kubelet fell silent.
#[test]
fn a_full_volume_stays_full_until_it_is_measured_again() {
    let full = |second| cause(report(second), "p", Level::Fail, "volume-nearly-full", None, &[]);
    let mut tracker = Tracker::default();
    tracker.see(&full(0));
    let mut silent = pod(report(10), "p", Level::Ok, "claim-bound");
    silent.coverage.push(mlops_shared::report::Coverage {
        group: "stats".into(),
        kind: "Summary".into(),
        read: false,
        objects: 0,
        why: Some("timed out".into()),
        gap: true,
        hint: None,
    });
    assert_eq!(lines(&tracker.see(&silent)), ["not read: how full volumes are: timed out"]);
    let measured = pod(report(20), "p", Level::Ok, "claim-bound");
    let told = lines(&tracker.see(&measured));
    assert!(told.iter().any(|line| line.starts_with("cleared FAIL -> OK")), "{told:?}");
}

#[test]
fn a_server_that_is_away_is_told_once_and_when_it_is_back() {
    let mut tracker = Tracker::default();
    assert!(!tracker.has_started());
    assert_eq!(lines(&tracker.miss("prod", "refused", at(0))), ["STALE: nothing is known yet: refused"]);
    assert!(tracker.has_started() && tracker.miss("prod", "refused", at(10)).is_empty());
    assert_eq!(lines(&tracker.see(&well(20)))[0], "current: the cluster answers");
    let stale = tracker.miss("prod", "reset", at(30));
    assert_eq!(lines(&stale), ["STALE: the view is stale: reset (for 10s)"]);
    assert_eq!(tracker.miss("prod", "refused", at(40)), []);
    let back = tracker.see(&broken(50));
    assert_eq!(lines(&back)[0], "current: the view is current again after 30s");
    assert!(lines(&back)[1].starts_with("cause OK -> FAIL"), "{:?}", lines(&back));
}

#[test]
fn lines_and_documents_are_one_line_and_safe() {
    let hostile = "x\n\u{1b}[2J\u{202e}\r";
    let mut broken = broken(0);
    broken.view.name = hostile.into();
    for cause in &mut broken.causes {
        (cause.message, cause.object.name, cause.code) = (hostile.into(), hostile.into(), hostile.into());
    }
    let mut tracker = Tracker::default();
    tracker.see(&well(0));
    for event in tracker.see(&broken) {
        for text in [line(&event, true, 80), event.json().expect("JSON")] {
            assert!(!text.chars().any(mlops_shared::text::is_unsafe), "{text:?}");
        }
        let read: HealthEvent = serde_json::from_str(&event.json().expect("JSON")).expect("the same");
        assert_eq!(read, event);
    }
}
