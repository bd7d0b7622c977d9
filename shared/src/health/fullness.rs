//! How full volumes and node filesystems are, from the kubelets' statistics.

use crate::object::{Body, Count, Filesystem, Inventory, Lookup, STATISTICS_GROUP, STATISTICS_KIND, VolumeStatistics};
use crate::platform::Thresholds;
use crate::report::{Code, Level, Verdict, codes};
use crate::text::{self, Quantity};
use jiff::Timestamp;

codes! {
    VOLUME_ROOM = "volume-has-room", "The volume has room", "Less of the volume is used than the platform's thresholds say.", "Nothing to do.";
    VOLUME_NEARLY_FULL = "volume-nearly-full", "The volume is nearly full",
        "The share of the volume's bytes that is used has reached the platform's thresholds (volumeWarnPercent, volumeFailPercent), as `df` counts it: used of what a process without privileges can use. A full volume stops writes: Kafka brokers and databases end, MinIO turns read-only.",
        "Delete or expire data, or make the claim larger where its StorageClass allows expansion; for Kafka lower the retention first.";
    VOLUME_INODES = "volume-inodes-low", "The volume runs out of inodes",
        "The filesystem has a fixed number of inodes and nearly all are used: no file can be created though bytes are free.",
        "Remove small files, or move to a filesystem that was made with more inodes.";
    VOLUME_UNMEASURED = "volume-use-unknown", "Nobody knows how full the volume is",
        "No kubelet reported figures of the volume, they are old, or they contradict each other. Some storage drivers and block volumes report none; a node that does not answer cannot.",
        "Look at the node's kubelet and at the storage driver; `kubectl exec POD -- df -h` asks the pod itself.";
    VOLUME_NOT_MOUNTED = "volume-not-measured", "The use of the volume cannot be measured",
        "No running pod mounts the volume, or it is a block volume: no kubelet can look into it, and nothing is wrong with that.",
        "Nothing to do.";
    NODE_DISK = "node-filesystem-full", "A filesystem of the node is nearly full",
        "The filesystem of the kubelet (logs, emptyDir volumes) or of the container runtime (images) is nearly full. The kubelet evicts pods at 90 % and 85 % by default.",
        "Find what fills it: images, logs, emptyDir volumes; then clean up or give the node a larger disk.";
}

/// The rule that lets an account ask the kubelets. It is more than a right to read, and whoever
/// grants it should know.
pub const ROLE: &str = "a ClusterRole needs: apiGroups: [\"\"], resources: [\"nodes/proxy\"], verbs: [\"get\"] \
     (deploy/rbac/volumes.yaml); mind that whoever may get nodes/proxy can also run commands in every pod of the node";

/// Whether a finding of this code rests on what kubelets measured, so that it cannot have gone away
/// where nobody measures any more.
pub fn is_measured(code: &str) -> bool {
    [&VOLUME_NEARLY_FULL, &VOLUME_INODES, &NODE_DISK].iter().any(|known| known.id == code)
}

/// How full a filesystem is.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Fullness {
    /// Its size in bytes.
    pub capacity: Option<i64>,
    /// Bytes in use.
    pub used: Option<i64>,
    /// Bytes that can still be written.
    pub available: Option<i64>,
    /// The used share in per cent.
    pub percent: Option<f64>,
    /// All inodes; `None` where the filesystem makes them as it needs them.
    pub inodes: Option<i64>,
    /// Inodes in use.
    pub inodes_used: Option<i64>,
    /// The used share of the inodes in per cent.
    pub inodes_percent: Option<f64>,
    /// Whether the figures contradict each other, so that no share is known.
    pub is_contradictory: bool,
}

