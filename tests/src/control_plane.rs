//! A real control plane on loopback: etcd and kube-apiserver, and what else a test asks for.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::build::{self, Component, say};
use crate::certificates::Authority;
use crate::crds::{self, CrdSet};
use crate::http::Client;
use crate::objects::Api;
use crate::processes::Processes;
use crate::users::{self, User, Users};
use crate::{Result, kwok, wait};

/// How long a part may take until it answers; generous, for two busy cores.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// What a control plane consists of. etcd and kube-apiserver are always there.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// kube-controller-manager: Deployments get pods, Jobs complete, namespaces go away.
    pub controller_manager: bool,
    /// kube-scheduler: pods get nodes.
    pub scheduler: bool,
    /// kwok and this many nodes: pods on nodes run.
    pub kwok_nodes: Option<usize>,
    /// Custom kinds.
    pub crds: Vec<CrdSet>,
}

impl Parts {
    /// etcd and kube-apiserver: objects stay as they are written, statuses too.
    #[must_use]
    pub fn api_server() -> Self {
        Self::default()
    }

    /// As [`Parts::api_server`], with all CRDs.
    #[must_use]
    pub fn objects_only() -> Self {
        Self { crds: CrdSet::ALL.to_vec(), ..Self::default() }
    }

    /// Everything but the Flux controllers: three nodes, all CRDs.
    #[must_use]
    pub fn everything() -> Self {
        Self { controller_manager: true, scheduler: true, kwok_nodes: Some(3), crds: CrdSet::ALL.to_vec() }
    }
}

/// A running control plane. Dropped, all of it is gone; when the test has failed its logs stay.
#[derive(Debug)]
pub struct ControlPlane {
    api: Api,
    admin: PathBuf,
    kubectl: PathBuf,
    processes: Processes,
    own: Option<Own>,
    running: Mutex<Vec<&'static str>>,
}

/// What a control plane of the harness's own has over one that was there before.
#[derive(Debug)]
struct Own {
    address: SocketAddr,
    authority: Authority,
    users: Users,
}

