//! What the MinIO server says of its pools, asked by the program `mc` with the credentials of one of its aliases.

use mlops_shared::text::{Quantity, bytes};
use mlops_shared::tools::{Call, Program};
use serde_json::Value;
use std::time::Duration;

/// The server may take so long.
const LIMIT: Duration = Duration::from_secs(30);
/// An answer is a few lines a pool.
const MOST: usize = 1 << 20;

/// How far the decommission of a pool is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drain {
    /// None was begun; the pool's name on the server.
    None(String),
    /// It runs; how far.
    Running(String),
    /// It ended, and objects are still there, or it was called off.
    Failed(String),
    /// All is moved.
    Complete,
    /// Nobody can tell.
    Unknown(String),
}

/// Asks the server of an alias for its pools.
///
/// # Errors
/// When `mc` is not there, or the server does not answer: why, in one line.
pub(crate) fn ask(alias: &str) -> Result<Value, String> {
    let is_word = alias.starts_with(|first: char| first.is_ascii_alphanumeric())
        && alias.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if !is_word {
        return Err(format!("{alias:?} is no alias"));
    }
    let program = Program::find("mc").map_err(|error| error.to_string())?;
    let call = Call::new(&program).args(["--json", "admin", "decommission", "status", alias]);
    // What went wrong it tells on standard output, and ends with 1.
    let output = call.limit(LIMIT).at_most(MOST).may_end_with(1).run().map_err(|error| error.to_string())?;
    let said = output.stderr.last().map_or_else(String::new, |line| format!(": {line}"));
    parsed(&output.stdout).map_err(|why| why.unwrap_or_else(|| format!("mc did not answer with JSON{said}")))
}

/// What mc printed: the pools, or why there are none; nothing where it is no JSON.
fn parsed(printed: &[u8]) -> Result<Value, Option<String>> {
    let answer: Value = serde_json::from_slice(printed).map_err(|_| None)?;
    if answer.get("status").and_then(Value::as_str) != Some("error") {
        return Ok(answer);
    }
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let parts = [text("/error/message"), text("/error/cause/message")];
    let said: Vec<&str> = parts.into_iter().flatten().map(|part| part.trim_end_matches('.')).collect();
    Err(Some(format!("mc says: {}", if said.is_empty() { "error".to_owned() } else { said.join(": ") })))
}

/// What an answer says of one pool of a tenant. The pool is known by its servers' names, so that the answer of another
/// tenant's server proves nothing.
pub(crate) fn drain(answer: &Value, (tenant, namespace, pool): (&str, &str, &str)) -> Drain {
    let pools: Vec<&Value> = match answer {
        Value::Array(pools) => pools.iter().collect(),
        one => vec![one],
    };
    let command = |pool: &Value| pool.get("cmdline").and_then(Value::as_str).unwrap_or_default().to_owned();
    let found: Vec<&&Value> = pools.iter().filter(|it| is_of(&command(it), tenant, namespace, pool)).collect();
    let [found] = found.as_slice() else {
        return Drain::Unknown(format!(
            "of {} pools that the server has, {} are servers {tenant}-{pool} of namespace {namespace}",
            pools.len(),
            found.len()
        ));
    };
    let Some(info) = found.get("decommissionInfo").filter(|info| info.is_object()) else {
        return Drain::None(command(found));
    };
    let flag = |key: &str| info.get(key).and_then(Value::as_bool);
    let number = |key: &str| info.get(key).and_then(Value::as_i64);
    let (Some(is_complete), Some(has_failed), Some(is_canceled)) = (flag("complete"), flag("failed"), flag("canceled"))
    else {
        return Drain::Unknown("its answer does not say whether it is complete, failed or canceled".to_owned());
    };
    let (Some(objects), Some(lost)) = (number("objectsDecommissionedFailed"), number("bytesDecommissionedFailed"))
    else {
        return Drain::Unknown("its answer does not say how many objects were not moved".to_owned());
    };
    let moved = bytes(Quantity::from_units(number("bytesDecommissioned").unwrap_or(0)));
    let has_begun = info
        .get("startTime")
        .and_then(Value::as_str)
        .is_some_and(|time| !time.is_empty() && !time.starts_with("0001-"));
    match () {
        () if has_failed => Drain::Failed(format!("it failed, {objects} objects are not moved")),
        () if is_canceled => Drain::Failed("it was canceled".to_owned()),
        () if objects > 0 || lost > 0 => Drain::Failed(format!("{objects} objects could not be moved")),
        () if is_complete => Drain::Complete,
        () if has_begun => Drain::Running(format!("{moved} are moved so far")),
        () => Drain::None(command(found)),
    }
}

