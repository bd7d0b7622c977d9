//! A recording proxy in front of the API server that answers wrongly where a rule says so.
//!
//! It speaks TLS with a certificate of the control plane's authority and passes bearer tokens on; a
//! client certificate cannot pass, so its kubeconfigs hold tokens. Each request has a connection of
//! its own (`Connection: close`), so an answer is passed on byte by byte, watches too.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Result;
use crate::control_plane::ControlPlane;
use crate::http::{find, roots};
use crate::users::{User, write_kubeconfig};

/// The longest request head that is read; the API server's own limit is 1 MiB.
const HEAD_LIMIT: usize = 1 << 20;

/// What the proxy does instead of asking the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 401, as for a token that has expired.
    Unauthorized,
    /// 403 with the message that RBAC gives.
    Forbidden,
    /// 404 in plain text, as for a group that is not served.
    GroupNotFound,
    /// 409: somebody else has written in between.
    Conflict,
    /// 410: the continue token of a list has expired.
    Expired,
    /// 429 with `Retry-After` in seconds.
    TooManyRequests {
        /// The header's value.
        retry_after: u32,
    },
    /// 500 with a Status object.
    InternalError,
    /// 503, as while the server starts or shuts down.
    Unavailable,
    /// 200 with a web page: a login form of something in between.
    HtmlPage,
    /// The real answer's head, the first half of its body, then the end.
    HalfBody,
    /// The real answer, `bytes` at a time with `pause` between.
    SlowBody {
        /// How many bytes at a time.
        bytes: usize,
        /// How long between.
        pause: Duration,
    },
    /// This answer: what a test bed without kubelets and extensions cannot give.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The JSON body.
        body: String,
    },
    /// The connection is reset when the request is there.
    Reset,
    /// No answer ever; the connection stays open until the client closes it.
    Hang,
}

/// Which requests a [`Fault`] is for: all that every set field allows.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    method: Option<String>,
    prefix: Option<String>,
    whole: Option<String>,
    contains: Vec<String>,
    skip: usize,
    times: Option<usize>,
    seen: usize,
}

