//! The accounts of a test control plane, each as a kubeconfig file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::Result;
use crate::certificates::{Authority, Pair};
use crate::objects::Api;

/// An account that the API server knows by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum User {
    /// May do everything.
    Admin,
    /// May get, list and watch everything but Secrets; may write nothing.
    Reader,
    /// Is known to the server, and may do nothing but discover what it serves.
    Stranger,
    /// May do everything in the namespaces that [`grant_namespace`] gave it, and nothing elsewhere.
    NamespaceAdmin,
}

impl User {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Reader, Self::Stranger, Self::NamespaceAdmin];

    /// The user's name to the API server.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "testbed-admin",
            Self::Reader => "testbed-reader",
            Self::Stranger => "testbed-stranger",
            Self::NamespaceAdmin => "testbed-namespace-admin",
        }
    }
}

/// The accounts' tokens and where their kubeconfigs lie.
#[derive(Debug)]
pub struct Users {
    dir: PathBuf,
    /// Different in each run: no account of one run is known to another.
    secret: String,
}

impl Users {
    /// Makes up the tokens. Files go to `dir`.
    ///
    /// # Errors
    /// When there are no random numbers or the folder cannot be made.
    pub fn new(dir: &Path) -> Result<Self> {
        use ring::rand::SecureRandom as _;
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let mut random = [0; 16];
        ring::rand::SystemRandom::new().fill(&mut random).map_err(|_| anyhow::anyhow!("no random numbers"))?;
        Ok(Self { dir: dir.to_owned(), secret: crate::build::hex(&random) })
    }

    /// The bearer token of an account.
    #[must_use]
    pub fn token(&self, user: User) -> String {
        format!("{}-{}", user.name(), self.secret)
    }

    /// The kubeconfig of an account.
    #[must_use]
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.dir.join(format!("{}.kubeconfig", user.name()))
    }

    /// The file for the API server's `--token-auth-file`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_tokens(&self) -> Result<PathBuf> {
        let path = self.dir.join("tokens.csv");
        let lines: String = User::ALL
            .iter()
            .map(|user| {
                let groups = if *user == User::Admin { "system:masters" } else { "testbed" };
                format!("{},{name},{name},{groups}\n", self.token(*user), name = user.name())
            })
            .collect();
        fs::write(&path, lines).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// Writes each account's kubeconfig for the server at `address`, named `cluster`.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_kubeconfigs(&self, address: SocketAddr, authority: &Authority, cluster: &str) -> Result<()> {
        User::ALL.iter().try_for_each(|user| {
            let credentials = json!({"token": self.token(*user)});
            write_kubeconfig(&self.kubeconfig(*user), address, &authority.file(), cluster, credentials)
        })
    }
}

/// A kubeconfig that shows a client certificate.
///
/// # Errors
/// When it cannot be written.
pub fn write_certificate_kubeconfig(
    path: &Path,
    address: SocketAddr,
    authority: &Authority,
    pair: &Pair,
) -> Result<()> {
    let credentials = json!({"client-certificate": pair.certificate, "client-key": pair.key});
    write_kubeconfig(path, address, &authority.file(), "testbed", credentials)
}

/// A kubeconfig of one cluster and one user. `credentials` is the `user` part of it.
///
/// # Errors
/// When it cannot be written.
pub fn write_kubeconfig(
    path: &Path,
    address: SocketAddr,
    ca_file: &Path,
    cluster: &str,
    credentials: Value,
) -> Result<()> {
    // JSON is YAML.
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {
            "server": format!("https://{address}"),
            "certificate-authority": ca_file,
        }}],
        "users": [{"name": cluster, "user": credentials}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "current-context": cluster,
    });
    let text = serde_json::to_string_pretty(&config).context("writing a kubeconfig")?;
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Gives [`User::Reader`] what it may read: every kind that the server serves now, but Secrets.
/// Called again by [`crate::crds::install`], for RBAC cannot say "all but".
///
/// # Errors
/// When the server refuses.
pub fn grant_reader(api: &Api) -> Result<()> {
    let mut rules = vec![json!({"nonResourceURLs": ["*"], "verbs": ["get"]})];
    let mut core: Vec<String> =
        api.resources("v1")?.into_iter().map(|resource| resource.name).filter(|name| name != "secrets").collect();
    core.sort();
    rules.push(json!({"apiGroups": [""], "resources": core, "verbs": ["get", "list", "watch"]}));
    let groups = api.groups()?;
    rules.push(json!({"apiGroups": groups, "resources": ["*"], "verbs": ["get", "list", "watch"]}));
    let name = User::Reader.name();
    api.apply_object(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules,
    }))?;
    api.apply_object(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    }))?;
    Ok(())
}

/// Makes [`User::NamespaceAdmin`] the admin of `namespace`, which must exist.
///
/// A role of its own: the built-in `admin` is empty until the controller-manager aggregates it, and
/// knows no custom kinds.
///
/// # Errors
/// When the server refuses.
pub fn grant_namespace(api: &Api, namespace: &str) -> Result<()> {
    let name = User::NamespaceAdmin.name();
    api.apply_object(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }))?;
    api.apply_object(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    }))?;
    Ok(())
}
