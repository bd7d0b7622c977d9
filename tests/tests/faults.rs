//! Answers that no API server gives, and certificates whose time is over: what a run says of them, and how it ends.

use mlops_tests::certificates::{Authority, Pair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PLUGINS: [(&str, &str); 2] =
    [("health", env!("CARGO_BIN_EXE_under-test-health")), ("audit", env!("CARGO_BIN_EXE_under-test-audit"))];

const API: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get","list"]},
 {"resource":"namespaces","responseKind":{"kind":"Namespace"},"scope":"Cluster","verbs":["get","list"]}]}]}]}"#;

/// How a body is sent.
#[derive(Clone)]
enum Body {
    /// At once.
    Whole(String),
    /// A byte at a time: never silent for long, and never done in time.
    Dribbled(String),
    /// So many bytes are announced, these are sent, and then nothing.
    Announced(u64, String),
}

use Body::{Announced, Dribbled, Whole};

/// A server on loopback that answers by path. Its threads end with their connections.
fn server(script: impl Fn(&str) -> Body + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("address"));
    let script = Arc::new(script);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = Arc::clone(&script);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().expect("clone"));
                // Whoever is gone gets no answer.
                while let Some(path) = request(&mut reader) {
                    if send(&stream, script(&path)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// The path of the next request; `None` at the end of the connection.
fn request(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut header = String::new();
    while reader.read_line(&mut header).ok()? > 2 {
        header.clear();
    }
    Some(line.split(' ').nth(1).unwrap_or_default().to_owned())
}

fn send(mut stream: impl Write, body: Body) -> std::io::Result<()> {
    let (length, text) = match &body {
        Whole(text) | Dribbled(text) => (text.len() as u64, text.as_bytes()),
        Announced(length, text) => (*length, text.as_bytes()),
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n")?;
    if !matches!(body, Dribbled(_)) {
        return stream.write_all(text);
    }
    for byte in text {
        stream.write_all(&[*byte])?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A cluster whose pods, or whose discovery, are answered so; all else is there and empty.
fn cluster(pods: Body, discovery: Option<Body>) -> String {
    server(move |path| match path {
        "/api" => discovery.clone().unwrap_or_else(|| Whole(API.to_owned())),
        "/apis" => Whole(r#"{"kind":"APIGroupDiscoveryList","items":[]}"#.to_owned()),
        "/version" => Whole(r#"{"gitVersion":"v1.36.3"}"#.to_owned()),
        path if path.contains("/pods") => pods.clone(),
        _ => Whole(r#"{"kind":"List","items":[]}"#.to_owned()),
    })
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a plugin on a server, with what the kubeconfig says of the cluster and the user besides.
fn run(program: &str, server: &str, cluster: &str, user: &str) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: c, cluster: {{server: '{server}'{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n\
         contexts: [{{name: test, context: {{cluster: c, user: u}}}}]\n"
    );
    let config = home.path().join("config");
    std::fs::write(&config, text).expect("write");
    // Where memory went with what a server announces, a run would end here.
    let output = assert_cmd::Command::new("sh")
        .args(["-c", "ulimit -v 1500000; exec \"$@\"", "sh", program, "--request-timeout", "1s", "-o", "json"])
        .env_clear()
        .env("HOME", home.path())
        .env("KUBECONFIG", &config)
        .output()
        .expect("runs");
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

/// The run ends with 3 and one line that says `words`, with a hint.
#[track_caller]
fn fails(name: &str, outcome: &Outcome, words: &str, hint: &str) {
    let Outcome { code, stdout, stderr } = outcome;
    assert_eq!((*code, stdout.as_str()), (Some(3), ""), "{name}: {stderr}");
    let mut lines = stderr.lines();
    let first = lines.next().unwrap_or_default();
    assert!(first.starts_with("error: ") && first.contains(words), "{name}: {stderr}");
    assert!(lines.all(|line| line.starts_with("hint: ")) && stderr.contains(hint), "{name}: {stderr}");
}

const TOKEN: &str = "token: CANARY-TOKEN";

fn pods(kind: &str) -> String {
    format!(
        r#"{{"kind":"{kind}","metadata":{{}},"items":[{{"metadata":{{"name":"a","namespace":"b"}},"status":{{"phase":"Succeeded"}}}}]}}"#
    )
}

#[test]
fn what_is_no_list_of_pods_or_comes_too_slowly_is_a_gap() {
    let faults = [
        ("a byte at a time", Dribbled(pods("PodList").repeat(2)), "timed out"),
        ("two gigabytes", Announced(2 << 30, pods("PodList")), "2147483648 bytes"),
        ("half a gigabyte that does not come", Announced(500 << 20, pods("PodList")), "timed out"),
        ("another kind", Whole(pods("ServiceList")), "a ServiceList in the place of a list of Pod"),
        ("a table", Whole(pods("Table")), "a Table in the place of a list of Pod"),
        ("an error that says 200", Whole(r#"{"kind":"Status","status":"Failure"}"#.to_owned()), "a Status"),
    ];
    for (plugin, program) in PLUGINS {
        for (name, body, why) in &faults {
            let outcome = run(program, &cluster(body.clone(), None), "", TOKEN);
            assert_eq!(outcome.code, Some(3), "{plugin}: {name}: {}{}", outcome.stdout, outcome.stderr);
            let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("a report");
            assert_eq!(report["summary"]["partial"], true, "{plugin}: {name}");
            let rows = report["coverage"].as_array().expect("coverage");
            let row = rows.iter().find(|row| row["kind"] == "Pod").expect("pods");
            assert_eq!((&row["read"], &row["gap"]), (&false.into(), &true.into()), "{plugin}: {name}: {row}");
            assert!(row["why"].as_str().is_some_and(|text| text.contains(why)), "{plugin}: {name}: {row}");
        }
    }
}

#[test]
fn where_discovery_fails_the_run_ends_with_an_error() {
    let faults = [
        ("a byte at a time", Dribbled(API.to_owned()), "no answer from the API server within 1s", "--request-timeout"),
        ("two gigabytes", Announced(2 << 30, API.to_owned()), "2147483648 bytes", "proxy"),
        ("a list of pods", Whole(pods("PodList")), "not from a Kubernetes API server", "proxy"),
    ];
    for (plugin, program) in PLUGINS {
        for (name, body, words, hint) in &faults {
            let outcome = run(program, &cluster(Whole(pods("PodList")), Some(body.clone())), "", TOKEN);
            fails(&format!("{plugin}: {name}"), &outcome, words, hint);
        }
    }
}

/// A TLS server that shows `shown`, and takes clients of `clients` only, where there is one. What it answers nobody
/// gets to see in these tests.
fn tls_server(shown: &Pair, clients: Option<&Authority>) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("a certificate"))
                .expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let chain = CertificateDer::pem_file_iter(&shown.certificate).expect("a file").map(|it| it.expect("a certificate"));
    let key = PrivateKeyDer::from_pem_file(&shown.key).expect("a key");
    let config = Arc::new(builder.with_single_cert(chain.collect(), key).expect("a pair"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("https://{}", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).expect("a connection");
                // The handshake ends with the refusal.
                let _ = StreamOwned::new(connection, stream).read(&mut [0; 1024]);
            });
        }
    });
    address
}

fn trusting(authority: &Authority) -> String {
    format!(", certificate-authority: '{}'", authority.file().display())
}

fn as_client(pair: &Pair) -> String {
    format!("client-certificate: '{}', client-key: '{}'", pair.certificate.display(), pair.key.display())
}

fn authority(folder: &Path) -> Authority {
    Authority::new(folder).expect("an authority")
}

#[test]
fn a_certificate_whose_time_is_over_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let ours = authority(&folder.path().join("ours"));
    let others = authority(&folder.path().join("others"));
    let valid = ours.issue("server", &[]).expect("a pair");
    let old_server = ours.issue_expired("old-server", &[]).expect("a pair");
    let old_client = ours.issue_expired("old-client", &["system:masters"]).expect("a pair");
    let strangers = others.issue("stranger", &[]).expect("a pair");
    for (plugin, program) in PLUGINS {
        let check = |name: &str, server: String, trusted: &Authority, client: String, words: &str, hint: &str| {
            fails(&format!("{plugin}: {name}"), &run(program, &server, &trusting(trusted), &client), words, hint);
        };
        let token = || TOKEN.to_owned();
        check("an expired server", tls_server(&old_server, None), &ours, token(), "expired", "server's certificate");
        check(
            "an unknown authority",
            tls_server(&valid, None),
            &others,
            token(),
            "certificate",
            "certificate-authority",
        );
        let strict = || tls_server(&valid, Some(&ours));
        check("an expired client", strict(), &ours, as_client(&old_client), "CertificateExpired", "client certificate");
        check("another's client", strict(), &ours, as_client(&strangers), "alert", "client certificate");
    }
}
