"""The archive of Spark's classes: used where it fits, and no harm where it does not."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from pegel_spark import class_archive


def test_a_session_maps_the_archive_that_setup_made(spark: SparkSession) -> None:
    """The JVM of a session has the file in its memory."""
    assert spark.sparkContext is not None
    gateway = SparkContext._gateway
    assert gateway is not None
    mapped = Path(f"/proc/{gateway.proc.pid}/maps").read_text(encoding="utf-8")

    assert str(class_archive.PATH) in mapped


def test_without_an_archive_a_jvm_is_asked_for_none(tmp_path: Path) -> None:
    """A file that is not there has no flags."""
    assert () == class_archive.flags(tmp_path / "classes.jsa")


@pytest.mark.parametrize("content", [b"", b"no archive", bytes(100_000)])
def test_an_archive_that_does_not_fit_keeps_no_jvm_from_its_work(content: bytes, tmp_path: Path) -> None:
    """It starts, and says nothing about it, wherever the file lies."""
    path = tmp_path / "with a space" / "classes.jsa"
    path.parent.mkdir()
    path.write_bytes(content)
    java = shutil.which("java")
    assert java is not None
    flags = shlex.split(" ".join(class_archive.flags(path)))
    ended = subprocess.run([java, *flags, "--version"], capture_output=True, text=True, timeout=60, check=False)

    assert (0, "") == (ended.returncode, ended.stderr)
