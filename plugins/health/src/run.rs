//! One run: settings, source, engine, report, rendering, exit.

use crate::args::{Args, Command};
use crate::clusters::{Clusters, exit_of};
use crate::live::Run;
use crate::settings::Follow;
use crate::settings::{self, Settings};
use crate::{capacity, diff, usage};
use jiff::Timestamp;
use mlops_shared::cli::{Catalogue, Exit, Failure, Printer, explain, explain_format, on_cluster, platform};
use mlops_shared::cluster::{self, Plan};
use mlops_shared::health::{Ingredients, all_codes, judge, report};
use mlops_shared::object::{Decoded, Inventory, InventoryBuilder, Scope, SectionState, Sym};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Format, Report, Style};
use mlops_shared::source::{Limits, Origin, Snapshot, read_path};
use mlops_shared::text;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// Runs the command line.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<Exit, Failure> {
    let word = args.output.output.as_deref().unwrap_or("table");
    match &args.command {
        Some(Command::Explain { code }) => {
            let codes = all_codes();
            let catalogue = Catalogue { plugin: "health", codes: &codes, has_outlook: true };
            let list = explain(&catalogue, code.as_deref())?;
            let style = style(&settings::resolve(args, Timestamp::now())?, args, printer);
            printer.report(&list, explain_format(word)?, &style)?;
            return Ok(Exit::Clean);
        }
        Some(Command::Diff { old, new }) => {
            if !matches!(word, "table" | "wide") {
                return Err(Failure::usage(format!("a diff is printed as a table, not as {word:?}")));
            }
            let diff = diff::diff(old, new)?;
            printer.answer(diff.text.as_bytes())?;
            return Ok(Exit::of_check(diff.is_worse, diff.is_unsure));
        }
        _ => {}
    }
    let (platform, origin) = platform(args.source.platform.as_ref())?;
    if matches!(args.command, Some(Command::Platform)) {
        return print_platform(&platform, word, printer);
    }
    let settings = settings::resolve(args, Timestamp::now())?;
    let format: Format = word.parse().map_err(|reason: String| Failure::usage(reason))?;
    if let Some(Command::Usage(wanted)) = &args.command {
        return usage::run(wanted, &settings, args, (&platform, &origin), (format, printer));
    }
    if args.command.is_none()
        && settings.from.is_none()
        && (args.connection.is_several() || settings.follow != Follow::Once)
    {
        let clusters = Clusters::new(args, &settings, (&platform, &origin), printer)?;
        return Run { args, settings: &settings, format, printer }.to_end(clusters);
    }
    let mut snapshot = read(&settings, args, &platform)?;
    tell(&snapshot, printer, &RefCell::default());
    snapshot.view.platform = Some(origin);
    if matches!(args.command, Some(Command::Capacity)) {
        return print_capacity(&snapshot.inventory, &settings, args, format, printer);
    }
    let report = judged(snapshot, &settings, &platform, settings.now);
    printer.report(&report, format, &style(&settings, args, printer))?;
    Ok(exit_of(std::slice::from_ref(&report), settings.fail_on))
}

/// The report on what was read.
pub(crate) fn judged(snapshot: Snapshot, settings: &Settings, platform: &Platform, now: Timestamp) -> Report {
    let judgement = judge(&snapshot.inventory, platform, now);
    report(Ingredients {
        inventory: &snapshot.inventory,
        judgement: &judgement,
        platform,
        view: snapshot.view,
        notes: snapshot.notes,
        gaps: snapshot.gaps,
        now,
        selector: settings.selector.as_ref(),
    })
}

/// Says on standard error what is to be said of a run, each thing once.
pub(crate) fn tell(snapshot: &Snapshot, printer: &Printer, told: &RefCell<BTreeSet<String>>) {
    for warning in &snapshot.warnings {
        let line = format!("{}: {warning}", snapshot.view.name);
        if told.borrow_mut().insert(line.clone()) {
            printer.note(&line);
        }
    }
}

pub(crate) fn style(settings: &Settings, args: &Args, printer: &Printer) -> Style {
    Style {
        color: args.output.use_color(printer.is_terminal()),
        width: printer.columns(),
        headers: !args.output.no_headers,
        show: settings.show,
    }
}

fn read(settings: &Settings, args: &Args, platform: &Platform) -> Result<Snapshot, Failure> {
    let Some(path) = &settings.from else { return read_cluster(settings, args, platform) };
    let mut snapshot = read_path(Origin { path, identities: &args.source.identity }, &Limits::default())?;
    if args.source.now.is_none() {
        snapshot.notes.extend(stale(&snapshot, settings.now));
    }
    Ok(Snapshot { inventory: narrow(snapshot.inventory, settings)?, ..snapshot })
}

