//! Completion as it reaches the shell: the protocol of the binaries, the scripts, and real shells that source them.

use mlops_tests::install::Installation;
use mlops_tests::loopback::{Answer, Server};
use mlops_tests::typist::Shell;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The umbrella and health; on `PATH` there are the umbrella and, where wanted, health.
fn installation(is_health_on_path: bool) -> Installation {
    let suite = Installation::new(Path::new(env!("CARGO_BIN_EXE_under-test-mlops")));
    suite.program("suite/kubectl-mlops-health", Path::new(env!("CARGO_BIN_EXE_under-test-health")));
    symlink(suite.path("suite/kubectl-mlops"), suite.path("path/kubectl-mlops")).expect("link");
    if is_health_on_path {
        symlink(suite.path("suite/kubectl-mlops-health"), suite.path("path/kubectl-mlops-health")).expect("link");
    }
    suite
}

fn complete(suite: &Installation, program: &str, words: &[&str]) -> String {
    let outcome = suite.run(program, &[&["__complete"], words].concat());
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{words:?}");
    outcome.stdout
}

#[test]
fn the_umbrella_completes_its_own_words() {
    let suite = installation(false);
    suite.script("path/kubectl-mlops-my_tool", "exit 0");
    let umbrella = |words: &[&str]| complete(&suite, "path/kubectl-mlops", words);
    // kubectl lists what is on PATH itself.
    assert_eq!(
        umbrella(&[""]),
        "health\tIs the platform healthy, and if not, what is the one cause\n\
         completion\tA script that makes a shell, kubectl or flux complete what one types\n\
         help\tHelp on a subcommand\n\
         version\tPath and version of every component; says where they do not fit together\n:4\n"
    );
    assert!(umbrella(&["-n", "x", ""]).contains("\nmy-tool\t"), "behind a flag kubectl lists nothing");
    for everything in [&["help", ""][..], &["-n", "x", "help", ""]] {
        assert_eq!(
            umbrella(everything),
            "health\tIs the platform healthy, and if not, what is the one cause\n\
             my-tool\tA plugin that is not of this suite\nversion\ncompletion\n:4\n"
        );
    }
    assert!(complete(&suite, "plugins/flux-mlops", &[""]).contains("\nmy-tool\t"), "flux lists no plugin of a plugin");
    let direct = suite.run_with("path/kubectl-mlops", &["__complete", "my"], |command| {
        command.env("MLOPS_COMPLETE", "direct");
    });
    assert_eq!(direct.stdout, "my-tool\tA plugin that is not of this suite\n:4\n");
    assert_eq!(umbrella(&["version", "-o", "j"]), "json\n:4\n");
    assert_eq!(umbrella(&["version", "--output=y"]), "yaml\n:4\n");
    assert!(umbrella(&["completion", "p"]).starts_with("powershell\t"));
    assert_eq!(umbrella(&["--from", ""]), ":0\n");
    assert_eq!(umbrella(&["--vers"]), "--version\tPrint version\n:4\n");
    assert_eq!(umbrella(&["nothing", ""]), ":4\n");
    assert_eq!(umbrella(&[]), umbrella(&[""]));
}

