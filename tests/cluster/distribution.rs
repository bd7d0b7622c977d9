//! What real tools make of a release: krew installs, upgrades and removes it, kubectl and flux run it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use mlops_packaging::archive::{self, File};
use mlops_packaging::manifest::{self, Archive, Release};
use mlops_packaging::platform::{PLATFORMS, Platform};
use mlops_packaging::workspace::Workspace;
use mlops_packaging::{contents, sha256};
use mlops_tests::artifacts::ArtifactServer;
use mlops_tests::build::{self, Component};
use mlops_tests::control_plane::shared;
use mlops_tests::users::User;

const NOW: &str = "2026-11-20T03:00:00Z";
const TIME: u64 = 1_790_000_000;

/// The platform that these tests run on.
fn here() -> &'static Platform {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Platform::named(std::env::consts::OS, arch).expect("a platform of the releases")
}

/// The binaries of this build under the names that a release gives them.
fn programs() -> BTreeMap<String, PathBuf> {
    BTreeMap::from([
        ("kubectl-mlops".to_owned(), PathBuf::from(env!("CARGO_BIN_EXE_under-test-mlops"))),
        ("kubectl-mlops-health".to_owned(), PathBuf::from(env!("CARGO_BIN_EXE_under-test-health"))),
    ])
}

/// How a run ended.
#[derive(Debug)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A machine of its own: home, krew's root, flux's plugins, an index, and a server of archives.
struct Machine {
    folder: tempfile::TempDir,
    server: ArtifactServer,
    kubectl: PathBuf,
    krew: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["home", "krew", "plugins", "tools"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let kubectl = build::ensure(Component::Kubernetes).expect("kubectl").join("kubectl");
        symlink(&kubectl, folder.path().join("tools/kubectl")).expect("a link");
        let krew = build::ensure(Component::Krew).expect("krew");
        symlink(krew.join("krew"), folder.path().join("tools/kubectl-krew")).expect("a link");
        Self { folder, server: ArtifactServer::start().expect("a server"), kubectl, krew }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Runs `program` in a cleared environment where PATH has krew's links, the tools and the system's.
    fn run(&self, program: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Outcome {
        let path = format!("{}:{}:/usr/bin:/bin", self.path("krew/bin").display(), self.path("tools").display());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.folder.path())
            .env("KREW_ROOT", self.path("krew"))
            .env("KREW_NO_UPGRADE_CHECK", "1")
            .env("FLUXCD_PLUGINS", self.path("plugins"))
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("COLUMNS", "120")])
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .current_dir(root)
            .output()
            .expect("starts");
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn succeeds(&self, program: &Path, arguments: &[&str]) -> Outcome {
        let outcome = self.run(program, arguments, &[]);
        assert_eq!(outcome.code, Some(0), "{program:?} {arguments:?}: {outcome:?}");
        outcome
    }

    fn kubectl(&self, arguments: &[&str]) -> Outcome {
        self.run(&self.kubectl, arguments, &[])
    }

    #[track_caller]
    fn krew(&self, arguments: &[&str]) -> Outcome {
        self.succeeds(&self.krew.join("krew"), arguments)
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) {
        self.succeeds(Path::new("/usr/bin/git"), arguments);
    }

    /// Packs and serves archives of `version` for every platform, with this build's binaries for the one here and
    /// a few bytes for the others, and returns what the manifests say of them.
    fn release(&self, version: &str) -> (Release, Vec<Archive>) {
        let workspace = Workspace::read().expect("cargo metadata");
        let release = Release { version: version.to_owned(), ..Release::of(&workspace) };
        let mut documents = contents::documents(&workspace).expect("documents");
        documents.insert("README.md".to_owned(), File::data(format!("As of {version}.\n")));
        let archives = PLATFORMS
            .iter()
            .map(|platform| {
                let mut files = documents.clone();
                for (name, program) in programs() {
                    let is_here = platform == here();
                    let bytes = if is_here { fs::read(program).expect("a binary") } else { b"\x7fELF".to_vec() };
                    files.insert(platform.file_name(&name), File::executable(bytes));
                }
                let bytes = archive::pack(&files, TIME, Compression::fast()).expect("packed");
                let digest = sha256(&bytes);
                let path = platform.archive_name(version);
                let url = self.server.serve_bytes(&path, bytes).url;
                let base = url.strip_suffix(&path).expect("the server's address");
                Archive::new(*platform, base, version, digest)
            })
            .collect();
        (release, archives)
    }

