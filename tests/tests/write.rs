//! Writes against a scripted server on loopback: what is sent, how often, and what is said when it goes wrong.

use mlops_shared::cli::{Demand, DryRun, Exit, Failure, WriteArgs, confirm};
use mlops_shared::cluster::{
    self, ClusterError, Connection, FieldManager, Place, Propagation, Resource, Scale, Settings, WriteToken, Writer,
};
use mlops_tests::loopback::{Answer, Asked, Server};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::NamedTempFile;

const SCALE: &str = r#"{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web","namespace":"a",
 "uid":"u1","resourceVersion":"7"},"spec":{"replicas":2},"status":{"replicas":2,"selector":"app=web"}}"#;
const CONFLICT: &str =
    r#"{"kind":"Status","reason":"Conflict","message":"Operation cannot be fulfilled: the object has been modified"}"#;
const FIELD_CONFLICT: &str = r#"{"kind":"Status","reason":"Conflict","message":"Apply failed with 1 conflict","details":
 {"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kustomize-controller\" using apps/v1","field":".spec.replicas"}]}}"#;

fn ok(body: &str) -> Answer {
    Some((200, "", body.to_owned()))
}

fn server(write: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Server {
    Server::start_full(Arc::new(
        move |asked, times| if asked.method == "GET" { ok(SCALE) } else { write(asked, times) },
    ))
}

fn web() -> Place {
    let resource = Resource {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        plural: "deployments".to_owned(),
        is_namespaced: true,
        names: Vec::new(),
        subresources: vec!["scale".to_owned(), "status".to_owned()],
    };
    resource.at("a", "web")
}

/// Runs a piece of work on a connection to the server.
fn on<T>(server: &Server, work: impl AsyncFnOnce(&Connection) -> T) -> T {
    let kubeconfig = kubeconfig();
    let settings = Settings {
        server: Some(server.address.clone()),
        kubeconfig: Some(kubeconfig.path().to_owned()),
        request_timeout: Some(std::time::Duration::from_secs(2)),
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { work(&cluster::connect(&settings).await.expect("a connection")).await })
}

/// A kubeconfig whose server is nowhere: the person's own is not asked. Each call has a file of its own, since tests
/// run beside each other.
fn kubeconfig() -> NamedTempFile {
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: CANARY}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n";
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("write");
    file
}

/// Permission as a command gets it, from its flags.
async fn agreed(flags: WriteArgs) -> Result<WriteToken, Failure> {
    confirm(&flags.settings()?, "scale Deployment/a/web from 2 to 5?", Demand::Yes).await
}

fn flags(dry_run: DryRun) -> WriteArgs {
    WriteArgs { dry_run, yes: true, field_manager: FieldManager::DEFAULT.to_owned(), ..WriteArgs::default() }
}

/// Scales to five, with the permission of these flags.
fn scale_to_five(server: &Server, flags: WriteArgs) -> Result<Scale, ClusterError> {
    on(server, async |connection| {
        let token = agreed(flags).await.expect("agreed");
        let manager = FieldManager::new("mlops").expect("a name");
        let scale = cluster::scale(connection, &web()).await?;
        assert_eq!((scale.wanted, scale.selector.as_str()), (2, "app=web"));
        Writer::new(connection, &token, &manager).set_scale(&web(), &scale, 5).await
    })
}

#[test]
fn a_scale_is_put_with_the_version_that_was_read() {
    let server = server(|asked, _| ok(&asked.body));
    let scale = scale_to_five(&server, flags(DryRun::None)).expect("scaled");
    assert_eq!(scale.wanted, 5);
    let writes = server.writes();
    let [write] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(write.method, "PUT");
    assert_eq!(write.path, "/apis/apps/v1/namespaces/a/deployments/web/scale?fieldManager=mlops");
    let body: Value = serde_json::from_str(&write.body).expect("JSON");
    assert_eq!((&body["metadata"]["resourceVersion"], &body["spec"]), (&json!("7"), &json!({"replicas": 5})));
}

