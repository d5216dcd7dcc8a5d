# Two commands matter: `make cloud` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SUDO   := $(if $(filter 0,$(shell id -u)),,sudo)

# The version of uv that uv.lock itself names: what prepares the environment is locked as well.
UV := uv==$(shell sed -n '/^name = "uv"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' uv.lock)

# Programs inside images have no ending: their first line says that they are Python.
PROGRAMS = $(shell grep -rlIE --exclude='*.py' '^.!/.*python' kolla tests)
IMAGES   = $(filter kolla/services/%,$(PROGRAMS)) $(wildcard kolla/services/*/image/*.py)

# make cloud GLOBALS=FILE        settings added to those of the cloud it makes
# make cloud HOSTS=4             a cloud of so many emulated hosts, beside the one on this machine (docs/several-hosts.md)
# make clean-cloud PURGE=1       removes the engine and the packages it installed, too
# make clean-cloud HOSTS=4       removes only the cloud of emulated hosts, however many it has
GLOBALS ?=
HOSTS   ?= 1
PURGE   ?=
SEVERAL := $(filter-out 1,$(HOSTS))
WITH_GLOBALS := $(if $(GLOBALS),--globals $(GLOBALS))

.DEFAULT_GOAL := help
.PHONY: help venv cloud clean-cloud test lint format test-unit test-integration test-system test-long bench bench-images bench-deployer bench-scale lock reference clean

help: ## this text
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

venv: $(READY) ## the Python environment in .venv, with the locked versions

$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0])'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -q -y --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --quiet --locked --compile-bytecode --python $(BIN)/python
	$(BIN)/python -m compileall -q kolla
	@touch $@

cloud: $(READY) ## from nothing to a cloud and a login to a server in it (GLOBALS=FILE adds settings; HOSTS=4 emulates hosts)
	$(SUDO) $(BIN)/$(if $(SEVERAL),python -m tests.system.rig.cloud up $(HOSTS),kolla quickstart) $(WITH_GLOBALS)

clean-cloud: $(READY) ## remove the clouds that make cloud made, volumes and images included (PURGE=1: engine, packages)
	$(SUDO) $(BIN)/python -m tests.system.rig.cloud down $(if $(PURGE),--purge)
	$(if $(SEVERAL),,$(SUDO) $(BIN)/kolla destroy --volumes --images --config $(if $(PURGE),--purge) --yes-i-really-really-mean-it)

test: lint test-unit ## what must pass before every commit; needs no engine

lint: $(READY) ## style, types, direction of imports
	@$(BIN)/ruff check . $(PROGRAMS)
	@$(BIN)/ruff format --check . $(PROGRAMS)
	$(BIN)/mypy
	@$(BIN)/mypy --no-namespace-packages --scripts-are-modules $(IMAGES)
	$(BIN)/lint-imports --no-logo

format: $(READY) ## let ruff repair what it can
	@$(BIN)/ruff check --fix . $(PROGRAMS)
	@$(BIN)/ruff format . $(PROGRAMS)

test-unit: $(READY) ## unit tests: seconds, no engine
	$(BIN)/python -m pytest -n auto tests/unit

test-integration: $(READY) ## tests against a real container engine
	$(BIN)/python -m pytest --durations=25 $(WITH_GLOBALS) tests/integration

test-system: $(READY) ## whole clouds: make cloud, two hosts over SSH
	$(BIN)/python -m pytest --durations=25 $(WITH_GLOBALS) tests/system

test-long: $(READY) ## what takes many minutes: every release, binary clouds, upgrades, stacks, recovery
	$(BIN)/python -m pytest $(WITH_GLOBALS) -m long tests/integration tests/system

bench: $(READY) ## make a cloud, measure it, remove it, print the figures
	$(SUDO) $(BIN)/python -m bench $(WITH_GLOBALS)

bench-images: $(READY) ## measure the image builder beside today's kolla from PyPI (COLD=FILE: upper constraints; builds, too)
	$(SUDO) $(BIN)/python -m bench.images $(WITH_GLOBALS) $(if $(COLD),--cold $(COLD))

bench-deployer: $(READY) ## measure the deployer beside today's kolla-ansible from PyPI (BUILT=DIR: images that are there)
	$(SUDO) $(BIN)/python -m bench.deployer $(WITH_GLOBALS) $(if $(BUILT),--built $(BUILT))

bench-scale: $(READY) ## measure clouds of up to 1000 hosts that are not there (REPORT=FILE: a build.json; PUBLISH=1: docs/scale.md)
	$(SUDO) $(BIN)/python -m bench.scale $(if $(REPORT),--build-report $(REPORT)) $(if $(PUBLISH),--publish)

lock: $(READY) ## bring uv.lock up to date with pyproject.toml
	$(BIN)/uv lock --upgrade

reference: $(READY) ## write the documentation that is made from the code
	$(BIN)/python -m kolla.cli.manual > docs/verbs.md
	$(BIN)/python -m kolla.generated .

clean: ## remove the environment and caches, not the cloud
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
