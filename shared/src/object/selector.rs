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

impl Requirement {
    fn parse(term: &str) -> Result<Self, String> {
        let of = |key: &str, operator: &str, values: Vec<Sym>| {
            let key = key.trim();
            let fits = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
            if key.is_empty() || !key.chars().all(fits) {
                return Err(format!("{term:?} is no term"));
            }
            Ok(Self { key: key.into(), operator: operator.into(), values })
        };
        let set = |text: &str| -> Option<Vec<Sym>> {
            let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(inside.split(',').map(|value| Sym::new(value.trim())).collect())
        };
        for (word, operator) in [(" notin ", "NotIn"), (" in ", "In")] {
            if let Some((key, values)) = term.split_once(word) {
                let values = set(values).ok_or_else(|| format!("{term:?} wants values in parentheses"))?;
                return of(key, operator, values);
            }
        }
        for (sign, operator) in [("!=", "NotIn"), ("==", "In"), ("=", "In")] {
            if let Some((key, value)) = term.split_once(sign) {
                return of(key, operator, vec![Sym::new(value.trim())]);
            }
        }
        match term.strip_prefix('!') {
            Some(key) => of(key, "DoesNotExist", Vec::new()),
            None => of(term, "Exists", Vec::new()),
        }
    }
}

impl Selector {
    /// Whether it names nothing: such a selector matches everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Reads the text form of `kubectl -l`: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = vec![String::new()];
        let mut depth = 0_i32;
        for character in text.chars() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 0 => {
                    terms.push(String::new());
                    continue;
                }
                _ => {}
            }
            if let Some(term) = terms.last_mut() {
                term.push(character);
            }
        }
        if depth != 0 {
            return Err("parentheses do not match".to_owned());
        }
        let match_expressions = terms.iter().map(|term| Requirement::parse(term.trim())).collect::<Result<_, _>>()?;
        Ok(Self { match_labels: Labels::default(), match_expressions })
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
    fn selectors_are_read_as_kubectl_does() {
        let labels: Labels = [("app", "kafka"), ("tier", "data")].into_iter().collect();
        for (text, want) in [
            ("app=kafka", true),
            ("app==kafka,tier!=test", true),
            ("app in (a, kafka),tier", true),
            ("app notin (kafka)", false),
            ("!app", false),
            ("!gone", true),
        ] {
            assert_eq!(Selector::parse(text).expect("selector").matches(&labels), want, "{text}");
        }
        for text in ["", "a in b", "a in (b", "=x", "a b", ",a"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }

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
