//! `backup snapshots`: which claims have a VolumeSnapshot that a restore can use, making new ones, and removing old ones that
//! were made here.

pub(crate) mod cover;
mod judge;
mod read;
mod report;
mod retain;
mod take;
#[cfg(test)]
mod tests;
mod wait;

pub use report::{ClaimSnapshots, LooseContent, SnapshotReport, SnapshotRow};

use crate::args::{Args, SnapshotsArgs};
use jiff::{SignedDuration, Timestamp};
use mlops_shared::cli::{Demand, DryRun, Failure, Printer, WriteSettings, confirm, to_end};
use mlops_shared::cluster::{self, Connection, Resource, WriteToken, Writer, resources};
use mlops_shared::object::Selector;
use mlops_shared::report::{Plan, PlanState, Style};
use mlops_shared::text;
use read::Seen;
use std::time::Duration;

/// Who made a snapshot: only those with it are ever removed.
pub(crate) const MADE_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kubectl-mlops");
/// Snapshots of one run have the same value.
pub(crate) const RUN: &str = "mlops.dev/snapshot-run";
/// A snapshot may take so long until it is ready, where nothing else was said.
const PATIENCE: Duration = Duration::from_secs(300);

/// What the command line means.
pub(crate) struct Wanted {
    /// Claims by namespace (empty: any of those that were read) and name; empty for all.
    pub(crate) claims: Vec<(String, String)>,
    pub(crate) labels: Option<Selector>,
    pub(crate) fresh: SignedDuration,
    pub(crate) class: Option<String>,
    pub(crate) now: Timestamp,
}

/// What the command answers.
pub(crate) enum Answer {
    /// How claims are covered.
    Report(Box<SnapshotReport>),
    /// What was, or would be, made or removed.
    Plan(Box<Plan>),
}

fn wanted(args: &Args, snapshots: &SnapshotsArgs) -> Result<Wanted, Failure> {
    let fresh = text::parse_duration(&snapshots.fresh)
        .filter(|fresh| fresh.is_positive())
        .ok_or_else(|| Failure::usage(format!("{:?} is no duration", snapshots.fresh)).hint("as in --fresh 24h"))?;
    let claims = snapshots.claims.iter().map(|word| match (word.split_once('/'), args.scope.namespace.as_slice()) {
        (Some((namespace, name)), _) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        (None, [namespace]) if !word.is_empty() => Ok((namespace.clone(), word.clone())),
        (None, _) => Err(Failure::usage(format!("in which namespace is the claim {word}?"))
            .hint(format!("name it as NAMESPACE/{word}, or give one -n"))),
        _ => Err(Failure::usage(format!("{word:?} is no claim")).hint("as in data-plane/data-0")),
    });
    Ok(Wanted {
        claims: claims.collect::<Result<_, _>>()?,
        labels: args.scope.selector()?,
        fresh,
        class: snapshots.class.clone(),
        now: args.source.now.unwrap_or_else(Timestamp::now),
    })
}

/// Runs the command.
pub(crate) fn run(args: &Args, flags: &SnapshotsArgs, printer: &Printer, style: &Style) -> Result<Answer, Failure> {
    let wanted = wanted(args, flags)?;
    if !flags.create && flags.keep_last.is_none() {
        let seen = read::read(args, &wanted)?;
        seen.warnings.iter().for_each(|warning| printer.note(warning));
        return Ok(Answer::Report(Box::new(judge::report(&seen, &wanted)?)));
    }
    if args.source.from.is_some() {
        return Err(Failure::usage("--create and --keep-last change a cluster, and --from names files"));
    }
    let is_narrowed = !wanted.claims.is_empty() || wanted.labels.is_some() || !args.scope.namespace.is_empty();
    if !is_narrowed && !args.scope.all_namespaces {
        return Err(Failure::usage("of which claims?").hint("name them, or give -n or -l; -A means all of the cluster"));
    }
    let settings = flags.write.settings()?;
    let connection = &args.connection;
    if connection.is_several() {
        return Err(Failure::usage("this command changes one cluster").hint("run it once for each --context"));
    }
    let connect = connection.settings(connection.context.first().map(String::as_str))?;
    let plan = to_end(async {
        let connection = cluster::connect(&connect).await?;
        let seen = read::of_cluster(&connection, read::namespaces(args, &wanted)).await?;
        seen.warnings.iter().for_each(|warning| printer.note(warning));
        let work = Work { connection: &connection, seen: &seen, wanted: &wanted, settings: &settings, printer, style };
        match flags.keep_last {
            Some(keep) => work.retain(keep).await,
            None => work.take().await,
        }
    });
    Ok(Answer::Plan(Box::new(plan?)))
}

