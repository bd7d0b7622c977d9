//! `kubectl mlops audit tree`: what is found in a Git tree, and that no value of it is ever printed.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

/// A value that must not show up anywhere.
const CANARY: &str = "CaNaRyX7fQ2mLz9Kp4Wd";

/// A tree with credentials of every sort.
fn tree() -> TempDir {
    let folder = TempDir::new().expect("folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        fs::write(path, text.replace("CANARY", CANARY)).expect("write");
    };
    write(
        "apps/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: n}\nstringData:\n  password: CANARY\n  config.env: |\n    export ROOT_PASSWORD=CANARY\n",
    );
    write(
        "apps/release.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: n}\nspec:\n  values:\n    adminPassword: CANARY\n",
    );
    write(
        "apps/pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec:\n  containers:\n  - name: c\n    image: i\n    args: ['--token', CANARY]\n    env:\n    - {name: API_TOKEN, value: CANARY}\n",
    );
    write(
        "apps/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}\ndata:\n  url: s3://user:CANARY@host\n",
    );
    write("values/db.yaml", "auth:\n  password: CANARY # mlops-audit:allow secret-plaintext a test database\n");
    write("values/broken.yaml", "auth:\n  password: \"CANARY\n");
    write(
        "chart/templates/secret.yaml",
        "{{- if .Values.on }}\npassword: {{ .Values.password }}\ntoken: CANARY\n{{- end }}\n",
    );
    write(".env", "SECRET_KEY=CANARY\n");
    write("run.sh", "export DB_PASSWORD='CANARY'\n");
    write("job.py", "connect(password=\"CANARY\")\n");
    write("docs/README.md", "# Token\npassword: CANARY\n\n```sh\nmc alias set m http://h admin CANARY\n```\n");
    write("values/app.yaml", "setting: CANARY\nimage:\n  repository: a/b\n  tag: latest\n");
    write(".git/config", "password=CANARY\n");
    folder
}

fn audit(folder: &Path, args: &[&str]) -> Output {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
        .args(["tree", "."])
        .args(args)
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .output()
        .expect("runs")
}

fn report(folder: &Path, args: &[&str]) -> Value {
    let output = audit(folder, &[args, &["-o", "json"]].concat());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Code, file and line of the findings on credentials that `wanted` takes.
fn credentials(report: &Value, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let mut lines: Vec<String> = findings
        .filter(|finding| finding["code"].as_str().is_some_and(|code| code.starts_with("secret-")) && wanted(finding))
        .map(|finding| format!("{}:{}", finding["file"].as_str().unwrap_or_default(), finding["line"]))
        .collect();
    lines.sort();
    lines
}

#[test]
fn credentials_are_found_where_they_stand() {
    let tree = tree();
    let found = report(tree.path(), &[]);
    let want = [
        ".env:1",
        "apps/config.yaml:5",
        "apps/pod.yaml:10",
        "apps/pod.yaml:8",
        "apps/release.yaml:6",
        "apps/secret.yaml:5",
        "apps/secret.yaml:7",
        "chart/templates/secret.yaml:3",
        "docs/README.md:5",
        "job.py:1",
        "run.sh:1",
        "values/app.yaml:1",
    ];
    assert_eq!(credentials(&found, |finding| finding["accepted"].is_null()), want);
    assert_eq!(credentials(&found, |finding| finding["accepted"]["by"] == "comment"), ["values/db.yaml:2"]);
    let refused = report(tree.path(), &["--no-inline"]);
    assert_eq!(credentials(&refused, |finding| finding["accepted"].is_null()).len(), want.len() + 1);
    // A file that cannot be read makes the report partial; a template does not.
    let notes = found["notes"].to_string();
    assert!(found["summary"]["partial"] == true && notes.contains("values/broken.yaml"), "{notes}");
    assert!(!notes.contains("chart/templates"), "{notes}");
    // Images of Helm values are told at their lines.
    let findings = found["findings"].as_array().expect("findings").iter();
    let moving: Vec<&Value> =
        findings.filter(|it| it["code"] == "image-latest" && it["object"]["kind"] == "").collect();
    assert_eq!(moving.len(), 1, "{moving:?}");
    assert_eq!((&moving[0]["file"], &moving[0]["line"]), (&Value::from("values/app.yaml"), &Value::from(2)));
    // The other checks run on the tree's objects, and say where these stand.
    let findings = found["findings"].as_array().expect("findings").iter();
    let pod = findings.filter(|finding| finding["object"]["kind"] == "Pod" && finding["file"] == "apps/pod.yaml");
    assert!(pod.filter(|finding| !finding["code"].to_string().contains("secret-")).count() > 0);
}

#[test]
fn no_value_is_ever_printed() {
    let tree = tree();
    let clean = |output: &Output, what: &str| {
        for text in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(text).contains(CANARY), "{what}");
        }
    };
    for format in ["table", "wide", "json", "yaml", "name", "markdown", "html", "junit", "prometheus"] {
        for more in [&[][..], &["-v"], &["--no-inline", "--show", "info", "-v", "-v"]] {
            let output = audit(tree.path(), &[&["-o", format], more].concat());
            assert!(!output.stdout.is_empty(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
            clean(&output, format);
        }
    }
    let kept = TempDir::new().expect("folder");
    let file = kept.path().join("baseline.json");
    let path = file.to_str().expect("path");
    clean(&audit(tree.path(), &["--write-baseline", path]), "baseline");
    assert!(!fs::read_to_string(&file).expect("a baseline").contains(CANARY));
    let accepted = report(tree.path(), &["--baseline", path]);
    assert_eq!(credentials(&accepted, |finding| finding["accepted"].is_null()), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn links_out_of_the_tree_are_not_followed() {
    let (tree, outside) = (TempDir::new().expect("folder"), TempDir::new().expect("folder"));
    fs::write(outside.path().join("values.yaml"), format!("password: {CANARY}\n")).expect("write");
    std::os::unix::fs::symlink(outside.path(), tree.path().join("folder")).expect("link");
    std::os::unix::fs::symlink(outside.path().join("values.yaml"), tree.path().join("values.yaml")).expect("link");
    let found = report(tree.path(), &[]);
    assert_eq!(credentials(&found, |_| true), Vec::<String>::new());
    assert!(found["notes"].to_string().contains("2 symbolic links not followed"), "{}", found["notes"]);
}
