"""The three environments, the Java archives and the data are there."""

from __future__ import annotations

from pathlib import Path

from pegel_local.demo.failure import StageFailed, require
from pegel_local.demo.stage import Demo
from pegel_local.jars.install_jars import install_all
from pegel_local.machine.find_java import find_java

SHOWN = (("airflow", "apache_airflow"), ("spark", "pyspark"), ("serving", "kserve"))


def show(demo: Demo) -> str:
    """Look at what `make setup` has installed, fetching archives that are missing."""
    find_java()
    install_all(demo.checkout)
    require(
        demo.data.is_dir(),
        expected=f"the flight delays in {demo.data}",
        happened="there is no such folder; run `make setup`",
    )
    versions = {name: installed(demo.checkout.python(name), package) for name, package in SHOWN}
    demo.facts["versions"] = versions
    jars = sum(1 for _ in demo.checkout.jars("broker").glob("*.jar"))
    shown = [f"Airflow {versions['airflow']}", f"Spark {versions['spark']}", f"KServe's server {versions['serving']}"]
    return " · ".join([*shown, f"{jars} jars"])


def installed(python: Path, package: str) -> str:
    """Return the version of a package in another environment, by the name of its metadata folder.

    Raises StageFailed when it is not there: the environment is half installed.
    """
    folders = sorted((python.parents[1] / "lib").glob(f"python3*/site-packages/{package}-*.dist-info"))
    if not folders:
        raise StageFailed(expected=f"{package} in {python.parents[1]}", happened="it is missing; run `make setup`")
    return folders[0].name.removeprefix(f"{package}-").removesuffix(".dist-info")
