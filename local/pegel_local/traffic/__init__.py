"""Rows of a table sent to an endpoint, in an open or a closed loop, with changes put in on purpose."""
