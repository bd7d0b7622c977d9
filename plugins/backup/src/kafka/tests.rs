//! Tests of what is said of Kafka clusters, and of what brokers say.

use super::describe::{Described, bootstrap, compare, manifests, object_name, pods};
use super::members::Members;
use super::read::{Seen, read};
use super::{answers, judge, pick};
use crate::args::{Args, Command, KafkaArgs};
use clap::Parser as _;
use jiff::Timestamp;
use mlops_shared::report::Level;

const BASE: &str = "
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: events, namespace: a}
spec:
  kafka:
    version: 4.1.0
    listeners:
    - {name: tls, port: 9093, type: internal, tls: true, authentication: {type: tls}}
    - {name: plain, port: 9092, type: internal, tls: false}
    metricsConfig: {type: jmx, valueFrom: {configMapKeyRef: {name: metrics, key: m}}}
status: {clusterId: abc, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: brokers, namespace: a, labels: {strimzi.io/cluster: events}}
spec:
  replicas: 2
  roles: [broker]
  storage: {type: jbod, volumes: [{id: 0, type: persistent-claim, size: 10Gi, kraftMetadata: shared}]}
status: {nodeIds: [0, 1], clusterId: abc}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: orders, namespace: a, labels: {strimzi.io/cluster: events}}
spec: {partitions: 3, replicas: 2, config: {retention.ms: 1000}}
status: {conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: shop, namespace: a, labels: {strimzi.io/cluster: events}}
spec: {authentication: {type: scram-sha-512}}
status: {secret: shop, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: metrics, namespace: a}
---
apiVersion: v1
kind: Secret
metadata: {name: shop, namespace: a}
data: {password: eA==}
---
";

fn authorities() -> String {
    let secret = |name: &str, key: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: events{name}, namespace: a}}\ndata: {{{key}: {value}}}\n---\n"
        )
    };
    ["-cluster-ca", "-clients-ca"]
        .map(|name| secret(name, "ca.key", "eA==") + &secret(&format!("{name}-cert"), "ca.crt", CERTIFICATE))
        .concat()
}

/// A certificate that ends on 2036-11-24, as base64 of its PEM.
const CERTIFICATE: &str = include_str!("ca.b64");

/// What was read of this YAML.
fn seen(yaml: &str) -> Seen {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("all.yaml");
    std::fs::write(&path, yaml).expect("write");
    let path = path.to_string_lossy().into_owned();
    let args = Args::try_parse_from(["x", "kafka", "--from", &path]).expect("arguments");
    read(&args).expect("read")
}

fn now() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().expect("a time")
}

fn findings(yaml: &str) -> Vec<(Level, String)> {
    let seen = seen(yaml);
    let members = Members::of(&seen, &seen.of_kind("Kafka")[0]);
    let cluster = judge::cluster(&seen, &members, now());
    cluster.findings.into_iter().map(|it| (it.level, format!("{}: {}", it.object, it.message))).collect()
}

/// The findings that a change of the base brings.
fn after(from: &str, to: &str) -> Vec<(Level, String)> {
    let base = format!("{BASE}{}", authorities());
    assert!(base.contains(from), "{from}");
    let known = findings(&base);
    findings(&base.replace(from, to)).into_iter().filter(|it| !known.contains(it)).collect()
}

#[test]
fn what_is_whole_has_no_finding_against_it() {
    let found = findings(&format!("{BASE}{}", authorities()));
    assert!(found.iter().all(|(level, _)| *level < Level::Fail), "{found:?}");
}

#[test]
fn what_would_be_missing_is_told() {
    for (from, to, level, words) in [
        ("status: {clusterId: abc, conditions", "status: {conditions", Level::Fail, "no clusterId"),
        ("[0, 1], clusterId: abc", "[0, 1], clusterId: xyz", Level::Fail, "its clusterId is xyz"),
        ("nodeIds: [0, 1]", "nodeIds: [0]", Level::Warn, "1 node id, its spec wants 2"),
        ("size: 10Gi", "size: 10Gi, deleteClaim: true", Level::Warn, "deleteClaim"),
        ("type: persistent-claim", "type: ephemeral", Level::Warn, "ephemeral"),
        (
            "name: shop, namespace: a}\ndata",
            "name: other, namespace: a}\ndata",
            Level::Fail,
            "it is not there (credentials of KafkaUser shop)",
        ),
        ("data: {password", "data: {word", Level::Fail, "it has no password"),
        ("name: events-clients-ca, ", "name: x, ", Level::Fail, "key of the clients' authority"),
        ("name: metrics, namespace", "name: other, namespace", Level::Fail, "named by Kafka events"),
        ("partitions: 3, ", "", Level::Warn, "defaults of the brokers"),
        (
            "name: orders, namespace: a,",
            "name: orders, namespace: a, annotations: {strimzi.io/managed: 'false'},",
            Level::Warn,
            "managed is false",
        ),
        ("spec: {partitions: 3", "spec: {topicName: Orders_1, partitions: 3", Level::Ok, ""),
        (
            "{name: brokers, namespace: a,",
            "{name: brokers, namespace: a, annotations: {strimzi.io/next-node-ids: x},",
            Level::Warn,
            "no list of ids",
        ),
    ] {
        let found = after(from, to);
        let fits = |(is, message): &(Level, String)| *is == level && message.contains(words);
        let is_told = if words.is_empty() { found.is_empty() } else { found.iter().any(fits) };
        assert!(is_told, "{from:?} → {to:?}: {found:?}");
    }
}

