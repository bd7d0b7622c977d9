//! What becomes of each object, by what the archive and the cluster say.

use super::fields::Context;
use super::head::Head;
use super::plan::*;
use mlops_shared::archive::{Class, Digest, Entry, Place};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SERVED: &[(&str, &str)] =
    &[("", "Namespace"), ("", "Secret"), ("", "ConfigMap"), ("apps", "Deployment"), ("apps", "ReplicaSet")];

fn head_as(class: Class, resource: &str, object: &Value) -> Head {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let group = text("/apiVersion").split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
    let place = Place {
        group,
        resource: resource.to_owned(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
    };
    Head::new(&Entry { path: place.path().into(), digest: Digest::of(b""), bytes: 0, class }, object)
}

fn namespace(name: &str) -> Head {
    let object =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": format!("ns-{name}")}});
    head_as(Class::Nobody, "namespaces", &object)
}

fn secret(name: &str, class: Class) -> Head {
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "a", "uid": format!("s-{name}")}});
    head_as(class, "secrets", &object)
}

fn live(uid: &str, digest: &[u8]) -> Live {
    Live {
        uid: uid.to_owned(),
        digest: Digest::of(digest),
        api_version: "v1".to_owned(),
        is_deleting: false,
        claim: None,
    }
}

/// A cluster with namespace `a`, and a wish for all of these.
fn setting(heads: &[Head]) -> (Cluster, Wish) {
    let served: BTreeSet<(String, String)> =
        SERVED.iter().map(|(group, kind)| ((*group).to_owned(), (*kind).to_owned())).collect();
    let mut cluster = Cluster { served, ..Cluster::default() };
    cluster.objects.insert(namespace("a").path, live("ns", b"other"));
    let wish = Wish {
        selected: heads.iter().map(|head| head.path.clone()).collect(),
        digests: heads.iter().map(|head| (head.path.clone(), Digest::of(b"same"))).collect(),
        ..Wish::default()
    };
    (cluster, wish)
}

fn only(heads: &[Head], change: impl FnOnce(&mut Cluster, &mut Wish)) -> Item {
    let (mut cluster, mut wish) = setting(heads);
    change(&mut cluster, &mut wish);
    let items = decide(heads, &cluster, &wish);
    items.into_iter().find(|item| item.head == 0).expect("an item")
}

#[test]
fn what_is_there_meets_the_policy() {
    let heads = [secret("db", Class::Nobody)];
    let with = |found: Live, existing: Existing| {
        only(&heads, |cluster, wish| {
            cluster.objects.insert(heads[0].path.clone(), found);
            wish.existing = existing;
        })
        .action
    };
    assert_eq!(only(&heads, |_, _| {}).action, Action::Create);
    assert_eq!(with(live("u", b"same"), Existing::Replace), Action::Equal);
    assert_eq!(with(live("u", b"other"), Existing::Skip), Action::Differs);
    assert_eq!(with(live("u", b"other"), Existing::Fail), Action::Differs);
    assert_eq!(with(live("u", b"other"), Existing::Update), Action::Update);
    assert_eq!(with(live("u", b"other"), Existing::Replace), Action::Replace);
    // Which of those the API server would refuse is asked later.
    assert_eq!(with(live("u", b"other"), Existing::Recreate), Action::Replace);
    assert_eq!(with(Live { is_deleting: true, ..live("u", b"same") }, Existing::Skip), Action::Blocked);
}

#[test]
fn what_others_make_is_left_to_them() {
    let git = secret("db", Class::Git);
    let item = only(std::slice::from_ref(&git), |_, _| {});
    assert_eq!((item.action, item.why.as_str()), (Action::LeftToGit, "Git makes it"));
    let included = only(std::slice::from_ref(&git), |_, wish| wish.with_managed = true);
    assert_eq!(included.action, Action::Create);
    let of_release = |name: &str| {
        head_as(
            Class::Helm,
            "configmaps",
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "a",
            "annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "a"}}}),
        )
    };
    let helm_release = head_as(
        Class::Nobody,
        "helmreleases",
        &json!({"apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease", "metadata": {"name": "web", "namespace": "a"}}),
    );
    assert_eq!(only(&[of_release("web"), helm_release.clone()], |_, _| {}).action, Action::LeftToGit);
    // Nobody runs `helm install` again by itself.
    assert_eq!(only(&[of_release("by-hand"), helm_release], |_, _| {}).action, Action::Create);
}

