//! Flux: the codes of its objects, and which rule judges which kind.

mod common;
mod controlplane;
mod failure;
mod helm;
mod kustomization;
mod relations;
mod source;
#[cfg(test)]
mod tests;

use super::table::Rule;
use crate::report::codes;

codes! {
    FLUX_READY = "flux-ready", "Reconciled",
        "The controller has reconciled the newest generation, lately, without an error.", "Nothing to do.";
    FLUX_STATIC = "flux-static", "A kind without a status",
        "Alerts, Providers and HelmRepositories of type oci are only read by others; they have no status by design.", "Nothing to do.";
    FLUX_RECONCILING = "flux-reconciling", "Being reconciled", "The controller is at work on it.", "Nothing to do but wait.";
    FLUX_FAILED = "flux-failed", "The reconciliation fails",
        "The last reconciliation ended with an error; the controller tries again at every interval. kstatus calls this InProgress for ever.",
        "The message is the controller's; read it to the end.";
    FLUX_STALLED = "flux-stalled", "The reconciliation is stalled",
        "The controller has given up until the object changes: the spec cannot work, or the retries are used up.",
        "Change the spec: the message says what is wrong with it.", Final;
    FLUX_AUTH = "flux-source-auth-failed", "The source refuses the credentials",
        "The repository wants other credentials: a token expired or was revoked, a key is missing in the Secret, or the repository moved. The last artifact is still served: the cluster runs an old revision and looks healthy.",
        "Renew the Secret that spec.secretRef names, then `flux reconcile source git NAME -n NAMESPACE` (or `helm`, `oci`, `bucket`, as the kind is).", Stuck 300;
    FLUX_FETCH = "flux-source-fetch-failed", "The source cannot be fetched",
        "The repository cannot be reached or does not have what is asked for: DNS, network, TLS, a branch or tag that is gone. The last artifact is still served.",
        "The message tells which; test from inside the cluster, not from your machine.";
    FLUX_DEPENDENCY = "flux-dependency-not-ready", "Waits for a dependency",
        "What it depends on is not ready, so it is not applied.", "Look at the dependency that is named.";
    FLUX_SOURCE = "flux-source-not-ready", "Its source is not ready",
        "The source that it is made from does not exist or has no artifact.", "Look at the source that is named.";
    FLUX_HEALTH = "flux-health-check-failed", "What it applied does not become healthy",
        "The objects were applied, and those that are named did not become ready in time.", "Look at the objects that are named.";
    FLUX_BUILD = "flux-build-failed", "The manifests cannot be built",
        "The path does not exist, a file is missing, YAML is wrong, or a variable is not set.",
        "Build it from a checkout: `flux build kustomization NAME -n NAMESPACE --path PATH`.", Stuck 120;
    FLUX_STALE = "flux-stale", "Says Ready, and nobody has looked for long",
        "The object says Ready=True, but its last reconciliation is older than twice its interval with its timeout: the controller does not get to it. What it says is about the past.",
        "Look at the controller: is it running, is it watching this namespace, is it stuck? `flux check` and `flux logs -A --level=error` tell.";
    FLUX_REQUEST = "flux-request-unhandled", "A requested reconciliation was not handled",
        "Somebody asked for a reconciliation and the controller has not answered.", "Look at the controller: `kubectl get deploy -n flux-system`, `flux logs -A --kind=KIND --name=NAME`.";
    FLUX_OLD_REVISION = "flux-old-revision", "An older revision than the source's is applied",
        "The source has a newer artifact than what was applied last.", "Nothing to do unless it stays for longer than the interval; `flux reconcile kustomization NAME -n NAMESPACE --with-source` asks at once.";
    FLUX_INVENTORY = "flux-inventory-unhealthy", "Ready says nothing about its workloads",
        "It neither waits nor has health checks, so Ready means applied. Some of the objects in its inventory are not healthy.",
        "Look at the objects that are named; set spec.wait to have Flux watch them.";
    FLUX_REMEDIATED = "helm-remediated", "The release was rolled back or uninstalled",
        "An upgrade or test failed and was undone: the cluster runs an older release than Git asks for.",
        "Read why the upgrade failed: `flux events -n NAMESPACE --for HelmRelease/NAME`, and status.history of the object.";
    FLUX_DRIFTED = "helm-drifted", "The release differs from its chart",
        "Objects of the release were changed by somebody else.", "Find out who; correct the values or revert the change.";
    FLUX_DECRYPTION = "flux-decryption-failed", "A Secret of Git cannot be decrypted",
        "kustomize-controller has no key for a file that SOPS encrypted, or the object has no spec.decryption. Nothing of the Kustomization is applied.",
        "Check that the Secret of spec.decryption.secretRef exists in the object's namespace and holds the key that .sops.yaml names; never decrypt to a file that Git may see.", Stuck 120;
    FLUX_VERIFICATION = "flux-verification-failed", "The signature of the source is not accepted",
        "spec.verify asks for a signature, and the revision has none or one of another key. Nobody has checked who made it; the last verified artifact is still served.",
        "Find out who made that revision before anything else. Only a key that was changed on purpose belongs into the Secret of spec.verify.", Stuck 120;
    FLUX_STORAGE = "flux-storage-failed", "source-controller cannot store artifacts",
        "The volume of source-controller is full or cannot be written. No source gets newer revisions.",
        "Look at the pod of source-controller and its volume at /data; a restart clears an emptyDir.", Stuck 300;
    FLUX_NO_KIND = "flux-kind-missing", "It holds a kind that the cluster does not know",
        "The CustomResourceDefinition is not installed, or no longer serves the version that the manifest names. Nothing of it is applied.",
        "Install what brings the definition first (spec.dependsOn), or change the apiVersion to a served one: `kubectl api-resources`.", Stuck 120;
    FLUX_FORBIDDEN = "flux-apply-forbidden", "The controller may not apply it",
        "RBAC refuses what the service account of the object or of the controller wants to write.",
        "Ask for the account that is named: `kubectl auth can-i VERB RESOURCE -n NAMESPACE --as system:serviceaccount:NAMESPACE:NAME`; for tenants, spec.serviceAccountName decides which one it is.", Stuck 120;
    FLUX_IMMUTABLE = "flux-immutable-field", "A field was changed that cannot be changed",
        "The API server refuses the change of an immutable field, mostly of a Job, a selector, a volume claim or a StorageClass. Nothing newer is applied.",
        "Give the object another name, or revert the field. spec.force deletes and creates the object anew: never for what holds data.", Final;
    FLUX_DENIED = "flux-admission-denied", "An admission policy denies it",
        "A webhook or policy answered, and its answer is no.",
        "The message is the policy's: change the manifest, or the policy with its owner.", Stuck 120;
    FLUX_WEBHOOK = "flux-webhook-unanswered", "A webhook that nobody answers refuses it",
        "The API server must ask a webhook about an object that is applied, and reaches nobody.",
        "Bring the webhook's Service back; it is the cause, and others wait for it too.";
    FLUX_INVALID = "flux-object-invalid", "The API server calls an object invalid",
        "A manifest does not fulfil the schema or the rules of its kind. Nothing newer of it is applied.",
        "The message names the object and its fields; `kubectl apply --dry-run=server` shows the same before a commit.", Stuck 120;
    FLUX_QUOTA = "flux-quota-exceeded", "A ResourceQuota refuses it",
        "The namespace has no room for what is applied.", "Raise the quota, or ask for less.", Stuck 120;
    FLUX_PRUNE = "flux-prune-failed", "What Git no longer holds cannot be deleted",
        "The garbage collection failed; objects stay that should be gone.",
        "Look at the finalizers and rights of the objects that are named.";
    FLUX_CONFIG = "flux-config-failed", "What the object refers to is missing or wrong",
        "A Secret, ConfigMap or value that it names is not there or has not the keys that are needed, or the reference leads into another namespace, which is not allowed.",
        "Create what is named; the message holds the key.", Stuck 120;
    FLUX_ARTIFACT_OLD = "flux-artifact-old", "Ready, and newer revisions are not fetched",
        "Ready is True, and another condition says that fetching or storing fails. The last artifact is still served.",
        "Read the condition that is named.";
    HELM_FAILED = "helm-action-failed", "Install, upgrade, test or rollback fails",
        "helm-controller ran the action and it ended with an error; it tries again while retries are left.",
        "Read the message and the events; `flux logs -A --kind=HelmRelease --name=NAME` has Helm's own log.";
    HELM_RETRIES = "helm-retries-exhausted", "No retries are left",
        "The action failed as often as spec.install or spec.upgrade allow, or there is no release to roll back to. helm-controller does nothing until the object changes or somebody resets the count.",
        "Correct the cause first; then `flux reconcile helmrelease NAME -n NAMESPACE --reset` gives new retries, and `--force` one more action.", Final;
    HELM_CHART = "helm-chart-missing", "The chart or its version does not exist",
        "The repository answers and has no chart of that name, or none that fits the version asked for.",
        "Compare spec.chart.spec.version with what the repository has: `helm show chart NAME --repo URL --version VERSION`, or `helm show chart oci://… --version VERSION`.", Stuck 120;
}

