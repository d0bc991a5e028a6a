"""What every layer of tests declares: budget, verdicts, notes and explanations follow from the list of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Schema
from pegel.detect.cusum import Chart, Key
from pegel.detect.recent_deviations import Place
from pegel.judge.budget import Budget
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.recent_crowds import RecentCrowds
from pegel.judge.segment_budget import part_of
from pegel.judge.watched_fields import watched_fields
from pegel.quality.merged_suite import Suite, suite_for
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stats.summary import Summary


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """What is known of training data that no baseline was made of yet: its rows, and the fields that are counted."""

    rows: int
    schema: Schema


@dataclass(frozen=True)
class Setting:
    """What is known before a window is tested: it decides which layers run.

    `baseline`: None where there is none yet, as when a spec is validated; layers then go by `training`, and take what
    is not known of that, either, to be enough.
    `follows`: whether windows are judged one after the other, each with what those before left. `usual_rows`: rows of a
    large window, 0 if not known. `summary`: the window, None if there is none yet; a layer may ask how many values it
    has, but not what these are, or its choice would be a test itself. `of_events`: whether rows are those of events, of
    which single ones may be outliers; those of a table are not. `rhythm`: what is judged, windows or longer spans;
    `portion`: of what one span of that rhythm may spend, how much is spent here. `segment`: which part of the rows is
    judged, with `baseline` that of this part; empty: all of them. `labelled`: whether rows have
    labels at once.
    """

    spec: MonitorSpec
    baseline: Baseline | None = None
    follows: bool = True
    usual_rows: int = 0
    summary: Summary | None = None
    of_events: bool = True
    training: TrainingFacts | None = None
    rhythm: Rhythm = Rhythm.WINDOW
    portion: float = 1.0
    segment: str = ""
    labelled: bool = False

    @property
    def part(self) -> float:
        """Return which part of the model's budget is divided: that of the whole, or of one segment."""
        return part_of(self.spec, self.baseline, self.segment)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Return the judged fields; none where neither the baseline nor the training data is known."""
        schema = self._schema
        return () if schema is None else watched_fields(schema, self.spec.watch)

    @property
    def is_long(self) -> bool:
        """Say whether what is judged is put together from windows."""
        return self.rhythm is not Rhythm.WINDOW

    @cached_property
    def suite(self) -> Suite:
        """Return what the rows are expected to be like; without expectations where there is no baseline yet."""
        return Suite("", "", ()) if self.baseline is None else suite_for(self.spec, self.baseline)

    @property
    def _schema(self) -> Schema | None:
        if self.baseline is not None:
            return self.baseline.layout.schema
        return None if self.training is None else self.training.schema

    @property
    def field_count(self) -> int | None:
        """Return the number of judged fields, as far as the spec tells it without training data; else None."""
        if self._schema is not None:
            return len(self.fields)
        watch = self.spec.watch
        return None if watch.features == "all" else len(watch.features) + watch.predictions


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What a layer says of one window: verdicts on fields and on more than single fields, and the charts it moved.

    `deviations`: what entered the charts of a field and test, as it is upwards. `crowds`: what is remembered of rows.
    """

    verdicts: Sequence[FeatureVerdict] = ()
    charts: Mapping[Key, Chart] = field(default_factory=dict)
    deviations: Mapping[Place, float] = field(default_factory=dict)
    crowds: RecentCrowds | None = None


class Layer(Protocol):
    """A kind of tests with a part of the false-alarm budget of its own."""

    @property
    def name(self) -> str:
        """Return what the layer is called in budgets."""
        ...

    @property
    def detectors(self) -> tuple[str, ...]:
        """Return what its findings say in `detector`; no two layers share one: it tells which layer explains them."""
        ...

    def missing(self, setting: Setting, /) -> str | None:
        """Return, in a sentence for people, why the layer does not run here; None if it runs.

        Empty where nobody has asked for it, so that there is nothing to say.
        """
        ...

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget, /) -> LayerResult:
        """Judge one window at `budget.of(self.name)` false alarms per window, among all tests of the layer."""
        ...

    def notes(self, setting: Setting, budget: Budget, /) -> list[str]:
        """Return what a person should know about a layer that runs."""
        ...

    def arithmetic(self, setting: Setting, alpha: float, /) -> str:
        """Return in words how `alpha` false alarms per window become levels of tests."""
        ...

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline, /) -> Explanation:
        """Recompute a finding of this layer. Raises NotFound if its test is not among those that there are now."""
        ...
