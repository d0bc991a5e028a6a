"""What the settings give to one team, nobody of another puts models into, or takes them out of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import rooms
import seeds

from pegel.errors import PermanentError, SetupError
from pegel.spec.settings import Settings
from pegel_airflow import adopting, form, offboarding, onboarding, services
from pegel_airflow.teams import refuse_model_of_other_team, refuse_other_team

pytestmark = pytest.mark.usefixtures("fresh_rooms")
TEAMS = {"team-a": ["uma"], "team-b": ["otto", "uma"], "*": ["ada"]}


@pytest.fixture
def teams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Namespaces of two teams, and one person who may go everywhere."""
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", json.dumps(TEAMS))


EVERYBODY = ("uma", "otto", "ada", "vic", None)


def refusals(namespace: str) -> dict[str | None, str]:
    """Return what each who may not put models into a namespace is told."""
    told = {}
    for user in EVERYBODY:
        try:
            refuse_other_team(namespace, user)
        except PermanentError as error:
            told[user] = str(error)
    return told


@pytest.mark.parametrize(
    ("namespace", "people"),
    [
        ("team-a", {"uma", "ada"}),
        ("team-b", {"otto", "uma", "ada"}),
        ("default", {"ada"}),
        ("*", {"ada"}),
        ("", {"ada"}),
    ],
)
def test_a_namespace_is_open_to_its_own_people_alone(teams: None, namespace: str, people: set[str]) -> None:
    """Who is not named for it is refused with what that person may; one that nobody names is nobody's."""
    told = refusals(namespace)

    assert people == {*EVERYBODY} - told.keys()
    assert all(f"namespace: given '{namespace}', by" in sentence for sentence in told.values())


def test_without_teams_the_roles_of_airflow_alone_decide() -> None:
    """Whoever may start a workflow may name every namespace."""
    assert {} == refusals("team-a")


@pytest.mark.parametrize("text", ["team-a", "[]", '{"team-a": "uma"}', '{"team-a": [1]}'])
def test_teams_that_cannot_be_read_open_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A mistake in the setting refuses everybody, and names the variable."""
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", text)
    with pytest.raises(SetupError, match="PEGEL_CLUSTER_TEAMS"):
        refuse_other_team("team-a", "uma")


def test_a_model_that_is_not_watched_is_nobodys(teams: None, settings: Settings) -> None:
    """Only who may go everywhere does something to it; to put it there for the first time is free for each."""
    refuse_model_of_other_team(settings, "delays", 1, "uma", new=True)
    refuse_model_of_other_team(settings, "delays", 1, "ada")
    with pytest.raises(PermanentError, match="namespace: given ''"):
        refuse_model_of_other_team(settings, "delays", 1, "uma")


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("user", ["uma", "otto"])
def test_the_door_itself_says_who_has_started_a_run(browse: Callable[[str | None], httpx.Client], user: str) -> None:
    """The name comes with the login, and no answer of the form can give another one."""
    conf = {"service": "team-a/delays-v1", "triggering_user_name": "ada"}
    asked = {"logical_date": None, "conf": conf}
    answer = browse(user).post("/api/v2/dags/endpoint_adopt/dagRuns", json=asked | {"triggering_user_name": "ada"})
    plain = browse(user).post("/api/v2/dags/endpoint_adopt/dagRuns", json=asked)

    assert [422] == [answer.status_code]
    assert user == plain.json()["triggering_user_name"]


@pytest.mark.parametrize(("member", "expected"), [("uma", ("failed", 1, 1)), ("dag_test", ("success", 0, 0))])
def test_a_run_of_the_workflow_asks_who_has_started_it(
    settings: Settings, run_dag: Any, monkeypatch: pytest.MonkeyPatch, member: str, expected: tuple[str, int, int]
) -> None:
    """Offboarding takes a model out for a member of its team, and leaves it to everybody else."""
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", json.dumps({"default": [member]}))
    services.stores(settings).registry.put(seeds.spec())
    rooms.SERVING.apply(seeds.spec())
    ended = run_dag("model_offboard", model="delays", version=1)

    assert expected == (ended, len(services.stores(settings).registry.list()), len(rooms.SERVING.names()))


def test_an_onboarding_of_another_team_is_refused_first(settings: Settings, run_dag: Any, teams: None) -> None:
    """The run fails before anything is staged."""
    ended = run_dag("model_onboard", **form.params_of(seeds.spec(namespace="team-a")))

    assert ("failed", []) == (ended, rooms.SERVING.names())


def test_a_model_of_another_team_cannot_be_moved_away(settings: Settings, teams: None) -> None:
    """Onboarding the same model version into one's own namespace is refused while another team watches it."""
    services.stores(settings).registry.put(seeds.spec(namespace="team-a"))
    answers = form.params_of(seeds.spec(namespace="team-b"))
    with pytest.raises(PermanentError, match="given 'team-a', by 'otto'"):
        onboarding.validate(settings, answers, user="otto")
    with pytest.raises(PermanentError, match="given 'team-a', by 'otto'"):
        offboarding.unregister(settings, "delays", 1, user="otto")

    assert "team-b" == onboarding.validate(settings, answers, user="uma")["namespace"]


def test_only_a_cluster_has_something_to_adopt(settings: Settings) -> None:
    """Where models are served otherwise, it is said how a server that runs already is watched."""
    with pytest.raises(SetupError, match="expected PEGEL_SERVING_BACKEND=kserve"):
        adopting.carry_out(settings, "team-a/delays-v1", release=False, user="uma")
