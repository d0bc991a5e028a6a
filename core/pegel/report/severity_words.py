"""How bad an alert is, in the subject of its mail."""

from __future__ import annotations

from pegel.alerts.severity import Severity

LEAD = "[pegel] "
"""What every subject begins with."""


def marked(subject: str, severity: Severity, *, is_over: bool) -> str:
    """Return a subject that says how bad it is; a warning is what nothing is said of, and what is over is not bad.

    >>> marked("[pegel] delays v1: amount is drifting", Severity.CRITICAL, is_over=False)
    '[pegel] critical: delays v1: amount is drifting'
    """
    if is_over or severity is Severity.WARNING:
        return subject
    return f"{LEAD}{severity.value}: {subject.removeprefix(LEAD)}"
