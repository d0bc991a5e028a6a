"""A spec as the YAML that a person would have written: what has its default is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.written_lengths import with_written_lengths

WIDTH = 100


def stated_text(spec: MonitorSpec) -> str:
    """Return YAML that `read_data` and `MonitorSpec.parse` read as `spec` again, its model's name and version first.

    >>> print(stated_text(MonitorSpec.parse({"model": {"name": "a", "uri": "s3://a"}, "baseline": {"source": "b"}})))
    model:
      name: a
      version: 1
      uri: s3://a
    baseline:
      source: b
    <BLANKLINE>
    """
    stated = _without_empty(with_written_lengths(spec.model_dump(mode="json", exclude_defaults=True), spec))
    model = {"name": spec.model.name, "version": spec.model.version} | stated.pop("model")
    return yaml.safe_dump({"model": model} | stated, sort_keys=False, width=WIDTH, allow_unicode=True)


def _without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return data without sections of which nothing is stated."""
    inner = {name: _without_empty(part) if isinstance(part, Mapping) else part for name, part in data.items()}
    return {name: part for name, part in inner.items() if part != {}}
