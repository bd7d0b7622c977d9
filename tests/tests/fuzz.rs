//! Every fuzz target on its seeds and on some mutations, the same ones in every run; `make fuzz` tries more.

use mlops_tests::fuzz::{Bound, TARGETS, Target, run};

fn holds(name: &str, inputs: usize) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let outcome = run(target, 1, Bound::Inputs(inputs), &mut |_| {}).expect("seeds");
    if let Some((input, words)) = outcome.failure {
        panic!("{name}, input {}: {words}\n{}", outcome.inputs, String::from_utf8_lossy(&input).escape_debug());
    }
    assert!(outcome.inputs >= inputs);
}

#[test]
fn sources_are_read_judged_and_printed() {
    holds("source", 60);
}

#[test]
fn objects_are_judged_and_printed() {
    holds("objects", 900);
}

#[test]
fn reports_are_read() {
    holds("report", 60);
}

#[test]
fn platform_files_are_read() {
    holds("platform", 400);
}

#[test]
fn kubeconfigs_are_read() {
    holds("kubeconfig", 400);
}

#[test]
fn archives_are_read_up_to_the_plan_of_a_restore() {
    holds("archive", 900);
}

#[test]
fn words_are_read() {
    holds("text", 400);
}

#[test]
fn a_rule_that_does_not_hold_and_a_panic_are_found() {
    fn never(input: &[u8]) -> Result<(), String> {
        assert!(!input.contains(&b'\0'), "a zero byte");
        if input.len() > 4_000 { Err("long".to_owned()) } else { Ok(()) }
    }
    let target = Target { name: "never", run: never, ..*TARGETS.iter().find(|it| it.name == "text").expect("text") };
    let outcome = run(&target, 1, Bound::Inputs(100_000), &mut |_| {}).expect("seeds");
    let (input, words) = outcome.failure.expect("found");
    assert!(words == "long" || words == "panic: a zero byte", "{words}");
    assert!(!input.is_empty() && outcome.inputs > 1);
    // The same number gives the same inputs.
    let again = run(&target, 1, Bound::Inputs(100_000), &mut |_| {}).expect("seeds");
    assert_eq!(again.failure.map(|(input, _)| input), Some(input));
}
