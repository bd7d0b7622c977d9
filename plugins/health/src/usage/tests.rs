//! The engine of `health usage`, fed with objects.

use super::*;
use mlops_shared::object::{InventoryBuilder, Scope, SectionState, decode_object};
use mlops_shared::report::{Format, Style, render};
use serde_json::{Value, json};

const NOW: &str = "2026-11-20T03:00:00Z";
const FRESH: &str = "2026-11-20T02:59:30Z";

/// What a run reads; `served` kinds count as read though there may be none of them.
struct World {
    objects: Vec<Value>,
    unread: Vec<(&'static str, &'static str, Unread)>,
    without: Vec<(&'static str, &'static str)>,
    failures: Vec<(String, Unread)>,
    namespaces: Vec<Sym>,
    platform: Platform,
    sections: Vec<Section>,
    sort: Sort,
    is_live: bool,
}

impl World {
    fn new(objects: impl IntoIterator<Item = Value>) -> Self {
        Self {
            objects: objects.into_iter().collect(),
            unread: Vec::new(),
            without: Vec::new(),
            failures: Vec::new(),
            namespaces: Vec::new(),
            platform: Platform::built_in(),
            sections: Section::ALL.to_vec(),
            sort: Sort::Cpu,
            is_live: true,
        }
    }

    fn inventory(&self) -> Inventory {
        let mut builder = InventoryBuilder::new(Scope::Cluster, self.is_live);
        for object in &self.objects {
            let raw = serde_json::value::to_raw_value(object).expect("JSON");
            builder.push(decode_object(&raw).expect("an object"));
        }
        for (group, kind) in KINDS.iter().chain([&("metrics.k8s.io", "*")]) {
            let unread = self.unread.iter().find(|(known, name, _)| (known, name) == (group, kind));
            let state = match unread {
                Some((_, _, why)) => SectionState::Unread(why.clone()),
                None if *kind == "*" || self.without.contains(&(group, kind)) => continue,
                None => SectionState::Read(0),
            };
            builder.section(mlops_shared::object::Section {
                group: (*group).into(),
                kind: (*kind).into(),
                resource: "things".into(),
                state,
            });
        }
        builder.finish()
    }

    fn report(&self) -> UsageReport {
        report(&Ask {
            inventory: &self.inventory(),
            platform: &self.platform,
            view: View {
                source: if self.is_live { "cluster" } else { "files" }.to_owned(),
                name: "test".to_owned(),
                server: None,
                server_version: None,
                user: None,
                namespaces: Vec::new(),
                platform: None,
            },
            is_live: self.is_live,
            notes: Vec::new(),
            gaps: Vec::new(),
            failures: self.failures.clone(),
            namespaces: &self.namespaces,
            selector: None,
            sections: &self.sections,
            sort: self.sort,
            top: 10,
            now: NOW.parse().expect("time"),
        })
    }
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}, "capacity": {"cpu": "4"},
            "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn pod(name: &str, node: &str, cpu: &str, memory: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "n"},
        "spec": {"nodeName": node, "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
        "status": {"phase": "Running", "startTime": "2026-11-19T00:00:00Z"}})
}

fn node_metrics(name: &str, time: &str) -> Value {
    json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": {"name": name},
        "timestamp": time, "window": "20s", "usage": {"cpu": "1000m", "memory": "2Gi"}})
}

fn pod_metrics(name: &str, cpu: &str, memory: &str) -> Value {
    json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": {"name": name, "namespace": "n"},
        "timestamp": FRESH, "window": "20s", "containers": [{"name": "c", "usage": {"cpu": cpu, "memory": memory}}]})
}

fn summary(node: &str, volumes: &[(&str, i64)]) -> Value {
    let volumes: Vec<Value> = volumes
        .iter()
        .map(|(claim, used)| {
            json!({"name": "v", "pvcRef": {"name": claim, "namespace": "n"}, "time": FRESH,
                "capacityBytes": 1000, "usedBytes": used, "availableBytes": 1000 - used})
        })
        .collect();
    json!({"node": {"nodeName": node}, "pods": [{"podRef": {"name": "p", "namespace": "n"}, "volume": volumes}]})
}

