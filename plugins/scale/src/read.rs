//! What a plan needs, read from a cluster or from files.

use crate::settings::Ask;
use crate::settings::Name;
use crate::situation::Replicas;
use crate::targets::{OWNERSHIP, ROOM, kafka, target_of};
use mlops_shared::cli::Failure;
use mlops_shared::cluster::{self, ClusterError, Connection, Place, Plan, Resource, Resources, Scale};
use mlops_shared::object::{
    Decoded, Inventory, InventoryBuilder, Object, ObjectRef, Scope, TypeMeta, decode_kept, decode_object, decode_typed,
};
use mlops_shared::ownership::{FieldPath, Managers};
use mlops_shared::report::View;
use mlops_shared::source::{Limits, Origin, gather};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// The kinds around the object may take so long.
const BUDGET: Duration = Duration::from_secs(60);
/// Owners of owners; references cannot loop on a server, but they are untrusted.
const OWNERS: usize = 6;
/// The field of built-in kinds.
const REPLICAS: &str = ".spec.replicas";

/// All that was read.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) inventory: Inventory,
    pub(crate) object: ObjectRef,
    pub(crate) json: Value,
    pub(crate) replicas: Replicas,
    pub(crate) path: Result<FieldPath, String>,
    /// `deployments.apps`
    pub(crate) resource: String,
    pub(crate) view: View,
    /// Said on standard error.
    pub(crate) warnings: Vec<String>,
    /// Part of the plan.
    pub(crate) notes: Vec<String>,
    /// What was broken among files: with any of these nothing is certain.
    pub(crate) gaps: Vec<String>,
    /// Where it is, in a live cluster.
    pub(crate) place: Option<Place>,
    /// What deploys it, in a live cluster.
    pub(crate) owner: Option<(Place, Value)>,
    /// What the server says of its pools, where it was asked.
    pub(crate) server: Option<Result<Value, String>>,
}

impl Seen {
    /// The object's record.
    pub(crate) fn record(&self) -> Option<&Object> {
        self.inventory.find(&self.object).found()
    }
}

/// What a name leads to: of a Kafka cluster with one pool of brokers that pool.
///
/// # Errors
/// When there are several, or none that can be scaled.
async fn led(connection: &Connection, resources: &Resources, found: (Place, Value)) -> Result<(Place, Value), Failure> {
    let (place, json) = found;
    if !kafka::is_cluster(&place.resource.group, &place.resource.kind) || kafka::has_own_brokers(&json) {
        return Ok((place, json));
    }
    let Some(pools) = resources.of_kind(kafka::GROUP, "KafkaNodePool") else {
        return Err(Failure::unchecked("the server has no KafkaNodePools, and this Kafka names no replicas"));
    };
    let selector = format!("{}={}", kafka::CLUSTER, place.name);
    let decoded = cluster::selected(connection, pools, &place.namespace, &selector, decode_kept).await?;
    let decoded: Vec<Object> = decoded
        .into_iter()
        .filter_map(|item| if let Decoded::Object(object) = item { Some(object) } else { None })
        .collect();
    let name = kafka::broker_pool(&decoded.iter().collect::<Vec<_>>(), &place.namespace, &place.name)?;
    let place = pools.at(&place.namespace, &name);
    let json = cluster::object(connection, &place).await?;
    Ok((place, json))
}

/// The kind that a word means, in a cluster.
///
/// # Errors
/// When there is none, more than one, or none that scales.
pub(crate) fn kind<'r>(resources: &'r Resources, word: &str) -> Result<&'r Resource, Failure> {
    let named = resources.named(word);
    let can =
        |resource: &&&Resource| resource.has("scale") || !target_of(&resource.group, &resource.kind).needs_scale();
    let scalable: Vec<&Resource> = named.iter().filter(can).copied().collect();
    match (scalable.as_slice(), named.as_slice()) {
        ([one], _) => Ok(one),
        ([], []) => {
            let failure = Failure::usage(format!("the server doesn't have a resource type {word:?}"));
            let groups: Vec<&str> = resources.unanswered.iter().map(|(group, _)| group.as_str()).collect();
            Err(if groups.is_empty() {
                failure.hint("`kubectl api-resources` lists the types")
            } else {
                failure.hint(format!("these groups did not answer: {}", groups.join(", ")))
            })
        }
        ([], [known, ..]) => {
            Err(Failure::usage(format!("{} cannot be scaled: it has no scale subresource", known.full_name()))
                .hint("deployments, statefulsets and many custom kinds have one"))
        }
        (several, _) => {
            let names: Vec<String> = several.iter().map(|it| it.full_name()).collect();
            Err(Failure::usage(format!("{word:?} means more than one type: {}", names.join(", ")))
                .hint("name it in full"))
        }
    }
}

