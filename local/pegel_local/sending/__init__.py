"""Rows of a table sent to an endpoint at a rate, with changes put in on purpose."""