/// Once a subcommand is typed its plugin is asked, with the flags that stand before it.
#[test]
fn the_umbrella_hands_over_to_the_plugin() {
    let suite = installation(false);
    suite.script("suite/kubectl-mlops-audit", r#"printf '%s|' "$@"; echo; echo :2"#);
    let umbrella = |words: &[&str]| complete(&suite, "path/kubectl-mlops", words);
    assert_eq!(umbrella(&["audit", ""]), "__complete||\n:2\n");
    assert_eq!(
        umbrella(&["-n", "health", "--context=a", "audit", "-o", "x y", "--b="]),
        "__complete|-n|health|--context=a|-o|x y|--b=|\n:2\n"
    );
    assert_eq!(
        umbrella(&["health", "explain", "pod-crash"]),
        complete(&suite, "suite/kubectl-mlops-health", &["explain", "pod-crash"])
    );
    // Names of a cluster are asked of a plugin, before a subcommand too: of the first of the suite.
    let config = "apiVersion: v1\nkind: Config\ncontexts: [{name: here, context: {cluster: c, user: u}}, {name: there, context: {cluster: c, user: u}}]\n";
    suite.file("config", config.as_bytes(), 0o600);
    let config = suite.path("config").display().to_string();
    assert_eq!(umbrella(&["--kubeconfig", &config, "--context", "t"]), "there\n:4\n");
    assert_eq!(umbrella(&["--kubeconfig", &config, "--context="]), "here\nthere\n:4\n");
}

#[test]
fn health_completes_what_its_arguments_mean() {
    let suite = installation(false);
    let health = |words: &[&str]| complete(&suite, "suite/kubectl-mlops-health", words);
    for code in mlops_shared::health::all_codes() {
        let line = format!("{}\t{}\n", code.id, code.title.replace('\t', " "));
        assert!(health(&["explain", code.id]).contains(&line), "{line}");
    }
    assert_eq!(health(&["-o", ""]), "table\nwide\njson\nyaml\nname\nmarkdown\nhtml\njunit\nprometheus\n:4\n");
    assert_eq!(health(&["diff", "-o", ""]), "table\nwide\n:4\n");
    assert_eq!(health(&["--fail-on", ""]), "absent\nsuspended\nprogressing\nunknown\nwarn\nfail\nnever\n:4\n");
    assert_eq!(health(&["--show", "o"]), "ok\n:4\n");
    for path in [&["--from", ""][..], &["--platform="], &["diff", ""], &["diff", "old", "n"]] {
        assert_eq!(health(path), ":0\n", "{path:?}");
    }
    assert_eq!(health(&["--cache-dir", ""]), ":16\n");
    assert!(health(&["usage", "n"]).starts_with("nodes"));
    assert!(health(&["usage", "nodes", "v"]).starts_with("volumes"));
    let without = suite.run("suite/kubectl-mlops-health", &["__completeNoDesc", "explain", "pod-crash"]);
    assert_eq!(without.stdout, "pod-crash-loop\n:4\n");
}

/// What is offered is printed, and what is not is refused.
#[test]
fn formats_are_those_that_a_subcommand_prints() {
    let suite = installation(false);
    let all = complete(&suite, "suite/kubectl-mlops-health", &["-o", ""]);
    let examples = root().join("examples/usage").display().to_string();
    for subcommand in ["usage", "capacity", "explain", "platform"] {
        let offered = complete(&suite, "suite/kubectl-mlops-health", &[subcommand, "-o", ""]);
        for format in all.lines().filter(|line| !line.starts_with(':')) {
            let outcome = suite.run("suite/kubectl-mlops-health", &["--from", &examples, "-o", format, subcommand]);
            let is_printed = outcome.code != Some(2);
            assert_eq!(
                offered.lines().any(|line| line == format),
                is_printed,
                "{subcommand} -o {format}: {}",
                outcome.stderr
            );
        }
    }
}

fn kubeconfig(suite: &Installation, server: &str) -> String {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\nusers: [{{name: u, user: {{token: CANARY-TOKEN}}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: u}}}}, {{name: 'a b; $(x)', context: {{cluster: c, user: u}}}}]\n"
    );
    suite.file("config", text.as_bytes(), 0o600);
    suite.path("config").display().to_string()
}

const CORE: &str = r#"{"kind":"APIResourceList","groupVersion":"v1","resources":[
 {"name":"namespaces/status","kind":"Namespace","namespaced":false,"verbs":["get"]},
 {"name":"namespaces","kind":"Namespace","namespaced":false,"verbs":["get","list"]}]}"#;

fn namespaces(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::start(Arc::new(move |path, _| match path {
        "/api/v1" => Some((200, "", CORE.to_owned())),
        path if path.starts_with("/api/v1/namespaces?") => answer(),
        _ => Some((404, "", String::new())),
    }))
}

#[test]
fn namespaces_are_those_of_the_cluster() {
    let suite = installation(false);
    let list = r#"{"items":[{"metadata":{"name":"ml"}},{"metadata":{"name":"data-plane"}},{"metadata":{"name":"$(reboot)"}},{"metadata":{"name":"x\n:0"}}]}"#;
    let server = namespaces(|| Some((200, "", list.to_owned())));
    let config = kubeconfig(&suite, &server.address);
    for words in [&["--kubeconfig", &config, "-n", ""][..], &["--kubeconfig", &config, "explain", "--namespace="]] {
        assert_eq!(complete(&suite, "suite/kubectl-mlops-health", words), "data-plane\nml\n:4\n", "{words:?}");
    }
    assert_eq!(complete(&suite, "path/kubectl-mlops", &["--kubeconfig", &config, "-n", "d"]), "data-plane\n:4\n");
    assert_eq!(
        complete(&suite, "path/kubectl-mlops", &["--kubeconfig", &config, "-n", "ml", "health", "--user", ""]),
        "u\n:4\n"
    );
    assert_eq!(
        complete(&suite, "suite/kubectl-mlops-health", &["--kubeconfig", &config, "--context", ""]),
        "test\n:4\n"
    );
    let seen = server.seen();
    assert!(
        seen.iter().all(|line| line.starts_with("/api/v1 ")
            || line.contains("limit=500") && line.contains("as=PartialObjectMetadataList")),
        "{seen:?}"
    );
}

