//! Ages and durations in the short form that kubectl prints.

use jiff::{SignedDuration, Timestamp};

/// The age between two instants as kubectl prints it: `45s`, `7m12s`, `5h3m`, `3d4h`, `27d`, `2y41d`.
///
/// Follows `HumanDuration` of k8s.io/apimachinery (`pkg/util/duration/duration.go`). A negative
/// age (clock skew) prints as `0s`.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |major: i64, unit: char, minor: i64, small: char| {
        if minor == 0 { format!("{major}{unit}") } else { format!("{major}{unit}{minor}{small}") }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        pair(minutes, 'm', seconds % 60, 's')
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, 'h', minutes % 60, 'm')
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        pair(days, 'd', hours % 24, 'h')
    } else if days < 365 * 2 {
        format!("{days}d")
    } else if days < 365 * 8 {
        pair(days / 365, 'y', days % 365, 'd')
    } else {
        format!("{}y", days / 365)
    }
}

/// Reads a duration as Go writes it (`5m`, `1h30m`, `1m0s`, `300ms`) or bare seconds (`30`).
///
/// Returns `None` for anything else, and for negative durations.
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(SignedDuration::from_secs(i64::from(seconds)));
    }
    if !text.ends_with(|last: char| last.is_ascii_alphabetic()) {
        return None;
    }
    text.parse::<SignedDuration>().ok().filter(|duration| !duration.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_follow_kubectl() {
        let base: Timestamp = "2026-01-01T00:00:00Z".parse().expect("time");
        for (seconds, want) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (605, "10m"),
            (3 * 3600 + 60, "3h1m"),
            (9 * 3600 + 60, "9h"),
            (50 * 3600, "2d2h"),
            (20 * 86_400, "20d"),
            (800 * 86_400, "2y70d"),
            (3000 * 86_400, "8y"),
        ] {
            let now = base + SignedDuration::from_secs(seconds);
            assert_eq!(age(base, now), want, "{seconds}");
        }
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, seconds) in [("5m", 300), ("1h30m", 5400), ("1m0s", 60), ("30", 30), ("1.5h", 5400), ("10m0s", 600)]
        {
            assert_eq!(parse_duration(text), Some(SignedDuration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("300ms"), Some(SignedDuration::from_millis(300)));
        for text in ["", "x", "-5m", "5", "m5"] {
            if text != "5" {
                assert_eq!(parse_duration(text), None, "{text}");
            }
        }
    }
}
