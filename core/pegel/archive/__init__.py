"""Rows that the stream has counted, kept as Parquet: where they lie, their columns, how they are read."""
