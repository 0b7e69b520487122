# The two commands of the README are `make demo` and `make test`. Each makes .venv by itself, and needs only
# Python 3.11 or newer, make and the package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: test-more compose-test broker-files footprint idle dashboards dashboards-test demo setup help test check unit bench bench-conductor bench-scale bench-console soak long screenshots lock docs clean

demo: $(READY)  ## both lanes under the same faults, then the verdict
	$(BIN)/lab demo

setup: $(READY)  ## everything that the other targets need, in .venv

help:  ## this list
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Most tests wait for real processes, so more workers than processors do no harm. A module's tests share a lab.
WORKERS ?= 3

test: $(READY) check  ## every check and every test
	$(BIN)/pytest -m 'not long and not compose and not browser and not more' --durations 12 --durations-min 8 --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder

test-more: $(READY)  ## Step Functions' API and tasks, traces, workshop; pages in a real Chromium; 100,000 simulated executions
	$(BIN)/pytest -m 'more and not browser and not long' --durations 12 --durations-min 8 --numprocesses 3 --dist loadscope
	$(BIN)/pytest tests/browser -m 'browser and not long' --durations 12 --durations-min 8 --numprocesses 2 --dist loadscope
	LAB_SIMULATED_EXECUTIONS=100000 $(BIN)/pytest tests/properties/simulation --numprocesses 2

check: $(READY)  ## lint, format, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(READY)  ## the fast tests only
	$(BIN)/pytest tests/unit tests/properties

bench: $(READY)  ## orders a second of both lanes beside a floor without an engine
	$(BIN)/lab bench

bench-conductor: $(READY)  ## the conductor alone: Standard and Express executions beside a floor without an engine
	$(BIN)/python -m bench.conductor

bench-scale: $(READY)  ## what 100,000 paused executions and long histories cost
	$(BIN)/python -m bench.scale

long: $(READY)  ## tests that take minutes: 5,000 mixed executions under 60 kills, a frozen conductor, hostile clients
	LAB_MIXED_EXECUTIONS=5000 LAB_MIXED_KILLS=60 $(BIN)/pytest tests/e2e/test_mixed_executions.py -s
	$(BIN)/pytest tests -m long -s

footprint: $(READY)  ## what one order costs each lane: processor time, messages, bytes, memory (docs/scale.md)
	$(BIN)/python -m bench.footprint

idle: $(READY)  ## what both lanes cost while nobody orders, over five minutes
	$(BIN)/python -m bench.idle

dashboards: $(READY)  ## Grafana's dashboards and the Kubernetes manifests, made from their code
	$(BIN)/python -m dashboards.grafana build
	$(BIN)/python -m deploy.kubernetes build

dashboards-test: $(READY)  ## every panel asked of a real Prometheus beside a running lab
	$(BIN)/pytest tests/unit/dashboards tests/integration/dashboards -m "long or not long" --timeout 600

soak: $(READY)  ## the long kill loop: 30,000 orders a lane
	LAB_SOAK_ORDERS=30000 $(BIN)/pytest tests/e2e/test_kill_loop.py --timeout 7200 -s

compose-test: $(READY)  ## the containers of compose.yaml: built, loaded, broken and judged
	$(BIN)/pytest tests/compose -m compose --timeout 1500 -s -rs --durations 10 --durations-min 20

broker-files: $(READY)  ## the configuration of the containers' brokers, which is made from the code
	$(BIN)/python -m lab.target.broker_files build

docs: $(READY)  ## documents that are made from the code
	$(BIN)/python -m choreography asyncapi > docs/choreography.asyncapi.json
	$(BIN)/python -m choreography diagram > docs/choreography.mmd

bench-console: $(READY)  ## what open pages cost the lanes, how soon the console answers, whether an open page grows
	$(BIN)/python -m bench.console cost --browsers 1 --rounds 10
	$(BIN)/python -m bench.console cost --browsers 10
	$(BIN)/python -m bench.console clicks
	$(BIN)/python -m bench.console open

screenshots: $(READY)  ## every page of the console, wide and narrow, light and dark, into .lab/screenshots
	$(BIN)/python -m tests.browser.screenshots
	$(BIN)/python -m tests.browser.screenshots --readme

lock:  ## pin every dependency again, for every supported Python
	uv pip compile --quiet --universal --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  --all-extras --group dev --output-file requirements.lock pyproject.toml

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Saga Lab needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:  ## remove .venv and .lab
	rm -rf $(VENV) .lab
