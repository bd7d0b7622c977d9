//! Whether a node may take a pod, room aside: selectors, affinity and taints (kubernetes,
//! `component-helpers/scheduling/corev1`).

use super::pods::{Wanted, array};
use mlops_shared::object::{Labels, Room, Taint};
use serde_json::Value;

/// Why the pod's selectors and node affinity keep it from the node; `None` when they do not.
pub(crate) fn unchosen(room: &Room<'_>, wanted: &Wanted<'_>) -> Option<String> {
    let labels = &room.object.meta.labels;
    let spec = &wanted.spec;
    let selector = spec.get("nodeSelector").and_then(Value::as_object).into_iter().flatten();
    for (key, value) in selector {
        if labels.get(key) != value.as_str() {
            return Some(format!("without the label {key}={}", value.as_str().unwrap_or_default()));
        }
    }
    let terms = spec.pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    if terms.is_some() && !array(terms).iter().any(|term| fits(term, labels, &room.object.meta.name)) {
        return Some("not what its node affinity requires".to_owned());
    }
    None
}

/// The taint that keeps the pod from the node, in words.
pub(crate) fn taint(room: &Room<'_>, wanted: &Wanted<'_>) -> Option<String> {
    let tolerations = array(wanted.spec.get("tolerations"));
    let taint = room.node.spec.taints.iter().find(|taint| {
        matches!(&*taint.effect, "NoSchedule" | "NoExecute")
            // What cordons a node is told as that.
            && &*taint.key != "node.kubernetes.io/unschedulable"
            && !tolerations.iter().any(|toleration| tolerates(toleration, taint))
    });
    taint.map(|taint| {
        let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
        format!("with the taint {}{value}:{}", taint.key, taint.effect)
    })
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn tolerates(toleration: &Value, taint: &Taint) -> bool {
    let (key, effect) = (text(toleration, "key"), text(toleration, "effect"));
    if !effect.is_empty() && *effect != *taint.effect {
        return false;
    }
    match text(toleration, "operator") {
        "Exists" => key.is_empty() || *key == *taint.key,
        // The default operator compares.
        _ => *key == *taint.key && *text(toleration, "value") == *taint.value,
    }
}

/// Whether a node selector term fits; one without any requirement fits nothing.
fn fits(term: &Value, labels: &Labels, name: &str) -> bool {
    let (expressions, fields) = (array(term.get("matchExpressions")), array(term.get("matchFields")));
    let is_empty = expressions.is_empty() && fields.is_empty();
    let by_labels = expressions.iter().all(|it| holds(it, labels.get(text(it, "key"))));
    let by_fields = fields.iter().all(|it| holds(it, (text(it, "key") == "metadata.name").then_some(name)));
    !is_empty && by_labels && by_fields
}

/// A requirement of a selector against the value that is there.
pub(crate) fn holds(requirement: &Value, value: Option<&str>) -> bool {
    let values: Vec<&str> = array(requirement.get("values")).iter().filter_map(Value::as_str).collect();
    fulfils(text(requirement, "operator"), &values, value)
}

/// An operator with its values against the value that is there.
pub(crate) fn fulfils(operator: &str, values: &[&str], value: Option<&str>) -> bool {
    let is_in = || value.is_some_and(|value| values.contains(&value));
    let compare = |is: fn(i64, i64) -> bool| {
        let wanted = values.first().and_then(|wanted| wanted.parse().ok());
        value.and_then(|value| value.parse().ok()).zip(wanted).is_some_and(|(value, wanted)| is(value, wanted))
    };
    match operator {
        "In" => is_in(),
        "NotIn" => !is_in(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|value, wanted| value > wanted),
        "Lt" => compare(|value, wanted| value < wanted),
        _ => false,
    }
}

/// Whether labels fulfil a label selector; `None`, a selector that is absent, selects nothing.
pub(crate) fn selects(selector: Option<&Value>, labels: &Labels) -> bool {
    let Some(selector) = selector.filter(|selector| selector.is_object()) else { return false };
    let pairs = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let mut pairs = pairs.map(|(key, value)| labels.get(key) == value.as_str());
    let expressions = array(selector.get("matchExpressions"));
    pairs.all(|fits| fits) && expressions.iter().all(|it| holds(it, labels.get(text(it, "key"))))
}