const SOURCE: &str = "source.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const NOTIFY: &str = "notification.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";
const CONTROL_PLANE: &str = "fluxcd.controlplane.io";

pub(super) const RULES: &[Rule] = &[
    Rule::new(SOURCE, "GitRepository", source::source),
    Rule::new(SOURCE, "OCIRepository", source::source),
    Rule::new(SOURCE, "Bucket", source::source),
    Rule::new(SOURCE, "HelmRepository", source::helm_repository),
    Rule::new(SOURCE, "HelmChart", source::source),
    Rule::new(SOURCE, "ExternalArtifact", common::common),
    Rule::new("source.extensions.fluxcd.io", "ArtifactGenerator", common::common),
    Rule::new(KUSTOMIZE, "Kustomization", kustomization::kustomization),
    Rule::new(HELM, "HelmRelease", helm::helm_release),
    Rule::new(NOTIFY, "Alert", common::static_kind),
    Rule::new(NOTIFY, "Provider", common::static_kind),
    Rule::new(NOTIFY, "Receiver", common::common),
    Rule::new(IMAGE, "ImageRepository", common::common),
    Rule::new(IMAGE, "ImagePolicy", common::common),
    Rule::new(IMAGE, "ImageUpdateAutomation", common::common),
    Rule::new(CONTROL_PLANE, "FluxInstance", controlplane::applier),
    Rule::new(CONTROL_PLANE, "FluxReport", common::common),
    Rule::new(CONTROL_PLANE, "ResourceSet", controlplane::applier),
    Rule::new(CONTROL_PLANE, "ResourceSetInputProvider", common::common),
];
