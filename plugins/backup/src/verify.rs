//! `backup verify`: an archive from its first byte to its last.

use crate::args::{Args, VerifyArgs};
use crate::keys;
use crate::model::{SignatureReport, VerifyReport};
use crate::restore::read::Gathering;
use crate::storage::{Storage, Watched};
use crate::target::signature_of;
use crate::trial::{TrialReport, TrialSettings};
use mlops_shared::archive::{ArchiveError, Flow, Identities, Json, KindRecord, Limits, Manifest, Place, scan};
use mlops_shared::cli::{DryRun, Failure, Printer};
use mlops_shared::report::API_VERSION;
use mlops_shared::text;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::BufReader;
use std::path::Path;

/// So many findings are told one by one.
const TOLD: usize = 50;

/// Runs the command.
pub(crate) fn run(args: &Args, verify: &VerifyArgs, printer: &Printer) -> Result<VerifyReport, Failure> {
    if verify.level < 3 && !verify.objects.is_empty() {
        return Err(Failure::usage("below level 3 an archive is verified whole: no object can be named"));
    }
    let trial = if verify.level >= 3 { Some(TrialSettings::new(args, verify)?) } else { None };
    let archive = &verify.archive;
    let storage = Storage::new(&args.s3);
    let signed = match &verify.public_key {
        None => None,
        Some(word) => Some(keys::verify(&keys::public(word)?, &storage, archive, &signature_of(archive))?),
    };
    let (signature, signed) = signed.map(|(comment, content)| (SignatureReport { comment }, content)).unzip();
    let identities = Identities::read(&args.source.identity).map_err(|error| broken(archive, &error))?;
    let mut report = VerifyReport {
        api_version: API_VERSION.to_owned(),
        kind: "BackupVerification".to_owned(),
        archive: archive.display().to_string(),
        level: verify.level,
        signature,
        is_read: false,
        objects: 0,
        manifest: None,
        trial: None,
        findings: Vec::new(),
        notes: Vec::new(),
    };
    // What is tried is what was verified: the archive is read once.
    let gathering = trial.as_ref().map(|trial| Gathering::new(&trial.selection)).transpose()?.map(RefCell::new);
    let mut owners = Owners::default();
    let mut checked = 0;
    let mut manifest = None;
    let mut unreadable = Vec::new();
    let kinds: RefCell<BTreeMap<(String, String), Counted>> = RefCell::default();
    let mut input = BufReader::with_capacity(1 << 16, Watched::new(storage.open(archive)?));
    let outcome = scan(
        &mut input,
        &identities,
        &Limits::default(),
        &mut |head: &Manifest, _| {
            manifest = Some(head.clone());
            let counted = head.kinds.iter().map(|it| ((it.group.clone(), it.resource.clone()), Counted::of(it)));
            kinds.replace(counted.collect());
            gathering.iter().for_each(|gathering| gathering.borrow_mut().head(head));
            Ok(Flow::Continue)
        },
        &mut |entry, bytes| {
            checked += 1;
            if verify.level >= 2 {
                let place = entry.place();
                let mut kinds = kinds.borrow_mut();
                let counted = kinds.get_mut(&(place.group.clone(), place.resource.clone()));
                if let Err(why) = owners.look(&place, counted, bytes, &entry.path) {
                    unreadable.push(format!("{}: {why}", entry.path));
                }
            }
            gathering.iter().try_for_each(|gathering| gathering.borrow_mut().object(entry, bytes))?;
            Ok(Flow::Continue)
        },
    );
    let gathering = gathering.map(RefCell::into_inner);
    let mut read = None;
    match outcome {
        Ok(()) => {
            // Somebody who can write there may have put another one in its place meanwhile.
            let content = input.into_inner().content();
            if signed.is_some_and(|signed| signed != content) {
                let changed = format!("{} has changed while it was verified", archive.display());
                return Err(Failure::usage(changed).hint("what the signature holds for is not what is there now"));
            }
            report.is_read = true;
            read = Some(content);
        }
        // A signature that holds is an answer, though not the whole one.
        Err(ArchiveError::Locked) if report.signature.is_some() => {
            report.notes.push("what is in it was not looked at: it is encrypted, and no identity was given".to_owned());
        }
        Err(error) => {
            return Err(gathering.map_or_else(|| broken(archive, &error), |it| it.failure(archive, &error)));
        }
    }
    report.objects = checked;
    if let Some(manifest) = manifest {
        if verify.level >= 2 {
            let kinds = kinds.into_inner();
            let differing = kinds.iter().filter(|(_, it)| it.found != it.told);
            unreadable.extend(differing.map(|((group, resource), it)| {
                let dot = if group.is_empty() { "" } else { "." };
                format!("the manifest has {} {resource}{dot}{group}, and {} are there", it.told, it.found)
            }));
            unreadable.extend(owners.dangling(&manifest, &mut report.notes));
        }
        if manifest.partial {
            report.notes.push("the backup itself is partial: its manifest says what could not be read".to_owned());
        }
        report.manifest = Some(manifest);
    }
    if let Some((trial, gathering)) = trial.as_ref().zip(gathering).filter(|_| report.is_read) {
        let tried = trial.run(gathering.finish(archive)?, printer)?;
        unreadable.extend(tried.findings);
        report.trial = Some(tried.report);
    }
    let is_plan = verify.level >= 3 && verify.write.dry_run == DryRun::Client;
    let is_open = report.trial.as_ref().is_some_and(TrialReport::is_partial);
    let is_narrow = !verify.objects.is_empty() || !args.scope.namespace.is_empty() || args.scope.selector.is_some();
    if verify.record && verify.level >= 3 && (is_plan || is_open || is_narrow) {
        report.notes.push("not recorded: only what was tried whole is".to_owned());
    } else if verify.record {
        // Only what was looked at and holds is recorded.
        if let Some(content) = read.filter(|_| unreadable.is_empty()) {
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            crate::record::write(&storage, archive, content, verify.level, &now)?;
        } else {
            report.notes.push("not recorded: only an archive that was read and holds is".to_owned());
        }
    }
    let rest = unreadable.len().saturating_sub(TOLD);
    unreadable.truncate(TOLD);
    report.findings = unreadable;
    if rest > 0 {
        report.findings.push(format!("and {} more", text::plural(rest, "finding")));
    }
    Ok(report)
}

