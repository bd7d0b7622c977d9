//! The list of images as a CycloneDX 1.6 bill of materials, for any scanner that takes one.

use super::Reference;
use crate::model::Image;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The document: one component of type `container` for each image. `made` is an RFC 3339 instant.
pub(crate) fn bom(images: &[Image], made: &str) -> Value {
    let mut seen = BTreeSet::new();
    let components: Vec<Value> = images.iter().filter_map(|image| component(image, &mut seen)).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": made,
            "tools": {"components": [{
                "type": "application",
                "name": "kubectl-mlops-audit",
                "version": env!("CARGO_PKG_VERSION"),
            }]},
        },
        "components": components,
    })
}

/// An image's component, once. Package URLs of type `oci` need a digest; without one the type is `docker`
/// (purl-spec, types oci and docker).
fn component(image: &Image, seen: &mut BTreeSet<String>) -> Option<Value> {
    let reference = Reference::parse(&image.image)?;
    let whole = reference.to_string();
    if !seen.insert(whole.clone()) {
        return None;
    }
    let version = reference.digest.or(reference.tag).unwrap_or("latest");
    let purl = match reference.digest {
        Some(digest) => {
            let tag = reference.tag.map(|tag| format!("&tag={}", quoted(tag))).unwrap_or_default();
            let (name, at) = (reference.short(), quoted(digest));
            format!("pkg:oci/{name}@{at}?repository_url={}{tag}", quoted(&reference.name()))
        }
        None => {
            let host = if reference.registry == "docker.io" {
                String::new()
            } else {
                format!("?repository_url={}", quoted(reference.registry))
            };
            format!("pkg:docker/{}@{}{host}", reference.repository, quoted(version))
        }
    };
    let used = image.objects.iter().map(|object| json!({"name": "mlops:object", "value": object}));
    Some(json!({
        "type": "container",
        "bom-ref": whole,
        "name": reference.name(),
        "version": version,
        "purl": purl,
        "properties": used.collect::<Vec<_>>(),
    }))
}

/// As package URLs quote what is no letter, digit, `.`, `-`, `_`, `~` or `/` of a name.
fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'.' | b'-' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_a_component_once() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let image = |text: &str| Image {
            image: text.to_owned(),
            registry: String::new(),
            objects: vec!["Pod/n/a".to_owned()],
            running: Vec::new(),
        };
        let list = [
            image("postgres"),
            image("docker.io/library/postgres"),
            image(&format!("quay.io/a/b:1@{digest}")),
            image("${X}"),
        ];
        let bom = bom(&list, "2026-11-20T03:00:00Z");
        let purls: Vec<&str> =
            bom["components"].as_array().expect("a list").iter().filter_map(|it| it["purl"].as_str()).collect();
        let second = format!("pkg:oci/b@sha256%3A{}?repository_url=quay.io/a/b&tag=1", "0".repeat(64));
        assert_eq!(purls, ["pkg:docker/library/postgres@latest", second.as_str()]);
        assert_eq!(bom["components"][0]["properties"][0]["value"], "Pod/n/a");
        assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    }
}
