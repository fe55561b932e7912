# Two commands matter: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
ifeq ($(UV),)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MAKE_VENV = $(PYTHON) -m venv $(VENV) && $(INSTALL) --upgrade 'pip>=25.1'
else
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
MAKE_VENV = $(UV) venv --quiet --allow-existing --python '>=3.11' $(VENV)
endif

.PHONY: help demo test test-daily snapshot bench bench-rooms proof coverage architecture lint format clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.demo ## talk to a bot in your browser: no account, no key (with DAILY_API_KEY: on Daily)
	@exec $(BIN)/pipecat-daily-rest run examples/quickstart.py

test: $(VENV)/.dev ## run the tests (the browser tests too, where Chromium is installed)
	$(BIN)/python -m pytest $(if $(ARGS),,-n 3) $(ARGS)

test-daily: $(VENV)/.dev ## compare the stand-in with daily-python
	$(INSTALL) -e '.[daily]'
	$(BIN)/python -m pytest -m real_daily $(ARGS)

snapshot: $(VENV)/.dev ## renew what the stand-in is compared with, from daily-python
	$(INSTALL) -e '.[daily]'
	$(BIN)/python tests/stand_in/snapshot.py --write

bench: $(VENV)/.dev ## measure it beside Pipecat's helper and write docs/performance.md (BENCH=full: longer)
	$(BIN)/python -m benchmarks --size $(or $(BENCH),quick) $(ARGS)

bench-rooms: $(VENV)/.dev ## measure what the local rooms carry and write it into docs/local-room.md
	$(BIN)/python -m benchmarks.rooms $(ARGS)

proof: $(VENV)/.dev ## what takes long or wants a quiet machine, into docs/proof.md (ONLY="sessions pythons": parts)
	PYTHONPATH=tests/support $(BIN)/python -m proof $(ONLY)

coverage: $(VENV)/.dev ## write what of Daily's API is covered (docs/coverage.md) and of daily-python (docs/local-room.md)
	PYTHONPATH=tests/support $(BIN)/python -m coverage_table
	PYTHONPATH=tests/support $(BIN)/python -m room_table

architecture: $(VENV)/.dev ## draw the package into docs/architecture.md
	PYTHONPATH=tests/support $(BIN)/python -m house

lint: $(VENV)/.dev ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## put the code into the house's shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the virtual environment and what the tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis dist

$(VENV)/.venv:
	@test -n "$(UV)$(PYTHON)" || { echo "This needs Python 3.11 or newer."; exit 1; }
	$(MAKE_VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.venv
	$(INSTALL) -e '.[local]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.venv
	$(INSTALL) -e '.[local,redis]' --group dev
	@touch $@ $(VENV)/.demo
