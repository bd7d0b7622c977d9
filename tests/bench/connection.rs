//! A kept connection to the API server that sends and receives bytes and does nothing else: the floor.

use anyhow::{Context as _, bail};
use mlops_tests::Result;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Where and as whom connections are made.
#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    token: String,
}

impl Server {
    pub(crate) fn new(address: SocketAddr, ca_file: &Path, token: String) -> Result<Self> {
        let pem = std::fs::read(ca_file).context("reading the authority")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate?)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: Arc::new(tls), token })
    }

    pub(crate) fn connect(&self) -> Result<Connection> {
        let socket = TcpStream::connect(self.address).context("connecting")?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        socket.set_nodelay(true)?;
        let tls = ClientConnection::new(Arc::clone(&self.tls), ServerName::from(self.address.ip()))?;
        let stream = BufReader::with_capacity(1 << 16, StreamOwned::new(tls, socket));
        Ok(Connection { stream, token: self.token.clone() })
    }
}

/// One connection; requests follow each other on it.
pub(crate) struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    token: String,
}

impl Connection {
    /// Sends a request and returns status and body.
    pub(crate) fn exchange(&mut self, method: &str, path: &str, accept: &str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let mut message = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAccept: {accept}\r\nContent-Type: {media_type}\r\n\
             Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        )
        .into_bytes();
        message.extend_from_slice(body);
        self.stream.get_mut().write_all(&message)?;
        self.stream.get_mut().flush()?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status line")?;
        let (mut length, mut is_chunked) = (None, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "transfer-encoding" => is_chunked = true,
                _ => {}
            }
        }
        let mut bytes = Vec::new();
        match length {
            Some(length) => {
                bytes.resize(length, 0);
                self.stream.read_exact(&mut bytes)?;
            }
            None if is_chunked => self.chunks(&mut bytes)?,
            None => bail!("an answer without length"),
        }
        Ok((status, bytes))
    }

    fn chunks(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim_end(), 16).context("a chunk's length")?;
            let start = bytes.len();
            bytes.resize(start + length + 2, 0);
            self.stream.read_exact(&mut bytes[start..])?;
            bytes.truncate(start + length);
            if length == 0 {
                return Ok(());
            }
        }
    }
}
