//! The codes of credentials in plain text.

use mlops_shared::codes;

codes! {
    SECRET_DEFAULT = "secret-default-credential", "A credential that everybody knows",
        "Whoever reaches the service tries what its documentation shows first: they read, change and delete what it keeps.",
        "Make a new one, change it where it is used, and keep it in an encrypted file (SOPS, Sealed Secrets) or a store (External Secrets).";
    SECRET_WEAK = "secret-weak-credential", "A credential that is guessed",
        "A product's or a user's name with digits behind it, a common word or a handful of characters falls in minutes to whoever reaches the service; it also stands in plain text here.",
        "Make a random one of at least 20 characters, and keep it encrypted or in a store.";
    SECRET_PLAINTEXT = "secret-plaintext", "A credential in plain text",
        "Everybody who can read the repository, a clone or its history has it. Base64 is no encryption.",
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
}
