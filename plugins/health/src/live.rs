//! Runs that look at clusters more than once, or at more than one: one loop each, none of the rules.

use crate::args::Args;
use crate::clusters::{Clusters, Look, exit_of};
use crate::run::{BUDGET, style};
use crate::settings::{Follow, Settings};
use crate::wait::{Goal, State};
use crate::watch::{HealthEvent, Tracker, gone, line};
use jiff::Timestamp;
use mlops_shared::cli::{Exit, Failure, Printer, runtime};
use mlops_shared::report::{Format, Report, ReportList};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What a look has at least, however little is left of `--timeout`: shorter ones tell nothing.
const LEAST_LOOK: Duration = Duration::from_secs(15);

/// How to run: what was asked for, and where answers go.
pub(crate) struct Run<'a> {
    pub(crate) args: &'a Args,
    pub(crate) settings: &'a Settings,
    pub(crate) format: Format,
    pub(crate) printer: &'a Printer,
}

impl Run<'_> {
    /// Runs until its end, or until interrupted.
    pub(crate) fn to_end(&self, mut clusters: Clusters<'_>) -> Result<Exit, Failure> {
        if matches!(self.settings.follow, Follow::Watch { .. }) && !matches!(self.format, Format::Table | Format::Json)
        {
            return Err(Failure::usage("--watch prints lines: as table (the default) or json"));
        }
        let runtime = runtime()?;
        let exit = runtime.block_on(async {
            let work = async {
                match self.settings.follow {
                    Follow::Once => self.once(&mut clusters).await,
                    Follow::Watch { interval } => tokio::select! {
                        exit = self.watch(&mut clusters, interval) => exit,
                        () = gone() => Ok(Exit::Clean),
                    },
                    Follow::Wait { interval, timeout } => self.wait(&mut clusters, interval, timeout).await,
                }
            };
            tokio::select! {
                exit = work => exit,
                _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
            }
        });
        // A credential plugin that hangs must not hold the end.
        runtime.shutdown_background();
        exit
    }

    async fn once(&self, clusters: &mut Clusters<'_>) -> Result<Exit, Failure> {
        let looks = clusters.look(BUDGET, || self.settings.now).await;
        let reports = clusters.reports(looks, self.settings.now);
        let exit = exit_of(&reports, self.settings.fail_on);
        self.print(reports, clusters)?;
        Ok(exit)
    }

    /// Prints reports: several as a list.
    fn print(&self, mut reports: Vec<Report>, clusters: &Clusters<'_>) -> Result<(), Failure> {
        let style = style(self.settings, self.args, self.printer);
        match reports.pop() {
            Some(only) if !self.args.connection.is_several() => self.printer.report(&only, self.format, &style),
            last => {
                reports.extend(last);
                let time = reports.first().map_or_else(String::new, |report| report.generated_at.clone());
                let list = ReportList::new(reports, clusters.same_as(), time);
                self.printer.report(&list, self.format, &style)
            }
        }
    }

    async fn watch(&self, clusters: &mut Clusters<'_>, interval: Duration) -> Result<Exit, Failure> {
        let mut trackers: BTreeMap<String, Tracker> = BTreeMap::new();
        let several = self.args.connection.is_several();
        loop {
            let looks = clusters.look(BUDGET, Timestamp::now).await;
            for Look { context, outcome } in looks {
                // A context that was not connected to yet has no name of its own.
                let tracker = trackers.entry(if several { context.clone() } else { String::new() }).or_default();
                let events = match outcome {
                    Ok(report) => tracker.see(&report),
                    Err(unread) if unread.is_final && !several && !tracker.has_started() => {
                        return Err(unread.into());
                    }
                    Err(unread) => tracker.miss(&context, &unread.error.message, Timestamp::now()),
                };
                let shown = events.iter().filter(|event| event.is_shown(self.settings.show));
                if !self.printer.stream(self.lines(shown, several)?.as_bytes())? {
                    return Ok(Exit::Clean);
                }
            }
            tokio::time::sleep(interval).await;
        }
    }

    fn lines<'e>(
        &self,
        events: impl Iterator<Item = &'e HealthEvent> + Clone,
        several: bool,
    ) -> Result<String, Failure> {
        let mut out = String::new();
        for event in events.clone() {
            if self.format == Format::Json {
                // The serialiser leaves bidirectional marks as they are; as escapes they are the same text.
                out.push_str(&event.json().map_err(Failure::unchecked)?);
            } else if event.is_told(events.clone()) {
                out.push_str(&line(event, several, self.printer.columns()));
            } else {
                continue;
            }
            out.push('\n');
        }
        Ok(out)
    }

    async fn wait(&self, clusters: &mut Clusters<'_>, interval: Duration, timeout: Duration) -> Result<Exit, Failure> {
        let start = Instant::now();
        let mut goal = Goal::new(self.settings.fail_on, self.settings.selector.is_some());
        let mut told = String::new();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let looks = clusters.look(left.max(LEAST_LOOK), Timestamp::now).await;
            if let Some(unread) = looks.iter().find_map(|look| {
                look.outcome.as_ref().err().filter(|unread| unread.is_ours && !self.args.connection.is_several())
            }) {
                return Err(unread.clone().into());
            }
            let now = Timestamp::now();
            let state = goal.see(&looks, now);
            let left = timeout.saturating_sub(start.elapsed());
            // What was healthy once is looked at once more, even where the time ends between.
            let is_over = left.is_zero() && !matches!(state, State::Settling);
            let (exit, failure) = match &state {
                State::Healthy => (Exit::Clean, None),
                State::Hopeless(lines) => (
                    Exit::Findings,
                    Some(
                        listed("does not become healthy by itself", lines)
                            .hint("`kubectl mlops health explain CODE` says what to do"),
                    ),
                ),
                State::Unreadable(lines) => (Exit::Unchecked, Some(listed("cannot be checked", lines))),
                State::Pending { exit, lines } if is_over => {
                    (*exit, Some(listed(&format!("not healthy within {}", words(timeout)), lines)))
                }
                State::Pending { .. } | State::Settling => {
                    let progress = state.progress();
                    if std::io::stderr().is_terminal() && progress != told {
                        self.printer.note(&progress);
                        told = progress;
                    }
                    let pause = if left.is_zero() { interval } else { interval.min(left) };
                    tokio::time::sleep(pause).await;
                    continue;
                }
            };
            let reports = clusters.reports(looks, now);
            self.print(reports, clusters)?;
            return match failure {
                Some(failure) => Err(Failure { exit, ..failure }),
                None => Ok(exit),
            };
        }
    }
}

/// Findings that are named before the rest is counted.
const NAMED: usize = 5;

fn listed(what: &str, lines: &[String]) -> Failure {
    let mut failure = Failure::unchecked(match lines {
        [] => what.to_owned(),
        [first, ..] => format!("{what}: {first}"),
    });
    for line in lines.iter().skip(1).take(NAMED - 1) {
        failure.message.push_str(&format!("; {line}"));
    }
    if lines.len() > NAMED {
        failure.message.push_str(&format!("; and {} more", lines.len() - NAMED));
    }
    failure
}

fn words(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}ms", duration.as_millis()),
        seconds => mlops_shared::text::age(
            Timestamp::UNIX_EPOCH,
            Timestamp::from_second(i64::try_from(seconds).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX),
        ),
    }
}
