//! `kubectl mlops scale --via git`: real repositories in temporary folders, and a scripted cluster that says what the remote
//! branch says, as Flux would bring it.
#![cfg(unix)]

use mlops_tests::loopback::{Answer, Asked, Server};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const WEB: &str = "# the shop\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3 # three\n  template: {}\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output =
        command.args(["-c", "init.defaultBranch=main"]).args(arguments).current_dir(folder).output().expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// A remote, a clone of it that somebody works in, and a folder of manifests as a cluster has them.
struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let bed = Self { folder: tempfile::tempdir().expect("a folder") };
        git(bed.path(), &["init", "--quiet", "--bare", "remote.git"]);
        git(bed.path(), &["clone", "--quiet", "remote.git", "work"]);
        let work = bed.work();
        for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.com"), ("user.useConfigOnly", "true")] {
            git(&work, &["config", key, value]);
        }
        fs::create_dir_all(work.join("apps")).expect("made");
        fs::write(work.join("apps/web.yaml"), WEB).expect("written");
        git(&work, &["add", "."]);
        git(&work, &["commit", "--quiet", "-m", "seed"]);
        git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
        fs::create_dir(bed.path().join("live")).expect("made");
        // Autoscalers were read, and this is none of its own.
        let other = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "other", "namespace": "a"}, "spec": {"maxReplicas": 2,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}}});
        let items = [deployment(3), kustomization("0", true), source("0"), other];
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
        fs::write(bed.path().join("live/all.json"), list).expect("written");
        bed
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    fn remote(&self, arguments: &[&str]) -> String {
        git(&self.path().join("remote.git"), arguments)
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_under-test-scale"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command.current_dir(self.path()).stdin(Stdio::null()).args(flags).args(["-n", "a", "-o", "json"]);
        command
    }

    /// Plans from the folder of manifests.
    fn plan(&self, flags: &[&str]) -> Outcome {
        let base = ["plan", "deploy/web", "--replicas", "5", "--from", "live"];
        Outcome::of(self.command(&[&base[..], flags].concat()))
    }

    /// Scales on a scripted cluster.
    fn scale(&self, server: &Server, flags: &[&str]) -> Outcome {
        Outcome::of(self.on(server, flags))
    }

    fn on(&self, server: &Server, flags: &[&str]) -> Command {
        let config = self.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: ada, user: {{token: CANARY-TOKEN}}}}]\ncontexts: [{{name: test, context: {{cluster: c, user: ada, namespace: a}}}}]\n",
            server.address
        );
        fs::write(&config, text).expect("written");
        let config = config.display().to_string();
        let base = ["deploy/web", "--replicas", "5", "--via", "git", "--tree", "work", "--kubeconfig", &config];
        self.command(&[&base[..], flags].concat())
    }

    /// A cluster into which the remote branch comes at once.
    fn cluster(&self, own: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Server {
        let remote = self.path().join("remote.git");
        Server::start_full(Arc::new(move |asked, _| own(asked).unwrap_or_else(|| usual(asked, &remote))))
    }
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Outcome {
    fn of(mut command: Command) -> Self {
        let output = command.output().expect("runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let outcome = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
        outcome
    }

    fn plan(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    fn check(&self, name: &str) -> Value {
        let plan = self.plan();
        let found = plan["preflight"].as_array().into_iter().flatten().find(|it| it["check"] == name).cloned();
        found.unwrap_or_else(|| panic!("{name}: {plan}"))
    }

    fn refusal(&self) -> (String, String) {
        let plan = self.plan();
        let text = |key: &str| plan["refusals"][0][key].as_str().unwrap_or_default().to_owned();
        (text("code"), text("reason"))
    }
}

fn deployment(replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "a", "uid": "u", "resourceVersion": "7", "generation": 2,
            "labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
            "managedFields": [{"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {}}}}]},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "i"}]}}},
        "status": {"observedGeneration": 2, "replicas": replicas, "readyReplicas": replicas, "updatedReplicas": replicas,
            "availableReplicas": replicas}})
}

fn ready() -> Value {
    json!([{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "ok"}])
}

fn kustomization(commit: &str, is_active: bool) -> Value {
    let revision = format!("main@sha1:{commit}");
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system", "generation": 1, "resourceVersion": "1"},
        "spec": {"interval": "10m", "path": "./apps", "prune": true, "targetNamespace": "a", "suspend": !is_active,
            "sourceRef": {"kind": "GitRepository", "name": "infra"}},
        "status": {"observedGeneration": 1, "conditions": ready(), "lastAppliedRevision": revision,
            "lastAttemptedRevision": revision, "inventory": {"entries": [{"id": "a_web_apps_Deployment", "v": "v1"}]}}})
}

fn source(commit: &str) -> Value {
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "infra", "namespace": "flux-system", "generation": 1, "resourceVersion": "1"},
        "spec": {"interval": "1h", "url": "https://git.invalid/infra", "ref": {"branch": "main"}},
        "status": {"observedGeneration": 1, "conditions": ready(), "artifact": {"revision": format!("main@sha1:{commit}")}}})
}

