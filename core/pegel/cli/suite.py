"""`pegel suite MODEL`: what the rows of a watched model are expected to be like, as JSON that a person can edit."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pegel.cli.console import err, say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import ModelArgument, VersionOption, opened
from pegel.errors import NotFound, PermanentError
from pegel.quality.constraints import written_constraints
from pegel.quality.derived import derived
from pegel.quality.merged_suite import Suite, suite_for
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.suites import DERIVED
from pegel.store.baseline_store import BaselineStore
from pegel.store.meant_model import watched_model

DerivedOption = Annotated[
    bool, typer.Option("--derived", help="What follows from the baseline, whatever the spec asks.")
]
ConstraintsOption = Annotated[bool, typer.Option("--constraints", help="As SageMaker's constraints.json.")]


def suite(
    model: ModelArgument,
    version: VersionOption = None,
    home: HomeOption = None,
    derived_alone: DerivedOption = False,
    constraints: ConstraintsOption = False,
) -> None:
    """Print the suite that a model's rows are held to: its spec's suites, put together with its current baseline.

    Of a model whose spec states none, what follows from its baseline. What is printed goes into `watch.expectations`,
    or into a file that is named there.
    """
    with opened(settings_of(home)) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was printed.")
        if entry.spec is None:
            raise PermanentError(f"{monitor_key(entry.model, entry.version)}: its spec cannot be read: {entry.problem}")
        spec = entry.spec
        baselines = BaselineStore(engine)
        current = baselines.current(spec.model.name, spec.model.version)
        if current is None:
            raise NotFound(f"{spec.key} has no baseline yet, so nothing follows from it; wait for its profile.")
        baseline = baselines.get(current)
    found = suite_for(spec, baseline)
    if not found.expectations and not derived_alone:
        say(f"{spec.key} expects nothing yet: this follows from its baseline; state it in `watch.expectations`", err)
    if derived_alone or not found.expectations:
        found = Suite(DERIVED, baseline.id, derived(baseline, spec.expected_rows))
    if not constraints:
        day = baseline.created_at.date().isoformat()
        say(json.dumps(Suite(f"{spec.key} {day}", day, found.expectations).to_json(), indent=2, ensure_ascii=False))
        return
    document, unsaid = written_constraints(found.expectations)
    say(json.dumps(document, indent=2, ensure_ascii=False))
    for words in unsaid:
        say(shown(f"not said in constraints.json: {words}", LONGEST_SENTENCE), err)
