//! The pods of driver and executors: what they request, as Spark computes it.
//!
//! Memory is the heap and, beside it, an overhead of a tenth, of two fifths for Python and R, at least 384 MiB (Spark,
//! `spark.kubernetes.memoryOverheadFactor`).

use mlops_shared::text::Quantity;
use serde_json::{Map, Value, json};

/// The least overhead.
const LEAST: i64 = 384 << 20;

/// The pod of a role, `driver` or `executor`.
///
/// # Errors
/// When what it says of memory or cores cannot be read.
pub(super) fn template(spec: &Value, role: &str) -> Result<Value, String> {
    let of = |key: &str| spec.get(role).and_then(|role| role.get(key)).filter(|value| !value.is_null());
    let text = |key: &str| of(key).and_then(Value::as_str);
    let conf = |key: &str| {
        let value = spec.get("sparkConf")?.get(key)?;
        value.as_str().map(str::to_owned)
    };
    let memory = text("memory").map(str::to_owned).or_else(|| conf(&format!("spark.{role}.memory")));
    let heap = memory_of(memory.as_deref().unwrap_or("1g"))?;
    let overhead =
        match text("memoryOverhead").map(str::to_owned).or_else(|| conf(&format!("spark.{role}.memoryOverhead"))) {
            Some(said) => memory_of(&said)?,
            None => {
                let factor = spec.get("memoryOverheadFactor").and_then(Value::as_str).map(str::to_owned);
                let factor = factor.or_else(|| conf("spark.kubernetes.memoryOverheadFactor"));
                let is_jvm = matches!(spec.get("type").and_then(Value::as_str), Some("Java" | "Scala") | None);
                let factor = match factor {
                    Some(text) => text
                        .parse::<f64>()
                        .ok()
                        .filter(|factor| (0.0..=100.0).contains(factor))
                        .ok_or_else(|| format!("{text:?} is no factor"))?,
                    None if is_jvm => 0.1,
                    None => 0.4,
                };
                ((heap as f64 * factor) as i64).max(LEAST)
            }
        };
    let python = match conf("spark.executor.pyspark.memory").filter(|_| role == "executor") {
        Some(said) => memory_of(&said)?,
        None => 0,
    };
    let bytes = heap.saturating_add(overhead).saturating_add(python);
    let cores = of("cores").and_then(Value::as_u64).unwrap_or(1).to_string();
    let request = text("coreRequest").map(str::to_owned);
    let request = request.or_else(|| conf(&format!("spark.kubernetes.{role}.request.cores"))).unwrap_or(cores);
    Quantity::parse(&request).ok_or_else(|| format!("{request:?} is no number of cores"))?;
    let limit = text("coreLimit").map(str::to_owned).or_else(|| conf(&format!("spark.kubernetes.{role}.limit.cores")));
    let mut requests = json!({"cpu": request, "memory": bytes.to_string()});
    let mut limits = json!({"memory": bytes.to_string()});
    if let Some(limit) = limit {
        limits["cpu"] = limit.into();
    }
    if let Some(gpu) = of("gpu")
        && let (Some(name), Some(count)) = (gpu.get("name").and_then(Value::as_str), gpu.get("quantity"))
    {
        requests[name] = count.clone();
        limits[name] = count.clone();
    }
    let mut pod = Map::new();
    for key in ["affinity", "tolerations", "nodeSelector"] {
        if let Some(value) = of(key).or_else(|| spec.get(key)).filter(|value| !value.is_null()) {
            pod.insert(key.to_owned(), value.clone());
        }
    }
    let container = json!({"name": "spark", "image": "spark", "resources": {"requests": requests, "limits": limits}});
    pod.insert("containers".to_owned(), json!([container]));
    let labels = of("labels").cloned().unwrap_or_else(|| json!({}));
    Ok(json!({"metadata": {"labels": labels}, "spec": pod}))
}

/// `4g`, `512m`, `1024k`, `2t`, or a plain number of MiB, as a JVM reads them.
fn memory_of(text: &str) -> Result<i64, String> {
    let odd = || format!("{text:?} is no amount of memory");
    let lower = text.trim().to_lowercase();
    let lower = lower.strip_suffix('b').unwrap_or(&lower);
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "k" => 10,
        "" | "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(odd()),
    };
    let number: i64 = digits.parse().map_err(|_| odd())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes >= 0).ok_or_else(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(spec: &Value, role: &str) -> Value {
        template(spec, role).expect("a template")["spec"]["containers"][0]["resources"].clone()
    }

    fn memory(spec: &Value) -> i64 {
        let resources = resources(spec, "executor");
        resources["requests"]["memory"].as_str().expect("memory").parse().expect("a number")
    }

    #[test]
    fn memory_is_the_heap_and_its_overhead() {
        assert_eq!(memory(&json!({"type": "Scala", "executor": {"memory": "10g"}})), (10 << 30) + (1 << 30));
        assert_eq!(memory(&json!({"type": "Python", "executor": {"memory": "10g"}})), (10 << 30) + (4 << 30));
        assert_eq!(memory(&json!({"executor": {"memory": "512m"}})), (512 << 20) + (384 << 20));
        assert_eq!(memory(&json!({"executor": {}})), (1 << 30) + (384 << 20));
        assert_eq!(memory(&json!({"executor": {"memory": "1g", "memoryOverhead": "1g"}})), 2 << 30);
        assert_eq!(memory(&json!({"memoryOverheadFactor": "0.5", "executor": {"memory": "2048m"}})), 3 << 30);
        let python = json!({"type": "Python", "executor": {"memory": "1g"}, "sparkConf": {"spark.executor.pyspark.memory": "1g"}});
        assert_eq!(memory(&python), (2 << 30) + 429_496_729);
        for odd in ["4x", "", "-1g", "g", "9999999999999t"] {
            assert!(template(&json!({"executor": {"memory": odd}}), "executor").is_err(), "{odd}");
        }
    }

    #[test]
    fn cores_are_a_request_of_their_own() {
        let spec = json!({"driver": {"cores": 2}, "executor": {"cores": 4, "coreRequest": "500m", "coreLimit": "1200m",
            "gpu": {"name": "nvidia.com/gpu", "quantity": 1}}});
        let executor = resources(&spec, "executor");
        assert_eq!((&executor["requests"]["cpu"], &executor["limits"]["cpu"]), (&json!("500m"), &json!("1200m")));
        assert_eq!(executor["requests"]["nvidia.com/gpu"], 1);
        assert_eq!(resources(&spec, "driver")["requests"]["cpu"], "2");
    }
}
