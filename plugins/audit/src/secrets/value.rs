//! What a value is: something that stands for another, or a literal.

use super::key;

/// The literal that a value comes to, if it comes to one: the value itself, or the default of a
/// substitution such as `${VAR:=value}`. `None` for what only names a credential.
pub(super) fn literal(value: &str) -> Option<&str> {
    let value = value.trim();
    if let Some(inner) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        // Flux, envsubst and shells alike: `:=`, `:-`, `=` and `-` give a default.
        let end = inner.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
        let rest = &inner[end..];
        let default = [":=", ":-", "=", "-"].iter().find_map(|sign| rest.strip_prefix(sign))?;
        return literal(default);
    }
    let is_set = !value.is_empty() && !is_substituted(value) && !is_encrypted(value) && !is_named(value);
    (is_set && !is_placeholder(value)).then_some(value)
}

/// Whether something puts the value in later: templates, variables, commands.
fn is_substituted(value: &str) -> bool {
    value.contains("{{")
        || value.contains("${")
        || value.contains("$(")
        || value.contains("{%")
        || value.contains("<%")
        || (value.starts_with('$') && value[1..].chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
        || (value.starts_with('`') && value.ends_with('`'))
        || (value.starts_with('%') && value.ends_with('%') && value.len() > 2)
        || value.starts_with("%(")
}

/// Whether the value is encrypted: SOPS, Ansible's vault, age, PGP.
pub(super) fn is_encrypted(value: &str) -> bool {
    value.starts_with("ENC[")
        || value.starts_with("$ANSIBLE_VAULT;")
        || value.starts_with("-----BEGIN PGP MESSAGE-----")
        || value.starts_with("-----BEGIN AGE ENCRYPTED FILE-----")
}

/// Whether the value says where the credential is.
fn is_named(value: &str) -> bool {
    let prefixes = [
        "op://",
        "ref+",
        "vault:",
        "vault+",
        "arn:aws:",
        "projects/",
        "gcp:",
        "azurekeyvault://",
        "awssm://",
        "secretref:",
        "env:",
        "file:",
        "$__file{",
        "$__env{",
        "secret:",
        "keyvault:",
        "aws-sm:",
        "ssm:",
    ];
    let lower = value.to_ascii_lowercase();
    if prefixes.iter().any(|prefix| lower.starts_with(prefix)) {
        return true;
    }
    let is_path = value.starts_with('/') || value.starts_with("./") || value.starts_with("~/");
    let file = [".pem", ".crt", ".key", ".txt", ".json", ".yaml", ".jks", ".p12", ".encrypted", ".enc", ".gpg", ".asc"]
        .iter()
        .any(|end| lower.ends_with(end));
    is_path && !value.contains('+') && !value.ends_with('=') || file && !value.contains('\n')
}

/// Whether the value waits to be filled in, or is no value.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "null"
            | "nil"
            | "none"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "disabled"
            | "enabled"
            | "optional"
            | "required"
            | "todo"
            | "undefined"
            | "read"
            | "write"
            | "string"
            | "str"
            | "auto"
            | "generate"
            | "generated"
            | "random"
            | "redacted"
            | "removed"
            | "n/a"
            | "basic"
            | "bearer"
            | "tls"
            | "oauth"
            | "oauth2"
            | "scram-sha-512"
            | "plain"
            | "ldap"
            | "kubernetes"
    ) {
        return true;
    }
    let is_left_out = value.chars().all(|letter| letter == '…');
    let is_bracketed =
        (value.starts_with('<') && value.ends_with('>')) || (value.starts_with('[') && value.ends_with(']'));
    let has_content = value.chars().any(|letter| letter.is_alphanumeric() || letter.is_control() || !letter.is_ascii());
    let is_masked =
        value.len() >= 3 && value.chars().all(|letter| matches!(letter, 'x' | 'X' | '*' | '.' | '-' | '_' | '?'));
    // `xoxb-YOUR-TOKEN`.
    is_left_out
        || value.contains("YOUR-")
        || value.contains("YOUR_")
        || is_bracketed
        || !has_content
        || is_masked
        || [
            "your-",
            "your_",
            "<your",
            "replace",
            "placeholder",
            "insert-",
            "insert_",
            "put-your",
            "my-secret-",
            "fill-",
        ]
        .iter()
        .any(|start| lower.starts_with(start))
        || value.split_whitespace().count() >= 3
}

