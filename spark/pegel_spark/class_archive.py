"""The classes that Spark starts with, read and checked once.

A JVM that is given the archive maps it into memory instead of reading some ten thousand classes out of two hundred
jars, which is half of the time until Spark runs. The file lies beside the jars of which `pegel_spark.archive_classes`
made it, 170 MB large. Without it, or with one of other jars or another JVM, everything works as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyspark

PATH = Path(pyspark.__file__).with_name("classes.jsa")
SILENT = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")
"""Nothing is logged where an archive does not fit: a JVM that starts a little later is no news."""


def flags(path: Path = PATH) -> Sequence[str]:
    """Return the flags of a JVM that uses the archive at `path`; none where there is none."""
    # The quotes are read by whoever starts the JVM, as a shell would.
    return (f'"-XX:SharedArchiveFile={path}"', *SILENT) if path.exists() else ()
