//! Helm's own records of releases in a live cluster: of all revisions the metadata, and only where values may be read the
//! data of those that stand for their releases.

use crate::record::{Record, Release, decode, decode_releases};
use mlops_shared::cluster::{Connection, Held, content, labelled};
use mlops_shared::source::Gathered;

/// The label of what Helm keeps.
const OWNED: &str = "owner=helm";

/// Adds the records of releases to what was gathered. Where these may not be listed, the report is partial; the releases
/// of Flux are known from its own objects all the same.
pub(crate) async fn releases(
    connection: &Connection,
    namespaces: &[String],
    with_contents: bool,
    gathered: &mut Gathered<Record>,
) {
    let mut found: Vec<Release> = Vec::new();
    let of = |records: Vec<Record>| {
        records.into_iter().filter_map(|record| match record {
            Record::Release(release) => Some(*release),
            _ => None,
        })
    };
    match labelled(connection, Held::Secret, namespaces, OWNED, decode).await {
        Ok(records) => found.extend(of(records)),
        Err(reason) => gathered.gaps.push(format!("the Secrets in which Helm keeps releases: {reason}")),
    }
    // Helm keeps them in ConfigMaps only where somebody told it to: who may not list those misses nothing as a rule.
    match labelled(connection, Held::ConfigMap, namespaces, OWNED, decode).await {
        Ok(records) => found.extend(of(records)),
        Err(reason) => gathered.notes.push(format!("releases that Helm keeps in ConfigMaps are not known: {reason}")),
    }
    if with_contents {
        let current: Vec<(Held, String, String)> = Release::current(&found)
            .into_iter()
            .map(|release| {
                let held = if &*release.head.ty.kind == "Secret" { Held::Secret } else { Held::ConfigMap };
                (held, release.head.meta.namespace.to_string(), release.head.meta.name.to_string())
            })
            .collect();
        for (held, namespace, name) in current {
            match content(connection, held, &namespace, &name, decode_releases).await {
                Ok(Some(Record::Release(release))) => found.push(*release),
                Ok(_) => {}
                Err(reason) => gathered.gaps.push(format!("the release in {namespace}/{name}: {reason}")),
            }
        }
    }
    gathered.items.extend(found.into_iter().map(|release| Record::Release(Box::new(release))));
}
