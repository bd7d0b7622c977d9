use super::*;
use crate::cli::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs};
use clap::{CommandFactory as _, Parser, Subcommand};
use proptest::prelude::*;
use std::path::PathBuf;

/// A plugin with an argument of every sort.
#[derive(Parser)]
#[command(name = "kubectl-x", version)]
struct Plugin {
    #[command(subcommand)]
    _command: Option<Verb>,
    /// Level of failure
    #[arg(long, global = true)]
    _fail_on: Option<String>,
    /// Keep looking
    #[arg(long)]
    _watch: bool,
    #[arg(long, hide = true)]
    _secret: bool,
    #[command(flatten)]
    _scope: ScopeArgs,
    #[command(flatten)]
    _source: SourceArgs,
    #[command(flatten)]
    _output: OutputArgs,
    #[command(flatten)]
    _connection: ConnectionArgs,
}

#[derive(Subcommand)]
enum Verb {
    /// What a code means
    Explain { _code: Option<String> },
    /// What changed
    Diff { _old: PathBuf, _new: PathBuf },
    /// Grow or shrink
    Scale {
        #[arg(value_enum)]
        _when: Option<crate::cli::ColorChoice>,
        _cluster_name: Option<String>,
    },
}

const TABLE: Table = &[
    (
        "_code",
        Values::From(|_| {
            [("pod-failed", "A pod has\tfailed\nlong"), ("pod-lost", "")]
                .map(|(value, help)| Candidate::new(value, help))
                .to_vec()
        }),
    ),
    ("_fail_on", Values::From(|typed| vec![Candidate::new(typed.value("_code").unwrap_or("none"), "")])),
    // What was typed before decides.
    (
        "_cluster_name",
        Values::From(|typed| {
            let settings = typed.connection().unwrap_or_default();
            let name =
                format!("{}.{}", settings.context.unwrap_or_default(), typed.value("namespace").unwrap_or("all"));
            vec![Candidate::new(name, typed.subcommand().unwrap_or("-"))]
        }),
    ),
    (
        "namespace",
        Values::From(|_| {
            ["data-plane", "data-lab", "ml", "$(reboot)", "a b", "a;b", "\u{1b}[2J", "`x`", ""]
                .map(|name| Candidate::new(name, ""))
                .to_vec()
        }),
    ),
    (
        "context",
        Values::From(|_| {
            ["arn:aws:eks:eu:1:cluster/prod", "me@kind", "gke_a=b"].map(|name| Candidate::new(name, "")).to_vec()
        }),
    ),
    ("user", Values::Elsewhere),
];

fn complete(words: &[&str]) -> Answer {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    answer(Plugin::command(), &words, &[TABLE])
}

fn text(words: &[&str]) -> String {
    complete(words).text(true)
}

