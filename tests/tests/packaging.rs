//! The release: every rule of krew's and flux's manifests and of the archives can refuse, and ours pass.

use flate2::Compression;
use mlops_packaging::archive::{self, File};
use mlops_packaging::manifest::{self, Archive, Release};
use mlops_packaging::platform::{PLATFORMS, Platform};
use mlops_packaging::workspace::Workspace;
use mlops_packaging::{contents, lint, lint_archive, sha256, twice};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

const TIME: u64 = 1_790_000_000;

fn release() -> Release {
    Release::of(&Workspace::read().expect("cargo metadata"))
}

/// The files of a release, with a few bytes in the place of the binaries.
fn files(platform: &Platform) -> BTreeMap<String, File> {
    let workspace = Workspace::read().expect("cargo metadata");
    let mut files = contents::documents(&workspace).expect("documents");
    for binary in &workspace.binaries {
        files.insert(platform.file_name(binary), File::executable("\x7fELF and so on"));
    }
    files
}

fn packed(files: &BTreeMap<String, File>) -> Vec<u8> {
    archive::pack(files, TIME, Compression::fast()).expect("packed")
}

/// The krew manifest of one archive, read back.
fn krew_platform(bytes: &[u8], platform: &Platform) -> lint::KrewPlatform {
    let release = release();
    let archives = [Archive::new(*platform, "https://example.org/r", &release.version, sha256(bytes))];
    let text = manifest::krew(&release, &archives).expect("rendered");
    let manifest = lint::krew(&text, &release.name).expect("without fault");
    lint::selected(&manifest, platform.os, platform.arch)[0].clone()
}

#[test]
fn archives_of_every_platform_pass() {
    for platform in &PLATFORMS {
        let bytes = packed(&files(platform));
        assert_eq!(bytes, packed(&files(platform)), "the same input gives the same bytes");
        let problems = lint_archive::problems(&bytes, &krew_platform(&bytes, platform));
        assert!(problems.is_empty(), "{} {}: {problems:?}", platform.os, platform.arch);
        assert!(lint_archive::size_problems(&bytes).is_empty());
    }
}

/// The same binaries give the same archive, whatever folder they lie in and whenever and by whomever they were made.
#[test]
fn neither_folders_nor_modes_nor_times_get_into_an_archive() {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = Workspace::read().expect("cargo metadata");
    let archive = |mode: u32, age: u64| {
        let folder = tempfile::tempdir().expect("a folder");
        for binary in &workspace.binaries {
            let path = folder.path().join(binary);
            std::fs::write(&path, format!("\x7fELF {binary}")).expect("written");
            let file = std::fs::File::open(&path).expect("opened");
            file.set_permissions(std::fs::Permissions::from_mode(mode)).expect("a mode");
            let time = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
            file.set_modified(time).expect("a time");
        }
        let mut files = contents::documents(&workspace).expect("documents");
        files.extend(contents::binaries(&workspace, &PLATFORMS[0], folder.path()).expect("binaries"));
        packed(&files)
    };
    let (one, two) = (archive(0o755, 0), archive(0o600, 40_000_000));
    assert_eq!(sha256(&one), sha256(&two), "{:?}", twice::differences(&one, &two));
}

#[test]
fn a_release_has_the_licence_the_pages_and_every_binary() {
    let workspace = Workspace::read().expect("cargo metadata");
    let files = files(&PLATFORMS[0]);
    for name in ["LICENSE", "README.md", "kubectl-mlops-health.1", "kubectl-mlops-health-usage.1"] {
        assert!(files.contains_key(name), "{name} is missing in {:?}", files.keys());
    }
    for binary in &workspace.binaries {
        assert!(files[binary].is_executable);
    }
    let completions = workspace.root.join("completions");
    if completions.is_dir() {
        assert!(files.contains_key("kubectl_complete-mlops"), "{:?}", files.keys());
    }
}

/// What the archive's lint says after something was done to a good archive's files.
fn after(change: impl FnOnce(&mut BTreeMap<String, File>)) -> Vec<String> {
    let mut files = files(&PLATFORMS[0]);
    change(&mut files);
    let bytes = packed(&files);
    lint_archive::problems(&bytes, &krew_platform(&bytes, &PLATFORMS[0]))
}

#[track_caller]
fn refuses(problems: &[String], words: &str) {
    assert!(problems.iter().any(|it| it.contains(words)), "no {words:?} in {problems:?}");
}

#[test]
fn archives_that_krew_or_a_system_would_refuse_do_not_pass() {
    refuses(&after(|files| drop(files.remove("LICENSE"))), "no LICENSE");
    refuses(&after(|files| drop(files.remove("kubectl-mlops"))), "no program kubectl-mlops");
    refuses(&after(|files| drop(files.insert("bin/x".into(), File::data("x")))), "lies in a folder");
    refuses(&after(|files| drop(files.insert("a..b".into(), File::data("x")))), "krew refuses the name");
    refuses(&after(|files| drop(files.insert("license".into(), File::data("x")))), "only in case");
    refuses(&after(|files| drop(files.insert("x y".into(), File::data("x")))), "not every system");
    refuses(&after(|files| drop(files.insert("x".into(), File::data("")))), "is empty");
    refuses(&after(|files| drop(files.insert("x".into(), File::executable("text")))), "mode 755, not 644");
    refuses(&after(|files| drop(files.insert("x".into(), File::data("#!/bin/sh\n")))), "mode 644, not 755");
}

