"""What a mail says of rows that come in crowds: who sent them, what else it may be, and what to do.

The log shows behaviour, not intent, and so do the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pegel.detect.effect import percent
from pegel.judge.findings import Finding
from pegel.spec.outside_text import NAME_LIMIT, shown

WHAT_ELSE = (
    "It may be something else: a customer who is scored again and again with small changes, a load test, or a client "
    "that is stuck."
)
WHAT_TO_DO = (
    "Look at these events and at who sent them; if it is honest use, acknowledge the alert, and make the next baseline "
    "of rows that have such sessions; if not, limit that client's rate, or answer it with the class alone."
)


def who(findings: Sequence[Finding]) -> str:
    """Return how large the part of the largest client is, of the clearest of some findings."""
    crowd = _crowd(findings)
    if crowd is None:
        return ""
    clients, rows = crowd["clients"], crowd["baseline"]["rows"]
    if not clients:
        return (
            "Nobody says who sent them: the spec names no `adversarial.client_header`, no request had it, or there is "
            "no `PEGEL_ENTITY_SECRET` to tell clients by."
        )
    client, count = clients[0]
    return f"{percent(count / rows)} of these rows came from one client, known by the hash {client}."


def events(findings: Sequence[Finding]) -> str:
    """Return the ids of some events of the clearest crowd."""
    crowd = _crowd(findings)
    if crowd is None or not crowd["events"]:
        return ""
    ids = ", ".join(shown(str(name), NAME_LIMIT) for name in crowd["events"])
    rest = crowd["baseline"]["rows"] - len(crowd["events"])
    return f"Events: {ids}" + (f" and {rest:,} more" if rest > 0 else "")


def lines(finding: Finding) -> list[str]:
    """Return what `pegel explain` tells of the rows of a crowd, as the mail does; nothing of other findings."""
    told = [who([finding]), events([finding])]
    return [f"{'sent by':<11} {told[0]}", *filter(None, [told[1]]), f"{WHAT_ELSE} {WHAT_TO_DO}"] if told[0] else []


def to_json(finding: Finding) -> dict[str, Any]:
    """Return the same for machines: `crowd`, everything that is kept of it; nothing of other findings."""
    crowd = _crowd([finding])
    return {} if crowd is None else {"crowd": crowd}


def _crowd(findings: Sequence[Finding]) -> dict[str, Any] | None:
    known = (finding.evidence.get("crowd") for finding in sorted(findings, key=lambda one: one.p_value))
    return next((crowd for crowd in known if crowd is not None), None)
