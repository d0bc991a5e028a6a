"""`pegel check`: a table or an interval of a model; exit code 0 for ok, 1 for findings, 2 for too little to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pegel.baseline.baseline import Baseline
from pegel.cli.console import say
from pegel.cli.options import HomeOption
from pegel.cli.profile import Units, files_of, units_of
from pegel.cli.progress import bar
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook import checking
from pegel.notebook.check_report import CheckReport
from pegel.notebook.naming import place
from pegel.spec.output_file import refuse_overwriting, refuse_unwritable

Tables = Annotated[
    list[str] | None,
    typer.Argument(metavar="[DATA...]", help="Parquet or CSV: files, folders, or patterns like 'days/*.csv'."),
]
BaselineOption = Annotated[Path | None, typer.Option("--baseline", "-b", help="What `pegel profile` wrote.")]
Save = Annotated[Path | None, typer.Option(help="Write the report as one self-contained HTML file, too: *.html.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report for machines.")]
Model = Annotated[str | None, typer.Option(help="In place of DATA: a watched model, e.g. delays/1.")]
Start = Annotated[str | None, typer.Option("--from", help="Of a model: since when, such as 2026-11-22 or 7d.")]
End = Annotated[str | None, typer.Option("--to", help="Of a model: until when, exclusive; default: now.")]
Against = Annotated[
    str | None, typer.Option(help="Of a model: `baseline` (default), PREVIOUS_WEEK, or e.g. 2026-11-01..2026-11-08.")
]
FalseAlarmsOption = Annotated[
    str | None,
    typer.Option(help="How often a false alarm is acceptable; default: 1 per week."),
]
Margin = Annotated[
    float | None,
    typer.Option(help="Smallest change that matters, in standard deviations; default: 0.02."),
]


def check(  # noqa: PLR0917  options are named on the command line
    data: Tables = None,
    baseline: BaselineOption = None,
    model: Model = None,
    start: Start = None,
    end: End = None,
    against: Against = None,
    save: Save = None,
    false_alarms: FalseAlarmsOption = None,
    windows_per_week: Annotated[float, typer.Option(help="How many such checks are made in a week.")] = 168,
    margin: Margin = None,
    unit: Units = None,
    as_json: AsJson = False,
    home: HomeOption = None,
) -> None:
    """Compare a table, or a time of a model, with a baseline: 0 ok, 1 findings, 2 too little to say, 3 not checked."""
    if save is not None:
        refuse_unwritable(save, ".html")
    if model is None:
        refuse_given("given without --model", {"--from": start, "--to": end, "--against": against, "--home": home})
        if not data or baseline is None:
            raise InvalidSpec(
                "expected DATA and --baseline, or --model and --from; given neither. Nothing was checked."
            )
        report = _of_table(data, baseline, save, false_alarms, windows_per_week, margin, unit)
    else:
        table = {"DATA": data, "--baseline": baseline, "--unit": unit}
        refuse_given("given with --model", table | {"--false-alarms": false_alarms, "--margin": margin})
        # The results database costs a second, which a table does not need.
        from pegel.cli.interval_options import checked_interval  # noqa: PLC0415

        report = checked_interval(model, start, end, against, windows_per_week, home)
    say(json.dumps(report.to_json(), indent=2) if as_json else str(report))
    if save is not None:
        report.save(save)
    raise typer.Exit(report.exit_code)


def refuse_given(why: str, options: dict[str, object]) -> None:
    """Raise InvalidSpec if one of these options is stated."""
    if stated := [name for name, value in options.items() if value]:
        raise InvalidSpec(
            f"{' and '.join(stated)}: {why}, for which it says nothing; leave it out. Nothing was checked."
        )


def _of_table(  # noqa: PLR0917  options are named on the command line
    data: list[str],
    baseline: Path,
    save: Path | None,
    false_alarms: str | None,
    windows_per_week: float,
    margin: float | None,
    unit: list[str] | None,
) -> CheckReport:
    if save is not None:
        refuse_overwriting(save, [baseline, *files_of(data)], "--save")
    stated = {} if false_alarms is None else {"false_alarms": false_alarms}
    with bar("check") as progress:
        return checking.check(
            data,
            read(baseline),
            windows_per_week=windows_per_week,
            margin=0.02 if margin is None else margin,
            units=units_of(unit),
            progress=progress,
            **stated,
        )


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
