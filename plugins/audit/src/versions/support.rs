//! Software that gets no more fixes: ended releases, images that were given up, builds of long ago.

use super::codes::{VERSION_END_OF_LIFE, VERSION_OLD_BUILD, VERSION_UNMAINTAINED};
use crate::check::Asked;
use crate::finding::Finding;
use crate::images::{Reference, Used};
use crate::severity::Severity::{Low, Medium};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mlops_shared::object::ObjectRef;

/// A product, the repositories of its images (the last parts of their names), and its release lines with the day on
/// which support of each ended, the newest first. A line holds all that its number begins; those between two that are
/// listed are not judged.
struct Product {
    name: &'static str,
    repositories: &'static [&'static str],
    lines: &'static [(&'static str, &'static str)],
}

/// The day on which the table was last looked after. Dates that were announced later are not in it.
const AS_OF: &str = "2026-11-27";

/// Kubernetes: kubernetes/website, data/releases/eol.yaml, and kubernetes.io/releases/1.34 for those that came after.
const KUBERNETES: &[(&str, &str)] = &[
    ("1.34", "2026-10-27"),
    ("1.33", "2026-06-28"),
    ("1.32", "2026-02-28"),
    ("1.31", "2025-11-11"),
    ("1.30", "2025-07-15"),
    ("1.29", "2025-02-28"),
    ("1.28", "2024-10-22"),
    ("1.27", "2024-07-16"),
    ("1.26", "2024-02-28"),
    ("1.25", "2023-10-28"),
    ("1.24", "2023-07-28"),
];

/// Sources: endoflife.date's pages of the products; airflow.apache.org, "Supported versions"; Flux: fluxcd.io/flux/releases
/// (three minor releases are supported, a release ends with the third after it: 2.6 on 2026-06-30), told by the version
/// of its source-controller; cert-manager: cert-manager.io/docs/releases, "Old releases"; Prometheus:
/// prometheus.io/docs/introduction/release-cycle (its long-term releases); Redis: redis.io, "product lifecycle".
/// MLflow, Strimzi, Spark Operator and MinIO publish no such dates: they are not in the table.
const PRODUCTS: &[Product] = &[
    Product {
        name: "Apache Airflow",
        repositories: &["apache/airflow", "bitnami/airflow"],
        lines: &[("2", "2026-04-22")],
    },
    Product {
        name: "Apache Kafka",
        repositories: &["apache/kafka", "bitnami/kafka", "apache/kafka-native"],
        lines: &[("3.8", "2024-11-06"), ("3.7", "2024-07-26"), ("3.6", "2024-02-27"), ("3.5", "2023-10-03")],
    },
    Product {
        name: "Apache Spark",
        repositories: &["apache/spark", "apache/spark-py", "library/spark", "bitnami/spark"],
        lines: &[
            ("3.5", "2026-04-12"),
            ("3.4", "2024-10-21"),
            ("3.3", "2023-12-09"),
            ("3.2", "2023-04-09"),
            ("3.1", "2022-08-22"),
            ("3.0", "2021-12-06"),
            ("2", "2021-05-09"),
        ],
    },
    Product {
        name: "cert-manager",
        repositories: &["jetstack/cert-manager-controller"],
        lines: &[
            ("1.19", "2026-07-08"),
            ("1.18", "2026-03-10"),
            ("1.17", "2025-10-07"),
            ("1.16", "2025-06-10"),
            ("1.15", "2025-02-03"),
            ("1.14", "2024-10-03"),
            ("1.13", "2024-06-05"),
            ("1.12", "2025-05-19"),
            ("1.11", "2023-09-12"),
        ],
    },
    Product {
        name: "Flux",
        repositories: &["fluxcd/source-controller"],
        lines: &[
            ("1.6", "2026-06-30"),
            ("1.5", "2026-02-28"),
            ("1.4", "2025-09-30"),
            ("1.3", "2025-05-31"),
            ("1.2", "2025-02-28"),
            ("1.1", "2024-09-30"),
            ("1.0", "2024-05-31"),
            ("0", "2024-05-31"),
        ],
    },
    Product {
        name: "Grafana",
        repositories: &["grafana/grafana", "grafana/grafana-oss", "grafana/grafana-enterprise"],
        lines: &[
            ("12.3", "2026-08-19"),
            ("12.2", "2026-06-23"),
            ("12.1", "2026-04-22"),
            ("12.0", "2026-02-05"),
            ("11", "2026-06-25"),
            ("10", "2025-06-05"),
            ("9", "2024-05-14"),
            ("8", "2023-06-09"),
            ("7", "2022-06-14"),
        ],
    },
    Product {
        name: "PostgreSQL",
        repositories: &["library/postgres", "bitnami/postgresql", "cloudnative-pg/postgresql"],
        lines: &[
            ("14", "2026-11-12"),
            ("13", "2025-11-13"),
            ("12", "2024-11-14"),
            ("11", "2023-11-09"),
            ("10", "2022-11-10"),
            ("9", "2021-11-11"),
        ],
    },
    Product {
        name: "Prometheus",
        repositories: &["prometheus/prometheus", "prom/prometheus"],
        lines: &[("3.5", "2026-07-31"), ("2", "2025-07-31")],
    },
    Product {
        name: "Redis",
        repositories: &["library/redis", "bitnami/redis"],
        lines: &[("7.2", "2026-02-28"), ("6.2", "2025-02-28")],
    },
];

