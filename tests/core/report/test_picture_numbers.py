"""The numbers of a picture: what is drawn, read aloud."""

from __future__ import annotations

import numpy as np
import pytest

from pegel.report import html
from pegel.report.model_page import model_view
from pegel.report.picture_numbers import numbers
from pegel.report.reading import Sources
from pegel.report.shapes import Bars, OutlinedHistogram

from .conftest import NOW

pytestmark = pytest.mark.environments("sqlalchemy")


def test_a_histogram_is_told_bar_by_bar() -> None:
    """With what lies outside of the picture on both sides; shares of each side add up to one."""
    picture = OutlinedHistogram(
        edges=np.array([0.0, 1.0, 2.0]),
        baseline=np.array([0.5, 0.25]),
        now=np.array([0.1, 0.2]),
        outside=(0.25, 0.0, 0.0, 0.7),
    )

    assert numbers(picture) == [
        ("below 0", "25 %", "0 %"),
        ("0 to 1", "50 %", "10 %"),
        ("1 to 2", "25 %", "20 %"),
        ("above 2", "0 %", "70 %"),
    ]


def test_values_are_told_by_their_names() -> None:
    """Of categories each by its name; without a window there is no second number."""
    assert [("WN", "75 %", ""), ("DL", "25 %", "")] == numbers(Bars(("WN", "DL"), np.array([0.75, 0.25]), None))
    assert [] == numbers(None)


def test_each_picture_of_a_page_has_its_numbers(sources: Sources) -> None:
    """A click away stand the numbers of every feature, and of the windows."""
    view = model_view(sources, "delays", 1, NOW)
    page = html.render(view)

    assert all(len(feature.numbers) > 1 for feature in view.features)
    assert len(view.features) + 1 == page.count('<details class="numbers">')
