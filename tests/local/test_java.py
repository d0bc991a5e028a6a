"""Java is found, or the sentence says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pegel.errors import SetupError
from pegel_local.machine.find_java import find_java

FakeJava = Callable[..., Path]


@pytest.mark.parametrize("version", ["17.0.15", "21", "17-ea"])
def test_a_supported_version_is_taken(java: FakeJava, version: str) -> None:
    """A Java that both Kafka and Spark run on is used from PATH."""
    program = java(version.replace("-ea", ".0-ea"))

    assert program == find_java()


@pytest.mark.parametrize(("version", "told"), [("11.0.2", "11.0.2"), ("1.8.0_292", "8.0_292"), ("26.0.1", "26.0.1")])
def test_another_version_is_refused_by_its_name(java: FakeJava, version: str, told: str) -> None:
    """A Java that is too old or too new is refused with its version and the remedy."""
    java(version)

    with pytest.raises(SetupError, match=rf"Java 17 to 21 is needed; .* is version {told}\. Install OpenJDK 17"):
        find_java()


def test_no_java_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any Java the sentence says what is missing and what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(SetupError, match=r"there is no `java` on PATH. Install OpenJDK 17"):
        find_java()


def test_java_home_comes_first(java: FakeJava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME wins over PATH, and an empty one is named."""
    java("17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "elsewhere"))

    with pytest.raises(SetupError, match=r"JAVA_HOME=.*elsewhere has no bin/java"):
        find_java()


def test_a_program_that_is_no_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something called java that names no version is not taken for one."""
    program = tmp_path / "java"
    program.write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(SetupError, match="does not name a version"):
        find_java()
