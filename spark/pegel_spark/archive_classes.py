"""Make the archive of Spark's classes: `python -m pegel_spark.archive_classes`, see `pegel_spark.class_archive`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from pyspark import SparkContext

from pegel.spec.settings import Settings
from pegel_spark import class_archive, session

WITHIN_S = 120.0
_START = "--start"


def make(path: Path) -> bool:
    """Make the archive by starting Spark in a process of its own; return whether there is one."""
    path.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".classes-") as folder:
        draft = Path(folder) / path.name
        options = " ".join((f'"-XX:ArchiveClassesAtExit={draft}"', *class_archive.SILENT))
        with suppress(subprocess.SubprocessError, OSError):
            subprocess.run(
                [sys.executable, "-m", "pegel_spark.archive_classes", _START],
                env=os.environ | {"SPARK_SUBMIT_OPTS": options, "TMPDIR": folder},
                check=True,
                timeout=WITHIN_S,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            draft.replace(path)
    return path.exists()


def start_and_end() -> None:
    """Take the way of a driver until Spark runs, and that of a job that reads a table; wait for the JVM to end."""
    spark = session.build("pegel-classes", Settings())
    session.warm(spark)
    with tempfile.TemporaryDirectory() as folder:
        table = f"{folder}/table"
        spark.range(10).write.parquet(table)
        spark.read.parquet(table).mapInArrow(lambda batches: batches, "id long").collect()
    gateway = SparkContext._gateway  # noqa: SLF001  the JVM's process has no public name
    spark.stop()
    if gateway is not None:
        gateway.shutdown()
        # It ends with its standard input, and writes the archive before it does.
        gateway.proc.stdin.close()
        gateway.proc.wait(WITHIN_S)


def main() -> None:
    """Make the archive; say where there is none, which is no failure."""
    if _START in sys.argv[1:]:
        start_and_end()
    elif not make(class_archive.PATH):
        sys.stderr.write("the classes of Spark could not be archived; Spark starts without, some seconds later\n")


if __name__ == "__main__":
    main()
