//! Settings in text without a structure: scripts, environment files, blocks of lines in manifests.

use super::judge::{Setting, Verdict, judge};
use super::key::{Meaning, meaning};
use super::stamp::Stamp;
use std::collections::{HashMap, HashSet};

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Shells, environment files, settings: quotes are optional.
    Plain,
    /// Programs: what is not quoted is no literal.
    Code,
    /// Markdown: only code in it is looked at, as [`Dialect::Plain`].
    Markdown,
}

/// What was found on a line (from 0), under which key.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) verdict: Verdict,
}

/// Lines of which more than so many characters are made by programs.
const LONG: usize = 4000;

/// The credentials in a text, and how many settings stand in it.
pub(super) fn scan(text: &str, dialect: Dialect, stamp: &Stamp) -> (Vec<Hit>, usize) {
    if dialect == Dialect::Markdown {
        let code = super::markdown::code(text);
        let (mut hits, settings) = scan(&code.plain, Dialect::Plain, stamp);
        let (others, more) = scan(&code.programs, Dialect::Code, stamp);
        hits.extend(others);
        hits.sort_by_key(|hit| hit.line);
        return (hits, settings + more);
    }
    let (mut hits, mut settings) = (Vec::new(), 0);
    // A private key is many lines: told once, where it begins.
    if super::tokens::has_private_key(text) {
        let at = text.find("-----BEGIN ").unwrap_or(0);
        let whole = Setting { key: "", value: text, names: &[], is_kept_secret: false };
        if let Some(verdict) = judge(&whole, stamp) {
            hits.push(Hit { line: text[..at].matches('\n').count(), key: String::new(), verdict });
        }
    }
    let mut positional = if dialect == Dialect::Plain { commands(text, stamp) } else { HashMap::new() };
    for (index, line) in text.lines().enumerate() {
        if line.len() > LONG {
            continue;
        }
        let is_comment = is_comment(line);
        let mut found: Option<Hit> = None;
        let pairs = if is_comment { Vec::new() } else { pairs(line, dialect) };
        settings += pairs.len();
        for (key, value) in pairs {
            let setting = Setting { key, value, names: &[], is_kept_secret: false };
            if let Some(verdict) = judge(&setting, stamp) {
                found = Some(Hit { line: index, key: key.to_owned(), verdict });
                break;
            }
        }
        found = found.or_else(|| positional.remove(&index));
        // Tokens and addresses need no key.
        let whole = Setting { key: "", value: line, names: &[], is_kept_secret: false };
        let found =
            found.or_else(|| judge(&whole, stamp).map(|verdict| Hit { line: index, key: String::new(), verdict }));
        hits.extend(found);
    }
    (hits, settings)
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with("//") || line.starts_with(';')
}

/// The passwords that stand in commands by their position, by their line. A command goes on behind a `\` at the end.
fn commands(text: &str, stamp: &Stamp) -> HashMap<usize, Hit> {
    let mut found = HashMap::new();
    let (mut words, mut lines): (Vec<&str>, Vec<usize>) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let part = line.trim_end().strip_suffix('\\');
        if line.len() <= LONG && !is_comment(line) {
            words.extend(part.unwrap_or(line).split_whitespace());
            lines.resize(words.len(), index);
            if part.is_some() {
                continue;
            }
        }
        for it in super::commands::positional(&words) {
            let Some(line) = lines.get(it.at).copied() else { continue };
            if let Some(verdict) = it.verdict(stamp) {
                found.entry(line).or_insert_with(|| Hit { line, key: it.key.to_owned(), verdict });
            }
        }
        words.clear();
        lines.clear();
    }
    found
}

/// The settings of a text in which nothing else was found and whose values look like credentials, though their keys say
/// nothing.
pub(super) fn unnamed(text: &str, stamp: &Stamp, known: &[Hit]) -> Vec<Hit> {
    let known: HashSet<usize> = known.iter().map(|hit| hit.line).collect();
    let mut hits = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if is_comment(line) || line.len() > LONG || known.contains(&index) {
            continue;
        }
        let found = pairs(line, Dialect::Plain).into_iter().find(|(key, value)| super::random::is_opaque(key, value));
        hits.extend(found.map(|(key, value)| Hit {
            line: index,
            key: key.to_owned(),
            verdict: Verdict::of_random(value, stamp),
        }));
    }
    hits
}

