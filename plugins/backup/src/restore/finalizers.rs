//! Which finalizers come back: those that somebody declared. What a controller adds, it adds again to what it looks after;
//! where it does not run any more, nobody would ever take it away, and the object could not be deleted.

use serde_json::Value;
use std::collections::BTreeSet;

/// Finalizers of controllers that are known to add them again, whoever set them according to the object.
const CONTROLLERS: &[&str] = &[
    "finalizers.fluxcd.io",
    "strimzi.io/topic-operator",
    "strimzi.io/auto-rebalancing",
    "foregroundDeletion",
    "orphan",
];

/// Whether a finalizer is of Kubernetes itself (`kubernetes.io/pvc-protection`, `foregroundDeletion`), whose controllers add
/// theirs again.
pub(crate) fn is_of_kubernetes(name: &str) -> bool {
    let domain = name.split('/').next().unwrap_or_default();
    let is_within = |suffix: &str| domain == suffix || domain.strip_suffix(suffix).is_some_and(|it| it.ends_with('.'));
    !domain.contains('.') || is_within("kubernetes.io") || is_within("k8s.io")
}

/// The finalizers that an object loses.
pub(crate) fn dropped(object: &Value) -> BTreeSet<String> {
    let all = object.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    let all = all.filter_map(Value::as_str);
    let is_dropped = |name: &&str| {
        is_of_kubernetes(name) || CONTROLLERS.contains(name) || setter(object, name) == Some(Setter::Controller)
    };
    all.filter(is_dropped).map(str::to_owned).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Setter {
    /// Whoever wrote what the object is for.
    Declarer,
    /// Somebody who set nothing else of it, but for its status and other metadata.
    Controller,
}

/// Who set a finalizer, as managedFields tell; `None` where they do not.
fn setter(object: &Value, name: &str) -> Option<Setter> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array)?;
    let key = format!("v:\"{name}\"");
    let mut found = None;
    for entry in entries {
        let Some(fields) = entry.get("fieldsV1").and_then(Value::as_object) else { continue };
        let finalizers = fields.get("f:metadata").and_then(|it| it.get("f:finalizers"));
        if finalizers.is_none_or(|it| it.get(&key).is_none()) {
            continue;
        }
        if fields.keys().any(|key| !matches!(key.as_str(), "f:metadata" | "f:status")) {
            return Some(Setter::Declarer);
        }
        found = Some(Setter::Controller);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, fields: Option<Value>) -> Value {
        let mut object =
            json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "finalizers": [name]}});
        if let Some(mut fields) = fields {
            fields["f:metadata"] = json!({"f:finalizers": {".": {}, format!("v:\"{name}\""): {}}});
            object["metadata"]["managedFields"] =
                json!([{"manager": "other", "fieldsV1": {"f:spec": {}}}, {"manager": "m", "fieldsV1": fields}]);
        }
        object
    }

    #[test]
    fn what_a_controller_adds_goes_and_what_somebody_declared_stays() {
        let argo = "resources-finalizer.argocd.argoproj.io";
        for (name, fields, is_dropped) in [
            ("kubernetes.io/pvc-protection", None, true),
            ("snapshot.storage.kubernetes.io/volumesnapshot-bound-protection", None, true),
            ("foregroundDeletion", None, true),
            ("batch.kubernetes.io/job-tracking", Some(json!({"f:spec": {}})), true),
            ("finalizers.fluxcd.io", None, true),
            ("strimzi.io/topic-operator", None, true),
            // Nobody says who set it.
            ("example.com/own", None, false),
            ("notkubernetes.io/x", None, false),
            ("example.com/own", Some(json!({})), true),
            ("example.com/own", Some(json!({"f:status": {}})), true),
            (argo, Some(json!({"f:spec": {"f:project": {}}})), false),
            ("example.com/own", Some(json!({"f:data": {}})), false),
        ] {
            assert_eq!(!dropped(&object(name, fields.clone())).is_empty(), is_dropped, "{name} {fields:?}");
        }
    }
}
