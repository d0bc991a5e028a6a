"""`pegel check DATA --baseline baseline.json`: exit code 0 for ok, 1 for findings, 2 for too little to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pegel.baseline.baseline import Baseline
from pegel.cli.console import say
from pegel.cli.profile import Data, Units, files_of, units_of
from pegel.cli.progress import bar
from pegel.errors import PermanentError
from pegel.notebook import checking
from pegel.notebook.naming import place
from pegel.spec.output_file import refuse_overwriting, refuse_unwritable

BaselineOption = Annotated[Path, typer.Option("--baseline", "-b", help="What `pegel profile` wrote.")]
Save = Annotated[Path | None, typer.Option(help="Write the report as one self-contained HTML file, too: *.html.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report for machines.")]


def check(  # noqa: PLR0917  options are named on the command line
    data: Data,
    baseline: BaselineOption,
    save: Save = None,
    false_alarms: Annotated[str, typer.Option(help="How often a false alarm is acceptable.")] = "1 per week",
    windows_per_week: Annotated[float, typer.Option(help="How many such tables are checked in a week.")] = 168,
    margin: Annotated[float, typer.Option(help="Smallest change that matters, in standard deviations.")] = 0.02,
    unit: Units = None,
    as_json: AsJson = False,
) -> None:
    """Compare a table with a baseline: exit code 0 ok, 1 findings, 2 too little to say, 3 it could not be checked."""
    if save is not None:
        refuse_unwritable(save, ".html")
        refuse_overwriting(save, [baseline, *files_of(data)], "--save")
    with bar("check") as progress:
        report = checking.check(
            data,
            read(baseline),
            false_alarms=false_alarms,
            windows_per_week=windows_per_week,
            margin=margin,
            units=units_of(unit),
            progress=progress,
        )
    say(json.dumps(report.to_json(), indent=2) if as_json else str(report))
    if save is not None:
        report.save(save)
    raise typer.Exit(report.exit_code)


def read(path: Path) -> Baseline:
    """Read a baseline. Raises PermanentError if the file is not there or holds something else."""
    if path.exists() and not path.is_file():
        raise PermanentError(f"expected a baseline, given {place(path)}, which is no file: nothing was checked.")
    try:
        return Baseline.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PermanentError(
            f"expected a baseline, given {place(path)}, which cannot be read ({error.strerror}): nothing was checked."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PermanentError(
            f"expected a baseline as `pegel profile` writes it, given {place(path)}, which is something else: "
            "nothing was checked."
        ) from error
