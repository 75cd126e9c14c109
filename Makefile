# Everything is done from here; each target is one readable script in deploy/.
.PHONY: help run test clocks fault lint bench pin

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "make %-6s %s\n", $$1, $$2}'

run: ## set up, load demo data into an empty database, serve on PORT (8000) until Ctrl-C
	@deploy/venv.sh run
	@deploy/packages.sh pdf font
	@exec .venv/bin/python -u -m deploy.run

test: ## run all tests on SQLite, PostgreSQL and in Chromium, and check coverage
	@deploy/test.sh

clocks: ## all tests five times, as if on days that are often forgotten (long)
	@deploy/clocks.sh

fault: ## kill workers while the provider goes wrong; three ledgers must agree (part of test)
	@deploy/venv.sh test
	@exec .venv/bin/python -m pytest -n 2 tests/fault

lint: ## ruff, mypy, the import road, translation catalogs, migrations against models
	@deploy/venv.sh test
	@deploy/lint.sh

bench: ## measure against floors, write benchmarks/results.json, fail when a target is missed
	@deploy/venv.sh test
	@deploy/venv.sh bench
	@deploy/packages.sh pdf font browser
	@exec .venv/bin/python -m benchmarks

pin: ## compile the three requirements.in into the pinned lists
	@deploy/venv.sh test
	@deploy/pin.sh
