"""Fetches Java archives from Maven Central with the Ivy that pyspark ships: Python and Java are all it takes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from pegel.errors import SetupError
from pegel_local.jars.jars_lock import Jar
from pegel_local.machine.find_java import find_java

if TYPE_CHECKING:
    # An image's environment lacks what it imports.
    from pegel_local.machine.paths import Checkout

FETCH_LIMIT_S = 900


def fetch(name: str, jars: tuple[Jar, ...], *, ivy: Path, cache: Path, target: Path) -> None:
    """Put each archive, unverified, into `target`; `cache` is Ivy's own. Raises SetupError: no network, disk full."""
    module = target.parent / "ivy.xml"
    module.write_text(module_file(name, jars), encoding="utf-8")
    # Without `java.net.useSystemProxies` an ordinary desktop proxy would go unused.
    command: list[str | Path] = [find_java(), "-Djava.net.useSystemProxies=true", "-jar", ivy, "-warn", "-cache", cache]
    command += ["-ivy", module, "-confs", "default", "-retrieve", f"{target}/[artifact]-[revision].[ext]"]
    try:
        fetched = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise SetupError(
            f"fetching the {name} jars took more than {FETCH_LIMIT_S} s. Run `make setup` again."
        ) from error
    output = fetched.stdout + fetched.stderr
    if "No space left on device" in output:
        raise SetupError(
            f"the disk is full: {cache} cannot take the {name} jars. Free 100 MB and run `make setup` again."
        )
    if fetched.returncode != 0 or "UNRESOLVED DEPENDENCIES" in output:
        reason = _last_words(output)
        raise SetupError(
            f"the {name} jars could not be fetched from Maven Central ({reason}). "
            f"Check the network (an Ivy settings file or Java's proxy options apply) and run `make setup` again."
        )


def _last_words(output: str) -> str:
    lines = [line.strip(" \t:") for line in output.splitlines()]
    telling = [line for line in lines if "not found" in line or "Exception" in line or "ERROR" in line]
    return (telling or [line for line in lines if line] or ["Ivy said nothing"])[0][:200]


def module_file(name: str, jars: tuple[Jar, ...]) -> str:
    """Return the Ivy module file that asks for each archive alone, without its dependencies."""
    wanted = "\n".join(
        f"    <dependency org={quoteattr(jar.group)} name={quoteattr(jar.artifact)} rev={quoteattr(jar.version)} "
        f'transitive="false" conf="default-&gt;master"/>'
        for jar in jars
    )
    return (
        '<ivy-module version="2.0">\n'
        f'  <info organisation="pegel" module={quoteattr(name)} revision="1"/>\n'
        '  <configurations><conf name="default"/></configurations>\n'
        f"  <dependencies>\n{wanted}\n  </dependencies>\n"
        "</ivy-module>\n"
    )


def find_ivy(checkout: Checkout) -> Path:
    """Return the Ivy archive inside the Spark environment's pyspark. Raises SetupError."""
    library = checkout.python("spark").parents[1] / "lib"
    archives = sorted(library.glob("python3*/site-packages/pyspark/jars/ivy-*.jar"))
    if not archives:
        raise SetupError(f"the spark environment has no pyspark below {library}. Run `make setup`.")
    return archives[-1]
