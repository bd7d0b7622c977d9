//! The change itself: what sets the replicas in the tree, the plan of the edit, its commit and push.

use super::origin::{self, Origin};
use super::{GitAsk, wait};
use crate::apply::Run;
use crate::plan::Draft;
use crate::read::Seen;
use crate::run::Setup;
use crate::settings::Ask;
use mlops_shared::cli::{DryRun, Exit, Failure};
use mlops_shared::cluster::{Connection, WriteToken, Writer};
use mlops_shared::gitops::{
    ChangeError, LocateError, Proposal, Repository, RepositoryError, Root, Target, Tree, Upstream, Wish, follow,
    locate, message, propose, push, replica_values,
};
use mlops_shared::object::ObjectRef;
use mlops_shared::ownership::FieldPath;
use mlops_shared::report::{Level, PlanState, Preflight, Refusal, StepState};
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

/// One run of git may take so long: a fetch of a large repository, a slow hook.
const LIMIT: Duration = Duration::from_secs(120);

/// A repository, and where in it the change goes.
struct Way {
    repository: Repository,
    origin: Origin,
    upstream: Upstream,
    /// The commit that the change is made on.
    base: String,
}

/// What is looked for in the tree: the object itself, or the values of the release that makes it.
fn goal<'a>(seen: &'a Seen, origin: &'a Origin, git: &'a GitAsk) -> Result<(&'a ObjectRef, &'a FieldPath), String> {
    match (&origin.release, &git.value, &seen.path) {
        (Some(release), Some(value), _) => Ok((&release.object, value)),
        (Some(release), None, _) => {
            Err(format!("a chart makes it: nobody can tell which value of {} holds its replicas", release.object))
        }
        (None, Some(_), _) => Err("no HelmRelease makes it: there are no values to set".to_owned()),
        (None, None, Ok(path)) => Ok((&seen.object, path)),
        (None, None, Err(why)) => Err(why.clone()),
    }
}

/// Plans from files: nothing is fetched, and no cluster is asked.
pub(crate) async fn plan(seen: &Seen, git: &GitAsk, draft: &mut Draft) -> Result<(), Failure> {
    if !draft.plan.refusals.is_empty() {
        return Ok(());
    }
    let Some(way) = way(None, seen, git, draft).await? else { return Ok(()) };
    let Some((object, path)) = aim(seen, &way.origin, git, draft, &way) else { return Ok(()) };
    let value = json!(wanted(draft));
    look(&way, wish(&way.origin, object, path, &value), draft)?;
    Ok(())
}

