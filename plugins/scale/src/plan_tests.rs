//! Plans for manifests: what forbids them, what is written, and whether it fits.

use crate::plan::Write;
use crate::stamp::{DRIFT, RECONCILE};
use crate::testing::{draft, plan};
use mlops_shared::report::{Level, Plan, PlanState, Risk};

const UP: &[&str] = &["plan", "deploy/web", "--replicas", "5"];
const PAUSED: &[&str] = &["--pause", "object", "--reason", "load test", "--until", "4h"];

/// Three nodes of 4 CPUs, and a Deployment of two pods of one CPU, with what is to be added to it.
fn platform(manager: &str, owns: &str, meta: &str) -> String {
    let node = |name: &str, extra: &str| {
        format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{zone: z-{name}}}}}\nspec: {{{extra}}}\nstatus:\n  \
             allocatable: {{cpu: '4', memory: 8Gi, pods: '110'}}\n  conditions: [{{type: Ready, status: 'True'}}]\n"
        )
    };
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: a
  uid: u-web
  generation: 3
  resourceVersion: "7"
{meta}
  managedFields:
  - {{manager: {manager}, operation: Apply, apiVersion: apps/v1, time: "2026-11-01T00:00:00Z",
     fieldsType: FieldsV1, fieldsV1: {{"f:spec": {{{owns}"f:template": {{}}}}}}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: main, image: i, resources: {{requests: {{cpu: '1', memory: 1Gi}}}}}}]
status: {{observedGeneration: 3, replicas: 2, readyReplicas: 2, updatedReplicas: 2, availableReplicas: 2,
  conditions: [{{type: Available, status: 'True'}}, {{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}}]}}
{}{}{}"#,
        node("n1", ""),
        node("n2", ""),
        node("n3", "unschedulable: true"),
    )
}

const REPLICAS: &str = r#""f:replicas": {}, "#;
const OF_GIT: &str =
    "  labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}";
const KUSTOMIZATION: &str = r#"
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {interval: 10m, path: ./apps/web, prune: true, sourceRef: {kind: GitRepository, name: infra}EXTRA}
status: {lastAppliedRevision: "main@sha1:0123456789012345678901234567890123456789",
  inventory: {entries: [{id: a_web_apps_Deployment, v: v1}]},
  conditions: [{type: Ready, status: "True", reason: ReconciliationSucceeded}]}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: infra, namespace: flux-system}
status: {conditions: [{type: Ready, status: "True"}]}
"#;

fn git(owns: &str, extra: &str) -> String {
    platform("kustomize-controller", owns, OF_GIT) + &KUSTOMIZATION.replace("EXTRA", extra)
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

fn verdict(plan: &Plan, check: &str) -> (Level, String) {
    let found = plan.preflight.iter().find(|it| it.check == check).unwrap_or_else(|| panic!("{check}: {plan:?}"));
    (found.verdict, found.message.clone())
}

fn words<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

#[test]
fn what_nobody_manages_is_scaled() {
    let draft = draft(&platform("ada", REPLICAS, ""), UP);
    assert_eq!(draft.plan.state, PlanState::Planned, "{:?}", draft.plan.refusals);
    let actions: Vec<&str> = draft.plan.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["mark", "scale"]);
    assert_eq!(draft.writes[1], Write::Scale(5));
    assert_eq!(verdict(&draft.plan, "ownership").0, Level::Ok);
    assert_eq!(verdict(&draft.plan, "capacity").0, Level::Ok);
    assert_eq!(verdict(&draft.plan, "health").0, Level::Ok);
    assert_eq!(draft.plan.steps[1].undo.as_deref(), Some("kubectl mlops scale deployments.apps/web -n a --replicas 2"));
    assert!(!draft.plan.is_unsure() && !draft.plan.has_failed());
}

#[test]
fn what_git_sets_is_refused_with_the_edit_that_lasts() {
    let plan = plan(&git(REPLICAS, ""), UP);
    assert_eq!((plan.state, codes(&plan)), (PlanState::Refused, vec!["git-sets-it"]));
    let refusal = &plan.refusals[0];
    assert!(
        refusal.reason.contains("within 10m") && refusal.reason.contains("Kustomization/flux-system/apps"),
        "{refusal:?}"
    );
    let edit = &refusal.hints[0];
    for part in
        [".spec.replicas of Deployment/a/web", "./apps/web", "GitRepository flux-system/infra", "main@sha1:0123456789"]
    {
        assert!(edit.contains(part), "{part}: {edit}");
    }
    assert!(
        refusal.command.as_deref().is_some_and(|command| command.contains("--replicas 5 --pause object")),
        "{refusal:?}"
    );
    assert!(plan.has_failed());
}

