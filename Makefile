# What can be asked for:
#
#   make serve      set up everything and start the registry on 127.0.0.1:5000, data in ./data
#   make test       the tests, in minutes; tests with clients that are not here are skipped and named
#   make test-all   the tests, the long ones too, and those of both faces over every back end
#   make over-postgresql-s3
#                   the tests of both faces (or ARGS) over one back end: over-, sqlite- or postgresql-, and
#                   file (sealed), plain, s3 or s3-sealed
#   make check      format, lint, types, imports, sizes; each of these is a target too
#   make docs       write the pages of docs that are made from the code
#   make clients    install the real clients that tests and benchmarks use
#   make bench      compare with other registries, on this machine
#   make image      build the container image with buildah and mmdebstrap, as root
#   make clean      remove what make made here (never ./data)
#
# Needed: make, and Python 3.11 or newer. ARGS="…" is handed on to serve, test, test-all and bench.

UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
PYTHON := .venv/bin/python

# The environment is .venv here, whatever the shell says, and uv never downloads a Python.
export UV
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV
# Modules are compiled once and not by every process anew: half of what a start takes.
unexport PYTHONDONTWRITEBYTECODE

# All tests run over SQLite and sealed files; those of both faces also over other back ends.
FACES := tests/oci tests/api
# One process for each core, and no more than four: each has servers and engines of its own. With ARGS it is one.
# In the order of their names, files that wait stand beside files that work; by their sizes, all that wait came last.
PYTEST := $(PYTHON) -m pytest $(if $(ARGS),,--numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder)
BESIDE := over-postgresql-s3
FURTHER := over-sqlite-plain over-sqlite-s3 over-postgresql-file over-postgresql-plain

.PHONY: serve test test-all quick whole check format lint types imports sizes bench docs clients image clean

serve: .venv/.made
	.venv/bin/entrepot serve --data ./data $(ARGS)

# With ARGS it is about some tests, and those run once.
test: quick $(if $(ARGS),,$(BESIDE))

test-all: whole $(if $(ARGS),,$(BESIDE) $(FURTHER))

quick: .venv/.made
	$(PYTEST) $(ARGS)

whole: .venv/.made
	$(PYTEST) -m "" $(ARGS)

# What else has to do with rows.
over-postgresql-file: FACES += tests/abuse tests/cli/test_commands.py tests/cli/test_freshness.py \
	tests/crash/test_garbage.py tests/crash/test_rotation.py tests/moto

over-sqlite-%: .venv/.made
	ENTREPOT_TEST_STORAGE=$* $(PYTEST) $(or $(ARGS),$(FACES))

over-postgresql-%: .venv/.made
	ENTREPOT_TEST_DATABASE=postgresql ENTREPOT_TEST_STORAGE=$* $(PYTEST) $(or $(ARGS),$(FACES))

check: format lint types imports sizes

format: .venv/.made
	.venv/bin/ruff format --check .

lint: .venv/.made
	.venv/bin/ruff check .

types: .venv/.made
	.venv/bin/mypy

imports: .venv/.made
	.venv/bin/lint-imports

sizes: .venv/.made
	$(PYTHON) -m tools.sizes

bench: .venv/.made
	$(PYTHON) -m bench $(ARGS)

docs: .venv/.made
	$(PYTHON) -m tools.settings_page > docs/settings.md
	$(PYTHON) -m tools.reference > docs/operations.md

clients: .venv/.made
	$(PYTHON) -m tools.clients

image: | $(UV)
	deploy/image/build $(ARGS)

clean:
	rm -rf .venv .uv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +

# Made from the lock file alone, and again only when that changes.
.venv/.made: pyproject.toml uv.lock | $(UV)
	$(UV) sync --locked --quiet --compile-bytecode
	@touch $@

.uv/bin/uv: tools/uv.txt
	@rm -rf .uv
	@{ python3 -m venv .uv && .uv/bin/python -m pip install --quiet --require-hashes -r tools/uv.txt; } >&2 || { rm -rf .uv; exec >&2; \
	echo "make: the environment needs uv, and python3 with pip could not fetch it. Either of these helps:"; \
	echo "make:   - install uv so that it is on PATH: https://docs.astral.sh/uv"; \
	echo "make:   - install Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv), and reach PyPI"; \
	exit 1; }
