"""`pegel import-constraints FILE`: the `constraints.json` of SageMaker Model Monitor as a suite of expectations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import err, say
from pegel.quality.constraints import read_constraints
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.spec_text import read_data, read_text

ConstraintsArgument = Annotated[Path, typer.Argument(metavar="FILE", help="constraints.json, as SageMaker wrote it.")]
NameOption = Annotated[str, typer.Option("--name", help="Of the suite.")]


def import_constraints(file: ConstraintsArgument, name: NameOption = "imported") -> None:
    """Print constraints as a suite for `watch.expectations`; standard error says what is not taken over."""
    today = datetime.now(UTC).date().isoformat()
    result = read_constraints(read_data(read_text(file)), name=name, made=today)
    say(json.dumps(result.suite.to_json(), indent=2, ensure_ascii=False))
    for note in result.notes:
        say(shown(note, LONGEST_SENTENCE), err)
