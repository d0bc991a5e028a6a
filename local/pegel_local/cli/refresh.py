"""`pegel refresh MODEL`: profile a model's training data again, through Airflow's public API."""

from __future__ import annotations

from datetime import UTC, datetime

from pegel.cli.console import say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.watched_model import ModelArgument, VersionOption, opened
from pegel.errors import PermanentError
from pegel.report.refresh_words import refresh_line
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.store.baseline_store import BaselineStore
from pegel.store.meant_model import watched_model
from pegel.store.refresh_store import Refresh, RefreshEnd, RefreshStore
from pegel_local.cli.workflow_run import VerboseOption, WaitOption, airflow_of, run_workflow


def refresh(
    model: ModelArgument,
    version: VersionOption = None,
    *,
    wait: WaitOption = False,
    verbose: VerboseOption = False,
    home: HomeOption = None,
) -> None:
    """Make a model version's baseline anew; if its training data are the same, nothing changes."""
    settings = settings_of(home)
    with opened(settings) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was changed.")
        key, baselines = monitor_key(entry.model, entry.version), BaselineStore(engine)
        if entry.spec is None:
            # The workflow passes over it, which would look like a baseline that stayed the same.
            raise PermanentError(
                f"{key}: {shown(entry.problem, LONGEST_SENTENCE)}; apply it again. Nothing was started."
            )
        begin, before = datetime.now(UTC), baselines.current(entry.model, entry.version)
        params, what = {"models": [key]}, f"{key}: refreshing its baseline"
        with airflow_of(settings, home) as airflow:
            run = run_workflow(
                airflow, "baseline_refresh", params, goal="all_profiled", what=what, wait=wait, verbose=verbose
            )
        if run is None:
            return
        after = baselines.current(entry.model, entry.version)
        newest = RefreshStore(engine).list(entry.model, entry.version, limit=1, damaged=[])
    is_of_this_run = bool(newest) and newest[0].at >= begin
    if is_of_this_run and newest[0].end is not RefreshEnd.PROMOTED:
        _tell_changed(key, newest[0], home)
        if after != before:
            say(f"{key}: judged by {after}, which was promoted meanwhile")
    elif after != before:
        say(f"{key}: judged by the new baseline {after} from now on")
    elif newest and newest[0].compared_with == after and newest[0].end is None:
        # Open since an earlier run: the same question is not asked twice.
        _tell_changed(key, newest[0], home)
    else:
        say(f"{key}: the training data give the same baseline {after}; nothing changed")


def _tell_changed(key: str, refresh: Refresh, home: HomeOption) -> None:
    say(f"{key}: its training data changed; new {refresh_line(refresh)}")
    say(f"all that is known of it: pegel baselines {key} --newest{same_home(home)}")
