//! `backup restore`: objects of an archive back into a cluster, by a plan that says of each what becomes of it and why.

pub(crate) mod apply;
pub(crate) mod asleep;
pub(crate) mod fields;
#[cfg(test)]
mod fields_tests;
mod finalizers;
pub(crate) mod head;
mod journal;
mod order;
pub(crate) mod plan;
#[cfg(test)]
mod plan_tests;
pub(crate) mod read;
pub(crate) mod recreate;
mod rehearsal;
pub(crate) mod report;

pub use plan::Action;
pub(crate) use plan::Existing;
pub use rehearsal::rehearse;
pub use report::{RestoreReport, Restored, State};

use crate::args::{Args, RestoreArgs};
use crate::show::Wanted;
use crate::storage::Storage;
use crate::verify::broken;
use apply::{Memory, Run};
use fields::{Context, Trial};
use head::Head;
use journal::{Journal, Subject};
use mlops_shared::archive::{Identities, Manifest, Secrets};
use mlops_shared::cli::{Demand, DryRun, Exit, Failure, Printer, WriteSettings, confirm, to_end};
use mlops_shared::cluster::{self, Collected, Connection, Resources, WriteToken, Writer, resources};
use mlops_shared::report::{API_VERSION, Style};
use mlops_shared::text;
use plan::{Item, Wish, decide};
use read::{Archive, Selection};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// A definition may take so long until its kind is served, where nothing else was said.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the command line means.
struct Settings {
    write: WriteSettings,
    selection: Selection,
    /// Namespaces that are looked at in the cluster; empty for all of it.
    targets: Vec<String>,
    namespaces: BTreeMap<String, String>,
}

fn settings(args: &Args, restore: &RestoreArgs) -> Result<Settings, Failure> {
    if args.source.from.is_some() {
        return Err(Failure::usage("restore writes into a cluster, and --from names files")
            .hint("`kubectl mlops backup diff ONE OTHER` compares two archives"));
    }
    let mut namespaces = BTreeMap::new();
    for word in &restore.map_namespace {
        let is_name = |name: &str| {
            !name.is_empty()
                && name.len() <= 63
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let pair = word.split_once('=').filter(|(from, to)| is_name(from) && is_name(to) && from != to);
        let (from, to) = pair.ok_or_else(|| {
            Failure::usage(format!("invalid value for --map-namespace: {word:?}")).hint("as in data-plane=drill")
        })?;
        if namespaces.insert(from.to_owned(), to.to_owned()).is_some() {
            return Err(Failure::usage(format!("--map-namespace says twice where {from} goes")));
        }
    }
    let mut within = args.scope.namespace.clone();
    if within.is_empty() {
        within = namespaces.keys().cloned().collect();
    }
    if let Some(other) = namespaces.keys().find(|from| !within.contains(from)) {
        return Err(Failure::usage(format!("--map-namespace names {other}, and -n does not")));
    }
    let places: Vec<&String> = within.iter().map(|name| namespaces.get(name).unwrap_or(name)).collect();
    if let Some(twice) = places.iter().enumerate().find(|(at, name)| places[..*at].contains(name)).map(|it| it.1)
        && !namespaces.is_empty()
    {
        return Err(Failure::usage(format!("two namespaces would become {twice}")));
    }
    let wanted = restore.objects.iter().map(|word| Wanted::new(word, &args.scope.namespace));
    Ok(Settings {
        write: restore.write.settings()?,
        targets: places.into_iter().cloned().collect(),
        selection: Selection {
            namespaces: within,
            labels: args.scope.selector()?,
            wanted: wanted.collect::<Result<_, Failure>>()?,
        },
        namespaces,
    })
}

/// Runs the command.
pub(crate) fn run(
    args: &Args,
    restore: &RestoreArgs,
    printer: &Printer,
    style: &Style,
) -> Result<RestoreReport, Failure> {
    let settings = settings(args, restore)?;
    let identities = Identities::read(&args.source.identity).map_err(|error| broken(&restore.archive, &error))?;
    let flags = &args.connection;
    if flags.is_several() {
        return Err(Failure::usage("this command changes one cluster").hint("run it once for each --context"));
    }
    let connect = flags.settings(flags.context.first().map(String::as_str))?;
    // All of the archive is read and checked before the cluster is asked anything.
    let archive = Archive::read(&Storage::new(&args.s3), &restore.archive, &identities, &settings.selection)?;
    let begun = Cell::new(false);
    let ended = to_end(async {
        let connection = cluster::connect(&connect).await?;
        let work = Work { args: restore, settings: &settings, printer, style, begun: &begun };
        work.restore(&connection, archive).await
    });
    ended.map_err(|failure| match failure.exit {
        Exit::Interrupted if begun.get() => {
            Failure { message: "interrupted: what was restored stays".to_owned(), ..failure }
                .hint("the same command goes on where this one was")
        }
        _ => failure,
    })
}

/// What a run stands on.
struct Stage<'a> {
    connection: &'a Connection,
    cluster: &'a plan::Cluster,
    context: &'a Context,
    heads: &'a [Head],
    resources: &'a Resources,
    archive: &'a RefCell<Archive>,
}

