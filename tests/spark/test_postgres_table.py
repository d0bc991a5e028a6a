"""A table of PostgreSQL as training data: by the pinned driver, in a process of its own, with a password in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import worlds
from certificates import Certificates
from pinned_archives import pinned_archives
from postgres_server import PostgresServer
from tls_front import TlsFront

from pegel.testing.samples import brief_spec, trained_on
from pegel_spark.jobs import baseline as launcher
from pegel_spark.launched_job import REFUSED

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
PASSWORD = "correct-horse-battery"  # noqa: S105
SOURCE = "jdbc://shop/public.flights?predictions=delay&without=id"


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """A folder with the pinned driver, as an image has it beside pyspark's archives."""
    return pinned_archives("postgresql", tmp_path / "jars")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where a server answers by TLS alone and asks for a password; it has a table of flights."""
    certificates = Certificates.made_in(tmp_path / "certificates")
    # Not the test's own folder: the path of a Unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgresServer(Path(folder), password=PASSWORD)
        server.start()
        engine = sa.create_engine(server.url, connect_args={"password": PASSWORD})
        rows = worlds.training_table().to_pandas().reset_index(names="id")
        rows.to_sql("flights", engine, schema="public", index=False)
        engine.dispose()
        with TlsFront(server.socket, certificates) as front:
            yield front.port
        server.stop()


def job(world: Any, driver: Path, port: int, password: str) -> subprocess.CompletedProcess[str]:
    """Run the baseline job with a file of databases."""
    file = driver.parent / "databases"
    url = f"jdbc:postgresql://127.0.0.1:{port}/postgres"
    file.write_text(f"[shop]\nurl = {url}\nuser = pegel\npassword = {password}\nsslmode = require\n")
    return subprocess.run(
        [sys.executable, launcher.__file__, "--spec", json.dumps(brief_spec(baseline={"source": SOURCE}).to_json())],
        env={
            **os.environ,
            "PEGEL_HOME": str(world.settings.home),
            "PEGEL_DATABASES_FILE": str(file),
            "SPARK_DIST_CLASSPATH": f"{driver}/*",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_table_of_postgresql_is_training_data(world: Any, driver: Path, port: int) -> None:
    """The right password gives the baseline of the rows, a wrong one a sentence; neither is in what the job writes."""
    done, refused = job(world, driver, port, PASSWORD), job(world, driver, port, "wrong-horse")

    assert 0 == done.returncode, done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    made = world.baselines.get(told["baseline_id"])
    spec = brief_spec(baseline={"source": SOURCE})
    assert trained_on(worlds.training_table(), made.layout.schema, spec).id == made.id
    assert REFUSED == refused.returncode
    assert "the database does not let in whoever asks" in refused.stderr
    assert [] == [text for text in (done.stdout, done.stderr) if PASSWORD in text]
    assert [] == [text for text in (refused.stdout, refused.stderr) if "wrong-horse" in text]