impl Fullness {
    /// From what was reported. The share is that of `df`: used of used and available, so that
    /// blocks that only root may write count as neither.
    pub fn of(filesystem: &Filesystem) -> Self {
        let count = |count: Option<Count>| count.map(|count| count.0);
        let (capacity, used) = (count(filesystem.capacity_bytes), count(filesystem.used_bytes));
        let available = count(filesystem.available_bytes);
        // Block volumes and some drivers report a size and nothing else: their zeros are no figures.
        let is_silent = used.unwrap_or(0) == 0 && available.unwrap_or(0) == 0;
        let share = |part: i64, whole: i64| (whole > 0).then(|| (part as f64 / whole as f64 * 100.0).clamp(0.0, 100.0));
        let (mut percent, mut is_contradictory) = (None, false);
        if !is_silent {
            match (used, available, capacity) {
                (Some(used), Some(available), capacity) => {
                    percent = share(used, used.saturating_add(available));
                    // Nothing left while a third of it is neither used nor available: one of the two is not true.
                    let whole = capacity.unwrap_or(0) as f64;
                    if available == 0 && (used as f64) < whole * 0.67 {
                        (percent, is_contradictory) = (None, true);
                    }
                }
                (Some(used), None, Some(capacity)) => percent = share(used, capacity),
                (None, Some(available), Some(capacity)) => {
                    percent = share(capacity.saturating_sub(available).max(0), capacity);
                }
                _ => {}
            }
        }
        let inodes = count(filesystem.inodes).filter(|inodes| *inodes > 0);
        let free = count(filesystem.inodes_free);
        let inodes_used = count(filesystem.inodes_used)
            .or_else(|| Some(inodes?.saturating_sub(free?).max(0)))
            .filter(|_| inodes.is_some());
        Self {
            capacity: capacity.filter(|capacity| *capacity > 0),
            used: used.filter(|_| !is_silent),
            available: available.filter(|_| !is_silent),
            percent,
            inodes,
            inodes_used,
            inodes_percent: inodes_used.zip(inodes).and_then(|(used, inodes)| share(used, inodes)),
            is_contradictory,
        }
    }

    /// `82.4% is used: 412Gi of 500Gi`.
    fn bytes_text(&self, percent: f64) -> String {
        let size = |bytes: i64| text::bytes(Quantity::from_units(bytes));
        match (self.used, self.capacity) {
            (Some(used), Some(capacity)) => format!("{percent:.1}% is used: {} of {}", size(used), size(capacity)),
            _ => format!("{percent:.1}% is used"),
        }
    }
}

/// The level of a used share.
fn level(percent: f64, limits: &Thresholds) -> Level {
    if percent >= limits.volume_fail_percent {
        Level::Fail
    } else if percent >= limits.volume_warn_percent {
        Level::Warn
    } else {
        Level::Ok
    }
}

/// The findings of a filesystem at or above the thresholds, of bytes and of inodes.
fn findings(
    fullness: &Fullness,
    codes: (&'static Code, &'static Code),
    what: &str,
    limits: &Thresholds,
) -> Vec<Verdict> {
    let mut found = Vec::new();
    if let Some(percent) = fullness.percent
        && level(percent, limits) > Level::Ok
    {
        found.push(Verdict::new(level(percent, limits), codes.0, format!("{what}{}", fullness.bytes_text(percent))));
    }
    if let Some(percent) = fullness.inodes_percent
        && level(percent, limits) > Level::Ok
    {
        let (used, all) = (fullness.inodes_used.unwrap_or(0), fullness.inodes.unwrap_or(0));
        let message = format!("{what}{percent:.1}% of its inodes are used: {used} of {all}");
        found.push(Verdict::new(level(percent, limits), codes.1, message));
    }
    found
}

