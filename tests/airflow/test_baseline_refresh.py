"""New baselines: promoted where nothing is in doubt, otherwise by a person who was asked, and back again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import cluster
import pytest
import scene
import seeds
from http_receiver import running_receiver
from mail_servers import Server
from people import PASSWORDS

from pegel.errors import NotFound, PermanentError
from pegel.spec.limits import APPROVAL_WITHIN
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.refresh_store import Refresh, RefreshEnd
from pegel_airflow import services
from pegel_airflow.approval import KEEP, PROMOTE, WORKFLOW, run_of
from pegel_airflow.assets import TRAINING_DATA, models_named
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.refreshing import RefreshOutcome, look_at_new_baselines, refuse_failed, specs_to_profile
from pegel_local.airflow.airflow_api import AirflowApi, OpenQuestion

pytestmark = pytest.mark.usefixtures("fresh_rooms")

Person = Callable[[str], AirflowApi]
OTHER, CHANGED = "local://other", "local://changed"
"""Training data of the same kind as the first, and of another one."""


def wish(source: str = "local://delays", mode: str = "auto") -> MonitorSpec:
    """Return the tests' spec with these training data, and who promotes a baseline of them."""
    return seeds.spec(baseline={"source": source, "refresh": mode})


def watched(settings: Settings, source: str, mode: str = "auto") -> str:
    """Watch the tests' model, whose baseline is that of the first training data; returns its id."""
    stores = services.stores(settings)
    if stores.baselines.current("delays", 1) is None:
        first = BaselineJob(task_id="profile", spec=wish().to_json()).profile(settings)
        stores.baselines.promote("delays", 1, first.baseline_id, None, by="model_onboard", now=datetime.now(UTC))
    stores.registry.put(wish(source, mode))
    return str(stores.baselines.current("delays", 1))


def look(settings: Settings, source: str, *, by_hand: bool = False, user: str | None = None) -> RefreshOutcome:
    """Profile training data and look at what is new, as a run does."""
    made = BaselineJob(task_id="profile", spec=wish(source).to_json()).profile(settings)
    return look_at_new_baselines(settings, [asdict(made)], by_hand=by_hand, user=user)


def newest(settings: Settings) -> Refresh:
    """Return the model's newest refresh."""
    return services.stores(settings).refreshes.list("delays", 1, limit=1)[0]


def questions() -> set[str]:
    """Return the names of all runs of `baseline_approval`."""
    import sqlalchemy as sa
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return set(session.scalars(sa.select(DagRun.run_id).where(DagRun.dag_id == WORKFLOW)))


@pytest.fixture
def person(site: str) -> Iterator[Person]:
    """Return people's own sessions with Airflow."""
    with ExitStack() as opened:
        yield lambda name: opened.enter_context(AirflowApi(site, name, PASSWORDS[name]))


def open_question(api: AirflowApi) -> OpenQuestion:
    """Wait until `baseline_approval` has a question that is open."""
    for _ in range(200):
        if found := api.questions(WORKFLOW):
            return found[0]
        time.sleep(0.1)
    raise AssertionError("nobody was asked")


def answer(*said: tuple[AirflowApi, str, str]) -> threading.Thread:
    """Begin to answer `baseline_approval` through Airflow's API, as its page does: who, what, why; one after the other.

    Each answer waits until there is a question that is open.
    """

    def one_after_the_other() -> None:
        for api, option, why in said:
            api.answer(open_question(api), option, why=why)

    thread = threading.Thread(daemon=True, target=one_after_the_other)
    thread.start()
    return thread


def test_a_refresh_rings_for_what_changed_alone(settings: Settings, spark: cluster.Cluster, run_dag: Any) -> None:
    """A refresh profiles each watched model and makes its first baseline current; the second run changes nothing."""
    stores = services.stores(settings)
    stores.registry.put(wish())
    states = [run_dag("baseline_refresh"), run_dag("baseline_refresh")]
    history = stores.baselines.history("delays", 1)

    assert (states, len(spark.submissions)) == (["success"] * 2, 2)
    assert [(event.previous, event.by, event.why) for event in history] == [(None, "baseline_refresh", "the first one")]


