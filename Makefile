# Everything that is done here, as short commands. A fresh machine needs python3, a C++ compiler and make.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
SOURCES = $(shell find src tools build_ffi.py setup.py pyproject.toml vendor/requirements.txt -type f ! -name '*.py[cod]')

.PHONY: run test bench check wheel clean

run: $(VENV)/installed
	@model="$$($(VENV)/bin/python tools/demo_model.py)" && \
	$(VENV)/bin/python -m llamacffi generate -m "$$model" -p "The three primary colors are" -n 48 --temp 0

test: $(VENV)/installed-test
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

bench: $(VENV)/installed-test
	$(VENV)/bin/python benchmarks/run.py

check: $(VENV)/installed-check
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy src/llamacffi build_ffi.py
	$(VENV)/bin/mypy tools
	$(VENV)/bin/python tools/freshness.py

wheel: $(VENV)/installed-wheel
	$(VENV)/bin/python tools/wheel.py

clean:
	rm -rf .venv* build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	$(PIP) install .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install ".[test]"
	touch $@

$(VENV)/installed-check: $(VENV)/bin/python pyproject.toml
	$(VENV)/bin/python tools/extra.py check | xargs $(PIP) install
	touch $@
