//! `kubectl mlops backup` and a real MinIO server: what is written to a bucket, read from it and removed.

use mlops_tests::control_plane::shared_objects_only;
use mlops_tests::minio::Minio;
use mlops_tests::users::User;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn command(store: &Minio, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-backup"));
    command.env_clear().env("HOME", folder).env("COLUMNS", "250").envs(store.env()).current_dir(folder);
    command
}

fn backup(store: &Minio, folder: &Path, flags: &[&str]) -> Outcome {
    let output = command(store, folder).args(flags).output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let outcome = Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
    outcome
}

fn json_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

/// Whether it ended so, with all that it said.
#[track_caller]
fn ends(outcome: &Outcome, code: i32) {
    assert_eq!(outcome.code, Some(code), "{}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn a_bucket_holds_backups_as_a_folder_does() {
    let plane = shared_objects_only();
    let api = plane.api();
    let namespace = api.new_namespace("store").expect("namespace");
    let config_map = |index: usize| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c-{index}"), "namespace": namespace}, "data": {"n": index.to_string()}});
    let mut objects: Vec<Value> = (0..50).map(config_map).collect();
    objects.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": namespace}, "stringData": {"password": "CANARY-in-a-secret"}}));
    api.apply_objects(objects).expect("made");
    let store = Minio::start().expect("MinIO");
    store.bucket("backups").expect("bucket");
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig").to_string_lossy().into_owned();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("write");
        path.to_string_lossy().into_owned()
    };
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let opens = file("identity", age::secrecy::ExposeSecret::expose_secret(&identity.to_string()));
    let pair = minisign::KeyPair::generate_unencrypted_keypair().expect("keys");
    let sign = file("sign.key", &pair.sk.to_box(None).expect("box").into_string());
    let public = pair.pk.to_base64();
    let run = |flags: &[&str]| backup(&store, folder.path(), flags);

    let to = "s3://backups/prod/eu/one.tar.zst.age";
    let create = [
        "create",
        "--to",
        to,
        "-n",
        &namespace,
        "--recipient",
        &recipient,
        "--sign-key",
        &sign,
        "--kubeconfig",
        &config,
    ];
    ends(&run(&create), 0);
    assert_eq!(store.keys("backups").expect("keys"), ["prod/eu/one.tar.zst.age", "prod/eu/one.tar.zst.age.minisig"]);
    // What is there is never replaced.
    let again = run(&create);
    ends(&again, 2);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);

    ends(&run(&["verify", to, "--identity", &opens, "--public-key", &public, "--record"]), 0);
    let listed = json_of(&run(&["list", "s3://backups/prod/eu/", "--identity", &opens, "-o", "json"]));
    let one = &listed["archives"][0];
    assert_eq!((&one["archive"], &one["signed"]), (&json!("one.tar.zst.age"), &json!(true)), "{listed}");
    assert!(one["verifiedAt"].is_string() && one["objects"].as_u64().is_some_and(|it| it > 50), "{listed}");
    let shown = run(&["show", to, "configmap/c-7", "-n", &namespace, "--identity", &opens]);
    assert!(shown.stdout.contains("\"n\": \"7\""), "{}{}", shown.stdout, shown.stderr);
    let same = run(&["diff", to, "live", "--identity", &opens, "--kubeconfig", &config]);
    ends(&same, 0);
    ends(&run(&["coverage", "--from", to, "--identity", &opens]), 0);

    // The archive itself, for plugins that know nothing of object stores.
    let output = command(&store, folder.path()).args(["show", to, "--stream"]).output().expect("runs");
    let copy = folder.path().join("copy.tar.zst.age");
    std::fs::write(&copy, &output.stdout).expect("write");
    ends(&run(&["verify", &copy.to_string_lossy(), "--identity", &opens]), 0);

    api.delete("v1", "ConfigMap", &namespace, "c-7").expect("deleted");
    let restored = run(&[
        "restore",
        to,
        "configmap/c-7",
        "-n",
        &namespace,
        "--identity",
        &opens,
        "--yes",
        "--kubeconfig",
        &config,
    ]);
    ends(&restored, 0);
    assert_eq!(api.get("v1", "ConfigMap", &namespace, "c-7").expect("got").expect("made again")["data"]["n"], "7");

    // Another one, newer, with a name that is made up; then the older one may go, with what lies beside it, unless it
    // is the newest that was verified.
    let newer = run(&[
        "create",
        "--to",
        "s3://backups/prod/eu",
        "-n",
        &namespace,
        "--recipient",
        &recipient,
        "--kubeconfig",
        &config,
        "-o",
        "json",
    ]);
    ends(&newer, 0);
    let newer = json_of(&newer)["archive"].as_str().expect("an address").to_owned();
    assert!(newer.starts_with("s3://backups/prod/eu/backup-"), "{newer}");
    ends(&run(&["prune", "s3://backups/prod/eu", "--keep-last", "1", "--identity", &opens, "--yes"]), 0);
    assert_eq!(store.keys("backups").expect("keys").len(), 4, "the newest verified one stays");
    ends(&run(&["verify", &newer, "--record", "--identity", &opens]), 0);
    ends(&run(&["prune", "s3://backups/prod/eu", "--keep-last", "1", "--identity", &opens]), 0);
    assert_eq!(store.keys("backups").expect("keys").len(), 5, "only told");
    ends(&run(&["prune", "s3://backups/prod/eu", "--keep-last", "1", "--identity", &opens, "--yes"]), 0);
    let left = store.keys("backups").expect("keys");
    assert!(left.len() == 2 && left.iter().all(|key| key.starts_with("prod/eu/backup-")), "{left:?}");

    // One of another scope pushes out nothing.
    let plain = "s3://backups/prod/eu/plain.tar.zst";
    ends(&run(&["create", "--to", plain, "-n", &namespace, "--secrets", "omit", "--kubeconfig", &config]), 0);
    ends(&run(&["prune", "s3://backups/prod/eu", "--keep-last", "1", "--identity", &opens, "--yes"]), 0);
    assert_eq!(store.keys("backups").expect("keys").len(), 3, "both stay");

    // More than a page of keys.
    let many = run(&["list", "s3://backups/many", "-o", "json"]);
    assert_eq!(json_of(&many)["archives"], json!([]));
    store
        .copy("backups", "prod/eu/plain.tar.zst", (0..1_050).map(|index| format!("many/backup-x-{index}.tar.zst")))
        .expect("copied");
    let many = json_of(&run(&["list", "s3://backups/many", "-o", "json"]));
    assert_eq!(many["archives"].as_array().map(Vec::len), Some(1_050));
    assert!(many["archives"][0]["objects"].is_u64(), "{}", many["archives"][0]);

    // One that the server itself cannot read is told, hides no other, and does not go.
    store.damage("backups", "many/backup-x-7.tar.zst").expect("damaged");
    let damaged = run(&["list", "s3://backups/many", "-o", "json"]);
    ends(&damaged, 3);
    let damaged = json_of(&damaged);
    let broken = damaged["archives"].as_array().expect("a list").iter().filter(|it| it["error"].is_string());
    assert_eq!(broken.map(|it| it["archive"].clone()).collect::<Vec<_>>(), [json!("backup-x-7.tar.zst")]);
    ends(&run(&["prune", "s3://backups/many", "--keep-last", "1", "--yes"]), 0);
    let kept = store.keys("backups").expect("keys").into_iter().filter(|key| key.starts_with("many/")).count();
    assert_eq!(kept, 2, "the newest, and the one that nobody can read");

    let none = run(&["list", "s3://no-such-bucket"]);
    ends(&none, 2);
    assert!(none.stderr.contains("there is no bucket"), "{}", none.stderr);
    let none = run(&["verify", "s3://backups/none.tar.zst"]);
    ends(&none, 2);
}

