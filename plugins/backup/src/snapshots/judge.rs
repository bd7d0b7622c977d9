//! What is said of each claim and its snapshots. Pure.

use super::cover::{Cover, GROUP, cover, is_ready, of_claim, source, taken};
use super::read::{Class, Seen};
use super::report::{ClaimSnapshots, LooseContent, SnapshotReport, SnapshotRow};
use super::{MADE_BY, Wanted};
use mlops_shared::cli::Failure;
use mlops_shared::object::{Body, Claim, Lookup, Object, Sym, Uid};
use mlops_shared::report::{API_VERSION, Level};
use mlops_shared::text::{self, Quantity};
use serde_json::Value;

/// How the storage of a claim can be snapshotted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Means {
    /// By this driver, with this class.
    Class { driver: String, class: String },
    /// It cannot, and why.
    No(String),
    /// The claim has no volume yet: there is nothing to take.
    Unbound,
    /// Nobody can tell, and why.
    Unknown(String),
}

/// The claims that were asked for, each found.
pub(super) fn claims<'a>(seen: &'a Seen, wanted: &Wanted) -> Result<Vec<&'a Object>, Failure> {
    let all = seen.inventory.of_kind("", "PersistentVolumeClaim");
    for (namespace, name) in &wanted.claims {
        if seen.inventory.get("", "PersistentVolumeClaim", namespace, name).is_missing() {
            let near = text::nearest(name, all.iter().map(|claim| &*claim.meta.name));
            let failure = Failure::usage(format!("there is no claim {namespace}/{name}"));
            return Err(match near {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint(format!("`kubectl get pvc -n {namespace}` lists them")),
            });
        }
    }
    let is_asked = |claim: &&Object| {
        let is_there =
            |(namespace, name): &(String, String)| **namespace == *claim.meta.namespace && **name == *claim.meta.name;
        (wanted.claims.is_empty() || wanted.claims.iter().any(is_there))
            && wanted.labels.as_ref().is_none_or(|labels| labels.matches(&claim.meta.labels))
    };
    Ok(all.iter().filter(is_asked).collect())
}

/// What a claim holds, and no other kind does.
pub(super) fn body(claim: &Object) -> Option<&Claim> {
    match &claim.body {
        Body::Claim(body) => Some(body),
        _ => None,
    }
}

/// The driver of a claim's volume, and the class that would snapshot it.
pub(super) fn means(seen: &Seen, claim: &Object, named: Option<&str>) -> Means {
    let Some(body) = body(claim) else { return Means::Unknown("the claim could not be read".to_owned()) };
    if seen.serves_snapshots == Some(false) {
        return Means::No("the cluster has no VolumeSnapshots: the snapshot controller is not installed".to_owned());
    }
    let volume = &body.spec.volume_name;
    if volume.is_empty() {
        return Means::Unbound;
    }
    let found = seen.inventory.get("", "PersistentVolume", "", volume);
    let driver = match (found.found().map(|object| &object.body), found.is_missing()) {
        (Some(Body::Volume(volume)), _) => volume.spec.csi.as_ref().map(|csi| csi.driver.to_string()),
        (_, true) => return Means::No(format!("its volume {volume} is not there")),
        _ => return Means::Unknown(format!("its volume {volume} could not be read")),
    };
    let Some(driver) = driver else {
        return Means::No(format!("its volume {volume} is not of a CSI driver: only those have snapshots"));
    };
    if !seen.has_read(GROUP, "VolumeSnapshotClass") {
        return Means::Unknown("VolumeSnapshotClasses could not be read".to_owned());
    }
    if let Some(named) = named {
        return match seen.classes.iter().find(|class| class.name() == named) {
            None => Means::No(format!("there is no VolumeSnapshotClass {named}")),
            Some(class) if class.driver != driver => {
                Means::No(format!("the class {named} is for {}, the volume is of {driver}", class.driver))
            }
            Some(_) => Means::Class { driver, class: named.to_owned() },
        };
    }
    let fitting: Vec<&Class> = seen.classes.iter().filter(|class| class.driver == driver).collect();
    let defaults: Vec<&&Class> = fitting.iter().filter(|class| class.is_default()).collect();
    match (defaults.as_slice(), fitting.as_slice()) {
        ([one], _) => Means::Class { class: one.name().to_owned(), driver },
        ([], [one]) => Means::Class { class: one.name().to_owned(), driver },
        (_, []) => Means::No(format!("no VolumeSnapshotClass is for its driver {driver}")),
        _ => {
            let names: Vec<&str> = fitting.iter().map(|class| class.name()).collect();
            Means::Unknown(format!("several classes are for {driver}: {}; --class chooses", names.join(", ")))
        }
    }
}

/// How a snapshot and its content hold together.
pub(super) struct Bond<'a> {
    content: Option<&'a Object>,
    /// `Some(true)`: each names the other. `None`: contents could not be read.
    pub(super) is_bound: Option<bool>,
}

