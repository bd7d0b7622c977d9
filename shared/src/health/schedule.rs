//! Schedules of CronJobs: the five fields and the macros, and when a run was due.
//!
//! Follows the parser that the CronJob controller uses (robfig/cron v3, `ParseStandard`): lists,
//! ranges, steps, names, `?` for `*`, `7` is no day of the week; a day must fit both day fields
//! when one of them is a star, and either of them otherwise. `@every` has no fields and is not
//! read. Everything is computed on the civil clock: no zone database is needed (see `Clock`).

use jiff::civil::DateTime;
use jiff::{SignedDuration, Span, Timestamp, tz::Offset};

/// A schedule, one bit a value in each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day field begins with a star.
    any_day: bool,
    any_weekday: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// How far back a run is looked for: a 29th of February comes at least every eight years.
const HORIZON_DAYS: i32 = 366 * 8 + 2;

impl Schedule {
    /// Reads a schedule; `None` for what is not one, and for `@every`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Zones may stand in front of the fields (`CRON_TZ=UTC 0 2 * * *`); `Clock` finds them out.
        let text = match text.split_once(char::is_whitespace) {
            Some((zone, rest)) if zone.starts_with("TZ=") || zone.starts_with("CRON_TZ=") => rest.trim(),
            _ => text,
        };
        let text = match text.to_ascii_lowercase().as_str() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => text,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else { return None };
        let is_any = |field: &str| field.split(',').any(|part| part.starts_with(['*', '?']) && !has_step(part));
        Some(Self {
            minutes: bits(minutes, 0, 59, &[])?,
            hours: bits(hours, 0, 23, &[])?,
            days: bits(days, 1, 31, &[])?,
            months: bits(months, 1, 12, &MONTHS)?,
            weekdays: bits(weekdays, 0, 6, &WEEKDAYS)?,
            any_day: is_any(days),
            any_weekday: is_any(weekdays),
        })
    }

    fn fits_day(&self, time: DateTime) -> bool {
        let day = has(self.days, time.day());
        let weekday = has(self.weekdays, time.weekday().to_sunday_zero_offset());
        let fits = if self.any_day || self.any_weekday { day && weekday } else { day || weekday };
        fits && has(self.months, time.month())
    }

    /// Whether a run is due in this minute.
    pub(super) fn fits(&self, time: DateTime) -> bool {
        self.fits_day(time) && has(self.hours, time.hour()) && has(self.minutes, time.minute())
    }

    /// The last minute at or before `time` in which a run is due; `None` when there is none within
    /// eight years, such as on a 30th of February.
    pub(super) fn previous(&self, time: DateTime) -> Option<DateTime> {
        let mut day = time.date();
        for _ in 0..HORIZON_DAYS {
            if self.fits_day(day.at(0, 0, 0, 0)) {
                let is_first = day == time.date();
                let last_hour = if is_first { time.hour() } else { 23 };
                for hour in (0..=last_hour).rev().filter(|hour| has(self.hours, *hour)) {
                    let last_minute = if is_first && hour == time.hour() { time.minute() } else { 59 };
                    if let Some(minute) = (0..=last_minute).rev().find(|minute| has(self.minutes, *minute)) {
                        return Some(day.at(hour, minute, 0, 0));
                    }
                }
            }
            day = day.yesterday().ok()?;
        }
        None
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits.checked_shr(value).is_some_and(|rest| rest & 1 == 1))
}

/// `*/2` restricts the field, so for the rule on days it is no star; `*/1` is one.
fn has_step(part: &str) -> bool {
    part.split_once('/').is_some_and(|(_, step)| step.parse() != Ok(1_u32))
}