#[test]
fn a_store_with_tls_is_trusted_by_the_authority_that_is_named() {
    let plane = shared_objects_only();
    let store = Minio::start_tls().expect("MinIO");
    store.bucket("backups").expect("bucket");
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig").to_string_lossy().into_owned();
    let ca = store.ca.clone().expect("an authority").to_string_lossy().into_owned();
    let refused = backup(&store, folder.path(), &["list", "s3://backups", "--s3-timeout", "5s"]);
    ends(&refused, 3);
    assert!(refused.stderr.contains("not trusted") && refused.stderr.contains("--s3-ca"), "{}", refused.stderr);
    let made = backup(
        &store,
        folder.path(),
        &["create", "--to", "s3://backups", "--kinds", "ConfigMap", "--s3-ca", &ca, "--kubeconfig", &config],
    );
    ends(&made, 0);
    let listed = backup(&store, folder.path(), &["list", "s3://backups", "--s3-ca", &ca]);
    assert!(listed.stdout.contains("1 archive in s3://backups"), "{}{}", listed.stdout, listed.stderr);
}

/// Hands connections on to the store, until a part of an upload is sent: that is swallowed, and told.
fn swallow(store: &Minio) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel();
    let server = store.address;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || hand_on(client, TcpStream::connect(server).expect("connects"), &tell));
        }
    });
    (address, told)
}

fn hand_on(mut client: TcpStream, mut server: TcpStream, tell: &mpsc::Sender<()>) {
    let (mut back, mut answers) = (client.try_clone().expect("clone"), server.try_clone().expect("clone"));
    std::thread::spawn(move || drop(std::io::copy(&mut answers, &mut back)));
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read) = client.read(&mut buffer) {
        if read == 0 {
            break;
        }
        if buffer[..read].windows(11).any(|part| part == b"partNumber=") {
            let _ = tell.send(());
            continue;
        }
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
}

#[test]
fn a_run_that_is_killed_or_interrupted_leaves_no_object() {
    let plane = shared_objects_only();
    let store = Minio::start().expect("MinIO");
    store.bucket("backups").expect("bucket");
    let folder = tempfile::tempdir().expect("folder");
    let config = plane.kubeconfig(User::Admin).expect("kubeconfig").to_string_lossy().into_owned();
    for (signal, code) in [(rustix::process::Signal::KILL, None), (rustix::process::Signal::TERM, Some(130))] {
        let (address, told) = swallow(&store);
        let mut child = command(&store, folder.path())
            .env("AWS_ENDPOINT_URL_S3", &address)
            .args(["create", "--to", "s3://backups/prod", "--kinds", "ConfigMap", "--kubeconfig", &config])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        told.recv_timeout(Duration::from_secs(120)).expect("a part was sent");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).expect("signalled");
        assert_eq!(child.wait().expect("ended").code(), code);
        assert_eq!(store.keys("backups").expect("keys"), Vec::<String>::new());
        let listed = backup(&store, folder.path(), &["list", "s3://backups/prod"]);
        assert!(listed.stdout.contains("0 archives"), "{}{}", listed.stdout, listed.stderr);
    }
}
