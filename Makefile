# Every target sets up what it needs; stamps in .venvs/ and .jars/ make repeats free.
SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= python3.11
TOOLS := .venvs/tools/bin
STAMPS := .venvs/.stamps
ROOMS := airflow spark serving
FOLDERS_airflow := core local plugins
FOLDERS_spark := core local spark
FOLDERS_serving := core local serving
DISTRIBUTIONS := core local plugins spark serving
OUT ?= dist
PEGEL := .venvs/serving/bin/pegel
PLAYED := .venvs/serving/bin/python -m pegel_local.demo.cluster
typed = MYPYPATH=tests/lib:tests/$(1)/lib:tests/chaos/lib:tests/chaos/stream/lib:tests/chaos/serving/lib$(if $(filter airflow,$(1)),:tests/k8s/lib:tests/k8s)$(if $(filter serving,$(1)),:tests/abuse/lib:docs/site) $(TOOLS)/mypy --python-executable .venvs/$(1)/bin/python --cache-dir .venvs/.mypy-$(1) $(2)

.PHONY: help setup demo demo-k8s down docs test test-long check chaos wheels test-core test-local test-airflow test-spark test-serving test-abuse test-e2e test-pages test-credit test-cookbook test-k8s chaos-k8s test-repo lint types contracts lock format measure clean purge

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMPS)/ready ## install the three environments and the jars; done by every target that needs it

demo: setup ## the whole way of one prediction, on real parts; KEEP=1 leaves the system up
	@$(PEGEL) demo $(if $(filter-out 0,$(KEEP)),--keep)

demo-k8s: setup ## the same with endpoint, driver and baseline as objects of a real API server, built with Go; needs PEGEL_CRDS
	@$(TOOLS)/python tests/k8s/prepare.py demo-k8s && $(PLAYED) --api-server $$($(TOOLS)/python tests/k8s/lib/built_server.py) $(if $(filter-out 0,$(KEEP)),--keep)

down: setup ## stop everything that was started here, and nothing else
	@$(PEGEL) down

docs: $(STAMPS)/tools $(STAMPS)/serving ## the documentation as a site in build/site; a link that leads nowhere is an error
	@mkdir -p build && .venvs/serving/bin/python docs/site/build_site.py $(TOOLS)/sphinx-build build/site && echo "docs: build/site/index.html"

test: setup ## every test of every environment, one summary at the end
	@$(TOOLS)/python tests/run.py

test-long: setup ## the tests that take minutes; SLICE=2/7 runs one part, SLICE=today the one of the day
	@$(TOOLS)/python tests/run.py --long $(if $(SLICE),--slice $(SLICE))

chaos: setup ## faults of stream and logger on real parts under load, a table at the end; CHAOS_KILLS=50 for many kills
	@$(TOOLS)/python tests/run.py chaos-stream chaos-serving

check: $(STAMPS)/airflow $(STAMPS)/spark $(STAMPS)/serving lint types contracts ## ruff, strict types, import contracts

test-core: setup ## core whole, and again in a second environment what depends on versions
	@$(TOOLS)/python tests/run.py core

test-local: setup ## launcher, processes, backends of one machine
	@$(TOOLS)/python tests/run.py local

test-airflow: setup ## workflows, hooks and the page, in a real Airflow
	@$(TOOLS)/python tests/run.py airflow

test-spark: setup ## the stream and the batch jobs, on a real broker and a real Spark
	@$(TOOLS)/python tests/run.py spark

test-serving: setup ## logger, proxy and model server, on a real broker
	@$(TOOLS)/python tests/run.py serving

test-abuse: setup ## honest traffic beside strangers who send whatever they like: a little of it, then much
	@$(TOOLS)/python tests/run.py abuse && $(TOOLS)/python tests/run.py abuse --long

test-e2e: setup ## what `make demo` does, asserted
	@$(TOOLS)/python tests/run.py e2e

test-pages: setup ## docs/your-model.md and the examples of models but credit, followed as they stand
	@$(TOOLS)/python tests/run.py pages

test-credit: setup ## examples/credit, followed as it stands: another model, a drift that does not matter, a search
	@$(TOOLS)/python tests/run.py credit

test-cookbook: setup ## docs/cookbook.md, followed as it stands
	@$(TOOLS)/python tests/run.py cookbook

test-k8s: setup ## objects in a cluster: that of KUBECONFIG, else a real API server, built with Go, and the definitions in PEGEL_CRDS; with the day's long tests, or SLICE=1/1: all
	@$(TOOLS)/python tests/k8s/prepare.py test-k8s || { test $$? = 3; exit; }; \
	long=0; $(TOOLS)/python tests/run.py k8s --long --slice $(or $(SLICE),today) || long=$$?; \
	$(TOOLS)/python tests/run.py k8s && exit $$long

