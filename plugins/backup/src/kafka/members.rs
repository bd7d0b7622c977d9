//! Which objects a Kafka cluster consists of: by Strimzi's labels, by the addresses that clients name, and by what specs refer to.

use super::read::Seen;
use mlops_shared::object::{Custom, Object};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The label by which an object says whose it is.
const CLUSTER: &str = "strimzi.io/cluster";

/// An object by kind, namespace and name; its group follows from the kind.
pub(crate) type Name = (&'static str, String, String);

/// What belongs to one Kafka cluster.
pub(crate) struct Members<'a> {
    pub(crate) kafka: &'a Object,
    pub(crate) pools: Vec<&'a Object>,
    pub(crate) topics: Vec<&'a Object>,
    pub(crate) users: Vec<&'a Object>,
    pub(crate) rebalances: Vec<&'a Object>,
    /// KafkaConnect, KafkaMirrorMaker2, KafkaBridge: those whose addresses are of this cluster.
    pub(crate) clients: Vec<&'a Object>,
    pub(crate) connectors: Vec<&'a Object>,
    /// Secrets and ConfigMaps, each with what needs it.
    pub(crate) needed: BTreeMap<Name, String>,
    /// Where topics and users are, where that is not the Kafka's namespace.
    pub(crate) watched: Vec<String>,
}

/// Kinds of clients.
pub(crate) const CLIENTS: [&str; 4] = ["KafkaConnect", "KafkaMirrorMaker2", "KafkaMirrorMaker", "KafkaBridge"];

impl<'a> Members<'a> {
    /// Those of a Kafka.
    pub(crate) fn of(seen: &'a Seen, kafka: &'a Object) -> Self {
        let (namespace, name) = (&*kafka.meta.namespace, &*kafka.meta.name);
        let spec = |pointer: &str| kafka.custom().map(|it| it.spec_text(pointer)).filter(|it| !it.is_empty());
        let topics_in = spec("/entityOperator/topicOperator/watchedNamespace").unwrap_or(namespace);
        let users_in = spec("/entityOperator/userOperator/watchedNamespace").unwrap_or(namespace);
        let labelled = |kind: &str, within: &str, cluster: &str| -> Vec<&'a Object> {
            let all = seen.inventory.in_namespace(super::STRIMZI, kind, within).iter();
            all.filter(|object| object.meta.labels.has(CLUSTER, cluster)).collect()
        };
        let addresses = addresses(kafka);
        let clients: Vec<&Object> = CLIENTS
            .iter()
            .flat_map(|kind| seen.of_kind(kind))
            .filter(|client| bootstraps(client).iter().any(|text| is_of(text, client, kafka, &addresses)))
            .collect();
        let connectors = clients
            .iter()
            .filter(|client| &*client.ty.kind == "KafkaConnect")
            .flat_map(|client| labelled("KafkaConnector", &client.meta.namespace, &client.meta.name))
            .collect();
        let mut members = Self {
            kafka,
            pools: labelled("KafkaNodePool", namespace, name),
            topics: labelled("KafkaTopic", topics_in, name),
            users: labelled("KafkaUser", users_in, name),
            rebalances: labelled("KafkaRebalance", namespace, name),
            clients,
            connectors,
            needed: BTreeMap::new(),
            watched: [topics_in, users_in].iter().filter(|it| **it != namespace).map(|it| (*it).to_owned()).collect(),
        };
        members.need();
        members
    }

    /// All but Secrets and ConfigMaps.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &'a Object> {
        let lists = [&self.pools, &self.topics, &self.users, &self.rebalances, &self.clients, &self.connectors];
        let all: Vec<&'a Object> = lists.into_iter().flatten().copied().collect();
        std::iter::once(self.kafka).chain(all)
    }

    fn need(&mut self) {
        let (namespace, name) = (self.kafka.meta.namespace.to_string(), self.kafka.meta.name.to_string());
        let mut needed: BTreeMap<Name, String> = BTreeMap::new();
        for (ending, why) in AUTHORITIES {
            needed.insert(("Secret", namespace.clone(), format!("{name}{ending}")), why.to_owned());
        }
        for user in &self.users {
            if let Some((secret, _)) = secret_of_user(user, self.kafka) {
                let why = format!("credentials of KafkaUser {}", user.meta.name);
                needed.insert(("Secret", user.meta.namespace.to_string(), secret), why);
            }
        }
        let mut found = References::default();
        for object in self.objects() {
            object.custom().into_iter().for_each(|custom| found.aliases(&custom.spec, 0));
        }
        for object in self.objects() {
            let Some(custom) = object.custom() else { continue };
            found.look("", &custom.spec, &object.meta.namespace, 0);
            for name in std::mem::take(&mut found.names) {
                needed.entry(name).or_insert_with(|| format!("named by {} {}", object.ty.kind, object.meta.name));
            }
        }
        self.needed = needed;
    }
}

