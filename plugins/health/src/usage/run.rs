//! One run of `health usage`: what it needs is read, from clusters and their kubelets or from files.

use super::{Ask, Section, UsageReport, kinds, kubelets, report};
use crate::args::{Args, UsageArgs};
use crate::run::{BUDGET, plan, style, tell};
use crate::settings::Settings;
use mlops_shared::cli::{Contexts, Exit, Failure, Printer, Unread, to_end};
use mlops_shared::cluster::{self, ClusterError, Connection};
use mlops_shared::object::{self, Decoded, Sym};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Format, ReportList, View};
use mlops_shared::source::{Limits, Origin, Snapshot, read_path};
use std::cell::RefCell;
use std::time::Instant;

/// What the reports of a run have in common.
struct Common<'a> {
    wanted: &'a UsageArgs,
    settings: &'a Settings,
    platform: &'a Platform,
    origin: &'a str,
    sections: Vec<Section>,
    namespaces: Vec<Sym>,
}

/// Reads, judges, prints, and says how the run ends.
pub(crate) fn run(
    wanted: &UsageArgs,
    settings: &Settings,
    args: &Args,
    (platform, origin): (&Platform, &str),
    (format, printer): (Format, &Printer),
) -> Result<Exit, Failure> {
    let is_wanted = |part: &Section| wanted.sections.is_empty() || wanted.sections.contains(part);
    let sections = Section::ALL.into_iter().filter(is_wanted).collect();
    let namespaces = settings.namespaces.iter().map(|name| Sym::new(name)).collect();
    let common = Common { wanted, settings, platform, origin, sections, namespaces };
    let style = style(settings, args, printer);
    if let Some(path) = &settings.from {
        let origin = Origin { path, identities: &args.source.identity };
        let report = common.report(read_path(origin, &Limits::default())?, Vec::new());
        printer.report(&report, format, &style)?;
        return Ok(common.exit(&[report]));
    }
    let mut contexts = Contexts::new(&args.connection)?;
    let told = RefCell::default();
    let looks = to_end(async {
        let look = async |connection: &Connection| {
            let (snapshot, failures) = common.read(connection).await?;
            tell(&snapshot, printer, &told);
            Ok(common.report(snapshot, failures))
        };
        Ok(contexts.each(BUDGET, look).await)
    })?;
    let mut reports = Vec::new();
    for look in looks {
        reports.push(match look.outcome {
            Ok(report) => report,
            Err(unread) if !args.connection.is_several() => return Err(unread.into()),
            Err(Unread { error, .. }) => {
                UsageReport::unread(View::unread(look.context, &settings.namespaces, origin), error, settings.now)
            }
        });
    }
    let exit = common.exit(&reports);
    if args.connection.is_several() {
        let list = ReportList::new(reports, contexts.same_as, settings.now.to_string());
        printer.report(&list, format, &style)?;
    } else {
        for report in &reports {
            printer.report(report, format, &style)?;
        }
    }
    Ok(exit)
}

impl Common<'_> {
    fn report(&self, snapshot: Snapshot, failures: Vec<(String, object::Unread)>) -> UsageReport {
        report(&Ask {
            inventory: &snapshot.inventory,
            platform: self.platform,
            view: View { platform: Some(self.origin.to_owned()), ..snapshot.view },
            is_live: self.settings.from.is_none(),
            notes: snapshot.notes,
            gaps: snapshot.gaps,
            failures,
            namespaces: &self.namespaces,
            selector: self.settings.selector.as_ref(),
            sections: &self.sections,
            sort: self.wanted.sort,
            top: self.wanted.top,
            now: self.settings.now,
        })
    }

    fn exit(&self, reports: &[UsageReport]) -> Exit {
        let mut findings = reports.iter().flat_map(|report| &report.findings);
        let has_findings = findings.any(|finding| self.settings.fail_on.is_met(finding.verdict));
        Exit::of_check(has_findings, reports.iter().any(|report| report.partial))
    }

    /// The kinds that the parts need, then the kubelets of the nodes that were found.
    async fn read(&self, connection: &Connection) -> Result<(Snapshot, Vec<(String, object::Unread)>), ClusterError> {
        let plan = plan(self.settings, self.platform);
        let deadline = Instant::now() + plan.budget;
        let mut snapshot = cluster::read_kinds(connection, &plan, &kinds(&self.sections)).await?;
        let mut failures = Vec::new();
        if self.sections.contains(&Section::Volumes) {
            let nodes = kubelets(&snapshot.inventory, &self.namespaces);
            let mut builder = std::mem::take(&mut snapshot.inventory).reopen();
            for (node, outcome) in cluster::statistics(connection, &nodes, deadline).await {
                match outcome {
                    Ok(summary) => builder.push(Decoded::Object(summary)),
                    Err(why) => failures.push((node, why)),
                }
            }
            snapshot.inventory = builder.finish();
        }
        Ok((snapshot, failures))
    }
}
