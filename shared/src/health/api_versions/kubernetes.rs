//! API versions of Kubernetes itself.

use super::{ApiVersion, Minor};

/// What serves them.
pub(super) const PRODUCT: &str = "Kubernetes";

const fn row(
    group: &'static str,
    version: &'static str,
    kinds: &'static [&'static str],
    deprecated: u16,
    removed: u16,
    instead: &'static str,
) -> ApiVersion {
    let (deprecated, removed) = (Some((1, deprecated)), (1, removed));
    ApiVersion { group, kinds, version, product: PRODUCT, deprecated, removed, instead }
}

/// Versions whose types have left `k8s.io/api`, and those of other modules. Source: "Deprecated API Migration Guide"
/// and the changelogs of the releases that removed them.
pub(super) const OLDER: &[ApiVersion] = &[
    row("policy", "v1beta1", &["PodSecurityPolicy"], 21, 25, ""),
    row("autoscaling", "v2beta1", &["HorizontalPodAutoscaler"], 22, 25, "autoscaling/v2"),
    row("autoscaling", "v2beta2", &["HorizontalPodAutoscaler"], 23, 26, "autoscaling/v2"),
    row("batch", "v2alpha1", &["CronJob"], 21, 21, "batch/v1"),
    row("rbac.authorization.k8s.io", "v1alpha1", &[], 20, 22, "rbac.authorization.k8s.io/v1"),
    row("apiextensions.k8s.io", "v1beta1", &[], 16, 22, "apiextensions.k8s.io/v1"),
    row("apiregistration.k8s.io", "v1beta1", &[], 19, 22, "apiregistration.k8s.io/v1"),
];

// From the functions APILifecycle* of k8s.io/api, by tests/tests/api_versions.rs.
// Begin of the rows that are made.
pub(super) const NEWEST: Minor = (1, 37);

