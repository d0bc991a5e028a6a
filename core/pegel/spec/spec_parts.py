"""The parts of a spec that name something of the world, each by itself: those of a wrong spec are looked at, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from pegel.spec import names
from pegel.spec.archive_section import Archive
from pegel.spec.monitor_spec import Alerting, BaselineSource, Model, MonitorSpec, Watch
from pegel.spec.section import Section
from pegel.spec.spec_problems import Corrected

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class SpecParts:
    """Sections of a spec; None where what they name cannot be read.

    `served_name`: what a server calls the model in its paths; None where a part of that is wrong.
    """

    model: Model | None
    served_name: str | None
    baseline: BaselineSource | None
    watch: Watch | None
    alerts: Alerting | None
    archive: Archive | None

    @classmethod
    def of(cls, spec: MonitorSpec) -> Self:
        """Return those of a valid spec."""
        return cls(spec.model, spec.served_name, spec.baseline, spec.watch, spec.alerts, spec.archive)

    @classmethod
    def readable(cls, data: Mapping[str, Any]) -> Self:
        """Return what can be read of data that is no valid spec: wrong fields are as if they were not stated."""
        corrected = Corrected(MonitorSpec, data).data
        given = corrected.get("model")
        model = _valid_model(given)
        return cls(
            model or _readable(Model, given, name="unnamed"),  # where a model is does not hang on its name
            None if model is None else model.served_name or names.endpoint(model.name, model.version),
            _readable(BaselineSource, corrected.get("baseline")),
            _readable(Watch, corrected.get("watch", {})),
            _readable(Alerting, corrected.get("alerts", {})),
            _readable(Archive, corrected.get("archive", {})),
        )


def _valid_model(data: Any) -> Model | None:
    try:
        return Model.model_validate(data)
    except ValidationError:
        return None


def _readable(section: type[S], data: Any, **stated: Any) -> S | None:
    """Return a section without its wrong fields, those `stated` in place of what it says; None if that is none."""
    if not isinstance(data, dict):
        return None
    whole = data | stated
    wrong = {error["loc"][0] for error in Corrected(section, whole).errors if error["loc"]}
    try:
        return section.model_validate({name: value for name, value in whole.items() if name not in wrong})
    except ValidationError:
        return None
