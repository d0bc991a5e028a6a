"""Finds a Java that both the broker and Spark can run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from pegel.errors import SetupError

OLDEST, NEWEST = 17, 21
"""Kafka 4 needs 17; 21 is the newest that Spark 4.2 was tried on."""


def find_java() -> Path:
    """Return `java` from JAVA_HOME, else from PATH. Raises SetupError when there is none or its version is wrong."""
    java = _locate()
    version = _version(java)
    major = int(version.split(".")[0])
    if not OLDEST <= major <= NEWEST:
        raise SetupError(
            f"Java {OLDEST} to {NEWEST} is needed; {java} is version {version}. "
            f"Install OpenJDK {OLDEST} or point JAVA_HOME at one."
        )
    return java


def _locate() -> Path:
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if program is None or not os.access(program, os.X_OK):
        where = f"JAVA_HOME={home} has no bin/java" if home else "there is no `java` on PATH"
        raise SetupError(f"Java {OLDEST} is needed and {where}. Install OpenJDK {OLDEST} or point JAVA_HOME at one.")
    return Path(program)


def _version(java: Path) -> str:
    try:
        answer = subprocess.run(
            [java, "-XX:-UsePerfData", "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{java} cannot be run: {error}. Install OpenJDK {OLDEST}.") from error
    match = re.search(r'version "(\d[^"]*)"', answer.stderr + answer.stdout)
    if match is None:
        raise SetupError(f"{java} -version does not name a version. Install OpenJDK {OLDEST}.")
    # Java 8 and older call themselves 1.8.
    return match[1].removeprefix("1.")
