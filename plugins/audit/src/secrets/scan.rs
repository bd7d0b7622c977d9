//! The credentials of a document: Secrets, Helm values, environment, settings, by their structure.

use super::codes::SECRET_HALF_ENCRYPTED;
use super::judge::{Setting, Verdict, judge};
use super::key::{Meaning, is_reference, meaning, words};
use super::lines::{self, Dialect};
use super::random;
use super::stamp::Stamp;
use super::value;
use crate::finding::{Finding, Place};
use crate::record::Head;
use crate::severity::Severity;
use crate::tree::node::{Content, Node, Scalar};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mlops_shared::object::{ObjectRef, Sym, TypeMeta};
use zeroize::Zeroizing;

/// Whose credentials are looked for.
struct Scan<'a> {
    object: ObjectRef,
    api_version: Sym,
    /// The file; of an object of a cluster there is none.
    file: Option<&'a Sym>,
    stamp: &'a Stamp,
    /// Whether SOPS encrypted the document, so that nothing in it should be plain.
    is_sops: bool,
    /// Whether it is a Secret of a cluster, where credentials belong: only those count that others know or guess.
    is_stored: bool,
    path: Vec<String>,
    found: Vec<Finding>,
}

/// The findings in an object, or in a document that is none: Helm values, playbooks.
pub(crate) fn document(
    node: &Node,
    ty: Option<&TypeMeta>,
    object: ObjectRef,
    file: Option<&Sym>,
    stamp: &Stamp,
) -> Vec<Finding> {
    let mut scan = Scan {
        object,
        api_version: ty.map(|ty| ty.api_version().as_str().into()).unwrap_or_default(),
        file,
        stamp,
        is_sops: node.get("sops").is_some_and(|sops| !sops.word("mac").is_empty()),
        is_stored: false,
        path: Vec::new(),
        found: Vec::new(),
    };
    match ty.map(|ty| (&*ty.group, &*ty.kind)) {
        Some(("", "Secret")) => scan.secret(node),
        // Of these only the template may hold values; the rest says where they are.
        Some(("external-secrets.io" | "generators.external-secrets.io", _)) => {
            scan.below(node, &["spec", "target", "template", "data"]);
        }
        Some(("bitnami.com", "SealedSecret")) => scan.below(node, &["spec", "template"]),
        // Definitions and classes describe fields that have such names.
        Some((_, "CustomResourceDefinition" | "SecretProviderClass" | "SecretStore" | "ClusterSecretStore")) => {}
        _ => scan.visit(node, "", &[]),
    }
    scan.found
}

/// The findings in the values of a Secret of a cluster.
pub(super) fn stored(head: &Head, values: &[(String, Zeroizing<String>)], stamp: &Stamp) -> Vec<Finding> {
    let mut scan = Scan {
        object: head.reference(),
        api_version: head.ty.api_version().as_str().into(),
        file: None,
        stamp,
        is_sops: false,
        is_stored: true,
        path: Vec::new(),
        found: Vec::new(),
    };
    let is_name = |key: &str| {
        let last = words(key).pop().unwrap_or_default();
        matches!(last.as_str(), "user" | "username" | "login" | "database" | "db" | "name")
    };
    let names: Vec<&str> = values.iter().filter(|(key, _)| is_name(key)).map(|(_, text)| text.as_str()).collect();
    for (key, text) in values {
        scan.path = vec!["data".to_owned(), step(key)];
        scan.kept(key, text, false, 0, &names);
    }
    scan.found
}

/// A finding about an object of a cluster.
pub(super) fn verdict_finding(head: &Head, verdict: Verdict, path: String) -> Finding {
    let message = format!("{path} {}", verdict.what);
    finding(verdict, head.reference(), head.ty.api_version().as_str().into(), path, message, None)
}

/// The findings in a file that is read line by line.
pub(crate) fn text(text: &str, dialect: Dialect, file: &Sym, stamp: &Stamp) -> Vec<Finding> {
    let (mut hits, _) = lines::scan(text, dialect, stamp);
    if dialect == Dialect::Plain {
        hits.extend(lines::unnamed(text, stamp, &hits));
    }
    let object = ObjectRef::new("", "", "", "");
    let findings = hits.into_iter().map(|hit| {
        let path = if hit.key.is_empty() { hit.verdict.code.id.to_owned() } else { hit.key.clone() };
        let what = if hit.key.is_empty() {
            format!("it {}", hit.verdict.what)
        } else {
            format!("{} {}", hit.key, hit.verdict.what)
        };
        finding(
            hit.verdict,
            object.clone(),
            Sym::default(),
            path,
            what,
            Some(Place { file: file.clone(), line: line(hit.line + 1) }),
        )
    });
    findings.collect()
}

