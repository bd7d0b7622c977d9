//! What the unit tests of the checks share.

use crate::check::Asked;
use crate::finding::Finding;
use crate::record::{Record, Records, decode};
use mlops_shared::object::TypeMeta;
use mlops_shared::platform::Platform;
use mlops_shared::report::{Code, Outlook};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A code for tests.
pub(crate) static CODE: Code = Code {
    id: "test-code",
    title: "A code for tests",
    meaning: "It means nothing.",
    remedy: "Nothing to do.",
    outlook: Outlook::Open,
};

/// What a check finds in a YAML stream, with the built-in platform, at 2026-11-20.
pub(crate) fn found(check: fn(&Asked<'_>) -> Vec<Finding>, yaml: &str) -> Vec<Finding> {
    found_on(check, yaml, &Platform::built_in())
}

/// As [`found`], with a platform file.
pub(crate) fn found_on(check: fn(&Asked<'_>) -> Vec<Finding>, yaml: &str, platform: &Platform) -> Vec<Finding> {
    ask(check, yaml, platform)
}

/// As [`found`], with a check that changes what it is asked.
pub(crate) fn found_by(check: impl Fn(&Asked<'_>) -> Vec<Finding>, yaml: &str) -> Vec<Finding> {
    ask(check, yaml, &Platform::built_in())
}

fn ask(check: impl Fn(&Asked<'_>) -> Vec<Finding>, yaml: &str, platform: &Platform) -> Vec<Finding> {
    let records = records(yaml);
    let now = "2026-11-20T03:00:00Z".parse().expect("an instant");
    let (server_version, namespaces, target, offered) = (None, &[][..], None, None);
    check(&Asked {
        records: &records,
        sections: &[],
        is_whole: false,
        platform,
        server_version,
        namespaces,
        target,
        offered,
        now,
    })
}

/// The codes of findings, sorted.
pub(crate) fn codes_of(found: &[Finding]) -> Vec<&'static str> {
    let mut codes: Vec<_> = found.iter().map(|finding| finding.code.id).collect();
    codes.sort_unstable();
    codes
}

/// The records of a YAML stream.
pub(crate) fn records(yaml: &str) -> Records {
    let mut found: Vec<Record> = Vec::new();
    let mut text = yaml.as_bytes();
    let options = serde_saphyr::options! { strict_booleans: true };
    for document in serde_saphyr::read_with_options::<_, Value>(&mut text, options) {
        let value = document.expect("YAML");
        if value.is_null() {
            continue;
        }
        let word = |key: &str| value[key].as_str().expect("apiVersion and kind").to_owned();
        let ty = Arc::new(TypeMeta::new(&word("apiVersion"), &word("kind")));
        let raw = RawValue::from_string(value.to_string()).expect("JSON");
        found.extend(decode(&ty, &raw));
    }
    Records::new(found)
}
