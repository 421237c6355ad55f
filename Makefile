# Two commands need nothing but Python 3.11+ and make: `make demo` and `make test`. Both make .venv themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
export MPLBACKEND := agg
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-all test-pandas2 lint format bench docs data lock clean

demo: .venv/core ## the whole job on a simulated screen, into demo-out/
	$(BIN)/cellprofiling demo --out demo-out

test: .venv/test .venv/axe ## everything but the slow checks, under 12 minutes on two cores
	$(BIN)/pytest -n 2 --dist loadfile

test-all: .venv/test .venv/axe ## the slow checks too
	$(BIN)/pytest -n 2 --dist loadfile -m ""

test-pandas2: .venv/python .venv/axe ## the same tests with pandas 2.2, in .venv-pandas2
	$(PYTHON) -m venv .venv-pandas2
	grep -v '^pandas==' constraints.txt > .venv-pandas2/constraints.txt
	.venv-pandas2/bin/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	.venv-pandas2/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c .venv-pandas2/constraints.txt -e . --group test "pandas==2.2.*" "anndata==0.12.*"
	.venv-pandas2/bin/pytest -n 2 --dist loadfile

lint: .venv/dev ## style, types, floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/bench ## side by side with the peers; writes docs/benchmarks.md
	$(BIN)/python benchmarks/run.py

docs: .venv/dev ## docs/_build/index.html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

SMALL := --preset easy --seed 0 --plates 4 --wells-per-plate 96 --compounds 36 --cells-per-well 25 --features 48
data: .venv/core ## the small screen in data/, made again
	rm -rf data/small
	$(BIN)/cellprofiling simulate $(SMALL) --out data/small

lock: ## pin every version again (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --group dev --group bench --no-header --no-annotate -o constraints.txt

clean:
	rm -rf .venv demo-out docs/_build

# An install is done once: the stamp is newer than what it was made from.
.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Say: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@touch $@

.venv/core: .venv/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/test: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group test
	@touch $@

# axe-core (MPL-2.0) judges whether everyone can read the report; without npm that one test is skipped.
AXE := 4.10.3
.venv/axe: .venv/python
	@mkdir -p $@ && cd $@ && npm pack --silent axe-core@$(AXE) >/dev/null && tar -xzf axe-core-$(AXE).tgz && touch . || \
	  { cd ../.. && rm -rf $@ && echo "no axe-core from npm: the accessibility of the report is not tested"; }

.venv/bench: .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group bench
	@touch $@

.venv/dev: .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group dev
	@touch $@
