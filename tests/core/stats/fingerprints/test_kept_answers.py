"""Answers of a window beside its rows: any split keeps the same ones, as many as fit, and each row finds its own."""

from __future__ import annotations

import numpy as np
import pytest

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.errors import LayoutMismatch
from pegel.stats.fingerprints.answer_classes import UNKNOWN, AnswerClasses
from pegel.stats.fingerprints.kept_answers import MOST_ANSWERS, KeptAnswers
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.layout import build_layout

MANY = 3 * MOST_ANSWERS


def events_of(n: int) -> np.ndarray:
    """Return identities of requests."""
    return np.random.default_rng(1).integers(0, 2**63, n, dtype=np.uint64) * np.uint64(2)


def test_a_row_finds_the_class_of_its_answer_and_no_other() -> None:
    """By the event, whose answer differs in the last bit of its identity, and by the place of the row in it."""
    events, places = events_of(4), np.array([0, 1, 0, 0], dtype=np.uint32)
    events[1] = events[0]
    answers = KeptAnswers.of(events[:3] | np.uint64(1), places[:3], np.array([7, 8, 9], dtype=np.uint64))
    hashes, cells = np.arange(1, 5, dtype=np.uint64), np.zeros((4, 4), dtype=np.uint64)
    rows = KeptRows.of(hashes, cells, events=events, places=places)

    assert [7, 8, 9, UNKNOWN] == rows.answered(answers).labels.tolist()
    assert [UNKNOWN] * 4 == rows.answered(KeptAnswers.none()).labels.tolist()
    assert [UNKNOWN] * 4 == rows.answered(answers).bare().labels.tolist()


def test_any_split_keeps_the_same_answers_bit_by_bit() -> None:
    """Parts merged in any order are all answers at once: those of small keys, as many as fit."""
    events, places = events_of(MANY) | np.uint64(1), np.zeros(MANY, dtype=np.uint32)
    labels = np.random.default_rng(2).integers(1, 3, MANY, dtype=np.uint64)
    whole = KeptAnswers.of(events, places, labels)
    parts = [KeptAnswers.of(events[at::5], places[at::5], labels[at::5]) for at in (3, 0, 4, 1, 2)]
    one_by_one = KeptAnswers.none()
    for part in parts:
        one_by_one = KeptAnswers.total([one_by_one, part])

    assert MOST_ANSWERS // 3 < whole.keys.size <= MOST_ANSWERS
    assert whole.to_bytes() == one_by_one.to_bytes() == KeptAnswers.total(parts).to_bytes()
    assert whole.to_bytes() == KeptAnswers.from_bytes(whole.to_bytes()).to_bytes()
    with pytest.raises(LayoutMismatch):
        KeptAnswers.from_bytes(whole.to_bytes()[:-3])


def test_classes_are_text_or_few_numbers_and_have_names() -> None:
    """Text goes before numbers; a number of many values is no class, and neither is what is missing."""
    layout = build_layout(
        Schema(
            (
                Field("p", Kind.NUMERIC, Role.PREDICTION),
                Field("said", Kind.CATEGORICAL, Role.PREDICTION),
            )
        ),
        {"p": np.linspace(0, 1, 90), "said": np.array(["yes", "no", "no"] * 30, dtype=object)},
    )
    numbers = build_layout(Schema((Field("y", Kind.NUMERIC, Role.PREDICTION),)), {"y": np.arange(90.0) % 2})
    many = build_layout(Schema((Field("y", Kind.NUMERIC, Role.PREDICTION),)), {"y": np.linspace(0, 1, 90)})
    of_text, of_numbers = AnswerClasses.of(layout), AnswerClasses.of(numbers)
    assert of_text is not None
    assert of_numbers is not None
    said = np.array(["no", None, "maybe", "yes"], dtype=object)
    texts = of_text.of_rows(Columns(4, np.zeros((4, 1)), None, (said,), (None,))).tolist()
    values = of_numbers.of_rows(Columns(4, np.array([[0.0], [-0.0], [np.nan], [1.0]]), None, (), ())).tolist()

    assert ["no", "another class", "yes"] == [of_text.name(texts[at]) for at in (0, 2, 3)]
    assert ["0", "0", "1"] == [of_numbers.name(values[at]) for at in (0, 1, 3)]
    assert (UNKNOWN, UNKNOWN, None) == (texts[1], values[2], AnswerClasses.of(many))
