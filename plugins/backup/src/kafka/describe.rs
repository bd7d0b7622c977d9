//! `--describe`: what the brokers say that no object says. Kafka's own scripts are run in a broker's pod by `kubectl exec`.
//!
//! Strimzi's own listeners (9090, 9091) ask for a certificate of the operator's, so a listener of the spec is used: one without TLS
//! and without authentication, at `localhost` in the pod. Where the cluster authorizes, such a client sees only what everybody may,
//! and a list of topics would be short without saying so; then the person's own client config is needed.

use super::answers::{self, Topic};
use super::members::{Members, topic_name};
use super::report::KafkaCluster;
use crate::args::KafkaArgs;
use mlops_shared::cli::{ConnectionArgs, Printer};
use mlops_shared::object::Object;
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{Detail, Document, Level};
use mlops_shared::text;
use mlops_shared::tools::{Call, Program};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::Duration;

/// A script starts a JVM, and a large cluster has much to say.
const LIMIT: Duration = Duration::from_secs(120);
/// An answer is no longer.
const MOST: usize = 64 << 20;
/// Brokers that are tried one after the other.
const TRIES: usize = 3;

/// What the brokers say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// The pod that was asked.
    pub(crate) pod: String,
    /// The address that the scripts were given.
    pub(crate) bootstrap: String,
    /// The id of the cluster, as its quorum says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    /// How many topics there are, without Kafka's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) topics: Option<usize>,
    /// Topics that no KafkaTopic declares.
    pub(crate) undeclared: Vec<TopicOfBroker>,
    /// What KafkaTopics say and brokers do not.
    pub(crate) differing: Vec<String>,
    /// Rules of principals that are no KafkaUser.
    pub(crate) acls: Vec<String>,
    /// What could not be asked, and why.
    pub(crate) gaps: Vec<String>,
}

/// A topic that only brokers know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicOfBroker {
    /// Its name.
    pub(crate) name: String,
    /// Its partitions.
    pub(crate) partitions: u32,
    /// Copies of each.
    pub(crate) replicas: u32,
    /// Configs that were set for it.
    pub(crate) configs: BTreeMap<String, String>,
}

/// Topics that Kafka, Strimzi and Cruise Control make for themselves.
fn is_internal(name: &str) -> bool {
    name.starts_with("__") || name.starts_with("strimzi.cruisecontrol.")
}

/// Which address the scripts are given, and why none.
pub(super) fn bootstrap(kafka: &Object, flags: &KafkaArgs) -> Result<String, String> {
    if let Some(address) = &flags.bootstrap {
        return Ok(address.clone());
    }
    let custom = kafka.custom().ok_or("the Kafka could not be read")?;
    let has_config = flags.command_config.is_some();
    let authorizes = custom.spec_at("/kafka/authorization").is_some();
    let superusers = custom.spec_list("/kafka/authorization/superUsers");
    let is_open = superusers.iter().any(|user| user.as_str() == Some("User:ANONYMOUS"));
    if authorizes && !is_open && !has_config {
        return Err(
            "the cluster authorizes, and a client without a name sees only a part: give --command-config".to_owned()
        );
    }
    let listeners = custom.spec_list("/kafka/listeners");
    let fits = |listener: &&Value| {
        let is_internal = listener.get("type").and_then(Value::as_str) == Some("internal");
        let has_tls = listener.get("tls").and_then(Value::as_bool) != Some(false);
        let asks = listener.get("authentication").is_some_and(|it| !it.is_null());
        is_internal && (has_config || (!has_tls && !asks))
    };
    let port = listeners.iter().find(fits).and_then(|listener| listener.get("port")?.as_u64());
    match port {
        Some(port) => Ok(format!("localhost:{port}")),
        None if has_config => Err("the Kafka has no internal listener: give --bootstrap".to_owned()),
        None => Err(
            "no internal listener is without TLS and authentication: give --command-config, a client config in the pod"
                .to_owned(),
        ),
    }
}