/// Keys and values of a line: `key=value`, `key: value`, `--key value`, any number of them.
pub(super) fn pairs(line: &str, dialect: Dialect) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let bytes = line.as_bytes();
    for (at, sign) in line.match_indices(['=', ':']) {
        let is_doubled = |index: usize| bytes.get(index).is_some_and(|byte| b"=:>~".contains(byte));
        let follows = at > 0 && matches!(bytes[at - 1], b'=' | b'!' | b'<' | b'>' | b'~' | b'+');
        // `:=` assigns; `==`, `=>` and `!=` do not.
        let rest = match (sign, is_doubled(at + 1), follows) {
            (":", true, _) if bytes[at + 1] == b'=' => &line[at + 2..],
            (_, true, _) | (_, _, true) => continue,
            ("=", _, _) if at > 0 && bytes[at - 1] == b':' => continue,
            _ => &line[at + 1..],
        };
        let left = line[..at].trim_end().trim_end_matches(['"', '\'', '\\', ']']).trim_end_matches(['"', '\'']);
        let start = left
            .char_indices()
            .rev()
            .take_while(|(_, letter)| letter.is_alphanumeric() || "_-.".contains(*letter))
            .last()
            .map_or(left.len(), |(index, _)| index);
        let key = left[start..].trim_start_matches('-');
        // In running text a colon ends a word, as in `echo "PASS: it works"`; in settings the key begins the line or
        // is quoted.
        let begins = left[..start].trim_matches([' ', '\t', '-', '"', '\'', '{']).is_empty();
        if sign == ":" && dialect == Dialect::Plain && !begins && left.len() == line[..at].trim_end().len() {
            continue;
        }
        if !key.is_empty()
            && let Some(value) = right(rest, dialect)
        {
            pairs.push((key, value));
        }
    }
    if dialect == Dialect::Plain {
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            if let [option, value] = pair
                && option.starts_with("--")
                && matches!(meaning(option), Meaning::Password | Meaning::Secret)
                && !value.starts_with(['-', '\\', '|', '>', '&', '<'])
                && !super::commands::stands_for(value)
            {
                pairs.push((option.trim_start_matches('-'), value.trim_matches(['"', '\'', '`', ','])));
            }
        }
    }
    pairs
}

/// The value at the start of a text: what stands in quotes, else the first word.
fn right(rest: &str, dialect: Dialect) -> Option<&str> {
    let rest = rest.trim_start_matches([' ', '\t', '\\']);
    let quote = rest.chars().next()?;
    if matches!(quote, '"' | '\'' | '`') {
        let inner = &rest[1..];
        let end = inner.find(quote)?;
        return Some(inner[..end].trim_end_matches('\\'));
    }
    // `<the token>` waits to be filled in.
    if dialect == Dialect::Code || quote == '<' {
        return None;
    }
    let end = rest.find(|letter: char| letter.is_whitespace() || ";,\"'`)".contains(letter)).unwrap_or(rest.len());
    let value = &rest[..end];
    // A call or an expansion is no literal.
    (!value.is_empty() && !value.contains('(') && !rest[end..].starts_with('(')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str, dialect: Dialect) -> Vec<(usize, String)> {
        scan(text, dialect, &Stamp::new()).0.into_iter().map(|hit| (hit.line, hit.key)).collect()
    }

    #[test]
    fn settings_of_scripts_are_found() {
        let text = "export MINIO_ROOT_PASSWORD=\"minioadmin123\"\nuser=x\nkubectl create secret generic s --from-literal=password=mlflow123\nmc --secret-key Zq8vN2xLm4RwkT9 ls\n# PASSWORD=commented\nPASSWORD=$(cat file)\nPGPASSWORD=${PGPASSWORD} psql\necho \"PASS: it works\"\nDSN=postgresql://a:mlflow123@db/x\n";
        let want = [(0, "MINIO_ROOT_PASSWORD"), (2, "password"), (3, "secret-key"), (8, "DSN")];
        assert_eq!(keys(text, Dialect::Plain), want.map(|(line, key)| (line, key.to_owned())));
    }

    #[test]
    fn positions_and_code_in_prose_are_read() {
        let script = "mc alias set local \\\n  http://h admin \\\n  mlflow123\n# mysql -pmlflow123\ncurl -u admin:$PASSWORD http://h\n  --signing-key string   the key\n  unless --signing-key is given\ntoken: <the token>\nmc alias set NAME URL USER PASSWORD\n";
        assert_eq!(keys(script, Dialect::Plain), [(2, "mc-password".to_owned())]);
        let prose = "The password: mlflow123\n\n```\nexport DB_PASSWORD=mlflow123\n```\nPassword: `mlflow123`, or `$PASSWORD`\n";
        let want = [(3, "DB_PASSWORD"), (5, "Password")];
        assert_eq!(keys(prose, Dialect::Markdown), want.map(|(line, key)| (line, key.to_owned())));
    }

    #[test]
    fn random_values_of_settings_are_found_beside_what_is_known() {
        let text = "SETTING=x9Kd03mPq7Zt1LwB6vRc\nDB_PASSWORD=mlflow123\n# OLD=x9Kd03mPq7Zt1LwB6vRc\nIMAGE_DIGEST=x9Kd03mPq7Zt1LwB6vRc\n";
        let (known, _) = scan(text, Dialect::Plain, &Stamp::new());
        let found = unnamed(text, &Stamp::new(), &known);
        assert_eq!(found.iter().map(|hit| (hit.line, hit.key.as_str())).collect::<Vec<_>>(), [(0, "SETTING")]);
    }

    #[test]
    fn in_programs_only_quoted_values_count() {
        let text = "password = get_password()\nconnect(password=\"mlflow123\", user=user)\nif password == \"mlflow123\":\nconf = {'secret_key': 'minioadmin123'}\ntoken: str = None\nos.environ[\"AWS_SECRET_ACCESS_KEY\"] = \"minioadmin123\"\n";
        let want = [(1, "password"), (3, "secret_key"), (5, "AWS_SECRET_ACCESS_KEY")];
        assert_eq!(keys(text, Dialect::Code), want.map(|(line, key)| (line, key.to_owned())));
    }
}
