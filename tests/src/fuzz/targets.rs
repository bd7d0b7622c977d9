//! What is fuzzed: everything that reads a file or a server's answer, and what must hold whatever it reads.

use mlops_shared::archive::{Class, Digest, Entry, FORMAT, Place, seal};
use mlops_shared::cli::Failure;
use mlops_shared::cluster;
use mlops_shared::health::{Ingredients, judge, report};
use mlops_shared::object::{Selector, decode_object};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Format, Level, Present, Report, ReportList, Style, render};
use mlops_shared::source::{Limits, read_stream};
use mlops_shared::text::{self, Quantity};
use serde_json::value::RawValue;
use std::io::Write as _;

/// Makes seeds of the content of files.
pub type MoreSeeds = fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>;

/// One thing to fuzz.
#[derive(Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it reads, in a line.
    pub about: &'static str,
    /// Folders of seeds, seen from this crate.
    pub seeds: &'static [&'static str],
    /// Seeds that are made of the files.
    pub more_seeds: Option<MoreSeeds>,
    /// Tries an input; an error is a rule that does not hold.
    pub run: fn(&[u8]) -> Result<(), String>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "source",
        about: "files with objects (YAML, JSON, tar.gz), judged and printed in every format",
        seeds: &["fuzz/seeds/source", "fixtures/guide-faults"],
        more_seeds: Some(archives),
        run: source,
    },
    Target {
        name: "objects",
        about: "single objects of the sample platforms as a server answers them, judged and printed",
        seeds: &["../examples/degraded", "../examples/usage"],
        more_seeds: Some(single_objects),
        run: objects,
    },
    Target {
        name: "report",
        about: "reports that diff reads, printed again in every format",
        seeds: &["fuzz/seeds/report"],
        more_seeds: None,
        run: read_report,
    },
    Target {
        name: "platform",
        about: "platform files",
        seeds: &["fuzz/seeds/platform"],
        more_seeds: None,
        run: platform,
    },
    Target {
        name: "kubeconfig",
        about: "kubeconfig files, as far as nothing of them is run",
        seeds: &["fuzz/seeds/kubeconfig"],
        more_seeds: None,
        run: kubeconfig,
    },
    Target {
        name: "archive",
        about: "backup archives and the objects in them, up to the plan of a restore",
        seeds: &["../examples/degraded"],
        more_seeds: Some(backups),
        run: archive,
    },
    Target {
        name: "text",
        about: "quantities, durations, selectors, ages, and text made safe to print",
        seeds: &["fuzz/seeds/text"],
        more_seeds: None,
        run: words,
    },
];

/// Small, so that a limit is reached too.
const LIMITS: Limits = Limits { stream_bytes: 4 << 20, yaml_bytes: 1 << 20, objects: 5_000, files: 100, depth: 8 };

const NEIGHBOURS: &[u8] = include_bytes!("../../fuzz/seeds/source/list.json");

const NOW: &str = "2026-11-20T03:00:00Z";

fn now() -> jiff::Timestamp {
    NOW.parse().unwrap_or_default()
}

