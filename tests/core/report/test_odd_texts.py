"""Whatever names, values and reasons hold, the reports about them are pages, mails and screens of our own making."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.notebook.check_report import CheckReport
from pegel.report import words
from pegel.report.finding_groups import FindingGroups
from pegel.report.html import render
from pegel.report.mail_message import Rendered, message
from pegel.report.model_page import model_view
from pegel.report.picture import Panel, png
from pegel.report.reading import Sources
from pegel.report.shapes import Bars
from pegel.report.svg import chart
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding

ODD = "\x1b[2J\u202egnp.exe\u200b\x07 <script>alert(1)</script> [/red] $\\frac{ \r\nBcc: a@b.org" + "x" * 4_000_000
NOT_SEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
BARS = Bars((ODD, "b"), np.array([0.5, 0.5]), np.array([0.4, 0.6]))


def odd_table(n: int, shift: float) -> dict[str, Any]:
    """Draw a table whose column and categories have odd names."""
    rng = np.random.default_rng(n)
    share = 0.5 + shift / 4
    return {ODD: rng.normal(shift, 1, n), "c\nd": rng.choice([ODD[:60], "b\u2028c"], n, p=[share, 1 - share])}


@pytest.fixture(scope="module")
def checked() -> CheckReport:
    """A report on a drifted table with odd names."""
    report: CheckReport = pegel.check(odd_table(1_000, 1.0), pegel.profile(odd_table(3_000, 0.0)))
    return report


def test_a_page_holds_no_control_and_no_script_of_others_and_stays_small(sources: Sources) -> None:
    """A name of 4 MB with escapes, directions and markup is cut and shown as text, wherever on the page it stands."""
    view = model_view(sources, "delays", 1, START + 25 * MINUTE)
    clean = len(render(view))
    found = FindingGroups.of([replace(sample_finding(feature=ODD), what=ODD)] * 2)
    odd = replace(view, baseline=ODD, findings=found, problems=[ODD] * 3, stream=ODD, notes=[ODD])
    page = render(odd)

    assert ([], 0, True) == (NOT_SEEN.findall(page), page.count("<script"), len(page) < clean + 20_000)


def test_a_subject_is_one_line_whatever_a_feature_is_called() -> None:
    """A line break in a name is a blank in the header, and no header can be added."""
    mail = message(
        [Rendered(f"[pegel] m v1: {ODD}", "t", None, None)], sender="a@b.org", recipient="c@d.org", now=START
    )

    assert (["c@d.org"], None, True) == (mail.get_all("To"), mail["Bcc"], len(mail.as_bytes()) < 5_000)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_dollar_in_a_name_is_no_formula() -> None:
    """Names that look like a broken formula are drawn as they are written."""
    picture = png([Panel(ODD, ODD, "$\\x{", BARS)])

    assert b"\x89PNG" == picture[:4]


def test_a_drawing_holds_what_is_harmless_only() -> None:
    """Titles, labels and what a mouse shows are escaped and cut."""
    drawing = chart(BARS, title=ODD)

    assert ([], True) == (NOT_SEEN.findall(drawing), len(drawing) < 10_000)


@pytest.mark.environments("pyarrow", "pandas")
def test_a_check_prints_nothing_that_a_screen_obeys(checked: CheckReport) -> None:
    """In a terminal, in a notebook and in a file, columns and values of any name are text."""
    texts = (str(checked), checked._repr_html_())

    assert ([[], []], True) == ([NOT_SEEN.findall(text) for text in texts], max(map(len, texts)) < 60_000)


def test_the_command_line_prints_brackets_and_controls_as_text(tmp_path: Path) -> None:
    """What a user named is no markup of ours: it is printed as given, and what a screen would obey as its escape."""
    command = [sys.executable, "-m", "pegel.cli.main", "validate", str(tmp_path / "[/red]\x1b[2J.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (2, "", True) == (ended.returncode, ended.stdout, "[/red]\\x1b[2J.yaml cannot be read" in ended.stderr)


def test_many_names_are_a_short_phrase() -> None:
    """A phrase of two odd names is one line of at most twice the length of a name."""
    phrase = words.several([ODD, ODD])

    assert ([], True) == (NOT_SEEN.findall(phrase), len(phrase) <= 165)


def test_a_baseline_of_odd_names_can_be_stored_and_read(checked: CheckReport) -> None:
    """Showing changes nothing that is kept: names are stored as they came."""
    again = Baseline.from_json(checked.baseline.to_json())

    assert (ODD, "c\nd") == tuple(field.name for field in again.layout.schema.fields)
