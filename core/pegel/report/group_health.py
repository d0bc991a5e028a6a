"""Whether what groups read is accounted for: the ledger of the last hour, records set aside or never read of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pegel.report.health_lines import HealthLine
from pegel.report.reading import LOOK_BACK, PartReader
from pegel.report.words import moment
from pegel.spec.limits import OPEN_LEDGER_FOR
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.results import Results
from pegel.stream.commit import Gap, SetAside
from pegel.stream.result_rows import MinuteBalance

LEDGER_LOOK_BACK = timedelta(hours=1)
"""A minute of the ledger that is older is no news."""
ON_PAGE = "the ledger on the model's page, minute by minute; pegel status"


def group_lines(results: Results, groups: Sequence[str], now: datetime, reader: PartReader) -> list[HealthLine]:
    """Return the lines of all groups; what cannot be read is among the reader's problems."""
    return [line for group in groups for line in _of_group(results, group, now, reader)]


def _of_group(results: Results, group: str, now: datetime, reader: PartReader) -> list[HealthLine]:
    problems, part = reader.problems, reader.part
    minutes = part(
        "the ledger",
        lambda: results.ledger_balance(group, now - LEDGER_LOOK_BACK, damaged=problems),
        list[MinuteBalance](),
    )
    gaps = part("gaps", lambda: results.gaps(group, now - LOOK_BACK, damaged=problems), list[Gap]())
    aside = part(
        "records set aside", lambda: results.set_aside(group, now - LOOK_BACK, damaged=problems), list[SetAside]()
    )
    about = f"group {shown(group, NAME_LIMIT)}"
    lines = [_ledger(about, minutes, now)]
    if gaps:
        lost = sum(gap.end - gap.start for gap in gaps)
        words = f"{how_many(lost, 'record')} never read: {shown(gaps[0].reason, LONGEST_SENTENCE)}"
        when = "since when it did not read: pegel status"
        lines.append(HealthLine(about=about, words=words, level="warn", next=when))
    if aside:
        newest = aside[0]
        where = f"{newest.topic} partition {newest.partition}, offset {newest.offset}"
        words = f"{how_many(len(aside), 'record')} set aside, the newest {moment(newest.at, now)} UTC: {where}"
        lines.append(HealthLine(about=about, words=words, level="warn", next=shown(newest.reason, LONGEST_SENTENCE)))
    return lines


def _ledger(about: str, minutes: Sequence[MinuteBalance], now: datetime) -> HealthLine:
    arrived = sum(minute.arrived for minute in minutes)
    unbalanced = [one for one in minutes if one.difference and one.minute < now - OPEN_LEDGER_FOR]
    if not unbalanced:
        words = f"the ledger closes: {how_many(arrived, 'record')} arrived in the last hour, all are accounted for"
        return HealthLine(about=about, words=words, level="ok")
    missing = sum(abs(one.difference) for one in unbalanced)
    words = f"the ledger does not close in {how_many(len(unbalanced), 'minute')}, by {how_many(missing, 'record')}"
    return HealthLine(about=about, words=words, level="bad", next=ON_PAGE)
