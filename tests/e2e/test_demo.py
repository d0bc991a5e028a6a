"""The main job, whole: real broker, real Airflow, real model server, real stream, real mail."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pegel_local.machine.paths import checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(960)]
STAGES = 13
WITHIN_S = 900.0
"""A quiet machine needs five minutes."""
LATENESS_S = 2.0
"""As `local/pegel_local/demo/delays.yaml` asks for."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name the home of the demonstration's system."""
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def shown(home: Path, watch: Callable[[Path], AbstractContextManager[Any]]) -> tuple[dict[str, Any], Any]:
    """Run the demonstration once, as `make demo` does; return what it measured, and what was seen from outside."""
    folder = home.parent
    if not checkout().demo_data.is_dir():
        pytest.skip(f"THE END-TO-END TEST DID NOT RUN: no flight delays in {checkout().demo_data}; run `make setup`")
    command = [sys.executable, "-m", "pegel.cli.main", "demo", "--home", str(home), "--facts", "facts.json"]
    pipe = subprocess.PIPE
    with watch(home) as seen, subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True) as running:
        try:
            said, trouble = running.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            running.terminate()  # unlike one that is killed, a demonstration asked to end stops its system
            said, trouble = running.communicate()
    assert running.returncode == 0, said + trouble
    return json.loads((folder / "facts.json").read_text(encoding="utf-8")), seen


@pytest.fixture(scope="module")
def facts(shown: tuple[dict[str, Any], Any]) -> dict[str, Any]:
    """Return what the demonstration measured."""
    return shown[0]


def test_every_stage_was_observed(facts: dict[str, Any]) -> None:
    """Exit code 0 means that all stages were shown."""
    assert len(facts["stages_s"]) == STAGES


@pytest.mark.parametrize("traffic", ["unchanged", "changed", "killed", "looked_up", "approved"])
def test_every_request_is_in_a_window_once(facts: dict[str, Any], traffic: str) -> None:
    """Each request and each answer is counted exactly once, also when the driver was killed meanwhile."""
    seen = facts[traffic]

    assert 2 * seen["sent"] == seen["requests"] + seen["responses"] + seen["late"]


@pytest.mark.parametrize("traffic", ["unchanged", "changed", "killed", "looked_up", "approved"])
def test_every_prompt_answer_is_joined(facts: dict[str, Any], traffic: str) -> None:
    """Where each answer came within the lateness, sent = requests = responses = joined."""
    seen = facts[traffic]
    if seen["slowest_answer_ms"] > 1000 * LATENESS_S:
        pytest.skip(
            f"THIS MACHINE DID NOT KEEP UP: an answer took {seen['slowest_answer_ms']:.0f} ms, over the lateness, "
            "so nobody has seen that every prompt answer is joined"
        )

    assert [seen["sent"]] * 3 == [seen["requests"], seen["responses"], seen["joined"]]


def test_the_ledger_closes(facts: dict[str, Any]) -> None:
    """Every message sent was received, and is judged or late; none is invalid, doubled or dropped."""
    ledger = facts["ledger"]

    assert ledger["received"] == ledger["judged"] + ledger["late"] == 2 * ledger["sent"]
    assert {"invalid": 0, "duplicate": 0, "dropped": 0}.items() <= ledger.items()


def test_nothing_changed_nobody_disturbed(facts: dict[str, Any]) -> None:
    """Traffic like the training data gives windows that are ok."""
    assert "drift" not in facts["unchanged"]["verdicts"]
    assert facts["unchanged"]["verdicts"]["ok"] > 0


def test_labels_are_joined_beside_an_estimate(facts: dict[str, Any]) -> None:
    """Each label found its row; the estimate that was made without labels is near the truth, and airlines are told."""
    seen = facts["labelled"]
    truth, estimate = seen["mean_absolute_error"], seen["estimate"]

    assert (seen["known"], 5 * facts["unchanged"]["sent"]) == (seen["labelled"], seen["answered"])
    assert 0.95 < seen["labelled"] / seen["answered"] <= 1
    assert 0.5 < estimate / truth < 2
    assert {"WN", "DL"} <= set(seen["by_airline"])


def test_the_change_is_mailed_by_name(facts: dict[str, Any]) -> None:
    """The mail names the model and a feature that really changed."""
    assert "departure_delay" in facts["changed"]["features"]
    assert "delays" in facts["mail"]["subject"]


def test_a_killed_driver_loses_and_doubles_no_window(facts: dict[str, Any]) -> None:
    """From the first to the last window of the traffic each is there, and became final once."""
    assert (0, 0) == (facts["killed"]["lost"], facts["killed"]["doubled"])


def test_a_killed_driver_goes_on_at_its_offsets(facts: dict[str, Any]) -> None:
    """Without its folder, too, the successor reads each record once: offsets read up to = records that arrived."""
    killed = facts["killed"]

    assert (killed["read_up_to"], 0) == (killed["arrived"], killed["unbalanced_minutes"])
    assert 0 < killed["offsets"] < killed["read_up_to"]


