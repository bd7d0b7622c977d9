//! Kubeconfigs as kubectl reads them: credential plugins, proxies, lists of files.

use assert_cmd::Command;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use tempfile::TempDir;

fn health(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-health"));
    command.env_clear().env("PATH", std::env::var_os("PATH").expect("PATH")).env("HOME", home);
    command.args(["--request-timeout", "5s"]);
    command
}

/// An address of loopback where nothing listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("address"))
}

/// A kubeconfig whose user runs `command`, which leaves a mark.
fn with_plugin(folder: &TempDir, command: &str) -> String {
    let config = folder.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: one\n\
         clusters: [{{name: c, cluster: {{server: '{}'}}}}]\n\
         contexts: [{{name: one, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, \
         command: '{command}'}}}}}}]\n",
        closed_port()
    );
    fs::write(&config, text).expect("write");
    config.display().to_string()
}

#[cfg(unix)]
fn plugin(folder: &TempDir) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.path().join("login");
    let mark = folder.path().join("mark").display().to_string();
    let text = format!(
        "#!/bin/sh\n: > '{mark}'\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\
         \"kind\":\"ExecCredential\",\"status\":{{\"token\":\"canary-token\"}}}}'\n"
    );
    fs::write(&path, text).expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    path.display().to_string()
}

