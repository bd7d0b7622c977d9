//! Edits: one value changes, and every other byte stays.

use super::*;
use crate::object::ObjectRef;
use crate::ownership::FieldPath;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;

/// The file of `text` with the replicas of the Deployment web set.
fn edited(text: &str, value: Value) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yaml"), text).expect("written");
    let tree = Tree::read(folder.path()).expect("read");
    let (object, path) =
        (ObjectRef::new("apps", "Deployment", "shop", "web"), FieldPath::parse(".spec.replicas").expect("a path"));
    let found =
        locate(&tree, Target { object: &object, path: &path }, Root::Everything).map_err(|error| error.to_string())?;
    let edit = Edit::plan(&tree, &found.place, &value).map_err(|error| error.to_string())?;
    edit.write(folder.path()).map_err(|error| error.to_string())?;
    Ok(fs::read_to_string(folder.path().join("a.yaml")).expect("read"))
}

const HEAD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n";

#[test]
fn only_the_value_changes() {
    for (before, after) in [
        ("spec:\n  replicas: 3 # three\n  x: 1\n", "spec:\n  replicas: 15 # three\n  x: 1\n"),
        ("spec:\r\n  replicas: 3\r\n  # é 🦀\r\n", "spec:\r\n  replicas: 15\r\n  # é 🦀\r\n"),
        ("spec: {a: [1, 2], replicas: 3} # f", "spec: {a: [1, 2], replicas: 15} # f"),
        ("spec:\n  replicas:   \"3\"   # q\n", "spec:\n  replicas:   \"15\"   # q\n"),
        ("spec:\n  replicas: '3'", "spec:\n  replicas: '15'"),
        ("spec:\n  ? replicas\n  : 3 # c\n", "spec:\n  ? replicas\n  : 15 # c\n"),
        ("spec:\n  replicas:\n    3\n", "spec:\n  replicas:\n    15\n"),
        (
            "spec: {replicas: 3}\n---\n# only a comment\n---\na: 1\n...\n",
            "spec: {replicas: 15}\n---\n# only a comment\n---\na: 1\n...\n",
        ),
        ("spec: {replicas: 0x3}\n", "spec: {replicas: 15}\n"),
        ("spec:\n\treplicas: 3\n", ""),
    ] {
        let text = |rest: &str| format!("{HEAD}{rest}");
        if after.is_empty() {
            edited(&text(before), json!(15)).expect_err("no YAML");
        } else {
            assert_eq!(edited(&text(before), json!(15)).as_deref(), Ok(text(after).as_str()));
            let marked = format!("\u{feff}{}", text(before));
            assert_eq!(edited(&marked, json!(15)), Ok(format!("\u{feff}{}", text(after))), "with a byte order mark");
        }
    }
    let compact = "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"},\"spec\":{\"replicas\":3}}";
    assert_eq!(edited(compact, json!(0)), Ok(compact.replace("3", "0")));
    // A document before it that is empty, or only a comment.
    let late = format!("# head\n---\n{HEAD}spec: {{replicas: 3}}\n");
    assert_eq!(edited(&late, json!(4)), Ok(late.replace("s: 3", "s: 4")));
    let empty = format!("---\n---\n{late}");
    assert_eq!(edited(&empty, json!(4)), Ok(empty.replace("s: 3", "s: 4")));
}

#[test]
fn an_inline_patch_is_edited_where_it_stands() {
    let text = "# resources\nresources: [a.yaml]\npatches:\n  - target: {kind: Deployment}\n    patch: |-\n      - op: replace # é\n        path: /spec/replicas\n\n        value: 3 # was 2\nnamespace: shop\n";
    let folder = tempfile::tempdir().expect("a folder");
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        fs::write(folder.path().join("kustomization.yaml"), &text).expect("written");
        fs::write(folder.path().join("a.yaml"), format!("{HEAD}spec: {{}}\n")).expect("written");
        let tree = Tree::read(folder.path()).expect("read");
        let (object, path) =
            (ObjectRef::new("apps", "Deployment", "shop", "web"), FieldPath::parse(".spec.replicas").expect("a path"));
        let found = locate(&tree, Target { object: &object, path: &path }, Root::Everything).expect("found");
        let edit = Edit::plan(&tree, &found.place, &json!(12)).expect("an edit");
        assert_eq!((edit.line, edit.after.as_str()), (9, "value: 12 # was 2"));
        edit.write(folder.path()).expect("written");
        let after = fs::read_to_string(folder.path().join("kustomization.yaml")).expect("read");
        assert_eq!(after, text.replace("value: 3", "value: 12"));
    }
}

