//! Label selectors.

use super::record::record;
use super::sym::{Labels, Sym};

record! {
    /// One `matchExpressions` entry.
    pub struct Requirement {
        /// The label's key.
        key: Sym,
        /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
        operator: Sym,
        /// The values of `In` and `NotIn`.
        values: Vec<Sym>,
    }

    /// A `metav1.LabelSelector`.
    pub struct Selector {
        /// Pairs that must all be there.
        match_labels: Labels,
        /// Expressions that must all hold.
        match_expressions: Vec<Requirement>,
    }
}

impl Selector {
    /// Whether it names nothing: such a selector matches everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether `labels` fulfil it. An unknown operator matches nothing.
    pub fn matches(&self, labels: &Labels) -> bool {
        labels.contains_all(&self.match_labels)
            && self.match_expressions.iter().all(|requirement| {
                let value = labels.get(&requirement.key);
                let among = |value: &str| requirement.values.iter().any(|wanted| &**wanted == value);
                match &*requirement.operator {
                    "In" => value.is_some_and(among),
                    "NotIn" => !value.is_some_and(among),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_follow_the_api() {
        let labels: Labels = [("app", "kafka"), ("tier", "data")].into_iter().collect();
        for (selector, want) in [
            (r#"{}"#, true),
            (r#"{"matchLabels":{"app":"kafka"}}"#, true),
            (r#"{"matchLabels":{"app":"minio"}}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"In","values":["kafka","x"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"gone","operator":"NotIn","values":["x"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"gone","operator":"Exists"}]}"#, false),
            (r#"{"matchExpressions":[{"key":"gone","operator":"DoesNotExist"}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"Gt"}]}"#, false),
        ] {
            let parsed: Selector = serde_json::from_str(selector).expect("selector");
            assert_eq!(parsed.matches(&labels), want, "{selector}");
        }
    }
}
