//! A stricter reading of manifests than krew's and flux's own, which pass over unknown fields in silence.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::platform::PLATFORMS;

/// A krew manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Krew {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    version: String,
    short_description: String,
    description: String,
    caveats: Option<String>,
    homepage: String,
    platforms: Vec<KrewPlatform>,
}

/// A platform of a krew manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KrewPlatform {
    /// Where the archive is.
    pub uri: String,
    /// The digest of the archive.
    pub sha256: String,
    selector: Selector,
    /// What is moved where after unpacking; everything stays where it is without it.
    pub files: Option<Vec<FileMove>>,
    /// The program that krew links to, after the moves.
    pub bin: String,
}

/// One of a platform's `files`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMove {
    /// A path or a pattern within the archive.
    pub from: String,
    /// A folder within the installation.
    pub to: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Selector {
    fn keys(&self) -> impl Iterator<Item = &str> {
        let labels = self.match_labels.iter().flatten().map(|(key, _)| key.as_str());
        labels.chain(self.match_expressions.iter().flatten().map(|it| it.key.as_str()))
    }

    fn selects(&self, os: &str, arch: &str) -> bool {
        let value = |key: &str| if key == "os" { os } else { arch };
        self.match_labels.iter().flatten().all(|(key, wanted)| value(key) == wanted)
            && self.match_expressions.iter().flatten().all(|it| {
                let is_in = it.values.iter().any(|wanted| wanted == value(&it.key));
                match it.operator.as_str() {
                    "In" => is_in,
                    "NotIn" => !is_in,
                    "Exists" => true,
                    _ => false,
                }
            })
    }
}

/// What krew's validator knows; a platform must be one of these, and each of these at most in one.
const KNOWN: [(&str, &str); 11] = [
    ("windows", "386"),
    ("windows", "amd64"),
    ("windows", "arm64"),
    ("linux", "386"),
    ("linux", "amd64"),
    ("linux", "arm"),
    ("linux", "arm64"),
    ("linux", "ppc64le"),
    ("darwin", "386"),
    ("darwin", "amd64"),
    ("darwin", "arm64"),
];

/// The platforms of a manifest that are for `os` and `arch`; krew takes the first.
#[must_use]
pub fn selected<'a>(manifest: &'a Krew, os: &str, arch: &str) -> Vec<&'a KrewPlatform> {
    manifest.spec.platforms.iter().filter(|it| it.selector.selects(os, arch)).collect()
}

/// Reads a krew manifest that is stored as `STEM.yaml`, and says what is wrong with it.
pub fn krew(text: &str, stem: &str) -> Result<Krew, Vec<String>> {
    let manifest: Krew = serde_saphyr::from_str(text).map_err(|error| vec![format!("cannot be read: {error}")])?;
    let problems = krew_problems(&manifest, text, stem);
    if problems.is_empty() { Ok(manifest) } else { Err(problems) }
}

fn krew_problems(manifest: &Krew, text: &str, stem: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    let spec = &manifest.spec;
    let name = &manifest.metadata.name;
    expect(
        manifest.api_version == "krew.googlecontainertools.github.com/v1alpha2",
        format!("apiVersion is {}", manifest.api_version),
    );
    expect(manifest.kind == "Plugin", format!("kind is {}", manifest.kind));
    expect(is_safe_name(name), format!("the name {name:?} is not one that krew and Windows take"));
    expect(name == stem, format!("the name is {name}, the file's {stem}"));
    let version = spec.version.strip_prefix('v').map(semver::Version::parse);
    expect(matches!(version, Some(Ok(_))), format!("{} is not v and a semantic version", spec.version));
    let short = &spec.short_description;
    expect(!short.is_empty(), "there is no short description".to_owned());
    expect(!short.contains(['\r', '\n']), "the short description has more than one line".to_owned());
    expect(short.chars().count() <= 50, format!("the short description has {} characters", short.chars().count()));
    expect(short.starts_with(char::is_uppercase), "the short description starts with a small letter".to_owned());
    let struck = ["kubernetes", "plugin", "app", "kubectl"];
    for word in short.split(|it: char| !it.is_alphanumeric()).map(str::to_lowercase) {
        expect(!struck.contains(&word.as_str()), format!("the short description says {word:?}"));
    }
    expect(!spec.description.trim().is_empty(), "there is no description".to_owned());
    for line in spec.description.lines() {
        expect(line.chars().count() <= 80, format!("a line of the description is longer than 80: {line}"));
        expect(!line.contains("kubectl "), format!("the description has an example of use: {line}"));
    }
    let caveats = spec.caveats.as_deref().unwrap_or_default();
    expect(caveats.contains(" completion kubectl > "), "the caveats do not say how to get completion".to_owned());
    expect(spec.homepage.starts_with("https://"), format!("the home page is {:?}", spec.homepage));
    expect(!spec.platforms.is_empty(), "there is no platform".to_owned());
    expect(!text.contains('\t'), "there is a tab".to_owned());
    for platform in &spec.platforms {
        for problem in platform_problems(platform) {
            expect(false, format!("{}: {problem}", platform.uri));
        }
    }
    for (os, arch) in KNOWN {
        let count = selected(manifest, os, arch).len();
        expect(count <= 1, format!("{count} platforms are for {os} {arch}"));
    }
    problems
}

