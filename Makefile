# Two commands matter: `make demo` and `make test`. Both install what they need into .venv from the locks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: demo test test-slow chaos dev lint validate format lock clean

demo: $(VENV)/installed
	$(BIN)/golf-pipeline demo

dev: $(VENV)/installed
	$(BIN)/golf-pipeline dev

test: $(VENV)/installed-dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile

test-slow: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slow

# Kills, restarts and lies to a whole stack under load; prints what was lost, doubled and late.
chaos: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m chaos -rP golf_pipeline_tests/chaos

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Dagster 1.13 warns about this command of its own (it prefers `dg`, another package); what our definitions cause is shown.
validate: $(VENV)/installed
	$(BIN)/python -W 'ignore:Function `definitions_validate_command`' -m dagster definitions validate -w workspace.yaml

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The locks name versions and hashes, never an index. uv only resolves; plain pip installs.
lock: $(VENV)/installed-dev
	$(PIP_INSTALL) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --upgrade --extra local --extra workers pyproject.toml build-requirements.in --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --constraint requirements.lock --extra dev pyproject.toml build-requirements.in --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) .golf demo_output

$(VENV)/python: 
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/python requirements.lock pyproject.toml
	@echo "Installing from requirements.lock into $(VENV) (about 1 GB, once) ..."
	$(PIP_INSTALL) --require-hashes --requirement requirements.lock
	$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	$(PIP_INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@
