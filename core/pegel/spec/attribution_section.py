"""How predictions are explained, how many of them, and by what it is told whether the model is still the registered."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pegel.spec.durations import Duration
from pegel.spec.section import Section
from pegel.spec.spec_fields import Source, whole_number

Via = Literal["artefact", "endpoint", "off"]
"""What explains: the model's folder, read by a worker beside the endpoint, or the endpoint itself, which is asked."""
Identity = Literal["replay", "canaries", "surrogate", "off"]
"""How it is told that the answers are those of the registered version: what was answered is computed again from the
folder, the endpoint is asked about the same rows each hour, answers are held against a model of them, or not at all."""

SHORTEST_WINDOW = timedelta(minutes=1)
"""A window needs 200 explained rows; shorter ones would only be joined."""
LONGEST_WINDOW = timedelta(days=1)
MOST_ROWS = 60_000
"""Explained rows a minute: a thousand a second, which exact attributions of a small tree model take half a core for."""
MOST_CALLS = 1_000_000

Rows = Annotated[int, Field(ge=1, le=MOST_ROWS), BeforeValidator(whole_number)]
Calls = Annotated[int, Field(ge=2, le=MOST_CALLS), BeforeValidator(whole_number)]


class AttributionSection(Section):
    """A sample of the predictions is explained, beside the stream and outside the way of requests.

    With `via: off` nothing is, and nothing else may be stated.
    """

    via: Via = "off"
    """What explains: a worker that reads the model's folder (`artefact`), or the server itself (`endpoint`)."""
    rows_per_minute: Rows = 500
    """Explained rows, about so many whatever the traffic is. Which events, their ids decide, so that a replay explains
    the same ones."""
    calls_per_minute: Calls = 6_000
    """Rows that an endpoint is asked about at most where it is asked: one explained row takes as many as it has
    features, and one more."""
    window: Duration = timedelta(minutes=10)
    """How much time one verdict about attributions covers. These windows do not overlap."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Smallest change of a part of the prediction worth a page, in standard deviations of the prediction."""
    baseline: Source | None = None
    """Rows that the model was not fitted on, as the feature store names them: a held-out split. None: the first 20,000
    explained rows."""
    identity: Identity = "replay"
    """How it is told that answers are those of the registered version: computed again from the folder, or the same rows
    asked about each hour (`canaries`)."""
    on_request: bool = False
    """Whether the endpoint explains single rows to whoever may ask it for predictions, by `:explain`. Such an answer is
    the work of hundreds of predictions, and tells a stranger by which values the model is moved."""

    @property
    def is_used(self) -> bool:
        """Say whether anything is explained."""
        return self.via != "off"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        defaults: dict[str, Any] = {name: field.default for name, field in type(self).model_fields.items()}
        stated = [name for name, default in defaults.items() if getattr(self, name) != default]
        if not self.is_used and stated:
            raise ValueError(f"{stated[0]} is about explained rows; state `via`, artefact or endpoint, or leave it out")
        if not SHORTEST_WINDOW <= self.window <= LONGEST_WINDOW:
            raise ValueError(
                f"window: given {self.window.total_seconds():.10g}s: expected 60s to 86400s (a day), so that a window "
                f"has the 200 explained rows that a verdict needs"
            )
        if self.via == "endpoint" and self.identity == "replay":
            raise ValueError(
                "identity: answers are computed again from the model's folder, which via: endpoint does without; "
                "state canaries, surrogate or off"
            )
        if self.via == "artefact" and self.identity == "surrogate":
            raise ValueError(
                "identity: a surrogate is for endpoints whose answers nobody can compute again; with via: artefact "
                "they can be, which tells more: state replay"
            )
        return self
