# Every target first builds .venv where it is missing or older than pyproject.toml.
#   make demo | test | test-system | lint | format | bench | schemas | clean
#   make peers-geometry   builds .venv-peers-geometry: what `scanmill bench geometry` compares with
#   make peers            builds .venv-peers: all that the benchmarks compare with; `make bench` takes it where it is

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
READY := .venv/.stamp
GPU := .venv/gpu
PEERS := .venv-peers/bin

.PHONY: demo test test-system lint format bench peers peers-geometry schemas clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,models,brain,dicom-seg]'
	touch $@

demo: $(READY)
	$(BIN)/python .ci/demo.py demo

test: $(READY)
	$(BIN)/python -m pytest -q -m "not system" -n $(JOBS)

# CUDA's compiler, CuPy and cuCIM lie apart: they import without a GPU, but no other test shall see them.
$(GPU)/.stamp: $(READY)
	rm -rf $(GPU)
	$(BIN)/python .ci/extra.py gpu-check > .venv/gpu-check.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(GPU) -r .venv/gpu-check.txt
	touch $@

test-system: $(READY) $(GPU)/.stamp
	$(BIN)/python -m pytest -q -m system --ignore tests/cuda
	PYTHONPATH=$(GPU) LD_LIBRARY_PATH=$(CURDIR)/$(GPU)/nvidia/cu13/lib $(BIN)/python -m pytest -q -m system tests/cuda

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy pipeline
	$(BIN)/lint-imports --no-cache

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(firstword $(wildcard $(PEERS)/python) $(BIN)/python) -m benchmarks

# Nothing here needs torchvision, and one built for a GPU does not load beside a torch that is not.
.venv-peers/.stamp: pyproject.toml benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	$(PEERS)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' -r benchmarks/peers.txt
	$(PEERS)/python -m pip uninstall --quiet --yes torchvision
	touch $@

peers: .venv-peers/.stamp

# The Python of this one is what `scanmill bench geometry --peers` asks for.
peers-geometry:
	$(PYTHON) -m venv .venv-peers-geometry
	.venv-peers-geometry/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers-geometry.txt

schemas: $(READY)
	$(BIN)/scanmill schema --write schemas

clean:
	rm -rf .venv .venv-peers .venv-peers-geometry demo build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
