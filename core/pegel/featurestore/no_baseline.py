"""How every sentence ends that says why training data cannot be had."""

from __future__ import annotations

NO_BASELINE = "No baseline was built."
