//! One run: settings, source, plan, consent, writes, what became of it.

use crate::apply::Run;
use crate::args::Args;
use crate::plan::{Draft, build};
use crate::read::{self, Seen};
use crate::settings::{self, Ask, Goal, Request, Settings};
use crate::situation::Situation;
use crate::targets::{minio, target_of};
use crate::{git, resume, status};
use jiff::Timestamp;
use mlops_shared::cli::{Demand, DryRun, Exit, Failure, Printer, confirm, platform, to_end};
use mlops_shared::cluster::{self, Connection, WriteToken};
use mlops_shared::platform::Platform;
use mlops_shared::report::{Format, Level, Plan, Preflight, Present, Style, View};
use mlops_shared::source::Origin;
use std::cell::Cell;

/// Runs the command line.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<Exit, Failure> {
    let settings = settings::resolve(args, Timestamp::now())?;
    let word = args.output.output.as_deref().unwrap_or("table");
    let formats = Format::ALL.into_iter().filter(|(_, format)| *format != Format::Prometheus);
    let format = Format::among(formats, word).map_err(Failure::usage)?;
    let (platform, origin) = platform(args.source.platform.as_ref())?;
    let output = Output { args, printer, format };
    let setup = Setup { args, settings: &settings, platform: &platform, origin: &origin, output: &output };
    match &settings.request {
        Request::Scale(ask) => setup.scale(ask),
        Request::Resume(name) => setup.on_cluster(async |connection, begun| {
            let plan = resume::resume(connection, name, &setup, begun).await?;
            output.print(&plan)?;
            Ok(exit(&plan))
        }),
        Request::Status => setup.on_cluster(async |connection, _| {
            let report = status::read(connection, &setup).await?;
            output.print(&report)?;
            Ok(Exit::of_check(report.has_findings(), report.is_partial()))
        }),
    }
}

/// What a run goes by.
pub(crate) struct Setup<'a> {
    pub(crate) args: &'a Args,
    pub(crate) settings: &'a Settings,
    pub(crate) platform: &'a Platform,
    /// Where the platform file is.
    pub(crate) origin: &'a str,
    pub(crate) output: &'a Output<'a>,
}

