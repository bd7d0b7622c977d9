//! The pods that a template makes: what they request, and where they may run.

use mlops_shared::object::{Decoded, Labels, Object, Pod, decode_object};
use mlops_shared::text::Quantity;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// A pod that is to be made.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    record: Object,
    /// The pod's spec, with the defaults of LimitRanges.
    pub(crate) spec: Value,
    pub(crate) namespace: &'a str,
    /// What it requests, by name, each once.
    pub(crate) requests: Vec<(String, Quantity)>,
}

impl<'a> Wanted<'a> {
    /// The pod of a template in a namespace, after the defaults of its LimitRanges (`spec.limits` each).
    ///
    /// # Errors
    /// When the template does not have the shape of one.
    pub(crate) fn of(template: &Value, namespace: &'a str, ranges: &[&Value]) -> Result<Self, String> {
        let mut spec = template.get("spec").cloned().unwrap_or_default();
        for range in ranges {
            defaults(&mut spec, range);
        }
        let labels = template.pointer("/metadata/labels").cloned().unwrap_or_default();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new", "namespace": namespace, "labels": labels},
            "spec": spec,
        });
        let raw = RawValue::from_string(pod.to_string()).map_err(|error| error.to_string())?;
        match decode_object(&raw) {
            Some(Decoded::Object(record)) if record.pod().is_some() => {
                let requests = record.pod().map(requests).unwrap_or_default();
                Ok(Self { record, spec, namespace, requests })
            }
            _ => Err("its pod template does not have the shape of one".to_owned()),
        }
    }

    /// Its record.
    pub(crate) fn pod(&self) -> &Pod {
        // Checked when it was made.
        static NONE: std::sync::LazyLock<Pod> = std::sync::LazyLock::new(Pod::default);
        self.record.pod().unwrap_or(&NONE)
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.record.meta.labels
    }
}

/// What a pod requests, in the order of names.
fn requests(pod: &Pod) -> Vec<(String, Quantity)> {
    let mut names: Vec<String> = pod.requested_resources().map(ToString::to_string).collect();
    names.extend(pod.overhead.iter().map(|(name, _)| name.to_string()));
    if let Some(whole) = &pod.resources {
        names.extend(whole.requests.iter().map(|(name, _)| name.to_string()));
    }
    names.sort();
    names.dedup();
    let request = |name: String| {
        let amount = pod.request(&name);
        (name, amount)
    };
    names.into_iter().map(request).collect()
}

/// The items of a list; none where there is no list.
pub(crate) fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What LimitRanger adds to containers that say nothing (kubernetes, `plugin/pkg/admission/limitranger`,
/// `mergePodResourceRequirements`): `default` for limits, `defaultRequest` for requests.
fn defaults(spec: &mut Value, range: &Value) {
    let limits = array(range.get("limits")).iter();
    for limit in limits.filter(|limit| limit.get("type").and_then(Value::as_str) == Some("Container")) {
        for list in ["containers", "initContainers"] {
            let Some(containers) = spec.get_mut(list).and_then(Value::as_array_mut) else { continue };
            for container in containers {
                // Requests first: a limit that is given is a request, one by default is not.
                merge(container, "requests", limit.get("defaultRequest"));
                merge(container, "limits", limit.get("default"));
            }
        }
    }
}

fn merge(container: &mut Value, part: &str, defaults: Option<&Value>) {
    let (Some(container), Some(defaults)) = (container.as_object_mut(), defaults.and_then(Value::as_object)) else {
        return;
    };
    let resources = container.entry("resources").or_insert_with(|| Value::Object(Map::new()));
    let Some(resources) = resources.as_object_mut() else { return };
    let given = if part == "requests" { resources.get("limits").cloned() } else { None };
    let amounts = resources.entry(part).or_insert_with(|| Value::Object(Map::new()));
    let Some(amounts) = amounts.as_object_mut() else { return };
    for (name, amount) in defaults {
        let amount = given.as_ref().and_then(|given| given.get(name)).unwrap_or(amount);
        amounts.entry(name.clone()).or_insert_with(|| amount.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_a_limit_range_count() {
        let template = json!({"spec": {"containers": [
            {"name": "a", "ports": [{"containerPort": 80, "hostPort": 8080}]},
            {"name": "b", "resources": {"limits": {"cpu": "2"}, "requests": {"memory": "1Gi"}}},
        ]}});
        let range = json!({"limits": [{"type": "Container", "default": {"cpu": "1"},
            "defaultRequest": {"cpu": "100m", "memory": "64Mi"}}, {"type": "Pod", "default": {"cpu": "9"}}]});
        let plain = Wanted::of(&template, "n", &[]).expect("a pod");
        assert_eq!(plain.pod().request("cpu").millis(), 2000);
        let pod = Wanted::of(&template, "n", &[&range]).expect("a pod");
        assert_eq!(pod.pod().request("cpu").millis(), 2000 + 100);
        assert_eq!(pod.pod().request("memory").units(), (64 << 20) + (1 << 30));
        assert_eq!(pod.requests.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["cpu", "memory"]);
    }
}
