//! `testbed`: builds the test bed, starts it for a person, and (for the harness) guards its processes.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use mlops_tests::build::{self, Component, GoMissing};
use mlops_tests::control_plane::{ControlPlane, Parts};
use mlops_tests::{Result, flux, guard};

#[derive(Parser)]
#[command(name = "testbed", about = "A real Kubernetes control plane on loopback, for tests and for a look")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build every binary that is not in the cache yet.
    Build {
        /// Only these parts, by their folder under tests/testbed.
        parts: Vec<String>,
    },
    /// Start a control plane with three nodes and stay until Ctrl-C.
    Up {
        /// Controllers to start besides.
        #[arg(long, value_enum, value_delimiter = ',', conflicts_with_all = ["load", "objects_only"])]
        with: Vec<Extra>,
        /// YAML files or folders to load, statuses included; no controllers run then, for they would
        /// change what was loaded.
        #[arg(long, value_name = "PATH")]
        load: Vec<PathBuf>,
        /// Only kube-apiserver with all CRDs: what is written stays as it is.
        #[arg(long)]
        objects_only: bool,
    },
    /// For the harness: start processes on request and end them with standard input.
    #[command(hide = true)]
    Guard { dir: PathBuf },
    /// For the guard: become a program that ends with its parent.
    #[command(hide = true)]
    Exec {
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Extra {
    /// kustomize-controller and helm-controller.
    Flux,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Build { parts } => build_parts(&parts),
        Command::Up { with, load, objects_only } => up(&with, &load, objects_only),
        Command::Guard { dir } => guard::serve(&dir),
        Command::Exec { program, arguments } => guard::exec_with_parent(&program, &arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "testbed: {error:#}");
            // 2 as for a wrong call: something about the machine is to be put right first.
            ExitCode::from(if error.downcast_ref::<GoMissing>().is_some() { 2 } else { 1 })
        }
    }
}

fn build_parts(parts: &[String]) -> Result<()> {
    if let Some(unknown) = parts.iter().find(|part| Component::ALL.iter().all(|it| it.name() != **part)) {
        let known: Vec<_> = Component::ALL.iter().map(|component| component.name()).collect();
        anyhow::bail!("there is no part {unknown}; there are {}", known.join(", "));
    }
    let is_asked = |component: &&Component| parts.is_empty() || parts.iter().any(|part| part == component.name());
    Component::ALL.iter().filter(is_asked).try_for_each(|component| build::ensure(*component).map(drop))
}

fn up(with: &[Extra], load: &[PathBuf], objects_only: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // From here on Ctrl-C ends the wait below instead of this process; what was started is cleared up.
    let interrupted =
        runtime.block_on(async { tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()) });
    let terminated =
        runtime.block_on(async { tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) });
    let (mut interrupted, mut terminated) = (interrupted?, terminated?);
    let parts = if objects_only || !load.is_empty() { Parts::objects_only() } else { Parts::everything() };
    let control_plane = ControlPlane::start(&parts)?;
    if with.contains(&Extra::Flux) {
        flux::start(&control_plane)?;
    }
    for path in load {
        let applied = control_plane.api().apply_path(path)?;
        let _ =
            writeln!(std::io::stderr(), "testbed: {} objects loaded from {}", applied.objects.len(), path.display());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "export KUBECONFIG={}", control_plane.admin_kubeconfig().display())?;
    out.flush()?;
    let _ = writeln!(
        std::io::stderr(),
        "testbed: running; kubectl is {}; other accounts' kubeconfigs lie beside the admin's; Ctrl-C stops",
        control_plane.kubectl_program().display()
    );
    runtime.block_on(async {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    });
    let _ = writeln!(std::io::stderr(), "testbed: stopping");
    drop(control_plane);
    Ok(())
}
