//! Trying a restore in a cluster: of every object the API server is asked, in a namespace made for that (level 3), or
//! what is harmless is really restored, compared and deleted again (level 4).

mod ask;
mod report;
mod scratch;

pub use report::{There, TrialReport};

use crate::args::{Args, VerifyArgs};
use crate::compare::compare;
use crate::keys::mark;
use crate::restore::apply::{AT_A_TIME, Memory, Run, place_of};
use crate::restore::asleep::why_not;
use crate::restore::fields::{Context, Trial, comparable};
use crate::restore::head::Head;
use crate::restore::plan::{Cluster, Item, Live, Wish, controller, decide};
use crate::restore::read::{Archive, Selection};
use crate::restore::report::{Restored, State};
use crate::show::Wanted;
use ask::{Asking, LOOKED_UP, Verdict, name};
use futures::StreamExt as _;
use mlops_shared::archive::{Digest, Place};
use mlops_shared::cli::{Demand, DryRun, Failure, Printer, WriteSettings, confirm, or_interrupted, through};
use mlops_shared::cluster::{self, Connection, Resources, WriteToken, Writer, object, resources};
use mlops_shared::text;
use scratch::Scratch;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

/// A namespace may take so long to go, where nothing else was said.
const PATIENCE: Duration = Duration::from_secs(300);
/// Fields of an object that came back different are named so far.
const FIELDS: usize = 5;

/// What a trial found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) report: TrialReport,
    /// What would not come back, or came back different.
    pub(crate) findings: Vec<String>,
}

/// What becomes of the objects of an archive in a trial.
struct Choice<'h> {
    /// They are made.
    made: Vec<&'h Head>,
    /// They are asked about.
    asked: Vec<&'h Head>,
}

/// What a trial was asked for.
pub(crate) struct TrialSettings {
    /// Which objects it tries.
    pub(crate) selection: Selection,
    level: u8,
    write: WriteSettings,
    connect: cluster::Settings,
}

impl TrialSettings {
    /// What the flags mean, before the archive is read.
    ///
    /// # Errors
    /// The first that cannot be followed.
    pub(crate) fn new(args: &Args, verify: &VerifyArgs) -> Result<Self, Failure> {
        let write = verify.write.settings()?;
        if write.dry_run == DryRun::Server {
            return Err(Failure::usage(
                "--dry-run=server has no meaning here: a namespace must really be there for it",
            )
            .hint("--level 3 sends every object with dryRun=All; --dry-run=client prints what would be done"));
        }
        let flags = &args.connection;
        if flags.is_several() {
            return Err(Failure::usage("this command writes into one cluster").hint("run it once for each --context"));
        }
        let connect = flags.settings(flags.context.first().map(String::as_str))?;
        let wanted = verify.objects.iter().map(|word| Wanted::new(word, &args.scope.namespace));
        let selection = Selection {
            namespaces: args.scope.namespace.clone(),
            labels: args.scope.selector()?,
            wanted: wanted.collect::<Result<_, Failure>>()?,
        };
        Ok(Self { selection, level: verify.level, write, connect })
    }

    /// Tries the restore of an archive that was read whole.
    ///
    /// # Errors
    /// When the cluster does not answer, or the person says no.
    pub(crate) fn run(&self, archive: Archive, printer: &Printer) -> Result<Outcome, Failure> {
        through(async {
            let connection = or_interrupted(async { Ok(cluster::connect(&self.connect).await?) }).await?;
            let work = Work { connection: &connection, level: self.level, write: &self.write, printer };
            work.run(archive).await
        })
    }
}

struct Work<'a> {
    connection: &'a Connection,
    level: u8,
    write: &'a WriteSettings,
    printer: &'a Printer,
}

