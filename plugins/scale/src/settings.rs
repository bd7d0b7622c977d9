//! What the command line means once it is resolved.

use crate::args::{Args, AskArgs, Command, Pause};
use crate::git::GitAsk;
use jiff::Timestamp;
use mlops_shared::cli::{DryRun, Failure, WriteSettings};
use mlops_shared::ownership::FieldPath;
use mlops_shared::text;
use std::path::PathBuf;
use std::time::Duration;

/// How long the end of a scaling is waited for, unless `--timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// Scale one object.
    Scale(Box<Ask>),
    /// End the pause of one object.
    Resume(Name),
    /// Tell what runs and what is paused.
    Status,
}

/// An object as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// A word for its kind.
    pub(crate) ty: String,
    /// Its name.
    pub(crate) name: String,
    /// Its namespace; the context's where none was given.
    pub(crate) namespace: Option<String>,
}

/// A scaling that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) name: Name,
    /// How many are wanted, of whatever `goal` counts.
    pub(crate) replicas: Option<u32>,
    pub(crate) goal: Goal,
    /// The pool that is added: its shape as it was typed, and its name.
    pub(crate) pool: Option<(String, Option<String>)>,
    /// The alias by which `mc` knows the server.
    pub(crate) mc_alias: Option<String>,
    pub(crate) rebalance: bool,
    pub(crate) rerun: bool,
    pub(crate) current: Option<u32>,
    pub(crate) pause: Option<PauseAsk>,
    pub(crate) force_drift: bool,
    pub(crate) ignore_preflight: bool,
    pub(crate) take_over: bool,
    pub(crate) accepted_loss: Option<String>,
    /// The change is made in Git.
    pub(crate) git: Option<GitAsk>,
    /// A clone in which a refusal may look for the place.
    pub(crate) tree: Option<PathBuf>,
}

/// What is asked for, as the flag that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goal {
    /// `--replicas`, or none.
    Replicas,
    /// `--brokers`
    Brokers,
    /// `--executors`
    Executors,
    /// `--add-pool`
    AddPool,
    /// `--decommission`, with the pool's name.
    Decommission(String),
}

impl Goal {
    /// The flag.
    pub(crate) fn flag(&self) -> &'static str {
        match self {
            Self::Replicas => "--replicas",
            Self::Brokers => "--brokers",
            Self::Executors => "--executors",
            Self::AddPool => "--add-pool",
            Self::Decommission(_) => "--decommission",
        }
    }
}

/// A pause that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PauseAsk {
    pub(crate) scope: Pause,
    pub(crate) reason: String,
    pub(crate) until: Timestamp,
}

/// A resolved run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) request: Request,
    pub(crate) write: WriteSettings,
    pub(crate) now: Timestamp,
    /// How long the end is waited for; zero for not at all.
    pub(crate) timeout: Duration,
    /// For status.
    pub(crate) namespaces: Vec<String>,
}

/// Resolves the command line. `clock` is the instant to judge at when none was given.
///
/// # Errors
/// When a flag's value is none of its own, or flags do not go together.
pub(crate) fn resolve(args: &Args, clock: Timestamp) -> Result<Settings, Failure> {
    let mut write = args.write.settings()?;
    let now = args.source.now.unwrap_or(clock);
    let words = match &args.command {
        None => &args.target,
        Some(_) if !args.target.is_empty() => {
            return Err(Failure::usage("an object goes behind the subcommand").hint("scale plan deployment/web"));
        }
        Some(Command::Plan { target } | Command::Resume { target }) => target,
        Some(Command::Status) => {
            let namespaces = args.scope.namespace.clone();
            let timeout = write.timeout.unwrap_or(TIMEOUT);
            return Ok(Settings { request: Request::Status, write, now, timeout, namespaces });
        }
    };
    if args.scope.selector.is_some() || args.scope.all_namespaces || args.scope.namespace.len() > 1 {
        return Err(Failure::usage("one object is scaled at a time: name it, and its namespace with -n"));
    }
    let name = name(words, args.scope.namespace.first())?;
    let request = match args.command {
        Some(Command::Resume { .. }) => Request::Resume(name),
        _ => Request::Scale(Box::new(ask(name, &args.ask, &write, now)?)),
    };
    if matches!(args.command, Some(Command::Plan { .. })) && write.dry_run == DryRun::None {
        write.dry_run = DryRun::Client;
    }
    if args.source.from.is_some() && write.dry_run != DryRun::Client {
        return Err(Failure::usage("files cannot be scaled").hint("`scale plan` plans with --from"));
    }
    let timeout = write.timeout.unwrap_or(TIMEOUT);
    Ok(Settings { request, write, now, timeout, namespaces: Vec::new() })
}

/// `TYPE/NAME`, or `TYPE NAME`.
fn name(words: &[String], namespace: Option<&String>) -> Result<Name, Failure> {
    let usage =
        || Failure::usage("what to scale is TYPE/NAME").hint("`kubectl mlops scale deployment/web --replicas 3`");
    let (ty, name) = match words {
        [both] => both.split_once('/').ok_or_else(usage)?,
        [ty, name] => (ty.as_str(), name.as_str()),
        _ => return Err(usage()),
    };
    let is_word = |text: &str| {
        !text.is_empty()
            && text.len() <= 253
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter))
    };
    if !is_word(ty) || !is_word(name) || namespace.is_some_and(|namespace| !is_word(namespace)) {
        return Err(usage());
    }
    Ok(Name { ty: ty.to_owned(), name: name.to_owned(), namespace: namespace.cloned() })
}

