# make install | demo | test | check | bench | lock | clean.  Everything happens inside .venv and build/.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= auto

.PHONY: install demo test check bench lock clean format openapi

install: $(STAMP)

$(STAMP): requirements/lock.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements/lock.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

demo: install
	$(BIN)/countenance demo --out build/demo

# The Milvus server is one on a machine: its tests run after the others, by themselves.
test: install
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not milvus"
	$(BIN)/pytest -m milvus

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	$(BIN)/pytest -q tests/architecture

bench: install
	$(BIN)/python -m benchmarks

openapi: install
	$(BIN)/python -m countenance.http.openapi > docs/openapi.json

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet --generate-hashes --no-annotate --no-header --universal \
		--python-version 3.11 --extra postgres --extra demo --extra geography --extra milvus --extra report --extra timestamp --extra clips \
		--extra service --extra s3 --extra transit --override requirements/overrides.txt \
		--output-file requirements/lock.txt pyproject.toml requirements/dev.in

clean:
	rm -rf build $(VENV)
