//! `backup coverage`: who would make each object again, and what would be lost where nobody does.

use crate::args::{Args, CoverageArgs};
use crate::exclude;
use crate::s3::is_remote;
use crate::snapshots::cover::{Cover, cover};
use crate::storage::{Storage, Watched};
use jiff::{SignedDuration, Timestamp};
use mlops_shared::cli::{Failure, Printer, on_cluster, platform};
use mlops_shared::cluster::{self, Plan};
use mlops_shared::object::{Decoded, Inventory, InventoryBuilder, Object, Scope, Section, Sym, decode_kept};
use mlops_shared::ownership::{Managers, Rebuilder};
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Detail, Document, Level, Present, View, whose};
use mlops_shared::source::{Gathered, Limits, Origin, gather, gather_stream};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

/// The whole run may take so long.
const BUDGET: Duration = Duration::from_secs(300);
/// Objects of a kind that are named one by one, unless everything is asked for.
const NAMED: usize = 5;

/// Who would make each object again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `BackupCoverage`
    pub(crate) kind: String,
    /// The instant that it holds for, RFC 3339.
    pub(crate) generated_at: String,
    /// Whose view this is.
    pub(crate) view: View,
    /// Whether something could not be read.
    pub(crate) partial: bool,
    /// Objects by who would make them again: `git`, `helm`, `controller`, `nobody`, `unknown`.
    pub(crate) classes: BTreeMap<Rebuilder, usize>,
    /// Kinds with objects that nobody would make again, or of which that is not known.
    pub(crate) kinds: Vec<KindCoverage>,
    /// Claims without a snapshot that is ready and fresh.
    pub(crate) claims: Vec<ClaimCoverage>,
    /// What could not be read.
    pub(crate) gaps: Vec<String>,
    /// Things to know.
    pub(crate) notes: Vec<String>,
}

/// A kind with objects that would be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindCoverage {
    /// API group; empty for the core group.
    pub(crate) group: String,
    /// Kind.
    pub(crate) kind: String,
    /// What their loss costs.
    pub(crate) cost: String,
    /// Whether the loss of one costs data, access or trust that cannot be had again.
    pub(crate) severe: bool,
    /// Those that nobody would make again, as `NAMESPACE/NAME`.
    pub(crate) nobody: Vec<String>,
    /// Those of which it is not known.
    pub(crate) unknown: Vec<String>,
}

/// A claim whose data has no fresh snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimCoverage {
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// What there is of snapshots.
    pub(crate) state: String,
}

/// What the loss of objects of a kind costs, and whether it can be made good.
const COSTS: &[(&str, &str, &str, bool)] = &[
    ("", "Secret", "credentials and keys that exist only here", true),
    ("", "PersistentVolumeClaim", "the way to its data; with the reclaim policy Delete the data itself", true),
    ("", "PersistentVolume", "the way to data that is there", true),
    ("", "ConfigMap", "settings that somebody made by hand", false),
    ("", "Namespace", "labels, quotas and policies hang on it; what is in it goes with it", true),
    ("", "ServiceAccount", "workloads that run as it do not start", false),
    ("", "Service", "addresses that clients use", false),
    (
        "kafka.strimzi.io",
        "Kafka",
        "the cluster's definition, and with it its identity: brokers refuse disks of another cluster id",
        true,
    ),
    ("kafka.strimzi.io", "KafkaNodePool", "which brokers there are, and their node ids", true),
    ("kafka.strimzi.io", "KafkaTopic", "with the topic operator running, the topic and its data", true),
    ("kafka.strimzi.io", "KafkaUser", "the user's password or certificate, and its ACLs", true),
    ("minio.min.io", "Tenant", "the object store's definition: pools, disks and certificates", true),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "every object of the kind goes with it", true),
    ("source.toolkit.fluxcd.io", "GitRepository", "nothing is brought from there any more", true),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", "nothing that it lists is made again", true),
    ("helm.toolkit.fluxcd.io", "HelmRelease", "the release and its values", true),
    ("cert-manager.io", "Issuer", "certificates are not renewed", false),
    ("cert-manager.io", "ClusterIssuer", "certificates are not renewed", false),
];

