"""`pegel import-model-monitor FILE`: a `ModelMonitor` of 2020 as a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from pegel.cli.console import err, say
from pegel.manifests.model_monitor import imported
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.spec_text import read_data, read_text

ResourceArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The resource, in YAML or JSON.")]
UriOption = Annotated[str, typer.Option("--uri", help="Where the model is: it becomes `model.uri`.")]
SourceOption = Annotated[str, typer.Option("--source", help="The training data: it becomes `baseline.source`.")]


def import_model_monitor(file: ResourceArgument, uri: UriOption, source: SourceOption) -> None:
    """Print the spec of a ModelMonitor; standard error says what of it a spec does not take over, and what holds."""
    result = imported(read_data(read_text(file)), uri=uri, source=source)
    stated = result.spec.model_dump(mode="json", exclude_unset=True)
    say(yaml.safe_dump(stated, sort_keys=False, allow_unicode=True).rstrip("\n"))
    for note in result.notes:
        say(shown(note, LONGEST_SENTENCE), err)