fn claim(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "n"},
        "spec": {"storageClassName": "fast"}, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})
}

fn mounting(mut pod: Value, claim: &str) -> Value {
    pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]);
    pod
}

/// One node, one pod, one volume, all of it measured.
fn whole() -> World {
    World::new([
        node("w1"),
        mounting(pod("p", "w1", "500m", "1Gi"), "data"),
        claim("data"),
        node_metrics("w1", FRESH),
        pod_metrics("p", "250m", "512Mi"),
        summary("w1", &[("data", 300)]),
    ])
}

fn state(source: &Option<Source>) -> SourceState {
    source.as_ref().expect("a source").state
}

#[test]
fn a_cluster_that_was_measured_whole_is_ok() {
    let report = whole().report();
    assert_eq!((report.verdict, report.partial), (Level::Ok, false), "{report:#?}");
    let node = &report.nodes[0];
    assert_eq!((node.cpu.used, node.cpu.requests, node.cpu.allocatable), (Some(1000), Some(500), Some(4000)));
    assert_eq!((node.memory.used_percent(), node.memory.requests_percent()), (Some(25.0), Some(12.5)));
    assert_eq!((node.pods, node.max_pods), (Some(1), Some(110)));
    let volume = &report.volumes[0];
    assert_eq!((volume.fill.used_percent, &*volume.node, volume.pods.join(",")), (Some(30.0), "w1", "p".into()));
    assert_eq!(report.pods[0].memory.used, Some(512 << 20));
    assert_eq!(report.namespaces[0].cpu.used, Some(250));
}

#[test]
fn pods_that_have_ended_reserve_nothing() {
    let mut world = whole();
    for phase in ["Succeeded", "Failed"] {
        let mut ended = pod(phase, "w1", "2", "4Gi");
        ended["status"]["phase"] = json!(phase);
        world.objects.push(ended);
    }
    let report = world.report();
    assert_eq!((report.nodes[0].cpu.requests, report.nodes[0].pods, report.pods_total), (Some(500), Some(1), 1));
    assert!(!report.partial, "and nobody expects metrics of them");
}

#[test]
fn why_there_are_no_metrics_is_said() {
    let service = |status: &str, reason: &str| {
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "version": "v1beta1"},
            "status": {"conditions": [{"type": "Available", "status": status, "reason": reason, "message": "no endpoints"}]}})
    };
    let kinds = [("metrics.k8s.io", "NodeMetrics"), ("metrics.k8s.io", "PodMetrics")];
    let bare = || {
        let mut world = whole();
        world.objects.retain(|object| !object["kind"].as_str().unwrap_or_default().ends_with("Metrics"));
        world
    };
    let unserved = || World { without: kinds.to_vec(), ..bare() };

    let mut cases: Vec<(World, SourceState, &str)> = vec![(unserved(), SourceState::NotInstalled, "not installed")];
    let mut down = unserved();
    down.objects.push(service("False", "MissingEndpoints"));
    cases.push((down, SourceState::Unavailable, "MissingEndpoints: no endpoints"));
    let mut gap = unserved();
    gap.unread.push(("metrics.k8s.io", "*", Unread::Failed("its extension API server does not answer".into())));
    cases.push((gap, SourceState::Unavailable, "does not answer"));
    let mut other = unserved();
    let mut custom = service("False", "MissingEndpoints");
    custom["metadata"]["name"] = json!("v1beta1.custom.metrics.k8s.io");
    other.objects.push(custom);
    cases.push((other, SourceState::NotInstalled, "not installed"));
    let forbidden = Unread::Forbidden("nodes.metrics.k8s.io is forbidden".into());
    let denied = World { unread: vec![("metrics.k8s.io", "NodeMetrics", forbidden)], ..bare() };
    cases.push((denied, SourceState::Forbidden, "is forbidden"));
    let late = World { unread: vec![("metrics.k8s.io", "PodMetrics", Unread::TimedOut)], ..bare() };
    cases.push((late, SourceState::Failed, "timed out"));
    cases.push((World { is_live: false, ..unserved() }, SourceState::NotInFiles, "the files hold no NodeMetrics"));
    // Served, and empty: metrics-server has just started, or scrapes nothing.
    cases.push((bare(), SourceState::Incomplete, "1 of 1 ready node: w1"));

    for (world, expected, words) in cases {
        let report = world.report();
        let source = report.metrics.as_ref().expect("a source");
        assert_eq!(source.state, expected, "{words}: {}", source.message);
        assert!(source.message.contains(words), "{words}: {}", source.message);
        assert!(source.hint.is_some(), "{words}");
        assert_eq!((report.partial, report.verdict), (true, Level::Unknown), "{words}");
        assert_eq!((report.nodes[0].cpu.used, report.nodes[0].cpu.requests), (None, Some(500)), "{words}");
        assert_eq!(report.pods_sorted_by, "requests", "{words}");
    }
}

