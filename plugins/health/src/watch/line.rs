//! One change as one line for people.

use super::event::{EventType, HealthEvent};
use jiff::Timestamp;
use mlops_shared::report::{Level, ObjectId};
use mlops_shared::text;

/// The least room for a message, however narrow the terminal.
const LEAST: usize = 200;

/// The line, without its end. `names_cluster` where there are several.
pub(crate) fn line(event: &HealthEvent, names_cluster: bool, columns: usize) -> String {
    let at = event.time.parse::<Timestamp>();
    let time = match &at {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => event.time.clone(),
    };
    let mut out = format!("{time}  ");
    if names_cluster {
        out.push_str(&format!("{}: ", event.cluster));
    }
    let name = event.object.as_ref().map(name).unwrap_or_default();
    let word = |level: Option<Level>, none: &'static str| level.map_or(none, Level::word);
    let change = format!("{} -> {}", word(event.from, "new"), word(event.to, "gone"));
    match event.event {
        EventType::State => out.push_str(&format!("now {}: ", word(event.to, "UNKNOWN"))),
        EventType::CauseAppeared => match event.from {
            Some(_) if event.from != event.to => out.push_str(&format!("cause {change}  {name}: ")),
            _ => out.push_str(&format!("cause {}  {name}: ", word(event.to, "UNKNOWN"))),
        },
        EventType::CauseCleared => out.push_str(&format!("cleared {change}  {name}: ")),
        EventType::Changed => out.push_str(&format!("{change}  {name}: ")),
        EventType::KindsUnread => out.push_str("not read: "),
        EventType::KindsRead => out.push_str("read again: "),
        EventType::Stale => out.push_str("STALE: "),
        EventType::Current => out.push_str("current: "),
    }
    let more = usize::from(event.explains.unwrap_or(0) > 0) * 20;
    out.push_str(&text::truncate(&event.message, columns.saturating_sub(out.len() + more).max(LEAST)));
    if let (Some(since), Ok(at)) = (event.since.as_deref().and_then(|since| since.parse::<Timestamp>().ok()), &at)
        && event.event != EventType::CauseCleared
    {
        out.push_str(&format!(" (for {})", text::age(since, *at)));
    }
    if let Some(code) = &event.code {
        out.push_str(&format!(" [{code}]"));
    }
    if let Some(count) = event.explains.filter(|count| *count > 0) {
        out.push_str(&format!(", explains {count}"));
    }
    if let Some(cause) = &event.cause {
        out.push_str(&format!(", cause: {}", self::name(cause)));
    }
    text::line(&out).into_owned()
}

/// `Pod/data-plane/broker-3`.
pub(crate) fn name(object: &ObjectId) -> String {
    let parts = [&object.kind, &object.namespace, &object.name].into_iter().filter(|part| !part.is_empty());
    parts.map(|part| text::truncate(part, 253)).collect::<Vec<_>>().join("/")
}
