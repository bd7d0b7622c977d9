//! What `ownership` predicts of a change is what the real kustomize-controller then does.

use std::time::Duration;

use mlops_shared::object::{Decoded, Inventory, InventoryBuilder, Scope, Section, SectionState, decode_object};
use mlops_shared::ownership::{Change, FieldPath, Live, Managers, Outcome, describe, predict};
use mlops_tests::artifacts::ArtifactServer;
use mlops_tests::control_plane::{condition, shared};
use mlops_tests::flux;
use mlops_tests::objects::Api;
use mlops_tests::wait;
use serde_json::value::RawValue;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(120);
const KUSTOMIZATION: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
const GIT: (&str, &str) = ("source.toolkit.fluxcd.io/v1", "GitRepository");
const IMAGE: &str = ".spec.template.spec.containers[name=main].image";
const REPLICAS: &str = ".spec.replicas";
const DELAY: &str = ".spec.minReadySeconds";

/// The Deployment as Git has it: an image, and no replicas.
const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.invalid/app:git"}]}
"#;

struct Stage<'a> {
    api: &'a Api,
    namespace: String,
}

impl Stage<'_> {
    fn get(&self, kind: (&str, &str), name: &str) -> Value {
        self.api.get(kind.0, kind.1, &self.namespace, name).expect("read").expect("there")
    }

    fn deployment(&self) -> Value {
        self.get(("apps/v1", "Deployment"), "web")
    }

    /// What is there now, as health reads it.
    fn inventory(&self) -> Inventory {
        let mut builder = InventoryBuilder::new(Scope::Cluster, true);
        for value in [self.deployment(), self.get(KUSTOMIZATION, "apps"), self.get(GIT, "platform")] {
            let raw = RawValue::from_string(value.to_string()).expect("JSON");
            let decoded = decode_object(&raw).expect("an object");
            if let Decoded::Object(object) = &decoded {
                builder.section(Section {
                    group: object.ty.group.clone(),
                    kind: object.ty.kind.clone(),
                    resource: "".into(),
                    state: SectionState::Read(1),
                });
            }
            builder.push(decoded);
        }
        builder.finish()
    }

    fn predicted(&self, path: &str, manager: &str) -> &'static str {
        let (inventory, json) = (self.inventory(), self.deployment());
        let object = inventory.get("apps", "Deployment", &self.namespace, "web").found().expect("the record");
        let path = FieldPath::parse(path).expect("a path");
        match predict(Change { path: &path, manager }, &Live::new(object, &json), &Managers::new(&inventory)) {
            Outcome::Undone { by, when, .. } => {
                assert_eq!((&*by.kind, when.map(|when| when.as_secs())), ("Kustomization", Some(60)));
                "undone"
            }
            Outcome::Survives { .. } => "survives",
            Outcome::Refused { .. } => "refused",
            Outcome::Unknown { .. } => "unknown",
        }
    }

    fn change(&self, manager: &str, patch: &Value) {
        let (patch, namespace) = (patch.to_string(), self.namespace.as_str());
        let flags =
            ["patch", "deployment", "web", "-n", namespace, "--type=strategic", "--field-manager", manager, "-p"];
        shared().kubectl(&[&flags[..], &[patch.as_str()]].concat()).expect("changed");
    }

    /// Asks for a reconciliation and waits until it is over.
    fn reconcile(&self, token: &str) {
        let ask = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}});
        self.api.patch(KUSTOMIZATION.0, KUSTOMIZATION.1, &self.namespace, "apps", &ask).expect("asked");
        let apps = (KUSTOMIZATION.0, KUSTOMIZATION.1, self.namespace.as_str(), "apps");
        let is_over = |object: &Value| {
            object["status"]["lastHandledReconcileAt"] == token && condition(object, "Ready") == Some("True")
        };
        self.api.wait_for(apps, WITHIN, is_over).expect("reconciled");
    }

    fn suspend(&self, is_suspended: bool) {
        let change = json!({"spec": {"suspend": is_suspended}});
        self.api.patch(KUSTOMIZATION.0, KUSTOMIZATION.1, &self.namespace, "apps", &change).expect("changed");
    }
}

fn image_patch(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}})
}