def test_stale_features_are_found_and_mailed(facts: dict[str, Any]) -> None:
    """Of requests that name flights alone a quarter is stale: in no window's rows, in the finding, in a mail."""
    seen = facts["looked_up"]

    assert (seen["sent"] // 4, 5 * seen["sent"] * 3 // 4) == (seen["stale"], seen["rows"])
    assert re.search(r"failed look-ups in the online store \(tolerated 1 %\): \d+ × stale", seen["finding"])  # noqa: RUF001
    assert "delays" in seen["subject"]


def test_the_same_data_give_the_same_baseline(facts: dict[str, Any]) -> None:
    """A refresh from unchanged data changes nothing and restarts nothing."""
    assert {"baseline_id": facts["baseline_id"], "same_driver": True} == facts["refreshed"]


def test_changed_training_data_wait_for_a_person(facts: dict[str, Any]) -> None:
    """The question names what moved; the baseline is the one that was asked about, in the name of who said yes."""
    seen = facts["approved"]

    assert ("airline" in seen["moved"], "moved: airline" in seen["asked"]) == (True, True)
    assert (seen["replaced"], seen["baseline_id"] != seen["replaced"]) == (facts["baseline_id"], True)
    assert (seen["by"], seen["why"]) == ("admin", "the carriers are merged, and it is winter")


def test_a_new_baseline_is_followed_without_a_restart(facts: dict[str, Any]) -> None:
    """The running driver judges by what was approved, and flights like those that were learnt are no drift any more."""
    seen = facts["approved"]

    assert (seen["same_driver"], seen["verdicts"].get("drift", 0)) == (True, 0)


def test_nothing_that_was_made_for_the_model_is_left(facts: dict[str, Any]) -> None:
    """Its endpoint was there before it was offboarded, and nothing after."""
    assert {"before": ["delays-v1"], "left": []} == facts["made_for_models"]


def test_nothing_is_left_running(facts: dict[str, Any]) -> None:
    """No recorded process, and nothing any of them started, outlives the demonstration."""
    assert [] == facts["left_running"]


def listeners() -> set[str]:
    """Return the processes that listen, as SECURITY.md names them."""
    page = (
        (checkout().root / "SECURITY.md").read_text(encoding="utf-8").split("**Ports.**")[1].split("Why the broker")[0]
    )
    return set(re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE))


def test_what_listens_is_documented_and_on_the_loopback_address(shown: tuple[dict[str, Any], Any]) -> None:
    """Each process of the system that listened is one of the documented ones, each of those did, and none elsewhere.

    What explains predictions listens only where a spec asks for explanations; that of the demonstration does not.
    """
    listening, documented = shown[1].listening, listeners() - {"pegel_serving.attribution"}
    by_name = {name: [command for command in listening if name in command] for name in documented}
    unknown = [command for command in listening if not any(name in command for name in documented)]

    assert ([], []) == (unknown, [name for name, commands in by_name.items() if not commands])
    assert {"127.0.0.1"} == {address for addresses in listening.values() for address in addresses}


def test_whoever_loads_a_model_knows_nothing_of_the_system(shown: tuple[dict[str, Any], Any]) -> None:
    """Neither settings nor Airflow's variables were in the environment of a model server or its proxy."""
    names = {
        name
        for command, variables in shown[1].variables.items()
        if "pegel_serving.server" in command or "pegel_serving.proxy" in command
        for name in variables
    }

    assert ("PATH" in names, {name for name in names if name.startswith(("PEGEL", "AIRFLOW", "_AIRFLOW"))}) == (
        True,
        set(),
    )


def test_everything_below_the_home_is_private(facts: dict[str, Any], home: Path) -> None:
    """No file and no folder that any part of the system made has a bit for anybody but its owner."""
    paths = [path for path in home.rglob("*") if not path.is_symlink()]
    shared = {str(path.relative_to(home)) for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077}

    assert (set(), True) == (shared, len(paths) > 50)


def test_no_temporary_file_of_spark_is_left(facts: dict[str, Any], home: Path) -> None:
    """Drivers and batch jobs wrote below the home, and what they wrote there for a while is gone."""
    left = [path.name for path in home.rglob("*") if path.name.startswith(("blockmgr-", "spark-"))]

    assert [] == left


def test_the_report_needs_nothing_from_elsewhere(facts: dict[str, Any]) -> None:
    """The report is one file, without a script, picture or font of another address."""
    text = Path(facts["report"]).read_text(encoding="utf-8")

    assert "delays" in text
    assert "src=" not in text.replace('src="data:', "")
    assert "<script" not in text


def test_the_mailed_finding_can_be_recomputed(facts: dict[str, Any]) -> None:
    """`pegel explain`, as the mail says it, finds the same statistic and p-value again."""
    (finding,) = {*re.findall(r"pegel explain (\w+)", facts["mail"]["text"].replace("\n", " "))}
    home = str(Path(facts["report"]).parent)
    command = [sys.executable, "-m", "pegel.cli.main", "explain", finding, "--home", home]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert "equal to 1e-9" in done.stdout
