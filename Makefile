# Everything a fresh machine needs: Python 3.11, make and g++ (GPAW is compiled when it is installed).

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
SERVER_ARGS ?=
BENCH_ARGS ?=
BENCHMARKS := machine train_step train_committee same_error screen_pool md_step explore select_many scaling label_throughput walkers

# GPAW is C++ inside: with plain gcc it does not compile
PIP_INSTALL := CC=g++ CXX=g++ GPAW_CONFIG="$${GPAW_CONFIG:-$$(ls "$(CURDIR)/$(VENV)/siteconfig.py" 2>/dev/null)}" \
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help study test test-fast fuzz chaos lint format typecheck docs bench bench-quick wheel server clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

study: $(VENV)/.installed ## Set up .venv if needed, then run the quickstart study
	$(BIN)/graft study run configs/quickstart.yaml

test: $(VENV)/.installed-test lint ## Set up .venv with the test tools, lint, then run all tests
	$(BIN)/python -m pytest -m "" $(PYTEST_ARGS)

test-fast: $(VENV)/.installed-test ## Run the fast tests only, in three minutes or so
	$(BIN)/python -m pytest $(PYTEST_ARGS)

fuzz: $(VENV)/.installed-test ## Try 100,000 changed inputs, twenty minutes or so
	GRAFT_FUZZ=10000 $(BIN)/python -m pytest --timeout 7200 tests/fuzz $(PYTEST_ARGS)

chaos: $(VENV)/.installed-test ## Kill, cut and restart everything at random for an hour, as root
	GRAFT_CHAOS_MINUTES=60 $(BIN)/python -m pytest -m "" -n0 -s tests/chaos $(PYTEST_ARGS)

lint: $(VENV)/.installed-test ## Check style and format with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.installed-test ## Apply ruff's fixes and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(VENV)/.installed-test ## Check the types of the three packages
	$(BIN)/mypy

docs: $(VENV)/.installed-test ## Build the documents as a site in site/; a link that leads nowhere is an error
	$(BIN)/zensical build --clean --strict
	@echo "site/index.html; with its search: $(BIN)/python -m http.server --directory site"

bench: $(VENV)/.installed ## Time Graft's engine against stock mace-torch, an hour or so; best on a quiet machine
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py $(BENCH_ARGS) || exit 1; echo; done

bench-quick: ## The same, each under a minute: fewer steps, structures and sizes
	@$(MAKE) --no-print-directory bench BENCH_ARGS=--quick

wheel: $(VENV)/.installed-test ## Build dist/*.whl from scratch
	rm -rf dist
	$(BIN)/python -m build

server: $(VENV)/.installed ## Start a Prefect server with a dashboard on http://127.0.0.1:4200
	$(BIN)/prefect server start $(SERVER_ARGS)

clean: ## Remove build products and caches; .venv and runs/ stay
	rm -rf build dist site .pytest_cache .ruff_cache .mypy_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

# ---- the environment: made once, and again when what it is made from changes ----

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not on PATH. Install Python 3.11, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || { echo "make: $(PYTHON) is not Python 3.11 or 3.12"; exit 1; }
	@command -v g++ >/dev/null || { echo "make: g++ is not on PATH; GPAW is compiled with it (Debian: apt-get install g++)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "make: $(PYTHON) has no venv module (Debian: apt-get install python3.11-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	@# an mpic++ without MPI's headers (Debian's openmpi-bin alone) compiles no GPAW: then it is made without MPI
	@! command -v mpic++ >/dev/null || mpic++ -E -include mpi.h -x c++ /dev/null >/dev/null 2>&1 || \
		printf '%s\n' 'mpi = False' 'if not noblas:' '    libraries.append("blas")' > $(VENV)/siteconfig.py
	$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP_INSTALL) -e '.[test]'
	@touch $@
