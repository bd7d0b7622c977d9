//! Tokens that tell by their form whose they are.

/// A form: who gives such tokens out, how they begin, and how long and of what the rest is.
struct Form {
    issuer: &'static str,
    prefix: &'static str,
    least: usize,
    most: usize,
    is_part: fn(char) -> bool,
}

fn upper(letter: char) -> bool {
    letter.is_ascii_uppercase() || letter.is_ascii_digit()
}

fn alnum(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
}

fn url_safe(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

fn dotted(letter: char) -> bool {
    url_safe(letter) || letter == '.'
}

const fn form(
    issuer: &'static str,
    prefix: &'static str,
    least: usize,
    most: usize,
    is_part: fn(char) -> bool,
) -> Form {
    Form { issuer, prefix, least, most, is_part }
}

/// By the documentation of whoever gives them out.
const FORMS: &[Form] = &[
    form("AWS", "AKIA", 16, 16, upper),
    form("AWS", "ASIA", 16, 16, upper),
    form("GitHub", "ghp_", 36, 255, alnum),
    form("GitHub", "gho_", 36, 255, alnum),
    form("GitHub", "ghs_", 36, 255, alnum),
    form("GitHub", "ghu_", 36, 255, alnum),
    form("GitHub", "github_pat_", 50, 255, url_safe),
    form("GitLab", "glpat-", 20, 64, dotted),
    form("GitLab", "gldt-", 20, 64, url_safe),
    form("Slack", "xoxb-", 20, 255, url_safe),
    form("Slack", "xoxp-", 20, 255, url_safe),
    form("Slack", "xapp-", 20, 255, url_safe),
    form("Google", "AIza", 35, 35, url_safe),
    form("Hugging Face", "hf_", 34, 40, alnum),
    form("OpenAI", "sk-proj-", 20, 255, url_safe),
    form("Anthropic", "sk-ant-", 20, 255, url_safe),
    form("Stripe", "sk_live_", 20, 255, alnum),
    form("npm", "npm_", 36, 36, alnum),
    form("PyPI", "pypi-", 50, 255, url_safe),
    form("Docker", "dckr_pat_", 20, 64, url_safe),
    form("Vault", "hvs.", 24, 255, url_safe),
    form("DigitalOcean", "dop_v1_", 64, 64, alnum),
    form("Grafana", "glsa_", 32, 64, url_safe),
    form("Grafana Cloud", "glc_", 32, 400, |letter| alnum(letter) || "+/=".contains(letter)),
    form("Databricks", "dapi", 32, 34, |letter| letter.is_ascii_hexdigit() || letter == '-'),
    form("SendGrid", "SG.", 60, 80, dotted),
    form("age", "AGE-SECRET-KEY-1", 58, 58, upper),
];

/// Whose token stands in a text.
pub(super) fn issuer(text: &str) -> Option<&'static str> {
    FORMS
        .iter()
        .find(|form| text.match_indices(form.prefix).any(|(at, _)| fits(form, text, at)))
        .map(|form| form.issuer)
}

fn fits(form: &Form, text: &str, at: usize) -> bool {
    if text[..at].chars().next_back().is_some_and(|before| alnum(before) || before == '_') {
        return false;
    }
    let rest = &text[at + form.prefix.len()..];
    let length = rest.chars().take_while(|letter| (form.is_part)(*letter)).count();
    // AWS's own examples are no keys, nor is what consists of one letter.
    let body = &rest[..length.min(rest.len())];
    let is_shown = body.ends_with("EXAMPLE") || body.contains("1234567890") || body.contains("YOUR-");
    let is_example = is_shown || body.chars().collect::<std::collections::HashSet<_>>().len() < 2;
    (form.least..=form.most).contains(&length) && !is_example
}

/// Whether a private key in PEM stands in a text, with something in it.
pub(super) fn has_private_key(text: &str) -> bool {
    text.match_indices("-----BEGIN ").any(|(at, start)| {
        let rest = &text[at + start.len()..];
        let Some((label, body)) = rest.split_once("-----") else { return false };
        let body = body.split("-----").next().unwrap_or_default();
        label.len() < 40
            && label.ends_with("PRIVATE KEY")
            && body.chars().filter(|letter| alnum(*letter)).count() > 60
            && !body.contains("{{")
            && !body.contains("...")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_tell_whose_they_are() {
        // Put together here, so that no scanner takes this file for a leak.
        let aws = format!("AKIA{}", "Q3EGXZ7RT2PLMN4B");
        assert_eq!(issuer(&format!("key={aws} and more")), Some("AWS"));
        assert_eq!(issuer(&format!("ghp_{}", "a1B2".repeat(9))), Some("GitHub"));
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "MYAKIAQ3EGXZ7RT2PLMN4B",
            "ghp_short",
            "npm_config_cache",
            "hf_hub_download",
            "xoxb-1234567890-1234567890-1234567890",
        ] {
            assert_eq!(issuer(text), None, "{text}");
        }
        let pem = |body: &str| format!("-----BEGIN RSA {} KEY-----\n{body}\n-----END-----\n", "PRIVATE");
        assert!(has_private_key(&pem(&"MIIEpAIBAAKCAQEA".repeat(8))));
        assert!(!has_private_key(&pem("{{ .Values.key }}")) && !has_private_key(&pem("...")));
    }
}
