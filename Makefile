# Two commands do all the set-up: `make demo` and `make test`. `make` alone lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo up test check format bench lock openapi histories clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(RUN) ## install, start everything and walk through the main job (EXIT=1: stop by itself afterwards)
	@$(BIN)/mallcare demo $(if $(EXIT),--exit)

up: $(RUN) ## the same stack without the tour, until Ctrl-C
	@$(BIN)/mallcare up

test: $(DEV) ## the whole test suite, in parallel
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(DEV) ## lint, types, imports, migrations, OpenAPI diff, coverage of the domain
	@$(BIN)/python -m scripts.check

format: $(DEV) ## format the code and sort imports
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(DEV) ## measure, and write benchmarks/results.md
	@$(BIN)/python -m benchmarks

openapi: $(DEV) ## write docs/openapi.json anew
	@$(BIN)/mallcare openapi docs/openapi.json

histories: $(DEV) ## record new paths and changed commands of the workflows, see docs/changing-workflows.md
	@$(BIN)/python -m tests.replay.record

lock: $(DEV) ## compile the pinned requirements from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --extra embedded --group build pyproject.toml -o requirements.lock
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --group build -c requirements.lock pyproject.toml -o requirements-deploy.lock
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --extra embedded --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove the virtual environment, caches and all embedded data
	rm -rf $(VENV) .mallcare .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("mallcare needs Python 3.11 or newer: run make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(RUN): $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing mallcare into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@echo "Installing the development tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
