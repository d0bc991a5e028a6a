"""Training data in an object store: read by Spark over S3's protocol, from a server that speaks it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pinned_archives import pinned_archives
from waiting import wait_until

from pegel.testing.samples import brief_spec
from pegel_local.machine.ports import free_ports
from pegel_spark.jobs import baseline as launcher

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-north-1"}
FILL = """
import pathlib, sys, boto3
folder, store = pathlib.Path(sys.argv[2]), boto3.client("s3", endpoint_url=sys.argv[1])
store.create_bucket(Bucket="features", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
for each in folder.rglob("*"):
    if each.is_file():
        store.upload_file(str(each), "features", str(each.relative_to(folder)))
"""


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """A folder with the pinned archives of S3, as an image has them beside pyspark's."""
    return pinned_archives("s3a", tmp_path / "jars")


@pytest.fixture
def server_environment(tmp_path: Path) -> Iterator[Path]:
    """An environment of its own for the server, from its own lock file; it is gone after the test."""
    uv, folder = ROOT / ".venvs" / "tools" / "bin" / "uv", tmp_path / "server"
    lock = ROOT / "requirements" / "object-store.txt"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
    subprocess.run([uv, "pip", "sync", "-q", "--require-hashes", "--python", folder, lock], check=True)
    yield folder / "bin"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def store(server_environment: Path) -> Iterator[str]:
    """The address of a server of object stores, without any bucket."""
    (port,) = free_ports(1)
    with subprocess.Popen(
        [server_environment / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert wait_until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def answers(port: int) -> bool:
    """Say whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def baseline(world: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the baseline job as a process of its own."""
    return subprocess.run(
        [sys.executable, launcher.__file__, "--spec", json.dumps(brief_spec().to_json())],
        env={**os.environ, **SECRETS, "PEGEL_HOME": str(world.settings.home), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_bucket_gives_the_baseline_of_the_folder_that_was_copied(
    world: Any, store: str, server_environment: Path, archives: Path
) -> None:
    """With the pinned archives alone, and what the store asks in the environment, the document has the same id."""
    fill: list[str | Path] = [server_environment / "python", "-c", FILL, store, str(world.settings.features)]
    subprocess.run(fill, env={**os.environ, **SECRETS}, check=True)
    of_bucket = {"PEGEL_FEATURE_STORE": "s3a://features", "AWS_ENDPOINT_URL_S3": store}
    done = [baseline(world), baseline(world, **of_bucket, SPARK_DIST_CLASSPATH=f"{archives}/*")]
    ids = [json.loads(each.stdout.splitlines()[-1])["baseline_id"] for each in done if not each.returncode]

    assert [0, 0] == [each.returncode for each in done], done[1].stderr[-2_000:]
    assert ids[0] == ids[1]
