module kubectl-mlops/testbed/flux-cli

go 1.26.0

// Copied and built with its own go.mod and go.sum, which the line in go.sum here vouches for.
require github.com/fluxcd/flux2/v2 v2.9.4
