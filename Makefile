# Two commands do everything on a fresh Debian machine: `make run` and `make test`.
.DELETE_ON_ERROR:
BIN := .venv/bin
STAMP := .venv/.installed
CHECKOV := build/checkov/.installed
RUN_ARGS ?=
ALONE := tests/unit tests/transcoding
LANES := -n 2 --dist loadscope --no-loadscope-reorder
NOTES := $(CURDIR)/build/notes

.PHONY: setup run test soak bench lint synth deploy system-packages clean

setup: $(STAMP)

$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml lambdas/shared/pyproject.toml scripts/setup.sh
	bash scripts/setup.sh
	touch $(STAMP)

$(CHECKOV): $(STAMP) requirements/policy.txt scripts/policy_tools.sh
	bash scripts/policy_tools.sh

system-packages:
	bash scripts/system_packages.sh

run: setup
	$(BIN)/nephele up $(RUN_ARGS)

# First what shares nothing, on all cores; then what runs local stacks, in lanes (tests/lanes.py):
# tests of one stack are run one at a time, beside those of another. At last what judges all of them.
test: export NEPHELE_TEST_NOTES := $(NOTES)
test: setup system-packages $(CHECKOV)
	rm -rf $(NOTES); status=0; \
	$(BIN)/python -m pytest $(ALONE) -n auto || status=1; \
	$(BIN)/python -m pytest tests $(ALONE:%=--ignore=%) $(LANES) || status=1; \
	$(BIN)/python -m pytest tests/local/test_unused_grants.py -m judges -rP || status=1; \
	exit $$status

soak: setup system-packages
	$(BIN)/python -m pytest tests -m soak --timeout 7200

bench: setup system-packages
	$(BIN)/python -m bench

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

synth: setup
	$(BIN)/python -m infra.synth $(SYNTH_ARGS)

deploy: setup
	bash scripts/deploy.sh $(DEPLOY_ARGS)

clean:
	rm -rf .venv build cdk.out .nephele
