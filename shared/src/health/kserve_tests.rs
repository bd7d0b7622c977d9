//! Statuses as KServe writes them.

use crate::health::testing::{expect, judge, judge_at};
use crate::report::Level;

fn isvc(annotations: &str, spec: &str, status: &str) -> String {
    format!(
        "apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: iris, namespace: ml, generation: 7, creationTimestamp: '2026-11-20T02:50:00Z', annotations: {{{annotations}}}}}
spec: {{predictor: {{model: {{{spec}}}}}}}
status: {{observedGeneration: 1, {status}}}
"
    )
}

fn conditions(list: &[(&str, &str, &str, &str)]) -> String {
    let all = list.iter().map(|(kind, status, reason, message)| {
        format!("{{type: {kind}, status: '{status}', reason: '{reason}', message: '{message}', lastTransitionTime: '2026-11-20T02:55:00Z'}}")
    });
    format!("conditions: [{}]", all.collect::<Vec<_>>().join(", "))
}

const POD: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: iris-0, namespace: ml, labels: {serving.kserve.io/inferenceservice: iris}}
spec: {containers: [{name: kserve-container, image: x}]}
status: {phase: Running, containerStatuses: [{name: kserve-container, ready: false, restartCount: 9, image: x, imageID: x, state: {waiting: {reason: CrashLoopBackOff}}}]}
";

#[test]
fn conditions_and_transition_decide() {
    let well =
        conditions(&[("PredictorReady", "True", "", ""), ("IngressReady", "True", "", ""), ("Ready", "True", "", "")]);
    let newest = conditions(&[
        ("PredictorReady", "True", "", ""),
        ("LatestDeploymentReady", "False", "PredictorConfigurationReady not ready", ""),
        ("PredictorConfigurationReady", "False", "RevisionFailed", "Revision iris-2 failed"),
        ("IngressReady", "True", "", ""),
        ("Ready", "True", "", ""),
    ]);
    let down = conditions(&[
        ("PredictorReady", "False", "RevisionFailed", "Container failed"),
        ("IngressReady", "False", "Predictor ingress not created", ""),
        ("Ready", "False", "RevisionFailed", "Container failed"),
    ]);
    let first = conditions(&[
        ("PredictorReady", "False", "MinimumReplicasUnavailable", "no minimum availability"),
        ("IngressReady", "False", "Predictor ingress not created", ""),
        ("Ready", "False", "Predictor ingress not created", ""),
    ]);
    let starts = conditions(&[
        ("PredictorReady", "Unknown", "RevisionMissing", "waits"),
        ("IngressReady", "False", "Predictor ingress not created", ""),
        ("Ready", "False", "Predictor ingress not created", ""),
    ]);
    let ingress = conditions(&[
        ("PredictorReady", "True", "", ""),
        ("IngressReady", "False", "IngressError", "no gateway"),
        ("Ready", "False", "IngressError", "no gateway"),
    ]);
    let mesh = conditions(&[("PredictorReady", "False", "", ""), ("Ready", "False", "", "")]);
    let model = |states: &str| format!(", modelStatus: {{{states}}}");
    for (annotations, status, level, code) in [
        ("", well.clone(), Level::Ok, "kserve-serving"),
        // What failed once and is up to date now is no failure.
        (
            "",
            well.clone()
                + &model("transitionStatus: UpToDate, lastFailureInfo: {reason: ModelLoadFailed, message: old}"),
            Level::Ok,
            "kserve-serving",
        ),
        (
            "",
            well.clone()
                + &model(
                    "transitionStatus: InProgress, states: {activeModelState: Loaded, targetModelState: Pending}, copies: {failedCopies: 0}",
                )
                + ", components: {predictor: {latestCreatedRevision: a, latestReadyRevision: a}}",
            Level::Ok,
            "kserve-serving",
        ),
        (
            "",
            well.clone()
                + &model("transitionStatus: InProgress, states: {activeModelState: Loaded, targetModelState: Pending}")
                + ", components: {predictor: {latestCreatedRevision: b, latestReadyRevision: a}}",
            Level::Progressing,
            "kserve-starting",
        ),
        ("", well.clone() + &model("transitionStatus: InProgress"), Level::Progressing, "kserve-starting"),
        ("serving.kserve.io/stop: 'true'", down.clone(), Level::Suspended, "suspended"),
        (
            "",
            conditions(&[("Stopped", "True", "", ""), ("Ready", "False", "Stopped", "")]),
            Level::Suspended,
            "suspended",
        ),
        ("", newest, Level::Warn, "kserve-newest-fails"),
        (
            "",
            well.clone()
                + &model(
                    "transitionStatus: BlockedByFailedLoad, states: {activeModelState: Loaded, targetModelState: FailedToLoad}",
                ),
            Level::Warn,
            "kserve-newest-fails",
        ),
        ("", well + &model("transitionStatus: BlockedByFailedLoad"), Level::Fail, "kserve-model-load-failed"),
        (
            "",
            down.clone()
                + &model(
                    "transitionStatus: InvalidSpec, lastFailureInfo: {reason: NoSupportingRuntime, message: none}",
                ),
            Level::Fail,
            "kserve-no-runtime",
        ),
        ("", down.clone() + &model("transitionStatus: InvalidSpec"), Level::Fail, "kserve-spec-invalid"),
        ("", down, Level::Fail, "kserve-not-ready"),
        ("", first, Level::Progressing, "kserve-starting"),
        ("", starts, Level::Progressing, "kserve-starting"),
        ("", ingress, Level::Fail, "kserve-no-ingress"),
        ("", mesh.clone() + &model("transitionStatus: InProgress"), Level::Progressing, "kserve-starting"),
        ("", mesh, Level::Fail, "kserve-not-ready"),
        ("", "conditions: 3, modelStatus: []".to_owned(), Level::Fail, "no-status"),
    ] {
        expect(&isvc(annotations, "", &status), "InferenceService", "iris", level, code);
    }
    let starts = isvc("", "", &conditions(&[("Ready", "Unknown", "RevisionMissing", "waits")]));
    let later = judge_at(&starts, "InferenceService", "iris", "2026-11-20T05:00:00Z");
    assert_eq!((later.level, later.more[0].code.id), (Level::Progressing, "kserve-slow"));
}

