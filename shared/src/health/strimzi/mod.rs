//! Strimzi's kinds: the conditions that they share, the cluster and the operator behind an object.
//!
//! Strimzi writes either `Ready=True` or `NotReady=True` with a Java exception's name as reason
//! (`operator-common/.../StatusUtils.java`), but the topic operator writes `Ready=False`
//! (`BatchingTopicController`): both spellings are read everywhere. Expiry of the certificates in
//! `status.listeners[].certificates` is not judged: reading X.509 needs a parser that is not here.

mod clients;
mod kafka;
mod pools;
mod rebalance;
#[cfg(test)]
mod tests;

use super::precedence;
use super::table::Rule;
use super::{Related, assess};
use crate::object::{Condition, Custom, Lookup, Object, ObjectRef, find_condition};
use crate::report::{Code, Level, Verdict, codes};
use crate::text;
use jiff::Timestamp;

pub(super) const GROUP: &str = "kafka.strimzi.io";
/// The operator's own time limit for a step, twice: `STRIMZI_OPERATION_TIMEOUT_MS` is 300 s.
const CREATION_SECONDS: i64 = 600;
const CLUSTER_LABEL: &str = "strimzi.io/cluster";

codes! {
    KAFKA_NOT_READY = "kafka-not-ready", "The Strimzi operator says that it is not ready",
        "The last reconciliation of this Strimzi object ended with an error; its reason is the name of a Java exception and the message is the cause. What ran before may still run.",
        "Read the message; then the operator's log for this object: `kubectl logs -n OPERATOR-NAMESPACE deploy/strimzi-cluster-operator | grep 'KIND(NAMESPACE/NAME)'`.";
    KAFKA_SPEC_INVALID = "kafka-spec-invalid", "The operator refuses what the spec says",
        "The spec holds something that this version of the operator or of Kafka does not take: an unknown version, an invalid setting, missing node pools. Waiting does not help.",
        "Change the spec as the message says.", Final;
    KAFKA_TIMEOUT = "kafka-timeout", "The operator gave up waiting for something to become ready",
        "The operator waited five minutes for a pod, service or other object, and tries again every two minutes. The cause is in the object that it waits for.",
        "Look at the object that is named: for a pod its scheduling, volumes, image and log; for a service its load balancer.";
    KAFKA_ROLLING_BLOCKED = "kafka-rolling-blocked", "A broker cannot be restarted now",
        "Restarting the broker would bring partitions below their minimum of in-sync replicas, or a broker is still recovering its log. The operator waits and tries again.",
        "Bring the other brokers in sync first; while the log is being recovered, wait.";
    KAFKA_API_REFUSED = "kafka-api-refused", "The API server refuses what the operator wants to write",
        "The operator may not create or change what the object needs: missing rights, a quota, or an admission policy.",
        "Read the message: grant the right, raise the quota, or change the policy or the object.", Stuck 300;
    KAFKA_CREATING = "kafka-creating", "It is being created",
        "The operator creates this object's pods and services for the first time.",
        "Wait; after ten minutes it counts as failed.";
    KAFKA_WARNING = "kafka-warning", "The operator warns about the spec",
        "The object works, and the operator has found something in its spec that is risky, deprecated or without effect.",
        "Change the spec as the warning says.";
    KAFKA_LISTENER_MISSING = "kafka-listener-missing", "A listener of the spec is not there",
        "The spec declares a listener that the status does not report: clients that use it cannot connect.",
        "Look at the operator's log, and at the service and ingress or load balancer of that listener.";
    KAFKA_BROKERS = "kafka-brokers-not-ready", "Brokers are not ready",
        "Some broker pods are not ready. Partitions with a replica on them have fewer in-sync replicas; below min.insync.replicas producers with acks=all are refused.",
        "Look at the pods that are named: scheduling, volume, log.";
    KAFKA_QUORUM = "kafka-quorum-lost", "Fewer than a majority of the controllers are ready",
        "Without a majority of KRaft controllers (or of ZooKeeper's nodes, in clusters of before Strimzi 0.46) no leader can be elected and no metadata can change: partitions whose leader is lost stay offline.",
        "Bring the controller pods back before anything else.";
    KAFKA_CONTROLLERS = "kafka-controllers-not-ready", "Controllers are not ready",
        "A KRaft controller or ZooKeeper node is not ready; the quorum still holds.",
        "Look at the pods that are named before a second one fails.";
    KAFKA_UPGRADE = "kafka-upgrade-pending", "An upgrade is not finished",
        "The cluster runs another version (of Kafka, of its metadata, or as the operator last wrote it) than is asked for.",
        "Watch the rolling update; when it does not move, read the operator's log.";
    KAFKA_REBALANCING = "kafka-auto-rebalance", "Partitions are being moved after scaling",
        "The cluster was scaled and Cruise Control moves partitions to the new or off the removed brokers.",
        "Wait until status.autoRebalance.state is Idle.";
    KAFKA_CLUSTER_MISSING = "kafka-cluster-missing", "The cluster that it belongs to is not there",
        "The label strimzi.io/cluster names a cluster that does not exist in this namespace, or the label is missing: no operator acts on the object.",
        "Set the label to the name of the Kafka (for connectors: KafkaConnect) object in the same namespace.", Stuck 600;
    KAFKA_STALE = "kafka-status-stale", "The operator is down, so the status is old",
        "No cluster operator runs. What the status says was true when it was last written.",
        "Bring the operator back; then judge again.";
    KAFKA_POOL = "kafka-pool-incomplete", "The node pool does not have the nodes that it should",
        "Node ids, replicas or roles in the status differ from the spec.",
        "Look at the Kafka object of this pool and at the operator's log; scaling down waits while partitions are on the nodes to be removed.";
    KAFKA_PODS = "kafka-pods-not-ready", "Pods of a Strimzi object are not ready",
        "Fewer pods are there or ready than the object wants.",
        "Look at the pods that are named.";
    KAFKA_CONNECTOR = "kafka-connector-failed", "A connector or one of its tasks has failed",
        "Kafka Connect has stopped the connector or task after an error; its data does not flow. The first line of the trace is the cause.",
        "Repair the cause, then restart: `kubectl annotate kafkaconnector NAME -n NAMESPACE strimzi.io/restart=true`, or `strimzi.io/restart-task=ID` for one task.";
    KAFKA_CONNECTOR_IDLE = "kafka-connector-unassigned", "A connector or one of its tasks runs nowhere",
        "Kafka Connect has not given the connector or task to a worker: the workers are rebalancing, or none is there.",
        "Look at the KafkaConnect object and its pods when it stays.";
    KAFKA_TOPIC_REPLICAS = "kafka-topic-replicas-change", "The topic's number of replicas is being changed",
        "Cruise Control moves replicas of this topic.",
        "Wait; when a message is shown, that is why it does not move.";
    KAFKA_PROPOSAL = "kafka-rebalance-proposal", "A rebalance waits for approval",
        "A proposal is ready and nothing moves until somebody approves it; it goes stale.",
        "Read the proposal in its status, then `kubectl annotate kafkarebalance NAME -n NAMESPACE strimzi.io/rebalance=approve --overwrite`, or `refresh` in place of `approve` for a new one.";
    KAFKA_REBALANCE = "kafka-rebalance-running", "A rebalance is on its way",
        "Cruise Control prepares a proposal or moves partitions.",
        "Nothing to do but wait.";
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(GROUP, "Kafka", kafka::kafka),
    Rule::new(GROUP, "KafkaNodePool", pools::node_pool),
    Rule::new("core.strimzi.io", "StrimziPodSet", pools::pod_set),
    Rule::new(GROUP, "KafkaTopic", clients::topic),
    Rule::new(GROUP, "KafkaUser", clients::user),
    Rule::new(GROUP, "KafkaConnect", clients::connect),
    Rule::new(GROUP, "KafkaConnector", clients::connector),
    Rule::new(GROUP, "KafkaMirrorMaker2", clients::connect),
    Rule::new(GROUP, "KafkaBridge", clients::connect),
    Rule::new(GROUP, "KafkaRebalance", rebalance::rebalance),
];

