//! `scale status`: scalings that run or were broken off, and pauses with their end.

use crate::run::Setup;
use crate::situation::{command, id};
use crate::stamp::{PAUSED_REPLICAS, Scaling};
use crate::targets::{PAUSABLE, TARGETS, TOLD};
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use mlops_shared::cluster::{self, Connection, Plan};
use mlops_shared::health::coverage;
use mlops_shared::object::{Inventory, Object};
use mlops_shared::ownership::{Stamp, exemption, hold, stamp};
use mlops_shared::report::document::{Block, Cell, Column, Document, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Case, Coverage, Detail, Level, ObjectId, Present, Subject, View, gaps, whose};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The whole run may take so long.
const BUDGET: Duration = Duration::from_secs(120);

/// What runs, and what is paused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleStatus {
    /// `mlops/v1`
    api_version: String,
    /// `ScaleStatus`
    kind: String,
    /// The instant that it was made for, RFC 3339.
    generated_at: String,
    /// The version of the tool.
    tool_version: String,
    /// Whose view this is.
    view: View,
    /// Scalings and pauses, most urgent first.
    pub(crate) items: Vec<Item>,
    /// Kinds that were wanted and could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    coverage: Vec<Coverage>,
}

/// A scaling or a pause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    /// The object that says so.
    object: ObjectId,
    /// `scaling`, `pause`, `rebalance` or `decommission`.
    what: String,
    /// PROGRESSING while a scaling runs, SUSPENDED for a pause within its time; WARN for what was broken off, is overdue,
    /// or has no end.
    pub(crate) verdict: Level,
    /// That in one line.
    pub(crate) message: String,
    /// Replicas before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u32>,
    /// Replicas that are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u32>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Since when, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Until when, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// The command that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
}

impl Item {
    /// What an object says of a change that runs.
    pub(crate) fn of(object: &Object, what: &str, verdict: Level, message: String) -> Self {
        Self {
            object: id(object),
            what: what.to_owned(),
            verdict,
            message,
            from: None,
            to: None,
            by: None,
            reason: None,
            since: None,
            until: None,
            command: None,
        }
    }
}

impl ScaleStatus {
    /// Whether something is overdue or broken off.
    pub(crate) fn has_findings(&self) -> bool {
        self.items.iter().any(|item| item.verdict >= Level::Warn)
    }

    /// Whether something could not be read.
    pub(crate) fn is_partial(&self) -> bool {
        self.coverage.iter().any(|section| section.gap)
    }
}

/// Reads every kind that can be scaled or paused.
pub(crate) async fn read(connection: &Connection, setup: &Setup<'_>) -> Result<ScaleStatus, Failure> {
    let resources = cluster::resources(connection).await?;
    let scalable = resources.all.iter().filter(|resource| resource.has("scale"));
    let mut kinds: Vec<(&str, &str)> = scalable.map(|resource| (&*resource.group, &*resource.kind)).collect();
    kinds.extend_from_slice(PAUSABLE);
    kinds.extend(TOLD.iter().filter(|(group, kind)| resources.of_kind(group, kind).is_some()));
    kinds.sort_unstable();
    kinds.dedup();
    let plan = Plan {
        namespaces: setup.settings.namespaces.clone(),
        likely: Vec::new(),
        budget: BUDGET,
        kubelets: false,
        contents: false,
    };
    let snapshot = cluster::read_kinds(connection, &plan, &kinds).await?;
    for warning in &snapshot.warnings {
        setup.output.printer.note(warning);
    }
    Ok(report(&snapshot.inventory, snapshot.view, setup.settings.now))
}

/// What the objects say of scalings and pauses. Pure.
pub(crate) fn report(inventory: &Inventory, view: View, now: Timestamp) -> ScaleStatus {
    // The Deployment controller copies annotations to its ReplicaSets, and takes none back.
    let own = inventory.objects().iter().filter(|object| object.meta.controller().is_none());
    let mut items: Vec<Item> = own.flat_map(|object| [scaling(object, now), pause(object, now)]).flatten().collect();
    for object in inventory.objects() {
        items.extend(TARGETS.iter().flat_map(|target| target.told(object, now)));
    }
    items.sort_by_key(|item| std::cmp::Reverse(item.verdict));
    let mut coverage = coverage(inventory.sections());
    coverage.retain(|section| section.gap);
    ScaleStatus {
        api_version: API_VERSION.to_owned(),
        kind: "ScaleStatus".to_owned(),
        generated_at: now.to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        view,
        items,
        coverage,
    }
}

/// `kustomizations.kustomize.toolkit.fluxcd.io`, near enough for a command.
fn resource(object: &Object) -> String {
    let kind = object.ty.kind.to_lowercase();
    if object.ty.group.is_empty() { kind } else { format!("{kind}.{}", object.ty.group) }
}

