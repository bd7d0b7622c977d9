//! Whole command lines of `kubectl mlops`: which program runs, with which arguments, and how it ends.

use mlops_tests::install::Installation;
use std::path::Path;

/// A plugin that tells how it was called.
const ECHO: &str = r#"printf '%s\n' "beside:" "$@""#;

fn installation() -> Installation {
    Installation::new(Path::new(env!("CARGO_BIN_EXE_under-test-mlops")))
}

fn with_echo() -> Installation {
    let suite = installation();
    suite.script("suite/kubectl-mlops-health", ECHO);
    suite
}

#[test]
fn a_plugin_beside_the_real_file_is_found_through_links() {
    let suite = with_echo();
    for link in ["krew/kubectl-mlops", "krew/kubectl-acme_tools", "plugins/flux-mlops", "own/kubectl-mlops"] {
        let outcome = suite.run(link, &["health", "--watch", "-o", "json", "--", "x"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "beside:\n--watch\n-o\njson\n--\nx\n", "{link}");
    }
}

#[test]
fn beside_comes_before_path_and_path_serves_the_rest() {
    let suite = with_echo();
    suite.script("path/kubectl-mlops-health", "echo path");
    suite.script("path/kubectl-mlops-my_tool", "echo my tool");
    assert!(suite.run("krew/kubectl-mlops", &["health"]).stdout.starts_with("beside:"));
    assert_eq!(suite.run("krew/kubectl-mlops", &["my-tool"]).stdout, "my tool\n");
    let alone = installation();
    alone.script("path/kubectl-mlops-health", "echo path");
    assert_eq!(alone.run("krew/kubectl-mlops", &["health"]).stdout, "path\n");
}

/// The folder that somebody stands in must not decide what runs.
#[test]
fn relative_folders_and_paths_are_no_place_for_plugins() {
    let suite = installation();
    suite.script("here/kubectl-mlops-health", "echo fooled");
    suite.script("here/x", "echo fooled");
    let here = suite.path("here");
    for search in ["", ".", ":/nonexistent", "./", "../here"] {
        let outcome = suite.run_with("krew/kubectl-mlops", &["health"], |command| {
            command.current_dir(&here).env("PATH", search);
        });
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{search:?}");
    }
    for name in ["../here/x", "./x", "/bin/sh", "", "x\u{1b}[2J", "a b"] {
        let outcome = suite.run_with("krew/kubectl-mlops", &[name], |command| {
            command.current_dir(&here);
        });
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{name:?}");
        assert!(!outcome.stderr.contains('\u{1b}'), "{name:?}");
    }
}

#[test]
fn flags_before_the_subcommand_go_with_it_as_they_were_typed() {
    let suite = with_echo();
    for (typed, passed) in [
        (&["-n", "health", "health"][..], "-n\nhealth\n"),
        (&["-nx", "--context=a", "--context", "b", "health", "-A"], "-nx\n--context=a\n--context\nb\n-A\n"),
        (&["-vv", "-q", "--from", "-", "-o=yaml", "health", "explain"], "-vv\n-q\n--from\n-\n-o=yaml\nexplain\n"),
        (
            &["--as-group", "g", "--as-group=h", "-s", "https://a", "health"],
            "--as-group\ng\n--as-group=h\n-s\nhttps://a\n",
        ),
        (&["--insecure-skip-tls-verify", "health", "-n", "x"], "--insecure-skip-tls-verify\n-n\nx\n"),
        // What a plugin makes of its own words is no matter of the umbrella's.
        (&["health", "--help"], "--help\n"),
        (&["health", "version", "--version", "-V"], "version\n--version\n-V\n"),
        (&["health", "--no-such-flag", "", " "], "--no-such-flag\n\n \n"),
    ] {
        let outcome = suite.run("krew/kubectl-mlops", typed);
        assert_eq!(outcome.code, Some(0), "{typed:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, format!("beside:\n{passed}"), "{typed:?}");
    }
}

/// Every flag of the shared groups goes with the subcommand: the list is made from their definition.
#[test]
fn every_shared_flag_may_stand_before_the_subcommand() {
    #[derive(clap::Parser)]
    struct Shared {
        #[command(flatten)]
        _connection: mlops_shared::cli::ConnectionArgs,
        #[command(flatten)]
        _scope: mlops_shared::cli::ScopeArgs,
        #[command(flatten)]
        _output: mlops_shared::cli::OutputArgs,
        #[command(flatten)]
        _source: mlops_shared::cli::SourceArgs,
    }
    let suite = with_echo();
    let command = <Shared as clap::CommandFactory>::command();
    let mut tried = 0;
    for arg in command.get_arguments() {
        let Some(long) = arg.get_long() else { continue };
        let mut typed = vec![format!("--{long}")];
        if arg.get_action().takes_values() {
            let values = arg.get_possible_values();
            let value = values.first().map_or("2026-11-20T03:00:00Z", |value| value.get_name());
            typed.push(value.to_owned());
        }
        let passed = format!("beside:\n{}\n", typed.join("\n"));
        typed.push("health".to_owned());
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        let outcome = suite.run("krew/kubectl-mlops", &typed);
        assert_eq!((outcome.code, outcome.stdout), (Some(0), passed), "{long}: {}", outcome.stderr);
        tried += 1;
    }
    assert!(tried > 25, "{tried}");
}

#[test]
fn the_exit_is_the_plugins_own() {
    let suite = installation();
    for code in [0, 1, 2, 3, 42, 130, 255] {
        suite.script("suite/kubectl-mlops-health", &format!("exit {code}"));
        assert_eq!(suite.run("krew/kubectl-mlops", &["health"]).code, Some(code));
    }
    suite.script("suite/kubectl-mlops-health", "kill -TERM $$");
    let outcome = suite.run("krew/kubectl-mlops", &["health"]);
    assert_eq!((outcome.code, outcome.signal), (None, Some(15)), "the plugin took the umbrella's place");
}

#[test]
fn what_cannot_be_started_is_said() {
    let suite = installation();
    suite.file("suite/kubectl-mlops-health", b"#!/nonexistent/interpreter\n", 0o755);
    let outcome = suite.run("krew/kubectl-mlops", &["health"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(3), ""));
    assert!(outcome.stderr.starts_with("error: kubectl-mlops-health could not be run: "), "{}", outcome.stderr);
    // Without its bit it is no program, and PATH is asked.
    suite.file("suite/kubectl-mlops-health", b"#!/bin/sh\n", 0o644);
    assert_eq!(suite.run("krew/kubectl-mlops", &["health"]).code, Some(2));
}

#[test]
fn an_unknown_subcommand_lists_the_known_ones() {
    let suite = with_echo();
    suite.script("path/kubectl-mlops-my_tool", "exit 0");
    let outcome = suite.run("krew/kubectl-mlops", &["helth", "--watch"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    insta::assert_snapshot!(outcome.stderr, @r#"
    error: unknown subcommand "helth" of `kubectl mlops`
    hint: kubectl mlops health      Is the platform healthy, and if not, what is the one cause
    hint: kubectl mlops my-tool     A plugin that is not of this suite
    hint: kubectl mlops completion  A script that makes a shell, kubectl or flux complete what one types
    hint: kubectl mlops help        Help on a subcommand
    hint: kubectl mlops version     Path and version of every component; says where they do not fit together
    "#);
    let missing = suite.run("plugins/flux-mlops", &["audit"]).stderr;
    assert!(
        missing.starts_with("error: `flux mlops audit` is not installed: there is no kubectl-mlops-audit in "),
        "{missing}"
    );
    assert!(missing.contains("hint: flux mlops health "), "{missing}");
    assert!(missing.contains("\nhint: the release's archive has it: put it in "), "{missing}");
}

/// `flux plugin install` takes one file out of an archive, and leaves a receipt that says out of which.
#[test]
fn flux_is_told_how_to_get_what_it_left_out() {
    let suite = installation();
    suite.program("plugins/flux-tools", Path::new(env!("CARGO_BIN_EXE_under-test-mlops")));
    for folder in ["archive", "served"] {
        std::fs::create_dir(suite.path(folder)).expect("a folder");
    }
    suite.file("archive/kubectl-mlops-health", format!("#!/bin/sh\n{ECHO}\n").as_bytes(), 0o755);
    let archive = suite.path("served/mlops.tar.gz");
    let packed = std::process::Command::new("tar")
        .args([
            "-czf",
            &archive.display().to_string(),
            "-C",
            &suite.path("archive").display().to_string(),
            "kubectl-mlops-health",
        ])
        .status();
    assert!(packed.expect("tar runs").success());
    let digest = mlops_packaging::sha256(&std::fs::read(&archive).expect("the archive"));
    let receipt = format!(
        "name: tools\nplatform:\n  checksum: sha256:{digest}\n  url: https://example.org/r/mlops.tar.gz\nversion: 0.1.0\n"
    );
    suite.file("plugins/flux-tools.yaml", receipt.as_bytes(), 0o644);
    let missing = suite.run("plugins/flux-tools", &["health"]);
    assert_eq!(missing.code, Some(2));
    let command = missing.stderr.lines().find_map(|line| line.strip_prefix("hint: cd ")).expect("a command");
    // What a person pastes is run, with a curl that brings the archive.
    suite.script("path/curl", &format!("cp {} .", archive.display()));
    suite.script("pasted", &format!("set -e\ncd {command}"));
    assert_eq!(suite.run("pasted", &[]).code, Some(0), "{command}");
    assert_eq!(suite.run("plugins/flux-tools", &["health"]).stdout, "beside:\n");
    // Another archive than the receipt's is not unpacked.
    std::fs::remove_file(suite.path("plugins/kubectl-mlops-health")).expect("removed");
    suite.script("path/curl", "echo something else > mlops.tar.gz");
    assert_ne!(suite.run("pasted", &[]).code, Some(0));
    assert!(!suite.path("plugins/kubectl-mlops-health").exists());
}

#[test]
fn help_says_what_is_there_under_the_name_that_was_typed() {
    let suite = with_echo();
    for (link, name) in [
        ("krew/kubectl-mlops", "kubectl mlops"),
        ("plugins/flux-mlops", "flux mlops"),
        ("krew/kubectl-acme_tools", "kubectl acme-tools"),
    ] {
        let help = suite.run(link, &["--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains(&format!("Usage: {name} [OPTIONS] [COMMAND]")), "{}", help.stdout);
        assert!(
            help.stdout.contains("--insecure-skip-tls-verify") && !help.stdout.contains("audit"),
            "{}",
            help.stdout
        );
        let short = suite.run(link, &["-h"]);
        assert!(!short.stdout.contains("--insecure-skip-tls-verify"), "{}", short.stdout);
        for same in [&[][..], &["help"], &["-n", "x"]] {
            assert_eq!(suite.run(link, same), short, "{same:?}");
        }
        let version = suite.run(link, &["help", "version"]);
        assert!(version.stdout.contains(&format!("Usage: {name} version [OPTIONS]")), "{}", version.stdout);
        assert_eq!(version, suite.run(link, &["version", "-h"]));
        assert_eq!(suite.run(link, &["help", "health"]).stdout, "beside:\n--help\n");
        assert_eq!(suite.run(link, &["help", "nothing"]).code, Some(2));
        assert_eq!(suite.run(link, &["--version"]).stdout, concat!("kubectl-mlops ", env!("CARGO_PKG_VERSION"), "\n"));
    }
    insta::assert_snapshot!(suite.run("krew/kubectl-mlops", &["-h"]).stdout, @r"
    Operate an MLOps platform: each subcommand is a plugin of its own

    Usage: kubectl mlops [OPTIONS] [COMMAND]

    Commands:
      health      Is the platform healthy, and if not, what is the one cause
      completion  A script that makes a shell, kubectl or flux complete what one types
      help        Help on a subcommand
      version     Path and version of every component; says where they do not fit together

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Flags that every plugin takes may also stand before its name, as in -n data-plane health; --help
    lists them. The exit code is the plugin's own; 2 where there is no such plugin.
    ");
    let wrong = suite.run("krew/kubectl-mlops", &["--fail-on", "warn", "health"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    assert!(
        wrong.stderr.contains("note: flags of one subcommand stand after it: kubectl mlops SUBCOMMAND --flag"),
        "{}",
        wrong.stderr
    );
}

/// The suite's table says the same of a plugin as the plugin itself, and a plugin's usage bears the name that was typed.
#[test]
fn the_real_health_runs_below_the_umbrella() {
    let suite = installation();
    suite.program("suite/kubectl-mlops-health", Path::new(env!("CARGO_BIN_EXE_under-test-health")));
    for (link, name) in [("krew/kubectl-mlops", "kubectl mlops"), ("plugins/flux-mlops", "flux mlops")] {
        let help = suite.run(link, &["help", "health"]).stdout;
        let (_, about) = mlops_umbrella::suite().find(|(plugin, _)| *plugin == "health").expect("health");
        assert_eq!(help.lines().next(), Some(about));
        assert!(help.contains(&format!("Usage: {name} health [OPTIONS] [COMMAND]")), "{help}");
    }
    let direct = suite.run("suite/kubectl-mlops-health", &["-h"]).stdout;
    assert!(direct.contains("Usage: kubectl mlops health [OPTIONS]"), "{direct}");
}

fn versions(suite: &Installation) -> serde_json::Value {
    let outcome = suite.run("krew/kubectl-mlops", &["version", "-o", "json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let schema = serde_json::to_value(schemars::schema_for!(mlops_umbrella::VersionReport)).expect("schema");
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .expect("a schema")
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    report
}

#[test]
fn versions_that_fit_are_no_news() {
    let suite = installation();
    suite.program("suite/kubectl-mlops-health", Path::new(env!("CARGO_BIN_EXE_under-test-health")));
    std::os::unix::fs::symlink(suite.path("suite/kubectl-mlops-health"), suite.path("path/kubectl-mlops-health"))
        .expect("link");
    let outcome = suite.run("krew/kubectl-mlops", &["version"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let lines: Vec<Vec<&str>> = outcome.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let own = env!("CARGO_PKG_VERSION");
    assert_eq!(lines[0], ["kubectl-mlops", own]);
    assert!(lines.iter().any(|line| line.starts_with(&["kubectl-mlops-health", own, "beside", "it"])), "{lines:?}");
    let report = versions(&suite);
    assert_eq!(report["warnings"], serde_json::json!([]));
    assert_eq!(report["components"].as_array().map(Vec::len), Some(2), "a link to the same file is not told twice");
    assert_eq!(
        report["components"][0]["path"],
        suite.path("suite/kubectl-mlops").canonicalize().expect("real").display().to_string()
    );
    for typed in [&["-o", "json", "version"][..], &["version", "-o=json"]] {
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&suite.run("krew/kubectl-mlops", typed).stdout).expect("JSON"),
            report
        );
    }
    let wrong = suite.run("krew/kubectl-mlops", &["version", "-o", "junit"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""), "{}", wrong.stderr);
}

#[test]
fn versions_that_differ_or_fail_are_warned_of() {
    let suite = installation();
    suite.script("suite/kubectl-mlops-health", "echo kubectl-mlops-health 0.0.9");
    suite.script("path/kubectl-mlops-health", "echo kubectl-mlops-health 9.9.9");
    suite.script("suite/kubectl-mlops-audit", "echo broken >&2; exit 4");
    suite.script("path/kubectl-mlops-stranger", "echo run >\"$HOME/stranger\"; echo stranger 7.0.0");
    suite.script("path/kubectl-mlops", "echo kubectl-mlops 5.0.0");
    let outcome = suite.run("krew/kubectl-mlops", &["version"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.starts_with("WARN "), "{}", outcome.stdout);
    assert_eq!(outcome.stderr.lines().count(), 4, "{}", outcome.stderr);
    let report = versions(&suite);
    let warnings: Vec<&str> =
        report["warnings"].as_array().into_iter().flatten().filter_map(|line| line.as_str()).collect();
    let tells = |words: &[&str]| warnings.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(
        tells(&["path/kubectl-mlops-health is 9.9.9", "kubectl runs it in place of the one beside"]),
        "{warnings:?}"
    );
    assert!(tells(&["suite/kubectl-mlops-health is 0.0.9"]) && tells(&["path/kubectl-mlops is 5.0.0"]), "{warnings:?}");
    assert!(tells(&["kubectl-mlops-audit", "exit code 4", "broken"]), "{warnings:?}");
    assert!(!suite.path("stranger").exists(), "a stranger is not run to hear its version");
    assert_eq!(suite.run("krew/kubectl-mlops", &["-q", "version"]).stderr, "");
}
