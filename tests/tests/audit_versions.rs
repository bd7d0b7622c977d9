//! `kubectl mlops audit versions`: what chart repositories are asked, and what they may not make it do; Helm's own records;
//! what the flags mean. Servers are scripted and on loopback.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use mlops_tests::loopback::{Answer, Server};
use serde_json::{Value, json};
use std::io::Write as _;

fn run(flags: &[&str], input: &str) -> Output {
    let home = tempfile::tempdir().expect("home");
    Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .env_clear()
        .env("HOME", home.path())
        .env("COLUMNS", "200")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["versions", "--from", "-", "--now", "2026-11-20T03:00:00Z"])
        .args(flags)
        .write_stdin(input)
        .output()
        .expect("runs")
}

/// The exit code and the report.
fn report(flags: &[&str], input: &str) -> (i32, Value) {
    let output = run(&[flags, &["-o", "json"]].concat(), input);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    (output.status.code().expect("an exit code"), report)
}

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().expect("findings").iter().filter_map(|it| it["code"].as_str()).collect()
}

/// A release of chart `web` 1.0.0 from a repository.
fn release(repository: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: web, namespace: apps}}
spec: {{chart: {{spec: {{chart: web, version: 1.0.0, sourceRef: {{kind: HelmRepository, name: charts}}}}}}}}
status: {{history: [{{name: web, namespace: apps, chartName: web, chartVersion: 1.0.0, version: 3, status: deployed}}]}}
---
{{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmRepository, metadata: {{name: charts, namespace: apps}}, spec: {repository}}}
"
    )
}

fn of_server(server: &Server) -> String {
    release(&format!("{{url: '{}/stable'}}", server.address))
}

fn serve(script: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(Arc::new(script))
}

const ONLINE: &[&str] = &["--online", "--online-allow", "127.0.0.1", "--request-timeout", "20s"];

const INDEX: &str = "apiVersion: v1
entries:
  web:
  - {version: 2.1.0, kubeVersion: '>=1.25.0-0'}
  - {version: 1.0.0}
  - {version: 3.0.0-rc.1}
";

