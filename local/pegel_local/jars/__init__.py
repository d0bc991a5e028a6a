"""The pinned Java archives of broker and Spark, fetched and verified."""
