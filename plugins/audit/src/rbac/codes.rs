//! The codes of what rights give.

use mlops_shared::codes;

codes! {
    RBAC_CLUSTER_ADMIN = "rbac-cluster-admin", "Somebody holds the whole cluster",
        "The binding gives every verb on every resource, in every namespace. Whoever has a token of one of its subjects, or can run a pod with it, reads all Secrets, changes all workloads and can take every node.",
        "Give the subject a role that names what it does: `kubectl mlops audit permissions --as SUBJECT` shows what it holds. For people, hand it out for hours through a group of your identity provider.";
    RBAC_NAMESPACE_ADMIN = "rbac-namespace-admin", "Somebody holds a whole namespace",
        "The binding gives cluster-admin inside one namespace: every Secret there, every pod, and tokens of all its service accounts.",
        "Bind `edit` or a role of your own instead; `admin` where roles must be handed on.";
    RBAC_WILDCARD = "rbac-wildcard", "A rule with a star",
        "A star stands for verbs, resources or groups that do not exist yet too: what it gives grows with every operator that is installed.",
        "Name the verbs and resources that are used: the API server's audit log lists them.";
    RBAC_ESCALATE = "rbac-escalate", "Roles may be widened at will",
        "The verb `escalate` lets its holder write any rule into a role that it is bound to, and so become cluster-admin.",
        "Take the verb away. An operator that makes roles needs only what it hands on itself.";
    RBAC_BIND = "rbac-bind", "Any role may be bound to anybody",
        "With `bind` on roles and the right to write bindings its holder gives itself any role, cluster-admin included, without holding it.",
        "Limit `bind` by resourceNames to the roles that are meant to be handed out.";
    RBAC_MANAGE_BINDINGS = "rbac-manage-bindings", "Bindings may be written",
        "Its holder can hand on what it holds itself, to anybody, and keep it there after its own rights were taken away.",
        "Leave bindings to Flux and to administrators.";
    RBAC_IMPERSONATE = "rbac-impersonate", "Others may be impersonated",
        "The API server takes its holder for whoever it says it is. On users or groups without names that includes system:masters, to which nothing is refused.",
        "Name the users or service accounts in resourceNames; never groups without names.";
    RBAC_SECRETS_READ = "rbac-secrets-read", "Secrets may be read",
        "get, list and watch all return the values. In the whole cluster that is every password, key and service account token, so most often the cluster itself.",
        "Give it in the namespaces that need it, with resourceNames and only `get`. To see that Secrets exist, `kubectl mlops audit secrets` needs the right to list, but asks for metadata only.";
    RBAC_SECRETS_WRITE = "rbac-secrets-write", "Secrets may be written",
        "A Secret of the type service-account-token makes the API server write a token of any service account of its namespace into it. Credentials of others can be replaced by one's own.",
        "Name the Secrets in resourceNames and leave out `create`.";
    RBAC_TOKEN_REQUEST = "rbac-token-request", "Tokens of service accounts may be made",
        "Its holder becomes any service account in its reach, those of operators included.",
        "Name the service accounts in resourceNames.";
    RBAC_POD_CREATE = "rbac-pod-create", "Pods may be started",
        "A pod runs with any service account of its namespace and mounts any of its Secrets; where Pod Security lets it be privileged, it has the node. Kinds whose operators start pods (SparkApplications, HelmReleases, Tenants and others) give the same.",
        "Give it in the namespaces of its jobs only, keep strong service accounts out of them, and label them pod-security.kubernetes.io/enforce.";
    RBAC_FLUX_APPLY = "rbac-flux-apply", "What somebody writes is applied by Flux",
        "Without --default-service-account a Kustomization or HelmRelease that names no account is applied with the controller's own rights, so that whoever may write one in any namespace has the cluster. With that flag it is applied as an account of its namespace, whichever it names: they all are in reach of who may write it.",
        "Start kustomize-controller and helm-controller with --default-service-account and --no-cross-namespace-refs=true, and keep strong service accounts out of namespaces in which others write. Flux' role flux-edit puts this right into `edit` and `admin`.";
    RBAC_POD_EXEC = "rbac-pod-exec", "Running pods may be entered or changed",
        "exec, attach, port-forward, debug containers and a changed image all act with the pod's own service account and see what it sees.",
        "Keep it for break-glass roles that are bound for hours.";
    RBAC_NODE_PROXY = "rbac-node-proxy", "The kubelets' API may be used",
        "nodes/proxy reaches the kubelet past admission and audit. `get` is enough to run commands in every pod of every node, for the kubelet's exec takes a websocket's GET.",
        "Since Kubernetes 1.36 the kubelet has finer resources: nodes/metrics, nodes/stats, nodes/log, nodes/pods.";
    RBAC_WEBHOOKS = "rbac-webhooks", "Admission may be changed",
        "A webhook sees every object that is written, Secrets too, and a mutating one changes them. A policy that is removed protects nothing.",
        "Leave it to the operators that bring their own webhooks, with resourceNames.";
    RBAC_CSR_APPROVE = "rbac-csr-approve", "Certificates that log in may be approved",
        "A client certificate for any user and group is a login that cannot be revoked.",
        "Limit `approve` on signers to those that are needed, and keep requesting and approving apart.";
    RBAC_PV_CREATE = "rbac-pv-create", "PersistentVolumes may be written",
        "A hostPath volume mounts any folder of a node into a pod, past Pod Security's rule on hostPath.",
        "Let a provisioner make volumes; only it needs the right.";
    RBAC_NODE_PATCH = "rbac-node-patch", "Nodes may be changed",
        "Labels and taints decide where pods run: they can be drawn to a node that is under somebody's control.",
        "Leave it to the node controllers.";
    RBAC_CRD_WRITE = "rbac-crd-write", "Kinds may be defined or removed",
        "Removing a definition removes all its objects: with Kafka's, every cluster. A conversion webhook sees all of them.",
        "Let Flux or an installer do it, not what runs all the time.";
    RBAC_APISERVICE = "rbac-apiservice", "API groups may be redirected",
        "An APIService sends a whole group of the API to a server of one's own, with the callers' identities.",
        "Leave it to installers.";
    RBAC_ANONYMOUS = "rbac-anonymous", "Who has not logged in holds rights",
        "Everybody who reaches the API server's port has what the binding gives.",
        "Remove the subject; Kubernetes itself needs it for system:public-info-viewer only.";
    RBAC_AUTHENTICATED = "rbac-authenticated", "Everybody who has logged in holds rights",
        "Every service account of every pod is in this group.",
        "Bind the service accounts that need it.";
    RBAC_DEFAULT_ACCOUNT = "rbac-default-account", "A default service account holds rights",
        "Every pod of the namespace that names no service account has what the binding gives.",
        "Give the workload an account of its own.";
    RBAC_STALE_SUBJECT = "rbac-stale-subject", "The binding names a service account that is not there",
        "Whoever can create the service account gets what the binding gives.",
        "Remove the subject or the binding.";
    RBAC_MISSING_ROLE = "rbac-missing-role", "The binding names a role that is not there",
        "It gives nothing today. Whoever creates a role of that name decides what it gives.",
        "Remove the binding, or bring the role back.";
    RBAC_MASTERS_BOUND = "rbac-masters-bound", "A binding names system:masters",
        "The group may do everything without a binding, so this one gives nothing. It hides that: removing it takes nothing away, for membership is written into certificates that cannot be revoked.",
        "Remove the binding, and give people a group that can be taken away from them.";
    RBAC_AWS_AUTH = "rbac-aws-auth", "The map of cloud identities may be written",
        "In EKS the ConfigMap kube-system/aws-auth says which cloud identity is which user and group: who writes it makes itself system:masters.",
        "Leave it to whoever installs the cluster, or use access entries in its place.";
    RBAC_UNUSED_ACCOUNT = "rbac-unused-account", "A service account holds rights that no workload uses",
        "No pod or template of its namespace runs with it. Its rights wait for whoever can start a pod there or ask for its token.",
        "Remove the binding. Operators that start pods with it by name are not looked at: `kubectl mlops audit permissions --as NAMESPACE/NAME` says what it holds.";
    RBAC_DEFAULT_CHANGED = "rbac-default-changed", "A role or binding of Kubernetes itself was changed",
        "It bears the name and label of an object that the API server makes, and gives more than that one does. Such objects are easily taken for harmless.",
        "`kubectl get clusterrole NAME -o yaml`: remove what was added; the API server puts back what is missing when it starts.";
}