#[test]
fn what_git_leaves_out_is_scaled() {
    assert_eq!(plan(&git("", ""), UP).state, PlanState::Planned);
    let ignored = ", ignore: [{paths: [/spec/replicas], target: {kind: Deployment, name: web}}]";
    assert_eq!(plan(&git(REPLICAS, ignored), UP).state, PlanState::Planned);
    assert_eq!(plan(&git(REPLICAS, ", suspend: true"), UP).state, PlanState::Planned);
}

#[test]
fn a_pause_comes_before_the_change_and_says_what_it_is() {
    let draft = draft(&git(REPLICAS, ""), &words(UP, PAUSED));
    assert_eq!(draft.plan.state, PlanState::Planned, "{:?}", draft.plan.refusals);
    let actions: Vec<&str> = draft.plan.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["mark", "pause", "scale"]);
    let Write::Object { patch, undo } = &draft.writes[1] else { panic!("{:?}", draft.writes) };
    let annotations = &patch["metadata"]["annotations"];
    for (key, value) in [
        (RECONCILE, "disabled"),
        ("mlops.dev/paused-by", "ada"),
        ("mlops.dev/paused-reason", "load test"),
        ("mlops.dev/paused-until", "2026-11-20T07:00:00Z"),
        ("mlops.dev/paused-for", "Deployment/a/web"),
        ("mlops.dev/paused-replicas", "2"),
    ] {
        assert_eq!(annotations[key], value, "{key}");
    }
    let keys = |value: &serde_json::Value| value["metadata"]["annotations"].as_object().expect("a map").len();
    assert!(keys(undo) == keys(patch) && undo["metadata"]["annotations"][RECONCILE].is_null());
    assert_eq!(draft.plan.next, ["kubectl mlops scale resume deployments.apps/web -n a"]);
    // Without anything that would undo it there is nothing to pause.
    let plain = plan(&git("", ""), &words(UP, PAUSED));
    assert!(plain.steps.iter().all(|step| step.action != "pause") && !plain.notes.is_empty(), "{plain:?}");
}

#[test]
fn autoscalers_are_asked_in_their_own_fields() {
    let target = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}";
    let hpa = format!(
        "\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web, namespace: a}}\nspec: {{maxReplicas: 9, {target}}}\n"
    );
    let keda = format!(
        "\n---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: web, namespace: a}}\nspec: {{{target}}}\n"
    );
    for (more, field) in [(hpa, "spec.maxReplicas"), (keda, "spec.maxReplicaCount")] {
        let manifests = platform("ada", REPLICAS, "") + &more;
        for flags in [&[][..], PAUSED, &["--force-drift"]] {
            let plan = plan(&manifests, &words(UP, flags));
            assert_eq!(codes(&plan), ["autoscaler-sets-it"], "{flags:?}");
            assert!(plan.refusals[0].hints[0].contains(field), "{:?}", plan.refusals);
        }
    }
}

#[test]
fn what_has_an_owner_leads_to_it() {
    let manifests = platform("ada", REPLICAS, "")
        + "\n---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web-1, namespace: a, uid: u-1, ownerReferences: [\
           {apiVersion: apps/v1, kind: Deployment, name: web, uid: u-web, controller: true}]}\nspec: {replicas: 2, selector: \
           {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: i}]}}}\n";
    let plan = plan(&manifests, &["plan", "rs/web-1", "--replicas", "3"]);
    assert!(codes(&plan).contains(&"owner-sets-it"), "{plan:?}");
    assert_eq!(plan.refusals[0].command.as_deref(), Some("kubectl mlops scale deployment/web -n a"));
}

