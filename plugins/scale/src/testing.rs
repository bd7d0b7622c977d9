//! Situations from YAML, for tests.

use crate::args::Args;
use crate::plan::{Draft, build};
use crate::read::{self, Seen};
use crate::settings::{Ask, Request, Settings, resolve};
use crate::situation::Situation;
use clap::Parser as _;
use jiff::Timestamp;
use mlops_shared::cli::Failure;
use mlops_shared::platform::Platform;
use mlops_shared::report::Plan;
use serde_json::Value;
use std::io::Write as _;

/// The instant of every test.
pub(crate) fn now() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().expect("an instant")
}

/// The plan of these words for these manifests, as a whole view of a cluster.
pub(crate) fn plan(manifests: &str, words: &[&str]) -> Plan {
    draft(manifests, words).plan
}

/// The same with its writes.
pub(crate) fn draft(manifests: &str, words: &[&str]) -> Draft {
    draft_with(manifests, words, None)
}

/// The same with what the server says of its pools.
pub(crate) fn draft_with(manifests: &str, words: &[&str], server: Option<Result<Value, String>>) -> Draft {
    let (mut seen, settings) = seen(manifests, words);
    seen.server = server;
    let Request::Scale(ask) = &settings.request else { panic!("no scaling: {words:?}") };
    let object = seen.record().expect("the record");
    let platform = Platform::built_in();
    let situation = Situation {
        object,
        json: &seen.json,
        resource: &seen.resource,
        replicas: &seen.replicas,
        path: seen.path.as_ref().map_err(String::as_str),
        inventory: &seen.inventory,
        owner: seen.owner.as_ref().map(|(_, json)| json),
        ask,
        platform: &platform,
        now: settings.now,
        manager: settings.write.manager.as_str(),
        who: "ada",
        reason: settings.write.reason.as_deref(),
        timeout: settings.timeout,
        server: seen.server.as_ref(),
    };
    build(&situation, &settings, seen.view.clone())
}

/// Why these words lead to no plan.
pub(crate) fn refused(manifests: &str, words: &[&str]) -> Failure {
    let settings = match flags(words) {
        Ok(settings) => settings,
        Err(failure) => return failure,
    };
    let Request::Scale(ask) = &settings.request else { panic!("no scaling: {words:?}") };
    match read_file(manifests, ask) {
        Err(failure) => failure,
        Ok(seen) => crate::run::fits(ask, &seen).expect_err("refused"),
    }
}

/// What these words mean.
pub(crate) fn flags(words: &[&str]) -> Result<Settings, Failure> {
    resolve(&Args::try_parse_from(["x"].iter().chain(words)).expect("flags"), now())
}

fn read_file(manifests: &str, ask: &Ask) -> Result<Seen, Failure> {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    file.write_all(manifests.as_bytes()).expect("written");
    read::files(file.path().into(), &ask.name, Some(ask))
}

fn seen(manifests: &str, words: &[&str]) -> (Seen, Settings) {
    let args = Args::try_parse_from(["x"].iter().chain(words)).expect("flags");
    let settings = resolve(&args, now()).expect("settings");
    let Request::Scale(ask) = &settings.request else { panic!("no scaling: {words:?}") };
    let mut seen = read_file(manifests, ask).expect("read");
    crate::run::fits(ask, &seen).expect("a goal");
    // A whole view: what is not there is not in the cluster.
    let (objects, _) = seen.inventory.into_parts();
    let scope = mlops_shared::object::Scope::Cluster;
    let mut builder = mlops_shared::object::InventoryBuilder::new(scope, true);
    objects.into_iter().for_each(|object| builder.push(mlops_shared::object::Decoded::Object(object)));
    let target = crate::targets::target_of(&seen.object.group, &seen.object.kind);
    for (group, kind) in target.kinds() {
        let (group, resource) = ((*group).into(), kind.to_lowercase().as_str().into());
        let state = mlops_shared::object::SectionState::Read(0);
        builder.section(mlops_shared::object::Section { group, kind: (*kind).into(), resource, state });
    }
    seen.inventory = builder.finish();
    (seen, settings)
}
