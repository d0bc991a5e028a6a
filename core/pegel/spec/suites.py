"""Suites of expectations as a spec holds them: plain JSON in the shape in which Great Expectations writes its own.

A spec's file holds texts alone, so what a value is follows from its name: limits and shares are numbers (`NUMBERS`),
some are truth values (`TRUTHS`), everything else is text or nothing. Equal wishes are equal JSON then, however they
were written, and have one fingerprint.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pegel.errors import InvalidSpec
from pegel.spec.named_twice import named_twice
from pegel.spec.outside_text import quoted, shown

DERIVED = "derived"
"""Stands for the suite that follows from the baseline."""
LONGEST_NAME = 100
MOST_EXPECTATIONS = 1_000
"""Of one suite: twenty for each of fifty columns."""
LARGEST_BYTES = 128 * 1024
"""Of a suite's file: it becomes part of a spec, which is no larger."""
NUMBERS = frozenset({"min_value", "max_value", "mostly", "value", "threshold", "sum_total", "column_index"})
TRUTHS = frozenset({"strict_min", "strict_max", "exact_match", "strictly", "or_equal", "ties_okay", "double_sided"})
SEVERITIES = ("critical", "warning", "info")
_TYPE = re.compile("[a-z][a-z0-9_]{1,99}")
_OF_SUITE = frozenset({"name", "made", "expectations", "id", "meta", "notes", "suite_parameters"})
_OF_EXPECTATION = frozenset({"type", "kwargs", "severity", "meta", "id", "notes", "description", "rendered_content"})
_OF_A_RUN = frozenset({"batch_id", "result_format", "catch_exceptions"})
"""Arguments of the look at a table from which the library wrote a suite: they say nothing of rows."""
_KEPT_WORDS = ("true", "false")
_DEEPEST = 4
"""Levels of lists and mappings in one argument."""


def suites(value: Any) -> tuple[Any, ...]:
    """Return suites in their one form: `derived`, or a mapping with `name`, `made` and `expectations`.

    Raises ValueError with the place of what is wrong, what was expected and what was given.
    """
    given = (value,) if isinstance(value, str | Mapping) else value
    if not isinstance(given, list | tuple):
        raise ValueError(f"expected `{DERIVED}` or a list of suites")  # noqa: TRY004  pydantic's way
    whole = tuple(DERIVED if item == DERIVED else _suite(item, f"suite {at}") for at, item in enumerate(given, start=1))
    names = [suite_name(item) for item in whole]
    if twice := named_twice(names):
        raise ValueError(f"{', '.join(map(quoted, twice))} names more than one suite; give each a name of its own")
    return whole


def suite_name(suite: Any) -> str:
    """Return what a suite of a spec is called."""
    return DERIVED if suite == DERIVED else str(suite["name"])


def with_files(suites_: Any, folder: Path) -> Any:
    """Return suites as a spec's file lists them, with the content of the files that they name.

    A file is one that Great Expectations wrote, or a suite as in a spec. `{file: f.json, made: 2026-11-29}` may state
    name and date in place of the file's; a path that does not begin with `/` starts at `folder`. Raises InvalidSpec.
    """
    if isinstance(suites_, list | tuple):
        return [with_files(item, folder) for item in suites_]
    if not isinstance(suites_, Mapping) or "file" not in suites_:
        return suites_
    stated = {name: value for name, value in suites_.items() if name != "file"}
    return _file_content(folder / str(suites_["file"])) | stated


