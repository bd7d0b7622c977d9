# Every command that a person or CI runs.
CARGO ?= cargo
NOW := 2026-11-20T03:00:00Z
HEALTH := target/release/kubectl-mlops-health

.DEFAULT_GOAL := help
.PHONY: help demo build completions test test-cluster cluster conformance fuzz bench lint dist dist-check

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: build ## health of the two sample platforms in examples/, without a cluster
	@echo '$$ kubectl mlops health --from examples/healthy'
	@$(HEALTH) --from examples/healthy --now $(NOW)
	@echo
	@echo '$$ kubectl mlops health --from examples/degraded'
	@$(HEALTH) --from examples/degraded --now $(NOW) || test $$? -eq 1
	@echo
	@echo '$$ kubectl mlops health usage --from examples/usage'
	@$(HEALTH) usage --from examples/usage --now $(NOW) || test $$? -eq 1

build: ## the plugins, optimised
	$(CARGO) build --release --locked

completions: ## the scripts in completions/, made anew
	UPDATE_DOCS=1 $(CARGO) test --locked -p mlops-tests --test completion the_scripts_in_completions_are_current

test: ## unit, property, golden and command-line tests; needs no cluster and no network
	$(CARGO) test --workspace --locked

test-cluster: ## end-to-end tests against a real API server on loopback; needs Go 1.26 (first build: 10 minutes)
	$(CARGO) run --locked -p mlops-tests --bin testbed -- build
	$(CARGO) test --locked -p mlops-tests --features cluster --test cluster

cluster: ## a control plane with the degraded sample platform, until Ctrl-C
	$(CARGO) run --locked -p mlops-tests --bin testbed -- up --objects-only --load examples/degraded

conformance: ## verdicts against outside oracles (../shared/conformance or $$MLOPS_CONFORMANCE)
	$(CARGO) test --locked -p mlops-tests --features conformance --test conformance

fuzz: ## mutated inputs for whatever reads files and answers, SECONDS (30) a target; needs no nightly compiler
	$(CARGO) run --locked -p mlops-tests --bin fuzz -- --seconds $(or $(SECONDS),30)

bench: build ## start-up, speed and memory as ratios to floors measured in the same run; needs the test bed
	$(CARGO) build --release --locked -p mlops-tests --bins
	target/release/bench $(HEALTH)

lint: ## format and clippy; warnings fail in CI
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- $(if $(CI),-D warnings,)

dist: ## release archives, digests and manifests in dist/, for every target that this machine can build
	$(CARGO) run --locked -p mlops-packaging -- dist

dist-check: ## whether a release is the same bytes wherever it is made: builds it twice, in two clones (some minutes)
	$(CARGO) run --locked -p mlops-packaging -- dist-check