#[test]
fn what_a_controller_makes_is_left_to_it_but_for_data_that_it_would_make_anew() {
    let owner = head_as(
        Class::Nobody,
        "deployments",
        &json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "a", "uid": "d"}}),
    );
    let owned = |kind: &str, resource: &str, is_controller: bool| {
        head_as(
            Class::Controller,
            resource,
            &json!({"apiVersion": if kind == "ReplicaSet" { "apps/v1" } else { "v1" }, "kind": kind,
            "metadata": {"name": "x", "namespace": "a", "uid": "x", "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": is_controller}]}}),
        )
    };
    for (kind, resource, is_controller, action) in [
        ("ReplicaSet", "replicasets", true, Action::LeftToController),
        ("ReplicaSet", "replicasets", false, Action::LeftToController),
        ("Secret", "secrets", true, Action::LeftToController),
        ("Secret", "secrets", false, Action::Create),
        ("ConfigMap", "configmaps", false, Action::Create),
    ] {
        let item = only(&[owned(kind, resource, is_controller), owner.clone()], |_, _| {});
        assert_eq!(item.action, action, "{kind} {is_controller}: {}", item.why);
    }
    let deleted = head_as(
        Class::Nobody,
        "secrets",
        &json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "x", "namespace": "a", "deletionTimestamp": "t"}}),
    );
    assert_eq!(only(&[deleted], |_, _| {}).action, Action::Never);
    let hollow = head_as(
        Class::Nobody,
        "secrets",
        &json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "x", "namespace": "a"}, "mlopsValues": {}}),
    );
    let item = only(&[hollow], |_, _| {});
    assert!(item.action == Action::Blocked && !item.is_unsure && item.why.contains("--secrets=names"), "{}", item.why);
}

#[test]
fn what_is_needed_comes_along_and_what_is_missing_blocks() {
    let item = |change: &dyn Fn(&mut Cluster, &mut Wish)| {
        let heads = [secret("db", Class::Nobody), namespace("a")];
        let (mut cluster, mut wish) = setting(&heads);
        cluster.objects.clear();
        change(&mut cluster, &mut wish);
        decide(&heads, &cluster, &wish)
    };
    // A namespace that was not asked for is made for what is in it, and before it.
    let items = item(&|_, wish| {
        wish.selected.remove(&namespace("a").path);
    });
    let actions: Vec<_> = items.iter().map(|item| (item.head, item.action)).collect();
    assert_eq!(actions, [(1, Action::Create), (0, Action::Create)]);
    let terminating = Live { is_deleting: true, ..live("ns", b"other") };
    let items = item(&|cluster, _| drop(cluster.objects.insert(namespace("a").path, terminating.clone())));
    assert!(items.iter().all(|item| item.action == Action::Blocked), "{items:?}");
    let unread = item(&|cluster, _| {
        drop(cluster.unread.insert((String::new(), "secrets".to_owned()), "forbidden".to_owned()));
    });
    let blocked = unread.iter().find(|item| item.head == 0).expect("an item");
    assert!(blocked.action == Action::Blocked && blocked.is_unsure, "{blocked:?}");
    let alone = [secret("db", Class::Nobody)];
    let item = only(&alone, |cluster, _| cluster.objects.clear());
    assert!(item.action == Action::Blocked && item.why.contains("kubectl create namespace a"), "{}", item.why);
}

#[test]
fn a_kind_that_is_not_served_needs_its_definition() {
    let custom = head_as(
        Class::Nobody,
        "things",
        &json!({"apiVersion": "example.com/v1", "kind": "Thing",
        "metadata": {"name": "t", "namespace": "a"}}),
    );
    let definition = head_as(
        Class::Git,
        "customresourcedefinitions",
        &json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "names": {"kind": "Thing"}}}),
    );
    let serve = |cluster: &mut Cluster| {
        cluster.served.insert(("apiextensions.k8s.io".to_owned(), "CustomResourceDefinition".to_owned()));
    };
    let item = only(std::slice::from_ref(&custom), |cluster, _| serve(cluster));
    assert!(item.action == Action::Blocked && item.why.contains("does not serve Thing.example.com"), "{}", item.why);
    let item = only(std::slice::from_ref(&custom), |cluster, _| {
        drop(cluster.unanswered.insert("example.com".to_owned(), "down".to_owned()));
    });
    assert!(item.action == Action::Blocked && item.is_unsure, "{}", item.why);
    // Git makes the definition too, and the object needs it now.
    let heads = [custom, definition];
    let (mut cluster, wish) = setting(&heads);
    serve(&mut cluster);
    let items = decide(&heads, &cluster, &wish);
    assert!(items.iter().all(|item| item.action == Action::Create) && items[0].head == 1, "{items:?}");
}

