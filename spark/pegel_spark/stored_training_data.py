"""Registered training data in an object store or on a cluster's file system, read as Spark reads data from there.

What lies at the address is a copy of a local feature store, in its own layout: see
`pegel.featurestore.local_feature_store`. Which schemes there are, and who may read what, is Spark's configuration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from pegel.data.columns import Schema
from pegel.errors import NotFound, PegelError, PermanentError, SetupError, Unavailable
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.source_reference import SourceRef
from pegel_spark.training_table import NO_BASELINE

LONGEST = 1 << 24
"""Characters of a registration; anything longer is none."""
LACKING = frozenset({"UnsupportedFileSystemException", "AccessControlException", "AccessDeniedException"})
"""What is thrown where somebody has to set something right."""


@dataclass(slots=True)
class StoredTrainingData:
    """What is registered below `root`, such as `s3a://bucket/features`."""

    spark: SparkSession
    root: str
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe(self, ref: SourceRef | str) -> Schema:
        """Return the fields of training data. Raises NotFound, SetupError, Unavailable."""
        return Schema.from_json(self._registration(ref)["schema"])

    def read_training_data(self, ref: SourceRef | str) -> StoredTable:
        """Return the address of the Parquet data. Raises as `describe` does."""
        return StoredTable(f"{self._folder(ref)}/{self._registration(ref)['data']}")

    def _folder(self, ref: SourceRef | str) -> str:
        source = SourceRef.parse(ref) if isinstance(ref, str) else ref
        return f"{self.root}/training/{source.name}/{source.version}"

    def _registration(self, ref: SourceRef | str) -> dict[str, Any]:
        source = SourceRef.parse(ref) if isinstance(ref, str) else ref
        place = f"{self._folder(source)}/{source.split}.json"
        if place not in self._known:
            text = self._text(place)
            if text is None or source.store != "local":
                raise NotFound(f"the feature store at {self.root} knows no training data {source}. {NO_BASELINE}")
            self._known[place] = _registration_in(text, place)
        return self._known[place]

    def _text(self, place: str) -> str | None:
        """Return what stands in a file; None where there is none."""
        jvm: Any = self.spark._jvm  # noqa: SLF001  Python has no door to Hadoop's file systems
        context = self.spark.sparkContext._jsc  # noqa: SLF001  nor to their settings
        try:
            path = jvm.org.apache.hadoop.fs.Path(place)
            stream = path.getFileSystem(context.hadoopConfiguration()).open(path)
            try:
                return str(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))[:LONGEST]
            finally:
                stream.close()
        except Py4JJavaError as failure:
            if _kind(failure) == "FileNotFoundException":
                return None
            raise _unread(failure, place) from failure


def _kind(failure: Py4JJavaError) -> str:
    return str(failure.java_exception.getClass().getSimpleName())


def _unread(failure: Py4JJavaError, place: str) -> PegelError:
    """Return what a failure means."""
    thrown, kind = failure.java_exception, _kind(failure)
    said = f"PEGEL_FEATURE_STORE: {place} could not be read: {kind}: {str(thrown.getMessage())[:300]}. {NO_BASELINE}"
    # Of a scheme whose library is not installed Hadoop knows the class by name only.
    if kind in LACKING or "ClassNotFoundException" in said:
        return SetupError(
            f"{said} Spark has no library for such an address: for S3 `pegel_local.jars.store_jars s3a` adds it."
        )
    return Unavailable(said)


def _registration_in(text: str, place: str) -> dict[str, Any]:
    try:
        registration = json.loads(text)
        if {"data", "schema"} <= registration.keys():
            return dict(registration)
    except (ValueError, AttributeError):
        pass
    raise PermanentError(f"expected a registration of training data in {place}; given something else. {NO_BASELINE}")