/// The pods of brokers, as Strimzi calls them.
pub(super) fn pods(members: &Members<'_>) -> Vec<String> {
    let name = &members.kafka.meta.name;
    let mut pods = Vec::new();
    for pool in &members.pools {
        let Some(custom) = pool.custom() else { continue };
        if custom.spec_list("/roles").iter().any(|role| role.as_str() == Some("broker")) {
            let ids = custom.status_list("/nodeIds").iter().filter_map(Value::as_u64);
            pods.extend(ids.map(|id| format!("{name}-{}-{id}", pool.meta.name)));
        }
    }
    if members.pools.is_empty() {
        pods.push(format!("{name}-kafka-0"));
    }
    pods
}

/// The flags by which `kubectl` reaches the same cluster as the same user. A token on a command line could be seen by others, so one
/// that was given there is not passed on.
fn reach(connection: &ConnectionArgs) -> Result<Vec<OsString>, String> {
    if connection.token.is_some() {
        return Err("--token is not passed on to kubectl: put it into a kubeconfig".to_owned());
    }
    let mut words: Vec<OsString> = Vec::new();
    let mut add = |flag: &str, value: Option<OsString>| {
        if let Some(value) = value {
            let mut word = OsString::from(format!("{flag}="));
            word.push(value);
            words.push(word);
        }
    };
    add("--kubeconfig", connection.kubeconfig.as_ref().map(|it| it.as_os_str().to_owned()));
    add("--context", connection.context.first().map(OsString::from));
    add("--cluster", connection.cluster.as_ref().map(OsString::from));
    add("--user", connection.user.as_ref().map(OsString::from));
    add("--server", connection.server.as_ref().map(OsString::from));
    add("--tls-server-name", connection.tls_server_name.as_ref().map(OsString::from));
    add("--certificate-authority", connection.certificate_authority.as_ref().map(|it| it.as_os_str().to_owned()));
    add("--client-certificate", connection.client_certificate.as_ref().map(|it| it.as_os_str().to_owned()));
    add("--client-key", connection.client_key.as_ref().map(|it| it.as_os_str().to_owned()));
    add("--as", connection.as_user.as_ref().map(OsString::from));
    connection.as_group.iter().for_each(|group| add("--as-group", Some(group.into())));
    add("--as-uid", connection.as_uid.as_ref().map(OsString::from));
    connection.as_user_extra.iter().for_each(|extra| add("--as-user-extra", Some(extra.into())));
    add("--request-timeout", connection.request_timeout.as_ref().map(OsString::from));
    if connection.insecure_skip_tls_verify {
        words.push("--insecure-skip-tls-verify".into());
    }
    Ok(words)
}

struct Asker<'a> {
    program: Program,
    reach: Vec<OsString>,
    namespace: &'a str,
    bootstrap: &'a str,
    config: Option<&'a str>,
}

impl Asker<'_> {
    /// What a script in a pod prints.
    fn run(&self, pod: &str, script: &str, words: &[&str]) -> Result<Vec<u8>, String> {
        let mut arguments: Vec<OsString> = vec!["exec".into()];
        arguments.extend(self.reach.iter().cloned());
        arguments.extend([format!("--namespace={}", self.namespace).into(), "--container=kafka".into(), pod.into()]);
        arguments.extend([
            "--".into(),
            format!("bin/{script}").into(),
            "--bootstrap-server".into(),
            self.bootstrap.into(),
        ]);
        if let Some(config) = self.config {
            arguments.extend(["--command-config".into(), config.into()]);
        }
        arguments.extend(words.iter().map(OsString::from));
        let call = Call::new(&self.program).args(arguments).limit(LIMIT).at_most(MOST);
        call.run().map(|output| output.stdout).map_err(|error| format!("{script} in {pod}: {error}"))
    }
}

/// Asks the brokers of a cluster, and writes what they say into its part of the report.
pub(super) fn ask(
    connection: &ConnectionArgs,
    flags: &KafkaArgs,
    members: &Members<'_>,
    cluster: &mut KafkaCluster,
    printer: &Printer,
) {
    let mut told = Described::default();
    if let Err(why) = fill(connection, flags, members, &mut told, printer) {
        told.gaps.push(why);
    }
    if let (Some(one), Some(other)) = (&told.cluster_id, &cluster.cluster_id)
        && one != other
    {
        let message = format!("its brokers say that the cluster's id is {one}, its status {other}");
        let object = format!("Kafka/{}", cluster.name);
        cluster.findings.insert(0, super::report::KafkaFinding { level: Level::Fail, object, message });
    }
    cluster.brokers = Some(told);
}