#[rustfmt::skip]
pub(super) const TABLE: &[ApiVersion] = &[
    row("admission.k8s.io", "v1beta1", &["AdmissionReview"], 19, 22, "admission.k8s.io/v1"),
    row("admissionregistration.k8s.io", "v1alpha1", &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"], 29, 32, "admissionregistration.k8s.io/v1"),
    row("admissionregistration.k8s.io", "v1alpha1", &["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"], 35, 38, "admissionregistration.k8s.io/v1"),
    row("admissionregistration.k8s.io", "v1beta1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"], 16, 22, "admissionregistration.k8s.io/v1"),
    row("admissionregistration.k8s.io", "v1beta1", &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"], 31, 34, "admissionregistration.k8s.io/v1"),
    row("admissionregistration.k8s.io", "v1beta1", &["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"], 37, 40, "admissionregistration.k8s.io/v1"),
    row("apidiscovery.k8s.io", "v2beta1", &["APIGroupDiscovery"], 32, 35, "apidiscovery.k8s.io/v2"),
    row("apps", "v1beta1", &["ControllerRevision", "Deployment", "DeploymentRollback", "StatefulSet"], 8, 16, "apps/v1"),
    row("apps", "v1beta1", &["Scale"], 8, 16, "autoscaling/v1"),
    row("apps", "v1beta2", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"], 9, 16, "apps/v1"),
    row("apps", "v1beta2", &["Scale"], 9, 16, "autoscaling/v1"),
    row("authentication.k8s.io", "v1alpha1", &["SelfSubjectReview"], 29, 32, "authentication.k8s.io/v1"),
    row("authentication.k8s.io", "v1beta1", &["TokenReview"], 19, 22, "authentication.k8s.io/v1"),
    row("authentication.k8s.io", "v1beta1", &["SelfSubjectReview"], 30, 33, "authentication.k8s.io/v1"),
    row("authorization.k8s.io", "v1beta1", &["LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"], 19, 22, "authorization.k8s.io/v1"),
    row("batch", "v1beta1", &["CronJob"], 21, 25, "batch/v1"),
    row("certificates.k8s.io", "v1alpha1", &["ClusterTrustBundle"], 34, 37, "certificates.k8s.io/v1"),
    row("certificates.k8s.io", "v1beta1", &["CertificateSigningRequest"], 19, 22, "certificates.k8s.io/v1"),
    row("certificates.k8s.io", "v1beta1", &["ClusterTrustBundle", "PodCertificateRequest"], 37, 40, "certificates.k8s.io/v1"),
    row("coordination.k8s.io", "v1alpha2", &["LeaseCandidate"], 35, 38, ""),
    row("coordination.k8s.io", "v1beta1", &["Lease"], 19, 22, "coordination.k8s.io/v1"),
    row("coordination.k8s.io", "v1beta1", &["LeaseCandidate"], 36, 39, ""),
    row("discovery.k8s.io", "v1beta1", &["EndpointSlice"], 21, 25, "discovery.k8s.io/v1"),
    row("events.k8s.io", "v1beta1", &["Event"], 22, 25, "events.k8s.io/v1"),
    row("extensions", "v1beta1", &["Scale"], 2, 16, ""),
    row("extensions", "v1beta1", &["DeploymentRollback"], 8, 16, ""),
    row("extensions", "v1beta1", &["DaemonSet", "Deployment", "ReplicaSet"], 8, 16, "apps/v1"),
    row("extensions", "v1beta1", &["NetworkPolicy"], 9, 16, "networking.k8s.io/v1"),
    row("extensions", "v1beta1", &["Ingress"], 14, 22, "networking.k8s.io/v1"),
    row("flowcontrol.apiserver.k8s.io", "v1beta1", &["FlowSchema", "PriorityLevelConfiguration"], 23, 26, "flowcontrol.apiserver.k8s.io/v1beta3"),
    row("flowcontrol.apiserver.k8s.io", "v1beta2", &["FlowSchema", "PriorityLevelConfiguration"], 26, 29, "flowcontrol.apiserver.k8s.io/v1beta3"),
    row("flowcontrol.apiserver.k8s.io", "v1beta3", &["FlowSchema", "PriorityLevelConfiguration"], 29, 32, "flowcontrol.apiserver.k8s.io/v1"),
    row("lifecycle.k8s.io", "v1alpha1", &["Eviction", "EvictionRequest"], 40, 43, ""),
    row("networking.k8s.io", "v1beta1", &["Ingress", "IngressClass"], 19, 22, "networking.k8s.io/v1"),
    row("networking.k8s.io", "v1beta1", &["IPAddress", "ServiceCIDR"], 34, 37, "networking.k8s.io/v1"),
    row("node.k8s.io", "v1beta1", &["RuntimeClass"], 22, 25, "node.k8s.io/v1"),
    row("policy", "v1beta1", &["PodDisruptionBudget"], 21, 25, "policy/v1"),
    row("policy", "v1beta1", &["Eviction"], 22, 25, "policy/v1"),
    row("rbac.authorization.k8s.io", "v1beta1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"], 17, 22, "rbac.authorization.k8s.io/v1"),
    row("resource.k8s.io", "v1alpha3", &["DeviceTaintRule"], 36, 39, "resource.k8s.io/v1"),
    row("resource.k8s.io", "v1alpha3", &["ResourcePoolStatusRequest"], 39, 42, ""),
    row("resource.k8s.io", "v1beta1", &["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"], 35, 38, "resource.k8s.io/v1"),
    row("resource.k8s.io", "v1beta2", &["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"], 36, 39, "resource.k8s.io/v1"),
    row("resource.k8s.io", "v1beta2", &["DeviceTaintRule"], 39, 42, "resource.k8s.io/v1"),
    row("scheduling.k8s.io", "v1beta1", &["PriorityClass"], 14, 22, "scheduling.k8s.io/v1"),
    row("scheduling.k8s.io", "v1beta1", &["PodGroup", "Workload"], 40, 43, ""),
    row("storage.k8s.io", "v1alpha1", &["VolumeAttachment"], 21, 24, "storage.k8s.io/v1"),
    row("storage.k8s.io", "v1alpha1", &["CSIStorageCapacity"], 21, 24, "storage.k8s.io/v1beta1"),
    row("storage.k8s.io", "v1alpha1", &["VolumeAttributesClass"], 32, 35, "storage.k8s.io/v1"),
    row("storage.k8s.io", "v1beta1", &["CSINode"], 17, 22, "storage.k8s.io/v1"),
    row("storage.k8s.io", "v1beta1", &["CSIDriver", "StorageClass", "VolumeAttachment"], 19, 22, "storage.k8s.io/v1"),
    row("storage.k8s.io", "v1beta1", &["CSIStorageCapacity"], 24, 27, "storage.k8s.io/v1"),
    row("storage.k8s.io", "v1beta1", &["VolumeAttributesClass"], 34, 37, "storage.k8s.io/v1"),
    row("storagemigration.k8s.io", "v1beta1", &["StorageVersionMigration"], 37, 40, "storagemigration.k8s.io/v1"),
];
// End of the rows that are made.
