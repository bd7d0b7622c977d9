//! `kubectl mlops audit` against a real API server: it and SubjectAccessReviews say the same of rights, what
//! Kubernetes brings is no finding, and what may not be read is unknown.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mlops_audit::rbac::{Grants, Identity, Request};
use mlops_audit::record::{Records, decode};
use mlops_shared::object::TypeMeta;
use mlops_tests::control_plane::{ControlPlane, Parts, shared};
use mlops_tests::objects::Api;
use mlops_tests::proxy::{Fault, Proxy, Rule};
use mlops_tests::users::User;
use serde_json::value::RawValue;
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const WITHIN: Duration = Duration::from_secs(60);
/// Questions that are asked of the API server and of the engine.
const QUESTIONS: usize = 500;

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn audit(kubeconfig: &Path, flags: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("home");
    let output = Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .env_clear()
        .env("HOME", home.path())
        .args(flags)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["-o", "json"])
        .output()
        .expect("runs");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn json_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

/// Roles and bindings with everything that a rule can say: stars, subresources, names, groups of the API, paths,
/// aggregation, and every kind of subject. `p` keeps them apart from those of others.
fn rights(p: &str, one: &str, two: &str) -> Vec<Value> {
    let role = |kind: &str, name: &str, namespace: &str, rules: Value| {
        let mut metadata = json!({"name": format!("{p}-{name}")});
        if !namespace.is_empty() {
            metadata["namespace"] = namespace.into();
        }
        json!({"apiVersion": RBAC, "kind": kind, "metadata": metadata, "rules": rules})
    };
    let binding = |name: &str, namespace: &str, kind: &str, role: &str, subjects: Value| {
        let mut metadata = json!({"name": format!("{p}-{name}")});
        if !namespace.is_empty() {
            metadata["namespace"] = namespace.into();
        }
        let kind_of_binding = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
        json!({
            "apiVersion": RBAC, "kind": kind_of_binding, "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": format!("{p}-{role}")},
            "subjects": subjects,
        })
    };
    let user = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name});
    let group = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name});
    let account = |namespace: &str, name: &str| json!({"kind": "ServiceAccount", "namespace": namespace, "name": name});
    let label = format!("{p}-sum");
    let mut part = role(
        "ClusterRole",
        "part",
        "",
        json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["delete"]}]),
    );
    part["metadata"]["labels"] = json!({"into": label});
    vec![
        part,
        json!({
            "apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": format!("{p}-sum")},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"into": label}}]}, "rules": [],
        }),
        role("ClusterRole", "core", "", json!([{"apiGroups": [""], "resources": ["*"], "verbs": ["get", "list"]}])),
        role(
            "ClusterRole",
            "exec",
            "",
            json!([
                {"apiGroups": [""], "resources": ["*/exec"], "verbs": ["create"]},
                {"apiGroups": [""], "resources": ["pods/*"], "verbs": ["get"]},
                {"apiGroups": ["*"], "resources": ["deployments/scale"], "verbs": ["*"]},
            ]),
        ),
        role(
            "ClusterRole",
            "named",
            "",
            json!([
                {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"], "resourceNames": ["a"]},
                {"apiGroups": [""], "resources": ["nodes", "namespaces"], "verbs": ["get"]},
            ]),
        ),
        role(
            "ClusterRole",
            "paths",
            "",
            json!([
                {"nonResourceURLs": ["/metrics", "/x/*"], "verbs": ["get"]}, {"nonResourceURLs": ["/*"], "verbs": ["post"]},
            ]),
        ),
        // Names on subresources, on everything of every group, and a star before a subresource.
        role(
            "ClusterRole",
            "subs",
            "",
            json!([
                {"apiGroups": [""], "resources": ["pods/exec", "serviceaccounts/token"], "verbs": ["create"], "resourceNames": ["a"]},
                {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": ["get", "update"], "resourceNames": ["a", "b"]},
                {"apiGroups": ["*"], "resources": ["*/status"], "verbs": ["patch"]},
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "watch"], "resourceNames": ["b"]},
            ]),
        ),
        role(
            "ClusterRole",
            "anywhere",
            "",
            json!([{"nonResourceURLs": ["*"], "verbs": ["get"]}, {"nonResourceURLs": ["/api/*", "/healthz"], "verbs": ["*"]}]),
        ),
        role("ClusterRole", "all", "", json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])),
        role("Role", "all", one, json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])),
        role("Role", "pods", two, json!([{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["*"]}])),
        binding("sum", "", "ClusterRole", "sum", json!([user("sum")])),
        binding("core", "", "ClusterRole", "core", json!([group("readers"), account(two, "reader")])),
        binding("core-one", one, "ClusterRole", "core", json!([user("one"), account(one, "job")])),
        binding("exec", "", "ClusterRole", "exec", json!([user("exec")])),
        binding("exec-two", two, "ClusterRole", "exec", json!([group(&format!("system:serviceaccounts:{one}"))])),
        binding("named", one, "ClusterRole", "named", json!([user("named"), user("*")])),
        binding("named-all", "", "ClusterRole", "named", json!([account(one, "job")])),
        binding("paths", "", "ClusterRole", "paths", json!([user("paths"), group("readers")])),
        binding("paths-two", two, "ClusterRole", "paths", json!([user("sum")])),
        binding("all-two", two, "ClusterRole", "all", json!([user("exec")])),
        binding(
            "all",
            one,
            "Role",
            "all",
            json!([account(two, "reader"), user(&format!("system:serviceaccount:{two}:by-name"))]),
        ),
        binding("pods", two, "Role", "pods", json!([group("readers"), group("system:authenticated")])),
        binding("subs", "", "ClusterRole", "subs", json!([user("subs"), group("others")])),
        binding("subs-one", one, "ClusterRole", "subs", json!([group("system:serviceaccounts"), group("writers")])),
        binding(
            "anywhere",
            "",
            "ClusterRole",
            "anywhere",
            json!([user("anywhere"), group(&format!("system:serviceaccounts:{two}"))]),
        ),
        binding("gone", two, "Role", "not-there", json!([user("named")])),
    ]
}

