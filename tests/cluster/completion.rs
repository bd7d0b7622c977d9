//! Completion through the real kubectl, and names from a real API server.

use mlops_tests::control_plane::shared_objects_only;
use mlops_tests::install::Installation;
use mlops_tests::typist::Shell;
use mlops_tests::users::User;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The umbrella, health and both completers, and kubectl, all on PATH; health under its own name where wanted.
fn installation(is_health_on_path: bool) -> Installation {
    let suite = Installation::new(Path::new(env!("CARGO_BIN_EXE_under-test-mlops")));
    suite.program("suite/kubectl-mlops-health", Path::new(env!("CARGO_BIN_EXE_under-test-health")));
    let mut linked = vec!["kubectl-mlops"];
    linked.extend(is_health_on_path.then_some("kubectl-mlops-health"));
    for program in linked {
        symlink(suite.path("suite").join(program), suite.path("path").join(program)).expect("link");
    }
    symlink(shared_objects_only().kubectl_program(), suite.path("path/kubectl")).expect("link");
    for completer in ["kubectl_complete-mlops", "kubectl_complete-mlops-health"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../completions").join(completer);
        symlink(script, suite.path("path").join(completer)).expect("link");
    }
    suite
}

fn kubectl(suite: &Installation, words: &[&str]) -> String {
    let outcome = suite.run("path/kubectl", &[&["__complete", "mlops"], words].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    outcome.stdout
}

fn values(answer: &str) -> Vec<&str> {
    answer.lines().map(|line| line.split('\t').next().unwrap_or(line)).collect()
}

#[test]
fn kubectl_offers_every_subcommand_once() {
    for is_health_on_path in [false, true] {
        let suite = installation(is_health_on_path);
        let mut offered: Vec<String> = values(&kubectl(&suite, &[""])).into_iter().map(str::to_owned).collect();
        offered.sort();
        assert_eq!(offered, [":4", "completion", "health", "help", "version"], "health on PATH: {is_health_on_path}");
        assert_eq!(values(&kubectl(&suite, &["-n", "x", "hea"])), ["health", ":4"]);
        assert_eq!(values(&kubectl(&suite, &["health", "explain", "pod-crash"])), ["pod-crash-loop", ":4"]);
        assert_eq!(values(&kubectl(&suite, &["-n", "x", "health", "--color=al"])), ["always", ":4"]);
        assert_eq!(kubectl(&suite, &["health", "--from", ""]), ":0\n");
    }
}

/// The shells' own scripts of kubectl ask the plugin, whichever way a person types it.
#[test]
fn every_shell_that_completes_kubectl_completes_the_plugin() {
    const LINES: &[(&str, &str)] = &[
        ("kubectl mlops hea", "kubectl mlops health"),
        ("kubectl mlops -n health versi", "kubectl mlops -n health version"),
        ("kubectl mlops health explain pod-crash", "kubectl mlops health explain pod-crash-loop"),
        ("kubectl mlops health -o mark", "kubectl mlops health -o markdown"),
        ("kubectl mlops health --no-hea", "kubectl mlops health --no-headers"),
        ("kubectl mlops health --from degraded/air", "kubectl mlops health --from degraded/airflow.yaml"),
        ("kubectl mlops health explain READ", "kubectl mlops health explain READ"),
    ];
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let suite = installation(true);
    let mut wrong = Vec::new();
    for shell in [Shell::Zsh, Shell::BashWithCompletion, Shell::Fish] {
        if !shell.is_here() {
            continue;
        }
        let setup = match shell {
            Shell::Fish => "kubectl completion fish | source",
            Shell::Zsh => "source <(kubectl completion zsh)",
            _ => "source <(kubectl completion bash)",
        };
        for (typed, expected) in LINES {
            let became = shell.completes(&suite, &examples, setup, typed);
            if became.as_deref() != Ok(*expected) {
                wrong.push(format!("{shell:?}: {typed}: {became:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn namespaces_are_offered_to_whom_they_are_known() {
    let plane = shared_objects_only();
    let name = plane.api().new_namespace("completed").expect("namespace");
    let suite = installation(false);
    for (user, offered) in [(User::Reader, vec![name.as_str(), ":4"]), (User::Stranger, vec![":4"])] {
        let kubeconfig = plane.kubeconfig(user).expect("kubeconfig").display().to_string();
        for words in
            [&["--kubeconfig", &kubeconfig, "-n", &name][..], &["health", "--kubeconfig", &kubeconfig, "-n", &name]]
        {
            assert_eq!(values(&kubectl(&suite, words)), offered, "{words:?}");
        }
    }
}

/// One page of metadata a kind, found by its group: whatever version the server prefers.
#[test]
fn names_of_any_kind_come_from_the_server() {
    use mlops_shared::cli::complete::{Table, Values, answer, live_names};
    const TABLE: Table =
        &[("name", Values::From(|typed| live_names(typed, "kafka.strimzi.io", "Kafka", typed.value("namespace"))))];
    #[derive(clap::Parser)]
    struct Plugin {
        _name: Option<String>,
        #[arg(id = "name")]
        _kafka: Option<String>,
        #[command(flatten)]
        _connection: mlops_shared::cli::ConnectionArgs,
        #[command(flatten)]
        _scope: mlops_shared::cli::ScopeArgs,
    }
    let plane = shared_objects_only();
    let namespace = plane.api().new_namespace("named").expect("namespace");
    let kafka = |name: &str| {
        format!(
            "apiVersion: kafka.strimzi.io/v1beta2\nkind: Kafka\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{kafka: {{}}}}\n"
        )
    };
    for name in ["second", "first"] {
        plane.api().apply(&kafka(name)).expect("applied");
    }
    let kubeconfig = plane.kubeconfig(User::Reader).expect("kubeconfig").display().to_string();
    let words = ["x", "--kubeconfig", &kubeconfig, "-n", &namespace, ""].map(std::ffi::OsString::from);
    let answer = answer(<Plugin as clap::CommandFactory>::command(), &words, &[TABLE]);
    assert_eq!(answer.text(true), "first\nsecond\n:4\n");
}
