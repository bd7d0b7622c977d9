//! Real git in folders of this machine: what is committed and pushed, and that what somebody works on stays as it is.

use super::*;
use crate::cluster::WriteToken;
use crate::object::ObjectRef;
use crate::ownership::FieldPath;
use crate::tools::{Call, Program};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const WEB: &str = "# the shop\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replicas: 3 # three\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let program = Program::find("git").expect("git is there");
    let call = Call::new(&program).args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]);
    let output = call.args(arguments).folder(folder).run().unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// A remote and a clone of it.
struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let bed = Self { folder: tempfile::tempdir().expect("a folder") };
        git(bed.folder.path(), &["init", "--quiet", "--bare", "remote.git"]);
        let seed = bed.clone_as("seed");
        fs::write(seed.join("web.yaml"), WEB).expect("written");
        fs::write(seed.join("other.yaml"), "a: 1\n").expect("written");
        bed.push(&seed, "seed");
        bed.clone_as("work");
        bed
    }

    fn clone_as(&self, name: &str) -> PathBuf {
        git(self.folder.path(), &["clone", "--quiet", "remote.git", name]);
        let path = self.folder.path().join(name);
        // Whatever the machine's own configuration says.
        for (key, value) in [
            ("user.name", "Ada"),
            ("user.email", "ada@example.com"),
            ("commit.gpgsign", "false"),
            ("core.hooksPath", ".git/hooks"),
            ("core.autocrlf", "false"),
        ] {
            git(&path, &["config", key, value]);
        }
        let hooks = path.join(".git/hooks").canonicalize().expect("hooks");
        git(&path, &["config", "core.hooksPath", hooks.to_str().expect("text")]);
        path
    }

    fn push(&self, clone: &Path, message: &str) {
        git(clone, &["add", "."]);
        git(clone, &["commit", "--quiet", "-m", message]);
        git(clone, &["push", "--quiet", "origin", "HEAD:main"]);
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn repository(&self) -> Repository {
        Repository::open(&self.work(), Duration::from_secs(60)).expect("opened")
    }

    fn remote(&self, arguments: &[&str]) -> String {
        git(&self.folder.path().join("remote.git"), arguments)
    }

    fn hook(&self, name: &str, text: &str) {
        script(&self.work().join(".git/hooks").join(name), text);
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
}

fn main() -> Upstream {
    Upstream { remote: "origin".to_owned(), branch: "main".to_owned() }
}

/// Calls `work` with the wish for so many replicas.
fn wished<T>(count: u32, work: impl FnOnce(Wish<'_>) -> T) -> T {
    let (object, path) =
        (ObjectRef::new("apps", "Deployment", "shop", "web"), FieldPath::parse(".spec.replicas").expect("a path"));
    let value: Value = json!(count);
    work(Wish { target: Target { object: &object, path: &path }, root: Root::Everything, value: &value })
}

fn pushed(repository: &Repository, count: u32, between: impl FnOnce()) -> Result<Pushed, ChangeError> {
    wished(count, |wish| {
        let tip = repository.fetch(&main())?;
        let proposal = propose(repository, &tip, wish)?;
        between();
        push(repository, proposal, &main(), (&WriteToken::confirmed(), "scale web\n"), wish)
    })
}

#[test]
fn a_commit_leaves_what_somebody_works_on_alone() {
    let bed = Bed::new();
    let work = bed.work();
    fs::write(work.join("web.yaml"), "broken: [").expect("written");
    fs::write(work.join("new.yaml"), "a: 1\n").expect("written");
    fs::write(work.join("other.yaml"), "a: 2\n").expect("written");
    git(&work, &["add", "other.yaml"]);
    let state = || {
        (
            git(&work, &["status", "--porcelain"]),
            git(&work, &["rev-parse", "HEAD"]),
            git(&work, &["branch", "--show-current"]),
        )
    };
    let before = state();
    let repository = bed.repository();
    let text = message("scale: web", Some("load\nof\u{1b}[2J the day"), &[("Object", "Deployment/shop/web")]);
    let branch = wished(5, |wish| {
        let proposal = propose(&repository, &repository.head().expect("a head"), wish).expect("a proposal");
        assert!(proposal.commit(&WriteToken::dry_run(), &text).is_err(), "a dry run commits nothing");
        let commit = proposal.commit(&WriteToken::confirmed(), &text).expect("committed");
        let branch = repository.new_branch("mlops/web", &commit).expect("a branch");
        assert_eq!(repository.new_branch("mlops/web", &commit).expect("another one"), "mlops/web-2");
        branch
    });
    assert_eq!(state(), before);
    assert_eq!(git(&work, &["worktree", "list"]).lines().count(), 1, "the worktree is removed");
    assert_eq!(git(&work, &["show", &format!("{branch}:web.yaml")]), WEB.replace("s: 3", "s: 5").trim_end());
    assert_eq!(git(&work, &["diff", "--stat", "--name-only", "HEAD", &branch]), "web.yaml");
    assert_eq!(
        git(&work, &["log", "-1", "--format=%an|%s|%b", &branch]),
        "Ada|scale: web|load of^[[2J the day\n\nObject: Deployment/shop/web"
    );
    assert_eq!(bed.remote(&["rev-parse", "main"]), before.1, "nothing is pushed");
}

#[test]
fn a_push_brings_one_line_and_leaves_local_commits_at_home() {
    let bed = Bed::new();
    let work = bed.work();
    fs::write(work.join("private.yaml"), "a: 1\n").expect("written");
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "not pushed"]);
    let sub = work.join("sub");
    fs::create_dir(&sub).expect("made");
    let repository = Repository::open(&sub, Duration::from_secs(60)).expect("opened from a folder in it");
    assert_eq!(repository.top().canonicalize().ok(), work.canonicalize().ok());
    let before = bed.remote(&["rev-parse", "main"]);
    let done = pushed(&repository, 4, || {}).expect("pushed");
    assert_eq!((bed.remote(&["rev-parse", "main"]), done.tries), (done.commit.clone(), 1));
    assert_eq!(bed.remote(&["diff", "--numstat", &before, "main"]), "1\t1\tweb.yaml");
    assert_eq!(repository.is_before(&done.commit, &done.commit).expect("told"), Some(true));
    assert_eq!(repository.is_before(&done.commit, &before).expect("told"), Some(false));
    assert_eq!(repository.is_before(&done.commit, &"0".repeat(40)).expect("told"), None);
    // Once more is nothing to do.
    let again = pushed(&repository, 4, || {}).expect("pushed");
    assert_eq!(again.commit, done.commit);
}

