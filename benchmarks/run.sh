#!/bin/sh
# Write every figure of docs/measured.md anew. Takes an hour and a half on two idle cores.
set -eu
cd "$(dirname "$0")/.."
.venvs/spark/bin/python -m benchmarks.accuracy --part all --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.accuracy.gate --before benchmarks/accuracy/gate/before.json --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.outliers --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.profile --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.speed --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.store.queries --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.store.writes --write docs/measured.md
.venvs/serving/bin/python -m benchmarks.logger.run --ack enqueue --write docs/measured.md
.venvs/serving/bin/python -m benchmarks.logger.run --ack broker --write docs/measured.md
.venvs/serving/bin/pegel demo --facts build/demo.json
.venvs/serving/bin/python -m benchmarks.demo.run build/demo.json --write docs/measured.md
