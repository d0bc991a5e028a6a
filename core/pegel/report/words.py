"""Numbers and times as people read them: with units, with zones, no more digits than they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pegel.alerts.alert import Alert
from pegel.detect.effect import percent
from pegel.judge.explaining_segments import EVIDENCE as EXPLAINED
from pegel.judge.findings import Finding, Verdict
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import LONGEST, THOUSAND, plain

VERDICT_WORDS = {
    Verdict.OK: "ok",
    Verdict.BELOW_MARGIN: "below margin",
    Verdict.DRIFT: "drift",
    Verdict.DRIFTING: "drifting slowly",
    Verdict.MODEL_CHANGED: "another model",
    Verdict.PROBING: "probing suspected",
    Verdict.INSUFFICIENT: "not judged",
    Verdict.NO_DATA: "no data",
    Verdict.NOT_TESTED: "not tested",
    Verdict.BASELINE_MISSING: "no baseline",
    Verdict.LAYOUT_MISMATCH: "other schema",
}
SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
MOST_DIGITS = 6
"""Of a ratio near 1."""
_UNITS = {
    "sigma": SIGMA,
    "sigma of prediction": f"{SIGMA} of the prediction",
    "sd ratio": "times the spread",
    "d": "of a standard deviation",
}


def number(value: float, unit: str | None = None) -> str:
    """Return a value with three significant digits and its unit; large numbers with separators.

    >>> number(9.134, "min"), number(-2.0), number(24871.4), number(0.00012345)
    ('9.13 min', '-2', '24,871', '0.000123')
    """
    text = f"{value:,.0f}" if THOUSAND <= abs(value) < LONGEST else f"{float(f'{value:.3g}'):g}"
    return f"{text} {unit}" if unit else text


def p_value(value: float) -> str:
    """Return a p-value with one significant digit where it is small.

    >>> p_value(3.2e-41), p_value(0.0), p_value(0.00047), p_value(0.1234)
    ('3e-41', '<1e-300', '0.00047', '0.12')
    """
    if value < 1e-300:  # noqa: PLR2004  below this, floats lose digits
        return "<1e-300"
    return f"{value:.0e}" if value < 1e-4 else f"{value:.2g}"  # noqa: PLR2004  smaller ones are written with an exponent


def p_and_threshold(value: float, threshold: float) -> tuple[str, str]:
    """Return a p-value and its threshold, with so many digits that they are not the same.

    >>> p_and_threshold(3.2e-41, 6e-6), p_and_threshold(2.1e-8, 2.4e-8), p_and_threshold(0.0, 1e-6)
    (('3e-41', '6e-06'), ('2.1e-08', '2.4e-08'), ('<1e-300', '1e-06'))
    """
    texts = p_value(value), p_value(threshold)
    digits = 1
    while texts[0] == texts[1] and value != threshold and digits < MOST_DIGITS:
        texts = f"{value:.{digits}e}", f"{threshold:.{digits}e}"
        digits += 1
    return texts


def size(value: float, effect_unit: str, evidence: Mapping[str, Any], unit: str | None = None) -> str:
    """Return how large a change is; `unit` is that of the feature.

    A shift is measured in ranks. Beside it stands the median's, or where that did not move, the mean's; neither where
    it moved the other way, as the mean of a few extremes may.

    >>> size(1.42, "sd ratio", {}), size(0.9961, "sd ratio", {}), size(0.0312, "share", {}), size(1.0, "share", {})
    ('1.4 times the spread', '0.996 times the spread', '+3.1 points', '+100 points')
    >>> size(0.183, "TV", {})
    '18 % of rows moved'
    >>> shifts = {"effect": {"median_shift": 9.13, "mean_shift": 4.0}}
    >>> size(0.31, "sigma", shifts, "min") == f"0.31 {SIGMA} (median +9.1 min)"
    True
    """
    if effect_unit == "share":
        return f"{_signed(100 * value)} points"
    if effect_unit == "TV":
        return f"{percent(abs(value))} of rows moved"
    if effect_unit == "rows":
        return f"{percent(value)} of distinct rows"
    if effect_unit == "exceptions":
        return f"{percent(value)} of values"
    if effect_unit == "r":
        return f"{_signed(value)} in correlation"
    text = f"{_digits(abs(value), effect_unit)} {_UNITS.get(effect_unit, effect_unit)}".strip()
    shift = _in_unit(value, evidence.get("effect", {})) if effect_unit == "sigma" and unit else None
    return text if shift is None else f"{text} ({shift} {unit})"


def _digits(value: float, effect_unit: str) -> str:
    """Return two significant digits; of a ratio as many as tell it from no change."""
    digits = 2
    while effect_unit == "sd ratio" and value != 1 and float(f"{value:.{digits}g}") == 1 and digits < MOST_DIGITS:
        digits += 1
    return plain(value, digits)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{plain(value)}"


def _in_unit(value: float, numbers: Mapping[str, Any]) -> str | None:
    """Return the shift of the median or the mean, the first that moved as the ranks did; None if none did."""
    for name in ("median", "mean"):
        shift = numbers.get(f"{name}_shift")
        if shift and (shift > 0) == (value > 0):
            return f"{name} {_signed(shift)}"
    return None


def effect(finding: Finding, unit: str | None = None) -> str:
    """Return how large the change of a finding is."""
    return size(finding.effect, finding.effect_unit, finding.evidence, unit)


def change(finding: Finding, unit: str | None = None) -> str:
    """Return what changed as the rest of a sentence: `shifted up by ... (median +9 min)`, `WN 22 % to 31 %`."""
    if finding.effect_unit == "sigma":
        return shown(f"{finding.what} by {effect(finding, unit)}", LONGEST_SENTENCE)
    if finding.effect_unit == "sd ratio":
        return shown(f"{finding.what}: {effect(finding, unit)} of training", LONGEST_SENTENCE)
    return shown(finding.what.replace("->", "→"), LONGEST_SENTENCE)


def explained_by_segments(finding: Finding) -> str:
    """Return which segments explain a change of the whole, `93 % of it in airline=AA, 5 % of the rows`; "" if none."""
    known = finding.evidence.get(EXPLAINED)
    if not known:
        return ""
    names = " and ".join(shown(name, NAME_LIMIT) for name in known["names"])
    return f"{percent(known['part'])} of it in {names}, {percent(known['rows'])} of the rows"


def moment(instant: datetime, now: datetime) -> str:
    """Return an instant in UTC, with its date unless that is today's; the zone is said by the caller, once.

    >>> noon = datetime(2026, 11, 3, 12, tzinfo=UTC)
    >>> moment(noon, noon + timedelta(hours=1)), moment(noon, noon + timedelta(days=1))
    ('12:00', '2026-11-03 12:00')
    """
    form = "%H:%M" if instant.astimezone(UTC).date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M"
    return instant.astimezone(UTC).strftime(form if instant.second == 0 else f"{form}:%S")


def period(start: datetime, end: datetime, now: datetime, to: str = " to ") -> str:
    """Return two instants in UTC, with their dates unless both are today's; one date where both are of one day.

    >>> noon, hour = datetime(2026, 11, 3, 12, tzinfo=UTC), timedelta(hours=1)
    >>> period(noon, noon + hour, noon + hour), period(noon, noon + hour, noon + 24 * hour)
    ('12:00 to 13:00', '2026-11-03 12:00 to 13:00')
    >>> period(noon - 12 * hour, noon + 12 * hour, noon)
    '2026-11-03 00:00 to 2026-11-04 00:00'
    """
    first, last = (instant.astimezone(UTC).date() for instant in (start, end))
    if first == last:
        return f"{moment(start, now)}{to}{moment(end, end)}"
    return to.join(f"{day} {moment(instant, instant)}" for day, instant in ((first, start), (last, end)))


def began(alert: Alert, now: datetime) -> str:
    """Return since when something drifts, in UTC: `00:18`, or `about 00:18` where a chart can only guess it."""
    guessed = any(feature.since == alert.since and "chart" in feature.finding.evidence for feature in alert.features)
    about = "about " if guessed else ""
    return f"{about}{moment(alert.since, now)}"


def length(span: timedelta) -> str:
    """Return a length of time in the largest unit that fits twice.

    >>> [length(timedelta(seconds=s)) for s in (0.4, 48, 200, 9_000, 200_000)]
    ['0 s', '48 s', '3 min', '2 h', '2 days']
    """
    seconds = span.total_seconds()
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def several(names: Sequence[str], most: int = 2) -> str:
    """Return names as a phrase, the rest counted.

    >>> several(["a"]), several(["a", "b"]), several(["a", "b", "c", "d"])
    ('a', 'a and b', 'a and 3 more')
    """
    if len(names) > most:
        return f"{shown(names[0], NAME_LIMIT)} and {len(names) - 1} more"
    return " and ".join(shown(name, NAME_LIMIT) for name in names)
