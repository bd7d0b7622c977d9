//! What the values of a Secret or a ConfigMap tell: credentials that everybody knows, and certificates. The values are gone
//! when the functions here return; they are wiped where this crate holds them.

use super::certificate::Chain;
use super::judge::{Setting, judge};
use super::live::STAMP;
use super::scan::{stored, verdict_finding};
use crate::finding::Finding;
use crate::record::{Head, Words};
use crate::tree::node::{self, Node};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mlops_shared::object::nullable;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use zeroize::{Zeroize as _, Zeroizing};

/// What was learned of values.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) findings: Vec<Finding>,
    pub(crate) chains: Vec<Chain>,
    /// Names that stand in it.
    pub(crate) words: Words,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wire {
    #[serde(deserialize_with = "nullable")]
    data: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "nullable")]
    string_data: BTreeMap<String, Option<String>>,
}

/// Of a Secret.
pub(crate) fn of_secret(head: &Head, item: &RawValue) -> Contents {
    let Ok(wire) = serde_json::from_str::<Wire>(item.get()) else { return Contents::default() };
    let mut values: BTreeMap<String, Zeroizing<Vec<u8>>> = BTreeMap::new();
    for (key, value) in wire.data {
        let mut text = value.unwrap_or_default();
        text.retain(|letter| !letter.is_whitespace());
        values.extend(STANDARD.decode(&text).ok().map(|bytes| (key, Zeroizing::new(bytes))));
        text.zeroize();
    }
    for (key, value) in wire.string_data {
        values.insert(key, Zeroizing::new(value.unwrap_or_default().into_bytes()));
    }
    let mut found = Contents::default();
    let mut texts: Vec<(String, Zeroizing<String>)> = Vec::new();
    for (key, bytes) in &values {
        found.chains.extend(chain(key, bytes, &values));
        let Ok(text) = std::str::from_utf8(bytes) else { continue };
        if matches!(key.as_str(), ".dockerconfigjson" | ".dockercfg") {
            found.findings.extend(registries(head, key, text));
        } else if text.contains("client-certificate-data") {
            kubeconfig(head, key, text, &mut found);
        } else {
            texts.push((key.clone(), Zeroizing::new(text.to_owned())));
        }
    }
    found.findings.extend(stored(head, &texts, &STAMP));
    found
}

/// Of a ConfigMap. What Helm keeps in one is packed, and says nothing.
pub(crate) fn of_settings(head: &Head, item: &RawValue) -> Contents {
    if head.meta.labels.get("owner") == Some("helm") {
        return Contents::default();
    }
    let wire: Wire = serde_json::from_str(item.get()).unwrap_or_default();
    let words = wire.data.values().filter_map(Option::as_deref).collect();
    Contents { findings: super::live::object(head, item), chains: Vec::new(), words }
}

/// The certificates under a key, with the private key that stands beside it: `tls.crt` and `tls.key`.
fn chain(key: &str, bytes: &[u8], values: &BTreeMap<String, Zeroizing<Vec<u8>>>) -> Option<Chain> {
    // Strimzi keeps its former authorities, `ca-2026-01-31T10-20-30Z.crt`, until nothing shows their certificates.
    let is_former = key.starts_with("ca-2") && values.contains_key("ca.crt");
    if is_former || !bytes.windows(12).any(|window| window == b"CERTIFICATE-") {
        return None;
    }
    let stem = [".crt", ".pem", ".cer"].iter().find_map(|ending| key.strip_suffix(ending));
    let private = stem.and_then(|stem| values.get(&format!("{stem}.key"))).map(|key| key.as_slice());
    Chain::of_pem(format!("data[{key}]"), bytes, private)
}

/// The passwords of registries.
fn registries(head: &Head, key: &str, text: &str) -> Vec<Finding> {
    let Some(document) = node::parse(text).documents.into_iter().next() else { return Vec::new() };
    let all = document.get("auths").unwrap_or(&document);
    let of = |registry: &str, auth: &Node| {
        let packed = STANDARD.decode(auth.word("auth")).ok().map(Zeroizing::new);
        let pair = packed.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let (user, password) = pair.and_then(|pair| pair.split_once(':')).unwrap_or_default();
        let password = if auth.word("password").is_empty() { password } else { auth.word("password") };
        let setting = Setting { key: "password", value: password, names: &[user], is_kept_secret: false };
        let verdict = judge(&setting, &STAMP).filter(super::judge::Verdict::is_guess)?;
        Some(verdict_finding(head, verdict, format!("data[{key}].auths[{registry}].password")))
    };
    all.entries().iter().filter_map(|(registry, auth)| of(&registry.name, auth)).collect()
}

/// The certificates of clients in a kubeconfig, and their passwords. Nothing connects with it.
fn kubeconfig(head: &Head, key: &str, text: &str, found: &mut Contents) {
    let Some(document) = node::parse(text).documents.into_iter().next() else { return };
    for entry in document.get("users").map_or(&[][..], Node::items) {
        let Some(user) = entry.get("user") else { continue };
        let path = format!("data[{key}].users[{}]", entry.word("name"));
        found
            .chains
            .extend(Chain::of_base64(format!("{path}.client-certificate-data"), user.word("client-certificate-data")));
        let setting = Setting {
            key: "password",
            value: user.word("password"),
            names: &[user.word("username")],
            is_kept_secret: false,
        };
        let verdict = judge(&setting, &STAMP).filter(super::judge::Verdict::is_guess);
        found.findings.extend(verdict.map(|verdict| verdict_finding(head, verdict, format!("{path}.password"))));
    }
}