fn scaling(object: &Object, now: Timestamp) -> Option<Item> {
    let scaling = Scaling::of(object)?;
    let number = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let steps = format!("from {} to {}", number(scaling.from), number(scaling.to));
    let of_workload = object.workload().map(|workload| workload.wanted());
    let wanted = of_workload.or_else(|| object.custom()?.spec_number("/replicas"));
    let now_wanted = match wanted {
        Some(1) => ", 1 is wanted now".to_owned(),
        Some(wanted) => format!(", {wanted} are wanted now"),
        None => String::new(),
    };
    let (verdict, message) = if scaling.is_running(now) {
        (Level::Progressing, format!("a scaling {steps} runs{now_wanted}"))
    } else {
        (Level::Warn, format!("a scaling {steps} was broken off or did not end in time{now_wanted}"))
    };
    let flag = match &*object.ty.group {
        "sparkoperator.k8s.io" => "--executors",
        _ => "--replicas",
    };
    let flags = scaling.to.map_or_else(String::new, |to| format!("{flag} {to} --take-over"));
    Some(Item {
        object: id(object),
        what: "scaling".to_owned(),
        verdict,
        message,
        from: scaling.from,
        to: scaling.to,
        by: Some(scaling.by),
        reason: scaling.reason,
        since: scaling.at.map(|at| at.to_string()),
        until: scaling.until.map(|until| until.to_string()),
        command: Some(command(&resource(object), &object.meta.namespace, &object.meta.name, "", &flags)),
    })
}

fn pause(object: &Object, now: Timestamp) -> Option<Item> {
    let (how, stamp) = match (hold(object), exemption(object)) {
        (Some(hold), _) => (hold.how, hold.stamp),
        (None, Some(exemption)) => (exemption.how, exemption.stamp),
        // What was held is not any more, and nobody took the rest away.
        (None, None) => {
            let stamp = stamp(object);
            stamp.by.as_ref()?;
            ("nothing: only the words of a pause are left".to_owned(), stamp)
        }
    };
    let said = stamp.who_and_why();
    let said = if said.is_empty() { String::new() } else { format!(" {said}") };
    let (verdict, end) = end(&stamp, now);
    let target = crate::owner::paused_for(object);
    let made_for = target.map_or_else(String::new, |target| format!(" for {target}"));
    let message = format!("held by {how}{made_for}{said}; {end}");
    Some(Item {
        object: id(object),
        what: "pause".to_owned(),
        verdict,
        message,
        from: object.meta.annotations.get(PAUSED_REPLICAS).and_then(|replicas| replicas.parse().ok()),
        to: None,
        by: stamp.by.clone(),
        reason: stamp.reason.clone(),
        since: stamp.at.map(|at| at.to_string()),
        until: stamp.until.as_ref().and_then(|until| until.as_ref().ok()).map(ToString::to_string),
        command: target.and_then(resume),
    })
}

fn end(stamp: &Stamp, now: Timestamp) -> (Level, String) {
    match &stamp.until {
        Some(Ok(until)) if *until > now => (Level::Suspended, format!("ends in {}", text::age(now, *until))),
        Some(Ok(until)) => (Level::Warn, format!("should have ended {} ago", text::age(*until, now))),
        Some(Err(text)) => (Level::Warn, format!("its end {text:?} is no time")),
        None if stamp.by.is_none() => (Level::Suspended, "without a word of when it ends".to_owned()),
        None => (Level::Warn, "without an end".to_owned()),
    }
}

/// The command that ends a pause that was made for `Kind/namespace/name`.
fn resume(target: &str) -> Option<String> {
    let mut parts = target.split('/');
    let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || "-.".contains(it));
    (is_word(kind) && is_word(namespace) && is_word(name))
        .then(|| command(&kind.to_lowercase(), namespace, name, "resume", ""))
}

