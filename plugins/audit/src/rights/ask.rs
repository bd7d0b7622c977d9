//! The runs of the questions on rights: what is read for them, and how they end.

use super::basis::{Basis, RBAC, ROLES_AND_BINDINGS, Read};
use super::paths::{self, PathsReport};
use super::permissions::{self, PermissionsReport};
use super::resource;
use super::verify;
use super::who_can::{self, WhoCanReport};
use crate::args::Args;
use crate::rbac::Grants;
use crate::record::{Record, Records, decode};
use jiff::Timestamp;
use mlops_shared::cli::{ConnectionArgs, Exit, Failure, on_cluster, platform};
use mlops_shared::cluster::{self, Plan};
use mlops_shared::object::SectionState;
use mlops_shared::report::{Format, View};
use mlops_shared::source::{Gathered, Limits, Origin, gather};
use std::time::Duration;

/// Reading may take so long.
const BUDGET: Duration = Duration::from_secs(180);

/// Kinds that `paths` reads besides roles and bindings.
const TOKENS: &[(&str, &str)] = &[
    ("", "ServiceAccount"),
    ("", "Pod"),
    ("", "ReplicationController"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
];

/// Sources of Flux, which `paths` reads too.
const SOURCES: &[(&str, &str)] = &[
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "HelmChart"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
];

/// Group and kind of everything that is read for an answer.
pub(crate) fn kinds() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    ROLES_AND_BINDINGS.iter().chain(TOKENS).chain(SOURCES)
}

/// The format; answers on rights have no form as cases or figures.
fn format(args: &Args, has_names: bool) -> Result<Format, Failure> {
    let word = args.output.output.as_deref().unwrap_or("table");
    match word.parse().map_err(Failure::usage)? {
        Format::Name if has_names => Ok(Format::Name),
        Format::Name | Format::Junit | Format::Prometheus => {
            Err(Failure::usage(format!("this answer has no form as {word}"))
                .hint("use table, wide, json, yaml, markdown or html"))
        }
        format => Ok(format),
    }
}

/// Reads these kinds, of the source that the command line names.
fn read(
    args: &Args,
    connection: &ConnectionArgs,
    namespaces: &[String],
    kinds: &[(&str, &str)],
) -> Result<Gathered<Record>, Failure> {
    if let Some(path) = &args.source.from {
        return Ok(gather(Origin { path, identities: &args.source.identity }, &Limits::default(), &decode)?);
    }
    let (platform, _) = platform(args.source.platform.as_ref())?;
    let plan = Plan {
        namespaces: namespaces.to_vec(),
        likely: platform.namespaces.iter().map(|namespace| namespace.name.clone()).collect(),
        budget: BUDGET,
        kubelets: false,
        contents: false,
    };
    let wanted = |group: &str, kind: &str| kinds.contains(&(group, kind));
    on_cluster(connection, async |connection| cluster::gather(connection, &plan, wanted, decode).await)
}

/// What was read, apart from its records.
struct Rest {
    records: Records,
    sections: Vec<mlops_shared::object::Section>,
    view: View,
    notes: Vec<String>,
    gaps: Vec<String>,
    is_whole: bool,
}

impl Rest {
    fn new(gathered: Gathered<Record>) -> Self {
        let Gathered { items, sections, is_whole, view, notes, gaps, .. } = gathered;
        Self { records: Records::new(items), sections, view, notes, gaps, is_whole }
    }

    /// Whether all objects of these kinds are among the records. A kind that the server does not have has none.
    fn knows_all(&self, kinds: &[(&str, &str)]) -> bool {
        let is_unknown = |section: &&mlops_shared::object::Section| match &section.state {
            SectionState::Read(_) => false,
            SectionState::Partly(..) => true,
            SectionState::Unread(why) => why.is_gap(),
        };
        let of_kind = |section: &&mlops_shared::object::Section| {
            kinds.contains(&(&*section.group, &*section.kind)) || &*section.kind == "*"
        };
        self.is_whole && !self.sections.iter().filter(of_kind).any(|section| is_unknown(&section))
    }

    fn basis(&self, kind: &str, args: &Args, needs: &[(&str, &str)], more: Vec<String>) -> Basis {
        let mut notes = self.notes.clone();
        if !self.is_whole {
            notes.push("made from files: bindings that they do not hold give nothing here".to_owned());
        }
        notes.extend(self.records.broken.iter().filter(|head| &*head.ty.group == RBAC).map(|head| {
            format!("{} {} does not have the shape of its kind, and gives nothing here", head.ty.kind, head.meta.name)
        }));
        notes.extend(more);
        let read = Read {
            sections: &self.sections,
            view: self.view.clone(),
            notes,
            gaps: self.gaps.clone(),
            namespaces: &args.scope.namespace,
            now: args.source.now.unwrap_or_else(Timestamp::now),
        };
        Basis::new(kind, read, needs)
    }
}