#[test]
fn a_chart_with_drift_detection_sets_it_again() {
    let labels = "  labels: {helm.toolkit.fluxcd.io/name: web, helm.toolkit.fluxcd.io/namespace: a}";
    let release = |mode: &str| {
        format!(
            "\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: a}}\nspec: {{interval: 5m, driftDetection: {{mode: {mode}}}}}\n"
        )
    };
    let manifests = |mode| platform("helm-controller", REPLICAS, labels) + &release(mode);
    assert_eq!(codes(&plan(&manifests("enabled"), UP)), ["chart-sets-it"]);
    let paused = draft(&manifests("enabled"), &words(UP, PAUSED));
    let Write::Object { patch, .. } = &paused.writes[1] else { panic!("{:?}", paused.writes) };
    assert_eq!(patch["metadata"]["annotations"][DRIFT], "disabled");
    let until_upgrade = plan(&manifests("disabled"), UP);
    assert_eq!((until_upgrade.state, verdict(&until_upgrade, "ownership").0), (PlanState::Planned, Level::Warn));
}

#[test]
fn what_nobody_can_tell_is_refused_as_unsure() {
    // As `kubectl get -o yaml` prints it: without managedFields.
    let manifests = git(REPLICAS, "").replace("managedFields:", "ignored:");
    let unsure = plan(&manifests, UP);
    assert_eq!(codes(&unsure), ["cannot-tell-who-sets-it"]);
    assert!(unsure.is_unsure() && !unsure.has_failed());
    let forced = plan(&manifests, &words(UP, &["--force-drift"]));
    assert_eq!((forced.state, verdict(&forced, "ownership").0), (PlanState::Planned, Level::Unknown));
}

#[test]
fn room_is_told_in_numbers() {
    let manifests = platform("ada", REPLICAS, "");
    let with = |replicas: &str, from: &str, to: &str| {
        plan(&manifests.replace(from, to), &["plan", "deploy/web", "--replicas", replicas])
    };
    // Two open nodes of 4 CPUs take eight pods more of one CPU.
    let fits = with("10", "", "");
    assert_eq!(verdict(&fits, "capacity").0, Level::Ok);
    let full = with("11", "", "");
    let (level, message) = verdict(&full, "capacity");
    assert!(
        level == Level::Warn && message.starts_with("needs the autoscaler") && message.contains("8 of 9 more pods"),
        "{message}"
    );
    assert_eq!(full.state, PlanState::Planned);
    let evidence = &full.preflight.iter().find(|it| it.check == "capacity").expect("it").evidence;
    assert!(
        evidence.contains(&"2 nodes: too little cpu left".to_owned())
            && evidence.contains(&"1 node: cordoned".to_owned()),
        "{evidence:?}"
    );
    let never = with("3", "cpu: '1', memory", "cpu: '5', memory");
    assert_eq!((verdict(&never, "capacity").0, codes(&never)), (Level::Fail, vec!["capacity-forbids"]));
    let forced = plan(
        &manifests.replace("cpu: '1', memory", "cpu: '5', memory"),
        &["plan", "deploy/web", "--replicas", "3", "--ignore-preflight"],
    );
    assert_eq!(forced.state, PlanState::Planned);
}

#[test]
fn rules_among_pods_and_nodes_count() {
    let manifests = platform("ada", REPLICAS, "");
    let spec = |rule: &str| {
        manifests.replace("    spec:\n      containers", &format!("    spec:\n      {rule}\n      containers"))
    };
    let fits = |rule: &str, replicas: &str| {
        let plan = plan(&spec(rule), &["plan", "deploy/web", "--replicas", replicas]);
        verdict(&plan, "capacity")
    };
    let apart = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {matchLabels: {app: web}}}]}}";
    assert_eq!(fits(apart, "4").0, Level::Ok);
    assert_eq!(fits(apart, "5").0, Level::Warn);
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}]";
    // The cordoned node's zone stays empty, so that no other may have two.
    assert_eq!(fits(spread, "4").0, Level::Ok);
    assert_eq!(fits(spread, "5").0, Level::Warn);
    assert_eq!(fits("nodeSelector: {zone: z-n1}", "6").0, Level::Ok);
    assert_eq!(fits("nodeSelector: {zone: z-n1}", "7").0, Level::Warn);
    assert_eq!(fits("nodeSelector: {zone: z-n9}", "3").0, Level::Fail);
    let required = "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: NotIn, values: [z-n1, z-n2]}]}]}}}";
    assert_eq!(fits(required, "3").0, Level::Warn, "only the cordoned node");
    let tainted =
        manifests.replace("spec: {}\nstatus", "spec: {taints: [{key: gpu, value: 'yes', effect: NoSchedule}]}\nstatus");
    assert_eq!(verdict(&plan(&tainted, UP), "capacity").0, Level::Warn);
    let tolerated = tainted.replace(
        "    spec:\n      containers",
        "    spec:\n      tolerations: [{key: gpu, operator: Exists}]\n      containers",
    );
    assert_eq!(verdict(&plan(&tolerated, UP), "capacity").0, Level::Ok);
}

