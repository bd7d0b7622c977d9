//! Which kinds the API server serves: aggregated discovery, with the older form where there is none.

use super::list::{Warnings, encode, get};
use super::{ClusterError, Connection};
use serde::Deserialize;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// One kind that is served and can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) is_namespaced: bool,
    /// The singular name, then the short ones.
    pub(super) names: Vec<String>,
    /// `scale`, `status`, …
    pub(super) subresources: Vec<String>,
}

/// What discovery found: kinds, and groups that could not be asked.
#[derive(Debug, Default)]
pub(super) struct Discovered {
    pub(super) kinds: Vec<Served>,
    /// Groups and versions, with the reason.
    pub(super) unanswered: Vec<(String, String)>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ResponseKind {
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Resource {
    resource: String,
    singular_resource: String,
    short_names: Vec<String>,
    response_kind: ResponseKind,
    scope: String,
    verbs: Vec<String>,
    subresources: Vec<Subresource>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Subresource {
    subresource: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Version {
    version: String,
    resources: Vec<Resource>,
    freshness: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Group {
    metadata: Named,
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LegacyVersion {
    group_version: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LegacyGroup {
    versions: Vec<LegacyVersion>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LegacyResource {
    name: String,
    singular_name: String,
    short_names: Vec<String>,
    kind: String,
    namespaced: bool,
    verbs: Vec<String>,
}

/// Any of the three shapes: aggregated items, legacy groups, legacy resources.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    kind: String,
    items: Vec<Group>,
    groups: Vec<LegacyGroup>,
    resources: Vec<LegacyResource>,
}

/// Asks which kinds are served. A kind in several versions is taken in the preferred one.
pub(super) async fn discover(connection: &Connection, warnings: &Warnings) -> Result<Discovered, ClusterError> {
    let mut found = Discovered::default();
    let ask = |path| get(connection, path, AGGREGATED, warnings);
    let (core, groups) = futures::join!(ask("/api"), ask("/apis"));
    for (path, answer) in [("/api", core), ("/apis", groups)] {
        let answer = parse(&answer?)?;
        match answer.kind.as_str() {
            "APIGroupDiscoveryList" => aggregated(answer.items, &mut found),
            "APIVersions" => legacy(connection, "v1", &mut found, warnings).await?,
            "APIGroupList" => {
                for version in answer.groups.into_iter().flat_map(|group| group.versions) {
                    // An extension that is down must not hide the others.
                    if let Err(error) = legacy(connection, &version.group_version, &mut found, warnings).await {
                        found.unanswered.push((version.group_version, error.to_string()));
                    }
                }
            }
            other => return Err(ClusterError::BadAnswer(format!("{path} is a {other:?}, no discovery"))),
        }
    }
    if found.kinds.is_empty() {
        return Err(ClusterError::BadAnswer("discovery names no kind".to_owned()));
    }
    Ok(found)
}

fn parse(bytes: &[u8]) -> Result<Answer, ClusterError> {
    serde_json::from_slice(bytes).map_err(|error| {
        ClusterError::BadAnswer(format!("discovery is no JSON at line {} column {}", error.line(), error.column()))
    })
}

fn add(found: &mut Discovered, served: Served, verbs: &[String]) {
    let known = found.kinds.iter().any(|kind| kind.group == served.group && kind.kind == served.kind);
    if !known && !served.plural.contains('/') && verbs.iter().any(|verb| verb == "list") {
        found.kinds.push(served);
    }
}

fn names(singular: String, short: Vec<String>) -> Vec<String> {
    std::iter::once(singular).chain(short).filter(|name| !name.is_empty()).collect()
}

fn aggregated(groups: Vec<Group>, found: &mut Discovered) {
    for group in groups {
        for version in group.versions {
            if version.freshness == "Stale" {
                let version = format!("{}/{}", group.metadata.name, version.version);
                found.unanswered.push((version, "its extension API server does not answer".to_owned()));
            }
            for resource in version.resources {
                let served = Served {
                    group: group.metadata.name.clone(),
                    version: version.version.clone(),
                    kind: resource.response_kind.kind,
                    plural: resource.resource,
                    is_namespaced: resource.scope == "Namespaced",
                    names: names(resource.singular_resource, resource.short_names),
                    subresources: resource.subresources.into_iter().map(|it| it.subresource).collect(),
                };
                add(found, served, &resource.verbs);
            }
        }
    }
}

async fn legacy(
    connection: &Connection,
    group_version: &str,
    found: &mut Discovered,
    warnings: &Warnings,
) -> Result<(), ClusterError> {
    let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
    let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let answer = parse(&get(connection, &path, "application/json", warnings).await?)?;
    let below: Vec<(String, String)> = answer
        .resources
        .iter()
        .filter_map(|resource| resource.name.split_once('/'))
        .map(|(plural, subresource)| (plural.to_owned(), subresource.to_owned()))
        .collect();
    for resource in answer.resources {
        let own = below.iter().filter(|(plural, _)| *plural == resource.name);
        let served = Served {
            subresources: own.map(|(_, subresource)| subresource.clone()).collect(),
            names: names(resource.singular_name, resource.short_names),
            group: group.to_owned(),
            version: version.to_owned(),
            kind: resource.kind,
            plural: resource.name,
            is_namespaced: resource.namespaced,
        };
        add(found, served, &resource.verbs);
    }
    Ok(())
}

/// The kind of a group in the version that the server prefers; core for an empty group.
pub(super) async fn find(
    connection: &Connection,
    group: &str,
    kind: &str,
    warnings: &Warnings,
) -> Result<Served, ClusterError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Preferred {
        preferred_version: LegacyVersion,
    }
    let version = if group.is_empty() {
        "v1".to_owned()
    } else {
        let answer = get(connection, &format!("/apis/{}", encode(group)), "application/json", warnings).await?;
        let group: Preferred = serde_json::from_slice(&answer)
            .map_err(|_| ClusterError::BadAnswer(format!("/apis/{group} is no group")))?;
        group.preferred_version.group_version
    };
    let mut found = Discovered::default();
    legacy(connection, &version, &mut found, warnings).await?;
    found.kinds.into_iter().find(|served| served.kind == kind).ok_or(ClusterError::NotFound)
}
