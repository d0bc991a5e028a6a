"""What an onboarding would do, told before it does it: changes, topics, what is run, what will be judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pegel.errors import PegelError
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.settings import Settings
from pegel_airflow import services, topic_admin
from pegel_airflow.run_links import model_page


def plan(
    settings: Settings, spec_json: dict[str, Any], *, reach_within: timedelta = topic_admin.REACH_WITHIN
) -> list[str]:
    """Return the plan, a line each, and print it; nothing is touched. A broker is looked for `reach_within`.

    What cannot be told now, as of a broker that does not answer, stands in it as a line. Raises what a backend raises
    for a spec that it cannot serve.
    """
    from pegel.reconcile.spec_change import SpecChange

    spec, stores = MonitorSpec.parse(spec_json), services.stores(settings)
    before = stores.registry.get(spec.model.name, spec.model.version)
    lines = SpecChange(spec, before).lines()
    if not spec.model.is_table:
        lines += [*_topics(settings, spec, reach_within), *services.serving(settings).planned(spec).splitlines()]
    lines += _judged(settings, spec, before)
    print("\n".join(lines))  # noqa: T201 - a task's output is its log
    return lines


def with_page(settings: Settings, spec_json: dict[str, Any], lines: Sequence[str]) -> str:
    """Return a plan as a run's note tells it: behind its first line where the model's page is."""
    model = MonitorSpec.parse(spec_json).model
    page = model_page(settings, model.name, model.version)
    return "\n".join([*lines[:1], f"page: {page}", *lines[1:]])


def _topics(settings: Settings, spec: MonitorSpec, reach_within: timedelta) -> list[str]:
    try:
        missing = topic_admin.missing(settings, spec.namespace, expected=spec.model.topic, reach_within=reach_within)
    except PegelError as error:
        return [f"topics: {shown(str(error), LONGEST_SENTENCE)}"]
    return [f"topics that are made: {', '.join(missing) or 'none'}"]


def _judged(settings: Settings, spec: MonitorSpec, before: MonitorSpec | None) -> list[str]:
    """Return what will be judged, by the baseline in force where the training data are the same."""
    from pegel.judge.outlook import Outlook, aligned

    is_alike = before is not None and before.baseline == spec.baseline
    baselines = services.stores(settings).baselines
    baseline = baselines.in_force(spec.model.name, spec.model.version) if is_alike else None
    if baseline is None:
        source = shown(spec.baseline.source)
        return [f"baseline: of {source}; what will be judged is told once it is made, or by `pegel validate`"]
    told = "baseline: profiled again; equal data give the same one, by which this will be judged:"
    return [told, *aligned(Outlook.of(spec, baseline).whole()).splitlines()]
