"""Each example of a model, followed as its page says, side by side on one system: from training to the mail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from page_blocks import Ran, not_printed, run_page

from pegel.judge.findings import Verdict
from pegel.report.kept_mail import read
from pegel.store.database import connect
from pegel.store.results import Results
from pegel_local.machine.paths import checkout

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]
CHANGED = {"tickets": "words", "houses": "station_km", "deliveries": "zone", "turbines": "angle"}
"""The feature that each page changes."""
EXAMPLES = tuple(CHANGED)
WITHIN_S = 600.0


def pegel(home: Path, command: str) -> None:
    """Run a command about the system of a home."""
    done = subprocess.run(
        [sys.executable, "-m", "pegel.cli.main", command, "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run a system; name its home."""
    folder = tmp_path_factory.mktemp("examples") / "home"
    try:
        pegel(folder, "up")
        yield folder
    finally:
        pegel(folder, "down")


@pytest.fixture(scope="module")
def followed(home: Path) -> dict[str, Future[list[Ran]]]:
    """Follow the page of each example in a copy of its folder, all at once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PEGEL_", "AIRFLOW"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"

    def follow(example: str) -> list[Ran]:
        folder = home.parent / example
        shutil.copytree(checkout().root / "examples" / example, folder)
        environment = kept | {"PATH": path, "PEGEL_HOME": str(home)}
        return run_page(page_of(example), start=folder, environment=environment, within_s=WITHIN_S)

    with ThreadPoolExecutor(len(EXAMPLES)) as pool:
        return {example: pool.submit(follow, example) for example in EXAMPLES}


@pytest.fixture
def ran(example: str, followed: dict[str, Future[list[Ran]]]) -> list[Ran]:
    """Return what the commands of one page did; a page that does not end fails its own tests."""
    return followed[example].result()


def page_of(example: str) -> str:
    """Return the page of an example."""
    return (checkout().root / "examples" / example / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_command_works(ran: list[Ran]) -> None:
    """Each block of commands of the page ends with code 0."""
    assert [] == [(each.block.text, each.said) for each in ran if each.code not in each.block.exits]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_model_answers_the_first_request(example: str, ran: list[Ran]) -> None:
    """The request that `pegel apply` shows is answered with a prediction."""
    (printed,) = [each.said for each in ran if "applied.txt | sh" in each.block.text]

    assert ('"outputs"' if example == "turbines" else '"predictions"') in printed


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_the_page_shows_is_printed(example: str, ran: list[Ran]) -> None:
    """Each line that the page shows was printed by the command above it."""
    assert [] == not_printed(page_of(example), ran)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_first_mail_is_about_what_was_changed(example: str, ran: list[Ran], home: Path) -> None:
    """The first mail about the model names the feature that the page says, first."""
    assert ran
    subjects = [str(read(kept)["Subject"]).strip() for kept in sorted((home / "mail").glob("[!.]*.eml"))]
    first = next(subject for subject in subjects if f" {example} v1: " in subject)

    assert f"The first mail is about `{CHANGED[example]}`" in page_of(example)
    assert f" {example} v1: {CHANGED[example]}" in first


@pytest.mark.parametrize("example", EXAMPLES)
def test_rows_are_ok_until_they_change(example: str, ran: list[Ran], home: Path) -> None:
    """Windows of the rows as they were are ok, and the first other verdict is drift."""
    assert ran
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    try:
        rows = Results(engine).windows(example, 1, final_only=True)
    finally:
        engine.dispose()
    judged = [row.verdict for row in sorted(rows, key=lambda row: row.span.start)]
    verdicts = [verdict for verdict in judged if verdict not in {Verdict.INSUFFICIENT, Verdict.NO_DATA}]
    honest = verdicts[: verdicts.index(Verdict.DRIFT)]

    assert {Verdict.OK} == set(honest)
