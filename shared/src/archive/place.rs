//! Where an object stands in an archive: `objects/GROUP/RESOURCE/NAMESPACE/NAME.json`.

use std::fmt::Write as _;

/// The folder of the core group. No other group is called so: groups of definitions have a dot in their name.
const CORE: &str = "core";
/// The folder of objects without a namespace. No name is encoded so.
const CLUSTER: &str = "_cluster";

/// Where an object stands. Its path and this are the same thing in two forms: every place has one path, and a path that
/// no place has is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// API group; empty for the core group.
    pub group: String,
    /// Plural name, as in the API's paths.
    pub resource: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Place {
    /// The path. Whatever is no letter, digit, `-` or `.` is percent-encoded, and so is a dot where a part is nothing
    /// but dots: no path leads out of its folder, and no two places have the same.
    pub fn path(&self) -> String {
        let parts = [&self.group, &self.resource, &self.namespace, &self.name];
        let mut path = String::with_capacity(parts.iter().map(|part| part.len()).sum::<usize>() + 32);
        path.push_str("objects/");
        match self.group.as_str() {
            "" => path.push_str(CORE),
            group => encode(&mut path, group),
        }
        path.push('/');
        encode(&mut path, &self.resource);
        path.push('/');
        match self.namespace.as_str() {
            "" => path.push_str(CLUSTER),
            namespace => encode(&mut path, namespace),
        }
        path.push('/');
        encode(&mut path, &self.name);
        path.push_str(".json");
        path
    }

    /// The place that a path names; `None` where it is not exactly what [`Place::path`] would write.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("objects/")?.strip_suffix(".json")?.split('/');
        let (group, resource, namespace, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let place = Self {
            group: if group == CORE { String::new() } else { decode(group)? },
            resource: decode(resource)?,
            namespace: if namespace == CLUSTER { String::new() } else { decode(namespace)? },
            name: decode(name)?,
        };
        (parts.next().is_none() && place.path() == path).then_some(place)
    }
}

fn encode(out: &mut String, part: &str) {
    let is_dots = part.bytes().all(|byte| byte == b'.');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && !is_dots);
    // Nearly all names are.
    if part.bytes().all(is_plain) {
        return out.push_str(part);
    }
    for byte in part.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn decode(part: &str) -> Option<String> {
    if !part.contains('%') {
        return Some(part.to_owned());
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(more.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = more.get(2..)?;
        } else {
            bytes.push(first);
            rest = more;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(parts: [&str; 4]) -> Place {
        let [group, resource, namespace, name] = parts.map(str::to_owned);
        Place { group, resource, namespace, name }
    }

    #[test]
    fn paths_are_plain_where_names_are() {
        for (parts, path) in [
            (["", "pods", "data-plane", "kafka-0"], "objects/core/pods/data-plane/kafka-0.json"),
            (
                ["rbac.authorization.k8s.io", "clusterroles", "", "system:node"],
                "objects/rbac.authorization.k8s.io/clusterroles/_cluster/system%3Anode.json",
            ),
            (["", "secrets", "_cluster", ".."], "objects/core/secrets/%5Fcluster/%2E%2E.json"),
        ] {
            assert_eq!(place(parts).path(), path);
            assert_eq!(Place::parse(path), Some(place(parts)));
        }
    }

    #[test]
    fn what_no_place_writes_is_no_path() {
        for path in [
            "objects/core/pods/a/../../etc/passwd.json",
            "../objects/core/pods/a/b.json",
            "/objects/core/pods/a/b.json",
            "objects/core/pods/a/...json",
            "objects/core/pods/a/b",
            "objects/core/pods/a/b.json.json/c.json",
            "objects/core/pods/b.json",
            "objects/core/pods/a/%2e%2E.json",
            "objects/core/pods/a/b_c.json",
            "objects/core/pods/a/%.json",
            "manifest.json",
            "",
        ] {
            assert_eq!(Place::parse(path).map(|place| place.path()), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn every_place_has_its_path(parts in prop::array::uniform4("[^/]{0,12}|_cluster|core|\\.\\.")) {
            prop_assume!(parts[0] != CORE && !parts[3].is_empty());
            let [group, resource, namespace, name] = parts;
            let place = Place { group, resource, namespace, name };
            let path = place.path();
            prop_assert_eq!(Place::parse(&path), Some(place));
        }
    }
}
