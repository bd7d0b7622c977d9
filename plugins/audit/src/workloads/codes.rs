//! The codes of what pods are given.

use mlops_shared::codes;

codes! {
    POD_PRIVILEGED = "pod-privileged", "A container is the node's root",
        "A privileged container sees all devices and kernel interfaces: whoever breaks into it has the node, and with it every pod and Secret there.",
        "Set privileged: false. What needs a device gets it through a device plugin; what needs one kernel power, that capability.";
    POD_HOST_NAMESPACES = "pod-host-namespaces", "A pod shares the node's network, processes or IPC",
        "With hostNetwork no NetworkPolicy holds and the node's own services can be reached, among them the cloud's metadata; with hostPID every process and its environment can be read.",
        "Leave hostNetwork, hostPID and hostIPC out.";
    POD_HOST_PATH = "pod-host-path", "A pod mounts a folder of its node",
        "What can be written there is run or read by the node: a socket of the container runtime, /etc, /var/lib/kubelet give the node away.",
        "Use a claim or an emptyDir. Where the path is needed, mount that file alone and readOnly.";
    POD_HOST_PORT = "pod-host-port", "A container opens a port of its node",
        "The port is reached on the node's address, past Services and often past NetworkPolicies, and only one such pod fits on a node.",
        "Use a Service; a NodePort or an Ingress where it must be reached from outside.";
    POD_CAPABILITIES = "pod-capabilities", "A container has more capabilities than it should",
        "Capabilities are root in parts; SYS_ADMIN, SYS_PTRACE, SYS_MODULE, NET_ADMIN or DAC_READ_SEARCH each lead to the node.",
        "Drop ALL and add only what the program fails without.";
    POD_SECCOMP = "pod-seccomp", "System calls are not filtered",
        "Without a seccomp profile every system call of the kernel can be reached, the many that nobody needs and that have had the holes included.",
        "Set seccompProfile: {type: RuntimeDefault} on the pod.";
    POD_APP_ARMOR = "pod-app-armor", "AppArmor is switched off",
        "The profile of the container runtime keeps a container from the node's files; unconfined it does not.",
        "Remove the field or annotation, or name a profile that is loaded on the nodes.";
    POD_SE_LINUX = "pod-se-linux", "SELinux options let a container out",
        "Another type, user or role than those for containers is confined less, or not at all.",
        "Remove seLinuxOptions, or use a container type.";
    POD_PROC_MOUNT = "pod-proc-mount", "All of /proc is shown",
        "An unmasked /proc lets a container read and change settings of the node's kernel.",
        "Remove procMount; nested containers work in a user namespace (hostUsers: false).";
    POD_SYSCTLS = "pod-sysctls", "A kernel parameter is set that is not the pod's own",
        "Some parameters hold for the whole node, or weaken what keeps pods apart.",
        "Set it on the nodes, or use one of the parameters that are kept apart.";
    POD_HOST_PROCESS = "pod-host-process", "A Windows container is a process of the node",
        "A HostProcess container has the node.",
        "Run it as an ordinary container.";
    POD_HOST_PROBE = "pod-host-probe", "A probe or hook asks another host",
        "The kubelet asks whatever host is named, from the node's network: a way to reach what only nodes reach.",
        "Leave `host` out: the pod itself is asked.";
    POD_ROOT = "pod-root", "A container runs as root",
        "Root in a container is root on the node for the kernel: every hole in the runtime counts in full.",
        "Set runAsUser above 0, or hostUsers: false where the cluster has user namespaces.";
    POD_NOT_RESTRICTED = "pod-not-restricted", "Settings keep it from the level restricted",
        "Nothing in it is known to let a container out, but what would hold back somebody who broke into it is missing: it may run as root, gain rights, keep capabilities, or make any system call.",
        "Set runAsNonRoot: true and seccompProfile: {type: RuntimeDefault} on the pod, allowPrivilegeEscalation: false and capabilities: {drop: [ALL]} on its containers; then label the namespace enforce=restricted.";
    POD_RUNTIME_SOCKET = "pod-runtime-socket", "A container holds the container runtime's socket",
        "Whoever can write to it starts a privileged container, and so has the node and all that runs on it.",
        "Remove the mount. Builds work without it: buildkit rootless, kaniko.";
    NAMESPACE_NO_POD_SECURITY = "namespace-no-pod-security", "A namespace enforces no Pod Security Standard",
        "Any pod is let in: whoever may create pods there can take a node.",
        "First `kubectl label --dry-run=server --overwrite ns NAME pod-security.kubernetes.io/enforce=baseline`: the API server warns of what it would refuse. Then label it.";
    NAMESPACE_PRIVILEGED = "namespace-privileged", "A namespace lets privileged pods in on purpose",
        "The label says `privileged`: nothing is refused.",
        "Keep that to namespaces of system components, and who may create pods there to administrators.";
}
