//! What the admin of one namespace is told about a real cluster.

use crate::health::{NOW, degraded, health, report};
use mlops_tests::users::{User, grant_namespace};
use serde_json::Value;

fn section<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let all = report["coverage"].as_array().expect("coverage");
    all.iter().find(|section| section["kind"] == kind).unwrap_or_else(|| panic!("nothing is said of {kind}"))
}

fn text<'a>(section: &'a Value, key: &str) -> &'a str {
    section[key].as_str().unwrap_or_default()
}

#[test]
fn the_admin_of_a_namespace_sees_it_and_is_told_what_is_out_of_sight() {
    if std::env::var_os("MLOPS_TEST_KUBECONFIG").is_some() {
        eprintln!("skipped: needs accounts of its own");
        return;
    }
    let plane = degraded();
    grant_namespace(plane.api(), "data-plane").expect("granted");
    let file = plane.kubeconfig(User::NamespaceAdmin).expect("kubeconfig");

    let own = health(&file, &["-n", "data-plane", "--now", NOW]);
    assert_eq!(own.code, Some(1), "what fails there is seen: {}", own.stderr);
    let own = report(&own);
    assert_eq!(own["summary"]["partial"], true, "{}", own["summary"]);
    for (kind, what) in [("Pod", "namespaced"), ("Kafka", "namespaced, custom"), ("Secret", "an admin's right")] {
        assert_eq!(section(&own, kind)["read"], true, "{kind}, {what}: {}", section(&own, kind));
    }
    for kind in ["StorageClass", "PersistentVolume", "Node"] {
        let section = section(&own, kind);
        assert_eq!((&section["read"], &section["gap"]), (&false.into(), &false.into()), "{section}");
    }

    let all = health(&file, &["-A", "--now", NOW]);
    assert_eq!(all.code, Some(1), "{}", all.stderr);
    let all = report(&all);
    let pods = section(&all, "Pod");
    assert_eq!((&pods["read"], &pods["gap"]), (&false.into(), &true.into()), "{pods}");
    assert!(text(pods, "why").starts_with("read in data-plane only; elsewhere forbidden"), "{pods}");
    assert!(text(pods, "hint").contains("resources: [\"pods\"]"), "{pods}");
    let classes = section(&all, "StorageClass");
    assert_eq!(classes["gap"], true, "{classes}");

    for report in [&own, &all] {
        let objects = report["objects"].as_array().expect("objects");
        assert!(objects.len() > 10, "{}", objects.len());
        let outside: Vec<_> = objects.iter().filter(|object| object["namespace"] != "data-plane").collect();
        assert!(outside.is_empty(), "{outside:?}");
        let causes = report["causes"].as_array().expect("causes");
        assert!(causes.iter().any(|cause| cause["code"] == "pod-crash-loop"), "{causes:?}");
        assert!(
            causes.iter().all(|cause| cause["code"] != "object-missing"),
            "a StorageClass that may not be read is not missing: {causes:?}"
        );
    }
}
