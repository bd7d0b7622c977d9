//! One run: the command, its report, rendering, exit.

use crate::args::{Args, Command};
use crate::complete::FORMATS;
use crate::show::Shown;
use crate::snapshots::{self, Answer};
use crate::{coverage, create, diff, kafka, list, prune, restore, show as shown, verify};
use mlops_shared::cli::{Exit, Failure, Printer};
use mlops_shared::report::{Format, Level, Present, Style};

/// Runs the command line.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<Exit, Failure> {
    let format = format(args)?;
    match &args.command {
        Command::Create(create) => {
            let settings = create::settings(args, &create.archive)?;
            let report = create::run(args, &create.archive, settings, create::What::Kinds(&create.kinds), printer)?;
            show(args, printer, &report, format)?;
            Ok(Exit::of_check(false, report.manifest.partial))
        }
        Command::Kafka(wanted) => {
            let report = kafka::run(args, wanted, printer)?;
            match wanted.topic_manifests {
                true => printer.answer(kafka::manifests(&report).as_bytes())?,
                false => show(args, printer, &report, format)?,
            }
            Ok(Exit::of_check(report.has_findings(), report.partial))
        }
        Command::Verify(verify) => {
            let report = verify::run(args, verify, printer)?;
            show(args, printer, &report, format)?;
            Ok(Exit::of_check(!report.findings.is_empty(), report.is_partial()))
        }
        Command::List(list) => {
            let report = list::run(args, list)?;
            show(args, printer, &report, format)?;
            Ok(Exit::of_check(false, report.is_partial()))
        }
        Command::Show(wanted) if wanted.stream => {
            shown::stream(args, wanted, printer)?;
            Ok(Exit::Clean)
        }
        Command::Show(wanted) => {
            match shown::run(args, wanted)? {
                Shown::Manifest(report) => show(args, printer, &*report, format)?,
                Shown::Objects(report) => show(args, printer, &report, format)?,
                // An object is read as YAML, as `kubectl get -o yaml` prints it.
                Shown::Object(object) if format == Format::Table => show(args, printer, &object, Format::Yaml)?,
                Shown::Object(object) => show(args, printer, &object, format)?,
            }
            Ok(Exit::Clean)
        }
        Command::Diff(diff) => {
            let report = diff::run(args, diff)?;
            show(args, printer, &report, format)?;
            Ok(Exit::of_check(report.is_different(), report.partial))
        }
        Command::Restore(wanted) => {
            let report = restore::run(args, wanted, printer, &style(args, printer))?;
            show(args, printer, &report, format)?;
            Ok(restore::exit(&report))
        }
        Command::Prune(prune) => {
            let report = prune::run(args, prune)?;
            show(args, printer, &report, format)?;
            Ok(Exit::of_check(report.has_failed(), false))
        }
        Command::Snapshots(wanted) => match snapshots::run(args, wanted, printer, &style(args, printer))? {
            Answer::Report(report) => {
                show(args, printer, &*report, format)?;
                Ok(Exit::of_check(report.has_findings(), report.partial))
            }
            Answer::Plan(plan) => {
                show(args, printer, &*plan, format)?;
                Ok(Exit::of_check(plan.has_failed(), plan.is_unsure()))
            }
        },
        Command::Coverage(coverage) => {
            let report = coverage::run(args, coverage, printer)?;
            show(args, printer, &report, format)?;
            Ok(Exit::of_check(false, report.partial))
        }
    }
}

fn format(args: &Args) -> Result<Format, Failure> {
    let word = args.output.output.as_deref().unwrap_or("table");
    if !FORMATS.contains(&word) {
        return Err(Failure::usage(format!("backups have no form as {word:?}"))
            .hint(format!("use one of {}", FORMATS.join(", "))));
    }
    word.parse().map_err(Failure::usage)
}

fn show(args: &Args, printer: &Printer, report: &impl Present, format: Format) -> Result<(), Failure> {
    printer.report(report, format, &style(args, printer))
}

fn style(args: &Args, printer: &Printer) -> Style {
    Style {
        color: args.output.use_color(printer.is_terminal()),
        width: printer.columns(),
        headers: !args.output.no_headers,
        show: Level::Ok,
    }
}
