//! `snapshots --create`: a VolumeSnapshot of each claim, by a plan.

use super::cover::GROUP;
use super::judge::{Means, body, claims, means};
use super::read::Seen;
use super::{MADE_BY, RUN, Wanted, draft};
use mlops_shared::archive::Digest;
use mlops_shared::cli::{Failure, WriteSettings};
use mlops_shared::cluster::{ClusterError, Resource, Writer};
use mlops_shared::object::Object;
use mlops_shared::report::{ObjectId, Plan, PlanState, Refusal, Risk, Step, StepState};
use mlops_shared::text;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A name may be so long; what is longer is cut and told apart by a digest.
const NAME: usize = 253;
/// Where a person says why.
const REASON: &str = "mlops.dev/reason";

/// The plan, and with each of its steps the object that it makes.
///
/// # Errors
/// When a claim that was named is not there.
pub(super) fn plan(seen: &Seen, wanted: &Wanted, settings: &WriteSettings) -> Result<(Plan, Vec<Value>), Failure> {
    let mut plan = draft(seen, wanted, settings);
    if let Some(refusal) = unread(seen, &[("", "PersistentVolumeClaim")]) {
        plan.request = "take snapshots of claims".to_owned();
        plan.refusals.push(refusal);
        plan.state = PlanState::Refused;
        "not all claims could be read; nothing was made".clone_into(&mut plan.outcome);
        return Ok((plan, Vec::new()));
    }
    let claims = claims(seen, wanted)?;
    let stamp = wanted.now.strftime("%Y%m%d-%H%M%S").to_string();
    let mut drafts = Vec::new();
    let mut together: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ordered: Vec<(String, &Object)> = claims.into_iter().map(|claim| (workload(claim), claim)).collect();
    ordered.sort_by(|(one, a), (two, b)| {
        (one, &a.meta.namespace, &a.meta.name).cmp(&(two, &b.meta.namespace, &b.meta.name))
    });
    for (workload, claim) in ordered {
        let (namespace, name) = (&claim.meta.namespace, &claim.meta.name);
        let refuse = |reason: String, is_unsure: bool| Refusal {
            code: "no-snapshot".to_owned(),
            object: id("v1", "PersistentVolumeClaim", namespace, name),
            reason,
            unsure: is_unsure,
            hints: vec!["name the claims that can be snapshotted, or choose them with -l".to_owned()],
            command: None,
        };
        let class = match means(seen, claim, wanted.class.as_deref()) {
            Means::Class { class, .. } => class,
            // Claims that were not named one by one may be passed over where there is nothing to take.
            Means::Unbound if wanted.claims.is_empty() => {
                plan.notes.push(format!("{namespace}/{name} has no volume yet: passed over"));
                continue;
            }
            Means::Unbound => {
                plan.refusals.push(refuse("it has no volume yet: there is nothing to take".to_owned(), false));
                continue;
            }
            Means::No(why) => {
                plan.refusals.push(refuse(why, false));
                continue;
            }
            Means::Unknown(why) => {
                plan.refusals.push(refuse(why, true));
                continue;
            }
        };
        let called = called(name, &stamp);
        let policy = seen.classes.iter().find(|it| it.name() == class).map(|it| it.deletion_policy.as_str());
        let fate = match policy {
            Some("Retain") => "its data stays when the VolumeSnapshot is deleted",
            _ => "its data goes with the VolumeSnapshot (deletionPolicy Delete)",
        };
        let mut meta = json!({"name": called, "namespace": &**namespace,
            "labels": {MADE_BY.0: MADE_BY.1, RUN: stamp}});
        if let Some(reason) = &settings.reason {
            meta["annotations"] = json!({REASON: reason});
        }
        drafts.push(json!({"kind": "VolumeSnapshot", "metadata": meta, "spec": {
            "volumeSnapshotClassName": class, "source": {"persistentVolumeClaimName": &**name}}}));
        plan.steps.push(Step {
            action: "snapshot".to_owned(),
            object: id(&format!("{GROUP}/v1"), "VolumeSnapshot", namespace, &called),
            field: None,
            from: None,
            to: None,
            effect: format!("a snapshot of the claim {name} by class {class}; {fate}"),
            risk: Risk::None,
            undo: Some(format!(
                "kubectl delete volumesnapshot -n {} {}",
                text::shell_word(namespace),
                text::shell_word(&called)
            )),
            state: StepState::Planned,
            message: None,
        });
        if !workload.is_empty() && body(claim).is_some() {
            together.entry(workload).or_default().push(name.to_string());
        }
    }
    let count = plan.steps.len();
    plan.request = format!("take {} of claims", text::plural(count, "snapshot"));
    if !plan.refusals.is_empty() {
        plan.state = PlanState::Refused;
        "some claims cannot be snapshotted; nothing was made".clone_into(&mut plan.outcome);
        return Ok((plan, Vec::new()));
    }
    if count == 0 {
        plan.state = PlanState::Done;
        "no claim to take one of".clone_into(&mut plan.outcome);
        return Ok((plan, drafts));
    }
    plan.notes.push(
        "each is crash consistent: the volume as if its machine had lost power; what was not written out is not in it"
            .to_owned(),
    );
    for (workload, claims) in together.iter().filter(|(_, claims)| claims.len() > 1) {
        plan.notes.push(format!(
            "{workload} has {} here ({}): they are taken one after the other, so not at one instant; stop its writes first where that matters",
            text::plural(claims.len(), "volume"),
            claims.join(", ")
        ));
    }
    plan.next.push(format!("kubectl get volumesnapshot -A -l {RUN}={stamp}"));
    Ok((plan, drafts))
}