/// A run that changes something.
struct Work<'a> {
    connection: &'a Connection,
    seen: &'a Seen,
    wanted: &'a Wanted,
    settings: &'a WriteSettings,
    printer: &'a Printer,
    style: &'a Style,
}

impl Work<'_> {
    async fn take(&self) -> Result<Plan, Failure> {
        let (mut plan, drafts) = take::plan(self.seen, self.wanted, self.settings)?;
        let patience = self.settings.timeout.unwrap_or(PATIENCE);
        let Some(token) = self.consent(&mut plan).await? else { return Ok(plan) };
        let writer = Writer::new(self.connection, &token, &self.settings.manager);
        let resource = self.resource().await?;
        take::carry_out(&writer, &resource, &mut plan, &drafts).await;
        self.told(&writer);
        if plan.state == PlanState::Planned {
            match (token.is_dry_run(), patience.is_zero()) {
                (true, _) => accepted(&mut plan),
                (false, true) => {
                    plan.state = PlanState::Applied;
                    "made; nobody waits until they are ready".clone_into(&mut plan.outcome);
                }
                (false, false) => {
                    wait::until_ready(self.connection, &resource, &mut plan, (patience, self.printer)).await;
                }
            }
        }
        Ok(plan)
    }

    async fn retain(&self, keep: u32) -> Result<Plan, Failure> {
        let mut plan = retain::plan(self.seen, self.wanted, self.settings, keep);
        let Some(token) = self.consent(&mut plan).await? else { return Ok(plan) };
        let writer = Writer::new(self.connection, &token, &self.settings.manager);
        let resource = self.resource().await?;
        retain::carry_out(self.connection, &writer, &resource, &mut plan).await;
        self.told(&writer);
        if plan.state == PlanState::Planned {
            if token.is_dry_run() {
                accepted(&mut plan);
            } else {
                plan.state = PlanState::Done;
                plan.outcome = format!("{} deleted", text::plural(plan.steps.len(), "snapshot"));
            }
        }
        Ok(plan)
    }

    async fn resource(&self) -> Result<Resource, Failure> {
        let resources = resources(self.connection).await?;
        let resource = resources.of_kind(cover::GROUP, "VolumeSnapshot").cloned();
        resource.ok_or_else(|| Failure::unchecked("the cluster serves no VolumeSnapshots any more"))
    }

    /// Permission to carry a plan out; `None` where there is nothing to do or nothing is to be done.
    async fn consent(&self, plan: &mut Plan) -> Result<Option<WriteToken>, Failure> {
        if plan.state == PlanState::Refused || plan.steps.is_empty() || self.settings.dry_run == DryRun::Client {
            return Ok(None);
        }
        if self.settings.dry_run == DryRun::None && !self.settings.is_agreed {
            self.printer.aside(plan, self.style);
        }
        let question = format!("{} in {}?", plan.request, self.connection.context);
        confirm(self.settings, &question, Demand::Yes).await.map(Some)
    }

    fn told(&self, writer: &Writer<'_>) {
        writer.warnings().iter().for_each(|warning| self.printer.note(&format!("the API server warns: {warning}")));
    }
}

/// A plan without a request and steps yet.
fn draft(seen: &Seen, wanted: &Wanted, settings: &WriteSettings) -> Plan {
    let mut plan = Plan::new("SnapshotPlan", seen.view.clone(), "", wanted.now);
    settings.dry_run.word().clone_into(&mut plan.dry_run);
    settings.manager.as_str().clone_into(&mut plan.field_manager);
    plan.reason.clone_from(&settings.reason);
    plan
}

fn accepted(plan: &mut Plan) {
    plan.state = PlanState::Accepted;
    "the API server takes every change, and has kept none".clone_into(&mut plan.outcome);
}
