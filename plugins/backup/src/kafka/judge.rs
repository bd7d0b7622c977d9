//! What is said of a Kafka cluster: what is missing, what will be missing soon, and what a restore has to know. Pure.

use super::members::{AUTHORITIES, CLIENTS, Members, bootstraps, secret_of_user, topic_name};
use super::read::Seen;
use super::report::{KafkaCluster, KafkaFinding, Needed, Pool, PoolClaim, PoolVolume};
use jiff::Timestamp;
use mlops_shared::object::{Body, Condition, Object};
use mlops_shared::report::Level;
use mlops_shared::text;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An authority that ends sooner is told.
const DAYS: i64 = 30;

/// Findings while they are collected.
#[derive(Default)]
struct Findings(Vec<KafkaFinding>);

impl Findings {
    fn add(&mut self, level: Level, object: &Object, message: impl Into<String>) {
        let object = format!("{}/{}", object.ty.kind, object.meta.name);
        self.0.push(KafkaFinding { level, object, message: message.into() });
    }
}

/// The part of the report on one cluster.
pub(super) fn cluster(seen: &Seen, members: &Members<'_>, now: Timestamp) -> KafkaCluster {
    let kafka = members.kafka;
    let mut findings = Findings::default();
    let pools = pools(seen, members, &mut findings);
    let is_persistent = |pool: &Pool| pool.volumes.iter().any(|volume| volume.kind == "persistent-claim");
    let has_zookeeper = kafka.custom().is_some_and(|it| it.spec_at("/zookeeper").is_some());
    let carries_identity = pools.iter().any(is_persistent)
        || (pools.is_empty() && kafka.custom().is_some_and(|it| it.spec_text("/kafka/storage/type") != "ephemeral"));
    let cluster_id = identity(members, carries_identity, &mut findings);
    if has_zookeeper && pools.is_empty() {
        findings.add(
            Level::Warn,
            kafka,
            "it keeps its metadata in ZooKeeper: topics, users and ACLs there are in no archive of Kubernetes",
        );
    }
    state(kafka, &mut findings);
    topics(members, &mut findings);
    members.users.iter().chain(&members.clients).chain(&members.connectors).for_each(|it| state(it, &mut findings));
    let needed = needed(seen, members, now, &mut findings);
    for namespace in &members.watched {
        if !seen.inventory.was_read(super::STRIMZI, "KafkaTopic", namespace) {
            findings.add(
                Level::Unknown,
                kafka,
                format!("topics or users are in namespace {namespace}, which was not read: give it with -n too"),
            );
        }
    }
    let mut objects: BTreeMap<String, usize> = BTreeMap::new();
    members.objects().for_each(|object| *objects.entry(object.ty.kind.to_string()).or_default() += 1);
    let mut findings = findings.0;
    findings.sort_by(|one, two| (two.level, &one.object, &one.message).cmp(&(one.level, &two.object, &two.message)));
    let text = |pointer: &str| kafka.custom().map(|it| it.status_text(pointer).to_owned());
    let version = text("/kafkaVersion").filter(|it| !it.is_empty());
    let wanted = kafka.custom().map(|it| it.spec_text("/kafka/version").to_owned()).filter(|it| !it.is_empty());
    KafkaCluster {
        namespace: kafka.meta.namespace.to_string(),
        name: kafka.meta.name.to_string(),
        version: version.or(wanted),
        cluster_id,
        carries_identity,
        objects,
        pools,
        needed,
        findings,
        order: order(members, carries_identity),
        outside: OUTSIDE.iter().map(|&it| it.to_owned()).collect(),
        brokers: None,
    }
}

/// What Kafka keeps on its own disks.
const OUTSIDE: &[&str] = &[
    "messages",
    "offsets of consumer groups",
    "topics and configs that no KafkaTopic declares",
    "users, ACLs and quotas made by hand",
    "configs of brokers set at run time",
    "which broker has which partition",
];

