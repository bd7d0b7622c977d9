//! Fuzzing on stable Rust: targets, seeds that are mutated, and a loop that is bounded in time.
//!
//! Not guided by coverage, which needs a nightly compiler. In its place seeds are whole (the sample
//! platforms among them) and half of the mutations know their grammar: a value of a JSON tree is
//! replaced, moved or repeated, so that inputs get past the parsers into the engines and renderers.

mod mutate;
mod targets;

pub use mutate::Mutator;
pub use targets::{MoreSeeds, TARGETS, Target};

use crate::Result;
use anyhow::Context as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// When a loop ends.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// After so many inputs.
    Inputs(usize),
    /// After so long.
    Time(Duration),
}

/// What came of a loop.
#[derive(Debug)]
pub struct Outcome {
    /// Inputs that were tried.
    pub inputs: usize,
    /// The input on which the target failed, and its words.
    pub failure: Option<(Vec<u8>, String)>,
}

/// Runs a target on its seeds as they are, then on mutations of them, until the bound or a failure.
/// `before` is told of every input before it is tried, so that one that ends the process is not lost.
///
/// # Errors
/// When the seeds cannot be read.
pub fn run(target: &Target, random: u64, bound: Bound, before: &mut dyn FnMut(&[u8])) -> Result<Outcome> {
    let seeds = seeds(target)?;
    anyhow::ensure!(!seeds.is_empty(), "{} has no seed", target.name);
    let mut mutator = Mutator::new(random);
    let start = Instant::now();
    let mut inputs = 0;
    loop {
        let is_over = match bound {
            Bound::Inputs(most) => inputs >= most.max(seeds.len()),
            Bound::Time(limit) => inputs >= seeds.len() && start.elapsed() >= limit,
        };
        if is_over {
            return Ok(Outcome { inputs, failure: None });
        }
        let input = seeds.get(inputs).cloned().unwrap_or_else(|| mutator.mutate(&seeds));
        inputs += 1;
        before(&input);
        if let Err(words) = attempt(target, &input) {
            return Ok(Outcome { inputs, failure: Some((input, words)) });
        }
    }
}

/// Tries one input.
///
/// # Errors
/// The words of the panic or of the rule that does not hold.
pub fn attempt(target: &Target, input: &[u8]) -> std::result::Result<(), String> {
    match catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        Ok(outcome) => outcome,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            Err(format!("panic: {}", words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no words")))
        }
    }
}

/// The files of the target's folders, in order.
fn seeds(target: &Target) -> Result<Vec<Vec<u8>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in target.seeds {
        let folder = root.join(folder);
        let entries = std::fs::read_dir(&folder).with_context(|| format!("seeds in {}", folder.display()))?;
        files.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()));
    }
    files.sort();
    let read = |path: PathBuf| std::fs::read(&path).with_context(|| path.display().to_string());
    let mut seeds = files.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    if let Some(more) = target.more_seeds {
        seeds = more(seeds);
    }
    Ok(seeds)
}
