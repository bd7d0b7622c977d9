//! The guard process: starts the test bed's processes, and ends them when its standard input closes.
//!
//! The harness holds the other end of the pipe. However the harness ends, by itself or by SIGKILL,
//! the kernel closes the pipe; the guard then kills every process group that it started and removes
//! the folder. Should the guard itself be killed, its children get SIGKILL from the kernel (they are
//! started through [`exec_with_parent`]).

use std::fs::{self, File};
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

use crate::Result;

/// What the harness asks for: one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Start a process.
    Start(Start),
    /// Has the process of this name ended?
    Exited(String),
    /// Kill the process of this name and wait for it.
    Stop(String),
    /// Leave the folder's `logs` where they are at the end.
    Keep,
}

/// A process to start.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// What it is called from now on.
    pub name: String,
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Where its output goes.
    pub log: PathBuf,
}

/// The answer to a [`Request`]: one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Done; the process id for [`Request::Start`].
    Done(Option<u32>),
    /// For [`Request::Exited`]: nothing while it runs, else how it ended.
    Exited(Option<String>),
    /// It could not be done.
    Failed(String),
}

struct Guarded {
    name: String,
    child: Child,
}

/// `testbed guard DIR`: serves requests until standard input closes, then clears up.
///
/// # Errors
/// When the folder cannot be removed or the harness sends what is not a request.
pub fn serve(dir: &Path) -> Result<()> {
    let mut running: Vec<Guarded> = Vec::new();
    let mut keep = false;
    let served = serve_requests(&mut running, &mut keep);
    // The store last: what uses it need not notice that it is gone.
    for mut guarded in running.into_iter().rev() {
        kill(&mut guarded.child);
    }
    if keep {
        for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
            let entry = entry?;
            if entry.file_name() != "logs" {
                remove(&entry.path())?;
            }
        }
    } else {
        remove(dir)?;
    }
    served
}

fn serve_requests(running: &mut Vec<Guarded>, keep: &mut bool) -> Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line.context("reading a request")?;
        let request: Request = serde_json::from_str(&line).context("reading a request")?;
        let reply = match request {
            Request::Start(start) => match spawn(&start) {
                Ok(child) => {
                    let pid = child.id();
                    running.push(Guarded { name: start.name, child });
                    Reply::Done(Some(pid))
                }
                Err(error) => Reply::Failed(format!("starting {}: {error}", start.name)),
            },
            Request::Exited(name) => match running.iter_mut().find(|guarded| guarded.name == name) {
                Some(guarded) => match guarded.child.try_wait() {
                    Ok(status) => Reply::Exited(status.map(|status| match status.signal() {
                        Some(signal) => format!("signal {signal}"),
                        None => format!("exit code {}", status.code().unwrap_or_default()),
                    })),
                    Err(error) => Reply::Failed(format!("waiting for {name}: {error}")),
                },
                None => Reply::Exited(Some("not started".to_owned())),
            },
            Request::Stop(name) => {
                if let Some(at) = running.iter().position(|guarded| guarded.name == name) {
                    kill(&mut running.remove(at).child);
                }
                Reply::Done(None)
            }
            Request::Keep => {
                *keep = true;
                Reply::Done(None)
            }
        };
        let mut out = io::stdout().lock();
        let sent = serde_json::to_writer(&mut out, &reply)
            .map_err(io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush());
        if sent.is_err() {
            // Nobody reads: the harness is gone, and the end of standard input comes next.
            break;
        }
    }
    Ok(())
}

fn spawn(start: &Start) -> io::Result<Child> {
    let log = File::options().create(true).append(true).open(&start.log)?;
    Command::new(std::env::current_exe()?)
        .arg("exec")
        .arg(&start.program)
        .args(&start.args)
        .env_clear()
        .envs(start.env.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
}

/// Kills the child's process group and waits. What it holds is thrown away: no grace.
fn kill(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.wait();
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// `testbed exec PROGRAM ARGS…`: becomes the program, to be killed by the kernel when the guard dies.
///
/// # Errors
/// Returns only when the program cannot be started.
pub fn exec_with_parent(program: &Path, args: &[String]) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("asking for the parent's death signal")?;
    Err(Command::new(program).args(args).exec()).with_context(|| format!("starting {}", program.display()))
}
