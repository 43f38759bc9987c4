# Everything a developer runs. `make run` and `make test` need Python 3.11 or newer and nothing else; what talks to AWS
# (`synth`, `diff`, `deploy`, `destroy`) needs Node 20 or newer too.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# What the caller sets is data: make does not expand it, and recipes read it from the environment, as "$$ARG_FILE".
ARGUMENTS := EVENTS FILE JOBS MODEL ONCE OPEN PORT PROMPT PYTHON ROUNDS SECONDS SEED SIZE STAGE WORKERS
PROMPT_ORIGIN := $(firstword $(origin PROMPT))
IS_SET = $(filter command environment,$(firstword $(origin $(1))))
$(foreach it,$(ARGUMENTS),$(if $(call IS_SET,$(it)),$(eval override $(it) := $$(value $(it)))))

PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(p) 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 4000
STAGE ?= dev
FILE ?= $(if $(SAYS),,examples/lost-messages.md)
MODEL ?= local.textrank
# Not empty if a prompt is given. A blank prompt counts, and is refused; an empty variable of the shell does not count.
SAYS := $(strip $(PROMPT) $(filter command,$(PROMPT_ORIGIN)))
JOBS ?= 10000
EVENTS ?= 20
SEED ?= 1
SECONDS ?= 300
WORKERS ?= auto
SOURCES := app.py appsync_local build_backend certify chalicelib docs examples infrastructure local_stack longcall tests bench

PEERS := bench/.venv/ready $(patsubst %,bench/node/%/node_modules/.package-lock.json,simulator yoga)

RUN = run --model "$$ARG_MODEL" $(if $(SAYS),--prompt "$$ARG_PROMPT") $(if $(FILE),"$$ARG_FILE")
$(foreach it,$(ARGUMENTS),$(eval export ARG_$(it) := $$($(it))))
unexport $(ARGUMENTS)
# The name of a file may begin with a dash; "-" is the standard input.
export ARG_FILE := $(if $(filter-out -,$(filter -%,$(firstword $(FILE)))),./)$(FILE)

.PHONY: help run serve test fuzz certify certify-mutants bench check format lock dist docs pictures prepared synth diff deploy destroy cdk node clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/local.ready ## Start everything, run a job and watch it: FILE=… MODEL=… PROMPT=… OPEN=1 ONCE=1 PORT=…
	@$(BIN)/longcall serve --port "$$ARG_PORT" $(if $(OPEN),--open) $(if $(ONCE),--once) -- $(RUN)

serve: $(VENV)/local.ready ## Start everything and keep running: OPEN=1 PORT=…
	@$(BIN)/longcall serve --port "$$ARG_PORT" $(if $(OPEN),--open)

# A first run uses two processors: one installs from PyPI and checks, the other one installs from npm and compiles.
ifneq ($(filter test,$(MAKECMDGOALS)),)
MAKEFLAGS += --jobs=2
endif

test: check prepared $(VENV)/compiled ## Set up, check, and run every test
	@$(BIN)/pytest --numprocesses "$$ARG_WORKERS" --dist loadfile --no-loadscope-reorder

# What fails here, the tests try again, and say what is missing.
prepared: | $(BIN)/python
	@$(BIN)/python -m tests.support.prepare || true

# Otherwise each process of pytest would compile the tests for itself, all at the same time. An environment in which
# Python writes no bytecode would keep none of it.
$(VENV)/compiled: $(VENV)/dev.ready
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only > /dev/null 2>&1 || true
	@touch $@

fuzz: $(VENV)/dev.ready ## Outages of a stack, then attacks on the engine, longer than in the tests: SECONDS=300 SEED=… SIZE=…
	@$(BIN)/python -m tests.hostile --seconds "$$ARG_SECONDS" --seed "$$ARG_SEED" $(if $(SIZE),--size "$$ARG_SIZE")

certify: $(VENV)/dev.ready ## Inject faults, and check that nothing was lost: JOBS=… EVENTS=… SEED=…
	@$(BIN)/python -m certify --jobs "$$ARG_JOBS" --events "$$ARG_EVENTS" --seed "$$ARG_SEED"

certify-mutants: $(VENV)/dev.ready ## Break the product in many small ways, and demand that the certificate sees each
	@$(BIN)/python -m certify.mutation

bench: $(VENV)/dev.ready $(PEERS) ## Measure the engine against its peers, and write docs/performance.md: ROUNDS=…
	@$(BIN)/python -m bench $(if $(ROUNDS),--rounds "$$ARG_ROUNDS")

bench/.venv/ready: bench/requirements.txt | $(BIN)/python
	@echo "setting up the peers that the engine is compared with (once; takes some minutes)"
	@"$$ARG_PYTHON" -m venv bench/.venv
	@bench/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

bench/node/%/node_modules/.package-lock.json: bench/node/%/package-lock.json | node
	@cd bench/node/$* && npm ci --silent

