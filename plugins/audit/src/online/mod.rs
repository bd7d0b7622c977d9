//! What chart repositories offer, asked only with `--online`: the repositories that HelmRepository and OCIRepository
//! objects name, no other host, without any credentials.

mod fetch;
mod guard;
mod index;
mod tags;

use crate::record::{Custom, Records};
use crate::versions::{Installed, Source, installed};
use fetch::Client;
use futures::StreamExt as _;
use mlops_shared::object::ObjectRef;
use semver::Version;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// Repositories that are asked at a time.
const AT_A_TIME: usize = 4;
/// One request may take so long, unless `--request-timeout` says otherwise.
const REQUEST: Duration = Duration::from_secs(30);
/// All of them together may take so long.
const ALL: Duration = Duration::from_secs(90);

/// A version of a chart that a repository offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The version.
    pub version: Version,
    /// Whether its maintainers have given the chart up; never known of an OCI registry.
    pub is_deprecated: bool,
    /// The Kubernetes versions that it is for; empty for all, or where that is not known.
    pub kube_version: String,
}

/// What was offered: by source and chart.
#[derive(Debug, Default)]
pub struct Offers(HashMap<(ObjectRef, String), Vec<Offered>>);

impl Offers {
    /// What the source of a release offers of its chart; `None` where it was not asked, or did not answer.
    pub(crate) fn of(&self, one: &Installed<'_>) -> Option<&[Offered]> {
        let source = one.source?.object.head.reference();
        self.0.get(&(source, one.chart.clone())).map(Vec::as_slice)
    }
}

/// A question to a repository.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    source: ObjectRef,
    place: Place,
    charts: BTreeSet<String>,
}

/// Where to ask.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The address of an index.
    Index(String),
    /// Scheme and host, and the repository, of an OCI registry.
    Registry(String, String),
}

