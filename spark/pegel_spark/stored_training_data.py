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
from pegel.errors import NotFound, PermanentError
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.source_reference import SourceRef
from pegel_spark.read_failures import is_not_there, read_failure

LONGEST = 1 << 24
"""Characters of a registration; anything longer is none."""


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
            if is_not_there(failure):
                return None
            raise read_failure(failure, place, asked_by="PEGEL_FEATURE_STORE") from failure


def _registration_in(text: str, place: str) -> dict[str, Any]:
    try:
        registration = json.loads(text)
        if {"data", "schema"} <= registration.keys():
            return dict(registration)
    except (ValueError, AttributeError):
        pass
    raise PermanentError(f"expected a registration of training data in {place}; given something else. {NO_BASELINE}")