fn fill(
    connection: &ConnectionArgs,
    flags: &KafkaArgs,
    members: &Members<'_>,
    told: &mut Described,
    printer: &Printer,
) -> Result<(), String> {
    let kafka = members.kafka;
    let address = bootstrap(kafka, flags)?;
    let program = Program::find("kubectl").map_err(|error| error.to_string())?;
    let asker = Asker {
        program,
        reach: reach(connection)?,
        namespace: &kafka.meta.namespace,
        bootstrap: &address,
        config: flags.command_config.as_deref(),
    };
    told.bootstrap.clone_from(&address);
    let pods = pods(members);
    let mut last = "no pool says which brokers it has".to_owned();
    let mut answer = None;
    for pod in pods.iter().take(TRIES) {
        printer.progress(&format!("asking {pod}"));
        match asker.run(pod, "kafka-topics.sh", &["--describe"]) {
            Ok(bytes) => {
                answer = Some((pod, bytes));
                break;
            }
            Err(why) => last = why,
        }
    }
    let (pod, bytes) = answer.ok_or(last)?;
    told.pod.clone_from(pod);
    let mut topics = answers::topics(&bytes).map_err(|why| format!("kafka-topics.sh in {pod}: {why}"))?;
    topics.retain(|name, _| !is_internal(name));
    told.topics = Some(topics.len());
    let configs = asker.run(pod, "kafka-configs.sh", &["--entity-type", "topics", "--describe"]).and_then(|bytes| {
        answers::configs(&bytes, &mut topics).map_err(|why| format!("kafka-configs.sh in {pod}: {why}"))
    });
    let has_configs = configs.is_ok();
    told.gaps.extend(configs.err());
    compare(members, topics, has_configs, told);
    if kafka.custom().is_some_and(|it| it.spec_at("/kafka/authorization").is_some()) {
        let acls = asker
            .run(pod, "kafka-acls.sh", &["--list"])
            .and_then(|bytes| answers::acls(&bytes).map_err(|why| format!("kafka-acls.sh in {pod}: {why}")));
        match acls {
            Ok(acls) => told.acls = strangers(members, acls),
            Err(why) => told.gaps.push(why),
        }
    }
    let id = asker
        .run(pod, "kafka-metadata-quorum.sh", &["describe", "--status"])
        .and_then(|bytes| answers::cluster_id(&bytes).map_err(|why| format!("in {pod}: {why}")));
    match id {
        Ok(id) => told.cluster_id = Some(id),
        Err(why) => told.gaps.push(why),
    }
    Ok(())
}

/// What brokers and KafkaTopics say differently.
pub(super) fn compare(
    members: &Members<'_>,
    mut topics: BTreeMap<String, Topic>,
    has_configs: bool,
    told: &mut Described,
) {
    for declared in &members.topics {
        let Some(custom) = declared.custom() else { continue };
        let name = topic_name(declared);
        let Some(topic) = topics.remove(name) else {
            if declared.meta.annotations.get("strimzi.io/managed") != Some("false") {
                told.differing.push(format!("{name}: declared, and no broker has it"));
            }
            continue;
        };
        for (what, wanted, is) in [
            ("partitions", custom.spec_number("/partitions"), topic.partitions),
            ("replicas", custom.spec_number("/replicas"), topic.replicas),
        ] {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != i64::from(is)) {
                told.differing.push(format!("{name}: {what} {wanted} declared, {is} there"));
            }
        }
        if !has_configs {
            continue;
        }
        let empty = serde_json::Map::new();
        let config = custom.spec_at("/config").and_then(Value::as_object).unwrap_or(&empty);
        let keys: BTreeSet<&String> = config.keys().chain(topic.configs.keys()).collect();
        for key in keys {
            let wanted = config.get(key).map(word);
            let is = topic.configs.get(key);
            if wanted.as_ref() != is {
                let of = |value: Option<&String>| value.map_or("nothing".to_owned(), |value| text::truncate(value, 80));
                told.differing.push(format!("{name}: {key} {} declared, {} there", of(wanted.as_ref()), of(is)));
            }
        }
    }
    told.undeclared = topics
        .into_iter()
        .map(|(name, topic)| TopicOfBroker {
            name,
            partitions: topic.partitions,
            replicas: topic.replicas,
            configs: topic.configs,
        })
        .collect();
}

