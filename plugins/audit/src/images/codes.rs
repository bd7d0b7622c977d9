//! The codes of images.

use mlops_shared::codes;

codes! {
    IMAGE_LATEST = "image-latest", "An image without a fixed version",
        "Without a tag, or with the tag latest, what runs is whatever the registry holds when a node pulls: nobody decided on it, two nodes may run different programs, and whoever can push to the repository is in the cluster with the next restart.",
        "Name a version, better a digest: `image: NAME:TAG@sha256:…`.";
    IMAGE_NO_DIGEST = "image-no-digest", "An image that is not pinned by its digest",
        "A tag can be moved: the same manifest runs something else after the next pull. Where the platform file asks for digests (images.requireDigest) this matters in full; else it is only told.",
        "Add the digest to the reference: `crane digest NAME:TAG` or the registry's page prints it.";
    IMAGE_REGISTRY_NOT_ALLOWED = "image-registry-not-allowed", "An image from a registry that is not allowed",
        "The platform file lists the registries and paths that images may come from (images.registries), and this is none of them: nobody scans, mirrors or vouches for it.",
        "Mirror the image into an allowed registry, or add its registry to the list after looking at who publishes there.";
    IMAGE_OLD_REGISTRY = "image-old-registry", "An image from a registry that is given up",
        "k8s.gcr.io is frozen since April 2023 and gets no fixes; nothing holds it there.",
        "Write registry.k8s.io in its place, and a current version.";
    IMAGE_PULL_POLICY = "image-pull-policy", "A moving tag that is not pulled again",
        "With IfNotPresent or Never a node keeps what it has under a tag that moves: nodes run different programs, and a fix that was pushed never arrives.",
        "Name a fixed version; else set imagePullPolicy: Always.";
    IMAGE_DRIFT = "image-drift", "Pods of one workload run different images under one name",
        "The tag was pushed anew between two pulls: some pods run the old program and some the new one, and no rollout was ever asked for. Whoever can push the tag changes what runs.",
        "Pin the digest that is wanted and roll the workload out.";
}
