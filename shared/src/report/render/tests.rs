//! What must hold in every format: nothing hostile passes, everything is bounded, the stable forms
//! read back, and what people read stays as it is until somebody means to change it.

use super::*;
use crate::report::{
    API_VERSION, AreaSummary, Cause, Coverage, Entry, ExceptionUse, Explained, ObjectId, Report, Summary, View,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

pub(super) const STYLE: Style = Style { color: false, width: 80, headers: true, show: Level::Suspended };

/// Texts that have broken terminals, browsers, tables and parsers.
pub(super) const HOSTILE: [&str; 14] = [
    "\u{1b}]8;;http://evil\u{7}x\u{1b}[2J",
    "a\u{202e}b\u{200b}\r\n\0",
    "\u{2066}x\u{2069}\u{feff}\u{e0041}",
    "x\u{9b}31m\u{7f}\u{85}\u{2028}",
    "\"><script>alert(1)</script>",
    "</script><!--",
    "]]>&<\u{fffe}\u{ffff}",
    "a|b `code` [link](http://evil) ![i](x) @everyone <b>",
    "'; rm -rf /; echo \"",
    "\\x0100202E\\x01 \\ \\\\ \u{1}202E\u{1}",
    "yes",
    "0x1F",
    "- a: b # c\n  d: |",
    "",
];

fn object(kind: &str, namespace: &str, name: &str) -> ObjectId {
    ObjectId { api_version: "v1".into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
}

fn entry(level: Level, area: &str, kind: &str, name: &str, code: &str, message: &str) -> Entry {
    Entry {
        api_version: if kind == "Kafka" { "kafka.strimzi.io/v1" } else { "v1" }.into(),
        kind: kind.into(),
        namespace: if kind == "Node" { "" } else { "data-plane" }.into(),
        name: name.into(),
        area: area.into(),
        verdict: level,
        code: code.into(),
        message: message.into(),
        since: (level > Level::Ok).then(|| "2026-11-20T01:35:00Z".into()),
        evidence: vec![],
        more: vec![],
        cause: None,
        exception: None,
    }
}

fn levels(entries: &[Entry], area: Option<&str>) -> BTreeMap<Level, usize> {
    let mut levels = BTreeMap::new();
    for entry in entries.iter().filter(|entry| area.is_none_or(|area| entry.area == area)) {
        *levels.entry(entry.verdict).or_default() += 1;
    }
    levels
}

/// A report with something of everything: three causes (one of them missing), a gap, exceptions.
pub(super) fn sample() -> Report {
    let pending = "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims";
    let mut objects = vec![
        entry(Level::Fail, "data-services", "Kafka", "mlops-kafka-cluster", "kafka-not-ready", "not ready"),
        entry(Level::Unknown, "data-services", "KafkaTopic", "sensor-data", "status-stale", "status is stale"),
        entry(Level::Warn, "data-services", "Pod", "scheduler", "pod-oom", "container was OOM killed 35m ago"),
        entry(Level::Suspended, "gitops", "HelmRelease", "minio-operator", "suspended", "suspended by spec.suspend"),
        entry(Level::Progressing, "data-services", "Deployment", "api", "rolling-out", "2 of 3 replicas updated"),
        entry(Level::Fail, "nodes", "Node", "mlops-worker-3", "node-not-ready", "Kubelet stopped posting node status."),
    ];
    for ordinal in 3..6 {
        let name = format!("mlops-kafka-cluster-broker-{ordinal}");
        objects.push(entry(Level::Fail, "data-services", "Pod", &name, "pod-unschedulable", pending));
        objects.push(entry(Level::Ok, "gitops", "ConfigMap", &name, "exists", "there"));
        objects.push(entry(
            Level::Ok,
            "nodes",
            "Node",
            &format!("mlops-worker-{}", ordinal - 3),
            "node-ready",
            "ready",
        ));
    }
    let explained = |entry: &Entry| Explained {
        object: ObjectId {
            api_version: entry.api_version.to_string(),
            kind: entry.kind.to_string(),
            namespace: entry.namespace.to_string(),
            name: entry.name.to_string(),
        },
        verdict: entry.verdict,
        code: entry.code.to_string(),
        message: entry.message.to_string(),
    };
    let mut explains: Vec<_> = objects
        .iter()
        .filter(|entry| entry.area == "data-services" && entry.verdict != Level::Warn)
        .map(explained)
        .collect();
    explains.sort_by_key(|effect| std::cmp::Reverse(effect.verdict));
    let cause = |object: ObjectId, verdict, code: &str, message: &str, area: &str, command: &str| Cause {
        object,
        verdict,
        code: code.into(),
        message: message.into(),
        area: area.into(),
        since: Some("2026-11-19T23:00:00Z".into()),
        evidence: vec![],
        command: command.into(),
        managed_by: None,
        explains: vec![],
    };
    let mut missing = cause(
        ObjectId { api_version: "storage.k8s.io".into(), ..object("StorageClass", "", "fast-ssd") },
        Level::Fail,
        "object-missing",
        "is missing; 3 objects ask for it",
        "storage",
        "kubectl get storageclass",
    );
    missing.managed_by = Some(Box::new(crate::report::ManagedBy {
        summary:
            "Kustomization/flux-system/apps (GitRepository infra at main@sha1:01234567, every 10m): edit it in Git, \
                  a change by hand of what Git sets is undone"
                .into(),
        ..Default::default()
    }));
    missing.evidence = vec![
        "PersistentVolumeClaim data-plane/data-0-broker-3 is Pending: storageclass.storage.k8s.io \"fast-ssd\" not found".into(),
        "second line".into(),
        "third line".into(),
    ];
    missing.explains = explains;
    let causes = vec![
        missing,
        cause(
            object("Node", "", "mlops-worker-3"),
            Level::Fail,
            "node-not-ready",
            "Kubelet stopped posting node status.",
            "nodes",
            "kubectl describe node mlops-worker-3",
        ),
        cause(
            object("Pod", "data-plane", "scheduler"),
            Level::Warn,
            "pod-oom",
            "container was OOM killed 35m ago",
            "data-services",
            "kubectl describe pod -n data-plane scheduler",
        ),
    ];
    let area = |area: &str, title: &str, line: &str| {
        let levels = levels(&objects, Some(area));
        AreaSummary {
            area: area.into(),
            title: title.into(),
            verdict: levels.keys().max().copied().unwrap_or(Level::Absent),
            objects: levels.values().sum(),
            levels,
            line: line.into(),
        }
    };
    let gap = |kind: &str, gap: bool| Coverage {
        group: String::new(),
        kind: kind.into(),
        read: false,
        objects: 0,
        why: Some("forbidden: user \"ops\" cannot list it at the cluster scope".into()),
        gap,
        hint: gap.then(|| "{apiGroups: [\"\"], resources: [secrets], verbs: [list]}".into()),
    };
    Report {
        api_version: API_VERSION.into(),
        kind: "HealthReport".into(),
        generated_at: "2026-11-20T03:00:00.123456789Z".into(),
        tool_version: "0.1.0".into(),
        view: View {
            source: "cluster".into(),
            name: "admin@prod".into(),
            server: Some("https://api.prod.example:6443".into()),
            server_version: Some("v1.36.3".into()),
            user: Some("admin".into()),
            namespaces: vec![],
            platform: Some("built-in".into()),
        },
        verdict: Level::Fail,
        summary: Summary {
            objects: objects.len(),
            levels: levels(&objects, None),
            causes: 3,
            explained: 6,
            partial: true,
        },
        areas: vec![
            area("gitops", "GitOps", "1 HelmRelease, 3 ConfigMaps"),
            area(
                "data-services",
                "Data services",
                "1 Kafka cluster, 3 brokers, 1 topic, 1 Deployment and many words more",
            ),
            area("nodes", "Nodes", "4 nodes"),
            area("ml-lifecycle", "ML lifecycle", "nothing of it is installed"),
        ],
        causes,
        objects,
        coverage: vec![gap("Secret", true), gap("ConfigMap", true), gap("Lease", false)],
        exceptions: vec![ExceptionUse {
            code: "pod-oom".into(),
            object: "Pod/*".into(),
            reason: "known, fixed in 2.4".into(),
            expires: "2026-11-01".into(),
            state: "expired".into(),
            matched: 0,
        }],
        notes: vec!["read from a snapshot".into()],
        error: None,
    }
}

/// The sample with one text in every place that a cluster or a file can write to.
pub(super) fn hostile(text: &str) -> Report {
    let mut report = sample();
    let write = |places: &mut [&mut String]| places.iter_mut().for_each(|place| **place = text.to_owned());
    let write_id = |object: &mut ObjectId| {
        for place in [&mut object.api_version, &mut object.kind, &mut object.namespace, &mut object.name] {
            *place = text.to_owned();
        }
    };
    let view = &mut report.view;
    write(&mut [&mut view.name]);
    view.namespaces = vec![text.to_owned(); 2];
    for place in [&mut view.server, &mut view.server_version, &mut view.user, &mut view.platform] {
        *place = Some(text.to_owned());
    }
    for area in &mut report.areas {
        write(&mut [&mut area.title, &mut area.line]);
    }
    for cause in &mut report.causes {
        write_id(&mut cause.object);
        write(&mut [&mut cause.message, &mut cause.command, &mut cause.code, &mut cause.area]);
        cause.evidence = vec![text.to_owned(); 4];
        cause.since = Some(text.to_owned());
        for effect in &mut cause.explains {
            write_id(&mut effect.object);
            write(&mut [&mut effect.message]);
        }
    }
    for entry in &mut report.objects {
        for field in [&mut entry.api_version, &mut entry.kind, &mut entry.namespace, &mut entry.name] {
            *field = text.into();
        }
        for field in [&mut entry.code, &mut entry.area, &mut entry.message] {
            *field = text.into();
        }
        entry.evidence = vec![text.to_owned()];
        entry.exception = Some(text.to_owned());
    }
    for section in &mut report.coverage {
        write(&mut [&mut section.group, &mut section.kind]);
        section.why = Some(text.to_owned());
        section.hint = Some(text.to_owned());
    }
    for exception in &mut report.exceptions {
        write(&mut [&mut exception.code, &mut exception.object, &mut exception.reason, &mut exception.expires]);
    }
    report.notes = vec![text.to_owned()];
    report.generated_at = text.to_owned();
    report
}

fn all() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().map(|(_, format)| format)
}

fn rendered(report: &Report, format: Format) -> String {
    render(report, format, &STYLE).expect("rendered")
}

/// Everything that holds of a format's output whatever the report quotes.
fn check(text: &str, format: Format) -> Result<(), TestCaseError> {
    let report = hostile(text);
    let out = rendered(&report, format);
    let shown = |character: char| crate::text::is_unsafe(character) && character != '\n';
    prop_assert!(!out.contains(shown), "{:?} prints a raw {:?}", format, out.chars().find(|it| shown(*it)));
    match format {
        Format::Json => prop_assert_eq!(&serde_json::from_str::<Report>(&out).expect("JSON"), &report),
        Format::Yaml => prop_assert_eq!(&serde_saphyr::from_str::<Report>(&out).expect("YAML"), &report),
        Format::Junit => {
            let read = quick_junit::Report::deserialize_from_str(&out).expect("XML");
            let cases: usize = read.test_suites.iter().map(|suite| suite.test_cases.len()).sum();
            prop_assert_eq!(cases, report.cases().len());
        }
        Format::Html => {
            // The page's own tags and no other: data brings no `<`, and ends no attribute.
            let harmless = rendered(&hostile(if text.is_empty() { "" } else { "x" }), Format::Html);
            prop_assert_eq!(tags(&out), tags(&harmless));
        }
        Format::Markdown => {
            // Outside of code nothing of the text reads as markup.
            let outside = outside_of_code(&out).replace("\\]", "");
            prop_assert!(!outside.contains(['<', '>', '@']) && !outside.contains("]("), "{}", outside);
        }
        Format::Prometheus => {
            for line in out.lines() {
                let is_sample = line.starts_with("mlops_health_") && line.rsplit(' ').next().is_some_and(is_number);
                prop_assert!(line.starts_with("# ") || is_sample, "{}", line);
            }
        }
        Format::Name => {
            for line in out.lines() {
                prop_assert!(
                    !line.contains(|it: char| !it.is_ascii_alphanumeric() && !"-._:/".contains(it)),
                    "{}",
                    line
                );
            }
        }
        Format::Table | Format::Wide | Format::Sarif => {}
    }
    Ok(())
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// The names of a page's tags, in order; a `<` that starts no tag counts as one.
fn tags(page: &str) -> Vec<&str> {
    let starts = page.split('<').skip(1);
    starts.map(|tag| tag.split([' ', '>', '\n']).next().unwrap_or_default()).collect()
}

/// Markdown without its code spans.
fn outside_of_code(markdown: &str) -> String {
    let mut out = String::new();
    for line in markdown.lines() {
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            let (plain, tail) = rest.split_at(at);
            out.push_str(plain);
            let fence = tail.len() - tail.trim_start_matches('`').len();
            let body = &tail[fence..];
            // The end is a run of exactly as many backticks.
            let end = body.match_indices('`').map(|(at, _)| at).find(|at| {
                let run = body[*at..].len() - body[*at..].trim_start_matches('`').len();
                run == fence && !body[..*at].ends_with('`')
            });
            rest = &body[end.expect("a code span ends on its line") + fence..];
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

#[test]
fn hostile_texts_pass_no_format() {
    for text in HOSTILE {
        for format in all() {
            check(text, format).unwrap_or_else(|error| panic!("{format:?} of {text:?}: {error}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_text_passes_any_format(text in "(?s)([\\x00-\\x1f\\x7f-\\x9f|`<>&\"'\\\\]|[\u{200b}-\u{206f}]|\\PC|.){0,60}") {
        for format in all() {
            check(&text, format)?;
        }
    }

    #[test]
    fn no_width_breaks_the_table(width in 0_usize..400, color in any::<bool>(), headers in any::<bool>()) {
        let style = Style { width, color, headers, ..STYLE };
        for format in [Format::Table, Format::Wide] {
            let out = render(&sample(), format, &style).expect("rendered");
            prop_assert!(out.lines().all(|line| line.trim_end() == line), "{}", out);
            prop_assert_eq!(out.contains('\u{1b}'), color);
            prop_assert_eq!(out.contains("CAUSES"), headers);
        }
    }
}

#[test]
fn a_megabyte_is_cut_in_every_format_for_people() {
    let report = hostile(&"x\u{1b}y ".repeat(1 << 18));
    for format in all().filter(|format| !matches!(format, Format::Json | Format::Yaml)) {
        let out = rendered(&report, format);
        assert!(out.len() < 200_000, "{format:?}: {}", out.len());
    }
}

#[test]
fn table_at_80_columns() {
    insta::assert_snapshot!(rendered(&sample(), Format::Table));
}

#[test]
fn table_at_200_columns() {
    insta::assert_snapshot!(render(&sample(), Format::Table, &Style { width: 200, ..STYLE }).expect("rendered"));
}

#[test]
fn wide_at_80_columns() {
    insta::assert_snapshot!(rendered(&sample(), Format::Wide));
}

#[test]
fn wide_at_200_columns() {
    insta::assert_snapshot!(render(&sample(), Format::Wide, &Style { width: 200, ..STYLE }).expect("rendered"));
}

#[test]
fn markdown_reads_well() {
    insta::assert_snapshot!(rendered(&sample(), Format::Markdown));
}

#[test]
fn junit_counts_what_is_missing_and_what_was_not_read() {
    insta::assert_snapshot!(rendered(&sample(), Format::Junit));
}

#[test]
fn prometheus_has_a_series_for_each_problem() {
    insta::assert_snapshot!(rendered(&sample(), Format::Prometheus));
}

#[test]
fn yaml_is_in_blocks() {
    let yaml = rendered(&sample(), Format::Yaml);
    assert!(yaml.starts_with("apiVersion: mlops/v1\nkind: HealthReport\n"), "{yaml}");
    assert!(yaml.contains("\ncauses:\n- "), "{yaml}");
    let mut report = sample();
    report.notes = ["yes", "null", "1e3", "0x1F", "2026-11-20", "~", ""].map(str::to_owned).into();
    let read: Report = serde_saphyr::from_str(&rendered(&report, Format::Yaml)).expect("YAML");
    assert_eq!(read, report);
}

#[test]
fn names_are_what_kubectl_takes_back() {
    let mut out = Vec::new();
    let mut report = sample();
    report.objects[0].name = "not a name; rm -rf /".into();
    let result = write(&report, Format::Name, &Style { show: Level::Warn, ..STYLE }, &mut out).expect("written");
    assert_eq!(result, Rendered { skipped: 1 });
    let out = String::from_utf8(out).expect("UTF-8");
    assert_eq!(
        out.lines().collect::<Vec<_>>(),
        [
            "pod/scheduler",
            "node/mlops-worker-3",
            "pod/mlops-kafka-cluster-broker-3",
            "pod/mlops-kafka-cluster-broker-4",
            "pod/mlops-kafka-cluster-broker-5"
        ]
    );
}

#[test]
fn what_is_not_shown_is_counted() {
    let style = Style { show: Level::Fail, ..STYLE };
    for format in [Format::Table, Format::Markdown, Format::Html] {
        let out = render(&sample(), format, &style).expect("rendered");
        assert!(out.contains("1 more cause (1 WARN)"), "{format:?}: {out}");
    }
}

#[test]
fn a_partial_report_never_reads_as_well() {
    let mut report = sample();
    (report.causes, report.verdict, report.summary.causes) = (vec![], Level::Unknown, 0);
    for format in [Format::Table, Format::Wide, Format::Markdown, Format::Html] {
        let out = rendered(&report, format);
        assert!(out.contains("PARTIAL") && out.contains("UNKNOWN"), "{format:?}: {out}");
    }
    assert!(rendered(&report, Format::Junit).contains("errors=\"3\""));
    assert!(rendered(&report, Format::Prometheus).contains("mlops_health_partial 1"));
}

#[test]
fn a_page_caps_its_rows_and_says_so() {
    let mut report = sample();
    let ok = entry(Level::Ok, "gitops", "Pod", "p", "pod-ready", "ready");
    report.objects.extend(std::iter::repeat_n(ok, 50_000));
    let page = rendered(&report, Format::Html);
    assert!(page.contains("The 3000 most urgent rows of 50015"), "no word of the cap");
    assert!(page.len() < 2_000_000, "{}", page.len());
    let wide = rendered(&report, Format::Wide);
    assert!(wide.lines().count() > 50_015);
}

#[test]
fn bars_and_pairs_read_well_in_text() {
    use crate::report::document::{Bar, Bars, Block, Cell, Document, Line, Tone};
    let mut document = Document::new("Use", Line::plain("4 nodes"));
    let bar = |label: &'static str, used: f64, text: &'static str| Bar {
        label: label.into(),
        parts: vec![(Tone::Plain, used)],
        whole: Some(16.0),
        text: text.into(),
    };
    let bars = vec![
        bar("worker-1", 4.0, "4 of 16 cores"),
        bar("w2", 20.0, "20 of 16 cores"),
        bar("w3", f64::NAN, "not known"),
        bar("w4", -1.0, "-1"),
    ];
    document.blocks.push(Block::Bars(Bars { title: "CPU".into(), bars, is_relative: true }));
    document.blocks.push(Block::KeyValues(vec![
        ("Server".into(), Cell::from("https://api")),
        ("User\u{1b}".into(), Cell::or_dash("")),
    ]));
    insta::assert_snapshot!(table::render(&document, &STYLE, false), @r"
    4 nodes

    CPU
    worker-1  [########......................]  4 of 16 cores
    w2        [##############################]  20 of 16 cores
    w3        [..............................]  not known
    w4        [..............................]  -1
    Server  https://api
    User^[  -
    ");
    let page = html::render(&document).expect("page");
    assert!(page.contains("width=\"25.00\"") && !page.contains("NaN"), "{page}");
}

#[test]
fn unknown_formats_are_refused_as_kubectl_does() {
    let error = "jsn".parse::<Format>().expect_err("no format");
    assert!(error.contains("unable to match a printer") && error.contains("allowed formats are: table,"), "{error}");
    for (word, format) in Format::ALL {
        assert_eq!(word.parse::<Format>(), Ok(format));
    }
}
