//! Requests to an object store: signed, sent over the hyper and rustls that kube's client links already, and tried again
//! where that may help. Answers are read whole within a bound. Redirects are not followed.

use super::flags::Server;
use super::told::Told;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use mlops_shared::archive::Digest;
use mlops_shared::cli::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Context, SignRequest as _};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// An answer may be so large: a part of an archive that is read, or a page of a listing.
const ANSWER: usize = 16 << 20;
/// A connection has to stand after so long.
const CONNECT: Duration = Duration::from_secs(10);
/// A request is tried so often again, after so long at first and at most.
const RETRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// What stands in a path and a query as it is.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request, before it is signed.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    method: Method,
    /// The object; empty for the bucket.
    key: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    /// About an object, or with an empty key about the bucket.
    pub(super) fn new(method: Method, key: &str) -> Self {
        let (key, query) = (key.to_owned(), String::new());
        Self { method, key, query, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// With a parameter.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        let between = if self.query.is_empty() { "" } else { "&" };
        self.query += &format!("{between}{name}={}", utf8_percent_encode(value, &PLAIN));
        self
    }

    /// With a header; its value is text of ours or an ETag of the server's.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// With something to store.
    pub(super) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// An answer that is a success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What was not a success.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) told: Told,
    /// Whether it was asked for more than once: an answer that was lost may have been a success.
    pub(super) was_repeated: bool,
}

/// What speaks to the server about one bucket.
pub(super) struct Wire {
    client: Client<HttpsConnector<Tcp>, Full<Bytes>>,
    /// The address of the bucket.
    base: String,
    signer: RequestSigner,
    credential: Credential,
    /// One request, its retries included, may take so long.
    patience: Duration,
}

impl fmt::Debug for Wire {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Wire").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Wire {
    /// Trusts the authorities of a file, or those of the system.
    ///
    /// # Errors
    /// When the file holds none, or the system has none.
    pub(super) fn new(server: Server, endpoint: &str, bucket: &str) -> Result<Self, Failure> {
        let provider = Arc::new(crypto::ring::default_provider());
        let unusable = |error: &dyn fmt::Display| Failure::unchecked(format!("failed to prepare TLS: {error}"));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let config = match &server.ca {
            Some(path) => builder.with_root_certificates(authorities(path)?).with_no_client_auth(),
            None => builder.with_platform_verifier().map_err(|error| unusable(&error))?.with_no_client_auth(),
        };
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(tcp);
        let credentials = server.credentials;
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            base: format!("{endpoint}/{bucket}"),
            signer: RequestSigner::new("s3", &server.region),
            credential: Credential {
                access_key_id: credentials.key,
                secret_access_key: credentials.secret,
                session_token: credentials.token,
                expires_in: None,
            },
            patience: server.patience,
        })
    }

    /// Asks, and asks again where that may help, within the time for it.
    ///
    /// # Errors
    /// What the server said last.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer, Refused> {
        let end = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        let mut repeated = 0;
        loop {
            let told = match tokio::time::timeout_at(end, self.once(ask)).await {
                Ok(Ok((headers, body))) => return Ok(Answer { headers, body }),
                Ok(Err(told)) => told,
                Err(_) => Told::Late,
            };
            if repeated == RETRIES || !told.may_pass() || Instant::now() + pause >= end {
                return Err(Refused { told, was_repeated: repeated > 0 });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            repeated += 1;
        }
    }

    async fn once(&self, ask: &Ask) -> Result<(HeaderMap, Bytes), Told> {
        let request = self.signed(ask).await.ok_or(Told::Unsigned)?;
        let answer = self.client.request(request).await.map_err(|error| Told::of_transport(&error))?;
        let (parts, body) = answer.into_parts();
        let body = match Limited::new(body, ANSWER).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Told::TooLarge),
            Err(error) => return Err(Told::of_transport(&*error)),
        };
        // The completion of an upload may fail after the server has begun to answer with success.
        let is_completion = ask.method == Method::POST && ask.query.starts_with("uploadId=");
        let has_failed = is_completion && body.windows(7).any(|part| part == b"<Error>");
        if !parts.status.is_success() || has_failed {
            return Err(Told::of_answer(parts.status, &parts.headers, &body));
        }
        Ok((parts.headers, body))
    }

    /// The request with its signature; `None` where it cannot be one.
    async fn signed(&self, ask: &Ask) -> Option<Request<Full<Bytes>>> {
        let mut address = self.base.clone();
        if !ask.key.is_empty() {
            for part in ask.key.split('/') {
                address += &format!("/{}", utf8_percent_encode(part, &PLAIN));
            }
        }
        if !ask.query.is_empty() {
            address += &format!("?{}", ask.query);
        }
        let request = Request::builder().method(ask.method.clone()).uri(address.parse::<Uri>().ok()?).body(()).ok()?;
        let (mut parts, ()) = request.into_parts();
        parts.headers = ask.headers.clone();
        // The server compares: what it gets is what was sent.
        let digest = HeaderValue::from_str(&Digest::of(&ask.body).to_string()).ok()?;
        parts.headers.insert("x-amz-content-sha256", digest);
        self.signer.sign_request(&Context::new(), &mut parts, Some(&self.credential), None).await.ok()?;
        Some(Request::from_parts(parts, Full::new(ask.body.clone())))
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, Failure> {
    let refused = |why: String| Failure::usage(format!("failed to read {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let added = certificate.ok().and_then(|certificate| store.add(certificate).ok());
        added.ok_or_else(|| refused("a certificate in it cannot be read".to_owned()))?;
    }
    if store.is_empty() {
        return Err(refused("it holds no certificate".to_owned()).hint("it begins with -----BEGIN CERTIFICATE-----"));
    }
    Ok(store)
}
