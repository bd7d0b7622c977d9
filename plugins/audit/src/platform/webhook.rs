//! Admission webhooks of the platform's operators and of policy engines that let in what they do not answer for.

use super::codes::WEBHOOK_FAILS_OPEN;
use crate::finding::Finding;
use crate::record::Custom;
use crate::severity::Severity::Low;
use serde_json::Value;

/// Words in names of webhooks without which pods are not what they should be, or are not refused.
const OWNERS: &[&str] =
    &["sparkoperator", "spark-operator", "kyverno", "gatekeeper", "kubewarden", "policy-controller"];

/// The findings on a configuration of webhooks.
pub(super) fn check(custom: &Custom) -> Vec<Finding> {
    let webhooks = custom.content.spec_at("/webhooks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut found = Vec::new();
    for webhook in webhooks {
        let word = |pointer: &str| webhook.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (name, service) = (word("/name"), word("/clientConfig/service/name"));
        let is_owned =
            [name, service, &*custom.head.meta.name].iter().any(|text| OWNERS.iter().any(|owner| text.contains(owner)));
        if is_owned && word("/failurePolicy") == "Ignore" {
            let message = format!("failurePolicy of {name} is Ignore: what the webhook does not answer for is let in");
            let at = format!("webhooks[{name}].failurePolicy");
            found.push(custom.head.finding(&WEBHOOK_FAILS_OPEN, Low, message).at(at));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::found;

    fn paths(name: &str, policy: &str) -> Vec<String> {
        let yaml = format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {{name: m}}\nwebhooks: [{{name: {name}, failurePolicy: {policy}, clientConfig: {{service: {{name: s, namespace: n}}}}}}, {{name: '{name}2'}}, 7]\n"
        );
        found(super::super::check, &yaml).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn only_what_the_platform_relies_on_is_told() {
        let name = "mutate--v1-pod.sparkoperator.k8s.io";
        assert_eq!(paths(name, "Ignore"), [format!("webhooks[{name}].failurePolicy")]);
        assert!(paths(name, "Fail").is_empty());
        assert!(paths("webhook.cert-manager.io", "Ignore").is_empty());
    }
}
