# make demo    sets everything up, trains on phantoms and writes demo/report.html
# make test    sets everything up and runs every fast check
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS ?= dev
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
.PHONY: demo test test-slow lint types layers unit bench clean

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

bench: $(STAMP)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
