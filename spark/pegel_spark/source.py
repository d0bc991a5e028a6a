"""The stream of logged events, as Spark reads it from Kafka."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

from pegel.stream.arrivals import Address
from pegel.stream.wire_records import SCHEMA


def events(spark: SparkSession, kafka: str, starts: Mapping[Address, int], *, max_records: int) -> DataFrame:
    """Return the stream of all records of some partitions, each from its own offset on, `max_records` per trigger.

    Records that the broker deletes before they are read fail the query: whoever starts it anew records the gap.
    """
    by_topic: dict[str, dict[str, int]] = {}
    for (topic, partition), start in sorted(starts.items()):
        by_topic.setdefault(topic, {})[str(partition)] = start
    assigned = {topic: [int(partition) for partition in partitions] for topic, partitions in by_topic.items()}
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka)
        .option("assign", json.dumps(assigned))
        .option("startingOffsets", json.dumps(by_topic))
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", str(max_records))
        # A broker may be away for a while; asking longer is cheaper than starting again.
        .option("kafka.default.api.timeout.ms", "120000")
        .option("kafka.request.timeout.ms", "30000")
        .load()
        .select(*SCHEMA.names)
    )
