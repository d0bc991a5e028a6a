"""Whatever goes wrong with Hopsworks is one sentence, and is told apart: what helps later, and what never will."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificates
from hopsworks_world import World, connection_of, filled, of_a_test

from pegel.errors import NotFound, PegelError, SetupError, Unavailable
from pegel.featurestore.hopsworks.client import HopsworksClient
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.featurestore.hopsworks.facts import Statistics
from pegel.testing.hopsworks import Fault, HopsworksServer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A Hopsworks of the tests."""
    with of_a_test(tmp_path) as started:
        yield started


def refusal(connection: HopsworksConnection, within_s: float = 10.0) -> PegelError:
    """Log in and return why that failed."""
    with pytest.raises(PegelError) as raised, HopsworksClient.logged_in(connection, within_s):
        pass
    return raised.value


def test_a_wrong_key_is_said_to_be_wrong_and_not_shown(world: World) -> None:
    """A key that is not accepted is named by its file; neither it nor the right one stands in the sentence."""
    assert world.server is not None
    world.connection.key_file.write_text("a-wrong.key")

    error = refusal(world.connection)

    assert isinstance(error, SetupError)
    assert str(error) == (
        f"Hopsworks at {world.server.address} does not accept the API key in {world.connection.key_file} (Could not "
        "verify API key.): make one in its account settings and put it there. Nothing was changed."
    )


def test_a_project_of_somebody_else_is_not_found(world: World) -> None:
    """A project that the key's owner does not see is named."""
    error = refusal(world.connection.of_project("other"))

    assert isinstance(error, NotFound)
    assert "shows the owner of the API key no project other (Project wasn't found.)" in str(error)


def test_what_is_not_there_is_named_with_its_version(world: World) -> None:
    """A view, a version of it, a training dataset and a deployment that do not exist are told by name and version."""
    with HopsworksClient.logged_in(world.connection) as client:
        with pytest.raises(NotFound, match="has no feature view other of version 1"):
            client.feature_view("other", 1)
        with pytest.raises(NotFound, match="has no feature view txn_view of version 9"):
            client.feature_view("txn_view", 9)
        with pytest.raises(NotFound, match="no feature view txn_view of version 1 with a training dataset 7"):
            client.training_dataset("txn_view", 1, 7)
        with pytest.raises(NotFound, match="has no deployment other"):
            client.deployment("other")


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    """A server whose certificate has expired is not told the key, and the sentence says why."""
    expired = Certificates.made_in(tmp_path / "certificates", valid_for=timedelta(hours=-1))
    with HopsworksServer(expired.server, filled(tmp_path / "storage")).running() as server:
        error = refusal(connection_of(server, tmp_path, expired))

        assert isinstance(error, SetupError)
        assert "given one that is not: certificate has expired. PEGEL_HOPSWORKS_CA names" in str(error)
        assert [] == server.asked


