"""Following a folder of specs, run as Airflow runs it, over a real registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rooms
import seeds
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow import form, services, spec_following

pytestmark = pytest.mark.usefixtures("fresh_rooms", "listed")
OTHER = {"name": "fraud", "uri": "file:///models/fraud"}


@pytest.fixture
def folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is followed, while `gone/1` is watched and `delays/1` under another length of windows."""
    place = tmp_path / "specs"
    place.mkdir()
    monkeypatch.setenv("PEGEL_SPECS", str(place))
    registry = services.stores(settings).registry
    for spec in (seeds.spec(windowing={"length": 60}), seeds.spec(model=OTHER | {"name": "gone"})):
        registry.put(rooms.SERVING.pin(spec))
    return place


def written(folder: Path, spec: MonitorSpec) -> None:
    """Write a spec into the folder."""
    (folder / f"{spec.model.name}.json").write_text(json.dumps(spec.to_json()), encoding="utf-8")


def triggered(dag: str) -> list[dict[str, Any]]:
    """Return with what runs of a workflow were started by ours."""
    with create_session() as session:
        runs = session.scalars(select(DagRun).where(DagRun.dag_id == dag, DagRun.run_id.startswith("specs_follow__")))
        return [run.conf or {} for run in runs]


@pytest.fixture(autouse=True)
def _no_runs_of_others() -> None:
    """Forget the runs that earlier tests started."""
    with create_session() as session:
        for run in session.scalars(select(DagRun).where(DagRun.run_id.startswith("specs_follow__"))):
            session.delete(run)


def note() -> str:
    """Return the note of the latest run."""
    with create_session() as session:
        newest = select(DagRun).where(DagRun.dag_id == "specs_follow").order_by(DagRun.id.desc()).limit(1)
        return session.scalars(newest).one().note or ""


def planned(settings: Settings, folder: Path, **wished: Any) -> spec_following.FolderPlan:
    """Return the plan of a run by the clock, which nobody has started and which deletes nothing."""
    return spec_following.planned(settings, folder, **({"delete": False, "dry_run": False, "user": None} | wished))


def test_what_is_new_and_changed_is_onboarded_once(folder: Path, run_dag: Any) -> None:
    """Each has a run of `model_onboard` of its own; the same wish starts none again, and drift is in the note alone."""
    written(folder, seeds.spec())
    written(folder, seeds.spec(model=OTHER))
    first = run_dag("specs_follow"), note()
    second = run_dag("specs_follow"), note()

    assert ("success", "success") == (first[0], second[0])
    assert {"delays": 10.0, "fraud": 10.0} == {
        conf["model.name"]: conf["windowing.length"] for conf in triggered("model_onboard")
    }
    assert (2, []) == (len(triggered("model_onboard")), triggered("model_offboard"))
    assert "Plan: 1 to create, 1 to change, 0 as they are, 0 invalid, 1 in the registry alone\n" in first[1]
    assert ["    windowing.length: 1m -> 10s" in first[1], "? not in the folder  gone/1" in first[1]] == [True, True]
    assert "2 under way or tried within this hour: not started again." in second[1]


def test_what_was_onboarded_so_is_as_it_is(settings: Settings, folder: Path, run_dag: Any) -> None:
    """The answers that the onboarding is given ask for what the file says: once in force, nothing is started again."""
    written(folder, seeds.spec(model=OTHER))
    run_dag("specs_follow")
    (answers,) = triggered("model_onboard")
    services.stores(settings).registry.put(rooms.SERVING.pin(form.spec_of(answers)))
    later = planned(settings, folder, now=datetime.now(UTC) + timedelta(days=2))

    assert ([], []) == (later.runs, later.refused)
    assert "0 to create, 0 to change, 1 as they are, 0 invalid, 2 in the registry alone" in later.text


def test_a_spec_is_data_to_airflow(folder: Path, run_dag: Any) -> None:
    """What looks like a template of Airflow's in a file reaches the onboarding as it stands."""
    place = "file:///models/{{ 1 + 1 }}"
    written(folder, seeds.spec(model=OTHER | {"uri": place}))
    run_dag("specs_follow")

    assert [place] == [conf["model.uri"] for conf in triggered("model_onboard")]


def test_what_has_no_file_goes_when_a_run_asks(folder: Path, run_dag: Any) -> None:
    """It is offboarded by its own workflow, and what was measured stays."""
    written(folder, seeds.spec(windowing={"length": 60}))
    state = run_dag("specs_follow", delete=True)

    assert ("success", [{"model": "gone", "version": 1, "keep_data": True}]) == (state, triggered("model_offboard"))
    assert [] == triggered("model_onboard")
    assert "- delete  gone/1" in note()


def test_an_invalid_file_turns_the_run_red_and_stops_nothing_else(folder: Path, run_dag: Any) -> None:
    """The others are onboarded, nothing is deleted although the run asks, and the note says what is wrong."""
    written(folder, seeds.spec(model=OTHER))
    written(folder, seeds.spec(watch={"detectors": ["crystal_ball"]}))
    (folder / "bad\udcff.yaml").write_text("model: 3", encoding="utf-8")
    state = run_dag("specs_follow", delete=True)

    assert ("failed", ["fraud"], []) == (
        state,
        [conf["model.name"] for conf in triggered("model_onboard")],
        triggered("model_offboard"),
    )
    parts = (
        "all_accepted: bad\\udcff.yaml: ",
        "delays.json: watch.detectors: given 'crystal_ball'",
        "Nothing is deleted",
    )
    assert (True, True, True) == tuple(part in note() for part in parts)