struct Work<'a> {
    args: &'a RestoreArgs,
    settings: &'a Settings,
    printer: &'a Printer,
    style: &'a Style,
    begun: &'a Cell<bool>,
}

impl Work<'_> {
    async fn restore(&self, connection: &Connection, mut archive: Archive) -> Result<RestoreReport, Failure> {
        let context =
            Context { volumes: archive.volumes(), namespaces: self.settings.namespaces.clone(), trial: Trial::No };
        let (cluster, collected) = read::live(connection, &archive, self.settings.targets.clone(), &context).await?;
        let (digests, held) = archive.digests(&cluster, &context)?;
        collected.warnings.iter().for_each(|warning| self.printer.note(warning));
        let subject = Subject::new(&archive.manifest, collected.uid.as_deref(), &context.namespaces);
        let journal = self.args.journal.clone().unwrap_or_else(|| subject.path(&self.args.archive));
        let past = journal::read(&journal, &subject)?;
        let wish = Wish {
            selected: archive.selected.clone(),
            existing: self.args.existing,
            with_managed: self.args.include_managed,
            context,
            begun: past.begun,
            deleted: past.deleted,
            digests,
            held,
        };
        let mut items = decide(&archive.heads, &cluster, &wish);
        let heads = std::mem::take(&mut archive.heads);
        let named = std::mem::take(&mut archive.named);
        let manifest = archive.manifest.clone();
        let dry_run = self.settings.write.dry_run;
        let resources = resources(connection).await?;
        let archive = RefCell::new(archive);
        let asking = WriteToken::dry_run();
        let stage = Stage {
            connection,
            cluster: &cluster,
            context: &wish.context,
            heads: &heads,
            resources: &resources,
            archive: &archive,
        };
        let mut losses: Vec<String> = Vec::new();
        if self.args.existing == Existing::Recreate {
            if dry_run == DryRun::Client {
                for item in items.iter_mut().filter(|item| item.action == Action::Replace) {
                    item.why.push_str("; made anew where the API server allows no change, which only it can tell");
                }
            } else {
                let run = self.run(&stage, &asking, None);
                run.begin(&items);
                run.probe(&mut items, &|head| named.contains(&head.path)).await?;
            }
            losses.extend(items.iter().filter(|item| item.is_loss).map(|item| item.target.name.clone()));
        }
        let mut report = self.report(connection, (&manifest, &heads), &items, &collected);
        if !past.finished.is_empty() {
            let count = text::plural(past.finished.len(), "object");
            report.notes.push(format!("an earlier run restored {count}: {}", journal.display()));
        }
        if self.args.existing == Existing::Fail {
            let differing = items.iter().filter(|item| item.action == Action::Differs).count();
            if differing > 0 {
                let count = text::plural(differing, "object");
                report.refused = Some(format!("{count} are there and differ, and --existing=fail forbids that"));
            }
        }
        if dry_run == DryRun::Client || report.refused.is_some() || !report.writes() {
            return Ok(report);
        }
        if dry_run == DryRun::None && (!self.settings.write.is_agreed || !losses.is_empty()) {
            self.printer.aside(&report, self.style);
        }
        let question = format!("restore into {}: {}?", connection.context, report.summary());
        let word = losses.join(",");
        let demand = match losses.is_empty() {
            true => Demand::Yes,
            false => {
                Demand::Typed { word: &word, given: self.args.accept_data_loss.as_deref(), flag: "--accept-data-loss" }
            }
        };
        let token = confirm(&self.settings.write, &question, demand).await?;
        let opened = if token.is_dry_run() { None } else { Some(Journal::open(&journal, &subject)?) };
        if opened.is_some() {
            report.journal = Some(journal.display().to_string());
        }
        let run = self.run(&stage, &token, opened);
        self.begun.set(!token.is_dry_run());
        let done = run.carry_out(&items, &mut report.objects).await;
        run.writer.warnings().iter().for_each(|warning| self.printer.note(&format!("the API server warns: {warning}")));
        done?;
        Ok(report)
    }

    fn run<'s>(&'s self, stage: &'s Stage<'s>, token: &'s WriteToken, journal: Option<Journal>) -> Run<'s> {
        Run {
            connection: stage.connection,
            writer: Writer::new(stage.connection, token, &self.settings.write.manager),
            is_dry_run: token.is_dry_run(),
            context: stage.context,
            cluster: stage.cluster,
            resources: stage.resources,
            printer: self.printer,
            patience: self.settings.write.timeout.unwrap_or(PATIENCE),
            heads: stage.heads,
            archive: stage.archive,
            journal: RefCell::new(journal),
            memory: RefCell::new(Memory::default()),
        }
    }

    fn report(
        &self,
        connection: &Connection,
        (manifest, heads): (&Manifest, &[Head]),
        items: &[Item],
        collected: &Collected,
    ) -> RestoreReport {
        let objects = items.iter().map(|item| Restored::planned(&heads[item.head], item));
        let mut report = RestoreReport {
            api_version: API_VERSION.to_owned(),
            kind: "RestoreReport".to_owned(),
            archive: self.args.archive.display().to_string(),
            taken_at: manifest.created_at.clone(),
            context: connection.context.clone(),
            dry_run: self.settings.write.dry_run.word().to_owned(),
            refused: None,
            counts: BTreeMap::new(),
            objects: objects.collect(),
            journal: None,
            notes: notes(manifest, collected),
        };
        report.notes.extend(self.settings.write.reason.iter().map(|reason| format!("reason: {reason}")));
        report.count();
        report
    }
}

/// What whoever restores should know.
fn notes(manifest: &Manifest, collected: &Collected) -> Vec<String> {
    let mut notes = Vec::new();
    if manifest.partial {
        notes.push("the backup is partial: what could not be read then is not in it".to_owned());
    }
    if manifest.secrets == Secrets::Omitted {
        notes.push("the backup has no Secrets: they come from elsewhere".to_owned());
    }
    match (&manifest.cluster.uid, &collected.uid) {
        (Some(then), Some(now)) if then != now => {
            notes.push(format!("the backup is of another cluster ({})", manifest.cluster.context));
        }
        (Some(_), Some(_)) => {}
        _ => notes.push("whether the backup is of this cluster could not be read".to_owned()),
    }
    notes
}

/// How a run with this report ends.
pub(crate) fn exit(report: &RestoreReport) -> Exit {
    Exit::of_check(report.has_failed(), report.is_unsure())
}
