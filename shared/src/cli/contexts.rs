//! The contexts of a run: which of them are the same cluster, and work on each at the same time.

use super::{ConnectionArgs, Exit, Failure};
use crate::cluster::{self, ClusterError, Connection, side_by_side};
use crate::report::{ReadError, SameAs};
use std::time::Duration;

/// One cluster of a run.
#[derive(Debug)]
struct Target {
    /// The context as it was asked for; `None` for the current one.
    context: Option<String>,
    wanted: cluster::Settings,
    /// Made at the first look, and again after one that failed: credentials may be new.
    connection: Option<Connection>,
}

/// What came of looking at one cluster.
#[derive(Debug)]
pub struct Look<T> {
    /// The context; empty for the current one as long as it was not connected to.
    pub context: String,
    /// What was read, or why nothing could be.
    pub outcome: Result<T, Unread>,
}

/// Why nothing could be read.
#[derive(Debug, Clone)]
pub struct Unread {
    /// For people.
    pub error: ReadError,
    /// How a run ends that cannot go on without.
    pub exit: Exit,
    /// Whether what the person gave is wrong, not the cluster: nothing was sent.
    pub is_ours: bool,
    /// Whether trying again does not help.
    pub is_final: bool,
}

impl From<ClusterError> for Unread {
    fn from(error: ClusterError) -> Self {
        let is_ours = matches!(error, ClusterError::Kubeconfig(_) | ClusterError::NoKubeconfig);
        let is_final = is_ours || matches!(error, ClusterError::Unauthorized);
        let Failure { message, hints, exit } = error.into();
        Self { error: ReadError { message, hints }, exit, is_ours, is_final }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        Self { message: unread.error.message, hints: unread.error.hints, exit: unread.exit }
    }
}

/// The contexts of a run.
#[derive(Debug)]
pub struct Contexts {
    targets: Vec<Target>,
    /// Contexts that lead to the same server as the same user as another.
    pub same_as: Vec<SameAs>,
}

impl Contexts {
    /// The contexts that the flags name.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read, or knows one of them not.
    pub fn new(flags: &ConnectionArgs) -> Result<Self, Failure> {
        let mut contexts: Vec<Option<String>> = Vec::new();
        if flags.all_contexts {
            contexts = cluster::contexts(&flags.settings(None)?)?.into_iter().map(Some).collect();
            if contexts.is_empty() {
                return Err(Failure::usage("the kubeconfig has no context"));
            }
        } else if flags.context.len() > 1 {
            // A name that was typed wrong is no cluster that is down.
            let known = cluster::contexts(&flags.settings(None)?)?;
            for name in &flags.context {
                if !known.contains(name) {
                    return Err(ClusterError::Kubeconfig(format!("it has no context {name}")).into());
                }
                if !contexts.iter().flatten().any(|seen| seen == name) {
                    contexts.push(Some(name.clone()));
                }
            }
        } else {
            contexts.push(flags.context.first().cloned());
        }
        let targets = contexts.into_iter().map(|context| {
            let wanted = flags.settings(context.as_deref())?;
            Ok(Target { context, wanted, connection: None })
        });
        let targets = targets.collect::<Result<_, Failure>>()?;
        Ok(Self { targets, same_as: Vec::new() })
    }

    /// Does the work on every cluster, within `limit` each, connecting where that is still to be
    /// done. One that cannot be read hides no other.
    pub async fn each<T>(
        &mut self,
        limit: Duration,
        work: impl AsyncFn(&Connection) -> Result<T, ClusterError>,
    ) -> Vec<Look<T>> {
        let connects = self.targets.iter().map(async |target| match &target.connection {
            Some(known) => Ok(known.clone()),
            // A credential plugin may hang.
            None => match tokio::time::timeout(limit, cluster::connect(&target.wanted)).await {
                Ok(connected) => connected,
                Err(_) => Err(ClusterError::TimedOut(limit)),
            },
        });
        let connected = side_by_side(connects).await;
        let mut connections: Vec<(String, Result<Connection, ClusterError>)> = Vec::new();
        let mut kept = Vec::new();
        for (mut target, outcome) in std::mem::take(&mut self.targets).into_iter().zip(connected) {
            let mut context = target.context.clone().unwrap_or_default();
            if let Ok(connection) = &outcome {
                context.clone_from(&connection.context);
                let same =
                    connections.iter().find(|(_, known)| known.as_ref().is_ok_and(|known| is_same(known, connection)));
                if let Some((known, _)) = same {
                    self.same_as.push(SameAs { context, item: known.clone() });
                    continue;
                }
                target.connection = Some(connection.clone());
            }
            kept.push(target);
            connections.push((context, outcome));
        }
        self.targets = kept;
        let work = &work;
        let looks = connections.into_iter().map(async |(context, connection)| {
            let outcome = match connection {
                Ok(connection) => match tokio::time::timeout(limit, work(&connection)).await {
                    Ok(done) => done,
                    Err(_) => Err(ClusterError::TimedOut(limit)),
                },
                Err(error) => Err(error),
            };
            Look { context, outcome: outcome.map_err(Unread::from) }
        });
        let looks = side_by_side(looks).await;
        for (target, look) in self.targets.iter_mut().zip(&looks) {
            if look.outcome.is_err() {
                target.connection = None;
            }
        }
        looks
    }
}

/// Whether two connections give the same view. A kubeconfig names each user once.
fn is_same(one: &Connection, two: &Connection) -> bool {
    one.server == two.server && one.user == two.user
}
