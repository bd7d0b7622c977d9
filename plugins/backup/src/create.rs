//! `backup create`: the state of the cluster into a new archive.

use crate::args::{ArchiveArgs, Args};
use crate::destination::Destination;
use crate::model::BackupReport;
use crate::page::{Maker, Only, Page};
use crate::secret::Redaction;
use crate::spool::{Piece, Spool};
use crate::storage::Storage;
use crate::write::{self, Measured};
use crate::{exclude, keys, kinds};
use age::Recipient;
use jiff::Timestamp;
use minisign::SecretKey;
use mlops_shared::archive::{
    Class, Cluster, Digest, Entry, FORMAT, IndexRecord, KindRecord, LeftOut, Limits, Manifest, Scope, Secrets,
};
use mlops_shared::cli::{Failure, Printer, on_cluster};
use mlops_shared::cluster::{ClusterError, Collected, Order, Outcome, Reading, ServedKind, collect};
use mlops_shared::object::{
    Decoded, Inventory, InventoryBuilder, Object, Scope as Sight, Section, SectionState, Sym, Unread,
};
use mlops_shared::ownership::Managers;
use mlops_shared::report::API_VERSION;
use mlops_shared::text;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// What goes into an archive.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    /// These kinds, as they were typed; empty for all.
    Kinds(&'a [String]),
    /// These objects.
    Objects(&'a Pick),
}

/// Objects that belong together.
pub(crate) struct Pick {
    /// What they make up, for the manifest: `Kafka/data-plane/events`.
    pub(crate) of: String,
    /// The namespaces that they are in.
    pub(crate) namespaces: Vec<String>,
    /// Group, kind, namespace and name of each.
    pub(crate) objects: Arc<Only>,
}

/// What the command line means once it is resolved. Keys are read once: a file of the shell's is empty the second time.
pub(crate) struct Settings {
    order: Order,
    kinds: Vec<String>,
    of: Option<String>,
    only: Option<Arc<Only>>,
    secrets: Secrets,
    recipients: Vec<Box<dyn Recipient + Send>>,
    compare_key: Option<Vec<u8>>,
    sign_key: Option<SecretKey>,
}

/// Resolves the flags, for all kinds.
///
/// # Errors
/// The first that cannot be followed.
pub(crate) fn settings(args: &Args, create: &ArchiveArgs) -> Result<Settings, Failure> {
    if args.source.from.is_some() {
        return Err(Failure::usage("create reads a cluster, and --from names files"));
    }
    let recipients = keys::recipients(&create.recipient, &create.recipients_file)?;
    let default = if recipients.is_empty() { Secrets::Names } else { Secrets::Kept };
    let secrets = create.secrets.map_or(default, Secrets::from);
    if secrets == Secrets::Kept && recipients.is_empty() {
        return Err(Failure::usage("values of Secrets are never written unencrypted")
            .hint("name who may read them: --recipient age1… (`age-keygen` makes a key), or use --secrets=names"));
    }
    if create.compare_key.is_some() && secrets != Secrets::Names {
        return Err(Failure::usage("--compare-key goes with --secrets=names"));
    }
    args.scope.selector()?;
    let timeout = text::parse_duration(&create.timeout).and_then(|it| Duration::try_from(it).ok());
    let budget = timeout
        .filter(|it| !it.is_zero())
        .ok_or_else(|| Failure::usage(format!("{:?} is no duration", create.timeout)).hint("as in --timeout 30m"))?;
    let order = Order { namespaces: args.scope.namespace.clone(), selector: args.scope.selector.clone(), budget };
    Ok(Settings {
        order,
        kinds: Vec::new(),
        of: None,
        only: None,
        secrets,
        recipients,
        compare_key: create.compare_key.as_deref().map(keys::comparison).transpose()?,
        sign_key: create.sign_key.as_deref().map(keys::signing).transpose()?,
    })
}

impl Settings {
    /// For a part of it.
    fn of(mut self, what: What<'_>) -> Self {
        match what {
            What::Kinds(kinds) => self.kinds = kinds.to_vec(),
            What::Objects(pick) => {
                let kind = |(group, kind, ..): &(String, String, String, String)| match group.is_empty() {
                    true => kind.clone(),
                    false => format!("{kind}.{group}"),
                };
                let kinds: BTreeSet<String> = pick.objects.iter().map(kind).collect();
                self.kinds = kinds.into_iter().collect();
                self.order.namespaces.clone_from(&pick.namespaces);
                self.only = Some(Arc::clone(&pick.objects));
                self.of = Some(pick.of.clone());
            }
        }
        self.order.namespaces.sort();
        self.order.namespaces.dedup();
        self
    }
}

/// A kind while it is read.
#[derive(Default)]
struct Kept {
    pieces: Vec<Piece>,
    saved: Vec<Entry>,
    objects: Vec<Object>,
    left_out: BTreeMap<&'static str, u64>,
    credentials: u64,
}

/// By group and plural name: the order of an archive.
type ByKind = BTreeMap<(String, String), Kept>;

/// Runs the command.
pub(crate) fn run(
    args: &Args,
    create: &ArchiveArgs,
    settings: Settings,
    what: What<'_>,
    printer: &Printer,
) -> Result<BackupReport, Failure> {
    let settings = settings.of(what);
    let storage = Storage::new(&args.s3);
    let (destination, note) = Destination::new(&create.to, &storage)?;
    note.iter().for_each(|note| printer.note(note));
    let created_at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut spool = Spool::new(&destination.folder())?;
    let maker = Maker::new(settings.secrets, Redaction::new(settings.compare_key.as_deref()));
    let maker = maker.map(|maker| maker.only(settings.only.clone()));
    let maker = Arc::new(maker.map_err(|error| Failure::unchecked(format!("failed to start: {error}")))?);
    let mut kept = ByKind::new();
    let mut disk = None;
    let read = on_cluster(&args.connection, async |connection| {
        let decoder = Arc::clone(&maker);
        let wants = |kind: &ServedKind| is_wanted(&settings, kind);
        let mut keep = |kind: &ServedKind, page: Option<Page>| {
            let key = (kind.ty.group.to_string(), kind.resource.clone());
            let Some(page) = page else {
                kept.remove(&key);
                return Ok(());
            };
            add(kept.entry(key).or_default(), page, &mut spool).map_err(|failure| {
                let message = failure.message.clone();
                disk = Some(failure);
                ClusterError::BadAnswer(message)
            })
        };
        let reading =
            Reading { wants: &wants, decode: Arc::new(move |kind, page| decoder.page(kind, page)), keep: &mut keep };
        let collected = collect(connection, &settings.order, reading).await?;
        Ok((collected, connection.context.clone(), connection.server.clone()))
    });
    let (collected, context, server) = match disk {
        Some(failure) => return Err(failure),
        None => read?,
    };
    collected.warnings.iter().for_each(|warning| printer.note(warning));
    kinds::check(&settings.kinds, collected.kinds.iter().map(|it| &it.kind).chain(&collected.others))?;
    let cluster = Cluster { uid: collected.uid.clone(), context, server, server_version: collected.version.clone() };
    let mut manifest = describe(&settings, collected, cluster, created_at, &mut kept);
    check_scope(&settings, &manifest, &kept)?;
    let path = destination.path(&called(&manifest), &manifest.created_at, !settings.recipients.is_empty())?;
    let entries = kept.values().flat_map(|kind| &kind.saved);
    let mut index = Vec::new();
    let mut keep = |frame| {
        index.push(spool.put(frame).map_err(Broken::Spool)?);
        Ok::<(), Broken>(())
    };
    manifest.index = write::index(entries, &|lines| maker.compress(lines), &mut keep)?;
    let limits = Limits::default();
    if manifest.objects > limits.objects || manifest.index.bytes > limits.index_bytes {
        let most = format!("{} objects and an index of {} bytes", limits.objects, limits.index_bytes);
        return Err(Failure::unchecked(format!("{} objects: no reader takes more than {most}", manifest.objects))
            .hint("make several backups, by -n or --kinds"));
    }
    let mut written = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Failure::unchecked(format!("failed to write the manifest: {error}")))?;
    written.push(b'\n');

    let comment =
        format!("backup of {} at {}, content {}", manifest.cluster.context, manifest.created_at, manifest.index.sha256);
    let comment: String = comment.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let signing = settings.sign_key.as_ref().map(|key| (key, comment.as_str()));
    let done = destination.write(&path, signing, &mut |out| {
        let pieces = index.iter().chain(kept.values().flat_map(|kind| &kind.pieces));
        let parts = pieces.map(|piece| spool.get(*piece).map_err(Broken::Spool));
        seal_in(out, &settings.recipients, &maker, (&written, &manifest.index), parts)
    })?;
    Ok(BackupReport {
        api_version: API_VERSION.to_owned(),
        kind: "BackupReport".to_owned(),
        archive: path.display().to_string(),
        archive_bytes: done.bytes,
        archive_sha256: done.digest.to_string(),
        signature: done.signature.map(|path| path.display().to_string()),
        manifest,
    })
}