/// Names below which nothing is maintained, and why.
const GIVEN_UP: &[(&str, &str)] = &[
    ("quay.io/minio/minio", "MinIO's community edition is no longer maintained"),
    ("docker.io/minio/minio", "MinIO's community edition is no longer maintained"),
    ("docker.io/bitnamilegacy", "Bitnami's archive gets no more fixes since August 2025"),
    ("registry.k8s.io/ingress-nginx", "ingress-nginx was retired in March 2026"),
];

/// A build that is older than so many days is told.
const OLD_DAYS: i32 = 365;

/// The findings on the images of a run.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let today = asked.now.to_zoned(TimeZone::UTC).date();
    let mut found: Vec<Finding> = asked.records.used().iter().flat_map(|used| findings(used, today)).collect();
    found.extend(asked.server_version.and_then(|version| server(version, today)));
    found
}

/// Kubernetes itself, by the version that the API server tells: a finding on its own Service.
fn server(version: &str, today: Date) -> Option<Finding> {
    let (line, end) = ended(KUBERNETES, version, today)?;
    let message = format!("the API server is {version}: support of Kubernetes {line} ended on {end}");
    let object = ObjectRef::new("", "Service", "default", "kubernetes");
    let finding = Finding::new(&VERSION_END_OF_LIFE, Medium, object, message).at("version");
    Some(Finding { api_version: "v1".into(), ..finding }.evidence(dated()))
}

/// The line of a version whose support has ended, and when.
fn ended(lines: &[(&'static str, &'static str)], version: &str, today: Date) -> Option<(&'static str, &'static str)> {
    let (line, end) = lines.iter().find(|(line, _)| is_of_line(version, line))?;
    end.parse::<Date>().is_ok_and(|date| date < today).then_some((*line, *end))
}

fn dated() -> String {
    format!("by the table of {AS_OF} in this program")
}

fn findings(used: &Used, today: Date) -> Vec<Finding> {
    let Some(reference) = Reference::parse(&used.image) else { return Vec::new() };
    let tell = |code, severity, message: String| {
        let finding = Finding::new(code, severity, used.object.clone(), message);
        let finding = Finding { api_version: used.api_version.clone(), ..finding };
        finding.at(used.path.clone()).placed(used.place.clone())
    };
    let image = &used.image;
    let mut found = Vec::new();
    if let Some((_, why)) = GIVEN_UP.iter().find(|(name, _)| reference.is_below(name)) {
        found.push(tell(&VERSION_UNMAINTAINED, Medium, format!("{image}: {why}")));
    }
    let tag = reference.tag.unwrap_or_default();
    let product = PRODUCTS.iter().find(|product| product.repositories.contains(&reference.repository.as_str()));
    if let Some(product) = product
        && let Some((line, end)) = ended(product.lines, tag, today)
    {
        // Flux' own number is not that of its controllers.
        let what = match (product.name, line.strip_prefix("1.")) {
            ("Flux", Some(minor)) => format!("Flux 2.{minor}"),
            ("Flux", None) => "this Flux".to_owned(),
            (name, _) => format!("{name} {line}"),
        };
        let message = format!("{image}: support of {what} ended on {end}");
        found.push(tell(&VERSION_END_OF_LIFE, Medium, message).evidence(dated()));
    }
    if let Some(built) = date_in(tag)
        && let Ok(span) = built.until(today)
        && span.get_days() > OLD_DAYS
    {
        let message = format!("{image} was built on {built}, {} days ago", span.get_days());
        found.push(tell(&VERSION_OLD_BUILD, Low, message));
    }
    found
}