/// Files of an hour ago, judged as of now, look as if every node and controller had fallen silent.
fn stale(snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    let newest = snapshot.newest_sign().filter(|newest| now.duration_since(*newest).as_hours() >= 1)?;
    Some(format!(
        "nothing in these files is newer than {newest}, {} ago: --now {newest} judges as of then",
        text::age(newest, now)
    ))
}

/// The whole run may take so long.
pub(crate) const BUDGET: Duration = Duration::from_secs(180);

/// What is read of the cluster.
pub(crate) fn plan(settings: &Settings, platform: &Platform) -> Plan {
    let likely = platform.namespaces.iter().map(|namespace| namespace.name.clone()).collect();
    Plan {
        namespaces: settings.namespaces.clone(),
        likely,
        budget: BUDGET,
        kubelets: settings.volumes,
        contents: false,
    }
}

fn read_cluster(settings: &Settings, args: &Args, platform: &Platform) -> Result<Snapshot, Failure> {
    // Capacity is what requests leave: it needs no measurement.
    let kubelets = settings.volumes && args.command.is_none();
    let plan = Plan { kubelets, ..plan(settings, platform) };
    let snapshot = on_cluster(&args.connection, async |connection| cluster::read(connection, &plan).await)?;
    Ok(Snapshot { inventory: narrow(snapshot.inventory, settings)?, ..snapshot })
}

/// Keeps what `-n` asks for of a file, which holds what it holds.
///
/// # Errors
/// When a namespace that was asked for is known not to be there: an empty answer would read as
/// health.
pub(crate) fn narrow(inventory: Inventory, settings: &Settings) -> Result<Inventory, Failure> {
    if settings.namespaces.is_empty() {
        return Ok(inventory);
    }
    for name in &settings.namespaces {
        let is_empty = !inventory.objects().iter().any(|object| *object.meta.namespace == **name);
        if is_empty && inventory.get("", "Namespace", "", name).is_missing() {
            return Err(Failure::usage(format!("there is no namespace {name}"))
                .hint("`kubectl get namespaces` lists those that are there"));
        }
    }
    let namespaces: Vec<Sym> = settings.namespaces.iter().map(|name| Sym::new(name)).collect();
    let mut builder = InventoryBuilder::new(Scope::Namespaces(namespaces.clone()), inventory.is_complete());
    for section in inventory.sections() {
        builder.section(section.clone());
    }
    let (objects, events) = inventory.into_parts();
    for object in objects {
        if object.meta.namespace.is_empty() || namespaces.contains(&object.meta.namespace) {
            builder.push(Decoded::Object(object));
        }
    }
    for event in events {
        builder.push(Decoded::Event(event));
    }
    Ok(builder.finish())
}

fn print_platform(platform: &Platform, word: &str, printer: &Printer) -> Result<Exit, Failure> {
    let text = match word {
        "json" => serde_json::to_string_pretty(platform).map(|text| text + "\n").map_err(|error| error.to_string()),
        "table" | "yaml" => serde_saphyr::to_string(platform).map_err(|error| error.to_string()),
        other => return Err(Failure::usage(format!("a platform file is printed as yaml or json, not as {other:?}"))),
    };
    printer.answer(text.map_err(Failure::unchecked)?.as_bytes())?;
    Ok(Exit::Clean)
}

fn print_capacity(
    inventory: &Inventory,
    settings: &Settings,
    args: &Args,
    format: Format,
    printer: &Printer,
) -> Result<Exit, Failure> {
    // What is free is known only when every pod was counted.
    if !settings.namespaces.is_empty() || settings.selector.is_some() {
        return Err(Failure::usage("capacity counts the pods of all namespaces").hint("leave out -n and -l"));
    }
    let pods = inventory.section("", "Pod").map(|section| &section.state);
    if let Some(SectionState::Unread(why) | SectionState::Partly(_, _, why)) = pods {
        return Err(Failure::unchecked(format!("not all pods could be read: {why}"))
            .hint("without them what they hold would look free"));
    }
    let picture = capacity::capacity(inventory, settings.now);
    if picture.nodes.is_empty() {
        return Err(Failure::unchecked("no node could be read").hint("capacity needs nodes and pods"));
    }
    let text = match format {
        Format::Table | Format::Wide => capacity::table(&picture, !args.output.no_headers),
        Format::Json => serde_json::to_string_pretty(&picture)
            .map(|text| text + "\n")
            .map_err(|error| Failure::unchecked(error.to_string()))?,
        Format::Yaml => serde_saphyr::to_string(&picture).map_err(|error| Failure::unchecked(error.to_string()))?,
        _ => return Err(Failure::usage("capacity is printed as table, json or yaml")),
    };
    printer.answer(text.as_bytes())?;
    Ok(Exit::Clean)
}