fn ask(name: Name, flags: &AskArgs, write: &WriteSettings, now: Timestamp) -> Result<Ask, Failure> {
    let until = flags.until.as_deref().map(|text| instant(text, now)).transpose()?;
    let pause = match (flags.pause, &write.reason, until) {
        (None, _, Some(_)) => return Err(Failure::usage("--until says how long a pause lasts: it goes with --pause")),
        (None, _, None) => None,
        (Some(scope), Some(reason), Some(until)) => Some(PauseAsk { scope, reason: reason.clone(), until }),
        (Some(_), ..) => {
            return Err(Failure::usage("--pause needs --reason and --until: a pause that says nothing is forgotten")
                .hint("--pause object --reason 'load test' --until 4h"));
        }
    };
    if pause.is_some() && flags.force_drift {
        return Err(Failure::usage("--pause and --force-drift exclude each other"));
    }
    let goal = match (&flags.brokers, &flags.executors, &flags.add_pool, &flags.decommission) {
        (Some(_), ..) => Goal::Brokers,
        (_, Some(_), ..) => Goal::Executors,
        (_, _, Some(_), _) => Goal::AddPool,
        (_, _, _, Some(pool)) => Goal::Decommission(pool.clone()),
        _ => Goal::Replicas,
    };
    if flags.rebalance && write.timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(Failure::usage("--rebalance waits for the end of the moving: it does not go with --timeout 0"));
    }
    let git = git(flags)?;
    if git.is_some() && (pause.is_some() || flags.force_drift) {
        return Err(Failure::usage("what is changed in Git needs neither --pause nor --force-drift"));
    }
    Ok(Ask {
        name,
        replicas: flags.replicas.or(flags.brokers).or(flags.executors),
        goal,
        pool: flags.add_pool.clone().map(|shape| (shape, flags.pool_name.clone())),
        mc_alias: flags.mc_alias.clone(),
        rebalance: flags.rebalance,
        rerun: flags.rerun,
        current: flags.current_replicas,
        pause,
        force_drift: flags.force_drift,
        ignore_preflight: flags.ignore_preflight,
        take_over: flags.take_over,
        accepted_loss: flags.accept_data_loss.clone(),
        git,
        tree: flags.tree.clone(),
    })
}

/// The flags that say how a change is made in Git.
fn git(flags: &AskArgs) -> Result<Option<GitAsk>, Failure> {
    let value = match flags.value.as_deref().map(FieldPath::parse) {
        Some(Err(why)) => return Err(Failure::usage(format!("invalid value for --value: {why}"))),
        Some(Ok(path)) => Some(path),
        None => None,
    };
    match (flags.via, &flags.tree) {
        (None, _) if flags.push || flags.remote.is_some() || value.is_some() => {
            Err(Failure::usage("--push, --remote and --value go with --via git"))
        }
        (None, _) => Ok(None),
        (Some(_), None) => Err(Failure::usage("--via git needs --tree: a clone of the repository that Flux fetches")),
        (Some(_), Some(tree)) => {
            Ok(Some(GitAsk { tree: tree.clone(), push: flags.push, remote: flags.remote.clone(), value }))
        }
    }
}

/// An instant ahead of `now`, as one or as a duration.
fn instant(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let at = text.parse().ok().or_else(|| now.checked_add(text::parse_duration(text)?).ok());
    match at {
        Some(at) if at > now => Ok(at),
        Some(_) => Err(Failure::usage(format!("--until {text:?} is not ahead"))),
        None => Err(Failure::usage(format!("invalid value for --until: {text:?}"))
            .hint("a duration such as 4h, or an instant such as 2026-11-20T06:00:00Z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn settings(flags: &[&str]) -> Result<Settings, Failure> {
        let args =
            Args::try_parse_from(["x"].iter().chain(flags)).map_err(|error| Failure::usage(error.to_string()))?;
        resolve(&args, Timestamp::UNIX_EPOCH)
    }

    fn asked(flags: &[&str]) -> Ask {
        match settings(flags).expect("settings").request {
            Request::Scale(ask) => *ask,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_object_is_named_as_for_kubectl() {
        for words in [&["deploy/web", "--replicas=3"][..], &["deploy", "web", "--replicas=3"]] {
            let ask = asked(words);
            assert_eq!((ask.name.ty.as_str(), ask.name.name.as_str(), ask.replicas), ("deploy", "web", Some(3)));
        }
        assert_eq!(asked(&["plan", "deploy/web", "-n", "a"]).name.namespace.as_deref(), Some("a"));
        assert_eq!(settings(&["plan", "deploy/web"]).expect("settings").write.dry_run, DryRun::Client);
        for words in [
            &["web"][..],
            &[],
            &["deploy/"],
            &["deploy/a/b"],
            &["deploy/a b"],
            &["deploy/web", "-A"],
            &["deploy/web", "-l", "a=b"],
            &["deploy/web", "-n", "a", "-n", "b"],
            &["deploy/web", "--replicas=-1"],
            &["deploy/web", "--from", "x"],
            &["deploy/web", "plan", "deploy/web"],
        ] {
            assert!(settings(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_pause_says_why_and_until_when() {
        let base = ["deploy/web", "--replicas=3", "--pause=object"];
        let pause = asked(&[&base[..], &["--reason=x", "--until=4h"]].concat()).pause.expect("a pause");
        assert_eq!((pause.scope, pause.until.as_second()), (Pause::Object, 4 * 3600));
        for rest in [
            &[][..],
            &["--reason=x"],
            &["--until=4h"],
            &["--reason=x", "--until=soon"],
            &["--reason=x", "--until=1960-01-01T00:00:00Z"],
            &["--reason=x", "--until=4h", "--force-drift"],
        ] {
            assert!(settings(&[&base[..], rest].concat()).is_err(), "{rest:?}");
        }
        assert!(settings(&["deploy/web", "--until=4h"]).is_err());
    }
}
