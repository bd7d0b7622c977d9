//! The index of a Helm repository, read event by event: of tens of megabytes a few versions are kept.

use super::Offered;
use granit_parser::{Event, Parser};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// Versions of one chart that are kept.
const VERSIONS: usize = 20_000;

/// The versions of these charts in an index.
///
/// # Errors
/// When it is no YAML, or has no `entries`. Never quotes it.
pub(super) fn read(text: &str, charts: &BTreeSet<String>) -> Result<Vec<(String, Vec<Offered>)>, String> {
    let options = granit_parser::options! { flow_nesting_limit: 64, block_nesting_limit: 64 };
    let events = Parser::new_from_str_with_options(text, options).map(|next| match next {
        Ok((event, _)) => Ok(event),
        Err(error) => {
            let place = error.marker();
            Err(format!("its index is no YAML at line {} column {}", place.line(), place.col() + 1))
        }
    });
    let mut reader = Reader(events);
    let mut found: BTreeMap<String, Vec<Offered>> = BTreeMap::new();
    let mut has_entries = false;
    let first = reader.next()?;
    reader.map(first, &mut |reader, key, first| {
        if key != "entries" {
            return reader.skip(first);
        }
        has_entries = true;
        reader.map(first, &mut |reader, chart, first| {
            if !charts.contains(chart) {
                return reader.skip(first);
            }
            let versions = found.entry(chart.to_owned()).or_default();
            reader.list(first, &mut |reader, first| {
                let offered = version(reader, first)?;
                if versions.len() < VERSIONS {
                    versions.extend(offered);
                }
                Ok(())
            })
        })
    })?;
    if !has_entries {
        return Err("its index has no entries".to_owned());
    }
    match charts.iter().find(|chart| !found.contains_key(*chart)) {
        Some(missing) => Err(format!("its index has no chart {missing}")),
        None => Ok(found.into_iter().collect()),
    }
}

/// One version of a chart; `None` where its version is none.
fn version<'a, I>(reader: &mut Reader<I>, first: Event<'a>) -> Result<Option<Offered>, String>
where
    I: Iterator<Item = Result<Event<'a>, String>>,
{
    let (mut number, mut is_deprecated, mut kube_version) = (None, false, String::new());
    reader.map(first, &mut |reader, key, first| match (key, &first) {
        ("version", Event::Scalar(text, ..)) => {
            number = Version::parse(text.strip_prefix('v').unwrap_or(text)).ok();
            Ok(())
        }
        ("deprecated", Event::Scalar(text, ..)) => {
            is_deprecated = matches!(text.as_ref(), "true" | "True" | "TRUE");
            Ok(())
        }
        ("kubeVersion", Event::Scalar(text, ..)) => {
            kube_version = text.chars().take(200).collect();
            Ok(())
        }
        _ => reader.skip(first),
    })?;
    Ok(number.map(|version| Offered { version, is_deprecated, kube_version }))
}

/// Events, taken apart by the shape that is expected; what has another shape is skipped.
struct Reader<I>(I);

impl<'a, I: Iterator<Item = Result<Event<'a>, String>>> Reader<I> {
    /// The next event that is part of the content.
    fn next(&mut self) -> Result<Event<'a>, String> {
        loop {
            match self.0.next().ok_or("its index ends too early")?? {
                Event::Comment(..) | Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd | Event::DocumentEnd => return Err("its index ends too early".to_owned()),
                event => return Ok(event),
            }
        }
    }

    /// Skips a node of which the first event is taken.
    fn skip(&mut self, first: Event<'a>) -> Result<(), String> {
        let step = |event: &Event<'a>| match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => 1,
            Event::SequenceEnd | Event::MappingEnd => -1,
            _ => 0i64,
        };
        let mut depth = step(&first);
        while depth > 0 {
            depth += step(&self.next()?);
        }
        Ok(())
    }

    /// Each entry of a mapping: its key and the first event of its value.
    fn map(
        &mut self,
        first: Event<'a>,
        each: &mut dyn FnMut(&mut Self, &str, Event<'a>) -> Result<(), String>,
    ) -> Result<(), String> {
        if !matches!(first, Event::MappingStart(..)) {
            return self.skip(first);
        }
        loop {
            match self.next()? {
                Event::MappingEnd => return Ok(()),
                Event::Scalar(key, ..) => {
                    let value = self.next()?;
                    each(self, &key, value)?;
                }
                other => {
                    self.skip(other)?;
                    let value = self.next()?;
                    self.skip(value)?;
                }
            }
        }
    }

    /// The first event of each item of a list.
    fn list(
        &mut self,
        first: Event<'a>,
        each: &mut dyn FnMut(&mut Self, Event<'a>) -> Result<(), String>,
    ) -> Result<(), String> {
        if !matches!(first, Event::SequenceStart(..)) {
            return self.skip(first);
        }
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(()),
                item => each(self, item)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<String>, String> {
        let found = read(text, &BTreeSet::from(["web".to_owned()]))?;
        let told = |offered: &Offered| {
            let mark = if offered.is_deprecated { " deprecated" } else { "" };
            format!("{}{mark} {}", offered.version, offered.kube_version).trim_end().to_owned()
        };
        Ok(found.iter().flat_map(|(_, versions)| versions.iter().map(told)).collect())
    }

    #[test]
    fn versions_of_the_wanted_charts_are_read() {
        let index = "apiVersion: v1
# a comment
entries:
  other: [{version: 9.9.9, annotations: {a: [1, {b: c}]}}]
  web:
  - apiVersion: v2
    kubeVersion: '>=1.25.0-0'
    maintainers: [{name: a}, {name: b}]
    version: 2.0.0
  - {version: v1.1.0, deprecated: true}
  - {version: '1.10'}
  - not a version
generated: '2026-01-01T00:00:00Z'
";
        assert_eq!(of(index).expect("an index"), ["2.0.0 >=1.25.0-0", "1.1.0 deprecated"]);
        assert_eq!(of(r#"{"entries": {"web": [{"version": "1.0.0"}]}}"#).expect("an index"), ["1.0.0"]);
    }

    #[test]
    fn what_is_no_index_is_told_and_not_quoted() {
        for (text, says) in [
            ("", "ends too early"),
            ("entries: {web: [CANARY", "no YAML at line"),
            ("<html>CANARY</html>", "no entries"),
            ("entries: {}", "has no chart web"),
            ("entries: [CANARY]", "has no chart web"),
            ("a: &a [x]\nb: *a\n", "no entries"),
        ] {
            let error = of(text).expect_err(text);
            assert!(error.contains(says) && !error.contains("CANARY"), "{text}: {error}");
        }
        let deep = format!("entries: {}", "[".repeat(500));
        assert!(of(&deep).is_err());
    }
}
