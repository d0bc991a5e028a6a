"""Hours, days and weeks: final windows added up, and judged with the power that long spans have. Pure: no I/O."""
