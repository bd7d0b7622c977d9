//! The real kustomize-controller and helm-controller on a test control plane.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;

use crate::build::{self, Component};
use crate::control_plane::{ControlPlane, flag, free_ports, show};
use crate::crds::{self, CrdSet};
use crate::http::Client;
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
