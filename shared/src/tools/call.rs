//! One run of a program: captured, bounded, and over in time.

use super::error::spoken;
use super::tail::last_lines;
use super::{Program, ToolError};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, Read};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// What a program sees of the environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Environment {
    /// All of it: credentials helpers, proxies and agents work as in the person's shell.
    #[default]
    Inherited,
    /// Only what a program needs to run at all, with messages in English.
    Basic,
}

/// Variables of [`Environment::Basic`].
const BASIC: &[&str] = &["PATH", "HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "SYSTEMROOT", "PATHEXT"];

/// How long the ends of the streams are waited for once the program has ended: a process that it left behind may
/// hold them open.
const GRACE: Duration = Duration::from_secs(1);

/// A program with its arguments and limits, to be run once or more.
#[derive(Debug, Clone)]
pub struct Call {
    program: Program,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    environment: Environment,
    variables: Vec<(OsString, Option<OsString>)>,
    input: Option<Vec<u8>>,
    limit: Duration,
    most: usize,
    codes: Vec<i32>,
}

/// What a program that ended well printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its standard output, all of it. Not made safe to print.
    pub stdout: Vec<u8>,
    /// The last lines of its standard error, safe to print.
    pub stderr: Vec<String>,
}

impl Call {
    /// A call without arguments: inherited environment, no input, at most a minute and 16 MiB of output.
    pub fn new(program: &Program) -> Self {
        Self {
            program: program.clone(),
            arguments: Vec::new(),
            folder: None,
            environment: Environment::Inherited,
            variables: Vec::new(),
            input: None,
            limit: Duration::from_secs(60),
            most: 16 << 20,
            codes: vec![0],
        }
    }

    /// Adds arguments. One that a person or a cluster gave should stand behind `--`.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// What it sees of the environment.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets a variable, whatever the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), None));
        self
    }

    /// What it reads from standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// The longest that it may run.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Another exit code that is no failure: what it prints then is an answer too.
    #[must_use]
    pub fn may_end_with(mut self, code: i32) -> Self {
        self.codes.push(code);
        self
    }

    /// The most bytes that it may print to standard output.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time, prints too much, or ends with a code that is a failure.
    pub fn run(&self) -> Result<Output, ToolError> {
        let program = spoken(self.program.name(), &self.arguments);
        let started = |error| ToolError::Start { program: program.clone(), error };
        let (stdout, stdout_end) = io::pipe().map_err(started)?;
        let (stderr, stderr_end) = io::pipe().map_err(started)?;
        let expression = self.expression().stdout_file(stdout_end).stderr_file(stderr_end).unchecked();
        let deadline = Instant::now() + self.limit;
        let handle = expression.start().map_err(started)?;
        // The expression holds this side's copies of the writing ends: while they live, no stream ends.
        drop(expression);
        let (answer, errors) = (Head::read(stdout, self.most), Tail::read(stderr));
        let ending = self.wait(&handle, &answer, deadline, started);
        if !matches!(ending, Ok(Ending::Ended(_))) {
            // It may be gone already; then there is nothing to stop.
            let _ = handle.kill();
            let _ = handle.wait_timeout(GRACE);
        }
        let stderr = errors.recv_timeout(GRACE).map(|bytes| last_lines(&bytes)).unwrap_or_default();
        match ending? {
            Ending::Late => Err(ToolError::TimedOut { program, limit: self.limit, stderr }),
            Ending::TooMuch => Err(ToolError::TooMuch { program, limit: self.most }),
            Ending::Ended((None, _)) => Err(ToolError::Signalled { program, stderr }),
            Ending::Ended((Some(code), stdout)) if self.codes.contains(&code) => Ok(Output { stdout, stderr }),
            Ending::Ended((Some(code), _)) => Err(ToolError::Failed { program, code, stderr }),
        }
    }

    fn expression(&self) -> duct::Expression {
        #[expect(clippy::disallowed_methods, reason = "the one place that starts a process")]
        let mut expression = duct::cmd(self.program.path(), &self.arguments);
        // In duct an earlier setting overrules a later one.
        for (name, value) in self.variables.iter().rev() {
            expression = match value {
                Some(value) => expression.env(name, value),
                None => expression.env_remove(name),
            };
        }
        if self.environment == Environment::Basic {
            let kept = BASIC.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
            let english = std::iter::once((OsString::from("LC_ALL"), OsString::from("C")));
            expression = expression.full_env(kept.chain(english).collect::<Vec<(OsString, OsString)>>());
        }
        if let Some(folder) = &self.folder {
            expression = expression.dir(folder);
        }
        match &self.input {
            Some(bytes) => expression.stdin_bytes(bytes.clone()),
            None => expression.stdin_null(),
        }
    }

    fn wait(
        &self,
        handle: &duct::Handle,
        answer: &Receiver<Head>,
        deadline: Instant,
        started: impl Fn(io::Error) -> ToolError,
    ) -> Result<Ending, ToolError> {
        let left = || deadline.saturating_duration_since(Instant::now());
        // First the stream, for a program blocks on a pipe that nobody reads; it ends when the program does.
        let stdout = match answer.recv_timeout(left()) {
            Ok(Head { is_whole: false, .. }) => return Ok(Ending::TooMuch),
            Ok(head) => Some(head.bytes),
            // Something that was left behind may hold the stream of a program that has ended.
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Vec::new()),
        };
        match handle.wait_deadline(deadline).map_err(started)? {
            Some(output) => Ok(stdout.map_or(Ending::Late, |stdout| Ending::Ended((output.status.code(), stdout)))),
            None => Ok(Ending::Late),
        }
    }
}

/// How a run ended.
enum Ending {
    /// By itself: its code, or none for a signal, and all that it printed.
    Ended((Option<i32>, Vec<u8>)),
    Late,
    TooMuch,
}

/// The first bytes of a stream, and whether they are all.
struct Head {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Head {
    /// Reads on a thread of its own until the end, or past `most` bytes.
    fn read(stream: PipeReader, most: usize) -> Receiver<Self> {
        on_a_thread(move |sender| {
            let mut bytes = Vec::new();
            let wanted = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
            // A stream that breaks is one that ended: the exit code tells whether that was well.
            let _ = stream.take(wanted).read_to_end(&mut bytes);
            let is_whole = bytes.len() <= most;
            let _ = sender.send(Self { bytes, is_whole });
        })
    }
}

/// The last bytes of a stream.
struct Tail;

impl Tail {
    const MOST: usize = 16 << 10;

    /// Reads on a thread of its own until the end.
    fn read(mut stream: PipeReader) -> Receiver<Vec<u8>> {
        on_a_thread(move |sender| {
            let mut kept: VecDeque<u8> = VecDeque::new();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                kept.extend(&buffer[..count]);
                kept.drain(..kept.len().saturating_sub(Self::MOST));
            }
            let _ = sender.send(kept.into());
        })
    }
}

fn on_a_thread<T: Send + 'static>(work: impl FnOnce(Sender<T>) + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || work(sender));
    receiver
}
