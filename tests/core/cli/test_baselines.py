"""`pegel baselines`: the history of a model's baselines, and an earlier one again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from blueprints import give_tables
from sqlalchemy import Engine

from pegel.cli.main import main
from pegel.cli.person import person
from pegel.judge.refresh.baseline_changes import BaselineChanges, FieldChange, KindOfChange
from pegel.judge.refresh.guard_rails import rows_rail
from pegel.judge.refresh.review import RefreshReview
from pegel.report.refresh_words import short
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.refresh_store import RefreshEnd, RefreshStore
from pegel.store.registry import Registry
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")

HOUR = timedelta(hours=1)
MOVED = FieldChange(
    name="delay",
    change=KindOfChange.MOVED,
    what="shifted up",
    effect=0.31,
    effect_unit="sigma",
    unit="min",
    numbers={"median_shift": 9.1},
)
CHANGES = BaselineChanges(
    rows_before=100,
    rows_now=40,
    fields=(MOVED, FieldChange(name="carrier", change=KindOfChange.SAME, what="as before")),
)
REVIEW = RefreshReview(changes=CHANGES, rails=(rows_rail(CHANGES),))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A home's database with `delays/1` under watch."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    yield engine
    engine.dispose()


@pytest.fixture
def ids(engine: Engine) -> list[str]:
    """Two baselines: the second took the first one's place, after a person agreed; it is followed by one that waits."""
    store, refreshes = BaselineStore(engine), RefreshStore(engine)
    kept = [store.put(sample_baseline(seed)) for seed in range(3)]
    store.promote("delays", 1, kept[0], None, by="model_onboard", now=START)
    seq, _ = refreshes.open("delays", 1, kept[1], kept[0], REVIEW, now=START + HOUR)
    refreshes.end(seq, RefreshEnd.PROMOTED, by="ada", why="summer", now=START + 2 * HOUR)
    refreshes.open("delays", 1, kept[2], kept[1], REVIEW, now=START + 3 * HOUR)
    return kept


def run(home: Path, *arguments: str) -> object:
    """Run `pegel baselines delays` in a home; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["baselines", "delays", *arguments, "--home", str(home)])
    return ended.value.code


def test_the_history_says_who_when_and_why(ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest promotion comes first, what is current is marked, and new baselines say what became of them."""
    code = run(tmp_path)
    first, second, third = (short(one) for one in ids)
    told = "    1 of 2 fields moved; 100 rows before, 40 now; failed checks: enough rows"

    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "since                 baseline      in place of    by             why",
        f"2026-01-01 02:00 UTC  {second}  {first}   ada            summer  current",
        f"2026-01-01 00:00 UTC  {first}  the first one  model_onboard",
        f"new {third}  waits for an answer",
        told,
        f"new {second}  2026-01-01 02:00 UTC promoted by ada: summer",
        told,
    ]


def test_the_newest_refresh_is_told_in_full(ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each field that moved has a line with its size in its unit, each check one with expected and given."""
    code = run(tmp_path, "--newest")
    lines = capsys.readouterr().out.splitlines()

    assert (code, lines[0]) == (0, f"{short(ids[2])}  waits for an answer")
    assert lines[3:] == [
        "What moved",
        "  moved: delay: shifted up, 0.31 \N{GREEK SMALL LETTER SIGMA} (median +9.1 min)",
        "  as before: carrier",
        "",
        "Checks",
        "  enough rows: FAILED; expected 50 rows or more, half of the current 100; given 40 rows",
    ]


def test_an_earlier_baseline_is_current_again(
    engine: Engine, ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command puts the baseline before back in its place, by the account that ran it, with its reason."""
    code = run(tmp_path, "--restore", "previous", "--why", "bad data")
    event = BaselineStore(engine).history("delays", 1)[-1]

    assert (code, BaselineStore(engine).current("delays", 1)) == (0, ids[0])
    assert (event.baseline_id, event.previous, event.by, event.why) == (ids[0], ids[1], person(), "bad data")
    assert f"delays/1: {short(ids[0])} is current again, in place of {short(ids[1])}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--restore", "previous"], 2, "--why: given nothing: expected a reason"),
        (["--restore", "0123", "--why", "x"], 1, "given '0123'; it has had:"),
    ],
)
def test_what_cannot_be_restored_is_refused(
    engine: Engine,
    ids: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """Without a reason, or with an id that the model never had, nothing changes and one sentence says why."""
    given = run(tmp_path, *arguments)

    assert (given, BaselineStore(engine).current("delays", 1)) == (code, ids[1])
    assert words in capsys.readouterr().err


def test_a_model_without_a_baseline_says_so(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that is watched, and has no baseline yet, has no history and nothing to restore."""
    codes = [run(tmp_path), run(tmp_path, "--restore", "previous", "--why", "x")]
    said = capsys.readouterr()

    assert (codes, said.out) == ([0, 1], "delays/1 has no baseline yet\n")
    assert "there is no earlier one. Nothing was promoted" in said.err