#[test]
fn the_runtime_and_the_pods_are_blamed_only_when_known() {
    let failed = "modelStatus: {transitionStatus: InvalidSpec, lastFailureInfo: {reason: RuntimeNotRecognized, message: no runtime}}";
    let yaml = isvc("", "runtime: triton", failed);
    assert!(judge(&yaml, "InferenceService", "iris").blames.is_empty());
    let runtime = |kind: &str, namespace: &str, name: &str| {
        format!(
            "---\n{{apiVersion: serving.kserve.io/v1alpha1, kind: {kind}, metadata: {{name: {name}{namespace}}}, spec: {{disabled: true}}}}\n"
        )
    };
    let half = yaml.clone() + &runtime("ServingRuntime", ", namespace: ml", "other");
    assert!(judge(&half, "InferenceService", "iris").blames.is_empty());
    let both = half.clone() + &runtime("ClusterServingRuntime", "", "other");
    let verdict = judge(&both, "InferenceService", "iris");
    assert_eq!(verdict.blames[0].to_string(), "ServingRuntime/ml/triton");
    let there = half + &runtime("ClusterServingRuntime", "", "triton");
    let verdict = judge(&there, "InferenceService", "iris");
    assert!(verdict.blames.is_empty() && verdict.evidence == ["ClusterServingRuntime triton is disabled"]);
    let down = isvc("", "", &conditions(&[("PredictorReady", "False", "X", "down"), ("Ready", "False", "X", "down")]));
    let verdict = judge(&(down + POD), "InferenceService", "iris");
    assert_eq!(verdict.blames[0].to_string(), "Pod/ml/iris-0");
    let starts = isvc("", "", &conditions(&[("Ready", "Unknown", "RevisionMissing", "waits")]));
    let verdict = judge(&(starts + POD), "InferenceService", "iris");
    assert_eq!((verdict.level, verdict.blames[0].to_string().as_str()), (Level::Fail, "Pod/ml/iris-0"));
}

