//! The codes of network isolation.

use mlops_shared::codes;

codes! {
    NETPOL_NO_DEFAULT_DENY = "netpol-no-default-deny", "A namespace has no default deny",
        "A pod that no policy selects may be reached by every pod of the cluster and may go everywhere: a new workload is open until somebody thinks of it.",
        "Add a NetworkPolicy with an empty podSelector, the policyTypes Ingress and Egress and no rules; then let in what is needed, DNS first.";
    NETPOL_UNPROTECTED = "netpol-unprotected", "Nothing limits who talks to a workload, or whom it talks to",
        "Whoever gets into any pod of the cluster reaches it; whoever gets into it reaches everything, the internet too.",
        "Select its pods by a NetworkPolicy for that direction.";
    NETPOL_ALLOW_ALL = "netpol-allow-all", "A policy lets everything through",
        "A rule without peers and without ports allows everybody, and rules are added up: no other policy can take it back.",
        "Name peers and ports. A stray dash makes two rules, or two peers, of what was meant as one.";
    NETPOL_WORLD_OPEN = "netpol-world-open", "A policy opens a workload to all addresses",
        "0.0.0.0/0 lets in whoever reaches the node, and on the way out includes the cloud's metadata service, which hands out the node's credentials.",
        "Name the ranges that are meant; for egress at least except 169.254.169.254/32.";
    NETPOL_DANGLING = "netpol-dangling", "A policy selects no pod, or a peer no namespace",
        "It protects nothing, or lets nobody in: a label was changed, or misspelt.",
        "Compare its selectors with the labels of pods and namespaces.";
    NETPOL_DNS_BLOCKED = "netpol-dns-blocked", "A workload may not ask DNS",
        "Its egress is limited and no rule lets it ask the cluster's DNS over UDP: names do not resolve, which looks like a fault of the network.",
        "Allow UDP and TCP 53 to the pods of kube-dns in kube-system.";
    NETPOL_NOT_EVALUATED = "netpol-not-evaluated", "Policies of another kind are there",
        "Policies of Cilium, Calico or the cluster's administrator decide too. They are not evaluated here: what is called open may be closed by them, and what is called closed opened.",
        "Look at them with their own tools.";
    NETPOL_CUTS_PLATFORM = "netpol-cuts-platform", "A policy cuts a connection that the platform lives by",
        "No rule of the policies that isolate one end may let the other through on that port. It looks like a fault of the product: timeouts, pods that are never ready, jobs that hang.",
        "Allow the port between the two ends: ingress at the one that is asked, egress at the one that asks.";
    NETPOL_UNENFORCED = "netpol-unenforced", "It is not seen that anything enforces NetworkPolicies",
        "A NetworkPolicy is a wish until a network plugin enforces it. Flannel alone does not; of plugins that are not known here, or that are part of the node's own programs (as in k3s), nothing can be said.",
        "Try it: a pod in a namespace with a default deny must not be reached. Run a plugin that enforces policies (Calico, Cilium, kube-network-policies) beside or instead of Flannel.";
    NETPOL_HOST_NETWORK = "netpol-host-network", "A policy cannot hold for a pod in the node's network",
        "Network plugins see such a pod's traffic as the node's: the policies that select it most often do nothing.",
        "Take it out of the node's network, or limit it on the nodes.";
}
