//! Spark's operator: an application whose spec changes is ended and run again from its start.

use serde_json::{Value, json};

use super::{Reconcile, is_ready, pod, set_status};
use crate::Result;
use crate::objects::Api;

const VERSION: &str = "sparkoperator.k8s.io/v1beta2";

/// The operator of one application.
#[derive(Debug)]
pub struct Spark {
    api: &'static Api,
    namespace: String,
    name: String,
    /// The spec of the run that there is, and how many there were.
    run: Option<(Value, u32)>,
}

impl Spark {
    /// The operator of this application.
    #[must_use]
    pub fn new(api: &'static Api, namespace: &str, name: &str) -> Self {
        Self { api, namespace: namespace.to_owned(), name: name.to_owned(), run: None }
    }

    fn pods(&self) -> Result<Vec<Value>> {
        let mut all = self.api.list("v1", "Pod", &self.namespace)?;
        all.retain(|pod| pod["metadata"]["labels"]["sparkoperator.k8s.io/app-name"] == self.name.as_str());
        Ok(all)
    }
}

impl Reconcile for Spark {
    fn reconcile(&mut self) -> Result<()> {
        let Some(application) = self.api.get(VERSION, "SparkApplication", &self.namespace, &self.name)? else {
            return Ok(());
        };
        let spec = &application["spec"];
        let state = |state: &str| json!({"applicationState": {"state": state}});
        let number = match &self.run {
            Some((known, number)) if known == spec => *number,
            Some((_, number)) if application["status"]["applicationState"]["state"] == "INVALIDATING" => {
                for pod in self.pods()? {
                    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
                    self.api.delete("v1", "Pod", &self.namespace, name)?;
                }
                if !self.pods()?.is_empty() {
                    return Ok(());
                }
                let number = number + 1;
                self.run = Some((spec.clone(), number));
                number
            }
            Some(_) => {
                let mut status = state("INVALIDATING");
                status["executorState"] = Value::Null;
                return set_status(self.api, &application, &status);
            }
            None => {
                self.run = Some((spec.clone(), 1));
                1
            }
        };
        let mut executors = serde_json::Map::new();
        for index in 1..=spec["executor"]["instances"].as_u64().unwrap_or(1) {
            let name = format!("{}-{number}-exec-{index}", self.name);
            let labels = json!({"sparkoperator.k8s.io/app-name": self.name, "spark-role": "executor"});
            let running = match self.api.get("v1", "Pod", &self.namespace, &name)? {
                Some(pod) => is_ready(&pod),
                None => {
                    self.api.apply_object(&pod(&self.namespace, &name, &labels, &application))?;
                    false
                }
            };
            executors.insert(name, if running { "RUNNING" } else { "PENDING" }.into());
        }
        let is_running = executors.values().all(|state| state == "RUNNING");
        let mut status = state(if is_running { "RUNNING" } else { "SUBMITTED" });
        status["submissionID"] = format!("run-{number}").into();
        status["executorState"] = executors.into();
        set_status(self.api, &application, &status)
    }
}
