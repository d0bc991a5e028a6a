"""How few values are too few to be judged. Light to import: the form says so where training data is named."""

from __future__ import annotations

MIN_WINDOW = 50
"""Fewer values than this in a window are not judged for drift."""
MIN_BASELINE = 1_000
"""Fewer values than this in a baseline are not judged against."""
