//! What a failure of Flux is: from the controllers' reasons, and the words of git, OCI and Helm clients and the API server.

use super::{
    FLUX_AUTH, FLUX_BUILD, FLUX_CONFIG, FLUX_DECRYPTION, FLUX_DENIED, FLUX_DEPENDENCY, FLUX_FETCH, FLUX_FORBIDDEN,
    FLUX_HEALTH, FLUX_IMMUTABLE, FLUX_INVALID, FLUX_NO_KIND, FLUX_PRUNE, FLUX_QUOTA, FLUX_SOURCE, FLUX_STORAGE,
    FLUX_VERIFICATION, FLUX_WEBHOOK, HELM_CHART, HELM_FAILED, HELM_RETRIES,
};
use crate::object::Condition;
use crate::report::Code;

/// What refuses credentials, in the words of git, OCI registries and HTTP servers.
const AUTH: &[&str] = &[
    "authentication required",
    "invalid credentials",
    "unable to authenticate",
    "401 unauthorized",
    "403 forbidden",
    "permission denied",
    "repository not found",
    "knownhosts",
];

/// What the API server and the tools below say, whichever controller passes it on; the first row
/// that fits counts, so what names one cause stands before what only tells the place.
const WORDS: &[(&[&str], &Code)] = &[
    (&["no matches for kind", "resource mapping not found"], &FLUX_NO_KIND),
    (&["failed calling webhook"], &FLUX_WEBHOOK),
    (&["admission webhook", "denied the request", "validatingadmissionpolicy"], &FLUX_DENIED),
    (&["exceeded quota"], &FLUX_QUOTA),
    (&["field is immutable", "updates to statefulset spec for fields other than"], &FLUX_IMMUTABLE),
    (&[" is forbidden:", " cannot patch resource", " cannot create resource"], &FLUX_FORBIDDEN),
    (&["dry-run failed (invalid)", "dry-run failed (badrequest)", " is invalid: "], &FLUX_INVALID),
];

/// The class of a failed Ready condition; `None` for those that only their message describes.
/// Reasons as in source-controller `api/v1/condition_types.go`, kustomize-controller
/// `api/v1/condition_types.go` and helm-controller `api/v2/condition_types.go`.
pub(super) fn class(ready: &Condition) -> Option<&'static Code> {
    let message = ready.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let of_api = || WORDS.iter().find(|(words, _)| says(words)).map(|(_, code)| *code);
    let decrypts = says(&["decrypt", "sops encrypted"]);
    match &*ready.reason {
        "AuthenticationFailed" => Some(&FLUX_AUTH),
        "VerificationError" => Some(&FLUX_VERIFICATION),
        "StorageOperationFailed" | "DirectoryCreationFailed" | "AcquireLockFailed" | "ArchiveOperationFailed" => {
            Some(&FLUX_STORAGE)
        }
        "GitOperationFailed"
        | "FetchFailed"
        | "IndexationFailed"
        | "ChartPullError"
        | "OCIArtifactPullFailed"
        | "BucketOperationFailed"
        | "OCIPullFailed" => Some(match () {
            () if says(&["no space left on device"]) => &FLUX_STORAGE,
            () if says(AUTH) => &FLUX_AUTH,
            () if no_chart(&message) => &HELM_CHART,
            () => &FLUX_FETCH,
        }),
        "InvalidChartReference" if no_chart(&message) => Some(&HELM_CHART),
        "URLInvalid" => Some(&FLUX_FETCH),
        "DependencyNotReady" => Some(&FLUX_DEPENDENCY),
        "ChartNotReady" | "SourceNotReady" | "ArtifactFailed" if no_chart(&message) => Some(&HELM_CHART),
        // kustomize-controller gives this reason to a missing spec.path, too.
        "ArtifactFailed" if says(&["path not found"]) => Some(&FLUX_BUILD),
        "ArtifactFailed" | "SourceNotReady" | "ChartNotReady" => Some(&FLUX_SOURCE),
        "AccessDenied" | "InvalidProviderConfiguration" | "ValuesError" => Some(&FLUX_CONFIG),
        "HealthCheckFailed" => Some(&FLUX_HEALTH),
        "PruneFailed" => Some(&FLUX_PRUNE),
        "BuildFailed" if decrypts => Some(&FLUX_DECRYPTION),
        "BuildFailed" => Some(of_api().unwrap_or(&FLUX_BUILD)),
        "RetriesExceeded" | "MissingRollbackTarget" => Some(&HELM_RETRIES),
        "InstallFailed" | "UpgradeFailed" | "RollbackFailed" | "UninstallFailed" | "TestFailed" => {
            Some(of_api().unwrap_or(&HELM_FAILED))
        }
        "ReconciliationFailed" if decrypts => Some(&FLUX_DECRYPTION),
        "ReconciliationFailed" => of_api(),
        _ => None,
    }
}

/// Whether a message says that a repository has no such chart, or no version that fits.
fn no_chart(message: &str) -> bool {
    ["no chart version found", "no chart name found", "chart version not found"]
        .iter()
        .any(|word| message.contains(word))
}
