//! Whole command lines of `kubectl mlops backup`, against a scripted server on loopback.

use mlops_tests::backups::{self, CANARY};
use mlops_tests::loopback::{Answer, Server};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(server: &str, folder: &Path, flags: &[&str]) -> Outcome {
    let output = backups::run(env!("CARGO_BIN_EXE_under-test-backup"), server, folder, flags);
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(CANARY) && !text.contains("Q0FOQVJZ") && !text.contains("TOKEN"), "{text}");
    }
    outcome
}

fn json_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

fn scripted(script: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static) -> Server {
    backups::start(backups::objects(), script)
}

/// A folder, and a backup in it.
fn backup(server: &Server, flags: &[&str]) -> (tempfile::TempDir, PathBuf, Value) {
    let folder = tempfile::tempdir().expect("folder");
    let outcome = run(&server.address, folder.path(), &[&["create", "-o", "json"], flags].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report = json_of(&outcome);
    let archive = folder.path().join(report["archive"].as_str().expect("a path"));
    (folder, archive, report)
}

/// Every file of an archive that is not encrypted.
fn files(archive: &Path) -> Vec<(String, String)> {
    let bytes = std::fs::read(archive).expect("archive");
    let tar = zstd::stream::decode_all(bytes.as_slice()).expect("zstd");
    let mut files = Vec::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().expect("tar") {
        let mut entry = entry.expect("entry");
        let path = entry.path().expect("path").display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        files.push((path, text));
    }
    files
}

struct Keys {
    identity: String,
    recipient: String,
}

fn keys() -> Keys {
    use age::secrecy::ExposeSecret as _;
    let identity = age::x25519::Identity::generate();
    Keys { recipient: identity.to_public().to_string(), identity: identity.to_string().expose_secret().to_owned() }
}

#[test]
fn a_backup_holds_what_the_cluster_has_and_says_what_it_leaves_out() {
    let server = scripted(|_, _| None);
    let (folder, archive, report) = backup(&server, &[]);
    let manifest = &report["manifest"];
    assert_eq!(manifest["partial"], false);
    assert_eq!(manifest["cluster"]["uid"], "00000000-0000-4000-8000-000000000002");
    assert_eq!(manifest["secrets"], "names");
    let files = files(&archive);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..2], ["manifest.json", "index.jsonl"]);
    assert!(names.contains(&"objects/core/secrets/data-plane/db.json"), "{names:?}");
    assert!(names.contains(&"objects/rbac.authorization.k8s.io/clusterroles/_cluster/system%3Anode.json"), "{names:?}");
    assert!(names.contains(&"objects/discovery.k8s.io/endpointslices/data-plane/by-hand.json"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("events/") || name.contains("leases") || name.contains("/made.")));
    assert_eq!(manifest["objects"], json!(names.len() - 2));
    let left: Vec<&str> =
        manifest["leftOut"].as_array().expect("a list").iter().filter_map(|it| it["kind"].as_str()).collect();
    assert_eq!(left, ["Event", "Lease"]);
    let text = |name: &str| &files.iter().find(|(known, _)| known == name).expect(name).1;
    assert_eq!(
        text("objects/core/configmaps/data-plane/settings.json"),
        "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"1\",\"b\":\"2\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"settings\",\"namespace\":\"data-plane\",\"resourceVersion\":\"31\",\"uid\":\"00000000-0000-4000-8000-000000000031\"}}\n"
    );
    assert!(!text("objects/core/nodes/_cluster/n1.json").contains("lastHeartbeatTime"));
    // Who would make it again.
    let index = text("index.jsonl");
    let class = |path: &str| {
        let line = index.lines().find(|line| line.contains(path)).expect(path);
        serde_json::from_str::<Value>(line).expect("JSON")["class"].as_str().expect("a class").to_owned()
    };
    for (path, want) in [
        ("apps/deployments/data-plane/web.json", "git"),
        ("apps/replicasets/data-plane/web-1.json", "controller"),
        ("core/configmaps/data-plane/kube-root-ca.crt.json", "controller"),
        ("core/configmaps/data-plane/settings.json", "nobody"),
        ("kafkas/data-plane/events.json", "nobody"),
    ] {
        assert_eq!(class(path), want, "{path}");
    }
    assert_eq!(std::fs::metadata(&archive).expect("there").permissions().mode() & 0o777, 0o600);
    // Nothing is left but the archive.
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").flatten().map(|it| it.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(server.seen().iter().all(|line| !line.contains("/events")), "{:?}", server.seen());
}

