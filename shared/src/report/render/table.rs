//! The report for people: the verdict first, then causes, areas, gaps, and on request every object.

use super::super::{Cause, Level, ObjectId, Report};
use super::Style;
use crate::text;
use anstyle::{AnsiColor, Style as Paint};
use jiff::Timestamp;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style as Borders};

/// Effects that are named below a cause before the rest is counted.
const NAMED_EFFECTS: usize = 3;

pub(super) fn render(report: &Report, style: &Style, is_wide: bool) -> String {
    let mut page = Page { out: String::new(), report, style, is_wide };
    page.title();
    page.causes();
    page.areas();
    page.gaps();
    page.notes();
    if is_wide {
        page.objects();
    }
    page.out
}

struct Page<'a> {
    out: String,
    report: &'a Report,
    style: &'a Style,
    is_wide: bool,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// Lines of at most the page's width: the first one as it is, the others indented.
    fn wrapped(&mut self, first: &str, indent: usize, text: &str) {
        let room = self.style.width.saturating_sub(indent).max(20);
        let limit = if self.is_wide { room * 12 } else { room * 4 };
        let text = text::truncate(text, limit);
        let mut lines = wrap(&text, room).into_iter();
        let start = lines.next().unwrap_or_default();
        self.line(&format!("{first}{start}"));
        for line in lines {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    fn title(&mut self) {
        let view = &self.report.view;
        let mut whose =
            if view.source == "files" { format!("files {}", view.name) } else { format!("cluster {}", view.name) };
        if let Some(version) = &view.server_version {
            whose.push_str(&format!(" ({version})"));
        }
        if !view.namespaces.is_empty() && view.source != "files" {
            whose.push_str(&format!(", namespace {}", view.namespaces.join(", ")));
        }
        let summary = &self.report.summary;
        let level = mark(self.report.verdict, self.style.color, 0);
        let mut line = format!("{level}  {}", text::truncate(&whose, 120));
        line.push_str(&format!(", {} at {}", text::plural(summary.objects, "object"), self.report.generated_at));
        if summary.partial {
            line.push_str(", PARTIAL: not everything could be read");
        }
        self.line(&line);
    }

    fn causes(&mut self) {
        let show = self.style.show;
        let shown: Vec<&Cause> = self.report.causes.iter().filter(|cause| cause.verdict >= show).collect();
        if shown.is_empty() {
            return;
        }
        let title = match self.report.summary.explained {
            0 => "CAUSES".to_owned(),
            effects => {
                let causes = text::plural(self.report.summary.causes, "cause");
                let verb = if self.report.summary.causes == 1 { "explains" } else { "explain" };
                format!("CAUSES ({causes} {verb} {})", text::plural(effects, "more finding"))
            }
        };
        self.line("");
        self.line(&title);
        for cause in shown {
            self.cause(cause);
        }
    }

    fn cause(&mut self, cause: &Cause) {
        let first = format!("{}  ", mark(cause.verdict, self.style.color, 11));
        let now = self.report.generated_at.parse::<Timestamp>().ok();
        let since = cause.since.as_deref().and_then(|time| time.parse::<Timestamp>().ok()).zip(now);
        let since = since.map_or_else(String::new, |(time, now)| format!(" (for {})", text::age(time, now)));
        self.wrapped(&first, 13, &format!("{}: {}{since} [{}]", name(&cause.object), cause.message, cause.code));
        let evidence = if self.is_wide { cause.evidence.len() } else { 2 };
        for line in cause.evidence.iter().take(evidence) {
            self.wrapped(&format!("{:13}", ""), 15, line);
        }
        if !cause.explains.is_empty() {
            let named = if self.is_wide { cause.explains.len().min(200) } else { NAMED_EFFECTS };
            let names: Vec<String> = cause
                .explains
                .iter()
                .take(named)
                .map(|effect| format!("{} {}", effect.verdict, name(&effect.object)))
                .collect();
            let rest = cause.explains.len().saturating_sub(names.len());
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let list = format!("explains {}: {}{rest}", cause.explains.len(), names.join(", "));
            self.wrapped(&format!("{:13}", ""), 15, &list);
        }
        // A command is copied whole: it is never cut.
        self.line(&format!("{:13}look: {}", "", text::line(&cause.command)));
    }

    fn areas(&mut self) {
        if self.report.areas.is_empty() {
            return;
        }
        self.line("");
        let mut builder = Builder::default();
        if self.style.headers {
            builder.push_record(["STATE", "AREA", "OBJECTS", "WHAT"]);
        }
        let width = self.style.width.saturating_sub(42).max(24);
        for area in &self.report.areas {
            let troubled = area.levels.iter().rev().filter(|(level, _)| **level > Level::Absent);
            let counts: Vec<String> = troubled.map(|(level, count)| format!("{count} {level}")).collect();
            let what =
                if counts.is_empty() { area.line.clone() } else { format!("{}; {}", counts.join(", "), area.line) };
            builder.push_record([
                mark(area.verdict, self.style.color, 0),
                area.title.clone(),
                area.objects.to_string(),
                text::truncate(&what, width),
            ]);
        }
        let table = grid(builder);
        self.out.push_str(&table);
    }

    fn gaps(&mut self) {
        let gaps: Vec<_> = self.report.coverage.iter().filter(|section| section.gap).collect();
        if gaps.is_empty() {
            return;
        }
        self.line("");
        self.line("NOT READ (unknown, not healthy)");
        let limit = if self.is_wide { gaps.len() } else { 6 };
        for gap in gaps.iter().take(limit) {
            let group = if gap.group.is_empty() { String::new() } else { format!(".{}", gap.group) };
            let why = gap.why.as_deref().unwrap_or("unknown");
            let first = format!("{}  ", mark(Level::Unknown, self.style.color, 11));
            self.wrapped(&first, 13, &format!("{}{group}: {why}", gap.kind));
        }
        if gaps.len() > limit {
            self.line(&format!("{:13}and {} more (-o wide)", "", gaps.len() - limit));
        }
        if let Some(hint) = gaps.iter().find_map(|gap| gap.hint.as_deref()) {
            self.wrapped(&format!("{:13}hint: ", ""), 15, hint);
        }
    }

    fn notes(&mut self) {
        let expired = self.report.exceptions.iter().filter(|exception| exception.state != "used");
        let expired: Vec<String> = expired
            .map(|exception| {
                format!(
                    "exception for {} on {} is {} ({})",
                    exception.code, exception.object, exception.state, exception.expires
                )
            })
            .collect();
        let notes: Vec<String> = self.report.notes.iter().cloned().chain(expired).collect();
        if notes.is_empty() {
            return;
        }
        self.line("");
        for note in notes {
            self.wrapped("note: ", 6, &note);
        }
    }

    fn objects(&mut self) {
        self.line("");
        let mut builder = Builder::default();
        if self.style.headers {
            builder.push_record(["STATE", "NAMESPACE", "KIND", "NAME", "CODE", "MESSAGE"]);
        }
        let mut entries: Vec<_> = self.report.objects.iter().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.verdict));
        for entry in entries {
            builder.push_record([
                mark(entry.verdict, self.style.color, 0),
                text::truncate(&entry.namespace, 40),
                text::truncate(&entry.kind, 40),
                text::truncate(&entry.name, 80),
                entry.code.clone(),
                text::truncate(&entry.message, 160),
            ]);
        }
        let table = grid(builder);
        self.out.push_str(&table);
    }
}

