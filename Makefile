# Poly+: `make run` starts everything on this machine, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PYTHONUTF8 := 1
unexport PYTHONDONTWRITEBYTECODE # without bytecode every process compiles everything anew, and pytest rewrites every assert
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: help run story test check bench fuzz faults clients lock lock-peers clean .venv

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# One recipe makes the environment, and marks it at its end: without the mark it begins afresh, from pip's cache.
$(INSTALLED): requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "poly+: no '$(PYTHON)' found; install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "poly+: $$($(PYTHON) -V 2>&1) is too old; Python 3.11 or newer is needed (make PYTHON=python3.12 names another)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "poly+: $(PYTHON) has no venv module; install it (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "poly+: installing into $(VENV) (once; about 700 MB)"
	@{ [ -e $@ ] && $(PY) -m pip --version >/dev/null 2>&1; } || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	@$(PYTHON) deploy/local/install.py $(VENV) requirements.lock
	@touch $@

.venv: $(INSTALLED) ## install the locked packages

run: $(INSTALLED) ## start everything, play the story, print the addresses, stay up
	@exec $(PY) -m deploy.cli up --story

story: $(INSTALLED) ## the story on the running stack, else on its own
	@exec $(PY) -m deploy.cli story

test: $(INSTALLED) ## every test, on its own PostgreSQL and Kafka (ONLY=services/rma: those of a folder or a file)
	@$(PY) -m pytest $(ONLY) --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

bench: $(INSTALLED) ## measure everything beside its peers (ONLY=B3: one of them)
	@$(PY) -m tests.bench $(if $(ONLY),--only $(ONLY))

fuzz: $(INSTALLED) ## every route as every role for MINUTES (30) from SEED, while all consumers are watched
	@MINUTES=$(MINUTES) SEED=$(SEED) $(PY) -m tests.fuzz

faults: $(INSTALLED) ## KILLS=1000 faults from SEED, and the proof that nothing was lost (about an hour)
	@KILLS=$(KILLS) SEED=$(SEED) $(PY) -m tests.faults

clients: $(INSTALLED) ## clients in TypeScript, Java and Go, generated, compiled and used where node, a JDK, go are
	@$(PY) -m tests.clients

check: $(INSTALLED) ## format, lint, types, layers, rooms, the libraries' sizes, migrations, event contracts
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	@$(PY) -m tests.support.sizes
	@$(PY) -m tests.support.migrations
	@$(PY) -m libs.events check
	@$(PY) -m tests.support.pages check
	@$(PY) -m tests.bench.report check
	@$(PY) -m pytest -qq -o addopts= -p no:cacheprovider tests/contract/test_rooms.py

# No find-links and no index address: the hashes are the public registry's, and nothing of this machine gets in.
define resolve
@env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL CUSTOM_COMPILE_COMMAND="make $@" \
	$(PY) -m piptools compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file $(1)requirements.lock $(1)requirements.in
@! grep -nE '://|(^|[^a-z])/(home|opt|root|Users)/' $(1)requirements.lock
endef

lock: $(INSTALLED) ## resolve requirements.in into requirements.lock
	$(call resolve,)

lock-peers: $(INSTALLED) ## resolve the benches' peers into tests/bench/peers/requirements.lock
	$(call resolve,tests/bench/peers/)

clean: ## stop what is left running and remove everything made here
	@if [ -x $(PY) ] && [ -d .polyplus ]; then $(PY) -m deploy.cli down; fi
	@if [ -d .polyplus ]; then rm -rf .polyplus.removed; mv .polyplus .polyplus.removed; fi # half a stack would not start
	@rm -rf .polyplus.removed $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
