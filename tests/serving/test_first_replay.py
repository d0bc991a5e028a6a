"""Whether an endpoint answers as the folder of its model does: looked at once, by rows that are marked as ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paint_model
import pytest
import sinks
from asked_server import AskedServer, asked_server
from held_out_place import HELD_OUT, HeldOutPlace, made_place, paint_rows
from waiting import wait_until

from pegel.baseline.replay_reference import ReplayReference
from pegel.data.columns import Role
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.settings import Settings
from pegel.store.identity_store import FirstAnswers, IdentityStore
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_serving.attribution.artefact_digest import artefact_digest
from pegel_serving.attribution.asked_endpoint import PREFIX
from pegel_serving.attribution.asked_rows import AskedRows
from pegel_serving.attribution.first_replay import first_replays
from pegel_serving.attribution.model_works import ModelWorks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


FEW = 60
"""Rows that are held out."""


def price(row: dict[str, Any]) -> float:
    """Return what the paint model says."""
    return float(2 * row["size"] + 3 * row["weight"] + 10 * (row["colour"] == "red"))


@pytest.fixture
def endpoint() -> Iterator[AskedServer]:
    """An endpoint that answers as the folder does."""
    with asked_server(price) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, endpoint: AskedServer) -> Iterator[HeldOutPlace]:
    """A place with a model, its rows and its endpoint."""
    made = made_place(tmp_path)
    made.register(paint_rows(FEW), "holdout")
    made.url = f"http://127.0.0.1:{endpoint.server_port}/"
    yield made
    for one in made.running:
        one.end()


def begun(place: HeldOutPlace) -> ModelWorks:
    """Look at the first answers of the model, trying again soon."""
    works = first_replays(place.preparation, place.settings, place.engine, first_wait_s=0.1)
    place.running.append(works)
    works.watch([place.spec()])
    return works


def known(place: HeldOutPlace) -> FirstAnswers | None:
    """Return what came of it."""
    return IdentityStore(place.engine).get("paint", 1, "replay")


def reference(place: HeldOutPlace) -> ReplayReference:
    """Return what answers are judged by."""
    found = known(place)
    return ReplayReference() if found is None else found.reference


def test_some_rows_are_looked_at_once(place: HeldOutPlace, endpoint: AskedServer) -> None:
    """They carry the endpoint's secret and an id of ours; nobody asks again, but of another folder."""
    first = begun(place)
    assert wait_until(lambda: reference(place).replayed > 0, within_s=100)
    digest = artefact_digest(place.folder / "paint")
    found = known(place)

    assert found is not None
    assert (ReplayReference(0, FEW), HELD_OUT, digest) == (found.reference, found.source, found.artefact)
    assert ({"a secret"}, FEW) == ({sent["pegel-probe"] for sent in endpoint.headers}, len(endpoint.headers))
    assert all(sent["ce-id"].startswith(PREFIX) for sent in endpoint.headers)
    first.end()

    (place.folder / "paint" / "note").write_text("another folder")
    other = artefact_digest(place.folder / "paint")
    begun(place).prepared("paint-v1", {"method": "linear", "artefact": other})
    assert wait_until(lambda: (told := known(place)) is not None and told.artefact == other, within_s=100)
    assert 2 * FEW == len(endpoint.headers)


def test_the_model_s_own_rows_are_asked_about_where_none_are_held_out(place: HeldOutPlace) -> None:
    """A thousand of them at most, by the calls of ten minutes, drawn as any client would send them."""
    features = paint_model.SCHEMA.of_role(Role.FEATURE)
    rows = AskedRows(place.spec(baseline=None), place.preparation, place.settings)
    few = AskedRows(place.spec(calls_per_minute=7), place.preparation, place.settings)

    assert (place.spec().baseline.source, HELD_OUT) == (rows.source, few.source)
    assert (1_000, 60) == (len(rows.drawn(rows.source, features, rows.most)), few.most - 10)


def test_answers_that_are_others_are_counted(place: HeldOutPlace, endpoint: AskedServer) -> None:
    """An endpoint that rounds is known as that: of each row by more than 1e-5 of its answer."""
    endpoint.predict = lambda row: price(row) + (1e-2 if row["colour"] == "red" else 1e-6)
    begun(place)
    assert wait_until(lambda: reference(place).replayed > 0, within_s=100)

    red = paint_rows(FEW)["colour"].to_pylist().count("red")
    assert ReplayReference(red, FEW) == reference(place)


def test_an_endpoint_that_is_not_there_is_asked_again(place: HeldOutPlace, endpoint: AskedServer) -> None:
    """Until it answers, it is known why nobody can tell; once it does, nothing is left of that."""
    endpoint.status = 503
    begun(place)
    assert wait_until(lambda: (told := known(place)) is not None and "does not answer" in told.why, within_s=50)
    assert ReplayReference() == reference(place)

    endpoint.status = 200
    assert wait_until(lambda: reference(place).replayed > 0, within_s=100)
    assert wait_until(lambda: (told := known(place)) is not None and not told.why, within_s=20)


def test_an_endpoint_that_would_take_us_for_a_client_is_not_asked(place: HeldOutPlace, endpoint: AskedServer) -> None:
    """Where no secret says whose questions these are, they would be counted as traffic: nothing is asked."""
    place.token = ""
    begun(place)

    assert wait_until(lambda: (told := known(place)) is not None and "from those of clients" in told.why, within_s=50)
    assert [] == endpoint.headers


def test_a_real_endpoint_answers_as_its_folder(place: HeldOutPlace, sink: sinks.Sink) -> None:
    """Its proxy logs each question and answer as ours, so that none is counted as traffic."""
    home = Settings(home=place.folder / "home", serving_python=Path(sys.executable), logger_url=sink.url)
    backend, spec = LocalServingBackend(home), place.spec()
    backend.apply(spec)
    try:
        assert wait_until(lambda: backend.observe(spec.endpoint).state is EndpointState.READY, within_s=50)
        seen = backend.observe(spec.endpoint)
        place.url, place.token = str(seen.url), seen.probe_token
        begun(place)
        assert wait_until(lambda: reference(place).replayed > 0, within_s=100)
        logged = sink.wait_for(2 * FEW)
    finally:
        backend.delete(spec.endpoint)

    assert ReplayReference(0, FEW) == reference(place)
    assert 2 * FEW == sum("ce-probe" in {name.lower() for name in headers} for headers, _ in logged)


def test_rows_that_it_does_not_take_say_nothing(place: HeldOutPlace, endpoint: AskedServer) -> None:
    """An endpoint that refuses every row as bad leaves nothing known, and that is told."""
    endpoint.status = 422
    begun(place)

    assert wait_until(lambda: (told := known(place)) is not None and "takes none of 60 rows" in told.why, within_s=50)
    assert ReplayReference() == reference(place)
