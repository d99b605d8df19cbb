PYTHON ?= python3.11
BIN = .venv/bin

.PHONY: demo test check format lock clean

demo: .venv/ready  ## Draw pictures, run the pipeline on them, say where the results are.
	$(BIN)/fruits demo

test: .venv/ready  ## All tests.
	$(BIN)/pytest

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

clean:
	rm -rf .venv demo

# The environment: pinned packages, our own in place, and the Iceberg runtime for Spark.
.venv/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/fruits setup
	touch $@
