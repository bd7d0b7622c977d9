//! Adding a pool: its name, shape, parity and capacity, and whether it fits.

use super::shape::{self, Shape};
use super::{drives, name, of, pools, unnamed};
use crate::plan::{Draft, Write};
use crate::preflight::volumes::Wanted;
use crate::preflight::{check, operator, room, unread};
use crate::situation::Situation;
use mlops_shared::report::{Level, Preflight, Risk, Step};
use mlops_shared::text::{Quantity, bytes, plural};
use serde_json::{Map, Value, json};

/// Sets the parity of all pools.
const STANDARD: &str = "MINIO_STORAGE_CLASS_STANDARD";

/// Plans a new pool.
pub(super) fn add(situation: &Situation<'_>, draft: &mut Draft) {
    let Some((text, _)) = &situation.ask.pool else { return };
    let Some((shape, size)) = shape::parse(text) else {
        let reason = format!("{text:?} is no shape of a pool");
        draft.refuse(situation.refusal("not-a-pool", reason, &["SERVERSxVOLUMES[:SIZE], such as 4x4:1Ti"]));
        return;
    };
    if let Some(reason) = shape.refused() {
        draft.refuse(situation.refusal(
            "not-a-pool",
            reason,
            &["as many drives on each server as make a set of up to 16"],
        ));
        return;
    }
    let all = pools(situation.json);
    let Some(last) = all.last() else {
        draft.refuse(situation.refusal("no-pool", "the tenant has no pool to take after", &[]));
        return;
    };
    unnamed(situation, draft);
    let Some(name) = new_name(situation, draft) else { return };
    draft.plan.preflight.push(operator(situation, "minio-operator"));
    draft.plan.preflight.push(drives(situation));
    // As it was typed: 1Ti stays 1Ti.
    let typed = size.and(text.split_once(':')).map(|(_, size)| size);
    let pool = like(last, &name, shape, typed);
    let volume = drive(&pool).unwrap_or_default();
    let Some(parity) = parity(situation, draft, shape) else { return };
    draft.plan.preflight.push(capacity(situation, shape, volume, parity));
    let class = pool.pointer("/volumeClaimTemplate/spec/storageClassName").and_then(Value::as_str).map(str::to_owned);
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let (servers, volumes) = (number(shape.servers), number(shape.volumes));
    // Claims of a pool of that name that are left were looked for above.
    let claims = vec![Wanted { name: None, class, size: volume }; volumes as usize];
    let claims = vec![claims; servers as usize];
    draft.plan.preflight.extend(room(situation, &template(situation, &pool, &name), servers, &claims));
    let mut wanted = all.to_vec();
    wanted.push(pool);
    let set = shape.set_size().unwrap_or(0);
    let effect = format!(
        "a pool of {} with {} each, in sets of {set} drives with EC:{parity}; all servers of the tenant restart at once, and \
         the pool cannot shrink, only leave as a whole",
        plural(servers as usize, "server"),
        plural(shape.volumes as usize, "drive"),
    );
    let step = Step {
        to: wanted.last().cloned(),
        ..situation.step("add-pool", &format!("spec.pools[{name}]"), effect, Risk::Permanent)
    };
    draft.push(step, Write::Change(json!({"spec": {"pools": wanted}})));
    draft.plan.notes.push(
        "new objects go to the pool with most room; `mc admin rebalance start ALIAS` spreads what is there".to_owned(),
    );
    draft
        .plan
        .notes
        .push(format!("what {name} does not say is as pool {} says: check its affinity", super::name(last)));
}

/// The size of a pool's drives.
fn drive(pool: &Value) -> Option<Quantity> {
    let size = pool.pointer("/volumeClaimTemplate/spec/resources/requests/storage")?;
    match size {
        Value::String(text) => Quantity::parse(text),
        other => other.as_i64().map(Quantity::from_units),
    }
}

/// A pool as another one is, of another name, shape and size.
fn like(pool: &Value, name: &str, shape: Shape, size: Option<&str>) -> Value {
    let mut pool = pool.clone();
    pool["name"] = name.into();
    pool["servers"] = shape.servers.into();
    pool["volumesPerServer"] = shape.volumes.into();
    if let Some(size) = size {
        pool["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"] = size.into();
    }
    pool
}

/// The name of the new pool: the one that is asked for, or the first that was never used. Claims of a pool that is gone
/// would be taken over by one of its name, with what is on them.
fn new_name(situation: &Situation<'_>, draft: &mut Draft) -> Option<String> {
    let asked = situation.ask.pool.as_ref().and_then(|(_, name)| name.clone());
    if let Some(gap) = unread(situation, "", "PersistentVolumeClaim") {
        let message = format!("whether claims are left of a pool of that name is not known: {gap}");
        draft.plan.preflight.push(check("name", Level::Unknown, message, Vec::new()));
    }
    match asked {
        None => (0..10_000).map(|number| format!("pool-{number}")).find(|name| used(situation, name).is_none()),
        Some(asked) => {
            let is_label = asked.len() <= 63
                && asked.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
                && !asked.starts_with('-')
                && !asked.ends_with('-');
            let why = if is_label { used(situation, &asked) } else { Some("is no name of a pool".to_owned()) };
            match why {
                None => Some(asked),
                Some(why) => {
                    let hints = ["leave --pool-name out: the first name that was never used is taken"];
                    draft.refuse(situation.refusal("pool-name-taken", format!("{asked} {why}"), &hints));
                    None
                }
            }
        }
    }
}