chaos-k8s: setup ## two hundred faults of a cluster, one after the other, on what test-k8s runs on; a table at the end
	@$(TOOLS)/python tests/k8s/prepare.py chaos-k8s || { test $$? = 3; exit; }; unset KUBECONFIG; $(TOOLS)/python tests/run.py k8s-chaos

test-repo: setup ## the tree itself: docs, names, contracts, addresses
	@$(TOOLS)/python tests/run.py repo

lint: $(STAMPS)/tools ## ruff: rules and format
	@$(TOOLS)/ruff check -q . && $(TOOLS)/ruff format -q --check .

types: $(STAMPS)/airflow $(STAMPS)/spark $(STAMPS)/serving ## mypy strict, once per environment
	@$(call typed,airflow,plugins dags core local tests/airflow tests/k8s)
	@$(call typed,spark,spark core tests/spark tests/core tests/chaos/conftest.py tests/chaos/stream)
	@$(call typed,serving,serving local tests/serving tests/abuse tests/local tests/e2e tests/pages tests/repo tests/chaos/serving tests/run.py tests/conftest.py benchmarks examples/check_a_table.py examples/read_results.py docs/site)

contracts: $(STAMPS)/tools ## import contracts, in the words of docs/architecture.md
	@PYTHONPATH=core:local:plugins:spark:serving $(TOOLS)/lint-imports --cache-dir .venvs/.import-linter

wheels: $(STAMPS)/serving ## build the five distributions as wheels, into dist/ or OUT=folder
	@rm -rf $(OUT) && for folder in $(DISTRIBUTIONS); do $(TOOLS)/uv build -q --wheel --no-build-isolation --python .venvs/serving/bin/python --out-dir $(OUT) $$folder || exit 1; done

format: $(STAMPS)/tools ## write the code in the one format
	@$(TOOLS)/ruff check -q --fix . ; $(TOOLS)/ruff format -q .

lock: $(STAMPS)/tools ## resolve the requirements anew; the only target that changes versions
	@TOOLS=$(TOOLS) sh requirements/lock.sh

measure: setup ## run every benchmark and write docs/measured.md
	@$(PEGEL) --help > /dev/null && sh benchmarks/run.sh

clean: ## remove what setup installed; a running system is stopped first, its data stay
	@test ! -x $(PEGEL) || $(PEGEL) down
	@rm -rf .venvs .jars build

purge: clean ## clean, and delete the data of the systems in .pegel and .pegel-demo, too
	@rm -rf .pegel .pegel-demo

# --- set-up -----------------------------------------------------------------------------------------------------------

$(STAMPS)/tools: requirements/tools.txt
	@command -v $(PYTHON) > /dev/null || { echo "setup: $(PYTHON) is needed and was not found; install Python 3.11, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@sh requirements/install.sh tools $(PYTHON)

# Its commands are known by what is installed of it.
$(STAMPS)/serving: serving/pyproject.toml

$(STAMPS)/%: requirements/%.txt core/pyproject.toml local/pyproject.toml $(STAMPS)/tools
	@sh requirements/install.sh $* $(PYTHON) $(FOLDERS_$*)

$(STAMPS)/demo-data: requirements/demo-data.txt $(STAMPS)/serving
	@sh requirements/install.sh demo-data $(PYTHON)

$(STAMPS)/jars: requirements/jars.lock $(STAMPS)/spark $(STAMPS)/serving
	@echo "setup: Java archives are being fetched and compared with their pins"
	@.venvs/serving/bin/python -m pegel_local.jars.install_jars && touch $@

# The first plot of a machine looks at every font it has; better now than while somebody waits for an alert mail.
$(STAMPS)/fonts: $(STAMPS)/airflow
	@echo "setup: looking at the fonts of this machine, once"
	@.venvs/airflow/bin/python -c "import matplotlib.font_manager" && touch $@

# Half of the time in which Spark starts is reading its classes.
$(STAMPS)/class-archive: $(STAMPS)/spark
	@echo "setup: Spark's classes are being archived, so that it starts sooner"
	@.venvs/spark/bin/python -m pegel_spark.archive_classes && touch $@

$(STAMPS)/ready: $(STAMPS)/airflow $(STAMPS)/spark $(STAMPS)/serving $(STAMPS)/demo-data $(STAMPS)/jars $(STAMPS)/fonts $(STAMPS)/class-archive
	@touch $@
