"""The measured latencies, each beside its arithmetic floor: what no implementation of these settings could undercut."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pegel.spec.monitor_spec import Windowing


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """One row of the table. `floor` is empty where there is none but zero."""

    what: str
    measured: str
    floor: str
    because: str


def table(facts: dict[str, Any], windowing: Windowing) -> list[Latency]:
    """Return the rows, as far as their stages have run."""
    rows = [*_requests(facts), *_windows(facts, windowing), *_finding(facts, windowing), *_mail(facts)]
    return [*rows, *_restart(facts)]


def _requests(facts: dict[str, Any]) -> list[Latency]:
    known = facts.get("unchanged")
    if not known:
        return []
    measured = f"{known['p50_ms']:.0f} ms, 99 % below {known['p99_ms']:.0f} ms"
    return [Latency(what="request answered, median", measured=measured, floor="", because="the model's own time")]


def _windows(facts: dict[str, Any], windowing: Windowing) -> list[Latency]:
    known = facts.get("unchanged")
    if not known:
        return []
    late = windowing.lateness.total_seconds()
    measured = f"{statistics.median(known['final_after_s']):.1f} s"
    because = "lateness: rows of the window may still come"
    return [
        Latency(what="window's end to its final row, median", measured=measured, floor=f"{late:.1f} s", because=because)
    ]


def _finding(facts: dict[str, Any], windowing: Windowing) -> list[Latency]:
    known = facts.get("changed")
    if not known:
        return []
    began = datetime.fromisoformat(known["began"])
    measured = (datetime.fromisoformat(known["finding_written"]) - began).total_seconds()
    closes = datetime.fromisoformat(known["first_drifting_end"]) + windowing.lateness
    floor = (closes - began).total_seconds()
    because = "end of the first drifting window + lateness"
    return [
        Latency(
            what="first changed request to finding",
            measured=f"{measured:.1f} s",
            floor=f"{floor:.1f} s",
            because=because,
        )
    ]


def _mail(facts: dict[str, Any]) -> list[Latency]:
    known = facts.get("mail")
    if not known:
        return []
    because = "a poll each second rings Airflow, which starts a task"
    return [
        Latency(
            what="finding to accepted mail",
            measured=f"{known['after_finding_s']:.1f} s",
            floor="0.0 s",
            because=because,
        )
    ]


def _restart(facts: dict[str, Any]) -> list[Latency]:
    known = facts.get("killed")
    if not known:
        return []
    return [
        Latency(
            what="driver killed to successor at work",
            measured=f"{known['restarted_s']:.1f} s",
            floor=f"{known['floor_s']:.1f} s",
            because=known["because"],
        )
    ]
