//! Exceptions: a finding that is known and accepted, with the reason and the day on which that ends.

use crate::object::ObjectRef;
use crate::report::ExceptionUse;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// A finding that is accepted for a while. All fields are required: an exception without a reason
/// or without an end is how findings get lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exception {
    /// The finding's code; `*` and `?` match as in file names.
    pub code: String,
    /// The objects: `Kind/namespace/name`, or `Kind/name` for cluster-scoped ones, with `*` and `?`.
    pub object: String,
    /// Why it is accepted.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// The last day on which it is: `2026-12-31`.
    #[schemars(with = "String", extend("format" = "date"))]
    pub expires: Date,
}

impl Exception {
    /// Whether it covers this finding, its expiry aside.
    pub fn matches(&self, code: &str, object: &ObjectRef) -> bool {
        WildMatch::new(&self.code).matches(code) && WildMatch::new(&self.object).matches(&object.to_string())
    }

    /// Whether its last day (in UTC) is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.to_zoned(TimeZone::UTC).date() > self.expires
    }
}

/// What exceptions did, given how many findings each of them matched.
pub fn uses(exceptions: &[Exception], matched: &[usize], now: Timestamp) -> Vec<ExceptionUse> {
    let state = |rule: &Exception, matched: usize| match (rule.is_expired(now), matched) {
        (true, _) => "expired",
        (false, 0) => "unused",
        (false, _) => "used",
    };
    let told = exceptions.iter().zip(matched).map(|(rule, matched)| ExceptionUse {
        code: rule.code.clone(),
        object: rule.object.clone(),
        reason: rule.reason.clone(),
        expires: rule.expires.to_string(),
        state: state(rule, *matched).to_owned(),
        matched: *matched,
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_match_and_end() {
        let exception = Exception {
            code: "pod-*".into(),
            object: "Pod/ml-lifecycle/mlflow-*".into(),
            reason: "known".into(),
            expires: "2026-11-20".parse().expect("date"),
        };
        let object = ObjectRef::new("", "Pod", "ml-lifecycle", "mlflow-0");
        assert!(exception.matches("pod-crash-loop", &object));
        assert!(!exception.matches("node-not-ready", &object));
        assert!(!exception.matches("pod-crash-loop", &ObjectRef::new("", "Pod", "other", "mlflow-0")));
        assert!(!exception.is_expired("2026-11-20T23:59:59Z".parse().expect("time")));
        assert!(exception.is_expired("2026-11-21T00:00:00Z".parse().expect("time")));
    }
}
