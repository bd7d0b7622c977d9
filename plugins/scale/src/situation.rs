//! What a plan is made from: the object, its replicas, what is around it, and what was asked for.

use crate::settings::{Ask, Goal};
use jiff::Timestamp;
use mlops_shared::object::{Inventory, Object};
use mlops_shared::ownership::FieldPath;
use mlops_shared::platform::Platform;
use mlops_shared::report::{ObjectId, Refusal, Risk, Step, StepState};
use mlops_shared::text::plural;
use serde_json::Value;
use std::time::Duration;

/// The replicas of an object, as its scale subresource tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replicas {
    pub(crate) wanted: u32,
    pub(crate) current: u32,
    /// The selector of its pods, as a text; empty where it has none.
    pub(crate) selector: String,
}

/// All that a plan needs. Pure: nothing is read after this.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    /// The object's record, in the inventory.
    pub(crate) object: &'a Object,
    /// The object as the API server, or the file, gives it.
    pub(crate) json: &'a Value,
    /// `deployments.apps`, for commands.
    pub(crate) resource: &'a str,
    pub(crate) replicas: &'a Replicas,
    /// The field that holds the replicas; why it is not known otherwise.
    pub(crate) path: Result<&'a FieldPath, &'a str>,
    pub(crate) inventory: &'a Inventory,
    /// The JSON of what deploys it, where it was read.
    pub(crate) owner: Option<&'a Value>,
    pub(crate) ask: &'a Ask,
    /// What the person expects of the platform, and its thresholds.
    pub(crate) platform: &'a Platform,
    pub(crate) now: Timestamp,
    /// The field manager.
    pub(crate) manager: &'a str,
    /// The person, as the kubeconfig calls them.
    pub(crate) who: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) timeout: Duration,
    /// What the server says of its pools, where it was asked; why there is no answer otherwise.
    pub(crate) server: Option<&'a Result<Value, String>>,
}

impl Situation<'_> {
    /// The object's identity.
    pub(crate) fn id(&self) -> ObjectId {
        id(self.object)
    }

    /// `Deployment/a/web`
    pub(crate) fn subject(&self) -> String {
        self.object.reference().to_string()
    }

    /// The replicas that are asked for; those of now where none were.
    pub(crate) fn to(&self) -> u32 {
        let now = self.replicas.wanted;
        match self.ask.goal {
            Goal::AddPool => now.saturating_add(1),
            Goal::Decommission(_) => now.saturating_sub(1),
            Goal::Replicas | Goal::Brokers | Goal::Executors => self.ask.replicas.unwrap_or(now),
        }
    }

    /// The flags that ask for so many.
    pub(crate) fn flags(&self, replicas: u32) -> String {
        match (&self.ask.goal, &self.ask.pool) {
            (Goal::AddPool, Some((shape, name))) => {
                let name = name.as_ref().map_or_else(String::new, |name| format!(" --pool-name {name}"));
                format!("--add-pool {shape}{name}")
            }
            (Goal::Decommission(pool), _) => format!("--decommission {pool}"),
            // Of a cluster the pool is scaled, which has replicas.
            (Goal::Brokers, _) if self.object.is("kafka.strimzi.io", "KafkaNodePool") => {
                format!("--replicas {replicas}")
            }
            (goal, _) => format!("{} {replicas}", goal.flag()),
        }
    }

    /// The pod template.
    pub(crate) fn template(&self) -> Option<&Value> {
        self.json.pointer("/spec/template").filter(|template| template.pointer("/spec/containers").is_some())
    }

    /// A reason not to do it.
    pub(crate) fn refusal(&self, code: &str, reason: impl Into<String>, hints: &[&str]) -> Refusal {
        Refusal {
            code: code.to_owned(),
            object: self.id(),
            reason: reason.into(),
            unsure: false,
            hints: hints.iter().map(|&hint| hint.to_owned()).collect(),
            command: None,
        }
    }

    /// A step that changes this object.
    pub(crate) fn step(&self, action: &str, field: &str, effect: impl Into<String>, risk: Risk) -> Step {
        Step {
            action: action.to_owned(),
            object: self.id(),
            field: Some(field.to_owned()).filter(|field| !field.is_empty()),
            from: None,
            to: None,
            effect: effect.into(),
            risk,
            undo: None,
            state: StepState::Planned,
            message: None,
        }
    }

    /// The command that scales this object, with more flags behind.
    pub(crate) fn command(&self, flags: &str) -> String {
        command(self.resource, &self.object.meta.namespace, &self.object.meta.name, "", flags)
    }
}

/// `1 replica is wanted`, `3 replicas are wanted`
pub(crate) fn are_wanted(count: u32) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb} wanted", plural(count as usize, "replica"))
}

/// An object's identity.
pub(crate) fn id(object: &Object) -> ObjectId {
    ObjectId {
        api_version: object.ty.api_version(),
        kind: object.ty.kind.to_string(),
        namespace: object.meta.namespace.to_string(),
        name: object.meta.name.to_string(),
    }
}

/// `kubectl mlops scale [VERB] RESOURCE/NAME -n NAMESPACE FLAGS`
pub(crate) fn command(resource: &str, namespace: &str, name: &str, verb: &str, flags: &str) -> String {
    let verb = if verb.is_empty() { String::new() } else { format!("{verb} ") };
    let within = if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") };
    let flags = if flags.is_empty() { String::new() } else { format!(" {flags}") };
    format!("kubectl mlops scale {verb}{resource}/{name}{within}{flags}")
}