const CORE: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[
 {"resource":"nodes","singularResource":"node","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["get","list"]},
 {"resource":"pods","singularResource":"pod","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get","list"]}]}]}]}"#;

fn groups() -> String {
    let group = |name: &str, plural: &str, singular: &str, kind: &str| {
        let is_scalable = kind == "Deployment";
        let scale = json!([{"subresource": "scale", "verbs": ["get", "update"]}]);
        let resource = json!({"resource": plural, "singularResource": singular, "responseKind": {"kind": kind}, "scope": "Namespaced",
            "shortNames": if is_scalable { json!(["deploy"]) } else { json!([]) }, "verbs": ["get", "list", "patch"],
            "subresources": if is_scalable { scale } else { json!([]) }});
        json!({"metadata": {"name": name}, "versions": [{"version": "v1", "resources": [resource]}]})
    };
    let items = [
        group("apps", "deployments", "deployment", "Deployment"),
        group("kustomize.toolkit.fluxcd.io", "kustomizations", "kustomization", "Kustomization"),
        group("source.toolkit.fluxcd.io", "gitrepositories", "gitrepository", "GitRepository"),
    ];
    json!({"kind": "APIGroupDiscoveryList", "items": items}).to_string()
}

fn ok(body: impl ToString) -> Answer {
    Some((200, "", body.to_string()))
}

fn usual(asked: &Asked, remote: &Path) -> Answer {
    let path = asked.path.split('?').next().unwrap_or_default();
    let commit = || git(remote, &["rev-parse", "main"]);
    let replicas = || {
        let text = git(remote, &["show", "main:apps/web.yaml"]);
        let line =
            text.lines().find_map(|line| line.trim().strip_prefix("replicas: ").map(str::to_owned)).expect("there");
        line.split(' ').next().and_then(|count| count.parse::<u32>().ok()).expect("a count")
    };
    let list = |item: Value| ok(json!({"kind": "List", "items": [item]}));
    match path {
        "/api" => ok(CORE),
        "/apis" => ok(groups()),
        "/version" => ok(r#"{"gitVersion":"v1.36.3"}"#),
        "/apis/apps/v1/namespaces/a/deployments/web" => ok(deployment(replicas())),
        "/apis/apps/v1/namespaces/a/deployments/web/scale" => {
            ok(json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {"name": "web", "namespace": "a", "resourceVersion": "7"}, "spec": {"replicas": replicas()},
            "status": {"replicas": replicas(), "selector": "app=web"}}))
        }
        "/apis/apps/v1/deployments" => list(deployment(replicas())),
        "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations" => list(kustomization(&commit(), true)),
        "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps" => {
            ok(kustomization(&commit(), true))
        }
        "/apis/source.toolkit.fluxcd.io/v1/gitrepositories" => list(source(&commit())),
        "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/infra" => ok(source(&commit())),
        "/api/v1/nodes" => list(json!({"metadata": {"name": "n1"}, "status": {
            "allocatable": {"cpu": "4", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]}})),
        _ => ok(r#"{"kind":"List","items":[]}"#),
    }
}