impl ControlPlane {
    /// Builds what is missing and starts `parts`; returns when all of it answers.
    ///
    /// # Errors
    /// [`build::GoMissing`] when something must be built and cannot be; else which part did not start,
    /// with its last lines.
    pub fn start(parts: &Parts) -> Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::start_once(parts) {
                // A port that the kernel called free was taken before its process had it.
                Err(error) if attempt < 3 && format!("{error:#}").contains("address already in use") => {
                    attempt += 1;
                    say("a port was taken by somebody else; starting again");
                }
                other => return other,
            }
        }
    }

    fn start_once(parts: &Parts) -> Result<Self> {
        let etcd = build::ensure(Component::Etcd)?.join("etcd");
        let kubernetes = build::ensure(Component::Kubernetes)?;
        if parts.kwok_nodes.is_some() {
            build::ensure(Component::Kwok)?;
        }
        let processes = Processes::new()?;
        let started = Self::start_servers(&processes, &etcd, &kubernetes);
        let (api, own) = match started {
            Ok(started) => started,
            Err(error) => {
                processes.keep_logs();
                return Err(error);
            }
        };
        let control_plane = Self {
            api,
            admin: own.users.kubeconfig(User::Admin),
            kubectl: kubernetes.join("kubectl"),
            processes,
            own: Some(own),
            running: Mutex::new(vec!["etcd", "kube-apiserver"]),
        };
        if let Err(error) = control_plane.start_parts(parts, &kubernetes) {
            control_plane.processes.keep_logs();
            return Err(error);
        }
        Ok(control_plane)
    }

    fn start_servers(processes: &Processes, etcd: &Path, kubernetes: &Path) -> Result<(Api, Own)> {
        let dir = processes.dir();
        let authority = Authority::new(&dir.join("certificates"))?;
        let server = authority.issue("kube-apiserver", &[])?;
        let store = authority.issue("etcd", &[])?;
        let (token_public, token_private) = authority.token_keys()?;
        let users = Users::new(&dir.join("users"))?;
        let tokens = users.write_tokens()?;
        let [etcd_port, peer_port, api_port] = free_ports()?;
        let ca = show(&authority.file());

        // Certificates of this run's authority on both sides: the server cannot meet another run's store.
        let store_url = format!("https://127.0.0.1:{etcd_port}");
        let peer_url = format!("http://127.0.0.1:{peer_port}");
        let etcd_arguments = vec![
            flag("data-dir", show(&dir.join("etcd"))),
            flag("listen-client-urls", &store_url),
            flag("advertise-client-urls", &store_url),
            flag("listen-peer-urls", &peer_url),
            flag("initial-advertise-peer-urls", &peer_url),
            flag("initial-cluster", format!("default={peer_url}")),
            flag("cert-file", show(&store.certificate)),
            flag("key-file", show(&store.key)),
            flag("trusted-ca-file", &ca),
            "--client-cert-auth".to_owned(),
            "--unsafe-no-fsync".to_owned(),
            flag("log-level", "warn"),
        ];
        processes.start("etcd", etcd, etcd_arguments, &[])?;

        let api_arguments = vec![
            flag("etcd-servers", &store_url),
            flag("etcd-cafile", &ca),
            flag("etcd-certfile", show(&server.certificate)),
            flag("etcd-keyfile", show(&server.key)),
            flag("tls-cert-file", show(&server.certificate)),
            flag("tls-private-key-file", show(&server.key)),
            flag("client-ca-file", &ca),
            flag("token-auth-file", show(&tokens)),
            flag("cert-dir", show(&dir.join("certificates"))),
            flag("secure-port", api_port.to_string()),
            flag("bind-address", "127.0.0.1"),
            flag("advertise-address", "127.0.0.1"),
            flag("service-account-key-file", show(&token_public)),
            flag("service-account-signing-key-file", show(&token_private)),
            flag("service-account-issuer", "https://testbed.invalid"),
            flag("authorization-mode", "RBAC"),
            flag("service-cluster-ip-range", "10.96.0.0/16"),
            flag("endpoint-reconciler-type", "none"),
            flag("disable-admission-plugins", "ServiceAccount"),
            flag("allow-privileged", "true"),
            flag("profiling", "false"),
        ];
        processes.start("kube-apiserver", &kubernetes.join("kube-apiserver"), api_arguments, &[])?;

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, api_port));
        users.write_kubeconfigs(address, &authority, "testbed")?;
        let client = Client::tls(address, &authority.file())?.with_token(&users.token(User::Admin));
        wait::until("kube-apiserver is ready", READY_WITHIN, || {
            processes.all_running(&["etcd", "kube-apiserver"])?;
            Ok(client.get("/readyz").ok().filter(|answer| answer.status == 200))
        })
        .with_context(|| processes.last_lines("kube-apiserver"))?;
        Ok((Api::new(client), Own { address, authority, users }))
    }

    fn start_parts(&self, parts: &Parts, kubernetes: &Path) -> Result<()> {
        let common =
            || vec![flag("kubeconfig", show(&self.admin)), flag("leader-elect", "false"), flag("secure-port", "0")];
        if parts.controller_manager {
            let Some(own) = &self.own else { bail!("this control plane is not ours") };
            let mut arguments = common();
            arguments.extend([
                flag(
                    "service-account-private-key-file",
                    show(&self.processes.dir().join("certificates/service-account.key")),
                ),
                flag("root-ca-file", show(&own.authority.file())),
                flag("kube-api-qps", "500"),
                flag("kube-api-burst", "1000"),
                flag("profiling", "false"),
            ]);
            self.start_part("kube-controller-manager", &kubernetes.join("kube-controller-manager"), arguments, &[])?;
        }
        if parts.scheduler {
            self.start_part("kube-scheduler", &kubernetes.join("kube-scheduler"), common(), &[])?;
        }
        if let Some(nodes) = parts.kwok_nodes {
            self.start_kwok(nodes)?;
        }
        users::grant_reader(&self.api)?;
        crds::install(&self.api, &parts.crds)?;
        if parts.controller_manager {
            // The first thing that shows its controllers at work.
            self.api.wait_for(("v1", "ServiceAccount", "default", "default"), READY_WITHIN, |_| true)?;
        }
        self.check()
    }

    fn start_kwok(&self, nodes: usize) -> Result<()> {
        let kwok = build::ensure(Component::Kwok)?.join("kwok");
        let [port] = free_ports()?;
        let mut arguments = vec![
            flag("kubeconfig", show(&self.admin)),
            flag("manage-all-nodes", "true"),
            flag("node-lease-duration-seconds", "40"),
            flag("node-ip", "127.0.0.1"),
            flag("node-port", port.to_string()),
            flag("server-address", format!("127.0.0.1:{port}")),
            flag("disregard-status-with-label-selector", format!("{}={}", kwok::STATE_LABEL, kwok::AS_WRITTEN)),
        ];
        arguments.extend(kwok::stage_files().iter().map(|file| flag("config", show(file))));
        self.start_part("kwok", &kwok, arguments, &[])?;
        let mut objects = vec![kwok::storage_class()];
        objects.extend((0..nodes).map(|number| kwok::node(&format!("node-{number}"))));
        self.api.apply_objects(objects)?;
        for number in 0..nodes {
            let name = format!("node-{number}");
            wait::until(&format!("{name} is Ready"), READY_WITHIN, || {
                self.check()?;
                let node = self.api.get("v1", "Node", "", &name)?;
                Ok(node.filter(|node| condition(node, "Ready") == Some("True")))
            })
            .with_context(|| self.processes.last_lines("kwok"))?;
        }
        Ok(())
    }

    /// Starts one more process that lives as long as the control plane. A second start of the same
    /// name does nothing and returns false.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_part(
        &self,
        name: &'static str,
        program: &Path,
        arguments: Vec<String>,
        env: &[(&str, String)],
    ) -> Result<bool> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains(&name) {
            return Ok(false);
        }
        self.processes.start(name, program, arguments, env)?;
        running.push(name);
        Ok(true)
    }

    /// Kills one part, as a crash would. `start` of another control plane is the way back.
    ///
    /// # Errors
    /// When the guard does not answer.
    pub fn stop_part(&self, name: &str) -> Result<()> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).retain(|running| *running != name);
        self.processes.stop(name)
    }

    /// Fails when a part has ended by itself, with its last lines.
    ///
    /// # Errors
    /// Names the part.
    pub fn check(&self) -> Result<()> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.processes.all_running(&running)
    }

    /// The API server, asked as the admin.
    #[must_use]
    pub const fn api(&self) -> &Api {
        &self.api
    }

    /// The API server, asked as another account.
    ///
    /// # Errors
    /// When the control plane was there before and has no accounts of ours.
    pub fn api_as(&self, user: User) -> Result<Api> {
        Ok(Api::new(self.client_at(self.address()?)?.with_token(&self.users()?.token(user))))
    }

    /// A client for `address` that trusts this control plane's authority: for a proxy in front of it.
    ///
    /// # Errors
    /// When the control plane was there before.
    pub fn client_at(&self, address: SocketAddr) -> Result<Client> {
        Client::tls(address, &self.authority()?.file())
    }

    /// The admin's kubeconfig: for a control plane that was there before, the file that was named.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> &Path {
        &self.admin
    }

    /// An account's kubeconfig.
    ///
    /// # Errors
    /// When the control plane was there before and has no accounts of ours.
    pub fn kubeconfig(&self, user: User) -> Result<PathBuf> {
        Ok(self.users()?.kubeconfig(user))
    }

    /// A kubeconfig of an admin who shows a client certificate instead of a token.
    ///
    /// # Errors
    /// When the control plane was there before, or a file cannot be written.
    pub fn certificate_kubeconfig(&self) -> Result<PathBuf> {
        let pair = self.authority()?.issue("testbed-certificate-admin", &["system:masters"])?;
        let path = self.processes.dir().join("users").join("certificate.kubeconfig");
        users::write_certificate_kubeconfig(&path, self.address()?, self.authority()?, &pair)?;
        Ok(path)
    }

    /// The accounts.
    ///
    /// # Errors
    /// When the control plane was there before.
    pub fn users(&self) -> Result<&Users> {
        Ok(&self.own()?.users)
    }

    /// The certificate authority.
    ///
    /// # Errors
    /// When the control plane was there before.
    pub fn authority(&self) -> Result<&Authority> {
        Ok(&self.own()?.authority)
    }

    /// Where kube-apiserver listens.
    ///
    /// # Errors
    /// When the control plane was there before.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.own()?.address)
    }

    fn own(&self) -> Result<&Own> {
        self.own.as_ref().context("this test needs a control plane of its own, and MLOPS_TEST_KUBECONFIG names another")
    }

    /// Was the control plane there before (`MLOPS_TEST_KUBECONFIG`)? Such a test says that it does
    /// nothing and returns, or keeps to namespaces of its own.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        self.own.is_none()
    }

    /// The folder of this control plane; removed with it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.processes.dir()
    }

    /// Its processes, for their logs.
    #[must_use]
    pub const fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Runs the built kubectl as the admin; returns its standard output.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = duct::cmd(&self.kubectl, arguments)
            .env("KUBECONFIG", &self.admin)
            .env("HOME", self.processes.dir().join("home"))
            .stdin_null()
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            .run()
            .context("starting kubectl")?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The built kubectl.
    #[must_use]
    pub fn kubectl_program(&self) -> &Path {
        &self.kubectl
    }

    /// A control plane that is there already, asked through `kubectl proxy`, so that every kind of
    /// credential works.
    fn foreign(kubeconfig: &Path) -> Result<Self> {
        let kubectl = build::ensure(Component::Kubernetes)?.join("kubectl");
        let processes = Processes::new()?;
        let [port] = free_ports()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let arguments = vec!["proxy".to_owned(), flag("port", port.to_string()), flag("kubeconfig", show(kubeconfig))];
        processes.start("kubectl-proxy", &kubectl, arguments, &[])?;
        let client = Client::plain(address);
        wait::until("the cluster of MLOPS_TEST_KUBECONFIG answers", READY_WITHIN, || {
            processes.all_running(&["kubectl-proxy"])?;
            Ok(client.get("/version").ok().filter(|answer| answer.status == 200))
        })?;
        Ok(Self {
            api: Api::new(client),
            admin: kubeconfig.to_owned(),
            kubectl,
            processes,
            own: None,
            running: Mutex::new(vec!["kubectl-proxy"]),
        })
    }
}

