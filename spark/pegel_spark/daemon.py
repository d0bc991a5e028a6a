"""Spark's Python daemon, with everything a task needs imported before the first worker is forked from it.

Without it every new worker imports numpy and the statistics for itself, seconds before its first batch. What is
imported is never garbage: frozen, it costs nothing when Spark collects garbage after each task.
"""

from __future__ import annotations

import gc
import os

# Several threads for matrices of a few rows cost more than they save, and the workers share the cores already.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from pyspark import daemon, worker  # noqa: E402  after the number of threads is said

from pegel_spark import counting_job  # noqa: E402

__all__ = ["counting_job", "daemon", "worker"]

if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    # Tasks make many values and hardly any circles: looking for some after each few hundred values is most of the work.
    gc.disable()
    daemon.manager()