#[test]
fn who_is_slower_makes_the_edit_anew() {
    let bed = Bed::new();
    let (repository, other) = (bed.repository(), bed.clone_as("other"));
    let done = pushed(&repository, 4, || {
        fs::write(other.join("web.yaml"), format!("# a line before\n{WEB}")).expect("written");
        bed.push(&other, "a comment");
    });
    let done = done.expect("pushed");
    assert_eq!(done.tries, 2);
    assert_eq!(
        bed.remote(&["show", "main:web.yaml"]),
        format!("# a line before\n{}", WEB.replace("s: 3", "s: 4")).trim_end()
    );
    assert_eq!(bed.remote(&["rev-list", "--count", "main"]), "3");
    // The same value by somebody else is as good; another one is not overwritten.
    let set = |count: u32| {
        git(&other, &["pull", "--quiet", "origin", "main"]);
        fs::write(other.join("web.yaml"), WEB.replace("s: 3", &format!("s: {count}"))).expect("written");
        bed.push(&other, "another count");
    };
    let same = pushed(&repository, 6, || set(6)).expect("the same");
    assert_eq!(same.commit, bed.remote(&["rev-parse", "main"]));
    let error = pushed(&repository, 8, || set(7)).expect_err("another one");
    assert_eq!(error.to_string(), "web.yaml:8 was changed to 7 meanwhile");
}

#[test]
fn who_is_always_slower_gives_up() {
    let bed = Bed::new();
    let other = bed.clone_as("other");
    // Before each push somebody else is faster.
    let faster = format!(
        "cd '{}' || exit 1\nunset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE\ngit pull --quiet origin main\necho x >> other.yaml\ngit commit --quiet -am faster\ngit push --quiet origin HEAD:main\n",
        other.display()
    );
    bed.hook("pre-push", &faster);
    let error = pushed(&bed.repository(), 4, || {}).expect_err("gives up");
    assert_eq!(error.to_string(), "origin/main was changed by others 3 times while this was pushed");
    assert!(bed.remote(&["show", "main:web.yaml"]).contains("replicas: 3"));
}

