# Veche. `make` alone lists what can be made. No activated environment is needed: everything runs in .venv,
# which the first target builds. Another Python: `make setup PYTHON=python3.12` (3.11 or later).

PYTHON ?= python3
# More words for the command at hand: make demo ARGS="--voters 200 --trustees 2/3"
ARGS ?=
# Processes for tests: a number, or auto.
JOBS ?= auto

BIN = .venv/bin
READY = .venv/.ready
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: help setup run demo test check lint web web-check verify-web screenshots bench-web soak bench clean

help:
	@echo "make run     the server with a demonstration: three rehearsed votes to try everything with"
	@echo "make demo    a whole election from nothing, audited, then three frauds caught"
	@echo "make test    every test"
	@echo "make check   what must hold before a change is handed in: style, types, layers, requirements, quick tests"
	@echo "make setup   .venv with everything the above need"
	@echo "make web     the scripts of the pages, from web/ (needs node 20 or later; make setup does it by itself)"
	@echo "make verify-web URL=https://… ELECTION=UUID   that a server serves, and the record names, what these sources give"
	@echo "make screenshots   each page in both languages, two widths, light and dark, in a folder (OUT=…)"
	@echo "make bench-web     how long a slow phone encrypts, and what the scripts weigh"
	@echo "make soak    every test with long random runs (hours)"
	@echo "make bench   measurements"
	@echo "make clean   remove caches and builds; .venv stays"

setup: $(READY)

$(READY): pyproject.toml hatch_build.py src/veche/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Veche needs Python 3.11 or later: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
	  { echo "could not make .venv (on Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	@echo "installing into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(BIN)/python hatch_build.py
	@touch $@

run: $(READY)
	@$(BIN)/python hatch_build.py
	$(BIN)/veche serve --demo $(ARGS)

demo: $(READY)
	$(BIN)/veche demo $(ARGS)

test: $(READY)
	@test -n "$$VECHE_BELENIOS_TOOL" || command -v belenios-tool >/dev/null || \
	  echo "No belenios-tool here: the tests that compare with it are stepped around (set VECHE_BELENIOS_TOOL to its path)."
	@test -n "$$VECHE_POSTGRES" || \
	  echo "No PostgreSQL here: tests on it are stepped around, those on SQLite run (export VECHE_POSTGRES=\$$(.ci/postgresql))."
	@command -v strace >/dev/null || \
	  echo "No strace here: the tests that watch each fsync are stepped around (on Debian and Ubuntu: apt install strace)."
	@command -v npm >/dev/null || \
	  echo "No node.js here: the tests of web/ are stepped around."
	@command -v chromium >/dev/null || \
	  echo "No Chromium here: the tests in a real browser are stepped around (on Debian: apt install chromium)."
	$(PYTEST) $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python docs/check_requirements.py

# The scripts of the pages. web/README.md
web/node_modules/.package-lock.json: web/package.json web/package-lock.json web/.npmrc
	cd web && npm ci --ignore-scripts --silent

web: $(READY)
	@$(BIN)/python hatch_build.py --strict && echo "service/static/dist is built from web/"

web-check: web/node_modules/.package-lock.json
	cd web && npx --no-install tsc --noEmit && node test.mjs $(ARGS)

verify-web:
	node web/verify.mjs $(URL) $(ELECTION)

# The server's tests take minutes: three of them stand for all, `make test` runs the rest.
check: lint
	$(PYTEST) -q -m "not slow and not interop and not soak and not postgresql" $(addprefix --ignore=tests/,fuzz service browser) $(ARGS)
	$(PYTEST) -q -m "not slow and not interop and not postgresql" $(addprefix tests/service/test_,casting.py access.py lifecycle.py)

screenshots: $(READY)
	$(BIN)/python -m tests.browser.screenshots $(or $(OUT),$${TMPDIR:-/tmp}/veche-screenshots)

bench-web: $(READY)
	$(BIN)/python -m bench.booth $(ARGS)

soak: $(READY)
	VECHE_SOAK=1 $(PYTEST) -m "" $(ARGS)

bench: $(READY)
	$(BIN)/python -m bench.side_by_side
	$(BIN)/python -m bench.memory
	$(BIN)/python -m bench.booth

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
