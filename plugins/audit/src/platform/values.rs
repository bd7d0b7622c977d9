//! What Helm values say: a setting is known by the end of its path, wherever a chart puts it. Values are compared, and
//! never repeated where they may be a secret.

use super::codes::{
    AIRFLOW_CONFIG_EXPOSED, DATABASE_NO_TLS, GRAFANA_ANONYMOUS, GRAFANA_DEFAULT_LOGIN, MINIO_PUBLIC_METRICS,
    SERVICE_EXPOSED, WEBHOOK_FAILS_OPEN,
};
use crate::finding::Finding;
use crate::record::Head;
use crate::severity::Severity::{self, High, Low, Medium};
use mlops_shared::report::Code;
use serde_json::Value;

/// Deeper than this nothing is looked for.
const DEPTH: usize = 16;

/// Passwords of Grafana that charts and guides set.
const KNOWN_LOGINS: &[&str] = &["admin", "admin123", "prom-operator", "grafana", "password", "changeme"];

/// A setting: the last steps of its path, and what it means. `None` where the value is well.
type Rule = (&'static [&'static str], fn(&Value) -> Option<(&'static Code, Severity, String)>);

const RULES: &[Rule] = &[
    (&["webserver", "expose_config"], airflow),
    (&["api", "expose_config"], airflow),
    (&["AIRFLOW__WEBSERVER__EXPOSE_CONFIG"], airflow),
    (&["AIRFLOW__API__EXPOSE_CONFIG"], airflow),
    (&["sslmode"], |value| {
        let is_off = value.as_str() == Some("disable");
        is_off.then(|| (&DATABASE_NO_TLS, Low, "sslmode is disable: the connection has no TLS".to_owned()))
    }),
    (&["grafana", "adminPassword"], login),
    (&["grafana", "security", "admin_password"], login),
    (&["grafana.ini", "security", "admin_password"], login),
    (&["auth.anonymous", "enabled"], anonymous),
    (&["GF_AUTH_ANONYMOUS_ENABLED"], anonymous),
    (&["MINIO_PROMETHEUS_AUTH_TYPE"], |value| {
        let is_public = value.as_str() == Some("public");
        is_public.then(|| {
            (&MINIO_PUBLIC_METRICS, Medium, "MINIO_PROMETHEUS_AUTH_TYPE is public: metrics need no token".to_owned())
        })
    }),
    (&["webhook", "failurePolicy"], |value| {
        let is_open = value.as_str() == Some("Ignore");
        is_open.then(|| {
            (
                &WEBHOOK_FAILS_OPEN,
                Low,
                "failurePolicy is Ignore: what the webhook does not answer for is let in".to_owned(),
            )
        })
    }),
    (&["service", "type"], |value| {
        let ty = value.as_str().filter(|ty| matches!(*ty, "NodePort" | "LoadBalancer"))?;
        Some((&SERVICE_EXPOSED, Low, format!("the Service is a {ty}: open to the outside")))
    }),
];

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true) || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

fn airflow(value: &Value) -> Option<(&'static Code, Severity, String)> {
    is_true(value)
        .then(|| (&AIRFLOW_CONFIG_EXPOSED, Medium, "expose_config is on: users see the configuration".to_owned()))
}

fn login(value: &Value) -> Option<(&'static Code, Severity, String)> {
    let is_known = value.as_str().is_some_and(|password| KNOWN_LOGINS.contains(&password));
    is_known
        .then(|| (&GRAFANA_DEFAULT_LOGIN, High, "the administrator's password is one that everybody knows".to_owned()))
}

fn anonymous(value: &Value) -> Option<(&'static Code, Severity, String)> {
    is_true(value).then(|| (&GRAFANA_ANONYMOUS, Medium, "anonymous access is on: nobody needs a login".to_owned()))
}

/// The findings on a chart's values, which stand at `path` in the object.
pub(super) fn check(head: &Head, values: &Value, path: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut steps: Vec<String> = path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    walk(head, values, &mut steps, &mut found);
    found
}

