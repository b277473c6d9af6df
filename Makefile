# What a newcomer, a developer and CI type. Needs Python >= 3.11, make and git; the rest sets itself up.
.DEFAULT_GOAL := help
.PHONY: bench bench-catalog bench-cli bench-console bench-manifests bench-limits bench-report bench-control bench-receiver soak chaos help setup locks release plugin secrets generated demo test test-fast e2e e2e-pod image chart manifests lint fmt crds cluster cluster-down run docs corruption chaos-uploads fuzz e2e-faults test-stores test-plugin

PYTHON ?= python3
BIN := .venv/bin
# Test processes: each one that runs a cluster test starts its own control plane (0.4 GB).
TEST_PROCESSES ?= 3
PYTEST_ARGS ?=
FAST_TESTS := tests/api tests/controller tests/costs tests/egress tests/engine
# Of `make bench`.
ROUNDS ?= 5
SIZE ?= 1Gi
STORE ?= null
BENCH_ARGS ?=
OBJECTS ?= 10000
SOAK_ARGS ?=
# A pinned version of Kubernetes, such as 1.32; empty: the usual one. Honoured by everything that starts a control plane.
KUBERNETES ?=
export KUBERNETES

# The local servers listen on the loopback address; a proxy must not get between.
export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)
export no_proxy := $(NO_PROXY)
unexport VIRTUAL_ENV PYTHONPATH
# Each of the hundreds of processes that the tests start would compile the libraries again: two seconds of a processor.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

setup: ## Make .venv from the hash-pinned requirements (quick when nothing changed)
	@$(PYTHON) -I localcluster/setup_venv.py

locks: setup ## Update requirements/*.txt; UPGRADE=1 takes the newest versions, UPGRADE=botocore only that of botocore
	@$(BIN)/python -m localcluster.locks --upgrade=$(UPGRADE)

demo: setup ## Show Recordings being copied to S3, then a provider's webhook, on a real control plane; DEMO_ONCE=1 ends by itself
	@$(BIN)/python -m localcluster demo

cluster: setup ## Start a control plane, S3, sample media, receiver and console in the background; writes .local/env
	@$(BIN)/python -m localcluster up

cluster-down: setup ## Stop what `make cluster` started
	@$(BIN)/python -m localcluster down

run: setup ## Run the operator and a receiver in the foreground against `make cluster`
	@$(BIN)/python -m localcluster run

test: setup ## Run all tests
	@$(BIN)/python -m localcluster test-tools >/dev/null
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadgroup $(PYTEST_ARGS)

test-fast: setup ## Run the tests without servers, in under a minute: models, engine, costs, egress, controller
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadgroup -q -m 'not cluster and not faults and not root' $(FAST_TESTS) $(PYTEST_ARGS)

e2e: setup ## Run the tests on the real control plane and S3 server only; KUBERNETES=1.32, 1.36 or 1.37
	@$(BIN)/python -m localcluster tools >/dev/null
	@$(BIN)/pytest -m 'cluster and not faults and not stores and not root' $(PYTEST_ARGS)

e2e-faults: setup ## Run the long fault tests: leadership, faults of the API server; prints what was measured
	@$(BIN)/python -m localcluster tools >/dev/null
	@$(BIN)/pytest -n 0 -m faults $(PYTEST_ARGS)

test-stores: setup ## Run the tests of stores against rclone and s3proxy too (Java, Maven)
	@$(BIN)/python -m localcluster store-tools >/dev/null
	@$(BIN)/pytest -n $(TEST_PROCESSES) -m stores $(PYTEST_ARGS)

test-plugin: setup ## Build `kubectl recordings` as one file, and install it with a real Krew
	@$(BIN)/pytest -n 0 -m plugin $(PYTEST_ARGS)

fuzz: setup ## Fuzz the reading of HTTP responses for an hour (MINUTES, SEED); some seconds of it are in `make test`
	@PYTHONPATH=operator:. $(BIN)/python -m tests.egress.fuzz.responses --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

corruption: setup ## Corrupt 1,000 transfers (CASES, SEED) at source, network and store; each must be detected
	@PYTHONPATH=operator:. $(BIN)/python -m tests.endurance.corruption --cases $(or $(CASES),1000) $(if $(SEED),--seed $(SEED))

chaos-uploads: setup ## Run 10,000 uploads (UPLOADS, SEED) with faults and kills, then count what is left behind
	@PYTHONPATH=operator:. $(BIN)/python -m tests.endurance.uploads --uploads $(or $(UPLOADS),10000) $(if $(SEED),--seed $(SEED))

chaos: setup ## Kill the operator at each crash point, then 1,000 times (KILLS, SEED) at random under load
	@$(BIN)/python -m localcluster tools >/dev/null
	@CHAOS=1 KILLS=$(or $(KILLS),1000) SEED=$(or $(SEED),$(shell date +%s)) \
		$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadgroup tests/e2e/chaos $(PYTEST_ARGS)