fn order(members: &Members<'_>, carries_identity: bool) -> Vec<String> {
    let mut order = vec![
        "Strimzi's definitions and its operator, of a version that knows this version of Kafka: they are not in this archive".to_owned(),
        "namespaces".to_owned(),
    ];
    if carries_identity {
        order.push(
            "where disks are left: their claims, bound to the same volumes, before the pools, or empty disks are made; \
             `backup create` has claims and volumes, this archive has not"
                .to_owned(),
        );
    }
    order.push("Secrets of both authorities and of users, and what specs refer to: with others every client would have to be told".to_owned());
    order.push("KafkaNodePools, with the node ids of their status".to_owned());
    order.push("Kafka, paused until the cluster id of its status is back; then the operator starts".to_owned());
    order.push("KafkaUsers and KafkaTopics, once Kafka is Ready".to_owned());
    if !members.clients.is_empty() {
        order.push("Connect, mirror makers and bridges, then connectors".to_owned());
    }
    order.push("messages: from a mirror, or from snapshots of all volumes of one instant".to_owned());
    order
}

fn identity(members: &Members<'_>, carries: bool, findings: &mut Findings) -> Option<String> {
    let of =
        |object: &Object| object.custom().map(|it| it.status_text("/clusterId").to_owned()).filter(|it| !it.is_empty());
    let own = of(members.kafka);
    if own.is_none() && carries {
        findings.add(
            Level::Fail,
            members.kafka,
            "its status has no clusterId: brokers made anew would refuse disks that are left (meta.properties on them has it)",
        );
    }
    for pool in &members.pools {
        if let (Some(one), Some(other)) = (&own, of(pool))
            && *one != other
        {
            findings.add(Level::Fail, pool, format!("its clusterId is {other}, the Kafka's is {one}"));
        }
    }
    own
}

fn pools(seen: &Seen, members: &Members<'_>, findings: &mut Findings) -> Vec<Pool> {
    let mut taken: BTreeMap<i64, String> = BTreeMap::new();
    let mut pools = Vec::new();
    for object in &members.pools {
        let Some(custom) = object.custom() else {
            findings.add(Level::Unknown, object, "it could not be read");
            continue;
        };
        let node_ids: Vec<i64> = custom.status_list("/nodeIds").iter().filter_map(Value::as_i64).collect();
        let replicas = custom.spec_number("/replicas").unwrap_or(0);
        if i64::try_from(node_ids.len()).ok() != Some(replicas) {
            findings.add(
                Level::Warn,
                object,
                format!("its status has {}, its spec wants {replicas}", text::plural(node_ids.len(), "node id")),
            );
        }
        for id in &node_ids {
            if let Some(other) = taken.insert(*id, object.meta.name.to_string()) {
                findings.add(Level::Fail, object, format!("node id {id} is also of pool {other}"));
            }
        }
        let next_node_ids = object.meta.annotations.get("strimzi.io/next-node-ids").map(str::to_owned);
        if let Some(range) = &next_node_ids
            && !is_range(range)
        {
            findings.add(Level::Warn, object, format!("strimzi.io/next-node-ids is no list of ids: {range}"));
        }
        let volumes = volumes(custom.spec_at("/storage"));
        if volumes.iter().any(|volume| volume.kind == "ephemeral") {
            findings.add(Level::Warn, object, "its storage is ephemeral: what is on it goes with each pod");
        }
        if volumes.iter().any(|volume| volume.delete_claim) {
            findings.add(Level::Warn, object, "deleteClaim: its disks are deleted with the Kafka or the pool");
        }
        let claims = claims(seen, members.kafka, object, &node_ids, &volumes, findings);
        let roles = custom.spec_list("/roles").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let name = object.meta.name.to_string();
        pools.push(Pool { name, roles, replicas, node_ids, next_node_ids, volumes, claims });
    }
    pools
}

/// `[1, 2, 10-20]`
fn is_range(text: &str) -> bool {
    let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.is_some_and(|inner| {
        inner.split(',').all(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            from.trim().parse::<u32>().is_ok() && to.trim().parse::<u32>().is_ok()
        })
    })
}

fn volumes(storage: Option<&Value>) -> Vec<PoolVolume> {
    let Some(storage) = storage else { return Vec::new() };
    let volume = |it: &Value| {
        let text = |key: &str| it.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        PoolVolume {
            id: it.get("id").and_then(Value::as_i64),
            kind: text("type"),
            size: text("size"),
            delete_claim: it.get("deleteClaim").and_then(Value::as_bool).unwrap_or(false),
            kraft_metadata: it.get("kraftMetadata").is_some(),
        }
    };
    match storage.get("volumes").and_then(Value::as_array) {
        Some(all) => all.iter().map(volume).collect(),
        None => vec![volume(storage)],
    }
}

