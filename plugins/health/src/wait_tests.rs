//! When a wait ends, told by reports and a clock that the tests set.

use super::*;
use crate::samples::{at, cause, pod, report, unread};
use mlops_shared::cli::Unread;
use mlops_shared::report::ReadError;

fn goal(fail_on: Level) -> Goal {
    Goal::new(FailOn::Level(fail_on), false)
}

fn look(report: Report) -> Vec<Look> {
    vec![Look { context: "prod".into(), outcome: Ok(report) }]
}

fn down(is_final: bool) -> Vec<Look> {
    let error = ReadError { message: "no connection".into(), hints: vec![] };
    vec![Look {
        context: "prod".into(),
        outcome: Err(Unread { error, exit: Exit::Unchecked, is_ours: false, is_final }),
    }]
}

fn healthy() -> Vec<Look> {
    look(pod(report(0), "p", Level::Ok, "pod-ready"))
}

/// One cause, without effects.
fn one(level: Level, code: &str, since: Option<i64>) -> Vec<Look> {
    look(cause(report(0), "p", level, code, since, &[]))
}

fn exit(state: &State) -> Option<Exit> {
    match state {
        State::Pending { exit, .. } => Some(*exit),
        _ => None,
    }
}

#[test]
fn healthy_counts_when_it_holds() {
    let mut goal = goal(Level::Fail);
    assert_eq!(goal.see(&healthy(), at(0)), State::Settling);
    // It flaps: the count starts again.
    assert_eq!(exit(&goal.see(&one(Level::Fail, "pod-crash-loop", None), at(5))), Some(Exit::Findings));
    assert_eq!(goal.see(&healthy(), at(10)), State::Settling);
    assert_eq!(goal.see(&healthy(), at(15)), State::Healthy);
}

#[test]
fn below_the_threshold_only_progress_is_waited_for() {
    for (level, code, is_in_the_way) in [
        (Level::Warn, "pod-oom-killed", false),
        (Level::Suspended, "suspended", false),
        (Level::Progressing, "workload-rolling-out", true),
        (Level::Progressing, "job-running", false),
    ] {
        let state = goal(Level::Fail).see(&one(level, code, None), at(0));
        assert_eq!(state != State::Settling, is_in_the_way, "{code}");
    }
    // The pods of a Job at work come and go.
    let starting =
        cause(report(0), "p", Level::Progressing, "pod-starting", None, &[("j", Level::Progressing, "job-running")]);
    assert_eq!(goal(Level::Fail).see(&look(starting), at(0)), State::Settling);
    let warned = goal(Level::Warn).see(&one(Level::Warn, "pod-oom-killed", None), at(0));
    assert_eq!(exit(&warned), Some(Exit::Findings));
}

#[test]
fn an_effect_that_is_worse_than_its_cause_is_in_the_way() {
    let hidden = cause(report(0), "pvc", Level::Warn, "pvc-pending", None, &[("p", Level::Fail, "pod-unschedulable")]);
    assert_eq!(exit(&goal(Level::Fail).see(&look(hidden), at(0))), Some(Exit::Findings));
}

#[test]
fn what_is_final_ends_the_wait_at_the_second_look() {
    for code in ["pod-image-refused", "job-failed", "workload-rollout-stuck", "flux-stalled"] {
        let mut goal = goal(Level::Fail);
        let first = goal.see(&one(Level::Fail, code, None), at(0));
        assert_eq!(exit(&first), Some(Exit::Findings), "{code}: it may be about to be replaced");
        let second = goal.see(&one(Level::Fail, code, None), at(5));
        assert!(matches!(&second, State::Hopeless(lines) if lines[0].contains(code)), "{code}: {second:?}");
    }
}

