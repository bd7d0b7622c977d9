//! One run: settings, source, checks, report, rendering, exit.

use crate::args::{Args, Command};
use crate::assemble::{Ingredients, report};
use crate::baseline::{self, Baseline};
use crate::check::all_codes;
use crate::document::Shown;
use crate::images::bom;
use crate::record::{Record, Records, decode, decode_scanned};
use crate::rights;
use crate::scope::Scope;
use crate::settings::{self, Settings};
use crate::tree::{self, Inline, Tree};
use jiff::Timestamp;
use mlops_shared::cli::{Catalogue, Exit, Failure, Printer, explain, explain_format, on_cluster, platform};
use mlops_shared::cluster::{self, DecodeItem, Plan};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Format, Level, Style, View};
use mlops_shared::source::{Gathered, Limits, gather};
use std::time::Duration;

/// The whole run may take so long.
const BUDGET: Duration = Duration::from_secs(180);

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
    let Tree { gathered, inline, files } = match &settings.tree {
        Some((folder, true)) => tree::read(folder)?,
        Some((folder, false)) => Tree { inline: Inline::default(), ..tree::read(folder)? },
        None => Tree { gathered: read(&settings, args, &platform)?, inline: Inline::default(), files: 0 },
    };
    for warning in &gathered.warnings {
        printer.note(warning);
    }
    let records = Records::new(gathered.items);
    let scope = Scope::new(&settings, &records, &gathered.sections)?;
    let (report, findings) = report(Ingredients {
        records: &records,
        sections: &gathered.sections,
        is_whole: gathered.is_whole,
        checks: &settings.checks,
        platform: &platform,
        baseline: baseline.as_ref(),
        view: View { platform: Some(origin), ..gathered.view },
        notes: gathered.notes,
        gaps: gathered.gaps,
        files,
        inline: &inline,
        scope: &scope,
        is_narrowed: settings.is_narrowed(),
        now: settings.now,
    });
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
    let open = report.findings.iter().filter(|entry| entry.accepted.is_none());
    let has_findings = open.into_iter().any(|entry| settings.fail_on.is_met(entry.severity));
    Ok(Exit::of_check(has_findings, report.summary.partial))
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

fn style(args: &Args, printer: &Printer) -> Style {
    Style {
        color: args.output.use_color(printer.is_terminal()),
        width: printer.columns(),
        headers: !args.output.no_headers,
        show: Level::Ok,
    }
}

fn read(settings: &Settings, args: &Args, platform: &Platform) -> Result<Gathered<Record>, Failure> {
    let has_secrets = settings.checks.iter().any(|check| check.name == "secrets");
    let decode: DecodeItem<Record> = if has_secrets { decode_scanned } else { decode };
    if let Some(path) = &settings.from {
        return Ok(gather(path, &Limits::default(), &decode)?);
    }
    let plan = Plan {
        namespaces: settings.namespaces.clone(),
        likely: platform.namespaces.iter().map(|namespace| namespace.name.clone()).collect(),
        budget: BUDGET,
        kubelets: false,
        contents: false,
    };
    let wanted = |group: &str, kind: &str| settings.checks.iter().any(|check| check.reads(group, kind));
    on_cluster(&args.connection, async |connection| cluster::gather(connection, &plan, wanted, decode).await)
}
