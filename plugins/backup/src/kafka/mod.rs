//! `backup kafka`: what Kafka clusters of Strimzi's need to be made again, as an archive, and a report on whether that is all
//! there.

mod answers;
mod certificate;
mod describe;
mod judge;
mod members;
mod read;
mod report;
#[cfg(test)]
mod tests;

pub use describe::{Described, TopicOfBroker};
pub use report::{KafkaCluster, KafkaFinding, KafkaReport, Needed, Pool, PoolClaim, PoolVolume};

use crate::args::{Args, KafkaArgs};
use crate::create::{self, Pick, What};
use jiff::Timestamp;
use members::Members;
use mlops_shared::cli::{Failure, Printer};
use mlops_shared::object::Object;
use mlops_shared::report::API_VERSION;
use mlops_shared::text;
use read::Seen;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Strimzi's group.
pub(crate) const STRIMZI: &str = "kafka.strimzi.io";

/// The Kafkas that were asked for.
fn wanted<'a>(seen: &'a Seen, args: &Args, name: Option<&str>) -> Result<Vec<&'a Object>, Failure> {
    let all = seen.of_kind("Kafka");
    let is_within = |kafka: &&Object| {
        let namespaces = &args.scope.namespace;
        namespaces.is_empty() || namespaces.iter().any(|within| **within == *kafka.meta.namespace)
    };
    let found: Vec<&Object> =
        all.iter().filter(is_within).filter(|kafka| name.is_none_or(|name| *name == *kafka.meta.name)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    // What could not be read is no proof.
    if let Some(gap) = seen.gaps.first() {
        return Err(Failure::unchecked(format!("no Kafka was found, and not everything could be read: {gap}")));
    }
    Err(match name {
        Some(name) => {
            let failure = Failure::usage(format!("there is no Kafka {name}"));
            match text::nearest(name, all.iter().map(|kafka| &*kafka.meta.name)) {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint("`kubectl get kafkas -A` lists them"),
            }
        }
        None => Failure::usage("there is no Kafka here").hint("`kubectl get kafkas -A` lists them"),
    })
}

/// Runs the command.
pub(crate) fn run(args: &Args, flags: &KafkaArgs, printer: &Printer) -> Result<KafkaReport, Failure> {
    if args.scope.selector.is_some() {
        return Err(Failure::usage("a Kafka is named, not chosen with -l"));
    }
    let is_live = args.source.from.is_none();
    if !is_live && flags.describe {
        return Err(Failure::usage("--describe asks the brokers, and --from names files"));
    }
    if !flags.describe && (flags.bootstrap.is_some() || flags.command_config.is_some()) {
        return Err(Failure::usage("--bootstrap and --command-config go with --describe"));
    }
    let writes = is_live && !flags.check && !flags.topic_manifests;
    // What is wrong with the flags is told before anything is read.
    let settings = writes.then(|| create::settings(args, &flags.archive)).transpose()?;
    let seen = read::read(args)?;
    seen.warnings.iter().for_each(|warning| printer.note(warning));
    let now = args.source.now.unwrap_or_else(Timestamp::now);
    let kafkas = wanted(&seen, args, flags.name.as_deref())?;
    let all: Vec<Members<'_>> = kafkas.into_iter().map(|kafka| Members::of(&seen, kafka)).collect();
    let mut clusters: Vec<KafkaCluster> = all.iter().map(|members| judge::cluster(&seen, members, now)).collect();
    let mut notes = seen.notes.clone();
    if flags.name.is_none() {
        notes.extend(judge::strangers(&seen, &all));
    }
    if flags.describe {
        for (members, cluster) in all.iter().zip(&mut clusters) {
            describe::ask(&args.connection, flags, members, cluster, printer);
        }
    }
    let write = |settings| create::run(args, &flags.archive, settings, What::Objects(&pick(&all)), printer);
    let backup = settings.map(write).transpose()?;
    let is_unsure = clusters.iter().any(KafkaCluster::is_unsure);
    Ok(KafkaReport {
        api_version: API_VERSION.to_owned(),
        kind: "KafkaBackupReport".to_owned(),
        generated_at: now.to_string(),
        view: seen.view.clone(),
        partial: !seen.gaps.is_empty() || is_unsure || backup.as_ref().is_some_and(|backup| backup.manifest.partial),
        backup,
        clusters,
        gaps: seen.gaps.clone(),
        notes,
    })
}

/// What of the cluster goes into the archive.
fn pick(all: &[Members<'_>]) -> Pick {
    let mut objects = BTreeSet::new();
    let mut namespaces = BTreeSet::new();
    for members in all {
        for object in members.objects() {
            namespaces.insert(object.meta.namespace.to_string());
            let (group, kind) = (object.ty.group.to_string(), object.ty.kind.to_string());
            objects.insert((group, kind, object.meta.namespace.to_string(), object.meta.name.to_string()));
        }
        for (kind, namespace, name) in members.needed.keys() {
            namespaces.insert(namespace.clone());
            objects.insert((String::new(), (*kind).to_owned(), namespace.clone(), name.clone()));
        }
    }
    for namespace in &namespaces {
        objects.insert((String::new(), "Namespace".to_owned(), String::new(), namespace.clone()));
    }
    let names: Vec<String> =
        all.iter().map(|it| format!("Kafka/{}/{}", it.kafka.meta.namespace, it.kafka.meta.name)).collect();
    Pick { of: names.join(", "), namespaces: namespaces.into_iter().collect(), objects: Arc::new(objects) }
}

/// KafkaTopics for topics that none declares, as YAML to be put into Git.
pub(crate) fn manifests(report: &KafkaReport) -> String {
    describe::manifests(&report.clusters)
}

impl KafkaCluster {
    /// Whether something could not be told.
    fn is_unsure(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == mlops_shared::report::Level::Unknown)
            || self.brokers.as_ref().is_some_and(|brokers| !brokers.gaps.is_empty())
    }
}