/// Runs the command.
pub(crate) fn run(args: &Args, wanted: &CoverageArgs, printer: &Printer) -> Result<CoverageReport, Failure> {
    let fresh = text::parse_duration(&wanted.fresh)
        .filter(|fresh| fresh.is_positive())
        .ok_or_else(|| Failure::usage(format!("{:?} is no duration", wanted.fresh)).hint("as in --fresh 24h"))?;
    if args.scope.selector.is_some() {
        return Err(Failure::usage("coverage looks at every object: -l goes with create"));
    }
    let gathered = read(args)?;
    gathered.warnings.iter().for_each(|warning| printer.note(warning));
    let now = args.source.now.unwrap_or_else(Timestamp::now);
    Ok(report(gathered, &args.scope.namespace, now, fresh))
}

/// An archive of an object store.
fn from_store(args: &Args, path: &Path) -> Result<Gathered<Decoded>, Failure> {
    let mut input = Watched::new(Storage::new(&args.s3).open(path)?);
    let name = (&*path.to_string_lossy(), &*args.source.identity);
    let gathered = gather_stream(BufReader::new(&mut input), name, &Limits::default(), &decode_kept);
    // That the server did not give it says nothing about the archive.
    gathered.map_err(|error| input.failure().unwrap_or_else(|| error.into()))
}

fn read(args: &Args) -> Result<Gathered<Decoded>, Failure> {
    if let Some(path) = args.source.from.as_deref().filter(|path| is_remote(path)) {
        return from_store(args, path);
    }
    if let Some(path) = &args.source.from {
        let origin = Origin { path, identities: &args.source.identity };
        return Ok(gather(origin, &Limits::default(), &decode_kept)?);
    }
    let (platform, _) = platform(args.source.platform.as_ref())?;
    let plan = Plan {
        namespaces: args.scope.namespace.clone(),
        likely: platform.namespaces.iter().map(|namespace| namespace.name.clone()).collect(),
        budget: BUDGET,
        kubelets: false,
        contents: false,
    };
    let is_wanted = |group: &str, kind: &str| exclude::of_kind(group, kind).is_none();
    on_cluster(&args.connection, async |connection| cluster::gather(connection, &plan, is_wanted, decode_kept).await)
}

