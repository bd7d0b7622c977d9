//! `make fuzz`: tries mutated inputs on everything that reads files and answers, for a bounded time.

use anyhow::Context as _;
use clap::Parser;
use mlops_tests::Result;
use mlops_tests::fuzz::{self, Bound, TARGETS, Target};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Parser)]
#[command(name = "fuzz", about = "Tries mutated inputs on everything that reads files and answers")]
struct Arguments {
    /// Targets; all without one
    targets: Vec<String>,
    /// Seconds a target
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The number that the mutations follow from [default: the time]
    #[arg(long)]
    random: Option<u64>,
    /// Try only this input
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("fuzz: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Whether every rule held.
fn run(arguments: &Arguments) -> Result<bool> {
    let mut targets: Vec<&Target> = TARGETS.iter().collect();
    if !arguments.targets.is_empty() {
        for name in &arguments.targets {
            let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            anyhow::ensure!(known.contains(&name.as_str()), "no target {name}; there are {}", known.join(", "));
        }
        targets.retain(|target| arguments.targets.iter().any(|name| name == target.name));
    }
    if let Some(path) = &arguments.replay {
        let input = std::fs::read(path).with_context(|| path.display().to_string())?;
        let mut held = true;
        for target in targets {
            let outcome = fuzz::attempt(target, &input);
            say(&format!("{}: {}", target.name, outcome.as_ref().map_or_else(String::as_str, |()| "holds")));
            held &= outcome.is_ok();
        }
        return Ok(held);
    }
    let random = arguments.random.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::from(time.subsec_nanos()))
    });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    std::fs::create_dir_all(&folder)?;
    // What a target panics with is in its outcome.
    std::panic::set_hook(Box::new(|_| {}));
    let mut held = true;
    for target in targets {
        let path = folder.join(format!("{}.input", target.name));
        say(&format!("{}: {}", target.name, target.about));
        // An input that ends the process (a stack that overflows) stays in the file.
        let mut before = |input: &[u8]| drop(std::fs::write(&path, input));
        let outcome = fuzz::run(target, random, Bound::Time(Duration::from_secs(arguments.seconds)), &mut before)?;
        match outcome.failure {
            None => {
                say(&format!("  {} inputs, every rule held", outcome.inputs));
                let _ = std::fs::remove_file(&path);
            }
            Some((input, words)) => {
                std::fs::write(&path, input)?;
                say(&format!("  FAILED at input {} of --random {random}: {words}", outcome.inputs));
                say(&format!(
                    "  try it again: cargo run -p mlops-tests --bin fuzz -- {} --replay {}",
                    target.name,
                    path.display()
                ));
                held = false;
            }
        }
    }
    Ok(held)
}
