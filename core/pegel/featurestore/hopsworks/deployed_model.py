"""Whether a deployment of Hopsworks is what a spec says of it: it serves this model, and logs where it is read."""

from __future__ import annotations

from pegel.errors import InvalidSpec
from pegel.featurestore.hopsworks.facts import Deployment
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.spec import names
from pegel.spec.monitor_spec import Model

EVERYTHING, NOTHING = "ALL", "NONE"
"""Modes of an inference logger: requests and responses, or neither. Others log one of them."""


def check(model: Model, deployment: Deployment) -> list[str]:
    """Return what is worth knowing of a deployment, a line each: that it logs requests or responses alone.

    Raises InvalidSpec where it serves another model or version, logs nothing, or to another topic.
    """
    said = f"Hopsworks says that deployment {deployment.name}"
    served = names.monitor_key(names.model_of_hopsworks(deployment.model), deployment.model_version)
    watched = names.monitor_key(model.name, model.version)
    if served != watched:
        raise InvalidSpec(f"model: {said} serves {served}; given {watched}. {NO_BASELINE}")
    if deployment.topic is None or deployment.logs == NOTHING:
        raise InvalidSpec(
            f"model.topic: {said} logs nothing; give it an inference logger that logs {EVERYTHING}. {NO_BASELINE}"
        )
    if deployment.topic != model.topic:
        raise InvalidSpec(f"model.topic: {said} logs to {deployment.topic}; given {model.topic}. {NO_BASELINE}")
    whole = deployment.logs == EVERYTHING
    return [] if whole else [f"{said} logs {deployment.logs} alone: the other half is not watched"]
