"""SECURITY.md says what the code does: its numbers and names are those of the code."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from pegel.spec import durations, email_addresses, limits, outside_text, spec_fields, spec_problems, spec_text
from pegel_local.backends.child_environments import NEEDED

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def table(title: str) -> list[list[str]]:
    """Return the rows of the first table below a heading or a bold word."""
    lines = PAGE.split(title, 1)[1].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def test_the_limits_are_those_of_the_code() -> None:
    """Every number in the table of limits is the constant that is checked."""
    beyond = {row[0]: row[1] for row in table("## Limits")}
    expected = {
        "a spec's file": (spec_text.LARGEST_BYTES // 1024, spec_text.DEEPEST, spec_text.MOST_KEYS),
        "problems of a spec that are named": (spec_problems.MOST_PROBLEMS,),
        "a length of time in a spec": (durations.LONGEST.days,),
        "names of models, namespaces, groups": (spec_fields.LONGEST_NAME,),
        "references, addresses, names of columns in a spec": (spec_fields.LONGEST_TEXT,),
        "an address of a person": (email_addresses.LONGEST_EMAIL,),
        "text of others in a terminal, page, report, mail": (
            outside_text.NAME_LIMIT,
            outside_text.LONGEST_SHOWN,
            outside_text.LONGEST_SENTENCE,
        ),
        "quiet of an alert or a model": (limits.LONGEST_QUIET.days,),
    }
    missing = {
        (name, number) for name, numbers in expected.items() for number in numbers if f"{number:,}" not in beyond[name]
    }

    assert set() == missing
    assert {"a reason that a person gives"} == set(beyond) - set(expected)


def test_the_processes_that_listen_are_modules_of_the_tree() -> None:
    """What is named as a process of ours is a module or a file that can be run."""
    processes = [row[0].strip("`") for row in table("**Ports.**")]
    files = [name for name in processes if "/" in name]
    ours = [name for name in processes if name.startswith("pegel_") and name not in files]

    assert {"pegel_serving.logger", "pegel_serving.proxy", "pegel_serving.server"} <= set(ours)
    assert [] == [name for name in ours if name.split(".")[0] != "pegel_spark" and find_spec(name) is None]
    assert files
    assert [] == [name for name in files if not (ROOT / "spark" / name).is_file()]


def test_no_variable_with_a_secret_is_needed_by_a_model_server() -> None:
    """What an endpoint inherits are names of places and of language, none of Pegel or Airflow."""
    assert [] == [name for name in NEEDED if re.match(r"PEGEL|_?AIRFLOW|.*(KEY|TOKEN|SECRET|PASSWORD|URL)", name)]