/// The operator's Deployment when one was found that should run and does not.
fn operator_down(related: &Related<'_>) -> Option<ObjectRef> {
    let down = operators(related).filter(|object| {
        object.workload().is_some_and(|workload| {
            workload.wanted() > 0 && workload.status.as_ref().is_none_or(|status| status.available_replicas == 0)
        })
    });
    // One that runs may be the one that watches: only when all are down is the answer certain.
    let running = operators(related).count();
    let mut down: Vec<&Object> = down.collect();
    if down.len() < running { None } else { down.pop().map(Object::reference) }
}

fn operators<'a>(related: &Related<'a>) -> impl Iterator<Item = &'a Object> {
    related.inventory.of_kind("apps", "Deployment").iter().filter(|object| {
        object.meta.name.contains("strimzi-cluster-operator")
            || object.meta.labels.has("name", "strimzi-cluster-operator")
            || object.meta.labels.has("strimzi.io/kind", "cluster-operator")
    })
}

/// The version of the only operator that is there, from its Deployment's labels.
fn operator_version<'a>(related: &Related<'a>) -> Option<&'a str> {
    let mut all = operators(related);
    let operator = all.next()?;
    if all.next().is_some() {
        return None;
    }
    let labels = &operator.meta.labels;
    labels.get("app.kubernetes.io/version").or_else(|| {
        let chart = labels.get("helm.sh/chart").or_else(|| labels.get("chart"))?;
        chart.strip_prefix("strimzi-kafka-operator-")
    })
}