def test_what_a_first_try_promoted_rings_after_the_second(settings: Settings, spark: cluster.Cluster) -> None:
    """A task that died after it promoted is tried again, and names the baseline: those who listen are told."""
    first = BaselineJob(task_id="profile", spec=wish().to_json()).profile(settings)
    services.stores(settings).registry.put(wish())
    tries = [look_at_new_baselines(settings, [asdict(first)], by_hand=False) for _ in range(2)]
    services.stores(settings).registry.put(wish(OTHER))
    second = BaselineJob(task_id="profile", spec=wish(OTHER).to_json()).profile(settings)
    tries += [look_at_new_baselines(settings, [asdict(second)], by_hand=False) for _ in range(2)]

    promoted = [first.baseline_id] * 2 + [second.baseline_id] * 2
    assert [each for one in tries for each in one.promoted] == promoted


def test_a_refresh_leaves_alone_what_changed_meanwhile(settings: Settings, spark: cluster.Cluster) -> None:
    """A baseline that somebody else made current while the job ran stays; nobody is told of a change."""
    first = watched(settings, OTHER)
    late = asdict(BaselineJob(task_id="profile", spec=wish(OTHER).to_json()).profile(settings))
    look(settings, "local://third")
    current = services.stores(settings).baselines.current("delays", 1)
    outcome = look_at_new_baselines(settings, [late], by_hand=False)

    assert (outcome, first != current) == (RefreshOutcome(), True)
    assert services.stores(settings).baselines.current("delays", 1) == current
    with pytest.raises(NotFound):
        services.stores(settings).baselines.get(late["recount"]["baseline_id"])


def test_what_is_beyond_doubt_is_promoted_with_its_reason(settings: Settings, spark: cluster.Cluster) -> None:
    """Other rows of the same kind are promoted by the workflow, and its history says what moved; no recount is left."""
    first = watched(settings, OTHER)
    made = BaselineJob(task_id="profile", spec=wish(OTHER).to_json()).profile(settings)
    outcome = look_at_new_baselines(settings, [asdict(made)], by_hand=False)
    stores = services.stores(settings)
    event = stores.baselines.history("delays", 1)[-1]

    assert outcome == RefreshOutcome(promoted=[made.baseline_id])
    assert (event.previous, event.by) == (first, "baseline_refresh")
    assert event.why == "no field moved; 2,000 rows before, 2,000 now; no check failed"
    assert (newest(settings).end, newest(settings).why) == (RefreshEnd.PROMOTED, event.why)
    with pytest.raises(NotFound):
        stores.baselines.get((made.recount or {})["baseline_id"])


def test_windows_of_the_last_week_are_replayed(settings: Settings, spark: cluster.Cluster) -> None:
    """Where calm windows would alarm by the new baseline, it is not promoted: a person is asked."""
    scene.play(settings)
    services.stores(settings).registry.put(wish(CHANGED))
    spark.rows = 20_000
    outcome = look(settings, CHANGED)
    rails = {rail.name: rail for rail in newest(settings).review.rails}

    assert (outcome.promoted, [one["refresh"] for one in outcome.asked]) == ([], [newest(settings).seq])
    assert [name for name, rail in rails.items() if rail.state == "broken"] == ["woken"]
    assert f"{scene.CALM} of {scene.WINDOWS} windows, first at " in rails["woken"].given


def test_an_open_question_is_answered_by_a_person_alone(
    settings: Settings, spark: cluster.Cluster, run_dag: Any, person: Person
) -> None:
    """Where the guard rails hold by the next night, what a person is asked about is still not promoted but by a yes."""
    first = watched(settings, OTHER, "approve")
    night = look(settings, OTHER)
    services.stores(settings).registry.put(wish(OTHER, "auto"))
    again = look(settings, OTHER)

    assert (again.promoted, newest(settings).end) == ([], None)
    answering = answer((person("otto"), KEEP, "not yet"))
    state = run_dag("baseline_approval", **night.asked[0])
    answering.join()
    assert (state, newest(settings).end, newest(settings).by) == ("success", RefreshEnd.REJECTED, "otto")
    assert services.stores(settings).baselines.current("delays", 1) == first


