//! The clusters of a run: which contexts, which of them are the same, and one look at all at the same time.

use crate::args::Args;
use crate::run::{BUDGET, judged};
use crate::settings::{FailOn, Settings};
use jiff::Timestamp;
use mlops_shared::cli::{Exit, Failure};
use mlops_shared::cluster::{self, ClusterError, Connection, Plan, side_by_side};
use mlops_shared::platform::Platform;
use mlops_shared::report::{ReadError, Report, SameAs, View};
use mlops_shared::source::Snapshot;
use std::time::Duration;

/// One cluster of a run.
struct Target {
    /// The context as it was asked for; `None` for the current one.
    context: Option<String>,
    wanted: cluster::Settings,
    /// Made at the first look, and again after one that failed: credentials may be new.
    connection: Option<Connection>,
}

/// What came of looking at one cluster.
#[derive(Debug)]
pub(crate) struct Look {
    /// The context; empty for the current one as long as it was not connected to.
    pub(crate) context: String,
    /// The report, or why nothing could be read.
    pub(crate) outcome: Result<Report, Unread>,
}

/// Why nothing could be read.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    /// For people.
    pub(crate) error: ReadError,
    /// How a run ends that cannot go on without.
    pub(crate) exit: Exit,
    /// Whether what the person gave is wrong, not the cluster: nothing was sent.
    pub(crate) is_ours: bool,
    /// Whether trying again does not help.
    pub(crate) is_final: bool,
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

/// The clusters of a run, and how to look at them.
pub(crate) struct Clusters<'a> {
    targets: Vec<Target>,
    /// Contexts that lead to the same server as the same user as another.
    pub(crate) same_as: Vec<SameAs>,
    settings: &'a Settings,
    platform: &'a Platform,
    origin: &'a str,
}

/// Whether the person asked for several contexts, which is answered by a list even of one.
pub(crate) fn is_several(args: &Args) -> bool {
    args.connection.all_contexts || args.connection.context.len() > 1
}

impl<'a> Clusters<'a> {
    /// The clusters that the flags name.
    pub(crate) fn new(
        args: &Args,
        settings: &'a Settings,
        platform: &'a Platform,
        origin: &'a str,
    ) -> Result<Self, Failure> {
        let flags = &args.connection;
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
        Ok(Self { targets, same_as: Vec::new(), settings, platform, origin })
    }

    /// Looks at every cluster once, within `limit`, and judges as of what `clock` says when it was
    /// read. One that cannot be read hides no other.
    pub(crate) async fn look(&mut self, limit: Duration, clock: impl Fn() -> Timestamp) -> Vec<Look> {
        let budget = limit.min(BUDGET);
        let connects = self.targets.iter().map(async |target| match &target.connection {
            Some(known) => Ok(known.clone()),
            // A credential plugin may hang.
            None => match tokio::time::timeout(budget, cluster::connect(&target.wanted)).await {
                Ok(connected) => connected,
                Err(_) => Err(ClusterError::TimedOut(budget)),
            },
        });
        let connected = side_by_side(connects).await;
        let mut work: Vec<(String, Result<Connection, ClusterError>)> = Vec::new();
        let mut kept = Vec::new();
        for (mut target, outcome) in std::mem::take(&mut self.targets).into_iter().zip(connected) {
            let mut context = target.context.clone().unwrap_or_default();
            if let Ok(connection) = &outcome {
                context.clone_from(&connection.context);
                let same = work.iter().find(|(_, known)| known.as_ref().is_ok_and(|known| is_same(known, connection)));
                if let Some((known, _)) = same {
                    self.same_as.push(SameAs { context, item: known.clone() });
                    continue;
                }
                target.connection = Some(connection.clone());
            }
            kept.push(target);
            work.push((context, outcome));
        }
        self.targets = kept;
        let plan = Plan {
            namespaces: self.settings.namespaces.clone(),
            likely: self.platform.namespaces.iter().map(|namespace| namespace.name.clone()).collect(),
            budget,
        };
        let (this, plan, clock) = (&*self, &plan, &clock);
        let looks = work.into_iter().map(async |(context, connection)| {
            let outcome = match connection {
                Ok(connection) => match tokio::time::timeout(limit, cluster::read(&connection, plan)).await {
                    Ok(read) => read.map(|snapshot| this.judged(snapshot, clock())),
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

    fn judged(&self, snapshot: Snapshot, now: Timestamp) -> Report {
        let view = View { platform: Some(self.origin.to_owned()), ..snapshot.view };
        judged(Snapshot { view, ..snapshot }, self.settings, self.platform, now)
    }

    /// Reports in place of looks: a cluster that could not be read has one that says so.
    pub(crate) fn reports(&self, looks: Vec<Look>, now: Timestamp) -> Vec<Report> {
        let reports = looks.into_iter().map(|look| match look.outcome {
            Ok(report) => report,
            Err(unread) => {
                let view = View {
                    source: "cluster".to_owned(),
                    name: look.context,
                    server: None,
                    server_version: None,
                    user: None,
                    namespaces: self.settings.namespaces.clone(),
                    platform: Some(self.origin.to_owned()),
                };
                Report::unread(view, unread.error, now)
            }
        });
        reports.collect()
    }
}

/// Whether two connections give the same view. A kubeconfig names each user once.
fn is_same(one: &Connection, two: &Connection) -> bool {
    one.server == two.server && one.user == two.user
}

/// How a check of these reports ends.
pub(crate) fn exit_of(reports: &[Report], fail_on: FailOn) -> Exit {
    let has_findings = reports.iter().flat_map(Report::findings).any(|(level, _)| fail_on.is_met(level));
    // What nobody can tell is not well: it never ends as a clean check.
    Exit::of_check(has_findings, reports.iter().any(Report::is_unsure))
}
