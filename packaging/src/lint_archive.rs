//! What a release archive must be like: krew's rules, and those of a release that anyone can check.

use std::collections::BTreeSet;

use wildmatch::WildMatch;

use crate::archive::{self, Entry};
use crate::lint::KrewPlatform;
use crate::sha256;

/// The most bytes a release archive may have.
pub const MOST_ARCHIVE_BYTES: usize = 25_000_000;
/// The most bytes a binary in it may have.
pub const MOST_BINARY_BYTES: usize = 6_500_000;

/// Names under which krew's index accepts a licence, in any case.
const LICENCES: [&str; 8] =
    ["license", "license.txt", "license.md", "licenses", "licenses.txt", "licenses.md", "copying", "copying.txt"];

/// What is wrong with an archive, `platform` being what the krew manifest says of it.
#[must_use]
pub fn problems(bytes: &[u8], platform: &KrewPlatform) -> Vec<String> {
    let mut problems = Vec::new();
    if sha256(bytes) != platform.sha256 {
        problems.push("the digest is not the manifest's".to_owned());
    }
    if bytes.get(4..8).is_none_or(|time| time != [0; 4]) || bytes.get(3).is_none_or(|flags| *flags != 0) {
        problems.push("the gzip header has a time or a name".to_owned());
    }
    let entries = match archive::list(bytes) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(format!("cannot be read: {error:#}"));
            return problems;
        }
    };
    for entry in &entries {
        problems.extend(entry_problems(entry).into_iter().map(|problem| format!("{}: {problem}", entry.name)));
    }
    let mut expect = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let lower: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    expect(lower.len() == names.len(), "two names differ in nothing, or only in case".to_owned());
    expect(names.is_sorted(), "the entries are not sorted".to_owned());
    expect(entries.windows(2).all(|pair| pair[0].time == pair[1].time), "the entries have several times".to_owned());
    expect(lower.iter().any(|name| LICENCES.contains(&name.as_str())), "there is no LICENSE or COPYING".to_owned());
    // krew moves what `files` says; ours says nothing, so that everything lies in one folder.
    for file in platform.files.iter().flatten() {
        let pattern = WildMatch::new(&file.from);
        expect(names.iter().any(|name| pattern.matches(name)), format!("nothing in it is {:?}", file.from));
    }
    let bin = platform.bin.strip_prefix("./").unwrap_or(&platform.bin);
    let has_bin = entries.iter().any(|entry| entry.name == bin && entry.mode & 0o111 != 0);
    expect(platform.files.is_some() || has_bin, format!("there is no program {bin}"));
    problems
}

/// What is too big, in an archive that is to be released.
#[must_use]
pub fn size_problems(bytes: &[u8]) -> Vec<String> {
    let mut problems = Vec::new();
    if bytes.len() > MOST_ARCHIVE_BYTES {
        problems.push(format!("has {} bytes, and may have {MOST_ARCHIVE_BYTES}", bytes.len()));
    }
    for entry in archive::list(bytes).unwrap_or_default() {
        if is_program(&entry.bytes) && entry.bytes.len() > MOST_BINARY_BYTES {
            let size = entry.bytes.len();
            problems.push(format!("{} has {size} bytes, and may have {MOST_BINARY_BYTES}", entry.name));
        }
    }
    problems
}

fn entry_problems(entry: &Entry) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    let name = &entry.name;
    // krew refuses links and devices; folders it takes, and ours has none.
    expect(entry.kind == b'0', format!("is of the type {:?}, not a regular file", char::from(entry.kind)));
    expect(!name.contains("..") && !name.starts_with(['/', '\\']), "krew refuses the name".to_owned());
    expect(!name.contains(['/', '\\']), "lies in a folder".to_owned());
    expect(name.bytes().all(|it| it.is_ascii_graphic()), "has a character that not every system takes".to_owned());
    expect(entry.uid == 0 && entry.gid == 0, format!("belongs to {}:{}", entry.uid, entry.gid));
    let wanted = if is_program(&entry.bytes) { 0o755 } else { 0o644 };
    expect(entry.mode == wanted, format!("has the mode {:o}, not {wanted:o}", entry.mode));
    expect(!entry.bytes.is_empty(), "is empty".to_owned());
    problems
}

/// ELF, Mach-O (64 bits), Windows, or a script.
#[must_use]
pub fn is_program(bytes: &[u8]) -> bool {
    [&b"\x7fELF"[..], b"\xcf\xfa\xed\xfe", b"MZ", b"#!"].iter().any(|magic| bytes.starts_with(magic))
}
