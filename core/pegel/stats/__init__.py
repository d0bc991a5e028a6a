"""One mergeable statistic per file, and the arithmetic they share."""
