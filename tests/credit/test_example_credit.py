"""The example of explanations and of how a model is asked, followed as its page says: one mail for each trouble."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from page_blocks import Ran, not_printed, run_page

from pegel.data.client_hashes import client_hashes
from pegel.data.keyed_hash import KeyedHash
from pegel.data.wire import HEADER_METADATA
from pegel.judge.findings import Finding, Verdict
from pegel.report.kept_mail import plain_text, read
from pegel.store.database import connect
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow
from pegel_local.machine.paths import checkout

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1600)]
WITHIN_S = 1_500.0
"""A quiet machine needs some seven minutes, a busy one twice that."""
EXAMPLE = checkout().root / "examples" / "credit"
PAGE = (EXAMPLE / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Followed:
    """What a reader has who followed the page: the home of her system, and what each of her commands printed."""

    home: Path
    ran: list[Ran]

    def said(self, command: str) -> str:
        """Return what the one block with a command printed."""
        (said,) = [each.said for each in self.ran if command in each.block.text]
        return said

    def mails(self) -> list[EmailMessage]:
        """Return all mails, in the order in which they came."""
        return [read(kept) for kept in sorted((self.home / "mail").glob("[!.]*.eml"))]

    def mail(self, subject: str) -> str:
        """Return the words of the first mail with such a subject."""
        return plain_text(next(mail for mail in self.mails() if subject in str(mail["Subject"])))

    def windows(self) -> list[WindowRow]:
        """Return the final windows, in order."""
        engine = connect(f"sqlite:///{self.home / 'pegel.db'}")
        try:
            rows = Results(engine).windows("credit", 1, final_only=True)
        finally:
            engine.dispose()
        return sorted(rows, key=lambda row: row.span.start)

    def findings(self, verdict: Verdict) -> list[Finding]:
        """Return what was found with a verdict, in the order in which it was."""
        engine = connect(f"sqlite:///{self.home / 'pegel.db'}")
        try:
            found = Results(engine).findings("credit", 1)
        finally:
            engine.dispose()
        return [finding for _, finding in found if finding.verdict is verdict]

    @property
    def search_began(self) -> datetime:
        """Return when the search began to ask, to a second."""
        said = re.search(r"asking since (\S+)", self.said("search.py"))
        assert said is not None
        return datetime.fromisoformat(said[1])


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """Follow the page in a copy of its folder, with a system of its own."""
    folder = tmp_path_factory.mktemp("reader") / "credit"
    shutil.copytree(EXAMPLE, folder)
    home = folder.parent / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PEGEL_", "AIRFLOW"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    environment = kept | {"PATH": path, "PEGEL_HOME": str(home)}
    try:
        yield Followed(home, run_page(PAGE, start=folder, environment=environment, within_s=WITHIN_S))
    finally:
        command = [sys.executable, "-m", "pegel.cli.main", "down", "--home", str(home)]
        subprocess.run(command, capture_output=True, timeout=120, check=False)


def test_every_command_works(followed: Followed) -> None:
    """Each block of commands of the page ends as it says."""
    assert [] == [(each.block.text, each.said) for each in followed.ran if each.code not in each.block.exits]


def test_what_the_page_shows_is_printed(followed: Followed) -> None:
    """Each line that the page shows was printed by the command above it."""
    assert [] == not_printed(PAGE, followed.ran)


def test_honest_customers_are_no_probing(followed: Followed) -> None:
    """Windows before the search are ok, although customers ask again and requests come twice; so is their crowd."""
    before = [row for row in followed.windows() if row.span.end <= followed.search_began]
    judged = [row.verdict for row in before if row.verdict not in {Verdict.INSUFFICIENT, Verdict.NO_DATA}]

    assert judged
    assert {Verdict.OK} == set(judged)
    assert [] == [found for found in followed.findings(Verdict.PROBING) if found.span.end <= followed.search_began]


def test_a_search_is_told_with_its_client(followed: Followed) -> None:
    """Of the crowd that is mailed, nearly all rows are of the client that searches, known by its hash alone."""
    metadata = json.dumps({"X-Client-Id": ["search"]}).encode()
    (secret,) = re.findall(r'PEGEL_ENTITY_SECRET="(.*)"', PAGE)
    (client,) = client_hashes([(b"", [(HEADER_METADATA, metadata)])], "X-Client-Id", KeyedHash(secret)).tolist()
    crowds = [found.evidence["crowd"] for found in followed.findings(Verdict.PROBING)]
    told = followed.mail("probing is suspected")

    assert crowds
    assert {f"{client:016x}"} == {crowd["clients"][0][0] for crowd in crowds}
    assert f"came from one client, known by the hash {client:016x}" in " ".join(told.split())
    assert "attack" not in told


def test_another_model_is_told_and_no_drift_of_answers(followed: Followed) -> None:
    """The answers are not those of the registered version, as a mail says; what they are looks as before."""
    subjects = [str(mail["Subject"]) for mail in followed.mails()]

    assert "are not those of version 1" in followed.mail("answers are not those of version 1")
    assert [] == [subject for subject in subjects if "granted" in subject]


def test_a_drift_that_does_not_matter_is_called_so(followed: Followed) -> None:
    """The first mail about the feature that drifts says that the model does not move by it."""
    told = followed.mail(" v1: visits ").partition("Does it matter? ")[2]

    # The other two things happen meanwhile, so other features may have moved the output by then.
    assert told.startswith(("The model's output does not move noticeably by it", "Hardly by visits itself"))