pub(super) fn bond<'a>(seen: &'a Seen, snapshot: &Object) -> Bond<'a> {
    let name = snapshot.custom().map(|it| it.status_text("/boundVolumeSnapshotContentName")).unwrap_or_default();
    if name.is_empty() {
        return Bond { content: None, is_bound: Some(false) };
    }
    if !seen.has_read(GROUP, "VolumeSnapshotContent") {
        return Bond { content: None, is_bound: None };
    }
    let content = seen.inventory.get(GROUP, "VolumeSnapshotContent", "", name).found();
    Bond { content, is_bound: Some(content.is_some_and(|content| names(content, snapshot))) }
}

/// Whether a content says that it is that snapshot's.
fn names(content: &Object, snapshot: &Object) -> bool {
    let Some(custom) = content.custom() else { return false };
    let at = |key: &str| custom.spec_text(&format!("/volumeSnapshotRef/{key}"));
    let uid = at("uid");
    at("namespace") == &*snapshot.meta.namespace
        && at("name") == &*snapshot.meta.name
        && (uid.is_empty() || !snapshot.meta.uid.is_given() || Uid::new(uid) == snapshot.meta.uid)
}

/// Bytes, where a quantity or a number of bytes stands.
fn size(value: Option<&Value>) -> Option<Quantity> {
    match value? {
        Value::String(text) => Quantity::parse(text),
        Value::Number(number) => number.as_i64().map(Quantity::from_units),
        _ => None,
    }
}

fn row(seen: &Seen, snapshot: &Object, claim: Option<&Object>, wanted: &Wanted) -> SnapshotRow {
    let custom = snapshot.custom();
    let Bond { content, is_bound } = bond(seen, snapshot);
    let content_custom = content.and_then(Object::custom);
    let policy = content_custom.map(|it| it.spec_text("/deletionPolicy").to_owned()).filter(|it| !it.is_empty());
    let restore = size(custom.and_then(|it| it.status_at("/restoreSize")));
    let error = custom.and_then(|it| it.status_at("/error/message")).and_then(Value::as_str).map(str::to_owned);
    let error = error.or_else(|| {
        let message = content_custom.map(|it| it.status_text("/error/message")).unwrap_or_default();
        (!message.is_empty()).then(|| message.to_owned())
    });
    let ready = is_ready(snapshot);
    let mut warnings = Vec::new();
    if is_bound == Some(false) && ready {
        warnings.push("it says that it is ready, and its content is not there or is another snapshot's".to_owned());
    }
    let storage: Sym = "storage".into();
    let capacity = claim.and_then(body).and_then(|body| body.status.capacity.get(&storage)).copied();
    if let (Some(restore), Some(capacity)) = (restore, capacity)
        && restore > capacity
    {
        warnings.push(format!(
            "a restore needs a claim of {}, this one has {}",
            text::bytes(restore),
            text::bytes(capacity)
        ));
    }
    let driver = content_custom.map(|it| it.spec_text("/driver")).unwrap_or_default();
    if let Some(Means::Class { driver: of_claim, .. }) = claim.map(|claim| means(seen, claim, None))
        && !driver.is_empty()
        && driver != of_claim
    {
        warnings.push(format!("it was taken by {driver}, and the claim's volume is of {of_claim}"));
    }
    let taken = taken(snapshot);
    if let (Some(claim), Some(taken)) = (claim, taken)
        && claim.meta.creation_timestamp.get().is_some_and(|made| taken < made)
    {
        warnings.push("it was taken before this claim was made: of an earlier one of its name".to_owned());
    }
    if snapshot.meta.deletion_timestamp.get().is_some() {
        warnings.push("it is being deleted".to_owned());
    }
    SnapshotRow {
        namespace: snapshot.meta.namespace.to_string(),
        name: snapshot.meta.name.to_string(),
        claim: source(snapshot).to_owned(),
        ready,
        taken_at: taken.map(|taken| taken.to_string()),
        age: taken.map(|taken| text::age(taken, wanted.now)),
        content: content.map(|content| content.meta.name.to_string()),
        bound: is_bound,
        deletion_policy: policy,
        restore_size: restore.map(text::bytes),
        error,
        warnings,
        made_here: snapshot.meta.labels.has(MADE_BY.0, MADE_BY.1),
    }
}

