"""Searches of several kinds among the rows of customers: which of them are seen, and which are not."""
