//! Ending a pause: on the object, or on what deploys it.

use crate::apply::{patch_unchanged, told};
use crate::read;
use crate::run::Setup;
use crate::settings::Name;
use crate::situation::id;
use crate::stamp::{DRIFT, PAUSED_REPLICAS, PauseStamp, RECONCILE};
use mlops_shared::cli::{Demand, DryRun, Failure, confirm};
use mlops_shared::cluster::{ClusterError, Connection, Place, Writer};
use mlops_shared::object::{Object, ObjectRef};
use mlops_shared::ownership::{Managers, PAUSED_BY};
use mlops_shared::report::{Level, Plan, PlanState, Preflight, Refusal, Risk, Step, StepState};
use mlops_shared::text;
use serde_json::{Value, json};
use std::cell::Cell;

/// A pause that was found, and the patch that ends it.
struct Found {
    step: Step,
    patch: Value,
    on_owner: bool,
}

/// Ends the pause of an object, and gives the plan with what became of it.
pub(crate) async fn resume(
    connection: &Connection,
    name: &Name,
    setup: &Setup<'_>,
    begun: &Cell<bool>,
) -> Result<Plan, Failure> {
    let seen = read::live(connection, name, None).await?;
    let record = seen.record().ok_or_else(|| Failure::unchecked(format!("{} was not read", seen.object)))?;
    let settings = setup.settings;
    let mut plan = Plan::new("ScalePlan", seen.view.clone(), format!("resume {}", seen.object), settings.now);
    plan.dry_run = settings.write.dry_run.word().to_owned();
    settings.write.manager.as_str().clone_into(&mut plan.field_manager);
    plan.reason.clone_from(&settings.write.reason);
    let managers = Managers::new(&seen.inventory);
    let chain = managers.of(record);
    let deployer = chain.deployer().map(|link| &link.object);
    let owner = deployer.and_then(|by| seen.inventory.find(by).found());
    let found = on_object(record, &seen.json, deployer).or_else(|| {
        let owner = owner?;
        on_owner(owner, &seen.object)
    });
    let Some(found) = found else {
        plan.state = PlanState::Refused;
        "nothing was changed".clone_into(&mut plan.outcome);
        plan.refusals.push(Refusal {
            code: "not-paused".to_owned(),
            object: id(record),
            reason: "neither it nor what deploys it has a pause that this command made".to_owned(),
            unsure: !chain.unread.is_empty(),
            hints: vec!["`kubectl mlops scale status` lists the pauses".to_owned()],
            command: None,
        });
        return Ok(plan);
    };
    plan.preflight.push(restored(deployer, record, owner, found.on_owner));
    plan.steps.push(found.step);
    if settings.write.dry_run == DryRun::Client {
        return Ok(plan);
    }
    setup.output.before_asking(&plan, settings);
    let token = confirm(&settings.write, &format!("{}?", plan.request), Demand::Yes).await?;
    begun.set(!token.is_dry_run());
    let writer = Writer::new(connection, &token, &settings.write.manager);
    let target: Option<(&Place, &Value)> = match (found.on_owner, &seen.place, &seen.owner) {
        (true, _, Some((place, json))) => Some((place, json)),
        (false, Some(place), _) => Some((place, &seen.json)),
        _ => None,
    };
    let outcome = match target {
        Some((place, json)) => patch_unchanged(connection, &writer, place, &found.patch, json).await,
        None => Err(ClusterError::NotFound),
    };
    let step = &mut plan.steps[0];
    match outcome {
        Ok(_) => {
            let is_dry_run = token.is_dry_run();
            step.state = if is_dry_run { StepState::Accepted } else { StepState::Done };
            plan.state = if is_dry_run { PlanState::Accepted } else { PlanState::Done };
            plan.outcome = if is_dry_run { "the API server takes it" } else { "the pause has ended" }.to_owned();
        }
        Err(error) => {
            let is_doubt = matches!(error, ClusterError::InDoubt(_));
            step.state = if is_doubt { StepState::InDoubt } else { StepState::Failed };
            plan.state = if is_doubt { PlanState::InDoubt } else { PlanState::Failed };
            plan.outcome = told(&error);
            plan.notes.extend(error.hints().into_iter().map(|hint| format!("hint: {hint}")));
        }
    }
    Ok(plan)
}

fn on_object(object: &Object, json: &Value, deployer: Option<&ObjectRef>) -> Option<Found> {
    let annotation = |key: &str| json.get("metadata")?.get("annotations")?.get(key);
    annotation(PAUSED_BY)?;
    let keys: Vec<&str> = [RECONCILE, DRIFT].into_iter().filter(|key| annotation(key).is_some()).collect();
    let key = keys.first()?;
    let mut none = PauseStamp::none();
    keys.iter().for_each(|key| none[*key] = Value::Null);
    let by = deployer.map_or_else(|| "nobody that was read".to_owned(), ToString::to_string);
    Some(Found {
        step: step(
            object,
            &format!("metadata.annotations[{key}]"),
            annotation(key).cloned(),
            format!("{by} applies it again"),
        ),
        patch: json!({"metadata": {"annotations": none}}),
        on_owner: false,
    })
}

fn on_owner(owner: &Object, object: &ObjectRef) -> Option<Found> {
    let is_suspended = owner.custom().is_some_and(|custom| custom.spec_true("/suspend"));
    let is_ours = crate::owner::paused_for(owner) == Some(&*object.to_string());
    (is_suspended && is_ours).then(|| Found {
        step: step(owner, "spec.suspend", Some(true.into()), "it applies all its objects again".to_owned()),
        patch: json!({"metadata": {"annotations": PauseStamp::none()}, "spec": {"suspend": null}}),
        on_owner: true,
    })
}

fn step(object: &Object, field: &str, from: Option<Value>, effect: String) -> Step {
    Step {
        action: "resume".to_owned(),
        object: id(object),
        field: Some(field.to_owned()),
        from,
        to: None,
        effect,
        risk: Risk::None,
        undo: None,
        state: StepState::Planned,
        message: None,
    }
}

/// What will be set again, as far as it is known.
fn restored(deployer: Option<&ObjectRef>, object: &Object, owner: Option<&Object>, on_owner: bool) -> Preflight {
    let interval = owner.and_then(|owner| owner.custom()).map(|custom| custom.spec_text("/interval").to_owned());
    let within = interval
        .and_then(|text| text::parse_duration(&text))
        .map_or_else(String::new, |time| format!(" within {time:#}"));
    let holder = if on_owner { owner.unwrap_or(object) } else { object };
    let before = holder.meta.annotations.get(PAUSED_REPLICAS);
    let by = deployer.map_or_else(|| "whoever deploys it".to_owned(), ToString::to_string);
    let message = format!("{by} sets again{within} what its source says now, the replicas too where it sets them");
    let evidence = before.map(|before| format!("{before} replicas before the pause")).into_iter().collect();
    Preflight { check: "restored".to_owned(), verdict: Level::Ok, message, evidence }
}
