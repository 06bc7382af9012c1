# Each target sets itself up from nothing but Python >= 3.11 and make, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint bench results candidate wheel clean
.DEFAULT_GOAL := demo

demo: $(VENV)/runtime.stamp  ## read the demo films with the packaged model
	$(BIN)/pneumoscope predict demo/films/test --out build/demo/readings.csv --html build/demo/report.html
	@echo "Open build/demo/report.html in a browser; the table is build/demo/readings.csv"

test: $(VENV)/dev.stamp  ## all tests
	$(BIN)/python -m pytest

lint: $(VENV)/dev.stamp  ## style, types and the contracts between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp .venv-peer/stamp  ## every figure of the README; PNEUMOSCOPE_DATA names the films
	$(BIN)/python benchmarks/run_all.py --peer-python .venv-peer/bin/python

results: $(VENV)/dev.stamp  ## measure the packaged models again; PNEUMOSCOPE_DATA names the films
	$(BIN)/python benchmarks/results.py

candidate: $(VENV)/dev.stamp  ## train candidates for the packaged models; WEIGHTS names the ImageNet weights
	$(BIN)/python benchmarks/candidate.py $(if $(WEIGHTS),--weights $(WEIGHTS))

wheel: $(VENV)/dev.stamp  ## build the wheel and prove it in an environment of its own, without torch
	$(BIN)/python benchmarks/install_size.py --out build/bench --keep dist

clean:
	rm -rf build dist $(VENV) .venv-peer

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pneumoscope needs Python 3.11 or later; name one with PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[train,dev]'
	@touch $@ $(VENV)/runtime.stamp

.venv-peer/stamp: pyproject.toml
	$(PYTHON) -m venv .venv-peer
	.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check '.[peer-keras]'
	@touch $@
