# make demo         sets everything up, trains on phantoms and writes demo/report.html
# make test         sets everything up and runs every fast check
# make test-slow    what compiles, exports, fuzzes or opens a browser
# make test-lowest  the fast tests that meet other packages, beside the oldest versions that pyproject.toml allows, without
#                   the other extras (so tests of these skip)
# make test-real    what takes longer than a check of every change may: several Pythons
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS ?= dev
STAMP := $(VENV)/.installed-$(EXTRAS)
LOWEST := $(VENV)-lowest
PYTHONS ?= python3.12 python3.13
MEETING_OTHERS := tests/app tests/cli tests/data tests/inference tests/report tests/runs tests/studies tests/training
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
.PHONY: demo test test-slow test-lowest test-real lint types layers unit bench clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@if $(BIN)/python -m pip install -q uv 2>/dev/null; then \
	  UV_FIND_LINKS="$${PIP_FIND_LINKS:-}" $(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.[$(EXTRAS)]'; \
	else \
	  $(BIN)/python -m pip install -q -c constraints.txt -e '.[$(EXTRAS)]'; \
	fi
	@touch $@

demo: $(STAMP)
	$(BIN)/isthmus demo

lint: $(STAMP)
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports

unit: $(STAMP)
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n auto -m "not slow"

test: lint types layers unit

test-slow: $(STAMP)
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2 -m slow; code=$$?; [ $$code -eq 5 ] && exit 0 || exit $$code

$(LOWEST)/.installed: pyproject.toml constraints.txt $(STAMP)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python -m uv pip install -q --python $(LOWEST)/bin/python --resolution lowest-direct -e '.[app,io,objects]'
	$(BIN)/python -m uv pip install -q --python $(LOWEST)/bin/python -c constraints.txt hypothesis pytest pytest-xdist
	@touch $@

test-lowest: $(LOWEST)/.installed
	$(ONE_THREAD) ISTHMUS_NAMED_SKIPS= $(LOWEST)/bin/python -m pytest -q -n auto -o filterwarnings=default -m "not slow" $(MEETING_OTHERS)

test-real: $(STAMP)
	@for python in $(PYTHONS); do \
	  $$python -c "" 2>/dev/null || { echo "no $$python here"; continue; }; \
	  $(MAKE) unit PYTHON=$$python VENV=$(VENV)-$$python || exit 1; \
	done

bench: $(STAMP)
	$(BIN)/python -m benchmarks speed memory

clean:
	rm -rf $(VENV) $(VENV)-* demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