/// Whether a tag is of a release line: `3.5` holds `3.5`, `v3.5.1` and `3.5-python3`, not `3.50`.
fn is_of_line(tag: &str, line: &str) -> bool {
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    tag.strip_prefix(line).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
}

/// The date in a tag such as `RELEASE.2024-07-10T18-41-49Z`.
fn date_in(tag: &str) -> Option<Date> {
    let text = tag.strip_prefix("RELEASE.")?;
    text.get(..10)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{codes_of, found, found_by};

    fn codes(image: &str) -> Vec<&'static str> {
        let yaml = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p, namespace: n}}, spec: {{containers: [{{name: c, image: '{image}'}}]}}}}"
        );
        codes_of(&found(super::super::check, &yaml))
    }

    // The tests' clock stands at 2026-11-20.
    #[test]
    fn what_has_ended_is_told() {
        assert_eq!(codes("apache/airflow:2.10.5"), ["version-end-of-life"]);
        assert_eq!(codes("postgres:13-alpine"), ["version-end-of-life"]);
        assert_eq!(codes("grafana/grafana:11.6.1"), ["version-end-of-life"]);
        assert_eq!(codes("docker.io/bitnamilegacy/redis:7"), ["version-unmaintained"]);
        assert_eq!(codes("quay.io/jetstack/cert-manager-controller:v1.19.3"), ["version-end-of-life"]);
        assert_eq!(codes("quay.io/prometheus/prometheus:v2.55.1"), ["version-end-of-life"]);
        assert_eq!(codes("ghcr.io/fluxcd/source-controller:v1.6.2"), ["version-end-of-life"]);
        assert_eq!(codes("redis:7.2-alpine"), ["version-end-of-life"]);
        let minio = "quay.io/minio/minio:RELEASE.2024-07-10T18-41-49Z";
        assert_eq!(codes(minio), ["version-old-build", "version-unmaintained"]);
        for well in [
            "apache/airflow:3.0.1",
            "postgres:18.1",
            "grafana/grafana:12.4.1",
            "apache/spark:4.1.0",
            "postgres",
            "quay.io/jetstack/cert-manager-controller:v1.21.1",
            "ghcr.io/fluxcd/source-controller:v1.9.4",
            "quay.io/prometheus/prometheus:v3.8.0",
            "redis:8.2",
            "a/b:2",
        ] {
            assert!(codes(well).is_empty(), "{well}");
        }
    }

    #[test]
    fn a_line_is_no_prefix_of_digits() {
        assert!(is_of_line("3.5", "3.5") && is_of_line("v3.5.1", "3.5") && is_of_line("14-alpine", "14"));
        assert!(!is_of_line("3.50", "3.5") && !is_of_line("140", "14") && !is_of_line("13", "1"));
    }

    #[test]
    fn the_server_is_judged_by_its_version() {
        let told = |version: &str| {
            let server = |asked: &Asked<'_>| super::check(&Asked { server_version: Some(version), ..*asked });
            let found = found_by(server, "{apiVersion: v1, kind: Namespace, metadata: {name: n}}");
            found.first().map(|finding| finding.message.clone())
        };
        let old = told("v1.32.5+k3s1").expect("a finding");
        assert_eq!(old, "the API server is v1.32.5+k3s1: support of Kubernetes 1.32 ended on 2026-02-28");
        assert!(told("v1.35.1").is_none() && told("v1.3.0").is_none() && told("v1.340.0").is_none());
    }

    #[test]
    fn the_name_of_flux_is_its_own() {
        let yaml = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: n}, spec: {containers: [{name: c, image: 'ghcr.io/fluxcd/source-controller:v1.6.2'}]}}";
        assert!(found(super::check, yaml)[0].message.ends_with("support of Flux 2.6 ended on 2026-06-30"));
    }

    #[test]
    fn dates_of_the_table_are_dates() {
        let rows = PRODUCTS.iter().map(|product| (product.name, product.lines));
        for (name, lines) in rows.chain([("Kubernetes", KUBERNETES)]) {
            for (line, end) in lines {
                assert!(
                    end.parse::<Date>().is_ok_and(|end| end < AS_OF.parse().expect("a date")),
                    "{name} {line}: {end}"
                );
            }
        }
    }
}
