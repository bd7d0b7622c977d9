//! From bytes to records: one small arm a kind.

use super::custom::Bounded;
use super::event::WireEvent;
use super::metrics::WireSummary;
use super::pod::{WirePodSpec, WirePodStatus};
use super::*;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::de::Read;
use serde_json::value::RawValue;
use std::fmt;

/// What one item became.
#[derive(Debug)]
pub enum Decoded {
    /// A record.
    Object(Object),
    /// A warning event.
    Event(Event),
    /// An event that is no warning: nothing is kept.
    Nothing,
}

/// The shape that nearly all kinds share.
#[derive(Deserialize)]
#[serde(default, bound(deserialize = "S: Deserialize<'de> + Default, T: Deserialize<'de>"))]
struct Wire<S, T> {
    #[serde(deserialize_with = "super::record::nullable")]
    metadata: Meta,
    #[serde(deserialize_with = "super::record::nullable")]
    spec: S,
    status: Option<T>,
}

impl<S: Default, T> Default for Wire<S, T> {
    fn default() -> Self {
        Self { metadata: Meta::default(), spec: S::default(), status: None }
    }
}

/// Kinds whose fields stand beside `metadata`: read once for the metadata and once for the rest.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Flat<B> {
    #[serde(deserialize_with = "super::record::nullable")]
    metadata: Meta,
    #[serde(flatten)]
    body: B,
}

/// The type that an object names. It is read as far as it must: servers and kubectl write both fields first, and what
/// follows may be a megabyte.
#[derive(Default)]
struct Peek {
    api_version: Option<Sym>,
    kind: Option<Sym>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PeekField {
    ApiVersion,
    Kind,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for &mut Peek {
    type Value = ();
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while self.api_version.is_none() || self.kind.is_none() {
            match fields.next_key()? {
                Some(PeekField::ApiVersion) => self.api_version = Some(fields.next_value()?),
                Some(PeekField::Kind) => self.kind = Some(fields.next_value()?),
                Some(PeekField::Other) => fields.next_value::<IgnoredAny>().map(|_| ())?,
                None => break,
            }
        }
        Ok(())
    }
}

/// A field of an object, read no further than its end; `None` where it is not there, null, or of another shape.
pub(crate) fn field<'de, R: Read<'de>, T: Deserialize<'de>>(
    mut json: serde_json::Deserializer<R>,
    name: &str,
) -> Option<T> {
    let mut found = None;
    // One that is found early leaves the rest unread, which the parser takes for an error: what was found counts.
    let _ = json.deserialize_map(Field { name, found: &mut found });
    found
}

