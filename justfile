# The whole workflow on one screen. `just` alone lists it.

_default:
    @just --list

# what CI runs
check:
    .ci/run

# the suite; arguments go to pytest
test *arguments:
    uv run pytest {{arguments}}

# the laws with new examples, which a failure prints; the suite in .ci/run tries the same ones every time
laws *arguments:
    uv run pytest -m hypothesis --hypothesis-profile=default {{arguments}}

# the linters alone
lint:
    uv run ruff check
    uv run ruff format --check
    uv run mypy
    MYPYPATH=benchmarks uv run mypy benchmarks/*.py
    uv run lint-imports --no-logo --no-cache

# put code into the one shape
format:
    uv run ruff format
    uv run ruff check --fix

# a hub and two laptops on this machine
demo:
    uv run aster demo

# print the figures of one benchmark
bench name:
    uv run python benchmarks/{{name}}.py

# after a change of dependencies: constraints.txt anew, and what constraint-dependencies must hold
pins:
    { grep '^#' constraints.txt; uv export --quiet --no-dev --no-hashes --no-emit-project --no-annotate --no-header | sed 's/ ;.*//'; } > constraints.new
    mv constraints.new constraints.txt
    uv export --quiet --all-groups --no-hashes --no-emit-project --no-annotate --no-header | sed 's/ ;.*//'
