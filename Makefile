# Everything that is done here, as short commands. A fresh machine needs python3, a C++ compiler and make.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
SOURCES = $(shell find src/llamacffi src/native tools build_ffi.py setup.py pyproject.toml vendor/requirements.txt \
	-name '*.py' -o -name '*.h' -o -name '*.c' -o -name '*.[ch]pp' -o -name '*.t*' -o -name '*.in' -o -name '*.cmake')

.PHONY: run test bench check stubs docs bump carriers wheel wheel-vulkan wheel-cuda addon-vulkan clean

run: $(VENV)/installed
	@model="$$($(VENV)/bin/python tools/demo_model.py)" && \
	$(VENV)/bin/python -m llamacffi generate -m "$$model" -p "The three primary colors are" -n 48 --temp 0

test: $(VENV)/installed $(VENV)/installed-test
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

bench: $(VENV)/installed $(VENV)/installed-test
	$(VENV)/bin/python benchmarks/run.py

check: $(VENV)/installed-tools $(VENV)/installed-test $(VENV)/installed-docs stubs
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	MYPYPATH=tools/docs_site $(VENV)/bin/mypy tools/docs_site/*.py
	$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python
	$(VENV)/bin/python tools/freshness.py

# What type checkers and editors read, from the headers; generated into the package's folder, and not committed.
stubs: $(VENV)/installed-tools
	$(VENV)/bin/python tools/make_stubs.py

docs: $(VENV)/installed $(VENV)/installed-docs
	$(VENV)/bin/python tools/docs_site

# To another llama.cpp: a version of the sdist that vendor/requirements.txt pins, or a folder. BUMP_ARGS=--keep keeps the
# new pin also where the build fails.
bump: $(VENV)/installed-tools
	$(VENV)/bin/python tools/bump.py --venv $(VENV) $(BUMP_ARGS) $(VERSION)

# The package with the llama.cpp of two years' releases: docs/carriers.md. Takes hours.
carriers: $(VENV)/installed-test
	$(VENV)/bin/python tools/carriers.py

# Also for PyPy, where there is one. As root on Debian, with debootstrap, for older systems than this one, too.
wheel: $(VENV)/installed-tools
	pypy="$$(command -v pypy3)" && $$pypy -m venv .venv-pypy; \
	$(VENV)/bin/python tools/build_wheels.py $(VENV)/bin/python $${pypy:+.venv-pypy/bin/python}
	$(MAKE) test WHEEL="$$(echo dist/llamacffi-*-abi3-*.whl)" PYTEST_ARGS=tests/wheels

# The GPU backends. CUDA's takes hours for all kinds of GPU; CMAKE_ARGS=-DCMAKE_CUDA_ARCHITECTURES=90 is for one.
wheel-vulkan: $(VENV)/installed-tools
	VULKAN_SDK="$${VULKAN_SDK:-$$(tools/vulkan_headers.sh)}" $(VENV)/bin/python tools/build_addons.py vulkan

# Where the tests look for it. In their environment, all of them would run on it.
addon-vulkan: wheel-vulkan
	$(PIP) install --no-index --no-deps --upgrade --find-links dist --target build/addons llamacffi-vulkan

wheel-cuda: $(VENV)/installed-tools
	$(VENV)/bin/python tools/build_addons.py cuda

clean:
	rm -rf .venv* build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# With WHEEL=dist/….whl all is done with that wheel. It leaves no mark: afterwards, what is here is installed again.
ifdef WHEEL
export LLAMACFFI_WHEEL = $(abspath $(WHEEL))
.PHONY: $(VENV)/installed
$(VENV)/installed: $(VENV)/bin/python
	$(PIP) install --force-reinstall $(WHEEL)
	rm -f $@
else
$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	$(PIP) install .
	touch $@
endif

$(VENV)/installed-test: $(VENV)/bin/python tests/requirements.txt
	$(PIP) install -r tests/requirements.txt
	touch $@

$(VENV)/installed-docs: $(VENV)/bin/python docs/requirements.txt
	$(PIP) install -r docs/requirements.txt
	touch $@

$(VENV)/installed-tools: $(VENV)/bin/python tools/requirements.txt
	$(PIP) install -r tools/requirements.txt
	touch $@
