//! Flux artifacts over loopback HTTP, in the place of source-controller.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::Result;
use crate::build::hex;
use crate::http::find;
use crate::objects::Api;

/// A server of artifacts; it lives as long as the process, its thread waiting for requests.
#[derive(Debug)]
pub struct ArtifactServer {
    address: SocketAddr,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

/// Something served, as a source's status names it.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The path below the server.
    pub path: String,
    /// Where it can be fetched.
    pub url: String,
    /// `sha256:…` of the bytes.
    pub digest: String,
    /// How many bytes.
    pub size: usize,
}

impl ArtifactServer {
    /// Starts a server without artifacts.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listening")?;
        let address = listener.local_addr().context("listening")?;
        let files: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let served = Arc::clone(&files);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut part = [0; 4096];
                while find(&request, b"\r\n\r\n").is_none() {
                    match stream.read(&mut part) {
                        Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
                        _ => break,
                    }
                }
                let head = String::from_utf8_lossy(&request);
                let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
                let body = served.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
                let (status, body) = body.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // A client that goes away early asks again.
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Ok(Self { address, files })
    }

    /// Serves a tar.gz of `files` (path and text) at `path`: the artifact of a GitRepository, or a
    /// chart when its files lie in a folder of the chart's name.
    ///
    /// # Errors
    /// When the archive cannot be made.
    pub fn serve(&self, path: &str, files: &[(&str, &str)]) -> Result<Artifact> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, text.as_bytes()).with_context(|| format!("packing {name}"))?;
        }
        let bytes = archive.into_inner().and_then(GzEncoder::finish).context("packing")?;
        Ok(self.serve_bytes(path, bytes))
    }

    /// Serves `bytes` at `path`, in the place of what was there.
    pub fn serve_bytes(&self, path: &str, bytes: Vec<u8>) -> Artifact {
        let artifact = Artifact {
            path: path.to_owned(),
            url: format!("http://{}/{path}", self.address),
            digest: format!("sha256:{}", hex(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref())),
            size: bytes.len(),
        };
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), bytes);
        artifact
    }
}

/// Writes the status of a source (GitRepository, HelmChart, …) as source-controller does when it has
/// the artifact: Ready, observed, with the artifact at `revision`.
///
/// # Errors
/// When there is no such source or the server refuses.
pub fn publish(
    api: &Api,
    (api_version, kind, namespace, name): (&str, &str, &str, &str),
    artifact: &Artifact,
    revision: &str,
) -> Result<Value> {
    let source = api
        .get(api_version, kind, namespace, name)?
        .with_context(|| format!("there is no {kind} {namespace}/{name}"))?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let generation = &source["metadata"]["generation"];
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "Succeeded", "message": format!("stored artifact for revision '{revision}'"),
            "observedGeneration": generation, "lastTransitionTime": now,
        })
    };
    let status = json!({
        "observedGeneration": generation,
        "artifact": {
            "path": artifact.path, "url": artifact.url, "revision": revision,
            "digest": artifact.digest, "size": artifact.size, "lastUpdateTime": now,
        },
        "conditions": [condition("Ready"), condition("ArtifactInStorage")],
    });
    api.patch_status(api_version, kind, namespace, name, &status)
}
