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

/// The codes of every plugin, a line each with the plugin before it. Made from the code:
/// `UPDATE_DOCS=1 cargo test -p mlops-tests --test docs`.
const CODES: &str = include_str!("codes.txt");

/// Whose codes an exception is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Nobodys,
    Others,
    Own,
}

fn whose(pattern: &str, plugin: &str) -> Whose {
    let pattern = WildMatch::new(pattern);
    let known = CODES.lines().filter_map(|line| line.split_once(' '));
    let fitting = known.filter(|(_, code)| pattern.matches(code));
    fitting.map(|(owner, _)| if owner == plugin { Whose::Own } else { Whose::Others }).max().unwrap_or(Whose::Nobodys)
}

/// What exceptions did, as far as it is the matter of `plugin`, given how many findings each of them
/// matched: the file has those of all plugins, and one that is for another plugin's findings is not
/// told. One on a code that no plugin has is told by every plugin. Where not all findings of the
/// plugin are known (`are_all` is false), nobody can tell that one is unused.
pub fn uses(
    exceptions: &[Exception],
    matched: &[usize],
    now: Timestamp,
    plugin: &str,
    are_all: bool,
) -> Vec<ExceptionUse> {
    let state = |rule: &Exception, matched: usize| match (matched, whose(&rule.code, plugin)) {
        // An expired one matches nothing.
        (1.., _) => Some("used"),
        (0, Whose::Others) => None,
        (0, _) if rule.is_expired(now) => Some("expired"),
        (0, Whose::Nobodys) => Some("unknown"),
        (0, Whose::Own) => are_all.then_some("unused"),
    };
    let told = exceptions.iter().zip(matched).filter_map(|(rule, matched)| {
        Some(ExceptionUse {
            code: rule.code.clone(),
            object: rule.object.clone(),
            reason: rule.reason.clone(),
            expires: rule.expires.to_string(),
            state: state(rule, *matched)?.to_owned(),
            matched: *matched,
        })
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

    /// The platform file has the exceptions of all plugins.
    #[test]
    fn a_plugin_tells_of_its_own_codes_and_of_those_that_nobody_has() {
        let exception = |code: &str, expires: &str| Exception {
            code: code.to_owned(),
            object: "*".to_owned(),
            reason: "known".to_owned(),
            expires: expires.parse().expect("date"),
        };
        let rules = [
            exception("pod-crash-loop", "2026-12-31"),
            exception("rbac-wildcard", "2026-12-31"),
            exception("rbac-*", "2026-01-01"),
            exception("*", "2026-12-31"),
            exception("pod-crash-lop", "2026-12-31"),
        ];
        let now = "2026-11-20T03:00:00Z".parse().expect("time");
        let told = |plugin: &str, are_all: bool, matched: [usize; 5]| -> Vec<(String, String)> {
            let uses = uses(&rules, &matched, now, plugin, are_all);
            uses.into_iter().map(|told| (told.code, told.state)).collect()
        };
        let owned = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(code, state)| ((*code).to_owned(), (*state).to_owned())).collect()
        };
        assert_eq!(
            told("health", true, [0; 5]),
            owned(&[("pod-crash-loop", "unused"), ("*", "unused"), ("pod-crash-lop", "unknown")])
        );
        assert_eq!(
            told("audit", true, [0, 0, 0, 2, 0]),
            owned(&[("rbac-wildcard", "unused"), ("rbac-*", "expired"), ("*", "used"), ("pod-crash-lop", "unknown")])
        );
        assert_eq!(told("health", false, [0; 5]), owned(&[("pod-crash-lop", "unknown")]));
    }
}
