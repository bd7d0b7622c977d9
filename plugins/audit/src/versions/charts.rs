//! Helm releases: whether the chart's version is fixed, whether it is the one that is installed, whether the chart is for
//! this cluster, and how far behind its repository it is.

use super::codes::*;
use super::constraint::meets;
use super::installed::{Installed, bare};
use crate::check::Asked;
use crate::finding::Finding;
use crate::online::Offered;
use crate::record::Custom;
use crate::severity::Severity::{Low, Medium};
use semver::Version;

/// The checks on every release.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for one in &super::installed(asked.records) {
        let path = if one.flux.is_some() { "spec.chart" } else { "chart" };
        if let Some(custom) = one.flux {
            found.extend(asked_for(custom, one, asked));
        }
        let tell = |code, severity, message: String| {
            let finding = match one.flux {
                Some(custom) => custom.head.finding(code, severity, message),
                None => Finding::new(code, severity, one.object(), message),
            };
            finding.at(path)
        };
        let named = format!("chart {} {}", one.chart, one.version);
        let offers = asked.offered.and_then(|offered| offered.of(one)).unwrap_or_default();
        let is_given_up = offers.iter().max_by(|a, b| order(a, b)).is_some_and(|offer| offer.is_deprecated);
        if one.is_deprecated || is_given_up {
            found.push(tell(&VERSION_CHART_DEPRECATED, Medium, format!("{named}: its maintainers have given it up")));
        }
        if let Some(message) = kubernetes(one, offers, asked) {
            found.push(tell(&VERSION_CHART_KUBERNETES, Medium, format!("{named} {message}")));
        }
        if let Some(gap) = gap(&one.version, offers) {
            let severity = if gap.step == Step::Major { Medium } else { Low };
            let message = format!("{named} is {}", gap.words());
            found.push(tell(&VERSION_CHART_BEHIND, severity, message));
        }
    }
    found
}

/// Whether the manifest fixes the version, and whether that is what is installed.
fn asked_for(custom: &Custom, one: &Installed<'_>, asked: &Asked<'_>) -> Option<Finding> {
    let head = &custom.head;
    let chart = custom.text("/chart/spec/chart");
    // A chart by reference, or of a Git repository, has the version of its source.
    if chart.is_empty() || matches!(custom.text("/chart/spec/sourceRef/kind"), "GitRepository" | "Bucket") {
        return None;
    }
    let wanted = custom.text("/chart/spec/version");
    if wanted.contains("${") {
        return None;
    }
    let path = "spec.chart.spec.version";
    let installed = &one.version;
    let Some(exact) = exact(wanted) else {
        let what = if wanted.is_empty() { "no version".to_owned() } else { format!("version {wanted:?}") };
        let message = format!("chart {chart} with {what}: the newest that fits is installed by itself");
        let finding = head.finding(&VERSION_CHART_FLOATING, Low, message).at(path);
        // What source-controller found last may not be installed yet, or have failed.
        return Some(match resolved(custom, asked).filter(|newest| !is_same(newest, installed)) {
            Some(newest) if !installed.is_empty() => {
                finding.evidence(format!("{newest} is what fits now, {installed} is installed"))
            }
            _ => finding,
        });
    };
    let newest = exact_of_installed(installed)?;
    // Flux adds a digest of the chart as build metadata: it is no other version.
    if exact.cmp_precedence(&newest).is_eq() {
        return None;
    }
    let message = format!("chart {chart} is installed as {installed}, {wanted} is asked for");
    Some(head.finding(&VERSION_CHART_OTHER, Low, message).at(path))
}

/// The version that the HelmChart of a HelmRelease has resolved a range to.
fn resolved(custom: &Custom, asked: &Asked<'_>) -> Option<String> {
    let (namespace, name) = custom.content.status_text("/helmChart").split_once('/')?;
    let chart = asked.records.customs.iter().find(|it| {
        it.head.is("source.toolkit.fluxcd.io", "HelmChart")
            && *it.head.meta.namespace == *namespace
            && *it.head.meta.name == *name
    })?;
    let revision = chart.content.status_text("/artifact/revision");
    (!revision.is_empty()).then(|| revision.to_owned())
}