/// Whether the reconciliation of this object is paused, and since when.
fn paused(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Option<Verdict> {
    let conditions = custom.conditions();
    let condition = find_condition(&conditions, "ReconciliationPaused").filter(|condition| condition.is_true());
    if object.meta.annotations.get("strimzi.io/pause-reconciliation") == Some("true") || condition.is_some() {
        let since = condition.and_then(Condition::since);
        return Some(precedence::suspended("the annotation strimzi.io/pause-reconciliation", since, related, now));
    }
    None
}

/// What pause, generation and conditions say; the kind's own rule adds to it.
fn state(object: &Object, custom: &Custom, related: &Related<'_>, now: Timestamp) -> Verdict {
    if let Some(verdict) = paused(object, custom, related, now) {
        return verdict;
    }
    let conditions = custom.conditions();
    let observed = custom.observed_generation();
    if conditions.is_empty() && observed.is_none() {
        return precedence::no_status(object, operator_down(related), related, now);
    }
    let mut verdict = if let Some(condition) = broken(&conditions) {
        let verdict = not_ready(condition, related, now);
        match object.meta.generation.zip(observed) {
            Some((generation, observed)) if observed < generation => {
                verdict.evidence(format!("said of generation {observed}; the spec is at {generation}"))
            }
            _ => verdict,
        }
    } else if let Some(verdict) = precedence::generation(object, observed, related, now) {
        match operator_down(related) {
            Some(operator) => verdict.blame(operator),
            None => verdict,
        }
    } else if let Some(ready) = find_condition(&conditions, "Ready").filter(|condition| condition.is_true()) {
        Verdict::ok(&precedence::OK, "ready").since(ready.since())
    } else if find_condition(&conditions, "Unmanaged").is_some_and(Condition::is_true) {
        Verdict::ok(&precedence::OK, "not managed by Strimzi, as its spec says")
    } else {
        Verdict::progressing(&KAFKA_CREATING, "the operator has not said yet whether it is ready")
    };
    for warning in conditions.iter().filter(|condition| &*condition.r#type == "Warning" && condition.is_true()) {
        verdict = verdict.and(Verdict::warn(&KAFKA_WARNING, warning.text().into_owned()).since(warning.since()));
    }
    if verdict.level < Level::Warn
        && let Some(operator) = operator_down(related)
    {
        let stale = format!("{}, says the status, but the operator {operator} is down", verdict.message);
        verdict = verdict.and(Verdict::warn(&KAFKA_STALE, stale).blame(operator));
    }
    verdict
}

/// The condition that says that something is wrong, in either spelling.
fn broken(conditions: &[Condition]) -> Option<&Condition> {
    let not_ready = find_condition(conditions, "NotReady").filter(|condition| condition.is_true());
    not_ready.or_else(|| find_condition(conditions, "Ready").filter(|condition| condition.is_false()))
}

fn not_ready(condition: &Condition, related: &Related<'_>, now: Timestamp) -> Verdict {
    let since = condition.since();
    let message = format!("not ready: {}", condition.text());
    if &*condition.reason == "Creating" {
        let late = since.is_some_and(|since| now.duration_since(since).as_secs() > CREATION_SECONDS);
        return match since {
            Some(since) if late => {
                let message = format!("still being created after {}", text::age(since, now));
                Verdict::fail(&KAFKA_NOT_READY, message)
            }
            _ => Verdict::progressing(&KAFKA_CREATING, "is being created"),
        }
        .since(since);
    }
    let reason = &*condition.reason;
    let has = |word: &str| reason.contains(word);
    let code: &'static Code = if has("Timeout") {
        &KAFKA_TIMEOUT
    } else if has("Invalid") || has("KafkaUpgrade") || has("UnsupportedKafkaVersion") || has("Deprecated") {
        &KAFKA_SPEC_INVALID
    } else if has("FatalProblem") || has("UnforceableProblem") || has("ForceableProblem") || has("MaxAttemptsExceeded")
    {
        &KAFKA_ROLLING_BLOCKED
    } else if has("KubernetesClient") {
        &KAFKA_API_REFUSED
    } else {
        &KAFKA_NOT_READY
    };
    let mut verdict = Verdict::fail(code, message).since(since);
    for (kind, namespace, name) in waited_for(&condition.message) {
        verdict = explain(verdict, kind, namespace, name, related, now);
    }
    verdict
}

