"""What is wrong with data that should be a spec: every problem at once, also in sections whose names are misspelt.

An unknown field keeps pydantic from looking at what stands in it, and at how fields go together. So data is corrected
as its writer probably meant it, unknown fields renamed or left out, until none is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from pegel.spec.durations import LONGEST
from pegel.spec.nearest import nearest
from pegel.spec.outside_text import LONGEST_SENTENCE, quoted, shown

_EXPECTED = {
    "tuple_type": "expected a list",
    "model_type": "expected a mapping of fields",
    "string_type": "expected text",
    "bool_parsing": "expected true or false",
    "int_parsing": "expected a whole number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "time_delta_parsing": f"expected a length of time as in PT90S, at most {LONGEST.days} days",
}
"""What pydantic says in Python's words, in those of a spec."""
MOST_PROBLEMS = 20
"""Problems of a spec that are named; so many are a wrong file rather than mistakes."""

Where = tuple[str | int, ...]


class Corrected:
    """Data without unknown fields, and what is wrong with it.

    `data`: as probably meant. `problems`: a line for each, those about unknown fields first; empty for a valid spec.
    `errors`: what pydantic says of `data`.
    """

    def __init__(self, section: type[BaseModel], data: Mapping[str, Any]) -> None:
        """Correct data of a section of a spec, or of a whole one."""
        self.data: dict[Any, Any] = dict(data)
        self._section = section
        self._given: dict[Where, str | int] = {}
        self._copied: set[Where] = set()
        unknown: list[str] = []
        while strange := [each["loc"] for each in self._look() if each["type"] == "extra_forbidden"]:
            for where in strange:
                unknown.append(self._correct(where, is_named=len(unknown) < MOST_PROBLEMS))
        self.problems = list(dict.fromkeys([*unknown, *map(self._sentence, self.errors)]))

    def lines(self) -> str:
        """Return the first 20 problems, one a line."""
        left = len(self.problems) - MOST_PROBLEMS
        return "\n".join([*self.problems[:MOST_PROBLEMS], *([f"and {left} more"] if left > 0 else [])])

    def _look(self) -> Sequence[Any]:
        self.errors: Sequence[Any] = []
        try:
            self._section.model_validate(self.data)
        except ValidationError as error:
            self.errors = error.errors(include_url=False, include_context=False)
        return self.errors

    def _fields(self, where: Where) -> Mapping[str, Any]:
        """Return the fields that the section around a place has."""
        section = self._section
        for name in where[:-1]:
            section = cast("type[BaseModel]", section.model_fields[str(name)].annotation)
        return section.model_fields

    def _correct(self, where: Where, *, is_named: bool) -> str:
        """Give an unknown field the name that was probably meant, where that is free; else leave it out. Say so.

        What was meant is looked for where the problem `is_named`: of a wrong file with thousands that takes seconds.
        """
        written, around = self._written(where), self._own(where[:-1])
        value = around.pop(where[-1])
        near = nearest(str(where[-1]), self._fields(where)) if is_named else None
        if near is None:
            return f"{written}: unknown field; remove it or correct its name"
        if near not in around:
            around[near] = value
            self._given[*where[:-1], near] = where[-1]
        return f"{written}: unknown field; did you mean `{near}`? Correct its name or remove it"

    def _own(self, place: Where) -> dict[Any, Any]:
        """Return a section that may be changed: a copy, made once, because what was handed in stays as it is."""
        section = self.data
        for at, name in enumerate(place, start=1):
            if place[:at] not in self._copied:
                section[name] = dict(section[name])
                self._copied.add(place[:at])
            section = section[name]
        return section

    def _written(self, where: Where) -> str:
        """Return a place as its writer has called it."""
        names = (self._given.get(where[: at + 1], name) for at, name in enumerate(where))
        return ".".join(shown(str(name)) for name in names) or "spec"

    def _sentence(self, problem: Any) -> str:
        """Return where something is wrong, what was given, what was expected."""
        where = self._written(problem["loc"])
        message = _EXPECTED.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        message = shown(message[0].lower() + message[1:], LONGEST_SENTENCE)
        if problem["type"] == "missing":
            return f"{where}: missing; it has no default, so state it"
        if problem["input"] is None:
            return f"{where}: empty; write a value, or leave the field out"
        # What says itself what was given leaves out what may not be shown.
        if isinstance(problem["input"], dict) or message.startswith("given "):
            return f"{where}: {message}"
        return f"{where}: given {quoted(problem['input'])}: {message}"
