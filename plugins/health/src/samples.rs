//! Reports for tests of what follows a cluster: objects and causes by their names, at a second of a clock.

use jiff::Timestamp;
use mlops_shared::report::{Cause, Coverage, Entry, Explained, Level, ObjectId, ReadError, Report, View};

/// The instant `second` seconds into 1970.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// An empty report on the cluster `prod`.
pub(crate) fn report(second: i64) -> Report {
    let view = View {
        source: "cluster".into(),
        name: "prod".into(),
        server: None,
        server_version: None,
        user: None,
        namespaces: vec![],
        platform: None,
    };
    let mut report = Report::unread(view, ReadError { message: String::new(), hints: vec![] }, at(second));
    report.error = None;
    report.summary.partial = false;
    report.verdict = Level::Ok;
    read(report, "Pod")
}

/// The same, with this kind read.
pub(crate) fn read(mut report: Report, kind: &str) -> Report {
    let (group, kind) = (String::new(), kind.to_owned());
    report.coverage.push(Coverage { group, kind, read: true, objects: 0, why: None, gap: false, hint: None });
    report
}

/// The same, with this kind not read.
pub(crate) fn unread(mut report: Report, kind: &str, hint: Option<&str>) -> Report {
    report.coverage.retain(|section| section.kind != kind);
    report.objects.retain(|entry| entry.kind != kind);
    report.coverage.push(Coverage {
        group: String::new(),
        kind: kind.into(),
        read: false,
        objects: 0,
        why: Some("forbidden".into()),
        gap: true,
        hint: hint.map(str::to_owned),
    });
    report.summary.partial = true;
    report
}

/// A pod's identity.
pub(crate) fn id(name: &str) -> ObjectId {
    ObjectId { api_version: "v1".into(), kind: "Pod".into(), namespace: "a".into(), name: name.into() }
}

/// The same report with one more pod.
pub(crate) fn pod(mut report: Report, name: &str, level: Level, code: &str) -> Report {
    report.objects.push(Entry {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: "a".into(),
        name: name.into(),
        area: "cluster".into(),
        verdict: level,
        code: code.into(),
        message: format!("{name} is {level}").as_str().into(),
        since: None,
        evidence: vec![],
        more: vec![],
        cause: None,
        exception: None,
    });
    report.summary.objects += 1;
    report
}

/// The same report with one more pod that is a cause, since that second, of these further findings.
pub(crate) fn cause(
    report: Report,
    name: &str,
    level: Level,
    code: &str,
    since: Option<i64>,
    explains: &[(&str, Level, &str)],
) -> Report {
    let mut report = pod(report, name, level, code);
    let mut effects = Vec::new();
    for (effect, level, code) in explains {
        report = pod(report, effect, *level, code);
        report.objects.last_mut().expect("an entry").cause = Some(Box::new(id(name)));
        let message = format!("{effect} is {level}");
        effects.push(Explained { object: id(effect), verdict: *level, code: (*code).into(), message });
    }
    report.causes.push(Cause {
        object: id(name),
        verdict: level,
        code: code.into(),
        message: format!("{name} is {level}"),
        area: "cluster".into(),
        since: since.map(|second| at(second).to_string()),
        evidence: vec![],
        command: String::new(),
        managed_by: None,
        explains: effects,
    });
    report.summary.causes += 1;
    report.verdict = report.verdict.max(level);
    report
}