/// What a message of the form `… while waiting for KIND resource NAME in namespace NAMESPACE …`
/// waits for: kind, namespace, name.
fn waited_for(message: &str) -> Vec<(&str, &str, &str)> {
    let Some((_, rest)) = message.split_once("waiting for ") else { return Vec::new() };
    let mut words = rest.split_whitespace();
    let (Some(kind), Some("resource"), Some(names)) = (words.next(), words.next(), words.next()) else {
        return Vec::new();
    };
    let (Some("in"), Some("namespace"), Some(namespace)) = (words.next(), words.next(), words.next()) else {
        return Vec::new();
    };
    names.split(',').filter(|name| !name.is_empty()).take(20).map(|name| (kind, namespace, name)).collect()
}

/// Adds to `verdict` what is known of the object that the operator waits for.
fn explain(
    verdict: Verdict,
    kind: &str,
    namespace: &str,
    name: &str,
    related: &Related<'_>,
    now: Timestamp,
) -> Verdict {
    let (group, kind) = match kind {
        "Pods" | "Pod" => ("", "Pod"),
        "Services" | "Service" => ("", "Service"),
        "StatefulSets" | "StatefulSet" => ("apps", "StatefulSet"),
        "Deployments" | "Deployment" => ("apps", "Deployment"),
        "Ingresses" | "Ingress" => ("networking.k8s.io", "Ingress"),
        "StrimziPodSets" | "StrimziPodSet" => ("core.strimzi.io", "StrimziPodSet"),
        "PersistentVolumeClaims" | "PersistentVolumeClaim" => ("", "PersistentVolumeClaim"),
        _ => return verdict,
    };
    match related.get(group, kind, namespace, name) {
        Lookup::Found(found) => {
            let cause = assess(found, related, now);
            let unready = found.pod().is_some_and(|pod| !pod.is_ready() && !pod.is_finished());
            if cause.level > Level::Ok {
                verdict.evidence(format!("{}: {}", found.reference(), cause.message)).blame(found.reference())
            } else if unready {
                verdict.evidence(format!("{} is not ready", found.reference())).blame(found.reference())
            } else {
                verdict.evidence(format!("{} is ready now", found.reference()))
            }
        }
        Lookup::Missing => {
            let missing = ObjectRef::new(group, kind, namespace, name);
            verdict.evidence(format!("{missing} is not there")).blame(missing)
        }
        Lookup::Unread => verdict,
    }
}

/// Joins the verdict of an object with the state of the cluster that its label names.
fn with_cluster(verdict: Verdict, object: &Object, kind: &str, related: &Related<'_>, now: Timestamp) -> Verdict {
    let namespace = &object.meta.namespace;
    let Some(cluster) = object.meta.labels.get(CLUSTER_LABEL) else {
        // The oracle's fixtures and plain manifests aside, the operators select by this label.
        if verdict.level == Level::Ok || verdict.level == Level::Suspended {
            return verdict;
        }
        return verdict.evidence(format!("has no label {CLUSTER_LABEL}: no operator selects it"));
    };
    match related.get(GROUP, kind, namespace, cluster) {
        Lookup::Missing => {
            let missing = ObjectRef::new(GROUP, kind, namespace, cluster);
            let message = format!("belongs to {kind} {cluster}, which is not in namespace {namespace}");
            Verdict::fail(&KAFKA_CLUSTER_MISSING, message).blame(missing).and(verdict)
        }
        Lookup::Found(found) if verdict.level > Level::Suspended => {
            let cluster = assess(found, related, now);
            if cluster.level > Level::Ok {
                verdict.evidence(format!("{}: {}", found.reference(), cluster.message)).blame(found.reference())
            } else {
                verdict
            }
        }
        Lookup::Found(_) | Lookup::Unread => verdict,
    }
}

/// Pods that should work and are not ready.
fn unready<'a>(pods: &[&'a Object]) -> Vec<&'a Object> {
    let waits = |pod: &&&Object| pod.pod().is_some_and(|pod| !pod.is_ready());
    pods.iter().filter(waits).copied().collect()
}

/// Adds the pods that are not ready as evidence and cause.
fn blame_pods(mut verdict: Verdict, pods: &[&Object], related: &Related<'_>, now: Timestamp) -> Verdict {
    for pod in unready(pods).into_iter().take(10) {
        let cause = assess(pod, related, now);
        let why = if cause.is_ok() { "not ready".into() } else { cause.message };
        verdict = verdict.evidence(format!("{}: {why}", pod.reference())).blame(pod.reference());
    }
    verdict
}
