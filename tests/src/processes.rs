//! The harness's side of the guard: processes that end when the harness does, and their folder.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};

use crate::Result;
use crate::guard::{Reply, Request, Start};

/// A temporary folder and the processes that live in it. Dropped (or killed), both are gone; after
/// [`Processes::keep_logs`] the folder's `logs` stay.
#[derive(Debug)]
pub struct Processes {
    dir: PathBuf,
    guard: Mutex<Option<Guard>>,
}

#[derive(Debug)]
struct Guard {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Processes {
    /// A new folder with a guard and nothing running.
    ///
    /// # Errors
    /// When the folder or the guard cannot be made.
    pub fn new() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("kubectl-mlops-testbed-")
            .tempdir()
            .context("making the test bed's folder")?
            .keep();
        for part in ["logs", "home", "tmp"] {
            std::fs::create_dir(dir.join(part)).with_context(|| format!("making {part} in {}", dir.display()))?;
        }
        let program = guard_program()?;
        let mut child = Command::new(&program)
            .arg("guard")
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal is for the harness; the guard hears of it by its pipe.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the guard has no pipes");
        };
        let guard = Guard { child, requests, replies: BufReader::new(replies) };
        let processes = Self { dir, guard: Mutex::new(Some(guard)) };
        if std::env::var_os("MLOPS_TESTBED_KEEP").is_some() {
            processes.keep_logs();
        }
        Ok(processes)
    }

    /// The temporary folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts `program`; its output goes to `logs/NAME.log`. Its environment is `PATH`, a `HOME` and a
    /// `TMPDIR` in the folder, and `env`. Returns its process id.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, name: &str, program: &Path, args: Vec<String>, env: &[(&str, String)]) -> Result<u32> {
        let text = |part: &str| self.dir.join(part).to_string_lossy().into_owned();
        let mut environment = vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("HOME".to_owned(), text("home")),
            ("TMPDIR".to_owned(), text("tmp")),
        ];
        environment.extend(env.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let start =
            Start { name: name.to_owned(), program: program.to_owned(), args, env: environment, log: self.log(name) };
        match self.ask(&Request::Start(start))? {
            Reply::Done(Some(pid)) => Ok(pid),
            other => bail!("the guard answered {other:?}"),
        }
    }

    /// Kills the process of this name.
    ///
    /// # Errors
    /// When the guard does not answer.
    pub fn stop(&self, name: &str) -> Result<()> {
        self.ask(&Request::Stop(name.to_owned())).map(drop)
    }

    /// Fails when one of these processes has ended, with the end of its log.
    ///
    /// # Errors
    /// Names the process, how it ended and its last lines.
    pub fn all_running(&self, names: &[&str]) -> Result<()> {
        for name in names {
            if let Reply::Exited(Some(how)) = self.ask(&Request::Exited((*name).to_owned()))? {
                bail!("{name} has ended ({how}). Its last lines:\n{}", self.last_lines(name));
            }
        }
        Ok(())
    }

    /// Where the output of the process of this name goes.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// The last lines of a process's log.
    #[must_use]
    pub fn last_lines(&self, name: &str) -> String {
        let text = std::fs::read(self.log(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Keeps the logs when everything else is cleared up, and says where they are.
    pub fn keep_logs(&self) {
        if self.ask(&Request::Keep).is_ok() {
            crate::build::say(&format!("logs are kept in {}", self.dir.join("logs").display()));
        }
    }

    fn ask(&self, request: &Request) -> Result<Reply> {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = guard.as_mut().ok_or_else(|| anyhow!("the test bed has been stopped"))?;
        let mut line = serde_json::to_vec(request).context("writing a request to the guard")?;
        line.push(b'\n');
        guard.requests.write_all(&line).context("writing to the guard")?;
        guard.requests.flush().context("writing to the guard")?;
        let mut reply = String::new();
        guard.replies.read_line(&mut reply).context("reading from the guard")?;
        match serde_json::from_str(&reply).context("reading the guard's answer")? {
            Reply::Failed(why) => bail!(why),
            reply => Ok(reply),
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_logs();
        }
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Guard { mut child, requests, replies }) = guard {
            drop(requests);
            let _ = child.wait();
            drop(replies);
        }
    }
}

/// The `testbed` program: this process itself, or the one that cargo put beside the test binaries.
fn guard_program() -> Result<PathBuf> {
    let this = std::env::current_exe().context("finding this program")?;
    if this.file_name().is_some_and(|name| name == "testbed") {
        return Ok(this);
    }
    // Test binaries are in target/PROFILE/deps, programs in target/PROFILE.
    let beside = this.parent().map(|dir| dir.join("testbed"));
    let above = this.parent().and_then(Path::parent).map(|dir| dir.join("testbed"));
    [beside, above].into_iter().flatten().find(|path| path.is_file()).ok_or_else(|| {
        anyhow!("no `testbed` program near {}: `cargo build -p mlops-tests --bins` makes it", this.display())
    })
}
