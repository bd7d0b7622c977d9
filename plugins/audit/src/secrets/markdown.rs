//! Markdown as it is scanned: code in fences and between backticks, in its lines. Prose talks of passwords all the time.

use super::key::{Meaning, meaning};
use super::tokens;

/// Languages in fences in which only quoted values are literals.
const PROGRAMS: &[&str] = &[
    "c",
    "cpp",
    "csharp",
    "go",
    "groovy",
    "java",
    "javascript",
    "js",
    "jsx",
    "kotlin",
    "py",
    "python",
    "python3",
    "ruby",
    "rs",
    "rust",
    "scala",
    "ts",
    "tsx",
    "typescript",
];

/// How documentation shows where user and password stand in an address.
const SHOWN: &[&str] =
    &["://username:password@", "://user:password@", "://user:pass@", "://USERNAME:PASSWORD@", "://USER:PASSWORD@"];

/// The code in a text, each part in its line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    /// Shells, settings and what stands between backticks. Lines with a provider's token are whole.
    pub(super) plain: String,
    /// Programs.
    pub(super) programs: String,
}

/// Takes the code out of a Markdown text; all else is blank.
pub(super) fn code(text: &str) -> Code {
    let mut code = Code::default();
    // The sign of the fence that is open, how many of it, and whether a program stands in it.
    let mut open: Option<(char, usize, bool)> = None;
    for line in text.lines() {
        let start = line.trim_start_matches([' ', '\t', '>']);
        let sign = start.chars().next().filter(|sign| matches!(sign, '`' | '~'));
        let count = sign.map_or(0, |sign| start.chars().take_while(|letter| *letter == sign).count());
        let label = start[count..].trim();
        match open {
            Some((known, least, _)) if sign == Some(known) && count >= least && label.is_empty() => open = None,
            Some((_, _, true)) => code.programs.push_str(line),
            Some(_) => code.plain.push_str(line),
            // Backticks behind backticks on one line are a span.
            None if count >= 3 && !label.contains('`') => {
                let word = label.trim_start_matches(['{', '.']).split([' ', ',', '{', '}']).next().unwrap_or_default();
                let is_program = PROGRAMS.contains(&word.to_ascii_lowercase().as_str());
                open = sign.map(|sign| (sign, count, is_program));
            }
            None if tokens::issuer(line).is_some() => code.plain.push_str(line),
            None => spans(line, &mut code.plain),
        }
        code.plain.push('\n');
        code.programs.push('\n');
    }
    for part in [&mut code.plain, &mut code.programs] {
        for shown in SHOWN.iter().filter(|shown| part.contains(**shown)).collect::<Vec<_>>() {
            *part = part.replace(shown, "://");
        }
    }
    code
}

/// The code spans of a line; where one follows a word with a colon, as in ``Password: `x` ``, as a setting.
fn spans(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((inner, tail)) = after.split_once('`') else { return };
        let named =
            before.trim_end().trim_end_matches('*').trim_end().strip_suffix(':').map(|it| it.trim_end_matches('*'));
        let word = named.and_then(|name| name.rsplit([' ', '*', '-', '|']).next()).unwrap_or_default();
        if !word.is_empty() && !inner.contains([':', '=', ' ']) {
            if is_told(word, inner) {
                out.push_str(&format!("{word}={inner} | "));
            }
        } else {
            // An option at the end of a span has no value in the next.
            out.push_str(inner);
            out.push_str(" | ");
        }
        rest = tail;
    }
}

/// Whether the span behind a word is its value, rather than the name of where it is or of its sort: ``Token: `JWT` ``,
/// ``Password: `DB_PASSWORD` ``.
fn is_told(word: &str, inner: &str) -> bool {
    let is_name = meaning(inner) != Meaning::Other
        && inner.contains(|letter: char| letter.is_uppercase() || "_.-/".contains(letter));
    let has_digit = inner.contains(|letter: char| letter.is_ascii_digit());
    !is_name && (has_digit || meaning(word) == Meaning::Password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stays_in_its_lines_and_prose_goes() {
        let text = "# Token: none here\npassword: of the day\n```bash\nexport A=b\n```\n**Password**: `x1` and `--token y2`\n- User: `u1`\nToken: `JWT`, password: `DB_PASSWORD`\n";
        let want = "\n\n\nexport A=b\n\nPassword=x1 | --token y2 | \nUser=u1 | \n\n";
        assert_eq!(code(text).plain, want);
        assert_eq!(code("a `b").plain, "\n");
        assert_eq!(code("`a://username:password@h`").plain, "a://h | \n");
    }

    #[test]
    fn fences_end_where_they_end_and_programs_are_apart() {
        let text = "````md\n```\na=1\n```\n````\nprose\n~~~ python\nb = c\n~~~\n```x``` c\n";
        let read = code(text);
        assert_eq!(read.plain, "\n```\na=1\n```\n\n\n\n\n\n | x |  | \n");
        assert_eq!(read.programs, "\n\n\n\n\n\n\nb = c\n\n\n");
    }
}
