//! `backup show`: what an archive says of itself, the objects of a kind, or one object. Values of Secrets are never shown.

use crate::args::{Args, ShowArgs};
use crate::model::manifest;
use crate::secret::Redaction;
use crate::storage::{self, Storage};
use crate::verify::broken;
use mlops_shared::archive::{Entry, Flow, Identities, Json, KindRecord, Limits, Manifest, Place, scan};
use mlops_shared::cli::{Failure, Printer};
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Detail, Document, Level, Present};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::cell::RefCell;
use std::io::{BufReader, Read as _};

/// The answer: one of three.
pub(crate) enum Shown {
    Manifest(Box<ManifestShown>),
    Objects(ObjectList),
    Object(Object),
}

/// What an archive says of itself.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ManifestShown {
    #[serde(flatten)]
    manifest: Manifest,
}

/// The objects of a kind that an archive holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectList {
    /// `mlops/v1`
    api_version: String,
    /// `BackupObjectList`
    kind: String,
    /// The archive's path.
    archive: String,
    /// The objects.
    objects: Vec<Listed>,
}

/// One object of an archive.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// API group; empty for the core group.
    group: String,
    /// Plural name of its kind.
    resource: String,
    /// Namespace; empty for cluster-scoped objects.
    namespace: String,
    /// Name.
    name: String,
    /// Its size in bytes.
    bytes: u32,
    /// Who would make it again: `git`, `helm`, `controller`, `nobody`, `unknown`.
    class: String,
}

/// One object as it stands in the archive.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Object {
    #[serde(flatten)]
    object: Value,
}

/// Which objects are asked for.
pub(crate) struct Wanted {
    kind: String,
    namespaces: Vec<String>,
    name: Option<String>,
}

impl Wanted {
    /// From `KIND`, `KIND/NAME` or `KIND/NAMESPACE/NAME`.
    ///
    /// # Errors
    /// When it has none of these forms.
    pub(crate) fn new(word: &str, namespaces: &[String]) -> Result<Self, Failure> {
        let mut parts = word.splitn(3, '/');
        let kind = parts.next().unwrap_or_default().to_owned();
        let (namespace, name) = match (parts.next(), parts.next()) {
            (Some(namespace), Some(name)) => (Some(namespace), Some(name)),
            (name, _) => (None, name),
        };
        if kind.is_empty() || name.is_some_and(str::is_empty) {
            return Err(Failure::usage(format!("{word:?} names no object"))
                .hint("as in secrets, Secret/db -n data-plane, or Secret/data-plane/db"));
        }
        let namespaces = namespace.map_or_else(|| namespaces.to_vec(), |it| vec![it.to_owned()]);
        Ok(Self { kind, namespaces, name: name.map(str::to_owned) })
    }

    /// Whether it names one object.
    pub(crate) const fn has_name(&self) -> bool {
        self.name.is_some()
    }

    fn is_kind(&self, record: &KindRecord) -> bool {
        let is_called =
            |word: &str| word.eq_ignore_ascii_case(&record.kind) || word.eq_ignore_ascii_case(&record.resource);
        is_called(&self.kind)
            || self
                .kind
                .split_once('.')
                .is_some_and(|(name, group)| is_called(name) && group.eq_ignore_ascii_case(&record.group))
    }

    /// Group and plural name of the kinds of an archive that it means.
    pub(crate) fn kinds(&self, manifest: &Manifest) -> Vec<(String, String)> {
        let meant = manifest.kinds.iter().filter(|record| self.is_kind(record));
        meant.map(|record| (record.group.clone(), record.resource.clone())).collect()
    }

    /// Whether it means what stands there; `kinds` are those of [`Wanted::kinds`].
    pub(crate) fn fits(&self, place: &Place, kinds: &[(String, String)]) -> bool {
        kinds.iter().any(|(group, resource)| *group == place.group && *resource == place.resource)
            && self.name.as_ref().is_none_or(|name| *name == place.name)
            && (self.namespaces.is_empty() || place.namespace.is_empty() || self.namespaces.contains(&place.namespace))
    }
}

