"""What came as a label and was refused, as people are told of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pegel.labels.label_arrays import LabelPartition
from pegel.report import html
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.report.refused_labels import RefusedLabels, refused_of, refused_of_all
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.label_store import LabelStore
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy", "pyarrow")
NOW = datetime(2026, 11, 29, tzinfo=UTC)
REFUSED = {("delays/1", "other_match"): 1_200, ("", "not_json"): 3, ("delay/1", "unknown_model"): 4}
OWN = RefusedLabels("delays/1", "1,200 labels refused: 1,200 other_match (matched otherwise than its spec says)")
NOBODYS = RefusedLabels(
    "namespace default",
    "7 labels refused: 4 unknown_model (of a model that takes none from the topic), 3 not_json",
)


def labelled(name: str = "delays", **wishes: Any) -> MonitorSpec:
    """Return the spec of a model with labels by topic."""
    return sample_spec(name, labels={"source": "topic"}, **wishes)


def test_what_was_refused_is_told_with_its_kind(sources: Sources) -> None:
    """Of a model what is known to be its, and of its namespace what nobody knows whose it is; each namespace once."""
    store = LabelStore(sources.engine)
    before = refused_of_all(store, [labelled()])
    store.take("default", {}, {LabelPartition("a", 0): 9}, REFUSED, now=NOW)

    assert [] == before
    assert [OWN, NOBODYS] == refused_of(store, labelled())
    assert [OWN, NOBODYS] == refused_of_all(store, [labelled(), labelled("others"), sample_spec("none")])
    assert ([], [NOBODYS]) == (refused_of(store, sample_spec()), refused_of(store, labelled("others"))[-1:])


def test_rows_of_a_table_count_as_the_last_reading_found_them(sources: Sources) -> None:
    """The table is read as a whole each time: what was mended in it is told no more, and nothing is told twice."""
    store, spec = LabelStore(sources.engine), sample_spec(labels={"source": "parquet:/outcomes", "field": "late"})
    store.note_table("default", spec.key, {"no_key": 5, "no_place": 2})
    store.note_table("default", spec.key, {"no_key": 4})
    told = refused_of(store, spec)
    store.note_table("default", spec.key, {})

    words = "4 labels refused: 4 no_key (rows of the table without the id or the keys of a prediction)"
    assert [RefusedLabels(spec.key, words)] == told
    assert [] == refused_of(store, spec)


def test_the_page_of_a_model_tells_of_refused_labels(sources: Sources) -> None:
    """A line for what was its own, and one for what may have been; nothing where nothing was refused."""
    Registry(sources.engine).put(labelled())
    silent = html.render(model_view(sources, "delays", 1, NOW))
    LabelStore(sources.engine).take("default", {}, {LabelPartition("a", 0): 9}, REFUSED, now=NOW)
    page = html.render(model_view(sources, "delays", 1, NOW))

    assert "Refused labels" not in silent
    assert f"<li>{OWN.name}: {OWN.words}</li>" in page
    assert f"<li>{NOBODYS.name}: {NOBODYS.words}</li>" in page