/// The seeds, and a gzipped tar archive of them all.
fn archives(mut seeds: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (number, seed) in seeds.iter().enumerate().take(4) {
        let mut header = tar::Header::new_gnu();
        header.set_size(seed.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let name = format!("bundle/cluster-resources/pods/{number}.json");
        // Writing to a Vec cannot fail.
        let _ = archive.append_data(&mut header, name, seed.as_slice());
    }
    if let Ok(bytes) = archive.into_inner().and_then(flate2::write::GzEncoder::finish) {
        // Unpacked as well: mutations of compressed bytes rarely get past the checksum.
        seeds.push(bytes);
    }
    seeds
}

/// Every object of YAML files as JSON, one a seed.
fn single_objects(files: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for file in files {
        let Ok(text) = String::from_utf8(file) else { continue };
        let documents = serde_saphyr::from_multiple::<serde_json::Value>(&text).unwrap_or_default();
        seeds.extend(documents.iter().filter(|it| it.is_object()).filter_map(|it| serde_json::to_vec(it).ok()));
    }
    seeds
}

/// The bytes of a tar archive with the manifest, the index and these objects, as a backup has them.
fn tar_of(objects: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut index = Vec::new();
    for (path, bytes) in objects {
        let digest = Digest::of(bytes);
        Entry {
            path: path.as_str().into(),
            digest,
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            class: Class::Nobody,
        }
        .write(&mut index)
        .expect("memory takes it");
    }
    let manifest = serde_json::json!({"apiVersion": "mlops/v1", "kind": "BackupManifest", "format": FORMAT, "toolVersion": "0",
        "createdAt": NOW, "cluster": {"context": "c", "server": "s"}, "scope": {}, "secrets": "kept", "encrypted": false,
        "partial": false, "objects": objects.len(), "kinds": [], "leftOut": [],
        "index": {"sha256": Digest::of(&index).to_string(), "bytes": index.len()}});
    let mut archive = tar::Builder::new(Vec::new());
    let head = [("manifest.json".to_owned(), manifest.to_string().into_bytes()), ("index.jsonl".to_owned(), index)];
    for (name, bytes) in head.iter().chain(objects) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        let _ = archive.append_data(&mut header, name, bytes.as_slice());
    }
    archive.into_inner().unwrap_or_default()
}

/// As a backup is on the disk.
fn sealed(tar: &[u8]) -> Vec<u8> {
    let mut bytes = zstd::bulk::compress(tar, 1).unwrap_or_default();
    let seal = seal(Digest::of(&bytes));
    bytes.extend_from_slice(&seal);
    bytes
}

/// The place of an object, where it says one.
fn path_of(object: &serde_json::Value) -> String {
    let text =
        |pointer: &str| object.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let or = |text: String| if text.is_empty() { "x".to_owned() } else { text };
    let group = text("/apiVersion").split_once('/').map_or(String::new(), |(group, _)| group.to_owned());
    let resource = or(format!("{}s", text("/kind").to_lowercase()));
    Place { group, resource, namespace: text("/metadata/namespace"), name: or(text("/metadata/name")) }.path()
}

/// Objects, and archives of some of them: as they are on the disk, and unpacked.
fn backups(files: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seeds = single_objects(files);
    let mut objects: Vec<(String, Vec<u8>)> = Vec::new();
    for seed in seeds.iter().step_by(7).take(30) {
        let Ok(object) = serde_json::from_slice(seed) else { continue };
        objects.push((path_of(&object), seed.clone()));
    }
    objects.sort();
    objects.dedup_by(|one, two| one.0 == two.0);
    let tar = tar_of(&objects);
    seeds.push(sealed(&tar));
    seeds.push(tar);
    seeds
}

/// The input as an archive, as what is packed in one, and as an object of one.
fn archive(input: &[u8]) -> Result<(), String> {
    rehearsed(input)?;
    rehearsed(&sealed(input))?;
    if let Ok(object) = serde_json::from_slice::<serde_json::Value>(input) {
        rehearsed(&sealed(&tar_of(&[(path_of(&object), input.to_vec())])))?;
    }
    Ok(())
}

fn rehearsed(archive: &[u8]) -> Result<(), String> {
    match mlops_backup::rehearse(archive) {
        Ok(report) => every_format(&report),
        Err(failure) if failure.message.contains("would not count as equal") => Err(failure.message),
        Err(failure) => safe("error", &failure.to_string()),
    }
}

fn source(input: &[u8]) -> Result<(), String> {
    match read_stream(input, "input", &LIMITS) {
        Ok(snapshot) => print(snapshot),
        Err(error) => safe("error", &Failure::from(error).to_string()),
    }
}

fn objects(input: &[u8]) -> Result<(), String> {
    if let Ok(raw) = serde_json::from_slice::<Box<RawValue>>(input) {
        // As an item of a page.
        let _ = decode_object(&raw);
    }
    // Beside objects that it may point at.
    let stream = [input, b"\n", NEIGHBOURS].concat();
    match read_stream(stream.as_slice(), "pods.json", &LIMITS) {
        Ok(snapshot) => print(snapshot),
        Err(error) => safe("error", &Failure::from(error).to_string()),
    }
}