struct Field<'a, T> {
    name: &'a str,
    found: &'a mut Option<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Field<'_, T> {
    type Value = ();
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(is_wanted) = fields.next_key_seed(Is(self.name))? {
            if is_wanted {
                *self.found = fields.next_value()?;
                break;
            }
            fields.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Whether a key is this one.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }
    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PeekNode {
    node_name: Sym,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PeekSummary {
    node: PeekNode,
}

/// Reads one item whose kind is known (an item of a typed list bears no kind of its own).
///
/// # Errors
/// When the item does not have the shape of its kind.
fn decode<'de, D: Deserializer<'de>>(ty: &Arc<TypeMeta>, input: D) -> Result<Decoded, D::Error> {
    fn wire<'de, D, S, T>(input: D, body: impl FnOnce(S, Option<T>) -> Body) -> Result<(Meta, Body), D::Error>
    where
        D: Deserializer<'de>,
        S: Deserialize<'de> + Default,
        T: Deserialize<'de>,
    {
        let wire = Wire::<S, T>::deserialize(input)?;
        Ok((wire.metadata, body(wire.spec, wire.status)))
    }
    fn flat<'de, D, B>(input: D, body: impl FnOnce(B) -> Body) -> Result<(Meta, Body), D::Error>
    where
        D: Deserializer<'de>,
        B: Deserialize<'de> + Default,
    {
        let flat = Flat::<B>::deserialize(input)?;
        Ok((flat.metadata, body(flat.body)))
    }
    let (meta, body) = match (&*ty.group, &*ty.kind) {
        ("", "Pod") => wire(input, |spec: WirePodSpec, status: Option<WirePodStatus>| {
            Body::Pod(Box::new(Pod::from_wire(spec, status.unwrap_or_default())))
        }),
        ("apps" | "extensions", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") => {
            wire(input, |spec, status| Body::Workload(Box::new(Workload { spec, status })))
        }
        // Its selector is a plain map of labels, which no verdict reads.
        ("", "ReplicationController") => {
            wire(input, |spec, status| Body::Workload(Box::new(Workload { spec, status })))
        }
        ("batch", "Job") => wire(input, |spec, status| Body::Job(Box::new(Job { spec, status }))),
        ("batch", "CronJob") => wire(input, |spec, status| Body::CronJob(Box::new(CronJob { spec, status }))),
        ("", "Service") => wire(input, |spec, status: Option<_>| {
            Body::Service(Box::new(Service { spec, status: status.unwrap_or_default() }))
        }),
        ("discovery.k8s.io", "EndpointSlice") => flat(input, |slice| Body::EndpointSlice(Box::new(slice))),
        ("networking.k8s.io" | "extensions", "Ingress") => wire(input, |spec, status: Option<_>| {
            Body::Ingress(Box::new(Ingress { spec, status: status.unwrap_or_default() }))
        }),
        ("", "PersistentVolumeClaim") => wire(input, |spec, status: Option<_>| {
            Body::Claim(Box::new(Claim { spec, status: status.unwrap_or_default() }))
        }),
        ("", "PersistentVolume") => wire(input, |spec, status: Option<_>| {
            Body::Volume(Box::new(Volume { spec, status: status.unwrap_or_default() }))
        }),
        ("storage.k8s.io", "StorageClass") => flat(input, |class| Body::StorageClass(Box::new(class))),
        ("", "Node") => wire(input, |spec, status: Option<_>| {
            Body::Node(Box::new(Node { spec, status: status.unwrap_or_default() }))
        }),
        ("coordination.k8s.io", "Lease") => {
            wire(input, |spec, _: Option<IgnoredAny>| Body::Lease(Box::new(Lease { spec })))
        }
        ("", "Namespace") => wire(input, |spec, status: Option<_>| {
            Body::Namespace(Box::new(Namespace { spec, status: status.unwrap_or_default() }))
        }),
        ("autoscaling", "HorizontalPodAutoscaler") => {
            wire(input, |spec, status| Body::Autoscaler(Box::new(Autoscaler { spec, status })))
        }
        ("policy", "PodDisruptionBudget") => {
            wire(input, |spec, status| Body::DisruptionBudget(Box::new(DisruptionBudget { spec, status })))
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            wire(input, |spec, status| Body::Definition(Box::new(Definition { spec, status })))
        }
        ("apiregistration.k8s.io", "APIService") => {
            wire(input, |spec, status| Body::ApiService(Box::new(ApiService { spec, status })))
        }
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            flat(input, |webhooks| Body::Webhooks(Box::new(webhooks)))
        }
        ("metrics.k8s.io", "NodeMetrics" | "PodMetrics") => flat(input, |metrics| Body::Metrics(Box::new(metrics))),
        (STATISTICS_GROUP, STATISTICS_KIND) => {
            let wire = WireSummary::deserialize(input)?;
            let meta = Meta { name: wire.node.node_name.clone(), ..Meta::default() };
            Ok((meta, Body::Statistics(Box::new(Statistics::from_wire(wire)))))
        }
        ("" | "events.k8s.io", "Event") => {
            let event = Event::from_wire(WireEvent::deserialize(input)?);
            return Ok(event.map_or(Decoded::Nothing, Decoded::Event));
        }
        // No verdict needs what these hold; of Secrets and ConfigMaps nothing else may be kept.
        ("", "Secret" | "ConfigMap" | "ServiceAccount" | "Endpoints" | "PodTemplate")
        | ("rbac.authorization.k8s.io" | "scheduling.k8s.io" | "node.k8s.io" | "flowcontrol.apiserver.k8s.io", _)
        | ("apps", "ControllerRevision") => wire(input, |_: Blank, _: Option<IgnoredAny>| Body::Bare),
        _ => wire(input, |spec: Bounded, status: Option<Bounded>| {
            let has_status = status.is_some();
            Body::Custom(Box::new(Custom { spec: spec.0, status: status.unwrap_or_default().0, has_status }))
        }),
    }?;
    Ok(Decoded::Object(Object { ty: Arc::clone(ty), meta: Box::new(meta), body }))
}

/// A field that is skipped.
#[derive(Default)]
struct Blank;

impl<'de> Deserialize<'de> for Blank {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(input).map(|_| Self)
    }
}

/// Reads one item of a typed list. An item that does not have the shape of its kind becomes an
/// object whose body says so: it must not hide the other items, nor itself.
pub fn decode_typed(ty: &Arc<TypeMeta>, item: &RawValue) -> Decoded {
    let mut reader = serde_json::Deserializer::from_str(item.get());
    decode(ty, &mut reader).unwrap_or_else(|error| {
        Decoded::Object(Object {
            ty: Arc::clone(ty),
            meta: Box::new(meta_of(item)),
            body: Body::Unreadable(shape_error(&error).into()),
        })
    })
}

/// The metadata of an object, whatever else it holds; empty of what has none.
pub fn meta_of(item: &RawValue) -> Meta {
    field(serde_json::Deserializer::from_str(item.get()), "metadata").unwrap_or_default()
}

