//! Helm's own records of releases: Secrets of the type `helm.sh/release.v1`, or ConfigMaps with the same labels (Helm's
//! `pkg/storage/driver`). Names, revision and status are labels; the chart is in the data, between values and manifests
//! that hold secrets and are never kept.

use super::Head;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use jiff::Timestamp;
use mlops_shared::object::{Meta, Sym, TypeMeta, When};
use mlops_shared::record;
use serde_json::value::RawValue;
use std::io::{self, Read};
use std::sync::Arc;

/// A record may be so large once it is unpacked.
const BYTES: u64 = 64 << 20;
/// What gzip begins with: Helm packs what it writes, older records may be plain.
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];

/// A revision of a release.
#[derive(Debug, Clone, Default)]
pub struct Release {
    /// Type and metadata of the Secret or ConfigMap.
    pub head: Head,
    /// The release's name.
    pub name: Sym,
    /// Its number; 0 where the label is none.
    pub revision: u64,
    /// `deployed`, `superseded`, `failed`, `pending-upgrade`, …
    pub status: Sym,
    /// The chart; `None` where the data was not read.
    pub chart: Option<Chart>,
    /// When it was deployed last, where the data was read.
    pub last_deployed: When,
    /// Why the data could not be read, where it was to be; never quotes it.
    pub trouble: Option<String>,
}

record! {
    /// A chart, as its `Chart.yaml` says.
    pub struct Chart {
        /// Name.
        name: Sym,
        /// Version, by SemVer.
        version: Sym,
        /// The version of what it installs.
        app_version: Sym,
        /// The Kubernetes versions that it is for; empty for all.
        kube_version: Sym,
        /// Whether its maintainers have given it up.
        deprecated: bool,
    }

    struct Wire {
        metadata: Meta,
        data: Data,
    }

    struct Bare {
        metadata: Meta,
    }

    struct Data {
        release: Packed,
    }

    struct Unpacked {
        chart: Around,
        info: Info,
    }

    struct Around {
        metadata: Chart,
    }

    // Helm's own record writes these fields with underscores.
    struct Info {
        #[serde(rename = "last_deployed")]
        last_deployed: String,
    }
}

/// The packed text, which never shows itself.
#[derive(Default, Clone, serde::Deserialize)]
#[serde(transparent)]
struct Packed(String);

impl std::fmt::Debug for Packed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} bytes", self.0.len())
    }
}

impl Release {
    /// The record of a Secret or ConfigMap in which Helm keeps a release; `None` of any other. The data is looked at
    /// only `with_contents`.
    pub(super) fn read(ty: &Arc<TypeMeta>, item: &RawValue, with_contents: bool) -> Option<Self> {
        if !ty.group.is_empty() || !matches!(&*ty.kind, "Secret" | "ConfigMap") {
            return None;
        }
        // Most Secrets and ConfigMaps are none of Helm's.
        let text = item.get();
        if !text.contains("\"helm\"") {
            return None;
        }
        let meta = serde_json::from_str::<Bare>(text).ok()?.metadata;
        let label = |key: &str| Sym::new(meta.labels.get(key).unwrap_or_default());
        let (name, status, version) = (label("name"), label("status"), label("version"));
        let is_named = meta.name.starts_with("sh.helm.release.v1.");
        if !meta.labels.has("owner", "helm") || !is_named || name.is_empty() {
            return None;
        }
        let mut release = Self {
            name,
            status,
            revision: version.parse().unwrap_or_default(),
            head: Head::in_namespace(ty, meta),
            ..Self::default()
        };
        if with_contents {
            match unpack(text, &ty.kind) {
                Ok(Some(unpacked)) => {
                    release.chart = Some(unpacked.chart.metadata);
                    release.last_deployed = unpacked.info.last_deployed.parse::<Timestamp>().ok().into();
                }
                Ok(None) => {}
                Err(reason) => release.trouble = Some(reason),
            }
        }
        Some(release)
    }

    /// The revisions that stand for their releases: of each the newest that is deployed, else the newest.
    pub fn current(all: &[Self]) -> Vec<&Self> {
        let mut chosen: std::collections::BTreeMap<(&str, &str), &Self> = std::collections::BTreeMap::new();
        for release in all {
            let key = (&*release.head.meta.namespace, &*release.name);
            let rank = |release: &Self| (&*release.status == "deployed", release.revision);
            let best = chosen.entry(key).or_insert(release);
            // A revision that was read with its chart stands for the same without.
            if (rank(release), release.chart.is_some()) > (rank(best), best.chart.is_some()) {
                *best = release;
            }
        }
        chosen.into_values().collect()
    }
}

