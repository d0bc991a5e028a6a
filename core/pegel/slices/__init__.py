"""Which rows: the slices of rows, told by one or two conditions, that hold most of a change."""
