//! The file's form, how it is read, and the area of an object.

use super::{Area, Exception, Thresholds, built_in, refusal};
use crate::object::Object;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use wildmatch::WildMatch;

/// A platform file may be so large.
const FILE_BYTES: u64 = 1 << 20;

/// What a platform should hold, and how strictly to judge it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// `mlops/v1`
    #[schemars(extend("const" = "mlops/v1"))]
    pub api_version: String,
    /// `Platform`
    #[schemars(extend("const" = "Platform"))]
    pub kind: String,
    /// The platform's name, for titles.
    pub name: String,
    /// Namespaces that belong to it.
    #[serde(default)]
    pub namespaces: Vec<ExpectedNamespace>,
    /// Components that belong to it.
    #[serde(default)]
    pub components: Vec<Component>,
    /// Limits at which a verdict changes.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Where images may come from, and how they are named.
    #[serde(default, skip_serializing_if = "ImagePolicy::is_default")]
    pub images: ImagePolicy,
    /// Findings that are accepted for a while.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// Whether this is the profile that comes with the tool: what it expects is a finding only in
    /// a cluster that has any of its own namespaces.
    #[serde(skip)]
    pub is_built_in: bool,
}

/// Where images may come from, and how they are named.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImagePolicy {
    /// Registries, each alone or with a path that images lie below: `quay.io/strimzi`. Empty allows all; images
    /// without a registry are of `docker.io`.
    #[serde(default)]
    pub registries: Vec<String>,
    /// Whether an image without a digest is a finding of its own weight.
    #[serde(default)]
    pub require_digest: bool,
}

impl ImagePolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A namespace of the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedNamespace {
    /// Its name.
    pub name: String,
    /// The area that its objects belong to.
    pub area: Area,
    /// Whether its absence is a finding.
    #[serde(default = "yes")]
    pub required: bool,
}

/// A component of the platform: at least one object that fits must be there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Its name for people: `Strimzi operator`.
    pub name: String,
    /// The area that it belongs to.
    pub area: Area,
    /// The object's kind, with `*` and `?`.
    pub kind: String,
    /// Its API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Its namespace; empty for any.
    #[serde(default)]
    pub namespace: String,
    /// Its name, with `*` and `?`.
    #[serde(default = "any")]
    pub object: String,
    /// Whether its absence is a finding.
    #[serde(default = "yes")]
    pub required: bool,
}

fn yes() -> bool {
    true
}

fn any() -> String {
    "*".to_owned()
}

/// Why a platform file was refused.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the platform file {path}: {reason}")]
pub struct PlatformError {
    /// Its path.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

impl PlatformError {
    /// What would help.
    pub fn hints(&self) -> Vec<String> {
        vec!["`kubectl mlops health platform` prints the effective file; start from that".to_owned()]
    }
}

impl Platform {
    /// The profile of the operations guide's platform.
    pub fn built_in() -> Self {
        built_in::platform()
    }