/// A table as kubectl prints them: columns, no lines.
fn grid(builder: Builder) -> String {
    let mut table = builder.build();
    table.with(Borders::empty()).with(Padding::new(0, 2, 0, 0));
    table.to_string().lines().map(|row| format!("{}\n", row.trim_end())).collect()
}

/// The level's word, padded to `width`, coloured if wanted: the word tells without the colour.
fn mark(level: Level, color: bool, width: usize) -> String {
    let word = format!("{:width$}", level.word());
    let paint = match level {
        Level::Ok => AnsiColor::Green,
        Level::Fail => AnsiColor::Red,
        Level::Warn | Level::Unknown => AnsiColor::Yellow,
        Level::Progressing => AnsiColor::Cyan,
        Level::Suspended | Level::Absent => AnsiColor::BrightBlack,
    };
    if color {
        let paint = Paint::new().fg_color(Some(paint.into())).bold();
        format!("{paint}{word}{paint:#}")
    } else {
        word
    }
}

fn name(object: &ObjectId) -> String {
    let parts = [&object.kind, &object.namespace, &object.name].into_iter().filter(|part| !part.is_empty());
    text::truncate(&parts.map(String::as_str).collect::<Vec<_>>().join("/"), 160)
}

/// Breaks safe text at spaces into lines of at most `width` columns; a longer word stands alone, cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}