#[cfg(unix)]
#[test]
fn a_plugin_runs_only_where_kuberc_allows_it() {
    for (kuberc, runs) in [
        (None, true),
        (Some("credentialPluginPolicy: AllowAll"), true),
        (Some("credentialPluginPolicy: DenyAll"), false),
        (Some("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: other}]"), false),
        (Some("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: LOGIN}]"), true),
        (Some("credentialPluginPolicy: Nonsense"), false),
    ] {
        let folder = TempDir::new().expect("folder");
        let login = plugin(&folder);
        let config = with_plugin(&folder, &login);
        fs::create_dir(folder.path().join(".kube")).expect("folder");
        if let Some(text) = kuberc {
            fs::write(folder.path().join(".kube/kuberc"), text.replace("LOGIN", &login)).expect("write");
        }
        let output = health(folder.path()).args(["--kubeconfig", &config]).output().expect("run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(folder.path().join("mark").exists(), runs, "{kuberc:?}: {stderr}");
        assert_eq!(output.status.code(), Some(if runs { 3 } else { 2 }), "{kuberc:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains("hint: "), "{stderr}");
        assert!(!stderr.contains("canary-token"), "{stderr}");
    }
}

#[cfg(unix)]
#[test]
fn kuberc_off_and_a_named_kuberc() {
    let folder = TempDir::new().expect("folder");
    let login = plugin(&folder);
    let config = with_plugin(&folder, &login);
    let kuberc = folder.path().join("policy");
    fs::write(&kuberc, "credentialPluginPolicy: DenyAll").expect("write");
    let run = |value: &std::ffi::OsStr| {
        let _ = fs::remove_file(folder.path().join("mark"));
        let output = health(folder.path()).env("KUBERC", value).args(["--kubeconfig", &config]).output().expect("run");
        (output.status.code(), folder.path().join("mark").exists())
    };
    assert_eq!(run(kuberc.as_os_str()), (Some(2), false));
    assert_eq!(run("off".as_ref()), (Some(3), true));
    assert_eq!(run(folder.path().join("not-there").as_os_str()), (Some(2), false));
}

#[test]
fn a_proxy_of_the_environment_is_not_asked_for_loopback() {
    let folder = TempDir::new().expect("folder");
    let server = closed_port();
    let output = health(folder.path())
        .env("HTTP_PROXY", "http://192.0.2.1:9")
        .env("HTTPS_PROXY", "http://192.0.2.1:9")
        .env("NO_PROXY", "a.example,")
        .args(["--server", &server])
        .output()
        .expect("run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("refused"), "the cluster itself was asked: {stderr}");
}

#[test]
fn files_of_a_list_that_are_not_there_are_skipped() {
    let folder = TempDir::new().expect("folder");
    let config = folder.path().join("config");
    let text = format!(
        "current-context: one\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\n\
         contexts: [{{name: one, context: {{cluster: c}}}}]\n",
        closed_port()
    );
    fs::write(&config, text).expect("write");
    let list = std::env::join_paths([folder.path().join("missing"), config]).expect("paths");
    let output = health(folder.path()).env("KUBECONFIG", list).output().expect("run");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let output = health(folder.path()).args(["--kubeconfig", "/nowhere/config"]).output().expect("run");
    assert_eq!(output.status.code(), Some(2));
    let output = health(folder.path()).output().expect("run");
    assert_eq!(output.status.code(), Some(3), "no kubeconfig at all");
}

/// Whatever a credential plugin does, nothing that it prints is repeated, and the run ends.
#[cfg(unix)]
#[test]
fn a_plugin_that_gives_no_credentials_is_told_and_not_quoted() {
    use std::os::unix::fs::PermissionsExt;
    let script = |folder: &TempDir, text: &str| {
        let path = folder.path().join("login");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
        path.display().to_string()
    };
    for (text, said) in [
        (
            "echo '{\"status\":{\"token\":\"CANARY\"}}'; echo 'the login is over' >&2; exit 7",
            "exit status: 7): the login is over",
        ),
        ("echo CANARY", "printed no ExecCredential"),
        (
            "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"CANARY\":1}'",
            "printed no ExecCredential",
        ),
        // Until the test's process, which has it started, is gone.
        ("while kill -0 $PPID 2>/dev/null; do sleep 0.1; done; echo CANARY", "did not end within 1s"),
    ] {
        let folder = TempDir::new().expect("folder");
        let config = with_plugin(&folder, &script(&folder, text));
        for flags in [&[][..], &["--context", "one", "--context", "one"], &["usage"]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-health"));
            command.env_clear().env("PATH", std::env::var_os("PATH").expect("PATH")).env("HOME", folder.path());
            let output = command
                .args(["--request-timeout", "1s", "--kubeconfig", &config])
                .args(flags)
                .timeout(std::time::Duration::from_secs(60))
                .output()
                .expect("run");
            let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(3), "{text} {flags:?}: {stdout}{stderr}");
            assert!(format!("{stdout}{stderr}").contains(said), "{text} {flags:?}: {stdout}{stderr}");
            assert!(!format!("{stdout}{stderr}").contains("CANARY"), "{text} {flags:?}: {stdout}{stderr}");
        }
    }
}

#[test]
fn a_kubeconfig_that_is_none_is_one_line_and_a_hint() {
    let folder = TempDir::new().expect("folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("tabs"), "clusters:\n\t- name: CANARY\n").expect("write");
    fs::write(file("empty"), "").expect("write");
    fs::write(file("list"), "- CANARY\n").expect("write");
    fs::File::create(file("huge")).and_then(|huge| huge.set_len(2 << 30)).expect("a sparse file");
    for (path, said) in [
        (folder.path().display().to_string(), "is a folder"),
        (file("huge"), "larger than 16 MiB"),
        (file("tabs"), "not a kubeconfig at line 2"),
        (file("list"), "not a kubeconfig"),
        (file("empty"), "error: "),
        (file("missing"), "error: "),
    ] {
        let output = health(folder.path()).args(["--kubeconfig", &path]).output().expect("run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{path}: {stderr}");
        assert!(stderr.contains(said) && stderr.contains("\nhint: ") && !stderr.contains("CANARY"), "{path}: {stderr}");
        assert_eq!(stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{path}: {stderr}");
        assert!(output.stdout.is_empty(), "{path}");
    }
}

/// Without a kubeconfig, in a pod: not in one here, so nothing is sent.
#[test]
fn outside_of_a_cluster_nothing_is_taken_for_a_pod() {
    let folder = TempDir::new().expect("folder");
    let output = health(folder.path()).env("KUBERNETES_SERVICE_HOST", "127.0.0.1").output().expect("run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.starts_with("error: no kubeconfig was found") && stderr.contains("hint: "), "{stderr}");
}
