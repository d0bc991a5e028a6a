"""Data quality: suites of expectations, derived from a baseline or written by a person, and what comes of them."""
