"""Does it matter? What a change does to the model's output, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pegel.data.attribution_event import Unit
from pegel.detect.attribution_change import changes
from pegel.report.prediction_words import NOT_EXPLAINED, PredictionMove, does_it_matter, made_of_it
from pegel.report.words import SIGMA
from pegel.spec.names import attribution_field
from pegel.stats.attribution_sums import AttributionSums, PredictionScale

NAMES = ["amount", "age", "noise"]


def sums(rng: np.random.Generator, n: int, shift: float) -> AttributionSums:
    """Explain rows of a model that adds up what it is given, of which the first has moved."""
    parts = rng.normal([shift, 0, 0], [1.0, 0.5, 0.01], (n, 3))
    return AttributionSums.of(PredictionScale(0.0, 1.0).rows(parts, parts.sum(axis=1)))


def moved(shift: float) -> PredictionMove:
    """Return how the output of that model moves, told in units of 2 of its own."""
    rng = np.random.default_rng(1)
    found = changes(sums(rng, 2_000, shift), sums(rng, 20_000, 0.0), 0.05)
    return PredictionMove.of_changes(NAMES, found, 2.0, 0.05, Unit.LOG_ODDS)


def test_parts_add_up() -> None:
    """What is named and what is told together is the whole, as far as steps are whole."""
    move = moved(0.5)

    assert [name for name, _, _ in move.named] == ["amount"]
    assert sum(mean for mean, _ in move.parts.values()) == pytest.approx(move.output, abs=1e-3)
    assert move.output == pytest.approx(sum(mean for _, mean, _ in move.named) + move.rest, abs=1e-12)


def test_a_change_that_matters_is_told_with_its_parts() -> None:
    """The output's change stands in standard deviations and in its own unit, then the parts, without percentages."""
    text = does_it_matter(moved(0.5))

    assert text.startswith("The prediction rose by 0.")
    assert "log-odds +" in text
    assert "amount +0.5" in text
    assert "other features together" in text
    assert "%" not in text


def test_what_is_below_the_margin_is_said_not_to_matter() -> None:
    """A change that is certain and small does not move the output noticeably."""
    assert does_it_matter(moved(0.0)) == f"The model's output does not move noticeably by it (below 0.05 {SIGMA})."


def test_parts_that_cancel_are_told() -> None:
    """Where two features move the output apart, that it stays is no reason to say nothing."""
    move = PredictionMove(0.01, 0.02, {"amount": (0.4, 0.02), "age": (-0.39, 0.02)}, 2.0, 0.05)

    text = does_it_matter(move)

    assert f"hardly moves as a whole (+0.01 {SIGMA}), because parts of it cancel" in text
    assert text.endswith(": amount +0.40 ± 0.02, age -0.39 ± 0.02.")


def test_at_most_three_parts_are_named() -> None:
    """Of many features the three largest are named, the rest as one."""
    parts = {f"f{at}": (0.1 * (at + 1), 0.001) for at in range(6)}
    move = PredictionMove(sum(mean for mean, _ in parts.values()), 0.001, parts, 1.0, 0.05)

    text = does_it_matter(move)

    assert text.endswith(": f5 +0.60 ± <0.01, f4 +0.50 ± <0.01, f3 +0.40 ± <0.01; other features together +0.60.")


def test_a_move_without_certain_parts_says_so() -> None:
    """Where no part is certain none is named."""
    move = PredictionMove(-0.2, 0.05, {"amount": (-0.1, 0.1), "age": (-0.1, 0.1)}, 1.0, 0.05)

    whole = f"The prediction fell by 0.20 {SIGMA} (-0.2)"

    assert does_it_matter(move) == f"{whole}; no feature's part of it is certain."