/// One question, in the words of a SubjectAccessReview.
struct Question {
    who: Identity,
    verb: &'static str,
    /// Group, resource with subresource, name, namespace; or a path.
    on: Result<(&'static str, &'static str, &'static str, String), &'static str>,
}

impl Question {
    fn any(random: &mut fastrand::Rng, one: &str, two: &str) -> Self {
        let mut pick = |all: &[&'static str]| all[random.usize(..all.len())];
        let groups = pick(&["", "", "readers", "system:masters-not", "others", "writers", "readers writers"]);
        let groups = groups.split_whitespace().map(str::to_owned);
        let users = [
            "sum", "one", "exec", "named", "paths", "subs", "anywhere", "*", "nobody", "account", "account", "account",
        ];
        let who = match pick(&users) {
            "account" => {
                let namespace = pick(&["1", "2"]);
                Identity::account(
                    if namespace == "1" { one } else { two },
                    pick(&["job", "reader", "by-name", "other"]),
                )
            }
            user => Identity::new(user, groups),
        };
        if pick(&["path", "", "", "", "", ""]) == "path" {
            let path = pick(&["/metrics", "/metrics/a", "/x", "/x/", "/x/y", "/healthz", "/api", "/api/v1", "/"]);
            return Self { who, verb: pick(&["get", "post", "put", "*"]), on: Err(path) };
        }
        let verb = pick(&[
            "get",
            "get",
            "get",
            "list",
            "create",
            "create",
            "delete",
            "watch",
            "deletecollection",
            "update",
            "patch",
            "*",
        ]);
        let (group, resource) = match pick(&[
            "pods",
            "pods",
            "exec",
            "exec",
            "log",
            "star",
            "secrets",
            "secrets",
            "nodes",
            "namespaces",
            "deployments",
            "scale",
            "kafkas",
            "token",
            "status",
            "deployment-status",
        ]) {
            "token" => ("", "serviceaccounts/token"),
            "status" => ("", "pods/status"),
            "deployment-status" => ("apps", "deployments/status"),
            "exec" => ("", "pods/exec"),
            "log" => ("", "pods/log"),
            "star" => ("*", "*"),
            "deployments" => ("apps", "deployments"),
            "scale" => ("apps", "deployments/scale"),
            "kafkas" => ("kafka.strimzi.io", "kafkas"),
            core => ("", core),
        };
        let namespace = match pick(&["1", "1", "2", "2", "", "other"]) {
            "1" => one.to_owned(),
            "2" => two.to_owned(),
            other => other.to_owned(),
        };
        Self { who, verb, on: Ok((group, resource, pick(&["", "", "a", "b"]), namespace)) }
    }

    fn computed(&self, grants: &Grants<'_>) -> bool {
        let (request, namespace) = match &self.on {
            Ok((group, resource, name, namespace)) => {
                (Request::Resource { verb: self.verb, group, resource, name }, namespace.as_str())
            }
            Err(path) => (Request::Path { verb: self.verb, path }, ""),
        };
        grants.allows(&self.who, request, namespace).is_some()
    }

    fn answered(&self, api: &Api) -> bool {
        let mut spec = json!({"user": self.who.user, "groups": self.who.groups});
        match &self.on {
            Ok((group, resource, name, namespace)) => {
                let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                spec["resourceAttributes"] = json!({
                    "verb": self.verb, "group": group, "resource": resource, "subresource": subresource, "name": name,
                    "namespace": namespace,
                });
            }
            Err(path) => spec["nonResourceAttributes"] = json!({"verb": self.verb, "path": path}),
        }
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
        let body = review.to_string();
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer =
            api.client().request("POST", path, Some(("application/json", body.as_bytes()))).expect("an answer");
        let answer = answer.json().expect("JSON");
        answer["status"]["allowed"].as_bool().unwrap_or_else(|| panic!("no answer to {review}: {answer}"))
    }
}

/// The roles and bindings of the cluster, as the plugin reads them.
fn records(api: &Api) -> Records {
    let mut all = Vec::new();
    for (kind, plural) in [
        ("ClusterRole", "clusterroles"),
        ("ClusterRoleBinding", "clusterrolebindings"),
        ("Role", "roles"),
        ("RoleBinding", "rolebindings"),
    ] {
        let list = api.client().get(&format!("/apis/{RBAC}/{plural}")).expect("a list").json().expect("JSON");
        let ty = std::sync::Arc::new(TypeMeta::new(RBAC, kind));
        let items = list["items"].as_array().expect("items");
        all.extend(
            items.iter().filter_map(|item| decode(&ty, &RawValue::from_string(item.to_string()).expect("JSON"))),
        );
    }
    Records::new(all)
}

#[test]
fn rights_are_those_that_the_api_server_gives() {
    let plane = shared();
    let api = plane.api();
    let (one, two) =
        (api.new_namespace("rights-one").expect("namespace"), api.new_namespace("rights-two").expect("namespace"));
    let objects = rights(&one, &one, &two);
    api.apply_objects(objects).expect("applied");
    // Aggregation is the controller-manager's, and the API server's authorizer sees all of it a moment later.
    api.wait_for((RBAC, "ClusterRole", "", &format!("{one}-sum")), WITHIN, |role| {
        role["rules"].as_array().is_some_and(|rules| !rules.is_empty())
    })
    .expect("aggregated");
    let sum =
        Question { who: Identity::new("sum", []), verb: "delete", on: Ok(("apps", "deployments", "", one.clone())) };
    mlops_tests::wait::until("the authorizer knows", WITHIN, || Ok(sum.answered(api).then_some(()))).expect("seen");

    let records = records(api);
    let grants = Grants::new(&records);
    let mut random = fastrand::Rng::with_seed(5284);
    let mut allowed = 0;
    for _ in 0..QUESTIONS {
        let question = Question::any(&mut random, &one, &two);
        let (computed, answered) = (question.computed(&grants), question.answered(api));
        assert_eq!(computed, answered, "{} {} {:?}", question.who.user, question.verb, question.on);
        allowed += usize::from(answered);
    }
    assert!((QUESTIONS / 10..QUESTIONS * 9 / 10).contains(&allowed), "{allowed} of {QUESTIONS} say nothing");

    // The command says the same, through the same server, for whom a role was made and for whom none was.
    let kubeconfig = plane.admin_kubeconfig();
    let job = format!("{one}/job");
    for (subject, groups) in [
        ("sum", ""),
        ("exec", ""),
        ("subs", "writers"),
        ("anywhere", ""),
        ("named", ""),
        ("paths", "readers"),
        (job.as_str(), ""),
    ] {
        let mut flags = vec!["permissions", "--as", subject, "--verify"];
        if !groups.is_empty() {
            flags.extend(["--as-group", groups]);
        }
        let outcome = audit(kubeconfig, &flags);
        assert_eq!(outcome.code, Some(0), "{subject}: {}{}", outcome.stdout, outcome.stderr);
        let report = json_of(&outcome);
        assert!(report["verification"]["asked"].as_u64().is_some_and(|asked| asked > 50), "{}", report["verification"]);
        assert!(report["permissions"].as_array().is_some_and(|rules| !rules.is_empty()), "{report}");
    }

    // Whom who-can names may, and of the others that it could have named nobody may.
    let everybody = ["sum", "one", "exec", "named", "paths"];
    for (verb, resource, sub) in
        [("create", "pods", Some("exec")), ("delete", "deployments", None), ("list", "secrets", None)]
    {
        let mut flags = vec!["who-can", verb, resource, "-n", &two];
        flags.extend(sub.iter().flat_map(|sub| ["--subresource", sub]));
        let outcome = audit(kubeconfig, &flags);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let report = json_of(&outcome);
        let named: BTreeSet<&str> = report["holders"]
            .as_array()
            .expect("holders")
            .iter()
            .filter(|it| it["kind"] == "User")
            .filter_map(|it| it["name"].as_str())
            .collect();
        for user in everybody {
            let (group, resource) = match (resource, sub) {
                ("pods", Some(_)) => ("", "pods/exec"),
                ("deployments", _) => ("apps", "deployments"),
                _ => ("", "secrets"),
            };
            let question = Question { who: Identity::new(user, []), verb, on: Ok((group, resource, "", two.clone())) };
            assert_eq!(named.contains(user), question.answered(api), "{user} {verb} {resource}: {named:?}");
        }
    }
}

#[test]
fn what_kubernetes_brings_is_no_finding_and_what_may_not_be_read_is_unknown() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: needs a cluster without objects of others, and accounts of its own");
        return;
    }
    let parts = Parts { controller_manager: true, ..Parts::default() };
    let plane = ControlPlane::start(&parts).expect("started");
    plane
        .api()
        .wait_for((RBAC, "ClusterRole", "", "edit"), WITHIN, |role| {
            role["rules"].as_array().is_some_and(|rules| !rules.is_empty())
        })
        .expect("aggregated");
    let proxy = Proxy::start(&plane).expect("proxy");
    let admin = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let whole = json_of(&audit(&admin, &["--fail-on", "never"]));
    assert_eq!(whole["summary"]["partial"], false, "{}", whole["checks"]);
    let of_kubernetes = |finding: &&Value| {
        let is_ours = finding["object"]["name"].as_str().is_some_and(|name| name.starts_with("testbed-"));
        finding["code"].as_str().is_some_and(|code| code.starts_with("rbac-")) && !is_ours
    };
    let findings: Vec<&Value> = whole["findings"].as_array().expect("findings").iter().filter(of_kubernetes).collect();
    assert!(findings.is_empty(), "{findings:#?}");
    // What is no finding was read: the same roles are there to be asked.
    let who = json_of(&audit(&admin, &["who-can", "get", "secrets"]));
    let holders = who["holders"].as_array().expect("holders");
    assert!(holders.iter().any(|holder| holder["name"] == "system:masters"), "{holders:?}");
    assert!(proxy.requests().iter().all(|request| request.method == "GET"), "it only reads");

