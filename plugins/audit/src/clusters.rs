//! Several clusters in one run: an audit of each at the same time, and the list of their reports.

use crate::args::Args;
use crate::document::{Shown, verdict};
use crate::model::AuditReport;
use crate::record::Records;
use crate::run::{BUDGET, Common, exit_of, look, offers, plan, style};
use crate::tree::Inline;
use mlops_shared::cli::{Contexts, Exit, Failure, Printer, Unread, to_end};
use mlops_shared::cluster::Connection;
use mlops_shared::report::{Format, Level, OfCluster, ReadError, ReportList, View};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Audits every cluster that the flags name. One that cannot be read has a report that says so, and hides no other.
///
/// # Errors
/// When what is asked for is of one cluster, or the contexts are not known.
pub(crate) fn run(args: &Args, common: &Common<'_>, format: Format, printer: &Printer) -> Result<Exit, Failure> {
    let settings = common.settings;
    let one =
        |what: &str| Err(Failure::usage(format!("{what} is of one cluster")).hint("run it once for each --context"));
    if format == Format::Sarif {
        return one("-o sarif");
    }
    if args.check.write_baseline.is_some() {
        return one("a baseline that is written");
    }
    let mut contexts = Contexts::new(&args.connection)?;
    let plan = plan(settings, common.platform);
    let told: RefCell<BTreeSet<String>> = RefCell::default();
    let looks = to_end(async {
        // Judged at once: the objects of many clusters are never in memory together.
        let audit = async |connection: &Connection| {
            let mut gathered = look(connection, settings, &plan).await?;
            for warning in &gathered.warnings {
                let line = format!("{}: {warning}", gathered.view.name);
                if told.borrow_mut().insert(line.clone()) {
                    printer.note(&line);
                }
            }
            let records = Records::new(std::mem::take(&mut gathered.items));
            let offered = offers(settings, &records, &mut gathered).await;
            Ok(common.report(&records, offered.as_ref(), gathered, &Inline::default(), 0).map(|(report, _)| report))
        };
        Ok(contexts.each(BUDGET, audit).await)
    })?;
    let reports = looks.into_iter().map(|look| {
        let error = match look.outcome {
            Ok(Ok(report)) => return report,
            Ok(Err(Failure { message, hints, .. })) => ReadError { message, hints },
            Err(Unread { error, .. }) => error,
        };
        let view = View::unread(look.context, &settings.namespaces, common.origin);
        AuditReport::unread(view, error, settings.checks.iter().map(|check| check.name), settings.now)
    });
    let reports: Vec<AuditReport> = reports.collect();
    let shown = reports.iter().map(|report| Shown { report, show: settings.show }).collect();
    let list = ReportList::new(shown, contexts.same_as, settings.now.to_string());
    printer.report(&list, format, &style(args, printer))?;
    Ok(exit_of(&reports, settings.fail_on))
}

impl OfCluster for Shown<'_> {
    const WHAT: &'static str = "Audit";
    const LIST: &'static str = "AuditReportList";

    fn context(&self) -> &str {
        &self.report.view.name
    }

    fn level(&self) -> Level {
        verdict(self.report).level
    }
}
