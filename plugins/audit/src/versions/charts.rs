//! Helm releases of Flux: whether the chart's version is fixed, and whether it is the one that is installed.

use super::codes::{VERSION_CHART_FLOATING, VERSION_CHART_OTHER};
use crate::check::Asked;
use crate::finding::Finding;
use crate::record::Custom;
use crate::severity::Severity::Low;
use semver::Version;

/// Both checks on every HelmRelease.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let is_release = |custom: &&Custom| custom.head.is("helm.toolkit.fluxcd.io", "HelmRelease");
    asked.records.customs.iter().filter(is_release).filter_map(release).collect()
}

fn release(custom: &Custom) -> Option<Finding> {
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
    let Some(exact) = exact(wanted) else {
        let what = if wanted.is_empty() { "no version".to_owned() } else { format!("version {wanted:?}") };
        let message = format!("chart {chart} with {what}: the newest that fits is installed by itself");
        return Some(head.finding(&VERSION_CHART_FLOATING, Low, message).at(path));
    };
    let newest = custom.content.status_text("/history/0/chartVersion");
    let installed = exact_of_installed(newest)?;
    // Flux adds a digest of the chart as build metadata: it is no other version.
    if exact.cmp_precedence(&installed).is_eq() {
        return None;
    }
    let message = format!("chart {chart} is installed as {newest}, {wanted} is asked for");
    Some(head.finding(&VERSION_CHART_OTHER, Low, message).at(path))
}

/// The one version that a text names; `None` for a range, as Masterminds/semver reads them: a text with fewer
/// than three parts is one too.
fn exact(text: &str) -> Option<Version> {
    let text = text.trim();
    let text = text.strip_prefix('=').unwrap_or(text).trim();
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

fn exact_of_installed(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use crate::testing::{codes_of, found};

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
}