/// What Kafka calls a topic.
pub(crate) fn topic_name(topic: &Object) -> &str {
    let told = topic.custom().map(|it| it.spec_text("/topicName")).unwrap_or_default();
    if told.is_empty() { &topic.meta.name } else { told }
}

/// Secrets of the two authorities, by the ending of their names.
pub(crate) const AUTHORITIES: [(&str, &str); 4] = [
    ("-cluster-ca", "key of the cluster's authority"),
    ("-cluster-ca-cert", "certificate of the cluster's authority"),
    ("-clients-ca", "key of the clients' authority"),
    ("-clients-ca-cert", "certificate of the clients' authority"),
];

/// The Secret with a user's credentials, and the keys that it must have; `None` of a user without one.
pub(crate) fn secret_of_user(user: &Object, kafka: &Object) -> Option<(String, &'static [&'static str])> {
    let custom = user.custom()?;
    let keys: &[&str] = match custom.spec_text("/authentication/type") {
        "tls" => &["user.crt", "user.key"],
        "scram-sha-512" => &["password"],
        // Of `tls-external` the certificate is made elsewhere; without authentication there is none.
        _ => return None,
    };
    let told = custom.status_text("/secret");
    let prefix = kafka.custom().map(|it| it.spec_text("/entityOperator/userOperator/secretPrefix")).unwrap_or_default();
    let name = if told.is_empty() { format!("{prefix}{}", user.meta.name) } else { told.to_owned() };
    Some((name, keys))
}

/// Specs are looked into so deep.
const DEPTH: usize = 32;

/// The Secrets and ConfigMaps that specs refer to.
#[derive(Default)]
struct References {
    names: BTreeSet<Name>,
    /// What `config.providers` calls Kafka's configuration providers for Kubernetes, beside their usual names.
    providers: BTreeMap<String, &'static str>,
}

impl References {
    /// Finds what providers are called: `config.providers.ALIAS.class`.
    fn aliases(&mut self, value: &Value, depth: usize) {
        match value {
            _ if depth > DEPTH => {}
            Value::Object(fields) => {
                for (key, value) in fields {
                    let alias = key.strip_prefix("config.providers.").and_then(|it| it.strip_suffix(".class"));
                    let kind = match value.as_str().and_then(|class| class.rsplit('.').next()) {
                        Some("KubernetesSecretConfigProvider") => Some("Secret"),
                        Some("KubernetesConfigMapConfigProvider") => Some("ConfigMap"),
                        _ => None,
                    };
                    self.providers.extend(alias.map(str::to_owned).zip(kind));
                    self.aliases(value, depth + 1);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.aliases(item, depth + 1)),
            _ => {}
        }
    }

    fn add(&mut self, kind: &'static str, namespace: &str, name: Option<&Value>) {
        if let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) {
            self.names.insert((kind, namespace.to_owned(), name.to_owned()));
        }
    }

