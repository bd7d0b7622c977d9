//! Trees of every layout, and what sets the replicas in them.

use super::*;
use crate::object::ObjectRef;
use crate::ownership::FieldPath;
use serde_json::{Value, json};

const WEB: &str =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replicas: 3\n";
const BARE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3\n";

fn object(kind: &str, name: &str) -> ObjectRef {
    let group = if kind == "HelmRelease" { "helm.toolkit.fluxcd.io" } else { "apps" };
    ObjectRef::new(group, kind, "shop", name)
}

fn replicas() -> FieldPath {
    FieldPath::parse(".spec.replicas").expect("a path")
}

fn of(files: &[(&str, &str)], name: &str, spec: Option<Value>) -> Result<Located, LocateError> {
    let (tree, by) =
        (Tree::of(files), ObjectRef::new("kustomize.toolkit.fluxcd.io", "Kustomization", "flux-system", "apps"));
    let (object, path) = (object("Deployment", name), replicas());
    let root = spec.as_ref().map_or(Root::Everything, |spec| Root::Flux(&by, spec));
    locate(&tree, Target { object: &object, path: &path }, root)
}

/// The place, or what is said instead.
fn at(files: &[(&str, &str)], name: &str) -> String {
    told(of(files, name, None))
}

fn under(files: &[(&str, &str)], name: &str, spec: Value) -> String {
    told(of(files, name, Some(spec)))
}

fn told(found: Result<Located, LocateError>) -> String {
    match found {
        Ok(found) => {
            let place = &found.place;
            let obstacle = place.obstacle.as_ref().map_or(String::new(), |it| format!(" ({it})"));
            format!("{} {} {}={}{obstacle}", place.name(), place.by, place.pointer, place.text)
        }
        Err(error) => {
            assert!(!error.hints().is_empty());
            error.to_string()
        }
    }
}

#[test]
fn plain_manifests_lists_and_several_documents() {
    let other = WEB.replace("name: web", "name: api");
    let many = format!("# first\n{other}---\n# second\n{WEB}");
    assert_eq!(at(&[("all.yaml", &many)], "web"), "all.yaml:17 the manifest /spec/replicas=3");
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web, namespace: shop}\n  spec: {replicas: 2}\n";
    assert_eq!(at(&[("list.yaml", list)], "web"), "list.yaml:7 the manifest /items/0/spec/replicas=2");
    assert_eq!(at(&[("a.yaml", WEB)], "api"), "Deployment/shop/api is not in the tree");
    let unset = WEB.replace("  replicas: 3\n", "  paused: false\n");
    assert_eq!(at(&[("a.yaml", &unset)], "web"), "a.yaml:1 does not set .spec.replicas");
}

#[test]
fn two_manifests_are_both_named() {
    let told = at(&[("a.yaml", WEB), ("b.yaml", WEB)], "web");
    assert_eq!(told, "a.yaml:7 and b.yaml:7 set .spec.replicas");
    let twice = format!("{WEB}---\n{WEB}");
    assert_eq!(at(&[("a.yaml", &twice)], "web"), "a.yaml:15 and a.yaml:7 set .spec.replicas");
}

#[test]
fn names_and_namespaces_are_those_that_kustomize_makes() {
    let files = [
        ("base/kustomization.yaml", "resources: [web.yaml]\nnamePrefix: a-\n"),
        ("base/web.yaml", BARE),
        ("prod/kustomization.yaml", "resources: [../base]\nnamespace: shop\nnameSuffix: -b\n"),
    ];
    assert_eq!(at(&files, "a-web-b"), "base/web.yaml:6 the manifest /spec/replicas=3");
    assert_eq!(
        at(&files, "web"),
        "Deployment/shop/web is not in the tree; base/web.yaml:1 makes shop/a-web-b of it, and 1 more like it"
    );
}