fn line(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn finding(
    verdict: Verdict,
    object: ObjectRef,
    api_version: Sym,
    path: String,
    message: String,
    place: Option<Place>,
) -> Finding {
    let finding = Finding::new(verdict.code, verdict.severity, object, message).at(path).placed(place);
    Finding { api_version, ..finding }.evidence(format!("the value: {}", verdict.traits))
}

impl Scan<'_> {
    fn report(&mut self, line: u32, mut verdict: Verdict) {
        if self.is_stored && !verdict.is_guess() {
            return;
        }
        // Of what only looks like a credential nobody knows whether it was meant to be encrypted.
        if self.is_sops && !verdict.is_likeness() {
            verdict.code = &SECRET_HALF_ENCRYPTED;
            verdict.severity = Severity::Critical;
        }
        let path = self.here();
        let message = format!("{path} {}", verdict.what);
        let place = self.file.map(|file| Place { file: file.clone(), line });
        self.found.push(finding(verdict, self.object.clone(), self.api_version.clone(), path, message, place));
    }

    /// The path of what is looked at.
    fn here(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        path
    }

    /// Looks at what stands at a path only.
    fn below(&mut self, node: &Node, path: &[&str]) {
        let mut node = node;
        for step in path {
            let Some(next) = node.get(step) else { return };
            node = next;
        }
        self.path = path.iter().map(|step| (*step).to_owned()).collect();
        self.visit(node, "", &[]);
        self.path.clear();
    }

    /// Every value of a Secret is a credential unless its key says otherwise.
    fn secret(&mut self, node: &Node) {
        for field in ["data", "stringData"] {
            let Some(map) = node.get(field) else { continue };
            let names = names(map);
            for (key, value) in map.entries() {
                let Content::Scalar(scalar) = &value.content else { continue };
                self.path = vec![field.to_owned(), step(&key.name)];
                let text = scalar.text.reveal();
                let decoded = (field == "data").then(|| decode(text)).flatten();
                // A tag of its own decrypts or looks up.
                if !scalar.is_tagged {
                    self.kept(&key.name, decoded.as_deref().unwrap_or(text), scalar.is_block, value.line, &names);
                }
            }
        }
        self.path.clear();
        if let Some(metadata) = node.get("metadata").and_then(|metadata| metadata.get("annotations")) {
            self.path = vec!["metadata".to_owned(), "annotations".to_owned()];
            self.visit(metadata, "", &[]);
        }
    }

    /// A value that is meant to be secret.
    fn kept(&mut self, key: &str, text: &str, is_block: bool, line: u32, names: &[&str]) {
        if text.contains('\n') || text.starts_with("export ") {
            let (hits, settings) = lines::scan(text, Dialect::Plain, self.stamp);
            if settings > 0 || !hits.is_empty() {
                self.hits(hits, is_block, line);
                return;
            }
        }
        // Of what is not called a credential a common word is no sign.
        let is_called = meaning(key) != Meaning::Other || value::userinfo(text).is_some();
        if self.is_stored && !is_called {
            return;
        }
        let setting = Setting { key, value: text, names, is_kept_secret: true };
        if let Some(verdict) = judge(&setting, self.stamp) {
            self.report(line, verdict);
        }
    }

    fn hits(&mut self, hits: Vec<lines::Hit>, is_block: bool, start: u32) {
        for hit in hits {
            let line = if is_block { start.saturating_add(line(hit.line)) } else { start };
            let is_named = !hit.key.is_empty();
            if is_named {
                self.path.push(step(&hit.key));
            }
            self.report(line, hit.verdict);
            if is_named {
                self.path.pop();
            }
        }
    }

    /// Looks at a value under a key; `names` are names that stand beside it.
    fn visit(&mut self, node: &Node, key: &str, names: &[&str]) {
        match &node.content {
            Content::Scalar(scalar) => self.leaf(key, scalar, node.line, names),
            Content::List(items) => self.list(items, key),
            Content::Map(entries) => {
                let names = self::names(node);
                let named = entries.iter().any(|(key, value)| {
                    matches!(key.name.as_str(), "secretName" | "existingSecret")
                        && value.text().is_some_and(|text| !text.is_empty())
                });
                // `passwordSecret: {secretName: …, password: …}`: the name of a key.
                let is_reference = named && words(key).last().is_some_and(|last| last == "secret");
                for (name, value) in entries {
                    let is_own = self.is_sops && self.path.is_empty() && name.name == "sops";
                    if is_own || self::is_reference(&name.name) || name.name == "status" && self.path.is_empty() {
                        continue;
                    }
                    if is_reference && value.text().is_some() {
                        continue;
                    }
                    self.path.push(step(&name.name));
                    let known = self.found.len();
                    if name.name == "secretGenerator" {
                        self.generators(value);
                    } else {
                        self.visit(value, &name.name, &names);
                    }
                    // A container's arguments go on where its command ends.
                    let before = if name.name == "args" { node.get("command").map(Node::items) } else { None };
                    self.command(before.unwrap_or_default(), value.items(), known);
                    self.path.pop();
                }
            }
        }
    }

    fn list(&mut self, items: &[Node], key: &str) {
        let mut before: Option<&str> = None;
        for (index, item) in items.iter().enumerate() {
            let name = item.word("name");
            let label = if name.is_empty() { index.to_string() } else { name.to_owned() };
            self.path.push(format!("[{label}]"));
            match (&item.content, item.get("value").map(|value| (&value.content, value.line))) {
                // An environment variable, or a parameter.
                (Content::Map(_), Some((Content::Scalar(scalar), line))) if !name.is_empty() => {
                    self.leaf(name, scalar, line, &[]);
                }
                (Content::Scalar(scalar), _) => {
                    let text = scalar.text.reveal();
                    let option = before.filter(|option| option.starts_with('-') && !option.contains(['=', ' ']));
                    match option.filter(|option| matches!(meaning(option), Meaning::Password | Meaning::Secret)) {
                        Some(option) if !text.starts_with('-') => self.leaf(option, scalar, item.line, &[]),
                        _ => self.lines(scalar, item.line),
                    }
                    before = Some(text);
                }
                _ => self.visit(item, key, &[]),
            }
            self.path.pop();
        }
    }

    /// A list that is run as it stands, behind the words of another: passwords by their position that are not among
    /// what was found in it since there were `known` findings.
    fn command(&mut self, before: &[Node], items: &[Node], known: usize) {
        let Some(words) = before.iter().chain(items).map(Node::text).collect::<Option<Vec<_>>>() else { return };
        for it in super::commands::positional(&words) {
            let Some(index) = it.at.checked_sub(before.len()) else { continue };
            let (Some(item), Some(verdict)) = (items.get(index), it.verdict(self.stamp)) else { continue };
            self.path.push(format!("[{index}]"));
            let here = self.here();
            if !self.found[known..].iter().any(|other| other.path.starts_with(&here)) {
                self.report(item.line, verdict);
            }
            self.path.pop();
        }
    }

    /// kustomize's `secretGenerator`: literals are `key=value`.
    fn generators(&mut self, node: &Node) {
        for (index, item) in node.items().iter().enumerate() {
            let name = item.word("name");
            let label = if name.is_empty() { index.to_string() } else { name.to_owned() };
            for literal in item.get("literals").map_or(&[][..], Node::items) {
                let Content::Scalar(scalar) = &literal.content else { continue };
                let Some((key, value)) = scalar.text.reveal().split_once('=') else { continue };
                self.path.extend([format!("[{label}]"), "literals".to_owned(), format!("[{key}]")]);
                self.kept(key, value.trim_matches(['"', '\'']), scalar.is_block, literal.line, &[]);
                self.path.truncate(self.path.len() - 3);
            }
        }
    }

    fn leaf(&mut self, key: &str, scalar: &Scalar, line: u32, names: &[&str]) {
        // A tag of its own decrypts or looks up.
        if scalar.is_tagged {
            return;
        }
        let text = scalar.text.reveal();
        if text.trim_end().contains('\n') {
            return self.lines(scalar, line);
        }
        let setting = Setting { key, value: text, names, is_kept_secret: false };
        match judge(&setting, self.stamp) {
            Some(verdict) => self.report(line, verdict),
            None if text.contains(' ') || text.starts_with('{') => self.lines(scalar, line),
            // In a cluster controllers write random values by the thousand.
            None if self.file.is_some() && random::is_opaque(key, text) => {
                self.report(line, Verdict::of_random(text, self.stamp));
            }
            None => {}
        }
    }

    fn lines(&mut self, scalar: &Scalar, line: u32) {
        let (hits, _) = lines::scan(scalar.text.reveal(), Dialect::Plain, self.stamp);
        self.hits(hits, scalar.is_block, line);
    }
}

/// A step of a path; keys with dots in brackets, as in `data[tls.key]`.
fn step(key: &str) -> String {
    if key.contains('.') { format!("[{key}]") } else { key.to_owned() }
}

/// Names that stand in a map: whose password one is, and of which database.
fn names(node: &Node) -> Vec<&str> {
    let known = node.entries().iter().filter(|(key, _)| {
        let last = words(&key.name).pop().unwrap_or_default();
        matches!(last.as_str(), "user" | "username" | "login" | "database" | "db" | "name")
    });
    known.filter_map(|(_, value)| value.text()).filter(|text| !text.is_empty() && text.len() < 64).collect()
}

/// The text that base64 stands for.
fn decode(text: &str) -> Option<String> {
    let packed: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let bytes = STANDARD.decode(packed).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