#[test]
fn a_newer_chart_is_found_online_and_only_then() {
    let server = serve(|path, _| match path {
        "/stable/index.yaml" => Some((200, "", INDEX.to_owned())),
        _ => Some((404, "", String::new())),
    });
    let input = of_server(&server);
    let (code, offline) = report(&[], &input);
    assert_eq!((code, codes(&offline), server.seen().len()), (0, vec![], 0));
    assert_eq!(offline["releases"][0]["version"], "1.0.0");
    assert_eq!(offline["releases"][0]["behind"], Value::Null);
    let (code, online) = report(ONLINE, &input);
    assert_eq!((code, codes(&online)), (0, vec!["version-chart-behind"]), "{online}");
    let message = online["findings"][0]["message"].as_str().expect("a message");
    assert_eq!(message, "chart web 1.0.0 is a major release behind 2.1.0 (1 version newer)");
    assert_eq!((&online["releases"][0]["newest"], &online["releases"][0]["behind"]), (&json!("2.1.0"), &json!(1)));
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn addresses_inside_are_not_asked_unless_a_person_says_so() {
    let server = serve(|_, _| Some((200, "", INDEX.to_owned())));
    let (code, refused) = report(&["--online"], &of_server(&server));
    assert_eq!(code, 3);
    assert!(notes(&refused).contains("not on the open internet"), "{}", notes(&refused));
    assert!(server.seen().is_empty());
    for url in
        ["http://169.254.169.254/latest", "http://localhost:1/", "http://[::1]:1/", "http://10.0.0.1/", "file:///x"]
    {
        let (code, refused) = report(&["--online"], &release(&format!("{{url: '{url}'}}")));
        let said = notes(&refused);
        assert!(code == 3 && (said.contains("not on the open internet") || said.contains("not of the web")), "{said}");
        assert_eq!(refused["summary"]["partial"], true);
    }
}

#[test]
fn a_redirect_leads_to_no_other_host() {
    let server = serve(|path, _| match path {
        "/stable/index.yaml" => Some((302, "Location: /moved/index.yaml\r\n", String::new())),
        _ => Some((200, "", INDEX.to_owned())),
    });
    let (code, moved) = report(ONLINE, &of_server(&server));
    assert_eq!((code, codes(&moved)), (0, vec!["version-chart-behind"]));
    // The other host is one that could be reached.
    let other = serve(|_, _| Some((200, "", INDEX.to_owned())));
    let away = format!("Location: {}/index.yaml\r\n", other.address.replace("127.0.0.1", "localhost"));
    let away: &'static str = Box::leak(away.into_boxed_str());
    let server = serve(move |_, _| Some((302, away, String::new())));
    let (code, refused) = report(&[ONLINE, &["--online-allow", "localhost"]].concat(), &of_server(&server));
    assert_eq!(code, 3);
    assert!(notes(&refused).contains("redirects to localhost"), "{}", notes(&refused));
    assert!(other.seen().is_empty());
    let server = serve(|_, _| Some((302, "Location: /stable/index.yaml\r\n", String::new())));
    assert!(notes(&report(ONLINE, &of_server(&server)).1).contains("redirects more than 3 times"));
}

#[test]
fn answers_are_bounded_in_size_and_time() {
    let server = serve(|_, _| Some((200, "", " ".repeat((64 << 20) + 1))));
    let (code, giant) = report(ONLINE, &of_server(&server));
    assert!(code == 3 && notes(&giant).contains("larger than 64 MiB"), "{}", notes(&giant));
    let server = serve(|_, _| None);
    let slow = &["--online", "--online-allow", "127.0.0.1", "--request-timeout", "1s"];
    let (code, slow) = report(slow, &of_server(&server));
    assert!(code == 3 && notes(&slow).contains("no whole answer within 1s"), "{}", notes(&slow));
}

#[test]
fn what_is_no_index_is_unknown_and_not_quoted() {
    for (status, headers, body, says) in [
        (200, "", "entries: {web: [CANARY", "no YAML"),
        (200, "", "<html>CANARY</html>", "no entries"),
        (200, "", "entries: {other: []}", "no chart web"),
        (200, "X: cut\r\n", "entries: {}", "failed to read"),
        (404, "", "CANARY", "answered 404"),
        (401, "", "CANARY", "needs credentials"),
    ] {
        let server = serve(move |_, _| Some((status, headers, body.to_owned())));
        let (code, report) = report(ONLINE, &of_server(&server));
        assert!(code == 3 && notes(&report).contains(says), "{body}: {}", notes(&report));
        assert!(!report.to_string().contains("CANARY"), "{report}");
        assert_eq!(report["releases"][0]["behind"], Value::Null);
    }
}

#[test]
fn a_repository_that_needs_credentials_is_not_asked() {
    let server = serve(|_, _| Some((200, "", INDEX.to_owned())));
    let spec = format!("{{url: '{}', secretRef: {{name: login}}}}", server.address);
    let (code, report) = report(ONLINE, &release(&spec));
    assert!(code == 3 && notes(&report).contains("needs credentials"), "{}", notes(&report));
    assert!(server.seen().is_empty());
}

#[test]
fn a_registry_is_read_page_by_page_with_an_anonymous_token() {
    let place = Arc::new(std::sync::OnceLock::<String>::new());
    let known = Arc::clone(&place);
    let server = serve(move |path, times| match path {
        "/v2/charts/web/tags/list?n=1000" if times == 0 => {
            let realm = known.get().expect("an address");
            let header = format!("WWW-Authenticate: Bearer realm=\"{realm}/token\",service=\"s\"\r\n");
            Some((401, Box::leak(header.into_boxed_str()), "{}".to_owned()))
        }
        "/token?service=s&scope=repository:charts/web:pull" => {
            Some((200, "", json!({"token": "anonymous"}).to_string()))
        }
        "/v2/charts/web/tags/list?n=1000" => Some((
            200,
            "Link: </v2/charts/web/tags/list?n=1000&last=b>; rel=\"next\"\r\n",
            json!({"tags": ["latest", "1.0.0", "1.0.1_build"]}).to_string(),
        )),
        "/v2/charts/web/tags/list?n=1000&last=b" => Some((200, "", json!({"tags": ["1.1.0"]}).to_string())),
        _ => Some((404, "", String::new())),
    });
    place.set(server.address.clone()).expect("once");
    let url = server.address.replace("http://", "oci://");
    let input = release(&format!("{{type: oci, insecure: true, url: '{url}/charts'}}"));
    let (code, report) = report(ONLINE, &input);
    assert_eq!((code, codes(&report)), (0, vec!["version-chart-behind"]), "{report}");
    assert_eq!((&report["releases"][0]["newest"], &report["releases"][0]["behind"]), (&json!("1.1.0"), &json!(2)));
}

#[test]
fn a_registry_may_not_send_elsewhere_for_its_token() {
    let header = "WWW-Authenticate: Bearer realm=\"http://localhost:1/token\",service=\"s\"\r\n";
    let server = serve(move |_, _| Some((401, header, "{}".to_owned())));
    let url = server.address.replace("http://", "oci://");
    let (code, report) = report(ONLINE, &release(&format!("{{type: oci, insecure: true, url: '{url}/charts'}}")));
    assert!(code == 3 && notes(&report).contains("token to localhost"), "{}", notes(&report));
}

/// Helm's record of a release, as the API shows it.
fn record(chart: &str) -> String {
    let content = json!({"name": "web", "namespace": "apps", "version": 1, "config": {"password": "CANARY"},
        "manifest": "kind: Secret\nstringData: {a: CANARY}", "info": {"last_deployed": "2026-03-04T05:06:07Z"},
        "chart": {"metadata": {"name": chart, "version": "1.2.3", "appVersion": "7", "deprecated": true,
            "kubeVersion": "<1.30.0-0"}, "values": {"token": "CANARY"}}});
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.to_string().as_bytes()).expect("packs");
    let release = STANDARD.encode(STANDARD.encode(encoder.finish().expect("packs")));
    json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": {
        "name": "sh.helm.release.v1.web.v1", "namespace": "apps", "uid": "0a1b2c3d-0000-4000-8000-000000000001",
        "labels": {"owner": "helm", "name": "web", "status": "deployed", "version": "1"}}, "data": {"release": release}})
    .to_string()
}

