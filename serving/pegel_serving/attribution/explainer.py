"""Events of one model in, bodies of attribution events out: reads, explains, looks at the sums, computes answers again.

It runs the model's code, so it runs in a process of the model's own, see `explainer_process`. One row that the model
refuses spoils no other, and what one event did wrong is told of that event alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pegel.data.attribution_event import Attributions, Match, Unit, encode, most_rows
from pegel.data.columns import Role, Schema
from pegel.data.decoding import Decoded, decode_batch
from pegel.errors import InvalidPayload
from pegel_serving.attribution.explained import (
    AttributionMethod,
    EndpointAway,
    ExplainedRows,
    NotAdditive,
    NotExplained,
    NotFinite,
    refuse_other_sums,
)
from pegel_serving.attribution.output_unit import unit_of, unit_of_fields
from pegel_serving.attribution.replayed_answers import margins_of, matches
from pegel_serving.attribution.rows_budget import OVER_BUDGET
from pegel_serving.attribution.surrogate_model import SurrogateModel
from pegel_serving.attribution.told_event import ToldEvent
from pegel_serving.attribution.told_rows import told_rows
from pegel_serving.attribution.unprepared import NO_ENDPOINT
from pegel_serving.fitted_model import FittedModel
from pegel_serving.model_columns import Rows, WrongValue
from pegel_serving.model_errors import FAILURES, REFUSALS, ModelRefused, sentence

STRUCTURE: Final = "structure"
"""The reason of a model whose attributions do not add up; from then on nothing of it is explained."""
BAD_BODY, TOO_LARGE, REFUSED_ROWS, FAILED = "bad_body", "too_large", "refused_by_model", "model_failed"
NO_METHOD = "no_method"
FEW: Final = 100
"""Rows by which it is told what a model puts out."""


@dataclass(frozen=True, slots=True)
class GivenEvent:
    """The bodies of a request and of its answer (None: there is none), and the 64 bits by which it draws."""

    seed: int
    request: bytes
    answer: bytes | None


@dataclass(slots=True)
class Explainer:
    """Explains events of one model.

    `model`: None where an endpoint is asked; then nothing is computed again. `artefact`: the digest of its folder.
    `replays`: whether answers are computed again.
    """

    schema: Schema
    method: AttributionMethod
    model: FittedModel | None
    artefact: str | None
    rate: float
    replays: bool = True
    rows_at_once: int | None = None
    """Where an endpoint is asked: how many rows its calls are enough for at once; None: any number."""
    broken: str = ""
    """Why nothing of this model is explained any more; empty where it is."""
    unit: Unit | None = None
    """What is explained; None: the first rows of requests tell it, where none of a baseline did."""
    surrogate: SurrogateModel | None = None
    """The model of an endpoint's answers that these are held against; None: nobody asks for that, or there is none."""

    def tell(self, events: Sequence[GivenEvent]) -> list[ToldEvent]:
        """Return what becomes of each event, in order."""
        decoded = decode_batch([event.request for event in events], self.schema, Role.FEATURE)
        fields = self.schema.of_role(Role.FEATURE)
        rows = told_rows(decoded.columns, fields)
        ends = np.cumsum(decoded.rows)
        told: list[ToldEvent | None] = [self._unreadable(decoded, at, len(fields)) for at in range(len(events))]
        if self.rows_at_once is not None:
            left = self.rows_at_once
            for at in (at for at, known in enumerate(told) if known is None):
                count = int(decoded.rows[at])
                if count > left:
                    why = f"{count} rows, calls of the endpoint are left for {left}"
                    told[at] = ToldEvent(reason=OVER_BUDGET, why=why)
                else:
                    left -= count
        open_events = [at for at, known in enumerate(told) if known is None]
        parts = {at: slice(int(ends[at] - decoded.rows[at]), int(ends[at])) for at in open_events}
        for at, outcome in self._explained(events, rows, parts).items():
            told[at] = outcome
        return [outcome or ToldEvent(reason=FAILED, why="nothing was told of it") for outcome in told]

    def _unreadable(self, decoded: Decoded, at: int, width: int) -> ToldEvent | None:
        """Return why an event is not explained whatever the model says; None where it is."""
        if at in decoded.errors:
            error = decoded.errors[at]
            return ToldEvent(reason=TOO_LARGE if error.kind == TOO_LARGE else BAD_BODY, why=error.kind)
        count = int(decoded.rows[at])
        if not count:
            return ToldEvent(reason=BAD_BODY, why="it has no rows")
        if count > most_rows(width):
            return ToldEvent(
                reason=TOO_LARGE,
                why=f"{count:,} rows of {width} features, at most {most_rows(width):,} are explained at once",
            )
        return ToldEvent(reason=STRUCTURE, why=self.broken) if self.broken else None

    def _explained(self, events: Sequence[GivenEvent], rows: Rows, parts: dict[int, slice]) -> dict[int, ToldEvent]:
        """Explain all events at once; where that is refused, each by itself, so that it is known whose fault it is."""
        if not parts:
            return {}
        try:
            return self._together(events, rows, parts)
        except (NotAdditive, EndpointAway) as error:
            return dict.fromkeys(parts, self._of_none(error))
        except (ModelRefused, WrongValue, NotFinite, *REFUSALS) as error:
            if len(parts) == 1:
                return dict.fromkeys(parts, ToldEvent(reason=REFUSED_ROWS, why=sentence(error)))
        except FAILURES as error:
            if len(parts) == 1:
                return dict.fromkeys(parts, ToldEvent(reason=FAILED, why=sentence(error)))
        alone = (self._explained(events, rows, {at: part}) for at, part in parts.items())
        return {at: outcome for one in alone for at, outcome in one.items()}

    def _of_none(self, error: NotExplained) -> ToldEvent:
        """Return what is told of all events where it is the fault of none; what does not add up never will."""
        if isinstance(error, EndpointAway):
            return ToldEvent(reason=NO_ENDPOINT, why=str(error))
        self.broken = str(error)
        return ToldEvent(reason=STRUCTURE, why=self.broken)

    def _together(self, events: Sequence[GivenEvent], rows: Rows, parts: dict[int, slice]) -> dict[int, ToldEvent]:
        own = np.concatenate([rows[part] for part in parts.values()])
        seeds = [(events[at].seed, index) for at, part in parts.items() for index in range(part.stop - part.start)]
        explained = self.method.explain(own, seeds)
        refuse_other_sums(explained, self.method.precision)
        if self.unit is None:
            self.unit = self._unit(own[:FEW], explained.raw[:FEW])
        counts = {at: part.stop - part.start for at, part in parts.items()}
        fits = self._matches(own, [events[at].answer for at in parts], list(counts.values()))
        residuals = None if self.surrogate is None else explained.raw - self.surrogate.expected(own)
        told, start = {}, 0
        for at, count in counts.items():
            told[at] = self._encoded(explained, slice(start, start + count), fits, residuals)
            start += count
        return told

    def _unit(self, rows: Rows, raw: NDArray[np.float64]) -> Unit:
        if self.model is None:
            return unit_of_fields(self.schema.of_role(Role.PREDICTION))
        return unit_of(self.model.estimator, self.model.given_rows(rows), raw)

    def _encoded(
        self, explained: ExplainedRows, part: slice, fits: Sequence[Match], residuals: NDArray[np.float64] | None
    ) -> ToldEvent:
        event = Attributions(
            values=explained.values[part],
            base=explained.base[part],
            raw=explained.raw[part],
            matches=tuple(fits[part]),
            method=self.method.method,
            artefact=self.artefact,
            rate=self.rate,
            unit=self.unit or Unit.PREDICTION,
            errors=None if explained.errors is None else explained.errors[part],
            residuals=None if residuals is None else residuals[part],
            surrogate=None if self.surrogate is None else self.surrogate.name,
        )
        try:
            return ToldEvent(encode(event), event.n)
        except InvalidPayload as error:
            return ToldEvent(reason=FAILED, why=str(error))

    def _matches(self, rows: Rows, answers: Sequence[bytes | None], counts: Sequence[int]) -> list[Match]:
        """Return of each row whether its logged answer is what the artefact gives; unknown where there is none."""
        unknown = [[Match.UNKNOWN] * count for count in counts]
        if not self.replays or self.model is None:
            return [match for own in unknown for match in own]
        fields = self.schema.of_role(Role.PREDICTION)
        logged = decode_batch([answer or b"" for answer in answers], self.schema, Role.PREDICTION)
        whole = [at for at, count in enumerate(counts) if at not in logged.errors and int(logged.rows[at]) == count]
        if whole:
            starts = np.cumsum(counts) - counts
            of_rows = np.concatenate([np.arange(starts[at], starts[at] + counts[at]) for at in whole])
            logged_starts = np.cumsum(logged.rows) - logged.rows
            of_logged = np.concatenate([np.arange(logged_starts[at], logged_starts[at] + counts[at]) for at in whole])
            again = self.model.answer(rows[of_rows])
            margins = margins_of(self.model.estimator, self.model.given_rows(rows[of_rows]), len(of_rows))
            fits = iter(matches(logged.columns.take(of_logged), fields, again, margins))
            for at in whole:
                unknown[at] = [next(fits) for _ in range(counts[at])]
        return [match for own in unknown for match in own]