fn of(seen: &Seen, claim: &Object, wanted: &Wanted) -> ClaimSnapshots {
    let mut snapshots: Vec<SnapshotRow> =
        of_claim(&seen.inventory, claim).map(|snapshot| row(seen, snapshot, Some(claim), wanted)).collect();
    snapshots.sort_by(|one, two| (&two.taken_at, &one.name).cmp(&(&one.taken_at, &two.name)));
    let is_usable = |snapshot: &Object| bond(seen, snapshot).is_bound != Some(false);
    let cover = cover(&seen.inventory, claim, &is_usable, (wanted.now, wanted.fresh));
    let means = means(seen, claim, None);
    let mut message = cover.words(wanted.now);
    let mut level = match cover {
        Cover::Fresh(_) => Level::Ok,
        Cover::Stale(_) | Cover::Before(_) | Cover::Unready(_) | Cover::None => Level::Fail,
        Cover::Unknown => Level::Unknown,
    };
    match (&means, cover) {
        (Means::Unbound, Cover::None) => {
            level = Level::Ok;
            "no volume yet: there is nothing to take".clone_into(&mut message);
        }
        (Means::No(why), Cover::Fresh(_)) => message.push_str(&format!("; no further one can be taken: {why}")),
        (Means::No(why), _) if seen.serves_snapshots == Some(false) => {
            level = Level::Fail;
            message = format!("no snapshot, and none can be taken: {why}");
        }
        (Means::No(why), _) => message.push_str(&format!("; none can be taken: {why}")),
        _ => {}
    }
    if level == Level::Fail
        && let Some(error) = snapshots.first().and_then(|newest| newest.error.as_deref())
    {
        message.push_str(&format!(": {error}"));
    }
    // What covers the claim is what its warnings are about.
    let covering = snapshots.iter().find(|row| row.ready && row.bound != Some(false));
    if let (Level::Ok, Some(row)) = (level, covering) {
        if row.deletion_policy.as_deref() == Some("Delete") {
            level = Level::Warn;
            message.push_str("; its data goes with the VolumeSnapshot (policy Delete)");
        } else if row.bound.is_none() {
            level = Level::Unknown;
            message.push_str("; whether its content is there could not be read");
        } else if let Some(warning) = row.warnings.first() {
            level = Level::Warn;
            message.push_str(&format!("; {warning}"));
        }
    }
    let (driver, class) = match means {
        Means::Class { driver, class } => (Some(driver), Some(class)),
        _ => (None, None),
    };
    let storage: Sym = "storage".into();
    ClaimSnapshots {
        namespace: claim.meta.namespace.to_string(),
        name: claim.meta.name.to_string(),
        level,
        message,
        size: body(claim).and_then(|body| body.status.capacity.get(&storage)).map(|size| text::bytes(*size)),
        driver,
        class,
        snapshots,
    }
}

/// Contents whose snapshot is not there, as far as that can be told.
fn loose(seen: &Seen) -> Vec<LooseContent> {
    let mut found = Vec::new();
    for content in seen.inventory.of_kind(GROUP, "VolumeSnapshotContent") {
        let Some(custom) = content.custom() else { continue };
        let at = |key: &str| custom.spec_text(&format!("/volumeSnapshotRef/{key}"));
        let (namespace, name) = (at("namespace"), at("name"));
        let why = match seen.inventory.get(GROUP, "VolumeSnapshot", namespace, name) {
            Lookup::Unread => continue,
            Lookup::Missing => "that snapshot is not there",
            Lookup::Found(snapshot) if names(content, snapshot) => continue,
            Lookup::Found(_) => "the snapshot of this name is another one",
        };
        found.push(LooseContent {
            name: content.meta.name.to_string(),
            snapshot: format!("{namespace}/{name}"),
            deletion_policy: custom.spec_text("/deletionPolicy").to_owned(),
            why: why.to_owned(),
        });
    }
    found
}

/// The report on what was read.
///
/// # Errors
/// When a claim that was named is not there.
pub(super) fn report(seen: &Seen, wanted: &Wanted) -> Result<SnapshotReport, Failure> {
    let claims = claims(seen, wanted)?;
    let is_whole = wanted.claims.is_empty() && wanted.labels.is_none();
    let snapshots = seen.inventory.of_kind(GROUP, "VolumeSnapshot").iter();
    let others = snapshots.filter(|snapshot| {
        let claim = source(snapshot);
        claim.is_empty()
            || seen.inventory.get("", "PersistentVolumeClaim", &snapshot.meta.namespace, claim).is_missing()
    });
    let others = others.filter(|_| is_whole).map(|snapshot| row(seen, snapshot, None, wanted)).collect();
    let mut rows: Vec<ClaimSnapshots> = claims.into_iter().map(|claim| of(seen, claim, wanted)).collect();
    rows.sort_by(|one, two| (two.level, &one.namespace, &one.name).cmp(&(one.level, &two.namespace, &two.name)));
    let mut notes = seen.notes.clone();
    notes.push(
        "a snapshot is taken as its driver says of itself: that data can be read from it only a restore shows"
            .to_owned(),
    );
    let is_unsure = rows.iter().any(|row| row.level == Level::Unknown);
    Ok(SnapshotReport {
        api_version: API_VERSION.to_owned(),
        kind: "SnapshotReport".to_owned(),
        generated_at: wanted.now.to_string(),
        view: seen.view.clone(),
        partial: !seen.gaps.is_empty() || is_unsure,
        claims: rows,
        others,
        loose: if is_whole { loose(seen) } else { Vec::new() },
        gaps: seen.gaps.clone(),
        notes,
    })
}
