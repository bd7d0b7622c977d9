//! The real kustomize-controller and helm-controller on a test control plane.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use crate::artifacts::{Artifact, publish};
use crate::build::{self, Component};
use crate::control_plane::{ControlPlane, flag, free_ports, show};
use crate::crds::{self, CrdSet};
use crate::http::Client;
use crate::objects::Api;
use crate::{Result, wait};

/// How long a controller may take until its caches are filled.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// The controllers' namespace.
pub const NAMESPACE: &str = "flux-system";

/// Starts both controllers, with the CRDs of all of Flux before them. A second call does nothing.
///
/// # Errors
/// When one cannot be built or does not get ready.
pub fn start(control_plane: &ControlPlane) -> Result<()> {
    crds::install(control_plane.api(), &[CrdSet::Flux])?;
    start_controller(control_plane, Component::KustomizeController, "kustomize-controller")?;
    start_controller(control_plane, Component::HelmController, "helm-controller")
}

/// What an artifact is published as; its digits mean nothing.
const REVISION: &str = "main@sha1:0123456789012345678901234567890123456789";

/// Makes the GitRepository `platform` with this artifact, and the Kustomization `apps` of its folder `apps`, and waits
/// until that is applied; the revision.
///
/// # Errors
/// When the server refuses, or it is not applied in time.
pub fn apply(api: &Api, namespace: &str, artifact: &Artifact, interval: &str) -> Result<&'static str> {
    let git = ("source.toolkit.fluxcd.io/v1", "GitRepository", namespace, "platform");
    let apps = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", namespace, "apps");
    api.apply_objects(vec![
        json!({"apiVersion": git.0, "kind": git.1, "metadata": {"name": git.3, "namespace": namespace},
            "spec": {"interval": "1h", "url": "https://git.invalid/platform", "ref": {"branch": "main"}}}),
        json!({"apiVersion": apps.0, "kind": apps.1, "metadata": {"name": apps.3, "namespace": namespace},
            "spec": {"interval": interval, "path": "./apps", "prune": true, "targetNamespace": namespace,
                "sourceRef": {"kind": git.1, "name": git.3}}}),
    ])?;
    publish(api, git, artifact, REVISION)?;
    api.wait_for(apps, READY_WITHIN, |object| object["status"]["lastAppliedRevision"] == REVISION)?;
    Ok(REVISION)
}

fn start_controller(control_plane: &ControlPlane, component: Component, name: &'static str) -> Result<()> {
    let program = build::ensure(component)?.join(name);
    let [metrics, health] = free_ports()?;
    let arguments = vec![
        flag("metrics-addr", format!("127.0.0.1:{metrics}")),
        flag("health-addr", format!("127.0.0.1:{health}")),
        flag("events-addr", ""),
        flag("enable-leader-election", "false"),
        flag("log-level", "info"),
    ];
    let env = [("KUBECONFIG", show(control_plane.admin_kubeconfig())), ("RUNTIME_NAMESPACE", NAMESPACE.to_owned())];
    if !control_plane.start_part(name, &program, arguments, &env)? {
        return Ok(());
    }
    let client = Client::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, health)));
    wait::until(&format!("{name} is ready"), READY_WITHIN, || {
        control_plane.check()?;
        Ok(client.get("/readyz").ok().filter(|answer| answer.status == 200))
    })
    .map(drop)
    .with_context(|| control_plane.processes().last_lines(name))
}
