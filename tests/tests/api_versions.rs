//! The table of Kubernetes' own API versions against `k8s.io/api`, of which the Go module cache holds a copy once the test
//! bed was built. With `UPDATE_DOCS=1` the newest copy there makes the table anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const TABLE: &str = "../shared/src/health/api_versions/kubernetes.rs";
const LIFECYCLE: &str = "zz_generated.prerelease-lifecycle.go";

/// Deprecated in, removed in (minors of Kubernetes 1), and `group/version` to write instead.
type Facts = (u16, u16, String);

/// Group, version, kind.
type Key = (String, String, String);

/// The newest copy of `k8s.io/api` in the module cache, with its minor release.
fn newest() -> Option<(PathBuf, u16)> {
    let cache = std::env::var_os("GOMODCACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join("go/pkg/mod")))?;
    let found = std::fs::read_dir(cache.join("k8s.io")).ok()?.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        // Neither an alpha nor a candidate.
        let version = name.strip_prefix("api@v0.").filter(|version| !version.contains('-'))?;
        let (minor, patch) = version.split_once('.')?;
        Some(((minor.parse::<u16>().ok()?, patch.parse::<u16>().ok()?), entry.path()))
    });
    found.max().map(|((minor, _), path)| (path, minor))
}

/// The folders `group/version` of the module that hold types.
fn folders(module: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let mut found: Vec<PathBuf> = below(module).iter().flat_map(|group| below(group)).collect();
    found.retain(|folder| folder.join("register.go").is_file());
    found.sort();
    found
}

/// The text between `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

fn group_and_version(folder: &Path) -> (String, String) {
    let text = std::fs::read_to_string(folder.join("register.go")).expect("register.go");
    let group = between(&text, "GroupName = \"", "\"").expect("a group").to_owned();
    let version = folder.file_name().and_then(|name| name.to_str()).expect("a version").to_owned();
    (group, version)
}

/// What a folder's lifecycle says, by kind. Lists go with what they list.
fn lifecycle(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut kinds: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for function in text.split("\nfunc (in *").skip(1) {
        let Some((kind, rest)) = function.split_once(") APILifecycle") else { continue };
        let Some((what, _)) = rest.split_once("()") else { continue };
        let value = between(rest, "return ", "\n").unwrap_or_default();
        if !kind.ends_with("List") {
            kinds.entry(kind.to_owned()).or_default().insert(what.to_owned(), value.to_owned());
        }
    }
    kinds
}

fn facts(module: &Path) -> BTreeMap<Key, Facts> {
    let folders = folders(module);
    let minor = |text: &String| text.split_once(", ").and_then(|(_, minor)| minor.parse::<u16>().ok());
    // Where a kind is in a stable version of its group, that is what to write.
    let mut stable: BTreeSet<(String, String, String)> = BTreeSet::new();
    for folder in &folders {
        let (group, version) = group_and_version(folder);
        let text = std::fs::read_to_string(folder.join("types.go")).unwrap_or_default();
        for line in text.lines().filter_map(|line| line.strip_prefix("type ")?.strip_suffix(" struct {")) {
            stable.insert((group.clone(), line.to_owned(), version.clone()));
        }
    }
    let mut all = BTreeMap::new();
    for folder in &folders {
        let (group, version) = group_and_version(folder);
        let text = std::fs::read_to_string(folder.join(LIFECYCLE)).unwrap_or_default();
        for (kind, says) in lifecycle(&text) {
            let (Some(deprecated), Some(removed)) =
                (says.get("Deprecated").and_then(minor), says.get("Removed").and_then(minor))
            else {
                continue;
            };
            let named = says.get("Replacement").map(|value| {
                let part = |name: &str| between(value, &format!("{name}: \""), "\"").unwrap_or_default();
                format!("{}/{}", part("Group"), part("Version"))
            });
            let own = ["v2", "v1"]
                .into_iter()
                .find(|stable_version| stable.contains(&(group.clone(), kind.clone(), (*stable_version).to_owned())));
            let instead = named.or_else(|| own.map(|version| format!("{group}/{version}"))).unwrap_or_default();
            all.insert((group.clone(), version.clone(), kind), (deprecated, removed, instead));
        }
    }
    all
}

/// The table's rows: kinds of one version with the same facts share a row.
fn rows(facts: &BTreeMap<Key, Facts>) -> Vec<String> {
    let mut rows: BTreeMap<(&str, &str, &Facts), Vec<&str>> = BTreeMap::new();
    for ((group, version, kind), facts) in facts {
        rows.entry((group, version, facts)).or_default().push(kind);
    }
    let line = |((group, version, (deprecated, removed, instead)), kinds): ((&str, &str, &Facts), Vec<&str>)| {
        let kinds = kinds.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(", ");
        format!("    row({group:?}, {version:?}, &[{kinds}], {deprecated}, {removed}, {instead:?}),")
    };
    rows.into_iter().map(line).collect()
}

#[test]
fn the_table_says_what_kubernetes_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    let table = std::fs::read_to_string(&path).expect("the table");
    let Some((module, minor)) = newest() else {
        println!("not compared: the Go module cache has no k8s.io/api (`make testbed` brings it)");
        return;
    };
    let (head, rest) = table.split_once("// Begin of the rows that are made.\n").expect("the begin of the rows");
    let (old, tail) = rest.split_once("// End of the rows that are made.\n").expect("the end of the rows");
    let facts = facts(&module);
    assert!(facts.len() > 80, "{} rows in {}", facts.len(), module.display());
    let newest = format!("pub(super) const NEWEST: Minor = (1, {minor});\n");
    let made = format!(
        "{newest}\n#[rustfmt::skip]\npub(super) const TABLE: &[ApiVersion] = &[\n{}\n];\n",
        rows(&facts).join("\n")
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text =
            format!("{head}// Begin of the rows that are made.\n{made}// End of the rows that are made.\n{tail}");
        std::fs::write(&path, text).expect("the table");
        return;
    }
    let known: u16 = between(old, "NEWEST: Minor = (1, ", ")").and_then(|text| text.parse().ok()).expect("NEWEST");
    assert!(known >= minor, "the module cache has Kubernetes 1.{minor}, the table 1.{known}: UPDATE_DOCS=1");
    if known == minor {
        assert!(old == made, "the table differs from {}: UPDATE_DOCS=1 makes it anew", module.display());
        return;
    }
    // An older copy: what has been removed by then cannot change any more.
    for row in rows(&facts.into_iter().filter(|(_, facts)| facts.1 <= minor).collect()) {
        assert!(old.contains(&row), "the table lacks {row}");
    }
}
