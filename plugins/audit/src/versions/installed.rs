//! What Helm installed, or is to install: from Flux' HelmReleases and from Helm's own records, each release once.

use crate::record::{Custom, Records, Release};
use jiff::Timestamp;
use mlops_shared::object::ObjectRef;
use semver::Version;
use serde_json::Value;
use std::collections::HashMap;

const HELM: &str = "helm.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";

/// One release.
#[derive(Debug, Default, Clone)]
pub(crate) struct Installed<'a> {
    /// Its name in Helm.
    pub(crate) name: String,
    /// The namespace that it installs into.
    pub(crate) namespace: String,
    /// The chart's name; empty where it is not known.
    pub(crate) chart: String,
    /// The chart's version that is installed, or of a manifest the one that it names; empty where it is not known.
    pub(crate) version: String,
    /// The version of what the chart installs.
    pub(crate) app_version: String,
    /// `deployed`, `failed`, …; empty of a manifest.
    pub(crate) status: String,
    /// Helm's revision; 0 where it is not known.
    pub(crate) revision: u64,
    /// When it was deployed last.
    pub(crate) last_deployed: Option<Timestamp>,
    /// The Kubernetes versions that the chart is for.
    pub(crate) kube_version: String,
    /// Whether the chart itself says that it was given up.
    pub(crate) is_deprecated: bool,
    /// Flux' object, where Flux manages it.
    pub(crate) flux: Option<&'a Custom>,
    /// The source that its chart comes from, where that was read.
    pub(crate) source: Option<Source<'a>>,
    /// Why Helm's own record could not be read.
    pub(crate) trouble: Option<String>,
}

/// Where a chart comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The HelmRepository or OCIRepository.
    pub(crate) object: &'a Custom,
    /// Whether its URL names the chart itself, not the repository.
    pub(crate) is_chart: bool,
}

impl Installed<'_> {
    /// The object that a finding is about: Flux', or else the release by Helm's own name for it.
    pub(crate) fn object(&self) -> ObjectRef {
        match self.flux {
            Some(custom) => custom.head.reference(),
            None => ObjectRef::new("helm.sh", "Release", &self.namespace, &self.name),
        }
    }
}

/// The objects that releases point to.
struct Sources<'a>(HashMap<(&'a str, &'a str, &'a str), &'a Custom>);

impl<'a> Sources<'a> {
    fn new(records: &'a Records) -> Self {
        let all = records.customs.iter().filter(|custom| &*custom.head.ty.group == SOURCE);
        Self(all.map(|it| ((&*it.head.ty.kind, &*it.head.meta.namespace, &*it.head.meta.name), it)).collect())
    }

