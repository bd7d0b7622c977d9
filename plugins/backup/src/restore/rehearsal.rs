//! The plan of a restore without a cluster: into an empty one that serves every kind of the archive. Fuzzing reads archives
//! through it, as far as a restore does before it asks anybody.

use super::fields::{Context, Trial, comparable, prepare, status};
use super::plan::{Cluster, Wish, decide};
use super::read::{Archive, Selection};
use super::report::{RestoreReport, Restored};
use mlops_shared::archive::Identities;
use mlops_shared::cli::Failure;
use mlops_shared::report::API_VERSION;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

/// Reads an archive that nobody encrypted and plans its restore.
///
/// # Errors
/// As `restore`: when the archive is damaged, foreign or larger than any.
pub fn rehearse(archive: impl BufRead) -> Result<RestoreReport, Failure> {
    let name = Path::new("archive");
    let mut archive = Archive::of(archive, name, &Identities::default(), &Selection::default())?;
    let heads = std::mem::take(&mut archive.heads);
    let cluster = Cluster {
        served: heads.iter().map(|head| (head.place.group.clone(), head.kind.clone())).collect(),
        ..Cluster::default()
    };
    let namespaces = heads.iter().map(|head| head.place.namespace.clone()).filter(|name| !name.is_empty());
    let mapped: BTreeMap<String, String> = namespaces.map(|name| (name, "mapped".to_owned())).collect();
    let contexts = [
        Context::default(),
        Context { namespaces: mapped.clone(), trial: Trial::Asleep, ..Context::default() },
        Context { namespaces: mapped, trial: Trial::Asked, ..Context::default() },
    ];
    for head in &heads {
        let object = archive.object(&head.path)?;
        let _ = status(&object);
        for context in &contexts {
            let once = prepare(object.clone(), context);
            if comparable(once.clone(), context) != comparable(object.clone(), context) {
                return Err(Failure::unchecked(format!("{}: what was restored would not count as equal", head.path)));
            }
        }
    }
    let [context, ..] = contexts;
    let wish = Wish { selected: archive.selected.clone(), context, ..Wish::default() };
    let items = decide(&heads, &cluster, &wish);
    let mut report = RestoreReport {
        api_version: API_VERSION.to_owned(),
        kind: "RestoreReport".to_owned(),
        archive: name.display().to_string(),
        taken_at: archive.manifest.created_at.clone(),
        context: "none".to_owned(),
        dry_run: "client".to_owned(),
        refused: None,
        counts: BTreeMap::new(),
        objects: items.iter().map(|item| Restored::planned(&heads[item.head], item)).collect(),
        journal: None,
        notes: Vec::new(),
    };
    report.count();
    Ok(report)
}
