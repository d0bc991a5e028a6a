"""The Spark session: small, quiet, on the loopback address."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from pegel.errors import SetupError
from pegel.spec.settings import Settings

LOGGING = Path(__file__).with_name("log4j2.properties")
NO_COUNTERS = "-XX:-UsePerfData"
"""A JVM's counters for other processes would stand in the system's temporary folder, wherever `java.io.tmpdir` is."""
JVM_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", NO_COUNTERS)
"""Half the start-up time and memory of the defaults; a driver of small batches never needs the optimising compiler."""
CONNECTOR = "spark-sql-kafka-0-10"


def connector_jars(settings: Settings) -> list[Path]:
    """Return the jars of the Kafka connector. Raises SetupError when they are not there."""
    folder = settings.spark_jars
    jars = sorted(folder.glob("*.jar")) if folder else []
    if not any(jar.name.startswith(CONNECTOR) for jar in jars):
        raise SetupError(
            f"expected the Kafka connector {CONNECTOR}*.jar in PEGEL_SPARK_JARS; given: {folder}. "
            "Run the jar set-up; no driver was started."
        )
    return jars


ARROW_BATCH_BYTES = 16 * 1024 * 1024
"""Bytes of one record batch that goes to a Python worker: bounds the memory of both sides, whatever a record's size."""


def build(
    name: str, settings: Settings, *, jars: list[Path], memory: str = "1g", scratch: Path | None = None
) -> SparkSession:
    """Build the session of this process. Under `spark-submit` its master and JVM flags win, the rest holds.

    `scratch` is where Spark and the JVM put temporary files; None leaves that to the system. Raises SetupError when the
    JVM ends before it answers.
    """
    # Before the JVM starts: its workers must be this interpreter, and it must not look up this host's name.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # The JVM that only finds out how to start the next one keeps counters, too.
    os.environ.setdefault("SPARK_LAUNCHER_OPTS", NO_COUNTERS)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    flags = " ".join((*JVM_FLAGS, f"-Dlog4j2.configurationFile={LOGGING.as_uri()}", "-Djava.net.preferIPv4Stack=true"))
    options = {
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": flags,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # Hadoop sets the modes of what it writes itself, whatever the umask says.
        "spark.hadoop.fs.permissions.umask-mode": "077",
        "spark.python.daemon.module": "pegel_spark.daemon",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
        "spark.sql.execution.arrow.maxBytesPerBatch": str(ARROW_BATCH_BYTES),
    }
    if _on_this_machine(settings):
        # Its ports take what executors send, code included: only those that know the session's own secret may send it.
        options["spark.authenticate"] = "true"
    if scratch is not None:
        # Not TMPDIR: sockets are made there, and their paths must be short.
        os.environ["SPARK_LOCAL_DIRS"] = str(scratch)
        options["spark.driver.extraJavaOptions"] = f"{flags} -Djava.io.tmpdir={scratch}"
    if jars:
        options["spark.jars"] = ",".join(str(jar) for jar in jars)
    builder = SparkSession.builder.appName(name)
    if "SPARK_ENV_LOADED" not in os.environ:
        builder = builder.master(settings.spark_master)
    for key, value in options.items():
        builder = builder.config(key, value)
    try:
        return builder.getOrCreate()
    except PySparkRuntimeError as failure:
        raise SetupError(
            f"expected Spark to start with the master {settings.spark_master}; given: {failure} "
            "What it said stands in the log; nothing was read."
        ) from failure


def _on_this_machine(settings: Settings) -> bool:
    """Say whether executors are threads of this very process: then Spark makes a secret of its own for its ports."""
    if "SPARK_ENV_LOADED" not in os.environ:
        return settings.spark_master.startswith("local")
    SparkContext._ensure_initialized()  # noqa: SLF001  under `spark-submit` only the JVM knows its master
    return SparkConf().get("spark.master", "").startswith("local")


def warm(spark: SparkSession) -> None:
    """Start the Python workers and load the path that every batch takes, so that the first batch need not wait."""
    spark.sparkContext.parallelize(range(2), 2).mapPartitions(list).collect()