/// The object that a person names, with its JSON.
///
/// # Errors
/// When it is not there or cannot be read.
pub(crate) async fn named(
    connection: &Connection,
    resources: &Resources,
    name: &Name,
) -> Result<(Place, Value), Failure> {
    let resource = kind(resources, &name.ty)?;
    let namespace = name.namespace.as_deref().unwrap_or_else(|| connection.default_namespace());
    let place = resource.at(namespace, &name.name);
    match cluster::object(connection, &place).await {
        Ok(json) => Ok((place, json)),
        Err(ClusterError::NotFound) => {
            let within =
                if place.namespace.is_empty() { String::new() } else { format!(" in namespace {}", place.namespace) };
            Err(Failure::usage(format!("there is no {} {:?}{within}", resource.full_name(), name.name))
                .hint("-n names another namespace"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads the object, what scales it, and what is around it. Without `ask` nothing is scaled: who sets what is read, and
/// not whether anything fits.
///
/// # Errors
/// When the object or its scale cannot be read; what is around it is told as not read.
pub(crate) async fn live(connection: &Connection, name: &Name, ask: Option<&Ask>) -> Result<Seen, Failure> {
    let resources = cluster::resources(connection).await?;
    let found = named(connection, &resources, name).await?;
    let (place, json) = led(connection, &resources, found).await?;
    let scale =
        if ask.is_some() && place.resource.has("scale") { Some(scale_of(connection, &place).await?) } else { None };
    let target = target_of(&place.resource.group, &place.resource.kind);
    let path = match ask.and_then(|ask| target.path(ask, &json)) {
        Some(path) => FieldPath::parse(path),
        None if ask.is_none() => Err("nothing is scaled".to_owned()),
        None => replicas_path(connection, &resources, &place, &json, scale.as_ref()).await,
    };
    let mut kinds: Vec<(String, String)> = vec![(place.resource.group.clone(), place.resource.kind.clone())];
    kinds.extend(owners(connection, &resources, &place, &json).await);
    let room: &[(&str, &str)] = if ask.is_some() { ROOM } else { &[] };
    let own = if ask.is_some() { target.kinds() } else { &[] };
    let mut wanted: Vec<(&str, &str)> = OWNERSHIP.iter().chain(room).chain(own).copied().collect();
    wanted.extend(kinds.iter().map(|(group, kind)| (group.as_str(), kind.as_str())));
    wanted.sort_unstable();
    wanted.dedup();
    let plan = Plan {
        namespaces: Vec::new(),
        likely: vec![place.namespace.clone()],
        budget: BUDGET,
        kubelets: false,
        contents: false,
    };
    let snapshot = cluster::read_kinds(connection, &plan, &wanted).await?;
    let object = ObjectRef::new(&place.resource.group, &place.resource.kind, &place.namespace, &place.name);
    // Who may read one may not be allowed to list them.
    let inventory = with_record(snapshot.inventory, &object, &json)?;
    let owner = deployer(connection, &resources, &inventory, &object).await;
    let replicas = match &scale {
        Some(scale) => Replicas { wanted: scale.wanted, current: scale.current, selector: scale.selector.clone() },
        None => target.replicas(&json).unwrap_or_else(|| of_spec(&json)),
    };
    Ok(Seen {
        inventory,
        object,
        replicas,
        path,
        resource: place.resource.full_name(),
        view: snapshot.view,
        warnings: snapshot.warnings,
        notes: snapshot.notes,
        gaps: snapshot.gaps,
        place: Some(place),
        owner,
        server: None,
        json,
    })
}

async fn scale_of(connection: &Connection, place: &Place) -> Result<Scale, Failure> {
    Ok(cluster::scale(connection, place).await?)
}

/// The replicas that the spec and the status tell.
pub(crate) fn of_spec(json: &Value) -> Replicas {
    let number =
        |pointer: &str| json.pointer(pointer).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let wanted = number("/spec/replicas").unwrap_or(1);
    Replicas { wanted, current: number("/status/replicas").unwrap_or(0), selector: String::new() }
}

fn with_record(inventory: Inventory, object: &ObjectRef, json: &Value) -> Result<Inventory, Failure> {
    if inventory.find(object).found().is_some() {
        return Ok(inventory);
    }
    let raw = RawValue::from_string(json.to_string()).map_err(|error| Failure::unchecked(error.to_string()))?;
    let Some(decoded @ Decoded::Object(_)) = decode_object(&raw) else {
        return Err(Failure::unchecked(format!("{object} does not have the shape of an object")));
    };
    let mut builder = inventory.reopen();
    builder.push(decoded);
    Ok(builder.finish())
}

/// The field that the scale subresource sets: of custom kinds as their definition says.
async fn replicas_path(
    connection: &Connection,
    resources: &Resources,
    place: &Place,
    json: &Value,
    scale: Option<&Scale>,
) -> Result<FieldPath, String> {
    let is_built_in = matches!(place.resource.group.as_str(), "" | "apps");
    let of_definition = async {
        let definitions = resources.of_kind("apiextensions.k8s.io", "CustomResourceDefinition")?;
        let name = format!("{}.{}", place.resource.plural, place.resource.group);
        let definition = cluster::object(connection, &definitions.at("", &name)).await.ok()?;
        path_of_definition(&definition, &place.resource.version)
    };
    if !is_built_in && let Some(path) = of_definition.await {
        return FieldPath::parse(&path);
    }
    let there = json.pointer("/spec/replicas").and_then(Value::as_u64);
    if is_built_in || (there.is_some() && there == scale.map(|scale| u64::from(scale.wanted))) {
        return FieldPath::parse(REPLICAS);
    }
    Err(format!("which field of {} holds its replicas is not known: its definition was not read", place.resource.kind))
}

fn path_of_definition(definition: &Value, version: &str) -> Option<String> {
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let version = versions.iter().find(|it| it.get("name").and_then(Value::as_str) == Some(version))?;
    version.pointer("/subresources/scale/specReplicasPath")?.as_str().map(str::to_owned)
}

/// The kinds of the owners above an object.
async fn owners(connection: &Connection, resources: &Resources, place: &Place, json: &Value) -> Vec<(String, String)> {
    let mut kinds = Vec::new();
    let mut current = json.clone();
    for _ in 0..OWNERS {
        let references =
            current.pointer("/metadata/ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_controller = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
        let Some(owner) = references.iter().find(is_controller).or(references.first()) else { break };
        let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        let ty = TypeMeta::new(text("apiVersion"), text("kind"));
        kinds.push((ty.group.to_string(), ty.kind.to_string()));
        let Some(resource) = resources.of_kind(&ty.group, &ty.kind) else { break };
        match cluster::object(connection, &resource.at(&place.namespace, text("name"))).await {
            Ok(above) => current = above,
            Err(_) => break,
        }
    }
    kinds
}

/// What deploys the object, with its JSON: a pause may be made there.
async fn deployer(
    connection: &Connection,
    resources: &Resources,
    inventory: &Inventory,
    object: &ObjectRef,
) -> Option<(Place, Value)> {
    let record = inventory.find(object).found()?;
    let chain = Managers::new(inventory).of(record);
    let by = &chain.deployer()?.object;
    let place = resources.of_kind(&by.group, &by.kind)?.at(&by.namespace, &by.name);
    let json = cluster::object(connection, &place).await.ok()?;
    Some((place, json))
}

/// Words for the built-in kinds, which files do not tell.
const SHORT: [(&str, &str); 8] = [
    ("deploy", "deployment"),
    ("sts", "statefulset"),
    ("rs", "replicaset"),
    ("rc", "replicationcontroller"),
    ("k", "kafka"),
    ("knp", "kafkanodepool"),
    ("sparkapp", "sparkapplication"),
    ("scheduledsparkapp", "scheduledsparkapplication"),
];

/// Whether a word is one for that kind: kind, plural or short name, with or without its group.
fn means(word: &str, ty: &TypeMeta) -> bool {
    let word = word.to_lowercase();
    let (name, group) = word.split_once('.').map_or((word.as_str(), None), |(name, group)| (name, Some(group)));
    let kind = ty.kind.to_lowercase();
    let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
    let fits = name == kind || name == format!("{kind}s") || name == format!("{kind}es");
    let version = format!("{}.{}", ty.version, ty.group);
    fits && group.is_none_or(|group| *ty.group == *group || group == version)
}

/// Reads the object and what is around it from files.
///
/// # Errors
/// When the path cannot be read, or the object is not in it, or there are several.
pub(crate) fn files(origin: Origin<'_>, name: &Name, ask: Option<&Ask>) -> Result<Seen, Failure> {
    let decode = |ty: &Arc<TypeMeta>, item: &RawValue| {
        let decoded = decode_typed(ty, item);
        let is_named = match &decoded {
            Decoded::Object(object) => {
                let is_it = *object.meta.name == *name.name && means(&name.ty, ty);
                // What a cluster's name may lead to.
                let is_pool = kafka::is_word(&name.ty) && kafka::is_pool_of(object, &name.name);
                (is_it || is_pool)
                    && name.namespace.as_ref().is_none_or(|namespace| *object.meta.namespace == **namespace)
            }
            Decoded::Event(_) | Decoded::Nothing => false,
        };
        let json = if is_named { serde_json::from_str::<Value>(item.get()).ok() } else { None };
        (!matches!(decoded, Decoded::Nothing)).then_some((decoded, json))
    };
    let gathered = gather(origin, &Limits::default(), &decode)?;
    let mut builder = InventoryBuilder::new(Scope::Cluster, gathered.is_whole);
    let mut found: Vec<(ObjectRef, Value, Arc<TypeMeta>)> = Vec::new();
    for (decoded, json) in gathered.items {
        if let (Decoded::Object(object), Some(json)) = (&decoded, json) {
            found.push((object.reference(), json, Arc::clone(&object.ty)));
        }
        builder.push(decoded);
    }
    gathered.sections.into_iter().for_each(|section| builder.section(section));
    let what = origin.path.display();
    let inventory = builder.finish();
    let mut pools = Vec::new();
    found.retain(|it| {
        let is_it = means(&name.ty, &it.2);
        if !is_it {
            pools.push(it.clone());
        }
        is_it
    });
    if let [(cluster, json, _)] = found.as_slice()
        && kafka::is_cluster(&cluster.group, &cluster.kind)
        && !kafka::has_own_brokers(json)
    {
        pools.retain(|(pool, ..)| pool.namespace == cluster.namespace);
        let records: Vec<&Object> = pools.iter().filter_map(|(pool, ..)| inventory.find(pool).found()).collect();
        let pool = kafka::broker_pool(&records, &cluster.namespace, &cluster.name)?;
        found = pools.into_iter().filter(|(it, ..)| *it.name == *pool).collect();
    }
    let (object, mut json, ty) = match found.len() {
        0 => {
            let within =
                name.namespace.as_ref().map_or_else(String::new, |namespace| format!(" in namespace {namespace}"));
            return Err(Failure::usage(format!("{what} has no {} {:?}{within}", name.ty, name.name)));
        }
        1 => found.remove(0),
        _ => {
            let names: Vec<String> = found.iter().map(|(object, ..)| object.to_string()).collect();
            return Err(Failure::usage(format!("{what} has more than one: {}", names.join(", ")))
                .hint("-n names the namespace, TYPE.GROUP the type"));
        }
    };
    // An item of a typed list bears no type of its own.
    json["apiVersion"] = ty.api_version().into();
    json["kind"] = ty.kind.to_string().into();
    let target = target_of(&object.group, &object.kind);
    let is_scalable = matches!(&*object.group, "" | "apps") || json.pointer("/spec/replicas").is_some();
    if !is_scalable && target.needs_scale() {
        return Err(Failure::usage(format!("{object} has no spec.replicas: a file does not tell what would scale it")));
    }
    let plural = format!("{}s", object.kind.to_lowercase());
    let resource = if object.group.is_empty() { plural } else { format!("{plural}.{}", object.group) };
    Ok(Seen {
        inventory,
        replicas: target.replicas(&json).unwrap_or_else(|| of_spec(&json)),
        path: FieldPath::parse(ask.and_then(|ask| target.path(ask, &json)).unwrap_or(REPLICAS)),
        resource,
        view: gathered.view,
        warnings: gathered.warnings,
        notes: gathered.notes,
        gaps: gathered.gaps,
        place: None,
        owner: None,
        server: None,
        object,
        json,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_kinds_in_files_too() {
        let ty = TypeMeta::new("apps/v1", "Deployment");
        for word in ["deploy", "Deployment", "deployments", "deployment.apps", "deployments.v1.apps"] {
            assert!(means(word, &ty), "{word}");
        }
        for word in ["deployment.batch", "sts", "deploys"] {
            assert!(!means(word, &ty), "{word}");
        }
    }

    #[test]
    fn the_field_is_as_the_definition_says() {
        let definition = serde_json::json!({"spec": {"versions": [
            {"name": "v1", "subresources": {"scale": {"specReplicasPath": ".spec.worker.replicas"}}}, {"name": "v2"}]}});
        assert_eq!(path_of_definition(&definition, "v1").as_deref(), Some(".spec.worker.replicas"));
        assert_eq!(path_of_definition(&definition, "v2"), None);
    }
}
