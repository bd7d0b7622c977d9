//! Untrusted text made safe to print: nothing that came from a cluster or a file reaches a terminal raw.

use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character could change what a reader sees beyond itself: control characters,
/// bidirectional overrides, zero-width and invisible format characters, line and paragraph separators.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|character| is_unsafe(character) && !keep(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            _ if !is_unsafe(character) || keep(character) => out.push(character),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push(' '),
            // kubectl's own spelling of control characters (`^[` for ESC).
            '\0'..='\u{1f}' => {
                out.push('^');
                out.push(char::from(character as u8 + 0x40));
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(out, "<U+{:04X}>", u32::from(character));
            }
        }
    }
    Cow::Owned(out)
}

/// One line of safe text: control, bidirectional and invisible characters are made visible,
/// line breaks become `\n`.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Safe text that keeps its line breaks.
pub fn block(text: &str) -> Cow<'_, str> {
    escape(text, |character| character == '\n')
}

/// Safe one-line text of at most `width` columns, with `…` where it was cut.
pub fn truncate(text: &str, width: usize) -> String {
    // A megabyte in a message must not be escaped whole to print eighty columns of it.
    let bounded: String = text.chars().take(width.saturating_mul(4).saturating_add(16)).collect();
    let safe = line(&bounded);
    if bounded.len() == text.len() && safe.width() <= width {
        return safe.into_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in safe.chars() {
        let columns = character.width().unwrap_or(0);
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        out.push(character);
    }
    out.push('…');
    out
}

/// A word that a POSIX shell reads back as this text, for commands that are printed to be copied.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@,".contains(character);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", line(text).replace('\'', "'\\''")))
}

/// `1 pod`, `3 pods`, `2 policies`.
pub fn plural(count: usize, noun: &str) -> String {
    match (count, noun) {
        (1, _) => format!("1 {noun}"),
        (_, word) if word.ends_with('y') && !word.ends_with("ay") && !word.ends_with("ey") => {
            format!("{count} {}ies", &word[..word.len() - 1])
        }
        (_, word) if word.ends_with('s') || word.ends_with('x') || word.ends_with("ch") => {
            format!("{count} {word}es")
        }
        (_, word) => format!("{count} {word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_made_visible() {
        assert_eq!(line("a\u{1b}]8;;http://x\u{7}b"), "a^[]8;;http://x^Gb");
        assert_eq!(line("user\u{202e}txt.exe"), "user<U+202E>txt.exe");
        assert_eq!(line("a\u{200b}b\r\nc"), "a<U+200B>b\\r\\nc");
        assert_eq!(line("\u{9b}31m"), "<U+009B>31m");
        assert!(matches!(line("plain ünï ☸"), Cow::Borrowed(_)));
        assert_eq!(block("a\nb\u{1b}"), "a\nb^[");
    }

    #[test]
    fn cuts_by_columns() {
        assert_eq!(truncate("short", 10), "short");
        assert_eq!(truncate("0123456789abc", 10), "012345678…");
        assert_eq!(truncate("日本語日本語", 7), "日本語…");
        assert_eq!(truncate(&"x".repeat(1 << 20), 5), "xxxx…");
    }

    #[test]
    fn shell_words_survive_a_shell() {
        assert_eq!(shell_word("pod-1"), "pod-1");
        assert_eq!(shell_word("a b;rm"), "'a b;rm'");
        assert_eq!(shell_word("it's"), "'it'\\''s'");
        assert_eq!(shell_word("--all"), "'--all'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(plural(1, "pod"), "1 pod");
        assert_eq!(plural(2, "policy"), "2 policies");
        assert_eq!(plural(0, "class"), "0 classes");
    }
}
