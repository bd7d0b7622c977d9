//! The test bed's own certificate authority: one per control plane, so two runs cannot meet.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};

use crate::Result;

/// Signs what the control plane's parts show each other.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The private key's file.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority; its files go to `dir`.
    ///
    /// # Errors
    /// When a key cannot be made or a file not be written.
    pub fn new(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let key = KeyPair::generate().context("making the authority's key")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "testbed");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).context("signing the authority")?.pem();
        let authority = Self { dir: dir.to_owned(), certificate, issuer: Issuer::new(params, key) };
        write(&authority.file(), &authority.certificate)?;
        Ok(authority)
    }

    /// The authority's certificate, a PEM file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// A certificate for the user `name` in `groups`, and for a server on loopback: the usual parts of
    /// a control plane are both.
    ///
    /// # Errors
    /// When a key cannot be made or a file not be written.
    pub fn issue(&self, name: &str, groups: &[&str]) -> Result<Pair> {
        self.signed(name, groups, CertificateParams::default())
    }

    /// As [`Self::issue`], of years ago.
    ///
    /// # Errors
    /// When a key cannot be made or a file not be written.
    pub fn issue_expired(&self, name: &str, groups: &[&str]) -> Result<Pair> {
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.signed(name, groups, params)
    }

    fn signed(&self, name: &str, groups: &[&str], mut params: CertificateParams) -> Result<Pair> {
        let key = KeyPair::generate().with_context(|| format!("making {name}'s key"))?;
        params.distinguished_name.push(DnType::CommonName, name);
        for group in groups {
            params.distinguished_name.push(DnType::OrganizationName, *group);
        }
        params.subject_alt_names = vec![
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::DnsName("localhost".try_into().context("a host name")?),
        ];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).with_context(|| format!("signing {name}"))?;
        let pair =
            Pair { certificate: self.dir.join(format!("{name}.crt")), key: self.dir.join(format!("{name}.key")) };
        write(&pair.certificate, &certificate.pem())?;
        write(&pair.key, &key.serialize_pem())?;
        Ok(pair)
    }

    /// A bare key pair, for service account tokens: (public, private).
    ///
    /// # Errors
    /// When a key cannot be made or a file not be written.
    pub fn token_keys(&self) -> Result<(PathBuf, PathBuf)> {
        let key = KeyPair::generate().context("making the service account key")?;
        let (public, private) = (self.dir.join("service-account.pub"), self.dir.join("service-account.key"));
        write(&public, &key.public_key_pem())?;
        write(&private, &key.serialize_pem())?;
        Ok((public, private))
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
