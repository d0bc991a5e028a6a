"""The stream of logged events, as Spark reads it from Kafka."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from pegel.reconcile.job_backend import JobDocument

COLUMNS = ("value", "headers", "timestamp")
"""What is handed to the tasks: the body untouched, the CloudEvents attributes, the event time."""


def events(spark: SparkSession, job: JobDocument) -> DataFrame:
    """Return the stream of all records of the job's topics, from the oldest one a new checkpoint can reach.

    Records that the broker deleted before they were read fail the query: a gap is reported, never skipped over.
    """
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", job.kafka)
        .option("subscribe", ",".join(job.topics))
        .option("includeHeaders", "true")
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", str(job.max_events_per_trigger))
        # A broker may be away for a while; asking longer is cheaper than starting again.
        .option("kafka.default.api.timeout.ms", "120000")
        .option("kafka.request.timeout.ms", "30000")
        .load()
        .select(*COLUMNS)
    )