/// Scales through Git.
pub(crate) async fn scale(
    setup: &Setup<'_>,
    connection: &Connection,
    (ask, git): (&Ask, &GitAsk),
    (seen, mut draft): (&Seen, Draft),
    begun: &Cell<bool>,
) -> Result<Exit, Failure> {
    if !draft.plan.refusals.is_empty() || draft.writes.is_empty() {
        return setup.end(&draft.plan);
    }
    let Some(way) = way(Some(connection), seen, git, &mut draft).await? else { return setup.end(&draft.plan) };
    let Some((object, path)) = aim(seen, &way.origin, git, &mut draft, &way) else { return setup.end(&draft.plan) };
    let value = json!(wanted(&draft));
    let wish = wish(&way.origin, object, path, &value);
    let Some(proposal) = look(&way, wish, &mut draft)? else { return setup.end(&draft.plan) };
    if setup.settings.write.dry_run != DryRun::None {
        return setup.end(&draft.plan);
    }
    let is_there = proposal.edit.is_nothing();
    // Nobody waits either: nothing is left to do.
    if is_there && (!git.push || setup.settings.timeout.is_zero()) {
        let outcome = format!("{} says so already: there is nothing to commit", proposal.located.place.name());
        ended(&mut draft, PlanState::Done, outcome);
        draft.plan.steps.iter_mut().for_each(|step| step.state = StepState::Unneeded);
        return setup.end(&draft.plan);
    }
    let how = if git.push {
        format!(": commit and push to {}", way.upstream.name())
    } else {
        ": commit to a new local branch".to_owned()
    };
    let token = setup.consent(seen, ask, &draft, &how).await?;
    let text = commit_message(setup, seen, &draft, connection);
    if !git.push {
        let done = commit(&way, &proposal, &token, (&text, seen, &draft));
        match done {
            Ok((commit, branch)) => {
                ended(
                    &mut draft,
                    PlanState::Applied,
                    format!("commit {} is on the new branch {branch}; nothing is pushed", short(&commit)),
                );
                let tree = shell(way.repository.top());
                draft.plan.next.push(format!("git -C {tree} push {} {branch}", way.upstream.remote));
                draft
                    .plan
                    .steps
                    .iter_mut()
                    .for_each(|step| step.undo = Some(format!("git -C {tree} branch -D {branch}")));
            }
            Err(error) => failed(&mut draft, &error),
        }
        return setup.end(&draft.plan);
    }
    let pushed = match push(&way.repository, proposal, &way.upstream, (&token, &text), wish) {
        Ok(pushed) => pushed,
        Err(error) => {
            // Ctrl-C ends git first: let that be told as what it is.
            tokio::task::yield_now().await;
            failed(&mut draft, &error);
            if matches!(error, ChangeError::Repository(RepositoryError::Tool(_))) {
                let note = "without --push the commit is left on a branch of its own, for a merge request";
                draft.plan.notes.push(note.to_owned());
            }
            return setup.end(&draft.plan);
        }
    };
    begun.set(true);
    let told = if is_there { "says so already" } else { "is pushed" };
    let steps = &mut draft.plan.steps;
    for step in steps.iter_mut() {
        step.state = if is_there { StepState::Unneeded } else { StepState::Done };
        step.message = Some(format!("commit {} {told} on {}", short(&pushed.commit), way.upstream.name()));
    }
    if setup.settings.timeout.is_zero() {
        ended(
            &mut draft,
            PlanState::Applied,
            format!("commit {} {told}; nobody waits for what follows", short(&pushed.commit)),
        );
        return setup.end(&draft.plan);
    }
    let writer = Writer::new(connection, &token, &setup.settings.write.manager);
    let deadline = Instant::now() + setup.settings.timeout;
    let run = Run {
        connection,
        token: &token,
        settings: setup.settings,
        seen,
        place: match &seen.place {
            Some(place) => place,
            None => return setup.end(&draft.plan),
        },
        platform: setup.platform,
        printer: setup.output.printer,
    };
    let arrived = wait::until_live(
        &run,
        &writer,
        (&way.repository, &way.upstream),
        &way.origin,
        &pushed.commit,
        deadline,
        &mut draft,
    )
    .await;
    if arrived {
        run.wait(&writer, &mut draft, deadline).await;
    }
    if draft.plan.state == PlanState::Failed {
        draft.plan.next.push(format!("git -C {} revert {}", shell(way.repository.top()), pushed.commit));
        draft.plan.next.push(format!(
            "flux get kustomization {} -n {}",
            way.origin.kustomization.object.name, way.origin.kustomization.object.namespace
        ));
    }
    setup.end(&draft.plan)
}

/// Finds the repository and the commit to begin with; a refusal goes into the plan.
async fn way(
    connection: Option<&Connection>,
    seen: &Seen,
    git: &GitAsk,
    draft: &mut Draft,
) -> Result<Option<Way>, Failure> {
    let origin = match origin::read(connection, seen).await {
        Ok(origin) => origin,
        Err(why) => return Ok(refused(draft, "not-from-git", why, Vec::new())),
    };
    let look = follow::Look {
        source: origin.source.json.clone(),
        kustomization: origin.kustomization.json.clone(),
        release: origin.release.as_ref().map(|release| release.json.clone()),
        object: Value::Null,
    };
    if let Some(why) = follow::suspended(&look) {
        return Ok(refused(draft, "suspended", why, vec!["`scale resume`, or flux resume, ends that".to_owned()]));
    }
    let branch = match origin.branch() {
        Ok(branch) => branch,
        Err(why) => return Ok(refused(draft, "no-branch-is-followed", why, Vec::new())),
    };
    let repository = Repository::open(&git.tree, LIMIT).map_err(broken)?;
    let remote = repository.remote(git.remote.as_deref(), origin.url().filter(|_| git.remote.is_none()));
    let (remote, base) = match (remote, git.push) {
        (Ok(remote), true) => {
            let upstream = Upstream { remote: remote.name.clone(), branch: branch.clone() };
            (remote.name, repository.fetch(&upstream).map_err(broken)?)
        }
        (Ok(remote), false) => {
            let upstream = Upstream { remote: remote.name.clone(), branch: branch.clone() };
            let known = repository.known(&upstream).map_err(broken)?;
            (remote.name, known.map_or_else(|| repository.head(), Ok).map_err(broken)?)
        }
        (Err(error), true) => return Err(broken(error)),
        (Err(error), false) => {
            draft
                .plan
                .notes
                .push(format!("{error}: the edit is made on what is checked out in {}", git.tree.display()));
            ("origin".to_owned(), repository.head().map_err(broken)?)
        }
    };
    Ok(Some(Way { repository, origin, upstream: Upstream { remote, branch }, base }))
}