#[test]
fn a_dry_run_is_one_in_every_request() {
    let server = server(|asked, _| ok(if asked.path.contains("/scale") { SCALE } else { "{}" }));
    on(&server, async |connection| {
        let token = agreed(flags(DryRun::Server)).await.expect("a permission");
        assert!(token.is_dry_run());
        let manager = FieldManager::new("mlops").expect("a name");
        let writer = Writer::new(connection, &token, &manager);
        let object = json!({"metadata": {"name": "web", "resourceVersion": "7"}});
        let scale = cluster::scale(connection, &web()).await.expect("a scale");
        writer.create(&web().resource, "a", &object).await.expect("created");
        writer.merge_patch(&web(), &object).await.expect("patched");
        writer.patch_status(&web(), &object).await.expect("patched");
        writer.apply(&web(), &object, false).await.expect("applied");
        writer.replace(&web(), &object).await.expect("replaced");
        writer.set_scale(&web(), &scale, 3).await.expect("scaled");
        writer.delete(&web(), "u1", Propagation::Background).await.expect("deleted");
    });
    let writes = server.writes();
    assert_eq!(writes.len(), 7);
    for write in &writes {
        assert!(write.path.contains("dryRun=All"), "{write:?}");
        // The server ignores the query of a deletion that has a body.
        assert!(write.method != "DELETE" || write.body.contains(r#""dryRun":["All"]"#), "{write:?}");
    }
    let media: Vec<&str> = writes.iter().map(|write| write.media.as_str()).collect();
    let merge = "application/merge-patch+json";
    let json = "application/json";
    assert_eq!(media, [json, merge, merge, "application/apply-patch+yaml", json, json, json]);
}

#[test]
fn without_consent_nothing_is_sent() {
    let server = server(|_, _| ok("{}"));
    let refused = on(&server, async |connection| {
        let _ = cluster::scale(connection, &web()).await.expect("a scale");
        // A test has no terminal to ask on.
        agreed(WriteArgs { yes: false, ..flags(DryRun::None) }).await.expect_err("refused")
    });
    assert_eq!(refused.exit, Exit::Usage);
    assert!(refused.hints[0].contains("--yes"), "{refused}");
    assert!(on(&server, async |_| agreed(flags(DryRun::Client)).await).is_err());
    assert!(server.writes().is_empty(), "{:?}", server.writes());
}

#[test]
fn a_write_is_never_repeated_but_where_it_was_turned_away() {
    for (status, header, sent) in
        [(409, "", 1), (500, "", 1), (503, "Retry-After: 0\r\n", 1), (504, "", 1), (429, "", 1), (422, "", 1)]
    {
        let server = server(move |_, _| Some((status, header, CONFLICT.to_owned())));
        let error = scale_to_five(&server, flags(DryRun::None)).expect_err("an error");
        assert_eq!(server.writes().len(), sent, "{status}");
        let is_doubt = matches!(error, ClusterError::InDoubt(_));
        assert_eq!(is_doubt, status >= 500, "{status}: {error}");
    }
    let busy = server(|asked, times| match times {
        0 | 1 => Some((429, "Retry-After: 0\r\n", "{}".to_owned())),
        _ => ok(&asked.body),
    });
    assert_eq!(scale_to_five(&busy, flags(DryRun::None)).expect("scaled").wanted, 5);
    assert_eq!(busy.writes().len(), 3);
    let busier = server(|_, _| Some((429, "Retry-After: 0\r\n", "{}".to_owned())));
    scale_to_five(&busier, flags(DryRun::None)).expect_err("still busy");
    assert_eq!(busier.writes().len(), 3);
    let patient = server(|_, _| Some((429, "Retry-After: 3600\r\n", "{}".to_owned())));
    scale_to_five(&patient, flags(DryRun::None)).expect_err("not now");
    assert_eq!(patient.writes().len(), 1);
}

#[test]
fn an_answer_that_is_lost_is_told_as_doubt() {
    for answer in [None, Some((200, "X-Cut: cut\r\n", SCALE.to_owned())), ok("<html>"), ok("")] {
        let script = answer.clone();
        let server = server(move |_, _| script.clone());
        let error = scale_to_five(&server, flags(DryRun::None)).expect_err("an error");
        assert!(matches!(error, ClusterError::InDoubt(_)), "{answer:?}: {error}");
        assert!(error.hints()[0].contains("before you try again"), "{:?}", error.hints());
        assert_eq!(server.writes().len(), 1);
    }
}

#[test]
fn conflicts_name_who_and_what() {
    let server = server(|asked, _| {
        Some((409, "", if asked.path.contains("force=") { FIELD_CONFLICT } else { CONFLICT }.to_owned()))
    });
    let error = scale_to_five(&server, flags(DryRun::None)).expect_err("a conflict");
    assert!(matches!(&error, ClusterError::Conflict { fields, .. } if fields.is_empty()), "{error}");
    // The goal was not reached, and why is known.
    assert_eq!(Failure::from(error).exit, Exit::Findings);
    let error = on(&server, async |connection| {
        let token = agreed(flags(DryRun::None)).await.expect("agreed");
        let manager = FieldManager::new("mlops").expect("a name");
        Writer::new(connection, &token, &manager).apply(&web(), &json!({}), false).await.expect_err("a conflict")
    });
    let ClusterError::Conflict { fields, .. } = error else { panic!("{error}") };
    assert_eq!(
        (fields[0].manager.as_str(), fields[0].field.as_str()),
        ("kustomize-controller using apps/v1", ".spec.replicas")
    );
}

#[test]
fn what_was_read_without_a_version_is_not_written() {
    let server = server(|_, _| ok("{}"));
    on(&server, async |connection| {
        let token = agreed(flags(DryRun::None)).await.expect("agreed");
        let manager = FieldManager::new("mlops").expect("a name");
        let writer = Writer::new(connection, &token, &manager);
        assert!(writer.replace(&web(), &json!({"metadata": {"name": "web"}})).await.is_err());
        assert!(writer.delete(&web(), "", Propagation::Orphan).await.is_err());
    });
    assert!(server.writes().is_empty(), "{:?}", server.writes());
}
