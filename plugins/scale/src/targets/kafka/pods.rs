//! The pods and volumes of a broker that is to be made, as the operator would make them.

use super::Around;
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

/// The claims of one node: class and size, and how many of them.
pub(super) fn claims(storage: Option<&Value>) -> Vec<(Option<String>, Quantity, u32)> {
    let one = |volume: &Value| {
        let text = |key: &str| volume.get(key).and_then(Value::as_str);
        (text("type") == Some("persistent-claim"))
            .then(|| (text("class").map(str::to_owned), text("size").and_then(Quantity::parse).unwrap_or_default(), 1))
    };
    match storage {
        None => Vec::new(),
        Some(storage) if storage.get("type").and_then(Value::as_str) == Some("jbod") => {
            storage.get("volumes").and_then(Value::as_array).into_iter().flatten().filter_map(one).collect()
        }
        Some(storage) => one(storage).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_volume_of_a_node_is_a_claim() {
        let one = json!({"type": "persistent-claim", "size": "10Gi", "class": "fast"});
        assert_eq!(claims(Some(&one)), [(Some("fast".to_owned()), Quantity::from_units(10 << 30), 1)]);
        let many = json!({"type": "jbod", "volumes": [one, {"type": "ephemeral"}, one]});
        assert_eq!(claims(Some(&many)).len(), 2);
        assert!(claims(Some(&json!({"type": "ephemeral"}))).is_empty() && claims(None).is_empty());
    }
}