impl Setup<'_> {
    /// Works on the cluster of the flags. `begun` is for the work to set once something may have been changed.
    fn on_cluster(
        &self,
        work: impl AsyncFnOnce(&Connection, &Cell<bool>) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let flags = &self.args.connection;
        if flags.all_contexts || flags.context.len() > 1 {
            return Err(Failure::usage("this command changes one cluster").hint("run it once for each --context"));
        }
        let settings = flags.settings(flags.context.first().map(String::as_str))?;
        let begun = Cell::new(false);
        let ended = to_end(async {
            let connection = cluster::connect(&settings).await?;
            work(&connection, &begun).await
        });
        ended.map_err(|failure| match failure.exit {
            Exit::Interrupted if begun.get() => {
                Failure { message: "interrupted: what was changed stays".to_owned(), ..failure }
                    .hint("`kubectl mlops scale status` tells what was left")
            }
            _ => failure,
        })
    }

    fn scale(&self, ask: &Ask) -> Result<Exit, Failure> {
        if let Some(path) = &self.args.source.from {
            let origin = Origin { path, identities: &self.args.source.identity };
            let mut seen = read::files(origin, &ask.name, Some(ask))?;
            fits(ask, &seen)?;
            seen.server = ask.mc_alias.as_deref().map(minio::server::ask);
            let mut draft = self.draft(&seen, ask, "nobody")?;
            to_end(async { self.in_git(None, &seen, ask, &mut draft).await })?;
            return self.end(&draft.plan);
        }
        self.on_cluster(async |connection, begun| self.scale_live(connection, ask, begun).await)
    }

    async fn scale_live(&self, connection: &Connection, ask: &Ask, begun: &Cell<bool>) -> Result<Exit, Failure> {
        let mut seen = read::live(connection, &ask.name, Some(ask)).await?;
        fits(ask, &seen)?;
        seen.server = ask.mc_alias.as_deref().map(minio::server::ask);
        let who = self.who(connection);
        let mut draft = self.draft(&seen, ask, &who)?;
        if let Some(git) = &ask.git {
            return git::scale(self, connection, (ask, git), (&seen, draft), begun).await;
        }
        self.in_git(Some(connection), &seen, ask, &mut draft).await?;
        let is_over = !draft.plan.refusals.is_empty() || draft.writes.is_empty();
        let (Some(place), false) = (&seen.place, is_over || self.settings.write.dry_run == DryRun::Client) else {
            return self.end(&draft.plan);
        };
        let token = self.consent(&seen, ask, &draft, "").await?;
        begun.set(!token.is_dry_run());
        let run = Run {
            connection,
            token: &token,
            settings: self.settings,
            seen: &seen,
            place,
            platform: self.platform,
            printer: self.output.printer,
        };
        run.carry_out(&mut draft).await;
        if run.can_go_back(&draft) && !self.settings.write.is_agreed && self.output.printer.can_ask() {
            self.output.before_asking(&draft.plan, self.settings);
            let question = format!("go back to {}?", seen.replicas.wanted);
            // Whoever does not agree keeps the change, and the command that undoes it.
            if let Ok(token) = confirm(&self.settings.write, &question, Demand::Yes).await {
                Run { token: &token, ..run }.go_back(&mut draft).await;
            }
        }
        self.end(&draft.plan)
    }

    /// What a tree says of a plan that is not carried out: the edit, or for a refusal the place.
    async fn in_git(
        &self,
        connection: Option<&Connection>,
        seen: &read::Seen,
        ask: &Ask,
        draft: &mut Draft,
    ) -> Result<(), Failure> {
        if let Some(git) = &ask.git {
            return git::plan(seen, git, draft).await;
        }
        let is_set = |code: &str| matches!(code, "git-sets-it" | "chart-sets-it");
        if let Some(tree) = &ask.tree {
            let hints = git::hints(connection, seen, tree).await;
            match draft.plan.refusals.iter_mut().find(|refusal| is_set(&refusal.code)) {
                Some(refusal) => refusal.hints.extend(hints),
                None => draft.plan.notes.extend(hints),
            }
        }
        Ok(())
    }

    /// Shows the plan and asks for consent; what loses data asks for the object's name. `how` says more of the way.
    pub(crate) async fn consent(
        &self,
        seen: &read::Seen,
        ask: &Ask,
        draft: &Draft,
        how: &str,
    ) -> Result<WriteToken, Failure> {
        let loses = draft.loses_data();
        let demand = match loses {
            true => Demand::Typed {
                word: &seen.object.name,
                given: ask.accepted_loss.as_deref(),
                flag: "--accept-data-loss",
            },
            false => Demand::Yes,
        };
        self.output.before_asking(&draft.plan, self.settings);
        let risk = if loses { " The data of the removed replicas is deleted." } else { "" };
        confirm(&self.settings.write, &format!("{}{how}?{risk}", draft.plan.request), demand).await
    }

    /// The person, as the kubeconfig or `--as` calls them.
    pub(crate) fn who(&self, connection: &Connection) -> String {
        let known = self.args.connection.as_user.clone().or_else(|| connection.user.clone());
        known.unwrap_or_else(|| connection.context.clone())
    }

    fn draft(&self, seen: &Seen, ask: &Ask, who: &str) -> Result<Draft, Failure> {
        for warning in &seen.warnings {
            self.output.printer.note(warning);
        }
        let object = seen.record().ok_or_else(|| Failure::unchecked(format!("{} was not read", seen.object)))?;
        let situation = Situation {
            object,
            json: &seen.json,
            resource: &seen.resource,
            replicas: &seen.replicas,
            path: seen.path.as_ref().map_err(String::as_str),
            inventory: &seen.inventory,
            owner: seen.owner.as_ref().map(|(_, json)| json),
            ask,
            platform: self.platform,
            now: self.settings.now,
            manager: self.settings.write.manager.as_str(),
            who,
            reason: self.settings.write.reason.as_deref(),
            timeout: self.settings.timeout,
            server: seen.server.as_ref(),
        };
        let view = View { platform: Some(self.origin.to_owned()), ..seen.view.clone() };
        let mut draft = build(&situation, self.settings, view);
        draft.plan.notes.extend(seen.notes.iter().cloned());
        if !seen.gaps.is_empty() {
            let message = "not everything could be read".to_owned();
            let evidence = seen.gaps.clone();
            draft.plan.preflight.push(Preflight {
                check: "source".to_owned(),
                verdict: Level::Unknown,
                message,
                evidence,
            });
        }
        Ok(draft)
    }

    pub(crate) fn end(&self, plan: &Plan) -> Result<Exit, Failure> {
        self.output.print(plan)?;
        Ok(exit(plan))
    }
}

/// Whether what is asked for is something that such an object has, and is said at all.
pub(crate) fn fits(ask: &Ask, seen: &Seen) -> Result<(), Failure> {
    let target = target_of(&seen.object.group, &seen.object.kind);
    let known = [Goal::Replicas, Goal::Brokers, Goal::Executors, Goal::AddPool, Goal::Decommission(String::new())];
    let flags: Vec<&str> = known.iter().filter(|goal| target.takes(goal)).map(Goal::flag).collect();
    let is_asked = ask.replicas.is_some() || !matches!(ask.goal, Goal::Replicas);
    match (is_asked, target.takes(&ask.goal)) {
        (true, true) => Ok(()),
        (true, false) => {
            let message = format!("{} does not go with {}", ask.goal.flag(), seen.object.kind);
            Err(Failure::usage(message).hint(format!("of {} it is {}", seen.object.kind, flags.join(" or "))))
        }
        (false, _) => Err(Failure::usage(format!("{} says how many are wanted", flags.join(" or ")))
            .hint(format!("{} are wanted now", seen.replicas.wanted))),
    }
}

/// How a run with this plan ends.
pub(crate) fn exit(plan: &Plan) -> Exit {
    Exit::of_check(plan.has_failed(), plan.is_unsure())
}

/// Where a run prints.
pub(crate) struct Output<'a> {
    args: &'a Args,
    pub(crate) printer: &'a Printer,
    format: Format,
}

impl Output<'_> {
    fn style(&self) -> Style {
        let output = &self.args.output;
        Style {
            color: output.use_color(self.printer.is_terminal()),
            width: self.printer.columns(),
            headers: !output.no_headers,
            show: Level::Ok,
        }
    }

    fn print(&self, report: &impl Present) -> Result<(), Failure> {
        self.printer.report(report, self.format, &self.style())
    }

    /// Shows a plan on standard error, where somebody will be asked about it.
    pub(crate) fn before_asking(&self, plan: &Plan, settings: &Settings) {
        if settings.write.dry_run == DryRun::None && !settings.write.is_agreed {
            self.printer.aside(plan, &Style { color: false, ..self.style() });
        }
    }
}
