"""A model that Hopsworks serves is watched by the topic of its inference logger, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.model_roots import refuse_models_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import deployed, sample_spec


def test_a_deployment_is_read_from_its_own_topic() -> None:
    """Its topic is that of the deployment, whatever the namespace; that of another model is its namespace's."""
    spec = sample_spec(model=deployed(topic="fraud-inference"), namespace="risk")

    assert ("fraud-inference", "pegel.risk.inference") == (
        spec.inference_topic,
        sample_spec(namespace="risk").inference_topic,
    )
    assert "hopsworks-deployment:fraud-inference" == spec.model.place


def test_a_deployment_survives_its_own_json() -> None:
    """What is stored is read again as the same wish."""
    spec = sample_spec(model=deployed(served_name="fraud"))

    assert spec == MonitorSpec.parse(spec.to_json())


def test_places_of_models_say_nothing_of_a_deployment() -> None:
    """Nothing is loaded and nothing passed on, so it is allowed where no place is."""
    assert None is refuse_models_outside(sample_spec(model=deployed()), ())  # type: ignore[func-returns-value]  # it raises


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"topic": None}, "model: a deployment is watched by what it logs; state the `topic` of its inference logger"),
        ({"uri": "/models/delays"}, "model: given uri of a deployment, which Hopsworks serves and logs; leave it out"),
        ({"url": "http://a.org"}, "model: given url of a deployment, which Hopsworks serves and logs; leave it out"),
        ({"digest": "a" * 64}, "model: given digest of a deployment, which Hopsworks serves and logs; leave it out"),
        ({"logged_by": "server"}, "model: given logged_by of a deployment, which Hopsworks serves and logs; leave it "),
        (
            {"topic": "pegel.default.inference"},
            "model.topic: given 'pegel.default.inference': is a topic of Pegel's own",
        ),
        ({"topic": ".."}, "model.topic: given '..': is no name of a topic"),
        ({"topic": "a/b"}, "model.topic: given 'a/b': "),
        ({"source": "hopsworks"}, "model.source: given 'hopsworks': "),
        (
            {"source": "endpoint", "uri": "/models/delays"},
            "model: topic is that of a deployment of Hopsworks; state `source: hopsworks-deployment` with it",
        ),
    ],
)
def test_what_is_none_is_refused_in_a_sentence(model: dict[str, Any], words: str) -> None:
    """A deployment states its topic, which is none of ours, and nothing of what is served here."""
    with pytest.raises(InvalidSpec) as raised:
        sample_spec(model=deployed(**model))

    assert words == str(raised.value)[: len(words)]


def test_nothing_is_looked_up_for_a_deployment() -> None:
    """Nothing of ours stands before it."""
    online = {"source": "local://flights", "keys": ["origin"], "features": ["airline"]}
    with pytest.raises(InvalidSpec, match="nothing of ours stands before a server that logs by itself"):
        sample_spec(model=deployed(), online=online)
