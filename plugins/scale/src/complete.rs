//! What the arguments of `scale` may be, for completion.

use mlops_shared::cli::complete::{Candidate, Table, Typed, Values, live_names, live_words};
use mlops_shared::report::Format;
use serde_json::Value;

/// The values of this plugin's own arguments.
pub(crate) const VALUES: Table =
    &[("output", Values::From(formats)), ("target", Values::From(targets)), ("decommission", Values::From(pools))];

/// The pools of the tenant that is typed.
fn pools(typed: &Typed) -> Vec<Candidate> {
    let Some(target) = typed.value("target") else { return Vec::new() };
    let name = target.rsplit('/').next().unwrap_or(target);
    let names = |tenant: &Value| {
        let pools = tenant.pointer("/spec/pools").and_then(Value::as_array).into_iter().flatten();
        pools.filter_map(|pool| pool.get("name")?.as_str()).map(str::to_owned).collect()
    };
    live_words(typed, ("minio.min.io", "Tenant", name), typed.value("namespace"), names)
}

fn formats(_: &Typed) -> Vec<Candidate> {
    let printed = Format::ALL.into_iter().filter(|(_, format)| *format != Format::Prometheus);
    printed.map(|(word, _)| Candidate::new(word, "")).collect()
}

/// Kinds whose names are offered: word, group, kind.
const KINDS: [(&str, &str, &str); 7] = [
    ("deployment", "apps", "Deployment"),
    ("statefulset", "apps", "StatefulSet"),
    ("kafka", "kafka.strimzi.io", "Kafka"),
    ("kafkanodepool", "kafka.strimzi.io", "KafkaNodePool"),
    ("tenant", "minio.min.io", "Tenant"),
    ("sparkapplication", "sparkoperator.k8s.io", "SparkApplication"),
    ("scheduledsparkapplication", "sparkoperator.k8s.io", "ScheduledSparkApplication"),
];

/// What the namespace has of these kinds as TYPE/NAME; other kinds are typed by hand.
fn targets(typed: &Typed) -> Vec<Candidate> {
    let namespace = typed.value("namespace");
    let of = |(ty, group, kind): (&str, &str, &str)| {
        let names = live_names(typed, group, kind, namespace).into_iter();
        names.map(|it| Candidate::new(format!("{ty}/{}", it.value), "")).collect::<Vec<_>>()
    };
    // At once, for whoever pressed the key waits for all of them.
    std::thread::scope(|scope| {
        let asked: Vec<_> = KINDS.into_iter().map(|kind| scope.spawn(move || of(kind))).collect();
        asked.into_iter().flat_map(|names| names.join().unwrap_or_default()).collect()
    })
}
