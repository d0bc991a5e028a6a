"""Detectors of river behind one door: golden indices of its own documentation, states that are kept, and a sign."""

from __future__ import annotations

import base64
import pickle
import random

import numpy as np
import pytest

from pegel.detect.river_chart import NAMES, NUMERIC, follow
from pegel.errors import DamagedRow

pytest.importorskip("river", reason="the extra pegel[river] is not installed in this environment")


def fired(name: str, values: list[int], *, right: bool = False) -> list[int]:
    """Return where a chart fires, event after event, its state kept as it is in the database."""
    losses = [1 - value if right else value for value in values]
    state, found = None, []
    for place, value in enumerate(losses):
        state, at = follow(name, state, np.array([float(value)]), numbers=False)
        if at is not None:
            found.append(place)
    return found


def numbers() -> list[int]:
    """Return the stream of river's documentation for charts of numbers."""
    rng = random.Random(12345)
    return rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)


def errors() -> list[int]:
    """Return the stream of river's documentation for charts of errors."""
    rng = random.Random(42)
    return rng.choices([0, 1], k=1000) + rng.choices([0, 1], k=1000, weights=[0.3, 0.7])


@pytest.mark.parametrize(("name", "index"), [("adwin", 1023), ("page_hinkley", 1006)])
def test_charts_of_numbers_fire_where_river_says(name: str, index: int) -> None:
    """Golden indices, with the state read back from its stored form after every event."""
    assert index == fired(name, numbers())[0]


@pytest.mark.parametrize(("name", "index"), [("ddm", 1334), ("hddm_a", 1206), ("hddm_w", 1077)])
def test_charts_of_errors_fire_where_river_says(name: str, index: int) -> None:
    """Golden indices of changes; warnings are none of our business."""
    assert index == fired(name, errors())[0]


def test_fhddm_is_given_right_answers() -> None:
    """FHDDM of river wants 1 for right: given errors, it fires where its documentation says of right answers."""
    rng = random.Random(42)
    right = rng.choices([0, 1], k=250) + rng.choices([0, 1], k=250, weights=[0.9, 0.1])

    assert 315 == fired("fhddm", right, right=True)[0]


@pytest.mark.parametrize("name", NAMES)
def test_portions_do_not_matter(name: str) -> None:
    """All events at once, or in two portions over a stored state, fire at the same event first."""
    losses = np.array(errors() + [1] * 200, dtype=np.float64)
    _, at_once = follow(name, None, losses, numbers=False)
    state, first = follow(name, None, losses[:900], numbers=False)
    _, second = follow(name, state, losses[900:], numbers=False)

    assert at_once == (first if first is not None else None if second is None else 900 + second)


def test_residuals_are_for_charts_of_numbers_alone() -> None:
    """A chart of errors that is asked for a regressor stays as it is."""
    for name in NAMES:
        state, _ = follow(name, None, np.array([0.5, 2.5]), numbers=True)

        assert (name in NUMERIC) == bool(state)


@pytest.mark.parametrize("data", [b"nothing", pickle.dumps(print), pickle.dumps(random.Random), b""])
def test_what_is_no_chart_is_never_run(data: bytes) -> None:
    """A state that names anything but parts of river's detectors is damage."""
    with pytest.raises((DamagedRow, AttributeError)):
        follow("adwin", {"pickle": base64.b64encode(data).decode()}, np.array([1.0]), numbers=False)
