"""What a number is as a part of an entity's key, at every door: each float64 beside its text; None: it has none."""

from __future__ import annotations

import math

GOLDEN_KEYS: tuple[tuple[float, str | None], ...] = (
    (0.0, "0"),
    (-0.0, "0"),
    (1.0, "1"),
    (-14.0, "-14"),
    (14.5, "14.5"),
    (0.1, "0.1"),
    (9.989999771118164, "9.99"),
    (0.001, "0.001"),
    (1e-5, "1e-05"),
    (1.5e-10, "1.5e-10"),
    (1e7, "10000000"),
    (12_345_678.9, "12345678.9"),
    (-12_345_678.9, "-12345678.9"),
    (123_456_789_012.25, "123456789012.25"),
    (1e15, "1000000000000000"),
    (2.0**53, "9007199254740992"),
    (2.0**63, "9223372036854775808"),
    (2.0**70, "1.1805916e+21"),
    (1e22, "1e+22"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (5e-324, "5e-324"),
    (math.nan, None),
    (math.inf, None),
    (-math.inf, None),
)
"""Java writes 1.23456789E7 and 1.0E22, Arrow -0 and 0.00001, and a float32 that became a float64 has more digits."""
