//! Strimzi's cluster operator: nodes of pools, what keeps brokers from going, and KafkaRebalances.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Reconcile, is_ready, pod, set_status};
use crate::Result;
use crate::objects::Api;

const VERSION: &str = "kafka.strimzi.io/v1";

/// The operator of one cluster.
#[derive(Debug)]
pub struct Strimzi {
    /// The API server.
    pub api: &'static Api,
    /// The namespace of the cluster.
    pub namespace: String,
    /// The name of the Kafka.
    pub cluster: String,
    /// Brokers that hold partitions: these do not go.
    pub holding: Arc<Mutex<BTreeSet<u64>>>,
    /// Whether a rebalance that moves partitions stays so.
    pub is_slow: Arc<AtomicBool>,
}

impl Strimzi {
    /// An operator whose brokers hold partitions.
    #[must_use]
    pub fn new(api: &'static Api, namespace: &str, cluster: &str, holding: &[u64]) -> Self {
        Self {
            api,
            namespace: namespace.to_owned(),
            cluster: cluster.to_owned(),
            holding: Arc::new(Mutex::new(holding.iter().copied().collect())),
            is_slow: Arc::default(),
        }
    }

    fn holding(&self) -> std::sync::MutexGuard<'_, BTreeSet<u64>> {
        self.holding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self, kind: &str) -> Result<Vec<Value>> {
        let mut all = self.api.list(VERSION, kind, &self.namespace)?;
        all.retain(|it| it["metadata"]["labels"]["strimzi.io/cluster"] == self.cluster.as_str());
        for it in &mut all {
            // Items of a list bear no type.
            it["apiVersion"] = VERSION.into();
            it["kind"] = kind.into();
        }
        Ok(all)
    }

    /// Brings one pool to the ids that it should have; says whether all its nodes are ready.
    fn pool(&self, pool: &Value, used: &mut BTreeSet<u64>, held: &mut BTreeSet<u64>) -> Result<bool> {
        let name = pool["metadata"]["name"].as_str().unwrap_or_default();
        let is_broker = pool["spec"]["roles"].as_array().is_some_and(|roles| roles.contains(&json!("broker")));
        let mut ids = ids(pool);
        let wanted = usize::try_from(pool["spec"]["replicas"].as_u64().unwrap_or(0))?;
        while ids.len() < wanted {
            let id = (0..).find(|id| !used.contains(id)).unwrap_or_default();
            used.insert(id);
            ids.insert(id);
        }
        let going: BTreeSet<u64> = ids.iter().rev().take(ids.len().saturating_sub(wanted)).copied().collect();
        let kept: BTreeSet<u64> = going.iter().filter(|id| is_broker && self.holding().contains(id)).copied().collect();
        // One that holds partitions keeps all.
        if kept.is_empty() {
            ids.retain(|id| !going.contains(id));
        }
        held.extend(kept);
        let labels = json!({"strimzi.io/cluster": self.cluster, "strimzi.io/kind": "Kafka", "strimzi.io/pool-name": name,
            "strimzi.io/name": format!("{}-kafka", self.cluster)});
        let names: Vec<String> = ids.iter().map(|id| format!("{}-{name}-{id}", self.cluster)).collect();
        let mut ready = 0;
        for node in &names {
            match self.api.get("v1", "Pod", &self.namespace, node)? {
                Some(there) => ready += usize::from(is_ready(&there)),
                None => drop(self.api.apply_object(&pod(&self.namespace, node, &labels, pool))?),
            }
        }
        let all = self.api.list("v1", "Pod", &self.namespace)?;
        let own = all.iter().filter(|pod| pod["metadata"]["labels"]["strimzi.io/pool-name"] == name);
        for gone in
            own.filter_map(|pod| pod["metadata"]["name"].as_str()).filter(|it| !names.iter().any(|name| name == it))
        {
            self.api.delete("v1", "Pod", &self.namespace, gone)?;
        }
        let selector = format!("strimzi.io/cluster={},strimzi.io/pool-name={name}", self.cluster);
        let status = json!({"nodeIds": ids, "replicas": ids.len(), "roles": pool["spec"]["roles"],
            "labelSelector": selector, "observedGeneration": pool["metadata"]["generation"]});
        set_status(self.api, pool, &status)?;
        Ok(ready == names.len())
    }

    /// One step of a rebalance.
    fn rebalance(&self, rebalance: &Value) -> Result<()> {
        let annotation = |key: &str| rebalance["metadata"]["annotations"][key].as_str().unwrap_or_default();
        if annotation("strimzi.io/rebalance-template") == "true" {
            return Ok(());
        }
        let conditions = rebalance["status"]["conditions"].as_array();
        let state = conditions.into_iter().flatten().find(|it| it["status"] == "True").map(|it| &it["type"]);
        let is_approved = annotation("strimzi.io/rebalance-auto-approval") == "true"
            || annotation("strimzi.io/rebalance") == "approve";
        let next = match state.and_then(Value::as_str) {
            None => "PendingProposal",
            Some("PendingProposal") => "ProposalReady",
            Some("ProposalReady") if is_approved => "Rebalancing",
            Some("Rebalancing") if annotation("strimzi.io/rebalance") == "stop" => "Stopped",
            Some("Rebalancing") if !self.is_slow.load(Ordering::SeqCst) => {
                let brokers = rebalance["spec"]["brokers"].as_array().into_iter().flatten().filter_map(Value::as_u64);
                match rebalance["spec"]["mode"].as_str() {
                    Some("remove-brokers") => self.holding().retain(|id| !brokers.clone().any(|it| it == *id)),
                    _ => self.holding().extend(brokers),
                }
                "Ready"
            }
            _ => return Ok(()),
        };
        let status = json!({"observedGeneration": rebalance["metadata"]["generation"],
            "conditions": [{"type": next, "status": "True", "lastTransitionTime": jiff::Timestamp::now().to_string()}]});
        set_status(self.api, rebalance, &status)
    }
}

fn ids(pool: &Value) -> BTreeSet<u64> {
    pool["status"]["nodeIds"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

impl Reconcile for Strimzi {
    fn reconcile(&mut self) -> Result<()> {
        let Some(kafka) = self.api.get(VERSION, "Kafka", &self.namespace, &self.cluster)? else { return Ok(()) };
        if kafka["metadata"]["annotations"]["strimzi.io/pause-reconciliation"] == "true" {
            return Ok(());
        }
        let pools = self.own("KafkaNodePool")?;
        let mut used: BTreeSet<u64> = pools.iter().flat_map(ids).collect();
        let (mut held, mut is_ready) = (BTreeSet::new(), true);
        for pool in &pools {
            is_ready &= self.pool(pool, &mut used, &mut held)?;
        }
        let word = if is_ready { "True" } else { "False" };
        let mut conditions = vec![json!({"type": "Ready", "status": word})];
        if !held.is_empty() {
            conditions.insert(0, json!({"type": "Warning", "status": "True", "reason": "ScaleDownPreventionCheck",
                "message": format!("Cannot scale-down Kafka brokers {held:?} because they have assigned partition-replicas")}));
        }
        let status = json!({"observedGeneration": kafka["metadata"]["generation"], "conditions": conditions});
        set_status(self.api, &kafka, &status)?;
        for rebalance in self.own("KafkaRebalance")? {
            self.rebalance(&rebalance)?;
        }
        Ok(())
    }
}