/// The failure of an archive that could not be read.
pub(crate) fn broken(path: &Path, error: &ArchiveError) -> Failure {
    if let ArchiveError::Unread(unread) = error {
        return crate::storage::unread(unread);
    }
    let failure = Failure::usage(format!("failed to read {}: {error}", path.display()));
    error.hints().into_iter().fold(failure, Failure::hint)
}

/// A kind of the manifest, and how many objects of it were found.
struct Counted {
    kind: String,
    told: u64,
    found: u64,
}

impl Counted {
    fn of(record: &KindRecord) -> Self {
        Self { kind: record.kind.clone(), told: record.objects, found: 0 }
    }
}

/// Who is there, and who is named as an owner.
#[derive(Default)]
struct Owners {
    uids: HashSet<String>,
    /// By UID of an owner: what it is, and the first of the objects that name it.
    named: HashMap<String, (String, String, String)>,
}

impl Owners {
    /// Looks at an object; what is wrong with it.
    fn look(
        &mut self,
        place: &Place,
        counted: Option<&mut Counted>,
        bytes: &[u8],
        path: &str,
    ) -> Result<(), &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8")?;
        let object = Json::parse(text).map_err(|_| "it is no JSON")?;
        let field = |keys: &[&str]| object.at(keys).and_then(Json::text).unwrap_or_default();
        let api_version = field(&["apiVersion"]);
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let counted = counted.ok_or("the manifest does not name its kind")?;
        counted.found += 1;
        if field(&["kind"]) != counted.kind || api_version.is_empty() || group != place.group {
            return Err("its kind is not that of its place");
        }
        if field(&["metadata", "name"]) != place.name || field(&["metadata", "namespace"]) != place.namespace {
            return Err("its name is not that of its place");
        }
        let uid = field(&["metadata", "uid"]);
        if !uid.is_empty() {
            self.uids.insert(uid.to_owned());
        }
        for owner in object.at(&["metadata", "ownerReferences"]).map(Json::items).unwrap_or_default() {
            let part = |key: &str| owner.get(key).and_then(Json::text).unwrap_or_default().to_owned();
            let group = part("apiVersion").split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
            let owner = format!("{}/{}", part("kind"), part("name"));
            self.named
                .entry(part("uid"))
                .or_insert_with(|| (format!("{group}\n{}", part("kind")), owner, path.to_owned()));
        }
        Ok(())
    }

    /// Owners that are named and are not there, where they should be. Of kinds that are left out, that could not be
    /// read, or that were not asked for, nothing is expected.
    fn dangling(self, manifest: &Manifest, notes: &mut Vec<String>) -> Vec<String> {
        let read: BTreeMap<String, bool> = manifest
            .kinds
            .iter()
            .map(|kind| (format!("{}\n{}", kind.group, kind.kind), kind.failure.is_none() && kind.left_out.is_empty()))
            .collect();
        let mut missing: Vec<(String, String, String)> =
            self.named.into_iter().filter(|(uid, _)| !self.uids.contains(uid)).map(|(_, owner)| owner).collect();
        missing.sort_by(|one, two| (&one.2, &one.1).cmp(&(&two.2, &two.1)));
        if !manifest.scope.is_whole() {
            if !missing.is_empty() {
                let count = text::plural(missing.len(), "owner");
                notes.push(format!("{count} of objects lie outside what was asked for"));
            }
            return Vec::new();
        }
        missing.retain(|(kind, ..)| read.get(kind).copied().unwrap_or(false));
        missing.into_iter().map(|(_, owner, path)| format!("{path}: its owner {owner} is not in the archive")).collect()
    }
}
