"""The page that leads from a reader's own model to the first mail, run as it stands on a real system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest
from new_home import followed_in
from page_blocks import Ran, not_printed

from pegel.judge.findings import Verdict
from pegel.report.kept_mail import plain_text, read
from pegel.store.database import connect
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow
from pegel_local.machine.paths import checkout

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1000)]
WITHIN_S = 900.0
"""A quiet machine needs three minutes."""
PAGE = checkout().root / "docs" / "your-model.md"


@dataclass(frozen=True, slots=True)
class Followed:
    """What a reader has who followed the page: her folder, and what each of her commands printed."""

    folder: Path
    ran: list[Ran]

    @property
    def home(self) -> Path:
        """Return the home of her system."""
        return self.folder / ".pegel"

    @property
    def first_mail(self) -> EmailMessage:
        """Return the mail that reached her first; mail boxes name their files by the instant of acceptance."""
        return read(min((self.home / "mail").glob("[!.]*.eml")))

    def windows(self) -> list[WindowRow]:
        """Return the final windows of her model, in order."""
        engine = connect(f"sqlite:///{self.home / 'pegel.db'}")
        try:
            rows = Results(engine).windows("loans", 1)
        finally:
            engine.dispose()
        return sorted((row for row in rows if row.final), key=lambda row: row.span.start)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """Follow the page with a home folder in which nothing is."""
    home = tmp_path_factory.mktemp("reader")
    with followed_in(home, PAGE, home / "loans" / ".pegel", within_s=WITHIN_S) as ran:
        yield Followed(home / "loans", ran)


def test_every_command_ends_as_the_page_says(followed: Followed) -> None:
    """Each block ends with code 0, but for those of which the page says otherwise."""
    assert [] == [(ran.block.text, ran.said) for ran in followed.ran if ran.code not in ran.block.exits]


def test_what_the_page_shows_is_printed(followed: Followed) -> None:
    """Each line that the page shows was printed by the command above it, numbers aside."""
    assert [] == not_printed(PAGE.read_text(encoding="utf-8"), followed.ran)


def test_the_model_answers_the_first_request(followed: Followed) -> None:
    """The request that `pegel apply` shows is answered with a prediction."""
    (answer,) = [ran.said for ran in followed.ran if "applied.txt | sh" in ran.block.text]

    assert '"predictions"' in answer


def test_the_first_mail_is_about_what_was_changed(followed: Followed) -> None:
    """The mail box has the mail, to the address of the spec, and it names the feature that was shifted first.

    Whether the shift itself or the values below all of training is worse depends on where the first window ends.
    """
    assert " loans v1: income" in followed.first_mail["Subject"]
    assert "me@example.org" == followed.first_mail["To"]
    assert plain_text(followed.first_mail).startswith(
        ("loans v1: income shifted down", "loans v1: income: below the smallest value of training")
    )


def test_honest_rows_are_ok_and_changed_ones_drift(followed: Followed) -> None:
    """Windows are ok until the change, and drift with it; rows of both are judged."""
    verdicts = [row.verdict for row in followed.windows()]
    first = verdicts.index(Verdict.DRIFT)

    assert {Verdict.OK} == {verdict for verdict in verdicts[:first] if verdict is not Verdict.INSUFFICIENT}


def test_the_finding_of_the_mail_can_be_recomputed(followed: Followed) -> None:
    """`pegel explain`, with the id of the mail, finds statistic and p-value again."""
    said = "".join(ran.said for ran in followed.ran if "pegel explain" in ran.block.text)

    assert "equal to 1e-9" in said


def test_nothing_is_left_running(followed: Followed) -> None:
    """After `pegel down` no process names the reader's folder."""
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(followed.home) in word for word in [*process.cmdline(), process.cwd()]):
                left.append(process.cmdline())

    assert [] == left


def test_the_page_tells_how_long_it_takes() -> None:
    """Each step of the table is a heading of the page, and each numbered heading a step of it."""
    page = PAGE.read_text(encoding="utf-8")
    headings = [
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^## (\d+\. .*)$", page, flags=re.MULTILINE)
    ]

    assert headings == re.findall(r"\]\(#([\w-]+)\)", page)[: len(headings)]