    /// Commits the krew manifest of `version` to the index, which is made when there is none.
    fn publish(&self, version: &str) -> PathBuf {
        let (release, archives) = self.release(version);
        let index = self.path("index");
        let show = |path: &Path| path.display().to_string();
        if !index.exists() {
            self.git(&["init", "--quiet", "--initial-branch=main", &show(&index)]);
            self.git(&["init", "--quiet", "--bare", "--initial-branch=main", &show(&self.path("index.git"))]);
            fs::create_dir(index.join("plugins")).expect("a folder");
        }
        let manifest = index.join("plugins/mlops.yaml");
        fs::write(&manifest, manifest::krew(&release, &archives).expect("rendered")).expect("written");
        let here = show(&index);
        self.git(&["-C", &here, "add", "."]);
        let person = ["-c", "user.name=Index", "-c", "user.email=index@example.org"];
        self.git(&[&["-C", &here], &person[..], &["commit", "--quiet", "-m", version]].concat());
        self.git(&["-C", &here, "push", "--quiet", &show(&self.path("index.git")), "main"]);
        manifest
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn krew_installs_upgrades_and_removes_the_suite() {
    let machine = Machine::new();
    let manifest = machine.publish("0.1.0");
    // krew's own judge installs the archive of every platform.
    let validator = machine.krew.join("validate-krew-manifest");
    machine.succeeds(&validator, &["-manifest", &manifest.display().to_string()]);

    let index = format!("file://{}", machine.path("index.git").display());
    machine.krew(&["index", "add", "ours", &index]);
    let installed = machine.krew(&["install", "ours/mlops"]);
    assert!(installed.stderr.contains("kubectl_complete-mlops"), "the caveats are printed: {installed:?}");
    let store = machine.path("krew/store/mlops");
    let files = names(&store.join("v0.1.0"));
    for name in ["LICENSE", "kubectl-mlops", "kubectl-mlops-health", "kubectl-mlops-health.1"] {
        assert!(files.iter().any(|file| file == name), "{name} is not in {files:?}");
    }

    let healthy = ["mlops", "health", "--from", "examples/healthy", "--now", NOW];
    let outcome = machine.kubectl(&healthy);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.starts_with("OK"), "{outcome:?}");

    machine.publish("0.1.1");
    machine.krew(&["update"]);
    let upgraded = machine.krew(&["upgrade", "mlops"]);
    assert!(!upgraded.stderr.contains("failed"), "{upgraded:?}");
    assert_eq!(names(&store), ["v0.1.1"], "the old version is gone");
    let readme = fs::read_to_string(store.join("v0.1.1/README.md")).expect("installed");
    assert_eq!(readme, "As of 0.1.1.\n");
    assert_eq!(machine.kubectl(&healthy).code, Some(0));

    machine.krew(&["uninstall", "mlops"]);
    assert_eq!(names(&machine.path("krew/bin")), Vec::<String>::new(), "no link is left");
    assert_eq!(names(&store), Vec::<String>::new(), "no file is left");
    assert_ne!(machine.kubectl(&healthy).code, Some(0));
}

#[test]
fn a_changed_archive_is_not_installed() {
    let machine = Machine::new();
    let (release, archives) = machine.release("0.1.0");
    let path = machine.path("mlops.yaml");
    fs::write(&path, manifest::krew(&release, &archives).expect("rendered")).expect("written");
    machine.server.serve_bytes(&here().archive_name("0.1.0"), b"something else".to_vec());
    let manifest = format!("--manifest={}", path.display());
    let outcome = machine.run(&machine.krew.join("krew"), &["install", &manifest], &[]);
    assert_ne!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("checksum"), "{outcome:?}");
    assert_eq!(names(&machine.path("krew/bin")), Vec::<String>::new());
}