const VIA: &[&str] = &["--via", "git", "--tree", "work", "--remote", "origin"];

#[test]
fn a_plan_shows_the_place_and_the_edit_and_leaves_everything() {
    let bed = Bed::new();
    let plan = bed.plan(VIA);
    let check = plan.check("git");
    assert!(
        check["message"].as_str().is_some_and(|text| text.starts_with("the manifest sets it, in apps/web.yaml:7 at ")),
        "{check}"
    );
    assert_eq!(check["evidence"], json!(["- replicas: 3 # three", "+ replicas: 5 # three"]));
    let steps = &plan.plan()["steps"];
    assert_eq!(
        (&steps[0]["action"], &steps[0]["from"], &steps[0]["to"], &steps[1]),
        (&json!("commit"), &json!(3), &json!(5), &Value::Null)
    );
    assert_eq!(plan.plan()["refusals"], json!([]), "{}", plan.stdout);
    assert_eq!(git(&bed.work(), &["status", "--porcelain"]), "");
    assert_eq!(git(&bed.work(), &["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main");
}

#[test]
fn a_refusal_names_the_place_in_the_folder_that_is_given() {
    let bed = Bed::new();
    let refused = bed.plan(&["--tree", "work"]);
    assert_eq!((refused.code, refused.refusal().0.as_str()), (Some(1), "git-sets-it"), "{}", refused.stdout);
    let hints = refused.plan()["refusals"][0]["hints"].to_string();
    assert!(
        hints
            .contains("in work: the manifest sets it to 3, in apps/web.yaml:7; --via git --tree work changes it there"),
        "{hints}"
    );
    fs::write(bed.work().join("apps/web.yaml"), "a: 1\n").expect("written");
    let hints = bed.plan(&["--tree", "work"]).plan()["refusals"][0]["hints"].to_string();
    assert!(hints.contains("in work the place was not found: Deployment/a/web is not in the tree"), "{hints}");
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let bed = Bed::new();
    for flags in [
        &["--via", "git"][..],
        &["--push"],
        &["--remote", "origin"],
        &["--value", ".spec.values.x"],
        &["--via", "git", "--tree", "work", "--force-drift"],
        &["--via", "git", "--tree", "work", "--pause", "object", "--reason", "x", "--until", "4h"],
        &["--via", "git", "--tree", "work", "--value", ".a["],
        &["--via", "git", "--tree", "work", "--push"],
    ] {
        let outcome = bed.plan(flags);
        assert_eq!(outcome.code, Some(2), "{flags:?}: {}{}", outcome.stdout, outcome.stderr);
    }
}

#[test]
fn what_is_no_repository_and_a_machine_without_git_are_told() {
    let bed = Bed::new();
    for (tree, why) in
        [("remote.git", "bare repository"), ("live", "is in no Git repository"), ("gone", "is in no Git repository")]
    {
        let outcome = bed.plan(&["--via", "git", "--tree", tree, "--remote", "origin"]);
        assert_eq!(outcome.code, Some(2), "{tree}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(why) && outcome.stderr.contains("hint: "), "{tree}: {}", outcome.stderr);
    }
    let outcome = bed.plan(&["--via", "git", "--tree", "work", "--remote", "none"]);
    assert!(outcome.plan()["notes"].to_string().contains("there is no remote none"), "{}", outcome.stdout);
    let base = ["plan", "deploy/web", "--replicas", "5", "--from", "live"];
    let mut command = bed.command(&[&base[..], VIA].concat());
    let outcome = Outcome::of({
        command.env("PATH", "/nonexistent");
        command
    });
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("git was not found") && outcome.stderr.contains("install git"),
        "{}",
        outcome.stderr
    );
    // What leads git elsewhere is not followed.
    let mut command = bed.command(&[&base[..], VIA].concat());
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env(name, "/nonexistent");
    }
    assert_eq!(Outcome::of(command).check("git")["verdict"], "OK");
}

#[test]
fn without_push_a_commit_is_left_on_a_branch_of_its_own() {
    let bed = Bed::new();
    let server = bed.cluster(|_| None);
    fs::write(bed.work().join("apps/web.yaml"), "somebody works here\n").expect("written");
    let refused = bed.scale(&server, &["--remote", "origin"]);
    assert_eq!(refused.code, Some(2), "nobody agreed: {}", refused.stderr);
    let done = bed.scale(&server, &["--remote", "origin", "--yes", "--reason", "the sale"]);
    let plan = done.plan();
    assert_eq!((done.code, &plan["state"]), (Some(0), &json!("applied")), "{}{}", done.stdout, done.stderr);
    let branch = "mlops/scale-deployment-web-5";
    assert!(
        plan["outcome"]
            .as_str()
            .is_some_and(|text| text.ends_with(&format!("is on the new branch {branch}; nothing is pushed"))),
        "{plan}"
    );
    assert_eq!(git(&bed.work(), &["diff", "--numstat", "main", branch]), "1\t1\tapps/web.yaml");
    let text = git(&bed.work(), &["log", "-1", "--format=%s|%b", branch]);
    assert_eq!(
        text,
        "scale Deployment/a/web to 5|the sale\n\nCluster: test\nRequested-by: ada\nMade-with: kubectl mlops scale"
    );
    assert_eq!(fs::read_to_string(bed.work().join("apps/web.yaml")).expect("read"), "somebody works here\n");
    assert_eq!(bed.remote(&["rev-list", "--count", "--all"]), "1", "nothing is pushed");
    assert!(server.writes().is_empty(), "{:?}", server.writes());
}

#[test]
fn with_push_it_is_brought_and_waited_for() {
    let bed = Bed::new();
    let server = bed.cluster(|_| None);
    let done = bed.scale(&server, &["--remote", "origin", "--push", "--yes"]);
    let plan = done.plan();
    assert_eq!((done.code, &plan["state"]), (Some(0), &json!("done")), "{}{}", done.stdout, done.stderr);
    assert!(bed.remote(&["show", "main:apps/web.yaml"]).contains("replicas: 5 # three"));
    let commit = bed.remote(&["rev-parse", "main"]);
    assert!(plan["steps"][0]["message"].as_str().is_some_and(|text| text.contains(&commit[..8])), "{plan}");
    // The one write to the cluster asks Flux to look.
    let writes = server.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(
        writes[0].path.contains("gitrepositories/infra") && writes[0].body.contains("reconcile.fluxcd.io/requestedAt"),
        "{writes:?}"
    );
    // Once more there is nothing to do.
    let again = bed.scale(&server, &["--remote", "origin", "--push", "--yes"]);
    assert_eq!((again.code, bed.remote(&["rev-parse", "main"])), (Some(0), commit), "{}{}", again.stdout, again.stderr);
}

#[test]
fn what_does_not_arrive_is_told_with_its_reason() {
    let bed = Bed::new();
    let pushed = Arc::new(AtomicBool::new(false));
    let remote = bed.path().join("remote.git");
    let server = bed.cluster(move |asked| {
        pushed.fetch_or(asked.method == "PATCH", Ordering::SeqCst);
        let is_asked = asked.method == "GET" && asked.path.ends_with("/kustomizations/apps");
        (is_asked && pushed.load(Ordering::SeqCst)).then(|| {
            let mut it = kustomization(&git(&remote, &["rev-parse", "main"]), true);
            it["status"]["conditions"] =
                json!([{"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no such\u{1b} file"}]);
            ok(it)
        })
    });
    let failed = bed.scale(&server, &["--remote", "origin", "--push", "--yes"]);
    let plan = failed.plan();
    assert_eq!((failed.code, &plan["state"]), (Some(1), &json!("failed")), "{}{}", failed.stdout, failed.stderr);
    assert!(
        plan["outcome"]
            .as_str()
            .is_some_and(|text| text.starts_with("Kustomization apps: BuildFailed: no such")
                && text.ends_with("the commit stays")),
        "{plan}"
    );
    assert!(plan["next"].to_string().contains("revert"), "{plan}");
    // Nothing is tried where it cannot arrive.
    let suspended =
        bed.cluster(|asked| asked.path.ends_with("/kustomizations/apps").then(|| ok(kustomization("0", false))));
    let refused = bed.scale(&suspended, &["--remote", "origin", "--push", "--yes"]);
    assert_eq!(
        (refused.code, refused.refusal().0.as_str()),
        (Some(1), "suspended"),
        "{}{}",
        refused.stdout,
        refused.stderr
    );
    let exempt = bed.cluster(|asked| {
        let mut it = deployment(3);
        it["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
        let is_list = asked.path.starts_with("/apis/apps/v1/deployments");
        let is_one = asked.method == "GET" && asked.path.ends_with("/deployments/web");
        if is_list { Some(ok(json!({"kind": "List", "items": [it]}))) } else { is_one.then(|| ok(it)) }
    });
    let refused = bed.scale(&exempt, &["--remote", "origin", "--push", "--yes"]);
    assert_eq!(refused.refusal().0, "suspended", "{}{}", refused.stdout, refused.stderr);
    let tagged = bed.cluster(|asked| {
        let mut it = source("0");
        it["spec"]["ref"] = json!({"tag": "v1"});
        asked.path.ends_with("/gitrepositories/infra").then(|| ok(it))
    });
    let refused = bed.scale(&tagged, &["--remote", "origin", "--push", "--yes"]);
    assert_eq!(refused.refusal().0, "no-branch-is-followed", "{}{}", refused.stdout, refused.stderr);
    let elsewhere = bed.scale(&bed.cluster(|_| None), &["--push", "--yes"]);
    assert_eq!(elsewhere.code, Some(2), "{}", elsewhere.stdout);
    assert!(
        elsewhere.stderr.contains("no remote is https://git.invalid/infra, which Flux fetches"),
        "{}",
        elsewhere.stderr
    );
}

#[test]
fn who_is_not_known_to_git_commits_nothing() {
    let bed = Bed::new();
    git(&bed.work(), &["config", "--unset", "user.email"]);
    let failed = bed.scale(&bed.cluster(|_| None), &["--remote", "origin", "--push", "--yes"]);
    let plan = failed.plan();
    assert_eq!((failed.code, &plan["state"]), (Some(1), &json!("failed")), "{}{}", failed.stdout, failed.stderr);
    assert!(plan["notes"].to_string().contains("git config --global user.email"), "{plan}");
    assert_eq!(bed.remote(&["rev-list", "--count", "main"]), "1");
    assert_eq!(git(&bed.work(), &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn an_encrypted_file_and_a_variable_are_left_alone() {
    let bed = Bed::new();
    let write = |text: &str| {
        fs::write(bed.work().join("apps/web.yaml"), text).expect("written");
        git(&bed.work(), &["commit", "--quiet", "-am", "changed"]);
        git(&bed.work(), &["push", "--quiet", "origin", "HEAD:main"]);
    };
    write(&format!("{WEB}stringData: {{password: CANARY}}\nsops: {{mac: CANARY}}\n"));
    let refused = bed.plan(VIA);
    assert!(refused.refusal().1.contains("encrypted by SOPS"), "{}", refused.stdout);
    let compact = "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"s\"},\"stringData\":{\"p\":\"CANARY\"}},{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":3}}]}";
    write(compact);
    assert_eq!(bed.plan(VIA).check("git")["evidence"], json!(["- … 3 …", "+ … 5 …"]));
    write(&WEB.replace("3 # three", "${REPLICAS:=3}"));
    let refused = bed.plan(VIA);
    assert_eq!((refused.code, refused.refusal().0.as_str()), (Some(1), "git-edit-refused"), "{}", refused.stdout);
    assert!(refused.refusal().1.contains("Flux puts the variable REPLICAS there"), "{}", refused.stdout);
    write(&WEB.replace("  replicas: 3 # three\n", ""));
    let refused = bed.plan(VIA);
    assert_eq!(refused.refusal().0, "git-does-not-set-it", "{}", refused.stdout);
}
