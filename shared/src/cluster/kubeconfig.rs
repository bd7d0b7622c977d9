//! The text of a kubeconfig. kube reads one too, by a deserializer of YAML for each of its types, which are a quarter of a
//! megabyte in every plugin; this goes by way of the values that YAML is read as everywhere else.

use super::ClusterError;
use crate::text::documents;
use kube::config::{Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use serde::Deserialize;
use serde_json::Value;
use std::io::Read as _;
use std::path::Path;

/// Reads a file of at most so many bytes. Paths in it are relative to its folder (client-go,
/// `tools/clientcmd/loader.go`, `ResolveLocalPaths`).
///
/// # Errors
/// When it cannot be read, or is no kubeconfig: then only the place is told, for tokens may stand there.
pub(super) fn read(path: &Path, most: u64) -> Result<Kubeconfig, ClusterError> {
    let failed = |reason: &dyn std::fmt::Display| {
        ClusterError::Kubeconfig(format!("failed to read {}: {reason}", path.display()))
    };
    let mut input = std::fs::File::open(path).map_err(|error| failed(&error))?.take(most + 1);
    let bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let mut merged: Option<Kubeconfig> = None;
    for document in documents(&mut input, bytes) {
        let document = document.map_err(|error| match error {
            serde_saphyr::Error::IOError { cause } => failed(&cause),
            error => ClusterError::Kubeconfig(match error.location().filter(|place| place.line() > 0) {
                Some(place) => format!("not a kubeconfig at line {} column {}", place.line(), place.column()),
                None => "not a kubeconfig".to_owned(),
            }),
        })?;
        if document.is_null() {
            continue;
        }
        let mut next = Kubeconfig::deserialize(&document)
            .map_err(|_| ClusterError::Kubeconfig(format!("not a kubeconfig{}", place(&document))))?;
        resolve(&mut next, path.parent().unwrap_or(Path::new("")));
        merged = Some(merge(merged, next)?);
    }
    Ok(merged.unwrap_or_default())
}

/// What stands in the first stays, where there is a first one.
///
/// # Errors
/// When they are of different kinds.
pub(super) fn merge(first: Option<Kubeconfig>, next: Kubeconfig) -> Result<Kubeconfig, ClusterError> {
    match first {
        Some(first) => first.merge(next).map_err(|error| ClusterError::Kubeconfig(error.to_string())),
        None => Ok(next),
    }
}

/// Where something has not the shape of what belongs there, ` at users[0]`; empty where no entry is to blame.
fn place(document: &Value) -> String {
    fn bad<'a, T: Deserialize<'a>>(document: &'a Value, list: &str) -> Option<String> {
        let index = document.get(list)?.as_array()?.iter().position(|entry| T::deserialize(entry).is_err())?;
        Some(format!(" at {list}[{index}]"))
    }
    let bad = bad::<NamedCluster>(document, "clusters")
        .or_else(|| bad::<NamedAuthInfo>(document, "users"))
        .or_else(|| bad::<NamedContext>(document, "contexts"));
    bad.unwrap_or_default()
}

/// Makes relative paths absolute, or relative to where the program was started. Commands are names for PATH unless a
/// separator stands in them.
fn resolve(config: &mut Kubeconfig, folder: &Path) {
    let join = |path: &mut Option<String>| {
        if let Some(text) = path.as_mut().filter(|text| Path::new(text.as_str()).is_relative())
            && let Some(joined) = folder.join(text.as_str()).to_str()
        {
            *text = joined.to_owned();
        }
    };
    for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        join(&mut cluster.certificate_authority);
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        for path in [&mut user.client_certificate, &mut user.client_key, &mut user.token_file] {
            join(path);
        }
        if let Some(exec) = &mut user.exec
            && exec.command.as_ref().is_some_and(|command| command.contains(std::path::MAIN_SEPARATOR))
        {
            join(&mut exec.command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Kubeconfig, String> {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("config");
        std::fs::write(&path, text).expect("write");
        read(&path, 1 << 16).map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), "FOLDER"))
    }

    #[test]
    fn paths_are_relative_to_the_file_and_documents_are_merged() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("config");
        let text = "
clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: ca.crt}}]
users:
- {name: a, user: {client-certificate: ../a.crt, client-key: /a.key, tokenFile: t, exec: {command: ./login}}}
- {name: b, user: {exec: {command: login}}}
current-context: one
---
---
current-context: two
contexts: [{name: two, context: {cluster: c, user: a}}]
users: [{name: a, user: {token: x}}]
";
        std::fs::write(&path, text).expect("write");
        let config = read(&path, 1 << 16).expect("a kubeconfig");
        let at = |name: &str| folder.path().join(name).to_str().map(str::to_owned);
        assert_eq!(config.current_context.as_deref(), Some("one"));
        assert_eq!(config.contexts.len(), 1);
        assert_eq!(config.clusters[0].cluster.as_ref().and_then(|it| it.certificate_authority.clone()), at("ca.crt"));
        let users: Vec<_> = config.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()).collect();
        assert_eq!((users.len(), users[0].client_certificate.clone()), (2, at("../a.crt")));
        assert_eq!((users[0].client_key.as_deref(), users[0].token_file.clone()), (Some("/a.key"), at("t")));
        let command = |index: usize| users[index].exec.as_ref().and_then(|exec| exec.command.clone());
        assert_eq!((command(0), command(1).as_deref()), (at("./login"), Some("login")));
    }

    #[test]
    fn what_is_none_is_told_by_its_place_and_never_quoted() {
        for (text, says) in [
            ("users:\n- name: a\n  user: CANARY\n", "not a kubeconfig at users[0]"),
            ("clusters: [{name: a}, {name: [CANARY]}]\n", "not a kubeconfig at clusters[1]"),
            ("- CANARY\n", "not a kubeconfig"),
            ("users: [CANARY\n", "not a kubeconfig at line "),
        ] {
            let error = of(text).expect_err(text);
            assert!(error.contains(says) && !error.contains("CANARY"), "{error}");
        }
        assert!(of(&"# x\n".repeat(1 << 15)).is_err(), "larger than it may be");
        assert!(of("").expect("empty").contexts.is_empty());
    }
}