/// Whether what was asked for is there at all: a backup of a namespace that is none would be whole, empty and trusted.
///
/// # Errors
/// When a namespace is not there, or nothing is.
fn check_scope(settings: &Settings, manifest: &Manifest, kept: &ByKind) -> Result<(), Failure> {
    let is_read = |kind: &KindRecord| kind.group.is_empty() && kind.kind == "Namespace" && kind.failure.is_none();
    if settings.order.namespaces.is_empty() || settings.only.is_some() || manifest.partial {
        return Ok(());
    }
    if settings.order.selector.is_none() && manifest.kinds.iter().any(is_read) {
        let there = kept.get(&(String::new(), "namespaces".to_owned()));
        let has = |name: &String| there.is_some_and(|it| it.saved.iter().any(|entry| entry.place().name == *name));
        if let Some(absent) = settings.order.namespaces.iter().find(|name| !has(name)) {
            return Err(Failure::usage(format!("there is no namespace {absent}"))
                .hint("`kubectl get namespaces` lists them; nothing was written"));
        }
    }
    if manifest.objects == 0 {
        return Err(Failure::usage("there is nothing to save: no object is all that the command line asks for")
            .hint("with -n nothing is saved that has no namespace; nothing was written"));
    }
    Ok(())
}

/// What the name of an archive says of it, for whoever has no identity to open it: `prune` looks at those of one name by
/// themselves.
fn called(manifest: &Manifest) -> String {
    let is_whole = manifest.scope.is_whole() && manifest.secrets == Secrets::Kept;
    let part = if is_whole { "" } else { "part-" };
    let partial = if manifest.partial { "partial-" } else { "" };
    format!("{part}{partial}{}", manifest.cluster.context)
}

