//! Passwords that everybody knows, and those that everybody guesses.

/// Product and the password or key that it ships with or that its documentation shows.
const DEFAULTS: &[(&str, &str)] = &[
    ("MinIO", "minioadmin"),
    ("MinIO", "minio123"),
    ("MinIO", "minioadmin123"),
    ("MinIO", "console123"),
    ("MinIO", "minio-secret-key"),
    ("Grafana", "prom-operator"),
    ("RabbitMQ", "guest"),
    ("Argo CD", "argocd"),
    ("Java keystores", "changeit"),
    ("Harbor", "Harbor12345"),
    ("Keycloak", "keycloak"),
    ("Elasticsearch", "elastic"),
    ("Airflow", "airflow"),
    ("Airflow", "temporary_key"),
    ("Superset", "TEST_NON_DEV_SECRET"),
    ("Superset", "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET"),
    ("Superset", "thisISaSECRET_1234"),
    ("PostgreSQL", "postgres"),
    ("Redis", "foobared"),
    ("InfluxDB", "influxdb"),
    ("CouchDB", "couchdb"),
    ("LocalStack", "localstack"),
    ("the AWS documentation", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
];

/// Words that passwords are made of: by themselves, doubled, or with digits and signs behind them.
const WORDS: &[&str] = &[
    "abc",
    "admin",
    "administrator",
    "airflow",
    "alertmanager",
    "argo",
    "argocd",
    "changeme",
    "clickhouse",
    "console",
    "database",
    "db",
    "default",
    "demo",
    "dev",
    "elastic",
    "example",
    "flink",
    "git",
    "gitea",
    "grafana",
    "guest",
    "harbor",
    "hello",
    "jenkins",
    "jupyter",
    "kafka",
    "keycloak",
    "kibana",
    "kubeflow",
    "letmein",
    "master",
    "metabase",
    "minio",
    "minioadmin",
    "mlflow",
    "mlops",
    "mongo",
    "mongodb",
    "monitor",
    "mysql",
    "nifi",
    "openmetadata",
    "pass",
    "passw0rd",
    "password",
    "passwd",
    "postgres",
    "postgresql",
    "prefect",
    "prometheus",
    "pwd",
    "qwerty",
    "rabbitmq",
    "redis",
    "root",
    "sa",
    "secret",
    "service",
    "spark",
    "superset",
    "sys",
    "system",
    "temp",
    "test",
    "tomcat",
    "toor",
    "trino",
    "user",
    "vault",
    "welcome",
    "zookeeper",
];

/// How easily a password is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guess {
    /// A product comes with it.
    Default(&'static str),
    /// A common word, as it is or with digits behind it.
    Common,
    /// The name of its user, or of what it is for, as it is or with digits behind it.
    Name,
    /// Less than eight characters.
    Short,
}

/// How a value is guessed, if it is. `names` are names beside it: users, databases.
pub(super) fn guess(value: &str, names: &[&str]) -> Option<Guess> {
    if let Some((product, _)) = DEFAULTS.iter().find(|(_, password)| *password == value) {
        return Some(Guess::Default(product));
    }
    let lower = value.to_lowercase();
    let base = lower.trim_end_matches(|letter: char| !letter.is_alphabetic());
    let base = base.trim_start_matches(|letter: char| !letter.is_alphabetic());
    if names.iter().any(|name| name.chars().count() > 2 && base == name.to_lowercase()) {
        return Some(Guess::Name);
    }
    let is_tail_short = lower.len() - base.len() <= 5;
    let plain: String = base.chars().filter(|letter| letter.is_alphabetic()).collect();
    let is_known = |word: &str| WORDS.contains(&word);
    let is_pair =
        (1..plain.len()).any(|at| plain.is_char_boundary(at) && is_known(&plain[..at]) && is_known(&plain[at..]));
    let is_digits = plain.is_empty() && lower.len() <= 10;
    if is_digits || is_tail_short && (is_known(&plain) || is_pair || plain.starts_with("changeme")) {
        return Some(Guess::Common);
    }
    (value.chars().count() < 8).then_some(Guess::Short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_guessable_passwords_are_found() {
        assert_eq!(guess("minioadmin", &[]), Some(Guess::Default("MinIO")));
        assert_eq!(guess("minioadmin123", &[]), Some(Guess::Default("MinIO")));
        for value in [
            "mlflow123",
            "airflow123",
            "Password1!",
            "admin",
            "admin123",
            "changeme",
            "12345678",
            "ChangeMe_now",
            "grafana-admin",
        ] {
            let guess = guess(value, &[]);
            assert!(matches!(guess, Some(Guess::Common | Guess::Name)), "{value}: {guess:?}");
        }
        assert_eq!(guess("frobnicator7", &["frobnicator"]), Some(Guess::Name));
        assert_eq!(guess("x7#kQ", &[]), Some(Guess::Short));
        for value in ["kT9vQ2xLm4Rw", "correct-horse-battery", "8f14e45fceea167a"] {
            assert_eq!(guess(value, &["mlflow"]), None, "{value}");
        }
    }
}
