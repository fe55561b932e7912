# Two commands matter: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
ifeq ($(UV),)
SHOW_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
MAKE_VENV = $(PYTHON) -m venv $(VENV) && $(SHOW_INSTALL) --quiet --upgrade 'pip>=25.1'
else
SHOW_INSTALL := $(UV) pip install --python $(BIN)/python
MAKE_VENV = $(UV) venv --quiet --allow-existing --python '>=3.11' $(VENV)
endif
INSTALL = $(SHOW_INSTALL) --quiet

.PHONY: help demo test test-daily snapshot bench bench-rooms proof coverage architecture pictures screenshots docs docs-serve dist lint format clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.demo ## talk to a bot in your browser, without an account (with DAILY_API_KEY: on Daily)
	@exec $(BIN)/pipecat-daily-rest demo

test: $(VENV)/.dev ## run the tests (the browser tests too, where Chromium is installed)
	$(BIN)/python -m pytest $(if $(ARGS),,-n 4) $(ARGS)

test-daily: $(VENV)/.dev ## compare the stand-in with daily-python
	$(INSTALL) -e '.[daily]'
	$(BIN)/python -m pytest -m real_daily $(ARGS)

snapshot: $(VENV)/.dev ## write the snapshot of daily-python that the stand-in is compared with
	$(INSTALL) -e '.[daily]'
	$(BIN)/python tests/stand_in/snapshot.py --write

bench: $(VENV)/.dev ## measure the package beside Pipecat's helper and write docs/performance.md (BENCH=full: longer)
	PYTHONPATH=tests/support $(BIN)/python -m benchmarks --size $(or $(BENCH),quick) $(ARGS)

bench-rooms: $(VENV)/.dev ## measure how many participants a local room carries, into docs/local-room.md
	$(BIN)/python -m benchmarks.rooms $(ARGS)

proof: $(VENV)/.dev ## run what takes long or needs a quiet machine, write docs/proof.md (ONLY="sessions pythons": some parts)
	PYTHONPATH=tests/support $(BIN)/python -m proof $(ONLY)

coverage: $(VENV)/.dev ## write docs/coverage.md (Daily's API) and the tables of docs/local-room.md (daily-python, daily-js)
	PYTHONPATH=tests/support $(BIN)/python -m coverage_table
	PYTHONPATH=tests/support $(BIN)/python -m room_table
	PYTHONPATH=tests/support $(BIN)/python -m web_table

architecture: $(VENV)/.dev ## draw the pictures of docs/architecture.md
	PYTHONPATH=tests/support $(BIN)/python -m house

pictures: $(VENV)/.dev ## draw the pictures of the guides
	$(BIN)/python -m handbook.pictures

screenshots: $(VENV)/.dev ## take the screenshots of the guides, with Chromium
	$(BIN)/python -m handbook.screens

docs: $(VENV)/.docs ## build the documentation into build/site; broken links and missing docstrings are errors
	$(BIN)/python -m handbook build

docs-serve: $(VENV)/.docs ## show the documentation at http://localhost:8000, anew after each save
	$(BIN)/python -m handbook serve

dist: $(VENV)/.dev ## build the wheel and the sdist into dist
	$(BIN)/python -m hatchling build --directory dist
	@! grep -q '^# PLACEHOLDER' pyproject.toml || echo "Not to be published yet: replace what is marked PLACEHOLDER in pyproject.toml."

lint: $(VENV)/.dev ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the virtual environment and the tools' caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .cache build dist

$(VENV)/.venv:
	@test -n "$(UV)$(PYTHON)" || { echo "This needs Python 3.11 or newer."; exit 1; }
	@echo "Making the virtual environment $(VENV) ..."
	@$(MAKE_VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.venv
	@echo "Installing the package and what a local Daily needs into $(VENV), once. It takes a minute or two:"
	@$(SHOW_INSTALL) -e '.[local]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.venv
	@echo "Installing the package and what its tests need into $(VENV), once. It takes some minutes:"
	@$(SHOW_INSTALL) -e '.[local,redis]' --group dev
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: pyproject.toml | $(VENV)/.dev
	@echo "Installing what the documentation is built with:"
	@$(SHOW_INSTALL) --quiet --group docs
	@touch $@