/// Writes an archive as it lies there to standard output, for a reader that knows nothing of object stores.
///
/// # Errors
/// When it cannot be read to its end.
pub(crate) fn stream(args: &Args, show: &ShowArgs, printer: &Printer) -> Result<(), Failure> {
    if printer.is_terminal() {
        return Err(Failure::usage("an archive is nothing to look at: a pipe or a file is needed")
            .hint("as in kubectl mlops backup show s3://BUCKET/KEY --stream | kubectl mlops health --from -"));
    }
    let mut input = Storage::new(&args.s3).open(&show.archive)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = input.read(&mut buffer).map_err(|error| storage::broken(&error))?;
        // Whoever has read enough ends it quietly.
        if read == 0 || !printer.stream(&buffer[..read])? {
            return Ok(());
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, show: &ShowArgs) -> Result<Shown, Failure> {
    let path = &show.archive;
    let failed = |error| broken(path, &error);
    let identities = Identities::read(&args.source.identity).map_err(failed)?;
    let wanted = show.object.as_deref().map(|word| Wanted::new(word, &args.scope.namespace)).transpose()?;
    let mut told = None;
    let mut fitting: Vec<Entry> = Vec::new();
    let mut found: Option<Vec<u8>> = None;
    let one: RefCell<Option<String>> = RefCell::default();
    let input = BufReader::with_capacity(1 << 16, Storage::new(&args.s3).open(path)?);
    scan(
        input,
        &identities,
        &Limits::default(),
        &mut |manifest, entries| {
            told = Some(manifest.clone());
            let Some(wanted) = &wanted else { return Ok(Flow::Stop) };
            let kinds = wanted.kinds(manifest);
            fitting = entries.iter().filter(|entry| wanted.fits(&entry.place(), &kinds)).cloned().collect();
            if let ([only], Some(_)) = (fitting.as_slice(), &wanted.name) {
                *one.borrow_mut() = Some(only.path.to_string());
                return Ok(Flow::Continue);
            }
            Ok(Flow::Stop)
        },
        &mut |entry, bytes| {
            if Some(&*entry.path) == one.borrow().as_deref() {
                found = Some(bytes.to_vec());
                return Ok(Flow::Stop);
            }
            Ok(Flow::Continue)
        },
    )
    .map_err(failed)?;
    let Some(manifest) = told else {
        return Err(Failure::usage(format!("{} has no manifest", path.display())));
    };
    let Some(wanted) = wanted else { return Ok(Shown::Manifest(Box::new(ManifestShown { manifest }))) };
    if let Some(bytes) = found {
        return object(&bytes).map(Shown::Object);
    }
    if fitting.is_empty() {
        return Err(absent(&wanted, &manifest));
    }
    Ok(Shown::Objects(ObjectList {
        api_version: API_VERSION.to_owned(),
        kind: "BackupObjectList".to_owned(),
        archive: path.display().to_string(),
        objects: fitting.iter().map(listed).collect(),
    }))
}

/// An object without the values of a Secret.
fn object(bytes: &[u8]) -> Result<Object, Failure> {
    let no_object = || Failure::usage("what stands there is no object");
    let text = std::str::from_utf8(bytes).map_err(|_| no_object())?;
    let mut json = Json::parse(text).map_err(|_| no_object())?;
    let is_secret = json.get("kind").and_then(Json::text) == Some("Secret");
    if is_secret && (json.get("data").is_some() || json.get("stringData").is_some()) {
        Redaction::new(None).apply(&mut json);
    }
    let mut shown = Vec::new();
    json.write(&mut shown);
    Ok(Object { object: serde_json::from_slice(&shown).map_err(|_| no_object())? })
}

fn listed(entry: &Entry) -> Listed {
    let place = entry.place();
    Listed {
        group: place.group,
        resource: place.resource,
        namespace: place.namespace,
        name: place.name,
        bytes: entry.bytes,
        class: entry.class.word().to_owned(),
    }
}

/// Why an archive has none of what is asked for.
pub(crate) fn absent(wanted: &Wanted, manifest: &Manifest) -> Failure {
    let is_known = manifest.kinds.iter().find(|record| wanted.is_kind(record));
    let Some(record) = is_known else {
        let failure = Failure::usage(format!("the archive has no kind {:?}", wanted.kind));
        let left_out = manifest.left_out.iter().find(|row| row.kind.eq_ignore_ascii_case(&wanted.kind));
        return match (left_out, text::nearest(&wanted.kind, manifest.kinds.iter().map(|it| it.resource.as_str()))) {
            (Some(row), _) => failure.hint(format!("no backup holds them: {}", row.why)),
            (None, Some(near)) => failure.hint(format!("did you mean {near}?")),
            (None, None) => failure.hint("`kubectl mlops backup show ARCHIVE -o wide` lists its kinds"),
        };
    };
    let what = match &wanted.name {
        Some(name) => format!("{} {name:?}", record.kind),
        None => record.resource.clone(),
    };
    let failure = Failure::usage(format!("the archive has no {what} there"));
    match &record.failure {
        Some(why) => failure.hint(format!("not all {} could be read when it was made: {why}", record.resource)),
        None => {
            failure.hint(format!("`kubectl mlops backup show ARCHIVE {}` lists those that it has", record.resource))
        }
    }
}

impl Present for ManifestShown {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let it = &self.manifest;
        let count = usize::try_from(it.objects).unwrap_or(usize::MAX);
        let what = format!("{} of {}", text::plural(count, "object"), it.cluster.context);
        let headline = match it.partial {
            true => Line::marked(Level::Unknown, format!("{what}; PARTIAL: not everything could be read")),
            false => Line::plain(what),
        };
        let mut document = Document::new(format!("Backup of {}", it.cluster.context), headline);
        manifest(it, detail, &mut document);
        document
    }
}

impl Present for ObjectList {
    fn document(&self, _: &Detail) -> Document<'_> {
        let what = text::plural(self.objects.len(), "object");
        let mut document = Document::new(format!("Objects in {}", self.archive), Line::plain(what));
        let mut table = Table::new([
            Column::new("RESOURCE"),
            Column::new("NAMESPACE"),
            Column::new("NAME"),
            Column::new("BYTES").right().optional(),
            Column::new("MADE AGAIN BY"),
        ]);
        for it in &self.objects {
            let resource =
                if it.group.is_empty() { it.resource.clone() } else { format!("{}.{}", it.resource, it.group) };
            table.row([
                Cell::from(resource),
                Cell::or_dash(it.namespace.as_str()),
                Cell::toned(it.name.as_str(), Tone::Strong),
                Cell::from(it.bytes.to_string()),
                Cell::from(it.class.as_str()),
            ]);
        }
        table.filter = true;
        document.blocks.push(Block::Table(table));
        document
    }
}

impl Present for Object {
    fn document(&self, _: &Detail) -> Document<'_> {
        let text = |key: &str| self.object.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = self.object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let mut document =
            Document::new(format!("{} {name}", text("kind")), Line::plain(format!("{} {name}", text("kind"))));
        let body = serde_json::to_string_pretty(&self.object).unwrap_or_default();
        body.lines().for_each(|line| document.line(Line::plain(line.to_owned())));
        document
    }
}