#[test]
fn replicas_and_patches_override_in_kustomizes_order() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 5}\n";
    let inline = "resources: [../base]\nnamespace: shop\npatches:\n- target: {kind: Deployment, name: w.*}\n  patch: |-\n    - op: replace\n      path: /spec/replicas\n      value: 7 # seven\n";
    let base = [("base/kustomization.yaml", "resources: [web.yaml]\n"), ("base/web.yaml", BARE)];
    let with = |kustomization: &str, more: &[(&str, &str)]| {
        let mut files = base.to_vec();
        files.push(("prod/kustomization.yaml", kustomization));
        files.extend(more);
        at(&files, "web")
    };
    let file = "resources: [../base]\nnamespace: shop\npatches:\n- path: p.yaml\n";
    assert_eq!(with(file, &[("prod/p.yaml", patch)]), "prod/p.yaml:4 a patch /spec/replicas=5");
    assert_eq!(with(inline, &[]), "prod/kustomization.yaml:8 a patch /patches/0/patch=7");
    let both = format!("{inline}replicas:\n- name: web\n  count: 9\n");
    assert_eq!(with(&both, &[]), "prod/kustomization.yaml:11 replicas of the kustomization /replicas/0/count=9");
    let merged = "resources: [../base]\nnamespace: shop\npatchesStrategicMerge:\n- |\n  apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: web\n  spec:\n    replicas: 4\n";
    assert_eq!(with(merged, &[]), "prod/kustomization.yaml:10 a patch /patchesStrategicMerge/0=4");
    let whole =
        inline.replace("path: /spec/replicas\n      value: 7 # seven", "path: /spec\n      value: {replicas: 8}");
    assert_eq!(with(&whole, &[]), "prod/kustomization.yaml:8 a patch /patches/0/patch=8");
    let removed = inline.replace("replace", "remove").replace("      value: 7 # seven\n", "");
    assert_eq!(with(&removed, &[]), "base/web.yaml:1 does not set .spec.replicas");
    let deleted = "resources: [../base]\nnamespace: shop\npatches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: web}\n    $patch: delete\n";
    assert!(with(deleted, &[]).starts_with("Deployment/shop/web is not in the tree"), "{}", with(deleted, &[]));
    let exact = inline.replace("kind: Deployment", "group: apps, version: v1, kind: Deployment");
    assert_eq!(with(&exact, &[]), "prod/kustomization.yaml:8 a patch /patches/0/patch=7");
    // For another one.
    let beta = inline.replace("kind: Deployment", "version: v1beta1, kind: Deployment");
    assert_eq!(with(&beta, &[]), "base/web.yaml:6 the manifest /spec/replicas=3");
    let other = inline.replace("name: w.*", "name: api");
    assert_eq!(with(&other, &[]), "base/web.yaml:6 the manifest /spec/replicas=3");
    // Nobody can tell.
    let open = inline.replace("name: w.*", "labelSelector: app=web");
    assert!(with(&open, &[]).starts_with("nobody can tell what sets .spec.replicas"), "{}", with(&open, &[]));
    let plugins = "resources: [../base]\nnamespace: shop\ntransformers: [t.yaml]\n";
    assert!(with(plugins, &[]).contains("transformers at prod/kustomization.yaml:3 may set it"));
    let folded = inline.replace("patch: |-", "patch: >-");
    assert!(!with(&folded, &[]).ends_with("=7"), "{}", with(&folded, &[]));
}

#[test]
fn components_and_remote_parts() {
    let files = [
        (
            "prod/kustomization.yaml",
            "resources: [web.yaml, https://example.com/x?ref=v1]\nnamespace: shop\ncomponents: [../many]\n",
        ),
        ("prod/web.yaml", BARE),
        ("many/kustomization.yaml", "kind: Component\nreplicas: [{name: web, count: 6}]\n"),
    ];
    assert_eq!(at(&files, "web"), "many/kustomization.yaml:2 replicas of the kustomization /replicas/0/count=6");
    let told = at(&files, "api");
    assert!(
        told.contains("https://example.com/x?ref=v1, which prod/kustomization.yaml lists, is not in this tree"),
        "{told}"
    );
    let missing = [("kustomization.yaml", "resources: [web.yaml]\ncomponents: [gone]\n"), ("web.yaml", WEB)];
    assert!(at(&missing, "web").contains("the component gone of kustomization.yaml was not read"));
    let round = [("a/kustomization.yaml", "resources: [../b]\n"), ("b/kustomization.yaml", "resources: [../a]\n")];
    assert!(at(&round, "web").starts_with("Deployment/shop/web is not in the tree"));
}