#[test]
fn no_value_of_a_secret_is_in_an_archive_that_is_not_encrypted() {
    let server = scripted(|_, _| None);
    for (flags, is_there) in [(&[][..], true), (&["--secrets=names"], true), (&["--secrets=omit"], false)] {
        let (_folder, archive, report) = backup(&server, flags);
        let files = files(&archive);
        let all: String = files.iter().map(|(name, text)| format!("{name}\n{text}")).collect();
        assert!(
            !all.contains(CANARY) && !all.contains("Q0FOQVJZ") && !all.contains("last-applied"),
            "{flags:?}: {all}"
        );
        assert_eq!(all.contains("objects/core/secrets/data-plane/db.json"), is_there, "{flags:?}");
        assert_eq!(all.contains(r#""password":{"bytes":"16 to 31"}"#), is_there, "{flags:?}");
        // What else holds a credential is kept and told.
        let notes = report["manifest"]["notes"].to_string();
        assert!(notes.contains("1 pods") && all.contains("plain-text"), "{notes}");
    }
    let folder = tempfile::tempdir().expect("folder");
    let refused = run(&server.address, folder.path(), &["create", "--secrets=kept"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("never written unencrypted") && refused.stderr.contains("hint:"),
        "{}",
        refused.stderr
    );
}

#[test]
fn the_same_state_gives_the_same_content() {
    let server = scripted(|_, _| None);
    let digest = |flags: &[&str]| backup(&server, flags).2["manifest"]["index"]["sha256"].clone();
    assert_eq!(digest(&[]), digest(&[]));
    assert_ne!(digest(&[]), digest(&["--secrets=omit"]));
    let inner = |archive: &Path| files(archive).into_iter().skip(1).collect::<Vec<_>>();
    let ((_one, one, _), (_two, two, _)) = (backup(&server, &[]), backup(&server, &[]));
    assert_eq!(inner(&one), inner(&two));
    let mut changed = backups::objects();
    changed[4].1[1]["data"]["a"] = "other".into();
    let other = backups::start(changed, |_, _| None);
    assert_ne!(digest(&[]), backup(&other, &[]).2["manifest"]["index"]["sha256"]);
}

#[test]
fn an_encrypted_backup_opens_with_its_identity_only_and_feeds_the_other_plugins() {
    let server = scripted(|_, _| None);
    let keys = keys();
    let (folder, archive, report) = backup(&server, &["--recipient", &keys.recipient]);
    assert_eq!(report["manifest"]["secrets"], "kept");
    assert!(archive.to_string_lossy().ends_with(".tar.zst.age"));
    let bytes = std::fs::read(&archive).expect("archive");
    assert!(!bytes.windows(4).any(|part| part == [0x28, 0xb5, 0x2f, 0xfd]), "a frame of zstd in the clear");
    let key = folder.path().join("key.txt");
    std::fs::write(&key, format!("# a key\n{}\n", keys.identity)).expect("write");
    let (archive, key) = (archive.to_string_lossy().into_owned(), key.to_string_lossy().into_owned());
    let whole = run("http://127.0.0.1:1", folder.path(), &["verify", &archive, "--identity", &key, "-o", "json"]);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    assert_eq!(json_of(&whole)["objects"], report["manifest"]["objects"]);
    for flags in [&["verify", &archive][..], &["verify", &archive, "--identity", &archive]] {
        let refused = run("http://127.0.0.1:1", folder.path(), flags);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("hint:"), "{}", refused.stderr);
    }
    let other = folder.path().join("other.txt");
    std::fs::write(&other, self::keys().identity).expect("write");
    let refused =
        run("http://127.0.0.1:1", folder.path(), &["verify", &archive, "--identity", &other.to_string_lossy()]);
    assert!(refused.code == Some(2) && refused.stderr.contains("none of the identities"), "{}", refused.stderr);
    let flags = ["--from", &archive, "--identity", &key, "-o", "json", "--fail-on", "never"];
    let output = backups::run(env!("CARGO_BIN_EXE_under-test-health"), "http://127.0.0.1:1", folder.path(), &flags);
    let health: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(health["view"]["serverVersion"], "v1.36.3");
    assert!(health["objects"].to_string().contains("\"events\""), "{health}");
    let output = backups::run(env!("CARGO_BIN_EXE_under-test-audit"), "http://127.0.0.1:1", folder.path(), &flags);
    assert!(output.status.code().is_some_and(|code| code != 2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Q0FOQVJZ"));
}

#[test]
fn what_cannot_be_read_makes_a_backup_partial_and_loses_nothing_else() {
    for (status, body) in [(403, r#"{"kind":"Status","message":"no"}"#), (500, "<html>"), (200, "{\"items\":")] {
        let server = scripted(move |target, _| {
            target.starts_with("/apis/kafka.strimzi.io/v1/kafkas?").then(|| Some((status, "", body.to_owned())))
        });
        let folder = tempfile::tempdir().expect("folder");
        let outcome = run(&server.address, folder.path(), &["create", "-o", "json"]);
        assert_eq!(outcome.code, Some(3), "{status}: {}", outcome.stderr);
        let report = json_of(&outcome);
        assert_eq!(report["manifest"]["partial"], true);
        let kinds = report["manifest"]["kinds"].as_array().expect("kinds");
        let failed: Vec<&str> =
            kinds.iter().filter(|kind| kind["failure"].is_string()).filter_map(|kind| kind["kind"].as_str()).collect();
        assert_eq!(failed, ["Kafka"], "{status}");
        let archive = folder.path().join(report["archive"].as_str().expect("a path"));
        assert_eq!(files(&archive).len() as u64, report["manifest"]["objects"].as_u64().expect("a number") + 2);
        let verified = run(&server.address, folder.path(), &["verify", &archive.to_string_lossy()]);
        assert!(verified.code == Some(3) && verified.stdout.contains("PARTIAL"), "{}", verified.stdout);
    }
    // Without discovery there is nothing to write.
    let server = scripted(|target, _| (target == "/apis").then_some(Some((500, "", String::new()))));
    let folder = tempfile::tempdir().expect("folder");
    let outcome = run(&server.address, folder.path(), &["create"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 1, "only the kubeconfig");
}

#[test]
fn a_list_that_expires_starts_again() {
    let page = |names: &[&str], token: &str| {
        let items: Vec<Value> =
            names.iter().map(|name| json!({"metadata": {"name": name, "namespace": "n"}})).collect();
        Some((200, "", json!({"metadata": {"resourceVersion": "7", "continue": token}, "items": items}).to_string()))
    };
    let server = scripted(move |target, times| {
        let is_list = target.starts_with("/api/v1/pods?");
        match (is_list, target.contains("continue=next"), times) {
            (false, ..) => None,
            (true, false, _) => Some(page(&["a", "b"], "next")),
            (true, true, 0) => Some(Some((410, "", r#"{"kind":"Status","message":"expired"}"#.to_owned()))),
            (true, true, _) => Some(page(&["c"], "")),
        }
    });
    let (_folder, archive, report) = backup(&server, &["--kinds", "pods"]);
    let names: Vec<String> = files(&archive).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[2..], ["a", "b", "c"].map(|name| format!("objects/core/pods/n/{name}.json")));
    assert_eq!(report["manifest"]["kinds"][0]["resourceVersions"][""], "7");
}

#[test]
fn a_page_is_asked_for_once_the_head_of_the_one_before_is_there() {
    let page = |name: &str, token: &str, headers: &'static str| {
        let head = format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"7","continue":"{token}"}},"#);
        Some((200, headers, format!(r#"{head}"items":[{{"metadata":{{"name":"{name}","namespace":"n"}}}}]}}"#)))
    };
    // The server keeps the second page back until it is asked for the third, and the third until for the fourth.
    let server = scripted(move |target, times| {
        let token = target.split("continue=").nth(1).unwrap_or_default();
        match (target.starts_with("/api/v1/pods?"), token, times) {
            (false, ..) => None,
            (true, "", _) => Some(page("a", "two", "")),
            (true, "two", _) => Some(page("b", "three", "X-Held: continue=three\r\n")),
            (true, "three", _) => Some(page("c", "four", "X-Held: continue=four\r\n")),
            // Busy at first: an answer that is tried again is still waited for in its turn.
            (true, _, 0) => Some(Some((429, "Retry-After: 0\r\n", "{}".to_owned()))),
            (true, ..) => Some(page("d", "", "")),
        }
    });
    let (_folder, archive, report) = backup(&server, &["--kinds", "pods"]);
    let names: Vec<String> = files(&archive).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[2..], ["a", "b", "c", "d"].map(|name| format!("objects/core/pods/n/{name}.json")));
    assert_eq!(report["manifest"]["partial"], false);
}

#[test]
fn scope_is_what_was_asked_for() {
    let server = scripted(|_, _| None);
    let (_folder, archive, report) = backup(&server, &["-n", "data-plane"]);
    let names: Vec<String> = files(&archive).into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"objects/core/namespaces/_cluster/data-plane.json".to_owned()), "{names:?}");
    assert!(
        !names
            .iter()
            .any(|name| name.contains("kube-system") || name.contains("clusterroles") || name.contains("flux-system")),
        "{names:?}"
    );
    assert_eq!(report["manifest"]["scope"]["namespaces"], json!(["data-plane"]));
    let (_folder, _, _) = backup(&server, &["-l", "app=web", "--kinds", "deployments.apps,Secret"]);
    let asked = server.seen();
    assert!(asked.iter().any(|line| line.contains("/deployments?limit=500&labelSelector=app%3Dweb")), "{asked:?}");
    let folder = tempfile::tempdir().expect("folder");
    for (flags, says) in [
        (&["create", "--kinds", "deploymets"][..], "did you mean deployments?"),
        (&["create", "--kinds", "events"], "end by themselves"),
        (&["create", "-l", "a in b"], "selector"),
        (&["create", "--to", "nowhere/at/all"], "failed to make"),
        (&["create", "--recipient", "age1x"], "no recipient"),
        (&["create", "--compare-key", "kubeconfig", "--secrets=omit"], "goes with"),
        (&["create", "--from", "x"], "names files"),
        (&["create", "-o", "junit"], "no form"),
        (&["create", "--timeout", "0s"], "no duration"),
    ] {
        let outcome = run(&server.address, folder.path(), flags);
        assert_eq!(outcome.code, Some(2), "{flags:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{flags:?}: {}", outcome.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 1, "only the kubeconfig");
}

#[test]
fn a_signed_backup_is_verified_without_being_opened() {
    let server = scripted(|_, _| None);
    let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
    let keys = keys();
    let folder = tempfile::tempdir().expect("folder");
    let secret = folder.path().join("sign.key");
    std::fs::write(&secret, pair.sk.to_box(None).expect("box").into_string()).expect("write");
    let secret = secret.to_string_lossy().into_owned();
    let (inside, archive, report) = backup(&server, &["--recipient", &keys.recipient, "--sign-key", &secret]);
    assert!(report["signature"].as_str().is_some_and(|path| path.ends_with(".tar.zst.age.minisig")), "{report}");
    let public = pair.pk.to_base64();
    let archive = archive.to_string_lossy().into_owned();
    let verify = |public: &str| {
        run("http://127.0.0.1:1", inside.path(), &["verify", &archive, "--public-key", public, "-o", "json"])
    };
    let held = verify(&public);
    assert_eq!(held.code, Some(3), "{}", held.stderr);
    assert!(json_of(&held)["signature"]["comment"].as_str().is_some_and(|text| text.contains("content ")));
    let other = minisign::KeyPair::generate_unencrypted_keypair().expect("keys").pk.to_base64();
    assert_eq!(verify(&other).code, Some(2));
    let mut bytes = std::fs::read(&archive).expect("archive");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&archive, bytes).expect("write");
    let broken = verify(&public);
    assert!(broken.code == Some(2) && broken.stderr.contains("does not hold"), "{}", broken.stderr);
}

/// Archives with and without encryption, and the key of the former.
static SAMPLES: LazyLock<[(Vec<u8>, Option<String>); 2]> = LazyLock::new(|| {
    let server = scripted(|_, _| None);
    let keys = keys();
    let (_folder, plain, _) = backup(&server, &[]);
    let (_other, locked, _) = backup(&server, &["--recipient", &keys.recipient]);
    let read = |path: &Path| std::fs::read(path).expect("archive");
    [(read(&plain), None), (read(&locked), Some(keys.identity))]
});

/// Whether the reader of all plugins takes these bytes as a whole archive.
fn is_taken(bytes: &[u8], identity: Option<&str>) -> bool {
    use mlops_shared::archive::{Flow, Identities, Limits, scan};
    let folder = tempfile::tempdir().expect("folder");
    let mut files = Vec::new();
    if let Some(identity) = identity {
        let path = folder.path().join("key");
        std::fs::write(&path, identity).expect("write");
        files.push(path);
    }
    let identities = Identities::read(&files).expect("identities");
    scan(bytes, &identities, &Limits::default(), &mut |_, _| Ok(Flow::Continue), &mut |_, _| Ok(Flow::Continue)).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Manifest, index, objects, headers of tar and zstd, the seal, the head of age: wherever a bit changes.
    #[test]
    fn a_flipped_bit_is_found_wherever_it_is(sample in 0..2_usize, place in 0.0..1.0_f64, bit in 0..8_u32) {
        let (bytes, identity) = &SAMPLES[sample];
        let mut bytes = bytes.clone();
        let at = ((bytes.len() - 1) as f64 * place).round() as usize;
        bytes[at] ^= 1 << bit;
        prop_assert!(!is_taken(&bytes, identity.as_deref()), "byte {at} of {}", bytes.len());
    }

    #[test]
    fn a_cut_archive_is_found_wherever_it_ends(sample in 0..2_usize, place in 0.0..1.0_f64) {
        let (bytes, identity) = &SAMPLES[sample];
        let end = ((bytes.len() - 1) as f64 * place) as usize;
        prop_assert!(!is_taken(&bytes[..end], identity.as_deref()), "cut to {end} of {}", bytes.len());
    }
}

#[test]
fn samples_are_taken_as_they_are() {
    for (bytes, identity) in SAMPLES.iter() {
        assert!(is_taken(bytes, identity.as_deref()));
        assert!(!is_taken(&[bytes.as_slice(), b"x"].concat(), identity.as_deref()));
    }
}

#[test]
fn show_tells_the_manifest_lists_and_single_objects_without_values() {
    let server = scripted(|_, _| None);
    let keys = keys();
    let (folder, archive, _) = backup(&server, &["--recipient", &keys.recipient]);
    let key = folder.path().join("key.txt");
    std::fs::write(&key, &keys.identity).expect("write");
    let (archive, key) = (archive.to_string_lossy().into_owned(), key.to_string_lossy().into_owned());
    let show = |flags: &[&str]| {
        run("http://127.0.0.1:1", folder.path(), &[&["show", &archive, "--identity", &key], flags].concat())
    };
    let manifest = json_of(&show(&["-o", "json"]));
    assert_eq!(manifest["kind"], "BackupManifest");
    let secrets = json_of(&show(&["secrets", "-o", "json"]));
    let names: Vec<&str> =
        secrets["objects"].as_array().expect("a list").iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["db", "tls"]);
    for word in ["Secret/data-plane/db", "secrets/db"] {
        let secret = json_of(&show(&[word, "-n", "data-plane", "-o", "json"]));
        assert_eq!(secret["mlopsValues"]["password"]["bytes"], "16 to 31", "{secret}");
        assert!(secret.get("data").is_none(), "{secret}");
    }
    let yaml = show(&["kafkas.kafka.strimzi.io/data-plane/events"]);
    assert!(yaml.code == Some(0) && yaml.stdout.contains("4.1.0") && !yaml.stdout.contains('{'), "{}", yaml.stdout);
    for (word, says) in [
        ("secret/data-plane/none", "has no Secret"),
        ("kafkass", "did you mean kafkas?"),
        ("event", "end by themselves"),
        ("secret/", "names no object"),
    ] {
        let refused = show(&[word]);
        assert!(refused.code == Some(2) && refused.stderr.contains(says), "{word}: {}", refused.stderr);
    }
}

#[test]
fn differences_are_told_by_field_and_secrets_by_key() {
    let server = scripted(|_, _| None);
    let keys = keys();
    let flags = ["--recipient", keys.recipient.as_str()];
    let (folder, old, _) = backup(&server, &flags);
    let mut changed = backups::objects();
    let list = |path: &str, objects: &[(&str, Vec<Value>)]| {
        objects.iter().position(|(known, _)| *known == path).expect("a list")
    };
    let (kafkas, secrets, topics) = (
        list("/apis/kafka.strimzi.io/v1/kafkas", &changed),
        list("/api/v1/secrets", &changed),
        list("/apis/kafka.strimzi.io/v1/kafkatopics", &changed),
    );
    changed[kafkas].1[0]["spec"]["kafka"]["version"] = "4.2.0".into();
    changed[kafkas].1[0]["metadata"]["resourceVersion"] = "999".into();
    changed[secrets].1[0]["data"]["password"] = "Q0FOQVJZLW90aGVy".into();
    // Only the version of the object: nobody changed it.
    changed[secrets].1[1]["metadata"]["resourceVersion"] = "1001".into();
    changed[topics].1.clear();
    let other = backups::start(changed, |_, _| None);
    let (_other, new, _) = backup(&other, &flags);
    let key = folder.path().join("key.txt");
    std::fs::write(&key, &keys.identity).expect("write");
    let (old, new, key) =
        (old.to_string_lossy().into_owned(), new.to_string_lossy().into_owned(), key.to_string_lossy().into_owned());
    let expect = |report: &Value| {
        assert_eq!(
            report["removed"],
            json!([{"group": "kafka.strimzi.io", "resource": "kafkatopics", "namespace": "data-plane", "name": "orders"}])
        );
        assert_eq!(report["added"], json!([]));
        let fields: Vec<String> = report["changed"]
            .as_array()
            .expect("a list")
            .iter()
            .flat_map(|it| {
                it["fields"].as_array().expect("fields").iter().map(move |field| {
                    format!("{} {} {} {}", it["object"]["name"], field["field"], field["before"], field["after"])
                })
            })
            .collect();
        assert_eq!(
            fields,
            [
                r#""db" "data.password" "(not shown)" "(not shown)""#,
                r#""events" "spec.kafka.version" "\"4.1.0\"" "\"4.2.0\"""#
            ]
        );
    };
    let diff = run("http://127.0.0.1:1", folder.path(), &["diff", &old, &new, "--identity", &key, "-o", "json"]);
    assert_eq!(diff.code, Some(1), "{}", diff.stderr);
    expect(&json_of(&diff));
    let live = run(&other.address, folder.path(), &["diff", &old, "live", "--identity", &key, "-o", "json"]);
    assert_eq!(live.code, Some(1), "{}", live.stderr);
    expect(&json_of(&live));
    let none = run(&server.address, folder.path(), &["diff", &old, "live", "--identity", &key]);
    assert!(none.code == Some(0) && none.stdout.contains("no difference"), "{}{}", none.stdout, none.stderr);
    // Of a kind that cannot be read now nothing is said.
    let blind = scripted(|target, _| {
        target
            .starts_with("/apis/kafka.strimzi.io/v1/kafkatopics")
            .then(|| Some((403, "", r#"{"kind":"Status","message":"no"}"#.to_owned())))
    });
    let partial = run(&blind.address, folder.path(), &["diff", &old, "live", "--identity", &key]);
    assert!(partial.code == Some(3) && partial.stdout.contains("PARTIAL"), "{}{}", partial.stdout, partial.stderr);
}

#[test]
fn a_folder_is_listed_and_pruned_but_never_of_the_newest_that_was_verified() {
    let server = scripted(|_, _| None);
    let folder = tempfile::tempdir().expect("folder");
    let names = ["backup-test-20261125T030000Z", "backup-test-20261126T030000Z", "backup-test-20261127T030000Z"];
    let keys = keys();
    for name in names {
        // Of closed archives the time is known by the name.
        let made = run(
            &server.address,
            folder.path(),
            &["create", "--to", &format!("{name}.tar.zst.age"), "--recipient", &keys.recipient],
        );
        assert_eq!(made.code, Some(0), "{}", made.stderr);
    }
    std::fs::write(folder.path().join("broken-20261124T030000Z.tar.zst"), "x").expect("write");
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.tar.zst")).expect("link");
    let key = folder.path().join("key.txt");
    std::fs::write(&key, &keys.identity).expect("write");
    let key = key.to_string_lossy().into_owned();
    let verified = run(
        "http://127.0.0.1:1",
        folder.path(),
        &["verify", &format!("{}.tar.zst.age", names[0]), "--record", "--identity", &key],
    );
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    let list = run("http://127.0.0.1:1", folder.path(), &["list", ".", "-o", "json"]);
    assert_eq!(list.code, Some(3), "{}", list.stderr);
    let list = json_of(&list);
    let archives = list["archives"].as_array().expect("a list");
    assert_eq!(archives.len(), 4, "{list}");
    assert!(archives[0]["locked"] == true && archives[0]["createdAt"] == "2026-11-27T03:00:00Z", "{list}");
    assert!(archives[2]["verifiedAt"].is_string() && archives[3]["error"].is_string(), "{list}");
    let opened = json_of(&run("http://127.0.0.1:1", folder.path(), &["list", ".", "--identity", &key, "-o", "json"]));
    assert!(opened["archives"].to_string().contains("\"context\":\"test\""), "{opened}");
    let there = || {
        let mut all: Vec<String> = std::fs::read_dir(folder.path())
            .expect("folder")
            .flatten()
            .map(|it| it.file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains("backup-"))
            .collect();
        all.sort();
        all
    };
    let before = there();
    assert_eq!(run("http://127.0.0.1:1", folder.path(), &["prune", "."]).code, Some(2), "nothing says what to keep");
    let told = run("http://127.0.0.1:1", folder.path(), &["prune", ".", "--keep-last", "1"]);
    assert!(
        told.code == Some(0) && told.stdout.contains("nothing is removed without --yes"),
        "{}{}",
        told.stdout,
        told.stderr
    );
    assert_eq!(there(), before);
    let done = run("http://127.0.0.1:1", folder.path(), &["prune", ".", "--keep-last", "1", "--yes"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let left = [names[0], names[2]].map(|name| format!("{name}.tar.zst.age"));
    assert_eq!(there(), [left[0].clone(), format!("{}.verified", left[0]), left[1].clone()]);
    assert!(
        folder.path().join("broken-20261124T030000Z.tar.zst").exists()
            && folder.path().join("link.tar.zst").is_symlink()
    );
    // One that was cut says so, though all that a list reads of it is there; parts have names of their own.
    let plain = run(&server.address, folder.path(), &["create", "--to", "."]);
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    let name = there().into_iter().find(|name| name.starts_with("backup-part-test-")).expect("its name says part");
    let path = folder.path().join(&name);
    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&path, &bytes[..bytes.len() - 30]).expect("cut");
    let cut = json_of(&run("http://127.0.0.1:1", folder.path(), &["list", ".", "-o", "json"]));
    let cut =
        cut["archives"].as_array().expect("a list").iter().find(|it| it["archive"] == *name).expect("there").clone();
    assert!(cut["error"].as_str().is_some_and(|why| why.contains("cut")) && cut["objects"].is_u64(), "{cut}");
}

#[test]
fn coverage_names_what_nobody_would_make_again() {
    let server = scripted(|_, _| None);
    let folder = tempfile::tempdir().expect("folder");
    let outcome = run(&server.address, folder.path(), &["coverage", "-o", "json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report = json_of(&outcome);
    let kinds: Vec<(&str, String)> = report["kinds"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["kind"].as_str().expect("a kind"), it["nobody"].to_string()))
        .collect();
    let of = |kind: &str| kinds.iter().find(|(known, _)| *known == kind).map(|(_, names)| names.as_str());
    assert_eq!(of("Secret"), Some(r#"["data-plane/db","data-plane/tls"]"#));
    assert_eq!(of("Kafka"), Some(r#"["data-plane/events"]"#));
    assert_eq!(of("ConfigMap"), Some(r#"["data-plane/settings"]"#));
    assert_eq!(of("Deployment"), None, "{kinds:?}");
    assert_eq!(report["claims"][0]["state"], "no snapshot", "{report}");
    assert!(
        server
            .seen()
            .iter()
            .filter(|line| line.contains("/secrets"))
            .all(|line| line.contains("PartialObjectMetadata")),
        "{:?}",
        server.seen()
    );
    // The same of a backup, and nothing is known without the managers.
    let (_backup, archive, _) = backup(&server, &[]);
    let archive = archive.to_string_lossy().into_owned();
    let offline = run("http://127.0.0.1:1", folder.path(), &["coverage", "--from", &archive, "-o", "json"]);
    assert_eq!(json_of(&offline)["kinds"], report["kinds"], "{}", offline.stderr);
    let blind = scripted(|target, _| {
        target.contains("kustomizations").then(|| Some((403, "", r#"{"kind":"Status","message":"no"}"#.to_owned())))
    });
    let outcome = run(&blind.address, folder.path(), &["coverage", "-o", "json"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(json_of(&outcome)["classes"]["unknown"].as_u64().is_some_and(|count| count > 0));
}

#[test]
fn what_lies_outside_of_a_source_may_hold_managers() {
    let server = scripted(|_, _| None);
    let folder = tempfile::tempdir().expect("folder");
    let (_backup, archive, made) = backup(&server, &["-n", "data-plane"]);
    assert!(made["manifest"]["kinds"].to_string().contains(r#""unknown""#), "{made}");
    let archive = archive.to_string_lossy().into_owned();
    let coverage = |flags: &[&str]| {
        let all = [&["coverage", "-o", "json", "--from"], flags].concat();
        run("http://127.0.0.1:1", folder.path(), &all)
    };
    let dump = folder.path().join("dump/data-plane");
    std::fs::create_dir_all(&dump).expect("folder");
    let list = |kind: &str, items: Value| {
        json!({"kind": format!("{kind}List"), "apiVersion": "v1", "items": items}).to_string()
    };
    let claim = json!([{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "data-plane"}}]);
    std::fs::write(folder.path().join("dump/nodes.json"), list("Node", json!([]))).expect("write");
    std::fs::write(dump.join("pods.json"), list("Pod", json!([]))).expect("write");
    std::fs::write(dump.join("replication-controllers.json"), list("ReplicationController", json!([]))).expect("write");
    std::fs::write(dump.join("pvcs.json"), list("PersistentVolumeClaim", claim)).expect("write");
    for (source, kind, name) in
        [(&*archive, "ConfigMap", "data-plane/settings"), ("dump", "PersistentVolumeClaim", "data-plane/c")]
    {
        let outcome = coverage(&[source]);
        let report = json_of(&outcome);
        let kinds = report["kinds"].as_array().expect("a list");
        let of = kinds.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {report}"));
        assert_eq!((&of["nobody"], &of["unknown"]), (&json!([]), &json!([name])), "{source}");
        assert_eq!(report["classes"]["nobody"], Value::Null, "{source}: {report}");
        assert!(report["notes"].to_string().contains("only data-plane was read"), "{report}");
    }
    assert!(json_of(&coverage(&["dump"]))["claims"][0]["state"].to_string().contains("not known"));
    let outside = coverage(&[&archive, "-n", "flux-system"]);
    assert_eq!(outside.code, Some(3), "{}", outside.stderr);
    assert!(json_of(&outside)["gaps"].to_string().contains("flux-system is not in what was read"));
}

#[test]
fn a_trial_that_makes_no_sense_is_refused_before_anything_is_asked() {
    let server = scripted(|_, _| None);
    let (folder, archive, _) = backup(&server, &[]);
    let asked = server.seen().len();
    let archive = archive.to_string_lossy().into_owned();
    for (flags, says) in [
        (&["--level", "2", "ConfigMap/data-plane/settings"][..], "below level 3"),
        (&["--level", "3", "--dry-run=server"], "--dry-run=client"),
        (&["--level", "3", "ConfigMap/data-plane/none"], "none"),
        (&["--level", "5"], "5"),
        (&["--level", "4", "--context", "a", "--context", "b"], "once for each --context"),
    ] {
        let outcome = run(&server.address, folder.path(), &[&["verify", &archive], flags].concat());
        assert_eq!(outcome.code, Some(2), "{flags:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{flags:?}: {}", outcome.stderr);
    }
    assert_eq!(server.seen().len(), asked);
    // A plan says where and what, and makes nothing.
    let plan =
        run(&server.address, folder.path(), &["verify", &archive, "--level", "4", "--dry-run=client", "-o", "json"]);
    let report = json_of(&plan);
    assert_eq!(plan.code, Some(0), "{report}{}", plan.stderr);
    assert_eq!(report["trial"]["context"], "test");
    assert!(report["trial"]["namespaces"].to_string().contains("mlops-drill-"), "{}", report["trial"]);
    assert!(report["trial"]["onlyAsked"]["it would get a disk"] == 1, "{}", report["trial"]);
    assert!(
        report["trial"]["passedOver"].to_string().contains("its values are not in the archive"),
        "{}",
        report["trial"]
    );
}

/// Archives that nobody's tool wrote: each is refused with one line and a hint, in bounded memory.
#[test]
fn hostile_archives_are_refused() {
    use mlops_shared::archive::{Digest, seal};
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("hostile.tar.zst");
    let entry = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        let mut all = header.as_bytes().to_vec();
        all.extend_from_slice(content);
        all.resize(all.len().next_multiple_of(512), 0);
        all
    };
    let object = br#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n"}}"#;
    let line = |path: &str, content: &[u8]| {
        format!(
            "{}\n",
            json!({"path": path, "sha256": Digest::of(content).to_string(), "bytes": content.len(), "class": "nobody"})
        )
    };
    let manifest = |index: &str, objects: u64, change: fn(&mut Value)| {
        let mut manifest = json!({"apiVersion": "mlops/v1", "kind": "BackupManifest", "format": 1, "toolVersion": "0", "createdAt": "2026-11-27T03:00:00Z",
            "cluster": {"context": "c", "server": "s"}, "scope": {}, "secrets": "names", "encrypted": false, "partial": false, "objects": objects,
            "index": {"sha256": Digest::of(index.as_bytes()).to_string(), "bytes": index.len()}, "leftOut": [],
            "kinds": [{"group": "", "version": "v1", "kind": "Pod", "resource": "pods", "objects": objects}]});
        change(&mut manifest);
        manifest.to_string()
    };
    let pod = "objects/core/pods/n/a.json";
    let one = line(pod, object);
    let head = |index: &str, objects| {
        [entry("manifest.json", manifest(index, objects, |_| {}).as_bytes()), entry("index.jsonl", index.as_bytes())]
            .concat()
    };
    let end = vec![0; 1024];
    let twice = format!("{one}{one}");
    let escape = line("objects/core/pods/../../../etc/cron.d/x.json", object);
    let mut link = entry(pod, object);
    link[156] = b'2';
    let sum: u32 = link[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    link[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let newer = manifest("", 0, |manifest| manifest["format"] = 2.into());
    let mut huge = entry("manifest.json", b"");
    huge[124..136].copy_from_slice(b"77777777777\0");
    let sum: u32 = huge[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    huge[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let cases: Vec<(&str, Vec<u8>, Option<&str>)> = vec![
        ("as it should be", [head(&one, 1), entry(pod, object), end.clone()].concat(), None),
        (
            "an entry twice",
            [head(&twice, 2), entry(pod, object), entry(pod, object), end.clone()].concat(),
            Some("there twice"),
        ),
        ("a path out of it", [head(&escape, 1), entry("x", object), end.clone()].concat(), Some("names no object")),
        (
            "another file in its place",
            [head(&one, 1), entry("objects/core/pods/n/b.json", object), end.clone()].concat(),
            Some("stands where"),
        ),
        (
            "other content",
            [head(&one, 1), entry(pod, b"{}"), end.clone()].concat(),
            Some("not what the index promises"),
        ),
        ("a link", [head(&one, 1), link, end.clone()].concat(), Some("is no file")),
        (
            "one more file",
            [head(&one, 1), entry(pod, object), entry("objects/core/pods/n/b.json", object), end.clone()].concat(),
            Some("more than its index"),
        ),
        ("fewer objects", [head(&one, 2), entry(pod, object), end.clone()].concat(), Some("fewer objects")),
        ("no end", [head(&one, 1), entry(pod, object)].concat(), Some("damaged")),
        ("a later form", [entry("manifest.json", newer.as_bytes()), end.clone()].concat(), Some("format 2")),
        ("no manifest", [entry("index.jsonl", b""), end.clone()].concat(), Some("stands where manifest.json")),
        ("a manifest of 8 GiB", [huge, end.clone()].concat(), Some("are allowed")),
        ("no archive", b"hello".to_vec(), Some("ends within")),
        ("nothing", Vec::new(), Some("damaged")),
    ];
    for (what, tar, says) in cases {
        let mut bytes = zstd::bulk::compress(&tar, 3).expect("zstd");
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(&seal(digest));
        std::fs::write(&path, bytes).expect("write");
        let outcome = run("http://127.0.0.1:1", folder.path(), &["verify", "hostile.tar.zst"]);
        match says {
            None => assert_eq!(outcome.code, Some(0), "{what}: {}", outcome.stderr),
            Some(says) => {
                assert_eq!(outcome.code, Some(2), "{what}: {}{}", outcome.stdout, outcome.stderr);
                assert!(
                    outcome.stderr.contains(says) || says == "damaged" || says == "ends within",
                    "{what}: {}",
                    outcome.stderr
                );
                assert!(
                    outcome.stderr.lines().count() == 2 && outcome.stderr.contains("hint: "),
                    "{what}: {}",
                    outcome.stderr
                );
            }
        }
    }
    // A frame that wants a window of a gigabyte, and one that unpacks to more than any backup: neither is obeyed.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("encoder");
    encoder.window_log(27).expect("window");
    std::io::copy(&mut std::io::repeat(b'x').take(200 << 20), &mut encoder).expect("written");
    let mut bytes = encoder.finish().expect("zstd");
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(&seal(digest));
    std::fs::write(&path, bytes).expect("write");
    let outcome = run("http://127.0.0.1:1", folder.path(), &["verify", "hostile.tar.zst"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
}