fn platform_problems(platform: &KrewPlatform) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    expect(!platform.uri.is_empty(), "there is no uri".to_owned());
    expect(is_sha256(&platform.sha256), format!("{:?} is no digest in small letters", platform.sha256));
    expect(!platform.bin.is_empty(), "there is no bin".to_owned());
    let bin = platform.bin.strip_prefix("./").unwrap_or(&platform.bin);
    expect(is_clean(bin), format!("bin {:?} is not inside the installation", platform.bin));
    for file in platform.files.iter().flatten() {
        expect(!file.from.is_empty() && !file.to.is_empty(), "a file has no from or no to".to_owned());
        expect(file.to == "." || is_clean(&file.to), format!("the path {:?} is not clean", file.to));
        expect(!file.from.starts_with('/') && !file.from.contains(".."), format!("{:?} leaves the archive", file.from));
    }
    expect(platform.files.as_ref().is_none_or(|it| !it.is_empty()), "files is there, and empty".to_owned());
    let selector = &platform.selector;
    expect(selector.keys().next().is_some(), "the selector is empty".to_owned());
    expect(
        selector.match_labels.as_ref().is_none_or(|it| !it.is_empty())
            && selector.match_expressions.as_ref().is_none_or(|it| !it.is_empty()),
        "a part of the selector is there, and empty".to_owned(),
    );
    for key in selector.keys() {
        expect(key == "os" || key == "arch", format!("the selector's key {key:?} is unknown"));
    }
    let known: Vec<_> = KNOWN.iter().filter(|(os, arch)| selector.selects(os, arch)).collect();
    expect(!known.is_empty(), "the selector is for no platform that krew knows".to_owned());
    for (os, _) in &known {
        expect((*os == "windows") == platform.bin.ends_with(".exe"), format!("on {os} the bin is {}", platform.bin));
    }
    problems
}

/// `^[\w-]+$`, and none of the names that Windows keeps for devices.
fn is_safe_name(name: &str) -> bool {
    let devices = ["con", "prn", "aux", "nul"];
    let lower = name.to_ascii_lowercase();
    let is_port = ["com", "lpt"].iter().any(|port| {
        lower
            .strip_prefix(port)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|it| (b'1'..=b'9').contains(&it)))
    });
    !name.is_empty()
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-')
        && !devices.contains(&lower.as_str())
        && !is_port
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

/// A relative path without empty, `.` and `..` parts.
fn is_clean(path: &str) -> bool {
    !path.contains('\\') && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// A flux manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Flux {
    api_version: String,
    kind: String,
    name: String,
    description: String,
    homepage: String,
    source: String,
    bin: String,
    /// Newest first.
    pub versions: Vec<FluxVersion>,
}

/// A version of a flux manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FluxVersion {
    version: String,
    /// One archive each.
    pub platforms: Vec<FluxPlatform>,
}

/// A platform of a flux manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FluxPlatform {
    os: String,
    arch: String,
    url: String,
    checksum: String,
    /// The file of the archive that flux installs.
    pub extract_path: Option<String>,
}

/// Commands of the flux CLI 2.9, which win over a plugin of the same name without a word.
const FLUX_COMMANDS: [&str; 30] = [
    "bootstrap",
    "build",
    "catalog",
    "check",
    "completion",
    "create",
    "debug",
    "delete",
    "diff",
    "docgen",
    "envsubst",
    "events",
    "export",
    "get",
    "help",
    "install",
    "list",
    "logs",
    "migrate",
    "plugin",
    "pull",
    "push",
    "reconcile",
    "resume",
    "stats",
    "suspend",
    "tag",
    "trace",
    "tree",
    "trigger",
];

/// Reads a flux manifest, and says what is wrong with it.
pub fn flux(text: &str, stem: &str) -> Result<Flux, Vec<String>> {
    let manifest: Flux = serde_saphyr::from_str(text).map_err(|error| vec![format!("cannot be read: {error}")])?;
    let mut problems = Vec::new();
    let mut expect = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    expect(manifest.api_version == "cli.fluxcd.io/v1beta1", format!("apiVersion is {}", manifest.api_version));
    expect(manifest.kind == "Plugin", format!("kind is {}", manifest.kind));
    expect(manifest.name == stem, format!("the name is {}, the file's {stem}", manifest.name));
    let is_built_in = FLUX_COMMANDS.contains(&manifest.name.as_str()) || ["uninstall", "version"].contains(&stem);
    expect(!is_built_in, format!("flux has a command {} of its own", manifest.name));
    expect(manifest.bin == format!("flux-{}", manifest.name), format!("the bin is {}", manifest.bin));
    expect(!manifest.description.is_empty(), "there is no description".to_owned());
    for url in [&manifest.homepage, &manifest.source] {
        expect(url.starts_with("https://"), format!("{url:?} is no address"));
    }
    expect(!manifest.versions.is_empty(), "there is no version".to_owned());
    for version in &manifest.versions {
        let parsed = semver::Version::parse(&version.version);
        expect(parsed.is_ok(), format!("{} is no semantic version (flux's have no v)", version.version));
        expect(!version.platforms.is_empty(), format!("{} has no platform", version.version));
        for platform in &version.platforms {
            let FluxPlatform { os, arch, url, checksum, extract_path } = platform;
            let same = version.platforms.iter().filter(|it| it.os == *os && it.arch == *arch).count();
            expect(same == 1, format!("{same} platforms are for {os} {arch}"));
            expect(PLATFORMS.iter().any(|it| it.os == os && it.arch == arch), format!("{os} {arch} is not released"));
            expect(checksum.strip_prefix("sha256:").is_some_and(is_sha256), format!("the checksum is {checksum}"));
            expect(url.ends_with(".tar.gz"), format!("{url} is no archive"));
            expect(extract_path.as_deref().is_some_and(is_clean), format!("{os} {arch} does not say what to take"));
        }
    }
    if problems.is_empty() { Ok(manifest) } else { Err(problems) }
}