    // Without the right to list roles nothing of them is known, however little is found.
    proxy.reset();
    proxy.add(Rule::new(Fault::Forbidden).path("/apis/rbac.authorization.k8s.io/v1/"));
    for flags in [&["--fail-on", "never"][..], &["--fail-on", "never", "-n", "default"]] {
        let refused = audit(&admin, flags);
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        let report = json_of(&refused);
        let check = report["checks"].as_array().expect("checks").iter().find(|check| check["check"] == "rbac");
        let state = check.map(|check| check["state"].clone());
        assert!(state == Some("unknown".into()) || state == Some("partial".into()), "{check:?}");
    }
    for flags in [&["who-can", "get", "secrets"][..], &["permissions", "--as", "ann", "-n", "default"], &["paths"]] {
        let refused = audit(&admin, flags);
        assert_eq!(refused.code, Some(3), "{flags:?}: {}{}", refused.stdout, refused.stderr);
        assert_eq!(json_of(&refused)["partial"], true, "{flags:?}");
    }

    // Only --verify creates anything, and that is a review; nobody is impersonated.
    proxy.reset();
    let verified = audit(&admin, &["permissions", "--as", "testbed-reader", "--verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let writes: Vec<_> = proxy.requests().into_iter().filter(|request| request.method != "GET").collect();
    assert!(!writes.is_empty());
    assert!(writes.iter().all(|it| it.method == "POST" && it.path().ends_with("/subjectaccessreviews")), "{writes:?}");
}

#[test]
fn the_account_of_deploy_may_list_what_an_audit_needs_and_no_more() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: grants rights, which a cluster that is already there should not get");
        return;
    }
    let plane = ControlPlane::start(&Parts::objects_only()).expect("started");
    plane.kubectl(&["create", "namespace", "mlops-system"]).expect("namespace");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rbac/audit.yaml").to_string_lossy().into_owned();
    plane.kubectl(&["apply", "-f", &file]).expect("applied");
    let token = plane.kubectl(&["create", "token", "mlops-audit", "-n", "mlops-system"]).expect("a token");
    let proxy = Proxy::start(&plane).expect("proxy");
    let kubeconfig = proxy.kubeconfig(User::Stranger).expect("kubeconfig");
    for command in [&["--fail-on", "never"][..], &["who-can", "get", "secrets"], &["paths"]] {
        let mut flags = command.to_vec();
        flags.extend(["--token", token.trim()]);
        let outcome = audit(&kubeconfig, &flags);
        assert_eq!(outcome.code, Some(0), "{command:?}: {}{}", outcome.stdout, outcome.stderr);
        let report = json_of(&outcome);
        let gaps: Vec<&Value> =
            report["coverage"].as_array().expect("coverage").iter().filter(|section| section["gap"] == true).collect();
        assert!(gaps.is_empty(), "{command:?}: {gaps:?}");
    }
    assert!(proxy.requests().iter().all(|request| request.method == "GET"));
    let account = "--as=system:serviceaccount:mlops-system:mlops-audit";
    for right in [["get", "secrets"], ["watch", "pods"], ["create", "pods"], ["create", "subjectaccessreviews"]] {
        assert!(plane.kubectl(&["auth", "can-i", right[0], right[1], "-A", account]).is_err(), "{right:?} is granted");
    }
}

