"""Pegel inside Spark: the stream and the batch jobs."""