fn claims(
    seen: &Seen,
    kafka: &Object,
    pool: &Object,
    node_ids: &[i64],
    volumes: &[PoolVolume],
    findings: &mut Findings,
) -> Vec<PoolClaim> {
    let namespace = &*kafka.meta.namespace;
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let mut fleeting = Vec::new();
    for id in node_ids {
        for volume in volumes.iter().filter(|volume| volume.kind == "persistent-claim") {
            let number = volume.id.map(|id| format!("{id}-")).unwrap_or_default();
            let name = format!("data-{number}{}-{}-{id}", kafka.meta.name, pool.meta.name);
            let lookup = seen.inventory.get("", "PersistentVolumeClaim", namespace, &name);
            if lookup.is_missing() {
                missing.push(name);
                continue;
            }
            let Some(Body::Claim(claim)) = lookup.found().map(|it| &it.body) else { continue };
            let volume = claim.spec.volume_name.to_string();
            let reclaim_policy =
                match seen.inventory.get("", "PersistentVolume", "", &volume).found().map(|it| &it.body) {
                    Some(Body::Volume(volume)) => Some(volume.spec.persistent_volume_reclaim_policy.to_string()),
                    _ => None,
                };
            if reclaim_policy.as_deref() == Some("Delete") {
                fleeting.push(name.clone());
            }
            found.push(PoolClaim { name, volume, reclaim_policy });
        }
    }
    if !missing.is_empty() {
        findings.add(Level::Warn, pool, format!("claims are not there: {}", some(&missing)));
    }
    if !fleeting.is_empty() {
        findings.add(
            Level::Warn,
            pool,
            format!(
                "the volumes of {} go with their claims, so with the namespace (reclaim policy Delete)",
                some(&fleeting)
            ),
        );
    }
    found
}