#[cfg(test)]
mod tests {
    use super::super::certificate::tests::{NOW, made};
    use super::*;
    use mlops_shared::object::{Meta, TypeMeta};
    use std::sync::Arc;

    fn of(kind: &str, text: serde_json::Value) -> Contents {
        let raw = RawValue::from_string(text.to_string()).expect("JSON");
        let head = Head::new(&Arc::new(TypeMeta::new("v1", kind)), Meta::default());
        if kind == "Secret" { of_secret(&head, &raw) } else { of_settings(&head, &raw) }
    }

    fn codes(contents: &Contents) -> Vec<String> {
        contents.findings.iter().map(|it| format!("{} {}", it.code.id, it.path)).collect()
    }

    fn secret(values: &[(&str, &str)]) -> Contents {
        let data: serde_json::Map<String, serde_json::Value> =
            values.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into())).collect();
        of("Secret", serde_json::json!({"data": data}))
    }

    #[test]
    fn known_and_guessable_credentials_are_told_and_good_ones_are_not() {
        let found = secret(&[
            ("accesskey", "minioadmin"),
            ("config.env", "export MINIO_ROOT_USER=\"x\"\nexport MINIO_ROOT_PASSWORD=\"minio123\"\n"),
            ("uri", "postgresql://mlflow:mlflow123@db/mlflow"),
            ("admin-user", "admin"),
            ("admin-password", "prom-operator"),
            ("api-token", "CaNaRyX7fQ2mLz9Kp4Wd"),
            ("mode", "default"),
            ("engine", "postgres"),
            ("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"),
            ("feature", "on"),
        ]);
        let want = [
            "secret-default-credential data.accesskey",
            "secret-default-credential data.admin-password",
            "secret-default-credential data[config.env].MINIO_ROOT_PASSWORD",
            "secret-weak-credential data.uri",
        ];
        assert_eq!(codes(&found), want);
        assert!(!format!("{found:?}").contains("CaNaRy"));
    }

    #[test]
    fn registries_and_kubeconfigs_are_taken_apart() {
        let auth = STANDARD.encode("admin:Harbor12345");
        let registries = format!(
            "{{\"auths\": {{\"r.example\": {{\"auth\": \"{auth}\"}}, \"s\": {{\"username\": \"u\", \"password\": \"CaNaRyX7fQ2mLz9Kp4Wd\"}}}}}}"
        );
        assert_eq!(
            codes(&secret(&[(".dockerconfigjson", &registries)])),
            ["secret-default-credential data[.dockerconfigjson].auths[r.example].password"]
        );
        let (leaf, _, _) = made("ann", (-360, 3));
        let config = format!(
            "apiVersion: v1\nkind: Config\nusers:\n- name: ann\n  user:\n    client-certificate-data: {}\n    client-key-data: CaNaRy\n",
            STANDARD.encode(leaf)
        );
        let found = secret(&[("value", &config)]);
        assert_eq!(found.chains.len(), 1);
        assert_eq!(found.chains[0].path, "data[value].users[ann].client-certificate-data");
        assert_eq!(found.chains[0].certificates[0].not_after, NOW + 3 * 86_400);
        assert!(codes(&found).is_empty() && !format!("{found:?}").contains("CaNaRy"));
    }

    #[test]
    fn the_key_beside_a_certificate_is_compared() {
        let (leaf, root, key) = made("web", (-10, 80));
        let (_, _, other) = made("web", (-10, 80));
        let fits = |key: &str| {
            let found = secret(&[("tls.crt", &leaf), ("tls.key", key), ("ca.crt", &root)]);
            found.chains.iter().map(|chain| (chain.path.clone(), chain.fits_key)).collect::<Vec<_>>()
        };
        assert_eq!(fits(&key), [("data[ca.crt]".to_owned(), None), ("data[tls.crt]".to_owned(), Some(true))]);
        assert_eq!(fits(&other)[1].1, Some(false));
    }

    #[test]
    fn former_authorities_are_passed_over() {
        let (_, root, _) = made("kafka", (-10, 80));
        let paths = |values: &[(&str, &str)]| -> Vec<String> {
            secret(values).chains.into_iter().map(|chain| chain.path).collect()
        };
        let former = ("ca-2025-11-20T10-00-00Z.crt", root.as_str());
        assert_eq!(paths(&[("ca.crt", &root), former]), ["data[ca.crt]"]);
        assert_eq!(paths(&[former]), ["data[ca-2025-11-20T10-00-00Z.crt]"]);
    }

    #[test]
    fn settings_hold_names_and_credentials() {
        let text = "apiVersion: v1\nkind: ConfigMap\ndb:\n  password: mlflow123\n  secret: wildcard-tls\n";
        let found = of("ConfigMap", serde_json::json!({"data": {"app.yaml": text}}));
        assert_eq!(codes(&found), ["secret-weak-credential data[app.yaml].password"]);
        assert!(found.words.has(crate::record::word("wildcard-tls")));
    }
}
