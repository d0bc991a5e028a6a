"""`pegel refresh MODEL`: profile a model's training data again, through Airflow's public API."""

from __future__ import annotations

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import ModelArgument, VersionOption, opened, watched_model
from pegel.errors import PermanentError
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.store.baseline_store import BaselineStore
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.cli.login import airflow_login
from pegel_local.cli.workflow_run import VerboseOption, WaitOption, follow, start


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
        before = baselines.current(entry.model, entry.version)
        user, password = airflow_login(home)
        with AirflowApi(settings.airflow_url, user, password) as airflow:
            run = start(airflow, "baseline_refresh", {"models": [key]}, what=f"{key}: refreshing its baseline")
            if not wait:
                return
            follow(airflow, run, what=f"{key}: refreshing its baseline", verbose=verbose)
        after = baselines.current(entry.model, entry.version)
    same = f"the training data give the same baseline {after}; nothing changed"
    say(f"{key}: {same if after == before else f'judged by the new baseline {after} from now on'}")
