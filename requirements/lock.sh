#!/bin/sh
# Resolve each environment from its declarations into one hash-locked file without addresses.
set -eu
compile() {
    out=$1
    shift
    "$TOOLS/uv" pip compile -q --no-header --no-emit-index-url --universal --python-version "${PYTHON:-3.11}" --generate-hashes \
        --no-emit-package pegel --no-emit-package pegel-local -c requirements/constraints.in "$@" -o "requirements/$out.txt"
}
compile tools requirements/tools.in
compile airflow requirements/common.in plugins/pyproject.toml --extra test
compile spark requirements/common.in spark/pyproject.toml --extra test
compile serving requirements/common.in serving/pyproject.toml --extra attribution
compile demo-data --no-deps requirements/demo-data.in
compile object-store requirements/object-store.in
# For the Pythons beside ours that core runs on; the project's own configuration names ours alone.
export UV_NO_CONFIG=1 PYTHON=3.12
compile other-pythons requirements/other-pythons.in core/pyproject.toml local/pyproject.toml --extra postgres
# Those of images: the product alone, for Linux, in the versions that are tested.
for room in airflow:plugins spark:spark serving:serving; do
    name=${room%%:*}
    "$TOOLS/uv" pip compile -q --no-header --no-emit-index-url --python-version 3.11 --python-platform linux --generate-hashes \
        --no-emit-package pegel --no-emit-package pegel-local -c requirements/constraints.in -c "requirements/$name.txt" \
        "${room#*:}/pyproject.toml" $([ "$name" != serving ] || echo --extra attribution) -o "requirements/image-$name.txt"
done