/// Shows an answer.
type Show<'a, T> = &'a dyn Fn(&T, Format) -> Result<(), Failure>;

/// `audit who-can VERB RESOURCE`.
pub(crate) fn who_can(
    args: &Args,
    (verb, text, subresource): (&str, &str, Option<&str>),
    show: Show<'_, WhoCanReport>,
) -> Result<Exit, Failure> {
    let format = format(args, true)?;
    let rest = Rest::new(read(args, &args.connection, &args.scope.namespace, ROLES_AND_BINDINGS)?);
    let target = resource::parse(text, subresource, &rest.records.roles)?;
    let grants = Grants::new(&rest.records);
    let mut notes = vec!["members of system:masters may do everything, and no binding says who they are".to_owned()];
    if let (resource::Target::Resource { name, .. }, None) = (&target, subresource)
        && ["exec", "attach", "log", "portforward", "proxy", "scale", "status", "token"].contains(&name.as_str())
    {
        notes.push(format!("{name} is taken for the name of an object; --subresource {name} asks about the other"));
    }
    let holders = who_can::holders(&grants, verb, &target, &args.scope.namespace);
    let basis = rest.basis("WhoCanReport", args, ROLES_AND_BINDINGS, notes);
    let report = WhoCanReport { basis, verb: verb.to_owned(), target: target.label(), holders };
    show(&report, format)?;
    Ok(Exit::of_check(false, report.basis.partial))
}

/// `audit permissions --as SUBJECT`.
pub(crate) fn permissions(args: &Args, is_verified: bool, show: Show<'_, PermissionsReport>) -> Result<Exit, Failure> {
    let format = format(args, false)?;
    let Some(subject) = args.connection.as_user.as_deref() else {
        return Err(Failure::usage("whose permissions? --as names the subject")
            .hint("--as USER, --as system:serviceaccount:NAMESPACE:NAME or --as NAMESPACE/NAME"));
    };
    if args.connection.as_uid.is_some() || !args.connection.as_user_extra.is_empty() {
        return Err(Failure::usage("--as-uid and --as-user-extra mean nothing to roles; leave them out"));
    }
    let who = permissions::identity(subject, &args.connection.as_group)?;
    // Here the flags name the subject: nobody is impersonated.
    let own = ConnectionArgs { as_user: None, as_group: Vec::new(), ..args.connection.clone() };
    if is_verified && args.source.from.is_some() {
        return Err(Failure::usage("--verify asks the cluster, and --from reads files"));
    }
    let namespaces = &args.scope.namespace;
    let rest = Rest::new(read(args, &own, namespaces, ROLES_AND_BINDINGS)?);
    let grants = Grants::new(&rest.records);
    let verification = if is_verified {
        let (questions, left_out) = verify::questions(&grants, &who, namespaces);
        let asked = verify::accesses(&questions, &who);
        let answers = on_cluster(&own, async |connection| cluster::reviews(connection, &asked).await)?;
        Some(verify::compare(&grants, &who, (&questions, left_out), answers))
    } else {
        None
    };
    let report = PermissionsReport {
        basis: rest.basis("PermissionsReport", args, ROLES_AND_BINDINGS, Vec::new()),
        is_master: permissions::is_master(&who),
        powers: permissions::held(&grants, &who, namespaces),
        permissions: permissions::permissions(&grants, &who, namespaces),
        user: who.user.clone(),
        groups: who.groups.iter().cloned().collect(),
        verification,
    };
    show(&report, format)?;
    let differs = report.verification.as_ref().is_some_and(|it| !it.disagreements.is_empty());
    Ok(Exit::of_check(differs, report.basis.partial))
}

/// `audit paths`.
pub(crate) fn paths(args: &Args, show: Show<'_, PathsReport>) -> Result<Exit, Failure> {
    let format = format(args, false)?;
    let kinds: Vec<_> = kinds().copied().collect();
    // A path leads through any namespace, wherever it starts.
    let rest = Rest::new(read(args, &args.connection, &[], &kinds)?);
    let (paths, accounts) = paths::paths(&rest.records, &args.scope.namespace, rest.knows_all(SOURCES));
    let report = PathsReport { basis: rest.basis("PathsReport", args, &kinds, Vec::new()), accounts, paths };
    show(&report, format)?;
    Ok(Exit::of_check(false, report.basis.partial))
}
