"""How a process that was watched over has ended, by its exit code and the last line of its log."""

from __future__ import annotations

import json
import re

from pegel.reconcile.job_backend import Sighting
from pegel.spec.outside_text import LONGEST_SHOWN, shown

_REASON = re.compile(r'\breason=(?:"((?:[^"\\]|\\.)*)|(\S+))')
"""As our own logs say it; what follows may be cut off."""


def exited_with(sighting: Sighting) -> str:
    """Return its exit code and why: of a line of our own log what stands there as the reason, of another the line.

    What ended with 0 was stopped: its log gives no reason for that.
    """
    if sighting.exit_code == 0:
        return "it was stopped"
    last = sighting.detail.strip().splitlines()[-1:] or ["its log is empty"]
    code = "an unknown code" if sighting.exit_code is None else sighting.exit_code
    return f"exited with {code}: {shown(_reason(last[0]), LONGEST_SHOWN)}"


def _reason(line: str) -> str:
    if found := _REASON.search(line):
        return (found[1] or found[2] or line).replace('\\"', '"').replace("\\\\", "\\")
    try:
        told = json.loads(line)
    except ValueError:
        return line
    return str(told.get("reason") or line) if isinstance(told, dict) else line