/// A pod of another app on n1.
fn neighbour(spec: &str) -> String {
    format!(
        "\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: other, namespace: a, labels: {{app: other}}}}\nspec: {{nodeName: n1, {spec}}}\nstatus: {{phase: Running}}\n"
    )
}

#[test]
fn what_other_pods_keep_for_themselves_counts() {
    let alone = "containers: [{name: x, image: i}], affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {matchLabels: {app: APP}}WHERE}]}}";
    let fits = |app: &str, place: &str| {
        let manifests = platform("ada", REPLICAS, "") + &neighbour(&alone.replace("APP", app).replace("WHERE", place));
        let plan = plan(&manifests, &["plan", "deploy/web", "--replicas", "10"]);
        plan.preflight.into_iter().find(|it| it.check == "capacity").expect("a check")
    };
    // Two open nodes of four CPUs: eight more fit, and four where one of the nodes is kept by another pod.
    let kept = fits("web", "");
    assert!(kept.verdict == Level::Warn && kept.message.contains("4 of 8 more pods"), "{kept:?}");
    assert!(kept.evidence.iter().any(|line| line.contains("pod other keeps it away")), "{kept:?}");
    assert_eq!(fits("api", "").verdict, Level::Ok);
    assert_eq!(fits("web", ", namespaces: [b]").verdict, Level::Ok);
    assert_eq!(fits("web", ", namespaces: [b, a]").verdict, Level::Warn);
    assert_eq!(fits("web", ", namespaceSelector: {}").verdict, Level::Warn);
}

#[test]
fn ports_of_a_node_are_taken_once() {
    let wants = platform("ada", REPLICAS, "")
        .replace("{name: main,", "{name: main, ports: [{containerPort: 80, hostPort: 8080}],");
    let fits = |neighbour: &str, replicas: &str| {
        let plan = plan(&(wants.clone() + neighbour), &["plan", "deploy/web", "--replicas", replicas]);
        plan.preflight.into_iter().find(|it| it.check == "capacity").expect("a check")
    };
    assert_eq!(fits("", "4").verdict, Level::Ok);
    assert_eq!(fits("", "5").verdict, Level::Warn, "one a node");
    let same = neighbour("hostNetwork: true, containers: [{name: x, image: i, ports: [{containerPort: 8080}]}]");
    let taken = fits(&same, "4");
    assert!(
        taken.evidence.iter().any(|line| line.contains("port 8080/TCP of the node is taken by pod other")),
        "{taken:?}"
    );
    for other in [
        "{containerPort: 8080}",
        "{containerPort: 1, hostPort: 8080, protocol: UDP}",
        "{containerPort: 1, hostPort: 8081}",
    ] {
        assert_eq!(
            fits(&neighbour(&format!("containers: [{{name: x, image: i, ports: [{other}]}}]")), "4").verdict,
            Level::Ok,
            "{other}"
        );
    }
    let bound =
        same.replace("hostNetwork: true, ", "").replace("{containerPort: 8080}", "{hostPort: 8080, hostIP: 10.0.0.1}");
    assert_eq!(fits(&bound, "4").verdict, Level::Warn, "all addresses are wanted");
}

#[test]
fn tainted_nodes_count_for_a_spread_unless_it_says_otherwise() {
    let manifests =
        platform("ada", REPLICAS, "").replace("unschedulable: true", "taints: [{key: gpu, effect: NoSchedule}]");
    let fits = |more: &str| {
        let spread = format!(
            "topologySpreadConstraints: [{{maxSkew: 1, topologyKey: zone, labelSelector: {{matchLabels: {{app: web}}}}{more}}}]"
        );
        let manifests =
            manifests.replace("    spec:\n      containers", &format!("    spec:\n      {spread}\n      containers"));
        verdict(&plan(&manifests, &["plan", "deploy/web", "--replicas", "6"]), "capacity").0
    };
    // The zone of the tainted node stays empty, so that no other may have two.
    assert_eq!(fits(""), Level::Warn);
    assert_eq!(fits(", nodeTaintsPolicy: Honor"), Level::Ok);
    assert_eq!(fits(", nodeTaintsPolicy: Honor, minDomains: 3"), Level::Warn);
}