#[test]
fn old_metrics_are_stale_and_a_clock_that_runs_ahead_does_not_make_them_so() {
    let with = |time: &str, lease: Option<&str>| {
        let mut world = whole();
        world.objects.retain(|object| matches!(object["kind"].as_str(), Some("Node" | "Pod")));
        world.sections = vec![Section::Nodes];
        world.objects.push(node_metrics("w1", time));
        world.objects.extend(lease.map(|time| {
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": "w1", "namespace": "kube-node-lease"}, "spec": {"renewTime": time}})
        }));
        world
    };
    let old = with("2026-11-20T02:50:00Z", None).report();
    assert_eq!((state(&old.metrics), old.partial), (SourceState::Stale, true));
    assert!(old.metrics.is_some_and(|source| source.message.contains("10m old")));
    assert_eq!(state(&with(FRESH, None).report().metrics), SourceState::Complete);
    let skewed = with("2026-11-20T02:55:30Z", Some("2026-11-20T02:55:50Z")).report();
    assert_eq!(state(&skewed.metrics), SourceState::Complete, "the lease is the cluster's clock");
    let files = World { is_live: false, ..with("2026-11-13T02:55:30Z", None) }.report();
    assert_eq!(state(&files.metrics), SourceState::Complete, "a dump of last week is of one instant");
}

