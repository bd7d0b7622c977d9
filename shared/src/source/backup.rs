//! A backup archive as a source: what its manifest says was read counts as read, and nothing else.

use super::files::Limits;
use super::{Decode, Gathered, SourceError};
use crate::archive::{self, ArchiveError, Flow, Identities, KindRecord, Manifest, scan};
use crate::object::{Scope, Section, SectionState, Sym, Unread, type_of};
use crate::report::View;
use serde_json::value::RawValue;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads an archive called `name`.
pub(super) fn gather<T>(
    input: impl BufRead,
    (name, identities): (&str, &[PathBuf]),
    limits: &Limits,
    decode: &Decode<'_, T>,
) -> Result<Gathered<T>, SourceError> {
    let failed = |reason| SourceError::Archive { path: name.to_owned(), reason };
    let identities = Identities::read(identities).map_err(failed)?;
    let limits = archive::Limits {
        bytes: limits.stream_bytes.max(archive::Limits::default().bytes),
        objects: limits.objects as u64,
        ..archive::Limits::default()
    };
    let mut found = None;
    let mut items = Vec::new();
    scan(
        input,
        &identities,
        &limits,
        &mut |manifest, _| {
            found = Some(manifest.clone());
            Ok(Flow::Continue)
        },
        &mut |entry, bytes| {
            let foreign = || ArchiveError::Foreign(format!("{} is no object", entry.path));
            let raw: &RawValue = serde_json::from_slice(bytes).map_err(|_| foreign())?;
            let ty = Arc::new(type_of(raw).ok_or_else(foreign)?);
            items.extend(decode(&ty, raw));
            Ok(Flow::Continue)
        },
    )
    .map_err(failed)?;
    let Some(manifest) = found else {
        return Err(failed(ArchiveError::Foreign("it has no manifest".to_owned())));
    };
    Ok(gathered(items, manifest, name))
}

fn gathered<T>(items: Vec<T>, manifest: Manifest, name: &str) -> Gathered<T> {
    let Manifest { cluster, scope, created_at, kinds, left_out, .. } = manifest;
    let namespaces = scope.namespaces.iter().map(|name| Sym::new(name)).collect::<Vec<_>>();
    // With labels or kinds chosen, that something is not there proves nothing.
    let is_whole = scope.selector.is_none() && scope.kinds.is_empty() && scope.of.is_none();
    let mut sections: Vec<Section> = kinds.iter().map(|kind| section(kind, is_whole)).collect();
    sections.extend(left_out.into_iter().map(|row| Section {
        group: Sym::new(&row.group),
        kind: Sym::new(&row.kind),
        resource: Sym::default(),
        state: SectionState::Unread(Unread::NotInSource),
    }));
    Gathered {
        items,
        sections,
        is_whole,
        scope: is_whole.then(|| if namespaces.is_empty() { Scope::Cluster } else { Scope::Namespaces(namespaces) }),
        view: View {
            source: "files".to_owned(),
            name: name.to_owned(),
            server: Some(cluster.server),
            server_version: cluster.server_version,
            user: None,
            namespaces: scope.namespaces,
            platform: None,
        },
        notes: vec![format!(
            "a backup of {} taken at {created_at}: --now {created_at} judges as of then",
            cluster.context
        )],
        warnings: Vec::new(),
        gaps: Vec::new(),
    }
}

fn section(record: &KindRecord, is_whole: bool) -> Section {
    let count = usize::try_from(record.objects).unwrap_or(usize::MAX);
    let state = match &record.failure {
        Some(why) if count == 0 => SectionState::Unread(Unread::Failed(why.clone())),
        Some(why) => SectionState::Partly(Vec::new(), count, Unread::Failed(why.clone())),
        // What controllers make is not in a backup: that it is not here says nothing.
        None if !record.left_out.is_empty() || !is_whole => {
            SectionState::Partly(Vec::new(), count, Unread::NotInSource)
        }
        None => SectionState::Read(count),
    };
    Section {
        group: Sym::new(&record.group),
        kind: Sym::new(&record.kind),
        resource: Sym::new(&record.resource),
        state,
    }
}
