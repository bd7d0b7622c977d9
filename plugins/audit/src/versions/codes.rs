//! The codes of versions.

use mlops_shared::codes;

codes! {
    VERSION_API_REMOVED = "version-api-removed", "A manifest in an API version that is gone",
        "Current releases no longer serve this version: the manifest cannot be applied, nor anything of the set that holds it. What stands still in Git gets no fixes either, those of security included.",
        "Write the version that the message names. `flux migrate -f .` rewrites Flux manifests; for Strimzi convert before the upgrade to 1.0.";
    VERSION_API_WRITTEN = "version-api-written", "Somebody still writes an object in an API version that is gone later",
        "managedFields tell by which version each manager wrote. The next upgrade takes that version away, and that manager, often a pipeline or a chart, fails on the day.",
        "Bring the manager's manifests up to date before the upgrade.";
    VERSION_CHART_FLOATING = "version-chart-floating", "A Helm release takes whatever chart version comes",
        "Without a fixed version the newest chart that fits is installed by itself: nobody looked at it, and whoever publishes to the repository is in the cluster.",
        "Name one version, and let Renovate or Flux' image automation propose the next.";
    VERSION_CHART_OTHER = "version-chart-other", "Another chart version is installed than is asked for",
        "The newest revision that Flux recorded is of another version than the manifest names: an upgrade failed, was rolled back, or has not been made. A fix that the manifest promises may not run.",
        "`flux get helmreleases -n NAMESPACE` says why.";
    VERSION_END_OF_LIFE = "version-end-of-life", "A version that gets no more fixes",
        "Its maintainers ended support at the date named: holes that are found since stay open.",
        "Plan the upgrade; the project's own guide names the steps between.";
    VERSION_UNMAINTAINED = "version-unmaintained", "An image that nobody maintains any more",
        "Its publisher gave it up: no release will mend the next hole.",
        "Move to what the publisher, or a fork that is maintained, offers in its place.";
    VERSION_OLD_BUILD = "version-old-build", "An image was built long ago",
        "The date in its tag is more than a year back: the libraries and the operating system in it have not been mended since.",
        "Move to a newer build.";
    VERSION_KAFKA_UNKNOWN = "version-kafka-unknown", "The operator does not know the Kafka version that is asked for",
        "Each Strimzi release carries images for a few Kafka versions and refuses the others: the cluster is not made or not upgraded, and stays on what it has.",
        "Ask for a version that the operator knows, or upgrade the operator first; strimzi.io/downloads has the table.";
}
