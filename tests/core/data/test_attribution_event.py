"""Attributions travel unchanged, and what is none is refused in a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pegel.data.attribution_event import Attributions, Match, Method, decode, encode, most_rows
from pegel.data.payloads import INVALID_KINDS
from pegel.errors import InvalidPayload

DIGEST = "0123456789abcdef" * 4
BODY: dict[str, Any] = {
    "attributions": [[0.25, -0.5], [0.0, 1.5]],
    "base": 3.5,
    "raw": [3.25, 5.0],
    "matches": [True, None],
    "method": "tree",
    "artefact": DIGEST,
    "rate": 0.125,
    "unit": "log-odds",
}


def body(**other: Any) -> bytes:
    """Return a body that says something else than the example."""
    return orjson.dumps(BODY | other)


def test_a_body_is_read_as_documented() -> None:
    """Rows, features, base, answers, method, artefact and rate are those that the body states."""
    read = decode(body(), 2)

    assert [[0.25, -0.5], [0.0, 1.5]] == read.values.tolist()
    assert [3.5, 3.5] == read.base.tolist()
    assert [3.25, 5.0] == read.raw.tolist()
    assert (Match.SAME, Match.UNKNOWN) == read.matches
    assert (Method.TREE, DIGEST, 0.125, 2) == (read.method, read.artefact, read.rate, read.n)


def test_a_base_may_differ_by_row() -> None:
    """The base of a row is that of its class, or of the row it is compared with."""
    read = decode(body(base=[3.5, 4], raw=[3.25, 5.5], artefact=None, method="permutation"), 2)

    assert [3.5, 4.0] == read.base.tolist()
    assert orjson.loads(encode(read))["base"] == [3.5, 4.0]


@given(data=st.data(), rows=st.integers(1, 6), features=st.integers(1, 5))
def test_what_is_written_is_read_again_bit_by_bit(data: st.DataObject, rows: int, features: int) -> None:
    """Encoding loses nothing of any number."""
    numbers = st.floats(-1e149, 1e149)

    def draw(count: int) -> NDArray[np.float64]:
        return np.array(data.draw(st.lists(numbers, min_size=count, max_size=count)), dtype=np.float64)

    values, base = draw(rows * features).reshape(rows, features), draw(rows)
    written = Attributions(
        values=values,
        base=base,
        raw=base + values.sum(axis=1),
        matches=tuple(data.draw(st.lists(st.sampled_from(Match), min_size=rows, max_size=rows))),
        method=data.draw(st.sampled_from(Method)),
        artefact=data.draw(st.none() | st.just(DIGEST)),
        rate=data.draw(st.floats(0, 1, exclude_min=True)),
        residuals=(residuals := data.draw(st.none() | st.just(draw(rows)))),
        surrogate=None if residuals is None else "0123456789abcdef",
    )
    read = decode(encode(written), features)

    assert read.errors is None
    with_errors = decode(encode(replace(written, errors=np.abs(values))), features)
    assert with_errors.errors is not None
    assert np.abs(values).tolist() == with_errors.errors.tolist()
    for name in ("values", "base", "raw", "judged"):
        assert getattr(written, name).tolist() == getattr(read, name).tolist()
    for name in ("matches", "method", "artefact", "rate", "surrogate"):
        assert getattr(written, name) == getattr(read, name)


REFUSED = {
    "no object": (b"[]", "wrong_shape", "expected an object with artefact, attributions"),
    "no JSON": (b"{", "not_json", "JSON"),
    "an unknown field": (body(more=1), "wrong_shape", "and nothing else"),
    "errors of other rows": (body(errors=[[0.1, 0.2]]), "wrong_fields", "errors: 1 of 2 rows"),
    "errors of other features": (body(errors=[[0.1], [0.2]]), "wrong_fields", "errors: rows have [1] values"),
    "no rows": (body(attributions=[]), "wrong_shape", "a list per row"),
    "bare values": (body(attributions=[1, 2]), "wrong_shape", "a list per row"),
    "another width": (body(attributions=[[1], [2, 3]]), "wrong_fields", "rows have [1, 2] values, expected 2"),
    "a text": (body(attributions=[[1, "2"], [1, 2]]), "wrong_shape", "attributions: expected numbers"),
    "a truth value": (body(raw=[True, 1]), "wrong_shape", "raw: expected numbers"),
    "a null": (body(base=None), "wrong_shape", "base: expected numbers"),
    "an infinity": (body().replace(b"3.25", b"Infinity"), "wrong_shape", "raw: expected numbers"),
    "a NaN": (body().replace(b"3.25", b"NaN"), "wrong_shape", "raw: expected numbers"),
    "a number whose square is none": (body(base=1e200), "wrong_shape", "base: expected numbers from -1e+150"),
    "an integer that is no float": (body().replace(b"3.25", b"9" * 400), "wrong_shape", "raw: expected numbers"),
    "parts that do not add up": (body(raw=[3.25, 5.001]), "wrong_shape", "add up to raw, given 1 of 2 rows"),
    "too few answers": (body(raw=[1]), "wrong_fields", "raw: 1 of 2 rows"),
    "too many matches": (body(matches=[None] * 3), "wrong_fields", "matches: 3 of 2 rows"),
    "matches in words": (body(matches=["yes", "no"]), "wrong_shape", "true, false or null"),
    "matches as numbers": (body(matches=[1, 0]), "wrong_shape", "true, false or null"),
    "an unknown method": (body(method="magic"), "wrong_shape", "linear, tree, native, permutation"),
    "no method": (body(method=["tree"]), "wrong_shape", "method"),
    "a short digest": (body(artefact="abc"), "wrong_shape", "artefact"),
    "a rate of nothing": (body(rate=0), "wrong_shape", "rate"),
    "a rate of more than all": (body(rate=1.5), "wrong_shape", "rate"),
    "residuals of nothing": (body(residuals=[1, 2]), "wrong_shape", "and nothing else"),
    "a surrogate without residuals": (body(residuals=None, surrogate="ab" * 8), "wrong_shape", "residuals: expected a"),
    "too few residuals": (body(residuals=[1], surrogate="ab" * 8), "wrong_fields", "residuals: 1 of 2 rows"),
    "a surrogate that is named by nothing": (body(residuals=[1, 2], surrogate=None), "wrong_shape", "surrogate"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_attribution_is_refused(case: str) -> None:
    """It is counted by a known kind, with a sentence that says what was expected."""
    given_body, kind, words = REFUSED[case]
    with pytest.raises(InvalidPayload) as refusal:
        decode(given_body, 2)

    assert kind == refusal.value.kind
    assert words in str(refusal.value)
    assert kind in INVALID_KINDS


@pytest.mark.parametrize("features", [1, 4, 300])
def test_a_request_of_too_many_rows_is_not_written(features: int) -> None:
    """Up to the limit an event is one that a broker takes, however few features there are; beyond it is refused."""

    def of(rows: int) -> Attributions:
        values = np.full((rows, features), -1.2345678901234567)
        base = np.arange(rows, dtype=np.float64) - 0.12345678901234567
        return Attributions(
            values=values,
            base=base,
            raw=base + values.sum(axis=1),
            matches=(Match.UNKNOWN,) * rows,
            method=Method.NATIVE,
            artefact=DIGEST,
            rate=0.12345678901234567,
        )

    assert 1_000_000 > len(encode(of(most_rows(features))))
    with pytest.raises(InvalidPayload) as refusal:
        encode(of(most_rows(features) + 1))
    assert "too_large" == refusal.value.kind
