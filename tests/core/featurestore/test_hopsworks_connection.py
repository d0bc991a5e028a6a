"""Where Hopsworks is and who asks it: settings that cannot be are one sentence, and the key is in none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pegel.errors import SetupError
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.spec.settings import Settings

pytestmark = pytest.mark.environments("pyarrow")


def settings(key_file: Path | None, **given: Any) -> Settings:
    """Return settings of a Hopsworks."""
    return Settings(
        **({"hopsworks": "hops.example.org", "hopsworks_project": "demo"} | given), hopsworks_key_file=key_file
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("hops.example.org", ("hops.example.org", 443)),
        ("hops.example.org:8443", ("hops.example.org", 8443)),
        ("https://hops.example.org/", ("hops.example.org", 443)),
    ],
)
def test_an_address_is_a_host_and_perhaps_a_port(tmp_path: Path, address: str, expected: tuple[str, int]) -> None:
    """The port of https is the one meant where none is stated."""
    connection = HopsworksConnection.of(settings(tmp_path / "key", hopsworks=address))

    assert expected == (connection.host, connection.port)


@pytest.mark.parametrize(
    "address",
    ["http://hops.example.org", "hops.example.org:", "hops:0", "hops:65536", "a/b", "u:p@hops", "", "hops:\uff11"],
)
def test_another_address_is_refused(tmp_path: Path, address: str) -> None:
    """What is no host, or is not asked by https, is a sentence."""
    with pytest.raises(SetupError, match="PEGEL_HOPSWORKS: expected HOST or HOST:PORT, which is asked by https"):
        HopsworksConnection.of(settings(tmp_path / "key", hopsworks=address))


@pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        ({"hopsworks": None}, "PEGEL_HOPSWORKS: expected HOST or HOST:PORT of Hopsworks; it is not set"),
        ({"hopsworks_project": None}, "PEGEL_HOPSWORKS_PROJECT: expected the name of a project; it is not set"),
    ],
)
def test_what_is_not_set_is_named(tmp_path: Path, lacking: dict[str, None], expected: str) -> None:
    """A setting that is needed and lacking is named."""
    with pytest.raises(SetupError, match=expected):
        HopsworksConnection.of(settings(tmp_path / "key", **lacking))

    with pytest.raises(SetupError, match="PEGEL_HOPSWORKS_KEY_FILE: expected the file with an API key"):
        HopsworksConnection.of(settings(None))


def test_the_key_is_read_when_it_is_asked_for_and_shown_by_nothing(tmp_path: Path) -> None:
    """A key that was changed in its file is the new one; what is shown of a connection names the file alone."""
    file = tmp_path / "key"
    connection = HopsworksConnection.of(settings(file))
    file.write_text("first.key\n")
    first = connection.key()
    file.write_text("second.key")

    assert ("first.key", "second.key") == (first, connection.key())
    assert "second.key" not in repr(connection)


@pytest.mark.parametrize(("content", "said"), [("", "an empty file"), ("secret-one\nsecret-two", "several lines")])
def test_a_file_without_a_key_is_said(tmp_path: Path, content: str, said: str) -> None:
    """An empty file, several lines and no file at all are told, without what the file holds."""
    file = tmp_path / "key"
    file.write_text(content)

    with pytest.raises(SetupError) as raised:
        HopsworksConnection.of(settings(file)).key()
    with pytest.raises(SetupError, match="cannot be read: No such file or directory"):
        HopsworksConnection.of(settings(tmp_path / "none")).key()

    assert said in str(raised.value)
    assert "secret" not in str(raised.value)