#[test]
fn values_keep_their_kind() {
    let quoted = |value: Value| edited(&format!("{HEAD}spec: {{replicas: \"3\"}}\n"), value);
    assert_eq!(quoted(json!("a\"b")), Ok(format!("{HEAD}spec: {{replicas: \"a\\\"b\"}}\n")));
    let plain = |value: Value| edited(&format!("{HEAD}spec: {{replicas: a}}\n"), value);
    assert_eq!(plain(json!("1.2.3")), Ok(format!("{HEAD}spec: {{replicas: 1.2.3}}\n")));
    for odd in ["1.10", "yes: no", "true", "a # b", "[a", "null", "", "y"] {
        let text = plain(json!(odd)).expect(odd);
        let read: Value = serde_saphyr::from_str(&text).expect(odd);
        assert!(odd != "y" || text.contains("\"y\""), "older parsers read y as true: {text}");
        assert_eq!(read["spec"]["replicas"], json!(odd), "{text}");
    }
    assert!(plain(json!("a\nb")).is_err() && plain(json!({})).is_err());
}

#[cfg(unix)]
#[test]
fn writing_keeps_the_mode_and_leaves_what_changed_meanwhile() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in/a.yaml");
    fs::create_dir(folder.path().join("in")).expect("made");
    fs::write(&path, format!("{HEAD}spec: {{replicas: 3}}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    let tree = Tree::read(folder.path()).expect("read");
    let (object, field) =
        (ObjectRef::new("apps", "Deployment", "shop", "web"), FieldPath::parse(".spec.replicas").expect("a path"));
    let found = locate(&tree, Target { object: &object, path: &field }, Root::Everything).expect("found");
    let edit = Edit::plan(&tree, &found.place, &json!(4)).expect("an edit");
    edit.write(folder.path()).expect("written");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o755);
    let error = edit.write(folder.path()).expect_err("changed");
    assert!(error.to_string().contains("changed since"), "{error}");
    assert_eq!(fs::read_dir(folder.path().join("in")).expect("listed").count(), 1, "nothing is left aside");
    // The folder becomes a link that leads out of the tree.
    let out = tempfile::tempdir().expect("a folder");
    fs::write(out.path().join("a.yaml"), format!("{HEAD}spec: {{replicas: 3}}\n")).expect("written");
    fs::remove_dir_all(folder.path().join("in")).expect("removed");
    std::os::unix::fs::symlink(out.path(), folder.path().join("in")).expect("linked");
    let error = edit.write(folder.path()).expect_err("a link");
    assert!(error.to_string().contains("symbolic link"), "{error}");
}

/// Lines between which the field stands, as people write them.
fn lines() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("# a comment".to_owned()),
        Just(String::new()),
        Just("  # é: [".to_owned()),
        "  [a-c]{1,3}x[0-9]{1,3}: [0-9a-z]{1,4}",
        "  q[0-9]{1,4}: \"[a-z: #]{0,5}\"( # end)?",
        Just("  list:\n  - a\n  -   b # x".to_owned()),
        Just("  text: |\n    replicas: 1\n\n      deeper".to_owned()),
    ]
}

proptest! {
    #[test]
    fn every_other_byte_stays(
        before in prop::collection::vec(lines(), 0..5), after in prop::collection::vec(lines(), 0..5),
        old in 0u32..2000, new in 0u32..2000, crlf: bool, tail: bool, mark: bool, quote: bool,
    ) {
        let value = |count: u32| if quote { format!("\"{count}\"") } else { count.to_string() };
        let text = |count: u32| {
            let mut text = format!("{HEAD}spec:\n{}\n  replicas: {}  # here\n{}", before.join("\n"), value(count), after.join("\n"));
            if tail { text.push_str("\n---\nkind: Other\n") }
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            if mark { format!("\u{feff}{text}") } else { text }
        };
        // Two fields of one name are refused, and rightly so.
        match edited(&text(old), json!(new)) {
            Ok(edited) => prop_assert_eq!(edited, text(new)),
            Err(error) => prop_assert!(error.contains("twice"), "{}", error),
        }
    }

    #[test]
    fn no_text_panics(text in "[a-b:\\-\\[\\]{}|>&*!#'\" \n\t\r]{0,60}") {
        let _ = edited(&format!("{HEAD}spec:\n  replicas: 3\n{text}"), json!(4));
        let _ = edited(&text, json!(4));
    }
}