#[test]
fn a_volume_holds_its_pod_where_it_can_be_attached() {
    let class = "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast, annotations: {storageclass.kubernetes.io/is-default-class: 'true'}}\nprovisioner: p\n";
    let volume = |zone: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data-db-3, namespace: a}}\nspec: {{volumeName: pv-3}}\nstatus: {{phase: Bound}}\n---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: pv-3}}\nspec: {{nodeAffinity: {{required: {{nodeSelectorTerms: [{{matchExpressions: [{{key: zone, operator: In, values: [{zone}]}}]}}]}}}}}}\n"
        )
    };
    let node =
        STATEFUL.replace("metadata: {name: n1}", "metadata: {name: n1, labels: {zone: z1}}").replace("KEEP", "Retain");
    let fits = |zone: &str| plan(&(node.clone() + class + &volume(zone)), &["plan", "sts/db", "--replicas", "4"]);
    assert_eq!(verdict(&fits("z1"), "capacity").0, Level::Ok);
    let away = fits("z2");
    assert_eq!(codes(&away), ["capacity-forbids"]);
    let evidence = &away.preflight.iter().find(|it| it.check == "capacity").expect("a check").evidence;
    assert!(evidence[0].contains("volume pv-3 of claim data-db-3 cannot be attached there"), "{evidence:?}");
    // A class that makes volumes on some nodes only binds those that are new.
    let topology = |zone: &str| {
        let allowed = format!(
            "provisioner: p\nallowedTopologies: [{{matchLabelExpressions: [{{key: zone, values: [{zone}, z9]}}]}}]\n"
        );
        plan(&(node.clone() + &class.replace("provisioner: p\n", &allowed)), &["plan", "sts/db", "--replicas", "5"])
    };
    assert_eq!(verdict(&topology("z1"), "capacity").0, Level::Ok);
    let away = topology("z2");
    let evidence = &away.preflight.iter().find(|it| it.check == "capacity").expect("a check").evidence;
    assert!(evidence[0].contains("class fast makes no volumes there"), "{evidence:?}");
    // A claim that the template names binds all.
    let named = platform("ada", REPLICAS, "").replace(
        "    spec:\n      containers",
        "    spec:\n      volumes: [{name: v, persistentVolumeClaim: {claimName: data-db-3}}]\n      containers",
    );
    let shared = plan(&(named + &volume("z-n1")), &["plan", "deploy/web", "--replicas", "7"]);
    let (level, message) = verdict(&shared, "capacity");
    assert!(level == Level::Warn && message.contains("4 of 5 more pods"), "{message}");
}

#[test]
fn a_scaling_that_was_broken_off_is_taken_over_where_so_many_are_wanted() {
    let marks = "  annotations: {mlops.dev/scaling-from: '1', mlops.dev/scaling-to: '2', mlops.dev/scaling-by: bob, mlops.dev/scaling-until: '2026-11-20T02:00:00Z'}";
    let base = ["plan", "deploy/web", "--replicas", "2"];
    let waits = draft(&platform("ada", REPLICAS, marks), &base);
    let [Write::Object { patch, .. }] = waits.writes.as_slice() else { panic!("{:?}", waits.writes) };
    assert_eq!(patch.pointer("/metadata/annotations/mlops.dev~1scaling-from"), Some(&"1".into()));
    let now = draft(&platform("ada", REPLICAS, marks), &words(&base, &["--timeout", "0"]));
    assert!(
        matches!(now.writes.as_slice(), [Write::Object { .. }]) && now.plan.steps[0].action == "unmark",
        "{:?}",
        now.plan
    );
    assert!(draft(&platform("ada", REPLICAS, ""), &base).writes.is_empty());
}

#[test]
fn quotas_and_limit_ranges_forbid() {
    let quota = |hard: &str, used: &str| {
        platform("ada", REPLICAS, "")
            + &format!(
                "\n---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q, namespace: a}}\nspec: {{hard: {{{hard}}}}}\nstatus: {{hard: {{{hard}}}, used: {{{used}}}}}\n"
            )
    };
    let enough = plan(&quota("requests.cpu: '5', pods: '9'", "requests.cpu: '2', pods: '2'"), UP);
    assert_eq!(verdict(&enough, "quota").0, Level::Ok, "{:?}", enough.preflight);
    let short = plan(&quota("requests.cpu: '4', pods: '9'", "requests.cpu: '2', pods: '2'"), UP);
    assert_eq!(codes(&short), ["quota-forbids"]);
    let few = plan(&quota("pods: '4'", "pods: '2'"), UP);
    assert_eq!(codes(&few), ["quota-forbids"]);
    let unlimited = plan(&quota("limits.memory: 9Gi", "limits.memory: '0'"), UP);
    assert_eq!(codes(&unlimited), ["quota-forbids"], "a container without a limit is not let in");
    let range = platform("ada", REPLICAS, "")
        + "\n---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: a}\nspec: {limits: [{type: Container, max: {cpu: 500m}}]}\n";
    assert_eq!(codes(&plan(&range, UP)), ["limits-forbids"]);
}

