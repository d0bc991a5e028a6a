"""What forms suggest: written by reconcile, read where workflow files are parsed, and never in the way of anything."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import seeds
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

import pegel
from pegel.spec.settings import Settings
from pegel_airflow import form, form_choices, services
from pegel_airflow.form_choices import FILE, GOOD_FOR, MOST, FormChoices

DAGS = Path(__file__).parents[2] / "dags"
NOW = datetime.now(UTC)
KNOWN = {"models": ["delays"], "keys": ["delays/2"], "sources": ["local://delays?version=2"], "views": []}
FRESH = {"written_at": NOW.isoformat()}
UNUSABLE: dict[str, bytes] = {
    "empty": b"",
    "cut off": json.dumps(FRESH | KNOWN).encode()[:-9],
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "no time": json.dumps(KNOWN).encode(),
    "a time without a zone": json.dumps({"written_at": "2026-11-30T12:00:00"} | KNOWN).encode(),
    "too old": json.dumps({"written_at": (NOW - GOOD_FOR - timedelta(minutes=1)).isoformat()} | KNOWN).encode(),
    "too deep": b"[" * 100_000,
    "too large": json.dumps(FRESH | {"models": ["m" * 400] * 4_000}).encode(),
    "other kinds": json.dumps(FRESH | {"models": "delays", "keys": {"delays/1": 1}, "views": [1, None]}).encode(),
    "too long": json.dumps(FRESH | {"models": ["m" * 501, ""]}).encode(),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that workflow files find through the environment."""
    monkeypatch.setenv("PEGEL_HOME", str(tmp_path))
    return tmp_path


def parsed() -> Any:
    """Parse every workflow file, as the dag-processor does."""
    return BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")


def examples(workflow: Any, param: str) -> Any:
    """Return what a field of a form suggests; None for nothing."""
    return workflow.params.get_param(param).schema.get("examples")


@pytest.mark.parametrize("content", UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_used_suggests_nothing(home: Path, content: bytes) -> None:
    """Whatever is wrong with it, nothing is raised."""
    (home / FILE).write_bytes(content)

    assert FormChoices() == form_choices.read()


@pytest.mark.parametrize("make", [lambda _: None, os.mkdir, os.mkfifo])
def test_what_is_no_file_suggests_nothing(home: Path, make: Callable[[Path], None]) -> None:
    """None at all, a folder, and a pipe that nobody writes to: reading it waits for nobody."""
    make(home / FILE)

    assert FormChoices() == form_choices.read()


@pytest.mark.parametrize("content", [UNUSABLE["cut off"], UNUSABLE["too deep"]], ids=["cut off", "too deep"])
def test_workflows_parse_with_a_damaged_file(home: Path, airflow_database: Path, content: bytes) -> None:
    """All of them, each with its form."""
    (home / FILE).write_bytes(content)
    bag = parsed()

    assert {} == bag.import_errors
    assert {path.stem for path in DAGS.glob("*.py")} == set(bag.dags)
    assert examples(bag.dags["model_change"], "model") is None


def test_reconcile_writes_what_is_known(settings: Settings, fresh_rooms: None, run_dag: Any) -> None:
    """Models and versions, the sources of their baselines, views, and registered training data; a dry run does not."""
    registry = services.stores(settings).registry
    registry.put(seeds.spec())
    registry.put(seeds.spec(model={"name": "fraud", "version": 3, "uri": "file:///models/fraud"}))
    dry = run_dag("monitoring_reconcile", dry_run=True), (settings.home / FILE).exists()
    state = run_dag("monitoring_reconcile")
    known = form_choices.read(settings.home)

    assert (("success", False), "success") == (dry, state)
    assert (("delays", "fraud"), ("delays/1", "fraud/3")) == (known.models, known.keys)
    assert seeds.spec().baseline.source in known.sources


def test_registered_training_data_are_suggested(settings: Settings) -> None:
    """Also those of which no model was learned yet."""
    rows = pa.table({"distance": [float(number) for number in range(300)], "delay": [1.0, 2.0, 3.0] * 100})
    source = pegel.register(rows, name="flights", prediction=["delay"], home=settings.home).source

    assert [] == form_choices.written(settings)
    assert (str(source),) == form_choices.read(settings.home).sources


def test_a_home_that_cannot_be_written_to_is_told(settings: Settings) -> None:
    """In words, and reconciling goes on."""
    (settings.home / FILE).mkdir()

    (why,) = form_choices.written(settings)

    assert "forms suggest what they did before" in why


def test_of_a_thousand_models_the_newest_are_suggested(settings: Settings) -> None:
    """What is read where a file is parsed has a bound, however many are watched."""
    registry = services.stores(settings).registry
    names = [f"m{number:04}" for number in range(1_000)]
    for name in names:
        registry.put(seeds.spec(model={"name": name, "uri": "file:///models/m"}))
    form_choices.written(settings)
    known = form_choices.read(settings.home)

    assert tuple(names[-MOST:]) == known.models
    assert MOST == len(known.keys)
    assert form_choices.LARGEST_BYTES // 2 > 2 * MOST * form_choices.LONGEST


def test_a_suggestion_forbids_no_other_name() -> None:
    """A field that suggests takes any text that it took before."""
    asked = form.params(FormChoices(models=("delays",), sources=("local://delays",)))

    assert ["delays"] == asked["model.name"].schema["examples"]
    assert "fraud" == asked["model.name"].resolve("fraud")
    assert "examples" not in asked["online.source"].schema


@pytest.fixture
def suggesting(home: Path, listed: Path) -> Iterator[Path]:
    """The site's workflows, parsed where the file is there; afterwards as they were."""
    (home / FILE).write_text(json.dumps(FRESH | KNOWN))
    sync_bag_to_db(parsed(), "dags-folder", None)
    yield home
    (home / FILE).unlink()
    sync_bag_to_db(parsed(), "dags-folder", None)


@pytest.mark.usefixtures("suggesting")
@pytest.mark.parametrize(
    ("workflow", "field", "shown"),
    [
        pytest.param("model_change", "model", "delays/2", marks=pytest.mark.long),
        pytest.param("model_offboard", "model", "delays", marks=pytest.mark.long),
        ("model_onboard", "model.name", "delays"),
        pytest.param("model_onboard", "baseline.source", "local://delays?version=2", marks=pytest.mark.long),
    ],
)
def test_the_form_suggests_in_a_browser(open_tab: Any, site: str, workflow: str, field: str, shown: str) -> None:
    """Airflow's own form has the names below the field, and the field takes another one."""
    tab = open_tab()
    tab.goto(f"{site}/dags/{workflow}")
    tab.get_by_role("button", name="Trigger").first.click()
    box = tab.locator(f"[name='element_{field}']")
    box.wait_for(state="attached")
    suggestions = tab.locator(f"[id='{box.get_attribute('list')}'] option")
    suggestions.first.wait_for(state="attached")
    offered = suggestions.evaluate_all("options => options.map(option => option.value)")

    assert [shown] == offered