/// There is a prompt on the terminal: whatever goes wrong, nothing is offered and nothing said.
#[test]
fn what_goes_wrong_is_silent_and_over_in_time() {
    let suite = installation(false);
    let servers = [
        namespaces(|| None),
        namespaces(|| Some((403, "", r#"{"kind":"Status","message":"CANARY"}"#.to_owned()))),
        namespaces(|| Some((200, "", "<html>CANARY".to_owned()))),
    ];
    let mut addresses: Vec<&str> = servers.iter().map(|server| server.address.as_str()).collect();
    addresses.extend(["http://127.0.0.1:1", "no address", ""]);
    for address in addresses {
        let config = kubeconfig(&suite, address);
        let words = ["--kubeconfig", &config, "-n", ""];
        assert_eq!(complete(&suite, "suite/kubectl-mlops-health", &words), ":4\n", "{address}");
    }
    for config in ["/nonexistent", "/etc/hostname", "/"] {
        assert_eq!(complete(&suite, "suite/kubectl-mlops-health", &["--kubeconfig", config, "--context", ""]), ":4\n");
    }
    // An exec plugin that never ends.
    suite.script("slow", "exec sleep 600");
    let plugin = suite.path("slow").display().to_string();
    let text = std::fs::read_to_string(suite.path("config")).expect("config").replace(
        "{token: CANARY-TOKEN}",
        &format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{plugin}', interactiveMode: Never}}}}"
        ),
    );
    suite.file("config", text.replace("server: ''", &format!("server: '{}'", servers[0].address)).as_bytes(), 0o600);
    let config = suite.path("config").display().to_string();
    assert_eq!(complete(&suite, "suite/kubectl-mlops-health", &["--kubeconfig", &config, "-n", ""]), ":4\n");
    let told = suite.run_with(
        "suite/kubectl-mlops-health",
        &["__complete", "--kubeconfig", "/nonexistent", "-n", ""],
        |command| {
            command.env("MLOPS_COMPLETE_DEBUG", "1");
        },
    );
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ":4\n"));
    assert!(told.stderr.contains("/nonexistent"), "{}", told.stderr);
}

/// The programs of the workspace that are shipped: one a plugin.
fn programs() -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("plugins")).expect("plugins") {
        let manifest = std::fs::read_to_string(entry.expect("entry").path().join("Cargo.toml")).expect("manifest");
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"kubectl-")?.strip_suffix('"'));
        names.push(format!("kubectl-{}", name.expect("a program")));
    }
    names.sort();
    names
}

#[test]
fn the_scripts_in_completions_are_current() {
    let folder = root().join("completions");
    let programs = programs();
    let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
    let files = mlops_umbrella::files(&programs);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).expect("folder");
        for entry in std::fs::read_dir(&folder).expect("folder").flatten() {
            std::fs::remove_file(entry.path()).expect("removed");
        }
        for (name, text) in &files {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("written");
            if text.starts_with("#!") {
                use std::os::unix::fs::PermissionsExt as _;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
            }
        }
    }
    let mut committed: Vec<String> = std::fs::read_dir(&folder)
        .expect("completions/")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut made: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    committed.sort();
    made.sort();
    assert_eq!(committed, made, "make completions");
    for (name, text) in files {
        assert!(
            std::fs::read_to_string(folder.join(&name)).expect("read") == text,
            "completions/{name}: make completions"
        );
        assert!(!text.contains('@') || name.ends_with(".ps1") || !text.contains("@NAME"), "{name}");
    }
    // What the program prints is the same.
    let suite = installation(false);
    for (asker, file) in
        [("bash", "kubectl-mlops.bash"), ("kubectl", "kubectl_complete-mlops"), ("fish", "kubectl-mlops.fish")]
    {
        let printed = suite.run("path/kubectl-mlops", &["completion", asker]).stdout;
        assert_eq!(printed, std::fs::read_to_string(folder.join(file)).expect("read"), "{asker}");
    }
    let both = installation(true).run("path/kubectl-mlops", &["completion", "bash"]).stdout;
    assert!(both.ends_with("complete -F __kubectl_mlops_complete kubectl-mlops kubectl-mlops-health\n"), "{both}");
    let renamed = suite.run("krew/kubectl-acme_tools", &["completion", "kubectl"]).stdout;
    assert!(
        renamed.contains("`kubectl acme-tools`") && renamed.contains("exec kubectl-acme_tools __complete"),
        "{renamed}"
    );
}