/// The object and field to look for; a refusal lists the values that may be meant.
fn aim<'a>(
    seen: &'a Seen,
    origin: &'a Origin,
    git: &'a GitAsk,
    draft: &mut Draft,
    way: &Way,
) -> Option<(&'a ObjectRef, &'a FieldPath)> {
    let why = match goal(seen, origin, git) {
        Ok(goal) => return Some(goal),
        Err(why) => why,
    };
    let mut hints = Vec::new();
    if let Some(release) = &origin.release {
        hints.push(format!(
            "--value PATH names it, as in --value .spec.values.replicaCount; what there is in {}:",
            release.object
        ));
        if let Ok(checkout) = way.repository.checkout(&way.base)
            && let Ok(tree) = Tree::read(checkout.path())
        {
            let root = Root::Flux(&origin.kustomization.object, origin.spec());
            hints.extend(values(&tree, &release.object, root));
        }
    }
    refused(draft, "value-not-known", why, hints)
}

fn wish<'a>(origin: &'a Origin, object: &'a ObjectRef, path: &'a FieldPath, value: &'a Value) -> Wish<'a> {
    let root = Root::Flux(&origin.kustomization.object, origin.spec());
    Wish { target: Target { object, path }, root, value }
}

/// Makes the proposal and tells of it in the plan; what forbids it is a refusal.
fn look<'r>(way: &'r Way, wish: Wish<'_>, draft: &mut Draft) -> Result<Option<Proposal<'r>>, Failure> {
    let proposal = match propose(&way.repository, &way.base, wish) {
        Ok(proposal) => proposal,
        Err(ChangeError::Repository(error)) => return Err(broken(error)),
        Err(error) => {
            let code = if matches!(error, ChangeError::Locate(LocateError::Unset { .. })) {
                "git-does-not-set-it"
            } else {
                "git-edit-refused"
            };
            return Ok(refused(draft, code, error.to_string(), error.hints()));
        }
    };
    let (place, edit) = (&proposal.located.place, &proposal.edit);
    let mut evidence = match edit.is_nothing() {
        true => vec![format!("{} says so already", place.name())],
        false => vec![format!("- {}", edit.before), format!("+ {}", edit.after)],
    };
    evidence.extend(
        proposal
            .located
            .overridden
            .iter()
            .map(|other| format!("overrides {} in {}, {}", other.text, other.by, other.name())),
    );
    let message = format!("{} sets it, in {} at {}", place.by, place.name(), short(&way.base));
    draft.plan.preflight.push(Preflight { check: "git".to_owned(), verdict: Level::Ok, message, evidence });
    for step in &mut draft.plan.steps {
        step.from = Some(place.text.parse::<u32>().map_or_else(|_| json!(place.text), |count| json!(count)));
    }
    Ok(Some(proposal))
}

fn commit(
    way: &Way,
    proposal: &Proposal<'_>,
    token: &WriteToken,
    (text, seen, draft): (&str, &Seen, &Draft),
) -> Result<(String, String), ChangeError> {
    let commit = proposal.commit(token, text)?;
    let name = format!("mlops/scale-{}-{}-{}", seen.object.kind.to_lowercase(), seen.object.name, wanted(draft));
    let branch = way.repository.new_branch(&name, &commit)?;
    Ok((commit, branch))
}