#[test]
fn what_is_stuck_ends_the_wait_once_it_has_stood() {
    let image = |since| one(Level::Fail, "pod-image-pull", since);
    let mut early = goal(Level::Fail);
    for second in [1000, 1005, 1290] {
        assert!(exit(&early.see(&image(Some(1000)), at(second))).is_some(), "{second}");
    }
    // It is old enough now, and must be so in the next look too.
    assert!(exit(&early.see(&image(Some(1000)), at(1300))).is_some());
    assert!(matches!(early.see(&image(Some(1000)), at(1305)), State::Hopeless(_)));
    // Where nobody says since when, the wait's own clock counts; a pause starts it again.
    let mut own = goal(Level::Fail);
    assert!(exit(&own.see(&image(None), at(0))).is_some());
    assert!(exit(&own.see(&image(None), at(299))).is_some());
    assert_eq!(own.see(&healthy(), at(300)), State::Settling);
    assert!(exit(&own.see(&image(None), at(400))).is_some());
    assert!(exit(&own.see(&image(None), at(650))).is_some());
    assert!(exit(&own.see(&image(None), at(700))).is_some());
    assert!(matches!(own.see(&image(None), at(701)), State::Hopeless(_)));
}

#[test]
fn an_effect_heals_with_its_cause_unless_it_is_an_end() {
    let effect =
        |code| look(cause(report(0), "node", Level::Fail, "node-not-ready", None, &[("p", Level::Fail, code)]));
    let mut open = goal(Level::Fail);
    let mut ended = goal(Level::Fail);
    for second in [0, 5_000, 10_000] {
        assert!(exit(&open.see(&effect("pod-image-pull"), at(second))).is_some(), "{second}");
    }
    ended.see(&effect("job-failed"), at(0));
    assert!(matches!(ended.see(&effect("job-failed"), at(5)), State::Hopeless(_)));
}

#[test]
fn a_suspended_cause_is_an_end_for_what_waits_for_it() {
    let waits = cause(
        report(0),
        "ks",
        Level::Suspended,
        "suspended",
        None,
        &[("app", Level::Fail, "flux-dependency-not-ready")],
    );
    let mut goal = goal(Level::Fail);
    goal.see(&look(waits.clone()), at(0));
    assert!(matches!(goal.see(&look(waits), at(5)), State::Hopeless(_)));
}

#[test]
fn what_nobody_can_tell_is_not_healthy() {
    // Nothing there, a namespace without anything, a kind that timed out, a server that is down.
    let mut typo = pod(report(0), "p", Level::Ok, "pod-ready");
    typo.view.namespaces = vec!["a".into(), "typo".into()];
    let slow = unread(pod(report(0), "p", Level::Ok, "pod-ready"), "Node", None);
    for (name, looks) in [
        ("empty", look(report(0))),
        ("typo", look(typo)),
        ("timed out", look(slow)),
        ("down", down(false)),
        ("unknown", one(Level::Unknown, "state-unknown", None)),
    ] {
        let mut goal = goal(Level::Fail);
        for second in [0, 5, 10] {
            assert_eq!(exit(&goal.see(&looks, at(second))), Some(Exit::Unchecked), "{name}");
        }
    }
}

#[test]
fn what_may_never_be_read_is_not_waited_for() {
    let forbidden = unread(pod(report(0), "p", Level::Ok, "pod-ready"), "Node", Some("a ClusterRole needs: …"));
    for looks in [look(forbidden.clone()), down(true)] {
        let mut goal = goal(Level::Fail);
        assert_eq!(exit(&goal.see(&looks, at(0))), Some(Exit::Unchecked));
        assert!(matches!(goal.see(&looks, at(5)), State::Unreadable(_)));
    }
    // What is wrong beside it is waited for.
    let both = cause(forbidden, "q", Level::Progressing, "pod-starting", None, &[]);
    let mut goal = goal(Level::Fail);
    for second in [0, 5, 10] {
        assert_eq!(exit(&goal.see(&look(both.clone()), at(second))), Some(Exit::Findings));
    }
}

#[test]
fn every_cluster_must_be_healthy() {
    let mut looks = healthy();
    looks.extend(down(false));
    let mut goal = goal(Level::Fail);
    for second in [0, 5] {
        assert_eq!(exit(&goal.see(&looks, at(second))), Some(Exit::Unchecked));
    }
}