def test_a_no_that_comes_too_late_rings_for_nothing(
    settings: Settings, spark: cluster.Cluster, run_dag: Any, person: Person, server: Server
) -> None:
    """Who says no to what somebody else has promoted meanwhile is told so; it is no success of the answer."""
    watched(settings, CHANGED, "approve")
    outcome = look(settings, CHANGED)

    def promote_and_answer() -> None:
        api = person("otto")
        question = open_question(api)
        end = {"by": "ada", "why": "mine", "now": datetime.now(UTC)}
        services.stores(settings).refreshes.end(newest(settings).seq, RefreshEnd.PROMOTED, **end)  # type: ignore[arg-type]
        api.answer(question, KEEP, why="no")

    answering = threading.Thread(daemon=True, target=promote_and_answer)
    answering.start()
    run_dag("baseline_approval", **outcome.asked[0])
    answering.join()

    assert (newest(settings).end, newest(settings).by) == (RefreshEnd.PROMOTED, "ada")
    assert len(server.kept) == 2


@pytest.mark.parametrize("said", ["rejected", "restored"])
def test_what_a_person_has_spoken_of_is_asked_about_by_hand(
    settings: Settings, spark: cluster.Cluster, said: str
) -> None:
    """Naming the model promotes nothing that a person rejected or replaced, although every guard rail holds."""
    first = watched(settings, OTHER, "approve" if said == "rejected" else "auto")
    look(settings, OTHER)
    stores, now = services.stores(settings), datetime.now(UTC)
    if said == "rejected":
        stores.refreshes.end(newest(settings).seq, RefreshEnd.REJECTED, by="ada", why="", now=now)
    else:
        stores.baselines.restore("delays", 1, "previous", by="ada", now=now, why="bad data")
    stores.registry.put(wish(OTHER, "auto"))
    outcome = look(settings, OTHER, by_hand=True, user="otto")

    assert (outcome.promoted, len(outcome.asked), newest(settings).end) == ([], 1, None)
    assert stores.baselines.current("delays", 1) == first


def test_who_names_a_model_stands_in_its_history(settings: Settings, spark: cluster.Cluster) -> None:
    """What is beyond doubt is promoted in the name of whoever started the run."""
    watched(settings, OTHER)
    look(settings, OTHER, by_hand=True, user="otto")

    assert services.stores(settings).baselines.history("delays", 1)[-1].by == "otto"