fn bits(field: &str, least: u32, most: u32, names: &[&str]) -> Option<u64> {
    let value = |text: &str| -> Option<u32> {
        let name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match name {
            // Names of months count from one, of weekdays from zero: both from the least value.
            Some(index) => u32::try_from(index).ok()?.checked_add(least)?,
            // `+5` is a number for Rust, not for cron.
            None if text.starts_with('+') => return None,
            None => text.parse().ok()?,
        };
        (least..=most).contains(&number).then_some(number)
    };
    let mut all = 0_u64;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) if !step.starts_with('+') => (range, Some(step.parse::<u32>().ok()?)),
            Some(_) => return None,
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (least, most),
            Some((first, last)) => (value(first)?, value(last)?),
            None if step.is_some() => (value(range)?, most),
            None => (value(range)?, value(range)?),
        };
        let step = usize::try_from(step.unwrap_or(1)).ok().filter(|step| *step > 0)?;
        if first > last {
            return None;
        }
        for number in (first..=last).step_by(step) {
            all |= 1 << number;
        }
    }
    Some(all)
}

/// The clock that a schedule is read on. Its zone may be any, and its rules are not known here;
/// but a run that was started tells the offset that the clock had then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    offset: Offset,
    /// By how much the offset may be wrong.
    slack: SignedDuration,
}

impl Clock {
    /// The clock on which `schedule` was due at `run`: the smallest offset (a multiple of a quarter
    /// of an hour) at which it was. Where UTC does not fit, summer time may move it by an hour.
    /// With `run` unknown, or where nothing fits (the schedule was changed since), it may be any.
    pub(super) fn of(schedule: &Schedule, run: Option<Timestamp>, is_utc: bool) -> Self {
        let utc = Self { offset: Offset::UTC, slack: SignedDuration::ZERO };
        if is_utc {
            return utc;
        }
        let any = Self { slack: SignedDuration::from_hours(26), ..utc };
        let Some(run) = run else { return any };
        let mut quarters: Vec<i32> = (-12 * 4..=14 * 4).collect();
        quarters.sort_by_key(|quarter| quarter.abs());
        let fitting = quarters
            .into_iter()
            .filter_map(|quarter| Offset::from_seconds(quarter * 900).ok())
            .find(|offset| schedule.fits(offset.to_datetime(run)));
        match fitting {
            Some(offset) => Self { offset, slack: SignedDuration::from_hours(1) },
            None => any,
        }
    }