fn walk(head: &Head, value: &Value, steps: &mut Vec<String>, found: &mut Vec<Finding>) {
    if steps.len() > DEPTH {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                steps.push(key.clone());
                walk(head, inner, steps, found);
                steps.pop();
            }
        }
        Value::Array(items) => {
            for item in items {
                // A list of variables is read as if it were a map of them.
                if let (Some(name), Some(inner)) = (item["name"].as_str(), item.get("value")) {
                    steps.push(name.to_owned());
                    walk(head, inner, steps, found);
                    steps.pop();
                } else {
                    walk(head, item, steps, found);
                }
            }
        }
        Value::Null => {}
        leaf => {
            let fits = |(end, _): &&Rule| {
                steps.len() >= end.len()
                    && steps[steps.len() - end.len()..].iter().zip(*end).all(|(step, want)| step == want)
            };
            let told = RULES.iter().filter(fits).find_map(|(_, judge)| judge(leaf));
            found.extend(
                told.map(|(code, severity, message)| head.finding(code, severity, message).at(steps.join("."))),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::Asked;
    use crate::record::{Custom, Record, Records};
    use crate::testing::{codes_of, found};

    fn codes(values: &str) -> Vec<&'static str> {
        let yaml = format!(
            "{{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {{name: h, namespace: n}}, spec: {{values: {values}}}}}"
        );
        codes_of(&found(super::super::check, &yaml))
    }

    #[test]
    fn settings_are_known_by_the_end_of_their_path() {
        assert_eq!(codes("{config: {webserver: {expose_config: 'true'}}}"), ["airflow-config-exposed"]);
        assert_eq!(
            codes("{env: [{name: AIRFLOW__WEBSERVER__EXPOSE_CONFIG, value: 'True'}]}"),
            ["airflow-config-exposed"]
        );
        assert!(codes("{config: {webserver: {expose_config: non-sensitive-only}}}").is_empty());
        assert_eq!(codes("{data: {metadataConnection: {sslmode: disable}}}"), ["database-no-tls"]);
        assert!(codes("{data: {metadataConnection: {sslmode: require}}}").is_empty());
        assert_eq!(codes("{webserver: {service: {type: NodePort}}}"), ["service-exposed"]);
        assert!(codes("{service: {type: ClusterIP}}").is_empty());
        assert_eq!(codes("{webhook: {enable: true, failurePolicy: Ignore}}"), ["webhook-fails-open"]);
        assert!(codes("{webhook: {enable: true, failurePolicy: Fail}}").is_empty());
        assert_eq!(codes("{grafana: {'grafana.ini': {auth.anonymous: {enabled: true}}}}"), ["grafana-anonymous"]);
        assert_eq!(codes("{grafana: {adminPassword: prom-operator}}"), ["grafana-default-login"]);
        assert!(codes("{grafana: {adminPassword: '${PASSWORD}'}}").is_empty());
        assert!(codes("{argocd: {adminPassword: admin}}").is_empty());
    }

    #[test]
    fn values_in_a_file_of_a_tree_are_told_by_the_file() {
        let place = crate::finding::Place { file: "airflow-values.yaml".into(), line: 0 };
        let text = "config:\n  webserver:\n    expose_config: 'true'\nenv:\n- {name: MINIO_PROMETHEUS_AUTH_TYPE, value: public}\n";
        let document = crate::tree::node::parse(text).documents.remove(0);
        let records = Records::new([Record::Values(Custom::values(place, document))]);
        let platform = mlops_shared::platform::Platform::built_in();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (server_version, namespaces, target, offered) = (None, &[][..], None, None);
        let asked = Asked {
            records: &records,
            sections: &[],
            is_whole: false,
            platform: &platform,
            server_version,
            namespaces,
            target,
            offered,
            now,
        };
        let found = super::super::check(&asked);
        let told: Vec<(&str, &str, u32)> = found
            .iter()
            .map(|it| (it.code.id, it.path.as_str(), it.place.as_ref().map_or(0, |place| place.line)))
            .collect();
        let want = [
            ("airflow-config-exposed", "config.webserver.expose_config", 3),
            ("minio-public-metrics", "env.MINIO_PROMETHEUS_AUTH_TYPE", 5),
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn a_password_is_never_repeated() {
        let yaml = "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: h, namespace: n}, spec: {values: {grafana: {adminPassword: changeme}}}}";
        let found = found(super::super::check, yaml);
        assert_eq!(found.len(), 1);
        assert!(!format!("{found:?}").contains("\"changeme"), "{found:?}");
    }
}