#[test]
fn one_node_without_metrics_is_named_and_hides_no_other() {
    let mut world = whole();
    world.objects.push(node("w2"));
    world.objects.push(node_metrics("w2", "2026-11-20T02:30:00Z"));
    world.objects.push(summary("w2", &[]));
    let mut dead = node("w3");
    dead["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]);
    world.objects.push(dead);
    world.objects.push(summary("w3", &[]));
    let report = world.report();
    let source = report.metrics.as_ref().expect("a source");
    assert_eq!((source.state, source.measured, source.wanted), (SourceState::Incomplete, 1, 2), "{}", source.message);
    assert!(
        source.message.contains("w2 (its metrics are 30m old)") && !source.message.contains("w3"),
        "{}",
        source.message
    );
    assert_eq!(report.nodes[1].conditions, ["metrics 30m old"]);
    assert_eq!(report.nodes[2].conditions, ["NotReady"]);
    assert!(report.findings.iter().any(|finding| finding.object.name == "w3" && finding.verdict == Level::Fail));
}

#[test]
fn metrics_of_an_earlier_pod_of_the_same_name_do_not_count() {
    let mut world = whole();
    world.objects[1]["status"]["startTime"] = json!("2026-11-20T02:59:50Z");
    let report = world.report();
    assert_eq!(report.pods[0].cpu.used, None);
    assert_eq!(state(&report.metrics), SourceState::Complete, "it is too young to be measured");
}

#[test]
fn one_kubelet_that_fails_hides_no_other_and_is_never_room() {
    let mut world = whole();
    world.objects.push(node("w2"));
    world.objects.push(node_metrics("w2", FRESH));
    world.objects.push(mounting(pod("q", "w2", "1", "1Gi"), "other"));
    world.objects.push(pod_metrics("q", "1", "1Gi"));
    world.objects.push(claim("other"));
    world.failures.push(("w2".into(), Unread::TimedOut));
    let report = world.report();
    let source = report.volume_statistics.as_ref().expect("a source");
    assert_eq!((source.state, source.measured, source.wanted), (SourceState::Incomplete, 1, 2));
    assert_eq!(source.failures[0], Failed { node: "w2".into(), why: "timed out".into() });
    let levels: Vec<_> = report.volumes.iter().map(|volume| (&*volume.claim, volume.verdict)).collect();
    assert_eq!(levels, [("data", Level::Ok), ("other", Level::Unknown)]);
    assert!(report.partial && report.verdict == Level::Unknown);
    assert!(report.findings.is_empty(), "said once, of the kubelet: {:?}", report.findings);
}

#[test]
fn forbidden_kubelets_give_the_role_line() {
    let mut world = whole();
    world.objects.pop();
    world.failures.push(("w1".into(), Unread::Forbidden("nodes \"w1\" is forbidden".into())));
    let report = world.report();
    let source = report.volume_statistics.as_ref().expect("a source");
    assert_eq!(source.state, SourceState::Forbidden);
    let hint = source.hint.as_deref().unwrap_or_default();
    assert!(hint.contains("resources: [\"nodes/proxy\"], verbs: [\"get\"]") && hint.contains("run commands"), "{hint}");
    assert_eq!(report.volumes[0].verdict, Level::Unknown);
    assert!(report.volumes[0].message.contains("kubelet of w1 was not read"), "{}", report.volumes[0].message);
}

#[test]
fn full_volumes_are_findings_unless_accepted() {
    let mut world = whole();
    world.objects.pop();
    world.objects.push(summary("w1", &[("data", 990), ("not-listed", 900)]));
    world.objects.push(claim("idle"));
    let report = world.report();
    let findings: Vec<_> = report.findings.iter().map(|it| (&*it.object.name, it.verdict, &*it.code)).collect();
    assert_eq!(
        findings,
        [("data", Level::Fail, "volume-nearly-full"), ("not-listed", Level::Warn, "volume-nearly-full")]
    );
    let names: Vec<_> = report.volumes.iter().map(|volume| (&*volume.claim, volume.mounted)).collect();
    assert_eq!(names, [("data", true), ("not-listed", true), ("idle", false)], "fullest first, unmeasured last");
    assert!(!report.partial, "a claim that no pod mounts cannot be measured, and nothing is wrong with that");

    let file = "apiVersion: mlops/v1\nkind: Platform\nname: x\nexceptions:\n- {code: volume-nearly-full, object: PersistentVolumeClaim/n/data, reason: is being moved, expires: 2026-12-31}\nthresholds: {volumeWarnPercent: 91}\n";
    world.platform = Platform::parse(file).expect("a platform file");
    let report = world.report();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(report.notes.iter().any(|note| note.contains("is being moved")), "{:?}", report.notes);
}

#[test]
fn a_mounted_volume_without_figures_is_unknown() {
    let mut world = whole();
    world.objects.pop();
    world.objects.push(summary("w1", &[]));
    let report = world.report();
    assert_eq!(report.findings.len(), 1);
    assert_eq!((report.findings[0].verdict, &*report.findings[0].code), (Level::Unknown, "volume-use-unknown"));
    assert!(report.partial);
    world.objects[2]["spec"]["volumeMode"] = json!("Block");
    assert!(!world.report().partial, "of a block volume nobody can expect figures");
}

#[test]
fn what_nodes_reserve_is_unknown_when_not_all_pods_were_read() {
    let forbidden = Unread::Forbidden("pods is forbidden".into());
    let mut world = World { unread: vec![("", "Pod", forbidden)], ..whole() };
    world.objects.retain(|object| object["kind"] != "Pod");
    let narrowed = World { namespaces: vec!["n".into()], ..whole() };
    for (name, world) in [("forbidden", world), ("-n", narrowed)] {
        let report = world.report();
        let node = &report.nodes[0];
        assert_eq!((node.cpu.requests, node.memory.limits, node.pods), (None, None, None), "{name}");
        assert_eq!(report.partial, name == "forbidden", "{name}");
        assert!(report.notes.iter().any(|note| note.contains("not every pod")), "{name}");
    }
    let files = World { namespaces: vec!["other".into()], is_live: false, ..whole() }.report();
    assert_eq!((files.nodes[0].cpu.requests, files.pods_total), (Some(500), 0), "files are whole");
}

#[test]
fn pods_are_sorted_as_asked() {
    let mut world = whole();
    world.objects.push(pod("hungry", "w1", "10m", "6Gi"));
    world.objects.push(pod_metrics("hungry", "1", "64Mi"));
    world.objects.push(pod("silent", "w1", "10m", "1Mi"));
    for (sort, first) in [(Sort::Cpu, "hungry"), (Sort::Memory, "p"), (Sort::Requests, "hungry")] {
        world.sort = sort;
        let report = world.report();
        assert_eq!((&*report.pods[0].name, report.pods_total), (first, 3), "{sort:?}");
        assert_eq!(report.pods[2].name, "silent", "{sort:?}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let fit = |requests: Value, limits: Value, cpu: &str, memory: &str| {
        let mut world = whole();
        world.objects[1]["spec"]["containers"][0]["resources"] = json!({"requests": requests, "limits": limits});
        world.objects[4] = pod_metrics("p", cpu, memory);
        world.report().workloads[0].fit.join(" ")
    };
    let half = json!({"cpu": "500m", "memory": "1Gi"});
    assert_eq!(fit(half.clone(), json!({"memory": "2Gi"}), "250m", "512Mi"), "");
    assert_eq!(fit(half.clone(), json!({}), "250m", "512Mi"), "memory-no-limit");
    assert_eq!(fit(half.clone(), json!({"memory": "2Gi"}), "250m", "1200Mi"), "memory-over-request");
    assert_eq!(fit(half.clone(), json!({"memory": "1Gi"}), "250m", "950Mi"), "memory-near-limit");
    assert_eq!(fit(half, json!({"memory": "2Gi"}), "900m", "512Mi"), "cpu-over-request");
    assert_eq!(fit(json!({}), json!({}), "200m", "10Mi"), "memory-no-request memory-no-limit cpu-no-request");
    let large = json!({"cpu": "4", "memory": "8Gi"});
    assert_eq!(fit(large, json!({"memory": "8Gi"}), "100m", "500Mi"), "memory-over-requested cpu-over-requested");
}

#[test]
fn a_limit_that_one_container_lacks_is_none() {
    let mut world = whole();
    world.objects[1]["spec"]["containers"] = json!([
        {"name": "c", "resources": {"limits": {"memory": "1Gi", "cpu": "1"}}},
        {"name": "d", "resources": {"limits": {"cpu": "1"}}},
    ]);
    let report = world.report();
    for (memory, cpu) in
        [(report.pods[0].memory, report.pods[0].cpu), (report.workloads[0].memory, report.workloads[0].cpu)]
    {
        assert_eq!((memory.limits, cpu.limits), (None, Some(2000)));
    }
    assert_eq!(report.nodes[0].memory.limits, Some(1 << 30), "of a node it is the sum of those that are set");
}

#[test]
fn an_account_of_a_namespace_sees_its_pods_use() {
    let mut world = World { namespaces: vec!["n".into()], ..whole() };
    world.objects.retain(|object| !matches!(object["kind"].as_str(), Some("Node" | "NodeMetrics")));
    world.unread = vec![("", "Node", Unread::OutOfScope), ("metrics.k8s.io", "NodeMetrics", Unread::OutOfScope)];
    let report = world.report();
    assert_eq!((state(&report.metrics), report.partial), (SourceState::Complete, false), "{report:#?}");
    assert_eq!((report.pods[0].cpu.used, report.nodes.len()), (Some(250), 0));
    assert_eq!(report.volumes[0].verdict, Level::Ok);

    // Without `-n`, what is forbidden of nodes is said of nodes alone.
    let forbidden = Unread::Forbidden("nodes.metrics.k8s.io is forbidden".into());
    let mut world = World { unread: vec![("metrics.k8s.io", "NodeMetrics", forbidden)], ..whole() };
    world.objects.retain(|object| object["kind"] != "NodeMetrics");
    let report = world.report();
    let source = report.metrics.as_ref().expect("a source");
    assert_eq!(source.state, SourceState::Forbidden);
    assert!(source.message.starts_with("CPU and memory use of nodes is not known"), "{}", source.message);
}

#[test]
fn pods_on_a_node_that_does_not_answer_are_not_missed() {
    let mut world = whole();
    world.objects[0]["status"]["conditions"] =
        json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]);
    world.objects.retain(|object| !object["kind"].as_str().unwrap_or_default().ends_with("Metrics"));
    let report = world.report();
    assert_eq!(state(&report.metrics), SourceState::Complete, "{:?}", report.metrics);
    assert_eq!(report.findings[0].code, "node-not-ready");
}