#[test]
fn an_earlier_run_is_gone_on_with() {
    let heads = [secret("db", Class::Nobody)];
    let with = |begun: Option<&str>, found: Live| {
        only(&heads, |cluster, wish| {
            cluster.objects.insert(heads[0].path.clone(), found);
            wish.begun.insert(heads[0].path.clone(), begun.map(str::to_owned));
        })
        .action
    };
    assert_eq!(with(Some("u"), live("u", b"other")), Action::Finish);
    assert_eq!(with(Some("u"), live("another", b"other")), Action::Differs);
    assert_eq!(with(None, live("u", b"same")), Action::Finish);
    assert_eq!(with(None, live("u", b"other")), Action::Differs);
    // Deleted to be made anew, and the run ended in between.
    let after = |found: Option<Live>| {
        only(&heads, |cluster, wish| {
            found.into_iter().for_each(|found| drop(cluster.objects.insert(heads[0].path.clone(), found)));
            wish.deleted.insert(heads[0].path.clone(), "old".to_owned());
        })
    };
    let gone = after(None);
    assert!(gone.action == Action::Create && gone.why.contains("deleted it to make it anew"), "{}", gone.why);
    let going = |uid: &str| Some(Live { is_deleting: true, ..live(uid, b"other") });
    assert_eq!(after(going("old")).action, Action::Recreate);
    assert_eq!(after(going("another")).action, Action::Blocked);
    assert_eq!(after(Some(live("another", b"other"))).action, Action::Differs);
}

#[test]
fn a_kafka_that_an_earlier_run_was_about_to_make_is_finished_only_if_it_is_that_one() {
    let object = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": "k", "namespace": "a", "uid": "k"}});
    let heads = [head_as(Class::Nobody, "kafkas", &object)];
    let with = |digest: &[u8]| {
        only(&heads, |cluster, wish| {
            cluster.served.insert(("kafka.strimzi.io".to_owned(), "Kafka".to_owned()));
            cluster.objects.insert(heads[0].path.clone(), live("u", digest));
            wish.begun.insert(heads[0].path.clone(), None);
            wish.held.insert(heads[0].path.clone(), Digest::of(b"held"));
        })
        .action
    };
    assert_eq!(with(b"held"), Action::Finish);
    assert_eq!(with(b"of somebody else"), Action::Differs);
}

