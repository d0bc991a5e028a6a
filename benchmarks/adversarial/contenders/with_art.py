"""Runs in the searchers' environment: asks a model as adversarial-robustness-toolbox does, and keeps what was asked.

For every `NAME.npz` of a folder with `trained`, shape (m, d), its `classes` (0 or 1), `fresh` rows of customers, shape
(k, d), and `digits`, behind the point of each column, it writes `NAME.art.npz`: per search the rows that were asked, in
order, shape (QUERIES, d), before they were rounded. The model answers rounded rows alone, so that a search that rounds
takes the same way.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from art.attacks.evasion import BoundaryAttack, FastGradientMethod, HopSkipJump, ZooAttack
from art.estimators.classification import BlackBoxClassifier
from art.estimators.classification.scikitlearn import ScikitlearnLogisticRegression
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

QUERIES = 4_000
SECONDS = 300.0
"""That a search is given; what it has asked by then is kept."""
FAR = 6.0
"""How many standard deviations from the mean searches stay within."""


class Enough(Exception):
    """As many rows were asked as are kept, or the time is over."""


class Asked:
    """A model that notes what it is asked, in standard deviations of its columns."""

    def __init__(self, model: Any, centre: Any, spread: Any, digits: Any) -> None:
        """Take a fitted model."""
        self.model, self.centre, self.spread, self.digits = model, centre, spread, digits
        self.rows: list[Any] = []
        self.until = perf_counter() + SECONDS

    def __call__(self, scaled: Any) -> Any:
        """Answer rows by the probabilities of both classes. Raises Enough."""
        rows = self.centre + self.spread * np.asarray(scaled, dtype=np.float64)
        self.rows += list(rows)
        if len(self.rows) >= QUERIES or perf_counter() > self.until:
            raise Enough
        return self.model.predict_proba(rounded(rows, self.digits))


def rounded(rows: Any, digits: Any) -> Any:
    """Return rows in the steps of their columns."""
    return np.rint(rows * 10.0**digits) / 10.0**digits


def searched(asked: Asked, fresh: Any, search: Callable[[Any], Any]) -> Any:
    """Let a search ask about one customer after the other; return what was asked."""
    around = BlackBoxClassifier(asked, (fresh.shape[1],), 2, clip_values=(-FAR, FAR))
    attack = search(around)
    try:
        for row in fresh:
            attack.generate(((row - asked.centre) / asked.spread)[None].astype(np.float32))
    except Enough:
        pass
    return np.array(asked.rows[:QUERIES])


SEARCHES: dict[str, Callable[[Any], Any]] = {
    "HopSkipJump": lambda model: HopSkipJump(
        model, max_iter=10, max_eval=100, init_eval=20, init_size=100, verbose=False
    ),
    "boundary attack": lambda model: BoundaryAttack(model, targeted=False, max_iter=100, sample_size=20, verbose=False),
    "ZOO": lambda model: ZooAttack(
        model,
        learning_rate=0.1,
        max_iter=20,
        binary_search_steps=5,
        use_resize=False,
        use_importance=False,
        nb_parallel=1,
        variable_h=0.2,
        verbose=False,
    ),
}


def transferred(scaled: Any, classes: Any, fresh: Any, size: float) -> Any:
    """Return one row per customer, moved by the slope of a model of the searcher's own."""
    own = LogisticRegression().fit(scaled, classes)
    model = ScikitlearnLogisticRegression(own, clip_values=(-FAR, FAR))
    return FastGradientMethod(model, eps=size).generate(fresh)


def main(folder: Path) -> None:
    """Search every data set."""
    warnings.filterwarnings("ignore")  # of a library that is looked at from outside
    for path in sorted(folder.glob("*.npz")):
        if path.name.endswith(".art.npz"):
            continue
        data = np.load(path)
        trained, classes, fresh, digits = (data[name] for name in ("trained", "classes", "fresh", "digits"))
        centre, spread = trained.mean(axis=0), np.maximum(trained.std(axis=0), 1e-9)
        model = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=16, random_state=0).fit(trained, classes)
        found = {}
        for name, search in SEARCHES.items():
            np.random.seed(1)  # noqa: NPY002  # the library draws from it
            asked = Asked(model, centre, spread, digits)
            found[name] = searched(asked, fresh[::-1], search)
            print(path.stem, name, len(found[name]), flush=True)
        scaled = (trained - centre) / spread
        for name, size in {"FGSM .3 sd": 0.3, "FGSM 1 sd": 1.0}.items():
            moved = transferred(scaled, classes, (fresh[-QUERIES:] - centre) / spread, size)
            found[name] = centre + spread * moved
        np.savez_compressed(path.with_suffix(".art.npz"), **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