def _file_content(path: Path) -> dict[str, Any]:
    where = f"watch.expectations: {shown(str(path))}"
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise InvalidSpec(
                f"{where} has more than {LARGEST_BYTES:,} bytes, which no suite has. Nothing was changed."
            )
        data = json.loads(content)
    except OSError as error:
        raise InvalidSpec(f"{where} cannot be read: {error.strerror}. Nothing was changed.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidSpec(f"{where} is not JSON: {shown(str(error))}. Nothing was changed.") from error
    if not isinstance(data, dict):
        raise InvalidSpec(f"{where}: expected a suite, a mapping with `expectations`. Nothing was changed.")
    return data


def _suite(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where}: expected `{DERIVED}` or name, made and expectations; given {quoted(data)}")  # noqa: TRY004  as above
    if "file" in data:
        raise ValueError(
            f"{where}: the file {quoted(data['file'])} is read where a spec's file is (`pegel validate`, `apply`); "
            f"here, write its content"
        )
    _refuse_unknown(data, _OF_SUITE, where)
    name, expectations = data.get("name"), data.get("expectations")
    if (
        not isinstance(name, str)
        or not name.strip()
        or len(name) > LONGEST_NAME
        or not name.isprintable()
        or name == DERIVED
    ):
        raise ValueError(
            f"{where}: expected a name of up to {LONGEST_NAME} letters, other than `{DERIVED}`; given {quoted(name)}"
        )
    where = f"suite {quoted(name)}"
    if not isinstance(expectations, list | tuple) or not 0 < len(expectations) <= MOST_EXPECTATIONS:
        raise ValueError(f"{where}: expected `expectations`, a list of 1 to {MOST_EXPECTATIONS:,}")
    pairs = enumerate(expectations, start=1)
    return {
        "name": name,
        "made": _day(data.get("made"), where),
        "expectations": [_expectation(item, f"{where}, expectation {at}") for at, item in pairs],
    }


def _day(value: Any, where: str) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError(
            f"{where}: expected `made`, the day of the suite as in 2026-11-29; given {quoted(value)}"
        ) from None


def _expectation(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where}: expected a mapping with type and kwargs; given {quoted(data)}")  # noqa: TRY004  pydantic's way
    _refuse_unknown(data, _OF_EXPECTATION, where)
    kind, arguments, severity = data.get("type"), data.get("kwargs"), data.get("severity") or SEVERITIES[0]
    if not isinstance(kind, str) or _TYPE.fullmatch(kind) is None:
        raise ValueError(f"{where}: expected a type as in expect_column_values_to_not_be_null; given {quoted(kind)}")
    if not isinstance(arguments, Mapping):
        raise ValueError(f"{where}: expected kwargs, a mapping of arguments; given {quoted(arguments)}")  # noqa: TRY004  the same
    if severity not in SEVERITIES:
        raise ValueError(f"{where}: expected the severity {', '.join(SEVERITIES)}; given {quoted(severity)}")
    # What is empty is as if it were not stated.
    stated = {str(name): item for name, item in arguments.items() if item is not None and name not in _OF_A_RUN}
    kwargs = {name: _argument(name, item, where) for name, item in stated.items()}
    return {"type": kind, "kwargs": kwargs, "severity": severity}


def _refuse_unknown(data: Mapping[Any, Any], known: frozenset[str], where: str) -> None:
    if unknown := sorted(str(name) for name in data if name not in known):
        raise ValueError(f"{where}: unknown field {', '.join(map(quoted, unknown))}; remove it or correct its name")


def _argument(name: str, value: Any, where: str) -> Any:
    if name in TRUTHS:
        return _truth(name, value, where)
    if name in NUMBERS:
        number = _number(name, value, where)
        if name == "mostly" and not 0 <= number <= 1:
            raise ValueError(f"{where}: mostly is a share of the rows, from 0 to 1; given {quoted(value)}")
        return number
    return _text(value, where, _DEEPEST)


def _truth(name: str, value: Any, where: str) -> bool:
    text = str(value).lower()
    if text not in _KEPT_WORDS:
        raise ValueError(f"{where}: {name} is true or false; given {quoted(value)}")
    return text == "true"


def _number(name: str, value: Any, where: str) -> float:
    if not is_number(value):
        raise ValueError(f"{where}: {name} is a finite number; given {quoted(value)}")
    return float(value)


def is_number(value: Any) -> bool:
    """Say whether a value of a suite is a finite number, or the text of one.

    >>> is_number("1.5"), is_number(True), is_number("nan")
    (True, False, False)
    """
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _text(value: Any, where: str, levels: int) -> Any:
    """Return an argument with every scalar as text, but for nothing: what a column holds decides what it means."""
    if value is None:
        return None
    if isinstance(value, list | tuple | Mapping):
        if not levels:
            raise ValueError(f"{where}: an argument has more than {_DEEPEST} levels of lists and mappings")
        if isinstance(value, Mapping):
            return {str(name): _text(item, where, levels - 1) for name, item in value.items()}
        return [_text(item, where, levels - 1) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
