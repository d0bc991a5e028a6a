"""Jobs of the models that are named, or of all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from pegel.spec.settings import Settings
from pegel_airflow.long_span_runs import chosen
from pegel_airflow.told_job import ToldJob


class ModelsJob(ToldJob):
    """A job that is told which models are meant.

    `models`: `name` or `name/version` each, or such a list as JSON, as a template writes it; none: all. `by_hand`: they
    are those of whoever started the run, and models of another team, or that nobody watches, are refused.
    """

    template_fields: Sequence[str] = ("models",)

    def __init__(self, *, models: Sequence[str] | str = (), by_hand: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.models = models
        self.by_hand = by_hand

    def arguments(self, context: Context) -> tuple[str, ...]:
        """Return what the job is told of models, by their keys. Raises PermanentError for one that is refused."""
        named = self.named
        if not named:
            return ()
        by_hand = self.by_hand
        user = context["dag_run"].triggering_user_name if by_hand else None
        keys = [spec.key for spec in chosen(Settings(), named, by_hand=by_hand, user=user)]
        # One that nobody watches stays named: without a name all would be meant.
        return tuple(part for key in keys or named for part in ("--model", key))

    @property
    def named(self) -> list[str]:
        """Return the models that are named."""
        return list(json.loads(self.models) if isinstance(self.models, str) else self.models)

    def means(self, key: str) -> bool:
        """Say whether a model, `name/version`, is meant."""
        named = self.named
        return not named or key in named or key.partition("/")[0] in named
