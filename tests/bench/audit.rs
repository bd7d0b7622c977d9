//! `kubectl mlops audit` of files: a dump of a large cluster and a tree of many files, against floors that read the
//! same bytes and do nothing with them.

use crate::{bare, measure, milliseconds, objects, ratio, say};
use mlops_tests::Result;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Pods of the dump.
const PODS: usize = 5_000;
/// Roles, and as many bindings.
const ROLES: usize = 2_000;
const SECRETS: usize = 3_000;
/// Files of the tree.
const FILES: usize = 1_000;
const ROUNDS: usize = 5;
/// Findings or none: pods of the dump are not hardened, manifests of the tree neither.
const ENDS: &[i32] = &[0, 1];

/// Both measurements.
pub(crate) fn run(audit: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dump = folder.path().join("cluster.json");
    write_dump(&dump)?;
    let what = format!("{PODS} pods, {ROLES} roles and bindings, {SECRETS} Secrets in one file");
    let floor = || -> Result<()> {
        let value: Value = serde_json::from_reader(BufReader::new(File::open(&dump)?))?;
        std::hint::black_box(value);
        Ok(())
    };
    let size = std::fs::metadata(&dump)?.len();
    compare(audit, &["--from", &dump.display().to_string()], &what, size, ("parsing it into values", &floor))?;

    let tree = folder.path().join("tree");
    let size = write_tree(&tree)?;
    let what = format!("a tree of {FILES} YAML files");
    let floor = || -> Result<()> {
        for number in 0..FILES {
            std::hint::black_box(std::fs::read(tree.join(file(number)))?);
        }
        Ok(())
    };
    compare(audit, &["tree", &tree.display().to_string()], &what, size, ("reading the files", &floor))
}

fn compare(
    audit: &Path,
    flags: &[&str],
    what: &str,
    size: u64,
    (name, floor): (&str, &dyn Fn() -> Result<()>),
) -> Result<()> {
    let ours = || {
        let mut command = bare(audit);
        command.args(flags).args(["-o", "json", "--now", "2026-11-20T03:00:00Z"]);
        command
    };
    let (mut us, mut floors, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        floor()?;
        floors.push(start.elapsed());
        let used = measure::processor_time(&mut ours(), ENDS)?;
        us.push(used);
        peak = peak.max(measure::peak_memory(&mut ours(), ENDS)?);
    }
    let (us, floor): (Duration, Duration) = (measure::median(us)?, measure::median(floors)?);
    say(&format!("audit of {what} (median of {ROUNDS}; {:.1} MB)", size as f64 / 1e6));
    say(&format!("  processor time             {:>10}", milliseconds(us)));
    say(&format!("  {name:<26} {:>10}   ratio {}", milliseconds(floor), ratio(us, floor)));
    say(&format!("  memory at most             {:>7.1} MB", peak as f64 / 1e6));
    Ok(())
}

/// The dump, written item by item.
fn write_dump(path: &Path) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let around = objects::around(PODS).into_iter().map(|(_, object)| object);
    let pods = (0..PODS).map(|number| objects::pod(number).1);
    let rights = (0..ROLES).flat_map(|number| [role(number), binding(number)]);
    let all = around.chain(pods).chain(rights).chain((0..SECRETS).map(secret));
    out.write_all(br#"{"apiVersion":"v1","kind":"List","items":["#)?;
    for (index, object) in all.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut out, &object)?;
    }
    out.write_all(b"]}")?;
    Ok(out.flush()?)
}

fn namespace(number: usize) -> &'static str {
    objects::NAMESPACES[number % objects::NAMESPACES.len()]
}

fn role(number: usize) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": format!("role-{number:04}"), "namespace": namespace(number), "labels": {"app": "platform"}},
        "rules": [
            {"apiGroups": [""], "resources": ["pods", "pods/log", "services"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": if number.is_multiple_of(10) { json!(["create"]) } else { json!(["get"]) }},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": [format!("secret-{number:04}")]}
        ]
    })
}

fn binding(number: usize) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": format!("binding-{number:04}"), "namespace": namespace(number), "labels": {"app": "platform"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": format!("role-{number:04}")},
        "subjects": [{"kind": "ServiceAccount", "name": format!("account-{:04}", number / 2), "namespace": namespace(number)}]
    })
}

fn secret(number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": format!("secret-{number:04}"), "namespace": namespace(number)},
        "data": {"one": "bm90IGEgc2VjcmV0".repeat(16), "two": "bm90IGEgc2VjcmV0".repeat(64)}
    })
}

/// The path of a file in the tree.
fn file(number: usize) -> String {
    format!("team-{:02}/service-{number:04}.yaml", number % 40)
}

/// The tree; the bytes of its files.
fn write_tree(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for number in 0..FILES {
        let path = folder.join(file(number));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let text = manifests(number);
        size += text.len() as u64;
        std::fs::write(path, text)?;
    }
    Ok(size)
}

/// A Deployment, its Service and a release with values, as teams write them.
fn manifests(number: usize) -> String {
    let (namespace, name) = (namespace(number), format!("service-{number:04}"));
    format!(
        "# {name}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app: {name}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      serviceAccountName: {name}
      containers:
        - name: main
          image: registry.example/platform/{name}:1.4.2
          args: [\"--port=8080\", \"--level=info\"]
          env:
            - name: DATABASE_HOST
              value: postgres.{namespace}.svc
            - name: DATABASE_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: {name}
                  key: password
          resources:
            requests: {{cpu: 100m, memory: 256Mi}}
            limits: {{memory: 512Mi}}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {namespace}
spec:
  selector:
    app: {name}
  ports:
    - port: 80
      targetPort: 8080
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}-cache
  namespace: {namespace}
spec:
  interval: 10m
  chart:
    spec:
      chart: redis
      version: \"20.1.{number}\"
      sourceRef:
        kind: HelmRepository
        name: charts
  values:
    auth:
      enabled: true
      existingSecret: {name}-cache
    replica:
      replicaCount: 2
"
    )
}
