# Every target first builds .venv where it is missing or older than pyproject.toml.
#   make demo | test | test-system | lint | format | bench | schemas | clean

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
READY := .venv/.stamp

.PHONY: demo test test-system lint format bench schemas clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(READY)
	$(BIN)/python .ci/demo.py demo

test: $(READY)
	$(BIN)/python -m pytest -q -m "not system" -n $(JOBS)

test-system: $(READY)
	$(BIN)/python -m pytest -q -m system

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy pipeline
	$(BIN)/lint-imports --no-cache

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks.resample

schemas: $(READY)
	$(BIN)/scanmill schema --write schemas

clean:
	rm -rf .venv demo build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
