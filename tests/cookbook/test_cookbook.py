"""The cookbook, followed from top to bottom as it stands, on one real system."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from new_home import followed_in
from page_blocks import Ran, not_printed

from pegel.store import tables
from pegel.store.database import connect
from pegel_local.machine.paths import checkout

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1900)]
WITHIN_S = 1_800.0
"""A quiet machine needs five minutes; seven starts of Spark take long where others work, too."""
PAGE = checkout().root / "docs" / "cookbook.md"


@dataclass(frozen=True, slots=True)
class Cooked:
    """What a reader has who followed the page: her folder, and what each of her commands printed."""

    folder: Path
    ran: list[Ran]

    def said(self, command: str) -> str:
        """Return what the block printed in which a command stands."""
        (ran,) = (ran for ran in self.ran if command in ran.block.text)
        return ran.said

    def rows(self, question: sa.Select[tuple[object, ...]]) -> list[tuple[object, ...]]:
        """Return what the results database answers."""
        engine = connect(f"sqlite:///{self.folder / '.pegel' / 'pegel.db'}")
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(question)]
        finally:
            engine.dispose()


@pytest.fixture(scope="module")
def cooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cooked]:
    """Follow the page with a home folder in which nothing is."""
    home = tmp_path_factory.mktemp("cook")
    with followed_in(home, PAGE, home / "kitchen" / ".pegel", within_s=WITHIN_S) as ran:
        yield Cooked(home / "kitchen", ran)


def test_every_command_ends_as_the_page_says(cooked: Cooked) -> None:
    """Each block ends with code 0, but for those of which the page says otherwise."""
    assert [] == [(ran.block.text, ran.said) for ran in cooked.ran if ran.code not in ran.block.exits]


def test_what_the_page_shows_is_printed(cooked: Cooked) -> None:
    """Each line that the page shows was printed by the command above it, numbers aside."""
    assert [] == not_printed(PAGE.read_text(encoding="utf-8"), cooked.ran)


def test_the_finding_of_the_mail_is_computed_again(cooked: Cooked) -> None:
    """It is the same to the last digits, and the alert's history says that somebody knows of it."""
    assert "equal to 1e-9" in cooked.said("pegel explain")
    assert "acknowledged" in cooked.said("pegel alerts $(")


def test_a_silence_that_was_ended_is_over_and_the_other_is_listed(cooked: Cooked) -> None:
    """Both stand in the list before."""
    said = cooked.said("pegel silences")

    assert "version 2 goes out" in said
    assert "Europe/Berlin" in said


def test_the_parts_of_an_explanation_add_up(cooked: Cooked) -> None:
    """Base and attributions of the row are the model's own output."""
    answer = json.loads(cooked.said(":explain").strip().splitlines()[-1])

    assert ["amount", "age", "income"] == answer["features"]
    assert pytest.approx(answer["raw"][0], abs=1e-6) == answer["base"] + sum(answer["explanations"][0])


def test_prometheus_is_told_of_the_open_alert(cooked: Cooked) -> None:
    """One drift of the one model, by more than a standard deviation."""
    told = 'pegel_alerts_open{kind="drift",model="loans",severity="critical",version="1"} 1.0'

    assert told in cooked.said("pegel exporter")


def test_the_segments_are_told_before_anything_is_started(cooked: Cooked) -> None:
    """`pegel validate` says which part of the budget they have."""
    assert "at most 3 segments" in cooked.said("pegel validate")


def test_the_replaced_baseline_is_current_again(cooked: Cooked) -> None:
    """It was promoted once more, with its reason, in place of the one that had replaced it."""
    c = tables.promotions.c
    promoted = cooked.rows(sa.select(c.baseline_id, c.previous, c.why).where(c.model == "loans").order_by(c.seq))
    (at,) = (at for at, (_, _, why) in enumerate(promoted) if why == "the newer rows lack the night")
    (_, replaced, _), (again, _, _) = promoted[at - 1 : at + 1]

    assert replaced == again


def test_the_week_has_the_table_and_the_labels(cooked: Cooked) -> None:
    """One run judged the table of scores and joined labels with what it had archived."""
    c, joined = tables.windows.c, tables.label_joins.c
    windows = cooked.rows(sa.select(sa.func.sum(c.rows)).where(c.model == "scores", c.final))

    assert windows[0][0]
    assert cooked.rows(sa.select(joined.model).where(joined.model == "loans"))


def test_pager_and_chat_are_told_by_routes(cooked: Cooked) -> None:
    """Both, through connections that a program made, of the feature that was shifted then."""
    told = cooked.said("python stand_in.py")

    assert "pager: trigger loans/1: " in told
    assert "chat: critical: loans/1: " in told


def test_a_changed_file_is_in_force(cooked: Cooked) -> None:
    """The folder was followed: its change was told, onboarded by the workflow's own run, and nothing else was."""
    said = cooked.said("python follow.py")
    registered = cooked.rows(sa.select(tables.monitors.c.spec).where(tables.monitors.c.model == "scores"))

    assert "scores success" in said
    assert "loans success" not in said
    assert "month" in str(registered)


def test_the_erased_event_is_nowhere(cooked: Cooked) -> None:
    """An erasure is kept of it, and no file of the archive holds its id; those of others are there."""
    sent = [json.loads(line)["event_id"] for line in (cooked.folder / "answers.jsonl").read_text().splitlines()]
    files = [path for path in (cooked.folder / ".pegel").rglob("*.parquet") if "model=loans" in str(path)]
    ids = {each for path in files for each in ids_of(path)}

    assert cooked.rows(sa.select(tables.erasures.c.at))
    assert {sent[0]} == set(sent) - ids


def ids_of(path: Path) -> list[str]:
    """Return the ids of events that a file holds."""
    table = pq.read_table(path)
    return [str(each) for each in table["event_id"].to_pylist()] if "event_id" in table.column_names else []


def test_there_are_fourteen_tasks_each_in_the_table() -> None:
    """Each numbered heading is a task of the table at the top, and each task a heading."""
    page = PAGE.read_text(encoding="utf-8")
    headings = [
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^## (\d+\. .*)$", page, flags=re.MULTILINE)
    ]

    assert len(headings) == 14
    assert set(headings) == set(re.findall(r"\[\d+\]\(#([\w-]+)\)", page))
