//! What Kafka's own scripts print, read strictly: a line that is none of theirs makes the answer unreadable, not shorter.

use mlops_shared::text::truncate;
use std::collections::BTreeMap;

/// A topic as a broker has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) partitions: u32,
    pub(super) replicas: u32,
    /// Configs that were set for the topic itself.
    pub(super) configs: BTreeMap<String, String>,
}

/// A rule of access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Acl {
    pub(super) principal: String,
    /// What it grants or denies, in one line.
    pub(super) text: String,
}

/// More topics are not read.
const TOPICS: usize = 50_000;
/// More rules are not read.
const ACLS: usize = 100_000;
/// A line of a script is no longer.
const LINE: usize = 64 << 10;

/// The lines of an answer that are not blank: text without control characters, and whole.
fn lines(bytes: &[u8]) -> Result<Vec<&str>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the answer is no text".to_owned())?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the answer ends in the middle of a line".to_owned());
    }
    for line in text.lines() {
        if line.len() > LINE {
            return Err("a line of the answer has no end".to_owned());
        }
        if line.chars().any(|it| it != '\t' && it.is_control()) {
            return Err("the answer has control characters".to_owned());
        }
    }
    Ok(text.lines().filter(|line| !line.trim().is_empty()).collect())
}

/// Whether Kafka takes a name for a topic.
pub(super) fn is_topic(name: &str) -> bool {
    let is_letter = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= 249 && name != "." && name != ".." && name.bytes().all(is_letter)
}

/// `kafka-topics.sh --describe`: a head a topic, then a line a partition. As many lines must follow a head as it says.
///
/// # Errors
/// Why the answer is not to be trusted.
pub(super) fn topics(bytes: &[u8]) -> Result<BTreeMap<String, Topic>, String> {
    let mut topics: BTreeMap<String, Topic> = BTreeMap::new();
    let mut open: Option<(String, u32)> = None;
    let short = || "partitions of a topic are missing in the answer".to_owned();
    for line in lines(bytes)? {
        let odd = || format!("a line that is none of its own: {}", truncate(line, 80));
        let fields: BTreeMap<&str, &str> = line
            .split('\t')
            .filter_map(|field| field.trim().split_once(':'))
            .map(|(key, value)| (key, value.trim()))
            .collect();
        let name = fields.get("Topic").copied().filter(|name| is_topic(name)).ok_or_else(odd)?;
        if line.starts_with('\t') {
            let Some((topic, left)) = &mut open else { return Err(odd()) };
            if topic != name || *left == 0 || !fields.contains_key("Partition") {
                return Err(odd());
            }
            *left -= 1;
            continue;
        }
        if open.take().is_some_and(|(_, left)| left > 0) {
            return Err(short());
        }
        let number = |key: &str| fields.get(key).and_then(|value| value.parse::<u32>().ok());
        let (Some(partitions), Some(replicas)) = (number("PartitionCount"), number("ReplicationFactor")) else {
            return Err(odd());
        };
        let topic = Topic { partitions, replicas, configs: BTreeMap::new() };
        if topics.insert(name.to_owned(), topic).is_some() || topics.len() > TOPICS {
            return Err("a topic stands twice in the answer, or there are too many".to_owned());
        }
        open = Some((name.to_owned(), partitions));
    }
    match open {
        Some((_, left)) if left > 0 => Err(short()),
        _ => Ok(topics),
    }
}

/// `kafka-configs.sh --entity-type topics --describe`: configs that were set for a topic, put to their topics.
///
/// # Errors
/// As [`topics`].
pub(super) fn configs(bytes: &[u8], topics: &mut BTreeMap<String, Topic>) -> Result<(), String> {
    let mut of: Option<String> = None;
    for line in lines(bytes)? {
        let odd = || format!("a line that is none of its own: {}", truncate(line, 80));
        if let Some(name) = line.strip_prefix("Dynamic configs for topic ").and_then(|rest| rest.strip_suffix(" are:"))
        {
            of = Some(name.to_owned()).filter(|name| is_topic(name));
            if of.is_none() {
                return Err(odd());
            }
            continue;
        }
        let entry = line.strip_prefix("  ").ok_or_else(odd)?;
        let (head, _) = entry.rsplit_once(" synonyms={").ok_or_else(odd)?;
        let (pair, sensitive) = head.rsplit_once(" sensitive=").ok_or_else(odd)?;
        let (key, value) = pair.split_once('=').ok_or_else(odd)?;
        let is_letter = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-');
        if key.is_empty() || !key.bytes().all(is_letter) || !matches!(sensitive, "true" | "false") {
            return Err(odd());
        }
        let Some(topic) = of.as_ref() else { return Err(odd()) };
        // One that was made between the two questions is not in the list: the next run has it.
        if let Some(topic) = topics.get_mut(topic).filter(|_| sensitive == "false") {
            topic.configs.insert(key.to_owned(), value.to_owned());
        }
    }
    Ok(())
}

/// `kafka-acls.sh --list`.
///
/// # Errors
/// As [`topics`].
pub(super) fn acls(bytes: &[u8]) -> Result<Vec<Acl>, String> {
    let mut found = Vec::new();
    let mut resource: Option<&str> = None;
    for line in lines(bytes)? {
        let odd = || format!("a line that is none of its own: {}", truncate(line, 80));
        if let Some(rest) = line.strip_prefix("Current ACLs for resource `ResourcePattern(") {
            resource = Some(rest.trim_end().strip_suffix(")`:").ok_or_else(odd)?);
            continue;
        }
        let rule = line.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(odd)?;
        let rest = rule.strip_prefix("principal=").ok_or_else(odd)?;
        // A distinguished name has commas of its own.
        let (principal, access) = rest.split_once(", host=").ok_or_else(odd)?;
        let resource = resource.ok_or_else(odd)?;
        found.push(Acl { principal: principal.to_owned(), text: format!("{resource}: host={access}") });
        if found.len() > ACLS {
            return Err("there are too many rules".to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// The cluster id of `kafka-metadata-quorum.sh describe --status`.
///
/// # Errors
/// When it does not say one.
pub(super) fn cluster_id(bytes: &[u8]) -> Result<String, String> {
    let lines = lines(bytes)?;
    let id = lines.iter().find_map(|line| line.strip_prefix("ClusterId:")).map(str::trim);
    let is_id = |id: &&str| {
        !id.is_empty() && id.len() <= 64 && id.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
    };
    id.filter(is_id).map(str::to_owned).ok_or_else(|| "kafka-metadata-quorum.sh says no ClusterId".to_owned())
}
