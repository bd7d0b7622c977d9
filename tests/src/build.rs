//! Builds the test bed's binaries from pinned Go modules, once, into a cache outside the checkout.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};

use crate::Result;

/// The oldest Go that the pinned modules build with.
const GO_MINIMUM: (u32, u32) = (1, 26);

/// One wrapper module under `tests/testbed/`, and what comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
    Kubernetes,
    /// The API server's store.
    Etcd,
    /// Nodes and pods without a kubelet.
    Kwok,
    /// Flux: applies Kustomizations.
    KustomizeController,
    /// Flux: installs HelmReleases.
    HelmController,
    /// The CustomResourceDefinitions of all Flux controllers; nothing is compiled.
    FluxCrds,
    /// krew, and the validator that its index runs over every manifest.
    Krew,
    /// The `flux` command.
    FluxCli,
    /// An object store that speaks S3.
    Minio,
    /// MinIO's command `mc`.
    Mc,
}

impl Component {
    /// All of them, in the order in which they are built: the ones that every test needs first.
    pub const ALL: [Self; 10] = [
        Self::Etcd,
        Self::Kubernetes,
        Self::Kwok,
        Self::FluxCrds,
        Self::KustomizeController,
        Self::HelmController,
        Self::Krew,
        Self::FluxCli,
        Self::Minio,
        Self::Mc,
    ];

    /// The folder under `tests/testbed/`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Etcd => "etcd",
            Self::Kwok => "kwok",
            Self::KustomizeController => "kustomize-controller",
            Self::HelmController => "helm-controller",
            Self::FluxCrds => "flux-crds",
            Self::Krew => "krew",
            Self::FluxCli => "flux-cli",
            Self::Minio => "minio",
            Self::Mc => "mc",
        }
    }

    /// The packages to build, each with the binary's name.
    const fn packages(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Kubernetes => &[
                ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
                ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
                ("k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"),
                ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
            ],
            Self::Etcd => &[("go.etcd.io/etcd/server/v3", "etcd")],
            Self::Kwok => &[("sigs.k8s.io/kwok/cmd/kwok", "kwok")],
            Self::KustomizeController => &[("github.com/fluxcd/kustomize-controller", "kustomize-controller")],
            Self::HelmController => &[("github.com/fluxcd/helm-controller", "helm-controller")],
            Self::FluxCrds => &[],
            Self::Krew => &[
                ("sigs.k8s.io/krew/cmd/krew", "krew"),
                ("sigs.k8s.io/krew/cmd/validate-krew-manifest", "validate-krew-manifest"),
            ],
            Self::FluxCli => &[("github.com/fluxcd/flux2/v2/cmd/flux", "flux")],
            Self::Minio => &[("github.com/minio/minio", "minio")],
            Self::Mc => &[("github.com/minio/mc", "mc")],
        }
    }

    /// The linker's flags: no symbol tables, and the version that a plain `go build` leaves out.
    const fn ldflags(self) -> &'static str {
        match self {
            Self::Kubernetes => {
                "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
                 -X k8s.io/component-base/version.gitMajor=1 \
                 -X k8s.io/component-base/version.gitMinor=36"
            }
            Self::Kwok => "-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0",
            Self::FluxCli => "-s -w -X main.VERSION=2.9.4",
            _ => "-s -w",
        }
    }

    /// Modules whose `config/crd/bases` are copied as they are.
    const fn crd_modules(self) -> &'static [&'static str] {
        match self {
            Self::FluxCrds => &[
                "github.com/fluxcd/source-controller",
                "github.com/fluxcd/kustomize-controller",
                "github.com/fluxcd/helm-controller",
                "github.com/fluxcd/notification-controller",
            ],
            _ => &[],
        }
    }

    /// A module that does not build as it is served: it is copied out of the module cache, and built
    /// there with these files added (path and text).
    const fn completed_module(self) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
        match self {
            // The command embeds manifests that its release process generates; nothing here installs Flux.
            Self::FluxCli => {
                Some(("github.com/fluxcd/flux2/v2", &[("cmd/flux/manifests/placeholder.yaml", "# generated\n")]))
            }
            _ => None,
        }
    }

    /// What a cold build took with two cores, for the progress line.
    const fn about(self) -> &'static str {
        match self {
            Self::Kubernetes => "about 4 minutes",
            Self::Etcd | Self::FluxCrds | Self::Krew => "half a minute",
            Self::Kwok | Self::FluxCli | Self::Mc => "a minute",
            Self::KustomizeController | Self::HelmController | Self::Minio => "about 2 minutes",
        }
    }

    fn module_dir(self) -> PathBuf {
        testbed_dir().join(self.name())
    }
}

