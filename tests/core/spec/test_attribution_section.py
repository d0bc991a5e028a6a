"""What a spec may say about explanations, and with which sentence the rest is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.attribution_section import AttributionSection
from pegel.spec.monitor_spec import MonitorSpec

MODEL = {"name": "credit", "uri": "file:///models/credit"}
RUNNING = {"name": "credit", "url": "http://models.example.org"}


def spec(section: dict[str, Any], model: dict[str, Any] = MODEL) -> MonitorSpec:
    """Return a spec with a section `attribution`."""
    return MonitorSpec.parse({"model": model, "baseline": {"source": "local://credit"}, "attribution": section})


def test_nothing_is_explained_unless_it_is_asked_for() -> None:
    """Without the section it is off, with the defaults of the specification."""
    section = spec({}).attribution

    assert AttributionSection() == section
    assert not section.is_used
    assert ("off", 500, 6_000, timedelta(minutes=10), 0.05, None, "replay", False) == (
        section.via,
        section.rows_per_minute,
        section.calls_per_minute,
        section.window,
        section.margin,
        section.baseline,
        section.identity,
        section.on_request,
    )


def test_a_section_is_read_from_text() -> None:
    """Texts of YAML become numbers and lengths of time, and what is read is written and read again."""
    text = """
model: {name: credit, uri: file:///models/credit}
baseline: {source: "local://credit"}
attribution: {via: artefact, rows_per_minute: 1000, window: 5m, margin: 0.1, baseline: "local://credit?split=holdout"}
"""
    read = MonitorSpec.from_yaml(text)

    assert read.attribution.is_used
    assert (1_000, timedelta(minutes=5), 0.1) == (
        read.attribution.rows_per_minute,
        read.attribution.window,
        read.attribution.margin,
    )
    assert read == MonitorSpec.parse(read.to_json())


def test_an_endpoint_may_be_asked() -> None:
    """A server that runs already is explained by asking it, with an identity that needs no folder."""
    for identity in ("canaries", "surrogate", "off"):
        assert spec({"via": "endpoint", "identity": identity}, RUNNING).attribution.is_used


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "something of what is off": ({"margin": 0.1}, MODEL, "margin is about explained rows; state `via`"),
    "a folder that there is not": ({"via": "artefact"}, RUNNING, "`model.uri` names none"),
    "a replay without a folder": ({"via": "endpoint"}, RUNNING, "state canaries, surrogate or off"),
    "training rows": (
        {"via": "artefact", "baseline": "local://credit?split=train&version=1"},
        MODEL,
        "these are the rows that the model was fitted on",
    ),
    "a window too short": ({"via": "artefact", "window": "59s"}, MODEL, "expected 60s to 86400s"),
    "a window too long": ({"via": "artefact", "window": "25h"}, MODEL, "expected 60s to 86400s"),
    "no rows": ({"via": "artefact", "rows_per_minute": 0}, MODEL, "attribution.rows_per_minute"),
    "too many rows": ({"via": "artefact", "rows_per_minute": 60_001}, MODEL, "attribution.rows_per_minute"),
    "a part of a row": ({"via": "artefact", "rows_per_minute": "1.5"}, MODEL, "expected a whole number"),
    "no calls": ({"via": "artefact", "calls_per_minute": 1}, MODEL, "attribution.calls_per_minute"),
    "a margin of more than all": ({"via": "artefact", "margin": 1.5}, MODEL, "attribution.margin"),
    "another way": ({"via": "magic"}, MODEL, "attribution.via"),
    "another identity": ({"via": "artefact", "identity": "trust"}, MODEL, "attribution.identity"),
    "a model of a model that is there": (
        {"via": "artefact", "identity": "surrogate"},
        MODEL,
        "which tells more: state replay",
    ),
    "an unreadable source": ({"via": "artefact", "baseline": "local://"}, MODEL, "attribution.baseline"),
    "an unknown field": ({"via": "artefact", "rows": 5}, MODEL, "attribution"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused(case: str) -> None:
    """Each refusal names the field and what would be accepted."""
    section, model, words = REFUSED[case]
    with pytest.raises(InvalidSpec) as refusal:
        spec(section, model)
    assert words in str(refusal.value)


def test_a_model_in_a_table_has_no_events_to_explain() -> None:
    """What is only scored in batches is asked by nobody."""
    model = {"name": "credit", "source": "table", "table": "delta:/rows", "time": "at"}
    with pytest.raises(InvalidSpec) as refusal:
        MonitorSpec.parse(
            {
                "model": model,
                "baseline": {"source": "local://credit"},
                "attribution": {"via": "endpoint", "identity": "off"},
            }
        )
    assert "attribution: the model only stands in a table" in str(refusal.value)


def test_hopsworks_is_not_asked() -> None:
    """A deployment is watched by what it logs, and nobody here asks it."""
    model = {"name": "credit", "source": "hopsworks-deployment", "topic": "credit-log"}
    with pytest.raises(InvalidSpec) as refusal:
        spec({"via": "endpoint", "identity": "off"}, model)
    assert "nobody here asks it" in str(refusal.value)