/// Whom to ask what, and of which nothing can be asked, with the reason.
fn questions(records: &Records) -> (Vec<Question>, Vec<String>) {
    let mut charts: BTreeMap<(ObjectRef, String), (Source<'_>, BTreeSet<String>)> = BTreeMap::new();
    for one in installed(records) {
        let Some(source) = one.source.filter(|_| !one.chart.is_empty() && !one.version.is_empty()) else { continue };
        // An index holds all charts of a repository; a registry is asked chart by chart.
        let apart = if is_registry(source.object) { one.chart.clone() } else { String::new() };
        let key = (source.object.head.reference(), apart);
        charts.entry(key).or_insert_with(|| (source, BTreeSet::new())).1.insert(one.chart);
    }
    let (mut questions, mut gaps) = (Vec::new(), Vec::new());
    for ((object, _), (source, charts)) in charts {
        match place(&source, &charts) {
            Ok(place) => questions.push(Question { source: object, place, charts }),
            Err(reason) => gaps.push(format!("versions that {object} offers: {reason}")),
        }
    }
    (questions, gaps)
}

fn is_registry(source: &Custom) -> bool {
    &*source.head.ty.kind == "OCIRepository"
        || source.text("/type") == "oci"
        || source.text("/url").starts_with("oci://")
}

/// Where a source is to be asked.
fn place(source: &Source<'_>, charts: &BTreeSet<String>) -> Result<Place, String> {
    let object = source.object;
    let has = |pointer: &str| object.content.spec_at(pointer).is_some();
    let provider = object.text("/provider");
    if has("/secretRef") || has("/certSecretRef") || has("/serviceAccountName") || !matches!(provider, "" | "generic") {
        return Err("it needs credentials, and none of the cluster's are used".to_owned());
    }
    let url = object.text("/url").trim_end_matches('/');
    if !is_registry(object) {
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        return if is_web {
            Ok(Place::Index(format!("{url}/index.yaml")))
        } else {
            Err("its URL is not of the web".to_owned())
        };
    }
    let (host, path) =
        url.strip_prefix("oci://").and_then(|rest| rest.split_once('/')).ok_or("its URL names no repository")?;
    let scheme = if object.content.spec_true("/insecure") { "http" } else { "https" };
    // The registry of Docker Hub has another name than its images bear.
    let host = if host == "docker.io" || host == "index.docker.io" { "registry-1.docker.io" } else { host };
    let chart = charts.iter().next().filter(|_| !source.is_chart);
    let repository = chart.map_or_else(|| path.to_owned(), |chart| format!("{path}/{chart}"));
    let is_plain = |next: char| next.is_ascii_alphanumeric() || "._-/".contains(next);
    if !repository.chars().all(is_plain) || repository.contains("..") {
        return Err("its repository's name is none".to_owned());
    }
    Ok(Place::Registry(format!("{scheme}://{host}"), repository))
}

/// Asks all repositories; with it what could not be had, and why. One request may take so long.
pub(crate) async fn look(records: &Records, allowed: &[String], limit: Option<Duration>) -> (Offers, Vec<String>) {
    let (questions, mut gaps) = questions(records);
    let client = match Client::new(allowed, limit.unwrap_or(REQUEST)) {
        Ok(client) => client,
        Err(reason) => {
            gaps.push(format!("what chart repositories offer: {reason}"));
            return (Offers::default(), gaps);
        }
    };
    let until = tokio::time::Instant::now() + ALL;
    let all = questions.into_iter().map(|question| async {
        let asked = tokio::time::timeout_at(until, ask(&client, &question)).await;
        (question, asked.unwrap_or_else(|_| Err("no answer in time".to_owned())))
    });
    let answers = futures::stream::iter(all).buffer_unordered(AT_A_TIME).collect::<Vec<_>>().await;
    let mut offers = Offers::default();
    for (question, answer) in answers {
        match answer {
            Ok(found) => {
                offers.0.extend(found.into_iter().map(|(chart, versions)| ((question.source.clone(), chart), versions)))
            }
            Err(reason) => gaps.push(format!("versions that {} offers: {reason}", question.source)),
        }
    }
    gaps.sort();
    gaps.dedup();
    (offers, gaps)
}

async fn ask(client: &Client, question: &Question) -> Result<Vec<(String, Vec<Offered>)>, String> {
    match &question.place {
        Place::Index(url) => {
            let text = client.index(url).await?;
            index::read(&text, &question.charts)
        }
        Place::Registry(registry, repository) => {
            let versions = tags::versions(client, registry, repository).await?;
            Ok(question.charts.iter().map(|chart| (chart.clone(), versions.clone())).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    fn asked(source: &str, reference: &str) -> (Vec<Place>, Vec<String>) {
        let yaml = format!(
            "{source}
---
{{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {{name: h, namespace: n}}, spec: {reference}, status: {{history: [{{chartName: c, chartVersion: 1.0.0}}]}}}}
"
        );
        let (questions, gaps) = questions(&records(&yaml));
        (questions.into_iter().map(|question| question.place).collect(), gaps)
    }

    const OF_REPOSITORY: &str = "{chart: {spec: {chart: c, sourceRef: {kind: HelmRepository, name: r}}}}";

    fn repository(spec: &str) -> (Vec<Place>, Vec<String>) {
        let source = format!(
            "{{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmRepository, metadata: {{name: r, namespace: n}}, spec: {spec}}}"
        );
        asked(&source, OF_REPOSITORY)
    }

    #[test]
    fn only_what_objects_name_is_asked() {
        let (places, gaps) = repository("{url: 'https://charts.example.com/stable/'}");
        assert_eq!(places, [Place::Index("https://charts.example.com/stable/index.yaml".into())]);
        assert!(gaps.is_empty());
        let (places, _) = repository("{type: oci, url: 'oci://docker.io/bitnamicharts'}");
        assert_eq!(places, [Place::Registry("https://registry-1.docker.io".into(), "bitnamicharts/c".into())]);
        let source = "{apiVersion: source.toolkit.fluxcd.io/v1, kind: OCIRepository, metadata: {name: r, namespace: n}, spec: {url: 'oci://ghcr.io/a/charts/c', insecure: true}}";
        let (places, _) = asked(source, "{chartRef: {kind: OCIRepository, name: r}}");
        assert_eq!(places, [Place::Registry("http://ghcr.io".into(), "a/charts/c".into())]);
    }

    #[test]
    fn what_needs_credentials_is_not_asked_and_not_silent() {
        for spec in [
            "{url: 'https://charts.example.com', secretRef: {name: s}}",
            "{type: oci, url: 'oci://a.example.com/b', provider: aws}",
            "{url: 'file:///etc/passwd'}",
            "{type: oci, url: 'oci://a.example.com/../b'}",
        ] {
            let (places, gaps) = repository(spec);
            assert!(places.is_empty() && gaps.len() == 1, "{spec}: {places:?} {gaps:?}");
        }
    }
}