#[test]
fn words_get_their_answers() {
    let mut wrong = Vec::new();
    for (words, expected) in [
        // Subcommands; flags only where one is begun.
        (
            &[""][..],
            "explain\tWhat a code means\ndiff\tWhat changed\nscale\tGrow or shrink\nhelp\tPrint this message or the help of the given subcommand(s)\n:4\n",
        ),
        (
            &[],
            "explain\tWhat a code means\ndiff\tWhat changed\nscale\tGrow or shrink\nhelp\tPrint this message or the help of the given subcommand(s)\n:4\n",
        ),
        (&["s"], "scale\tGrow or shrink\n:4\n"),
        (&["zzz"], ":4\n"),
        (&["--fa"], "--fail-on\tLevel of failure\n:4\n"),
        (&["--sec"], ":4\n"),
        (&["--secret"], ":4\n"),
        (
            &["--no-such", ""],
            "explain\tWhat a code means\ndiff\tWhat changed\nscale\tGrow or shrink\nhelp\tPrint this message or the help of the given subcommand(s)\n:4\n",
        ),
        // Values of flags, in each way of writing them; behind `=` alone.
        (
            &["--color", ""],
            "auto\tOn a terminal that can, unless `NO_COLOR` is set\nalways\tEven into a pipe\nnever\tNot at all\n:4\n",
        ),
        (&["--color", "n"], "never\tNot at all\n:4\n"),
        (&["--color=n"], "never\tNot at all\n:4\n"),
        (
            &["--color="],
            "auto\tOn a terminal that can, unless `NO_COLOR` is set\nalways\tEven into a pipe\nnever\tNot at all\n:4\n",
        ),
        (&["-n", ""], "data-plane\ndata-lab\nml\n:4\n"),
        (&["-n", "data-"], "data-plane\ndata-lab\n:4\n"),
        (&["-n=m"], "ml\n:4\n"),
        (&["-nm"], "-nml\n:4\n"),
        (&["-qn", "m"], "ml\n:4\n"),
        (&["--namespace=data-p"], "data-plane\n:4\n"),
        (&["--context", ""], "arn:aws:eks:eu:1:cluster/prod\nme@kind\ngke_a=b\n:4\n"),
        (&["--context=gke_a=b"], "gke_a=b\n:4\n"),
        (
            &["--interval", ""],
            "explain\tWhat a code means\ndiff\tWhat changed\nscale\tGrow or shrink\nhelp\tPrint this message or the help of the given subcommand(s)\n:4\n",
        ),
        (&["--selector", ""], ":4\n"),
        // Values behind a subcommand; a description is one line.
        (&["explain", ""], "pod-failed\tA pod has failed\npod-lost\n:4\n"),
        (&["explain", "pod-l"], "pod-lost\n:4\n"),
        (&["explain", "pod-lost", ""], ":4\n"),
        (&["explain", "--", "pod-l"], "pod-lost\n:4\n"),
        (&["explain", "pod-lost", "--fail-on", ""], "pod-lost\n:4\n"),
        (&["scale", "au"], "auto\tOn a terminal that can, unless `NO_COLOR` is set\n:4\n"),
        // Paths are the shell's.
        (&["--from", ""], ":0\n"),
        (&["--from=ex"], ":0\n"),
        (&["--kubeconfig", "/et"], ":0\n"),
        (&["--cache-dir", ""], ":16\n"),
        (&["diff", ""], ":0\n"),
        (&["diff", "old.json", "n"], ":0\n"),
        (&["diff", "old.json", "new.json", ""], ":4\n"),
        // A namespace that is called like a subcommand is none.
        (&["-n", "explain", "s"], "scale\tGrow or shrink\n:4\n"),
        (&["--namespace", "explain", "--watc"], "--watch\tKeep looking\n:4\n"),
        (&["--token", "scale", "explain", "pod-l"], "pod-lost\n:4\n"),
        // What was typed before counts, wherever it stands.
        (&["--context", "a", "scale", "auto", ""], "a.all\tscale\n:4\n"),
        (&["scale", "-n", "ml", "auto", "--context=b", ""], "b.ml\tscale\n:4\n"),
        (&["-n", "diff", "--no-such", "scale", "auto", ""], ".diff\t-\n:4\n"),
    ] {
        let answer = text(words);
        if answer != expected {
            wrong.push(format!("{words:?}:\n{answer:?}, not\n{expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(complete(&["explain", ""]).text(false), "pod-failed\npod-lost\n:4\n");
    assert!(complete(&["--user", ""]).is_elsewhere && !complete(&["--users"]).is_elsewhere);
}

#[test]
fn the_subcommand_is_the_first_word_that_is_no_value() {
    let place = |words: &[&str]| {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        subcommand(&Plugin::command(), &words)
    };
    assert_eq!(place(&["explain"]), Some(0));
    assert_eq!(place(&["-n", "explain", "unknown"]), Some(2));
    assert_eq!(place(&["-nexplain", "-vq", "--from=x", "-qo", "json", "unknown", "x"]), Some(5));
    for nothing in [&[][..], &["-n"], &["-n", "x"], &["--", ""][..1]] {
        assert_eq!(place(nothing), None, "{nothing:?}");
    }
}

#[test]
fn only_a_request_is_answered() {
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    for other in [&[][..], &["x"], &["x", "explain", "__complete"], &["x", "__Complete"]] {
        assert!(requested(&words(other), || unreachable!(), &[]).is_none(), "{other:?}");
    }
}

fn word() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "-n",
        "--namespace",
        "--context=",
        "-",
        "--",
        "--from",
        "diff",
        "explain",
        "scale",
        "help",
        "-qvn",
        "--color",
        "=",
        "-=",
        "--=",
        "-h",
        "--help",
        "-o=",
        "",
    ];
    prop_oneof![proptest::sample::select(KNOWN).prop_map(str::to_owned), any::<String>(), "-{0,3}[a-zA-Z=]{0,4}"]
}

proptest! {
    /// Whatever was typed, the answer is one of the protocol: no panic, one line a candidate, a directive last.
    #[test]
    fn every_line_gets_an_answer(words in proptest::collection::vec(word(), 0..8)) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let answer = complete(&words);
        let text = answer.text(true);
        prop_assert_eq!(text.lines().count(), answer.candidates.len() + 1);
        let last = format!(":{}\n", answer.directive);
        prop_assert!(text.ends_with(&last));
    }
}