/// A value of a config as Kafka writes it.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Rules of principals that are no KafkaUser.
fn strangers(members: &Members<'_>, acls: Vec<answers::Acl>) -> Vec<String> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for user in &members.users {
        known.insert(format!("User:{}", user.meta.name));
        known.insert(format!("User:CN={}", user.meta.name));
    }
    let foreign = acls.into_iter().filter(|acl| !known.contains(&acl.principal));
    foreign.map(|acl| format!("{} {}", acl.principal, acl.text)).collect()
}

/// KafkaTopics for topics that none declares, as YAML to be put into Git.
pub(super) fn manifests(clusters: &[KafkaCluster]) -> String {
    let mut out = String::new();
    for cluster in clusters {
        for topic in cluster.brokers.iter().flat_map(|brokers| &brokers.undeclared) {
            let name = object_name(&topic.name);
            let mut spec = json!({"partitions": topic.partitions, "replicas": topic.replicas});
            if name != topic.name {
                spec["topicName"] = topic.name.as_str().into();
            }
            if !topic.configs.is_empty() {
                spec["config"] =
                    topic.configs.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
            }
            let object = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": name,
                "namespace": cluster.namespace, "labels": {"strimzi.io/cluster": cluster.name}}, "spec": spec});
            // JSON is YAML, and every value in it is quoted as it must be.
            out.push_str(&format!("---\n{object:#}\n"));
        }
    }
    out
}

/// A name that Kubernetes takes for a topic: its own where that is one, else one that is like it and told apart by a digest.
pub(super) fn object_name(topic: &str) -> String {
    let is_letter = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_name = topic.split('.').all(|part| {
        !part.is_empty()
            && part.starts_with(is_letter)
            && part.ends_with(is_letter)
            && part.chars().all(|it| is_letter(it) || it == '-')
    });
    if is_name {
        return topic.to_owned();
    }
    let digest = mlops_shared::archive::Digest::of(topic.as_bytes()).to_string();
    let like: String =
        topic.chars().map(|it| it.to_ascii_lowercase()).map(|it| if is_letter(it) { it } else { '-' }).collect();
    let like: String = like.trim_matches('-').chars().take(200).collect();
    let short = digest.get(..8).unwrap_or_default();
    if like.is_empty() { format!("topic-{short}") } else { format!("{}-{short}", like.trim_end_matches('-')) }
}

impl Described {
    pub(super) fn tell<'a>(&'a self, detail: &Detail, document: &mut Document<'a>) {
        if let Some(count) = self.topics {
            let declared = count.saturating_sub(self.undeclared.len());
            document.line(Line::plain(format!(
                "brokers ({}, {}): {}, {declared} of them declared",
                self.pod,
                self.bootstrap,
                text::plural(count, "topic")
            )));
        }
        if !self.undeclared.is_empty() {
            let mut table = Table::new([
                Column::new("UNDECLARED TOPIC"),
                Column::new("PARTITIONS").right(),
                Column::new("REPLICAS").right(),
                Column::new("CONFIGS").flex(3),
            ]);
            table.omitted = self.undeclared.len().saturating_sub(detail.findings);
            for topic in self.undeclared.iter().take(detail.findings) {
                let configs: Vec<String> = topic.configs.iter().map(|(key, value)| format!("{key}={value}")).collect();
                table.row([
                    Cell::toned(topic.name.as_str(), Tone::Strong),
                    Cell::from(topic.partitions.to_string()),
                    Cell::from(topic.replicas.to_string()),
                    Cell::or_dash(configs.join(" ")),
                ]);
            }
            document.blocks.push(Block::Table(table));
        }
        for (what, lines) in [("differs", &self.differing), ("ACL of no KafkaUser", &self.acls)] {
            for line in lines.iter().take(detail.findings) {
                document.line(Line::marked(Level::Warn, format!("{what}: {line}")));
            }
            document.more(lines.len(), detail.findings);
        }
        self.gaps.iter().for_each(|gap| document.line(Line::marked(Level::Unknown, format!("brokers: {gap}"))));
    }
}
