# One word for each thing to do; each target first creates what it needs, in .venv and build/.
#
#   make demo      fit the bundled sleepstudy data with the installed command
#   make test      run the tests
#   make lint      format, lint, types, imports, lengths
#   make docs      build the pages with the executed gallery into build/docs
#   make check     everything that must hold before a change is accepted (.ci/run)
#   make bench     compare with other programs (see benchmarks/)
#   make clean     remove .venv and build/
#
# PYTHON=python3.12 make test   uses another interpreter (3.11 or newer) for a new .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := demo
.PHONY: demo test lint check bench clean install snippets examples docs sanitize pythons

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Folders count too: their time changes when a file in them is removed.
sources := $(shell find src csrc ! -name '*.so' ! -name '*.pyc' ! -name __pycache__ ! -name '.*') CMakeLists.txt README.md LICENSE

demo: $(VENV)/installed
	@echo '$$ multilevel fit "reaction ~ days + (days | subject)" sleepstudy'
	@$(BIN)/multilevel fit "reaction ~ days + (days | subject)" sleepstudy

test: $(VENV)/installed $(VENV)/test-tools
	$(BIN)/python -m pytest -q -n auto --dist worksteal $(TESTS)

lint: $(VENV)/installed $(VENV)/lint-tools
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m checks.imports
	$(BIN)/python -m checks.lengths

check:
	.ci/run

snippets: $(VENV)/installed $(VENV)/test-tools
	$(BIN)/python -m checks.snippets

examples: $(VENV)/installed $(VENV)/test-tools
	$(BIN)/python -m checks.examples

docs: $(VENV)/installed $(VENV)/docs-tools
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 -E -d build/doctrees -b html docs build/docs

sanitize: $(VENV)/build-tools $(VENV)/installed $(VENV)/test-tools
	checks/sanitize.sh $(BIN)/python

pythons:
	checks/pythons.sh

bench: $(VENV)/installed
	$(BIN)/python benchmarks/run.py

install: $(VENV)/installed

clean:
	rm -rf $(VENV) build

# Stamp files: a step runs again only when what it depends on is newer.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "  try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/build-tools: $(VENV)/created pyproject.toml checks/requirements.py
	$(BIN)/python checks/requirements.py build > $(VENV)/build.txt
	$(PIP) install -r $(VENV)/build.txt
	@touch $@

$(VENV)/test-tools: $(VENV)/created pyproject.toml checks/requirements.py
	$(BIN)/python checks/requirements.py test spark dask > $(VENV)/test.txt
	$(PIP) install -r $(VENV)/test.txt
	@touch $@

$(VENV)/lint-tools: $(VENV)/created pyproject.toml checks/requirements.py
	$(BIN)/python checks/requirements.py lint > $(VENV)/lint.txt
	$(PIP) install -r $(VENV)/lint.txt
	@touch $@

$(VENV)/docs-tools: $(VENV)/created pyproject.toml checks/requirements.py
	$(BIN)/python checks/requirements.py docs > $(VENV)/docs.txt
	$(PIP) install -r $(VENV)/docs.txt
	@touch $@

# The build tools stay in .venv and the objects in build/, so that a change recompiles only what it touches.
$(VENV)/installed: $(VENV)/build-tools $(sources)
	PATH="$(abspath $(BIN)):$$PATH" $(PIP) install --no-build-isolation -C build-dir=build/pip-{wheel_tag} .
	@touch $@
