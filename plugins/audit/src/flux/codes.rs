//! The codes of Flux.

use mlops_shared::codes;

codes! {
    FLUX_INSECURE_FLAG = "flux-insecure-flag", "A Flux controller lets kubeconfigs run commands or skip TLS",
        "With --insecure-kubeconfig-exec whoever can write a Secret that a Kustomization or HelmRelease names as its kubeconfig runs commands inside the controller, which is cluster admin (CVE-2022-24817); --insecure-kubeconfig-tls lets it talk to clusters that it does not check.",
        "Remove the flag from the controller's arguments.";
    FLUX_REMOTE_BASES = "flux-remote-bases", "kustomize-controller fetches bases from anywhere",
        "A kustomization.yaml may name bases by URL, which are fetched at each build: nobody reviewed them, and they are no part of the revision that was verified.",
        "Start kustomize-controller with --no-remote-bases=true.";
    FLUX_CROSS_NAMESPACE = "flux-cross-namespace", "A Flux controller follows references into other namespaces",
        "Whoever may create Flux objects in one namespace can use the sources and receivers of another, its credentials with them.",
        "Where tenants share the cluster, start the controllers with --no-cross-namespace-refs=true.";
    FLUX_NO_DEFAULT_ACCOUNT = "flux-no-default-account", "Flux objects without an account are applied as cluster admin",
        "Without --default-service-account a Kustomization or HelmRelease that names no account is applied with the controller's own rights: who may create one in any namespace has the cluster.",
        "Start kustomize-controller and helm-controller with --default-service-account, and name accounts in the platform's own objects.";
    FLUX_ACTS_AS_ADMIN = "flux-acts-as-admin", "A Flux object is applied with the controller's own rights",
        "It names no serviceAccountName: whoever can change what it holds, or push to its source, can change everything in the cluster.",
        "Set spec.serviceAccountName to an account that may do just what the set needs.";
    FLUX_PLAIN_SOURCE = "flux-plain-source", "A source is fetched without TLS",
        "Whoever is on the way between the cluster and the source can change what is applied, and sees the credentials that are sent.",
        "Use https or ssh; for a registry or bucket inside the cluster give it a certificate and name its authority in certSecretRef.";
    FLUX_PASS_CREDENTIALS = "flux-pass-credentials", "Credentials of a chart repository are sent to other hosts",
        "With passCredentials they go to whatever host the index names for a chart: who can change the index collects them.",
        "Remove spec.passCredentials, and serve charts from the host of the index.";
    FLUX_UNVERIFIED = "flux-unverified", "Nobody checks who made what a source holds",
        "Without spec.verify whoever can push to it decides what runs; with it only those whose key or identity is trusted.",
        "Sign commits, artifacts or charts and set spec.verify.";
    FLUX_FOREIGN_SOURCE = "flux-foreign-source", "An object uses a source of another namespace",
        "What is applied is decided in a namespace with other owners and other rights; --no-cross-namespace-refs would refuse it.",
        "Put the source beside what uses it.";
    FLUX_NO_PRUNE = "flux-no-prune", "What is deleted in Git stays in the cluster",
        "Without prune old Deployments, roles and bindings live on after nobody knows of them any more.",
        "Set spec.prune: true; keep single objects with the annotation kustomize.toolkit.fluxcd.io/prune: disabled.";
    FLUX_RECEIVER_OPEN = "flux-receiver-open", "A receiver does not check who calls it",
        "Without a secret, or with the type generic, whoever knows its path can make Flux fetch and apply at will.",
        "Use generic-hmac or the type of the Git host, and set spec.secretRef.";
    FLUX_ADDRESS_IN_CLEAR = "flux-address-in-clear", "A webhook address that is a secret stands in the object",
        "Addresses of chat webhooks hold their own token: whoever reads the Provider, or Git, can post with it.",
        "Put the address into a Secret under the key `address` and name it in spec.secretRef.";
    FLUX_LONG_SUSPENDED = "flux-long-suspended", "A Flux object has been suspended for long",
        "While it is suspended no fix reaches the cluster, those of security included, and what is changed by hand stays changed.",
        "`flux resume`, or delete what is not wanted any more.";
}
