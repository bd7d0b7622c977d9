//! The tags of an OCI registry (github.com/opencontainers/distribution-spec), as an anonymous reader: page by page, with
//! the token that the registry's own service gives to anybody.

use super::Offered;
use super::fetch::{Answer, Client, beside, host_and_port};
use super::guard::is_sibling;
use http::header::{LINK, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode, Uri};
use semver::Version;
use serde::Deserialize;

/// Pages of a thousand.
const PAGES: usize = 50;
/// A token may be so long.
const TOKEN: usize = 16 << 10;

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

/// The versions among the tags of a repository. Helm writes `_` for the `+` that a tag cannot hold.
pub(super) async fn versions(client: &Client, registry: &str, repository: &str) -> Result<Vec<Offered>, String> {
    let first = format!("{registry}/v2/{repository}/tags/list?n=1000");
    let (mut url, mut token, mut found) = (first, None::<String>, Vec::new());
    for _ in 0..PAGES {
        let mut answer = client.small(&url, token.as_deref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED && token.is_none() {
            let anonymous = anonymous(client, &url, repository, &answer).await?;
            answer = client.small(&url, Some(&anonymous)).await?;
            token = Some(anonymous);
        }
        match answer.status {
            status if status.is_success() => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err("the registry needs credentials, and none are sent".to_owned());
            }
            status => return Err(format!("the registry answered {}", status.as_u16())),
        }
        let page: Tags =
            serde_json::from_slice(&answer.body).map_err(|_| "the registry's answer is no list of tags".to_owned())?;
        found.extend(page.tags.unwrap_or_default().iter().filter_map(|tag| version(tag)));
        match next(&url, &answer.headers)? {
            Some(next) => url = next,
            None => return Ok(found),
        }
    }
    Err(format!("the registry's list of tags has more than {PAGES} pages"))
}

/// The version that a tag names.
fn version(tag: &str) -> Option<Offered> {
    let text = tag.replace('_', "+");
    let version = Version::parse(text.strip_prefix('v').unwrap_or(&text)).ok()?;
    Some(Offered { version, is_deprecated: false, kube_version: String::new() })
}

/// The next page, on the same host.
fn next(url: &str, headers: &HeaderMap) -> Result<Option<String>, String> {
    let Some(link) = headers.get(LINK).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some((target, rest)) = link.strip_prefix('<').and_then(|rest| rest.split_once('>')) else { return Ok(None) };
    if !rest.contains("next") {
        return Ok(None);
    }
    let from: Uri = url.parse().map_err(|_| "its URL is no address".to_owned())?;
    let to = beside(&from, target)?;
    if to.authority() != from.authority() || to.scheme() != from.scheme() {
        return Err("the registry's next page is on another host".to_owned());
    }
    if to == from {
        return Err("the registry's list of tags does not end".to_owned());
    }
    Ok(Some(to.to_string()))
}

/// A token for anybody, from the service that the registry names.
async fn anonymous(client: &Client, url: &str, repository: &str, refused: &Answer) -> Result<String, String> {
    let needs = || "the registry needs credentials, and none are sent".to_owned();
    let challenge = refused.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).ok_or_else(needs)?;
    let fields = bearer(challenge).ok_or_else(needs)?;
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let realm: Uri = field("realm").parse().map_err(|_| needs())?;
    let from: Uri = url.parse().map_err(|_| needs())?;
    let ((host, _), (other, port)) = (host_and_port(&from)?, host_and_port(&realm)?);
    if !is_sibling(&host, &other) && !client.is_allowed(&other, port) {
        let shown: String = other.chars().take(100).collect();
        return Err(format!("the registry sends for its token to {shown}, and no other host is asked"));
    }
    if (from.scheme_str(), realm.scheme_str()) == (Some("https"), Some("http")) {
        return Err("the registry sends for its token without TLS".to_owned());
    }
    let sign = if realm.query().is_some() { '&' } else { '?' };
    let service = encode(field("service"));
    let ask = format!("{realm}{sign}service={service}&scope=repository:{}:pull", encode(repository));
    let answer = client.small(&ask, None).await?;
    if !answer.status.is_success() {
        return Err(needs());
    }
    let given: Token = serde_json::from_slice(&answer.body).map_err(|_| "the registry's token is none".to_owned())?;
    let token = if given.token.is_empty() { given.access_token } else { given.token };
    if token.is_empty() || token.len() > TOKEN { Err(needs()) } else { Ok(token) }
}

/// The fields of a `Bearer` challenge.
fn bearer(challenge: &str) -> Option<Vec<(String, String)>> {
    let (scheme, mut rest) = challenge.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut fields = Vec::new();
    while let Some((key, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"')?;
        fields.push((key.trim_matches([',', ' ']).to_ascii_lowercase(), value.to_owned()));
        rest = after;
    }
    Some(fields)
}

/// Percent-encodes a value of a query; `/` stays, as registries want it.
fn encode(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_versions_with_their_plus_back() {
        assert_eq!(version("1.2.3_abc").map(|it| it.version.to_string()).as_deref(), Some("1.2.3+abc"));
        assert_eq!(version("v1.2.3").map(|it| it.version.to_string()).as_deref(), Some("1.2.3"));
        assert!(version("latest").is_none() && version("sha256-abc.sig").is_none());
    }

    #[test]
    fn challenges_are_read() {
        let fields =
            bearer("Bearer realm=\"https://auth.example.com/token\",service=\"r\", scope=\"a:b,c\"").expect("fields");
        assert_eq!(fields[0], ("realm".into(), "https://auth.example.com/token".into()));
        assert_eq!(fields[2], ("scope".into(), "a:b,c".into()));
        assert!(bearer("Basic realm=\"x\"").is_none() && bearer("Bearer realm=\"x").is_none());
    }

    #[test]
    fn the_next_page_is_on_the_same_host() {
        let of = |link: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, link.parse().expect("a header"));
            next("https://r.example.com/v2/a/tags/list?n=2", &headers)
        };
        assert_eq!(
            of("</v2/a/tags/list?n=2&last=b>; rel=\"next\"").expect("a page").as_deref(),
            Some("https://r.example.com/v2/a/tags/list?n=2&last=b")
        );
        assert!(of("<https://evil.example.com/v2>; rel=\"next\"").is_err());
        assert!(of("</v2/a/tags/list?n=2>; rel=\"next\"").is_err());
        assert_eq!(of("</x>; rel=\"prev\"").expect("none"), None);
    }
}
