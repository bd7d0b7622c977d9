//! What the name of a key says of its value.

/// What a key's value is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A password.
    Password,
    /// A key, a token or another secret.
    Secret,
    /// A secret or the name of one: charts use the word for both.
    Either,
    /// Half of a pair: who somebody is.
    Identity,
    /// None of these.
    Other,
}

/// The words of a key: `postgresPassword`, `POSTGRES_PASSWORD` and `postgres-password` have the same.
pub(super) fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_start = true;
    let mut last_was_lower = false;
    let letters: Vec<char> = key.chars().take(200).collect();
    for (index, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            is_start = true;
            continue;
        }
        let next_is_lower = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (last_was_lower || (next_is_lower && index > 0)) {
            is_start = true;
        }
        last_was_lower = letter.is_lowercase() || letter.is_ascii_digit();
        if is_start {
            words.push(String::new());
            is_start = false;
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

/// Words that end the name of a password.
const PASSWORDS: &[&str] =
    &["password", "passwd", "passphrase", "pass", "pwd", "passwort", "userpassword", "rootpassword"];

/// Words that end the name of a secret.
const SECRETS: &[&str] = &[
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "fernetkey",
    "clientsecret",
    "secretaccesskey",
    "authkey",
    "bearer",
];

/// Words before `key` that make it a secret.
const KEYS: &[&str] = &[
    "access",
    "account",
    "api",
    "auth",
    "encryption",
    "fernet",
    "hmac",
    "jwt",
    "license",
    "master",
    "private",
    "root",
    "secret",
    "session",
    "shared",
    "signing",
    "storage",
    "webhook",
];

/// Words before `secret` that make it one, and not the name of one.
const OWN_SECRETS: &[&str] =
    &["api", "app", "client", "consumer", "cookie", "hmac", "jwt", "oauth", "session", "shared", "signing", "webhook"];

/// What a key's value is, by its name.
pub(super) fn meaning(key: &str) -> Meaning {
    let words = words(key);
    let Some((last, before)) = words.split_last() else { return Meaning::Other };
    let previous = before.last().map_or("", String::as_str);
    let last = last.as_str();
    if PASSWORDS.contains(&last) {
        return if last == "pass" && matches!(previous, "by" | "bypass" | "proxy" | "first" | "second") {
            Meaning::Other
        } else {
            Meaning::Password
        };
    }
    match last {
        "token" if matches!(previous, "account" | "mount" | "automount" | "next" | "continue" | "page") => {
            Meaning::Other
        }
        "user" | "username" | "login" => Meaning::Identity,
        "id" if before.ends_with(&["access".to_owned(), "key".to_owned()]) => Meaning::Identity,
        "key" if KEYS.contains(&previous) => Meaning::Secret,
        "secret" if OWN_SECRETS.contains(&previous) => Meaning::Secret,
        "secret" | "secrets" | "credential" | "credentials" | "creds" | "auth" => Meaning::Either,
        "string" if matches!(previous, "connection" | "conn") => Meaning::Secret,
        _ if SECRETS.contains(&last) => Meaning::Secret,
        _ => Meaning::Other,
    }
}

/// Whether a key of a Secret holds what everybody may know.
pub(super) fn is_public(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let ends = |ending: &str| key.ends_with(ending);
    let is_certificate = (ends(".crt") || ends(".pem") || ends(".cer")) && !key.contains("key");
    if is_certificate || ends(".pub") || ends("known_hosts") || ends(".crl") || ends(".csr") {
        return true;
    }
    let words = words(&key);
    let last = words.last().map_or("", String::as_str);
    matches!(
        last,
        "user"
            | "username"
            | "login"
            | "email"
            | "host"
            | "hostname"
            | "port"
            | "database"
            | "db"
            | "dbname"
            | "schema"
            | "endpoint"
            | "region"
            | "bucket"
            | "type"
            | "enabled"
            | "sslmode"
            | "driver"
            | "server"
            | "namespace"
            | "issuer"
            | "realm"
            | "path"
            | "name"
            | "ca"
            | "alias"
            | "audience"
            | "mode"
            | "protocol"
            | "project"
            | "org"
    ) || (matches!(last, "url" | "uri" | "id" | "address") && meaning(&key) != Meaning::Identity)
}

/// Whether what stands below this key names something else: a Secret and a key in it.
pub(super) fn is_reference(key: &str) -> bool {
    matches!(key, "valueFrom" | "fieldRef" | "remoteRef" | "serviceAccountToken" | "encryptedData")
        || key.ends_with("Ref")
        || key.ends_with("Refs")
        || key.ends_with("Selector")
        || key == "matchLabels"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_by_their_last_words() {
        for key in ["postgresPassword", "POSTGRES_PASSWORD", "adminPassword", "pass", "MINIO_ROOT_PASSWORD", "db-pwd"] {
            assert_eq!(meaning(key), Meaning::Password, "{key}");
        }
        for key in [
            "secretKey",
            "secretkey",
            "AWS_SECRET_ACCESS_KEY",
            "fernetKey",
            "webserverSecretKey",
            "apiToken",
            "clientSecret",
        ] {
            assert_eq!(meaning(key), Meaning::Secret, "{key}");
        }
        for key in ["existingSecret", "secret", "tlsSecret", "credentials"] {
            assert_eq!(meaning(key), Meaning::Either, "{key}");
        }
        for key in [
            "secretName",
            "passwordKey",
            "existingSecretPasswordKey",
            "automountServiceAccountToken",
            "key",
            "passwordPolicy",
            "tokenExpiry",
            "partitionKey",
            "publicKey",
            "author",
            "compass",
            "webserverSecretKeySecretName",
            "passwordFile",
        ] {
            assert_eq!(meaning(key), Meaning::Other, "{key}");
        }
        assert!(is_public("ca.crt") && is_public("username") && is_public("id_rsa.pub") && is_public("POSTGRES_HOST"));
        assert!(!is_public("tls.key") && !is_public("password") && !is_public("accesskey"));
    }
}