#[test]
fn what_cannot_be_read_of_a_node_or_pod_is_unknown() {
    let mut world = whole();
    world.objects.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "odd"}, "status": "CANARY"}));
    let report = world.report();
    let odd = report.nodes.iter().find(|node| node.name == "odd").expect("it is there");
    assert_eq!((odd.verdict, odd.cpu.allocatable, report.partial), (Level::Unknown, None, true));
    let mut world = whole();
    world.objects.push(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd", "namespace": "n"}, "spec": "CANARY"}),
    );
    let report = world.report();
    assert_eq!((report.nodes[0].cpu.requests, report.partial), (None, true), "it may ask for anything");
    assert!(!format!("{report:?}").contains("CANARY"));
}

#[test]
fn volumes_of_pods_whose_nodes_are_not_in_the_files_are_unknown() {
    let mut world = World { is_live: false, ..whole() };
    world.objects.push(mounting(pod("q", "w9", "1", "1Gi"), "other"));
    world.objects.push(pod_metrics("q", "1", "1Gi"));
    world.objects.push(claim("other"));
    let report = world.report();
    let other = report.volumes.iter().find(|volume| volume.claim == "other").expect("it is there");
    assert_eq!((other.verdict, report.partial), (Level::Unknown, true), "{}", other.message);
}

