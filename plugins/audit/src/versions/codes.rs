//! The codes of versions.

use mlops_shared::codes;

codes! {
    VERSION_API_REMOVED = "version-api-removed", "A manifest in an API version that is gone",
        "Current releases no longer serve this version: the manifest cannot be applied, nor anything of the set that holds it. What stands still in Git gets no fixes either, those of security included.",
        "Write the version that the message names. `flux migrate -f .` rewrites Flux manifests; for Strimzi convert before the upgrade to 1.0.";
    VERSION_API_DEPRECATED = "version-api-deprecated", "A manifest in an API version that is gone later",
        "The version is still served, but a later release takes it away: from then on the manifest cannot be applied, nor anything of the set that holds it. It is urgent where that is the next release, or the one that --target-version plans.",
        "Write the version that the message names before the upgrade.";
    VERSION_API_WRITTEN = "version-api-written", "Somebody still writes an object in an API version that is gone later",
        "managedFields tell by which version each manager wrote. The next upgrade takes that version away, and that manager, often a pipeline or a chart, fails on the day.",
        "Bring the manager's manifests up to date before the upgrade.";
    VERSION_STORED_OLD = "version-stored-old", "Objects may still be stored in an old version",
        "The definition names a stored version that is no longer the one that objects are written in. As long as it stands there, a release that drops this version is refused, and if it is forced the objects cannot be read.",
        "Write every object once, as `flux migrate` and the tools of the operators do, then take the version out of status.storedVersions.";
    VERSION_CHART_BEHIND = "version-chart-behind", "A newer version of the chart is there",
        "The repository offers newer versions than the one that is installed, asked with --online. What they mend is still open here.",
        "Read the chart's changes between the two, then name the newer version.";
    VERSION_CHART_DEPRECATED = "version-chart-deprecated", "A chart that its maintainers gave up",
        "The chart says of itself that it is deprecated: no version will come that mends the next hole.",
        "Its README names what takes its place.";
    VERSION_CHART_KUBERNETES = "version-chart-kubernetes", "A chart that is not for this Kubernetes",
        "The chart names the Kubernetes versions that it is for, and the cluster, or the release that --target-version plans, is none of them: Helm refuses the next install or upgrade.",
        "Upgrade the chart before the cluster.";
    VERSION_RELEASE_UNREADABLE = "version-release-unreadable", "Helm's own record of a release cannot be read",
        "The record of the revision is broken: which chart is installed is not known, and Helm can neither upgrade nor roll back from it.",
        "`helm history RELEASE -n NAMESPACE` shows which revisions are whole.";
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