/// The report on what was read. Pure.
fn report(gathered: Gathered<Decoded>, namespaces: &[String], now: Timestamp, fresh: SignedDuration) -> CoverageReport {
    let is_live = gathered.view.source == "cluster";
    let asked = || namespaces.iter().map(|name| Sym::new(name)).collect();
    let sight = match is_live {
        true if namespaces.is_empty() => Scope::Cluster,
        true => Scope::Namespaces(asked()),
        false => gathered.sight(),
    };
    // A cluster and an archive name every kind that there is; a dump has those that its program knows.
    let names_every_kind = is_live || gathered.scope.is_some();
    let Gathered { items, sections, is_whole, view, mut notes, gaps: mut broken, .. } = gathered;
    let is_whole = is_whole && names_every_kind;
    // A group of which no kind is saved is no gap.
    let is_saved = |section: &&Section| &*section.kind != "*" || exclude::of_kind(&section.group, "*").is_none();
    let mut gaps: Vec<String> = sections.iter().filter(is_saved).filter_map(gap).collect();
    gaps.append(&mut broken);
    if let Scope::Namespaces(read) = &sight {
        let outside = namespaces.iter().filter(|name| !read.iter().any(|known| **known == ***name));
        gaps.extend(outside.map(|name| format!("namespace {name} is not in what was read")));
    }
    let mut builder = InventoryBuilder::new(sight, is_whole);
    sections.into_iter().for_each(|section| builder.section(section));
    items.into_iter().for_each(|item| builder.push(item));
    let inventory = builder.finish();
    let managers = Managers::new(&inventory);
    let mut classes: BTreeMap<Rebuilder, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<(Sym, Sym), KindCoverage> = BTreeMap::new();
    let is_asked = |object: &Object| {
        let of = if object.is("", "Namespace") { &object.meta.name } else { &object.meta.namespace };
        namespaces.is_empty() || namespaces.iter().any(|name| **name == **of)
    };
    for object in inventory.objects().iter().filter(|object| is_asked(object)) {
        if exclude::of_kind(&object.ty.group, &object.ty.kind).is_some() || is_made_of_service(object) {
            continue;
        }
        let class = managers.rebuilder(object);
        *classes.entry(class).or_default() += 1;
        if !matches!(class, Rebuilder::Nobody | Rebuilder::Unknown) {
            continue;
        }
        let (group, kind) = (&object.ty.group, &object.ty.kind);
        let entry = kinds.entry((group.clone(), kind.clone())).or_insert_with(|| {
            let known = COSTS.iter().find(|(in_group, known, ..)| **in_group == **group && **known == **kind);
            KindCoverage {
                group: group.to_string(),
                kind: kind.to_string(),
                cost: known.map_or("what somebody made by hand", |row| row.2).to_owned(),
                severe: known.is_some_and(|row| row.3),
                nobody: Vec::new(),
                unknown: Vec::new(),
            }
        });
        let list = if class == Rebuilder::Nobody { &mut entry.nobody } else { &mut entry.unknown };
        let (namespace, name) = (&object.meta.namespace, &object.meta.name);
        list.push(if namespace.is_empty() { name.to_string() } else { format!("{namespace}/{name}") });
    }
    let mut kinds: Vec<KindCoverage> = kinds.into_values().collect();
    kinds.sort_by(|one, two| {
        (two.severe, two.nobody.len(), &one.group, &one.kind).cmp(&(
            one.severe,
            one.nobody.len(),
            &two.group,
            &two.kind,
        ))
    });
    if let Scope::Namespaces(read) = inventory.scope()
        && classes.contains_key(&Rebuilder::Unknown)
    {
        let names: Vec<&str> = read.iter().map(|name| &**name).collect();
        let names = if names.len() > NAMED { text::plural(names.len(), "namespace") } else { names.join(", ") };
        notes.push(format!("only {names} was read: what Flux or Helm make from elsewhere is not known"));
    }
    let claims = claims(&inventory, &is_asked, now, fresh);
    if !inventory.of_kind("kafka.strimzi.io", "Kafka").is_empty() {
        notes.push(
            "topics that no KafkaTopic declares are not known here: `kubectl mlops backup kafka --describe` names them"
                .to_owned(),
        );
        notes.push(
            "keys of Kafka's authorities and passwords of its users are in Secrets that the operator makes again with other \
             values: every client would have to be told"
                .to_owned(),
        );
    }
    CoverageReport {
        api_version: API_VERSION.to_owned(),
        kind: "BackupCoverage".to_owned(),
        generated_at: now.to_string(),
        partial: !gaps.is_empty(),
        view,
        classes,
        kinds,
        claims,
        gaps,
        notes,
    }
}

/// Whether a controller made it from a Service: such objects are in no backup, and nothing is lost with them.
fn is_made_of_service(object: &Object) -> bool {
    let labels = &object.meta.labels;
    let key = "endpointslice.kubernetes.io/managed-by";
    (object.is("discovery.k8s.io", "EndpointSlice")
        && labels.get(key).is_some_and(|by| by.ends_with("controller.k8s.io")))
        || (object.is("", "Endpoints") && labels.get("endpoints.kubernetes.io/managed-by").is_some())
}

fn gap(section: &Section) -> Option<String> {
    let dot = if section.group.is_empty() { "" } else { "." };
    section.state.gap().map(|why| format!("{}{dot}{}: {why}", section.kind, section.group))
}