    /// Reads a platform file.
    ///
    /// # Errors
    /// When it cannot be read, is no platform file, or has a field that is not known: a misspelt
    /// expectation must not pass silently.
    pub fn read(path: &Path) -> Result<Self, PlatformError> {
        let error = |reason: String| PlatformError { path: path.display().to_string(), reason };
        let length = std::fs::metadata(path).map_err(|reason| error(reason.to_string()))?.len();
        if length > FILE_BYTES {
            return Err(error("larger than 1 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|reason| error(reason.to_string()))?;
        Self::parse(&text).map_err(error)
    }

    /// Reads the text of a platform file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let platform: Self =
            serde_saphyr::from_str_with_options(text, options).map_err(|reason| refusal::describe(text, &reason))?;
        if platform.api_version != crate::report::API_VERSION || platform.kind != "Platform" {
            return Err(format!(
                "apiVersion and kind must be {} and Platform, not {} and {}",
                crate::report::API_VERSION,
                platform.api_version,
                platform.kind
            ));
        }
        if let Some(exception) = platform.exceptions.iter().find(|exception| exception.reason.trim().is_empty()) {
            return Err(format!("the exception for {} on {} has no reason", exception.code, exception.object));
        }
        platform.thresholds.check()?;
        Ok(platform)
    }

    /// The area that an object belongs to: its kind's, else that of its namespace.
    pub fn area_of(&self, object: &Object) -> Area {
        if let Some(area) = Area::of_kind(object) {
            return area;
        }
        let namespace =
            if object.is("", "Namespace") { object.meta.name.as_str() } else { object.meta.namespace.as_str() };
        self.area_of_namespace(namespace)
    }

    /// The area of a namespace; [`Area::Cluster`] for those that the file does not name.
    pub fn area_of_namespace(&self, namespace: &str) -> Area {
        self.namespaces.iter().find(|known| known.name == namespace).map_or(Area::Cluster, |known| known.area)
    }
}

impl Component {
    /// Whether this object is (part of) the component.
    pub fn matches(&self, object: &Object) -> bool {
        *object.ty.group == *self.group
            && WildMatch::new(&self.kind).matches(&object.ty.kind)
            && (self.namespace.is_empty() || *object.meta.namespace == *self.namespace)
            && WildMatch::new(&self.object).matches(&object.meta.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "apiVersion: mlops/v1\nkind: Platform\nname: x\n";

    #[test]
    fn the_built_in_profile_reads_back() {
        let text = serde_saphyr::to_string(&Platform::built_in()).expect("YAML");
        let mut read = Platform::parse(&text).expect("the printed form is the file's form");
        read.is_built_in = true;
        assert_eq!(read, Platform::built_in());
    }

    #[test]
    fn an_exception_needs_reason_and_end() {
        let whole = "exceptions:\n- code: pod-oom\n  object: Pod/a/b\n  reason: known\n  expires: 2026-12-31\n";
        assert!(Platform::parse(&format!("{FILE}{whole}")).is_ok());
        for missing in ["code: pod-oom", "object: Pod/a/b", "reason: known", "expires: 2026-12-31"] {
            let cut: String = whole.replace(missing, "").replace("- \n  ", "- ");
            assert!(Platform::parse(&format!("{FILE}{cut}")).is_err(), "{cut}");
        }
        assert!(Platform::parse(&format!("{FILE}{}", whole.replace("known", "' '"))).is_err());
    }

    #[test]
    fn a_refusal_names_the_line_the_field_and_what_was_meant() {
        let exception = "exceptions:\n- code: pod-oom\n  object: Pod/a/b\n  reason: known\n";
        for (text, wants) in [
            (format!("{FILE}namespace: []\n"), &["line 4", "no field `namespace`", "did you mean `namespaces`"][..]),
            (format!("{FILE}thresholds:\n  leaseSecond: 3\n"), &["line 5", "`leaseSecond`", "`leaseSeconds`"]),
            (format!("{FILE}thresholds:\n  leaseSeconds: soon\n"), &["line 5", "leaseSeconds"]),
            (format!("{FILE}thresholds: {{leaseSeconds: -3}}\n"), &["leaseSeconds", "-3"]),
            (format!("{FILE}thresholds: {{volumeWarnPercent: 99}}\n"), &["volumeWarnPercent", "volumeFailPercent"]),
            (format!("{FILE}thresholds: {{volumeWarnPercent: .nan}}\n"), &["volumeWarnPercent"]),
            (
                format!("{FILE}namespaces:\n- name: a\n  area: data-service\n"),
                &["line 6", "area", "did you mean `data-services`"],
            ),
            (format!("{FILE}{exception}"), &["line 7", "the field `expires` is missing"]),
            (format!("{FILE}{exception}  expires: 2026-13-01\n"), &["line 8", "expires"]),
            (format!("{FILE}{exception}  expires: soon\n"), &["line 8", "expires"]),
            (format!("{FILE}name: y\n"), &["line 4", "name"]),
            ("[workspace]\n".to_owned(), &["line 1"]),
            (String::new(), &["empty"]),
        ] {
            let reason = Platform::parse(&text).expect_err(&text);
            for want in wants {
                assert!(reason.contains(want), "{text}: {reason:?} does not say {want:?}");
            }
            assert!(!reason.contains('\n'), "{reason}");
        }
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        assert!(Platform::parse(&format!("{FILE}namespace: []\n")).is_err());
        assert!(Platform::parse(&format!("{FILE}thresholds: {{leaseSecond: 3}}\n")).is_err());
        assert!(Platform::parse("apiVersion: v1\nkind: Platform\nname: x\n").is_err());
        assert!(
            (Platform::parse(&format!("{FILE}thresholds: {{leaseSeconds: 3}}\n"))
                .expect("read")
                .thresholds
                .lease_seconds)
                == 3
        );
    }
}
