//! Documents that are made from the code: drift is a failure; `UPDATE_DOCS=1` writes them anew.

use mlops_health::usage::UsageReport;
use mlops_health::{CapacityReport, HealthEvent};
use mlops_shared::cli::FindingCodeList;
use mlops_shared::cluster::list_rules;
use mlops_shared::health::all_codes;
use mlops_shared::platform::Platform;
use mlops_shared::report::{Outlook, Plan, Report, ReportList};
use mlops_umbrella::VersionReport;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn compare(name: &str, current: &str) {
    let path = docs().join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(&path, current).expect("write");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/{name} is not what the code says: run UPDATE_DOCS=1 cargo test -p mlops-tests --test docs"
    );
}

/// Whose each code is: an exception on another plugin's findings is no matter of a plugin's.
#[test]
fn the_list_of_codes_of_all_plugins_is_current() {
    let codes = [("audit", mlops_audit::check::all_codes()), ("health", all_codes())];
    let line = |plugin: &str, id: &str| format!("{plugin} {id}\n");
    let list: String =
        codes.iter().flat_map(|(plugin, codes)| codes.iter().map(|code| line(plugin, code.id))).collect();
    compare("../shared/src/platform/codes.txt", &list);
}

/// Pages of the command reference, and the manifests as they are before a release.
#[test]
fn the_command_reference_is_current() {
    for (name, page) in mlops_packaging::reference::pages() {
        compare(&format!("reference/{name}"), &page);
    }
}

#[test]
fn the_manifests_are_current() {
    use mlops_packaging::manifest::{self, Release};
    let release = Release::of(&mlops_packaging::workspace::Workspace::read().expect("cargo metadata"));
    let archives = manifest::unpublished(&release);
    let note = |tool: &str| {
        format!(
            "# Made from {tool}.yaml.j2. No release is published: the digests are zeros, and nothing installs from this\n\
             # file. `make dist` writes the one that does.\n"
        )
    };
    let krew = manifest::krew(&release, &archives).expect("rendered");
    let flux = manifest::flux(&release, &archives).expect("rendered");
    compare("../krew-manifests/mlops.yaml", &(note("krew") + &krew));
    compare("../krew-manifests/flux/mlops.yaml", &(note("flux") + &flux));
}

/// The roles of `deploy/` grant what the plugins list, no more and no less.
#[test]
fn the_role_of_health_is_current() {
    let quoted = |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let mut rules = String::new();
    for rule in list_rules() {
        for line in textwrap(rule.comment, 100) {
            let _ = writeln!(rules, "  # {line}");
        }
        let groups = match rule.groups.as_slice() {
            few if few.len() < 4 => format!("[{}]", quoted(few)),
            many => many.iter().map(|group| format!("\n      - {group}")).collect(),
        };
        let space = if groups.starts_with('\n') { "" } else { " " };
        let resources = match rule.resources.as_slice() {
            few if few.len() < 4 => format!(" [{}]", quoted(few)),
            many => many.iter().map(|name| format!("\n      - {name}")).collect(),
        };
        let _ = writeln!(rules, "  - apiGroups:{space}{groups}\n    resources:{resources}\n    verbs: [\"list\"]");
    }
    let page = format!(
        "# What `kubectl mlops health` lists. Made from the code: UPDATE_DOCS=1 cargo test -p mlops-tests --test docs\n\
         # Kinds of other groups are judged too. Add a ClusterRole for them with the label below, and it is aggregated\n\
         # into this one; without it reports name them as not read.\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mlops-health\n  namespace: mlops-system\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: mlops-health\n  labels:\n    \
         app.kubernetes.io/part-of: kubectl-mlops\naggregationRule:\n  clusterRoleSelectors:\n    - matchLabels:\n        \
         mlops.dev/aggregate-to-health: \"true\"\n# Filled in by the controller-manager.\nrules: []\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: mlops-health-list\n  labels:\n    \
         app.kubernetes.io/part-of: kubectl-mlops\n    mlops.dev/aggregate-to-health: \"true\"\nrules:\n{rules}---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: mlops-health\n  labels:\n    \
         app.kubernetes.io/part-of: kubectl-mlops\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  \
         name: mlops-health\nsubjects:\n  - kind: ServiceAccount\n    name: mlops-health\n    namespace: mlops-system\n"
    );
    compare("../deploy/rbac/health.yaml", &page);
}

