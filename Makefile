PYTHON ?= python3.11
BIN = .venv/bin

# What is shipped runs on Linux, whichever machine locks it; for both processors: the hashes are those of all wheels.
COMPILE = $(BIN)/uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	--generate-hashes --no-annotate --no-header --constraint requirements.txt

.PHONY: demo test packages check format lock clean

demo: .venv/ready  ## Draw pictures, run the pipeline on them, say where the results are.
	$(BIN)/fruits demo

test: packages  ## All tests.
	$(BIN)/pytest

packages: .venv/ready  ## Build what deployments ship, as far as the tests look at it: they need no network then.
	$(BIN)/python -m cdk.packaging worker --architecture ARM64
	$(BIN)/python -m cdk.packaging all --architecture X86_64 --weights seeded

check: .venv/ready  ## Lint, format, types, import boundaries.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_boundaries.py

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/ready  ## Pin the packages anew after a change of pyproject.toml.
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev \
		--no-annotate --no-header pyproject.toml -o requirements.txt
	$(COMPILE) --group worker -o spark_app/requirements.txt
	$(COMPILE) --group lambda -o lambdas/requirements.txt

clean:
	rm -rf .venv demo build

# The environment: pinned packages, our own in place, and the Iceberg runtime for Spark.
.venv/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/fruits setup
	touch $@
