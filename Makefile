# Everything runs in .venv, which the first target that needs it builds. `make` alone says what there is.
# `make PYTHON=python3.12 ...` builds .venv with another Python than python3.
PYTHON ?= python3
export PYTHON

# What a Debian machine needs besides Python packages: to run, and to test.
RUN_PACKAGES := python3 python3-venv libportaudio2
TEST_PACKAGES := ffmpeg chromium jackd2

PY := .venv/bin/python
PIP := $(PY) -m pip --quiet --quiet --disable-pip-version-check --no-input
DEMO_MODELS := exact lapped-quarter

.DELETE_ON_ERROR:
.PHONY: help demo test lint bench bench-learning models pictures studies clean run-packages test-packages

help:
	@echo 'make demo    reconstruct samples/ with the shipped models, into demo/, with a report for each'
	@echo 'make test    lint, then all tests'
	@echo 'make lint    ruff and mypy only'
	@echo 'make bench   the benchmarks against other libraries; 80 minutes of them on a sound device that is not there'
	@echo 'make bench-learning  what learning reaches; fetches two Debian packages of recordings'
	@echo 'make models  make the shipped models anew; fetches them too'
	@echo 'make pictures  draw the pictures of the README anew'
	@echo 'make studies  run the experiments, into demo/studies/, with a page that links to them'
	@echo 'make clean   remove what make made'

demo: .venv/installed
	@set -e; for model in $(DEMO_MODELS); do \
	    $(PY) -m audiocos reconstruct samples -o "demo/$$model" --model "$$model" \
	        --report "demo/$$model.html" --force; \
	done
	@echo
	@for model in $(DEMO_MODELS); do echo "Report: demo/$$model.html"; done

test: test-packages lint
	$(PY) -m pytest -q -m 'not paced' -n 2 --dist loadfile
	$(PY) -m pytest -q -m paced

lint: .venv/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: .venv/bench
	$(PY) -m benchmarks

bench-learning: .venv/installed
	$(PY) -m benchmarks.learning

models: .venv/installed
	$(PY) models/make.py

pictures: .venv/installed
	$(PY) docs/make.py

studies: .venv/installed
	$(PY) -m audiocos study all -o demo/studies --force

clean:
	rm -rf .venv demo build dist .mypy_cache .ruff_cache .pytest_cache

# torch first and by its exact version: a package that depends on torch would bring one of its own choice.
.venv/installed: pyproject.toml constraints.txt | run-packages
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "audiocos needs Python 3.11 or newer; $$PYTHON is $$("$$PYTHON" --version)" >&2; exit 1; }
	@echo 'Building .venv; the first time takes minutes'
	@"$$PYTHON" -m venv .venv
	@$(PIP) install -c constraints.txt torch==2.13.0
	@$(PIP) install -c constraints.txt -e '.[report,test]'
	@touch $@

.venv/bench: .venv/installed
	@$(PIP) install -c constraints.txt -e '.[report,test,bench]'
	@touch $@

run-packages:
	@scripts/system-packages.sh $(RUN_PACKAGES)

test-packages: | run-packages
	@scripts/system-packages.sh $(TEST_PACKAGES)