#[test]
fn the_role_of_audit_is_current() {
    let mut rules = String::new();
    let mut by_group: std::collections::BTreeMap<&str, Vec<String>> = std::collections::BTreeMap::new();
    for (group, kind) in mlops_audit::check::kinds() {
        by_group.entry(group).or_default().push(plural(kind));
    }
    // What operators bring may refer to a Secret, whatever its kind.
    let operators = mlops_shared::health::groups().into_iter().filter(|group| mlops_audit::check::reads_all(group));
    let operators: Vec<&str> = operators.collect();
    by_group.retain(|group, _| !operators.contains(group));
    let list: String = operators.iter().map(|name| format!("\n      - {name}")).collect();
    let _ = writeln!(
        rules,
        "  # Which kinds refer to Secrets. Those of other operators need a rule like this one: without it whether a Secret\n  \
         # is used is unknown, and the run ends with 3.\n  - apiGroups:{list}\n    resources: [\"*\"]\n    verbs: [\"list\"]"
    );
    for (group, mut resources) in by_group {
        if group.is_empty() {
            resources.retain(|name| name != "secrets");
            let _ = writeln!(
                rules,
                "  # Only metadata is asked for, but RBAC cannot say so: whoever may list Secrets may read what they hold.\n  \
                 # Without this rule the family `secrets` is partial, and `audit` ends with 3 at best; name the other families\n  \
                 # then. `--read-values` needs configmaps too, which are left out here.\n  \
                 - apiGroups: [\"\"]\n    resources: [\"secrets\"]\n    verbs: [\"list\"]"
            );
        }
        resources.sort();
        let list: String = resources.iter().map(|name| format!("\n      - {name}")).collect();
        let _ = writeln!(rules, "  - apiGroups: [\"{group}\"]\n    resources:{list}\n    verbs: [\"list\"]");
    }
    let page = format!(
        "# What `kubectl mlops audit` lists. Made from the code: UPDATE_DOCS=1 cargo test -p mlops-tests --test docs\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mlops-audit\n  namespace: mlops-system\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: mlops-audit\n  labels:\n    \
         app.kubernetes.io/part-of: kubectl-mlops\nrules:\n{rules}---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: mlops-audit\n  labels:\n    \
         app.kubernetes.io/part-of: kubectl-mlops\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  \
         name: mlops-audit\nsubjects:\n  - kind: ServiceAccount\n    name: mlops-audit\n    namespace: mlops-system\n"
    );
    compare("../deploy/rbac/audit.yaml", &page);
}

/// The resource of a kind, by the rules of English that Kubernetes' own follow.
fn plural(kind: &str) -> String {
    let name = kind.to_lowercase();
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ if name == "endpoints" => name,
        _ if name.ends_with(['s', 'x']) || name.ends_with("ch") => format!("{name}es"),
        _ => format!("{name}s"),
    }
}

/// Lines of at most so many columns.
fn textwrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn schema() -> serde_json::Value {
    serde_json::to_value(schemars::schema_for!(Report)).expect("schema")
}

