//! MinIO's operator: a StatefulSet for each pool of a Tenant. One that has left the spec loses its StatefulSet at once,
//! whatever is on it.

use serde_json::{Value, json};

use super::{Reconcile, set_status};
use crate::Result;
use crate::objects::Api;

const VERSION: &str = "minio.min.io/v2";

/// The operator of one tenant.
#[derive(Debug)]
pub struct Minio {
    /// The API server.
    pub api: &'static Api,
    /// The namespace of the tenant.
    pub namespace: String,
    /// The name of the tenant.
    pub tenant: String,
}

impl Minio {
    fn stateful_set(&self, tenant: &Value, pool: &Value) -> Value {
        let pool_name = pool["name"].as_str().unwrap_or_default();
        let name = format!("{}-{pool_name}", self.tenant);
        let labels = json!({"v1.min.io/tenant": self.tenant, "v1.min.io/pool": pool_name});
        let claims = (0..pool["volumesPerServer"].as_u64().unwrap_or(0)).map(|number| {
            json!({"metadata": {"name": format!("data{number}")}, "spec": pool["volumeClaimTemplate"]["spec"]})
        });
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": name, "namespace": self.namespace, "labels": labels, "ownerReferences": [{
                "apiVersion": VERSION, "kind": "Tenant", "name": self.tenant, "uid": tenant["metadata"]["uid"],
                "controller": true}]},
            "spec": {"replicas": pool["servers"], "serviceName": format!("{}-hl", self.tenant),
                "podManagementPolicy": "Parallel", "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                    {"name": "minio", "image": "example.invalid/minio:1", "resources": {"requests": {"cpu": "10m"}}}]}},
                "volumeClaimTemplates": claims.collect::<Vec<_>>()}})
    }
}

impl Reconcile for Minio {
    fn reconcile(&mut self) -> Result<()> {
        let Some(tenant) = self.api.get(VERSION, "Tenant", &self.namespace, &self.tenant)? else { return Ok(()) };
        let pools = tenant["spec"]["pools"].as_array().cloned().unwrap_or_default();
        let (mut names, mut is_ready, mut drives) = (Vec::new(), true, 0);
        for pool in &pools {
            let wanted = self.stateful_set(&tenant, pool);
            let name = wanted["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let there = match self.api.get("apps/v1", "StatefulSet", &self.namespace, &name)? {
                Some(there) => there,
                None => self.api.apply_object(&wanted)?,
            };
            is_ready &= there["status"]["readyReplicas"] == pool["servers"];
            drives += pool["servers"].as_u64().unwrap_or(0) * pool["volumesPerServer"].as_u64().unwrap_or(0);
            names.push(name);
        }
        let own = self.api.list("apps/v1", "StatefulSet", &self.namespace)?;
        let own = own.iter().filter(|it| it["metadata"]["labels"]["v1.min.io/tenant"] == self.tenant.as_str());
        for gone in
            own.filter_map(|it| it["metadata"]["name"].as_str()).filter(|it| !names.iter().any(|name| name == it))
        {
            self.api.delete("apps/v1", "StatefulSet", &self.namespace, gone)?;
        }
        let (state, health) =
            if is_ready { ("Initialized", "green") } else { ("Waiting for Pods to be ready", "yellow") };
        let pools: Vec<Value> = names.iter().map(|name| json!({"ssName": name, "state": "PoolInitialized"})).collect();
        let status = json!({"currentState": state, "healthStatus": health, "drivesOnline": drives, "pools": pools,
            "revision": tenant["metadata"]["generation"]});
        set_status(self.api, &tenant, &status)
    }
}
