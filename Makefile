# Everything a newcomer needs: Python 3.11+, make and git. `make demo` first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := requirements.lock

# One process: its kernels are compiled once, and 300 rows want no more.
DEMO := --store store/demo --workers 1 $(if $(TEACHER),--teacher $(TEACHER))

.PHONY: demo test quick check format train clean

demo: $(VENV)/base
	$(BIN)/sabila build demo $(DEMO)
	$(BIN)/sabila build demo_dpo $(DEMO)
	rm -rf store/demo/releases
	$(BIN)/sabila release demo --version 1 $(DEMO)
	@echo "Try next:"
	@echo "  $(BIN)/sabila trace medquad:1_Respiratory_QA/0000001:0000001-1 --store store/demo --recipe demo"
	@echo "  $(BIN)/sabila browse demo@1 --store store/demo"
	@echo "  $(BIN)/sabila plan aloe_sft --mirror DIR"

test: $(VENV)/dev
	$(BIN)/pytest -q -n 2

# Tests that are quick, need no corpora, browser or model: under 90 s on two idle cores once kernels are compiled.
quick: $(VENV)/dev
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow and not corpora and not browser and not real_model"

# What `make test` tries besides once it is installed: training, and teachers that run in this process.
train: $(VENV)/train

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/base: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable .
	touch $@

$(VENV)/dev: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[dev]'
	touch $(VENV)/base $@

$(VENV)/train: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[dev,train]'
	touch $@

clean:
	rm -rf $(VENV) store sabila.lock
