module kubectl-mlops/testbed/flux-crds

go 1.26.0

// Only their config/crd/bases are read; nothing of these modules is built here.
require (
	github.com/fluxcd/helm-controller v1.6.3
	github.com/fluxcd/kustomize-controller v1.9.4
	github.com/fluxcd/notification-controller v1.9.3
	github.com/fluxcd/source-controller v1.9.4
)