impl Work<'_> {
    async fn run(&self, mut archive: Archive) -> Result<Outcome, Failure> {
        let heads = std::mem::take(&mut archive.heads);
        let mut outcome = Outcome::default();
        let choice = self.choose(&heads, &archive.selected, &mut outcome.report);
        let mark = mark::<4>()?;
        let namespaces = self.namespaces(&choice, &mark);
        let mut names: Vec<String> = namespaces.values().cloned().collect();
        names.dedup();
        outcome.report.context = self.connection.context.clone();
        outcome.report.dry_run = self.write.dry_run.word().to_owned();
        outcome.report.namespaces = names.clone();
        if self.write.dry_run == DryRun::Client {
            return Ok(outcome);
        }
        let question = format!(
            "verify in {}: make {} ({}), {}ask about {}, and remove them again?",
            self.connection.context,
            text::plural(names.len(), "namespace"),
            names.join(", "),
            match choice.made.len() {
                0 => String::new(),
                count => format!("restore {} in them, asleep, ", text::plural(count, "object")),
            },
            text::plural(choice.asked.len(), "object")
        );
        let token = or_interrupted(confirm(self.write, &question, Demand::Yes)).await?;
        let writer = Writer::new(self.connection, &token, &self.write.manager);
        let scratch = Scratch::new(self.connection, &writer, mark);
        let archive = RefCell::new(archive);
        let stage = Stage { heads: &heads, choice: &choice, namespaces: &namespaces, archive: &archive, token: &token };
        let done = or_interrupted(self.attempt(&stage, &scratch, &mut outcome)).await;
        let patience = self.write.timeout.unwrap_or(PATIENCE);
        let left = or_interrupted(async { Ok(scratch.remove(patience).await) }).await;
        // A second interruption: what is there is not known any more.
        outcome.report.left = left.unwrap_or(names);
        match done {
            Ok(()) => Ok(outcome),
            Err(failure) => Err(outcome.report.left.iter().fold(failure, |failure, name| {
                failure.hint(format!("namespace {name} may still be there: `kubectl delete namespace {name}`"))
            })),
        }
    }

    /// Which objects are tried, and how.
    fn choose<'h>(&self, heads: &'h [Head], selected: &BTreeSet<Box<str>>, report: &mut TrialReport) -> Choice<'h> {
        let uids: HashSet<&str> = heads.iter().map(|head| &*head.uid).collect();
        let mut choice = Choice { made: Vec::new(), asked: Vec::new() };
        for head in heads.iter().filter(|head| selected.contains(&head.path)) {
            let passed_over = match head.never {
                Some(why) => Some(why.to_owned()),
                None if head.is_hollow => Some("its values are not in the archive".to_owned()),
                None => controller(head, &|uid| uids.contains(uid)).map(|_| "a controller makes it".to_owned()),
            };
            if let Some(why) = passed_over {
                *report.passed_over.entry(why).or_default() += 1;
                continue;
            }
            if self.level < 4 {
                choice.asked.push(head);
                continue;
            }
            let apart = match head {
                _ if head.is_token => Some("it would hold a token that is valid"),
                _ if head.is_record() => Some("Helm would take it for a release that is there"),
                _ => None,
            };
            match apart.or_else(|| why_not(&head.place.group, &head.kind, !head.place.namespace.is_empty())) {
                None => choice.made.push(head),
                Some(why) => {
                    *report.only_asked.entry(why.to_owned()).or_default() += 1;
                    choice.asked.push(head);
                }
            }
        }
        choice
    }

    /// The namespaces of the archive, and those in which they are tried: one for all where nothing stays, else one each.
    fn namespaces(&self, choice: &Choice<'_>, mark: &str) -> BTreeMap<String, String> {
        let all = choice.made.iter().chain(&choice.asked).map(|head| &head.place.namespace);
        let all: BTreeSet<&String> = all.filter(|namespace| !namespace.is_empty()).collect();
        let name = |at: usize| match self.level {
            4 => format!("mlops-drill-{mark}-{at}"),
            _ => format!("mlops-verify-{mark}"),
        };
        all.into_iter().enumerate().map(|(at, namespace)| (namespace.clone(), name(at))).collect()
    }

    async fn attempt(&self, stage: &Stage<'_>, scratch: &Scratch<'_>, outcome: &mut Outcome) -> Result<(), Failure> {
        let resources = resources(self.connection).await?;
        let mut cluster = Cluster {
            served: resources.all.iter().map(|it| (it.group.clone(), it.kind.clone())).collect(),
            ..Cluster::default()
        };
        for (from, to) in stage.namespaces {
            let place = |name: &str| Place {
                group: String::new(),
                resource: "namespaces".to_owned(),
                namespace: String::new(),
                name: name.to_owned(),
            };
            let path = place(to).path().into_boxed_str();
            if cluster.objects.contains_key(&path) {
                continue;
            }
            let original = stage.archive.borrow_mut().object(&place(from).path()).ok();
            let uid = scratch.make(to, original.as_ref(), self.write.reason.as_deref()).await?;
            let live =
                Live { uid, digest: Digest::of(b""), api_version: "v1".to_owned(), is_deleting: false, claim: None };
            cluster.objects.insert(path, live);
        }
        let all = stage.choice.made.iter().chain(&stage.choice.asked);
        if all.clone().any(|head| head.kind == "Pod")
            && let Some(first) = stage.namespaces.values().next()
        {
            scratch.account(first).await;
        }
        self.make(stage, (&cluster, &resources), outcome).await?;
        let asking = WriteToken::dry_run();
        let context = Context {
            namespaces: stage.namespaces.clone(),
            volumes: stage.heads.iter().filter(|it| it.is_kept_volume).map(|it| it.place.name.clone()).collect(),
            trial: Trial::Asked,
        };
        let defined: BTreeSet<(String, String)> = stage.heads.iter().filter_map(|head| head.defines.clone()).collect();
        let is_looked_up =
            |head: &&Head| LOOKED_UP.iter().any(|(group, kind, ..)| head.place.group == *group && *head.kind == **kind);
        let looked_up = stage.choice.asked.iter().copied().filter(is_looked_up);
        let looked_up = looked_up.map(|head| (head.kind.to_string(), head.place.name.clone())).collect();
        let asking = Asking {
            connection: self.connection,
            writer: &Writer::new(self.connection, &asking, &self.write.manager),
            resources: &resources,
            context: &context,
            archive: stage.archive,
            defined: &defined,
            looked_up: &looked_up,
        };
        for (head, verdict) in asking.all(stage.choice.asked.clone()).await? {
            let report = &mut outcome.report;
            match verdict {
                Verdict::Accepted => report.accepted += 1,
                Verdict::There(true) => report.there.equal += 1,
                Verdict::There(false) => report.there.differ += 1,
                Verdict::Refused(why) => outcome.findings.push(format!("{}: it would be refused: {why}", name(head))),
                Verdict::Unknown(why) => report.unknown.push(format!("{}: {why}", name(head))),
            }
        }
        Ok(())
    }

    /// Makes what a drill makes, and compares it.
    async fn make(
        &self,
        stage: &Stage<'_>,
        (cluster, resources): (&Cluster, &Resources),
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        if stage.choice.made.is_empty() {
            return Ok(());
        }
        let context = Context { namespaces: stage.namespaces.clone(), trial: Trial::Asleep, ..Context::default() };
        let wish = Wish {
            selected: stage.choice.made.iter().map(|head| head.path.clone()).collect(),
            with_managed: true,
            context,
            ..Wish::default()
        };
        let items = decide(stage.heads, cluster, &wish);
        let mut told: Vec<Restored> =
            items.iter().map(|item| Restored::planned(&stage.heads[item.head], item)).collect();
        let run = Run {
            connection: self.connection,
            writer: Writer::new(self.connection, stage.token, &self.write.manager),
            is_dry_run: false,
            context: &wish.context,
            cluster,
            resources,
            printer: self.printer,
            patience: self.write.timeout.unwrap_or(PATIENCE),
            heads: stage.heads,
            archive: stage.archive,
            journal: RefCell::new(None),
            memory: RefCell::new(Memory::default()),
        };
        run.carry_out(&items, &mut told).await?;
        let done = items.iter().zip(&told).filter(|(_, told)| told.state == State::Done).map(|(item, _)| item);
        let compared: Vec<(&Item, Result<Option<String>, Failure>)> = futures::stream::iter(done)
            .map(|item| {
                let context = &wish.context;
                async move { (item, self.difference(stage, context, item).await) }
            })
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        for (item, difference) in compared {
            match difference? {
                None => outcome.report.restored += 1,
                Some(what) => outcome.findings.push(format!("{}: {what}", name(&stage.heads[item.head]))),
            }
        }
        for (item, told) in items.iter().zip(&told).filter(|(_, told)| told.state != State::Done) {
            let what = told.message.as_deref().unwrap_or(&told.why);
            let line = format!("{}: {what}", name(&stage.heads[item.head]));
            match told.state {
                State::InDoubt => outcome.report.unknown.push(line),
                _ if item.is_unsure => outcome.report.unknown.push(line),
                _ => outcome.findings.push(line),
            }
        }
        outcome.findings.sort();
        Ok(())
    }

    /// What of an object did not come back as it was.
    async fn difference(&self, stage: &Stage<'_>, context: &Context, item: &Item) -> Result<Option<String>, Failure> {
        let head = &stage.heads[item.head];
        let live = match object(self.connection, &place_of(head, &item.target)).await {
            Ok(live) => live,
            Err(error) => return Ok(Some(format!("it was made, and then: {error}"))),
        };
        let original = stage.archive.borrow_mut().object(&head.path)?;
        let (one, two) = (comparable(original, context), comparable(live, context));
        if one == two {
            return Ok(None);
        }
        let (one, two) = (one.to_string(), two.to_string());
        let fields = compare(one.as_bytes(), two.as_bytes(), head.kind == "Secret", false);
        let mut names: Vec<&str> = fields.iter().take(FIELDS).map(|field| field.field.as_str()).collect();
        if fields.len() > FIELDS {
            names.push("…");
        }
        Ok(Some(format!("it came back different: {}", names.join(", "))))
    }
}

/// What a trial stands on.
struct Stage<'a> {
    heads: &'a [Head],
    choice: &'a Choice<'a>,
    namespaces: &'a BTreeMap<String, String>,
    archive: &'a RefCell<Archive>,
    token: &'a WriteToken,
}
