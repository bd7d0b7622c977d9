//! `backup prune`: which archives of a folder may go. It says so; only with `--yes` they go.

use crate::args::{Args, PruneArgs};
use crate::list::{Found, look_at};
use crate::record;
use crate::storage::{Storage, within};
use crate::target::{ENCRYPTED, PLAIN, signature_of};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mlops_shared::archive::Identities;
use mlops_shared::cli::Failure;
use mlops_shared::report::document::{Block, Cell, Column, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Detail, Document, Level, Present, instant};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

/// How many archives to keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) last: usize,
    pub(crate) hourly: usize,
    pub(crate) daily: usize,
    pub(crate) weekly: usize,
    pub(crate) monthly: usize,
}

/// What is kept of a folder, what goes, and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneReport {
    /// `mlops/v1`
    pub(crate) api_version: String,
    /// `BackupPruneReport`
    pub(crate) kind: String,
    /// The folder.
    pub(crate) folder: String,
    /// Whether the archives that may go are gone; otherwise this is what would happen.
    pub(crate) applied: bool,
    /// The archives, newest first.
    pub(crate) archives: Vec<Decision>,
}

/// What becomes of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Its file name.
    pub(crate) archive: String,
    /// When it was taken, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<String>,
    /// Its size.
    pub(crate) bytes: u64,
    /// Whether it stays.
    pub(crate) keep: bool,
    /// Why it stays; nothing of one that goes.
    pub(crate) why: Vec<String>,
    /// Why it could not be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, prune: &PruneArgs) -> Result<PruneReport, Failure> {
    let policy = Policy {
        last: prune.keep_last,
        hourly: prune.keep_hourly,
        daily: prune.keep_daily,
        weekly: prune.keep_weekly,
        monthly: prune.keep_monthly,
    };
    if policy == Policy::default() {
        return Err(Failure::usage("nothing says what to keep")
            .hint("as in --keep-last 3 --keep-daily 7 --keep-weekly 4 --keep-monthly 6"));
    }
    let identities =
        Identities::read(&args.source.identity).map_err(|error| crate::verify::broken(&prune.folder, &error))?;
    let storage = Storage::new(&args.s3);
    let found = look_at(&storage, &prune.folder, &identities)?;
    let unknown = RefCell::new(None);
    let is_verified = |found: &Found| {
        let held = record::holds(&storage, &within(&prune.folder, &found.archive));
        held.unwrap_or_else(|failure| {
            unknown.borrow_mut().get_or_insert(failure);
            false
        })
    };
    let mut archives = decide(&found, policy, &is_verified);
    // Where it is not known which is the newest that was verified, nothing may go.
    if let Some(failure) = unknown.into_inner() {
        return Err(failure);
    }
    if prune.yes {
        for decision in archives.iter_mut().filter(|decision| !decision.keep) {
            decision.error = remove(&storage, &within(&prune.folder, &decision.archive)).err();
        }
    }
    Ok(PruneReport {
        api_version: API_VERSION.to_owned(),
        kind: "BackupPruneReport".to_owned(),
        folder: prune.folder.display().to_string(),
        applied: prune.yes,
        archives,
    })
}

/// Removes an archive, then what lies beside it.
fn remove(storage: &Storage<'_>, path: &Path) -> Result<(), String> {
    [path.to_owned(), signature_of(path), record::path_of(path)].iter().try_for_each(|path| storage.remove(path))
}

/// What an archive is of, as far as that is known: cluster, what was asked for, and whether the values of Secrets are in
/// it. One of a part pushes out none of the whole.
fn subject(found: &Found) -> String {
    if let Some(scope) = &found.scope {
        let cluster = found.cluster_uid.as_ref().or(found.context.as_ref());
        return format!("{} {scope}", cluster.map_or("", String::as_str));
    }
    let stem = found.archive.strip_suffix(ENCRYPTED).or_else(|| found.archive.strip_suffix(PLAIN)).unwrap_or_default();
    format!("name {}", stem.rsplit_once('-').map_or(stem, |(name, _)| name))
}