/// What `scale` reads and writes, and no more.
#[test]
fn the_role_of_scale_is_current() {
    let mut by_group: std::collections::BTreeMap<&str, Vec<String>> = std::collections::BTreeMap::new();
    for (group, kind) in mlops_scale::kinds() {
        by_group.entry(group).or_default().push(plural(kind));
    }
    let mut rules = String::new();
    for (group, mut resources) in by_group {
        resources.sort();
        let list: String = resources.iter().map(|name| format!("\n      - {name}")).collect();
        let _ = writeln!(rules, "  - apiGroups: [\"{group}\"]\n    resources:{list}\n    verbs: [\"list\"]");
    }
    let scaled = ["kafkabridges", "kafkaconnectors", "kafkaconnects", "kafkamirrormaker2s", "kafkanodepools"];
    let strimzi: String = scaled.iter().chain(&["kafkas"]).map(|name| format!("      - {name}\n")).collect();
    let strimzi_scale: String = scaled.iter().map(|name| format!("      - {name}/scale\n")).collect();
    let page = format!(
        "# What `kubectl mlops scale` reads and writes. Made from the code: UPDATE_DOCS=1 cargo test -p mlops-tests --test docs\n\
         # Other kinds with a scale need rules of their own, like the two under \"What is scaled\": without them `status` is\n\
         # partial, and ends with 3.\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: mlops-scale\n  labels:\n    \
         app.kubernetes.io/part-of: kubectl-mlops\nrules:\n  # What is scaled, and marked while it is.\n  \
         - apiGroups: [\"apps\"]\n    resources: [\"deployments\", \"replicasets\", \"statefulsets\"]\n    \
         verbs: [\"get\", \"list\", \"patch\"]\n  - apiGroups: [\"apps\"]\n    \
         resources: [\"deployments/scale\", \"replicasets/scale\", \"statefulsets/scale\"]\n    \
         verbs: [\"get\", \"update\"]\n  - apiGroups: [\"\"]\n    resources: [\"replicationcontrollers\"]\n    \
         verbs: [\"get\", \"list\", \"patch\"]\n  - apiGroups: [\"\"]\n    \
         resources: [\"replicationcontrollers/scale\"]\n    verbs: [\"get\", \"update\"]\n  \
         # Brokers, connectors, pools of drives and executors.\n  \
         - apiGroups: [\"kafka.strimzi.io\"]\n    resources:\n{strimzi}    verbs: [\"get\", \"list\", \"patch\"]\n  \
         - apiGroups: [\"kafka.strimzi.io\"]\n    resources:\n{strimzi_scale}    verbs: [\"get\", \"update\"]\n  \
         # --rebalance.\n  \
         - apiGroups: [\"kafka.strimzi.io\"]\n    resources: [\"kafkarebalances\"]\n    verbs: [\"create\", \"get\"]\n  \
         - apiGroups: [\"minio.min.io\"]\n    resources: [\"tenants\"]\n    verbs: [\"get\", \"patch\"]\n  \
         - apiGroups: [\"sparkoperator.k8s.io\"]\n    resources: [\"scheduledsparkapplications\", \"sparkapplications\"]\n    \
         verbs: [\"get\", \"patch\"]\n  # What deploys it, and where that comes from.\n  \
         - apiGroups: [\"helm.toolkit.fluxcd.io\"]\n    resources: [\"helmreleases\"]\n    verbs: [\"get\"]\n  \
         - apiGroups: [\"kustomize.toolkit.fluxcd.io\"]\n    resources: [\"kustomizations\"]\n    verbs: [\"get\"]\n  \
         # --via git reads the source, and asks Flux to fetch.\n  - apiGroups: [\"source.toolkit.fluxcd.io\"]\n    \
         resources: [\"gitrepositories\"]\n    verbs: [\"get\", \"patch\"]\n  \
         # Which field of a custom kind holds its replicas.\n  - apiGroups: [\"apiextensions.k8s.io\"]\n    \
         resources: [\"customresourcedefinitions\"]\n    verbs: [\"get\"]\n  # What a plan looks at.\n{rules}---\n\
         # `--pause owner`, and `resume` of it. It may suspend all that Flux applies: bind it to whom that is left.\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: mlops-scale-pause\n  labels:\n    \
         app.kubernetes.io/part-of: kubectl-mlops\nrules:\n  \
         - apiGroups: [\"helm.toolkit.fluxcd.io\"]\n    resources: [\"helmreleases\"]\n    verbs: [\"get\", \"patch\"]\n  \
         - apiGroups: [\"kustomize.toolkit.fluxcd.io\"]\n    resources: [\"kustomizations\"]\n    verbs: [\"get\", \"patch\"]\n"
    );
    compare("../deploy/rbac/scale.yaml", &page);
}

