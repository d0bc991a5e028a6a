"""What the windows of a model will be judged on, what not and why, and from when: told before there is a window.

It is asked of the layers, fields and counts that judge the windows later, so that it cannot say anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers.cutoff import refusal
from pegel.data.columns import Kind, Role
from pegel.detect.drift import BINARY, too_few
from pegel.detect.effect import percent
from pegel.judge.division import Division
from pegel.judge.judged_window import MAX_MERGE
from pegel.judge.layer import Setting, TrainingFacts
from pegel.judge.layers.single_windows import OPEN, has_no_frequent_values
from pegel.judge.seen_shifts import SeenShifts
from pegel.judge.single_event import why_never_mailed
from pegel.spec.minimums import MIN_WINDOW
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many, plain
from pegel.spec.suites import suite_name

SHOWN = 3
"""Names that a brief line lists; the others are counted."""
WIDTH = len("not judged")
_OF_FIELDS = ("charts", "correlations", "dependence")
"""Layers that look at values, beside single windows: what is judged by them is worth saying."""
BRIEF = 4
"""Reasons why something is not judged that are told in brief."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line for people: what it is about, in a word or two, and what there is to say."""

    about: str
    words: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `asdict` wrote."""
        return cls(str(data["about"]), str(data["words"]))


def aligned(lines: Sequence[Line]) -> str:
    """Return lines for a screen or a log, what they are about in a column of its own."""
    return "\n".join(f"{line.about:<{WIDTH}}  {line.words}" for line in lines)


@dataclass(frozen=True)
class Outlook:
    """What comes of the windows of one model at the expected traffic."""

    setting: Setting

    @classmethod
    def of(cls, spec: MonitorSpec, known: Baseline | TrainingFacts) -> Self:
        """Look ahead with the baseline, or with what is known of the training data before there is one."""
        rows = max(1, spec.expected_rows)
        if isinstance(known, TrainingFacts):
            return cls(Setting(spec, usual_rows=rows, training=known))
        return cls(Setting(spec, known, usual_rows=rows))

    @cached_property
    def division(self) -> Division:
        """Return which layers will run."""
        return Division.of(self.setting)

    @cached_property
    def not_judged(self) -> Mapping[str, Sequence[str]]:
        """Return the fields whose distribution no window will be judged on, by the reason why."""
        reasons: dict[str, list[str]] = {}
        for field in self.setting.fields:
            why = self._why_not(field.name)
            if why is not None:
                reasons.setdefault(why, []).append(field.name)
        return reasons

    def brief(self) -> list[Line]:
        """Return what a person wants to know at once."""
        fewer = self._not_judged(SHOWN)
        left_out = len(fewer) - BRIEF
        more = [Line("", f"and {left_out} more reasons, with -v")] if left_out > 0 else []
        return [
            self._judged(SHOWN),
            *_under("seen", self._seen()),
            *_under("not judged", fewer[:BRIEF]),
            *more,
            *_under("outliers", self._without_outliers()),
            self._first(),
            mailed(self.setting.spec),
            *_under("also", choices(self.setting.spec)),
        ]

    def whole(self) -> list[Line]:
        """Return everything that is known, without names or reasons left out."""
        everything = len(self.setting.fields)
        return [
            self._judged(everything),
            *_under("seen", self._seen()),
            *_under("not judged", self._not_judged(everything)),
            *_under("outliers", self._without_outliers()),
            *_under("note", [*self._notes()]),
            self._first(),
            mailed(self.setting.spec),
            *_under("also", choices(self.setting.spec)),
        ]

    def _why_not(self, name: str) -> str | None:
        baseline, training = self.setting.baseline, self.setting.training
        if baseline is None:
            return None if training is None else too_few(MIN_WINDOW, training.rows)
        return too_few(MIN_WINDOW, _counted(baseline, name)) or (
            OPEN if has_no_frequent_values(baseline.features[name]) else None
        )

    def _judged(self, most: int) -> Line:
        without = {name for names in self.not_judged.values() for name in names}
        drift = [field.name for field in self.setting.fields if field.name not in without]
        events = "" if self.setting.spec.model.is_table else " and odd events"
        always = f"nulls, unseen values{',' if events else ' and'} exceeded ranges{events}"
        if not drift:
            return Line("judged", f"{always} only")
        others = [layer.name for layer in self.division.running if layer.name in _OF_FIELDS]
        return Line("judged", f"drift of {_named(drift, most)} by {', '.join(['single windows', *others])}; {always}")

    def _seen(self) -> list[str]:
        """Return how small a shift of a judged number is seen; nothing where no number is judged."""
        without = {name for names in self.not_judged.values() for name in names}
        judged = any(field.kind is Kind.NUMERIC and field.name not in without for field in self.setting.fields)
        seen = SeenShifts.of(self.division) if judged else None
        return [] if seen is None else [seen.words()]

    def _not_judged(self, most: int) -> list[str]:
        """Return a sentence for each reason why something is not judged, the weightiest first."""
        fields = [f"drift of {_named(names, most)}: {self._in_full(why)}" for why, names in self.not_judged.items()]
        return [*fields, *self.division.idle, *self._without_predictions(), *self._without_mails()]

    def _without_mails(self) -> list[str]:
        why = why_never_mailed(self.setting)
        return [why] if why else []

    def _without_outliers(self) -> list[str]:
        """Return why no event can ever be an outlier, and what that makes of those that are asked for at once."""
        watch, rows = self.setting.spec.watch, self._rows
        why = refusal(rows, watch.rows_per_day, watch.outliers_per_day) if rows else None
        if why is None:
            return []
        return [f"{why}; `watch.outliers: realtime` tells of none" if watch.outliers == "realtime" else why]

    def _in_full(self, why: str) -> str:
        return why if why == OPEN else f"{why} ({how_many(self._rows, 'row')}); judged once the training data has more"

    @property
    def _rows(self) -> int:
        baseline, training = self.setting.baseline, self.setting.training
        if baseline is not None:
            return baseline.rows
        return 0 if training is None else training.rows

    def _without_predictions(self) -> list[str]:
        if not self.setting.spec.watch.predictions:
            return ["predictions: watch.predictions is off"]
        if any(field.role is Role.PREDICTION for field in self.setting.fields):
            return []
        return ["predictions: the training data names no column of them"]

    def _notes(self) -> Sequence[str]:
        constant = [name for name in (field.name for field in self.setting.fields) if self._is_constant(name)]
        alike = f"one value in training, any other is a change: {_named(constant, len(constant))}"
        above = [*self.division.idle, *self._without_mails(), *self._without_outliers()]
        running = [note for note in self.division.notes() if not any(line.startswith(note) for line in above)]
        return [*([alike] if constant else []), *running, self.division.describe()]

    def _is_constant(self, name: str) -> bool:
        baseline = self.setting.baseline
        return baseline is not None and int((baseline.features[name].cells > 0).sum()) < BINARY

    def _first(self) -> Line:
        spec, rows = self.setting.spec, self.setting.usual_rows
        length, late = (part.total_seconds() for part in (spec.windowing.length, spec.windowing.lateness))
        daily = plain(spec.watch.rows_per_day, 6)
        size = f"windows of {length:g} s, about {how_many(rows, 'row')} each at {daily} a day"
        few = f"; fewer than {MIN_WINDOW} are judged with those of the next windows, {MAX_MERGE} at most"
        first = f"the first at most {length + late:g} s after the first request"
        if spec.model.is_table:
            first = f"the first with the next run of batch_monitor, hourly, {late:g} s after a window's end or later"
        return Line("verdicts", f"{first}: {size}{few if rows < MIN_WINDOW else ''}")


def mailed(spec: MonitorSpec) -> Line:
    """Return who is mailed, and how often at most although nothing has changed."""
    alarms = spec.false_alarms
    if not people(spec):
        return Line("mails", "nobody (alerts.emails is empty)")
    often = f"{how_many(alarms.count, 'false alarm')} per {alarms.per}"
    return Line("mails", f"{people(spec)}; while nothing changes, {often} at most")


def people(spec: MonitorSpec) -> str:
    """Return who is told, in words: by routes, and of the rest; empty for nobody."""
    routes, emails = spec.alerts.routes, ", ".join(spec.alerts.emails)
    routed = ", ".join(dict.fromkeys(address for route in routes for address in route.to))
    return f"{routed} by {how_many(len(routes), 'route')}, otherwise {emails or 'nobody'}" if routes else emails


def choices(spec: MonitorSpec) -> list[str]:
    """Return what a spec asks for of single events and of answers beyond what every spec has, a sentence each."""
    alerts, events, sentences = spec.alerts, spec.events, []
    if spec.watch.expectations:
        suites = ", ".join(shown(suite_name(suite), NAME_LIMIT) for suite in spec.watch.expectations)
        sentences.append(f"rows are held to the suites {suites}, training data before it becomes a baseline")
    if spec.watch.outliers == "realtime":
        sentences.append("outliers stand on their topic in real time, before their batch is stored")
    if alerts.outliers == "page":
        most = f"{plain(alerts.outlier_pages_per_week, 6)} a week at most"
        apart = f"{alerts.repeat_after.total_seconds():g}"
        sentences.append(f"an event that is extremely far out is mailed by itself, {most}, {apart} s apart")
    if events.slow_after is not None:
        limit = plain(1000 * events.slow_after.total_seconds(), 6)
        sentences.append(f"an answer after more than {limit} ms is slow; {percent(events.slow)} of them may be")
    return sentences


def _counted(baseline: Baseline, name: str) -> int:
    """Return how many values of a field a window is compared with: those of the season that has fewest, if any."""
    whole = baseline.features[name]
    if baseline.noise.seasons is None or not baseline.summary.season_cells:
        return whole.counted
    place = baseline.layout.places[baseline.layout.index[name]]
    return min(whole.recounted(cells[place]).counted for cells in baseline.summary.season_cells.values())


def _named(names: Sequence[str], most: int) -> str:
    listed = ", ".join(shown(name, NAME_LIMIT) for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{how_many(len(names), 'field')} ({listed}{more})"


def _under(about: str, sentences: Sequence[str]) -> list[Line]:
    """Return a line for each sentence; what they are about stands once."""
    return [Line("" if number else about, shown(text, LONGEST_SENTENCE)) for number, text in enumerate(sentences)]