#[test]
fn both_ways_in_which_strimzi_says_that_something_is_not_ready_are_read() {
    let topic = "config: {retention.ms: 1000}}\nstatus: {conditions: [{type: Ready, status: 'True'}]}";
    for word in
        ["type: Ready, status: 'False', reason: KafkaError", "type: NotReady, status: 'True', reason: KafkaError"]
    {
        let found = after(topic, &format!("config: {{}}}}\nstatus: {{conditions: [{{{word}}}]}}"));
        assert!(
            found.iter().any(|(level, text)| *level == Level::Warn && text.contains("not ready: KafkaError")),
            "{found:?}"
        );
    }
}

#[test]
fn a_certificate_that_ends_is_told_in_good_time() {
    let yaml = format!("{BASE}{}", authorities());
    let at = |time: &str| {
        let seen = seen(&yaml);
        let members = Members::of(&seen, &seen.of_kind("Kafka")[0]);
        let cluster = judge::cluster(&seen, &members, time.parse().expect("a time"));
        cluster.needed.into_iter().find(|it| it.name == "events-cluster-ca-cert").expect("a row")
    };
    let row = at("2026-11-20T03:00:00Z");
    assert!(row.level == Level::Ok && row.days_left.is_some_and(|days| days > 3000), "{row:?}");
    let end: Timestamp = row.expires_at.expect("an end").parse().expect("a time");
    let before = end - jiff::SignedDuration::from_hours(24 * 7);
    assert_eq!(at(&before.to_string()).level, Level::Warn);
    assert_eq!(at(&(end + jiff::SignedDuration::from_hours(1)).to_string()).level, Level::Fail);
}

#[test]
fn a_file_that_has_only_the_names_of_secrets_proves_nothing() {
    let found = after("data: {password: eA==}\n", "");
    assert!(found.iter().any(|(level, text)| *level == Level::Unknown && text.contains("only its name")), "{found:?}");
    assert!(found.iter().all(|(level, _)| *level != Level::Fail), "{found:?}");
}

#[test]
fn clients_belong_to_the_kafka_whose_address_they_name() {
    let connect = |address: &str| {
        format!(
            "apiVersion: kafka.strimzi.io/v1\nkind: KafkaConnect\nmetadata: {{name: c, namespace: b}}\nspec: {{bootstrapServers: '{address}',
  config: {{x: '${{secrets:b/from-config:k}}', y: '${{k8s:of-alias:k}}', z: '${{file:/not:k}}',
    config.providers.k8s.class: io.strimzi.kafka.KubernetesSecretConfigProvider}},
  build: {{output: {{pushSecret: push}}}}, authentication: {{passwordSecret: {{secretName: pw, password: p}}}}}}\n---\n
apiVersion: kafka.strimzi.io/v1\nkind: KafkaConnector\nmetadata: {{name: sink, namespace: b, labels: {{strimzi.io/cluster: c}}}}\n---\n"
        )
    };
    for (address, is_member) in [
        ("events-kafka-bootstrap.a.svc:9093", true),
        ("events-kafka-plain-bootstrap.a:9094", true),
        ("events-kafka-bootstrap:9092", false),
        ("events-kafka-bootstrap.b.svc:9092", false),
        ("other-events-kafka-bootstrap.a.svc:9092", false),
    ] {
        let seen = seen(&format!("{BASE}{}", connect(address)));
        let all = [Members::of(&seen, &seen.of_kind("Kafka")[0])];
        let chosen = pick(&all).objects;
        let has =
            |kind: &str, name: &str| chosen.iter().any(|(_, of, space, is)| of == kind && space == "b" && is == name);
        for (kind, name) in [
            ("KafkaConnect", "c"),
            ("KafkaConnector", "sink"),
            ("Secret", "from-config"),
            ("Secret", "of-alias"),
            ("Secret", "push"),
            ("Secret", "pw"),
        ] {
            assert_eq!(has(kind, name), is_member, "{address} {kind} {name}: {chosen:?}");
        }
        assert_eq!(judge::strangers(&seen, &all).len(), usize::from(!is_member), "{address}");
    }
}

fn flags(words: &[&str]) -> KafkaArgs {
    let args = Args::try_parse_from(["x", "kafka", "--describe"].iter().chain(words)).expect("arguments");
    let Command::Kafka(flags) = args.command else { panic!("another command") };
    flags
}

