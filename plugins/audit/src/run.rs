//! One run: settings, source, checks, report, rendering, exit.

use crate::args::{Args, Command};
use crate::assemble::{Ingredients, report};
use crate::baseline::{self, Baseline};
use crate::check::all_codes;
use crate::clusters;
use crate::document::Shown;
use crate::finding::Finding;
use crate::images::bom;
use crate::model::AuditReport;
use crate::online::Offers;
use crate::record::{Record, Records, decode, decode_contents, decode_releases, decode_scanned};
use crate::scope::Scope;
use crate::settings::{self, FailOn, Settings};
use crate::tree::{self, Inline, Tree};
use crate::{helm, online, rights};
use jiff::Timestamp;
use mlops_shared::cli::{Catalogue, Exit, Failure, Printer, explain, explain_format, on_cluster, platform, to_end};
use mlops_shared::cluster::{self, ClusterError, Connection, DecodeItem, Plan};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Format, Level, Style, View};
use mlops_shared::source::{Gathered, Limits, Origin, gather};
use std::time::Duration;

/// The whole run may take so long.
pub(crate) const BUDGET: Duration = Duration::from_secs(180);

/// Runs the command line.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<Exit, Failure> {
    let is_check = matches!(args.command, None | Some(Command::Tree { .. }));
    if !is_check && !args.families.is_empty() {
        return Err(Failure::usage("families of checks go without a subcommand"));
    }
    match &args.command {
        Some(Command::Explain { code }) => return explain_code(args, code.as_deref(), printer),
        Some(Command::WhoCan { verb, resource, subresource }) => {
            let asked = (verb.as_str(), resource.as_str(), subresource.as_deref());
            return rights::who_can(args, asked, &|report, format| {
                printer.report(report, format, &style(args, printer))
            });
        }
        Some(Command::Permissions { verify }) => {
            return rights::permissions(args, *verify, &|report, format| {
                printer.report(report, format, &style(args, printer))
            });
        }
        Some(Command::Paths) => {
            return rights::paths(args, &|report, format| printer.report(report, format, &style(args, printer)));
        }
        None | Some(Command::Tree { .. }) => {}
    }
    let settings = settings::resolve(args, Timestamp::now())?;
    let word = args.output.output.as_deref().unwrap_or("table");
    let is_bom = word == "cyclonedx";
    if is_bom && !settings.checks.iter().any(|check| check.name == "images") {
        return Err(Failure::usage("-o cyclonedx lists images: run it with `images`, or with all checks"));
    }
    let word = if is_bom { "json" } else { word };
    let format = Format::among(Format::of_analysis(), word).map_err(Failure::usage)?;
    let baseline = args.check.baseline.as_deref().map(Baseline::read).transpose()?;
    let (platform, origin) = platform(args.source.platform.as_ref())?;
    let is_live = settings.from.is_none() && settings.tree.is_none();
    let is_several = is_live && args.connection.is_several();
    let common =
        Common { settings: &settings, platform: &platform, origin: &origin, baseline: baseline.as_ref(), is_several };
    if is_several {
        if is_bom {
            return Err(Failure::usage("-o cyclonedx is of one cluster").hint("run it once for each --context"));
        }
        return clusters::run(args, &common, format, printer);
    }
    let Tree { mut gathered, inline, files } = match &settings.tree {
        Some((folder, true)) => tree::read(folder)?,
        Some((folder, false)) => Tree { inline: Inline::default(), ..tree::read(folder)? },
        None => Tree { gathered: read(&settings, args, &platform)?, inline: Inline::default(), files: 0 },
    };
    for warning in &gathered.warnings {
        printer.note(warning);
    }
    let records = Records::new(std::mem::take(&mut gathered.items));
    let offered = match settings.online {
        Some(_) => to_end(async { Ok(offers(&settings, &records, &mut gathered).await) })?,
        None => None,
    };
    let (report, findings) = common.report(&records, offered.as_ref(), gathered, &inline, files)?;
    if is_bom {
        printer.answer(format!("{:#}\n", bom(&report.images, &report.generated_at)).as_bytes())?;
    } else {
        printer.report(&Shown { report: &report, show: settings.show }, format, &style(args, printer))?;
    }
    if let Some(path) = &args.check.write_baseline {
        baseline::write(path, &baseline::text(findings.iter(), settings.now))?;
        printer.note(&format!(
            "{} written to {}",
            mlops_shared::text::plural(findings.len(), "finding"),
            path.display()
        ));
    }
    Ok(exit_of(std::slice::from_ref(&report), settings.fail_on))
}

/// What the reports of a run have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) platform: &'a Platform,
    /// Where the platform file is.
    pub(crate) origin: &'a str,
    pub(crate) baseline: Option<&'a Baseline>,
    /// Whether there are reports on several clusters, of which each has a part of all findings.
    pub(crate) is_several: bool,
}

