//! A small HTTP client that asks only what it was told to: the address is looked up and checked before the connection is
//! made to it, a redirect leads to no other host, answers are bounded, and no credentials are ever sent. No proxy is
//! used, for then somebody else would look the address up.

use super::guard::{is_allowed, is_public};
use http::header::{ACCEPT, AUTHORIZATION, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Body as _, Bytes};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, crypto};

/// An index may be so large.
const INDEX_BYTES: usize = 64 << 20;
/// Any other answer.
const ANSWER_BYTES: usize = 4 << 20;
/// Redirects on one host.
const REDIRECTS: usize = 3;

/// The client.
pub(super) struct Client {
    tls: TlsConnector,
    allowed: Vec<String>,
    limit: Duration,
}

/// An answer that arrived whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Either kind of connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Client {
    /// A client that may ask these hosts besides public addresses. One request may take so long.
    pub(super) fn new(allowed: &[String], limit: Duration) -> Result<Self, String> {
        let unusable = |error: &dyn std::fmt::Display| format!("failed to set up TLS: {error}");
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_platform_verifier()
            .map_err(|error| unusable(&error))?
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), allowed: allowed.to_vec(), limit })
    }

    /// Whether a person allowed a host by name.
    pub(super) fn is_allowed(&self, host: &str, port: u16) -> bool {
        is_allowed(&self.allowed, host, port)
    }

    /// The text at the address of an index.
    pub(super) async fn index(&self, url: &str) -> Result<String, String> {
        let answer = self.get(url, "application/yaml, */*", None, INDEX_BYTES).await?;
        match answer.status {
            status if status.is_success() => {
                String::from_utf8(answer.body).map_err(|_| "its index is no text".to_owned())
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(format!("it answered {}: it needs credentials, and none are sent", answer.status.as_u16()))
            }
            status => Err(format!("it answered {}", status.as_u16())),
        }
    }

    /// Any small answer, whatever its status.
    pub(super) async fn small(&self, url: &str, token: Option<&str>) -> Result<Answer, String> {
        self.get(url, "application/json", token, ANSWER_BYTES).await
    }

    async fn get(&self, url: &str, accept: &str, token: Option<&str>, bytes: usize) -> Result<Answer, String> {
        let limited = tokio::time::timeout(self.limit, self.follow(url, accept, token, bytes)).await;
        limited.map_err(|_| format!("no whole answer within {:?}", self.limit))?
    }

    async fn follow(&self, url: &str, accept: &str, token: Option<&str>, bytes: usize) -> Result<Answer, String> {
        let mut uri = parse(url)?;
        for _ in 0..=REDIRECTS {
            let answer = self.once(&uri, accept, token, bytes).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            uri = redirected(&uri, &answer.headers)?;
        }
        Err(format!("it redirects more than {REDIRECTS} times"))
    }

    async fn once(&self, uri: &Uri, accept: &str, token: Option<&str>, bytes: usize) -> Result<Answer, String> {
        let (host, port) = host_and_port(uri)?;
        let stream = self.connect(uri, &host, port).await?;
        let failed = |error: hyper::Error| format!("failed to ask {host}: {error}");
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let connection = tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |it| it.as_str());
        let authority = uri.authority().map_or(host.as_str(), |it| it.as_str());
        let mut request = Request::get(path)
            .header(HOST, authority)
            .header(ACCEPT, accept)
            .header(USER_AGENT, concat!("kubectl-mlops/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = token {
            let value =
                HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| "its token is none".to_owned())?;
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|_| "its URL is no address".to_owned())?;
        let answer = async {
            let (parts, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
            let size = body.size_hint().lower();
            if size > u64::try_from(bytes).unwrap_or(u64::MAX) {
                return Err(too_large(bytes));
            }
            let mut body = Limited::new(body, bytes);
            let mut read = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| {
                    if error.is::<http_body_util::LengthLimitError>() {
                        too_large(bytes)
                    } else {
                        format!("failed to read from {host}")
                    }
                })?;
                if let Some(data) = frame.data_ref() {
                    read.extend_from_slice(data);
                }
            }
            Ok(Answer { status: parts.status, headers: parts.headers, body: read })
        }
        .await;
        connection.abort();
        answer
    }

    /// Connects to an address that was looked up and checked here.
    async fn connect(&self, uri: &Uri, host: &str, port: u16) -> Result<Box<dyn Stream>, String> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                tokio::net::lookup_host((bare, port)).await.map_err(|_| format!("failed to look {host} up"))?.collect()
            }
        };
        let is_named = self.is_allowed(host, port);
        let mut usable = addresses.iter().filter(|address| is_named || is_public(address.ip())).peekable();
        if usable.peek().is_none() {
            let what = addresses.first().map_or_else(String::new, |address| format!(" ({})", address.ip()));
            return Err(format!(
                "{host}{what} is not on the open internet: --online-allow {host} asks it all the same"
            ));
        }
        let mut failure = String::new();
        for address in usable {
            match TcpStream::connect(address).await {
                Ok(stream) if uri.scheme_str() == Some("http") => return Ok(Box::new(stream)),
                Ok(stream) => {
                    let name = ServerName::try_from(bare.to_owned()).map_err(|_| format!("{host} is no name"))?;
                    let secured = self.tls.connect(name, stream).await;
                    return secured
                        .map(|stream| Box::new(stream) as Box<dyn Stream>)
                        .map_err(|error| format!("no TLS with {host}: {error}"));
                }
                Err(error) => failure = format!("failed to connect to {host}: {error}"),
            }
        }
        Err(failure)
    }
}