/// `https://TENANT-POOL-{0...3}.TENANT-hl.NAMESPACE.svc.cluster.local/export{0...3}`, as the operator calls servers.
fn is_of(command: &str, tenant: &str, namespace: &str, pool: &str) -> bool {
    let mut endpoints = command.split([' ', ',']).filter(|it| !it.is_empty()).peekable();
    let start = format!("{tenant}-{pool}-");
    let rest = format!(".{tenant}-hl.{namespace}.svc");
    let is_it = |endpoint: &str| {
        let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
        host.strip_prefix(&start).is_some_and(|host| {
            let ordinal = host.split('.').next().unwrap_or_default();
            let is_ordinal =
                ordinal.starts_with('{') || (!ordinal.is_empty() && ordinal.bytes().all(|it| it.is_ascii_digit()));
            is_ordinal && host.contains(&rest)
        })
    };
    endpoints.peek().is_some() && endpoints.all(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(info: Value) -> Value {
        json!([
            {"id": 0, "cmdline": "https://t-pool-0-{0...3}.t-hl.a.svc.cluster.local/export{0...3}", "decommissionInfo": info},
            {"id": 1, "cmdline": "https://t-pool-00-{0...3}.t-hl.a.svc.cluster.local/export{0...3}"},
        ])
    }

    fn info() -> Value {
        json!({"startTime": "2026-11-20T01:00:00Z", "complete": true, "failed": false, "canceled": false,
            "objectsDecommissioned": 7, "objectsDecommissionedFailed": 0, "bytesDecommissioned": 1024,
            "bytesDecommissionedFailed": 0})
    }

    fn of(key: &str, value: Value) -> Drain {
        let mut info = info();
        info[key] = value;
        drain(&answer(info), ("t", "a", "pool-0"))
    }

    #[test]
    fn only_a_complete_decommission_without_a_failure_is_complete() {
        assert_eq!(of("complete", true.into()), Drain::Complete);
        assert!(matches!(of("complete", false.into()), Drain::Running(said) if said.contains("1Ki")));
        assert!(matches!(of("failed", true.into()), Drain::Failed(_)));
        assert!(matches!(of("canceled", true.into()), Drain::Failed(_)));
        assert!(matches!(of("objectsDecommissionedFailed", 1.into()), Drain::Failed(_)));
        assert!(matches!(of("bytesDecommissionedFailed", 1.into()), Drain::Failed(_)));
        for missing in ["complete", "failed", "canceled", "objectsDecommissionedFailed", "bytesDecommissionedFailed"] {
            assert!(matches!(of(missing, Value::Null), Drain::Unknown(_)), "{missing}");
        }
        let plain = drain(&answer(Value::Null), ("t", "a", "pool-0"));
        assert!(matches!(plain, Drain::None(command) if command.contains("t-pool-0-")));
    }

    /// As mc of 2025-03 prints the answers of a server of 2026-02, but for the servers' names.
    #[test]
    fn answers_of_the_real_thing_are_understood() {
        let pool = |id: u32, info: &str| {
            format!(
                r#"{{"id":{id},"cmdline":"http://t-pool-{id}-{{0...1}}.t-hl.a.svc.cluster.local/export{{0...1}}","lastUpdate":"2026-11-27T15:32:13.667163423Z","decommissionInfo":{{{info}}}}}"#
            )
        };
        let rest = r#""complete":COMPLETE,"failed":false,"canceled":false,"objectsDecommissioned":195,"objectsDecommissionedFailed":0,"bytesDecommissioned":3880013,"bytesDecommissionedFailed":0"#;
        let of = |start: &str, complete: &str| {
            let info = format!(
                r#""startTime":"{start}","startSize":85717344256,"totalSize":195586588672,"currentSize":85704433664,{}"#,
                rest.replace("COMPLETE", complete)
            );
            let text = format!("[{},{}]", pool(0, &info), pool(1, &info));
            drain(&parsed(text.as_bytes()).expect("JSON"), ("t", "a", "pool-0"))
        };
        // A pool whose decommission was never begun has an entry too, of the year 1.
        assert!(matches!(of("0001-01-01T00:00:00Z", "false"), Drain::None(_)));
        assert!(
            matches!(of("2026-11-27T15:32:13.667163423Z", "false"), Drain::Running(said) if said.contains("3.7Mi"))
        );
        assert_eq!(of("2026-11-27T15:32:13.667163423Z", "true"), Drain::Complete);
        let error = r#"{"status":"error","error":{"message":"Unable to get status for all pools","cause":{"message":"The request signature we calculated does not match.","error":{"Code":"SignatureDoesNotMatch"}},"type":"fatal"}}"#;
        let said = "mc says: Unable to get status for all pools: The request signature we calculated does not match";
        assert_eq!(parsed(error.as_bytes()), Err(Some(said.to_owned())));
        assert_eq!(parsed(b"mc: <ERROR> no"), Err(None));
    }

    #[test]
    fn an_answer_of_another_tenant_proves_nothing() {
        let answer = answer(info());
        for (tenant, namespace, pool) in
            [("t", "b", "pool-0"), ("other", "a", "pool-0"), ("t", "a", "pool"), ("t", "a", "pool-1")]
        {
            let said = drain(&answer, (tenant, namespace, pool));
            assert!(matches!(said, Drain::Unknown(_)), "{tenant} {namespace} {pool}: {said:?}");
        }
        assert!(matches!(drain(&json!({}), ("t", "a", "pool-0")), Drain::Unknown(_)));
        assert!(ask("--insecure").is_err() && ask("").is_err() && ask("a b").is_err());
    }
}