    /// What the reference at a pointer of `from` names; its namespace is that of `from` unless it says another.
    fn at(&self, from: &'a Custom, pointer: &str) -> Option<&'a Custom> {
        let text = |field: &str| from.text(&format!("{pointer}/{field}"));
        let own = text("namespace");
        let namespace = if own.is_empty() { &*from.head.meta.namespace } else { own };
        self.0.get(&(text("kind"), namespace, text("name"))).copied()
    }

    /// The repository that a HelmRelease's chart comes from.
    fn of(&self, release: &'a Custom) -> Option<Source<'a>> {
        let (from, pointer) = match release.text("/chartRef/kind") {
            "" => (release, "/chart/spec/sourceRef"),
            "HelmChart" => (self.at(release, "/chartRef")?, "/sourceRef"),
            _ => (release, "/chartRef"),
        };
        let object = self.at(from, pointer)?;
        match &*object.head.ty.kind {
            "OCIRepository" => Some(Source { object, is_chart: true }),
            "HelmRepository" => Some(Source { object, is_chart: false }),
            _ => None,
        }
    }
}

/// All releases of a run.
pub(crate) fn installed(records: &Records) -> Vec<Installed<'_>> {
    let sources = Sources::new(records);
    let is_release = |custom: &&Custom| custom.head.is(HELM, "HelmRelease");
    let mut all: Vec<Installed<'_>> =
        records.customs.iter().filter(is_release).map(|custom| of_flux(custom, &sources)).collect();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for (place, one) in all.iter().enumerate() {
        let storage = one.flux.map_or("", |custom| storage(custom));
        places.insert((storage.to_owned(), one.name.clone()), place);
    }
    for release in Release::current(&records.releases) {
        let key = (release.head.meta.namespace.to_string(), release.name.to_string());
        match places.get(&key).and_then(|place| all.get_mut(*place)) {
            Some(known) => add(known, release),
            None => {
                let mut one = Installed { name: key.1, namespace: key.0, ..Installed::default() };
                add(&mut one, release);
                all.push(one);
            }
        }
    }
    all.sort_by(|one, two| (&one.namespace, &one.name).cmp(&(&two.namespace, &two.name)));
    all
}

fn storage(custom: &Custom) -> &str {
    let named = custom.text("/storageNamespace");
    if named.is_empty() { &custom.head.meta.namespace } else { named }
}

fn of_flux<'a>(custom: &'a Custom, sources: &Sources<'a>) -> Installed<'a> {
    let status = |field: &str| custom.content.status_text(&format!("/history/0/{field}")).to_owned();
    let or = |first: String, second: &str| if first.is_empty() { second.to_owned() } else { first };
    let target = custom.text("/targetNamespace");
    let (own_name, own_namespace) = (&*custom.head.meta.name, &*custom.head.meta.namespace);
    // The name that helm-controller gives (its GetReleaseName).
    let made = match custom.text("/releaseName") {
        "" if !target.is_empty() => format!("{target}-{own_name}"),
        "" => own_name.to_owned(),
        named => named.to_owned(),
    };
    let wanted = custom.text("/chart/spec/version");
    let is_exact = Version::parse(bare(wanted)).is_ok();
    Installed {
        name: or(status("name"), &made),
        namespace: or(status("namespace"), if target.is_empty() { own_namespace } else { target }),
        chart: or(status("chartName"), custom.text("/chart/spec/chart").rsplit('/').next().unwrap_or_default()),
        version: or(status("chartVersion"), if is_exact { wanted } else { "" }),
        app_version: status("appVersion"),
        status: status("status"),
        revision: custom.content.status_at("/history/0/version").and_then(Value::as_u64).unwrap_or_default(),
        last_deployed: status("lastDeployed").parse().ok(),
        flux: Some(custom),
        source: sources.of(custom),
        ..Installed::default()
    }
}

/// Adds what Helm's own record says; it is nearer to what is installed than Flux' history.
fn add(one: &mut Installed<'_>, release: &Release) {
    one.status = release.status.to_string();
    one.revision = release.revision;
    one.trouble.clone_from(&release.trouble);
    let Some(chart) = &release.chart else { return };
    one.chart = chart.name.to_string();
    one.version = chart.version.to_string();
    one.app_version = chart.app_version.to_string();
    one.kube_version = chart.kube_version.to_string();
    one.is_deprecated = chart.deprecated;
    one.last_deployed = release.last_deployed.get().or(one.last_deployed);
}

/// A version without the marks that charts write before it.
pub(super) fn bare(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix('=').unwrap_or(text).trim();
    text.strip_prefix('v').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    #[test]
    fn a_release_of_flux_and_of_helm_is_one() {
        let records = records(
            "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: grafana, namespace: flux-system}
spec: {targetNamespace: monitoring, storageNamespace: monitoring, chart: {spec: {chart: grafana, version: 9.x, sourceRef: {kind: HelmRepository, name: g}}}}
status: {history: [{name: monitoring-grafana, namespace: monitoring, chartName: grafana, chartVersion: 9.1.0+abc, version: 4, status: deployed}]}
---
{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmRepository, metadata: {name: g, namespace: flux-system}, spec: {url: 'https://charts.example.com'}}
---
{apiVersion: v1, kind: Secret, metadata: {name: sh.helm.release.v1.monitoring-grafana.v4, namespace: monitoring, labels: {owner: helm, name: monitoring-grafana, status: deployed, version: '4'}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: sh.helm.release.v1.byhand.v1, namespace: apps, labels: {owner: helm, name: byhand, status: failed, version: '1'}}}
",
        );
        let all = installed(&records);
        let told: Vec<String> = all
            .iter()
            .map(|one| {
                format!("{}/{} {} {} {} {}", one.namespace, one.name, one.chart, one.version, one.status, one.revision)
            })
            .collect();
        assert_eq!(told, ["apps/byhand   failed 1", "monitoring/monitoring-grafana grafana 9.1.0+abc deployed 4"]);
        assert!(all[1].source.is_some_and(|source| !source.is_chart));
        assert_eq!(all[0].object().to_string(), "Release/apps/byhand");
    }

    #[test]
    fn names_are_those_that_flux_gives() {
        let of = |spec: &str| {
            let yaml = format!(
                "{{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {{name: a, namespace: n}}, spec: {spec}}}"
            );
            let records = records(&yaml);
            let all = installed(&records);
            (all[0].name.clone(), all[0].namespace.clone())
        };
        let pair = |one: &str, two: &str| (one.to_owned(), two.to_owned());
        assert_eq!(of("{}"), pair("a", "n"));
        assert_eq!(of("{targetNamespace: t}"), pair("t-a", "t"));
        assert_eq!(of("{targetNamespace: t, releaseName: r}"), pair("r", "t"));
    }
}