def test_models_of_another_team_cannot_be_named(
    settings: Settings, spark: cluster.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not put models into the namespace cannot have one of it profiled; by the clock all are."""
    watched(settings, OTHER)
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", json.dumps({"default": ["ada"]}))
    chosen = [
        len(specs_to_profile(settings, ["delays/1"], by_hand=True, user="ada")),
        len(specs_to_profile(settings, ["delays/1"])),
        len(specs_to_profile(settings, [])),
    ]

    assert chosen == [1, 1, 1]
    with pytest.raises(PermanentError, match=r"namespace: given 'default', by 'otto'"):
        specs_to_profile(settings, ["delays"], by_hand=True, user="otto")


def test_a_misspelt_model_fails_the_run(settings: Settings, spark: cluster.Cluster, run_dag: Any) -> None:
    """A name of nothing that is watched is told with the nearest one, and the run fails before any job is started."""
    watched(settings, OTHER)
    jobs = len(spark.submissions)
    state = run_dag("baseline_refresh", models=["delasy", "delays/1"])

    assert (state, len(spark.submissions)) == ("failed", jobs)
    with pytest.raises(PermanentError) as refused:
        specs_to_profile(settings, ["delasy", "delays/1"], by_hand=True)
    assert str(refused.value) == (
        "expected names of watched models; given 'delasy'; watched: delays/1. Nothing was started. "
        "Did you mean `delays`?"
    )


def test_half_of_the_rows_wait_for_a_person(settings: Settings, spark: cluster.Cluster, run_dag: Any) -> None:
    """A load that lost its rows is asked about in a run of its own, once; the current baseline stays meanwhile.

    Also by whoever names the model, and where the first try died before it started that run.
    """
    first = watched(settings, OTHER)
    spark.rows = 900
    lost, before = look(settings, OTHER), questions()
    states = [run_dag("baseline_refresh"), run_dag("baseline_refresh", models=["delays/1"])]
    refreshes = services.stores(settings).refreshes.list("delays", 1)

    assert (states, len(lost.asked)) == (["success"] * 2, 1)
    assert questions() - before == {run_of(refreshes[0])}
    assert [(one.end, [rail.name for rail in one.review.broken]) for one in refreshes] == [(None, ["rows"])]
    assert services.stores(settings).baselines.current("delays", 1) == first


def test_a_question_whose_run_failed_is_asked_anew(settings: Settings, spark: cluster.Cluster, run_dag: Any) -> None:
    """A run that asks nobody any more is no reason to wait: the next refresh starts another one, and only one."""
    import sqlalchemy as sa
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    watched(settings, CHANGED, "approve")
    before, states = questions(), [run_dag("baseline_refresh")]
    first = run_of(newest(settings))
    with create_session() as session:
        session.execute(sa.update(DagRun).where(DagRun.run_id == first).values(state="failed"))
    states += [run_dag("baseline_refresh"), run_dag("baseline_refresh")]

    assert (states, newest(settings).end) == (["success"] * 3, None)
    assert questions() - before == {first, run_of(newest(settings), 1)}


def test_a_person_says_yes(
    settings: Settings, spark: cluster.Cluster, run_dag: Any, person: Person, server: Server
) -> None:
    """The question holds the comparison and is mailed with a picture; a yes promotes, with who and why."""
    watched(settings, CHANGED, "approve")
    outcome = look(settings, CHANGED)
    answering = answer((person("otto"), PROMOTE, "the summer schedule"))
    state = run_dag("baseline_approval", **outcome.asked[0])
    answering.join()
    event, refresh = services.stores(settings).baselines.history("delays", 1)[-1], newest(settings)
    (mail,) = server.kept

    assert (state, outcome.promoted, refresh.end) == ("success", [], RefreshEnd.PROMOTED)
    assert (event.baseline_id, event.by, event.why) == (refresh.baseline_id, "otto", "the summer schedule")
    assert (mail["To"], "may its new baseline take the current one's place" in mail["Subject"]) == (
        "ada@example.org",
        True,
    )
    assert [one.get_content_type() for one in mail.walk() if not one.is_multipart()] == [
        "text/plain",
        "text/html",
        "image/png",
    ]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "/dags/baseline_approval/runs/" in body.get_content()
    assert "  moved: departure_delay: shifted up, " in body.get_content()


def test_a_person_says_no(
    settings: Settings, spark: cluster.Cluster, run_dag: Any, person: Person, server: Server
) -> None:
    """A no leaves the current baseline, is mailed, and is not asked about again but by hand."""
    first = watched(settings, CHANGED, "approve")
    outcome = look(settings, CHANGED)
    answering = answer((person("otto"), KEEP, "half of the flights"))
    state = run_dag("baseline_approval", **outcome.asked[0])
    answering.join()
    again, by_hand = look(settings, CHANGED), look(settings, CHANGED, by_hand=True)

    assert (state, services.stores(settings).baselines.current("delays", 1)) == ("success", first)
    assert [mail["Subject"] for mail in server.kept][1:] == ["[pegel] delays v1: its current baseline stays"]
    body = server.kept[-1].get_body(("plain",))
    assert body is not None
    assert "was rejected, the current baseline stays by otto: half of the flights." in body.get_content()
    assert (again, len(by_hand.asked)) == (RefreshOutcome(), 1)


def test_a_question_goes_where_routes_say(  # noqa: PLR0917  fixtures
    settings: Settings,
    spark: cluster.Cluster,
    run_dag: Any,
    person: Person,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To whom a refused refresh is told, a chat among them; a chat that fails keeps no mail and no question back."""
    watched(settings, CHANGED, "approve")
    outcome = look(settings, CHANGED)
    route = {"kind": "refresh refused", "to": ["slack:chat", "webhook:gone", "pagerduty:oncall", "ben@example.org"]}
    baseline = {"source": CHANGED, "refresh": "approve"}
    alerts = {"emails": ["ada@example.org"], "routes": [route], "severity": {"refresh refused": "critical"}}
    services.stores(settings).registry.put(seeds.spec(baseline=baseline, alerts=alerts))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running_receiver() as receiver:
        monkeypatch.setenv("AIRFLOW_CONN_PEGEL_CHAT", receiver.connection("/chat"))
        answering = answer((person("otto"), KEEP, "not yet"))
        state = run_dag("baseline_approval", **outcome.asked[0])
        answering.join()
        asked, kept = (said["text"] for said in receiver.kept("/chat"))

    assert (state, ["ben@example.org"] * 2) == ("success", [mail["To"] for mail in server.kept])
    assert asked.startswith("delays v1: may its new baseline take the current one's place?")
    assert "/dags/baseline_approval/runs/" in asked
    assert "was rejected, the current baseline stays by otto: not yet." in kept


def test_the_answer_of_another_team_does_not_count(
    settings: Settings, spark: cluster.Cluster, run_dag: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not put models into the namespace has said nothing; the question stays for whoever may."""
    watched(settings, CHANGED, "approve")
    outcome = look(settings, CHANGED)
    monkeypatch.setenv("PEGEL_CLUSTER_TEAMS", json.dumps({"default": ["ada"]}))
    answering = answer((person("otto"), PROMOTE, "mine"), (person("ada"), KEEP, "not yours"))
    state = run_dag("baseline_approval", **outcome.asked[0])
    answering.join()
    refresh = newest(settings)

    assert (state, refresh.end, refresh.by, refresh.why) == ("success", RefreshEnd.REJECTED, "ada", "not yours")


def test_nobody_answers_in_time(settings: Settings, spark: cluster.Cluster, run_dag: Any, server: Server) -> None:
    """When the time is over, Airflow's scheduler answers: the current baseline stays, and the next run asks again."""
    first = watched(settings, CHANGED, "approve")
    outcome = look(settings, CHANGED)
    ending = end_the_wait()
    state = run_dag("baseline_approval", **outcome.asked[0])
    ending.join()
    refresh = newest(settings)

    assert (state, services.stores(settings).baselines.current("delays", 1)) == ("success", first)
    assert (refresh.end, refresh.by) == (RefreshEnd.TIMED_OUT, "nobody")
    assert refresh.why == f"nobody answered within {APPROVAL_WITHIN.days} days"
    assert [mail["Subject"] for mail in server.kept][1:] == ["[pegel] delays v1: its current baseline stays"]
    assert len(look(settings, CHANGED).asked) == 1


def end_the_wait() -> threading.Thread:
    """Begin to put the time of the next question into the past, and let the scheduler sweep as it does each minute."""
    import sqlalchemy as sa
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    def wait_and_sweep() -> None:
        waiting = (TaskInstance.dag_id == "baseline_approval", TaskInstance.state == "awaiting_input")
        for _ in range(200):
            with create_session() as session:
                past = {"trigger_timeout": datetime(2026, 1, 1, tzinfo=UTC)}
                found = session.execute(sa.update(TaskInstance).where(*waiting).values(past)).rowcount  # type: ignore[attr-defined]
            if found:
                SchedulerJobRunner(Job()).check_awaiting_input_timeouts()  # type: ignore[no-untyped-call]  # Airflow's
                return
            time.sleep(0.1)

    thread = threading.Thread(daemon=True, target=wait_and_sweep)
    thread.start()
    return thread


def test_a_question_that_is_answered_is_not_asked_again(
    settings: Settings, spark: cluster.Cluster, run_dag: Any
) -> None:
    """A run about a refresh that has ended asks nobody and changes nothing; what it would have drawn goes."""
    watched(settings, CHANGED, "approve")
    outcome = look(settings, CHANGED)
    stores, recount = services.stores(settings), newest(settings).recount or ""
    kept = stores.baselines.get(recount).id
    stores.refreshes.end(newest(settings).seq, RefreshEnd.REJECTED, by="ada", why="", now=datetime.now(UTC))

    assert run_dag("baseline_approval", **outcome.asked[0]) == "success"
    assert (newest(settings).by, kept) == ("ada", recount)
    with pytest.raises(NotFound):
        stores.baselines.get(recount)


def test_never_leaves_a_model_out_unless_it_is_named(settings: Settings, spark: cluster.Cluster) -> None:
    """A spec that says never is profiled only by hand, compared, and its baseline stays."""
    first = watched(settings, OTHER, "never")
    chosen = [len(specs_to_profile(settings, models)) for models in ([], ["delays"], ["delays/1"])]
    outcome = look(settings, OTHER, by_hand=True)

    assert (chosen, outcome) == ([0, 1, 1], RefreshOutcome())
    assert (newest(settings).end, newest(settings).why) == (RefreshEnd.LEFT, "baseline.refresh is never")
    assert services.stores(settings).baselines.current("delays", 1) == first


def test_one_step_back_stays(settings: Settings, spark: cluster.Cluster, run_dag: Any) -> None:
    """An earlier baseline is current again after one run, and the next refresh does not undo what a person did."""
    first = watched(settings, OTHER)
    look(settings, OTHER)
    state = run_dag("baseline_restore", model="delays", version=1, baseline="previous", why="bad data")
    jobs = len(spark.submissions)
    event = services.stores(settings).baselines.history("delays", 1)[-1]
    again = look(settings, OTHER)

    assert (state, jobs, again) == ("success", 2, RefreshOutcome())
    assert (event.baseline_id, event.why) == (first, "bad data")
    assert services.stores(settings).baselines.current("delays", 1) == first


def test_what_cannot_be_looked_at_fails_the_run_and_no_other_model(settings: Settings, spark: cluster.Cluster) -> None:
    """A model whose new baseline is gone is named; the others get theirs."""
    watched(settings, OTHER)
    made = asdict(BaselineJob(task_id="profile", spec=wish(OTHER).to_json()).profile(settings))
    gone, odd = made | {"baseline_id": "sha256:gone"}, made | {"recount": {"since": "odd", "until": "odd"}}
    outcome = look_at_new_baselines(settings, [gone, odd, made], by_hand=False)

    assert outcome.promoted == [made["baseline_id"]]
    assert outcome.failed[1] == "delays/1: ValueError: Invalid isoformat string: 'odd'"
    with pytest.raises(PermanentError, match=r"delays/1: the results database keeps no baseline sha256:gone"):
        refuse_failed(outcome.failed)


class Event:
    """What Airflow tells of an asset's event, as far as it is looked at."""

    def __init__(self, extra: object) -> None:
        """Begin with what whoever rang has added."""
        self.extra = extra


@pytest.mark.parametrize(
    ("extras", "models"),
    [
        ([], []),
        ([{"models": ["delays/1"]}, {"models": ["fraud", "delays/1"]}], ["delays/1", "fraud"]),
        ([{"models": ["delays/1"]}, {}], []),
        ([{"models": "delays"}], []),
        ([None], []),
    ],
    ids=["clock", "named", "one names none", "no list", "nothing"],
)
def test_whoever_changed_training_data_may_say_of_which_models(extras: list[object], models: list[str]) -> None:
    """Events name the models that are profiled; where one names none all are, as by the clock."""
    assert models_named({TRAINING_DATA: [Event(extra) for extra in extras]}) == models


def test_a_refresh_follows_its_clock_and_the_training_data(workflows: Any) -> None:
    """The workflow runs each day, and when somebody says that training data changed."""
    schedule = workflows["baseline_refresh"].schedule

    assert [asset.name for asset in schedule.asset_condition.objects] == [TRAINING_DATA.name]