fn is_wanted(settings: &Settings, kind: &ServedKind) -> bool {
    let is_asked = settings.kinds.is_empty() || settings.kinds.iter().any(|word| kinds::names(word, kind));
    let is_near = settings.order.namespaces.is_empty()
        || kind.is_namespaced
        || (kind.ty.group.is_empty() && &*kind.ty.kind == "Namespace");
    is_asked && is_near && exclude::of_kind(&kind.ty.group, &kind.ty.kind).is_none()
}

fn add(kept: &mut Kept, page: Page, spool: &mut Spool) -> Result<(), Failure> {
    if !page.part.is_empty() {
        kept.pieces.push(spool.put(page.part)?);
    }
    kept.saved.extend(page.saved);
    kept.objects.extend(page.objects);
    kept.credentials += page.credentials;
    for (why, count) in page.left_out {
        *kept.left_out.entry(why).or_default() += count;
    }
    Ok(())
}

/// What could fail while the archive is written.
enum Broken {
    Io(std::io::Error),
    Spool(Failure),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Io(error) => {
                Self::unchecked(format!("failed to write the archive: {error}")).hint("is there room on the disk?")
            }
            Broken::Spool(failure) => failure,
        }
    }
}

/// Writes the archive, encrypted where there are recipients; its size and digest.
fn seal_in(
    out: &mut dyn Write,
    recipients: &[Box<dyn Recipient + Send>],
    maker: &Maker,
    heads: (&[u8], &IndexRecord),
    parts: impl Iterator<Item = Result<Vec<u8>, Broken>>,
) -> Result<(u64, Digest), Failure> {
    let mut out = Measured::new(out);
    let compress = |bytes: &[u8]| maker.compress(bytes);
    if recipients.is_empty() {
        write::write(&mut out, &compress, heads, parts)?;
    } else {
        let all = recipients.iter().map(|recipient| &**recipient as &dyn Recipient);
        let encryptor = age::Encryptor::with_recipients(all)
            .map_err(|_| Failure::usage("the recipients cannot be used together"))?;
        let inner = encryptor.wrap_output(&mut out).map_err(Broken::Io)?;
        write::write(inner, &compress, heads, parts)?.finish().map_err(Broken::Io)?;
    }
    out.flush().map_err(Broken::Io)?;
    let (_, bytes, digest) = out.finish();
    Ok((bytes, digest))
}

