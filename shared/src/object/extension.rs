//! What extends the API server: CustomResourceDefinitions, APIServices and admission webhooks.

use super::condition::Condition;
use super::record::record;
use super::sym::Sym;

record! {
    /// Names of a custom kind.
    pub struct DefinitionNames {
        /// `kafkas`
        plural: Sym,
        /// `Kafka`
        kind: Sym,
    }

    /// What a custom kind has besides its objects.
    pub struct DefinitionSubresources {
        /// There when objects have a status of their own.
        status: Option<DefinitionStatusSubresource>,
    }

    /// `{}`: that it is there is all it says.
    pub struct DefinitionStatusSubresource {}

    /// One version of a custom kind.
    pub struct DefinitionVersion {
        /// `v1`
        name: Sym,
        /// Whether the API server serves it.
        served: bool,
        /// Whether objects are stored in it.
        storage: bool,
        /// Whether it is deprecated.
        deprecated: bool,
        /// What the API server says to whoever uses it; empty for the words that it has itself.
        deprecation_warning: Sym,
        /// Its subresources.
        subresources: DefinitionSubresources,
    }

    /// The spec of a CustomResourceDefinition.
    pub struct DefinitionSpec {
        /// The API group.
        group: Sym,
        /// The names.
        names: DefinitionNames,
        /// `Namespaced` or `Cluster`.
        scope: Sym,
        /// The versions.
        versions: Vec<DefinitionVersion>,
    }

    /// The status of a CustomResourceDefinition.
    pub struct DefinitionStatus {
        /// `Established`, `NamesAccepted`, `NonStructuralSchema`, `Terminating`, …
        conditions: Vec<Condition>,
        /// Versions in which objects may still be stored.
        stored_versions: Vec<Sym>,
    }

    /// A Service that an extension calls.
    pub struct ServiceReference {
        /// Its namespace.
        namespace: Sym,
        /// Its name.
        name: Sym,
        /// Its port; the API's default is 443.
        port: Option<i64>,
    }

    /// The spec of an APIService.
    pub struct ApiServiceSpec {
        /// Who answers; absent for the API server itself.
        service: Option<ServiceReference>,
        /// The group it serves.
        group: Sym,
        /// The version it serves.
        version: Sym,
    }

    /// The status of an APIService.
    pub struct ApiServiceStatus {
        /// `Available`.
        conditions: Vec<Condition>,
    }

    /// Where a webhook is called.
    pub struct ClientConfig {
        /// A Service in the cluster.
        service: Option<ServiceReference>,
        /// Or an address outside.
        url: Sym,
    }

    /// What a webhook is asked about.
    pub struct WebhookRule {
        /// API groups, `*` for all.
        api_groups: Vec<Sym>,
        /// Resources, `*` for all.
        resources: Vec<Sym>,
        /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`.
        operations: Vec<Sym>,
    }

    /// One webhook.
    pub struct Webhook {
        /// Its name.
        name: Sym,
        /// `Fail` (the API's default) or `Ignore`.
        failure_policy: Option<Sym>,
        /// Where it is called.
        client_config: ClientConfig,
        /// What it is asked about.
        rules: Vec<WebhookRule>,
    }

    /// A ValidatingWebhookConfiguration or MutatingWebhookConfiguration.
    pub struct Webhooks {
        /// Its webhooks.
        webhooks: Vec<Webhook>,
    }
}

/// A CustomResourceDefinition.
#[derive(Debug, Default, Clone)]
pub struct Definition {
    /// Its spec.
    pub spec: DefinitionSpec,
    /// Its status; `None` when it has none.
    pub status: Option<DefinitionStatus>,
}

/// An APIService.
#[derive(Debug, Default, Clone)]
pub struct ApiService {
    /// Its spec.
    pub spec: ApiServiceSpec,
    /// Its status; `None` when it has none.
    pub status: Option<ApiServiceStatus>,
}
