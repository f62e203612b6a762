# make demo: a picture.  make test: lint, types, tests.  make test-all: with the slow ones, and every
# architecture family of timm.  make test-oldest: with the oldest versions that pyproject.toml admits.
# make test-matrix: with other instruction sets and numbers of threads.  make coverage: the tests, with the
# lines and branches that they run.  make fuzz: damaged files and hostile arguments for an hour.  make docs:
# the site, in site/, with tutorials run that changed.  Python 3.10+ and make are all they need.
PYTHON ?= python3
PYTEST_MARKS ?= not slow and not data and not exhaustive and not site
BIN := .venv/bin
# A process for each core. A file's tests stay together, as they share what they set up; the files with
# the longest tests are first, as tests/conftest.py sorts them.
IN_PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder --durations 25
OLDEST_TESTS := tests/captum_rectgrad tests/captum_conformance tests/integration tests/rectgrad_zoo

.PHONY: demo test test-all test-oldest test-matrix coverage fuzz lint linters docs clean
.DELETE_ON_ERROR:

demo: demo.png

demo.png: .venv/.demo $(wildcard captum_rectgrad/*.py captum_rectgrad/*/*.py captum_rectgrad/*/*/*.py zoo/rectgrad_zoo/*.py zoo/rectgrad_zoo/*/*.py)
	@echo "Picture: $@"
	$(BIN)/rectgrad explain --methods all --out $@

test: linters
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "$(PYTEST_MARKS)"

test-all: linters
	$(BIN)/python -m pytest $(IN_PARALLEL)

# Old versions use what newer versions of their own dependencies deprecate.
test-oldest: .venv-oldest/.tests
	.venv-oldest/bin/python -m pytest $(IN_PARALLEL) -W ignore::DeprecationWarning \
	  -m "$(PYTEST_MARKS)" $(OLDEST_TESTS)

test-matrix: .venv/.dev
	$(BIN)/python -m tests.support.matrix

# Apart from `make test`, which would take half as long again.
coverage: .venv/.dev
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "$(PYTEST_MARKS)" --cov

# An hour on two cores, as each of the seven fuzzers has a process of its own.
fuzz: .venv/.dev
	$(BIN)/python -m pytest --numprocesses auto --fuzz-minutes 17 tests/fuzz

# The notice is about a MkDocs that the theme does not allow to be installed.
docs: .venv/.docs playground/node_modules/.installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The runtime of the playground, with the versions and hashes of package-lock.json. Without npm or a connection the
# site is built, and its page of the playground says what is missing.
playground/node_modules/.installed: playground/package-lock.json
	@if npm ci --prefix playground --ignore-scripts --no-audit --no-fund; then touch $@; \
	else echo "The site gets no playground: npm is not installed, or its registry cannot be reached." >&2; fi

# The rules for docstrings are tests, which `make test` runs with the others.
lint: linters
	$(BIN)/python -m pytest --quiet tests/docs/test_docstrings.py

linters: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive benchmarks captum_rectgrad release site_build space zoo
	$(BIN)/mypy

.venv/.demo: pyproject.toml
	@PYTHON="$(PYTHON)" ./environment.sh .venv --editable '.[imagenet]'
	@touch $@

.venv/.dev: pyproject.toml
	@PYTHON="$(PYTHON)" ./environment.sh .venv --editable '.[imagenet,imagenet-more,studies,dev]'
	@touch $@ .venv/.demo

.venv/.docs: pyproject.toml
	@PYTHON="$(PYTHON)" ./environment.sh .venv --editable '.[imagenet,studies,docs]'
	@touch $@ .venv/.demo

# Wheels only: an old version without one for this Python would have to be compiled.
.venv-oldest/.tests: pyproject.toml tests/oldest-versions.txt
	@PYTHON="$(PYTHON)" ./environment.sh .venv-oldest --only-binary :all: \
	  --constraint tests/oldest-versions.txt --editable '.[imagenet,onnx,studies,tests]'
	@touch $@

clean:
	rm -rf .venv .venv-oldest demo.png playground/node_modules site .tutorials .coverage .mypy_cache .pytest_cache .ruff_cache