lint: setup ## Check style, types, layers, spelling and dead code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell $$(git ls-files)
	@$(BIN)/vulture

secrets: setup ## Search all files for credentials
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline=.secrets.baseline

generated: setup ## Check that crds/, the chart and docs/ are as the code generates them
	@$(BIN)/python -m recording_operator.api.crd --check crds/
	@PYTHONPATH=operator $(BIN)/python charts/generate.py --check
	@$(BIN)/python docs/generate.py --check

fmt: setup ## Format the code and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

crds: setup ## Write crds/ from the models
	@$(BIN)/python -m recording_operator.api.crd --write crds/
	@PYTHONPATH=operator $(BIN)/python charts/generate.py --write

chart: setup ## Write the generated files of the chart
	@PYTHONPATH=operator $(BIN)/python charts/generate.py --write

manifests: setup ## Write install/ from the chart
	@PYTHONPATH=operator:. $(BIN)/python install/generate.py --write

image: setup ## Build the images with buildah (root), without Docker or an image registry
	@$(BIN)/python -m localcluster.image

e2e-pod: setup ## Build the images twice, then run them and the chart in real pods (root; buildah, containerd, runc, CNI plugins)
	@$(BIN)/pytest -n 0 -m root tests/image $(PYTEST_ARGS)
	@$(BIN)/python -m localcluster.podcluster --operator -- $(BIN)/pytest -n 0 -m root tests/pod $(PYTEST_ARGS) || [ $$? = 77 ]

release: setup ## Make a release in dist/: VERSION=1.2.3; IMAGE=no and PLUGIN=no leave something out
	@PYTHONPATH=operator:. $(BIN)/python -m release "$(VERSION)" --image=$(or $(IMAGE),yes) --plugin=$(or $(PLUGIN),yes)

plugin: setup ## Build `kubectl recordings` as one file for this system, and its Krew manifest, in dist/
	@PYTHONPATH=operator:. $(BIN)/python -m release.plugin

docs: setup ## Write the generated pages of docs/
	@$(BIN)/python docs/generate.py --write

bench: setup ## Compare the data path with curl, aws, rclone, s5cmd; ROUNDS=1 SIZE=256Mi is quick, STORE=versitygw real
	@$(BIN)/python -m localcluster tools >/dev/null
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.datapath --rounds $(ROUNDS) --size $(SIZE) --store $(STORE) $(BENCH_ARGS)
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.small --rounds $(ROUNDS) --objects $(OBJECTS)

bench-limits: setup ## Measure memory per worker, 50 GiB of unknown length, 64 transfers, a slow link; LIMITS_ARGS="workers crowd"
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.limits $(LIMITS_ARGS)

bench-report: setup ## Compare the time of a report (100,000 Recordings, 1,000,000 objects) with that of a LIST
	@$(BIN)/python benchmarks/report.py
	@$(BIN)/python benchmarks/usage_fold.py

bench-console: setup ## Browse a console with 1,000,000 Recordings as 200 people, on SQLite and PostgreSQL; BROWSE_ARGS="--seconds 60"
	@$(BIN)/python -m localcluster tools >/dev/null
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.console $(BROWSE_ARGS)

bench-catalog: setup ## Read pages of a catalog of 1,000,000 Recordings, in SQLite and PostgreSQL; CATALOG_ARGS="--rows 100000"
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.catalog $(CATALOG_ARGS)

bench-control: setup ## Measure the control loop: throughput, 100,000 stored Recordings, fairness; CONTROL_ARGS="--only stored --image"
	@$(BIN)/python -m localcluster tools >/dev/null
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.control $(CONTROL_ARGS)

bench-receiver: setup ## Send 500 deliveries a second to the receiver for a minute; RECEIVER_ARGS="--rate 100 --seconds 10"
	@$(BIN)/python -m localcluster tools >/dev/null
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.receiver $(RECEIVER_ARGS)

bench-manifests: setup ## Measure how many manifests a second fill the catalog; MANIFESTS_ARGS="--manifests 2000"
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.manifests $(MANIFESTS_ARGS)

bench-cli: setup ## Compare `kubectl recordings list` of 1,000 Recordings with kubectl; CLI_ARGS="--rounds 3"
	@$(BIN)/python -m localcluster tools >/dev/null
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.commandline $(CLI_ARGS)

soak: setup ## Run the operator for an hour under load, faults and restarts; SOAK_ARGS="--minutes 5 --image"
	@$(BIN)/python -m localcluster tools >/dev/null
	@PYTHONPATH=operator:. $(BIN)/python -m benchmarks.soak $(SOAK_ARGS)
