"""Settings of a broker that asks who its clients are, in the words of both client libraries."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pegel.errors import SetupError
from pegel.spec.kafka_security import KafkaSecurity, TokenFile
from pegel.spec.settings import Settings

SECRET = "correct-horse"  # noqa: S105
SCRAM: dict[str, Any] = {
    "kafka_security_protocol": "SASL_PLAINTEXT",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_user": "pegel",
    "kafka_password": SECRET,
}


def security(**given: Any) -> KafkaSecurity:
    """Return what settings say."""
    return KafkaSecurity.of(Settings(**given))


def test_a_broker_that_asks_nothing_needs_no_options() -> None:
    """By default neither library is told anything."""
    assert ({}, {}) == (security().librdkafka(), security().kafka_python())


def test_both_libraries_are_told_the_same() -> None:
    """User, password and mechanism have other names in each."""
    given = security(**SCRAM)

    assert {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "pegel",
        "sasl.password": SECRET,
    } == given.librdkafka()
    assert {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "pegel",
        "sasl_plain_password": SECRET,
    } == given.kafka_python()


def test_no_secret_is_shown() -> None:
    """Neither the settings nor what is made of them have the password or the database's address in their words."""
    settings = Settings(**SCRAM, database_url=f"postgresql+psycopg://pegel:{SECRET}@db/pegel")
    words = (
        f"{settings!r} {settings} {settings.model_dump_json(exclude={'database_url'})} {KafkaSecurity.of(settings)!r}"
    )

    assert SECRET not in words


def test_a_process_that_is_started_is_told_the_secrets() -> None:
    """The variables of the settings are those that the same settings are read from."""
    assert SECRET == Settings(**SCRAM).variables()["PEGEL_KAFKA_PASSWORD"]


def test_a_value_that_cannot_be_accepted_is_one_sentence_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the variable is told, not what stands in it."""
    monkeypatch.setenv("PEGEL_METRICS_PORT", SECRET)
    with pytest.raises(SetupError) as refused:
        Settings.of_environment()

    assert "PEGEL_METRICS_PORT" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kafka_security_protocol": "TLS"}, "PEGEL_KAFKA_SECURITY_PROTOCOL: expected one of PLAINTEXT, SSL"),
        ({"kafka_security_protocol": "PLAINTEXT"}, "expected SASL_SSL or SASL_PLAINTEXT"),
        ({"kafka_sasl_mechanism": None}, "PEGEL_KAFKA_SASL_MECHANISM: expected one of SCRAM-SHA-512"),
        ({"kafka_sasl_mechanism": "GSSAPI"}, "given GSSAPI"),
        ({"kafka_user": None}, "expected PEGEL_KAFKA_USER for SCRAM-SHA-512; it is not set"),
        ({"kafka_user": None, "kafka_password": None}, "PEGEL_KAFKA_USER and PEGEL_KAFKA_PASSWORD"),
        ({"kafka_sasl_mechanism": "OAUTHBEARER"}, "expected PEGEL_KAFKA_TOKEN_FILE"),
        ({"kafka_ca": "/ca.pem"}, "expected SSL or SASL_SSL, as certificates"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_ca": "/nowhere.pem"}, "given /nowhere.pem: No such file"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_ca": "-----BEGIN nothing"}, "PEGEL_KAFKA_CA"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_key": Path("/key.pem")}, "or neither; given one of them"),
    ],
)
def test_a_mistake_is_one_sentence(changes: dict[str, Any], expected: str) -> None:
    """It names the setting, what was expected and what was given, and never the password."""
    with pytest.raises(SetupError) as refused:
        security(**SCRAM | changes)
    said = str(refused.value)

    assert expected in said
    assert said.endswith("No client of the broker was started.")
    assert (False, 1) == (SECRET in said, len(said.splitlines()))


def test_a_token_is_read_again_whenever_it_is_needed(tmp_path: Path) -> None:
    """What keeps it fresh replaces the file; when it expires stands in it."""
    file = tmp_path / "token"
    file.write_text(f"{_web_token(100)}\n")
    first = TokenFile(file).with_expiry()
    file.write_text(_web_token(200))

    assert ((_web_token(100), 100.0), (_web_token(200), 200.0)) == (first, TokenFile(file).with_expiry())


def _web_token(expires: int) -> str:
    parts = ({"alg": "none"}, {"sub": "pegel", "exp": expires})
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts), ""]
    )


def test_a_token_that_says_nothing_of_its_end_is_used_for_minutes(tmp_path: Path) -> None:
    """A text of another form is taken as it is."""
    file = tmp_path / "token"
    file.write_text("opaque")
    token, until = TokenFile(file).with_expiry()

    assert ("opaque", True) == (token, until > file.stat().st_mtime)


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_token_that_is_not_there_is_told(tmp_path: Path, content: str | None) -> None:
    """A missing and an empty file are refused with its name."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    given = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "OAUTHBEARER", "kafka_token_file": file}
    with pytest.raises(SetupError, match=str(file)):
        security(**given)