    /// Those of a value, by the field names of Strimzi's and Kubernetes' types.
    fn look(&mut self, key: &str, value: &Value, namespace: &str, depth: usize) {
        if depth > DEPTH {
            return;
        }
        match value {
            Value::Object(fields) => {
                match key {
                    "secretKeyRef" | "secretRef" | "secret" | "nodePublishSecretRef" => {
                        self.add("Secret", namespace, fields.get("name"));
                    }
                    "configMapKeyRef" | "configMapRef" | "configMap" => {
                        self.add("ConfigMap", namespace, fields.get("name"));
                    }
                    _ => {}
                }
                // The last two are of the registry that a KafkaConnect is built into.
                for key in ["secretName", "pushSecret", "pullSecret"] {
                    self.add("Secret", namespace, fields.get(key));
                }
                fields.iter().for_each(|(key, value)| self.look(key, value, namespace, depth + 1));
            }
            Value::Array(items) => {
                for item in items {
                    if key == "imagePullSecrets" {
                        self.add("Secret", namespace, item.get("name"));
                    }
                    self.look(key, item, namespace, depth + 1);
                }
            }
            Value::String(text) => self.provided(text, namespace),
            _ => {}
        }
    }

    /// `${secrets:NAMESPACE/NAME:KEY}` and `${configmaps:…}`, which Kafka's configuration providers for Kubernetes replace.
    /// Without a namespace it is their own.
    fn provided(&mut self, text: &str, namespace: &str) {
        for part in text.split("${").skip(1) {
            let Some((inner, _)) = part.split_once('}') else { continue };
            let mut words = inner.split(':');
            let kind = match words.next().unwrap_or_default() {
                "secrets" => "Secret",
                "configmaps" => "ConfigMap",
                alias => match self.providers.get(alias) {
                    Some(kind) => kind,
                    None => continue,
                },
            };
            let place = words.next().unwrap_or_default();
            let (namespace, name) = place.split_once('/').unwrap_or((namespace, place));
            if !name.is_empty() {
                self.names.insert((kind, namespace.to_owned(), name.to_owned()));
            }
        }
    }
}

/// Addresses of a Kafka as its status lists them: `HOST:PORT`.
fn addresses(kafka: &Object) -> BTreeSet<String> {
    let listeners = kafka.custom().map(|it| it.status_list("/listeners")).unwrap_or_default();
    let texts = listeners.iter().filter_map(|listener| listener.get("bootstrapServers")?.as_str());
    texts.flat_map(|text| text.split(',')).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// The addresses that a client names.
pub(crate) fn bootstraps(client: &Object) -> Vec<String> {
    fn collect(value: &Value, depth: usize, found: &mut Vec<String>) {
        match value {
            _ if depth > 6 => {}
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value.as_str() {
                        Some(text) if key == "bootstrapServers" => {
                            found.extend(text.split(',').map(|it| it.trim().to_owned()));
                        }
                        _ => collect(value, depth + 1, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, depth + 1, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(client.custom().map_or(&Value::Null, |it: &Custom| &it.spec), 0, &mut found);
    found
}

/// Whether an address that a client names is of this Kafka.
fn is_of(address: &str, client: &Object, kafka: &Object, known: &BTreeSet<String>) -> bool {
    if known.contains(address) {
        return true;
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let mut labels = host.split('.');
    let (service, namespace) = (labels.next().unwrap_or_default(), labels.next());
    let name = &*kafka.meta.name;
    let listeners = kafka.custom().map(|it| it.spec_list("/kafka/listeners")).unwrap_or_default();
    let is_service = service == format!("{name}-kafka-bootstrap")
        || service == format!("{name}-kafka-brokers")
        || listeners
            .iter()
            .filter_map(|listener| listener.get("name")?.as_str())
            .any(|listener| service == format!("{name}-kafka-{listener}-bootstrap"));
    // Without a namespace the address is looked up in the client's own.
    is_service && namespace.unwrap_or(&client.meta.namespace) == &*kafka.meta.namespace
}
