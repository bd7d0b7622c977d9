//! `mlops version`: which components there are, and whether they fit together.

use crate::siblings::{self, SUITE};
use mlops_shared::report::document::{Block, Cell, Column, Document, Line, Table, Tone};
use mlops_shared::report::{API_VERSION, Detail, Level, Present};
use mlops_shared::tools::{Call, Program};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// The version that all components should have.
const OWN: &str = env!("CARGO_PKG_VERSION");
/// A component may take so long to tell its version.
const LIMIT: Duration = Duration::from_secs(2);
/// A version is one short line.
const MOST: usize = 4 << 10;

/// The components of an installation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionReport {
    /// `mlops/v1`.
    pub api_version: String,
    /// `VersionReport`.
    pub kind: String,
    /// The version of the umbrella, which the suite's plugins should have too.
    pub version: String,
    /// The umbrella first, then plugins, each wherever it is found first.
    pub components: Vec<Component>,
    /// What does not fit together, in words.
    pub warnings: Vec<String>,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its file name: `kubectl-mlops-health`.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Where it was found.
    pub place: Place,
    /// Its version, where it could be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why its version could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Where a component was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// It is this program.
    Own,
    /// In the folder of this program's own file; the umbrella runs it.
    Beside,
    /// On PATH; kubectl runs it before it asks the umbrella.
    Path,
}

impl Place {
    const fn words(self) -> &'static str {
        match self {
            Self::Own => "this program",
            Self::Beside => "beside it",
            Self::Path => "on PATH",
        }
    }
}

/// Looks at every component; the suite's are asked for their versions, all at once.
pub(crate) fn look() -> VersionReport {
    let own = siblings::own_file();
    let mut components = vec![Component {
        name: "kubectl-mlops".to_owned(),
        path: own.as_deref().map(shown).unwrap_or_default(),
        place: Place::Own,
        version: Some(OWN.to_owned()),
        problem: None,
    }];
    let mut programs: Vec<(Program, Place, bool)> = Vec::new();
    if let Ok(other) = Program::find("kubectl-mlops")
        && other.path().canonicalize().ok() != own
    {
        programs.push((other, Place::Path, true));
    }
    for plugin in siblings::all() {
        let Some(file) = siblings::file_name(&plugin.name) else { continue };
        let is_of_suite = SUITE.iter().any(|(name, _)| *name == plugin.name);
        let beside = Program::sibling(&file).ok();
        let on_path = Program::find(&file).ok().filter(|found| !beside.as_ref().is_some_and(|it| is_same(it, found)));
        programs.extend(beside.map(|program| (program, Place::Beside, is_of_suite)));
        programs.extend(on_path.map(|program| (program, Place::Path, is_of_suite)));
    }
    components.extend(std::thread::scope(|scope| {
        // A stranger is not run only to hear its version.
        let asked: Vec<_> = programs
            .into_iter()
            .map(|(program, place, is_of_suite)| scope.spawn(move || component(&program, place, is_of_suite)))
            .collect();
        asked.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
    }));
    let warnings = warnings(&components);
    VersionReport {
        api_version: API_VERSION.to_owned(),
        kind: "VersionReport".to_owned(),
        version: OWN.to_owned(),
        components,
        warnings,
    }
}

fn is_same(one: &Program, other: &Program) -> bool {
    one.path().canonicalize().ok().is_some_and(|path| other.path().canonicalize().ok() == Some(path))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn component(program: &Program, place: Place, is_of_suite: bool) -> Component {
    let told = if is_of_suite { ask(program) } else { Err("not of this suite, not asked".to_owned()) };
    let (version, problem) = match told {
        Ok(version) => (Some(version), None),
        Err(problem) => (None, Some(problem)),
    };
    Component { name: program.name().to_owned(), path: shown(program.path()), place, version, problem }
}

fn ask(program: &Program) -> Result<String, String> {
    let output = Call::new(program).args(["--version"]).limit(LIMIT).at_most(MOST).run();
    let output = output.map_err(|error| error.to_string())?;
    parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "it told no version".to_owned())
}

/// The version in what `--version` prints: `kubectl-mlops-health 0.1.0`.
fn parse(text: &str) -> Option<String> {
    let word = text.lines().next()?.split_whitespace().last()?;
    let is_version = word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()) && word.len() <= 64;
    is_version.then(|| word.to_owned())
}

/// What does not fit: of the suite, another version, or none that could be told.
fn warnings(components: &[Component]) -> Vec<String> {
    let differs = |component: &&Component| match (&component.version, component.place) {
        (_, Place::Own) => false,
        (Some(version), _) => version != OWN,
        (None, _) => SUITE.iter().any(|(name, _)| siblings::file_name(name).as_ref() == Some(&component.name)),
    };
    let sentence = |component: &Component| {
        let Component { name, path, .. } = component;
        let what = match (&component.version, &component.problem) {
            (Some(version), _) => format!("{path} is {version}, this program is {OWN}"),
            (None, Some(problem)) => format!("{path}: no version: {problem}"),
            (None, None) => format!("{path}: no version"),
        };
        let is_shadow = component.place == Place::Path
            && components.iter().any(|other| other.name == *name && other.place == Place::Beside);
        if is_shadow { format!("{what}; kubectl runs it in place of the one beside this program") } else { what }
    };
    components.iter().filter(differs).map(sentence).collect()
}

impl Present for VersionReport {
    fn document(&self, _: &Detail) -> Document<'_> {
        let text = format!("kubectl-mlops {}", self.version);
        let headline = if self.warnings.is_empty() {
            Line::plain(text)
        } else {
            Line::marked(Level::Warn, format!("{text}: not all components have this version"))
        };
        let mut document = Document::new("Versions of kubectl-mlops", headline);
        let mut table = Table::new([
            Column::new("COMPONENT"),
            Column::new("VERSION"),
            Column::new("PLACE").optional(),
            Column::new("PATH").flex(4),
        ]);
        for component in &self.components {
            let tone = match &component.version {
                Some(version) if *version == self.version => Tone::Plain,
                _ => Tone::Level(Level::Warn),
            };
            table.row([
                Cell::from(component.name.as_str()),
                Cell::toned(component.version.as_deref().unwrap_or("-"), tone),
                Cell::from(component.place.words()),
                Cell::or_dash(component.path.as_str()),
            ]);
        }
        document.blocks.push(Block::Table(table));
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_last_word_of_the_first_line() {
        assert_eq!(parse("kubectl-mlops-health 0.1.0\nmore 9").as_deref(), Some("0.1.0"));
        assert_eq!(parse("x v1.2.3-rc.1").as_deref(), Some("v1.2.3-rc.1"));
        for nothing in ["", "\n0.1.0", "no version", "vvv"] {
            assert_eq!(parse(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn another_version_and_a_shadow_are_told() {
        let component = |name: &str, place, version: Option<&str>| Component {
            name: name.to_owned(),
            path: format!("/{}/{name}", place as u8),
            place,
            version: version.map(str::to_owned),
            problem: version.is_none().then(|| "why".to_owned()),
        };
        let told = warnings(&[
            component("kubectl-mlops", Place::Own, Some(OWN)),
            component("kubectl-mlops-health", Place::Beside, Some(OWN)),
            component("kubectl-mlops-health", Place::Path, Some("9.9.9")),
            component("kubectl-mlops-scale", Place::Beside, None),
            component("kubectl-mlops-stranger", Place::Path, None),
        ]);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("/2/kubectl-mlops-health is 9.9.9, ") && told[0].contains("in place of"),
            "{told:?}"
        );
        assert_eq!(told[1], "/1/kubectl-mlops-scale: no version: why");
    }
}
