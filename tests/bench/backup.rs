//! What a backup costs: its memory at many objects, and its time against fetching the same pages.

use crate::connection::Server;
use crate::{AT_A_TIME, MANY, PODS, ROUNDS, asked_for, bare, each, fetch, measure, milliseconds, ratio, say, scripted};
use mlops_tests::Result;
use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Namespaces of the small objects.
const SPACES: usize = 20;

/// The plugin, which lies beside the one that was named.
pub(crate) fn beside(health: &Path) -> PathBuf {
    health.with_file_name("kubectl-mlops-backup")
}

/// A run that writes its archive into a folder; each has a name of its own.
fn create(backup: &Path, folder: &Path, number: usize) -> Command {
    let mut command = bare(backup);
    command.args(["create", "-o", "json", "--to"]).arg(folder.join(format!("{number}.tar.zst")));
    command
}

/// Memory at many objects, of the scripted server.
pub(crate) fn many_objects(backup: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = scripted::start(MANY)?;
    let peak = measure::peak_memory(create(backup, folder.path(), 0).args(["--server", &server]), &[0])?;
    say(&format!("backup create of {MANY} pods (scripted server): {:.1} MB at most", peak as f64 / 1e6));
    Ok(())
}

/// Time and memory at many small objects on a real API server, and of the plan of a restore of them.
pub(crate) fn run(backup: &Path) -> Result<()> {
    let plane = ControlPlane::start(&Parts::api_server())?;
    let users = plane.users()?;
    let server = Server::new(plane.address()?, &plane.authority()?.file(), users.token(User::Admin))?;
    each(&server, SPACES, |connection, index| {
        let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("space-{index}")}});
        crate::create(connection, "/api/v1/namespaces", &space)
    })?;
    each(&server, MANY, |connection, index| {
        let (resource, object) = small(index);
        crate::create(connection, &format!("/api/v1/namespaces/space-{}/{resource}", index % SPACES), &object)
    })?;
    measured(backup, &server, &plane, &format!("{MANY} objects"))?;
    let folder = tempfile::tempdir()?;
    let config = plane.kubeconfig(User::Admin)?;
    let mut made = create(backup, folder.path(), 0);
    measure::time(made.arg("--secrets=omit").arg("--kubeconfig").arg(&config), &[0])?;
    let plan = || {
        let mut command = bare(backup);
        command.args(["restore", "--dry-run=client", "-o", "json", "--kubeconfig"]).arg(&config);
        command.arg(folder.path().join("0.tar.zst"));
        command
    };
    let took = measure::time(&mut plan(), &[0])?;
    let peak = measure::peak_memory(&mut plan(), &[0])?;
    say(&format!("  plan of a restore of them  {:>10}, {:.1} MB at most", milliseconds(took), peak as f64 / 1e6));
    Ok(())
}

/// A ConfigMap, now and then a Secret or an account.
fn small(index: usize) -> (&'static str, Value) {
    let metadata = json!({"name": format!("object-{index}"), "labels": {"app": format!("app-{}", index % 100)}});
    match index % 10 {
        0 => ("serviceaccounts", json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})),
        1 | 2 => (
            "secrets",
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": "x".repeat(64)}}),
        ),
        _ => (
            "configmaps",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
                "data": {"settings.yaml": "key: value\n".repeat(80), "mode": "a"}}),
        ),
    }
}

/// Time against the same pages fetched raw, of the cluster that was loaded for health.
pub(crate) fn real_cluster(backup: &Path, server: &Server, plane: &ControlPlane) -> Result<()> {
    measured(backup, server, plane, &format!("{PODS} pods"))
}

fn measured(backup: &Path, server: &Server, plane: &ControlPlane, what: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lists = asked_for(
        |config| {
            let mut command = create(backup, folder.path(), 0);
            command.arg("--kubeconfig").arg(config);
            (command, &[0])
        },
        plane,
    )?;
    let config = plane.kubeconfig(User::Admin)?;
    let ours = |number| {
        let mut command = create(backup, folder.path(), number);
        command.arg("--kubeconfig").arg(&config);
        command
    };
    let (mut us, mut raw, mut single, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let start = Instant::now();
        bytes = fetch(server, AT_A_TIME, &lists)?;
        raw.push(start.elapsed());
        let start = Instant::now();
        fetch(server, 1, &lists)?;
        single.push(start.elapsed());
        us.push(measure::time(&mut ours(round + 1), &[0])?);
    }
    let (us, raw, single) = (measure::median(us)?, measure::median(raw)?, measure::median(single)?);
    say(&format!("backup of {what} (median of {ROUNDS}; {} lists, {:.1} MB)", lists.len(), bytes as f64 / 1e6));
    say(&format!("  backup create              {:>10}", milliseconds(us)));
    say(&format!("  the same pages, raw        {:>10}   ratio {}", milliseconds(raw), ratio(us, raw)));
    say(&format!("  raw, one after the other   {:>10}   ratio {}", milliseconds(single), ratio(us, single)));
    let peak = measure::peak_memory(&mut ours(ROUNDS + 1), &[0])?;
    say(&format!("  backup, memory at most     {:>7.1} MB", peak as f64 / 1e6));
    Ok(())
}
