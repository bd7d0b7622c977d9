//! The clusters of a run of `health`: one look at all of them at the same time, and their reports.

use crate::args::Args;
use crate::run::{BUDGET, judged, plan, tell};
use crate::settings::{FailOn, Settings};
use jiff::Timestamp;
use mlops_shared::cli::{self, Contexts, Exit, Failure, Printer, Unread};
use mlops_shared::cluster::{self, Plan};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Report, SameAs, View};
use mlops_shared::source::Snapshot;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// What came of looking at one cluster.
pub(crate) type Look = cli::Look<Report>;

/// The clusters of a run, and how to look at them.
pub(crate) struct Clusters<'a> {
    contexts: Contexts,
    settings: &'a Settings,
    platform: &'a Platform,
    origin: &'a str,
    printer: &'a Printer,
    /// Warnings that the person has read already.
    told: RefCell<BTreeSet<String>>,
}

impl<'a> Clusters<'a> {
    /// The clusters that the flags name.
    pub(crate) fn new(
        args: &Args,
        settings: &'a Settings,
        (platform, origin): (&'a Platform, &'a str),
        printer: &'a Printer,
    ) -> Result<Self, Failure> {
        Ok(Self {
            contexts: Contexts::new(&args.connection)?,
            settings,
            platform,
            origin,
            printer,
            told: RefCell::default(),
        })
    }

    /// Contexts that lead to the same server as the same user as another.
    pub(crate) fn same_as(&self) -> Vec<SameAs> {
        self.contexts.same_as.clone()
    }

    /// Looks at every cluster once, within `limit`, and judges as of what `clock` says when it was
    /// read.
    pub(crate) async fn look(&mut self, limit: Duration, clock: impl Fn() -> Timestamp) -> Vec<Look> {
        let Self { contexts, settings, platform, origin, printer, told } = self;
        let plan = Plan { budget: limit.min(BUDGET), ..plan(settings, platform) };
        // Judged at once: the objects of many clusters are never in memory together.
        let read = async |connection: &cluster::Connection| {
            let snapshot = cluster::read(connection, &plan).await?;
            tell(&snapshot, printer, told);
            let view = View { platform: Some((*origin).to_owned()), ..snapshot.view };
            Ok(judged(Snapshot { view, ..snapshot }, settings, platform, clock()))
        };
        contexts.each(limit, read).await
    }

    /// Reports in place of looks: a cluster that could not be read has one that says so.
    pub(crate) fn reports(&self, looks: Vec<Look>, now: Timestamp) -> Vec<Report> {
        let reports = looks.into_iter().map(|look| match look.outcome {
            Ok(report) => report,
            Err(Unread { error, .. }) => {
                Report::unread(View::unread(look.context, &self.settings.namespaces, self.origin), error, now)
            }
        });
        reports.collect()
    }
}

/// How a check of these reports ends.
pub(crate) fn exit_of(reports: &[Report], fail_on: FailOn) -> Exit {
    let has_findings = reports.iter().flat_map(Report::findings).any(|(level, _)| fail_on.is_met(level));
    // What nobody can tell is not well: it never ends as a clean check.
    Exit::of_check(has_findings, reports.iter().any(Report::is_unsure))
}