#[test]
fn kubectl_runs_what_krew_installed_with_its_exit_codes() {
    let machine = Machine::new();
    let (release, archives) = machine.release("0.1.0");
    let path = machine.path("mlops.yaml");
    fs::write(&path, manifest::krew(&release, &archives).expect("rendered")).expect("written");
    machine.krew(&["install", &format!("--manifest={}", path.display())]);

    let degraded = ["--from", "examples/degraded", "--now", NOW];
    let nowhere = ["mlops", "health", "--server", "https://127.0.0.1:1", "--request-timeout", "2s"];
    for (arguments, code) in [
        ([&["mlops", "health"], &degraded[..]].concat(), 1),
        ([&["mlops", "-n", "flux-system", "health"], &degraded[..]].concat(), 1),
        (vec!["mlops", "health", "--no-such-flag"], 2),
        (vec!["mlops", "no-such-plugin"], 2),
        (nowhere.to_vec(), 3),
        (vec!["mlops", "version"], 0),
        (vec!["mlops", "help", "health"], 0),
    ] {
        let outcome = machine.kubectl(&arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {outcome:?}");
    }
    // The flags before the plugin's name are the plugin's.
    let flag_first = machine.kubectl(&[&["mlops", "-n", "flux-system", "health"], &degraded[..]].concat());
    let flag_last = machine.kubectl(&[&["mlops", "health", "-n", "flux-system"], &degraded[..]].concat());
    assert_eq!(flag_first.stdout, flag_last.stdout);
    assert_ne!(flag_first.stdout, machine.kubectl(&[&["mlops", "health"], &degraded[..]].concat()).stdout);

    let listed = machine.kubectl(&["plugin", "list"]);
    assert!(listed.stdout.contains("krew/bin/kubectl-mlops\n"), "{listed:?}");
    assert!(!listed.stdout.contains("kubectl-mlops-health"), "the other plugins are not on PATH: {listed:?}");
}

#[test]
fn kubectl_asks_a_real_cluster_through_the_installed_suite() {
    if shared().is_foreign() {
        eprintln!("skipped: needs accounts of its own");
        return;
    }
    let machine = Machine::new();
    for (name, program) in programs() {
        symlink(program, machine.path("tools").join(name)).expect("a link");
    }
    let kubeconfig = shared().kubeconfig(User::Reader).expect("a kubeconfig").display().to_string();
    let namespace = shared().api().new_namespace("installed").expect("a namespace");
    let asked = machine.run(
        &machine.kubectl,
        &["mlops", "-n", &namespace, "health", "-o", "json"],
        &[("KUBECONFIG", &kubeconfig)],
    );
    let report: serde_json::Value = serde_json::from_str(&asked.stdout).unwrap_or_else(|_| panic!("{asked:?}"));
    assert_eq!(report["kind"], "HealthReport", "{asked:?}");
}

#[test]
fn flux_lists_and_runs_the_plugin() {
    let machine = Machine::new();
    let flux = build::ensure(Component::FluxCli).expect("flux").join("flux");
    for (name, program) in programs() {
        fs::copy(program, machine.path("tools").join(name)).expect("a copy");
    }
    // A link, as docs/releasing.md has it: the others are found beside the program that it leads to.
    symlink(machine.path("tools/kubectl-mlops"), machine.path("plugins/flux-mlops")).expect("a link");
    let listed = machine.succeeds(&flux, &["plugin", "list"]);
    assert!(listed.stdout.contains("mlops") && listed.stdout.contains("manual"), "{listed:?}");
    let degraded = ["--from", "examples/degraded", "--now", NOW];
    for (arguments, code) in [
        ([&["mlops", "health"], &degraded[..]].concat(), 1),
        ([&["mlops", "-n", "flux-system", "health"], &degraded[..]].concat(), 1),
        (vec!["mlops", "health", "--from", "examples/healthy", "--now", NOW], 0),
        (vec!["mlops", "no-such-plugin"], 2),
    ] {
        let outcome = machine.run(&flux, &arguments, &[]);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {outcome:?}");
    }
    let help = machine.run(&flux, &["mlops", "--help"], &[]);
    assert!(help.stdout.contains("flux mlops"), "{help:?}");
}

#[test]
fn flux_installs_the_plugin_from_a_catalogue() {
    let machine = Machine::new();
    let flux = build::ensure(Component::FluxCli).expect("flux").join("flux");
    let (release, archives) = machine.release("0.1.0");
    let text = manifest::flux(&release, &archives).expect("rendered");
    let url = machine.server.serve_bytes("mlops.yaml", text.into_bytes()).url;
    let catalogue = url.strip_suffix("mlops.yaml").expect("the server's address").to_owned();
    let installed =
        machine.run(&flux, &["plugin", "install", "mlops"], &[("FLUXCD_PLUGIN_CATALOG", catalogue.as_str())]);
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let listed = machine.succeeds(&flux, &["plugin", "list"]);
    assert!(listed.stdout.contains("0.1.0"), "{listed:?}");
    // flux takes one file out of an archive; the plugins come from PATH.
    symlink(env!("CARGO_BIN_EXE_under-test-health"), machine.path("tools/kubectl-mlops-health")).expect("a link");
    let outcome = machine.run(&flux, &["mlops", "health", "--from", "examples/healthy", "--now", NOW], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

/// A machine with the suite on PATH as `kubectl mlops completion kubectl` says: the script beside the umbrella.
fn machine_that_completes() -> Machine {
    let machine = Machine::new();
    fs::create_dir(machine.path("suite")).expect("a folder");
    for (name, program) in programs() {
        fs::copy(program, machine.path("suite").join(name)).expect("a copy");
    }
    symlink(machine.path("suite/kubectl-mlops"), machine.path("tools/kubectl-mlops")).expect("a link");
    let script = machine.succeeds(&machine.path("tools/kubectl-mlops"), &["completion", "kubectl"]).stdout;
    let path = machine.path("tools/kubectl_complete-mlops");
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    machine
}

#[test]
fn kubectl_completes_with_the_script_of_the_suite() {
    let machine = machine_that_completes();
    for (words, candidate) in [
        (&["mlops", ""][..], "health\t"),
        (&["mlops", "health", "expl"], "explain\t"),
        (&["mlops", "health", "-o", ""], "json"),
        (&["mlops", "health", "--fail-"], "--fail-on\t"),
        (&["mlops", "health", "explain", "pod-crash"], "pod-crash-loop\t"),
    ] {
        let outcome = machine.kubectl(&[&["__complete"], words].concat());
        assert!(outcome.stdout.lines().any(|line| line.starts_with(candidate)), "{words:?}: {outcome:?}");
        assert_eq!(outcome.stdout.lines().last(), Some(":4"), "{words:?}: {outcome:?}");
    }
    // Bare values, for the shells put the flag before them.
    let outcome = machine.kubectl(&["__complete", "mlops", "health", "--output=js"]);
    assert!(outcome.stdout.starts_with("json"), "{outcome:?}");
}

#[test]
fn bash_and_fish_complete_through_kubectl() {
    let machine = machine_that_completes();
    let bash_completion = Path::new("/usr/share/bash-completion/bash_completion");
    if bash_completion.exists() {
        let script = format!(
            "source {}; source <(kubectl completion bash); COMP_WORDS=(kubectl mlops he); COMP_CWORD=2; \
             COMP_LINE='kubectl mlops he'; COMP_POINT=16; COMP_TYPE=9; __start_kubectl 2>/dev/null; \
             echo \"<${{COMPREPLY[*]}}>\"",
            bash_completion.display()
        );
        let outcome = machine.run(Path::new("/bin/bash"), &["--norc", "--noprofile", "-c", &script], &[]);
        assert!(outcome.stdout.contains("health"), "{outcome:?}");
    } else {
        eprintln!("skipped: bash-completion is not installed");
    }
    let fish = Path::new("/usr/bin/fish");
    if fish.exists() {
        let script = "kubectl completion fish | source; complete -C 'kubectl mlops health --fail'";
        let outcome = machine.run(fish, &["--no-config", "-c", script], &[]);
        assert!(outcome.stdout.contains("--fail-on"), "{outcome:?}");
    } else {
        eprintln!("skipped: fish is not installed");
    }
}
