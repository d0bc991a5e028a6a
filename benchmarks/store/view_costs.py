"""What views cost whoever writes and whoever asks: `python -m benchmarks.store.view_costs`.

Writing: final windows of one model of 50 fields, with what the views read (as it is) and without it (the same columns
set to null before they are written). Asking: a week of one model by minutes, and 50 models now, on both databases.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from benchmarks.page import put, when
from benchmarks.store.batches import FIELDS, seconds
from benchmarks.store.writes import databases
from sqlalchemy.engine import Engine

from pegel.exporter.exported_facts import Caps, read_facts
from pegel.exporter.exported_metrics import metrics_of
from pegel.store import tables
from pegel.store.column_types import Document
from pegel.store.database import connect, migrate, writing
from pegel.store.plain_rows import PlainRows, feature_verdicts
from pegel.store.registry import Registry
from pegel.store.row_codec import flat
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec, sample_window

WINDOWS, MODELS, ROUNDS, AT_ONCE = 10_080, 50, 5, 50
QUESTIONS = {
    "rows of a week of one model": (
        "SELECT span_end, rows FROM v_window WHERE model = 'm00' AND version = 1 AND segment = ''"
    ),
    "one feature over that week": (
        "SELECT span_end, p_value FROM v_feature_window "
        "WHERE model = 'm00' AND version = 1 AND segment = '' AND feature = 'f7'"
    ),
    "50 models as they are now": "SELECT * FROM v_model",
}


def windows_of(one: dict[str, Any], model: str, numbers: range) -> list[dict[str, Any]]:
    """Return final windows of a model, as columns."""
    fields = {"summary": one["window"], "judgement": one["judgement"], "baseline_id": one["baseline_id"]}
    return [flat(sample_window(number, model=model, **fields)) for number in numbers]


def written(engine: Engine, rows: list[dict[str, Any]]) -> str:
    """Return the milliseconds that a window takes, on the clock and of this process alone."""
    began, began_own = time.perf_counter(), time.process_time()
    for first in range(0, len(rows), AT_ONCE):
        with writing(engine) as connection:
            connection.execute(sa.insert(tables.windows), rows[first : first + AT_ONCE])
    own = 1e3 * (time.process_time() - began_own) / len(rows)
    return f"{1e3 * (time.perf_counter() - began) / len(rows):.2f} ms, own {own:.2f}"


def asked(engine: Engine, question: str) -> float:
    """Return the median milliseconds of a question."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with engine.connect() as connection:
            connection.execute(sa.text(question)).all()
        took.append(1e3 * (time.perf_counter() - began))
    return statistics.median(took)


def measured(url: str, one: dict[str, Any], count: int) -> list[tuple[str, str]]:
    """Return what and how much."""
    engine = connect(url)
    migrate(engine)
    rows = windows_of(one, "m00", range(count))
    without = [row | {"feature_verdicts": None} for row in rows[: count // 3]]
    before = written(engine, without)
    with writing(engine) as connection:
        connection.execute(sa.delete(tables.windows))
    after = written(engine, rows)
    for number in range(MODELS):
        Registry(engine).put(sample_spec(f"m{number:02d}"))
        written(engine, windows_of(one, f"m{number:02d}", range(count, count + 2)))
    lines = [("a final window written without", before), ("the same with it", after)]
    lines += [(what, f"{asked(engine, question):.0f} ms") for what, question in QUESTIONS.items()]
    now = START + timedelta(minutes=count)
    began = time.perf_counter()
    series = sum(len(family.samples) for family in metrics_of(read_facts(engine, now), Caps()))
    lines.append((f"one scrape of 50 models, {series:,} series", f"{1e3 * (time.perf_counter() - began):.0f} ms"))
    engine.dispose()
    return lines


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--windows", type=int, default=WINDOWS)
    options = parser.parse_args()
    one, words = seconds(1, 1)[0][0], sa.create_engine("sqlite://").dialect
    plain = PlainRows().process_bind_param(feature_verdicts(one["judgement"]), words) or ""
    judgement = Document().process_bind_param(one["judgement"], words) or ""
    sizes = [f"{len(part) / 1e3:.1f} kB" for part in (plain, judgement, one["window"])]
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)) as make:
        kinds = {name: measured(new(), one, options.windows) for name, new in make.items()}
    head = f"| what | {' | '.join(kinds)} |\n|---|{'---|' * len(kinds)}\n"
    first = next(iter(kinds.values()))
    columns = [[took for _, took in lines] for lines in kinds.values()]
    body = "\n".join(f"| {what} | {' | '.join(each)} |" for (what, _), *each in zip(first, *columns, strict=True))
    text = (
        f"What the views read of a window of {FIELDS} fields is {sizes[0]} beside {sizes[1]} of judgement and "
        f"{sizes[2]} of counts. {options.windows:,} windows of one model, two of {MODELS - 1} others. Run on {when()}; "
        f"`python -m benchmarks.store.view_costs` regenerates it.\n\n{head}{body}"
    )
    print(text)
    if options.write:
        put(options.write, "store-views", text)


if __name__ == "__main__":
    main()