/// Why nothing is to be done where not all of these kinds could be read: what is missing would pass for what is not there.
pub(super) fn unread(seen: &Seen, kinds: &[(&str, &str)]) -> Option<Refusal> {
    let (group, kind) = kinds.iter().find(|(group, kind)| !seen.has_read(group, kind))?;
    let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    Some(Refusal {
        code: "unread".to_owned(),
        object: id(&api_version, kind, "", ""),
        reason: format!("not all of {kind} could be read: {}", seen.gaps.join("; ")),
        unsure: true,
        hints: vec!["the rights that it takes are in deploy/rbac/snapshots.yaml".to_owned()],
        command: None,
    })
}

/// Makes the snapshots, one request each; what fails does not keep the others from being taken.
pub(super) async fn carry_out(writer: &Writer<'_>, resource: &Resource, plan: &mut Plan, drafts: &[Value]) {
    for (step, draft) in plan.steps.iter_mut().zip(drafts) {
        let mut object = draft.clone();
        object["apiVersion"] = resource.api_version().into();
        step.object.api_version = resource.api_version();
        match writer.create(resource, &step.object.namespace, &object).await {
            Ok(_) => step.state = StepState::Accepted,
            Err(error) => fail(step, &mut plan.notes, &error),
        }
    }
    settle(plan);
}

/// A change that was refused, or of which nobody can tell.
pub(super) fn fail(step: &mut Step, notes: &mut Vec<String>, error: &ClusterError) {
    let is_doubt = matches!(error, ClusterError::InDoubt(_));
    step.state = if is_doubt { StepState::InDoubt } else { StepState::Failed };
    step.message = Some(error.to_string());
    notes.extend(error.hints().into_iter().map(|hint| format!("hint: {hint}")));
}

/// What became of the plan where a step did not do what it should.
pub(super) fn settle(plan: &mut Plan) {
    let count = |state| plan.steps.iter().filter(|step| step.state == state).count();
    let (failed, doubtful) = (count(StepState::Failed), count(StepState::InDoubt));
    let total = text::plural(plan.steps.len(), "snapshot");
    if failed > 0 {
        plan.state = PlanState::Failed;
        plan.outcome = format!("{failed} of {total} failed");
    } else if doubtful > 0 {
        plan.state = PlanState::InDoubt;
        plan.outcome = format!("of {doubtful} of {total} nobody can tell");
    }
}

fn id(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectId {
    ObjectId {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// The name of a claim's snapshot: claim and time.
pub(super) fn called(claim: &str, stamp: &str) -> String {
    let room = NAME - stamp.len() - 1;
    if claim.len() <= room {
        return format!("{claim}-{stamp}");
    }
    let digest = Digest::of(claim.as_bytes()).to_string();
    let short = digest.get(..8).unwrap_or_default();
    // Names are ASCII.
    let head: String = claim.chars().take(room - short.len() - 1).collect();
    format!("{}-{short}-{stamp}", head.trim_end_matches(['-', '.']))
}

/// The workload that a claim belongs to, as its labels say; empty where they do not.
fn workload(claim: &Object) -> String {
    let label = |key: &str| claim.meta.labels.get(key).filter(|value| !value.is_empty());
    let namespace = &claim.meta.namespace;
    let known = [("strimzi.io/cluster", "Kafka"), ("v1.min.io/tenant", "Tenant"), ("cnpg.io/cluster", "Cluster")];
    let of_operator = known.iter().find_map(|(key, kind)| Some(format!("{kind} {namespace}/{}", label(key)?)));
    of_operator.or_else(|| Some(format!("{namespace}/{}", label("app.kubernetes.io/instance")?))).unwrap_or_default()
}