/// The control plane that the tests of one binary share: [`Parts::everything`], or the cluster of
/// `MLOPS_TEST_KUBECONFIG`. Tests keep to namespaces of their own ([`Api::new_namespace`]).
///
/// # Panics
/// When it does not start: no test that needs it can go on. A Go that is missing is said, and the
/// process ends with 2 in the `testbed` program, which `make test-cluster` runs first.
pub fn shared() -> &'static ControlPlane {
    static SHARED: OnceLock<&ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| {
        share(match std::env::var_os("MLOPS_TEST_KUBECONFIG") {
            Some(file) => ControlPlane::foreign(Path::new(&file)),
            None => ControlPlane::start(&Parts::everything()),
        })
    })
}

/// The shared control plane without controllers: kube-apiserver with all CRDs, where every status
/// stays as a test wrote it. Always our own.
///
/// # Panics
/// When it does not start.
pub fn shared_objects_only() -> &'static ControlPlane {
    static SHARED: OnceLock<&ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| share(ControlPlane::start(&Parts::objects_only())))
}

/// Statics are never dropped, and the guard cannot know how the tests went: the first panic in this
/// process has it keep the logs.
fn share(started: Result<ControlPlane>) -> &'static ControlPlane {
    let control_plane = started.unwrap_or_else(|error| panic!("the shared control plane did not start: {error:#}"));
    let control_plane: &'static ControlPlane = Box::leak(Box::new(control_plane));
    let kept = Once::new();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        kept.call_once(|| control_plane.processes.keep_logs());
        before(panic);
    }));
    control_plane
}

/// As many ports as asked for, free a moment ago. All are held until the last is known, so they differ.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    for _ in 0..N {
        held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("asking for a free port")?);
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr().context("asking for a free port")?.port();
    }
    Ok(ports)
}

/// The status of a condition, if the object has it.
#[must_use]
pub fn condition<'a>(object: &'a serde_json::Value, kind: &str) -> Option<&'a str> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}

pub(crate) fn flag(name: &str, value: impl AsRef<str>) -> String {
    format!("--{name}={}", value.as_ref())
}

pub(crate) fn show(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
