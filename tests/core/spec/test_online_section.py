"""The section `online` of a spec: what is looked up, and what is done where it is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pegel.errors import InvalidSpec
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.online_section import Online

WHOLE = {
    "source": "local://flights",
    "keys": ["flight"],
    "features": {"airline": "default", "gate": "null", "origin": "refuse"},
    "defaults": {"airline": "WN"},
    "age_limit": "24h",
    "private": ["flight"],
}


def parsed(online: Any, **parts: Any) -> MonitorSpec:
    """Return a spec with a section `online`."""
    whole = {"model": {"name": "delays", "uri": "models/delays"}, "baseline": {"source": "local://delays"}}
    return MonitorSpec.parse(whole | {"online": online} | parts)


def test_a_whole_section_is_read_again() -> None:
    """A spec with all of it is the same after it was written and read."""
    spec = parsed(WHOLE)

    assert spec == MonitorSpec.parse(spec.to_json())
    assert {"airline": "default", "gate": "null", "origin": "refuse"} == spec.online.features
    assert hash(spec) == hash(MonitorSpec.parse(spec.to_json()))


SMALL = """
model: {name: delays, uri: models/delays}
baseline: {source: "local://delays"}
online:
  source: local://flights
  keys: flight
  features: {gate: null, stops: default}
  defaults: {stops: %s}
"""


def test_yaml() -> None:
    """In YAML, an unquoted null is the policy null, and one key is a list of one."""
    online = MonitorSpec.from_yaml(SMALL % "12").online

    assert {"gate": "null", "stops": "default"} == online.features
    assert ("flight",) == online.keys


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12", 12),
        ("12.0", 12.0),
        ("-0.50", -0.5),
        ("1e+16", 1e16),
        ("123456789012345678901234567890", 123456789012345678901234567890.0),
        ("true", True),
        ("'1'", "1"),
        ('"12.5"', "12.5"),
        ('"true"', "true"),
        ('"null"', "null"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("no", "no"),
        ("WN", "WN"),
    ],
)
def test_a_default_is_what_was_written(written: str, meant: object) -> None:
    """Numbers and truth values without quotes are such, in quotes they are texts, and so they stay when read again."""
    spec = MonitorSpec.from_yaml(SMALL % written)
    (default,) = spec.online.defaults.values()

    assert (meant, type(meant)) == (default, type(default))
    again = Online.model_validate_json(json.dumps(spec.online.model_dump(mode="json")))
    assert [spec.online.defaults] * 2 == [again.defaults, parsed(spec.to_json()["online"]).online.defaults]
    assert spec.fingerprint() == MonitorSpec.from_yaml(json.dumps(spec.to_json())).fingerprint()


def test_a_list_of_features_refuses() -> None:
    """Features without a policy are those without which a request is refused."""
    assert {"a": "refuse", "b": "refuse"} == parsed(WHOLE | {"features": ["a", "b"], "defaults": {}}).online.features


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "flights"}, "online.source: given 'flights': expected STORE://VIEW"),
        ({"source": None}, "online: keys is about what is looked up; state its `source`"),
        ({"keys": []}, "online: state the `keys` by which is looked up"),
        ({"features": {}}, "online: state the `keys` by which is looked up, and at least one of the `features`"),
        ({"features": ["a", "a"]}, "a is named more than once"),
        ({"features": {"airline": "maybe"}}, "given 'maybe' for airline: expected refuse, default or null"),
        ({"features": {"flight": "refuse"}, "defaults": {}}, "flight: given as key and as feature"),
        ({"defaults": {}}, "defaults: airline: has the policy default and no value; state it"),
        ({"defaults": {"airline": "WN", "gate": "A"}}, "defaults: gate: would never be used"),
        ({"defaults": {"airline": ""}}, "airline has an empty default; its policy may be null instead"),
        ({"defaults": {"airline": None}}, "airline has an empty default; its policy may be null instead"),
        ({"defaults": {"airline": ["WN"]}}, "for airline: expected a finite number, a text, true or false"),
        ({"defaults": {"airline": 10**400}}, "for airline: expected a finite number, a text, true or false"),
        ({"private": ["origin"]}, "private: origin: expected names of `keys`"),
        ({"within": "11s"}, "within: expected at most 10 s"),
        ({"age_limit": 0}, "online.age_limit: given 0: must be longer than 0 s"),
        ({"keys": list("abcdefghi")}, "online.keys"),
    ],
)
def test_refused_sections(changes: dict[str, Any], message: str) -> None:
    """What cannot work is refused in one sentence that says what to change."""
    with pytest.raises(InvalidSpec) as refused:
        parsed(WHOLE | changes)

    assert 1 == len(str(refused.value).splitlines())
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"model": {"name": "delays", "url": "http://a.org", "logged_by": "server"}},
            "nothing of ours stands before a server that logs by itself",
        ),
        ({"serving": {"transformer": "registry/x:1"}}, "by a transformer of ours; leave out serving.transformer"),
    ],
)
def test_what_does_not_go_together(parts: dict[str, Any], message: str) -> None:
    """Looking up needs a transformer of ours, and one alone."""
    with pytest.raises(InvalidSpec, match=message):
        parsed(WHOLE, **parts)


def test_a_misspelt_field() -> None:
    """An unknown field of the section is told with the nearest name."""
    with pytest.raises(InvalidSpec, match=r"online\.age_limt: unknown field; did you mean `age_limit`"):
        parsed(WHOLE | {"age_limt": "1h"})


def test_what_is_looked_up_is_part_of_the_endpoint() -> None:
    """Another age limit is another endpoint; a section that says nothing changes none."""
    plain, looking = parsed({}), parsed(WHOLE)

    assert endpoint_fingerprint(looking) != endpoint_fingerprint(parsed(WHOLE | {"age_limit": "1h"}))
    assert endpoint_fingerprint(plain) != endpoint_fingerprint(looking)


def test_a_key_is_hashed_once() -> None:
    """What is hashed before it is logged is found, as it is not hashed again when it is kept; it may be dropped."""
    with pytest.raises(InvalidSpec, match=r"archive\.private: flight is hashed by online\.private"):
        parsed(WHOLE, archive={"private": ["flight"]})

    assert {"flight": "drop"} == parsed(WHOLE, archive={"private": {"flight": "drop"}}).archive.private