#[test]
fn secrets_are_judged_by_their_metadata_alone() {
    const CANARY: &str = "CaNaRyX7fQ2mLz9Kp4Wd";
    let plane = shared();
    let api = plane.api();
    let namespace = api.new_namespace("secrets").expect("namespace");
    let secret = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": {"password": CANARY},
        })
    };
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
        "spec": {
            "containers": [{"name": "c", "image": "i", "env": [{"name": "TOKEN", "value": CANARY}]}],
            "volumes": [{"name": "v", "secret": {"secretName": "used"}}],
        },
    });
    // As kubectl writes: what a program of another name wrote would be that program's.
    for object in [secret("used"), secret("spare"), pod] {
        let path = format!(
            "/api/v1/namespaces/{namespace}/{}?fieldManager=kubectl-create",
            if object["kind"] == "Pod" { "pods" } else { "secrets" }
        );
        let body = object.to_string();
        let answer =
            api.client().request("POST", &path, Some(("application/json", body.as_bytes()))).expect("an answer");
        assert_eq!(answer.status, 201, "{:?}", answer.json());
    }
    let proxy = Proxy::start(plane).expect("proxy");
    let kubeconfig = proxy.kubeconfig(User::Admin).expect("kubeconfig");
    let outcome = audit(&kubeconfig, &["secrets", "--fail-on", "never", "--show", "info"]);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    let report = json_of(&outcome);
    let of_ours = |report: &Value| -> Vec<(String, String)> {
        let all = report["findings"].as_array().expect("findings").iter();
        let ours = all.filter(|it| it["object"]["namespace"] == namespace.as_str());
        ours.map(|it| {
            (it["code"].as_str().expect("code").to_owned(), it["object"]["name"].as_str().expect("name").to_owned())
        })
        .collect()
    };
    let mut found = of_ours(&report);
    found.sort();
    let want = [("secret-plaintext", "p"), ("secret-unused", "spare")];
    assert_eq!(found, want.map(|(code, name)| (code.to_owned(), name.to_owned())), "{report}");
    let asked = proxy.requests();
    let lists: Vec<_> =
        asked.iter().filter(|it| it.path().ends_with("/secrets") || it.path().ends_with("/configmaps")).collect();
    assert!(
        !lists.is_empty()
            && lists.iter().all(|it| it.accept.split(',').all(|part| part.contains("as=PartialObjectMetadataList"))),
        "{lists:?}"
    );
    assert!(asked.iter().all(|it| it.method == "GET" && !it.path().contains("/secrets/")), "{asked:?}");
    assert!(!outcome.stdout.contains(CANARY) && !outcome.stderr.contains(CANARY));

    // Only where that is asked for are they read, and then not what Helm keeps.
    proxy.reset();
    let weak = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "weak", "namespace": namespace},
        "stringData": {"password": "minioadmin", "good": CANARY},
    });
    api.apply_object(&weak).expect("applied");
    let outcome = audit(&kubeconfig, &["secrets", "--fail-on", "never", "--read-values"]);
    let found = of_ours(&json_of(&outcome));
    assert!(found.contains(&("secret-default-credential".to_owned(), "weak".to_owned())), "{found:?}");
    let lists = proxy.requests().into_iter().filter(|it| it.path().ends_with("/secrets"));
    let lists: Vec<_> = lists.collect();
    assert!(!lists.is_empty() && lists.iter().all(|it| it.target.contains("type!%3Dhelm.sh")), "{lists:?}");
    assert!(!outcome.stdout.contains(CANARY) && !outcome.stderr.contains(CANARY));

    // What may refer to it and could not be read: nothing is unused.
    proxy.add(Rule::new(Fault::Forbidden).path("/api/v1/serviceaccounts"));
    let refused = audit(&kubeconfig, &["secrets", "--fail-on", "never"]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let found = of_ours(&json_of(&refused));
    assert!(found.contains(&("secret-use-unknown".to_owned(), "spare".to_owned())), "{found:?}");
    assert!(!found.iter().any(|(code, _)| code == "secret-unused"), "{found:?}");
}
