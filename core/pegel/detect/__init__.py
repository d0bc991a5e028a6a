"""One detector per file: counts of a baseline and of a window in, p-values and effects out."""
