//! The codes of credentials: in plain text, easily guessed, old, not needed.

use mlops_shared::codes;

codes! {
    SECRET_DEFAULT = "secret-default-credential", "A credential that everybody knows",
        "Whoever reaches the service tries what its documentation shows first: they read, change and delete what it keeps.",
        "Make a new one, change it where it is used, and keep it in an encrypted file (SOPS, Sealed Secrets) or a store (External Secrets).";
    SECRET_WEAK = "secret-weak-credential", "A credential that is guessed",
        "A product's or a user's name with digits behind it, a common word or a handful of characters falls in minutes to whoever reaches the service. Where it stands in a file or in an object that is no Secret, it need not even be guessed.",
        "Make a random one of at least 20 characters, and keep it encrypted or in a store.";
    SECRET_PLAINTEXT = "secret-plaintext", "A credential in plain text",
        "Everybody who can read the repository, a clone or its history has it; of an object in a cluster, everybody who may read that object, which `view` grants for all but Secrets. Base64 is no encryption.",
        "Take it out of use: the history keeps it. Put the new one into an encrypted file (SOPS, Sealed Secrets) or a store (External Secrets) and name it by existingSecret, secretKeyRef or valuesFrom.";
    SECRET_TOKEN = "secret-provider-token", "A provider's token in plain text",
        "Its form tells whose it is, and programs look for it: such a token is tried within minutes of being published.",
        "Revoke it with its issuer now, then look at what was done with it.";
    SECRET_PRIVATE_KEY = "secret-private-key", "A private key in plain text",
        "Whoever has it is whom it proves: a server, a user, a signer. What it encrypted can be read.",
        "Make a new key, revoke its certificate or take it off every host, and keep the new one encrypted or in a store.";
    SECRET_HALF_ENCRYPTED = "secret-half-encrypted", "A file that SOPS encrypted holds plain values",
        "It looks encrypted and is not: the value was added by hand, or the rule for what is encrypted does not reach it.",
        "`sops --encrypt --in-place FILE` with encrypted_regex ^(data|stringData)$, then change the credential: the history keeps it.";
    SECRET_AGE = "secret-age", "A credential that was not changed for long",
        "Whoever ever had it still has: people who left, an old backup, a log, a copied kubeconfig.",
        "Make a new one where it comes from, and let both be valid until everything uses the new one. Thresholds are secretAgeWarnSeconds and secretAgeFailSeconds of the platform file.";
    SECRET_AGE_UNKNOWN = "secret-age-unknown", "A credential of which nobody knows how old it is",
        "It was made long ago, and metadata does not tell when it was last changed: it may be as old as the Secret.",
        "Change it once by a tool that records its writes (kubectl apply --server-side), and its age is known from then on.";
    SECRET_UNUSED = "secret-unused", "A Secret that nothing refers to",
        "It serves nobody but an attacker: a credential that is still valid and that nobody misses or watches.",
        "Look who wrote it and whether a program asks the API server for it by name; then revoke the credential where it is valid, and delete the Secret.";
    SECRET_USE_UNKNOWN = "secret-use-unknown", "Whether anything refers to a Secret is not known",
        "Nothing that was read refers to it, but kinds that may were not read.",
        "Grant `list` on the kinds that are named (deploy/rbac/audit.yaml), and look at all namespaces.";
    SECRET_IN_ENVIRONMENT = "secret-in-environment", "A Secret in environment variables",
        "Environment variables leak: into crash reports, debug pages, child processes and `kubectl exec … env`. They also keep the old value until the process restarts (CIS 5.4.1).",
        "Mount the Secret as files where the program can read these, and restart on change.";
    SECRET_STATIC_TOKEN = "secret-static-token", "A token of a service account that never expires",
        "Whoever copied it once is that service account until the Secret is deleted.",
        "Delete it where nothing outside the cluster uses it; pods get short-lived tokens by themselves, and `kubectl create token` makes one for a while.";
    SECRET_APPLIED = "secret-last-applied", "An annotation repeats a Secret's values",
        "`kubectl apply` notes down what it applied, in base64: whatever copies, logs or shows metadata shows the values.",
        "Apply Secrets with --server-side, which keeps no copy, and remove the annotation.";
    CERT_EXPIRED = "cert-expired", "A certificate that has ended",
        "Clients refuse the server, or the server its clients; of a webhook's authority, the API server refuses to ask it, and what it guards stands still. People then switch verification off, and anybody may stand in between.",
        "Renew it where it comes from: look at its Certificate (cert-manager), let Strimzi renew its authority, or issue it anew. A caBundle is renewed by whoever writes it, cert-manager's cainjector mostly.";
    CERT_EXPIRES = "cert-expires", "A certificate that ends soon",
        "It will be refused on that day, mostly at an hour when nobody looks. What renews it by itself should have done so by now.",
        "Find out why it was not renewed (`kubectl mlops health` judges cert-manager and Strimzi), or renew it by hand.";
    CERT_NOT_YET = "cert-not-yet-valid", "A certificate that does not hold yet",
        "Clients refuse it until then; the clock of whoever signed it may be wrong.",
        "Compare the clocks, and issue it anew.";
    CERT_KEY_MISMATCH = "cert-key-mismatch", "A private key that is not the certificate's",
        "No server starts with this pair, or it goes on with the old one until it restarts.",
        "Put the key that the certificate was issued for beside it, or issue it anew.";
    CERT_CHAIN = "cert-chain-order", "A chain of certificates that is out of order",
        "Some clients sort it, others refuse the server: it fails for a part of them only.",
        "Put the server's own certificate first, then whoever signed it, and so on; the root may be left out.";
    CERT_WEAK = "cert-weak", "A certificate with a weak key or signature",
        "RSA keys below 2048 bits are within reach of those who can pay for it, and signatures with MD5 or SHA-1 can be forged; modern clients refuse both.",
        "Issue it anew with an RSA key of 2048 bits or more, or an elliptic curve, signed with SHA-256.";
    CERT_NO_NAMES = "cert-no-names", "A server's certificate without alternative names",
        "Clients have not looked at the common name for years: they refuse it, or have verification switched off.",
        "Issue it anew with the names of the service as subject alternative names.";
    SECRET_RANDOM = "secret-random-value", "A value that looks like a credential",
        "Nothing names it one, but it is long and random, as keys and tokens are. If it is one, everybody who can read the file has it.",
        "Look what it is for. A credential belongs into an encrypted file or a store; anything else is accepted by a comment (mlops-audit:allow secret-random-value REASON).";
}
