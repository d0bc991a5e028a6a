"""The onboarding form says everything a spec can say, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from pegel.data.columns import Field, Kind, Schema
from pegel.errors import InvalidSpec
from pegel.judge.layer import TrainingFacts
from pegel.judge.outlook import Outlook
from pegel.judge.seen_shifts import SeenShifts
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.monitor_spec import MonitorSpec
from pegel_airflow import form

ANSWERS: dict[str, Any] = {"model.name": "delays", "model.uri": "file:///m", "baseline.source": "local://delays"}


def leaves(data: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the paths of all leaves of a spec's JSON."""
    return {
        leaf
        for name, value in data.items()
        for leaf in (
            leaves(value, f"{prefix}{name}.")
            if isinstance(value, dict) and f"{prefix}{name}" not in form.OBJECTS
            else {f"{prefix}{name}"}
        )
    }


def answered(**answers: Any) -> dict[str, Any]:
    """Return what a run gets when a person leaves all fields but these at their defaults."""
    form_ = ParamsDict(dict(form.params()))
    form_.update({**ANSWERS, **answers})
    return form_.validate()


def test_every_field_is_asked() -> None:
    """Each leaf of a spec is one question of the form; a new field cannot be forgotten."""
    spec = MonitorSpec.parse({"model": {"name": "x", "uri": "x"}, "baseline": {"source": "x"}})

    assert set(form.QUESTIONS) == leaves(spec.to_json())


def test_defaults_are_the_specs() -> None:
    """A form left at its defaults asks for the same as a spec that states only what it must."""
    asked = form.spec_of(answered())

    assert asked == MonitorSpec.parse(
        {"model": {"name": "delays", "uri": "file:///m"}, "baseline": {"source": "local://delays"}}
    )


def test_a_spec_survives_the_form() -> None:
    """Flattening a spec into parameters and reading them back changes nothing."""
    spec = MonitorSpec.parse(
        {
            "model": {"name": "delays", "version": 3, "uri": "file:///m", "protocol": "v2"},
            "baseline": {"source": "local://delays"},
            "windowing": {"length": "5m", "slide": "1m"},
            "watch": {"features": ["distance", "carrier"]},
            "alerts": {"emails": ["a@b"]},
        }
    )

    assert form.spec_of(answered(**form.params_of(spec))) == spec


def test_every_question_has_a_section_and_help() -> None:
    """No field stands in the form without a section, a title and a sentence."""
    bare = [
        path
        for path, param in form.params().items()
        if not (param.schema.get("section") and param.schema.get("title") and param.description)
    ]

    assert bare == []


def test_the_minimum_of_training_data_stands_where_it_is_named() -> None:
    """Form and page of the spec say from how many values on drift is judged, and it is the number that judges."""
    page = Path(__file__).parents[2] / "docs" / "spec.md"
    (row,) = (
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `baseline.source` |")
    )
    asked = form.QUESTIONS["baseline.source"].help

    assert [True, True] == [f"judged from {MIN_BASELINE:,} values on" in text for text in (asked, row)]


def test_what_a_budget_costs_stands_where_it_is_asked() -> None:
    """The form says how small a shift is seen with one and with ten false alarms a week, and the numbers are true."""
    facts = TrainingFacts(25_000, Schema(tuple(Field(f"n{number}", Kind.NUMERIC) for number in range(12))))
    stated = {"model": {"name": "x", "uri": "x"}, "baseline": {"source": "x"}, "windowing": {"length": "1m"}}
    specs = [MonitorSpec.parse(stated | {"false_alarms": {"count": count}}) for count in (1, 10)]
    few, many = (SeenShifts.of(Outlook.of(spec, facts).division) for spec in specs)
    assert few is not None
    assert many is not None
    help_ = form.QUESTIONS["false_alarms.count"].help

    assert f"{few.rows} rows a window" in help_
    assert f"1 a week sees a shift of {few.at_once:.2g} sigma in one window, of {few.lasting:.2g} within 16" in help_
    assert f"10 a week {many.at_once:.2g} and {many.lasting:.2g}" in help_