const STATEFUL: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: a, generation: 1, managedFields: [{manager: ada, operation: Update, fieldsV1: {"f:spec": {}}}]}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  persistentVolumeClaimRetentionPolicy: {whenScaled: KEEP}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: main, image: i}]}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}}]
status: {observedGeneration: 1, replicas: 3, readyReplicas: 3, updatedReplicas: 3, currentReplicas: 3, availableReplicas: 3}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {allocatable: {cpu: '4', pods: '10'}, conditions: [{type: Ready, status: 'True'}]}
"#;

#[test]
fn volumes_of_a_stateful_set_are_counted_or_lost() {
    let down = &["plan", "sts/db", "--replicas", "1"];
    let kept = plan(&STATEFUL.replace("KEEP", "Retain"), down);
    assert_eq!(kept.risk(), Risk::Disruption);
    let lost = draft(&STATEFUL.replace("KEEP", "Delete"), down);
    assert!(lost.loses_data() && lost.plan.steps[1].effect.contains("db-1 to db-2"), "{:?}", lost.plan.steps);
    assert!(lost.plan.steps[1].undo.is_none() && kept.steps[1].undo.is_some());
    let up = &["plan", "sts/db", "--replicas", "5"];
    let classless = plan(&STATEFUL.replace("KEEP", "Retain"), up);
    assert_eq!(codes(&classless), ["storage-forbids"]);
    let class = "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast, annotations: {storageclass.kubernetes.io/is-default-class: 'true'}}\nprovisioner: p\n";
    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data-db-3, namespace: a}\nspec: {volumeName: pv-3}\nstatus: {phase: Bound}\n";
    let made = plan(&(STATEFUL.replace("KEEP", "Retain") + class + claim), up);
    assert!(verdict(&made, "storage").1.contains("1 new claim with 10Gi"), "{made:?}");
    assert_eq!(verdict(&made, "volumes").0, Level::Warn);
}

#[test]
fn two_scalings_of_an_object_are_kept_apart() {
    let marked = |until: &str| {
        let meta = format!(
            "  annotations: {{mlops.dev/scaling-to: '9', mlops.dev/scaling-from: '2', mlops.dev/scaling-by: bob, mlops.dev/scaling-until: '{until}'}}"
        );
        platform("ada", REPLICAS, &meta)
    };
    let running = plan(&marked("2026-11-20T03:05:00Z"), UP);
    assert_eq!(codes(&running), ["another-scaling-runs"]);
    assert!(running.refusals[0].reason.contains("by bob"));
    assert_eq!(plan(&marked("2026-11-20T03:05:00Z"), &words(UP, &["--take-over"])).state, PlanState::Planned);
    let broken = plan(&marked("2026-11-20T02:55:00Z"), UP);
    assert!(
        broken.state == PlanState::Planned && broken.notes.iter().any(|note| note.contains("broken off")),
        "{broken:?}"
    );
}

#[test]
fn what_was_expected_must_hold() {
    let manifests = platform("ada", REPLICAS, "");
    assert_eq!(codes(&plan(&manifests, &words(UP, &["--current-replicas", "3"]))), ["not-as-expected"]);
    let same = plan(&manifests, &["plan", "deploy/web", "--replicas", "2"]);
    assert_eq!((same.state, same.steps.len()), (PlanState::Done, 0));
}

#[test]
fn budgets_speak_up_when_replicas_go() {
    let manifests = platform("ada", REPLICAS, "")
        + "\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b, namespace: a}\nspec: {minAvailable: 2, selector: {matchLabels: {app: web}}}\n";
    let plan = plan(&manifests, &["plan", "deploy/web", "--replicas", "1"]);
    assert_eq!(verdict(&plan, "budget").0, Level::Warn);
}
