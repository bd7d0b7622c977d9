//! Candidates that the kubeconfig or the cluster knows. They come in time or not at all.

use super::{Candidate, Table, Typed, Values, debug};
use crate::cli::Failure;
use crate::cluster::{self, ClusterError, Connection, KubeconfigNames, Settings};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Somebody waits at a prompt: what takes longer is not offered.
const LIMIT: Duration = Duration::from_millis(1500);

/// The values of flags that every plugin has.
pub const SHARED: Table = &[
    ("context", Values::From(|typed| of_kubeconfig(typed, |names| names.contexts))),
    ("cluster", Values::From(|typed| of_kubeconfig(typed, |names| names.clusters))),
    ("user", Values::From(|typed| of_kubeconfig(typed, |names| names.users))),
    ("namespace", Values::From(|typed| live_names(typed, "", "Namespace", None))),
];

/// The names of a kind's objects: of one namespace, or of all. None where the cluster does not say them in time.
pub fn live_names(typed: &Typed, group: &str, kind: &str, namespace: Option<&str>) -> Vec<Candidate> {
    let (group, kind, namespace) = (group.to_owned(), kind.to_owned(), namespace.map(str::to_owned));
    in_time(typed, move |settings| {
        ask(&settings, async |connection| cluster::names(connection, &group, &kind, namespace.as_deref()).await)
    })
}

/// Words that one object says, as `words` finds them in its JSON. Its namespace is the context's where none is given.
pub fn live_words(
    typed: &Typed,
    (group, kind, name): (&str, &str, &str),
    namespace: Option<&str>,
    words: fn(&serde_json::Value) -> Vec<String>,
) -> Vec<Candidate> {
    let (group, kind, name) = (group.to_owned(), kind.to_owned(), name.to_owned());
    let namespace = namespace.map(str::to_owned);
    in_time(typed, move |settings| {
        ask(&settings, async |connection| {
            let resources = cluster::resources(connection).await?;
            let resource = resources.of_kind(&group, &kind).ok_or(ClusterError::NotFound)?;
            let namespace = namespace.as_deref().unwrap_or_else(|| connection.default_namespace());
            Ok(words(&cluster::object(connection, &resource.at(namespace, &name)).await?))
        })
    })
}

fn of_kubeconfig(typed: &Typed, which: fn(KubeconfigNames) -> Vec<String>) -> Vec<Candidate> {
    in_time(typed, move |settings| Ok(which(cluster::kubeconfig_names(&settings)?)))
}

/// Does the work on a thread of its own, which nobody waits for once it is late: an exec plugin of a kubeconfig or a
/// name server may hold it for long.
fn in_time(
    typed: &Typed,
    work: impl FnOnce(Settings) -> Result<Vec<String>, Failure> + Send + 'static,
) -> Vec<Candidate> {
    let (sender, receiver) = channel();
    let outcome = typed.connection().and_then(|settings| {
        std::thread::spawn(move || {
            // Nobody listens once it is late.
            let _ = sender.send(work(settings));
        });
        receiver.recv_timeout(LIMIT).unwrap_or_else(|_| Err(Failure::unchecked("completion: no answer in time")))
    });
    match outcome {
        Ok(names) => names.into_iter().map(|name| Candidate::new(name, "")).collect(),
        Err(failure) => {
            debug(|| failure.message);
            Vec::new()
        }
    }
}

fn ask<T>(
    settings: &Settings,
    question: impl AsyncFnOnce(&Connection) -> Result<T, ClusterError>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unchecked(format!("failed to start: {error}")))?;
    runtime.block_on(async {
        let connection = cluster::connect(settings).await?;
        Ok(question(&connection).await?)
    })
}
