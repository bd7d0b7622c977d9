//! What is found in documents, and what is not.

use super::{Stamp, document};
use crate::finding::Finding;
use crate::tree::node;
use mlops_shared::object::{ObjectRef, Sym, TypeMeta};

fn findings(yaml: &str) -> Vec<Finding> {
    let parsed = node::parse(yaml);
    assert!(parsed.broken.is_none(), "{:?}", parsed.broken);
    let file = Sym::new("a.yaml");
    let of = |node: &node::Node| {
        let kind = node.word("kind");
        let ty = (!kind.is_empty()).then(|| TypeMeta::new(node.word("apiVersion"), kind));
        document(node, ty.as_ref(), ObjectRef::new("", kind, "", ""), Some(&file), &Stamp::new())
    };
    parsed.documents.iter().flat_map(of).collect()
}

/// Code, path and line of what is found.
fn found(yaml: &str) -> Vec<String> {
    let line = |finding: &Finding| finding.place.as_ref().map_or(0, |place| place.line);
    findings(yaml).iter().map(|it| format!("{} {}:{}", it.code.id, it.path, line(it))).collect()
}

#[test]
fn every_value_of_a_secret_counts_unless_its_key_says_otherwise() {
    let yaml = "apiVersion: v1
kind: Secret
metadata: {name: s}
data:
  accesskey: bWluaW9hZG1pbg==
  ca.crt: bWluaW9hZG1pbg==
  raw: AAECAwQFBgcICQoLDA0ODw==
stringData:
  username: somebody
  password: ${DB_PASSWORD}
  fallback: ${DB_PASSWORD:=mlflow123}
  config.env: |
    export MINIO_ROOT_USER=\"root\"
    export MINIO_ROOT_PASSWORD=\"minioadmin123\"
";
    let want = [
        "secret-default-credential data.accesskey:5",
        "secret-plaintext data.raw:7",
        "secret-weak-credential stringData.fallback:11",
        "secret-default-credential stringData[config.env].MINIO_ROOT_PASSWORD:14",
    ];
    assert_eq!(found(yaml), want);
}

#[test]
fn values_environment_and_arguments_are_read_by_their_keys() {
    let yaml = "auth: {postgresPassword: mlflow123, database: mlflow}
users: {user: frobnicator, password: frobnicator7}
env:
- {name: AWS_SECRET_ACCESS_KEY, value: Zq8vN2xLm4RwkT9pQs}
- {name: AIRFLOW__KUBERNETES__NAMESPACE, value: processing-jobs}
- {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
args: [--password, mlflow123, --secret-key=Zq8vN2xLm4RwkT9pQs, --user=x]
url: postgresql://airflow:airflow123@db/airflow
";
    let want = [
        "secret-weak-credential auth.postgresPassword:1",
        "secret-weak-credential users.password:2",
        "secret-plaintext env[AWS_SECRET_ACCESS_KEY]:4",
        "secret-weak-credential args[1]:7",
        "secret-plaintext args[2].secret-key:7",
        "secret-weak-credential url:8",
    ];
    assert_eq!(found(yaml), want);
}

#[test]
fn lists_that_are_run_are_read_by_position() {
    let yaml = "containers:
- name: setup
  command: [mc]
  args:
  - alias
  - set
  - local
  - http://minio:9000
  - admin
  - mlflow123
- name: probe
  command: [curl, -u, 'admin:admin123', http://grafana]
- name: asks
  command: [mysql, -p, mlflow]
  args: [-u, root, '--password=mlflow123']
ports: [mysql, -pmlflow123]
";
    let want = [
        "secret-weak-credential containers[setup].args[5]:10",
        "secret-weak-credential containers[probe].command[2]:12",
        "secret-weak-credential containers[asks].args[2].password:15",
        "secret-weak-credential ports[1]:16",
    ];
    assert_eq!(found(yaml), want);
}

#[test]
fn what_names_or_encrypts_a_credential_is_no_finding() {
    let yaml = "auth: {existingSecret: db-credentials, secretKeys: {adminPasswordKey: postgres-password}}
admin: {existingSecret: grafana, userKey: admin-user, passwordKey: admin-password}
passwordSecret: {secretName: users, password: user-password}
permissions: {id-token: write}
token: \"{{ lookup('env', 'TOKEN') }}\"
password: !vault mlflow123
secret: minio-root-credentials
tokenTTL: 3600
automountServiceAccountToken: true
auth2: {password: \"\", token: null}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
spec: {data: [{secretKey: password, remoteRef: {key: db, property: password}}]}
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
spec: {encryptedData: {password: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq}}
---
apiVersion: v1
kind: Secret
stringData: {password: 'ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]'}
sops: {mac: 'ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]', age: []}
";
    assert_eq!(found(yaml), Vec::<String>::new());
}

#[test]
fn plain_values_in_a_file_that_sops_encrypted_are_critical() {
    let yaml = "apiVersion: v1
kind: Secret
stringData: {password: Zq8vN2xLm4RwkT9pQs}
sops: {mac: 'ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]'}
";
    assert_eq!(found(yaml), ["secret-half-encrypted stringData.password:3"]);
}

#[test]
fn kustomize_generators_and_nested_settings_are_looked_into() {
    let yaml = "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
secretGenerator:
- name: db
  literals: [user=x, password=mlflow123]
---
apiVersion: v1
kind: ConfigMap
data:
  app.ini: |
    [db]
    host = x
    password = mlflow123
";
    let want = [
        "secret-weak-credential secretGenerator[db].literals[password]:5",
        "secret-weak-credential data[app.ini].password:13",
    ];
    assert_eq!(found(yaml), want);
}

#[test]
fn a_finding_never_holds_the_value() {
    let canary = "CaNaRyX7fQ2mLz9Kp4Wd";
    let yaml = format!(
        "apiVersion: v1\nkind: Secret\nstringData:\n  a: {canary}\n  b: |\n    password={canary}\n    x: {canary}\n  url: s3://u:{canary}@h\n---\npassword: {canary}\nargs: ['--token', {canary}, '--password={canary}']\n"
    );
    let all = findings(&yaml);
    assert!(all.len() >= 6, "{all:?}");
    assert!(!format!("{all:?}").contains(canary));
}
