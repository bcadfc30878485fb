# `make` lists the commands. Each makes the virtual environment it needs.

PYTHON ?= python3
VENV ?= .venv
# For example DJANGO="Django>=5.2,<5.3"; empty: the newest.
DJANGO ?=
# Of `make test`; empty: no lines are counted, which takes a third less time.
COVERAGE ?= yes
# Of `make faults`, where "--help" lists them; of `make bench`, the comparisons: all by default.
OPTIONS ?=
export PYTHON VENV DJANGO
# The tests start some hundred processes, each of which would compile the library anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := $(VENV)/bin
PYTEST := $(BIN)/$(if $(COVERAGE),coverage run,python) -m pytest
# Tests that run on SQLite too, where their lines are counted.
UNCOUNTED := $(BIN)/python -m pytest
.DEFAULT_GOAL := help
.PHONY: help demo serve test test-acceptance test-sqlite test-postgres test-mariadb test-others test-sources lint messages bench faults clean install-demo install-dev

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: install-demo ## The main job as a story, with real processes; ends by itself
	@$(BIN)/python -m example_site.demo

serve: install-demo ## The example site with its mails, until Ctrl-C (PORT=8000 SMTP_PORT=8025)
	@$(BIN)/python -m example_site.serve

test: install-dev ## All tests on SQLite, and those that touch a database on PostgreSQL and MariaDB
	@$(BIN)/coverage erase
	@echo "Two runs at a time; each tells when it is done. This takes minutes."
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target \
		test-acceptance test-sqlite test-postgres test-mariadb test-others test-sources
	@[ -z "$(COVERAGE)" ] || { $(BIN)/coverage combine --quiet && $(BIN)/coverage report; }

# The longest first, so that none is left for one core alone at the end.
test-acceptance:
	$(PYTEST) tests/acceptance

test-sqlite:
	$(PYTEST) tests/integration

test-postgres:
	NOTIFYAUDIT_TEST_DB=postgres $(UNCOUNTED) tests/integration tests/example

test-mariadb:
	NOTIFYAUDIT_TEST_DB=mariadb $(UNCOUNTED) tests/integration tests/example

test-others:
	$(PYTEST) tests/docs tests/unit tests/example

# In a project of their own: each audit package and its models are installed there.
test-sources:
	$(PYTEST) tests/sources --ds=tests.sources.settings
	NOTIFYAUDIT_TEST_DB=postgres $(PYTEST) tests/sources --ds=tests.sources.settings
	NOTIFYAUDIT_TEST_DB=mariadb $(PYTEST) tests/sources --ds=tests.sources.settings

lint: install-dev ## Ruff, mypy and the layers' contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

messages: install-dev ## Take new texts into the translations, and list what is not translated (needs gettext)
	@$(BIN)/python scripts/messages.py

bench: install-dev ## What things cost next to the plainest way to do them (NOTIFYAUDIT_TEST_DB=postgres OPTIONS="fanout sending")
	@$(BIN)/python -m benchmarks $(OPTIONS)

faults: install-dev ## Kill 200 processes among 10,000 mails and count (OPTIONS="--database postgres --seed 8")
	@$(BIN)/python -m tests.acceptance.faults $(OPTIONS)

clean: ## Remove what the commands have made
	@rm -rf .venv .venv-* var build dist htmlcov .coverage .coverage.* \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

install-demo install-dev:
	@scripts/install $(@:install-%=%)
