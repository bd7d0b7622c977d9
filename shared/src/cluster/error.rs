//! Why the cluster could not be asked.

use std::time::Duration;

/// A field that server-side apply would take from another manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// `kustomize-controller using apps/v1`, as the API server calls it.
    pub manager: String,
    /// `.spec.replicas`
    pub field: String,
}

/// Why a request, or the whole run, got no answer. The messages hold neither bodies nor tokens.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// There is no kubeconfig, and this is no pod of a cluster.
    #[error("no kubeconfig was found")]
    NoKubeconfig,
    /// A kubeconfig that cannot be used.
    #[error("failed to use the kubeconfig: {0}")]
    Kubeconfig(String),
    /// The person's kuberc forbids the credential plugin: the command and the policy.
    #[error("the kubeconfig asks to run {0} for credentials, which credentialPluginPolicy {1} of kuberc refuses")]
    PluginRefused(String, String),
    /// A credential plugin of the kubeconfig gave none, in words that hold nothing of its output.
    #[error("no credentials: {0}")]
    Plugin(String),
    /// No TCP or TLS connection.
    #[error("failed to connect to {server}: {reason}")]
    Unreachable {
        /// The server's address.
        server: String,
        /// The reason, in the words of the layers below.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer from the API server within {0:?}")]
    TimedOut(Duration),
    /// 401
    #[error("the API server does not accept the credentials (401 Unauthorized)")]
    Unauthorized,
    /// 403
    #[error("{0}")]
    Forbidden(String),
    /// 403 of a request for one object, and the rule of a Role that would allow it.
    #[error("{message}")]
    Denied {
        /// The message of the API server: who may not do what.
        message: String,
        /// `apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["update"]`, and where.
        rule: String,
    },
    /// 409: the object has changed meanwhile, or others own the fields.
    #[error("{message}")]
    Conflict {
        /// The message of the API server.
        message: String,
        /// Who owns which field; empty where it has changed meanwhile.
        fields: Vec<FieldConflict>,
    },
    /// 409: there is such an object already.
    #[error("{0}")]
    AlreadyExists(String),
    /// A write without a clear answer: it may have been done.
    #[error("nobody can tell whether it was done: {0}")]
    InDoubt(Box<ClusterError>),
    /// 404
    #[error("not found")]
    NotFound,
    /// 410: the list must be started again.
    #[error("the list changed while it was read (410 Gone)")]
    Gone,
    /// Any other status.
    #[error("the API server answered {code}{}{message}", if .message.is_empty() { "" } else { ": " })]
    Status {
        /// The HTTP status.
        code: u16,
        /// The message of its Status object; empty when it sent none.
        message: String,
    },
    /// Not what an API server answers.
    #[error("the answer is not from a Kubernetes API server, or was cut: {0}")]
    BadAnswer(String),
}

impl ClusterError {
    /// What would help.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Denied { rule, .. } => return vec![format!("a Role with this rule would allow it: {rule}")],
            Self::Conflict { fields, .. } if fields.is_empty() => {
                "it has changed since it was read: look at it again, then decide anew"
            }
            Self::Conflict { .. } => "these managers would set the fields again, or be overruled: ask who they are",
            Self::AlreadyExists(_) => "`kubectl get` shows what is there",
            Self::InDoubt(_) => "look at the object before you try again: it is not repeated by itself",
            Self::Forbidden(message) if is_admission(message) => {
                "no role helps: an admission rule of the cluster refuses it, and the message says which"
            }
            Self::Status { code: 400 | 405 | 415 | 422, .. } => {
                "the API server does not take it as it is: the message says what is wrong with it"
            }
            Self::NoKubeconfig => "set --kubeconfig or KUBECONFIG, or read files with --from PATH",
            Self::PluginRefused(..) => "if it is trusted: `kubectl kuberc set --section credentialplugin` allows it",
            Self::Plugin(_) => {
                "is its login still valid? `kubectl version` runs the same plugin; --request-timeout gives it more time"
            }
            Self::Kubeconfig(reason) if reason.contains("NO_PROXY") => {
                "NO_PROXY has an entry that cannot be read: is there a trailing comma?"
            }
            Self::Kubeconfig(_) => "`kubectl config get-contexts` lists what the kubeconfig holds",
            Self::Unreachable { reason, .. } if reason.contains("fatal alert") => {
                "the server refuses the client certificate of the kubeconfig, which may have expired: log in again"
            }
            Self::Unreachable { reason, .. } if reason.contains("certificate expired") => {
                "the server's certificate has expired, or this machine's clock is wrong: compare `date`; on the control \
                 plane `kubeadm certs check-expiration` lists them"
            }
            Self::Unreachable { reason, .. } if reason.contains("certificate") => {
                "does the kubeconfig have the server's certificate-authority, and the name in its certificate \
                 (--tls-server-name)?"
            }
            Self::Unreachable { .. } => {
                "is the address right, the network up and the VPN connected? `kubectl cluster-info` asks the same server"
            }
            Self::TimedOut(_) => "the server is slow or hangs; --request-timeout gives it more time",
            Self::Unauthorized => "log in again: the token or certificate has probably expired",
            Self::Forbidden(_) => "ask for the role in deploy/, or look at the namespaces that you may read with -n",
            Self::BadAnswer(_) => "is there a proxy or login page between you and the server?",
            Self::NotFound => "is it the address of an API server? `kubectl version` asks the same one",
            Self::Gone => "the server is busy or its history short; try again",
            Self::Status { code: 429, .. } => "the server is overloaded or limits this account; try again later",
            Self::Status { .. } => "try again; `kubectl get --raw '/readyz?verbose'` tells what the server lacks",
        };
        vec![hint.to_owned()]
    }
}

/// Whether a 403 comes from admission: webhooks, policies, quotas and the standards for pods answer so too.
fn is_admission(message: &str) -> bool {
    ["admission", "denied the request", "exceeded quota", "violates"].iter().any(|word| message.contains(word))
}
