"""How often searches are seen in windows of a thousand rows, beside PRADA's rule, and what it costs to look.

.venvs/spark/bin/python -m benchmarks.adversarial --windows 24

Run from the root of the tree. Some searches are those of adversarial-robustness-toolbox, in an environment of its own
that is made from `benchmarks/adversarial/locks/art.txt` on first use; what they ask is kept below `build/`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import astuple
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from benchmarks.adversarial.asked_models import TRAINED, AskedModel, credit, flights, radiator
from benchmarks.adversarial.library_searches import asked
from benchmarks.adversarial.searches import OWN_SEARCHES, Rows
from benchmarks.adversarial.seen import LEVEL, PRADA_ROWS, WINDOW, WatchedTable, flagged_by_prada
from benchmarks.page import put, when

SHARES = (0.01, 0.02, 0.05)
HEAD = "| search | probing | off grid, not rounded | combinations | drift at 5 % | PRADA |\n|---|---|---|---|---|---|"

Found = list[tuple[str, list[Rows], float]]
"""By search: which part of the windows each signal tells, at each share of the rows; and that of clients, by PRADA."""


def measured(model: AskedModel, table: WatchedTable, streams: dict[str, Callable[[], Iterator[Rows]]], n: int) -> Found:
    """Return what is seen of each search in `n` windows a share; of customers alone, the same at no share."""
    rng = np.random.default_rng(2)

    def drawn(rows: int) -> Rows:
        return model.fresh[rng.choice(len(model.fresh), rows, replace=False)]

    def told(window: Rows, own: Rows) -> tuple[bool, ...]:
        rounded, unrounded = window.copy(), window.copy()
        rounded[: len(own)], unrounded[: len(own)] = model.rounded(own), own
        return astuple(table.sees(rounded, unrounded))

    none = np.zeros((0, model.fresh.shape[1]))
    clean = np.mean([told(drawn(WINDOW), none) for _ in range(n)], axis=0)
    honest = float(np.mean([flagged_by_prada(drawn(PRADA_ROWS)) for _ in range(n)]))
    found: Found = [("customers alone", [clean], honest)]
    for name, stream in streams.items():
        sent, parts = stream(), []
        for share in SHARES:
            own = [np.array(list(islice(sent, int(share * WINDOW)))) for _ in range(n)]
            parts.append(np.mean([told(drawn(WINDOW), each) for each in own], axis=0))
        clients = [model.rounded(np.array(list(islice(sent, PRADA_ROWS)))) for _ in range(n)]
        found.append((name, parts, float(np.mean([flagged_by_prada(each) for each in clients]))))
    return found


def lines(found: Found) -> str:
    """Return one table."""
    told = [HEAD]
    for name, parts, prada in found:
        probing, off_grid, odd, _ = (" / ".join(f"{part[at]:.2g}" for part in parts) for at in range(4))
        told.append(f"| {name} | {probing} | {off_grid} | {odd} | {parts[-1][3]:.2g} | {prada:.2g} |")
    return "\n".join(told)


def streams_of(model: AskedModel, from_library: dict[str, Rows]) -> dict[str, Callable[[], Iterator[Rows]]]:
    """Return what each search asks, without an end."""

    def again(rows: Rows) -> Callable[[], Iterator[Rows]]:
        return lambda: cycle(rows)

    def own(name: str) -> Callable[[], Iterator[Rows]]:
        return lambda: OWN_SEARCHES[name](np.random.default_rng(3), model)

    library = {f"{name}, transferred" if "FGSM" in name else name: again(rows) for name, rows in from_library.items()}
    return library | {name: own(name) for name in OWN_SEARCHES}


def report(n: int) -> str:
    """Return everything as Markdown."""
    models = [credit(), flights(), radiator()]
    searched = asked(models)
    error = 0.5 / np.sqrt(n)
    what = (
        f"Rows of searches among customers in windows of {WINDOW:,} rows, {LEVEL:g} a window for each signal, training "
        f"alone as reference ({TRAINED:,} rows), {n} windows a figure, so ± {error:.2f} at most. Three figures: 1, 2 "
        "and 5 % of the rows are the search's. It rounds as the columns are measured, but for off grid. HopSkipJump, "
        "boundary attack, ZOO and FGSM are those of adversarial-robustness-toolbox 1.20.1, asking a "
        "HistGradientBoosting; the others are ours. PRADA: clients with 100 rows of the search that Shapiro and Wilk's "
        f"rule flags; in the first line, honest ones. Run {when()}; `python -m benchmarks.adversarial --windows {n}`."
    )
    parts, costs = [what], list[str]()
    for model in models:
        table = WatchedTable.on(model)
        found = measured(model, table, streams_of(model, dict(searched[model.name])), n)
        parts += [f"**{model.name}** ({model.what}, {model.fresh.shape[1]} columns)", lines(found)]
        counted, judged = table.cost(model.fresh[:WINDOW])
        costs.append(f"{model.name} {counted:.2f} and {judged:.2f}")
    parts.append(f"Probing, microseconds of a core for each row, of counting and of judging: {'; '.join(costs)}.")
    return "\n\n".join(parts)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=24, help="of each search and share")
    parser.add_argument("--write", type=Path, help="a page that takes the section")
    options = parser.parse_args()
    text = report(options.windows)
    print(text)
    if options.write:
        put(options.write, "adversarial", text)


if __name__ == "__main__":
    main()