#[test]
fn devices_are_counted_with_who_holds_them_and_who_waits() {
    let mut world = whole();
    for (list, count) in [("capacity", "4"), ("allocatable", "3")] {
        world.objects[0]["status"][list]["nvidia.com/mig-1g.5gb"] = json!(count);
    }
    let with = |name: &str, node: &str, phase: &str, count: &str| {
        let mut pod = pod(name, node, "1m", "1Mi");
        pod["spec"]["containers"][0]["resources"]["limits"] = json!({"nvidia.com/mig-1g.5gb": count});
        pod["status"]["phase"] = json!(phase);
        pod
    };
    world.objects.push(with("train", "w1", "Running", "2"));
    world.objects.push(with("done", "w1", "Succeeded", "1"));
    world.objects.push(with("next", "", "Pending", "2"));
    world.objects.push(pod_metrics("train", "1", "1Mi"));
    let report = world.report();
    let device = &report.devices[0];
    assert_eq!((device.allocatable, device.requested, device.waiting), (3, Some(2), 2));
    assert_eq!(device.waiting_pods, ["n/next"]);
    let held = &device.nodes[0];
    assert_eq!((held.capacity, held.allocatable, held.requested), (4, 3, Some(2)));
    assert_eq!(held.holders, [Holder { namespace: "n".into(), pod: "train".into(), count: 2 }]);
    assert!(report.findings.iter().any(|finding| finding.code == "node-device-unhealthy"));
    assert_eq!(report.devices.len(), 1, "native resources are no devices");
}

