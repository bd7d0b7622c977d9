//! Warning events: the only place where kubelet, scheduler and provisioners say why.

use super::condition::Message;
use super::meta::{ObjectRef, Uid};
use super::record::record;
use super::sym::{Sym, When};

record! {
    /// The object that an event is about.
    pub(super) struct Involved {
        /// `group/version`
        api_version: Sym,
        /// Kind.
        kind: Sym,
        /// Namespace.
        namespace: Sym,
        /// Name.
        name: Sym,
        /// UID: names are used again, so events are matched by this.
        uid: Uid,
    }

    /// `series` of events.k8s.io.
    pub(super) struct Series {
        /// How often.
        count: i64,
        /// When last.
        last_observed_time: When,
    }

    /// An event as `v1` and `events.k8s.io/v1` write it.
    pub(super) struct WireEvent {
        metadata: super::Meta,
        involved_object: Involved,
        /// The same in events.k8s.io.
        regarding: Involved,
        r#type: Sym,
        reason: Sym,
        message: Message,
        /// The message in events.k8s.io.
        note: Message,
        count: i64,
        deprecated_count: i64,
        first_timestamp: When,
        last_timestamp: When,
        deprecated_last_timestamp: When,
        event_time: When,
        series: Option<Series>,
    }
}

/// A warning event.
#[derive(Debug, Clone)]
pub struct Event {
    /// UID of the object it is about.
    pub uid: Uid,
    /// The object it is about.
    pub about: ObjectRef,
    /// `FailedScheduling`, `FailedMount`, …
    pub reason: Sym,
    /// The same for people.
    pub message: Message,
    /// How often it was seen.
    pub count: i64,
    /// When it was last seen.
    pub last: When,
}

impl Event {
    /// The record of a warning; `None` for events of other types.
    pub(super) fn from_wire(event: WireEvent) -> Option<Self> {
        if &*event.r#type != "Warning" {
            return None;
        }
        let about = if event.involved_object.name.is_empty() { event.regarding } else { event.involved_object };
        let group = about.api_version.split_once('/').map_or("", |(group, _)| group);
        let (series_count, series_last) =
            event.series.map_or((0, When::NONE), |series| (series.count, series.last_observed_time));
        let times = [series_last, event.last_timestamp, event.deprecated_last_timestamp, event.event_time];
        Some(Self {
            uid: about.uid,
            about: ObjectRef {
                group: group.into(),
                kind: about.kind,
                namespace: if about.namespace.is_empty() { event.metadata.namespace } else { about.namespace },
                name: about.name,
            },
            reason: event.reason,
            message: if event.message.is_empty() { event.note } else { event.message },
            count: event.count.max(event.deprecated_count).max(series_count).max(1),
            last: When::from(
                times
                    .iter()
                    .filter_map(|time| time.get())
                    .max()
                    .or(event.first_timestamp.get())
                    .or(event.metadata.creation_timestamp.get()),
            ),
        })
    }
}
