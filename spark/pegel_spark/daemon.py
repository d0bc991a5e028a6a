"""Spark's Python daemon, with everything a task needs imported before the first worker is forked from it.

Without it every new worker imports numpy, Arrow and the statistics for itself, seconds before its first batch.
"""

from __future__ import annotations

from pyspark import daemon

from pegel.stream import counting_task

__all__ = ["counting_task", "daemon"]

if __name__ == "__main__":
    daemon.manager()
