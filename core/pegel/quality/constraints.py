"""`constraints.json` of SageMaker Model Monitor: read as a suite, and written of one.

Both know completeness, types, numbers that are not negative, and domains. What one side has no word for is not dropped
in silence: notes say it. Distances of distributions with a fixed threshold are not taken over, because such a threshold
says nothing without the number of rows; drift is judged by `pegel.judge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pegel.errors import InvalidSpec
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_words import in_words
from pegel.quality.merged_suite import Suite
from pegel.spec.outside_text import quoted
from pegel.spec.suites import suites

_TYPES = {"Integral": kinds.NUMBER, "Fractional": kinds.NUMBER, "String": kinds.TEXT}
_WRITTEN = {kinds.NUMBER: "Fractional", kinds.TEXT: "String"}
_TYPE_SHARE, _DOMAIN_SHARE = "datatype_check_threshold", "domain_content_threshold"
_SETTINGS = ("evaluate_constraints", "emit_metrics", "distribution_constraints", _TYPE_SHARE, _DOMAIN_SHARE)
_PARTS = {"num_constraints": "is_non_negative", "string_constraints": "domains"}
_OF_FEATURE = ("name", "inferred_type", "completeness", *_PARTS)


@dataclass(frozen=True, slots=True)
class ImportedSuite:
    """What was read of a file, and what it has that a suite does not take over, a sentence each."""

    suite: Suite
    notes: tuple[str, ...]


def read_constraints(data: Any, *, name: str, made: str) -> ImportedSuite:
    """Return constraints as a suite of that name and day. Raises InvalidSpec with what is expected."""
    features = data.get("features") if isinstance(data, Mapping) else None
    if not isinstance(features, list | tuple):
        raise InvalidSpec("expected constraints of SageMaker, a mapping with `features`; given something else.")
    settings = _mapping(data, "monitoring_config", "the document")
    expectations: list[dict[str, Any]] = []
    notes: list[str] = []
    for at, feature in enumerate(features, start=1):
        if not isinstance(feature, Mapping) or not isinstance(feature.get("name"), str):
            raise InvalidSpec(f"feature {at}: expected a mapping with `name`; given {quoted(feature)}.")
        expectations += list(_of_feature(feature, settings))
        notes += _left_out(feature, quoted(feature["name"]))
        if str(feature.get("inferred_type")) not in _TYPES:
            notes.append(f"{quoted(feature['name'])}: the type {quoted(feature.get('inferred_type'))} is not checked")
    notes += [f"{quoted(name)}: left out" for name in settings if name not in _SETTINGS]
    if "distribution_constraints" in settings:
        notes.append(
            "distribution_constraints: left out; drift is judged by the number of rows, not by a fixed distance"
        )
    try:
        (suite,) = suites([{"name": name, "made": made, "expectations": expectations}])
    except ValueError as error:
        raise InvalidSpec(f"{error}.") from error
    return ImportedSuite(Suite.from_json(suite), tuple(notes))


def _of_feature(feature: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    column, where = {"column": feature["name"]}, quoted(feature["name"])
    if (complete := feature.get("completeness")) is not None:
        yield {"type": kinds.NOT_NULL, "kwargs": {**column, "mostly": complete}}
    if (asked := _TYPES.get(str(feature.get("inferred_type")))) is not None:
        mostly = settings.get(_TYPE_SHARE, 1.0)
        yield {"type": kinds.OF_TYPE, "kwargs": {**column, "type_": asked, "mostly": mostly}}
    if str(_mapping(feature, "num_constraints", where).get("is_non_negative")).lower() == "true":
        yield {"type": kinds.BETWEEN, "kwargs": {**column, "min_value": 0}}
    if domains := _mapping(feature, "string_constraints", where).get("domains"):
        if not isinstance(domains, list | tuple):
            raise InvalidSpec(f"{where}: expected `domains`, a list; given {quoted(domains)}.")
        mostly = settings.get(_DOMAIN_SHARE, 1.0)
        yield {"type": kinds.IN_SET, "kwargs": {**column, "value_set": domains, "mostly": mostly}}


def _left_out(feature: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield what is said of a feature that no expectation says."""
    for name in feature:
        if name not in _OF_FEATURE:
            yield f"{where}: {quoted(name)} is left out"
    for part, known in _PARTS.items():
        for name in _mapping(feature, part, where):
            if name != known:
                yield f"{where}: {quoted(name)} of {part} is left out"


def _mapping(data: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """Return a part of constraints; empty where it is not stated."""
    part = data.get(name)
    if part is None:
        return {}
    if not isinstance(part, Mapping):
        raise InvalidSpec(f"{where}: expected `{name}`, a mapping; given {quoted(part)}.")
    return part


def written_constraints(expectations: Iterable[Expectation]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return expectations as SageMaker writes constraints, and in words those that it has no way to say.

    It has one share for all types and one for all domains: the smallest that is asked for, so that nothing is stricter.
    """
    features: dict[str, dict[str, Any]] = {}
    shares = {_TYPE_SHARE: 1.0, _DOMAIN_SHARE: 1.0}
    unsaid = []
    for expectation in expectations:
        feature = features.setdefault(expectation.column, {"name": expectation.column, "inferred_type": "Unknown"})
        if not _say(expectation, feature, shares):
            unsaid.append(in_words(expectation))
    known = [feature for name, feature in features.items() if name]
    config = {"evaluate_constraints": "Enabled", "emit_metrics": "Enabled", **shares}
    return {"version": 0.0, "features": known, "monitoring_config": config}, tuple(unsaid)


def _say(expectation: Expectation, feature: dict[str, Any], shares: dict[str, float]) -> bool:
    """Put an expectation into a feature's constraints; say whether all of it could be."""
    kwargs, mostly = expectation.kwargs, expectation.mostly
    if expectation.type == kinds.NOT_NULL:
        feature["completeness"] = mostly
    elif expectation.type == kinds.OF_TYPE:
        feature["inferred_type"] = _WRITTEN[kwargs["type_"]]
        shares[_TYPE_SHARE] = min(shares[_TYPE_SHARE], mostly)
    elif expectation.type == kinds.IN_SET:
        domains = [value for value in kwargs["value_set"] if value is not None]
        feature["string_constraints"] = {"domains": domains}
        shares[_DOMAIN_SHARE] = min(shares[_DOMAIN_SHARE], mostly)
    elif expectation.type == kinds.BETWEEN and kwargs.get("min_value", -1.0) >= 0:
        feature["num_constraints"] = {"is_non_negative": True}
        return kwargs["min_value"] == 0 and "max_value" not in kwargs and mostly == 1
    else:
        return False
    return True