#[test]
fn a_kept_volume_is_bound_again() {
    let volume = head_as(
        Class::Nobody,
        "persistentvolumes",
        &json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk", "uid": "v"},
        "spec": {"persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "a", "name": "data", "uid": "old"}}}),
    );
    let claim = head_as(
        Class::Nobody,
        "persistentvolumeclaims",
        &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "a", "uid": "old"}, "spec": {"volumeName": "disk"}}),
    );
    let heads = [volume, claim];
    // What becomes of the volume, which the command line does not ask for, and of its claim.
    let with = |there: Option<&str>, claimed: Option<Live>| {
        let (mut cluster, mut wish) = setting(&heads);
        for kind in ["PersistentVolume", "PersistentVolumeClaim"] {
            cluster.served.insert((String::new(), kind.to_owned()));
        }
        wish.selected.remove(&heads[0].path);
        wish.context = Context { volumes: ["disk".to_owned()].into(), ..Context::default() };
        if let Some(uid) = there {
            let claim = ["a", "data", uid].map(str::to_owned);
            cluster.objects.insert(heads[0].path.clone(), Live { claim: Some(claim), ..live("v", b"same") });
        }
        if let Some(claimed) = claimed {
            cluster.objects.insert(heads[1].path.clone(), claimed);
        }
        let items = decide(&heads, &cluster, &wish);
        let of = |head: usize| items.iter().find(|item| item.head == head).map(|item| item.action);
        (of(0), of(1))
    };
    let (create, rebind, equal) = (Some(Action::Create), Some(Action::Rebind), Some(Action::Equal));
    assert_eq!(with(None, None), (create, create));
    assert_eq!(with(Some("old"), None), (rebind, create));
    // Nobody's, or bound to the claim that is there.
    assert_eq!(with(Some(""), None), (None, create));
    assert_eq!(with(Some("new"), Some(live("new", b"same"))), (None, equal));
    // An earlier run made the claim, which waits for its volume.
    assert_eq!(with(Some("old"), Some(live("new", b"same"))), (rebind, equal));
    let other = Live { claim: Some(["a", "else", "old"].map(str::to_owned)), ..live("v", b"same") };
    let item = only(&heads, |cluster, wish| {
        for kind in ["PersistentVolume", "PersistentVolumeClaim"] {
            cluster.served.insert((String::new(), kind.to_owned()));
        }
        wish.context = Context { volumes: ["disk".to_owned()].into(), ..Context::default() };
        cluster.objects.insert(heads[0].path.clone(), other);
    });
    assert_eq!(item.action, Action::Equal, "it is of another claim");
}

#[test]
fn accounts_with_settings_records_and_versions() {
    let account = |metadata: Value| {
        head_as(
            Class::Controller,
            "serviceaccounts",
            &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        )
    };
    let plain = account(json!({"name": "default", "namespace": "a"}));
    let set_up = account(json!({"name": "default", "namespace": "a", "annotations": {"role": "r"}}));
    let with = |head: Head, found: Option<Live>| {
        only(std::slice::from_ref(&head), |cluster, _| {
            cluster.served.insert((String::new(), "ServiceAccount".to_owned()));
            found.into_iter().for_each(|found| drop(cluster.objects.insert(head.path.clone(), found)));
        })
        .action
    };
    assert_eq!(with(plain, None), Action::LeftToController);
    assert_eq!(with(set_up.clone(), None), Action::Update, "its controller may make it at any moment");
    assert_eq!(with(set_up.clone(), Some(live("u", b"same"))), Action::Equal);
    assert_eq!(with(set_up, Some(live("u", b"other"))), Action::Differs);

    let mut record = secret("sh.helm.release.v1.web.v3", Class::Nobody);
    let mapped =
        |_: &mut Cluster, wish: &mut Wish| drop(wish.context.namespaces.insert("a".to_owned(), "b".to_owned()));
    assert_eq!(only(std::slice::from_ref(&record), mapped).action, Action::Never);
    assert_eq!(only(std::slice::from_ref(&record), |_, _| {}).action, Action::Create);

    record.api_version = "v0".to_owned();
    let item = only(std::slice::from_ref(&record), |cluster, _| {
        cluster.outdated.insert((String::new(), "Secret".to_owned(), "v0".to_owned()), "v1".to_owned());
    });
    assert!(item.action == Action::Blocked && item.why.contains("serves Secret as v1"), "{}", item.why);
}

#[test]
fn owners_come_first_and_names_of_namespaces_change() {
    let object = |name: &str, owner: Option<&str>| {
        let owners: Vec<Value> = owner
            .iter()
            .map(|owner| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": format!("u-{owner}")}))
            .collect();
        head_as(
            Class::Nobody,
            "configmaps",
            &json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "a", "uid": format!("u-{name}"), "ownerReferences": owners}}),
        )
    };
    let heads = [object("a", Some("b")), object("b", Some("c")), object("c", None), object("loop", Some("loop"))];
    let (cluster, mut wish) = setting(&heads);
    let order: Vec<usize> = decide(&heads, &cluster, &wish).iter().map(|item| item.head).collect();
    assert_eq!(order, [2, 3, 1, 0]);
    wish.context = Context { namespaces: [("a".to_owned(), "b".to_owned())].into(), ..Context::default() };
    let items = decide(&heads, &cluster, &wish);
    assert!(items.iter().all(|item| item.target.namespace == "b" && item.action == Action::Blocked), "{items:?}");
}
