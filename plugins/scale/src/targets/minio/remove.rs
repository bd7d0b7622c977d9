//! Taking a pool out: only when the server itself says that everything is moved off it. The operator does not ask: it
//! deletes the StatefulSet of a pool that leaves the spec at once (minio/operator, `checkForPoolDecommission`).

use super::server::{Drain, drain};
use super::{drives, name, pools, unnamed};
use crate::plan::{Draft, Write};
use crate::preflight::{check, operator};
use crate::situation::Situation;
use mlops_shared::report::{Level, Refusal, Risk, Step};
use mlops_shared::text::shell_word;
use serde_json::{Value, json};

/// Plans the end of a pool.
pub(super) fn remove(situation: &Situation<'_>, draft: &mut Draft, pool: &str) {
    let all = pools(situation.json);
    let Some(index) = all.iter().position(|it| name(it) == pool) else {
        let names: Vec<&str> = all.iter().map(name).collect();
        let reason = format!("the tenant has no pool {pool:?}: it has {}", names.join(", "));
        draft.refuse(situation.refusal("no-such-pool", reason, &[]));
        return;
    };
    if all.len() == 1 {
        draft.refuse(situation.refusal("last-pool", "it is the only pool: with it everything is gone", &[]));
        return;
    }
    unnamed(situation, draft);
    draft.plan.preflight.push(operator(situation, "minio-operator"));
    draft.plan.preflight.push(drives(situation));
    if !drained(situation, draft, pool) {
        return;
    }
    if index == 0 {
        let message = "it is the first pool, by whose sets the parity of all is computed: that changes for new objects, \
                       unless MINIO_STORAGE_CLASS_STANDARD is set";
        draft.plan.preflight.push(check("parity", Level::Warn, message, Vec::new()));
    }
    let left: Vec<Value> = all.iter().filter(|it| name(it) != pool).cloned().collect();
    let meta = &situation.object.meta;
    let effect = format!(
        "the operator deletes StatefulSet {}-{pool} and restarts all servers of the tenant; the claims of the pool stay, and \
         its name must not be used again",
        meta.name
    );
    let step = Step {
        from: all.get(index).cloned(),
        ..situation.step("remove-pool", &format!("spec.pools[{pool}]"), effect, Risk::Permanent)
    };
    draft.push(step, Write::Change(json!({"spec": {"pools": left}})));
}

/// Whether the server says that nothing is left on the pool; refused otherwise, and nothing overrides that.
fn drained(situation: &Situation<'_>, draft: &mut Draft, pool: &str) -> bool {
    let meta = &situation.object.meta;
    let alias = situation.ask.mc_alias.as_deref().unwrap_or("ALIAS");
    let status = format!("mc admin decommission status {alias}");
    let unsure = |code: &str, reason: String, hints: &[&str], command: String| Refusal {
        unsure: true,
        command: Some(command),
        ..situation.refusal(code, reason, hints)
    };
    let answer = match situation.server {
        Some(Ok(answer)) => answer,
        Some(Err(why)) => {
            let reason = format!("whether everything is moved off {pool} is not known: {why}");
            let hints = ["mc needs the alias of this tenant, with an administrator's credentials"];
            draft.refuse(unsure("server-did-not-answer", reason, &hints, status));
            return false;
        }
        None => {
            let reason = format!("whether everything is moved off {pool} only the server knows, and it was not asked");
            let hints = [
                "mc admin decommission start ALIAS POOL begins it, for good; POOL is what the status calls it",
                "mc admin decommission status ALIAS tells how far it is",
                "--mc-alias ALIAS asks the server, and takes the pool out once it is complete",
            ];
            draft.refuse(unsure("server-was-not-asked", reason, &hints, status));
            return false;
        }
    };
    match drain(answer, (&meta.name, &meta.namespace, pool)) {
        Drain::Complete => {
            let message = format!("the server says that {pool} is decommissioned, without a failure");
            draft.plan.preflight.push(check("drained", Level::Ok, message, Vec::new()));
            return true;
        }
        Drain::None(command) => {
            let reason = format!("{pool} is not decommissioned: what is on it would be lost");
            let hints = ["this begins it, for good: a pool that was decommissioned takes nothing any more"];
            let command = format!("mc admin decommission start {alias} {}", shell_word(&command));
            draft.refuse(Refusal { command: Some(command), ..situation.refusal("not-decommissioned", reason, &hints) });
        }
        Drain::Running(how) => {
            let reason = format!("the decommission of {pool} is not at its end: {how}");
            let refusal = situation.refusal("decommission-runs", reason, &["wait for it, and run this again"]);
            draft.refuse(Refusal { command: Some(status), ..refusal });
        }
        Drain::Failed(why) => {
            let reason = format!("the decommission of {pool} has not moved everything: {why}");
            let hints = ["look at the server's log, and start it again"];
            draft.refuse(Refusal { command: Some(status), ..situation.refusal("decommission-failed", reason, &hints) });
        }
        Drain::Unknown(why) => {
            let reason = format!("whether everything is moved off {pool} is not known: {why}");
            draft.refuse(unsure("server-is-another", reason, &["--mc-alias must be an alias of this tenant"], status));
        }
    }
    false
}
