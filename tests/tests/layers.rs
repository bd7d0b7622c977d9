//! The order of the modules of `shared`: one uses only those above it, and kube's client has one place.

use std::path::{Path, PathBuf};

/// From the ground up, as `shared/src/lib.rs` declares them.
fn modules() -> Vec<String> {
    let text = std::fs::read_to_string(sources().join("lib.rs")).expect("lib.rs");
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src")
}

/// The Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code of a file, without comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a file");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a code names as `crate::MODULE`, `use crate::{MODULE::…, MODULE}` among them.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let word =
            |text: &str| text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect::<String>();
        match rest.strip_prefix('{').and_then(|rest| rest.split_once("};")) {
            Some((list, _)) => found.extend(list.split(',').map(|item| word(item.trim()))),
            None => found.push(word(rest)),
        }
    }
    found
}

#[test]
fn a_module_uses_only_those_above_it() {
    let modules = modules();
    assert!(modules.len() >= 9 && modules[0] == "text", "{modules:?}");
    for (place, module) in modules.iter().enumerate() {
        let files = files(&sources().join(module));
        assert!(!files.is_empty(), "{module} is a folder");
        for path in files {
            let below = uses(&code(&path)).into_iter().find(|used| modules[place + 1..].contains(used));
            assert_eq!(below, None, "{} uses a module below its own", path.display());
        }
    }
}

#[test]
fn only_cluster_names_the_client() {
    let plugins = sources().join("../../plugins");
    for path in files(&sources()).into_iter().chain(files(&plugins)) {
        let is_cluster = path.starts_with(sources().join("cluster"));
        assert!(is_cluster || !code(&path).contains("kube::"), "{} names kube", path.display());
    }
}

/// Permission to write is made where somebody was asked; the type keeps plugins from making it themselves.
#[test]
fn only_the_confirmation_makes_permission_to_write() {
    for path in files(&sources()) {
        let is_known = ["cli/confirm.rs", "cluster/consent.rs", "gitops/repository_tests.rs"]
            .iter()
            .any(|known| path.ends_with(known));
        assert!(is_known || !code(&path).contains("::confirmed"), "{} makes permission to write", path.display());
    }
    // Whoever has one permission must not make two of it, nor another crate one of its own.
    let consent = code(&sources().join("cluster/consent.rs"));
    let (token, _) = consent.split_once("impl WriteToken").expect("the token");
    assert!(consent.contains("pub(crate) const fn confirmed") && !token.contains("Clone"), "{token}");
}

#[test]
fn uses_are_found() {
    let code = "use crate::text;\nuse crate::{health::judge, source};\nlet x = crate::cli::Exit::Clean;";
    assert_eq!(uses(code), ["text", "health", "source", "cli"]);
}