#[test]
fn helms_own_record_gives_the_chart_and_none_of_its_values() {
    let input = record("nginx");
    let (_, without) = report(&[], &input);
    let one = &without["releases"][0];
    assert_eq!((&one["name"], &one["status"], &one["chart"]), (&json!("web"), &json!("deployed"), &Value::Null));
    assert!(codes(&without).is_empty(), "{without}");
    let (_, with) = report(&["--read-values", "--target-version", "1.36"], &input);
    let one = &with["releases"][0];
    assert_eq!((&one["chart"], &one["version"], &one["appVersion"]), (&json!("nginx"), &json!("1.2.3"), &json!("7")));
    assert_eq!(one["lastDeployed"], "2026-03-04T05:06:07Z");
    assert_eq!(codes(&with), ["version-chart-deprecated", "version-chart-kubernetes"]);
    for format in ["table", "wide", "json", "yaml", "name", "markdown", "html", "junit", "prometheus", "sarif"] {
        let output = run(&["--read-values", "-vv", "-o", format], &input);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!said.contains("CANARY") && !said.contains("H4sI"), "{format}: {said}");
    }
    let broken = input.replace("\"release\":\"", "\"release\":\"%");
    let (_, broken) = report(&["--read-values"], &broken);
    assert_eq!(codes(&broken), ["version-release-unreadable"]);
}

#[test]
fn flags_without_sense_are_refused() {
    for flags in [&["--target-version", "newest"][..], &["--target-version", "1"], &["--online-allow", "a.example.com"]]
    {
        assert_eq!(run(flags, "").status.code(), Some(2), "{flags:?}");
    }
    let home = tempfile::tempdir().expect("home");
    for flag in [&["--online"][..], &["--target-version", "1.37"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
            .env_clear()
            .env("HOME", home.path())
            .args(["rbac", "--from", "-"])
            .args(flag)
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(2), "{flag:?}");
    }
}
