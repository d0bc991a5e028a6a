"""Executors that are processes of their own, such as pods: they come when there is room, and all of them may go."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pyspark.sql import SparkSession

from pegel_spark import session
from pegel_spark.heartbeat import HeartbeatWriter

EXECUTORS = "an executor"
"""What is waited for where nobody is there to do the work."""
LOOK_EVERY_S = 0.2


def say_if_none(spark: SparkSession, beats: HeartbeatWriter) -> bool:
    """Take in that no executor is there while work waits for one; return whether that is so."""
    none = session.lacks_executors(spark)
    if none:
        beats.missing.wait_for(EXECUTORS, "none has registered with the driver")
    return none


def warm(
    spark: SparkSession, beats: HeartbeatWriter, pool: ThreadPoolExecutor, is_stopping: Callable[[], bool]
) -> None:
    """Warm the workers, and say so while there is nobody to be warmed; a driver that is to stop waits for none.

    Raises Superseded when another driver holds the group, and what the work itself raises.
    """
    warming: Future[None] = pool.submit(session.warm, spark)
    while not wait([warming], timeout=LOOK_EVERY_S).done:
        if say_if_none(spark, beats):
            beats.write_if_due()
            if is_stopping():
                spark.sparkContext.cancelAllJobs()
                wait([warming])
    if not is_stopping():
        warming.result()
        beats.missing.found(but="")