/// Whether the value reads like the name of an object or of a key in one: lower-case words with dashes
/// between them, the last of which is a word such names end on.
pub(super) fn is_name(value: &str) -> bool {
    let is_label =
        value.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-._".contains(letter));
    let words = key::words(value);
    let last = words.last().map_or("", String::as_str);
    let ends = [
        "secret",
        "secrets",
        "credentials",
        "creds",
        "password",
        "passwd",
        "token",
        "key",
        "auth",
        "tls",
        "cert",
        "certs",
        "config",
        "accesskey",
        "secretkey",
        "user",
        "username",
        "conf",
        "pull",
        "connection",
        "uri",
        "dsn",
    ];
    is_label && (words.len() > 1 || !value.chars().any(|letter| letter.is_ascii_digit())) && ends.contains(&last)
}

/// Shannon entropy in bits a character.
pub(super) fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    value.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = value.len() as f64;
    let parts = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    -parts.map(|share| share * share.log2()).sum::<f64>()
}

/// The user and password in an address: `postgresql://user:password@host/db`.
pub(super) fn userinfo(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.split_once("://")?;
    let scheme = scheme.rsplit(|letter: char| !(letter.is_ascii_alphanumeric() || "+-.".contains(letter))).next()?;
    if scheme.is_empty() {
        return None;
    }
    let end =
        rest.find(|letter: char| letter == '/' || letter == '?' || letter.is_whitespace() || "\"'`".contains(letter));
    let (userinfo, _) = rest[..end.unwrap_or(rest.len())].rsplit_once('@')?;
    let (user, password) = userinfo.split_once(':')?;
    literal(password).map(|password| (user, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_credential_is_none() {
        for value in [
            "",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "$(DB_PASSWORD)",
            "{{ .Values.password }}",
            "{{ vault_password }}",
            "op://vault/item/field",
            "ref+vault://secret/db",
            "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]",
            "<password>",
            "xxxxxx",
            "…",
            "abc-YOUR-TOKEN",
            "token.encrypted",
            "/run/secrets/password",
            "your-password-here",
            "REPLACE_ME",
            "true",
            "null",
            "the password of the database",
            "$ANSIBLE_VAULT;1.1;AES256",
            "tls.key",
            "${A:-${B}}",
        ] {
            assert_eq!(literal(value), None, "{value}");
        }
        assert_eq!(literal("${DB_PASSWORD:=mlflow123}"), Some("mlflow123"));
        assert_eq!(literal("${DB_PASSWORD:-mlflow123}"), Some("mlflow123"));
        assert_eq!(literal("$ecret-Value"), Some("$ecret-Value"));
    }

    #[test]
    fn addresses_give_up_their_passwords() {
        assert_eq!(userinfo("postgresql://postgres:mlflow123@db:5432/mlflow"), Some(("postgres", "mlflow123")));
        assert_eq!(userinfo("url: s3://a:b@c"), Some(("a", "b")));
        for value in ["https://host/a:b@c", "https://user@host", "https://user:${PASSWORD}@host", "https://:@host"] {
            assert_eq!(userinfo(value), None, "{value}");
        }
    }

    #[test]
    fn names_of_secrets_are_told_from_secrets() {
        assert!(
            is_name("minio-root-credentials")
                && is_name("root-password")
                && is_name("password")
                && is_name("secretkey")
        );
        assert!(!is_name("minioadmin") && !is_name("Tr0ub4dor") && !is_name("mlflow123"));
    }
}