#[test]
fn a_part_reads_and_misses_only_what_it_needs() {
    assert!(!kinds(&[Section::Devices]).iter().any(|(group, _)| *group == "metrics.k8s.io"));
    assert!(kinds(&[Section::Volumes]).contains(&("", "PersistentVolumeClaim")));
    let mut world = whole();
    world.sections = vec![Section::Devices];
    world.objects.retain(|object| matches!(object["kind"].as_str(), Some("Node" | "Pod")));
    let report = world.report();
    assert!(report.metrics.is_none() && report.volume_statistics.is_none() && !report.partial, "{:?}", report.notes);
}

#[test]
fn dead_nodes_are_asked_last_and_namespaces_ask_only_their_nodes() {
    let mut world = whole();
    let mut dead = node("a0");
    dead["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown"}]);
    world.objects.push(dead);
    world.objects.push(node("w2"));
    let inventory = world.inventory();
    assert_eq!(kubelets(&inventory, &[]), ["w1", "w2", "a0"]);
    assert_eq!(kubelets(&inventory, &["n".into()]), ["w1"]);
}

#[test]
fn every_format_is_safe_with_hostile_names_and_numbers() {
    let mut world = whole();
    let evil = "a\u{1b}]8;;http://x\u{7}\u{202e}|<b>";
    let mut node = node(evil);
    node["status"]["allocatable"] =
        json!({"cpu": "-1", "memory": "9223372036854775807Ei", "pods": "x", evil: "1", "x.y/\u{1b}z": "9e99"});
    node["status"]["capacity"] = json!({"x.y/\u{1b}z": "-5"});
    world.objects.push(node);
    let mut pod = pod(evil, evil, "-9223372036854775808", "1e400");
    pod["spec"]["overhead"] = json!({"cpu": "9223372036854775807"});
    world.objects.push(mounting(pod, evil));
    world.objects.push(claim(evil));
    world.objects.push(node_metrics(evil, "9999-12-31T23:59:59Z"));
    world.objects.push(pod_metrics(evil, "-5", "1e300"));
    world.objects.push(summary(evil, &[(evil, i64::MIN / 2)]));
    world.failures.push((evil.into(), Unread::Failed(evil.into())));
    let report = world.report();
    let style = Style { color: false, width: 80, headers: true, show: Level::Suspended };
    for (word, format) in Format::ALL {
        let text = render(&report, format, &style).unwrap_or_else(|error| panic!("{word}: {error}"));
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{word}: {text}");
        assert!(word == "json" || word == "yaml" || !text.contains("<b>") || !word.contains("html"), "{word}");
    }
}

#[test]
fn prometheus_gives_volumes_and_says_what_is_partial() {
    let style = Style { color: false, width: 80, headers: true, show: Level::Suspended };
    let text = render(&whole().report(), Format::Prometheus, &style).expect("text");
    assert!(
        text.contains("mlops_usage_volume_used_percent{namespace=\"n\",persistentvolumeclaim=\"data\"} 30\n"),
        "{text}"
    );
    assert!(text.contains("mlops_usage_node_cpu_used_cores{node=\"w1\"} 1\n"), "{text}");
    assert!(text.contains("mlops_usage_partial 0\n"), "{text}");
    let mut world = whole();
    world.objects.pop();
    let text = render(&world.report(), Format::Prometheus, &style).expect("text");
    assert!(!text.contains("volume_used_percent"), "an unknown use has no series: {text}");
}
