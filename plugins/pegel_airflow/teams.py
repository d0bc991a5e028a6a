"""Who may put models where: namespaces that the settings give to people, beside what Airflow's roles allow."""

from __future__ import annotations

from pegel.errors import PermanentError
from pegel.spec.cluster_settings import EVERYWHERE, ClusterSettings
from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings
from pegel_airflow import services


def refuse_other_team(namespace: str, user: str | None) -> None:
    """Raise PermanentError if the settings give `namespace` to others than `user`, who has started the run.

    Without teams in the settings, whoever may start the workflow may do so for every namespace. With them, one that
    they do not name is nobody's. None is a run that nobody has started: by the clock, or by data.
    """
    teams = ClusterSettings.of_environment().members
    if teams is None or user in {*teams.get(namespace, ()), *teams.get(EVERYWHERE, ())}:
        return
    own = ", ".join(name for name, people in sorted(teams.items()) if user in people) or "none"
    who = "nobody" if user is None else quoted(user)
    raise PermanentError(
        f"namespace: given {quoted(namespace)}, by {who}: expected one that PEGEL_CLUSTER_TEAMS gives to that person "
        f"({own}). Nothing was changed."
    )


def refuse_run_of_nobody(user: str | None) -> None:
    """Raise PermanentError if the settings give namespaces to people, and nobody has started the run."""
    if ClusterSettings.of_environment().members is not None and user is None:
        raise PermanentError(
            "expected a run that a person has started, because PEGEL_CLUSTER_TEAMS gives namespaces to people; given "
            "one by the clock. It tells what differs, and nothing was changed: start it by hand, or `pegel apply -f`"
        )


def refuse_model_of_other_team(
    settings: Settings, model: str, version: int, user: str | None, *, new: bool = False
) -> None:
    """Raise PermanentError if a model version is watched in a namespace that is not `user`'s, see `refuse_other_team`.

    One whose stored spec cannot be read, or that is not watched, is that of whoever may go everywhere. `new`: one that
    is not watched yet is nobody's, and may be put anywhere that is `user`'s.
    """
    if ClusterSettings.of_environment().members is None:
        return
    entries = services.stores(settings).registry.entries()
    found = [entry for entry in entries if (entry.model, entry.version) == (model, version)]
    if not found and not new:
        refuse_other_team("", user)
    for entry in found:
        refuse_other_team("" if entry.spec is None else entry.spec.namespace, user)
