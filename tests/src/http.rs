//! A small blocking HTTP/1.1 client for the harness: one connection for each request, no retry, no
//! redirect, and an answer that was cut short is an error. What it sends is what the test wrote.

use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::Result;

/// Where to ask, and as whom.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    token: Option<String>,
    timeout: Duration,
}

/// An answer that arrived whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{}: {}", self.status, self.text()))
    }

    /// A header's value, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// Plain HTTP.
    #[must_use]
    pub const fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None, token: None, timeout: Duration::from_secs(30) }
    }

    /// TLS, with a certificate signed by the authority in `ca_file`.
    ///
    /// # Errors
    /// When the file holds no certificate.
    pub fn tls(address: SocketAddr, ca_file: &Path) -> Result<Self> {
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("setting up TLS")?
            .with_root_certificates(roots(ca_file)?)
            .with_no_client_auth();
        Ok(Self { tls: Some(Arc::new(tls)), ..Self::plain(address) })
    }

    /// The same with a bearer token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The same with another limit on each wait for the server.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Where it asks.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `GET path`.
    ///
    /// # Errors
    /// When no whole answer came. An answer of any status is none.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.request("GET", path, None)
    }

    /// Any request; `body` is its media type and its bytes.
    ///
    /// # Errors
    /// When no whole answer came. An answer of any status is none.
    pub fn request(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Result<Answer> {
        self.exchange(method, path, body).with_context(|| format!("{method} {path}"))
    }

    fn exchange(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Result<Answer> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: application/json\r\n\
             User-Agent: mlops-tests\r\n",
            self.address
        );
        if let Some(token) = &self.token {
            let _ = write!(head, "Authorization: Bearer {token}\r\n");
        }
        if let Some((media_type, bytes)) = body {
            let _ = write!(head, "Content-Type: {media_type}\r\nContent-Length: {}\r\n", bytes.len());
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(body.map_or(&[], |(_, bytes)| bytes));

        let socket = TcpStream::connect_timeout(&self.address, self.timeout).context("connecting")?;
        socket.set_read_timeout(Some(self.timeout))?;
        socket.set_write_timeout(Some(self.timeout))?;
        socket.set_nodelay(true)?;
        match &self.tls {
            None => talk(socket, &message),
            Some(config) => {
                let name = ServerName::from(self.address.ip());
                let connection = ClientConnection::new(Arc::clone(config), name).context("starting TLS")?;
                talk(StreamOwned::new(connection, socket), &message)
            }
        }
    }
}

/// The certificates in a PEM file, as roots of trust.
pub(crate) fn roots(ca_file: &Path) -> Result<RootCertStore> {
    let pem = fs::read(ca_file).with_context(|| format!("reading {}", ca_file.display()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.context("reading a certificate")?).context("trusting a certificate")?;
    }
    Ok(roots)
}

fn talk(mut stream: impl Read + Write, message: &[u8]) -> Result<Answer> {
    stream.write_all(message).context("sending")?;
    stream.flush().context("sending")?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        // A server that closes without TLS's own goodbye; the lengths below tell whether all is there.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error).context("reading the answer"),
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Answer> {
    let end = find(bytes, b"\r\n\r\n").ok_or_else(|| anyhow!("the answer ended within its head"))?;
    let head = std::str::from_utf8(&bytes[..end]).context("the answer's head")?;
    let rest = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| anyhow!("the answer has no status line"))?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: Vec::new() };
    answer.body = if answer.header("transfer-encoding") == Some("chunked") {
        dechunk(rest)?
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().context("the answer's length")?;
        if rest.len() < length {
            bail!("the answer ended after {} of {length} bytes", rest.len());
        }
        rest[..length].to_vec()
    } else {
        rest.to_vec()
    };
    Ok(answer)
}

fn dechunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let cut_short = || anyhow!("the answer ended within a chunk");
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\r\n").ok_or_else(cut_short)?;
        let line = std::str::from_utf8(&rest[..end]).context("a chunk's length")?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16).context("a chunk's length")?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(rest.get(..length).ok_or_else(cut_short)?);
        rest = rest.get(length + 2..).ok_or_else(cut_short)?;
    }
}

/// Where `needle` begins.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined() {
        let answer =
            parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
        assert_eq!(answer.expect("whole").text(), "abcde");
    }

    #[test]
    fn an_answer_cut_short_is_an_error() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"HTTP/1.1 200 OK\r\nContent-",
            b"",
        ] {
            assert!(parse(bytes).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
