"""What a silence is about: patterns, odd names, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.matcher import Matcher, is_pattern, matches
from pegel.testing.samples import sample_finding


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("delays", "delays", True),
        ("delays", "delays2", False),
        ("delays*", "delays2", True),
        ("*", "", True),
        ("", "", True),
        ("", "x", False),
        ("*lay*", "delays", True),
        ("a*a", "a", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "acb", False),
        ("amount, in EUR", "amount, in EUR", True),
        ("amount*EUR", "amount\nin EUR", True),
        ("amount.*", "amountX", False),
        ("[a]?", "a1", False),
        (r"a\*b", "a*b", True),
        (r"a\*b", "aXb", False),
        (r"\d", r"\d", True),
        (r"a\\*", r"a\*", True),
        ("Amount", "amount", False),
    ],
)
def test_a_star_stands_for_any_letters_and_nothing_else_does(pattern: str, text: str, expected: bool) -> None:
    """Commas, line breaks and the signs of other pattern languages are letters; a star after a backslash is one."""
    assert expected is matches(pattern, text)


def test_many_stars_take_no_time() -> None:
    """A pattern that would keep a backtracking matcher busy for years is one pass over the text."""
    assert not matches("*a" * 2_000 + "*b", "a" * 100_000)


def test_a_star_that_is_a_letter_makes_no_pattern() -> None:
    """Only a star that stands for any letters makes a pattern of a name."""
    assert [True, False, False] == [is_pattern(text) for text in ("a*", r"a\*", "a")]


@pytest.mark.parametrize(
    ("said", "found", "expected"),
    [
        ({"model": "delays"}, {}, True),
        ({"model": "de*"}, {"model": "fraud"}, False),
        ({"model": "delays", "version": 2}, {}, False),
        ({"version": 1}, {}, True),
        ({"feature": "dist*"}, {"feature": "distance"}, True),
        ({"feature": "dist*"}, {}, False),
        ({"segment": "airline=*"}, {"segment": "airline=AA"}, True),
        ({"segment": "airline=*"}, {}, False),
        ({"segment": ""}, {}, True),
        ({"segment": ""}, {"segment": "airline=AA"}, False),
        ({"segment": ""}, {"segment": "departure_delay"}, True),
        ({"kind": AlertKind.DRIFT}, {}, True),
        ({"kind": AlertKind.DRIFT}, {"detector": "events"}, False),
        ({"model": "delays", "feature": "departure_delay", "kind": AlertKind.QUALITY}, {}, False),
    ],
)
def test_all_that_is_said_has_to_fit(said: dict[str, Any], found: dict[str, Any], expected: bool) -> None:
    """What is left out fits anything; the empty segment is that of all rows, of which a single event is one."""
    assert expected is Matcher(**said).covers(sample_finding(**found))


def test_what_says_nothing_is_no_matcher() -> None:
    """Whoever forgot what to silence has not silenced everything."""
    with pytest.raises(ValueError, match="at least one of model, version, segment, feature and kind"):
        Matcher()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"model": "delays", "version": 1}, "delays/1"),
        ({"model": "delays"}, "delays/*"),
        (
            {"model": "delays", "feature": "amount", "kind": AlertKind.DRIFT},
            "model delays/*, feature amount, kind drift",
        ),
        ({"version": 2}, "version 2"),
        ({"feature": "a, kind drift"}, "feature 'a, kind drift'"),
        ({"feature": "a\nb", "segment": ""}, "feature a b, segment ''"),
        ({"feature": "\x1b[31mred"}, "feature \\x1b[31mred"),
    ],
)
def test_what_it_is_about_is_said_in_one_harmless_line(said: dict[str, Any], words: str) -> None:
    """A name with a comma stands in quotation marks, so that it is not taken for two things."""
    assert words == str(Matcher(**said))
