"""How wrong archived answers were, by the labels that are kept beside them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.folders import Kept, date_folder, model_folder
from pegel.labels.label_arrays import SCHEMA
from pegel.past.wrong_answers import WrongAnswers
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")
DAY = timedelta(days=1)
SPEC = sample_spec(labels={"source": "topic", "horizon": "7d"})


def rows(answers: Any) -> pa.Table:
    """Return an archived row for each answer, all of one instant."""
    count = len(answers)
    return pa.table(
        {
            "event_id": [f"e{at}" for at in range(count)],
            "event_time": pa.array([START] * count, pa.timestamp("us", tz="UTC")),
            "row": pa.array([0] * count, pa.int32()),
            "p_class": answers,
        }
    )


def keep(root: Path, categories: list[str | None], *, came: datetime, read: datetime) -> None:
    """Keep the label of each row that has one; `read`: when the job read them from where they came."""
    own = [(at, text) for at, text in enumerate(categories) if text is not None]
    came_us, count = int(came.timestamp() * 1_000_000), len(own)
    columns: dict[str, Any] = {
        "key": [f"e{at}" for at, _ in own],
        "place": [0] * count,
        "category": [text for _, text in own],
        "number": [float(text) if text.isdecimal() else None for _, text in own],
        "at_us": [came_us] * count,
        "arrived_us": [came_us] * count,
        "topic_id": ["t"] * count,
        "partition": [0] * count,
        "offset": list(range(count)),
        "item": [0] * count,
    }
    folder = Path(model_folder(str(root), Kept.LABELS, "default", "delays", 1)) / date_folder(read.date())
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns, schema=SCHEMA), folder / "part.parquet")


def sizes(root: Path, answers: Any, classes: bool | None = None) -> list[float]:
    """Return how wrong these answers were."""
    found = WrongAnswers(ArchiveAddress.of(str(root)), SPEC, "p_class", classes).sizes(rows(answers))
    return [float(one) for one in found]


def test_a_wrong_class_is_one_error_whatever_classes_are_called(tmp_path: Path) -> None:
    """Classes that are written as numbers are classes all the same, and are the same by what they mean."""
    keep(tmp_path, ["1", "9", "late", "late", "1", "1", None], came=START + DAY, read=START + DAY)
    found = sizes(tmp_path, ["1", "1", "late", "0", "1.0", "true", "1"])

    assert [0, 1, 0, 1, 0, 0] == found[:-1]
    assert np.isnan(found[-1])


def test_numbers_are_classes_where_labels_of_training_are(tmp_path: Path) -> None:
    """Answers of which the archive has numbers are off by how far they are, or, of a classifier, right or wrong."""
    keep(tmp_path, ["1", "9"], came=START + DAY, read=START + DAY)

    assert [0, 8] == sizes(tmp_path, [1.0, 1.0])
    assert [0, 1] == sizes(tmp_path, [1.0, 1.0], classes=True)


@pytest.mark.parametrize(
    ("came", "read", "known"),
    [
        pytest.param(6 * DAY, 30 * DAY, True, id="read long after its horizon"),
        pytest.param(-DAY, -DAY, True, id="before its event"),
        pytest.param(8 * DAY, 8 * DAY, False, id="too late"),
    ],
)
def test_a_label_counts_by_when_it_came(tmp_path: Path, came: timedelta, read: timedelta, known: bool) -> None:
    """Whenever the job read it, as for the figures of performance."""
    keep(tmp_path, ["0"], came=START + came, read=START + read)

    assert known is bool(np.isfinite(sizes(tmp_path, ["1"])[0]))
