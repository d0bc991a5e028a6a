"""A folder of specs against the registry: what is new, changed, the same, invalid, and what only the registry has."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pegel.errors import InvalidSpec
from pegel.reconcile.folder_changes import FolderChange, FolderChangeKind, folder_changes
from pegel.reconcile.serving_backend import pinned
from pegel.reconcile.spec_change import SpecFieldChange
from pegel.report.folder_change_words import change_json, counts_line, diff_lines, plan_lines
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.spec_folder import read_specs
from pegel.testing.samples import sample_spec

CREATE, CHANGE, SAME, INVALID, EXTRA = FolderChangeKind


def written(folder: Path, name: str, spec: MonitorSpec | dict[str, Any]) -> Path:
    """Write a spec into a folder."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(spec.to_json() if isinstance(spec, MonitorSpec) else spec), encoding="utf-8")
    return file


def as_stated(spec: MonitorSpec, _old: MonitorSpec | None) -> MonitorSpec:
    """Return a spec as its file states it."""
    return spec


def changes_of(folder: Path, *registered: MonitorSpec) -> list[FolderChange]:
    """Return what applying a folder would do to a registry."""
    return folder_changes(read_specs([folder]), {spec.key: spec for spec in registered}, as_stated)


def test_each_model_has_its_own_fate(tmp_path: Path) -> None:
    """New, changed, same, invalid and only registered ones are told apart; one bad file holds up no other."""
    written(tmp_path, "a.yaml", sample_spec("new"))
    written(tmp_path, "b/c.json", sample_spec("delays", windowing={"length": "5m"}))
    written(tmp_path, "same.yml", sample_spec("same"))
    written(tmp_path, "bad.yaml", sample_spec("bad").to_json() | {"windowing": {"length": "-1"}})
    (tmp_path / "text.yaml").write_text("[1, 2", encoding="utf-8")
    changes = changes_of(tmp_path, *map(sample_spec, ("delays", "same", "bad", "gone")))

    assert [
        (CREATE, "new/1"),
        (CHANGE, "delays/1"),
        (INVALID, "bad/1"),
        (SAME, "same/1"),
        (INVALID, ""),
        (EXTRA, "gone/1"),
    ] == [(change.kind, change.key) for change in changes]
    assert (SpecFieldChange("windowing.length", "60.0", "300.0"),) == changes[1].fields
    assert "windowing.length: given '-1'" in changes[2].problems[0]
    assert "1 to create, 1 to change, 1 as they are, 2 invalid, 1 in the registry alone" == counts_line(changes)


def test_what_a_change_needs_is_said(tmp_path: Path) -> None:
    """Another folder needs a new endpoint, other training data a new baseline; whom to mail needs neither."""
    data = sample_spec("delays").to_json()
    written(tmp_path, "1.yaml", data | {"model": data["model"] | {"uri": "file:///models/other"}})
    data = sample_spec("fraud").to_json()
    other = {**data["baseline"], "source": "local://fraud?version=2&split=train"}
    written(tmp_path, "2.yaml", data | {"baseline": other, "group": "night"})
    data = sample_spec("loans").to_json()
    written(tmp_path, "3.yaml", data | {"alerts": data["alerts"] | {"emails": []}})
    moved, learned, mailed = changes_of(tmp_path, *map(sample_spec, ("delays", "fraud", "loans")))

    assert ("needs a new endpoint, which takes the old one's place once it answers",) == moved.effects
    assert "needs a new baseline (baseline.source)" == learned.effects[0]
    assert "moves from the driver of group default to that of night" in learned.effects[1]
    assert ((), "alerts.emails") == (mailed.effects, mailed.fields[0].path)