fn commit_message(setup: &Setup<'_>, seen: &Seen, draft: &Draft, connection: &Connection) -> String {
    let subject = format!("scale {} to {}", seen.object, wanted(draft));
    let who = setup.who(connection);
    let facts = [
        ("Cluster", connection.context.as_str()),
        ("Requested-by", who.as_str()),
        ("Made-with", "kubectl mlops scale"),
    ];
    message(&subject, setup.settings.write.reason.as_deref(), &facts)
}

/// Where in a folder the field is set, for people. The folder is read as it is, without git.
pub(crate) async fn hints(connection: Option<&Connection>, seen: &Seen, tree: &Path) -> Vec<String> {
    let name = tree.display();
    match told(connection, seen, tree).await {
        Ok(told) => told.into_iter().map(|told| format!("in {name}: {told}")).collect(),
        Err(why) => vec![format!("in {name} the place was not found: {why}")],
    }
}

async fn told(connection: Option<&Connection>, seen: &Seen, tree: &Path) -> Result<Vec<String>, String> {
    let origin = origin::read(connection, seen).await?;
    let files = Tree::read(tree).map_err(|error| error.to_string())?;
    let root = Root::Flux(&origin.kustomization.object, origin.spec());
    if let Some(release) = &origin.release {
        let mut told = values(&files, &release.object, root);
        told.push(format!(
            "--via git --tree {} --value PATH sets one of the values of {}",
            shell(tree),
            release.object
        ));
        return Ok(told);
    }
    let path = seen.path.as_ref().map_err(String::clone)?;
    let found = locate(&files, Target { object: &seen.object, path }, root).map_err(|error| error.to_string())?;
    let place = &found.place;
    let what = format!("{} sets it to {}, in {}", place.by, place.text, place.name());
    Ok(vec![match &place.obstacle {
        Some(obstacle) => format!("{what}; it is not edited: {obstacle}"),
        None => format!("{what}; --via git --tree {} changes it there", shell(tree)),
    }])
}

/// The values of a release that may hold replicas.
fn values(files: &Tree, release: &ObjectRef, root: Root<'_>) -> Vec<String> {
    let values = replica_values(files, release, root);
    values.iter().map(|(path, place)| format!("{path} is {}, in {}", place.text, place.name())).collect()
}

/// The replicas that are asked for.
fn wanted(draft: &Draft) -> u32 {
    draft.replicas().unwrap_or_default()
}

fn refused<T>(draft: &mut Draft, code: &str, reason: String, hints: Vec<String>) -> Option<T> {
    let object = draft.plan.steps.first().map(|step| step.object.clone());
    if let Some(object) = object {
        let refusal = Refusal { code: code.to_owned(), object, reason, unsure: false, hints, command: None };
        draft.refuse(refusal);
    }
    draft.plan.state = PlanState::Refused;
    "nothing was changed".clone_into(&mut draft.plan.outcome);
    None
}

fn ended(draft: &mut Draft, state: PlanState, outcome: String) {
    draft.plan.state = state;
    draft.plan.steps.iter_mut().for_each(|step| step.state = StepState::Done);
    draft.plan.outcome = outcome;
}

fn failed(draft: &mut Draft, error: &ChangeError) {
    let is_doubt = matches!(error, ChangeError::Repository(RepositoryError::InDoubt { .. }));
    draft.plan.state = if is_doubt { PlanState::InDoubt } else { PlanState::Failed };
    let state = if is_doubt { StepState::InDoubt } else { StepState::Failed };
    draft.plan.steps.iter_mut().for_each(|step| step.state = state);
    draft.plan.outcome = error.to_string();
    draft.plan.notes.extend(error.hints().into_iter().map(|hint| format!("hint: {hint}")));
}

/// A repository that is of no use: what the person named is wrong, or git failed.
fn broken(error: RepositoryError) -> Failure {
    let hints = error.hints();
    match error {
        RepositoryError::Tool(_) | RepositoryError::Folder(_) => {
            Failure { hints, ..Failure::unchecked(error.to_string()) }
        }
        _ => Failure { hints, ..Failure::usage(error.to_string()) },
    }
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

fn shell(path: &Path) -> String {
    mlops_shared::text::shell_word(&path.display().to_string()).into_owned()
}
