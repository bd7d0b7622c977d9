//! `kubectl mlops backup` and an object store that answers what a real one seldom does. `tests/cluster/object_store.rs`
//! has the real one.

use mlops_tests::backups::{objects, start};
use mlops_tests::loopback::{Answer, Server};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const SECRET: &str = "CANARY-secret-key";
const EMPTY: &str = "<ListBucketResult><Name>backups</Name><IsTruncated>false</IsTruncated></ListBucketResult>";

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(folder: &Path, env: &[(&str, &str)], flags: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_under-test-backup"))
        .env_clear()
        .env("HOME", folder)
        .env("COLUMNS", "200")
        .envs(env.iter().copied())
        .current_dir(folder)
        .args(flags)
        .output()
        .expect("starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let outcome = Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

fn keys(endpoint: &str) -> [(&str, &str); 3] {
    [("AWS_ACCESS_KEY_ID", "CANARY-key"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_ENDPOINT_URL_S3", endpoint)]
}

fn refusal(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>CANARY \u{1b}[2J of the server</Message></Error>")
}

#[test]
fn each_refusal_of_a_server_is_one_line_with_a_hint() {
    let rows: [(Answer, i32, &str); 9] = [
        (Some((404, "", refusal("NoSuchBucket"))), 2, "there is no bucket backups"),
        (Some((403, "", refusal("AccessDenied"))), 3, "these credentials may not"),
        (Some((403, "", refusal("RequestTimeTooSkewed"))), 3, "clocks"),
        (Some((403, "", refusal("SignatureDoesNotMatch"))), 3, "credentials are refused"),
        (
            Some((400, "x-amz-bucket-region: eu-central-1\r\n", refusal("AuthorizationHeaderMalformed"))),
            3,
            "--s3-region eu-central-1",
        ),
        (Some((503, "", refusal("SlowDown"))), 3, "the server is not well: SlowDown"),
        (Some((200, "", "<html>a proxy</html>".to_owned())), 3, "makes no sense"),
        (Some((200, "X-Test: cut\r\n", EMPTY.to_owned())), 3, "ended in the middle"),
        (None, 3, "no answer in time"),
    ];
    for (answer, code, says) in rows {
        let told = answer.clone();
        let server = Server::start(Arc::new(move |_, _| told.clone()));
        let folder = tempfile::tempdir().expect("folder");
        let flags = ["list", "s3://backups/prod", "--s3-timeout", "2s"];
        let outcome = run(folder.path(), &keys(&server.address), &flags);
        assert_eq!(outcome.code, Some(code), "{answer:?}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains(says) && outcome.stderr.contains("hint:"), "{says}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
        assert!(server.seen().len() < 8, "tried within bounds: {}", server.seen().len());
    }
}

#[test]
fn a_server_that_recovers_is_asked_again_and_pages_are_followed() {
    let page = |token: &str, number: usize| {
        let next = if token.is_empty() {
            "<IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>"
        } else {
            "<IsTruncated>false</IsTruncated>"
        };
        format!(
            "<ListBucketResult>{next}<Contents><Key>prod/note-{number}.txt</Key><LastModified>2026-11-27T03:00:00.000Z</LastModified><ETag>x</ETag><Size>1</Size></Contents></ListBucketResult>"
        )
    };
    let server = Server::start(Arc::new(move |path: &str, times| {
        if times == 0 {
            return Some((503, "", refusal("SlowDown")));
        }
        let token = if path.contains("continuation-token") { "more" } else { "" };
        Some((200, "", page(token, times)))
    }));
    let folder = tempfile::tempdir().expect("folder");
    let outcome = run(folder.path(), &keys(&server.address), &["list", "s3://backups/prod"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("0 archives in s3://backups/prod"), "{}", outcome.stdout);
    assert!(server.seen().iter().any(|line| line.contains("continuation-token=more")), "{:?}", server.seen());
}

#[test]
fn nobody_is_contacted_who_was_not_named() {
    let folder = tempfile::tempdir().expect("folder");
    let outcome = run(folder.path(), &[], &["list", "s3://backups"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no credentials") && outcome.stderr.contains("AWS_PROFILE"), "{}", outcome.stderr);
    let env = keys("http://192.0.2.1:9000");
    let outcome = run(folder.path(), &env, &["list", "s3://backups"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("--s3-allow-http"), "{}", outcome.stderr);
    let env = keys("https://user:CANARY@x");
    assert_eq!(run(folder.path(), &env, &["list", "s3://backups"]).code, Some(2));
    let env = keys("http://127.0.0.1:1");
    let outcome = run(folder.path(), &env, &["list", "s3://backups", "--s3-timeout", "1s"]);
    assert!(outcome.code == Some(3) && outcome.stderr.contains("cannot be reached"), "{}", outcome.stderr);
}

/// A store that takes uploads; the answer to the completion is the test's.
fn store(completion: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::start_full(Arc::new(move |asked, _| {
        let query = asked.path.split_once('?').map_or("", |(_, query)| query);
        match asked.method.as_str() {
            "GET" => Some((200, "", EMPTY.to_owned())),
            "HEAD" => Some((404, "", String::new())),
            "POST" if query.starts_with("uploads") => Some((
                200,
                "",
                "<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>"
                    .to_owned(),
            )),
            "POST" => completion(),
            "PUT" => Some((200, "ETag: \"tag\"\r\n", String::new())),
            _ => Some((204, "", String::new())),
        }
    }))
}

fn create(server: &Server) -> (Outcome, Vec<String>) {
    let cluster = start(objects(), |_, _| None);
    let folder = tempfile::tempdir().expect("folder");
    let config = folder.path().join("kubeconfig");
    let text = serde_json::json!({"apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": cluster.address}}], "users": [{"name": "u", "user": {"token": "TOKEN"}}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}]});
    std::fs::write(&config, text.to_string()).expect("write");
    let config = config.to_string_lossy().into_owned();
    let key = folder.path().join("sign.key");
    let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
    std::fs::write(&key, pair.sk.to_box(None).expect("box").into_string()).expect("write");
    let key = key.to_string_lossy().into_owned();
    let mut env = keys(&server.address).to_vec();
    env.push(("KUBECONFIG", &config));
    let outcome =
        run(folder.path(), &env, &["create", "--to", "s3://backups/prod", "--sign-key", &key, "--s3-timeout", "3s"]);
    let writes = server.writes().into_iter().filter(|it| it.method != "HEAD");
    (outcome, writes.map(|it| format!("{} {}", it.method, it.path)).collect())
}

#[test]
fn the_signature_comes_first_and_the_name_last() {
    let done = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";
    let server = store(move || Some((200, "", done.to_owned())));
    let (outcome, writes) = create(&server);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let order = ["?uploads", "partNumber=1", ".minisig", "?uploadId="];
    assert_eq!(writes.len(), order.len(), "{writes:?}");
    assert!(writes.iter().zip(order).all(|(write, part)| write.contains(part)), "{writes:?}");
}

#[test]
fn an_upload_that_fails_is_given_up_with_its_signature() {
    let rows: [(u16, String, i32, &str); 3] = [
        (412, refusal("PreconditionFailed"), 2, "is there already"),
        (200, refusal("InternalError"), 3, "not well: InternalError"),
        (403, refusal("AccessDenied"), 3, "may not: AccessDenied"),
    ];
    for (status, body, code, says) in rows {
        let server = store(move || Some((status, "", body.clone())));
        let (outcome, writes) = create(&server);
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
        let deleted: Vec<&String> = writes.iter().filter(|write| write.starts_with("DELETE")).collect();
        assert!(deleted.iter().any(|it| it.contains("uploadId=upload-1")), "{writes:?}");
        assert!(deleted.iter().any(|it| it.contains(".minisig")), "{writes:?}");
    }
}
