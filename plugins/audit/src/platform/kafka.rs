//! Strimzi: listeners, authorization, and what users may do.

use super::codes::{
    KAFKA_CA_RENEWAL, KAFKA_NO_AUTHENTICATION, KAFKA_NO_AUTHORIZATION, KAFKA_PLAINTEXT, KAFKA_WIDE_ACL,
};
use crate::finding::Finding;
use crate::record::Custom;
use crate::severity::Severity::{High, Info, Low, Medium};
use serde_json::Value;

/// The findings on a Kafka cluster.
pub(super) fn cluster(custom: &Custom) -> Vec<Finding> {
    let (head, spec) = (&custom.head, &custom.content);
    let mut found = Vec::new();
    for listener in spec.spec_list("/kafka/listeners") {
        let text = |key: &str| listener[key].as_str().unwrap_or_default();
        let (name, ty) = (text("name"), text("type"));
        let is_outside = !matches!(ty, "internal" | "cluster-ip");
        let severity = if is_outside { High } else { Medium };
        let port = listener["port"].as_u64().unwrap_or_default();
        let what = format!("listener {name} ({ty}, port {port})");
        let path = format!("spec.kafka.listeners[{name}]");
        if listener["tls"].as_bool() != Some(true) {
            let message = format!("{what} has no TLS");
            found.push(head.finding(&KAFKA_PLAINTEXT, severity, message).at(format!("{path}.tls")));
        }
        if text_at(listener, "/authentication/type").is_empty() {
            let message = format!("{what} has no authentication: whoever reaches it is a client");
            found.push(head.finding(&KAFKA_NO_AUTHENTICATION, severity, message).at(format!("{path}.authentication")));
        }
    }
    if spec.spec_at("/kafka").is_some() && custom.text("/kafka/authorization/type").is_empty() {
        let message = "spec.kafka.authorization is not set: every client may do everything";
        found.push(head.finding(&KAFKA_NO_AUTHORIZATION, Medium, message).at("spec.kafka.authorization"));
    }
    found.extend(["clusterCa", "clientsCa"].into_iter().filter_map(|name| authority(custom, name)));
    found
}

/// Strimzi's defaults, in days (api CertificateAuthority).
const VALIDITY: i64 = 365;
const RENEWAL: i64 = 30;
/// Fewer days than this pass while nobody looks.
const IN_GOOD_TIME: i64 = 7;

/// What is wrong with how an authority is renewed.
fn authority(custom: &Custom, name: &str) -> Option<Finding> {
    let own = custom.content.spec_at(&format!("/{name}"))?;
    let days = |key: &str, default: i64| own[key].as_i64().unwrap_or(default);
    let (validity, renewal) = (days("validityDays", VALIDITY), days("renewalDays", RENEWAL));
    let (severity, message) = if own["generateCertificateAuthority"].as_bool() == Some(false) {
        (Info, format!("{name} is not generated: nobody renews it but you"))
    } else if renewal >= validity {
        (Medium, format!("{name} is valid for {validity} days and renewed {renewal} days before: it is always due"))
    } else if renewal < IN_GOOD_TIME {
        (
            Low,
            format!(
                "{name} is renewed only {} before it ends",
                mlops_shared::text::plural(usize::try_from(renewal).unwrap_or(0), "day")
            ),
        )
    } else {
        return None;
    };
    Some(custom.head.finding(&KAFKA_CA_RENEWAL, severity, message).at(format!("spec.{name}")))
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A user who may do all on all topics, or on the cluster itself.
pub(super) fn user(custom: &Custom) -> Vec<Finding> {
    let mut wide = Vec::new();
    for (index, acl) in custom.content.spec_list("/authorization/acls").iter().enumerate() {
        let (ty, name) = (text_at(acl, "/resource/type"), text_at(acl, "/resource/name"));
        let one = acl["operation"].as_str().into_iter();
        let many = acl["operations"].as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str);
        let may_all = one.chain(many).any(|operation| operation.eq_ignore_ascii_case("all"));
        let is_denied = acl["type"].as_str() == Some("deny");
        let is_all = name == "*" || ty == "cluster";
        if may_all && is_all && !is_denied {
            wide.push((index, format!("all operations on {ty} {name}").trim_end().to_owned()));
        }
    }
    let head = &custom.head;
    let told = wide.into_iter().map(|(index, what)| {
        head.finding(&KAFKA_WIDE_ACL, Medium, format!("may do {what}")).at(format!("spec.authorization.acls[{index}]"))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use crate::severity::Severity;
    use crate::testing::{codes_of, found};

    fn kafka(spec: &str) -> String {
        format!(
            "{{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {{name: k, namespace: n}}, spec: {{kafka: {spec}}}}}"
        )
    }

    #[test]
    fn open_listeners_are_told_and_closed_ones_not() {
        let open = kafka("{listeners: [{name: plain, port: 9092, type: internal, tls: false}]}");
        assert_eq!(
            codes_of(&found(super::super::check, &open)),
            ["kafka-no-authentication", "kafka-no-authorization", "kafka-plaintext"]
        );
        let closed = kafka(
            "{authorization: {type: simple}, listeners: [{name: tls, port: 9093, type: internal, tls: true, authentication: {type: tls}}]}",
        );
        assert!(found(super::super::check, &closed).is_empty());
        let outside = kafka(
            "{authorization: {type: simple}, listeners: [{name: ext, port: 9094, type: nodeport, tls: false, authentication: {type: scram-sha-512}}]}",
        );
        let found = found(super::super::check, &outside);
        assert_eq!((codes_of(&found), found[0].severity), (vec!["kafka-plaintext"], Severity::High));
    }

    #[test]
    fn authorities_are_renewed_in_good_time() {
        let judge = |authority: &str| {
            let yaml = format!(
                "{{apiVersion: kafka.strimzi.io/v1, kind: Kafka, metadata: {{name: k, namespace: n}}, spec: {{clusterCa: {authority}}}}}"
            );
            let found = found(super::super::check, &yaml);
            found.first().map(|finding| (finding.code.id, finding.severity))
        };
        assert_eq!(judge("{}"), None);
        assert_eq!(judge("{validityDays: 1825, renewalDays: 90}"), None);
        assert_eq!(judge("{validityDays: 20}"), Some(("kafka-ca-renewal", Severity::Medium)));
        assert_eq!(judge("{renewalDays: 2}"), Some(("kafka-ca-renewal", Severity::Low)));
        assert_eq!(judge("{generateCertificateAuthority: false}"), Some(("kafka-ca-renewal", Severity::Info)));
    }

    #[test]
    fn users_who_may_do_everything_are_told() {
        let user = |acl: &str| {
            codes_of(&found(
                super::super::check,
                &format!(
                    "{{apiVersion: kafka.strimzi.io/v1, kind: KafkaUser, metadata: {{name: u, namespace: n}}, spec: {{authorization: {{type: simple, acls: [{acl}]}}}}}}"
                ),
            ))
        };
        assert_eq!(
            user("{resource: {type: topic, name: '*', patternType: literal}, operations: [All]}"),
            ["kafka-wide-acl"]
        );
        assert_eq!(user("{resource: {type: cluster}, operation: All}"), ["kafka-wide-acl"]);
        assert!(user("{resource: {type: topic, name: '*'}, operations: [Read, Describe]}").is_empty());
        assert!(user("{resource: {type: topic, name: mine, patternType: prefix}, operations: [All]}").is_empty());
        assert!(user("{type: deny, resource: {type: topic, name: '*'}, operations: [All]}").is_empty());
    }
}
