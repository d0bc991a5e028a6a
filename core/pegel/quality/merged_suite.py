"""Suites: expectations with a name and a day, and how several become the one that a model's rows are held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pegel.baseline.baseline import Baseline
from pegel.quality.derived import derived
from pegel.quality.expectation import Expectation
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.spec.suites import DERIVED, suite_name


@dataclass(frozen=True, slots=True)
class Suite:
    """Expectations with a name. `made`: the day of the suite, or the id of the baseline that it follows from."""

    name: str
    made: str
    expectations: tuple[Expectation, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one of a spec, see `pegel.spec.suites`."""
        name = data["name"]
        return cls(name, data["made"], tuple(Expectation.from_json(item, name) for item in data["expectations"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON: what a spec takes, and Great Expectations reads but for `made`."""
        expectations = [expectation.to_json() for expectation in self.expectations]
        return {"name": self.name, "made": self.made, "expectations": expectations}


def own_suites(watch: Watch) -> tuple[Suite, ...]:
    """Return the suites that a spec states itself."""
    return tuple(Suite.from_json(item) for item in watch.expectations if item != DERIVED)


def suite_for(spec: MonitorSpec, baseline: Baseline) -> Suite:
    """Return the one suite that a model's rows are held to; without expectations where the spec asks for none.

    Suites count in the order of the spec: of two expectations about the same the later suite's holds.
    """
    whole = [
        derived(baseline, spec.expected_rows) if item == DERIVED else Suite.from_json(item).expectations
        for item in spec.watch.expectations
    ]
    names = ", ".join(suite_name(item) for item in spec.watch.expectations)
    return Suite(names, baseline.id, merged(whole))


def merged(suites: Iterable[Sequence[Expectation]]) -> tuple[Expectation, ...]:
    """Return expectations of several suites, in order; of two about the same the later one, in the earlier's place."""
    by_key = {expectation.key: expectation for suite in suites for expectation in suite}
    return tuple(by_key.values())