#[test]
fn graphs_and_trained_models_name_their_service() {
    let graph = |status: &str| {
        format!(
            "---\napiVersion: serving.kserve.io/v1alpha1\nkind: InferenceGraph\nmetadata: {{name: g, namespace: ml}}\nspec: {{nodes: {{root: {{routerType: Sequence, steps: [{{serviceName: iris}}]}}}}}}\nstatus: {{conditions: [{{type: Ready, status: '{status}', reason: X, message: y}}]}}\n"
        )
    };
    let down = isvc("", "", &conditions(&[("PredictorReady", "False", "X", "down"), ("Ready", "False", "X", "down")]));
    let well = isvc("", "", &conditions(&[("PredictorReady", "True", "", ""), ("Ready", "True", "", "")]));
    expect(&(well.clone() + &graph("True")), "InferenceGraph", "g", Level::Ok, "kserve-serving");
    expect(&(down.clone() + &graph("True")), "InferenceGraph", "g", Level::Warn, "kserve-graph-step-down");
    let verdict = judge(&(down.clone() + &graph("False")), "InferenceGraph", "g");
    assert_eq!((verdict.level, verdict.blames[0].to_string().as_str()), (Level::Fail, "InferenceService/ml/iris"));
    expect(&graph("True")[4..], "InferenceGraph", "g", Level::Ok, "kserve-serving");
    let model = "---\napiVersion: serving.kserve.io/v1alpha1\nkind: TrainedModel\nmetadata: {name: m, namespace: ml}\nspec: {inferenceService: iris}\nstatus: {conditions: [{type: Ready, status: 'False', reason: InferenceServiceNotReady}]}\n";
    let verdict = judge(&(down + model), "TrainedModel", "m");
    assert_eq!((verdict.level, verdict.blames[0].to_string().as_str()), (Level::Fail, "InferenceService/ml/iris"));
    let starts = isvc("", "", &conditions(&[("Ready", "Unknown", "X", "waits")]));
    expect(&(starts + model), "TrainedModel", "m", Level::Progressing, "kserve-starting");
    let other = well.replace("name: iris", "name: other");
    let verdict = judge(&(other + model), "TrainedModel", "m");
    assert_eq!(verdict.evidence, ["InferenceService iris does not exist"]);
}

#[test]
fn language_models_follow_ready() {
    let llm = |conditions: &str| {
        format!(
            "apiVersion: serving.kserve.io/v1alpha1\nkind: LLMInferenceService\nmetadata: {{name: l, namespace: ml, generation: 2}}\nstatus: {{observedGeneration: 2, conditions: [{conditions}]}}\n"
        )
    };
    for (conditions, level, code) in [
        ("{type: Ready, status: 'True'}", Level::Ok, "kserve-serving"),
        (
            "{type: Ready, status: 'False', reason: X}, {type: WorkloadsReady, status: 'False', reason: X}",
            Level::Fail,
            "kserve-not-ready",
        ),
        ("{type: Ready, status: 'False', reason: Stopped}", Level::Suspended, "suspended"),
        ("{type: Ready, status: Unknown}", Level::Progressing, "kserve-starting"),
        (
            "{type: WorkloadsReady, status: 'False', reason: MinimumReplicasUnavailable}, {type: Ready, status: 'False', reason: X}",
            Level::Progressing,
            "kserve-starting",
        ),
        ("{type: Ready, status: 'True', observedGeneration: 1}", Level::Progressing, "generation-not-observed"),
    ] {
        expect(&llm(conditions), "LLMInferenceService", "l", level, code);
    }
}