#[test]
fn what_serves_two_environments_is_refused() {
    let files = [
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", BARE),
        ("prod/kustomization.yaml", "resources: [../base]\nnamespace: shop\n"),
        ("test/kustomization.yaml", "resources: [../base]\nnamespace: test\n"),
    ];
    assert_eq!(at(&files, "web"), "base/web.yaml:6 sets .spec.replicas for test too");
    let mut own = files.to_vec();
    own[3].1 = "resources: [../base]\nnamespace: test\nreplicas: [{name: web, count: 1}]\n";
    assert_eq!(at(&own, "web"), "base/web.yaml:6 the manifest /spec/replicas=3");
    // Two clusters that apply one folder.
    let flux = |cluster: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system}}\nspec:\n  path: ./apps/{cluster}\n"
        )
    };
    let (one, two) = (flux("one"), flux("two"));
    let clusters = [
        ("clusters/one/apps.yaml", one.as_str()),
        ("clusters/two/apps.yaml", &two),
        ("apps/one/web.yaml", WEB),
        ("apps/two/web.yaml", WEB),
    ];
    assert_eq!(
        under(&clusters, "web", json!({"path": "./apps/two"})),
        "apps/two/web.yaml:7 the manifest /spec/replicas=3"
    );
    assert_eq!(at(&clusters, "web"), "apps/one/web.yaml:7 and apps/two/web.yaml:7 set .spec.replicas");
    let same = [("clusters/one/apps.yaml", one.as_str()), ("clusters/two/apps.yaml", &one), ("apps/one/web.yaml", WEB)];
    assert_eq!(
        under(&same, "web", json!({"path": "apps/one"})),
        "apps/one/web.yaml:7 sets .spec.replicas for Kustomization/flux-system/apps (clusters/two/apps.yaml) too"
    );
}

#[test]
fn the_flux_kustomization_adds_its_own() {
    let patch = "- op: replace\n  path: /spec/replicas\n  value: 4\n";
    let spec = json!({"path": "./apps", "targetNamespace": "shop", "patches": [{"patch": patch, "target": {"kind": "Deployment"}}]});
    let files = [("apps/web.yaml", BARE)];
    let told = under(&files, "web", spec.clone());
    assert_eq!(
        told,
        "outside the tree a patch /patches/0/patch=4 (it is set in the spec of Kustomization/flux-system/apps, which is not in this tree)"
    );
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec:\n  path: ./apps\n  targetNamespace: shop\n  patches:\n  - target: {kind: Deployment}\n    patch: |\n      - op: replace\n        path: /spec/replicas\n        value: 4\n";
    let files = [("apps/web.yaml", BARE), ("clusters/apps.yaml", flux)];
    assert_eq!(under(&files, "web", spec.clone()), "clusters/apps.yaml:12 a patch /spec/patches/0/patch=4");
    let kustomized = [
        ("apps/kustomization.yaml", "resources: [web.yaml]\nreplicas: [{name: web, count: 2}]\n"),
        ("apps/web.yaml", BARE),
    ];
    assert_eq!(
        under(&kustomized, "web", spec),
        "apps/kustomization.yaml:2 replicas of the kustomization /replicas/0/count=2"
    );
    let plain = under(&files[..1], "web", json!({"path": "./apps", "targetNamespace": "shop"}));
    assert_eq!(plain, "apps/web.yaml:6 the manifest /spec/replicas=3");
    let gone = under(&files, "web", json!({"path": "./gone"}));
    assert_eq!(gone, "the tree has no folder \"./gone\", which Kustomization/flux-system/apps applies");
    let out = under(&files, "web", json!({"path": "../.."}));
    assert!(out.starts_with("the tree has no folder"), "{out}");
    let elsewhere = under(&[("apps/a.yaml", "a: 1\n"), ("old/web.yaml", WEB)], "web", json!({"path": "apps"}));
    assert!(
        elsewhere.contains(
            "there is a manifest at old/web.yaml:1, and Kustomization/flux-system/apps does not make this object of it"
        ),
        "{elsewhere}"
    );
}

