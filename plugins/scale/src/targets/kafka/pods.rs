//! The pods and volumes of a broker that is to be made, as the operator would make them.

use super::Around;
use crate::preflight::volumes::Wanted;
use mlops_shared::text::Quantity;
use serde_json::{Map, Value, json};

/// The pod of a node: what decides where it may run, and what it requests. `pool` is the spec of the pool, of
/// a cluster of the ZooKeeper era that of `spec.kafka`.
pub(super) fn template(around: &Around<'_>, pool_name: Option<&str>, pool: &Value) -> Value {
    let kafka = around.custom.spec_at("/kafka");
    // What a pool does not say is as the cluster says (strimzi, `KafkaPool.fromCrd`).
    let either = |pointer: &str| pool.pointer(pointer).or_else(|| kafka?.pointer(pointer)).cloned();
    let mut spec = Map::new();
    if let Some(Value::Object(pod)) = either("/template/pod") {
        let keys = ["affinity", "tolerations", "topologySpreadConstraints", "priorityClassName"];
        spec.extend(pod.into_iter().filter(|(key, _)| keys.contains(&key.as_str())));
    }
    let resources = either("/resources").unwrap_or_else(|| json!({}));
    spec.insert("containers".to_owned(), json!([{"name": "kafka", "image": "kafka", "resources": resources}]));
    let mut labels = json!({
        "strimzi.io/cluster": around.name, "strimzi.io/kind": "Kafka", "strimzi.io/broker-role": "true",
        "strimzi.io/name": format!("{}-kafka", around.name), "strimzi.io/component-type": "kafka",
    });
    if let Some(name) = pool_name {
        labels["strimzi.io/pool-name"] = name.into();
    }
    json!({"metadata": {"labels": labels}, "spec": spec})
}

/// The claims of one node, named after its pod where that is known (strimzi, `VolumeUtils.createVolumePrefix`).
pub(super) fn claims(storage: Option<&Value>, pod: Option<&str>) -> Vec<Wanted> {
    let one = |volume: &Value, prefix: &str| {
        let text = |key: &str| volume.get(key).and_then(Value::as_str);
        (text("type") == Some("persistent-claim")).then(|| Wanted {
            name: pod.map(|pod| format!("{prefix}-{pod}")),
            class: text("class").map(str::to_owned),
            size: text("size").and_then(Quantity::parse).unwrap_or_default(),
        })
    };
    match storage {
        None => Vec::new(),
        Some(storage) if storage.get("type").and_then(Value::as_str) == Some("jbod") => {
            let volumes = storage.get("volumes").and_then(Value::as_array).into_iter().flatten();
            let id = |volume: &Value| volume.get("id").and_then(Value::as_u64).unwrap_or(0);
            volumes.filter_map(|volume| one(volume, &format!("data-{}", id(volume)))).collect()
        }
        Some(storage) => one(storage, "data").into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_volume_of_a_node_is_a_claim() {
        let one = json!({"type": "persistent-claim", "size": "10Gi", "class": "fast"});
        let found = claims(Some(&one), Some("k-broker-3"));
        let [claim] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(claim.name.as_deref(), Some("data-k-broker-3"));
        assert_eq!((claim.class.as_deref(), claim.size), (Some("fast"), Quantity::from_units(10 << 30)));
        let second = json!({"id": 2, "type": "persistent-claim", "size": "1Gi"});
        let many = json!({"type": "jbod", "volumes": [one, {"type": "ephemeral"}, second]});
        let names: Vec<_> = claims(Some(&many), Some("k-broker-3")).into_iter().filter_map(|it| it.name).collect();
        assert_eq!(names, ["data-0-k-broker-3", "data-2-k-broker-3"]);
        assert!(claims(Some(&one), None).iter().all(|it| it.name.is_none()));
        assert!(claims(Some(&json!({"type": "ephemeral"})), None).is_empty() && claims(None, None).is_empty());
    }
}
