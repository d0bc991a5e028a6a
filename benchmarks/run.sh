#!/bin/sh
# Write every figure of docs/measured.md anew. Takes two hours on two idle cores. The experiment of the thesis takes
# hours of its own: benchmarks.stream.thesis.
set -eu
cd "$(dirname "$0")/.."
.venvs/spark/bin/python -m benchmarks.accuracy --part all --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.accuracy.gate --before benchmarks/accuracy/gate/before.json --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.outliers --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.explain.slices --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.profile --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.speed --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.decoding --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.store.queries --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.store.writes --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.store.view_costs --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.pages.times --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.catch_up --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.throughput --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.throughput --master 'local-cluster[2,1,1024]' --formats v1 --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.steady --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.recovery --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.outlier_latency --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.stream.peers --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.quality.per_window --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.quality.false_alarms --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.baseline --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.batch --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.longspans.days --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.performance --write docs/measured.md
.venvs/spark/bin/python -m benchmarks.adversarial --write docs/measured.md
.venvs/serving/bin/python -m benchmarks.logger.run --ack enqueue --write docs/measured.md
.venvs/serving/bin/python -m benchmarks.logger.run --ack broker --write docs/measured.md
.venvs/serving/bin/python -m benchmarks.logger.proxy --write docs/measured.md
.venvs/serving/bin/python -m benchmarks.online.transformer --write docs/measured.md
.venvs/serving/bin/pegel demo --facts build/demo.json
.venvs/serving/bin/python -m benchmarks.demo.run build/demo.json --write docs/measured.md