#[test]
fn hooks_and_remotes_that_refuse_are_heard() {
    let bed = Bed::new();
    let repository = bed.repository();
    bed.hook("pre-commit", "echo 'no commits on fridays' >&2; exit 1\n");
    let error = pushed(&repository, 4, || {}).expect_err("refused").to_string();
    assert!(error.contains("no commits on fridays"), "{error}");
    bed.hook("pre-commit", "echo b: 2 >> other.yaml; git add other.yaml\n");
    let error = pushed(&repository, 4, || {}).expect_err("changed").to_string();
    assert!(error.contains("it changes other files"), "{error}");
    bed.hook("pre-commit", "sed -i s/three/3/ web.yaml; git add web.yaml\n");
    let error = pushed(&repository, 4, || {}).expect_err("changed").to_string();
    assert!(error.contains("web.yaml is another one by now"), "{error}");
    bed.hook("pre-commit", "exit 0\n");
    script(&bed.folder.path().join("remote.git/hooks/pre-receive"), "echo 'main is protected' >&2; exit 1\n");
    let error = pushed(&repository, 4, || {}).expect_err("refused").to_string();
    assert!(error.contains("main is protected"), "{error}");
    assert_eq!(bed.remote(&["rev-list", "--count", "main"]), "1");
    assert_eq!(git(&bed.work(), &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_remote_that_cannot_be_asked_any_more_leaves_doubt() {
    let bed = Bed::new();
    let gone = format!("mv '{0}/remote.git' '{0}/away.git'; exit 1\n", bed.folder.path().display());
    bed.hook("pre-push", &gone);
    let error = pushed(&bed.repository(), 4, || {}).expect_err("in doubt");
    let told = error.to_string();
    assert!(matches!(error, ChangeError::Repository(RepositoryError::InDoubt { .. })), "{told}");
}

#[test]
fn what_asks_gets_no_answer_and_what_hangs_ends() {
    let bed = Bed::new();
    bed.hook("pre-commit", "read answer; test -n \"$answer\" && exit 0; echo 'nobody answers' >&2; exit 1\n");
    let error = pushed(&bed.repository(), 4, || {}).expect_err("refused").to_string();
    assert!(error.contains("nobody answers"), "{error}");
    bed.hook("pre-commit", "exec sleep 600\n");
    let hasty = Repository::open(&bed.work(), Duration::from_secs(2)).expect("opened");
    let error = pushed(&hasty, 4, || {}).expect_err("ended").to_string();
    assert!(error.contains("did not end within 2s"), "{error}");
}

#[test]
fn folders_that_are_no_repository_with_files_are_refused() {
    let bed = Bed::new();
    let open = |path: &Path| Repository::open(path, Duration::from_secs(60));
    let bare = open(&bed.folder.path().join("remote.git")).expect_err("bare");
    assert!(matches!(bare, RepositoryError::Bare(_)) && !bare.hints().is_empty(), "{bare}");
    let plain = tempfile::tempdir().expect("a folder");
    assert!(matches!(open(plain.path()), Err(RepositoryError::None(_))));
    assert!(matches!(open(&plain.path().join("gone")), Err(RepositoryError::None(_))));
    git(plain.path(), &["init", "--quiet"]);
    assert!(matches!(open(plain.path()), Err(RepositoryError::Empty(_))));
    let missing = Program::find_in("git", Some(plain.path().as_os_str())).expect_err("no git");
    assert!(missing.hints().iter().any(|hint| hint.contains("install git")), "{missing}");
    let repository = bed.repository();
    assert_eq!(repository.branch().expect("told").as_deref(), Some("main"));
    git(&bed.work(), &["checkout", "--quiet", "--detach"]);
    assert_eq!(repository.branch().expect("told"), None);
}

#[test]
fn the_remote_is_the_one_that_flux_fetches() {
    let bed = Bed::new();
    let repository = bed.repository();
    let name = |named, url| repository.remote(named, url).map(|remote| remote.name).map_err(|error| error.to_string());
    assert_eq!(name(None, None), Ok("origin".to_owned()));
    git(&bed.work(), &["remote", "add", "fork", "https://me:CANARY@example.com/me/infra.git"]);
    assert_eq!(name(None, Some("ssh://git@example.com/me/infra")), Ok("fork".to_owned()));
    assert_eq!(name(None, None), Ok("origin".to_owned()), "that of the branch");
    assert_eq!(name(Some("fork"), None), Ok("fork".to_owned()));
    assert_eq!(name(Some("none"), None), Err("there is no remote none".to_owned()));
    let error = name(None, Some("https://you:CANARY@example.com/other")).expect_err("none");
    assert_eq!(error, "no remote is https://example.com/other, which Flux fetches");
    let gone = Upstream { remote: "origin".to_owned(), branch: "gone".to_owned() };
    assert!(repository.fetch(&gone).is_err());
    assert_eq!(repository.known(&gone).expect("told"), None);
}
