# Everything here needs only Python 3.11 or newer (with venv), git and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo run test client-libraries clients contract soak bench check format pictures image-size clean

help:
	@echo "make demo     watch three grabs go through the whole chain, no account needed"
	@echo "make run      serve, with ./config.yaml or the environment"
	@echo "make test     every test"
	@echo "make soak     the tests that have a long form, in it: some minutes each"
	@echo "make bench    every benchmark, in a form of a few minutes"
	@echo "make check    format, lint, types"
	@echo "make pictures  take the pictures of the page for the docs anew"
	@echo "make clients  drive the libraries of PyPI and npm against the bridge"
	@echo "make contract play the recorded scenario to a real qBittorrent, and say what changed"
	@echo "make image-size  what our layers of the image weigh, compressed"

define NEW_VENV
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "this needs Python 3.11 or newer; try: make PYTHON=python3.11 ...")'
$(PYTHON) -m venv .venv
endef

.venv/run: pyproject.toml
	$(NEW_VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/dev: pyproject.toml
	$(NEW_VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch .venv/run $@

demo: .venv/run
	@$(BIN)/torbox-bridge demo

run: .venv/run
	@$(BIN)/torbox-bridge serve

# Most tests wait more than they compute, so a few run at once; what starts whole machines does not.
test: .venv/dev
	$(BIN)/python -m pytest -n 3 --dist worksteal --ignore=tests/system
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/system/packages tests/system
	$(BIN)/python -m pytest tests/system/packages

CLIENTS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/torbox-bridge-clients

# A program of PyPI and its version.
PROGRAM = test -x "$(CLIENTS)/programs/bin/$(1)" || "$(CLIENTS)/programs/bin/python" -m pip install \
	--quiet --disable-pip-version-check '$(1)$(2)' || echo "skipped: $(1) could not be installed"

# From npm and PyPI, into a folder of its own outside this repository. What cannot be installed is
# skipped by its tests, which say so.
client-libraries:
	@test -x "$(CLIENTS)/programs/bin/python" || $(PYTHON) -m venv "$(CLIENTS)/programs" || true
	@$(call PROGRAM,qbit-manage,~=4.14)
	@$(call PROGRAM,autoremove-torrents,~=1.5)
	@if command -v npm > /dev/null; then \
		npm install --prefix "$(CLIENTS)" --silent --no-fund --no-audit --ignore-scripts @ctrl/qbittorrent@9.14.0; \
	else echo "skipped: @ctrl/qbittorrent needs npm"; fi

clients: .venv/dev client-libraries
	$(BIN)/python -m pytest -rs tests/contract/clients tests/contract/test_clients.py

contract: .venv/dev
	@$(BIN)/python -m tests.contract.recorder $(if $(CHROOT),--chroot $(CHROOT))

# Tests with a long form look for BRIDGE_SOAK; BRIDGE_SEED gives them another course of events.
SOAKS := tests/together/test_weather.py tests/together/test_life_machine.py \
	tests/together/test_delivery_lies.py tests/unit/delivery/test_delivery_killed.py \
	tests/system/process/test_announced_points.py tests/system/process/test_a_day.py

soak: .venv/dev
	BRIDGE_SOAK=1 $(BIN)/python -m pytest -s --show-capture=no $(SOAKS)

# Where chromium, qbittorrent-nox, curl or aria2c is missing, its benchmark says so and the others go on.
# Their full lengths are in benchmarks/README.md.
bench: .venv/dev
	$(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks.first_byte
	$(BIN)/python -m benchmarks.unattended --items 40 --days 2
	-$(BIN)/python -m benchmarks.page 1000 10
	$(BIN)/python -m benchmarks.polling --sizes 1,1000
	-$(BIN)/python -m benchmarks.download --gib 1

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

pictures: .venv/dev
	PICTURES_TO=docs/pictures $(BIN)/python -m pytest tests/system/page

image-size: .venv/run
	$(BIN)/python packaging/image_size.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache dist
