//! Shares, thresholds, stale and contradictory figures, and which of several measurements counts.

use super::super::testing::{NOW, expect, inventory};
use super::*;

fn filesystem(fields: &str) -> Filesystem {
    serde_json::from_str(&format!("{{{fields}}}")).expect("JSON")
}

fn judge(fields: &str) -> Verdict {
    let statistics = VolumeStatistics { filesystem: filesystem(fields), ..VolumeStatistics::default() };
    volume(&statistics, &Thresholds::default(), NOW.parse().expect("time"))
}

#[test]
fn a_share_is_that_of_df() {
    // ext4 keeps 5 % for root: with nothing left to write it is full, at 95 % of its size.
    let full = Fullness::of(&filesystem(r#""capacityBytes":1000,"usedBytes":950,"availableBytes":0"#));
    assert_eq!(full.percent, Some(100.0));
    let half = Fullness::of(&filesystem(r#""capacityBytes":1000,"usedBytes":475,"availableBytes":475"#));
    assert_eq!(half.percent, Some(50.0));
    let without = Fullness::of(&filesystem(r#""capacityBytes":1000,"usedBytes":250"#));
    assert_eq!(without.percent, Some(25.0));
    let rest = Fullness::of(&filesystem(r#""capacityBytes":1000,"availableBytes":250"#));
    assert_eq!(rest.percent, Some(75.0));
}

#[test]
fn thresholds_are_reached_from_below() {
    for (used, level, code) in [
        (849, Level::Ok, "volume-has-room"),
        (850, Level::Warn, "volume-nearly-full"),
        (949, Level::Warn, "volume-nearly-full"),
        (950, Level::Fail, "volume-nearly-full"),
    ] {
        let verdict = judge(&format!(r#""capacityBytes":1000,"usedBytes":{used},"availableBytes":{}"#, 1000 - used));
        assert_eq!((verdict.level, verdict.code.id), (level, code), "{used}: {}", verdict.message);
    }
}

#[test]
fn inodes_run_out_while_bytes_are_free() {
    let bytes = r#""capacityBytes":1000,"usedBytes":100,"availableBytes":900"#;
    let verdict = judge(&format!(r#"{bytes},"inodes":1000,"inodesUsed":990,"inodesFree":10"#));
    assert_eq!((verdict.level, verdict.code.id), (Level::Fail, "volume-inodes-low"), "{}", verdict.message);
    let verdict = judge(&format!(r#"{bytes},"inodes":1000,"inodesFree":10"#));
    assert_eq!(verdict.level, Level::Fail, "used follows from free: {}", verdict.message);
    // btrfs and some network filesystems report none.
    assert_eq!(judge(&format!(r#"{bytes},"inodes":0,"inodesUsed":0,"inodesFree":0"#)).level, Level::Ok);
    let both = judge(r#""capacityBytes":1000,"usedBytes":900,"availableBytes":100,"inodes":100,"inodesUsed":99"#);
    assert_eq!((both.code.id, both.more.len()), ("volume-inodes-low", 1), "the more urgent one leads");
}

#[test]
fn what_reports_nothing_is_unknown() {
    for fields in [
        "",
        r#""capacityBytes":1000"#,
        // A block volume: its driver knows its size alone.
        r#""capacityBytes":1000,"usedBytes":0,"availableBytes":0"#,
        // Nothing left, and hardly anything used.
        r#""capacityBytes":1000,"usedBytes":100,"availableBytes":0"#,
    ] {
        let verdict = judge(fields);
        assert_eq!((verdict.level, verdict.code.id), (Level::Unknown, "volume-use-unknown"), "{fields}");
    }
}

#[test]
fn old_figures_prove_no_room_but_do_prove_its_want() {
    let with = |time: &str, used: i64| {
        judge(&format!(r#""time":"{time}","capacityBytes":1000,"usedBytes":{used},"availableBytes":{}"#, 1000 - used))
    };
    assert_eq!(with("2026-11-20T02:59:00Z", 100).level, Level::Ok);
    assert_eq!(with("2026-11-20T02:00:00Z", 100).level, Level::Unknown);
    let full = with("2026-11-20T02:00:00Z", 990);
    assert_eq!(full.level, Level::Fail);
    assert_eq!(full.evidence, ["measured 60m ago"]);
    assert_eq!(with("2026-11-20T04:00:00Z", 100).level, Level::Ok, "a node's clock may run ahead");
}

#[test]
fn hostile_figures_do_no_harm() {
    for fields in [
        r#""capacityBytes":18446744073709551615,"usedBytes":18446744073709551615,"availableBytes":18446744073709551615"#,
        r#""capacityBytes":-1,"usedBytes":-5,"availableBytes":1e300"#,
        r#""capacityBytes":1,"usedBytes":9223372036854775807,"availableBytes":0,"inodes":1,"inodesUsed":99"#,
    ] {
        let fullness = Fullness::of(&filesystem(fields));
        assert!(fullness.percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)), "{fields}: {fullness:?}");
        judge(fields);
    }
}

const SUMMARY: &str = "apiVersion: stats/v1alpha1\nkind: Summary\n";

#[test]
fn the_newest_measurement_counts_and_of_equals_the_fullest() {
    let volume = |time: &str, used: i64| {
        format!(
            "{{podRef: {{name: p, namespace: n}}, volume: [{{pvcRef: {{name: data}}, time: '{time}', capacityBytes: 1000, usedBytes: {used}, availableBytes: {}}}]}}",
            1000 - used
        )
    };
    let yaml = |one: &str, two: &str| {
        format!("{SUMMARY}node: {{nodeName: w1}}\npods: [{one}]\n---\n{SUMMARY}node: {{nodeName: w2}}\npods: [{two}]\n")
    };
    let (new, old) = ("2026-11-20T02:59:30Z", "2026-11-20T02:30:00Z");
    for (one, two, node) in [
        (volume(new, 100), volume(old, 900), "w1"),
        (volume(old, 100), volume(new, 10), "w2"),
        (volume(new, 100), volume("2026-11-20T02:59:10Z", 900), "w2"),
    ] {
        let inventory = inventory(&yaml(&one, &two));
        assert_eq!(of_claim(&inventory, "n", "data").map(|(node, _)| node), Some(node));
        assert!(of_claim(&inventory, "n", "other").is_none());
    }
}

#[test]
fn health_of_claims_and_nodes_knows_what_is_full() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: n}\nstatus: {phase: Bound}\n---\n";
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: w1}\nstatus: {conditions: [{type: Ready, status: 'True'}]}\n---\n";
    let summary = |used: i64, node_used: i64| {
        format!(
            "{claim}{node}{SUMMARY}node: {{nodeName: w1, fs: {{capacityBytes: 100, usedBytes: {node_used}, availableBytes: {}}}}}\npods: [{{podRef: {{name: p, namespace: n}}, volume: [{{pvcRef: {{name: data}}, capacityBytes: 100, usedBytes: {used}, availableBytes: {}}}]}}]\n",
            100 - node_used,
            100 - used
        )
    };
    expect(&summary(97, 10), "PersistentVolumeClaim", "data", Level::Fail, "volume-nearly-full");
    expect(&summary(50, 10), "PersistentVolumeClaim", "data", Level::Ok, "pvc-bound");
    expect(&summary(50, 90), "Node", "w1", Level::Warn, "node-filesystem-full");
    expect(&summary(50, 10), "Node", "w1", Level::Ok, "node-ready");
    expect(&summary(50, 10), "Summary", "w1", Level::Ok, "stateless");
}

#[test]
fn a_device_that_is_not_offered_is_a_finding() {
    let yaml = |allocatable: u8| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: w1}}\nstatus: {{conditions: [{{type: Ready, status: 'True'}}], capacity: {{nvidia.com/gpu: '4'}}, allocatable: {{nvidia.com/gpu: '{allocatable}'}}}}\n"
        )
    };
    expect(&yaml(4), "Node", "w1", Level::Ok, "node-ready");
    expect(&yaml(3), "Node", "w1", Level::Warn, "node-device-unhealthy");
}
