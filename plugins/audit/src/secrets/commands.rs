//! Passwords that stand in a command by their position: `mc alias set NAME URL USER PASSWORD`.

use super::judge::{Setting, Verdict, judge};
use super::key::{Meaning, meaning};
use super::stamp::Stamp;

/// A password in a command: what to call it, its user, and the value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Positional<'a> {
    pub(super) key: &'static str,
    pub(super) user: &'a str,
    pub(super) value: &'a str,
    /// Which word of the command it stands in.
    pub(super) at: usize,
}

impl Positional<'_> {
    /// What is to be said of it, if anything.
    pub(super) fn verdict(&self, stamp: &Stamp) -> Option<Verdict> {
        let names = [self.user];
        judge(&Setting { key: self.key, value: self.value, names: &names, is_kept_secret: false }, stamp)
    }
}

/// A command that takes a password behind an option.
struct Short {
    programs: &'static [&'static str],
    /// Words that must follow the program: `docker run -p` opens a port.
    verbs: &'static [&'static [&'static str]],
    options: &'static [&'static str],
    /// Whether it takes `user:password`.
    is_pair: bool,
    /// Whether the value must be glued to the option: `mysql -p db` asks for the password.
    is_glued: bool,
    key: &'static str,
}

const ANY: Short = Short { programs: &[], verbs: &[], options: &["-p"], is_pair: false, is_glued: false, key: "" };

const SHORT: &[Short] = &[
    Short {
        programs: &["mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "mariadb-admin"],
        is_glued: true,
        key: "mysql-password",
        ..ANY
    },
    Short {
        programs: &["curl"],
        options: &["-u", "--user", "--proxy-user", "-U"],
        is_pair: true,
        key: "curl-password",
        ..ANY
    },
    Short { programs: &["redis-cli", "valkey-cli"], options: &["-a", "--pass"], key: "redis-password", ..ANY },
    Short { programs: &["sshpass"], key: "ssh-password", ..ANY },
    Short {
        programs: &["docker", "podman", "helm", "skopeo", "oras"],
        verbs: &[&["login"], &["registry", "login"]],
        key: "registry-password",
        ..ANY
    },
    Short { programs: &["mongosh", "mongo", "mongodump", "mongorestore"], key: "mongo-password", ..ANY },
];

/// Words of a command that are looked at.
const MOST: usize = 64;

/// The passwords in the words of a shell's line, or of a list that is run as it stands.
pub(super) fn positional<'a>(words: &[&'a str]) -> Vec<Positional<'a>> {
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        // `/usr/bin/curl`, `x=$(curl`.
        let program = bare(word).rsplit(['/', '(']).next().unwrap_or_default();
        // The last word before a `;` ends the command: it has no arguments.
        if word.ends_with(';') {
            continue;
        }
        let arguments = arguments(&words[at + 1..]);
        let before = found.len();
        if matches!(program, "mc" | "mcli") {
            found.extend(alias(&arguments));
        } else if let Some(short) = SHORT.iter().find(|short| short.programs.contains(&program))
            && (short.verbs.is_empty() || short.verbs.iter().any(|verb| arguments.starts_with(verb)))
        {
            options(short, &arguments, &mut found);
        }
        for it in &mut found[before..] {
            it.at += at + 1;
        }
    }
    found.retain(|it| !is_example(it));
    found
}

/// The words of one command, without their quotes: up to a pipe, a redirection, a comment or the next command.
fn arguments<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let is_end = |word: &str| word.starts_with(['|', '&', ';', '>', '<', '#']) || word.starts_with("2>");
    let mut own = Vec::new();
    for word in words.iter().take(MOST) {
        if is_end(word) {
            break;
        }
        own.push(bare(word));
        if word.ends_with(';') {
            break;
        }
    }
    own
}

fn options<'a>(short: &Short, arguments: &[&'a str], found: &mut Vec<Positional<'a>>) {
    for (index, word) in arguments.iter().enumerate() {
        let next = || (index + 1, arguments.get(index + 1).copied().unwrap_or_default());
        let (at, value) = match short.options.iter().find(|option| word.starts_with(**option)) {
            Some(option) => match &word[option.len()..] {
                "" if short.is_glued => continue,
                "" => next(),
                glued if option.starts_with("--") => (index, glued.strip_prefix('=').unwrap_or_default()),
                glued => (index, glued),
            },
            // `-sSu user:password`: short options in one word.
            None if short.is_pair && is_cluster(word) => next(),
            None => continue,
        };
        let value = bare(value);
        let (user, value) = if short.is_pair { value.split_once(':').unwrap_or_default() } else { ("", value) };
        // A further option or the rest of an address is no password.
        if !value.is_empty() && !value.starts_with('-') && !value.starts_with("//") {
            found.push(Positional { key: short.key, user, value, at });
        }
    }
}

/// Short options in one word, the last of which is `u`.
fn is_cluster(word: &str) -> bool {
    let letters = word.strip_prefix('-').and_then(|letters| letters.strip_suffix('u')).unwrap_or_default();
    (1..6).contains(&letters.len()) && letters.chars().all(|letter| letter.is_ascii_alphabetic())
}

