"""When mails are to be held back, as a person types it on the command line or on a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pegel.alerts.maintenance import Maintenance
from pegel.data.instants import told_instant
from pegel.errors import InvalidSpec
from pegel.spec.durations import parse_duration
from pegel.spec.limits import LONGEST_QUIET
from pegel.spec.nearest import with_stop
from pegel.spec.outside_text import quoted

LONGEST_SCHEDULE = timedelta(days=366)
LONGEST_PATTERN = 1_000
"""Letters of a pattern."""
NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class When:
    """When mails are held back, as it was typed. `lead`: what stands before a name in a refusal: `--until`."""

    since: str | None
    until: str | None
    every: str | None
    lead: str = "--"

    def read(self, now: datetime) -> tuple[datetime | None, datetime | None, Maintenance | None]:
        """Return beginning, end and what comes again. Raises InvalidSpec."""
        every = None
        if self.every is not None:
            try:
                every = Maintenance.parse(self.every)
            except ValueError as error:
                given = f"{self.lead}every: given {quoted(self.every)}"
                raise InvalidSpec(f"{given}: {with_stop(error)} {NOTHING}") from None
        elif self.until is None:
            raise InvalidSpec(f"expected {self.lead}until or {self.lead}every, given neither. {NOTHING}")
        most = LONGEST_QUIET if every is None else LONGEST_SCHEDULE
        since = until = None
        if self.since is not None:
            since = instant(self.since, now, option=f"{self.lead}from", most=LONGEST_SCHEDULE)
        if self.until is not None:
            until = instant(self.until, since or now, option=f"{self.lead}until", most=most)
        return since, until, every


def instant(text: str, now: datetime, *, option: str = "--until", most: timedelta = LONGEST_QUIET) -> datetime:
    """Return the instant that a person means who stands at `now`.

    Raises InvalidSpec, which names the option, when it cannot be read, has passed or is more than `most` ahead.
    """
    end = _read(text.strip(), now)
    if end is None:
        raise InvalidSpec(
            f"{option}: given {quoted(text)}: expected e.g. 09:00, 2026-11-21T09:00Z, 4h or 30m. Nothing was changed."
        )
    if end <= now:
        raise InvalidSpec(
            f"{option}: given {quoted(text)}, which has passed ({end:%Y-%m-%d %H:%M} UTC). Nothing was changed."
        )
    if end > now + most:
        raise InvalidSpec(
            f"{option}: given {quoted(text)}, which is more than {most.days} days ahead. Nothing was changed."
        )
    return end


def _read(text: str, now: datetime) -> datetime | None:
    if not text.isascii():
        return None
    try:
        length = parse_duration(text) if text[-1:].isalpha() else None
        if length is not None:
            return now + length
    except (ValueError, OverflowError):
        return None
    try:
        clock = datetime.strptime(text, "%H:%M").replace(tzinfo=UTC)
    except ValueError:
        return _iso(text)
    today = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _iso(text: str) -> datetime | None:
    return told_instant(text, unzoned=UTC)