def test_advanced_wins() -> None:
    """What the advanced object says is laid over the answers, field by field."""
    spec = form.spec_of(answered(advanced={"windowing": {"length": "10m"}}))

    assert (spec.windowing.length.total_seconds(), spec.windowing.lateness.total_seconds()) == (600.0, 10.0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.name", "Delays!"),
        ("model.version", 0),
        ("windowing.length", -1),
        ("windowing.length", "soon"),
        ("windowing.length", 1e9),
        ("model.ready_within", 1e9),
        ("alerts.repeat_after", 1e9),
        ("model.uri", "u" * 3_000),
        ("watch.margin", 2),
        ("false_alarms.per", "fortnight"),
        ("alerts.emails", ["nobody"]),
        ("alerts.emails", ["a@b.org\nBcc: x@y.org"]),
        ("spec_version", 2),
    ],
)
def test_a_wrong_value_is_refused_by_the_form(path: str, value: Any) -> None:
    """A value that is wrong by itself is refused by the form's schema, before a run exists."""
    with pytest.raises(ParamValidationError):
        answered(**{path: value})


@pytest.mark.parametrize(
    ("path", "typed", "means"),
    [
        ("windowing.length", "90", 90.0),
        ("windowing.length", "90s", 90.0),
        ("alerts.mail_after", "15m", 900.0),
        ("events.late", "0.02", 0.02),
        ("events.late", "2%", 0.02),
        ("false_alarms.hold_for", "95%", 0.95),
    ],
)
def test_what_is_typed_into_a_line_of_text_is_a_number(path: str, typed: str, means: float) -> None:
    """Lengths of time and shares are typed with their unit or without, as nobody writes JSON into a form."""
    assert means == form.params_of(form.spec_of(answered(**{path: typed})))[path]


def test_no_field_asks_for_json_that_does_not_say_so() -> None:
    """Airflow draws a box for JSON where a field takes several types and suggests none, or lists of objects."""
    schemas = {path: param.schema for path, param in form.params().items()}
    kinds = {
        path: {schema["type"]} if schema["type"] == "string" else {*schema["type"]} for path, schema in schemas.items()
    }
    several = {path for path, kind in kinds.items() if len(kind - {"null"}) > 1 and "examples" not in schemas[path]}
    lists = {path for path, schema in schemas.items() if schema.get("items", {}).get("type", "string") != "string"}
    titles = [param.schema["title"] for path, param in form.params().items() if path in several | lists]

    assert "Segments (JSON list)" in titles
    assert [] == [title for title in titles if "JSON" not in title]


def test_the_form_opens_with_what_a_newcomer_has_to_say() -> None:
    """All that is required stands in the section that Airflow opens, with whom to tell, how often, and the dry run."""
    first = [path for path, param in form.params().items() if param.schema["section"] == form.OPEN]
    required = [path for path, param in form.params().items() if "null" not in param.schema["type"]]

    assert set(required) < set(first)
    assert ["model.name", "model.version", "model.uri", "baseline.source", "windowing.length"] == first[:5]
    assert ["false_alarms.count", "false_alarms.per", "alerts.emails", form.DRY_RUN] == first[5:]


def test_a_wrong_combination_is_refused_in_words() -> None:
    """Two values that do not fit each other are refused with the spec's own sentence."""
    with pytest.raises(InvalidSpec, match="set slide to 60s or less"):
        form.spec_of(answered(**{"windowing.slide": 90}))


def test_an_unknown_answer_is_refused() -> None:
    """An answer to a question nobody asked is not silently dropped."""
    with pytest.raises(InvalidSpec, match=r"windowing\.lenght: unknown field"):
        form.spec_of(answered(**{"windowing.lenght": 5}))


def test_only_what_has_no_default_is_marked_as_required() -> None:
    """Airflow's form stars a field whose type leaves out `null`; what is emptied has its default then."""
    starred = [name for name, param in form.params().items() if "null" not in param.schema["type"]]

    assert ["model.name", "baseline.source"] == starred


def test_an_emptied_field_has_its_default() -> None:
    """Null in every optional field is the same wish as leaving all of them alone."""
    stated = {"model.name": "delays", "model.uri": "file:///models/delays", "baseline.source": "local://delays"}
    emptied = dict.fromkeys(form.params(), None)

    assert form.spec_of(emptied | stated) == form.spec_of(stated)


def test_objects_are_asked_as_objects() -> None:
    """Policies of looked-up features and severities by kind are JSON objects, and come back as they were asked."""
    online = {"online.source": "local://flights", "online.keys": ["flight"]}
    objects = {"online.features": {"gate": "null", "airline": "default"}, "online.defaults": {"airline": "WN"}}
    objects["archive.private"] = {"airline": "hash"}
    objects["alerts.severity"] = {"drift": "info"}
    spec = form.spec_of(answered(**online, **objects))

    assert objects == {path: value for path, value in form.params_of(spec).items() if path in form.OBJECTS}
