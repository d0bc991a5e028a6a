"""`pegel plan`: what the reconciler would do now, and does not do."""

from __future__ import annotations

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel_local.cli.workflow_run import VerboseOption, airflow_of, run_workflow


def plan(verbose: VerboseOption = False, home: HomeOption = None) -> None:
    """Compare what should run with what does run, and show what would be done about it; nothing is moved."""
    with airflow_of(settings_of(home), home) as airflow:
        ended = run_workflow(
            airflow,
            "monitoring_reconcile",
            {"dry_run": True},
            goal="report",
            what="planning",
            wait=True,
            verbose=verbose,
        )
        if ended is not None:
            say(str(airflow.result(ended, "report")))