impl Common<'_> {
    /// The report on what was read, and the findings themselves, for a baseline.
    ///
    /// # Errors
    /// When a namespace that was asked for is not there.
    pub(crate) fn report(
        &self,
        records: &Records,
        offered: Option<&Offers>,
        gathered: Gathered<Record>,
        inline: &Inline,
        files: usize,
    ) -> Result<(AuditReport, Vec<Finding>), Failure> {
        let settings = self.settings;
        let mut notes = gathered.notes;
        let is_cluster = settings.tree.is_none() && !records.secrets.is_empty();
        if is_cluster && settings.has_secrets() && !settings.reads_values {
            notes.push(
                "the values of Secrets and ConfigMaps were not read: --read-values looks for known credentials and for \
                 certificates that end"
                    .to_owned(),
            );
        }
        let scope = Scope::new(settings, records, &gathered.sections)?;
        Ok(report(Ingredients {
            records,
            sections: &gathered.sections,
            is_whole: gathered.is_whole,
            checks: &settings.checks,
            platform: self.platform,
            baseline: self.baseline,
            view: View { platform: Some(self.origin.to_owned()), ..gathered.view },
            notes,
            gaps: gathered.gaps,
            files,
            inline,
            scope: &scope,
            is_narrowed: settings.is_narrowed() || self.is_several,
            target: settings.target,
            offered,
            now: settings.now,
        }))
    }
}

/// How an audit with these reports ends.
pub(crate) fn exit_of(reports: &[AuditReport], fail_on: FailOn) -> Exit {
    let all = reports.iter().flat_map(|report| &report.findings);
    let has_findings = all.filter(|entry| entry.accepted.is_none()).any(|entry| fail_on.is_met(entry.severity));
    Exit::of_check(has_findings, reports.iter().any(|report| report.summary.partial))
}

/// One code, or all of them.
fn explain_code(args: &Args, code: Option<&str>, printer: &Printer) -> Result<Exit, Failure> {
    let codes = all_codes();
    let catalogue = Catalogue { plugin: "audit", codes: &codes, has_outlook: false };
    let list = explain(&catalogue, code)?;
    let word = args.output.output.as_deref().unwrap_or("table");
    printer.report(&list, explain_format(word)?, &style(args, printer))?;
    Ok(Exit::Clean)
}

pub(crate) fn style(args: &Args, printer: &Printer) -> Style {
    Style {
        color: args.output.use_color(printer.is_terminal()),
        width: printer.columns(),
        headers: !args.output.no_headers,
        show: Level::Ok,
    }
}

/// What to read of a cluster.
pub(crate) fn plan(settings: &Settings, platform: &Platform) -> Plan {
    Plan {
        namespaces: settings.namespaces.clone(),
        likely: platform.namespaces.iter().map(|namespace| namespace.name.clone()).collect(),
        budget: BUDGET,
        kubelets: false,
        contents: settings.reads_values,
    }
}

/// What is kept of each object.
pub(crate) fn decoder(settings: &Settings) -> DecodeItem<Record> {
    match (settings.has_secrets(), settings.reads_values) {
        (true, true) => decode_contents,
        (true, false) => decode_scanned,
        (false, true) => decode_releases,
        (false, false) => decode,
    }
}

/// Reads a cluster.
pub(crate) async fn look(
    connection: &Connection,
    settings: &Settings,
    plan: &Plan,
) -> Result<Gathered<Record>, ClusterError> {
    let wanted = |group: &str, kind: &str| settings.reads(group, kind);
    let mut gathered = cluster::gather(connection, plan, wanted, decoder(settings)).await?;
    if settings.has_versions() {
        helm::releases(connection, &settings.namespaces, settings.reads_values, &mut gathered).await;
    }
    Ok(gathered)
}

/// What chart repositories offer, where they are to be asked; what could not be had is a gap of what was gathered.
pub(crate) async fn offers(settings: &Settings, records: &Records, gathered: &mut Gathered<Record>) -> Option<Offers> {
    let (allowed, limit) = settings.online.as_ref()?;
    let (offers, gaps) = online::look(records, allowed, *limit).await;
    gathered.gaps.extend(gaps);
    Some(offers)
}

fn read(settings: &Settings, args: &Args, platform: &Platform) -> Result<Gathered<Record>, Failure> {
    if let Some(path) = &settings.from {
        let origin = Origin { path, identities: &args.source.identity };
        return Ok(gather(origin, &Limits::default(), &decoder(settings))?);
    }
    let plan = plan(settings, platform);
    on_cluster(&args.connection, async |connection| look(connection, settings, &plan).await)
}
