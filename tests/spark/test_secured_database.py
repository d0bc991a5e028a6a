"""PostgreSQL behind TLS, with a password that stands in a file: all of it in the URL, as its own library takes it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from certificates import Certificates
from postgres_server import PostgresServer
from tls_front import TlsFront

from pegel.errors import SetupError, Unavailable
from pegel.store.database import connect, migrate
from pegel.store.job_results import JobEnd, JobResult, JobResults

PASSWORD = "correct-horse-battery"  # noqa: S105


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """An authority, and the server's certificate by it."""
    return Certificates.made_in(tmp_path / "certificates")


@pytest.fixture
def port(certificates: Certificates) -> Iterator[int]:
    """Where a server answers by TLS alone, and asks for a password."""
    # Not the test's own folder: the path of a Unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgresServer(Path(folder), password=PASSWORD)
        server.start()
        with TlsFront(server.socket, certificates) as front:
            yield front.port
        server.stop()


def url(port: int, **options: object) -> str:
    """Return a URL with options of PostgreSQL's library, as an operator's Secret writes it."""
    return (
        f"postgresql://pegel@127.0.0.1:{port}/postgres?{'&'.join(f'{name}={value}' for name, value in options.items())}"
    )


def test_what_the_library_takes_may_stand_in_the_url(port: int, certificates: Certificates, tmp_path: Path) -> None:
    """The server's certificate is checked, the password is read from its file, and what is written is read again."""
    passfile = tmp_path / "passfile"
    passfile.write_text(f"*:*:*:pegel:{PASSWORD}\n")
    passfile.chmod(0o600)
    engine = connect(url(port, sslmode="verify-full", sslrootcert=certificates.ca, passfile=passfile))
    migrate(engine)
    result = JobResult(state=JobEnd.DONE, result={"rows": 3})
    JobResults(engine).put("a-run", result, datetime.now(UTC))
    kept = JobResults(engine).take("a-run")
    engine.dispose()

    assert result == kept
    assert PASSWORD not in repr(engine)


def test_a_server_that_somebody_else_vouches_for_is_not_talked_to(port: int, tmp_path: Path) -> None:
    """A certificate by another authority ends the connection, with a sentence that says so and shows no password."""
    other = Certificates.made_in(tmp_path / "other")
    engine = connect(url(port, sslmode="verify-full", sslrootcert=other.ca, password=PASSWORD))
    with pytest.raises(Unavailable) as refused:
        migrate(engine)
    engine.dispose()

    assert "SSL error" in str(refused.value)
    assert PASSWORD not in f"{refused.value} {engine!r}"


@pytest.mark.parametrize(
    "given", ["mysql://pegel:hush@db/pegel", "db.example.org", "", "postgresql+other://u:hush@db/x"]
)
def test_what_is_no_address_of_a_known_database_is_one_sentence(given: str) -> None:
    """It names the setting and what it expects, and never a password."""
    with pytest.raises(SetupError, match="PEGEL_DATABASE_URL: expected postgresql") as refused:
        connect(given)

    assert "hush" not in str(refused.value)