/// Go is missing or too old: what to install. `testbed` exits with 2 for it.
#[derive(Debug)]
pub struct GoMissing {
    /// What was found instead.
    found: String,
}

impl fmt::Display for GoMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = GO_MINIMUM;
        write!(
            f,
            "the test bed is built with Go {major}.{minor} or newer, and {}. Install Go {major}.{minor} \
             from your system's packages or the Go project's downloads page, and put its `go` on PATH",
            self.found
        )
    }
}

impl std::error::Error for GoMissing {}

/// The folder that holds the wrapper modules and our own CRDs.
#[must_use]
pub fn testbed_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed")
}

/// Where the binaries go: `${XDG_CACHE_HOME:-~/.cache}/kubectl-mlops/testbed`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` says where.
pub fn cache_dir() -> Result<PathBuf> {
    // The base directory rules: a relative XDG_CACHE_HOME is to be ignored.
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .ok_or_else(|| anyhow!("neither XDG_CACHE_HOME nor HOME is set: no place for the test bed's binaries"))?;
    Ok(cache.join("kubectl-mlops").join("testbed"))
}

/// Builds what is not in the cache yet and returns the folder with `component`'s binaries (or CRDs).
///
/// Two runs at once are fine: one builds, the other waits for its lock and finds the result. A
/// folder appears under its final name only when everything in it is complete.
///
/// # Errors
/// [`GoMissing`] when there is something to build and no Go to do it; else what Go said.
pub fn ensure(component: Component) -> Result<PathBuf> {
    let cache = cache_dir()?;
    let target = cache.join(format!("{}-{}", component.name(), fingerprint(component)?));
    if target.is_dir() {
        return Ok(target);
    }
    check_go()?;
    fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
    let lock_path = cache.join(format!("{}.lock", component.name()));
    let lock = File::create(&lock_path).with_context(|| format!("creating {}", lock_path.display()))?;
    if lock.try_lock().is_err() {
        say(&format!("{}: another run is building it; waiting", component.name()));
        lock.lock().with_context(|| format!("locking {}", lock_path.display()))?;
    }
    if target.is_dir() {
        return Ok(target);
    }
    let aside = tempfile::Builder::new()
        .prefix(&format!(".{}-", component.name()))
        .tempdir_in(&cache)
        .with_context(|| format!("making a folder in {}", cache.display()))?;
    say(&format!("{}: building ({} on 2 cores when nothing is cached)", component.name(), component.about()));
    let started = Instant::now();
    go_build(component, aside.path())?;
    copy_crds(component, aside.path())?;
    let built = aside.keep();
    fs::rename(&built, &target).with_context(|| format!("moving {} to {}", built.display(), target.display()))?;
    say(&format!("{}: done in {} s", component.name(), started.elapsed().as_secs()));
    Ok(target)
}

/// Hash of everything that decides what comes out: go.mod, go.sum, packages and flags.
fn fingerprint(component: Component) -> Result<String> {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for file in ["go.mod", "go.sum"] {
        let path = component.module_dir().join(file);
        context.update(&fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
    }
    for argument in build_arguments(component, Path::new("")) {
        context.update(argument.as_encoded_bytes());
        context.update(b"\0");
    }
    for module in component.crd_modules() {
        context.update(module.as_bytes());
    }
    for (path, text) in component.completed_module().map_or(&[][..], |(_, files)| files) {
        context.update(path.as_bytes());
        context.update(text.as_bytes());
    }
    context.update(std::env::consts::ARCH.as_bytes());
    Ok(hex(&context.finish().as_ref()[..8]))
}

/// Lowercase hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn build_arguments(component: Component, out: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["build", "-mod=readonly", "-trimpath", "-ldflags", component.ldflags(), "-o"].map(Into::into).to_vec();
    // With several packages `-o` takes a folder and the names come from the packages, which are the ones wanted.
    arguments.push(match component.packages() {
        [(_, binary)] => out.join(binary).into(),
        _ => out.as_os_str().to_owned(),
    });
    arguments.extend(component.packages().iter().map(|(package, _)| OsString::from(package)));
    arguments
}

fn go(component: Component) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(component.module_dir())
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-buildvcs=false")
        // Neither another toolchain nor a workspace above the checkout may change what is built.
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .stdin(Stdio::null());
    command
}