/// Why a name cannot be one of a new pool.
fn used(situation: &Situation<'_>, pool: &str) -> Option<String> {
    if pools(situation.json).iter().any(|it| name(it) == pool) {
        return Some("is the name of a pool".to_owned());
    }
    let tenant = &situation.object.meta.name;
    let full = format!("{tenant}-{pool}");
    let known = situation.json.pointer("/status/pools").and_then(Value::as_array).into_iter().flatten();
    if known.filter_map(|it| it.get("ssName").and_then(Value::as_str)).any(|it| it == full) {
        return Some("was the name of a pool, says the status".to_owned());
    }
    let end = format!("-{full}");
    let claims = situation.inventory.in_namespace("", "PersistentVolumeClaim", &situation.object.meta.namespace);
    let left = claims.iter().find(|claim| {
        let ordinal = claim.meta.name.rsplit_once('-');
        ordinal.is_some_and(|(start, ordinal)| start.ends_with(&end) && ordinal.parse::<u32>().is_ok())
    });
    left.map(|claim| format!("was the name of a pool: its claim {} is still there", claim.meta.name))
}

/// The parity of the new pool: of the setting, else of the first pool's sets. `None`, and refused, where the new
/// pool's sets cannot hold it.
fn parity(situation: &Situation<'_>, draft: &mut Draft, shape: Shape) -> Option<u64> {
    let setting = environment(situation, STANDARD);
    let first = pools(situation.json).first().and_then(of).and_then(Shape::set_size);
    let set = shape.set_size()?;
    let (parity, whence) = match (setting.and_then(shape::parity), first) {
        (Some(parity), _) => (parity, format!("{STANDARD} sets it")),
        (None, Some(first)) => (shape::default_parity(first), format!("that of the first pool, with sets of {first}")),
        (None, None) => {
            let message = "the parity is not known: the shape of the first pool makes no sets";
            draft.plan.preflight.push(check("parity", Level::Unknown, message, Vec::new()));
            return Some(0);
        }
    };
    if set < 2 * parity {
        let reason =
            format!("sets of {set} drives cannot hold a parity of EC:{parity} ({whence}): the servers would not start");
        let hints = ["sets need at least twice as many drives: more servers, or more drives on each"];
        draft.refuse(situation.refusal("set-too-small", reason, &hints));
        return None;
    }
    let own = shape::default_parity(set);
    let (level, more) = if own > parity {
        (
            Level::Warn,
            format!("; sets of {set} would have EC:{own} by themselves, {STANDARD} sets another for all pools"),
        )
    } else {
        (Level::Ok, String::new())
    };
    let hidden = match setting {
        Some(_) => Vec::new(),
        None => vec![format!("{STANDARD} may also be set in the configuration Secret, which is not read")],
    };
    draft.plan.preflight.push(check("parity", level, format!("EC:{parity}: {whence}{more}"), hidden));
    Some(parity)
}

fn environment<'a>(situation: &'a Situation<'_>, key: &str) -> Option<&'a str> {
    let all = situation.json.pointer("/spec/env").and_then(Value::as_array)?;
    all.iter().find(|it| it.get("name").and_then(Value::as_str) == Some(key))?.get("value")?.as_str()
}

/// What is left to use before and after.
fn capacity(situation: &Situation<'_>, shape: Shape, volume: Quantity, parity: u64) -> Preflight {
    let each = |pool: &Value| of(pool)?.usable(drive(pool)?, parity);
    let before: Option<Quantity> =
        pools(situation.json).iter().map(each).try_fold(Quantity::ZERO, |sum, it| Some(sum + it?));
    let more = shape.usable(volume, parity).filter(|_| volume > Quantity::ZERO);
    match (before, more) {
        (Some(before), Some(more)) => {
            let message = format!("{} to use before, {} after", bytes(before), bytes(before + more));
            check("usable", Level::Ok, message, vec![format!("with EC:{parity}, as the drives are asked for")])
        }
        _ => {
            let message = "what is to use before and after is not known: sizes of drives are missing";
            check("usable", Level::Unknown, message, Vec::new())
        }
    }
}

/// The pod of a server, as far as it decides where it may run.
fn template(situation: &Situation<'_>, pool: &Value, name: &str) -> Value {
    let mut spec = Map::new();
    for key in ["affinity", "tolerations", "topologySpreadConstraints", "nodeSelector"] {
        if let Some(value) = pool.get(key) {
            spec.insert(key.to_owned(), value.clone());
        }
    }
    let resources = pool.get("resources").cloned().unwrap_or_else(|| json!({}));
    spec.insert("containers".to_owned(), json!([{"name": "minio", "image": "minio", "resources": resources}]));
    let labels = json!({"v1.min.io/tenant": situation.object.meta.name, "v1.min.io/pool": name});
    json!({"metadata": {"labels": labels}, "spec": spec})
}