/// What stays, by the rules of restic: of each period the newest archive, for so many periods that have one. Archives
/// of one cluster and scope are looked at by themselves. `found` is in order, newest first.
fn decide(found: &[Found], policy: Policy, is_verified: &dyn Fn(&Found) -> bool) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = found
        .iter()
        .map(|found| Decision {
            archive: found.archive.clone(),
            created_at: found.created_at.clone(),
            bytes: found.bytes,
            keep: false,
            why: Vec::new(),
            error: None,
        })
        .collect();
    let mut subjects: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, found) in found.iter().enumerate() {
        match (&found.error, time(found)) {
            (Some(_), _) => decisions[index].why.push("it cannot be read: look at it first".to_owned()),
            (None, None) => decisions[index].why.push("nobody knows when it was taken".to_owned()),
            (None, Some(_)) => subjects.entry(subject(found)).or_default().push(index),
        }
    }
    for members in subjects.values() {
        let periods: [(&str, usize, &str); 5] = [
            ("last", policy.last, ""),
            ("hourly", policy.hourly, "%Y-%m-%dT%H"),
            ("daily", policy.daily, "%Y-%m-%d"),
            ("weekly", policy.weekly, "%G-%V"),
            ("monthly", policy.monthly, "%Y-%m"),
        ];
        for (word, most, format) in periods {
            let (mut count, mut last) = (0, None);
            for &index in members {
                let Some(time) = time(&found[index]).filter(|_| count < most) else { continue };
                let period = if format.is_empty() {
                    index.to_string()
                } else {
                    time.to_zoned(TimeZone::UTC).strftime(format).to_string()
                };
                if last.as_ref() != Some(&period) {
                    decisions[index].why.push(word.to_owned());
                    count += 1;
                    last = Some(period);
                }
            }
        }
        // Whatever the numbers say: one that is known to be whole, and one with everything in it.
        if let Some(&index) = members.iter().find(|&&index| is_verified(&found[index])) {
            decisions[index].why.push("the newest that was verified".to_owned());
        }
        if let Some(&index) = members.iter().find(|&&index| found[index].partial != Some(true)) {
            decisions[index].why.push("the newest that is not partial".to_owned());
        }
    }
    for decision in &mut decisions {
        decision.keep = !decision.why.is_empty();
    }
    decisions
}

fn time(found: &Found) -> Option<Timestamp> {
    found.created_at.as_deref()?.parse().ok()
}

impl PruneReport {
    /// Whether something could not be removed.
    pub(crate) fn has_failed(&self) -> bool {
        self.archives.iter().any(|decision| decision.error.is_some())
    }
}

