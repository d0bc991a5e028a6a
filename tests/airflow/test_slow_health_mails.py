"""Labels that stay away, traffic that fell and a disk that fills, as people hear of them: by a real mail server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from mail_servers import Server

from pegel.data.spans import Span
from pegel.labels.label_arrays import LabelPartition
from pegel.longspans.long_span_row import LongSpanRow
from pegel.report.read_slow_signs import usages
from pegel.report.slow_signs import NEWEST_DAYS, compared_hours
from pegel.spec.rhythms import Rhythm
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.label_store import LabelDay
from pegel.stream.result_rows import Origin
from pegel.testing.samples import sample_heartbeat, sample_spec, sample_window
from pegel.testing.stream_fakes import speak
from pegel_airflow import services
from pegel_airflow.health_dispatch import HealthDispatch
from pegel_airflow.mail_sender import MailSender
from pegel_airflow.outbox import Outbox
from pegel_airflow.turns import Turns

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADA = "ada@example.org"
GIB = 1 << 30


@dataclass(frozen=True)
class Usage:
    """How full a disk is."""

    total: int
    free: int


class Watching:
    """One model with labels, whose driver speaks, looked at at any instant."""

    def __init__(self, settings: Settings) -> None:
        """Watch it; Ada is told."""
        self.settings, self.stores = settings, services.stores(settings)
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.stores.registry.put(sample_spec(labels={"source": "topic"}, alerts={"emails": [ADA]}))

    def look(self, now: datetime, disks: Mapping[Path, Usage] | None = None) -> None:
        """Look once; the driver has just spoken."""
        speak(connect(self.settings.database), sample_heartbeat(now))
        specs, turns = self.stores.registry.list(), Turns()
        with MailSender(self.settings) as sender:
            outbox = Outbox(self.stores, sender, now, turns, self.settings)
            HealthDispatch(self.stores, sender, now, turns, outbox, disks=disks or {}).look(specs)
            outbox.send()
        assert ([], []) == (turns.failed, turns.later)

    def labels_came(self, days_ago: range) -> None:
        """Note days on which labels came, so many days before now."""
        days = [
            LabelDay(
                model="delays",
                version=1,
                day=(self.now - ago * DAY).date(),
                received=9,
                subjects=9,
                matched=9,
                is_over=False,
            )
            for ago in days_ago
        ]
        self.stores.labels.note_joined("delays", 1, dict[LabelPartition, int](), days)

    def counted(self, start: datetime, requests: int) -> None:
        """Write an hour with so many requests."""
        span = Span(start, start + HOUR)
        row = sample_window(span=span, origin=Origin.BATCH, requests=requests)
        self.stores.long_spans.write([LongSpanRow(rhythm=Rhythm.HOUR, row=row, part=span, windows=60, inputs="")])


@pytest.fixture
def watching(settings: Settings) -> Watching:
    """A model that is watched."""
    return Watching(settings)


def told(server: Server) -> list[str]:
    """Return the subjects of what was mailed, without times."""
    return [" ".join(str(mail["Subject"]).split()).partition(" (")[0] for mail in server.kept]


def test_labels_that_stay_away_are_mailed_and_so_is_their_return(watching: Watching, server: Server) -> None:
    """They came each day; three days without any are a mail, and labels again another one."""
    watching.labels_came(range(3, 13))
    watching.look(watching.now)
    watching.look(watching.now + timedelta(minutes=1))
    watching.labels_came(range(1))
    watching.look(watching.now + timedelta(minutes=2))
    first = date.fromordinal(watching.now.date().toordinal() - 3)

    assert ["[pegel] delays/1: without labels", "[pegel] delays/1: labelled again"] == told(server)
    text = server.kept[0].get_content()
    assert f"no label has come since {first:%Y-%m-%d}; before that they came within 1 day." in text
    assert "pegel status: labels that were refused" in text


def test_sixty_days_with_labels_say_how_they_come(watching: Watching, server: Server) -> None:
    """A pause before them counts no more; and labels that stay away for longer than sixty days are still missed."""
    watching.labels_came(range(120, 130))
    watching.labels_came(range(3, 3 + NEWEST_DAYS))
    watching.look(watching.now)
    for days in (1, 70, 100):
        watching.look(watching.now + days * DAY)

    assert ["[pegel] delays/1: without labels", *["[pegel] delays/1: still without labels"] * 3] == told(server)
    assert "before that they came within 1 day." in server.kept[0].get_content()


def test_traffic_that_fell_is_mailed_with_its_numbers(watching: Watching, server: Server) -> None:
    """Two hours with a tenth of what every day before had; the hours after it are as usual, and people hear that."""
    newest, before = compared_hours(watching.now)
    for start in before:
        watching.counted(start, 1_000)
    for start in newest:
        watching.counted(start, 100)
    watching.look(watching.now)
    watching.counted(newest[-1] + HOUR, 1_000)
    watching.look(watching.now + HOUR)

    assert ["[pegel] delays/1: asked far less than usual", "[pegel] delays/1: asked as usual again"] == told(server)
    assert "100 requests in the hour from " in server.kept[0].get_content()
    assert "were 1,000 at least." in server.kept[0].get_content()


def test_a_disk_that_fills_is_mailed_once_it_stays_so(watching: Watching, server: Server, tmp_path: Path) -> None:
    """After ten minutes, not at once; room again is told, too."""
    full, roomy = {tmp_path: Usage(100 * GIB, GIB)}, {tmp_path: Usage(100 * GIB, 50 * GIB)}
    for minutes, disks in ((0, full), (9, full), (10, full), (11, roomy)):
        watching.look(watching.now + timedelta(minutes=minutes), disks)

    assert ["[pegel] delays/1: kept on a disk that fills", "[pegel] delays/1: kept on a disk with room again"] == told(
        server
    )
    assert f"1 GiB of 100 GiB are free where {tmp_path} lies" in server.kept[0].get_content()


def test_each_disk_is_looked_at_once(tmp_path: Path) -> None:
    """Two folders of one disk are one; a folder that is not there is none."""
    (tmp_path / "archive").mkdir()
    found = usages([tmp_path / "nowhere", tmp_path, tmp_path / "archive"])

    assert [tmp_path] == list(found)
    assert 0 <= found[tmp_path].free <= found[tmp_path].total


def test_what_is_as_ever_is_mailed_to_nobody(watching: Watching, server: Server) -> None:
    """Labels of today, hours as usual and a disk with room: no mail."""
    watching.labels_came(range(10))
    newest, before = compared_hours(watching.now)
    for start in [*newest, *before]:
        watching.counted(start, 1_000)
    watching.look(watching.now, {Path("/"): Usage(100 * GIB, 50 * GIB)})

    assert [] == told(server)
