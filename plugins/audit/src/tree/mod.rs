//! A Git tree as a source: its manifests as objects that know their place, and the credentials in all its files.
//!
//! Nothing is rendered: templates and overlays are read as they stand.

mod hidden;
mod inline;
pub(crate) mod node;
mod walk;

pub(crate) use inline::Inline;

use crate::finding::Place;
use crate::images;
use crate::record::{Custom, Record, decode};
use crate::secrets::{self, Dialect, Stamp};
use mlops_shared::cli::Failure;
use mlops_shared::object::{ObjectRef, Section, SectionState, Sym, TypeMeta};
use mlops_shared::report::View;
use mlops_shared::source::Gathered;
use mlops_shared::text::plural;
use node::Node;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What a tree holds.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) gathered: Gathered<Record>,
    /// Comments that accept findings.
    pub(crate) inline: Inline,
    /// Files that were read.
    pub(crate) files: usize,
}

/// What was read so far.
struct Reader {
    stamp: Stamp,
    items: Vec<Record>,
    kinds: BTreeMap<(Sym, Sym), usize>,
    inline: Inline,
    gaps: Vec<String>,
    templates: usize,
}

/// Reads a folder, or one file.
///
/// # Errors
/// When it cannot be opened or holds too many files. A file that cannot be read is a gap.
pub(crate) fn read(root: &Path) -> Result<Tree, Failure> {
    let name = root.display().to_string();
    let failed = |reason: String| Failure::usage(format!("failed to read the tree {name}: {reason}"));
    if !std::fs::metadata(root).map_err(|reason| failed(reason.to_string()))?.is_dir() {
        return Err(failed("not a folder".to_owned()).hint("`kubectl mlops audit --from FILE` reads one file"));
    }
    let walked = walk::walk(root).map_err(failed)?;
    let mut reader = Reader {
        stamp: Stamp::new(),
        items: Vec::new(),
        kinds: BTreeMap::new(),
        inline: Inline::default(),
        gaps: walked.gaps,
        templates: 0,
    };
    let mut files = 0;
    for found in &walked.files {
        match walk::read(&found.path) {
            Ok(Some(text)) => {
                files += 1;
                reader.file(&text, &found.inside);
            }
            Ok(None) => {}
            Err(reason) => reader.gaps.push(format!("file {}: {reason}", found.inside)),
        }
    }
    let mut notes = Vec::new();
    if !walked.links.is_empty() {
        notes.push(format!("{} not followed", plural(walked.links.len(), "symbolic link")));
    }
    if reader.templates > 0 {
        let count = plural(reader.templates, "template");
        notes.push(format!("{count} read line by line: nothing is rendered, so no object is known of them"));
    }
    let sections = reader.kinds.into_iter().map(|((group, kind), count)| Section {
        group,
        kind,
        resource: Sym::default(),
        state: SectionState::Read(count),
    });
    Ok(Tree {
        gathered: Gathered {
            items: reader.items,
            sections: sections.collect(),
            is_whole: false,
            scope: None,
            view: View {
                source: "files".to_owned(),
                name,
                server: None,
                server_version: None,
                user: None,
                namespaces: Vec::new(),
                platform: None,
            },
            notes,
            warnings: Vec::new(),
            gaps: reader.gaps,
        },
        inline: reader.inline,
        files,
    })
}

impl Reader {
    fn file(&mut self, text: &str, inside: &str) {
        let file = Sym::new(inside);
        self.inline.read(&file, text);
        if walk::form(inside.rsplit('/').next().unwrap_or(inside)) == Some(walk::Form::Lines) {
            let ending = inside.rsplit_once('.').map_or("", |(_, ending)| ending);
            let dialect = match ending.to_ascii_lowercase().as_str() {
                "py" | "scala" | "ipynb" => Dialect::Code,
                "md" | "markdown" => Dialect::Markdown,
                _ => Dialect::Plain,
            };
            return self.lines(text, &file, dialect);
        }
        let parsed = node::parse(text);
        let is_empty = parsed.documents.is_empty();
        for document in parsed.documents {
            self.document(document, &file);
        }
        if let Some(reason) = parsed.broken {
            // A chart's template is no YAML before it is rendered.
            if text.contains("{{") || text.contains("{%") {
                self.templates += 1;
            } else {
                self.gaps.push(format!("file {inside}: {reason}"));
            }
            if is_empty {
                self.lines(text, &file, Dialect::Plain);
            }
        }
    }

    fn lines(&mut self, text: &str, file: &Sym, dialect: Dialect) {
        let found = secrets::text(text, dialect, file, &self.stamp);
        self.items.extend(found.into_iter().map(|finding| Record::Credential(Box::new(finding))));
    }

    fn document(&mut self, node: Node, file: &Sym) {
        let (version, kind) = (node.word("apiVersion"), node.word("kind"));
        if kind.ends_with("List")
            && let Some(items) = node.get("items").filter(|items| !items.items().is_empty())
        {
            items.items().iter().for_each(|item| self.document(item.clone(), file));
            return;
        }
        if version.is_empty() || kind.is_empty() {
            let place = Place { file: file.clone(), line: 0 };
            if is_values(file) {
                let images = images::in_values(&node.json(), file, |path| node.line_of(path));
                self.items.extend(images.into_iter().map(|used| Record::Image(Box::new(used))));
            }
            let found = secrets::document(&node, None, ObjectRef::new("", "", "", ""), Some(file), &self.stamp);
            self.items.extend(found.into_iter().map(|finding| Record::Credential(Box::new(finding))));
            self.items.push(Record::Values(Custom::values(place, node)));
            return;
        }
        let ty = Arc::new(TypeMeta::new(version, kind));
        let metadata = node.get("metadata");
        let word = |key: &str| metadata.map_or("", |metadata| metadata.word(key));
        let mut object = ObjectRef::new(&ty.group, kind, word("namespace"), word("name"));
        // The value came from a parser, so it is JSON.
        if let Ok(raw) = RawValue::from_string(node.json().to_string())
            && let Some(mut record) = decode(&ty, &raw)
        {
            if let Some(head) = record.head_mut() {
                head.place = Some(Place { file: file.clone(), line: node.line });
                object = head.reference();
            }
            self.items.push(record);
        }
        *self.kinds.entry((ty.group.clone(), ty.kind.clone())).or_default() += 1;
        let found = secrets::document(&node, Some(&ty), object, Some(file), &self.stamp);
        self.items.extend(found.into_iter().map(|finding| Record::Credential(Box::new(finding))));
    }
}

/// Whether a file holds Helm values, by its name or that of its folder: `values-prod.yaml`, `helm-values/db.yaml`.
fn is_values(file: &str) -> bool {
    let mut parts = file.rsplit('/');
    let names = [parts.next(), parts.next()];
    names.into_iter().flatten().any(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        stem.split(['-', '_']).any(|word| word == "values")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_by_their_names() {
        assert!(
            ["values.yaml", "c/values-prod.yml", "helm-values/db.yaml", "db_values.yaml"].into_iter().all(is_values)
        );
        assert!(!["ci.yaml", "values/x/ci.yaml", "intervals.yaml"].into_iter().any(is_values));
    }
}