check: $(VENV)/dev.ready ## Ruff, mypy and the import rules
	@$(BIN)/ruff format --check --quiet $(SOURCES)
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy $(SOURCES)
	@report=$$($(BIN)/lint-imports --no-logo) || { echo "$$report"; exit 1; }

format: $(VENV)/dev.ready ## Format the code
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

lock: $(VENV)/dev.ready ## Resolve the locked requirements anew from pyproject.toml
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --group dev --generate-hashes $(LOCK) -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --group lambda --generate-hashes $(SAME) $(LOCK) -o requirements.txt
	@$(BIN)/uv pip compile --quiet --group lambda --group openai --generate-hashes $(SAME) $(LOCK) -o requirements/lambda-openai.txt
	@$(BIN)/uv pip compile --quiet --group local --generate-hashes $(SAME) $(LOCK) -o requirements/local.txt
	@$(BIN)/uv pip compile --quiet --group deploy --generate-hashes $(SAME) $(LOCK) -o requirements/deploy.txt
	@$(BIN)/uv pip compile --quiet --group docs --generate-hashes $(SAME) $(LOCK) -o requirements/docs.txt

docs: $(VENV)/docs.ready ## Build the documentation site into site/; with Node 20 or newer, the TypeScript API too
	@if node --version 2>/dev/null | grep --quiet --extended-regexp '^v(2[0-9]|[3-9][0-9])'; \
	  then cd clients/typescript && npm ci --silent && npm run --silent docs; \
	  else echo "without the pages about the TypeScript API: Node 20 or newer was not found"; fi
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open site/index.html, or serve it with: $(BIN)/python -m mkdocs serve"

pictures: $(VENV)/dev.ready ## Run longcall demo, and draw docs/images/demo.svg from it
	@$(BIN)/python -m docs.make_pictures docs/images

dist: $(VENV)/dev.ready ## Build the packages, longcall and appsync-local, into dist/
	@$(BIN)/python -m build_backend.make_dist dist > /dev/null
	@ls dist/*

# `make run`, `make test` and `make deploy` share one environment: each installs what another has installed.
SAME := --constraint requirements/dev.txt
LOCK := --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11

synth: cdk ## Write the CloudFormation template of a stage to cdk.out/: STAGE=dev
	@$(CDK) synth --quiet $(CDK_OPTIONS)
	@echo "cdk.out/longcall-$$ARG_STAGE.template.json"

diff: cdk ## Show what a deployment would change: STAGE=…
	@$(CDK) diff $(CDK_OPTIONS)

deploy: cdk ## Deploy a stage to AWS, and write cdk-outputs.json for longcall --target aws: STAGE=…
	@$(CDK) deploy $(CDK_OPTIONS) --outputs-file ../cdk-outputs.json

destroy: cdk ## Remove a stage from AWS; it asks first: STAGE=…
	@$(CDK) destroy $(CDK_OPTIONS)

# The command line of CDK is pinned: npm's `latest` is an older build that refuses the library's files.
CDK = cd infrastructure && $(QUIET) node_modules/.bin/cdk
# Node 20 works; the library's bridge to it prints a page about its end of life at every start. Its value is a major version.
QUIET = JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20
CDK_OPTIONS = --context stage="$$ARG_STAGE" --no-notices
CDK_CLI := infrastructure/node_modules/.package-lock.json

cdk: $(VENV)/deploy.ready $(CDK_CLI)

$(CDK_CLI): infrastructure/package-lock.json | node
	@cd infrastructure && npm ci --silent
	@touch $@

node:
	@node --version 2>/dev/null | awk -F '[v.]' '{ new = $$2 >= 20 } END { exit !new }' \
	  || { echo "error: Node 20 or newer is needed, and was not found; install it from https://nodejs.org" >&2; exit 1; }

clean: ## Remove the environment, caches and local jobs
	@rm -rf $(VENV) .longcall .mypy_cache .pytest_cache .ruff_cache .hypothesis longcall.egg-info site tests/integration/clients/node/node_modules bench/.venv bench/node/*/node_modules

$(BIN)/python:
	@test -n "$$ARG_PYTHON" || { echo "error: Python 3.11 or newer was not found; install it, or name one with PYTHON=…" >&2; exit 1; }
	@"$$ARG_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: Python 3.11 or newer is needed, and $$ARG_PYTHON is older; name another one with PYTHON=…" >&2; exit 1; }
	@"$$ARG_PYTHON" -m venv $(VENV)

# Python compiles a module when it is first imported, and most modules of these packages never are. An environment in
# which Python writes no bytecode would compile again at every start, so there pip does it.
COMPILE := $(if $(PYTHONDONTWRITEBYTECODE),,--no-compile)

$(VENV)/%.ready: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) (once; a minute or two)"
	@$(BIN)/pip install --quiet --disable-pip-version-check $(COMPILE) --requirement $<
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