/// The manifest of what was read, but for its index, and who makes each object again.
fn describe(
    settings: &Settings,
    collected: Collected,
    cluster: Cluster,
    created_at: String,
    kept: &mut ByKind,
) -> Manifest {
    let mut outcomes = collected.kinds;
    // An inventory stands in this order, and a server mostly lists a kind in it: what is sorted is sorted quickly.
    outcomes
        .sort_by(|one, two| (&*one.kind.ty.group, &*one.kind.ty.kind).cmp(&(&*two.kind.ty.group, &*two.kind.ty.kind)));
    let inventory = inventory(settings, &outcomes, kept);
    outcomes
        .sort_by(|one, two| (&*one.kind.ty.group, &one.kind.resource).cmp(&(&*two.kind.ty.group, &two.kind.resource)));
    let managers = Managers::new(&inventory);
    let mut records: Vec<KindRecord> = Vec::new();
    let mut credentials = Vec::new();
    let mut objects = 0;
    for outcome in &outcomes {
        let kind = &outcome.kind;
        let mut found = kept.get_mut(&(kind.ty.group.to_string(), kind.resource.clone()));
        let mut classes: BTreeMap<Class, u64> = BTreeMap::new();
        let of_kind = inventory.of_kind(&kind.ty.group, &kind.ty.kind);
        let mut next = 0;
        for entry in found.iter_mut().flat_map(|kept| &mut kept.saved) {
            entry.class = class(&managers, of_kind, &mut next, entry);
            *classes.entry(entry.class).or_default() += 1;
        }
        let found = found.as_deref();
        let count = found.map_or(0, |kept| kept.saved.len() as u64);
        objects += count;
        if let Some(found) = found.filter(|kept| kept.credentials > 0) {
            credentials.push(format!("{} {}", found.credentials, kind.resource));
        }
        let left_out = found.map(|kept| kept.left_out.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect());
        records.push(KindRecord {
            group: kind.ty.group.to_string(),
            version: kind.ty.version.to_string(),
            kind: kind.ty.kind.to_string(),
            resource: kind.resource.clone(),
            objects: count,
            left_out: left_out.unwrap_or_default(),
            resource_versions: outcome.resource_versions.clone(),
            classes,
            failure: outcome.failure.as_ref().map(ToString::to_string),
        });
    }
    for (group_version, why) in collected.unanswered {
        let (group, version) = group_version.split_once('/').unwrap_or(("", &group_version));
        // Kinds that were named are served, as was made sure of.
        if settings.kinds.is_empty() && exclude::of_kind(group, "*").is_none() {
            records.push(KindRecord {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: "*".to_owned(),
                resource: "*".to_owned(),
                failure: Some(why),
                ..KindRecord::default()
            });
        }
    }
    let mut left_out: Vec<LeftOut> = collected
        .others
        .iter()
        .filter_map(|kind| {
            let why = exclude::of_kind(&kind.ty.group, &kind.ty.kind)?;
            Some(LeftOut { group: kind.ty.group.to_string(), kind: kind.ty.kind.to_string(), why: why.to_owned() })
        })
        .collect();
    left_out.sort_by(|one, two| (&one.group, &one.kind).cmp(&(&two.group, &two.kind)));
    let partial = records.iter().any(|record| record.failure.is_some());
    Manifest {
        api_version: API_VERSION.to_owned(),
        kind: "BackupManifest".to_owned(),
        format: FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at,
        cluster,
        scope: Scope {
            namespaces: settings.order.namespaces.clone(),
            selector: settings.order.selector.clone(),
            kinds: settings.kinds.clone(),
            of: settings.of.clone(),
        },
        secrets: settings.secrets,
        encrypted: !settings.recipients.is_empty(),
        partial,
        objects,
        index: IndexRecord::default(),
        kinds: records,
        left_out,
        notes: notes(settings, &credentials),
    }
}