/// What the data of a record holds; `None` where there is none, as in metadata.
fn unpack(text: &str, kind: &str) -> Result<Option<Unpacked>, String> {
    let wire: Wire = serde_json::from_str(text).map_err(|_| "its data is no text".to_owned())?;
    let packed = wire.data.release.0;
    if packed.is_empty() {
        return Ok(None);
    }
    let decode = |bytes: &[u8]| {
        let trimmed = bytes.trim_ascii();
        STANDARD.decode(trimmed).map_err(|_| "its data is not in base64".to_owned())
    };
    // The API's own base64 of a Secret's data, then Helm's.
    let once = if kind == "Secret" { decode(packed.as_bytes())? } else { packed.into_bytes() };
    let bytes = decode(&once)?;
    drop(once);
    let unpacked = if bytes.starts_with(GZIP) {
        let mut limited = GzDecoder::new(bytes.as_slice()).take(BYTES);
        let read: Result<Unpacked, _> = serde_json::from_reader(io::BufReader::new(&mut limited));
        if limited.limit() == 0 {
            return Err(format!("it is larger than {} MiB once it is unpacked", BYTES >> 20));
        }
        read
    } else {
        serde_json::from_slice(&bytes)
    };
    // serde's own words quote what they do not understand.
    let place = |error: serde_json::Error| format!("no release at line {} column {}", error.line(), error.column());
    unpacked.map(Some).map_err(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::{Value, json};
    use std::io::Write as _;

    fn packed(content: &[u8], is_packed: bool) -> String {
        let bytes = if is_packed {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(content).expect("packs");
            encoder.finish().expect("packs")
        } else {
            content.to_vec()
        };
        STANDARD.encode(bytes)
    }

    fn object(kind: &str, revision: u64, status: &str, release: &str) -> Value {
        json!({"apiVersion": "v1", "kind": kind, "type": "helm.sh/release.v1", "metadata": {
            "name": format!("sh.helm.release.v1.web.v{revision}"), "namespace": "apps",
            "labels": {"owner": "helm", "name": "web", "status": status, "version": revision.to_string()}},
            "data": {"release": release}})
    }

    fn read(object: &Value, with_contents: bool) -> Option<Release> {
        let ty = Arc::new(TypeMeta::new("v1", object["kind"].as_str().expect("a kind")));
        Release::read(&ty, &RawValue::from_string(object.to_string()).expect("JSON"), with_contents)
    }

    fn content() -> Vec<u8> {
        let content = json!({"name": "web", "namespace": "apps", "version": 3, "config": {"password": "CANARY"},
            "manifest": "kind: Secret\nstringData: {a: CANARY}",
            "info": {"status": "deployed", "last_deployed": "2026-03-04T05:06:07.123456789+02:00"},
            "chart": {"metadata": {"name": "nginx", "version": "1.2.3+dbae01c0bd1d", "appVersion": "1.27",
                "deprecated": true, "kubeVersion": ">=1.25.0-0"}, "values": {"token": "CANARY"}}});
        content.to_string().into_bytes()
    }

    #[test]
    fn both_drivers_and_both_forms_are_read() {
        for (kind, is_packed) in [("Secret", true), ("Secret", false), ("ConfigMap", true), ("ConfigMap", false)] {
            let inner = packed(&content(), is_packed);
            let release = if kind == "Secret" { STANDARD.encode(inner) } else { inner };
            let object = object(kind, 3, "deployed", &release);
            let found = read(&object, true).expect("a release");
            let chart = found.chart.as_ref().expect("a chart");
            assert_eq!((&*chart.name, &*chart.version, &*chart.app_version), ("nginx", "1.2.3+dbae01c0bd1d", "1.27"));
            assert!(chart.deprecated && &*chart.kube_version == ">=1.25.0-0");
            let deployed = found.last_deployed.get().expect("a time");
            assert_eq!(deployed.to_string().get(..19), Some("2026-03-04T03:06:07"));
            assert!(!format!("{found:?}").contains("CANARY"));
            let labels_only = read(&object, false).expect("a release");
            assert!(labels_only.chart.is_none() && labels_only.trouble.is_none());
            assert_eq!((&*labels_only.name, labels_only.revision, &*labels_only.status), ("web", 3, "deployed"));
        }
    }

    #[test]
    fn what_is_broken_is_told_without_quoting_it() {
        let cut = |content: &[u8]| {
            let whole = STANDARD.decode(packed(content, true)).expect("base64");
            STANDARD.encode(&whole[..whole.len() / 2])
        };
        for (inner, says) in [
            ("%%%".to_owned(), "base64"),
            (packed(b"{\"chart\": \"CANARY\"}", true), "no release at line 1"),
            (packed(b"{\"chart\": {\"metadata\": {\"name\": [\"CANARY\"]}}}", false), "no release at line 1"),
            (cut(&content()), "no release"),
        ] {
            let found = read(&object("Secret", 1, "deployed", &STANDARD.encode(inner)), true).expect("a release");
            let trouble = found.trouble.expect("trouble");
            assert!(trouble.contains(says) && !trouble.contains("CANARY"), "{trouble}");
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let mut bomb = b"{\"config\": \"".to_vec();
        bomb.resize(65 << 20, b'a');
        let found = read(&object("ConfigMap", 1, "deployed", &packed(&bomb, true)), true).expect("a release");
        assert!(found.trouble.expect("trouble").contains("64 MiB"));
    }

    #[test]
    fn the_newest_that_is_deployed_stands_for_a_release() {
        let of = |rows: &[(u64, &str)]| {
            let all: Vec<Release> = rows
                .iter()
                .map(|(revision, status)| read(&object("Secret", *revision, status, ""), false).expect("a release"))
                .collect();
            Release::current(&all).iter().map(|release| release.revision).collect::<Vec<_>>()
        };
        assert_eq!(of(&[(9, "superseded"), (10, "deployed"), (11, "failed"), (2, "deployed")]), [10]);
        assert_eq!(of(&[(1, "failed"), (2, "pending-upgrade")]), [2]);
    }

    #[test]
    fn other_secrets_are_none() {
        let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sh.helm.release.v1.a.v1",
            "namespace": "n", "labels": {"owner": "me"}}, "data": {"helm": "helm"}});
        assert!(read(&other, true).is_none());
    }
}
