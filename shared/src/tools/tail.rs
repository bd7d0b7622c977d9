//! The end of what a program said, made fit to quote in an error.

use crate::text;

/// Lines that an error quotes.
const LINES: usize = 5;
/// The longest line that it quotes, in columns.
const WIDTH: usize = 300;

/// The last lines with something on them, safe to print, without credentials.
pub(super) fn last_lines(bytes: &[u8]) -> Vec<String> {
    let whole = String::from_utf8_lossy(bytes);
    // Progress meters overwrite their line: what counts is what was written last.
    let visible = |line: &str| line.rsplit('\r').find(|part| !part.trim().is_empty()).map(str::to_owned);
    let mut lines: Vec<String> = whole.lines().rev().filter_map(visible).take(LINES).collect();
    lines.reverse();
    lines.iter().map(|line| text::truncate(&text::line(&without_credentials(line.trim_end())), WIDTH)).collect()
}

/// As an error's second half.
pub(super) fn quoted(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join(" | ")) }
}

/// `https://user:password@host` without what stands before the `@`: git and helm repeat addresses as they got them.
fn without_credentials(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        safe.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#'\"<>".contains(c)).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(at) => {
                safe.push('…');
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    safe.push_str(rest);
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_addresses_are_left_out() {
        let line = "fatal: 'https://bot:canary@git.example/a' and ssh://canary@host:22/x, http://plain/y@z";
        assert_eq!(
            without_credentials(line),
            "fatal: 'https://…@git.example/a' and ssh://…@host:22/x, http://plain/y@z"
        );
    }

    #[test]
    fn the_end_is_quoted_safely() {
        let said = b"1\n2\n3\n4\n5\n\n10%\r90%\r\nerror: \x1b[31mred\xff\n";
        assert_eq!(last_lines(said), ["3", "4", "5", "90%", &*text::line("error: \u{1b}[31mred\u{fffd}")]);
        assert!(last_lines(b" \n\n").is_empty());
    }
}
