"""A spec's text: read without surprises, at bounded cost, refused in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.spec_text import LARGEST_BYTES, MOST_KEYS, read_data, read_text

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)
JSON = st.recursive(
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc~\"'\n :-", max_size=4), inner, max_size=4),
    max_leaves=12,
)


def spec_of(model: str = "name: a, uri: u", rest: str = "") -> MonitorSpec:
    """Read a small spec with this model section and further lines."""
    return MonitorSpec.from_yaml(f"model: {{{model}}}\nbaseline: {{source: s}}\n{rest}")


@pytest.mark.parametrize("name", ["no", "on", "y", "true", "off", "e3", "n-1"])
def test_a_name_is_the_text_that_was_written(name: str) -> None:
    """What YAML 1.1 takes for a truth value is a name where a name is expected."""
    assert f"{name}/1" == spec_of(f"name: {name}, uri: u").key


@pytest.mark.parametrize(("version", "number"), [("010", 10), ("08", 8), ("7", 7), ("'3'", 3), ('"0012"', 12)])
def test_a_leading_zero_is_no_octal(version: str, number: int) -> None:
    """A version is decimal, whatever it begins with, quoted or not."""
    assert number == spec_of(f"name: a, uri: u, version: {version}").model.version


@pytest.mark.parametrize(
    "version", ["0x1F", "0o17", "1e3", "1:30", "yes", "1.5", "1_0", "1.0", "+1", "-1", "\u00b2", "~"]
)
def test_what_is_no_decimal_number_is_no_version(version: str) -> None:
    """Hexadecimal, octal, exponents, minutes, truth values and digits of other scripts are refused as written."""
    with pytest.raises(InvalidSpec, match=r"model\.version: (given '|empty)"):
        spec_of(f"name: a, uri: u, version: {version}")


def test_scalars_are_read_by_the_type_of_their_field() -> None:
    """Names in a list stay text; numbers, truth values and lengths of time are what their fields are."""
    watch = "watch: {features: [no, 010, 1e3, 2026-11-01], predictions: off, margin: .5}"
    spec = spec_of(rest=f"{watch}\nwindowing: {{length: 2m}}")

    assert ("no", "010", "1e3", "2026-11-01") == spec.watch.features
    assert (False, 0.5, 120.0) == (spec.watch.predictions, spec.watch.margin, spec.windowing.length.total_seconds())


@given(st.floats(0, 0.9), st.floats(1, 1e6))
def test_a_spec_survives_its_own_json_as_text(margin: float, lateness: float) -> None:
    """Numbers of any size, also those that are written with an exponent, are read again from the text of the spec."""
    data = {"model": {"name": "a", "uri": "u"}, "baseline": {"source": "s"}, "watch": {"margin": margin}}
    spec = MonitorSpec.parse(data | {"windowing": {"length": 1e6, "slide": 1e5, "lateness": lateness % 6e5 / 1e3}})

    assert spec == MonitorSpec.from_yaml(json.dumps(spec.to_json()))


@given(JSON)
def test_json_is_read_as_the_text_that_it_is(data: Any) -> None:
    """Texts, nulls, lists and mappings of any JSON within the limits are read as JSON reads them."""
    written = json.dumps({"k": data})

    assert json.loads(written) == read_data(written)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: {name: a}\nb: 1\nmodel: {name: b}\n", "line 3: 'model' stands twice, first in line 1; keep one"),
        ('{"a": {"b": 1, "b": 2}}', "line 1: 'b' stands twice, first in line 1"),
        (BOMB, "a spec has no anchors and aliases"),
        ("a: *b", "a spec has no anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]", "a spec has no tags"),
        ("a: 1\n---\nb: 2\n", "line 3: a second document begins here"),
        ("[" * (LARGEST_BYTES - 1), "more than 10 levels of lists and mappings"),
        ("{a: " * 20_000, "more than 10 levels of lists and mappings"),
        ("- " * 60_000, "more than 10 levels of lists and mappings"),
        ("? ? a", "the name of a field is expected"),
        ("a:\n\tb: 1", "line 2: while scanning for the next token: found character '\\t'"),
        ("a: \0", "'\\x00', which text does not have"),
        ("a: \x1b", "'\\x1b', which text does not have"),
        ("a: [", "this is not YAML: line 1"),
        ("x" * (LARGEST_BYTES + 1), "more than 131,072 characters"),
    ],
)
def test_what_a_spec_never_needs_is_refused_in_one_sentence(text: str, words: str) -> None:
    """Repeated keys, aliases, tags, depth, size and letters that are none: named, with the line where there is one."""
    with pytest.raises(InvalidSpec) as caught:
        read_data(text)

    message = str(caught.value)
    assert (True, True, True) == (words in message, message.isprintable(), len(message) < 500)


@given(st.text(max_size=60) | st.text("[]{}:,-&*!|>'\"%@`?#\n\t ab0~", max_size=60))
def test_any_text_is_data_or_a_refusal(text: str) -> None:
    """Whatever is written, nothing but a refusal in our own words is raised."""
    try:
        MonitorSpec.from_yaml(text)
    except InvalidSpec as refused:
        assert str(refused).replace("\n", "").isprintable()  # noqa: PT017  both outcomes are right


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"model: {uri: K\xf6ln}", "is not text in UTF-8: byte 15 is 0xf6"),
        ("model: {}".encode("utf-16"), "is not text in UTF-8: byte 1 is 0xff"),
        (b"x" * (LARGEST_BYTES + 1), "has more than 131,072 bytes"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Other encodings and large files are refused by name, with the place."""
    (tmp_path / "spec.yaml").write_bytes(content)

    with pytest.raises(InvalidSpec, match=words):
        read_text(tmp_path / "spec.yaml")


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A device without end, a pipe without a writer and a folder are no specs, and nobody waits for them."""
    os.mkfifo(tmp_path / "pipe")
    refused = []
    for path in (Path("/dev/zero"), tmp_path / "pipe", tmp_path):
        with pytest.raises(InvalidSpec, match="is no file: expected one with a spec in YAML or JSON"):
            read_text(path)
        refused.append(path)

    assert 3 == len(refused)


def test_a_mark_of_the_byte_order_is_no_text(tmp_path: Path) -> None:
    """What an editor on Windows writes before the text is not part of the first name."""
    (tmp_path / "spec.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\n")

    assert {"a": "1"} == read_data(read_text(tmp_path / "spec.yaml"))


def test_a_mapping_of_thousands_of_fields_is_refused_in_one_sentence() -> None:
    """So many are a wrong file; as many as are allowed are read."""
    fields = "".join(f"k{i}: 1\n" for i in range(MOST_KEYS))

    assert MOST_KEYS == len(read_data(fields))
    with pytest.raises(InvalidSpec, match=r"^line 1001: more than 1,000 fields in one mapping, which no spec has\."):
        read_data(fields + "more: 1\n")
