"""The Spark session: small and quiet; on the loopback address where nobody else takes part."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from pegel.errors import SetupError
from pegel.spec.settings import LogFormat, Settings
from pegel_spark import class_archive

LOGGING = {
    form: Path(__file__).with_name(name)
    for form, name in ((LogFormat.TEXT, "log4j2.properties"), (LogFormat.JSON, "log4j2-json.properties"))
}
NO_COUNTERS = "-XX:-UsePerfData"
"""A JVM's counters for other processes would stand in the system's temporary folder, wherever `java.io.tmpdir` is."""
JVM_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", NO_COUNTERS)
"""Half the start-up time and memory of the defaults; a driver of small batches never needs the optimising compiler."""
ARROW_BATCH_ROWS, ARROW_BATCH_BYTES = 10_000, 16 * 1024 * 1024
"""Rows and bytes of one record batch that goes to a Python worker: bounds the memory of both sides. Where a whole
partition is handed over, Spark 4.2 heeds the rows alone: who has long ones states fewer by `ARROW_ROWS`."""
ARROW_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


def jvm_flags(form: LogFormat) -> str:
    """Return the flags of a JVM that logs in a form. What its memory may be is said elsewhere."""
    return " ".join((*JVM_FLAGS, f"-Dlog4j2.configurationFile={LOGGING[form].as_uri()}"))


def build(name: str, settings: Settings, *, memory: str = "1g", scratch: Path | None = None) -> SparkSession:
    """Build the session of this process.

    What was submitted with it (`spark-submit`, or the properties of a pod: see `pegel_spark.container`) wins: master,
    memory, JVM flags, addresses, ports. The settings' master is that of a process which nobody submitted.

    `scratch` is where Spark and a JVM that nobody submitted put temporary files; None leaves that to the system.
    Raises SetupError when the JVM ends before it answers, or has no use for the master.
    """
    # Before the JVM starts: its workers must be this interpreter.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    # The JVM that only finds out how to start the next one keeps counters, too.
    os.environ.setdefault("SPARK_LAUNCHER_OPTS", NO_COUNTERS)
    if scratch is not None:
        # Not TMPDIR: sockets are made there, and their paths must be short.
        os.environ["SPARK_LOCAL_DIRS"] = str(scratch)
    submitted, where = _submitted(), master(settings)
    if not submitted and is_here(where):
        # It must not look up this host's name.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    options = _options(where, settings.log_format)
    if not submitted:
        options |= _driver_options(memory, scratch, settings.log_format)
    builder = SparkSession.builder.appName(name).master(where)
    for key in options.keys() - submitted.keys():
        builder = builder.config(key, options[key])
    try:
        return builder.getOrCreate()
    except (PySparkRuntimeError, Py4JJavaError) as failure:
        said = str(failure.java_exception) if isinstance(failure, Py4JJavaError) else str(failure)
        raise SetupError(
            f"expected Spark to start with the master {where}; given: {said} "
            "What it said stands in the log; nothing was read."
        ) from failure


@contextmanager
def stopped_after(spark: SparkSession) -> Iterator[SparkSession]:
    """Stop a session when its work is over, well or not; one that cannot be stopped any more hides no error of it."""
    try:
        yield spark
    finally:
        with suppress(Py4JError, OSError):
            spark.stop()


def master(settings: Settings) -> str:
    """Return Spark's master: the one that was submitted with this process, else the settings'."""
    return _submitted().get("spark.master", settings.spark_master)


def refuse_folder_of_one_machine(what: str, folder: str, settings: Settings, *, does: str, unchanged: str) -> None:
    """Raise SetupError where executors are on other machines, which have no such folder.

    `what` names it, `does` is what executors do with it (`reads`), `unchanged` what comes of the refusal.
    """
    where = master(settings)
    if not is_here(where):
        raise SetupError(
            f"expected {what} to be an address that every executor {does} (s3a://, gs://, abfs://, hdfs://), as "
            f"Spark's master is {where}; given the folder {folder}. {unchanged}"
        )


def _submitted() -> dict[str, str]:
    """Return Spark's settings as they were submitted with this process; empty where it was started by itself."""
    if not {"SPARK_ENV_LOADED", "PYSPARK_SUBMIT_ARGS"} & os.environ.keys():
        return {}
    SparkContext._ensure_initialized()  # noqa: SLF001  only the JVM knows them
    return dict(SparkConf().getAll())


def _driver_options(memory: str, scratch: Path | None, form: LogFormat) -> dict[str, str]:
    """Return what only a JVM heeds that starts now."""
    flags = " ".join((jvm_flags(form), *class_archive.flags(), "-Djava.net.preferIPv4Stack=true"))
    if scratch is not None:
        flags += f" -Djava.io.tmpdir={scratch}"
    return {"spark.driver.memory": memory, "spark.driver.extraJavaOptions": flags}


def _options(master: str, form: LogFormat) -> dict[str, str]:
    options = {
        "spark.executor.extraJavaOptions": jvm_flags(form),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # `age` and `Age` are two columns of a table, as they are two fields of a request.
        "spark.sql.caseSensitive": "true",
        # Hadoop sets the modes of what it writes itself, whatever the umask says.
        "spark.hadoop.fs.permissions.umask-mode": "077",
        "spark.python.daemon.module": "pegel_spark.daemon",
        # Columns of Iceberg have numbers, by which they are found whatever they were called when a file was written.
        "spark.sql.parquet.fieldId.read.enabled": "true",
        ARROW_ROWS: str(ARROW_BATCH_ROWS),
        "spark.sql.execution.arrow.maxBytesPerBatch": str(ARROW_BATCH_BYTES),
    }
    if is_here(master):
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    if _is_local(master) or master.startswith("k8s"):
        # Its ports take what executors send, code included: only those that know the session's own secret may send it.
        # For these masters Spark makes one and hands it on itself.
        options["spark.authenticate"] = "true"
    return options


def _is_local(master: str) -> bool:
    """Say whether a master is this process itself, `local[2]`; executors of `local-cluster[...]` are others."""
    return master.partition("[")[0] == "local"


def is_here(master: str) -> bool:
    """Say whether everything is on this machine."""
    return master.partition("[")[0] in {"local", "local-cluster"}


def warm(spark: SparkSession) -> None:
    """Start the Python workers and load the path that every batch takes, so that the first batch need not wait."""
    spark.sparkContext.parallelize(range(2), 2).mapPartitions(list).collect()


def lacks_executors(spark: SparkSession) -> bool:
    """Say whether there is nobody to do the work: executors are processes of their own, and none has come yet."""
    context = spark.sparkContext
    if _is_local(str(context.master)):
        return False
    # The driver itself is one of those that hold memory.
    return bool(context._jsc.sc().getExecutorMemoryStatus().size() <= 1)  # noqa: SLF001  Python's has no such question


def end(spark: SparkSession) -> None:
    """Let the executors go. Those of this process go with it, sooner than the session could be stopped."""
    if not _is_local(str(spark.sparkContext.master)):
        with suppress(Py4JError, OSError, EOFError):
            spark.stop()