/// As [`decode_typed`]; `None` of an event that is no warning. What reads for an [`super::Inventory`]
/// decodes with this.
pub fn decode_kept(ty: &Arc<TypeMeta>, item: &RawValue) -> Option<Decoded> {
    Some(decode_typed(ty, item)).filter(|decoded| !matches!(decoded, Decoded::Nothing))
}

/// Metadata, spec and status of an object of any kind, bounded as [`Custom`] is.
///
/// # Errors
/// When it does not have the shape of an object.
pub fn decode_custom(item: &RawValue) -> Result<(Meta, Custom), serde_json::Error> {
    let wire: Wire<Bounded, Bounded> = serde_json::from_str(item.get())?;
    let has_status = wire.status.is_some();
    let custom = Custom { spec: wire.spec.0, status: wire.status.unwrap_or_default().0, has_status };
    Ok((wire.metadata, custom))
}

/// What serde found wrong, without the value it found: that value may be anything.
fn shape_error(error: &serde_json::Error) -> String {
    format!("line {} column {} does not have the shape of this kind", error.line(), error.column())
}

/// The type that an object names, or that of a kubelet's summary, which names its node; `None` for
/// anything else.
pub fn type_of(item: &RawValue) -> Option<TypeMeta> {
    let mut named = Peek::default();
    // As in `field`: one that has both ends early.
    let _ = serde_json::Deserializer::from_str(item.get()).deserialize_map(&mut named);
    let (api_version, kind) = (named.api_version.unwrap_or_default(), named.kind.unwrap_or_default());
    if kind.is_empty() && api_version.is_empty() {
        let summary: PeekSummary = serde_json::from_str(item.get()).ok()?;
        return (!summary.node.node_name.is_empty()).then(|| TypeMeta::new(STATISTICS_VERSION, STATISTICS_KIND));
    }
    (!kind.is_empty() && !api_version.is_empty()).then(|| TypeMeta::new(&api_version, &kind))
}

/// Reads one object that names its own kind, or a kubelet's summary, which names its node; `None`
/// for anything else.
pub fn decode_object(item: &RawValue) -> Option<Decoded> {
    Some(decode_typed(&Arc::new(type_of(item)?), item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object {
        let raw = RawValue::from_string(json.to_owned()).expect("json");
        match decode_object(&raw) {
            Some(Decoded::Object(object)) => object,
            other => panic!("no object: {other:?}"),
        }
    }

    #[test]
    fn a_pod_is_read_with_its_statuses_and_needs() {
        let object = object(
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n","creationTimestamp":null},
            "spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"100m"}},
              "startupProbe":{"periodSeconds":5,"failureThreshold":30},
              "env":[{"name":"X","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}],
             "initContainers":[{"name":"side","restartPolicy":"Always","resources":{"requests":{"cpu":"50m"}}}],
             "volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"data-0"}}]},
            "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],
             "containerStatuses":[{"name":"c","ready":true,"restartCount":2,"state":{"running":{"startedAt":"2026-01-01T00:00:00Z"}}}]}}"#,
        );
        let pod = object.pod().expect("pod");
        assert!(pod.is_ready());
        assert_eq!(pod.request("cpu").millis(), 150);
        assert_eq!(pod.containers[0].startup_grace, 150);
        assert_eq!(pod.containers[0].status.as_ref().map(|status| status.restart_count), Some(2));
        assert!(pod.init[0].restart_always);
        let needs: Vec<_> = pod.needs.iter().map(|need| (need.kind, need.name.as_str())).collect();
        assert_eq!(needs, [("PersistentVolumeClaim", "data-0"), ("Secret", "s")]);
    }

    #[test]
    fn content_of_a_secret_is_not_kept() {
        let object = object(r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"k":"Q0FOQVJZ"}}"#);
        assert!(matches!(object.body, Body::Bare));
        assert!(!format!("{object:?}").contains("Q0FOQVJZ"));
    }

    #[test]
    fn a_wrong_shape_hides_neither_the_object_nor_its_value() {
        let object = object(
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":"CANARY"},"status":{}}"#,
        );
        assert_eq!(&*object.meta.name, "p");
        assert!(matches!(&object.body, Body::Unreadable(why) if !why.contains("CANARY")));
    }

    #[test]
    fn other_kinds_keep_spec_and_status() {
        let object = object(
            r#"{"apiVersion":"kafka.strimzi.io/v1","kind":"Kafka","metadata":{"name":"k"},
            "spec":{"kafka":{"version":"4.1.0"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#,
        );
        let custom = object.custom().expect("custom");
        assert_eq!(custom.spec_text("/kafka/version"), "4.1.0");
        assert!(custom.conditions()[0].is_true());
        assert!(custom.has_status);
    }
}
