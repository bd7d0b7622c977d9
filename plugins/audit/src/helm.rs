//! Helm's own records of releases in a live cluster: of all revisions the metadata, and only where values may be read the
//! data of those that stand for their releases.

use crate::record::{Record, Release, decode, decode_releases};
use mlops_shared::cluster::{Connection, Held, content, labelled};
use mlops_shared::object::{Section, SectionState, Sym, Unread};
use mlops_shared::source::Gathered;

/// Adds the records of releases to what was gathered. Where these may not be listed, the section says so; the releases
/// of Flux are known from its own objects all the same.
pub(crate) async fn releases(
    connection: &Connection,
    namespaces: &[String],
    with_contents: bool,
    gathered: &mut Gathered<Record>,
) {
    let (mut found, mut count, mut refusal) = (Vec::new(), 0, None);
    for held in [Held::Secret, Held::ConfigMap] {
        match labelled(connection, held, namespaces, "owner=helm", decode).await {
            Ok(records) => {
                count += records.len();
                found.extend(records.into_iter().filter_map(|record| match record {
                    Record::Release(release) => Some(*release),
                    _ => None,
                }));
            }
            Err(reason) => refusal = refusal.or(Some((held, reason))),
        }
    }
    let state = match refusal {
        None => SectionState::Read(count),
        Some((_, reason)) if count == 0 => SectionState::Unread(reason),
        Some((held, reason)) => {
            SectionState::Partly(Vec::new(), count, Unread::Failed(format!("{}: {reason}", held.plural())))
        }
    };
    gathered.sections.push(Section {
        group: "helm.sh".into(),
        kind: "Release".into(),
        resource: Sym::default(),
        state,
    });
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
