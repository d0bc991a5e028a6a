"""`pegel explain`: a finding recomputed from what was stored, with its formula and its numbers."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import opened
from pegel.errors import PermanentError
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.single_event import DETECTOR as SINGLE_EVENT
from pegel.past.finding_slices import FindingSlices, finding_slices
from pegel.past.recomputed_finding import recomputed_finding
from pegel.report import probing_words
from pegel.report.made_of_event import MadeOfEvent, made_of_event
from pegel.report.moved_prediction import matters
from pegel.report.prediction_words import PredictionMove, matter_to_json, matter_words
from pegel.spec.clock import SystemClock
from pegel.spec.names import feature_of
from pegel.spec.settings import Settings
from pegel.store.registry import Registry
from pegel.store.results import Results

FindingId = Annotated[
    str, typer.Argument(metavar="FINDING", help="The id in a mail or on the page; its start is enough.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it for machines, every number exact.")]
WhichRows = Annotated[
    bool, typer.Option("--rows", help="Search the archive for the rows that hold most of it, told by their values.")
]


def explain(finding: FindingId, home: HomeOption = None, rows: WhichRows = False, as_json: AsJson = False) -> None:
    """Recompute a finding from its stored window and baseline, and show the arithmetic."""
    settings = settings_of(home)
    explanation = explained(settings, finding)
    moved = _moved(settings, explanation.finding)
    slices = _slices(settings, finding) if rows else None
    made = _made(settings, explanation.finding)
    about = [feature_of(explanation.finding.about)]
    if as_json:
        told: dict[str, Any] = {} if moved is None else {"matters": matter_to_json(moved, about)}
        told |= {} if made is None else {"made_of_it": made.to_json()}
        told |= {} if slices is None else {"rows": slices.to_json()}
        told |= probing_words.to_json(explanation.finding)
        say(json.dumps(explanation.to_json() | told, indent=2))
    else:
        matter = [] if moved is None else [f"matters     {matter_words(moved, about)}"]
        matter += [] if made is None else [f"the model  {made.words}"]
        crowd = probing_words.lines(explanation.finding)
        say("\n".join([str(explanation), *matter, *crowd, *([] if slices is None else slices.lines())]))
    if not explanation.agrees:
        raise PermanentError(
            f"expected the stored statistic and p-value of finding {finding} to be found again to 1e-9; they were not. "
            "The stored window or baseline is not the one that was judged."
        )


def _moved(settings: Settings, finding: Finding) -> PredictionMove | str | None:
    """Return whether a drift matters to the model, or why that is not known; None where nobody asks."""
    with opened(settings) as engine:
        return matters(engine, finding)


def _made(settings: Settings, finding: Finding) -> MadeOfEvent | None:
    """Return what the model made of a single event; None where nobody asks."""
    if finding.detector != SINGLE_EVENT:
        return None
    with opened(settings) as engine:
        spec = Registry(engine).get(finding.model, finding.version)
        return None if spec is None else made_of_event(engine, spec, finding, now=SystemClock().now())


def _slices(settings: Settings, finding: str) -> FindingSlices:
    with opened(settings) as engine:
        return finding_slices(settings, engine, finding)


def explained(settings: Settings, finding: str) -> Explanation:
    """Return the finding, recomputed. Raises NotFound when it or its window is gone, SetupError without a database."""
    with opened(settings) as engine:
        return recomputed_finding(engine, Results(engine).finding(finding)).explanation