impl Present for ScaleStatus {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let whose = whose(&self.view);
        let count = |what: &str| self.items.iter().filter(|item| item.what == what).count();
        let level = if self.is_partial() { Level::Unknown } else { Level::Ok };
        let level = self.items.iter().map(|item| item.verdict).max().unwrap_or(Level::Ok).max(level);
        let counts = ["scaling", "rebalance", "decommission", "pause"].map(|what| (count(what), what));
        let there: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| text::plural(*count, what)).collect();
        let line = if there.is_empty() { "no scaling runs, nothing is paused".to_owned() } else { there.join(", ") };
        let mut document =
            Document::new(format!("Scalings of {whose}"), Line::marked(level, format!("{whose}: {line}")));
        if !self.items.is_empty() {
            let mut table = Table::new([
                Column::new("STATE"),
                Column::new("OBJECT"),
                Column::new("BY").optional(),
                Column::new("WHAT").flex(3),
            ]);
            for item in &self.items {
                let subject = Subject::Object {
                    group: "",
                    kind: &item.object.kind,
                    namespace: &item.object.namespace,
                    name: &item.object.name,
                };
                table.row([
                    Cell::level(item.verdict),
                    Cell::toned(subject.label().into_owned(), Tone::Strong),
                    Cell::or_dash(item.by.as_deref().unwrap_or_default()),
                    item.message.as_str().into(),
                ]);
            }
            document.blocks.push(Block::Table(table));
        }
        let commands: Vec<&str> = self.items.iter().filter_map(|item| item.command.as_deref()).collect();
        if !commands.is_empty() {
            document.heading("Next");
            commands.into_iter().for_each(|command| document.command(command));
        }
        gaps(&self.coverage, false, detail, &mut document);
        document
    }

    fn cases(&self) -> Vec<Case<'_>> {
        fn case(item: &Item) -> Case<'_> {
            let Item { object, what, verdict, message, .. } = item;
            let ObjectId { api_version, kind, namespace, name } = object;
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            let subject = Subject::Object { group, kind, namespace, name };
            Case { context: None, suite: what, subject, level: *verdict, code: what, message, evidence: &[] }
        }
        self.items.iter().map(case).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlops_shared::object::{Decoded, InventoryBuilder, Scope, decode_object};
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    fn status(objects: &[Value]) -> ScaleStatus {
        let mut builder = InventoryBuilder::new(Scope::Cluster, true);
        for object in objects {
            let raw = RawValue::from_string(object.to_string()).expect("JSON");
            builder.push(decode_object(&raw).filter(|it| matches!(it, Decoded::Object(_))).expect("an object"));
        }
        let view = View {
            source: "cluster".to_owned(),
            name: "test".to_owned(),
            server: None,
            server_version: None,
            user: None,
            namespaces: Vec::new(),
            platform: None,
        };
        report(&builder.finish(), view, crate::testing::now())
    }

    fn deployment(name: &str, annotations: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 4},
            "metadata": {"name": name, "namespace": "a", "annotations": annotations}})
    }

    #[test]
    fn scalings_run_or_were_broken_off() {
        let marks = |until: &str| {
            json!({"mlops.dev/scaling-from": "2", "mlops.dev/scaling-to": "5", "mlops.dev/scaling-by": "ada",
                "mlops.dev/scaling-until": until})
        };
        let found = status(&[deployment("runs", &marks("2026-11-20T03:01:00Z")), deployment("plain", &json!({}))]);
        assert_eq!(found.items.len(), 1);
        assert_eq!((found.items[0].verdict, found.has_findings()), (Level::Progressing, false));
        let found = status(&[deployment("broken", &marks("2026-11-20T02:00:00Z"))]);
        assert!(found.has_findings() && found.items[0].message.contains("4 are wanted now"), "{found:?}");
        let command = found.items[0].command.as_deref();
        assert_eq!(command, Some("kubectl mlops scale deployment.apps/broken -n a --replicas 5 --take-over"));
        let mut spark = deployment("etl", &marks("2026-11-20T02:00:00Z"));
        spark["apiVersion"] = "sparkoperator.k8s.io/v1beta2".into();
        spark["kind"] = "SparkApplication".into();
        let command = status(&[spark]).items[0].command.clone().unwrap_or_default();
        assert!(
            command.ends_with("sparkapplication.sparkoperator.k8s.io/etl -n a --executors 5 --take-over"),
            "{command}"
        );
        // Copied by the Deployment controller, which takes nothing back.
        let mut copy = deployment("copy", &marks("2026-11-20T02:00:00Z"));
        copy["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "uid": "1", "controller": true}]);
        assert!(status(&[copy]).items.is_empty());
    }

    #[test]
    fn pauses_have_an_end_or_are_told_to_have_none() {
        let pause = |until: Option<&str>| {
            let mut stamp = json!({"kustomize.toolkit.fluxcd.io/reconcile": "disabled", "mlops.dev/paused-by": "ada",
                "mlops.dev/paused-reason": "load", "mlops.dev/paused-for": "Deployment/a/web"});
            if let Some(until) = until {
                stamp["mlops.dev/paused-until"] = until.into();
            }
            status(&[deployment("web", &stamp)]).items.remove(0)
        };
        let open = pause(Some("2026-11-20T04:00:00Z"));
        assert_eq!(
            (open.verdict, open.command.as_deref()),
            (Level::Suspended, Some("kubectl mlops scale resume deployment/web -n a"))
        );
        assert!(open.message.contains("by ada") && open.message.contains("ends in 60m"), "{}", open.message);
        assert_eq!(pause(Some("2026-11-20T02:00:00Z")).verdict, Level::Warn);
        assert_eq!(pause(Some("soon")).verdict, Level::Warn);
        assert_eq!(pause(None).verdict, Level::Warn);
    }
}
