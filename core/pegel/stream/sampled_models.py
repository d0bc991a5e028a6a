"""Which models' rows are sampled: those whose suite has an expectation that counts cannot tell, and rows can."""

from __future__ import annotations

from dataclasses import dataclass, field

from pegel.quality.merged_suite import own_suites, suite_for
from pegel.quality.on_rows import needs_rows
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.watched_models import Baselines


@dataclass(slots=True)
class SampledModels:
    """Remembers what was said of each model, because it is asked with each batch and changes with a spec."""

    _said: dict[str, tuple[MonitorSpec, str | None, bool]] = field(default_factory=dict)

    def asks(self, spec: MonitorSpec, baseline_id: str | None, baselines: Baselines) -> bool:
        """Say whether a sample of a model's rows is to be kept. Of a baseline that cannot be read, nothing is."""
        said = self._said.get(spec.key)
        if said is None or said[0] is not spec or said[1] != baseline_id:
            said = self._said[spec.key] = (spec, baseline_id, _asks(spec, baseline_id, baselines))
        return said[2]


def _asks(spec: MonitorSpec, baseline_id: str | None, baselines: Baselines) -> bool:
    # Counts tell all that follows from a baseline, so a spec without suites of its own asks for no rows.
    if baseline_id is None or not own_suites(spec.watch):
        return False
    try:
        baseline = baselines.baseline(baseline_id)
    except Exception:  # noqa: BLE001 - told as its model's failure by the tasks
        return False
    return needs_rows(suite_for(spec, baseline).expectations, baseline.layout)