impl Present for PruneReport {
    fn document(&self, _: &Detail) -> Document<'_> {
        let goes = self.archives.iter().filter(|decision| !decision.keep);
        let (count, bytes) = goes.fold((0, 0), |(count, bytes), decision| (count + 1, bytes + decision.bytes));
        let what = text::plural(count, "archive");
        let size = crate::model::size(bytes);
        let headline = if self.has_failed() {
            Line::marked(Level::Fail, format!("not all of {what} could be removed"))
        } else if self.applied {
            Line::plain(format!("{what} removed, {size}"))
        } else {
            Line::plain(format!("{what} would go, {size}; nothing is removed without --yes"))
        };
        let mut document = Document::new(format!("Backups in {}", self.folder), headline);
        let mut table = Table::new([
            Column::new("ARCHIVE"),
            Column::new("TAKEN AT"),
            Column::new("STAYS"),
            Column::new("WHY").flex(2),
        ]);
        for decision in &self.archives {
            let why = decision.error.clone().unwrap_or_else(|| decision.why.join(", "));
            table.row([
                Cell::toned(decision.archive.as_str(), Tone::Strong),
                Cell::or_dash(decision.created_at.as_deref().map(instant).unwrap_or_default()),
                Cell::from(if decision.keep { "yes" } else { "no" }),
                Cell::or_dash(why),
            ]);
        }
        document.blocks.push(Block::Table(table));
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, time: Option<&str>) -> Found {
        Found {
            archive: name.to_owned(),
            bytes: 1,
            created_at: time.map(str::to_owned),
            context: None,
            cluster_uid: Some("one".to_owned()),
            of: None,
            scope: Some("all".to_owned()),
            objects: None,
            partial: Some(false),
            encrypted: false,
            signed: false,
            verified_at: None,
            error: None,
            locked: false,
        }
    }

    fn kept(found: &[Found], policy: Policy, verified: &str) -> Vec<String> {
        let decisions = decide(found, policy, &|found| found.archive == verified);
        decisions.into_iter().filter(|it| it.keep).map(|it| it.archive).collect()
    }

    #[test]
    fn the_newest_of_each_period_stays() {
        let all: Vec<Found> = [
            ("a", "2026-11-27T03:00:00Z"),
            ("b", "2026-11-27T02:00:00Z"),
            ("c", "2026-11-26T03:00:00Z"),
            ("d", "2026-11-25T03:00:00Z"),
            ("e", "2026-11-01T03:00:00Z"),
            ("f", "2026-10-30T03:00:00Z"),
        ]
        .map(|(name, time)| found(name, Some(time)))
        .into();
        assert_eq!(kept(&all, Policy { last: 2, ..Policy::default() }, ""), ["a", "b"]);
        assert_eq!(kept(&all, Policy { daily: 2, ..Policy::default() }, ""), ["a", "c"]);
        assert_eq!(kept(&all, Policy { monthly: 5, ..Policy::default() }, ""), ["a", "f"]);
        assert_eq!(kept(&all, Policy { weekly: 2, hourly: 1, ..Policy::default() }, ""), ["a", "e"]);
        assert_eq!(kept(&all, Policy { last: 1, ..Policy::default() }, "d"), ["a", "d"]);
    }

    #[test]
    fn archives_of_a_part_push_out_none_of_the_whole() {
        let mut all = vec![found("part", Some("2026-11-27T03:00:00Z")), found("whole", Some("2026-11-26T03:00:00Z"))];
        all[0].scope = Some("Secrets of n".to_owned());
        let policy = Policy { last: 1, ..Policy::default() };
        assert_eq!(kept(&all, policy, ""), ["part", "whole"]);
        // Nor where the cluster told no UID, nor where they do not open: their names tell them apart then.
        all.iter_mut().for_each(|found| (found.cluster_uid, found.context) = (None, Some("prod".to_owned())));
        assert_eq!(kept(&all, policy, ""), ["part", "whole"]);
        all.iter_mut().for_each(|found| found.scope = None);
        for (found, name) in all.iter_mut().zip(["backup-part-prod-1.tar.zst.age", "backup-prod-1.tar.zst.age"]) {
            found.archive = name.to_owned();
        }
        assert_eq!(kept(&all, policy, "").len(), 2);
    }

    #[test]
    fn what_is_not_known_stays_and_clusters_do_not_push_each_other_out() {
        let mut all = vec![
            found("new", Some("2026-11-27T03:00:00Z")),
            found("other", Some("2026-11-26T03:00:00Z")),
            found("old", Some("2026-11-25T03:00:00Z")),
            found("unknown", None),
            found("broken", Some("2026-11-20T03:00:00Z")),
        ];
        all[1].cluster_uid = Some("two".to_owned());
        all[4].error = Some("cut".to_owned());
        assert_eq!(kept(&all, Policy { last: 1, ..Policy::default() }, ""), ["new", "other", "unknown", "broken"]);
        all[0].partial = Some(true);
        assert_eq!(
            kept(&all, Policy { last: 1, ..Policy::default() }, ""),
            ["new", "other", "old", "unknown", "broken"]
        );
    }
}
