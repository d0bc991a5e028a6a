#!/bin/sh
# Make what an image has below one folder: build-root.sh ROOM FOLDER PYTHON, from the top of the tree.
# STORES, as in STORES=s3a, names the object stores and databases that jobs of Spark are to read: their archives are added, for which Java has to be there.
# The Dockerfile runs it, and so does a machine without Docker: what is proven of the folder holds for the image.
# Only locked requirements of the product are installed, by their hashes, and our own packages as wheels.
set -eu
room=$1 folder=$2 python=$3
tree=$(cd "$(dirname "$0")/../.." && pwd)
uv=${UV:-uv}
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT

case $room in
airflow) packages="core local plugins" ;;
spark) packages="core spark" ;;
serving) packages="core local serving" ;;
*)
    echo "build-root.sh: expected airflow, spark or serving, given $room; nothing was made" >&2
    exit 2
    ;;
esac

"$uv" venv -q --python "$python" "$folder"
"$uv" pip sync -q --compile-bytecode --require-hashes --python "$folder" "$tree/requirements/image-$room.txt"
for package in $packages; do
    "$uv" build -q --wheel --out-dir "$wheels" "$tree/$package"
done
"$uv" pip install -q --no-deps --no-index --compile-bytecode --python "$folder" "$wheels"/*.whl
if [ "$room" = spark ] && [ -n "${STORES:-}" ]; then
    # Which stores: one word each.
    PYTHONPATH="$tree/local" "$folder/bin/python" -m pegel_local.jars.store_jars $STORES
fi
if [ "$room" = airflow ]; then
    mkdir -p "$folder/dags" "$folder/plugins"
    cp "$tree"/dags/*.py "$folder/dags/"
    cp "$tree"/plugins/pegel_plugin.py "$folder/plugins/"
fi
"$folder/bin/python" "$tree/k8s/images/sbom.py" > "$folder/sbom.cdx.json"