#[test]
fn an_address_is_chosen_that_shows_everything_or_none_is() {
    let of = |yaml: &str, words: &[&str]| {
        let seen = seen(yaml);
        bootstrap(&seen.of_kind("Kafka")[0], &flags(words))
    };
    assert_eq!(of(BASE, &[]).as_deref(), Ok("localhost:9092"));
    assert_eq!(of(BASE, &["--bootstrap", "x:1"]).as_deref(), Ok("x:1"));
    let secured = BASE.replace("port: 9092, type: internal, tls: false", "port: 9092, type: internal, tls: true");
    assert!(of(&secured, &[]).is_err_and(|why| why.contains("--command-config")));
    assert_eq!(of(&secured, &["--command-config", "/tmp/c"]).as_deref(), Ok("localhost:9093"));
    let authorizes = BASE.replace("    version: 4.1.0", "    version: 4.1.0\n    authorization: {type: simple}");
    assert!(of(&authorizes, &[]).is_err_and(|why| why.contains("sees only a part")));
    let seen = seen(BASE);
    assert_eq!(pods(&Members::of(&seen, &seen.of_kind("Kafka")[0])), ["events-brokers-0", "events-brokers-1"]);
}

const TOPICS: &str = "Topic: orders\tTopicId: t1\tPartitionCount: 2\tReplicationFactor: 2\tConfigs: min.insync.replicas=1,cleanup.policy=compact,delete
\tTopic: orders\tPartition: 0\tLeader: 0\tReplicas: 0,1\tIsr: 0,1
\tTopic: orders\tPartition: 1\tLeader: 1\tReplicas: 1,0\tIsr: 1,0
Topic: Old_One\tTopicId: t2\tPartitionCount: 1\tReplicationFactor: 1\tConfigs: 
\tTopic: Old_One\tPartition: 0\tLeader: none\tReplicas: 0\tIsr: 0\tElr: \tLastKnownElr: 
";
const CONFIGS: &str = "Dynamic configs for topic orders are:
Dynamic configs for topic Old_One are:
  cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}
";

#[test]
fn what_the_scripts_print_is_read_strictly() {
    let topics = answers::topics(TOPICS.as_bytes()).expect("topics");
    assert_eq!((topics["orders"].partitions, topics["Old_One"].replicas), (2, 1));
    assert!(answers::topics(b"").expect("none").is_empty());
    for end in 1..TOPICS.len() {
        // Cut anywhere but where a topic ends, it is no answer.
        let is_end = TOPICS[..end].ends_with("Isr: 1,0\n");
        assert_eq!(answers::topics(&TOPICS.as_bytes()[..end]).is_ok(), is_end, "{end}");
    }
    for odd in [
        "WARN something\n",
        "Topic: a/b\tPartitionCount: 0\tReplicationFactor: 1\n",
        "\u{1b}[2JTopic: a\n",
        "\tTopic: a\tPartition: 0\n",
    ] {
        assert!(answers::topics(odd.as_bytes()).is_err(), "{odd:?}");
    }
    let mut with = topics.clone();
    answers::configs(CONFIGS.as_bytes(), &mut with).expect("configs");
    assert_eq!(with["Old_One"].configs["cleanup.policy"], "compact,delete");
    assert!(answers::configs(b"  a=b sensitive=false synonyms={}\n", &mut with).is_err());
    let acls = "Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=orders, patternType=LITERAL)`: \n \t(principal=User:CN=shop,O=x, host=*, operation=READ, permissionType=ALLOW) \n\n";
    let found = answers::acls(acls.as_bytes()).expect("acls");
    assert_eq!(found[0].principal, "User:CN=shop,O=x");
    assert!(answers::acls(b"Error\n").is_err());
    assert_eq!(answers::cluster_id(b"ClusterId:              abc-D_1\nLeaderId: 3\n").as_deref(), Ok("abc-D_1"));
    assert!(answers::cluster_id(b"LeaderId: 3\n").is_err());
}

#[test]
fn what_differs_is_told_and_what_nobody_declares_becomes_a_manifest() {
    let seen = seen(&format!("{BASE}{}", authorities()));
    let members = Members::of(&seen, &seen.of_kind("Kafka")[0]);
    let mut topics = answers::topics(TOPICS.as_bytes()).expect("topics");
    answers::configs(CONFIGS.as_bytes(), &mut topics).expect("configs");
    let mut told = Described::default();
    compare(&members, topics, true, &mut told);
    assert_eq!(
        told.differing,
        ["orders: partitions 3 declared, 2 there", "orders: retention.ms 1000 declared, nothing there"]
    );
    assert_eq!(told.undeclared.len(), 1);
    let mut cluster = judge::cluster(&seen, &members, now());
    cluster.brokers = Some(told);
    let yaml = manifests(&[cluster]);
    assert!(
        yaml.starts_with("---\n")
            && yaml.contains("\"topicName\": \"Old_One\"")
            && yaml.contains("\"cleanup.policy\": \"compact,delete\""),
        "{yaml}"
    );
    assert_eq!(object_name("orders.v1"), "orders.v1");
    for odd in ["Old_One", "a..b", "_", "-x", "ORDERS"] {
        let name = object_name(odd);
        assert!(name != odd && object_name(&name) == name, "{odd} {name}");
    }
    assert_ne!(object_name("a_b"), object_name("a.B"));
}