fn print(snapshot: mlops_shared::source::Snapshot) -> Result<(), String> {
    let platform = Platform::built_in();
    let judgement = judge(&snapshot.inventory, &platform, now());
    let report = report(Ingredients {
        inventory: &snapshot.inventory,
        judgement: &judgement,
        platform: &platform,
        view: snapshot.view,
        notes: snapshot.notes,
        gaps: snapshot.gaps,
        now: now(),
        selector: None,
    });
    let told = report.summary.causes + report.summary.explained;
    let not_well = report.objects.iter().filter(|entry| entry.verdict > Level::Absent && entry.exception.is_none());
    let not_well = not_well.count();
    if told < not_well {
        return Err(format!("{not_well} objects are not well, and only {told} are told of"));
    }
    every_format(&report)?;
    let json = render(&report, Format::Json, &STYLE)?;
    let back: Report = serde_json::from_str(&json).map_err(|error| format!("JSON does not read back: {error}"))?;
    if back == report { Ok(()) } else { Err("JSON reads back as another report".to_owned()) }
}

const STYLE: Style = Style { color: false, width: 80, headers: true, show: Level::Ok };

fn every_format(report: &impl Present) -> Result<(), String> {
    for (word, format) in Format::ALL {
        safe(word, &render(report, format, &STYLE)?)?;
    }
    Ok(())
}

/// Nothing that a terminal would act on.
fn safe(what: &str, output: &str) -> Result<(), String> {
    match output.chars().find(|it| text::is_unsafe(*it) && *it != '\n') {
        Some(raw) => Err(format!("{what} prints a raw {raw:?}")),
        None => Ok(()),
    }
}

fn read_report(input: &[u8]) -> Result<(), String> {
    if let Ok(report) = serde_json::from_slice::<Report>(input) {
        every_format(&report)?;
    }
    if let Ok(list) = serde_json::from_slice::<ReportList>(input) {
        every_format(&list)?;
    }
    Ok(())
}

fn platform(input: &[u8]) -> Result<(), String> {
    let Ok(file) = std::str::from_utf8(input) else { return Ok(()) };
    match Platform::parse(file) {
        Ok(platform) => {
            let printed = serde_saphyr::to_string(&platform).map_err(|error| error.to_string())?;
            let back = Platform::parse(&printed).map_err(|reason| format!("what is printed is refused: {reason}"))?;
            if back == platform { Ok(()) } else { Err("it reads back as another platform".to_owned()) }
        }
        Err(reason) => safe("refusal", &Failure::usage(reason).to_string()),
    }
}

fn kubeconfig(input: &[u8]) -> Result<(), String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(input).map_err(|error| error.to_string())?;
    let settings = cluster::Settings { kubeconfig: Some(file.path().to_owned()), ..cluster::Settings::default() };
    // Not `connect`: a mutated exec plugin would be run.
    match cluster::contexts(&settings) {
        Ok(_) => Ok(()),
        Err(error) => {
            let words = Failure::from(error).to_string();
            if words.contains("CANARY") {
                Err("an error quotes the kubeconfig".to_owned())
            } else {
                safe("error", &words)
            }
        }
    }
}

fn words(input: &[u8]) -> Result<(), String> {
    for word in String::from_utf8_lossy(input).lines() {
        if let Some(quantity) = Quantity::parse(word) {
            let _ = (text::bytes(quantity), text::cores(quantity), quantity.units(), quantity.percent_of(quantity));
            let _ = (quantity + quantity) - Quantity::from_units(i64::MIN);
        }
        let _ = text::parse_duration(word);
        if let Ok(time) = word.parse() {
            let _ = (text::age(time, now()), text::age(now(), time));
        }
        if let Ok(selector) = Selector::parse(word) {
            let _ = selector.is_empty();
        }
        safe("line", &text::line(word))?;
        safe("block", &text::block(word))?;
        safe("shell_word", &text::shell_word(word))?;
        for width in [0, 1, 7, 80] {
            safe("truncate", &text::truncate(word, width))?;
        }
        let _ = text::nearest(word, ["namespaces", "components"]);
    }
    Ok(())
}