/// The first few of many names.
fn some(names: &[String]) -> String {
    const NAMED: usize = 5;
    let rest = names.len().saturating_sub(NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}

/// What an object's conditions say, both ways in which Strimzi writes that something is not ready.
fn state(object: &Object, findings: &mut Findings) {
    let Some(custom) = object.custom() else {
        findings.add(Level::Unknown, object, "it could not be read");
        return;
    };
    let conditions = custom.conditions();
    let find = |kind: &str| conditions.iter().find(|condition| &*condition.r#type == kind);
    let is_true = |kind: &str| find(kind).is_some_and(Condition::is_true);
    let broken = find("NotReady").filter(|it| it.is_true()).or_else(|| find("Ready").filter(|it| !it.is_true()));
    if let Some(condition) = broken {
        let message = text::truncate(&condition.message, 300);
        findings.add(
            Level::Warn,
            object,
            format!("it is not ready: {} {message}", condition.reason).trim_end().to_owned(),
        );
    } else if is_true("ReconciliationPaused") {
        findings.add(Level::Warn, object, "it is paused: what it says may not be what is there");
    } else if !is_true("Ready") && !is_true("Unmanaged") {
        findings.add(Level::Warn, object, "no operator has said that it is ready");
    }
}

fn topics(members: &Members<'_>, findings: &mut Findings) {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for topic in &members.topics {
        state(topic, findings);
        let is_unmanaged = topic.meta.annotations.get("strimzi.io/managed") == Some("false");
        if is_unmanaged {
            findings.add(
                Level::Warn,
                topic,
                "strimzi.io/managed is false: what Kafka has may differ, and a restore of it makes no topic",
            );
        }
        let Some(custom) = topic.custom() else { continue };
        let name = topic_name(topic);
        if let Some(other) = names.insert(name, &topic.meta.name) {
            findings.add(Level::Fail, topic, format!("it declares the topic {name}, and so does KafkaTopic {other}"));
        }
        if !is_unmanaged && (custom.spec_number("/partitions").is_none() || custom.spec_number("/replicas").is_none()) {
            findings.add(
                Level::Warn,
                topic,
                "it does not say how many partitions or replicas: made again it gets the defaults of the brokers",
            );
        }
    }
}

fn needed(seen: &Seen, members: &Members<'_>, now: Timestamp, findings: &mut Findings) -> Vec<Needed> {
    let kafka = members.kafka;
    let mut keys: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    let namespace = kafka.meta.namespace.to_string();
    for (ending, _) in AUTHORITIES {
        let key = if ending.ends_with("-cert") { "ca.crt" } else { "ca.key" };
        keys.entry((namespace.clone(), format!("{}{ending}", kafka.meta.name))).or_default().insert(key);
    }
    for user in &members.users {
        if let Some((secret, must)) = secret_of_user(user, kafka) {
            keys.entry((user.meta.namespace.to_string(), secret)).or_default().extend(must);
        }
    }
    let mut rows = Vec::new();
    for ((kind, namespace, name), why) in &members.needed {
        let mut row = Needed {
            kind: (*kind).to_owned(),
            namespace: namespace.clone(),
            name: name.clone(),
            why: why.clone(),
            level: Level::Ok,
            state: "there".to_owned(),
            expires_at: None,
            days_left: None,
        };
        if *kind == "ConfigMap" {
            let lookup = seen.inventory.get("", "ConfigMap", namespace, name);
            if lookup.is_missing() {
                (row.level, row.state) = (Level::Fail, "it is not there".to_owned());
            } else if lookup.found().is_none() {
                (row.level, row.state) =
                    (Level::Unknown, "not known: ConfigMaps of the namespace were not read".to_owned());
            }
        } else {
            let place = (namespace.clone(), name.clone());
            match seen.secrets.get(&place) {
                None if !seen.has_secrets_of(namespace) => {
                    (row.level, row.state) =
                        (Level::Unknown, "not known: Secrets of the namespace were not read".to_owned());
                }
                None => (row.level, row.state) = (Level::Fail, "it is not there".to_owned()),
                Some(secret) if secret.is_bare && seen.view.source == "files" => {
                    (row.level, row.state) = (Level::Unknown, "not known: what was read has only its name".to_owned());
                }
                Some(secret) => {
                    let must = keys.get(&place).into_iter().flatten();
                    let lacking: Vec<&str> = must.filter(|key| !secret.keys.contains(**key)).copied().collect();
                    let end = secret.ends.values().min();
                    if !lacking.is_empty() {
                        (row.level, row.state) = (Level::Fail, format!("it has no {}", lacking.join(" and no ")));
                    } else if let Some(key) = secret.broken.first() {
                        (row.level, row.state) = (Level::Fail, format!("what it has as {key} is no certificate"));
                    } else if let Some(end) = end {
                        expiry(&mut row, *end, now);
                    }
                }
            }
        }
        if row.level != Level::Ok {
            let message = format!("{} ({})", row.state, row.why);
            findings.0.push(KafkaFinding { level: row.level, object: format!("{kind}/{name}"), message });
        }
        rows.push(row);
    }
    rows.sort_by(|one, two| (two.level, &one.kind, &one.name).cmp(&(one.level, &two.kind, &two.name)));
    rows
}

fn expiry(row: &mut Needed, end: Timestamp, now: Timestamp) {
    let days = end.duration_since(now).as_hours() / 24;
    row.expires_at = Some(end.to_string());
    row.days_left = Some(days);
    if end <= now {
        (row.level, row.state) = (Level::Fail, format!("its certificate ended {} ago", text::age(end, now)));
    } else if days < DAYS {
        (row.level, row.state) = (
            Level::Warn,
            format!("its certificate ends in {}", text::plural(usize::try_from(days).unwrap_or(0), "day")),
        );
    }
}

/// Clients whose addresses are of no Kafka that was read: not in the archive.
pub(super) fn strangers(seen: &Seen, all: &[Members<'_>]) -> Vec<String> {
    let is_known = |client: &Object| all.iter().flat_map(|it| &it.clients).any(|known| std::ptr::eq(*known, client));
    let clients = CLIENTS.iter().flat_map(|kind| seen.of_kind(kind)).filter(|client| !is_known(client));
    clients
        .map(|client| {
            let addresses = bootstraps(client);
            let addresses = if addresses.is_empty() { "none".to_owned() } else { some(&addresses) };
            format!(
                "{} {}/{} names addresses of no Kafka that was read ({addresses}): it is left out",
                client.ty.kind, client.meta.namespace, client.meta.name
            )
        })
        .collect()
}
