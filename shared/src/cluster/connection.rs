//! From flags and kubeconfig files to a client.

use super::decoder::Decoder;
use super::kuberc::Policy;
use super::{ClusterError, kubeconfig, proxy};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A single answer may take so long, unless `--request-timeout` says otherwise.
const REQUEST: Duration = Duration::from_secs(15);

/// A credential plugin may take so long, unless `--request-timeout` says otherwise: it may wait for a
/// person to log in.
const PLUGIN: Duration = Duration::from_secs(120);
/// A kubeconfig may be so large.
const CONFIG_BYTES: u64 = 16 << 20;

/// The context's name where there is no kubeconfig and the pod's service account is used.
pub(super) const IN_CLUSTER: &str = "in-cluster";

/// kubectl's connection flags, each as it was given.
#[derive(Debug, Default, Clone)]
pub struct Settings {
    /// `--kubeconfig`
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--server`
    pub server: Option<String>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`
    pub insecure: bool,
    /// `--certificate-authority`
    pub certificate_authority: Option<PathBuf>,
    /// `--client-certificate`
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`
    pub client_key: Option<PathBuf>,
    /// `--token`
    pub token: Option<String>,
    /// `--as`
    pub as_user: Option<String>,
    /// `--as-group`
    pub as_groups: Vec<String>,
    /// `--as-uid`
    pub as_uid: Option<String>,
    /// `--as-user-extra`, as `KEY=VALUE`
    pub as_user_extra: Vec<String>,
    /// `--request-timeout`; zero for none
    pub request_timeout: Option<Duration>,
    /// `--disable-compression`
    pub disable_compression: bool,
}

/// A client, and whose view it gives.
#[derive(Clone)]
pub struct Connection {
    pub(super) client: Client,
    /// The context's name; `in-cluster` without a kubeconfig.
    pub context: String,
    /// The server's address.
    pub server: String,
    /// The kubeconfig user.
    pub user: Option<String>,
    /// The context's namespace.
    pub(super) namespace: Option<String>,
    pub(super) decoder: Decoder,
    /// The time limit of one request; `None` for none.
    pub(super) limit: Option<Duration>,
}

impl Connection {
    /// The namespace of a request that names none: the context's, else `default`, as for kubectl.
    pub fn default_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Connection")
            .field("context", &self.context)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// The kubeconfig that applies: `--kubeconfig` alone, else the files of `$KUBECONFIG` that exist,
/// merged, else `~/.kube/config`; `None` when there is none.
fn kubeconfig(settings: &Settings) -> Result<Option<Kubeconfig>, ClusterError> {
    if let Some(path) = &settings.kubeconfig {
        // kube quotes the path twice and in Debug form.
        std::fs::metadata(path)
            .map_err(|reason| ClusterError::Kubeconfig(format!("failed to open {}: {reason}", path.display())))?;
        return read(path).map(Some);
    }
    let listed = std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty());
    let paths: Vec<PathBuf> = match listed {
        Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    };
    // kubectl skips files that are not there; kube does not.
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| path.exists()) {
        merged = Some(kubeconfig::merge(merged, read(path)?)?);
    }
    Ok(merged)
}

fn read(path: &Path) -> Result<Kubeconfig, ClusterError> {
    // What is no file at all, a pipe of the shell among it, tells its size when it is read.
    if let Ok(about) = std::fs::metadata(path) {
        let refused = |what: &str| Err(ClusterError::Kubeconfig(format!("{} is {what}", path.display())));
        if about.is_dir() {
            return refused("a folder");
        }
        if about.len() > CONFIG_BYTES {
            return refused("larger than 16 MiB");
        }
    }
    kubeconfig::read(path, CONFIG_BYTES)
}

/// The contexts of the kubeconfig, in its order.
///
/// # Errors
/// When there is no kubeconfig or it cannot be read.
pub fn contexts(settings: &Settings) -> Result<Vec<String>, ClusterError> {
    kubeconfig_names(settings).map(|names| names.contexts)
}

/// What a kubeconfig names, each list in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeconfigNames {
    /// For `--context`.
    pub contexts: Vec<String>,
    /// For `--cluster`.
    pub clusters: Vec<String>,
    /// For `--user`.
    pub users: Vec<String>,
}

/// The names of the kubeconfig.
///
/// # Errors
/// When there is no kubeconfig or it cannot be read.
pub fn kubeconfig_names(settings: &Settings) -> Result<KubeconfigNames, ClusterError> {
    let config = kubeconfig(settings)?.ok_or(ClusterError::NoKubeconfig)?;
    Ok(KubeconfigNames {
        contexts: config.contexts.into_iter().map(|context| context.name).collect(),
        clusters: config.clusters.into_iter().map(|cluster| cluster.name).collect(),
        users: config.auth_infos.into_iter().map(|user| user.name).collect(),
    })
}

/// Makes a client. Nothing is sent yet, but an exec plugin of the kubeconfig may run.
///
/// # Errors
/// When the kubeconfig is missing or cannot be used.
pub async fn connect(settings: &Settings) -> Result<Connection, ClusterError> {
    let unusable = |reason: String| ClusterError::Kubeconfig(reason);
    let Target { mut config, context, user, proxy } = match kubeconfig(settings)? {
        Some(file) => from_file(file, settings).await?,
        None if settings.server.is_some() => {
            Target::bare(Config::new(http::Uri::from_static("http://localhost")), "none")
        }
        None => match Config::incluster() {
            Ok(config) => Target::bare(config, IN_CLUSTER),
            Err(_) => return Err(ClusterError::NoKubeconfig),
        },
    };
    if let Some(server) = &settings.server {
        let address = if server.contains("://") { server.clone() } else { format!("https://{server}") };
        config.cluster_url = address.parse().map_err(|_| unusable(format!("--server {server} is no address")))?;
    }
    if let Some(name) = &settings.tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    config.accept_invalid_certs |= settings.insecure;
    if let Some(path) = &settings.certificate_authority {
        config.root_cert = None;
        config.root_cert_file = Some(path.clone());
    }
    override_user(&mut config.auth_info, settings)?;
    // Over loopback compression costs more than it saves.
    let is_near = config.cluster_url.host().is_some_and(proxy::is_loopback);
    config.disable_compression |= settings.disable_compression || is_near;
    // kube retries fifteen times without a word; a person at a terminal wants to know.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(10));
    config.proxy_url = way(&config, proxy.as_deref())?;
    let agent = concat!("kubectl-mlops/", env!("CARGO_PKG_VERSION"));
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(agent)));
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let limit = match settings.request_timeout {
        Some(limit) if limit.is_zero() => None,
        limit => limit.or(Some(REQUEST)),
    };
    let namespace = Some(config.default_namespace.clone()).filter(|name| !name.is_empty());
    let client = client(config, settings.request_timeout.filter(|limit| !limit.is_zero()).unwrap_or(PLUGIN)).await?;
    Ok(Connection { client, context, server, user, namespace, decoder: Decoder::default(), limit })
}

/// Makes the client. That runs a credential plugin and blocks until it ends, so it has a thread of
/// its own: the run stays open to an interruption, and to its end.
async fn client(config: Config, limit: Duration) -> Result<Client, ClusterError> {
    let made = match config.auth_info.exec.is_some() {
        false => Client::try_from(config),
        true => match tokio::time::timeout(limit, tokio::task::spawn_blocking(|| Client::try_from(config))).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => return Err(ClusterError::Plugin("running the credential plugin was given up".to_owned())),
            Err(_) => {
                return Err(ClusterError::Plugin(format!("the credential plugin did not end within {limit:?}")));
            }
        },
    };
    made.map_err(|error| {
        super::list::plugin(&error).unwrap_or_else(|| ClusterError::Kubeconfig(super::list::chain(&error)))
    })
}

/// What a kubeconfig, or its absence, leads to.
struct Target {
    config: Config,
    context: String,
    user: Option<String>,
    /// `proxy-url` of the cluster's entry.
    proxy: Option<String>,
}

impl Target {
    fn bare(config: Config, context: &str) -> Self {
        Self { config, context: context.to_owned(), user: None, proxy: None }
    }
}

async fn from_file(file: Kubeconfig, settings: &Settings) -> Result<Target, ClusterError> {
    let context = settings.context.clone().or_else(|| file.current_context.clone()).unwrap_or_default();
    let entry = file.contexts.iter().find(|known| known.name == context);
    if settings.context.is_some() && entry.is_none() {
        return Err(ClusterError::Kubeconfig(format!("it has no context {context}")));
    }
    let entry = entry.and_then(|known| known.context.as_ref());
    let user = settings.user.clone().or_else(|| entry.and_then(|entry| entry.user.clone()));
    let cluster = settings.cluster.clone().or_else(|| entry.map(|entry| entry.cluster.clone()));
    let proxy = file
        .clusters
        .iter()
        .find(|known| Some(&known.name) == cluster.as_ref())
        .and_then(|known| known.cluster.as_ref()?.proxy_url.clone());
    let plugin = file
        .auth_infos
        .iter()
        .find(|known| Some(&known.name) == user.as_ref())
        .and_then(|known| known.auth_info.as_ref()?.exec.as_ref()?.command.as_deref());
    // A token on the command line stands in for the plugin.
    if let Some(command) = plugin.filter(|_| settings.token.is_none()) {
        Policy::of_person()?.check(command)?;
    }
    let options = KubeConfigOptions {
        context: settings.context.clone(),
        cluster: settings.cluster.clone(),
        user: settings.user.clone(),
    };
    let config = Config::from_custom_kubeconfig(file, &options)
        .await
        .map_err(|error| ClusterError::Kubeconfig(super::list::chain(&error)))?;
    Ok(Target { config, context, user, proxy })
}

fn override_user(auth: &mut AuthInfo, settings: &Settings) -> Result<(), ClusterError> {
    let path = |path: &PathBuf| path.display().to_string();
    if let Some(token) = &settings.token {
        let given = serde_json::json!({ "token": token });
        // Read as a kubeconfig reads it, so that the token is held as a secret.
        *auth = serde_json::from_value(given).map_err(|_| ClusterError::Kubeconfig("--token is no text".to_owned()))?;
    }
    if let Some(certificate) = &settings.client_certificate {
        auth.client_certificate = Some(path(certificate));
        auth.client_certificate_data = None;
    }
    if let Some(key) = &settings.client_key {
        auth.client_key = Some(path(key));
        auth.client_key_data = None;
    }
    if settings.as_user.is_some() {
        auth.impersonate.clone_from(&settings.as_user);
    }
    if !settings.as_groups.is_empty() {
        auth.impersonate_groups = Some(settings.as_groups.clone());
    }
    if settings.as_uid.is_some() {
        auth.impersonate_uid.clone_from(&settings.as_uid);
    }
    if !settings.as_user_extra.is_empty() {
        let mut extra: HashMap<String, Vec<String>> = HashMap::new();
        for pair in &settings.as_user_extra {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| ClusterError::Kubeconfig(format!("--as-user-extra {pair} is not KEY=VALUE")))?;
            extra.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        auth.impersonate_user_extra = Some(extra);
    }
    Ok(())
}

/// The proxy on the way to the cluster, as client-go chooses it: the one of the kubeconfig always,
/// the one of the environment unless NO_PROXY or a loopback address exempts the cluster. kube
/// matches NO_PROXY against the proxy's own address instead.
fn way(config: &Config, of_kubeconfig: Option<&str>) -> Result<Option<http::Uri>, ClusterError> {
    let variable =
        |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let is_plain = config.cluster_url.scheme_str() == Some("http");
    let of_environment = || {
        let names = if is_plain { ["HTTP_PROXY", "http_proxy"] } else { ["HTTPS_PROXY", "https_proxy"] };
        let host = config.cluster_url.host().unwrap_or_default();
        let port = config.cluster_url.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        let exempt = variable(["NO_PROXY", "no_proxy"]).is_some_and(|listed| proxy::is_exempt(&listed, host, port));
        variable(names).filter(|_| !exempt && !proxy::is_loopback(host))
    };
    let chosen = of_kubeconfig.filter(|url| !url.is_empty()).map(str::to_owned).or_else(of_environment);
    let Some(text) = chosen else { return Ok(None) };
    // A proxy may be named without a scheme, as curl takes it.
    let text = if text.contains("://") { text } else { format!("http://{text}") };
    // The address may hold a password: it is not repeated.
    text.parse().map(Some).map_err(|_| ClusterError::Kubeconfig("the proxy's address is no URL".to_owned()))
}
