//! What brings an object from Git: its Kustomization, the source of that, and a HelmRelease between them.

use crate::read::Seen;
use mlops_shared::cluster::{self, ClusterError, Connection, Place, Resources};
use mlops_shared::object::{Object, ObjectRef};
use mlops_shared::ownership::{Manager, Managers};
use serde_json::{Value, json};

const SOURCES: &str = "source.toolkit.fluxcd.io";

/// The way of an object from Git.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) kustomization: Part,
    pub(crate) source: Part,
    /// The HelmRelease whose chart makes the object.
    pub(crate) release: Option<Part>,
}

/// One object on the way.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) object: ObjectRef,
    pub(crate) json: Value,
    /// Where it is, in a live cluster.
    pub(crate) place: Option<Place>,
}

/// Finds the way, in what was read; of a live cluster the parts are read as a whole.
///
/// # Errors
/// When there is none, or a part of it cannot be read: why, a lower-case fragment.
pub(crate) async fn read(connection: Option<&Connection>, seen: &Seen) -> Result<Origin, String> {
    let object = seen.record().ok_or("it was not read")?;
    let chain = Managers::new(&seen.inventory).of(object);
    let link = |manager: Manager| chain.links.iter().find(|link| link.manager == manager);
    let by = link(Manager::Kustomization).ok_or("no Kustomization applies it from Git")?.object.clone();
    let resources = match connection {
        Some(connection) => Some(cluster::resources(connection).await.map_err(|error| error.to_string())?),
        None => None,
    };
    let live = connection.zip(resources.as_ref());
    let kustomization = part(live, seen, by).await?;
    let text = |pointer: &str| kustomization.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = text("/spec/sourceRef/kind");
    if kind != "GitRepository" {
        return Err(format!("{} applies a {kind}, not a GitRepository", kustomization.object));
    }
    let namespace = match text("/spec/sourceRef/namespace") {
        "" => &*kustomization.object.namespace,
        namespace => namespace,
    };
    let source = ObjectRef::new(SOURCES, kind, namespace, text("/spec/sourceRef/name"));
    let source = part(live, seen, source).await?;
    let release = match link(Manager::HelmRelease) {
        Some(link) => Some(part(live, seen, link.object.clone()).await?),
        None => None,
    };
    Ok(Origin { kustomization, source, release })
}

async fn part(live: Option<(&Connection, &Resources)>, seen: &Seen, object: ObjectRef) -> Result<Part, String> {
    let Some((connection, resources)) = live else {
        let record = seen.inventory.find(&object).found();
        let json = record.and_then(of_record).ok_or_else(|| format!("{object} is not in the files"))?;
        return Ok(Part { object, json, place: None });
    };
    let resource = resources.of_kind(&object.group, &object.kind);
    let resource = resource.ok_or_else(|| format!("the server does not have the kind of {object}"))?;
    let place = resource.at(&object.namespace, &object.name);
    match cluster::object(connection, &place).await {
        Ok(json) => Ok(Part { object, json, place: Some(place) }),
        Err(ClusterError::NotFound) => Err(format!("{object} is gone")),
        Err(error) => Err(format!("{object} was not read: {error}")),
    }
}

/// A record as JSON, as far as it was kept.
fn of_record(object: &Object) -> Option<Value> {
    let (custom, meta) = (object.custom()?, &object.meta);
    let metadata = json!({"name": &*meta.name, "namespace": &*meta.namespace});
    Some(json!({"metadata": metadata, "spec": custom.spec, "status": custom.status}))
}

impl Origin {
    /// The branch that Flux follows.
    ///
    /// # Errors
    /// When it follows something else: what, a lower-case fragment.
    pub(crate) fn branch(&self) -> Result<String, String> {
        let reference = self.source.json.pointer("/spec/ref");
        let word = |key: &str| reference.and_then(|it| it.get(key)?.as_str()).filter(|word| !word.is_empty());
        // source-controller: a commit comes before a name, before a version, before a tag, before a branch.
        for key in ["commit", "name", "semver", "tag"] {
            let Some(value) = word(key) else { continue };
            match value.strip_prefix("refs/heads/") {
                Some(branch) if key == "name" => return Ok(branch.to_owned()),
                _ => return Err(format!("{} follows {key} {value}, so a commit does not arrive", self.source.object)),
            }
        }
        // Flux's default.
        Ok(word("branch").unwrap_or("master").to_owned())
    }

    /// The address that Flux fetches from.
    pub(crate) fn url(&self) -> Option<&str> {
        self.source.json.pointer("/spec/url")?.as_str()
    }

    /// The spec of the Kustomization.
    pub(crate) fn spec(&self) -> &Value {
        self.kustomization.json.get("spec").unwrap_or(&Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_arrives_only_where_a_branch_is_followed() {
        let branch = |reference: Value| {
            let part =
                |json| Part { object: ObjectRef::new(SOURCES, "GitRepository", "a", "infra"), json, place: None };
            let source = part(json!({"spec": {"ref": reference, "url": "https://example.com/x"}}));
            Origin { kustomization: part(Value::Null), source, release: None }.branch()
        };
        assert_eq!(branch(json!({"branch": "prod"})).as_deref(), Ok("prod"));
        assert_eq!(branch(json!({"name": "refs/heads/prod"})).as_deref(), Ok("prod"));
        assert_eq!(branch(Value::Null).as_deref(), Ok("master"));
        for other in [
            json!({"tag": "v1"}),
            json!({"semver": ">=1"}),
            json!({"branch": "main", "commit": "ab"}),
            json!({"name": "refs/tags/v1"}),
        ] {
            assert!(branch(other.clone()).is_err_and(|why| why.contains("does not arrive")), "{other}");
        }
    }
}
