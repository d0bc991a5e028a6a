"""How a model is served in a cluster. A single machine serves it as one process and reads none of this."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from pegel.spec.cluster_fields import Cpu, Image, Memory
from pegel.spec.section import Section
from pegel.spec.spec_fields import Place

Replicas = Annotated[int, Field(ge=1, le=1_000)]


class Serving(Section):
    """Replicas, resources and companions of a model's endpoint in a cluster."""

    replicas: Replicas = 1
    """Of the endpoint, at least."""
    max_replicas: Replicas | None = None
    """More of them while the processors are busy, up to so many; None: never more than `replicas`."""
    cpu: Cpu | None = None
    """What one replica asks for, and its limit; None leaves it to the runtime, as with `memory`."""
    memory: Memory | None = None
    """What one replica asks for, and its limit."""
    transformer: Image | None = None
    """Image of what turns requests into rows of the model, and its answers into those of clients. It is watched behind
    it: what the model itself is asked."""
    explainer: Image | None = None
    """Image of what explains predictions, under `:explain`."""
    canary_uri: Place | None = None
    """Folder of another model that gets `canary_percent` of the requests. What it is asked is not watched: it is of
    another version than the baseline."""
    canary_percent: Annotated[int, Field(ge=1, le=99)] = 10
    """How large a part of the requests the other model gets, in percent."""

    @model_validator(mode="after")
    def _at_least_as_many(self) -> Self:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError(
                f"max_replicas {self.max_replicas} < replicas {self.replicas}: there would be more than the most; "
                f"choose {self.replicas} or more, or leave it out"
            )
        return self
