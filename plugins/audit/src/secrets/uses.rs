//! What refers to Secrets: pods and templates, service accounts, and whatever else names them.
//!
//! Of kinds that nobody can list in advance every text of the spec counts that is the name of a Secret: that a Secret is
//! taken for unused by mistake is worse than that one is not found.

use crate::record::{Custom, Records, Words, Workload, word};
use mlops_shared::object::Sym;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Deeper than this no name is looked for; records end before.
const DEPTH: usize = 32;

/// Who refers to the Secrets of a run.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// By namespace and name: pods, by themselves or through a template.
    pods: HashSet<(Sym, Sym)>,
    /// By namespace and name: anything.
    all: HashSet<(Sym, Sym)>,
}

/// The names that are looked for.
struct Sought<'a> {
    /// The namespaces of the Secrets of a name.
    by_name: HashMap<&'a str, Vec<&'a Sym>>,
    /// Their hashes.
    by_word: HashMap<u64, &'a str>,
    found: Uses,
}

impl Uses {
    /// Whether a pod or a template of pods uses it.
    pub(super) fn by_pods(&self, namespace: &Sym, name: &Sym) -> bool {
        self.pods.contains(&(namespace.clone(), name.clone()))
    }

    /// Whether anything refers to it.
    pub(super) fn by_any(&self, namespace: &Sym, name: &Sym) -> bool {
        let key = (namespace.clone(), name.clone());
        self.pods.contains(&key) || self.all.contains(&key)
    }

    /// Looks through all records.
    pub(super) fn of(records: &Records) -> Self {
        let mut by_name: HashMap<&str, Vec<&Sym>> = HashMap::new();
        for secret in &records.secrets {
            by_name.entry(&secret.head.meta.name).or_default().push(&secret.head.meta.namespace);
        }
        let by_word = by_name.keys().map(|name| (word(name), *name)).collect();
        let mut sought = Sought { by_name, by_word, found: Self::default() };
        for workload in &records.workloads {
            let namespace = &workload.head.meta.namespace;
            for name in names(workload).keys() {
                sought.found.pods.insert((namespace.clone(), name.clone()));
            }
            for container in workload.spec.all_containers() {
                let env = container.env.iter().map(|env| &env.value);
                env.chain([&container.command, container.args.words()]).for_each(|words| sought.words(words));
            }
        }
        for account in &records.accounts {
            let namespace = &account.head.meta.namespace;
            for name in &account.pull_secrets {
                sought.found.all.insert((namespace.clone(), name.clone()));
            }
            // `secrets` of a service account lists its tokens too: that alone uses none of them.
            for name in &account.secrets {
                sought.found.all.insert((namespace.clone(), name.clone()));
            }
        }
        for custom in &records.customs {
            sought.custom(custom);
        }
        for words in &records.settings {
            sought.words(words);
        }
        sought.found
    }
}

impl Sought<'_> {
    /// Names in a text that is no reference: of Secrets in any namespace, for the text may name that too.
    fn words(&mut self, words: &Words) {
        for word in words.iter() {
            let Some(name) = self.by_word.get(&word) else { continue };
            for namespace in self.by_name.get(name).into_iter().flatten() {
                self.found.all.insert(((*namespace).clone(), Sym::new(name)));
            }
        }
    }

    fn custom(&mut self, custom: &Custom) {
        let own = &custom.head.meta.namespace;
        // Operators make Secrets of the same name: KafkaUser, ExternalSecret, SealedSecret, Certificate, …
        let group = &*custom.head.ty.group;
        let has_operator = group.contains('.') && !group.ends_with(".k8s.io");
        if has_operator && self.by_name.contains_key(custom.head.meta.name.as_str()) {
            self.found.all.insert((own.clone(), custom.head.meta.name.clone()));
        }
        self.value(&custom.content.spec, own, None, 0);
        self.words(&custom.named);
    }

    /// `beside` is a namespace that stands beside the value.
    fn value(&mut self, value: &Value, own: &Sym, beside: Option<&str>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        match value {
            Value::String(text) => self.text(text, own, beside),
            Value::Array(items) => items.iter().for_each(|item| self.value(item, own, beside, depth + 1)),
            Value::Object(fields) => {
                // `namespace`, `secretNamespace`, `csi.storage.k8s.io/node-stage-secret-namespace`
                let named = fields.iter().find(|(key, _)| key.to_ascii_lowercase().ends_with("namespace"));
                let beside = named.and_then(|(_, value)| value.as_str()).or(beside);
                fields.values().for_each(|value| self.value(value, own, beside, depth + 1));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, own: &Sym, beside: Option<&str>) {
        if text.len() > 400 {
            let words: Words = [text].into_iter().collect();
            return self.words(&words);
        }
        let (namespace, name) =
            text.split_once('/').map_or((beside, text), |(namespace, name)| (Some(namespace), name));
        let Some(homes) = self.by_name.get(name) else {
            // A file of settings, or a command, in a spec.
            if text.contains([' ', '\n', '=', ':']) {
                let words: Words = [text].into_iter().collect();
                self.words(&words);
            }
            return;
        };
        let is_meant = |home: &Sym| own.is_empty() || home == own || Some(home.as_str()) == namespace;
        let found: Vec<Sym> = homes.iter().filter(|home| is_meant(home)).map(|home| (*home).clone()).collect();
        self.found.all.extend(found.into_iter().map(|home| (home, Sym::new(name))));
    }
}

/// The Secrets that a pod or a template refers to, each with whether it is in the environment.
pub(super) fn names(workload: &Workload) -> BTreeMap<Sym, bool> {
    let spec = &workload.spec;
    let mut names: BTreeMap<Sym, bool> = BTreeMap::new();
    let mut add = |name: &str, is_environment: bool| {
        if !name.is_empty() {
            *names.entry(Sym::new(name)).or_default() |= is_environment;
        }
    };
    for container in spec.all_containers() {
        for env in &container.env {
            add(env.value_from.as_ref().map_or("", |from| &from.secret_key_ref.name), true);
        }
        for from in &container.env_from {
            add(&from.secret_ref.name, true);
        }
    }
    for pull in &spec.image_pull_secrets {
        add(&pull.name, false);
    }
    for value in spec.volumes().iter().flat_map(|volume| volume.source.values()) {
        volume(value, &mut |name| add(name, false), 0);
    }
    names
}

/// Secrets in the source of a volume: `secretName`, and the `name` of `secret`, `secretRef`, `nodePublishSecretRef`, …
fn volume(value: &Value, add: &mut dyn FnMut(&str), depth: usize) {
    match value {
        Value::Array(items) if depth < DEPTH => items.iter().for_each(|item| volume(item, add, depth + 1)),
        Value::Object(fields) if depth < DEPTH => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("secretName", Value::String(name)) => add(name),
                    (key, Value::Object(inner)) if key == "secret" || key.ends_with("ecretRef") => {
                        inner.get("name").and_then(Value::as_str).into_iter().for_each(&mut *add);
                    }
                    _ => volume(value, add, depth + 1),
                }
            }
        }
        _ => {}
    }
}
