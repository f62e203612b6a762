# make demo: a picture.  make test: lint, types, tests.  make test-all: with the slow ones, and every
# architecture family of timm.  make docs: the site, in site/, its tutorials run.  Python 3.10+ and make
# are all they need.
PYTHON ?= python3
PYTEST_MARKS ?= not slow and not data and not exhaustive and not site
BIN := .venv/bin
# A process for each core; a file's tests stay together, as they share what they set up.
IN_PARALLEL := --numprocesses auto --dist loadfile

.PHONY: demo test test-all lint docs clean
.DELETE_ON_ERROR:

demo: demo.png

demo.png: .venv/.demo $(wildcard captum_rectgrad/*.py captum_rectgrad/*/*.py zoo/rectgrad_zoo/*.py)
	$(BIN)/rectgrad explain --out $@

test: lint
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "$(PYTEST_MARKS)"

test-all: lint
	$(BIN)/python -m pytest $(IN_PARALLEL)

# The notice is about a MkDocs that the theme does not allow to be installed.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet tests/documentation/test_docstrings.py

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or newer is needed; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

.venv/.demo: pyproject.toml | .venv/.python
	$(BIN)/python -m pip install --quiet --editable '.[imagenet]'
	touch $@

.venv/.dev: pyproject.toml | .venv/.python
	$(BIN)/python -m pip install --quiet --editable '.[imagenet,studies,dev]'
	touch $@ .venv/.demo

.venv/.docs: pyproject.toml | .venv/.python
	$(BIN)/python -m pip install --quiet --editable '.[imagenet,studies,docs]'
	touch $@ .venv/.demo

clean:
	rm -rf .venv demo.png site .mypy_cache .pytest_cache .ruff_cache
