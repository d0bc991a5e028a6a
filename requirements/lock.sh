#!/bin/sh
# Resolve each environment from its declarations into one hash-locked file without addresses.
set -eu
compile() {
    out=$1
    shift
    "$TOOLS/uv" pip compile -q --no-header --no-emit-index-url --universal --python-version 3.11 --generate-hashes \
        --no-emit-package pegel --no-emit-package pegel-local -c requirements/constraints.in "$@" -o "requirements/$out.txt"
}
compile tools requirements/tools.in
compile airflow requirements/common.in plugins/pyproject.toml --extra test
compile spark requirements/common.in spark/pyproject.toml --extra test
compile serving requirements/common.in serving/pyproject.toml
compile demo-data --no-deps requirements/demo-data.in
