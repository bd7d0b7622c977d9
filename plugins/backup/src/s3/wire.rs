//! HTTP for the object store, over the hyper and rustls that kube's client links already. Answers are read whole within
//! a bound, so that one that is cut short is tried again like any other request. Redirects are not followed.

use super::told::Told;
use async_trait::async_trait;
use http::header::IF_NONE_MATCH;
use http::{HeaderValue, Method};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use mlops_shared::cli::Failure;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// An answer may be so large: a part of an archive that is read, or a page of a listing.
const ANSWER: usize = 16 << 20;
/// A connection has to stand after so long.
const CONNECT: Duration = Duration::from_secs(10);

/// What speaks to the server.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    client: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    /// What the server said last that was no success.
    told: Arc<Mutex<Option<Told>>>,
    /// One try may take so long.
    patience: Duration,
}

impl Wire {
    /// Trusts the authorities of a file, or those of the system.
    ///
    /// # Errors
    /// When the file holds none, or the system has none.
    pub(super) fn new(ca: Option<&Path>, patience: Duration) -> Result<Self, Failure> {
        let provider = Arc::new(crypto::ring::default_provider());
        let unusable = |error: &dyn std::fmt::Display| Failure::unchecked(format!("failed to prepare TLS: {error}"));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let config = match ca {
            Some(path) => builder.with_root_certificates(authorities(path)?).with_no_client_auth(),
            None => builder.with_platform_verifier().map_err(|error| unusable(&error))?.with_no_client_auth(),
        };
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, told: Arc::default(), patience })
    }

    /// What the server said last that was no success, once.
    pub(super) fn told(&self) -> Option<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn tell(&self, told: Told) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }

    async fn ask(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let completes = is_completion(&request);
        let lists = request.method() == Method::GET
            && request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "list-type=2"));
        if completes {
            // An upload that is completed never takes the place of another object. The header is no part of what was
            // signed, as those that begin with x-amz- would have to be.
            request.headers_mut().insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        let lost = |error: &(dyn std::error::Error + 'static)| {
            let told = Told::of_transport(error);
            let kind = told.kind();
            self.tell(told);
            HttpError::new(kind, std::io::Error::other("the connection failed"))
        };
        let answer = self.client.request(request).await.map_err(|error| lost(&error))?;
        let (parts, body) = answer.into_parts();
        let body = match Limited::new(body, ANSWER).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                self.tell(Told::TooLarge);
                return Err(HttpError::new(HttpErrorKind::Decode, std::io::Error::other("the answer is too large")));
            }
            Err(error) => {
                return Err(lost(&*error));
            }
        };
        // A completion may fail after the server has begun to answer with success.
        let is_success = parts.status.is_success() && !(completes && holds(&body, b"<Error>"));
        if is_success && lists && !holds(&body, b"<ListBucketResult") {
            // A page of a proxy has no keys in it, and would be an empty bucket.
            self.tell(Told::Foreign);
            return Err(HttpError::new(HttpErrorKind::Decode, std::io::Error::other("no listing")));
        }
        let told = (!is_success).then(|| Told::of_answer(parts.status, &parts.headers, &body));
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}

/// `POST KEY?uploadId=…`
fn is_completion(request: &HttpRequest) -> bool {
    request.method() == Method::POST && request.uri().query().is_some_and(|query| query.starts_with("uploadId="))
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

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        match tokio::time::timeout(self.patience, self.ask(request)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.tell(Told::Late);
                Err(HttpError::new(HttpErrorKind::Timeout, std::io::Error::other("no answer in time")))
            }
        }
    }
}

impl HttpConnector for Wire {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}