/// How full a volume is, as one verdict; `clock` is the instant that its figures' age is told by.
pub fn volume(statistics: &VolumeStatistics, limits: &Thresholds, clock: Timestamp) -> Verdict {
    let fullness = Fullness::of(&statistics.filesystem);
    let age = statistics.filesystem.time.seconds_before(clock);
    let stale = age.is_some_and(|age| age > limits.volume_stale_seconds);
    let old = || statistics.filesystem.time.get().map_or_else(String::new, |time| text::age(time, clock));
    let mut found = findings(&fullness, (&VOLUME_NEARLY_FULL, &VOLUME_INODES), "", limits);
    let verdict = if let Some(first) = (!found.is_empty()).then(|| found.remove(0)) {
        found.into_iter().fold(first, Verdict::and)
    } else if fullness.is_contradictory {
        let used = text::bytes(Quantity::from_units(fullness.used.unwrap_or(0)));
        let size = fullness
            .capacity
            .map_or_else(String::new, |size| format!(" of {}", text::bytes(Quantity::from_units(size))));
        Verdict::unknown(
            &VOLUME_UNMEASURED,
            format!("its figures contradict each other: {used}{size} is used and nothing is available"),
        )
    } else if let Some(percent) = fullness.percent {
        if stale {
            // It had room then. Whether it has now, nobody knows.
            let was = fullness.bytes_text(percent).replace(" is used", " was used");
            return Verdict::unknown(&VOLUME_UNMEASURED, format!("{was}, {} ago", old()));
        }
        Verdict::ok(&VOLUME_ROOM, fullness.bytes_text(percent))
    } else {
        Verdict::unknown(&VOLUME_UNMEASURED, "its storage driver reports no use")
    };
    if stale { verdict.evidence(format!("measured {} ago", old())) } else { verdict }
}

/// A volume that should have been measured and was not.
pub fn unmeasured(why: String) -> Verdict {
    Verdict::unknown(&VOLUME_UNMEASURED, why)
}

/// A volume that nobody could measure, with nothing wrong about that.
pub fn not_measurable(why: String) -> Verdict {
    Verdict::unknown(&VOLUME_NOT_MOUNTED, why)
}

/// The measurement of a claim's volume that counts: of several pods' and nodes' the newest, and of
/// equally new ones the fullest. With it the node that made it.
pub fn of_claim<'a>(inventory: &'a Inventory, namespace: &str, claim: &str) -> Option<(&'a str, &'a VolumeStatistics)> {
    let summaries = inventory.of_kind(STATISTICS_GROUP, STATISTICS_KIND).iter();
    let measured = summaries.flat_map(|summary| match &summary.body {
        Body::Statistics(statistics) => {
            let node = summary.meta.name.as_str();
            statistics.of_claim(namespace, claim).iter().map(move |volume| (node, volume)).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    });
    let rank = |volume: &VolumeStatistics| {
        let fullness = Fullness::of(&volume.filesystem);
        // Minutes: two nodes that measure a shared volume do so seconds apart.
        let minute = volume.filesystem.time.get().map(|time| time.as_second().div_euclid(60));
        (fullness.percent.is_some(), minute, fullness.percent.unwrap_or(-1.0))
    };
    measured.max_by(|(_, one), (_, two)| {
        let (one, two) = (rank(one), rank(two));
        (one.0, one.1).cmp(&(two.0, two.1)).then(one.2.total_cmp(&two.2))
    })
}

/// What a node's own filesystems add to its verdict: nothing when they were not read or have room.
pub fn of_node(inventory: &Inventory, node: &str, limits: &Thresholds, clock: Timestamp) -> Vec<Verdict> {
    let Lookup::Found(summary) = inventory.get(STATISTICS_GROUP, STATISTICS_KIND, "", node) else { return Vec::new() };
    let Body::Statistics(statistics) = &summary.body else { return Vec::new() };
    let mut found = Vec::new();
    for (name, filesystem) in
        [("its filesystem: ", &statistics.filesystem), ("the filesystem of its images: ", &statistics.image_filesystem)]
    {
        let Some(filesystem) = filesystem else { continue };
        // Often they are one and the same.
        let same = |other: &Option<Filesystem>| {
            other.as_ref().is_some_and(|other| {
                !std::ptr::eq(other, filesystem)
                    && (other.capacity_bytes, other.available_bytes)
                        == (filesystem.capacity_bytes, filesystem.available_bytes)
            })
        };
        if name.contains("images") && same(&statistics.filesystem) {
            continue;
        }
        let age = filesystem.time.seconds_before(clock).unwrap_or(0);
        for verdict in findings(&Fullness::of(filesystem), (&NODE_DISK, &NODE_DISK), name, limits) {
            found.push(if age > limits.volume_stale_seconds {
                verdict.evidence(format!("measured {}s ago", age.max(0)))
            } else {
                verdict
            });
        }
    }
    found
}

#[cfg(test)]
#[path = "fullness_tests.rs"]
mod tests;