/// What whoever keeps the archive should know.
fn notes(settings: &Settings, credentials: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    if settings.secrets == Secrets::Names {
        notes.push("Secrets are here without their values: a restore needs those from elsewhere".to_owned());
    }
    if settings.secrets == Secrets::Omitted {
        notes.push("no Secret is here: a restore needs them from elsewhere".to_owned());
    }
    if !credentials.is_empty() && settings.recipients.is_empty() {
        notes.push(format!(
            "these objects hold credentials as plain text, which are in the archive as they stand: {}",
            credentials.join(", ")
        ));
    }
    notes
}

/// The inventory that managers are found in.
fn inventory(settings: &Settings, outcomes: &[Outcome], kept: &mut ByKind) -> Inventory {
    let namespaces: Vec<Sym> = settings.order.namespaces.iter().map(|name| Sym::new(name)).collect();
    let sight = if namespaces.is_empty() { Sight::Cluster } else { Sight::Namespaces(namespaces) };
    // Where only a part was asked for, managers may lie outside of it.
    let is_whole =
        settings.kinds.is_empty() && settings.order.selector.is_none() && settings.order.namespaces.is_empty();
    let mut builder = InventoryBuilder::new(sight, is_whole);
    for outcome in outcomes {
        let kind = &outcome.kind;
        let objects = kept.get_mut(&(kind.ty.group.to_string(), kind.resource.clone()));
        let objects = objects.map(|kept| std::mem::take(&mut kept.objects)).unwrap_or_default();
        let state = match &outcome.failure {
            // What a selector left out is not known to be absent.
            None if settings.order.selector.is_some() => SectionState::Unread(Unread::OutOfScope),
            None => SectionState::Read(objects.len()),
            Some(error) => SectionState::Unread(Unread::Failed(error.to_string())),
        };
        builder.section(Section {
            group: kind.ty.group.clone(),
            kind: kind.ty.kind.clone(),
            resource: Sym::new(&kind.resource),
            state,
        });
        builder.reserve(objects.len());
        objects.into_iter().for_each(|object| builder.push(Decoded::Object(object)));
    }
    builder.finish()
}

/// Who would make an object again. It is looked for among all of its kind, at first where it stands when they were
/// listed in order.
fn class(managers: &Managers<'_>, of_kind: &[Object], next: &mut usize, entry: &Entry) -> Class {
    let place = entry.place();
    let wanted = (&*place.namespace, &*place.name);
    let name = |object: &Object| (&*object.meta.namespace, &*object.meta.name).cmp(&wanted);
    let index = match of_kind.get(*next).map(name) {
        Some(Ordering::Equal) => Ok(*next),
        _ => of_kind.binary_search_by(name),
    };
    let Ok(index) = index else { return Class::Unknown };
    *next = index + 1;
    managers.rebuilder(&of_kind[index])
}
