"""Which features of a request are looked up in an online store, and what is done where they are not there."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from pegel.errors import InvalidSpec
from pegel.spec.durations import Duration
from pegel.spec.named_twice import named_twice
from pegel.spec.online_reference import OnlineRef
from pegel.spec.outside_text import quoted, shown
from pegel.spec.section import Section
from pegel.spec.spec_fields import FieldName, PartNames, Reference
from pegel.spec.spec_text import Unquoted

Policy = Literal["refuse", "default", "null"]
"""What is done where a feature cannot be looked up: the request is refused, or the model gets a default or a null."""
MOST_KEYS = 8
"""Parts of an entity's key."""
LONGEST_LOOK_UP = timedelta(seconds=10)
"""A client has long given up."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:e[+-][0-9]+)?)")
"""As JSON is written, so that a spec can be read again. `007` and `1e3` are none: codes look like that."""
_LONGEST_INT = 63
"""Bits: not every reader of JSON keeps the digits of a longer one."""
_MOST_DIGITS = 20
"""Beyond, an integer is longer than that."""
Default: TypeAlias = bool | int | float | str


def _view(text: str) -> str:
    try:
        return str(OnlineRef.parse(text))
    except InvalidSpec:
        raise ValueError(
            "expected STORE://VIEW, as in local://flights; a view is named by letters, digits, `_`, `-` and `.`"
        ) from None


def _policies(value: Any) -> Any:
    """Take a list of features for features without which a request is refused; an empty policy is `null`."""
    if isinstance(value, list | tuple):
        if others := [name for name in value if not isinstance(name, str)]:
            raise ValueError(f"expected names of features; {quoted(others[0])} is none")
        if twice := named_twice(value):
            raise ValueError(f"{', '.join(map(shown, twice))} is named more than once; name it once")
        return dict.fromkeys(value, "refuse")
    if isinstance(value, Mapping):
        return {name: "null" if policy is None else policy for name, policy in value.items()}
    return value


def _known_policies(policies: dict[str, str]) -> dict[str, str]:
    wrong = {name: policy for name, policy in policies.items() if policy not in {"refuse", "default", "null"}}
    if wrong:
        name, policy = next(iter(wrong.items()))
        raise ValueError(f"given {quoted(policy)} for {shown(name)}: expected refuse, default or null")
    return policies


def _default_values(values: Any) -> Any:
    """Read numbers and truth values where they were written without quotes; in quotes everything is text."""
    return {name: _default(name, value) for name, value in values.items()} if isinstance(values, Mapping) else values


def _default(name: Any, value: Any) -> Default:
    read = _unquoted(value) if isinstance(value, Unquoted) else value
    if read is None or read == "":
        raise ValueError(f"{shown(str(name))} has an empty default; its policy may be null instead")
    if isinstance(read, int) and read.bit_length() > _LONGEST_INT:
        read = float(read) if read.bit_length() < sys.float_info.max_exp else math.inf
    if not isinstance(read, Default) or (isinstance(read, float) and not math.isfinite(read)):
        raise ValueError(
            f"given {quoted(value)} for {shown(str(name))}: expected a finite number, a text, true or false"
        )
    return read


def _unquoted(text: Unquoted) -> Default:
    if text in {"true", "false"}:
        return text == "true"
    number = _NUMBER.fullmatch(text)
    if number is None:
        return str(text)
    return float(text) if number["float"] or len(text) > _MOST_DIGITS else int(text)


Policies = Annotated[
    dict[FieldName, str],
    BeforeValidator(_policies),
    AfterValidator(_known_policies),
    WithJsonSchema({"type": ["object", "array"]}),
]
Defaults = Annotated[dict[FieldName, Default], BeforeValidator(_default_values), WithJsonSchema({"type": "object"})]
View = Annotated[Reference, AfterValidator(_view)]
Keys = Annotated[PartNames, Field(max_length=MOST_KEYS)]


class Online(Section):
    """Features that are looked up by the entity that a request names, before the model is asked.

    Without a `source` nothing is looked up, and nothing else may be stated.
    """

    source: View | None = None
    """A view of an online store: `local://flights`, `redis://flights`. Where the store is, the settings say."""
    keys: Keys = ()
    """What a request states of its entity, in the order of the store's keys."""
    features: Policies = Field(default_factory=dict)
    """What is looked up, each with what is done where it is not there: `refuse`, `default` or `null`."""
    defaults: Defaults = Field(default_factory=dict)
    """The values of those with the policy `default`, of the types that the store's have."""
    age_limit: Duration | None = None
    """What is older is stale, and so is not there; None: nothing is."""
    within: Duration = timedelta(milliseconds=50)
    """How long a look-up may take; then nothing is there."""
    private: PartNames = ()
    """Keys that leave the endpoint only as a keyed hash."""

    @property
    def is_used(self) -> bool:
        """Say whether anything is looked up."""
        return self.source is not None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        stated = [name for name in ("keys", "features", "defaults", "age_limit", "private") if getattr(self, name)]
        if self.source is None:
            if stated:
                raise ValueError(f"{stated[0]} is about what is looked up; state its `source`, as in local://flights")
            return self
        if not self.keys or not self.features:
            raise ValueError("state the `keys` by which is looked up, and at least one of the `features`")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        policies = self.features
        if both := sorted({*self.keys} & {*policies}):
            raise ValueError(f"{_names(both)}: given as key and as feature; a key is what the client states")
        if unknown := sorted({*self.private} - {*self.keys}):
            raise ValueError(f"private: {_names(unknown)}: expected names of `keys`")
        wanted = {name for name, policy in policies.items() if policy == "default"}
        if missing := sorted(wanted - {*self.defaults}):
            raise ValueError(f"defaults: {_names(missing)}: has the policy default and no value; state it")
        if idle := sorted({*self.defaults} - wanted):
            raise ValueError(f"defaults: {_names(idle)}: would never be used; give it the policy default")
        if self.within > LONGEST_LOOK_UP:
            raise ValueError(f"within: expected at most {LONGEST_LOOK_UP.total_seconds():g} s: no client waits longer")
        return self

    def __hash__(self) -> int:
        """Return a hash of what is stated; dictionaries have none of their own."""
        return hash(self.model_dump_json())


def _names(names: list[str]) -> str:
    return ", ".join(map(shown, names))
