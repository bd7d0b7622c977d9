//! An API server on loopback that makes up any number of pods page by page: for memory, not for speed.

use crate::objects;
use mlops_tests::Result;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

const DISCOVERY: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","freshness":"Current","resources":[
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get","list"]},
 {"resource":"nodes","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["get","list"]}]}]}]}"#;
const PAGE: usize = 500;

/// Starts it; its address. It ends with the process.
pub(crate) fn start(pods: usize) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, pods));
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, pods: usize) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let body = answer(line.split(' ').nth(1).unwrap_or_default(), pods);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
    }
}

fn answer(path: &str, pods: usize) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match path {
        "/api" => DISCOVERY.to_owned(),
        "/apis" => r#"{"kind":"APIGroupDiscoveryList","items":[]}"#.to_owned(),
        "/version" => r#"{"gitVersion":"v1.36.3"}"#.to_owned(),
        "/api/v1/pods" => {
            let token = query.split('&').find_map(|pair| pair.strip_prefix("continue="));
            page(token.and_then(|token| token.parse().ok()).unwrap_or(0), pods)
        }
        "/api/v1/nodes" => {
            let nodes = objects::around(pods).into_iter().filter(|(path, _)| path == "/api/v1/nodes");
            json!({"kind": "NodeList", "metadata": {}, "items": nodes.map(|(_, node)| node).collect::<Vec<_>>()})
                .to_string()
        }
        _ => json!({"kind": "List", "items": []}).to_string(),
    }
}

fn page(start: usize, pods: usize) -> String {
    let end = pods.min(start + PAGE);
    let token = if end < pods { end.to_string() } else { String::new() };
    let items: Vec<Value> = (start..end)
        .map(|number| {
            let (_, mut pod) = objects::pod(number);
            pod["metadata"]["uid"] = json!(format!("00000000-0000-0000-0000-{number:012}"));
            pod["metadata"]["creationTimestamp"] = json!("2026-11-20T02:00:00Z");
            // What the API server itself adds to each: who set which field.
            pod["metadata"]["managedFields"] =
                json!([{"manager": "kubelet", "fieldsV1": {"f:spec": {"f:x": "x".repeat(1500)}}}]);
            pod
        })
        .collect();
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": token}, "items": items}).to_string()
}