def test_the_environment_does_not_switch_verification_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own variables, one of which trusts every certificate, are not heeded, and stay as they are."""
    monkeypatch.setenv("HOPSWORKS_HOSTNAME_VERIFICATION", "false")
    monkeypatch.setenv("HOPSWORKS_API_KEY", "another")
    assert world.server is not None

    error = refusal(replace(world.connection, ca=None))

    assert "given one that is not: unable to get local issuer certificate" in str(error)
    assert [] == world.server.asked


def test_a_busy_hopsworks_is_asked_again_later(world: World) -> None:
    """429 is passing, and the sentence says how long to wait."""
    assert world.server is not None
    world.server.fault = Fault.BUSY

    error = refusal(world.connection)

    assert isinstance(error, Unavailable)
    assert str(error).endswith("has too much to do, and asks for 7 s of patience (429).")


def test_a_broken_hopsworks_is_asked_again_later(world: World) -> None:
    """500 with a page instead of JSON is passing."""
    assert world.server is not None
    world.server.fault = Fault.BROKEN

    error = refusal(world.connection)

    assert isinstance(error, Unavailable)
    assert str(error).endswith("fails: it answers 500.")


def test_an_answer_that_breaks_off_is_asked_for_again_later(world: World) -> None:
    """An answer that ends in the middle is passing, and a sentence."""
    assert world.server is not None
    world.server.fault = Fault.TORN

    error = refusal(world.connection)

    assert (Unavailable, f"what Hopsworks at {world.server.address} answers breaks off, or is damaged on its way.") == (
        type(error),
        str(error),
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"features": None}, "(TypeError: "),
        ({"servingKeys": [{"featureName": "id"}]}, "(TypeError: "),
    ],
)
def test_an_answer_that_lacks_a_part_is_a_sentence(world: World, changed: dict[str, Any], said: str) -> None:
    """A reply that the client stumbles over is told as one, for good: asking again brings the same."""
    assert world.server is not None
    world.server.contents.feature_views[0] |= changed

    with HopsworksClient.logged_in(world.connection) as client, pytest.raises(SetupError) as raised:
        client.feature_view("txn_view", 1)

    assert f"answers what is not understood here {said}" in str(raised.value)


def test_what_java_writes_of_no_finite_number_is_read(world: World) -> None:
    """Statistics of a column with NaN are texts there; such that are no numbers at all are a sentence."""
    assert world.server is not None
    path, feature = "featureview/txn_view/version/1/trainingdatasets/version/1", {"featureName": "amount", "count": 4}

    def said(**numbers: str) -> Statistics | None:
        assert world.server is not None
        found = {"name": "train", "featureDescriptiveStatistics": [{**feature, "featureType": "Fractional", **numbers}]}
        world.server.contents.add_statistics(path, {"computationTime": 1, "splitStatistics": [found]})
        with HopsworksClient.logged_in(world.connection) as client:
            return client.statistics("txn_view", 1, 1, "train")

    known = said(mean="NaN", max="Infinity")

    assert known is not None
    assert math.isnan(known.features["amount"].mean or 0.0)
    assert math.inf == known.features["amount"].most
    with pytest.raises(SetupError, match=r"answers what is not understood here \(ValueError\)"):
        said(mean="much")


def test_certificates_that_are_not_there_are_named(world: World, tmp_path: Path) -> None:
    """The file that the settings name is told where there is none."""
    error = refusal(replace(world.connection, ca=tmp_path / "absent"))

    assert isinstance(error, SetupError)
    assert str(error).startswith(f"PEGEL_HOPSWORKS_CA: expected a file of certificates at {tmp_path}/absent; none is")


def test_a_key_that_cannot_be_sent_is_not_shown(world: World) -> None:
    """What is no line of a header is refused by the client, whose words hold it; ours do not."""
    world.connection.key_file.write_text("a-key\nof two lines")

    error = refusal(world.connection)

    assert isinstance(error, SetupError)
    assert "of two lines" not in str(error)


def test_a_silent_hopsworks_is_waited_for_no_longer_than_said(world: World) -> None:
    """What accepts a connection and never answers ends in time, also after the login."""
    assert world.server is not None
    with HopsworksClient.logged_in(world.connection, 0.5) as client:
        world.server.fault = Fault.SILENT
        with pytest.raises(Unavailable, match="does not answer in time"):
            client.feature_view("txn_view", 1)

    assert isinstance(refusal(world.connection, 0.2), Unavailable)


def test_nobody_at_the_address_is_said(world: World) -> None:
    """A port at which nobody listens is passing, and told as such."""
    error = refusal(replace(world.connection, port=1))

    assert (Unavailable, "nobody answers at 127.0.0.1:1: expected Hopsworks there.") == (type(error), str(error))


def test_the_key_is_shown_nowhere(
    world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither standard output, standard error, the log at its finest, nor what is shown of a connection has the key."""
    caplog.set_level(logging.DEBUG)
    assert world.server is not None

    with HopsworksClient.logged_in(world.connection) as client:
        client.feature_view("txn_view", 1)
        shown = repr(client)

    out, err = capfd.readouterr()
    assert "" == out
    assert [] == [text for text in (err, caplog.text, shown) if world.server.key in text]


def test_logging_of_the_process_is_left_alone(world: World) -> None:
    """The client sets up logging for the whole process when it is imported; that is undone."""
    before = logging.getLogger().handlers[:], logging.getLogger().level

    with HopsworksClient.logged_in(world.connection):
        pass

    assert before == (logging.getLogger().handlers, logging.getLogger().level)


def test_a_thread_logs_in_once_at_a_time(world: World) -> None:
    """The client has one connection per process: a login within a login would end the first one, and is refused."""
    with (
        HopsworksClient.logged_in(world.connection) as client,
        pytest.raises(RuntimeError, match="expected one login at a time"),
        HopsworksClient.logged_in(world.connection),
    ):
        pass

    assert client.connection == world.connection