def test_what_chance_may_have_done_is_no_move() -> None:
    """An interval that holds 0 is no rise, however large its middle is; certain parts are told all the same."""
    unsure = PredictionMove(0.12, 0.06, {"amount": (0.1, 0.05)}, 1.0, 0.05)
    of_parts = PredictionMove(0.12, 0.06, {"amount": (0.3, 0.02), "age": (-0.18, 0.08)}, 1.0, 0.05)

    assert (False, False, True) == (unsure.is_certain, unsure.is_noticeable, of_parts.is_noticeable)
    assert f"It is not certain that the prediction moved: +0.12 ± 0.06 {SIGMA} lies within chance." == (
        does_it_matter(unsure)
    )
    assert does_it_matter(of_parts) == (
        f"The prediction did not move for certain as a whole (+0.12 ± 0.06 {SIGMA}), parts of it did: amount +0.30 ± "
        "0.02; other features together -0.18."
    )


def test_what_drifts_and_hardly_moves_the_output_is_said_first() -> None:
    """The output may have moved by other features: whether this drift matters is answered before that is told."""
    parts = {"visits": (0.02, 0.004), "age": (0.03, 0.01), "income": (0.2, 0.01)}
    move = PredictionMove(0.25, 0.03, parts, 1.0, 0.05)
    whole = does_it_matter(move)

    assert does_it_matter(move, about=["visits"]) == (
        f"Hardly by visits itself (+0.02 ± <0.01 {SIGMA}): below 0.05. {whole}"
    )
    assert does_it_matter(move, about=["visits", "age"]).startswith(
        f"Hardly by visits itself (+0.02 ± <0.01 {SIGMA}); age itself (+0.03 ± 0.01 {SIGMA}): below 0.05. The"
    )
    assert [whole] * 3 == [
        does_it_matter(move, about=names) for names in (["income"], ["visits", "income"], ["granted"])
    ]


def test_of_two_classes_the_mean_probability_is_told_as_well() -> None:
    """Parts are told in log-odds, which add up; probabilities have no exact parts, so only their mean is told."""
    move = replace(moved(0.5), probabilities=(0.21, 0.2834))

    assert does_it_matter(move).endswith(". The mean probability went from 0.210 to 0.283.")
    assert (0.21, 0.2834) == (move.to_json()["mean_probability_before"], move.to_json()["mean_probability"])


def test_what_is_not_known_has_a_reason() -> None:
    """Without explained rows it is said why, never that it does not matter."""
    assert does_it_matter(None) == f"Not known, because {NOT_EXPLAINED}."
    assert does_it_matter(None, "learning its baseline") == "Not known, because learning its baseline."


def test_what_a_judgement_tells_is_read() -> None:
    """The stored facts of explained rows give the same words."""
    move = moved(0.5)
    told = {name: {"mean": mean, "mean_error": error} for name, (mean, error) in move.parts.items()}
    output = {"mean": move.output, "mean_error": move.error}
    facts = {"sigma": 2.0, "unit": "log-odds", "probabilities": [None, None], "parts": told | {"output": output}}

    assert PredictionMove.of_facts(facts, 0.05) == move
    assert move.to_json()["parts"][0]["feature"] == "amount"


def test_a_feature_may_be_called_as_the_output_is() -> None:
    """Its part is told beside that of the output, in whatever order a database keeps them."""
    own, whole = {"mean": 0.25, "mean_error": 0.01}, {"mean": 0.5, "mean_error": 0.02}
    parts = {attribution_field("output"): own, "output": whole}
    facts = {"sigma": 2.0, "unit": "prediction", "probabilities": [None, None]}

    for ordered in (parts, dict(reversed(parts.items()))):
        move = PredictionMove.of_facts(facts | {"parts": ordered}, 0.05)
        assert (0.5, {"output": (0.25, 0.01)}) == (move.output, move.parts)


def test_a_row_has_its_output_and_three_parts() -> None:
    """What the model made of a row is its output and what moved it most; features that did nothing are not named."""
    assert made_of_it({"a": 0.0}, 2.5, "log-odds") == "the model put out 2.5 (log-odds): no feature moved it"
    assert made_of_it({"a": 1.0, "b": -2.0, "c": 0.5, "d": 0.1}, -3.25) == (
        "the model put out -3.25: b -2, a +1, c +0.5"
    )