fn go_build(component: Component, out: &Path) -> Result<()> {
    if component.packages().is_empty() {
        return Ok(());
    }
    let mut command = go(component);
    let source = completed_source(component)?;
    if let Some(source) = &source {
        command.current_dir(source.path());
    }
    // Go wants a trailing slash or an existing folder: it exists.
    let child = command
        .args(build_arguments(component, out))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting go build")?;
    let (done, is_done) = mpsc::channel::<()>();
    let name = component.name();
    let progress = std::thread::spawn(move || {
        let started = Instant::now();
        while is_done.recv_timeout(Duration::from_secs(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
            say(&format!("{name}: still building, {} s", started.elapsed().as_secs()));
        }
    });
    let output = child.wait_with_output().context("waiting for go build");
    drop(done);
    let _ = progress.join();
    let output = output?;
    if !output.status.success() {
        bail!("go build of {name} failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    for (_, binary) in component.packages() {
        if !out.join(binary).is_file() {
            bail!("go build of {name} left no {binary}");
        }
    }
    Ok(())
}

/// Copies the CRDs of `component`'s modules from Go's module cache.
///
/// source-controller cannot be compiled where one of its dependencies is not served, but the module
/// itself can be downloaded, and its go.sum line proves that it is the right one.
fn copy_crds(component: Component, out: &Path) -> Result<()> {
    for module in component.crd_modules() {
        let bases = download(component, module)?.join("config").join("crd").join("bases");
        if copy_folder(&bases, out)? == 0 {
            bail!("{module} has no CRDs in {}", bases.display());
        }
    }
    Ok(())
}

/// A writable copy of the component's [`Component::completed_module`], gone when dropped.
fn completed_source(component: Component) -> Result<Option<tempfile::TempDir>> {
    let Some((module, files)) = component.completed_module() else { return Ok(None) };
    let copy = tempfile::tempdir().context("making a folder for a module's copy")?;
    copy_folder(&download(component, module)?, copy.path())?;
    for (path, text) in files {
        let path = copy.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(copy.path())).context("making a folder in a module's copy")?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Some(copy))
}

/// Where Go's module cache has `module`, in the version of the component's go.mod.
fn download(component: Component, module: &str) -> Result<PathBuf> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Download {
        dir: Option<PathBuf>,
        error: Option<String>,
    }
    let output =
        go(component).args(["mod", "download", "-json", module]).output().context("starting go mod download")?;
    let download: Download = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("go mod download {module}: {}", String::from_utf8_lossy(&output.stderr)))?;
    download.dir.ok_or_else(|| anyhow!("go mod download {module}: {}", download.error.unwrap_or_default()))
}

/// Copies regular files and folders, and says how many files.
fn copy_folder(from: &Path, to: &Path) -> Result<usize> {
    let mut copied = 0;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target).with_context(|| format!("creating {}", target.display()))?;
            copied += copy_folder(&entry.path(), &target)?;
        } else {
            // Not fs::copy: files in the module cache are read-only, and so would be the copies.
            let bytes = fs::read(entry.path()).with_context(|| format!("reading {}", entry.path().display()))?;
            fs::write(&target, bytes).with_context(|| format!("writing {}", target.display()))?;
            copied += 1;
        }
    }
    Ok(copied)
}

/// Is there a Go that builds this?
fn check_go() -> Result<()> {
    let missing = |found: String| anyhow::Error::new(GoMissing { found });
    let output = Command::new("go")
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing(format!("`go` could not be started ({error})")))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match go_version(&version) {
        Some(found) if found >= GO_MINIMUM => Ok(()),
        _ if version.is_empty() => Err(missing("`go env GOVERSION` prints nothing".to_owned())),
        _ => Err(missing(format!("`go` here is {version}"))),
    }
}

/// `go1.26.8`, `go1.27rc1` or `go1.26.8-X:nodwarf5` as (major, minor).
fn go_version(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.strip_prefix("go")?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A line of progress on stderr, past the test runner's capture.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "testbed: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_of_go() {
        assert_eq!(go_version("go1.26.8"), Some((1, 26)));
        assert_eq!(go_version("go1.27rc1"), Some((1, 27)));
        assert_eq!(go_version("go2.0"), Some((2, 0)));
        assert_eq!(go_version("devel +a1b2"), None);
        assert_eq!(go_version(""), None);
    }

    #[test]
    fn every_component_has_its_module_and_a_fingerprint_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for component in Component::ALL {
            assert!(seen.insert(fingerprint(component).expect("go.mod and go.sum are committed")));
        }
    }

    #[test]
    fn go_sums_name_modules_and_nothing_else() {
        for component in Component::ALL {
            let path = component.module_dir().join("go.sum");
            for line in fs::read_to_string(&path).expect("go.sum").lines() {
                let fields: Vec<_> = line.split(' ').collect();
                assert_eq!(fields.len(), 3, "{}: {line}", path.display());
                assert!(fields[2].starts_with("h1:"), "{}: {line}", path.display());
            }
        }
    }
}