/// A tar.gz with one more entry of a type, name, owner and time of the test's own.
fn with_entry(change: impl FnOnce(&mut tar::Header)) -> Vec<u8> {
    let encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    for (name, file) in files(&PLATFORMS[0]) {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(if file.is_executable { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(TIME);
        builder.append_data(&mut header, name, file.bytes.as_slice()).expect("packed");
    }
    let mut header = tar::Header::new_ustar();
    header.set_path("zzz").expect("a path");
    header.set_size(0);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(TIME);
    change(&mut header);
    header.set_cksum();
    builder.append(&header, std::io::empty()).expect("packed");
    builder.into_inner().and_then(flate2::write::GzEncoder::finish).expect("packed")
}

#[test]
fn links_owners_times_and_orders_do_not_pass() {
    let problems = |bytes: &[u8]| lint_archive::problems(bytes, &krew_platform(bytes, &PLATFORMS[0]));
    for kind in [tar::EntryType::Link, tar::EntryType::Symlink, tar::EntryType::Directory] {
        let bytes = with_entry(|header| {
            header.set_entry_type(kind);
            if kind != tar::EntryType::Directory {
                header.set_link_name("LICENSE").expect("a name");
            }
        });
        refuses(&problems(&bytes), "not a regular file");
    }
    refuses(&problems(&with_entry(|header| header.set_uid(1000))), "belongs to 1000:0");
    refuses(&problems(&with_entry(|header| header.set_mtime(1))), "several times");
    refuses(&problems(&with_entry(|header| header.set_path("AAA").expect("a path"))), "not sorted");
    let mut stamped = packed(&files(&PLATFORMS[0]));
    stamped[4] = 1;
    refuses(&problems(&stamped), "gzip header");
    let good = packed(&files(&PLATFORMS[0]));
    let platform = krew_platform(&good, &PLATFORMS[0]);
    refuses(&lint_archive::problems(&good[..good.len() - 100], &platform), "digest");
    refuses(&lint_archive::problems(&good[..good.len() - 100], &platform), "cannot be read");
    refuses(&lint_archive::problems(b"\xfd7zXZ\0\0\0\0\0\0", &platform), "not a gzip file");
}

#[test]
fn what_is_too_big_is_not_released() {
    let mut big = b"\x7fELF".to_vec();
    big.resize(lint_archive::MOST_BINARY_BYTES + 1, 0);
    let mut files = files(&PLATFORMS[0]);
    files.insert("kubectl-mlops".into(), File::executable(big));
    refuses(&lint_archive::size_problems(&packed(&files)), "kubectl-mlops has 6500001 bytes");
    let problems = lint_archive::size_problems(&vec![0; lint_archive::MOST_ARCHIVE_BYTES + 1]);
    refuses(&problems, "has 25000001 bytes");
}

/// What the lint says of the rendered krew manifest after a piece of its text was replaced.
#[track_caller]
fn krew_after(from: &str, to: &str) -> Vec<String> {
    let release = release();
    let text = manifest::krew(&release, &manifest::unpublished(&release)).expect("rendered");
    lint::krew(&text, &release.name).expect("without fault");
    assert!(text.contains(from), "{from:?} is not in {text}");
    lint::krew(&text.replacen(from, to, 1), &release.name).expect_err("a fault")
}

#[test]
fn every_rule_of_krews_manifests_can_refuse() {
    let zeros = "0".repeat(64);
    let selector = "selector:\n        matchLabels:\n          os: linux\n          arch: amd64";
    for (from, to, words) in [
        ("v1alpha2", "v1", "apiVersion"),
        ("kind: Plugin", "kind: PluginS", "kind is"),
        ("name: mlops", "name: ml ops", "not one that krew"),
        ("name: mlops", "name: COM1", "not one that krew"),
        ("name: mlops", "name: other", "the file's mlops"),
        ("version: v", "version: ", "semantic version"),
        ("version: v0.1.0", "version: v0.1", "semantic version"),
        ("shortDescription: Health", "shortDescription: health", "small letter"),
        ("an MLOps platform\n", "a Kubernetes platform\n", "says \"kubernetes\""),
        ("an MLOps platform\n", "an MLOps platform of any size at all\n", "characters"),
        ("shortDescription: Health and operations of an MLOps platform", "shortDescription: ''", "no short"),
        ("    Answers what", "    Run kubectl mlops health. Answers", "example of use"),
        ("    Answers what", "    It is a plugin that answers, among many others, what", "longer than 80"),
        ("completion kubectl", "completion bash", "how to get completion"),
        ("homepage: https://", "homepage: http://", "home page"),
        ("homepage:", "homePage:", "cannot be read"),
        ("sha256: 0", "sha256: F", "small letters"),
        (&zeros, "00", "small letters"),
        ("bin: kubectl-mlops", "bin: ../kubectl-mlops", "not inside"),
        ("bin: kubectl-mlops\n", "bin: kubectl-mlops.exe\n", "on linux the bin"),
        ("bin: kubectl-mlops\n", "bin: kubectl-mlops\n      files: []\n", "and empty"),
        ("bin: kubectl-mlops\n", "bin: kubectl-mlops\n      files: [{from: '*', to: ./x}]\n", "not clean"),
        ("bin: kubectl-mlops\n", "bin: kubectl-mlops\n      files: [{from: ../x, to: .}]\n", "leaves the archive"),
        ("bin: kubectl-mlops\n", "bin: kubectl-mlops\n      files: [{from: '', to: .}]\n", "no from"),
        (selector, "selector: {}", "selector is empty"),
        (selector, "selector: {matchLabels: {}}", "and empty"),
        (selector, "selector: {matchLabels: {os: linux}}", "2 platforms are for linux arm64"),
        (selector, "selector: {matchLabels: {os: plan9}}", "no platform that krew knows"),
        (selector, "selector: {matchLabels: {os: linux, cpu: x}}", "key \"cpu\""),
        (
            selector,
            "selector: {matchExpressions: [{key: os, operator: NotIn, values: [windows]}]}",
            "2 platforms are for darwin",
        ),
    ] {
        refuses(&krew_after(from, to), words);
    }
    let mut none = release();
    none.name = "aux".to_owned();
    let text = manifest::krew(&none, &[]).expect("rendered").replace("platforms:", "platforms: []");
    let problems = lint::krew(&text, "aux").expect_err("faults");
    refuses(&problems, "no platform");
    refuses(&problems, "not one that krew");
}

#[test]
fn every_rule_of_fluxs_manifests_can_refuse() {
    let release = release();
    let text = manifest::flux(&release, &manifest::unpublished(&release)).expect("rendered");
    lint::flux(&text, &release.name).expect("without fault");
    for (from, to, words) in [
        ("v1beta1", "v1", "apiVersion"),
        ("kind: Plugin", "kind: Catalog", "kind is"),
        ("name: mlops", "name: get", "command get"),
        ("bin: flux-mlops", "bin: kubectl-mlops", "the bin is"),
        ("version: 0", "version: v0", "no semantic version"),
        ("checksum: sha256:", "checksum: ", "the checksum is"),
        ("extractPath: kubectl-mlops", "extractPath: ../x", "what to take"),
        ("os: darwin", "os: linux", "2 platforms"),
        ("os: darwin", "os: plan9", "not released"),
        (".tar.gz", ".tar.xz", "no archive"),
        ("source: https://", "source: ", "no address"),
        ("description:", "describes:", "cannot be read"),
    ] {
        assert!(text.contains(from), "{from:?} is not in {text}");
        refuses(&lint::flux(&text.replacen(from, to, 1), &release.name).expect_err("a fault"), words);
    }
}

#[test]
fn another_name_needs_one_line() {
    let release = Release { name: "acme-mlops".to_owned(), ..release() };
    let archives = manifest::unpublished(&release);
    let krew = manifest::krew(&release, &archives).expect("rendered");
    lint::krew(&krew, "acme-mlops").expect("without fault");
    assert!(krew.contains("kubectl_complete-acme_mlops"), "{krew}");
    lint::flux(&manifest::flux(&release, &archives).expect("rendered"), "acme-mlops").expect("without fault");
}

/// The workflow builds what the manifests list, and trusts no action that can change.
#[test]
fn the_release_workflow_builds_every_platform_with_pinned_actions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows/release.yml");
    let text = std::fs::read_to_string(path).expect("the workflow");
    let workflow: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
    let jobs = workflow["jobs"].as_object().expect("jobs");
    let matrix = jobs["archive"]["strategy"]["matrix"]["include"].as_array().expect("a matrix");
    let targets: Vec<_> = matrix.iter().map(|row| row["target"].as_str().expect("a target")).collect();
    assert_eq!(targets, PLATFORMS.map(|platform| platform.target));
    let mut actions = 0;
    for step in jobs.values().flat_map(|job| job["steps"].as_array().expect("steps")) {
        let Some(action) = step["uses"].as_str() else { continue };
        let (_, commit) = action.split_once('@').expect("a version");
        assert!(commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit()), "{action}");
        actions += 1;
    }
    assert_eq!(actions, 3);
}

/// groff says nothing of a page that it can set without a doubt.
#[test]
fn man_pages_are_without_fault() {
    let Ok(groff) = which::which("groff") else {
        let _ = writeln!(std::io::stderr(), "skipped: there is no groff here that could check the man pages");
        return;
    };
    for (name, page) in mlops_packaging::reference::man_pages().expect("pages") {
        let output = assert_cmd::Command::new(&groff)
            .args(["-man", "-ww", "-z", "-Kutf8", "-Tutf8"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .write_stdin(page)
            .output()
            .expect("groff runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
    }
}