/// `mc alias set NAME URL USER PASSWORD`, and `mc config host add` of old.
fn alias<'a>(arguments: &[&'a str]) -> Option<Positional<'a>> {
    let (places, words): (Vec<usize>, Vec<&'a str>) =
        arguments.iter().copied().enumerate().filter(|(_, word)| !word.starts_with('-')).unzip();
    let (verbs, rest) = match words.as_slice() {
        ["alias", "set" | "s", rest @ ..] => (2, rest),
        ["config", "host", "add", rest @ ..] => (3, rest),
        _ => return None,
    };
    match rest {
        [_, url, user, value, ..] if url.contains("://") || url.starts_with('$') => {
            Some(Positional { key: "mc-password", user, value, at: *places.get(verbs + 3)? })
        }
        _ => None,
    }
}

/// Whether the command shows how it is called: `curl -u user:password`, `mc alias set NAME URL ACCESSKEY SECRETKEY`.
fn is_example(it: &Positional<'_>) -> bool {
    let names_itself = meaning(it.value) != Meaning::Other;
    stands_for(it.value) || names_itself && matches!(meaning(it.user), Meaning::Identity | Meaning::Secret)
}

/// Words that go on with a sentence behind an option: `--token is given`.
const PROSE: &[&str] = &[
    "and",
    "are",
    "as",
    "can",
    "flag",
    "flags",
    "for",
    "if",
    "in",
    "instead",
    "is",
    "must",
    "of",
    "option",
    "options",
    "or",
    "overrides",
    "parameter",
    "should",
    "to",
    "was",
    "when",
    "will",
    "with",
];

/// Whether a word of a help text or a command stands for a value: its type, its name in capitals, or none at all.
pub(super) fn stands_for(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let is_type =
        matches!(lower.as_str(), "strings" | "stringarray" | "bytes" | "file" | "filename" | "path" | "value" | "name")
            || PROSE.contains(&lower.as_str());
    let is_capital = word.chars().all(|letter| letter.is_ascii_uppercase() || matches!(letter, '_' | '-'));
    is_type || is_capital && (meaning(word) != Meaning::Other || meaning(&format!("X_{word}")) != Meaning::Other)
}

/// A word without the quotes and signs around it.
fn bare(word: &str) -> &str {
    let word = word.trim_end_matches(';').trim_matches(['"', '\'', '`', ',']).trim_start_matches('(');
    // The end of `$(…)` or of a group.
    let word = if word.contains('(') { word } else { word.trim_end_matches(')') };
    word.trim_matches(['"', '\'', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let found = positional(&words);
        assert!(found.iter().all(|it| words[it.at].contains(it.value)), "{line}");
        found.iter().map(|it| format!("{} {} {}", it.key, it.user, it.value)).collect()
    }

    #[test]
    fn passwords_are_known_by_their_position() {
        for (line, want) in [
            (
                "mc alias set local http://minio:9000 minioadmin minioadmin123 --api S3v4",
                "mc-password minioadmin minioadmin123",
            ),
            ("  kubectl exec x -- mc alias set \"m\" 'https://h' \"a\" \"b1\" && ls", "mc-password a b1"),
            ("mc config host add m $URL admin secret1; ls", "mc-password admin secret1"),
            ("mysql -uroot -pmlflow123 mlflow", "mysql-password  mlflow123"),
            ("x=$(mysql -uroot -p\"mlflow123\")", "mysql-password  mlflow123"),
            ("curl -s -u admin:admin123 http://h", "curl-password admin admin123"),
            ("curl -sSu admin:admin123 http://h", "curl-password admin admin123"),
            ("curl --user=admin:admin123 http://h", "curl-password admin admin123"),
            ("/usr/bin/curl -u 'user:mlflow123' http://h | jq", "curl-password user mlflow123"),
            ("redis-cli -h r -a foobared ping", "redis-password  foobared"),
            ("docker login -u x -p Zq8vN2xLm4RwkT9 r.example", "registry-password  Zq8vN2xLm4RwkT9"),
            ("helm registry login -u x -p Zq8vN2xLm4RwkT9 r.example", "registry-password  Zq8vN2xLm4RwkT9"),
            ("sshpass -p 'x1y2z3' ssh h", "ssh-password  x1y2z3"),
        ] {
            assert_eq!(of(line), [want], "{line}");
        }
    }

    #[test]
    fn ports_examples_and_other_commands_are_none() {
        for line in [
            "docker run -p 8080:80 login",
            "mysql -p mlflow",
            "curl -u admin http://h",
            "curl -u user:password http://h",
            "curl --user-agent a:b1 http://h",
            "curl -s http://h | redis-cli",
            "redis-cli ping; grep -a word",
            "redis-cli; grep -a word",
            "mysql -u root -h h > out; docker run -p80:80",
            "mc alias set",
            "mc alias set m http://h && mc ls m",
            "mc ls local/bucket a b c",
            "mc alias set NAME http://h ACCESSKEY SECRETKEY",
            "mc alias set NAME",
        ] {
            assert_eq!(of(line), Vec::<String>::new(), "{line}");
        }
    }
}