def test_a_dry_run_starts_nothing(folder: Path, run_dag: Any) -> None:
    """The plan is in the note, and that is all."""
    written(folder, seeds.spec(model=OTHER))
    state = run_dag("specs_follow", dry_run=True, delete=True)

    assert ("success", [], []) == (state, triggered("model_onboard"), triggered("model_offboard"))
    assert "+ create  fraud/1" in note()


@pytest.mark.parametrize("specs", [None, ""])
def test_without_a_folder_there_is_nothing_to_follow(
    settings: Settings, run_dag: Any, monkeypatch: pytest.MonkeyPatch, specs: str | None
) -> None:
    """The run skips, says so, and nothing is started."""
    if specs is not None:
        monkeypatch.setenv("PEGEL_SPECS", specs)

    assert ("success", []) == (run_dag("specs_follow"), triggered("model_onboard"))
    assert note() == f"Plan: {spec_following.NO_FOLDER}"


def test_a_folder_without_specs_is_refused(settings: Settings, folder: Path) -> None:
    """One that is not mounted is no wish to watch nothing, even where a run asks for deletions."""
    with pytest.raises(InvalidSpec, match="expected at least one spec"):
        planned(settings, folder, delete=True)


def test_a_wish_is_tried_again_after_an_hour(settings: Settings, folder: Path) -> None:
    """Within the hour its run has the same name, so that it is not started twice; a wish put back has another one."""
    written(folder, seeds.spec())
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def run_at(instant: datetime) -> str:
        (run,) = planned(settings, folder, now=instant).runs
        return str(run["trigger_run_id"])

    first, same, later = (run_at(now + timedelta(minutes=minutes)) for minutes in (0, 50, 60))
    services.stores(settings).registry.put(rooms.SERVING.pin(seeds.spec(windowing={"length": 30})))

    assert (True, 3) == (first == same, len({first, later, run_at(now)}))


@pytest.mark.parametrize(("state", "again"), [("queued", 0), ("running", 0), ("failed", 1), ("success", 1)])
def test_an_onboarding_that_takes_hours_is_not_started_beside_itself(
    settings: Settings, folder: Path, state: str, again: int
) -> None:
    """One that waits or runs is looked for by the names that it may have had; one that has ended is tried again."""
    written(folder, seeds.spec())
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    (earlier,) = planned(settings, folder, now=now).runs
    runs = Runs({(earlier["trigger_dag_id"], earlier["trigger_run_id"]): state})
    is_tried = spec_following.tried_before(runs)

    assert [] == planned(settings, folder, now=now, is_tried=is_tried).runs
    assert again == len(planned(settings, folder, now=now + timedelta(hours=5), is_tried=is_tried).runs)


@dataclass(frozen=True)
class Runs:
    """What a task asks of other runs: how many of given names there are, in any state or in some."""

    states: dict[tuple[str, str], str]

    def get_dr_count(self, *, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        """Return how many there are."""
        found = [self.states.get((dag_id, run)) for run in run_ids]
        return sum(state is not None and (states is None or state in states) for state in found)


def test_what_one_run_may_not_start_is_started_by_later_ones(settings: Settings, folder: Path) -> None:
    """What was started does not stand in the way of the rest."""
    written(folder, seeds.spec())
    written(folder, seeds.spec(model=OTHER))
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    first = planned(settings, folder, now=now, most=1)
    runs = Runs({(run["trigger_dag_id"], run["trigger_run_id"]): "queued" for run in first.runs})
    second = planned(settings, folder, now=now, most=1, is_tried=spec_following.tried_before(runs))

    assert "1 begin later: one run starts 1 at most." in first.text
    assert ["delays", "fraud"] == [run["conf"]["model.name"] for run in [*first.runs, *second.runs]]


def test_a_person_starts_what_is_of_the_own_team(folder: Path, run_dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each model of another team is refused in words, and holds up none of the own; so are deletions."""
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", '{"team-a": ["dag_test"], "default": ["ada"]}')
    written(folder, seeds.spec())
    written(folder, seeds.spec(model=OTHER, namespace="team-a"))
    state = run_dag("specs_follow", delete=True)

    assert ("failed", ["fraud"], []) == (
        state,
        [conf["model.name"] for conf in triggered("model_onboard")],
        triggered("model_offboard"),
    )
    refused = [f"{key}: namespace: given 'default', by 'dag_test'" in note() for key in ("delays/1", "gone/1")]
    assert [True, True] == refused


def test_with_teams_a_run_by_the_clock_only_tells(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has started it, so nothing is anybody's to start: one sentence says so, while there is something to do."""
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", '{"default": ["ada"], "*": ["otto"]}')
    written(folder, seeds.spec())
    told = planned(settings, folder)
    written(folder, seeds.spec(windowing={"length": 60}))
    nothing_due = planned(settings, folder)

    assert ([], 1) == (told.runs, len(told.refused))
    assert "expected a run that a person has started, because PEGEL_CLUSTER_TEAMS" in told.refused[0]
    assert "windowing.length: 1m -> 10s" in told.text
    assert ([], []) == (nothing_due.runs, nothing_due.refused)


def test_a_relative_folder_starts_beside_the_workflow(settings: Settings) -> None:
    """So a DAG bundle brings its specs with it."""
    inside = settings.model_copy(update={"specs": Path("specs")})

    assert Path("/bundle/dags/specs") == spec_following.folder_of(inside, Path("/bundle/dags"))
