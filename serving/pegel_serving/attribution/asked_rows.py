"""Rows of a feature store as requests of clients, and the endpoint of a model, which is asked about them one by one.

Our questions are marked, so they are logged as ours and judged nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pegel.data.columns import Field
from pegel.errors import InvalidSpec
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_serving.attribution.asked_endpoint import RefusedRows, post
from pegel_serving.attribution.call_budget import CallBudget
from pegel_serving.attribution.held_out_rows import drawn_rows, request_bodies
from pegel_serving.attribution.model_preparation import ModelPreparation

ASKED_ROWS: Final = 1_000
"""Rows that an endpoint is asked about when a version is new; fewer where there are fewer …"""
MOST_MINUTES: Final = 10
"""… and where it may not be asked often: about so many minutes of `attribution.calls_per_minute`."""


MOST_BYTES: Final = 64 << 20
"""Bytes of all answers to rows that are asked about at one time."""


class AskedRows:
    """The rows of one source, and the endpoint of one model version."""

    def __init__(self, spec: MonitorSpec, preparation: ModelPreparation, settings: Settings) -> None:
        """Ask the endpoint of `spec`, as `preparation` finds it, about rows of the local feature store."""
        self.source = spec.attribution.baseline or spec.baseline.source
        self.most = min(ASKED_ROWS, MOST_MINUTES * spec.attribution.calls_per_minute)
        self._spec, self._preparation, self._settings = spec, preparation, settings
        self._budget = CallBudget(spec.attribution.calls_per_minute)

    def table(self, source: str) -> str:
        """Return the digest of the rows of a source. Raises PegelError, OSError."""
        return LocalFeatureStore(self._settings.features).read_training_data(source).name

    def drawn(self, source: str, features: Sequence[Field], most: int) -> list[bytes]:
        """Return the bodies of so many rows at most, drawn evenly, the same ones each time.

        Raises PegelError, OSError, pyarrow's errors (ValueErrors).
        """
        rows = drawn_rows(
            LocalFeatureStore(self._settings.features).read_training_data(source), features, most, fewest=1
        )
        return request_bodies(rows, features)

    def answers(self, bodies: Iterable[bytes], is_ending: Callable[[], bool]) -> list[bytes]:
        """Return what the endpoint answers to rows, one each; nothing where it takes no such row, or the end has come.

        Raises NotExplained where it does not answer; PegelError where it cannot be found, would take us for a client,
        or says more than fits.
        """
        answers, size = [], 0
        for body in bodies:
            answers.append(b"" if is_ending() else self._answer(body))
            size += len(answers[-1])
            if size > MOST_BYTES:
                given = f"{MOST_BYTES >> 20} MiB to {len(answers):,} rows"
                raise InvalidSpec(f"the endpoint answers with more than {given}")
        return answers

    def _answer(self, body: bytes) -> bytes:
        address, token = self._preparation.endpoint(self._spec)
        if not token:
            raise InvalidSpec(f"the endpoint of {self._spec.key} cannot tell our questions from those of clients")
        self._budget.spend(1)
        try:
            return post(address, token, body)
        except RefusedRows:
            return b""