def test_a_folder_that_is_not_looked_into_is_told(tmp_path: Path) -> None:
    """Links that lead out or nowhere, a path that is too long: while one is there, nothing is deleted."""
    specs, elsewhere = tmp_path / "specs", tmp_path / "elsewhere"
    written(specs, "a.yaml", sample_spec("delays"))
    written(elsewhere, "b.yaml", sample_spec("fraud"))
    (specs / "inside").mkdir()
    (specs / "again").symlink_to(specs / "inside")
    (specs / "gone").symlink_to(tmp_path / "not mounted")
    (specs / "team").symlink_to(elsewhere)
    here = os.open(specs, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    changes = changes_of(specs, sample_spec("delays"), sample_spec("fraud"))

    assert [SAME, INVALID, INVALID, INVALID, EXTRA] == [change.kind for change in changes]
    assert "this folder cannot be read: File name too long" in changes[1].problems[0]
    assert f"this is a link to {tmp_path}/not mounted, which is not there" in changes[2].problems[0]
    assert f"this is a link to the folder {elsewhere}" in changes[3].problems[0]


def test_two_files_about_one_model_are_both_invalid(tmp_path: Path) -> None:
    """Which of them is meant nobody can know, so neither is applied, and each names the other."""
    files = [written(tmp_path, name, sample_spec("delays")) for name in ("a.yaml", "b.yaml")]
    first, second = changes_of(tmp_path, sample_spec("delays"))

    assert [INVALID, INVALID] == [first.kind, second.kind]
    assert [str(files[1]) in first.problems[0], str(files[0]) in second.problems[0]] == [True, True]


def test_a_model_folder_with_other_content_is_a_change(tmp_path: Path) -> None:
    """The file is as it was, and what the model's folder holds is not: its digest is the field that changed."""
    written(tmp_path, "a.yaml", sample_spec("delays"))
    old, new = (pinned(sample_spec("delays"), digit * 64) for digit in "ab")
    (change,) = folder_changes(read_specs([tmp_path]), {"delays/1": old}, lambda _spec, _old: new)

    assert (CHANGE, [SpecFieldChange("model.digest", f'"{"a" * 64}"', f'"{"b" * 64}"')]) == (
        change.kind,
        [*change.fields],
    )


def test_a_stored_spec_that_cannot_be_read_is_replaced(tmp_path: Path) -> None:
    """Nothing is known to compare with, so the file's spec is applied, and that is said."""
    written(tmp_path, "a.yaml", sample_spec("delays"))
    (change,) = folder_changes(read_specs([tmp_path]), {"delays/1": None}, as_stated)

    assert (CHANGE, ("what is stored of it cannot be read, and is replaced",)) == (change.kind, change.effects)


def test_what_the_world_lacks_makes_a_changed_spec_invalid(tmp_path: Path) -> None:
    """What else is wrong is asked of changed models alone: one that is the same stays the same."""
    for name in ("delays", "same"):
        written(tmp_path, f"{name}.yaml", sample_spec(name, windowing={"length": "5m"} if name == "delays" else {}))
    registered = {f"{name}/1": sample_spec(name) for name in ("delays", "same")}
    delays, same = folder_changes(read_specs([tmp_path]), registered, as_stated, lambda _one: ["no such table"])

    assert (INVALID, ("no such table",), SAME) == (delays.kind, delays.problems, same.kind)


def test_files_that_are_no_specs_are_left_alone(tmp_path: Path) -> None:
    """Hidden files and folders, other endings, and a suite that a spec names are not taken for specs."""
    suite = {"name": "s", "made": "2026-01-01", "expectations": []}
    written(tmp_path, "suite.json", suite)
    spec = sample_spec("delays").to_json()
    written(tmp_path, "delays.yaml", spec | {"watch": spec["watch"] | {"expectations": [{"file": "suite.json"}]}})
    written(tmp_path, ".git/config.yaml", {})
    written(tmp_path, ".hidden.yaml", {})
    (tmp_path / "README.md").write_text("specs", encoding="utf-8")

    assert ["delays.yaml"] == [one.file.name for one in read_specs([tmp_path])]


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_a_place_without_specs_is_refused(kind: str, tmp_path: Path) -> None:
    """A mistyped or unmounted folder is no wish to watch nothing."""
    place = tmp_path / "nowhere" if kind == "missing" else tmp_path
    with pytest.raises(InvalidSpec, match=r"expected (a file or a folder|at least one)"):
        read_specs([place])


def test_plan_and_diff_tell_old_and_new(tmp_path: Path) -> None:
    """People see both values of each field, machines the same as data; what is the same is only counted."""
    file = written(tmp_path, "a.yaml", sample_spec("delays", windowing={"length": "5m"}))
    written(tmp_path, "b.yaml", sample_spec("same"))
    changes = changes_of(tmp_path, *map(sample_spec, ("delays", "same", "gone")))

    assert [
        f"~ change  delays/1  {file}",
        "    windowing.length: 1m -> 5m",
        "    -> needs a new baseline (windowing.length)",
        "? not in the folder  gone/1",
    ] == plan_lines(changes)[:-1]
    assert "- delete  gone/1" in plan_lines(changes, prune=True)
    assert [
        "--- delays/1 in the registry",
        f"+++ {file}",
        "-windowing.length: 60.0",
        "+windowing.length: 300.0",
        "--- gone/1 in the registry",
        "+++ nothing",
    ] == diff_lines(changes)
    assert {
        "model": "delays/1",
        "change": "change",
        "fields": [{"field": "windowing.length", "old": 60.0, "new": 300.0}],
    }.items() <= (change_json(changes[0]).items())
