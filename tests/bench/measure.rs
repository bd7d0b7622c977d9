//! Running a command and measuring it as a whole process: time to its end, and its largest memory.

use anyhow::{Context as _, bail};
use mlops_tests::Result;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs it to the end with its output thrown away.
pub(crate) fn time(command: &mut Command, expected: &[i32]) -> Result<Duration> {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let took = start.elapsed();
    if !status.code().is_some_and(|code| expected.contains(&code)) {
        bail!("{:?} ended with {status}", command.get_program());
    }
    Ok(took)
}

/// The largest resident memory of a command in bytes: `VmHWM` of its process until it ends.
pub(crate) fn peak_memory(command: &mut Command, expected: &[i32]) -> Result<u64> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The mark only grows, so the last look before the end counts.
        if let Ok(text) = std::fs::read_to_string(&path) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peak = peak.max(kibibytes.unwrap_or(0) << 10);
        }
        if let Some(status) = child.try_wait()? {
            if !status.code().is_some_and(|code| expected.contains(&code)) {
                bail!("{:?} ended with {status}", command.get_program());
            }
            return if peak > 0 { Ok(peak) } else { bail!("this system shows no VmHWM in /proc") };
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What the kernel counts processor time in, on every Linux that programs see.
const TICK: Duration = Duration::from_millis(10);

/// The processor time of a command until its end, its children's not: what `/proc` says of it when it has ended and
/// nobody has asked for its status yet.
pub(crate) fn processor_time(command: &mut Command, expected: &[i32]) -> Result<Duration> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let path = format!("/proc/{}/stat", child.id());
    let ticks = loop {
        let text = std::fs::read_to_string(&path).context("this system has no /proc")?;
        // The name, in parentheses, may hold anything.
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok());
            break number(11).zip(number(12)).map(|(user, system)| user + system);
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let status = child.wait()?;
    if !status.code().is_some_and(|code| expected.contains(&code)) {
        bail!("{:?} ended with {status}", command.get_program());
    }
    Ok(TICK * ticks.context("/proc says nothing of processor time")?)
}

/// The median.
pub(crate) fn median(mut times: Vec<Duration>) -> Result<Duration> {
    times.sort();
    times.get(times.len() / 2).copied().context("nothing was measured")
}
