# make demo   set up, plan a model, leave plan.html
# make test   set up, check everything
# make docs   the site of the docs, in build/site
# make long   what takes longer: kills, other versions, many more random cases (an hour and more)
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := --train-gpus 64xh100-sxm --train-days 30 --serve-tokens 5T --serve-gpus 8xh100-sxm --tpot 50ms

.PHONY: demo test docs long fuzz format lint types house unit clean

demo: .venv/core
	$(BIN)/optimoe plan $(DEMO)

# each of the first four is one process: side by side
test: .venv/dev
	$(MAKE) --no-print-directory --jobs 4 format lint types house
	$(MAKE) --no-print-directory unit

format: .venv/dev
	$(BIN)/ruff format --check --quiet .

lint: .venv/dev
	$(BIN)/ruff check --quiet .

types: .venv/dev
	$(BIN)/mypy

house: .venv/dev
	$(BIN)/lint-imports --no-cache

unit: .venv/dev
	$(BIN)/pytest

.venv/core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/dev: .venv/core
	$(PIP) --editable '.[dev]'
	touch $@

# the site of the docs, in build/site; what links nowhere ends it
docs: .venv/docs
	$(BIN)/zensical build --clean --strict

.venv/docs: .venv/core
	$(PIP) --editable '.[docs]'
	touch $@

.venv/page-tests: .venv/core
	$(PIP) --editable '.[page-tests]'
	touch $@

long: .venv/dev .venv/page-tests docs
	$(BIN)/pytest tests/long -n 0
	HYPOTHESIS_PROFILE=long $(BIN)/pytest tests/core tests/arch tests/cost/layers tests/cost/kernels

# a million damaged files through every reader, with figures (two hours on one core)
fuzz: .venv/dev
	OPTIMOE_FUZZ_FILES=1000000 $(BIN)/pytest tests/long/test_fuzz.py -n 0

clean:
	rm -rf .venv build plan.html plan.json winner .optimoe.json
