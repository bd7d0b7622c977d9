//! Services, EndpointSlices and Ingresses.

use super::record::record;
use super::sym::{Labels, Sym};

record! {
    /// A port of a Service.
    pub struct ServicePort {
        /// Its name.
        name: Sym,
        /// Its number.
        port: i64,
        /// Name or number of the pods' port; empty when it equals `port`.
        target_port: Sym,
        /// `TCP` when empty.
        protocol: Sym,
    }

    /// The spec of a Service.
    pub struct ServiceSpec {
        /// `ClusterIP` when empty, `NodePort`, `LoadBalancer`, `ExternalName`.
        r#type: Sym,
        /// Which pods it sends to; empty for Services whose endpoints others write.
        selector: Labels,
        /// `None` for headless Services.
        #[serde(rename = "clusterIP")]
        cluster_ip: Sym,
        /// Its ports.
        ports: Vec<ServicePort>,
        /// Whether endpoints count although they are not ready.
        publish_not_ready_addresses: bool,
        /// The class of load balancer, when it is not the default one.
        load_balancer_class: Sym,
        /// Addresses that others route to it.
        #[serde(rename = "externalIPs")]
        external_ips: Vec<Sym>,
    }

    /// An address that a load balancer gave.
    pub struct IngressPoint {
        /// The address.
        ip: Sym,
        /// Or the name.
        hostname: Sym,
    }

    /// `status.loadBalancer`
    pub struct LoadBalancer {
        /// The addresses.
        ingress: Vec<IngressPoint>,
    }

    /// The status of a Service.
    pub struct ServiceStatus {
        /// Its load balancer.
        load_balancer: LoadBalancer,
        /// Conditions, `LoadBalancerPortsError` among them.
        conditions: Vec<super::Condition>,
    }

    /// State of an endpoint; absent means yes for `ready` (discovery.k8s.io/v1).
    pub struct EndpointConditions {
        /// Whether it takes traffic.
        ready: Option<bool>,
        /// Whether it serves, termination aside.
        serving: Option<bool>,
        /// Whether it is on its way out.
        terminating: Option<bool>,
    }

    /// What an endpoint stands for.
    pub struct EndpointTarget {
        /// `Pod`, mostly.
        kind: Sym,
        /// Its name.
        name: Sym,
    }

    /// One endpoint.
    pub struct Endpoint {
        /// Its state.
        conditions: EndpointConditions,
        /// What it stands for.
        target_ref: Option<EndpointTarget>,
    }

    /// An EndpointSlice.
    pub struct EndpointSlice {
        /// The endpoints.
        endpoints: Vec<Endpoint>,
        /// The ports.
        ports: Vec<ServicePort>,
    }

    /// A Service that an Ingress sends to.
    pub struct BackendService {
        /// Its name.
        name: Sym,
        /// Its port.
        port: BackendPort,
    }

    /// A port by name or by number.
    pub struct BackendPort {
        /// The name.
        name: Sym,
        /// The number.
        number: i64,
    }

    /// What an Ingress sends to.
    pub struct Backend {
        /// A Service.
        service: Option<BackendService>,
    }

    /// One path of a rule.
    pub struct IngressPath {
        /// The path.
        path: Sym,
        /// Its backend.
        backend: Backend,
    }

    /// The HTTP part of a rule.
    pub struct IngressHttp {
        /// Its paths.
        paths: Vec<IngressPath>,
    }

    /// One rule.
    pub struct IngressRule {
        /// The host.
        host: Sym,
        /// Its paths.
        http: IngressHttp,
    }

    /// A certificate of an Ingress.
    pub struct IngressTls {
        /// The Secret that holds it; empty for the controller's default.
        secret_name: Sym,
        /// The hosts it is for.
        hosts: Vec<Sym>,
    }

    /// The spec of an Ingress.
    pub struct IngressSpec {
        /// The class; empty for the default one.
        ingress_class_name: Sym,
        /// Where everything else goes.
        default_backend: Option<Backend>,
        /// The rules.
        rules: Vec<IngressRule>,
        /// The certificates.
        tls: Vec<IngressTls>,
    }

    /// The status of an Ingress.
    pub struct IngressStatus {
        /// Its load balancer.
        load_balancer: LoadBalancer,
    }
}

/// A Service.
#[derive(Debug, Default, Clone)]
pub struct Service {
    /// Its spec.
    pub spec: ServiceSpec,
    /// Its status.
    pub status: ServiceStatus,
}

/// An Ingress.
#[derive(Debug, Default, Clone)]
pub struct Ingress {
    /// Its spec.
    pub spec: IngressSpec,
    /// Its status.
    pub status: IngressStatus,
}

impl EndpointSlice {
    /// Endpoints that take traffic.
    pub fn ready(&self) -> usize {
        self.endpoints.iter().filter(|endpoint| endpoint.conditions.ready.unwrap_or(true)).count()
    }
}
