//! A real MinIO server on loopback: S3 over plain HTTP or TLS, in a folder of its own, gone when dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::build::{self, Component};
use crate::certificates::Authority;
use crate::control_plane::{free_ports, show};
use crate::http::Client;
use crate::processes::Processes;
use crate::{Result, wait};

/// How long it may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The administrator's access key.
pub const ACCESS_KEY: &str = "testbed-admin";
/// The administrator's secret key; nothing may ever print it.
pub const SECRET_KEY: &str = "CANARY-secret-key-of-the-test-bed";

/// One server with its folder.
#[derive(Debug)]
pub struct Minio {
    processes: Processes,
    data: PathBuf,
    /// `127.0.0.1:PORT`
    pub address: SocketAddr,
    /// The certificate authority's file, for a server with TLS.
    pub ca: Option<PathBuf>,
}

impl Minio {
    /// One that speaks plain HTTP.
    ///
    /// # Errors
    /// When it cannot be built or does not get ready.
    pub fn start() -> Result<Self> {
        Self::start_with(false)
    }

    /// One that speaks TLS, with a certificate of an authority of its own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_tls() -> Result<Self> {
        Self::start_with(true)
    }

    fn start_with(tls: bool) -> Result<Self> {
        let program = build::ensure(Component::Minio)?.join("minio");
        let processes = Processes::new()?;
        let part = |name: &str| -> Result<PathBuf> {
            let dir = processes.dir().join(name);
            std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
            Ok(dir)
        };
        let (data, certificates) = (part("data")?, part("certs")?);
        let ca = if tls {
            let authority = Authority::new(&part("authority")?)?;
            let pair = authority.issue("minio", &[])?;
            for (from, to) in [(&pair.certificate, "public.crt"), (&pair.key, "private.key")] {
                std::fs::copy(from, certificates.join(to)).context("copying a certificate")?;
            }
            Some(authority.file())
        } else {
            None
        };
        let [port, console] = free_ports()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let arguments = vec![
            "server".to_owned(),
            "--address".to_owned(),
            address.to_string(),
            "--console-address".to_owned(),
            format!("127.0.0.1:{console}"),
            "--certs-dir".to_owned(),
            show(&certificates),
            show(&data),
        ];
        let env = [
            ("MINIO_ROOT_USER", ACCESS_KEY.to_owned()),
            ("MINIO_ROOT_PASSWORD", SECRET_KEY.to_owned()),
            // Nothing but loopback is asked.
            ("MINIO_UPDATE", "off".to_owned()),
            ("MINIO_BROWSER", "off".to_owned()),
            ("MINIO_CALLHOME_ENABLE", "off".to_owned()),
        ];
        processes.start("minio", &program, arguments, &env)?;
        let client = match &ca {
            None => Client::plain(address),
            Some(ca) => Client::tls(address, ca)?,
        };
        wait::until("MinIO is ready", READY_WITHIN, || {
            processes.all_running(&["minio"])?;
            // `cluster` says that it can write, where `ready` says only that it answers.
            Ok(client.get("/minio/health/cluster").ok().filter(|answer| answer.status == 200))
        })
        .map(drop)
        .with_context(|| processes.last_lines("minio"))?;
        Ok(Self { processes, data, address, ca })
    }

    /// `http://127.0.0.1:PORT`, or `https://…`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}://{}", if self.ca.is_some() { "https" } else { "http" }, self.address)
    }

    /// Makes a bucket: on a server of one folder a folder is one.
    ///
    /// # Errors
    /// When there is one of that name.
    pub fn bucket(&self, name: &str) -> Result<()> {
        std::fs::create_dir(self.data.join(name)).with_context(|| format!("making the bucket {name}"))
    }

    /// The keys of the objects of a bucket, sorted, as they lie in the server's folder.
    ///
    /// # Errors
    /// When there is no such bucket.
    pub fn keys(&self, bucket: &str) -> Result<Vec<String>> {
        let root = self.data.join(bucket);
        let mut keys = Vec::new();
        collect(&root, &root, &mut keys)?;
        keys.sort();
        Ok(keys)
    }

    /// Copies an object to other keys of its bucket, as files: nothing in them names the key.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn copy(&self, bucket: &str, from: &str, mut to: impl Iterator<Item = String>) -> Result<()> {
        let root = self.data.join(bucket);
        to.try_for_each(|key| copy_tree(&root.join(from), &root.join(key)))
    }

    /// Damages an object: of its file nothing is left but the description.
    ///
    /// # Errors
    /// When it has no file beside that.
    pub fn damage(&self, bucket: &str, key: &str) -> Result<()> {
        let dir = self.data.join(bucket).join(key);
        for entry in std::fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
            let path = entry.context("reading a folder")?.path();
            if path.is_dir() {
                return std::fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()));
            }
        }
        anyhow::bail!("{key} lies in its description")
    }

    /// The end of its log.
    #[must_use]
    pub fn last_lines(&self) -> String {
        self.processes.last_lines("minio")
    }

    /// The variables that a client needs.
    #[must_use]
    pub fn env(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_ENDPOINT_URL_S3", self.endpoint()),
        ]
    }
}

/// An object is a folder with a file `xl.meta`.
fn collect(root: &Path, dir: &Path, keys: &mut Vec<String>) -> Result<()> {
    if dir.join("xl.meta").is_file() {
        keys.push(dir.strip_prefix(root).context("a path below its root")?.to_string_lossy().into_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry.context("reading a folder")?.path();
        if path.is_dir() {
            collect(root, &path, keys)?;
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry.context("reading a folder")?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_tree(&path, &copy)?;
        } else {
            std::fs::copy(&path, &copy).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}
