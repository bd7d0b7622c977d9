//! One run of `health usage`: what it needs is read, from the cluster and its kubelets or from files.

use super::{Ask, Section, UsageReport, kinds, kubelets, report};
use crate::args::{Args, UsageArgs};
use crate::run::{on_cluster, plan};
use crate::settings::Settings;
use mlops_shared::cli::{Exit, Failure};
use mlops_shared::cluster;
use mlops_shared::object::{Decoded, Sym, Unread};
use mlops_shared::platform::Platform;
use mlops_shared::report::View;
use mlops_shared::source::{Limits, Snapshot, read_path};
use std::time::Instant;

/// Reads, judges, and says how the run ends.
pub(crate) fn run(
    wanted: &UsageArgs,
    settings: &Settings,
    args: &Args,
    platform: &Platform,
    origin: String,
) -> Result<(UsageReport, Exit), Failure> {
    let sections: Vec<Section> =
        Section::ALL.into_iter().filter(|part| wanted.sections.is_empty() || wanted.sections.contains(part)).collect();
    let namespaces: Vec<Sym> = settings.namespaces.iter().map(|name| Sym::new(name)).collect();
    let (snapshot, failures) = match &settings.from {
        Some(path) => (read_path(path, &Limits::default())?, Vec::new()),
        None => read(settings, args, platform, (&sections, &namespaces))?,
    };
    let report = report(&Ask {
        inventory: &snapshot.inventory,
        platform,
        view: View { platform: Some(origin), ..snapshot.view },
        is_live: settings.from.is_none(),
        notes: snapshot.notes,
        gaps: snapshot.gaps,
        failures,
        namespaces: &namespaces,
        selector: settings.selector.as_ref(),
        sections: &sections,
        sort: wanted.sort,
        top: wanted.top,
        now: settings.now,
    });
    let has_findings = report.findings.iter().any(|finding| settings.fail_on.is_met(finding.verdict));
    let exit = Exit::of_check(has_findings, report.partial);
    Ok((report, exit))
}

/// The kinds that the parts need, then the kubelets of the nodes that were found.
fn read(
    settings: &Settings,
    args: &Args,
    platform: &Platform,
    (sections, namespaces): (&[Section], &[Sym]),
) -> Result<(Snapshot, Vec<(String, Unread)>), Failure> {
    let plan = plan(settings, platform);
    let deadline = Instant::now() + plan.budget;
    on_cluster(args, async |connection| {
        let mut snapshot = cluster::read_kinds(connection, &plan, &kinds(sections)).await?;
        let mut failures = Vec::new();
        if sections.contains(&Section::Volumes) {
            let nodes = kubelets(&snapshot.inventory, namespaces);
            let mut builder = std::mem::take(&mut snapshot.inventory).reopen();
            for (node, outcome) in cluster::statistics(connection, &nodes, deadline).await {
                match outcome {
                    Ok(summary) => builder.push(Decoded::Object(summary)),
                    Err(why) => failures.push((node, why)),
                }
            }
            snapshot.inventory = builder.finish();
        }
        Ok((snapshot, failures))
    })
}
