//! What a backup costs: its memory at many objects, and its time against fetching the same pages.

use crate::connection::Server;
use crate::{MANY, PODS, ROUNDS, asked_for, bare, fetch, measure, milliseconds, ratio, say, scripted};
use mlops_tests::Result;
use mlops_tests::control_plane::ControlPlane;
use mlops_tests::users::User;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

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

/// Time against the same pages fetched raw, of the cluster that was loaded for health.
pub(crate) fn real_cluster(backup: &Path, server: &Server, plane: &ControlPlane) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let paths = asked_for(
        |config| {
            let mut command = create(backup, folder.path(), 0);
            command.arg("--kubeconfig").arg(config);
            (command, &[0])
        },
        plane,
    )?;
    let config = plane.kubeconfig(User::Admin)?;
    let (mut us, mut raw, mut bytes) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let start = Instant::now();
        bytes = fetch(server, &paths)?;
        raw.push(start.elapsed());
        us.push(measure::time(create(backup, folder.path(), round + 1).arg("--kubeconfig").arg(&config), &[0])?);
    }
    let (us, raw) = (measure::median(us)?, measure::median(raw)?);
    say(&format!("backup of {PODS} pods (median of {ROUNDS}; {} lists, {:.1} MB)", paths.len(), bytes as f64 / 1e6));
    say(&format!("  backup create              {:>10}", milliseconds(us)));
    say(&format!("  the same pages, raw        {:>10}   ratio {}", milliseconds(raw), ratio(us, raw)));
    let peak = measure::peak_memory(create(backup, folder.path(), ROUNDS + 1).arg("--kubeconfig").arg(&config), &[0])?;
    say(&format!("  backup, memory at most     {:>7.1} MB", peak as f64 / 1e6));
    Ok(())
}