#[test]
fn the_script_for_flux_links_the_plugin() {
    let suite = installation(false);
    let script = suite.run("path/kubectl-mlops", &["completion", "flux"]).stdout;
    suite.file("link.sh", script.as_bytes(), 0o755);
    assert_eq!(suite.run("link.sh", &[]).code, Some(0));
    let help = suite.run(".fluxcd/plugins/flux-mlops", &["-h"]);
    assert!(help.stdout.contains("Usage: flux mlops "), "{help:?}");
}

const LINES: &[(&str, &str)] = &[
    ("kubectl-mlops hea", "kubectl-mlops health"),
    ("kubectl-mlops -n health versi", "kubectl-mlops -n health version"),
    ("kubectl-mlops health explain pod-crash", "kubectl-mlops health explain pod-crash-loop"),
    ("kubectl-mlops-health explain pod-crash", "kubectl-mlops-health explain pod-crash-loop"),
    ("kubectl-mlops-health --color=al", "kubectl-mlops-health --color=always"),
    ("kubectl-mlops-health -o mark", "kubectl-mlops-health -o markdown"),
    ("kubectl-mlops-health --no-hea", "kubectl-mlops-health --no-headers"),
    // Files and folders are the shell's.
    ("kubectl-mlops-health --from degraded/air", "kubectl-mlops-health --from degraded/airflow.yaml"),
    ("kubectl-mlops-health --platform=degraded/air", "kubectl-mlops-health --platform=degraded/airflow.yaml"),
    ("kubectl-mlops-health --cache-dir degr", "kubectl-mlops-health --cache-dir degraded/"),
    // Nothing fits, and no file is offered in its place.
    ("kubectl-mlops-health explain READ", "kubectl-mlops-health explain READ"),
    (
        "kubectl-mlops-health --kubeconfig config --context arn:aws:e",
        "kubectl-mlops-health --kubeconfig config --context arn:aws:eks:one",
    ),
    (
        "kubectl-mlops-health --kubeconfig config --context=arn:aws:e",
        "kubectl-mlops-health --kubeconfig config --context=arn:aws:eks:one",
    ),
];

/// In every shell each line becomes what it should.
fn lines_become(shell: Shell) {
    if !shell.is_here() {
        return;
    }
    let suite = installation(true);
    let config =
        "apiVersion: v1\nkind: Config\ncontexts: [{name: 'arn:aws:eks:one', context: {cluster: c, user: u}}]\n";
    suite.file("config", config.as_bytes(), 0o600);
    let config = format!(" {} ", suite.path("config").display());
    let folder = root().join("completions").canonicalize().expect("completions").display().to_string();
    let setup = match shell {
        Shell::Zsh => format!("for it in {folder}/_*; do source $it; done"),
        Shell::Bash | Shell::BashWithCompletion => format!("for it in {folder}/*.bash; do source $it; done"),
        Shell::Fish => format!("for it in {folder}/*.fish; source $it; end"),
    };
    let mut wrong = Vec::new();
    for (typed, expected) in LINES {
        let (typed, expected) = (typed.replace(" config ", &config), expected.replace(" config ", &config));
        let became = shell.completes(&suite, &root().join("examples"), &setup, &typed);
        if became.as_deref() != Ok(expected.trim_end_matches('/')) {
            wrong.push(format!("{typed}: {became:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn zsh_completes() {
    lines_become(Shell::Zsh);
}

#[test]
fn bash_completes() {
    lines_become(Shell::Bash);
}

#[test]
fn bash_completes_with_bash_completion() {
    lines_become(Shell::BashWithCompletion);
}

#[test]
fn fish_completes() {
    lines_become(Shell::Fish);
}