#[test]
fn plans_of_scale_fulfil_the_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(Plan)).expect("schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for target in ["deployment/airflow-scheduler", "deployment/airflow-api-server"] {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-scale"))
            .args(["plan", target, "--replicas", "4", "--from", "examples/healthy", "-o", "json"])
            .args(["--now", "2026-11-20T03:00:00Z"])
            .env_clear()
            .current_dir(docs().join(".."))
            .output()
            .expect("runs");
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&plan).map(|error| error.to_string()).take(3).collect();
        assert!(errors.is_empty(), "{target}: {errors:?}");
        serde_json::from_value::<Plan>(plan).expect("reads back");
    }
}

#[test]
fn the_table_of_audit_codes_is_current() {
    let mut page = String::from(
        "# Finding codes of `kubectl mlops audit`\n\nMade from the code; `kubectl mlops audit explain CODE` prints the same.\n",
    );
    for code in mlops_audit::check::all_codes() {
        // Writing to a String cannot fail.
        let _ =
            write!(page, "\n## `{}`\n\n**{}.** {}\n\nWhat to do: {}\n", code.id, code.title, code.meaning, code.remedy);
    }
    compare("audit-codes.md", &page);
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(mlops_audit::AuditReport)).expect("JSON") + "\n";
    compare("schemas/audit-report.json", &schema);
    let list = schemars::schema_for!(ReportList<mlops_audit::AuditReport>);
    compare("schemas/audit-report-list.json", &(serde_json::to_string_pretty(&list).expect("JSON") + "\n"));
}

/// Answers on rights: the arguments that give one, and its schema.
fn answers_on_rights() -> [(&'static [&'static str], &'static str, serde_json::Value); 3] {
    use mlops_audit::rights::{PathsReport, PermissionsReport, WhoCanReport};
    [
        (&["who-can", "list", "secrets"], "who-can-report", schemars::schema_for!(WhoCanReport).into()),
        (
            &["permissions", "--as", "ml/notebook"],
            "permissions-report",
            schemars::schema_for!(PermissionsReport).into(),
        ),
        (&["paths"], "paths-report", schemars::schema_for!(PathsReport).into()),
    ]
}

#[test]
fn answers_on_rights_fulfil_their_schemas() {
    for (flags, name, schema) in answers_on_rights() {
        compare(&format!("schemas/{name}.json"), &(serde_json::to_string_pretty(&schema).expect("JSON") + "\n"));
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
            .args(flags)
            .args(["--from", "tests/fixtures/rights.yaml", "-o", "json", "--now", "2026-11-20T03:00:00Z"])
            .env_clear()
            .current_dir(docs().join(".."))
            .output()
            .expect("runs");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).take(3).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let answer = ["holders", "permissions", "paths"].iter().find_map(|key| report[key].as_array());
        assert!(answer.is_some_and(|list| !list.is_empty()), "{name}: {report}");
    }
}

#[test]
fn the_schemas_of_backups_are_current() {
    for (name, schema) in [
        ("backup-report", schemars::schema_for!(mlops_backup::BackupReport)),
        ("backup-verification", schemars::schema_for!(mlops_backup::VerifyReport)),
        ("backup-manifest", schemars::schema_for!(mlops_shared::archive::Manifest)),
        ("backup-list", schemars::schema_for!(mlops_backup::ListReport)),
        ("backup-object-list", schemars::schema_for!(mlops_backup::ObjectList)),
        ("backup-diff", schemars::schema_for!(mlops_backup::DiffReport)),
        ("backup-prune-report", schemars::schema_for!(mlops_backup::PruneReport)),
        ("backup-coverage", schemars::schema_for!(mlops_backup::CoverageReport)),
        ("kafka-backup-report", schemars::schema_for!(mlops_backup::KafkaReport)),
        ("snapshot-report", schemars::schema_for!(mlops_backup::SnapshotReport)),
        ("restore-report", schemars::schema_for!(mlops_backup::RestoreReport)),
    ] {
        compare(&format!("schemas/{name}.json"), &(serde_json::to_string_pretty(&schema).expect("JSON") + "\n"));
    }
}