fn is_same(one: &str, two: &str) -> bool {
    match (exact_of_installed(one), exact_of_installed(two)) {
        (Some(one), Some(two)) => one.cmp_precedence(&two).is_eq(),
        _ => one == two,
    }
}

/// The one version that a text names; `None` for a range, as Masterminds/semver reads them: a text with fewer
/// than three parts is one too.
fn exact(text: &str) -> Option<Version> {
    Version::parse(bare(text)).ok()
}

fn exact_of_installed(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

fn order(one: &Offered, two: &Offered) -> std::cmp::Ordering {
    one.version.cmp_precedence(&two.version)
}

/// What is to be said where a chart is not for the cluster's Kubernetes, or not for the one that is planned.
fn kubernetes(one: &Installed<'_>, offers: &[Offered], asked: &Asked<'_>) -> Option<String> {
    let same = exact_of_installed(&one.version)
        .and_then(|own| offers.iter().find(|offer| offer.version.cmp_precedence(&own).is_eq()));
    let range = match same {
        _ if !one.kube_version.is_empty() => one.kube_version.as_str(),
        Some(offer) => offer.kube_version.as_str(),
        None => return None,
    };
    let refuses = |version: &Version| meets(range, version) == Some(false);
    if let Some(server) = asked.server_version.and_then(release)
        && refuses(&server)
    {
        return Some(format!(
            "is for Kubernetes {range}, and this is {}.{}.{}",
            server.major, server.minor, server.patch
        ));
    }
    let (major, minor) = asked.target?;
    let planned = Version::new(major.into(), minor.into(), 0);
    refuses(&planned).then(|| format!("is for Kubernetes {range}, and {major}.{minor} is planned"))
}

/// A Kubernetes version without what a distribution adds.
fn release(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches('v');
    let core = text.split(['-', '+']).next()?;
    Version::parse(core).ok()
}

/// How large a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Major,
    Minor,
    Patch,
}

/// How far a version is behind the newest.
#[derive(Debug, PartialEq, Eq)]
struct Gap {
    step: Step,
    newest: Version,
    /// Releases between, the newest included.
    behind: usize,
}

impl Gap {
    fn words(&self) -> String {
        let step = match self.step {
            Step::Major => "a major release",
            Step::Minor => "a minor release",
            Step::Patch => "a patch",
        };
        let Self { newest, behind, .. } = self;
        let core = Version { build: semver::BuildMetadata::EMPTY, ..newest.clone() };
        format!("{step} behind {core} ({} newer)", mlops_shared::text::plural(*behind, "version"))
    }
}

/// How far an installed version is behind what is offered. Prereleases count only where it is one itself, charts that
/// were given up not at all, and build metadata makes no other version.
fn gap(installed: &str, offers: &[Offered]) -> Option<Gap> {
    let own = exact_of_installed(installed)?;
    let counts = |offer: &&Offered| !offer.is_deprecated && (offer.version.pre.is_empty() || !own.pre.is_empty());
    let mut newer: Vec<&Version> = offers
        .iter()
        .filter(counts)
        .map(|offer| &offer.version)
        .filter(|version| version.cmp_precedence(&own).is_gt())
        .collect();
    newer.sort_by(|one, two| one.cmp_precedence(two));
    newer.dedup_by(|one, two| one.cmp_precedence(two).is_eq());
    let newest = (*newer.last()?).clone();
    let step = match () {
        () if newest.major != own.major => Step::Major,
        () if newest.minor != own.minor => Step::Minor,
        () => Step::Patch,
    };
    Some(Gap { step, behind: newer.len(), newest })
}