impl Rule {
    /// For every request, until it is narrowed.
    #[must_use]
    pub const fn new(fault: Fault) -> Self {
        Self { fault, method: None, prefix: None, whole: None, contains: Vec::new(), skip: 0, times: None, seen: 0 }
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests whose path (with its query) begins so: `/apis/apps/`.
    #[must_use]
    pub fn path(mut self, prefix: &str) -> Self {
        self.prefix = Some(prefix.to_owned());
        self
    }

    /// Only requests for exactly this path and query: `/api`.
    #[must_use]
    pub fn exactly(mut self, target: &str) -> Self {
        self.whole = Some(target.to_owned());
        self
    }

    /// Only requests whose path and query contain this: `continue=`. Several must all be there.
    #[must_use]
    pub fn containing(mut self, part: &str) -> Self {
        self.contains.push(part.to_owned());
        self
    }

    /// Not the first `count` of them.
    #[must_use]
    pub const fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Only so many of them, then no more.
    #[must_use]
    pub const fn times(mut self, count: usize) -> Self {
        self.times = Some(count);
        self
    }

    /// Does it apply to this request? Counts the requests that it is about.
    fn applies(&mut self, method: &str, target: &str) -> bool {
        let about = self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.prefix.as_deref().is_none_or(|prefix| target.starts_with(prefix))
            && self.whole.as_deref().is_none_or(|whole| target == whole)
            && self.contains.iter().all(|part| target.contains(part.as_str()));
        if !about {
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        self.seen > self.skip && self.times.is_none_or(|times| self.seen - self.skip <= times)
    }
}

/// A request as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// The `Accept` header.
    pub accept: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The fault it was answered with, if any.
    pub fault: Option<Fault>,
}

impl Recorded {
    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// A running proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    dir: tempfile::TempDir,
    ca_file: PathBuf,
    tokens: Vec<(User, String)>,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    recorded: Mutex<Vec<Recorded>>,
}

impl Proxy {
    /// Starts a proxy in front of `control_plane`, without rules.
    ///
    /// # Errors
    /// When the control plane is not the harness's own, or there is no port.
    pub fn start(control_plane: &ControlPlane) -> Result<Self> {
        let authority = control_plane.authority()?;
        // A file of its own: tests start proxies at the same time.
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("proxy-{}", STARTED.fetch_add(1, Ordering::Relaxed));
        let pair = authority.issue(&name, &[])?;
        let pem = std::fs::read(&pair.certificate).context("reading the proxy's certificate")?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<std::result::Result<_, _>>()
            .context("the proxy's certificate")?;
        let key = PrivateKeyDer::from_pem_file(&pair.key).context("reading the proxy's key")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .context("setting up TLS")?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the proxy's certificate")?;
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("setting up TLS")?
            .with_root_certificates(roots(&authority.file())?)
            .with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let connector = TlsConnector::from(Arc::new(client));

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("starting the proxy's runtime")?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).context("listening")?;
        let address = listener.local_addr().context("listening")?;
        let shared = Arc::new(Shared {
            upstream: control_plane.address()?,
            rules: Mutex::default(),
            recorded: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (shared, acceptor, connector) = (Arc::clone(&serving), acceptor.clone(), connector.clone());
                // A client that goes away is not the proxy's failure.
                tokio::spawn(async move { serve(socket, &acceptor, &connector, &shared).await.ok() });
            }
        });
        let tokens =
            User::ALL.iter().map(|user| Ok((*user, control_plane.users()?.token(*user)))).collect::<Result<_>>()?;
        Ok(Self {
            address,
            dir: tempfile::tempdir().context("a folder for the proxy's kubeconfigs")?,
            ca_file: authority.file(),
            tokens,
            shared,
            runtime: Some(runtime),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig that leads `user` through the proxy.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kubeconfig(&self, user: User) -> Result<PathBuf> {
        let (_, token) =
            self.tokens.iter().find(|(known, _)| *known == user).ok_or_else(|| anyhow!("no such account"))?;
        let path = self.dir.path().join(format!("{}.kubeconfig", user.name()));
        write_kubeconfig(&path, self.address, &self.ca_file, "testbed", json!({"token": token}))?;
        Ok(path)
    }

    /// Adds a rule. Of several that apply to a request the one added first decides; the others do
    /// not count it.
    pub fn add(&self, rule: Rule) {
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// Forgets all rules and all that was recorded.
    pub fn reset(&self) {
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shared.recorded.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Every request since the start or the last [`Proxy::reset`], in the order in which they came in.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Hanging answers are not waited for.
            runtime.shutdown_background();
        }
    }
}

async fn serve(socket: TcpStream, acceptor: &TlsAcceptor, connector: &TlsConnector, shared: &Shared) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut client = acceptor.accept(socket).await.context("TLS with the client")?;
    let mut received = Vec::new();
    let Some(end) = read_head(&mut client, &mut received).await? else { return Ok(()) };
    let head = std::str::from_utf8(&received[..end]).context("a request's head")?;
    let (head, body) = (head.to_owned(), received.split_off(end + 4));
    let mut words = head.split([' ', '\r']);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let fault = {
        let mut rules = shared.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter_mut().find_map(|rule| rule.applies(method, target).then(|| rule.fault.clone()))
    };
    shared.recorded.lock().unwrap_or_else(PoisonError::into_inner).push(Recorded {
        method: method.to_owned(),
        target: target.to_owned(),
        accept: header(&head, "accept").unwrap_or_default().to_owned(),
        user_agent: header(&head, "user-agent").unwrap_or_default().to_owned(),
        fault: fault.clone(),
    });
    match fault {
        Some(Fault::Hang) => {
            // Until the client gives up.
            let _ = tokio::io::copy(&mut client, &mut tokio::io::sink()).await;
            Ok(())
        }
        Some(Fault::Reset) => {
            // Closed with no time to linger: the kernel sends a reset.
            client.get_ref().0.set_zero_linger()?;
            Ok(())
        }
        Some(Fault::HalfBody | Fault::SlowBody { .. }) | None => {
            forward(client, connector, shared.upstream, &head, &body, fault.as_ref()).await
        }
        Some(fault) => {
            read_body(&mut client, &head, body.len()).await?;
            client.write_all(&canned(&fault, method, target)).await?;
            client.shutdown().await?;
            Ok(())
        }
    }
}

/// Reads up to the empty line; nothing when the client closed before a request.
async fn read_head(client: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>) -> Result<Option<usize>> {
    loop {
        if let Some(end) = find(received, b"\r\n\r\n") {
            return Ok(Some(end));
        }
        if received.len() > HEAD_LIMIT || client.read_buf(received).await.context("reading a request")? == 0 {
            return Ok(None);
        }
    }
}

/// Reads what a request still has of its body, so that the answer does not meet unread data.
async fn read_body(client: &mut (impl AsyncRead + Unpin), head: &str, had: usize) -> Result<()> {
    let length: usize = header(head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut rest = client.take(u64::try_from(length.saturating_sub(had)).unwrap_or(0));
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.context("reading a request's body")?;
    Ok(())
}

/// Sends the request on and passes the answer back until the server closes.
async fn forward(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    connector: &TlsConnector,
    upstream: SocketAddr,
    head: &str,
    body: &[u8],
    fault: Option<&Fault>,
) -> Result<()> {
    let socket = TcpStream::connect(upstream).await.context("reaching the API server")?;
    socket.set_nodelay(true)?;
    let mut server =
        connector.connect(ServerName::from(upstream.ip()), socket).await.context("TLS with the API server")?;
    let upgrade = header(head, "upgrade").is_some();
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    if !upgrade {
        lines.retain(|line| !is_header(line, "connection"));
        lines.push("Connection: close");
        if matches!(fault, Some(Fault::HalfBody | Fault::SlowBody { .. })) {
            // Halves of a compressed body would be another fault.
            lines.retain(|line| !is_header(line, "accept-encoding"));
        }
    }
    server.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await?;
    server.write_all(body).await?;
    match fault {
        Some(Fault::HalfBody) => {
            read_body(&mut client, head, body.len()).await?;
            let (answer, at) = whole(&mut server).await?;
            let half = at + (answer.len() - at) / 2;
            client.write_all(&answer[..half]).await?;
            client.shutdown().await?;
        }
        Some(Fault::SlowBody { bytes, pause }) => {
            read_body(&mut client, head, body.len()).await?;
            let (answer, at) = whole(&mut server).await?;
            client.write_all(&answer[..at]).await?;
            for piece in answer[at..].chunks((*bytes).max(1)) {
                client.write_all(piece).await?;
                client.flush().await?;
                tokio::time::sleep(*pause).await;
            }
            client.shutdown().await?;
        }
        _ => {
            let (mut from_client, mut to_client) = tokio::io::split(client);
            let (mut from_server, mut to_server) = tokio::io::split(server);
            // The client's close ends a watch. That the server takes no more of a body ends nothing:
            // it may have refused the request before reading it, and its answer is still to come.
            let client_closed = async {
                if tokio::io::copy(&mut from_client, &mut to_server).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = client_closed => {}
                _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
            }
            // Without TLS's goodbye some clients take the answer for cut short.
            let _ = to_client.shutdown().await;
        }
    }
    Ok(())
}

/// The whole answer, and where its body begins.
async fn whole(server: &mut (impl AsyncRead + Unpin)) -> Result<(Vec<u8>, usize)> {
    let mut answer = Vec::new();
    if let Err(error) = server.read_to_end(&mut answer).await
        && error.kind() != std::io::ErrorKind::UnexpectedEof
    {
        return Err(error).context("reading the API server's answer");
    }
    let at = find(&answer, b"\r\n\r\n").map_or(answer.len(), |end| end + 4);
    Ok((answer, at))
}

/// The answer that a fault stands for.
fn canned(fault: &Fault, method: &str, target: &str) -> Vec<u8> {
    let path = target.split('?').next().unwrap_or_default();
    let user = User::Reader.name();
    let (code, phrase, reason, message) = match fault {
        Fault::Unauthorized => (401, "Unauthorized", "Unauthorized", "Unauthorized".to_owned()),
        Fault::Forbidden => (
            403,
            "Forbidden",
            "Forbidden",
            format!("forbidden: User \"{user}\" cannot {} path \"{path}\"", method.to_ascii_lowercase()),
        ),
        Fault::Conflict => (
            409,
            "Conflict",
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest \
             version and try again"
                .to_owned(),
        ),
        Fault::Expired => (
            410,
            "Gone",
            "Expired",
            "The provided continue parameter is too old to display a consistent list result.".to_owned(),
        ),
        Fault::TooManyRequests { .. } => {
            (429, "Too Many Requests", "TooManyRequests", "Too many requests, please try again later.".to_owned())
        }
        Fault::Unavailable => (
            503,
            "Service Unavailable",
            "ServiceUnavailable",
            "the server is currently unable to handle the request".to_owned(),
        ),
        Fault::Answer { status, body } => {
            return response(&format!("{status} Scripted"), "", "application/json", body);
        }
        Fault::GroupNotFound => {
            return response("404 Not Found", "", "text/plain; charset=utf-8", "404 page not found\n");
        }
        Fault::HtmlPage => {
            return response(
                "200 OK",
                "",
                "text/html; charset=utf-8",
                "<!DOCTYPE html><title>Sign in</title><h1>Sign in</h1>\n",
            );
        }
        _ => (
            500,
            "Internal Server Error",
            "InternalError",
            "Internal error occurred: etcdserver: request timed out".to_owned(),
        ),
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": message, "reason": reason, "code": code,
    });
    let extra = match fault {
        Fault::TooManyRequests { retry_after } => format!("Retry-After: {retry_after}\r\n"),
        _ => String::new(),
    };
    response(&format!("{code} {phrase}"), &extra, "application/json", &status.to_string())
}

fn response(status: &str, extra: &str, media_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n{extra}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find(|line| is_header(line, name))?.split_once(':').map(|(_, value)| value.trim())
}

fn is_header(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_counts_only_what_it_is_about() {
        let mut rule = Rule::new(Fault::Reset).method("GET").path("/api/").containing("continue=").after(1).times(1);
        let mut ask = |method, target| rule.applies(method, target);
        assert!(!ask("GET", "/api/v1/pods"));
        assert!(!ask("GET", "/api/v1/pods?continue=a"));
        assert!(!ask("POST", "/api/v1/pods?continue=b"));
        assert!(ask("GET", "/api/v1/pods?continue=b"));
        assert!(!ask("GET", "/api/v1/pods?continue=c"));
    }
}