#[test]
fn audit_reports_fulfil_the_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(mlops_audit::AuditReport)).expect("schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for sample in ["healthy", "degraded", "usage"] {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-audit"))
            .args(["--from", &format!("examples/{sample}"), "-o", "json", "--now", "2026-11-20T03:00:00Z"])
            .env_clear()
            .current_dir(docs().join(".."))
            .output()
            .expect("runs");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).take(3).collect();
        assert!(errors.is_empty(), "{sample}: {errors:?}");
        assert!(report["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{sample}");
    }
}

#[test]
fn the_table_of_codes_is_current() {
    let mut page = String::from(
        "# Finding codes of `kubectl mlops health`\n\nMade from the code; `kubectl mlops health explain CODE` prints the same. Where no outlook\nis given, a finding may go away by itself, and `--wait` waits for that.\n",
    );
    for code in all_codes() {
        // Writing to a String cannot fail.
        let _ =
            write!(page, "\n## `{}`\n\n**{}.** {}\n\nWhat to do: {}\n", code.id, code.title, code.meaning, code.remedy);
        if code.outlook != Outlook::Open {
            let _ = write!(page, "\nOutlook: {}\n", code.outlook.sentence());
        }
    }
    compare("codes.md", &page);
}

#[test]
fn the_schema_is_current() {
    let text = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    compare("schemas/health-report.json", &text);
    for (name, schema) in [
        ("health-report-list", schemars::schema_for!(ReportList<Report>)),
        ("health-event", schemars::schema_for!(HealthEvent)),
        ("version-report", schemars::schema_for!(VersionReport)),
        ("platform", schemars::schema_for!(Platform)),
        ("plan", schemars::schema_for!(Plan)),
        ("scale-status", schemars::schema_for!(mlops_scale::ScaleStatus)),
        ("capacity-report", schemars::schema_for!(CapacityReport)),
        ("finding-code-list", schemars::schema_for!(FindingCodeList)),
    ] {
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        compare(&format!("schemas/{name}.json"), &text);
    }
}

fn usage_schema() -> serde_json::Value {
    serde_json::to_value(schemars::schema_for!(UsageReport)).expect("schema")
}

#[test]
fn the_schema_of_usage_is_current() {
    let text = serde_json::to_string_pretty(&usage_schema()).expect("JSON") + "\n";
    compare("schemas/usage-report.json", &text);
    let list = serde_json::to_string_pretty(&schemars::schema_for!(ReportList<UsageReport>)).expect("JSON") + "\n";
    compare("schemas/usage-report-list.json", &list);
}

#[test]
fn usage_reports_fulfil_the_schema() {
    let schema = usage_schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for sample in ["healthy", "degraded", "usage"] {
        for format in ["json", "yaml"] {
            let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
                .args(["usage", "--from", &format!("examples/{sample}"), "-o", format, "--now", "2026-11-20T03:00:00Z"])
                .env_clear()
                .current_dir(docs().join(".."))
                .output()
                .expect("runs");
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            let report: serde_json::Value = if format == "json" {
                serde_json::from_str(&text).expect("JSON")
            } else {
                serde_saphyr::from_str(&text).expect("YAML")
            };
            let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).take(3).collect();
            assert!(errors.is_empty(), "{sample} as {format}: {errors:?}");
            serde_json::from_value::<UsageReport>(report).expect("reads back");
        }
    }
}

/// The platform file that is printed is one that the schema takes; one with a misspelt field is not.
#[test]
fn the_printed_platform_fulfils_the_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(Platform)).expect("schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for format in ["json", "yaml"] {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
            .args(["platform", "-o", format])
            .env_clear()
            .output()
            .expect("runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let mut file: serde_json::Value = if format == "json" {
            serde_json::from_str(&text).expect("JSON")
        } else {
            serde_saphyr::from_str(&text).expect("YAML")
        };
        let errors: Vec<String> = validator.iter_errors(&file).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{format}: {errors:?}");
        let exception =
            serde_json::json!({"code": "pod-*", "object": "Pod/a/b", "reason": "", "expires": "2026-12-31"});
        for (field, wrong) in [
            ("namespace", serde_json::json!([])),
            ("kind", "Platfrom".into()),
            ("exceptions", serde_json::json!([{"code": "pod-*"}])),
            ("exceptions", serde_json::json!([exception])),
        ] {
            let before = file.clone();
            file[field] = wrong;
            assert!(!validator.is_valid(&file), "{field}: {}", file[field]);
            file = before;
        }
    }
}

