# Two commands: `make demo` shows the main job, `make test` runs the tests. Each installs what it needs into .venv first;
# the second time that takes a moment. The stamps below remember what is installed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SETUP := pyproject.toml constraints.txt
LAVA := .venv-lava/.installed

# What the tests reach of lines and branches, in percent: of `sim` without its compiled kernels, and of the rest.
SIM_COVERED := 100
COVERED := 92
MEASURED := --cov --cov-report=
REACHED = $(BIN)/python -m coverage report --include="sim/*" --fail-under=$(SIM_COVERED) && \
	$(BIN)/python -m coverage report --include="exporters/*,snn2hw/*" --fail-under=$(COVERED)

.PHONY: demo test test-full ready docs mutants lint bench clean

demo: $(VENV)/.demo $(LAVA)
	$(BIN)/snn2hw demo

test: ready
	$(BIN)/python -m pytest -n 2 --dist worksteal $(MEASURED)
	$(REACHED)

test-full: ready
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "full or not full" $(MEASURED)
	$(REACHED)

# What tests stand on: simulators are fetched and built while the code is checked.
ready: $(VENV)/.test
	$(MAKE) --jobs=2 --output-sync=target $(VENV)/.simulators lint

# Small faults in the project's code, one at a time, and whether its tests notice: hours. `make mutants ROOM=reference` tries one room.
mutants: $(VENV)/.test
	$(PIP) --editable ".[mutants]"
	$(BIN)/python benchmarks/mutants.py $(ROOM)

# The pages as a site, into build/docs/html: its reference is made anew, its notebooks are run, every warning is an error.
docs: $(VENV)/.docs
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m sphinx -W --keep-going -n -b html -d build/docs/doctrees docs build/docs/html

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python benchmarks/speed.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python $(SETUP)
	$(PIP) --editable ".[demo]"
	touch $@

$(VENV)/.test: $(VENV)/bin/python $(SETUP) | $(LAVA)
	$(PIP) --editable ".[test,lint]"
	touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/.test
	$(PIP) --editable ".[docs]"
	touch $@

# Simulators beside us: where one cannot be installed (no C++ compiler, no wheel), its tests are skipped and say so.
$(VENV)/.simulators: exporters/xylo/install.py snn2hw/placement/sanafe_install.py exporters/firmware/install.py | $(VENV)/.test
	-$(BIN)/snn2hw install xylosim
	-$(BIN)/snn2hw install sanafe
	-$(BIN)/snn2hw install mcu
	touch $@

$(LAVA): exporters/lava/install.py | $(VENV)/.demo
	$(BIN)/snn2hw install-lava
	touch $@

clean:
	rm -rf $(VENV) .venv-lava .venv-xylosim .venv-sanafe .venv-mcu build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
