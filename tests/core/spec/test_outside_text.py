"""Text that somebody else wrote, as it may be shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.spec.outside_text import SHORTEST_LIMIT, cut, quoted, shown, shown_lines

ODD = st.sampled_from(
    (
        *("\x1b[2J", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\n", "\r\n", "\t", "\x00", "\x9b", "\u2028"),
        *("\ud800", "\u3164", "\ufe0f", "\u00a0", "\U000e0041", "\x85", "\\", "\U000e0100"),
    )
)
TEXTS = st.lists(st.one_of(ODD, st.text(max_size=20)), max_size=12).map("".join)
LIMITS = st.integers(SHORTEST_LIMIT, 120)


@given(TEXTS, LIMITS)
def test_shown_text_is_one_visible_line_within_its_limit(text: str, limit: int) -> None:
    """Whatever is given, what is shown is printable, one line, and never longer than its limit."""
    line = shown(text, limit)

    assert (line.isprintable(), len(line.splitlines()) <= 1, len(line) <= limit) == (True, True, True)


@given(TEXTS, LIMITS)
def test_showing_twice_is_showing_once(text: str, limit: int) -> None:
    """What was shown can pass through another place that shows, unchanged; the same holds for cutting."""
    assert (shown(text, limit), cut(text, limit)) == (shown(shown(text, limit), limit), cut(cut(text, limit), limit))


@given(TEXTS)
def test_no_invisible_letter_is_left_in_shown_text(text: str) -> None:
    """Neither controls nor formats nor unpaired halves nor separators of lines are left."""
    categories = {unicodedata.category(letter) for letter in shown(text)}

    assert categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} == set()


@pytest.mark.parametrize(
    "text", ["Umsatz (EUR)", "Zürich", "売上", "мощность", "الإيرادات", "price · €", "e\u0301", "", "a\\b"]
)
def test_ordinary_names_of_all_scripts_are_shown_as_they_are(text: str) -> None:
    """Letters of every script, combining marks, symbols and backslashes are left alone."""
    assert text == shown(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\n\r\nb", "a b"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("safe\u202etxt.exe", "safe\\u202etxt.exe"),
        ("pay\u200bpal", "pay\\u200bpal"),
        ("a\u00a0b", "a b"),
        ("\ud83d", "\\ud83d"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164", "\\u3164"),
    ],
)
def test_what_cannot_be_seen_is_written_as_its_escape(text: str, line: str) -> None:
    """Breaks become one blank, blanks of any width one blank, all else its escape."""
    assert line == shown(text)


def test_long_texts_that_differ_in_their_last_letter_are_shown_differently() -> None:
    """The note on what was cut has the length and a hash of the whole."""
    first, second = shown("x" * 4_000_000 + "a"), shown("x" * 4_000_000 + "b")

    assert (first != second, "4,000,001 characters" in first, len(first)) == (True, True, 200)


@given(TEXTS)
def test_a_page_keeps_its_own_lines_and_nothing_else(text: str) -> None:
    """The number of lines is that of its line feeds, and each line is printable."""
    lines = shown_lines(text).split("\n")

    assert (text.count("\n") + 1, True) == (len(lines), all(line.isprintable() for line in lines))


@given(TEXTS, LIMITS)
def test_quoted_text_is_visible_and_within_its_limit(text: str, limit: int) -> None:
    """Whatever is given, it is in quotes, never longer than its limit, and can be shown as it is."""
    line = quoted(text, limit)

    assert (line[0] == line[-1], len(line) <= limit, line) == (True, True, shown(line, limit))


@given(st.text("x\n'\"\\\x00", min_size=121, max_size=400), LIMITS)
def test_quoted_text_that_is_cut_says_how_long_it_was(text: str, limit: int) -> None:
    """The length of the text itself, not that of what is written for it."""
    assert f"… ({len(text)} characters, sha256 " in quoted(text, limit)


def test_a_list_that_is_cut_says_nothing_about_its_length() -> None:
    """Its texts have their lengths and hashes; what is left of it has none."""
    line = quoted([letter * 5_000 for letter in "abcdef"])

    assert (3, 200, "…") == (line.count("(5,000 characters, sha256 "), len(line), line[-1])


def test_a_value_is_quoted_in_bounded_time_however_large_and_deep() -> None:
    """Nested and huge values are abridged before they are written."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    values = (deep, ["x" * 10_000_000] * 1_000_000, {"k": "\x1b" * 1_000}, 10**4_000)

    assert [True] * 4 == [len(quoted(value)) <= 200 and quoted(value).isprintable() for value in values]
