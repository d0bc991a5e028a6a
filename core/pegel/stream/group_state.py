"""The state of one group's stream: what a batch or a silence makes of it, as one commit.

Pure: no clock, no Spark, no database. Whoever runs it restores it from what the database holds, lets tasks count by its
`plan`, and writes each commit. Once a commit could not be written, the state is ahead of the database and must be
restored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from pegel.data.columns import Role
from pegel.data.instants import from_us
from pegel.data.keyed_hash import NO_SECRET, KeyedHash
from pegel.data.private_fields import PrivateFields
from pegel.judge.chart_state import ChartState
from pegel.judge.recent_crowds import RecentCrowds
from pegel.spec.limits import OLDEST_RECORD
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import endpoint, explained_key, monitor_key, monitor_of, watched_key
from pegel.stats.layout import Layout
from pegel.stats.segments import Segments
from pegel.stream.commit import ArrivalRow, Commit, DamagedState, MonitorState, PanePart, ReadRange, Restored, SetAside
from pegel.stream.counting_plan import MAX_AHEAD, CountingPlan, Explaining, MonitorPlan, pinned_panes
from pegel.stream.entries import Emissions, LostSpan, PartialBatch
from pegel.stream.extreme_events import extreme_events
from pegel.stream.failures import MonitorFailures
from pegel.stream.judged_rows import JudgedRows, invalid_rows, judged, late_counts, ledger_rows, outlier_rows
from pegel.stream.monitor_windows import MonitorWindows
from pegel.stream.partial import OF_EVENTS, Partial
from pegel.stream.partition_clocks import PartitionClocks
from pegel.stream.sampled_models import SampledModels
from pegel.stream.task_output import TaskOutput
from pegel.stream.watched_models import (
    Baselines,
    WatchedModels,
    explained_baseline,
    explained_windowing,
    monitored,
)
from pegel.stream.window_manager import WindowManager
from pegel.stream.window_rows import FinalWindow, WindowRows
from pegel.stream.wire_records import Address

MAX_PARTS = 64
"""Parts of one pane in the database; beyond them it is written whole in their place. Bounds what a restart reads."""

RunTasks = Callable[[CountingPlan, bool], TaskOutput]
"""Counts the records of a batch by a plan; with True in a single task, so that copies find each other."""


@dataclass(slots=True)
class GroupState:
    """Windows, charts, failures and offsets of one group. `charts` holds what final spans left, by monitor key."""

    baselines: Baselines
    manager: WindowManager
    failures: MonitorFailures
    charts: dict[str, ChartState] = field(default_factory=dict)
    offsets: dict[Address, ReadRange] = field(default_factory=dict)
    clocks: PartitionClocks = field(default_factory=PartitionClocks)
    sampled_models: SampledModels = field(default_factory=SampledModels)
    window_rows: WindowRows = field(default_factory=WindowRows)
    hashed: KeyedHash = NO_SECRET
    """How values of private fields are told."""
    _unreadable_panes: set[tuple[str, int, datetime]] = field(default_factory=set)
    """Stored panes that nobody can go on with; the next commit removes them."""
    _damaged_parts: list[int] = field(default_factory=list)
    """Stored parts of panes that nobody can read; the next commit removes them as well."""
    _damaged_changes: list[int] = field(default_factory=list)
    """The same of what the last commits changed."""
    _lost_windows: list[tuple[str, datetime]] = field(default_factory=list)
    """Final windows by key and begin that could not be judged, whose rows nobody needs more."""
    _remembered: dict[str, frozenset[str]] = field(default_factory=dict)
    """Under which names rows of the windows before are stored, by monitor key."""

    @classmethod
    def restored(
        cls, restored: Restored, baselines: Baselines, now: datetime, hashed: KeyedHash = NO_SECRET
    ) -> GroupState:
        """Build the state that the database holds. What cannot be read is its own monitor's failure."""

        def segments_of(baseline_id: str) -> tuple[Layout, Segments]:
            baseline = baselines.baseline(baseline_id)
            return baseline.layout, baseline.segments.segments

        manager = WindowManager(baselines.unpack, segments_of)
        state = cls(baselines, manager, MonitorFailures(restored.failures), hashed=hashed)
        state.offsets = dict(restored.offsets)
        stored_panes = {(part.model, part.version, part.pane) for part in restored.pane_parts}
        panes = Counter((model, version) for model, version, _ in stored_panes)
        for stored in restored.states:
            # The newest span of each open pane begins with it: so many windows are lost at least.
            state._restore_windows(stored, now, at_stake=panes[stored.model, stored.version])
        for part in restored.pane_parts:
            state._restore_part(part, now)
        stateless = set(panes) - {(stored.model, stored.version) for stored in restored.states}
        for owner in sorted(stateless):
            state.failures.fail(monitor_key(*owner), owner, "its open windows are not stored", now, lost=panes[owner])
        for damage in restored.damaged:
            state._take_damage(damage, now)
        state.manager.forget_what_was_told()
        return state

    def plan(self, models: WatchedModels, now: datetime) -> CountingPlan:
        """Return by what the records of the next batch are counted."""
        monitors = self.monitor_plans(models, models.specs, now)
        waiting = {endpoint(*monitor_of(key)): key for key in models.unreadable}
        return CountingPlan.at(now, monitors, models.elsewhere, waiting)

    def monitor_plans(self, models: WatchedModels, keys: Iterable[str], now: datetime) -> dict[str, MonitorPlan]:
        """Return by what the records of some monitors are counted, by endpoint."""
        monitors = {}
        for key in keys:
            spec, current = models.specs[key], models.baselines[key]
            pinned = pinned_panes(self.manager.open_spans(key, spec.windowing), spec.windowing, current)
            currents, frontier = (current,) if current else (), self.manager.frontier(key) or now - OLDEST_RECORD
            samples_rows = self._asks_for_rows(spec, current)
            monitors[spec.endpoint] = MonitorPlan(
                key,
                spec.windowing,
                currents,
                pinned,
                frontier,
                samples_rows,
                PrivateFields(spec.archive.private, self.hashed),
                spec.adversarial.is_used,
                spec.adversarial.client_header,
                explained=self._explained_plan(spec, models, now) if spec.attribution.is_used else None,
            )
        return monitors

    def _explained_plan(self, spec: MonitorSpec, models: WatchedModels, now: datetime) -> MonitorPlan:
        """Return by what the explained rows of a monitor are counted."""
        key, windowing = explained_key(spec.key), explained_windowing(spec)
        current, section = explained_baseline(spec, models, self.baselines), spec.attribution
        return MonitorPlan(
            key,
            windowing,
            (current,) if current else (),
            pinned_panes(self.manager.open_spans(key, windowing), windowing, current),
            self.manager.frontier(key) or now - OLDEST_RECORD,
            private=PrivateFields(spec.archive.private, self.hashed),
            explaining=Explaining(
                features=self._features(models.baselines[spec.key]),
                learns=section.baseline is None,
                artefact=spec.model.digest,
            ),
        )

    def _features(self, baseline_id: str | None) -> int | None:
        """Return how many features a model has; None while nobody can tell."""
        try:
            baseline = None if baseline_id is None else self.baselines.baseline(baseline_id)
        except Exception:  # noqa: BLE001 - told as its model's failure where its rows are counted
            return None
        return None if baseline is None else len(baseline.layout.schema.of_role(Role.FEATURE))

    def count(self, plan: CountingPlan, run: RunTasks) -> TaskOutput:
        """Let tasks count a batch; where copies turn up, once more without them.

        Copies are rare, so they are looked for afterwards. Two copies in different partitions find each other in a
        single task.
        """
        output = run(plan, False)
        repeated = self.manager.repeated(output.partials)
        return run(plan.without(repeated.known), repeated.split) if repeated else output

    def take(self, output: TaskOutput, models: WatchedModels, now: datetime) -> Commit:
        """Take in what the tasks counted; return everything that it leaves."""
        self.clocks.read(output.reads.values())
        self.window_rows.take(output.samples)
        batch = PartialBatch(
            arrived_at=now,
            monitors=monitored(models, self.baselines),
            partials=tuple(output.partials),
            unreadable=_with_explained(models.unreadable),
            answering=frozenset(output.answering),
            held_at=self._held_at(output, models, now),
        )
        commit = self._commit(self.manager.apply(batch), models, now)
        for address, read in sorted(output.reads.items()):
            known = self.offsets.get(address)
            self.offsets[address] = ReadRange(
                topic=read.topic,
                partition=read.partition,
                start=read.start,
                end=read.end,
                records=read.records,
                topic_id=None if known is None else known.topic_id,
            )
            commit.read.append(self.offsets[address])
            commit.arrivals += [
                ArrivalRow(topic=read.topic, partition=read.partition, minute=from_us(minute), records=records)
                for minute, records in sorted(read.minutes.items())
            ]
        return commit

    def rows_of(self, commit: Commit, models: WatchedModels) -> list[FinalWindow]:
        """Return the windows that a commit made final whose rows are to be looked at."""
        specs = models.specs
        asking = {key for key, spec in specs.items() if self._asks_for_rows(spec, models.baselines[key])}
        lost, self._lost_windows = self._lost_windows, []
        return self.window_rows.final(commit.windows, specs, asking, lost)

    def _asks_for_rows(self, spec: MonitorSpec, current: str | None) -> bool:
        return self.sampled_models.asks(spec, current, self.baselines)

    def _held_at(self, output: TaskOutput, models: WatchedModels, now: datetime) -> dict[str, datetime]:
        """Return how far the windows of each monitor may become final once `output` was read."""
        read_up_to = {address: read.end for address, read in self.offsets.items()}
        read_up_to |= {address: read.end for address, read in output.reads.items()}
        topics: dict[str, str | None] = dict.fromkeys(self.manager.monitors)
        topics |= {key: spec.inference_topic for key, spec in models.specs.items()}
        topics |= {explained_key(key): spec.inference_topic for key, spec in models.specs.items()}
        return self.clocks.held_at(topics, self.clocks.lagging(read_up_to, now))

    def set_aside(self, record: SetAside, output: TaskOutput, models: WatchedModels, now: datetime) -> Commit:
        """Take in that one record was set aside; `output` counts its arrival and nothing else of it."""
        commit = self.take(output, models, now)
        commit.set_aside.append(record)
        return commit

    def close_idle(self, models: WatchedModels, now: datetime, caught_up_at: datetime | None) -> Commit | None:
        """Close what is due although nothing more comes, and note which specs cannot be read; None: nothing is new."""
        closing = self.manager.due(now=now, caught_up_at=caught_up_at, unreadable=_with_explained(models.unreadable))
        if closing is None and models.unreadable.keys() <= self.failures.active.keys() and not self._gone(models):
            return None
        return self._commit(self.manager.close(closing) if closing else Emissions(), models, now)

    def _gone(self, models: WatchedModels) -> set[str]:
        """Return the failing monitors that are watched no more."""
        known = models.specs.keys() | models.unreadable.keys()
        return {key for key in self.failures.active if watched_key(key) not in known}

    def _restore_windows(self, stored: MonitorState, now: datetime, *, at_stake: int) -> None:
        key = monitor_key(stored.model, stored.version)
        owner = (stored.model, stored.version)
        try:
            self.manager.monitors[key] = MonitorWindows.from_json(stored.windows)
        except Exception as error:  # noqa: BLE001 - one damaged row is its model's failure, not the group's
            self.failures.fail(key, owner, f"its open windows: {error!r:.300}", now, lost=at_stake)
        try:
            if stored.charts is not None:
                self.charts[key] = ChartState.from_json(stored.charts)
        except Exception as error:  # noqa: BLE001 - the same; charts begin anew, windows go on
            self.failures.fail(key, owner, f"its charts, which begin anew: {error!r:.300}", now, lost=0)
        self._remembered[key] = frozenset(stored.remembered)
        try:
            if key in self.charts and stored.charts is not None and "crowds" in stored.charts:
                crowds = RecentCrowds.from_json(stored.charts["crowds"], stored.remembered)
                self.charts[key] = replace(self.charts[key], crowds=crowds)
        except Exception as error:  # noqa: BLE001 - the same; crowds are learnt anew, charts go on
            reason = f"its rows of the windows before, which are learnt anew: {error!r:.300}"
            self.failures.fail(key, owner, reason, now, lost=0)

    def _restore_part(self, part: PanePart, now: datetime) -> None:
        key = monitor_key(part.model, part.version)
        if key not in self.manager.monitors:
            self._unreadable_panes.add((part.model, part.version, part.pane))
            self.manager.lost_panes[key] = max(part.pane, self.manager.lost_panes.get(key, part.pane))
            return
        try:
            self.manager.restore_pane(Partial.from_bytes(part.data))
        except Exception as error:  # noqa: BLE001 - one damaged row is its model's failure, not the group's
            reason = f"a stored part of an open window: {error!r:.300}"
            self.manager.damage_pane(key, part.pane, reason)
            self.failures.fail(key, (part.model, part.version), reason, now, lost=0)

    def _take_damage(self, damage: DamagedState, now: datetime) -> None:
        """Note that a stored row cannot be read. Which pane it was a part of is unknown, so it may be any open one."""
        key, owner = monitor_key(damage.model, damage.version), (damage.model, damage.version)
        self._damaged_parts += [] if damage.part is None else [damage.part]
        self._damaged_changes += [] if damage.change is None else [damage.change]
        windows = self.manager.monitors.get(key)
        at_stake = 0
        if damage.change is not None and windows is not None:
            # It may have opened windows that nothing else knows of.
            at_stake = len(windows.spans)
            self._unreadable_panes |= {(*owner, start) for start in windows.panes}
            del self.manager.monitors[key]
        elif damage.part is not None and windows is not None:
            for start in windows.spans:
                self.manager.damage_pane(key, start, damage.reason)
        if damage.change is not None:
            self.manager.lost_panes[key] = now + MAX_AHEAD
        self.failures.fail(key, owner, damage.reason, now, lost=at_stake)

    def _commit(self, emissions: Emissions, models: WatchedModels, now: datetime) -> Commit:
        specs = models.specs
        rows = judged(
            emissions,
            specs,
            self.baselines,
            self.charts,
            now=now,
            current=models.baselines,
            answers=models.answers,
        )
        self.charts |= rows.charts
        self._lost_windows += [(span.key, span.span.start) for span in rows.lost if span.final]
        self._note_failures(rows.lost, _judged_keys(rows), now)
        for key, problem in models.unreadable.items():
            self.failures.fail(key, monitor_of(key), problem, now, lost=0)
        gone = sorted({*emissions.gone, *self._gone(models)})
        for key in gone:
            self.charts.pop(key, None)
            self._remembered.pop(key, None)
            self.failures.forget(key)
        failures, recovered = self.failures.settle()
        parts = [part for where, partials in emissions.touched.items() for part in self._parts(where, partials)]
        replaced = {(part.model, part.version, part.pane) for part in parts}
        closed = {(*monitor_of(key), start) for key, start in emissions.closed_panes} | self._unreadable_panes
        self._unreadable_panes = set()
        damaged_parts, self._damaged_parts = self._damaged_parts, []
        damaged_changes, self._damaged_changes = self._damaged_changes, []
        return Commit(
            windows=rows.windows,
            findings=rows.findings,
            attributions=rows.attributions,
            of_attributions=rows.of_attributions,
            learned=rows.learned,
            extremes=extreme_events(emissions.outliers, specs),
            late=late_counts(emissions, specs),
            outliers=outlier_rows(emissions, specs),
            ledger=ledger_rows(emissions),
            invalid=invalid_rows(emissions),
            pane_parts=parts,
            closed_panes=sorted(closed - replaced),
            damaged_parts=damaged_parts,
            damaged_changes=damaged_changes,
            states=[self._state(key, rows) for key in sorted(emissions.changed)],
            failures=failures,
            recovered=recovered,
            gone=[monitor_of(key) for key in gone],
        )

    def _note_failures(self, lost: Iterable[LostSpan], works: set[str], now: datetime) -> None:
        fails = set()
        for span in lost:
            self.failures.fail(span.key, monitor_of(span.key), span.reason, now, lost=int(span.final))
            fails.add(span.key)
        for key in works - fails:
            self.failures.works(key)

    def _parts(self, where: tuple[str, datetime], partials: list[Partial]) -> list[PanePart]:
        """Return what to write of one open pane: what was added, or all of it once that is many parts."""
        key, start = where
        model, version = monitor_of(key)
        pane = self.manager.monitors[key].panes[start]
        fresh = pane.parts == 0
        if pane.parts + len(partials) > MAX_PARTS:
            pane.parts = 1
            data = pane.to_partial(key, start).to_bytes()
            return [PanePart(model=model, version=version, pane=start, data=data, whole=True)]
        pane.parts += len(partials)
        return [
            # The first part of a pane takes the place of whatever an older windowing left under the same start.
            PanePart(model=model, version=version, pane=start, data=_stored(partial), whole=fresh and at == 0)
            for at, partial in enumerate(partials)
        ]

    def _state(self, key: str, rows: JudgedRows) -> MonitorState:
        model, version = monitor_of(key)
        windows = self.manager.monitors[key].to_json()
        if key not in rows.charts:
            return MonitorState(model=model, version=version, windows=windows)
        state = self.charts[key]
        known, names = self._remembered.get(key, frozenset()), frozenset[str]()
        remembered: dict[str, bytes] = {}
        if state.crowds is not None:
            names = state.crowds.names
            remembered = state.crowds.packed(names - known, rows.sent.get(key, {}))
        self._remembered[key] = names
        return MonitorState(
            model=model,
            version=version,
            windows=windows,
            charts=state.to_json(),
            remembered=remembered,
            forgotten=tuple(sorted(known - names)),
        )


def _stored(partial: Partial) -> bytes:
    """Return a partial packed without what is booked and told already."""
    return Partial(
        key=partial.key,
        pane_us=partial.pane_us,
        summaries=partial.summaries,
        segments=partial.segments,
        waiting=partial.waiting,
        damaged=partial.damaged,
        **{name: getattr(partial, name) for name in OF_EVENTS},
        rows=partial.rows,
        duplicates=partial.duplicates,
        clamped=partial.clamped,
        unreadable=partial.unreadable,
        explained=partial.explained,
    ).to_bytes()


def _with_explained(keys: Iterable[str]) -> frozenset[str]:
    """Return keys of monitors with those of their explained rows."""
    return frozenset(name for key in keys for name in (key, explained_key(key)))


def _judged_keys(rows: JudgedRows) -> set[str]:
    """Return the monitors of which a window was judged to the end, those of explained rows apart."""
    explained = {explained_key(monitor_key(row.model, row.version)) for row in rows.attributions}
    return {row.key for row in rows.windows if row.final} | (explained - {span.key for span in rows.lost})