#[test]
fn a_change_by_hand_ends_as_predicted() {
    if shared().is_foreign() {
        eprintln!("nothing tested: the cluster of MLOPS_TEST_KUBECONFIG has Flux controllers of its own, or none");
        return;
    }
    let api = shared().api();
    flux::start(shared()).expect("the controllers are ready");
    let namespace = api.new_namespace("ownership").expect("made");
    let server = ArtifactServer::start().expect("it starts");
    let artifact = server.serve("git/ownership.tar.gz", &[("apps/deployment.yaml", DEPLOYMENT)]).expect("served");
    flux::apply(api, &namespace, &artifact, "1m").expect("applied");
    let stage = Stage { api, namespace: namespace.clone() };

    // Who manages it, from the inventory that the controller wrote.
    let inventory = stage.inventory();
    let object = inventory.get("apps", "Deployment", &namespace, "web").found().expect("the record");
    let line = describe(&Managers::new(&inventory).of(object), &inventory).expect("somebody manages it");
    assert_eq!(
        line,
        format!(
            "Kustomization/{namespace}/apps (GitRepository platform at main@sha1:01234567, every 1m): edit it in Git, a \
             change by hand of what Git sets is undone"
        )
    );

    // Git sets the image. It does not set the rest: there, the name of the manager decides.
    assert_eq!(stage.predicted(IMAGE, "mlops"), "undone");
    assert_eq!(stage.predicted(REPLICAS, "mlops"), "survives");
    assert_eq!(stage.predicted(DELAY, "kubectl-edit"), "undone");
    stage.change("mlops", &image_patch("example.invalid/app:hand"));
    stage.change("mlops", &json!({"spec": {"replicas": 2}}));
    stage.change("kubectl-edit", &json!({"spec": {"minReadySeconds": 7}}));
    stage.reconcile("one");
    let now = stage.deployment();
    assert_eq!(now["spec"]["template"]["spec"]["containers"][0]["image"], "example.invalid/app:git");
    assert_eq!(now["spec"]["replicas"], 2);
    assert!(now["spec"]["minReadySeconds"].is_null(), "{}", now["spec"]);

    // That it stayed shows that Git does not set it, once the controller has applied after the second of the change.
    let mut round = 0;
    wait::until("the change of the replicas is known to stay", WITHIN, || {
        round += 1;
        stage.reconcile(&format!("again-{round}"));
        Ok((stage.predicted(REPLICAS, "mlops") == "survives").then_some(()))
    })
    .expect("known");

    // Suspended, it undoes nothing; resumed, it does.
    stage.suspend(true);
    assert_eq!(stage.predicted(IMAGE, "mlops"), "survives");
    stage.change("mlops", &image_patch("example.invalid/app:suspended"));
    stage.reconcile("two");
    let image = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(&stage.deployment()), "example.invalid/app:suspended");
    stage.suspend(false);
    // The image is nobody's but the last writer's now: that Git sets it too, the cluster does not show.
    assert_eq!(stage.predicted(IMAGE, "mlops"), "unknown");
    stage.reconcile("three");
    assert_eq!(stage.predicted(IMAGE, "mlops"), "undone");
    assert_eq!(image(&stage.deployment()), "example.invalid/app:git");

    // An annotation on the object keeps Flux off it.
    let exempt = json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}});
    stage.change("mlops", &exempt);
    assert_eq!(stage.predicted(IMAGE, "kubectl-edit"), "survives");
    stage.change("kubectl-edit", &image_patch("example.invalid/app:exempt"));
    stage.reconcile("four");
    assert_eq!(image(&stage.deployment()), "example.invalid/app:exempt");

    // `ssa: Merge` leaves what kubectl sets, and restores what Git sets.
    let merge = json!({"metadata": {"annotations":
        {"kustomize.toolkit.fluxcd.io/reconcile": null, "kustomize.toolkit.fluxcd.io/ssa": "Merge"}}});
    stage.change("mlops", &merge);
    stage.reconcile("five");
    assert_eq!((stage.predicted(DELAY, "kubectl-edit"), stage.predicted(IMAGE, "mlops")), ("survives", "undone"));
    stage.change("kubectl-edit", &json!({"spec": {"minReadySeconds": 9}}));
    stage.change("mlops", &image_patch("example.invalid/app:merge"));
    stage.reconcile("six");
    let now = stage.deployment();
    assert_eq!((image(&now), &now["spec"]["minReadySeconds"]), (json!("example.invalid/app:git"), &json!(9)));
}