#[test]
fn capacity_and_codes_fulfil_their_schemas() {
    let capacity = ["capacity", "--from", "examples/degraded", "--now", "2026-11-20T03:00:00Z"];
    for (flags, schema) in [
        (&capacity[..], schemars::schema_for!(CapacityReport)),
        (&["explain"], schemars::schema_for!(FindingCodeList)),
        (&["explain", "pod-crash-loop"], schemars::schema_for!(FindingCodeList)),
    ] {
        let validator = jsonschema::validator_for(&schema.into()).expect("a schema");
        for format in ["json", "yaml"] {
            let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
                .args(flags)
                .args(["-o", format])
                .env_clear()
                .current_dir(docs().join(".."))
                .output()
                .expect("runs");
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            let value: serde_json::Value = if format == "json" {
                serde_json::from_str(&text).expect("JSON")
            } else {
                serde_saphyr::from_str(&text).expect("YAML")
            };
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).take(3).collect();
            assert!(errors.is_empty(), "{flags:?} as {format}: {errors:?}");
        }
    }
}

#[test]
fn reports_fulfil_the_schema() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for sample in ["healthy", "degraded"] {
        for format in ["json", "yaml"] {
            let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
                .args(["--from", &format!("examples/{sample}"), "-o", format, "--now", "2026-11-20T03:00:00Z"])
                .env_clear()
                .current_dir(docs().join(".."))
                .output()
                .expect("runs");
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            let report: serde_json::Value = if format == "json" {
                serde_json::from_str(&text).expect("JSON")
            } else {
                serde_saphyr::from_str(&text).expect("YAML")
            };
            let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).take(3).collect();
            assert!(errors.is_empty(), "{sample} as {format}: {errors:?}");
        }
    }
}

/// The picture in the README is real output: the first causes and the first areas of that command.
#[test]
fn the_picture_of_the_readme_is_real() {
    let path = docs().join("../README.md");
    let readme = std::fs::read_to_string(&path).expect("README");
    let flags = "--from examples/degraded --now 2026-11-20T03:00:00Z";
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .args(flags.split(' '))
        .env_clear()
        .env("COLUMNS", "110")
        .current_dir(docs().join(".."))
        .output()
        .expect("runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let (causes, areas) = printed.split_once("\nAREAS\n").expect("areas");
    let first = |text: &str, lines: usize| text.lines().take(lines).collect::<Vec<_>>().join("\n");
    let want =
        format!("\n$ kubectl mlops health {flags} # exit 1\n{}\n…\nAREAS\n{}\n", first(causes, 15), first(areas, 8));
    let block = readme.split("```").nth(1).expect("a picture");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, readme.replacen(block, &want, 1)).expect("write");
        return;
    }
    assert_eq!(block, want, "UPDATE_DOCS=1 writes it anew");
}

#[test]
fn every_page_is_in_the_index() {
    let index = std::fs::read_to_string(docs().join("README.md")).expect("index");
    for entry in std::fs::read_dir(docs()).expect("docs").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(name == "README.md" || index.contains(&format!("({name}")), "docs/README.md does not name {name}");
    }
}

/// Links of the documents lead to files that are there.
#[test]
fn links_lead_somewhere() {
    let mut documents: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md"]
            .map(PathBuf::from)
            .into();
    documents.extend(
        std::fs::read_dir(docs()).expect("docs").flatten().map(|entry| Path::new("docs").join(entry.file_name())),
    );
    for document in documents.iter().filter(|path| path.extension().is_some_and(|it| it == "md")) {
        let text = std::fs::read_to_string(docs().join("..").join(document)).expect("text");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let target = docs().join("..").join(document).parent().expect("a folder").join(path);
            assert!(target.exists(), "{}: {link}", document.display());
        }
    }
}