#[test]
fn variables_are_named_with_what_sets_them() {
    let web = WEB.replace("replicas: 3", "replicas: ${WEB_REPLICAS:=2}");
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec:\n  path: ./apps\n  postBuild:\n    substitute:\n      WEB_REPLICAS: \"3\"\n    substituteFrom:\n    - {kind: ConfigMap, name: vars}\n    - {kind: Secret, name: hidden}\n";
    let vars = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars}\ndata:\n  WEB_REPLICAS: \"4\"\n";
    let told = at(&[("apps/web.yaml", &web), ("clusters/apps.yaml", flux), ("clusters/vars.yaml", vars)], "web");
    assert_eq!(
        told,
        "apps/web.yaml:7 the manifest /spec/replicas=${WEB_REPLICAS:=2} (Flux puts the variable WEB_REPLICAS there, set by clusters/apps.yaml:8 and by clusters/vars.yaml:5 and by Secret/hidden, perhaps)"
    );
    assert!(at(&[("apps/web.yaml", &web)], "web").contains("the tree does not say where it is set"));
}

#[test]
fn what_an_edit_would_break_is_an_obstacle() {
    let obstacle = |text: &str| of(&[("a.yaml", text)], "web", None).expect(text).place.obstacle;
    assert_eq!(obstacle(&format!("{WEB}sops:\n  mac: ENC[x]\n")), Some(Obstacle::Sops));
    assert_eq!(obstacle(&WEB.replace("3", "&n 3")), Some(Obstacle::Anchored));
    assert_eq!(obstacle(&WEB.replace("spec:", "spec: &s")), Some(Obstacle::Anchored));
    assert_eq!(obstacle(&format!("x: &n 3\n{}", WEB.replace("3", "*n"))), Some(Obstacle::Aliased));
    assert_eq!(
        obstacle(&format!("x: &n {{replicas: 3}}\n{}", WEB.replace("replicas: 3", "<<: *n"))),
        Some(Obstacle::Aliased)
    );
    assert_eq!(obstacle(&format!("{WEB}  replicas: 4\n")), Some(Obstacle::Duplicate(8)));
    assert_eq!(obstacle(&WEB.replace("3", "!!int 3")), Some(Obstacle::Form("a value with a tag")));
    assert_eq!(obstacle(&WEB.replace("3", "[3]")), Some(Obstacle::Form("no single value")));
    assert_eq!(obstacle(&WEB.replace("3", "|\n    3")), Some(Obstacle::Form("a block of lines")));
    assert_eq!(obstacle(WEB), None);
}

#[test]
fn values_of_a_release_are_offered_by_name() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: shop, namespace: shop}\nspec:\n  values:\n    replicaCount: 2\n    worker:\n      replicas: \"3\"\n      image: x\n";
    let tree = Tree::of(&[("r.yaml", release)]);
    let found = replica_values(&tree, &object("HelmRelease", "shop"), Root::Everything);
    let told: Vec<_> = found.iter().map(|(path, place)| format!("{path} {} {}", place.name(), place.text)).collect();
    assert_eq!(told, [".spec.values.replicaCount r.yaml:6 2", ".spec.values.worker.replicas r.yaml:8 3"]);
}