fn too_large(bytes: usize) -> String {
    format!("its answer is larger than {} MiB", bytes >> 20)
}

/// An address of the web, without credentials in it.
fn parse(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|_| "its URL is no address".to_owned())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("its URL is not of the web".to_owned());
    }
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err("its URL holds credentials, and none are sent".to_owned());
    }
    Ok(uri)
}

/// The host and port of an address.
pub(super) fn host_and_port(uri: &Uri) -> Result<(String, u16), String> {
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("its URL names no host")?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    Ok((host.to_owned(), port))
}

/// Where a redirect leads: on the same host only, and never away from TLS.
fn redirected(from: &Uri, headers: &HeaderMap) -> Result<Uri, String> {
    let target = headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or("it redirects to nowhere")?;
    let to = beside(from, target)?;
    let ((host, port), (other, other_port)) = (host_and_port(from)?, host_and_port(&to)?);
    let is_secured = (from.scheme_str(), to.scheme_str()) == (Some("http"), Some("https"));
    let is_same_port = port == other_port || (is_secured && (port, other_port) == (80, 443));
    if !host.eq_ignore_ascii_case(&other) || !is_same_port {
        let shown: String = other.chars().take(100).collect();
        return Err(format!("it redirects to {shown}, and no other host is asked"));
    }
    if (from.scheme_str(), to.scheme_str()) == (Some("https"), Some("http")) {
        return Err("it redirects away from TLS".to_owned());
    }
    Ok(to)
}

/// An address as another one names it: whole, or a path on the same host.
pub(super) fn beside(from: &Uri, target: &str) -> Result<Uri, String> {
    if target.contains("://") {
        return parse(target);
    }
    let (scheme, authority) = (from.scheme_str().unwrap_or("https"), from.authority().map_or("", |it| it.as_str()));
    if target.starts_with("//") {
        return parse(&format!("{scheme}:{target}"));
    }
    let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if target.starts_with('/') { target.to_owned() } else { format!("{folder}/{target}") };
    parse(&format!("{scheme}://{authority}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(from: &str, location: &str) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_str(location).expect("a header"));
        redirected(&from.parse().expect("an address"), &headers).map(|uri| uri.to_string())
    }

    #[test]
    fn redirects_stay_on_their_host() {
        let from = "https://a.example.com/x/index.yaml";
        assert_eq!(to(from, "/y").as_deref(), Ok("https://a.example.com/y"));
        assert_eq!(to(from, "y.yaml").as_deref(), Ok("https://a.example.com/x/y.yaml"));
        assert_eq!(to(from, "https://A.example.com/z").as_deref(), Ok("https://A.example.com/z"));
        assert!(to("http://a.example.com/x", "https://a.example.com/x").is_ok());
        for (from, location) in [
            (from, "https://b.example.com/"),
            (from, "//b.example.com/"),
            (from, "https://a.example.com:8443/"),
            (from, "http://a.example.com:443/"),
            (from, "http://169.254.169.254/latest"),
            (from, "file:///etc/passwd"),
            (from, "https://user:secret@a.example.com/"),
        ] {
            assert!(to(from, location).is_err(), "{location}");
        }
    }

    #[test]
    fn credentials_in_an_address_are_refused_and_not_repeated() {
        let error = parse("https://user:CANARY@a.example.com/").expect_err("refused");
        assert!(!error.contains("CANARY"));
    }
}