/// Claims without a snapshot that says it is ready and is fresh enough.
fn claims(
    inventory: &Inventory,
    is_asked: &dyn Fn(&Object) -> bool,
    now: Timestamp,
    fresh: SignedDuration,
) -> Vec<ClaimCoverage> {
    let claims = inventory.of_kind("", "PersistentVolumeClaim").iter().filter(|claim| is_asked(claim));
    let covers = claims.map(|claim| (claim, cover(inventory, claim, &|_| true, (now, fresh))));
    let open = covers.filter(|(_, cover)| !matches!(cover, Cover::Fresh(_)));
    open.map(|(claim, cover)| ClaimCoverage {
        namespace: claim.meta.namespace.to_string(),
        name: claim.meta.name.to_string(),
        state: cover.words(now),
    })
    .collect()
}

impl Present for CoverageReport {
    fn document(&self, detail: &Detail) -> Document<'_> {
        let count = |class| self.classes.get(&class).copied().unwrap_or_default();
        let total: usize = self.classes.values().sum();
        let nobody = count(Rebuilder::Nobody);
        let mut what = format!("{nobody} of {} would be made again by nobody", text::plural(total, "object"));
        if count(Rebuilder::Unknown) > 0 {
            what.push_str(&format!(", of {} it is not known", count(Rebuilder::Unknown)));
        }
        let headline = match (self.partial, nobody) {
            (true, _) => Line::marked(Level::Unknown, format!("{what}; PARTIAL: not everything could be read")),
            (false, 0) => Line::marked(Level::Ok, what),
            (false, _) => Line::marked(Level::Warn, what),
        };
        let mut document = Document::new(format!("Coverage of {}", whose(&self.view)), headline);
        let parts = [(Rebuilder::Git, "Git"), (Rebuilder::Helm, "Helm"), (Rebuilder::Controller, "controllers")];
        let parts: Vec<String> = parts.map(|(class, word)| format!("{} by {word}", count(class))).into();
        document.line(Line::faint(format!("made again: {}", parts.join(", "))));
        let is_wide = detail.objects > 0;
        if !self.kinds.is_empty() {
            document.heading("By nobody");
            let mut table = Table::new([
                Column::new("KIND"),
                Column::new("OBJECTS").right(),
                Column::new("WHAT A LOSS COSTS").flex(2),
                Column::new("WHICH").flex(3),
            ]);
            for it in &self.kinds {
                let all: Vec<&String> = it.nobody.iter().chain(&it.unknown).collect();
                let most = if is_wide { all.len() } else { NAMED };
                let mut names: Vec<&str> = all.iter().take(most).map(|name| name.as_str()).collect();
                let more = format!("and {} more", all.len().saturating_sub(most));
                if all.len() > most {
                    names.push(&more);
                }
                let tone = if it.severe { Tone::Level(Level::Warn) } else { Tone::Plain };
                table.row([
                    Cell::toned(it.kind.as_str(), Tone::Strong),
                    Cell::from(all.len().to_string()),
                    Cell::toned(it.cost.as_str(), tone),
                    Cell::from(names.join(", ")),
                ]);
            }
            document.blocks.push(Block::Table(table));
        }
        if !self.claims.is_empty() {
            document.heading("Claims without a fresh snapshot");
            let mut table = Table::new([Column::new("CLAIM"), Column::new("SNAPSHOTS").flex(2)]);
            for claim in &self.claims {
                let name = format!("{}/{}", claim.namespace, claim.name);
                table.row([Cell::toned(name, Tone::Strong), Cell::from(claim.state.as_str())]);
            }
            document.blocks.push(Block::Table(table));
        }
        for gap in &self.gaps {
            document.line(Line::marked(Level::Unknown, gap.as_str()));
        }
        for note in &self.notes {
            document.line(Line::plain(format!("note: {note}")));
        }
        document
    }
}