    /// How many runs were due after `last` and before `now`, but for the clock's own error; counts
    /// to `most` only.
    pub(super) fn due(&self, schedule: &Schedule, last: Timestamp, now: Timestamp, most: usize) -> usize {
        let Ok(until) = now.checked_sub(self.slack) else { return 0 };
        let last = self.offset.to_datetime(last);
        let mut at = self.offset.to_datetime(until);
        let mut count = 0;
        while count < most
            && let Some(due) = schedule.previous(at)
            && due > last
        {
            count += 1;
            let Ok(before) = due.checked_sub(Span::new().minutes(1)) else { break };
            at = before;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn previous(schedule: &str, time: &str) -> String {
        let schedule = Schedule::parse(schedule).expect(schedule);
        schedule.previous(time.parse().expect("time")).map_or_else(|| "never".to_owned(), |time| time.to_string())
    }

    #[test]
    fn schedules_are_read_as_the_controller_does() {
        for (schedule, want) in [
            ("0 2 * * *", "2026-11-20T02:00:00"),
            ("0 4 * * *", "2026-11-19T04:00:00"),
            ("*/15 * * * *", "2026-11-20T03:00:00"),
            ("7-59/20 * * * *", "2026-11-20T02:47:00"),
            ("30 1,13 * * *", "2026-11-20T01:30:00"),
            ("0 0 * * mon", "2026-11-16T00:00:00"),
            ("0 0 * * 0", "2026-11-15T00:00:00"),
            ("0 0 1 JAN *", "2026-01-01T00:00:00"),
            ("0 0 29 2 *", "2024-02-29T00:00:00"),
            ("0 0 30 2 *", "never"),
            // Either day field, when both are given.
            ("0 0 1 * fri", "2026-11-20T00:00:00"),
            ("0 0 1 * ?", "2026-11-01T00:00:00"),
            ("@hourly", "2026-11-20T03:00:00"),
            ("@daily", "2026-11-20T00:00:00"),
            ("@weekly", "2026-11-15T00:00:00"),
            ("@monthly", "2026-11-01T00:00:00"),
            ("@Yearly", "2026-01-01T00:00:00"),
            ("CRON_TZ=Asia/Tokyo 0 2 * * *", "2026-11-20T02:00:00"),
        ] {
            assert_eq!(previous(schedule, "2026-11-20T03:00:30"), want, "{schedule}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_not_read() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "+5 * * * *",
            "a * * * *",
            "1,,2 * * * *",
            "- * * * *",
            "@every 1h",
            "@reboot",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }

    #[test]
    fn runs_are_counted_on_the_clock_of_the_last_one() {
        let schedule = Schedule::parse("0 2 * * *").expect("schedule");
        let at = |text: &str| text.parse::<Timestamp>().expect("time");
        let tokyo = at("2026-11-18T17:00:00Z");
        let clock = Clock::of(&schedule, Some(tokyo), false);
        assert_eq!(clock.offset, Offset::constant(9));
        assert_eq!(clock.due(&schedule, tokyo, at("2026-11-19T17:30:00Z"), 9), 0, "summer time may be at work");
        assert_eq!(clock.due(&schedule, tokyo, at("2026-11-19T18:30:00Z"), 9), 1);
        assert_eq!(clock.due(&schedule, tokyo, at("2026-12-19T18:30:00Z"), 9), 9);
        let minutely = Schedule::parse("* * * * *").expect("schedule");
        assert_eq!(Clock::of(&minutely, Some(tokyo), true).due(&minutely, tokyo, tokyo, 9), 0);
    }

    fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
        let value = least..=most;
        prop_oneof![
            3 => Just("*".to_owned()),
            1 => (1..10_u32).prop_map(|step| format!("*/{step}")),
            2 => value.clone().prop_map(|value| value.to_string()),
            1 => (value.clone(), value.clone()).prop_map(|(one, two)| format!("{}-{}", one.min(two), one.max(two))),
            1 => (value.clone(), value).prop_map(|(one, two)| format!("{one},{two}")),
        ]
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}", seconds in any::<i64>()) {
            if let Some(schedule) = Schedule::parse(&text) {
                let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN);
                let _ = Clock::of(&schedule, Some(time), false).due(&schedule, Timestamp::MIN, time, 3);
            }
        }

        /// The last run before an instant is the one that a walk back minute by minute finds.
        #[test]
        fn the_last_run_is_the_last(
            minutes in field(0, 59), hours in field(0, 23), days in field(1, 31), weekdays in field(0, 6),
            start in 0..4_000_000_000_i64,
        ) {
            let schedule = Schedule::parse(&format!("{minutes} {hours} {days} * {weekdays}")).expect("schedule");
            let time = Offset::UTC.to_datetime(Timestamp::from_second(start).expect("time"));
            let mut walk = time.round(jiff::Unit::Minute).expect("time");
            if walk > time {
                walk = walk.checked_sub(Span::new().minutes(1)).expect("time");
            }
            let found = schedule.previous(time);
            for _ in 0..3 * 24 * 60 {
                if schedule.fits(walk) {
                    prop_assert_eq!(found, Some(walk));
                    return Ok(());
                }
                walk = walk.checked_sub(Span::new().minutes(1)).expect("time");
            }
            prop_assert!(found.is_none_or(|found| found <= walk));
            prop_assert!(found.is_none_or(|found| schedule.fits(found)));
        }
    }

    /// The ends of the calendar have no day before or after them.
    #[test]
    fn the_ends_of_time_are_reached_without_a_panic() {
        let schedule = Schedule::parse("0 0 30 2 *").expect("schedule");
        for time in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Clock::of(&schedule, Some(time), false).due(&schedule, Timestamp::MIN, time, 3), 0);
        }
    }
}
