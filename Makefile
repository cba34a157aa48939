# Everything that a newcomer or CI calls. `make help` lists it.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help build check demo test

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

build: ## Install the npm packages of the lock and compile to dist/ (incremental)
	@sh tools/build.sh

check: ## Format, lint, types, purity, dependencies, unused code, form
	@sh tools/build.sh --packages-only
	@npm run --silent --loglevel=error check

demo: ## Three controllers and three PostgreSQL instances on this machine, with a menu of faults
	@sh tools/install-prerequisites.sh --demo
	@sh tools/build.sh
	@bin/matriarch demo $(ARGS)

test: ## Checks, unit tests, simulation, real clusters; installs what is missing; last line: the count
	@sh tools/test.sh