/// The newest version offered that an installed one is behind; for the report's list.
pub(super) fn newest(installed: &str, offers: &[Offered]) -> Option<(Version, usize)> {
    gap(installed, offers).map(|gap| (gap.newest, gap.behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{codes_of, found, found_by};

    fn codes(version: &str, installed: &str) -> Vec<&'static str> {
        let yaml = format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: h, namespace: n}}
spec: {{chart: {{spec: {{chart: c, version: '{version}', sourceRef: {{kind: HelmRepository, name: r}}}}}}}}
status: {{history: [{{chartVersion: '{installed}'}}, {{chartVersion: 0.0.1}}]}}
"
        );
        codes_of(&found(super::check, &yaml))
    }

    #[test]
    fn ranges_float_and_versions_do_not() {
        for range in ["", "*", ">=1.0.0", "1.x", "1.2", "~1.2.3", "^1.0.0", "1.0.0 - 2.0.0"] {
            assert_eq!(codes(range, ""), ["version-chart-floating"], "{range}");
        }
        for exact in ["1.2.3", "v1.2.3", "=1.2.3", "1.2.3-rc.1", "${VERSION}"] {
            assert!(codes(exact, "").is_empty(), "{exact}");
        }
    }

    #[test]
    fn build_metadata_is_no_other_version() {
        assert!(codes("24.3.1", "24.3.1+dbae01c0bd1d").is_empty());
        assert_eq!(codes("24.3.1", "24.3.0+dbae01c0bd1d"), ["version-chart-other"]);
    }

    #[test]
    fn what_a_range_resolves_to_is_told_where_it_is_not_installed() {
        let yaml = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: h, namespace: n}
spec: {chart: {spec: {chart: c, version: 1.x, sourceRef: {kind: HelmRepository, name: r}}}}
status: {helmChart: n/n-h, history: [{chartVersion: 1.2.0}]}
---
{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmChart, metadata: {name: n-h, namespace: n}, status: {artifact: {revision: 1.3.0}}}
";
        let all = found(super::check, yaml);
        assert_eq!(all[0].evidence, ["1.3.0 is what fits now, 1.2.0 is installed"]);
        assert!(found(super::check, &yaml.replace("1.3.0", "1.2.0+abc"))[0].evidence.is_empty());
    }

    fn offers(versions: &[&str]) -> Vec<Offered> {
        let of = |text: &&str| {
            let (version, is_deprecated) = text.strip_suffix(" deprecated").map_or((*text, false), |it| (it, true));
            Offered { version: Version::parse(version).expect("a version"), is_deprecated, kube_version: String::new() }
        };
        versions.iter().map(of).collect()
    }

    #[test]
    fn the_gap_is_told_by_its_largest_step() {
        let of = |installed: &str, versions: &[&str]| gap(installed, &offers(versions)).map(|gap| gap.words());
        let told = |words: &str| Some(words.to_owned());
        assert_eq!(of("1.2.3", &["1.2.3", "1.2.4", "1.2.5"]), told("a patch behind 1.2.5 (2 versions newer)"));
        assert_eq!(of("1.2.3", &["1.3.0", "1.2.4"]), told("a minor release behind 1.3.0 (2 versions newer)"));
        assert_eq!(of("v1.2.3", &["2.0.0", "3.0.0-rc.1"]), told("a major release behind 2.0.0 (1 version newer)"));
        assert_eq!(of("1.2.3-rc.1", &["1.2.3-rc.2"]), told("a patch behind 1.2.3-rc.2 (1 version newer)"));
        assert_eq!(of("1.2.3", &["2.0.0 deprecated"]), None);
        assert_eq!(of("1.2.3+abc", &["1.2.3+def"]), None);
        assert_eq!(of("latest", &["1.0.0"]), None);
    }

    #[test]
    fn a_chart_that_is_not_for_the_cluster_is_told() {
        let one = Installed { version: "1.0.0".into(), kube_version: "<1.30.0-0".into(), ..Installed::default() };
        let told = |server: Option<&'static str>, target| {
            let mut message = None;
            found_by(
                |asked| message_of(&one, &Asked { server_version: server, target, ..*asked }),
                "{apiVersion: v1, kind: Namespace, metadata: {name: n}}",
            )
            .into_iter()
            .for_each(|finding| message = Some(finding.message));
            message
        };
        assert!(told(Some("v1.36.3+k3s1"), None).is_some_and(|it| it.ends_with("and this is 1.36.3")));
        assert!(told(Some("v1.29.1"), None).is_none());
        assert!(told(Some("v1.29.1"), Some((1, 30))).is_some_and(|it| it.ends_with("1.30 is planned")));
        assert!(told(None, None).is_none());
    }

    fn message_of(one: &Installed<'_>, asked: &Asked<'_>) -> Vec<Finding> {
        let message = kubernetes(one, &[], asked);
        message.map(|it| Finding::new(&VERSION_CHART_KUBERNETES, Low, one.object(), it)).into_iter().collect()
    }
}
