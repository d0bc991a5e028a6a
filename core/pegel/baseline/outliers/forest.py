"""Tier 4: an isolation forest, fitted on baseline rows and kept as a file. For batch, outside the way of an event.

A row is unusual if few random cuts suffice to separate it from the others, so the forest sees combinations that are
odd although each value is common. Fitting needs rows, not only counts, and scikit-learn (`pegel[forest]`).

**The file holds a pickle, and reading a pickle runs it.** `load` therefore wants the digest that `save` returned, kept
in a place you trust, and looks at it before anything else.

Source: F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation forest", ICDM 2008.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.outliers.encoding import Encoding
from pegel.data.columns import Columns
from pegel.errors import LayoutMismatch, SetupError
from pegel.stats.summary import Summary

TREES = 100
SAMPLE = 256
"""Rows per tree, as in the paper: more hide outliers behind one another."""


@dataclass(frozen=True, eq=False)
class Forest:
    """A fitted forest and how rows become its numbers."""

    encoding: Encoding
    model: Any

    @classmethod
    def fit(cls, summary: Summary, columns: Columns, *, seed: int = 0) -> Forest:
        """Fit on the feature rows of a baseline and its summary.

        The same rows in the same order with the same seed and the same scikit-learn give the same digest. Raises
        SetupError without scikit-learn.
        """
        encoding = Encoding.of(summary)
        ensemble = _library("sklearn.ensemble")
        model = ensemble.IsolationForest(n_estimators=TREES, max_samples=min(SAMPLE, columns.n), random_state=seed)
        return cls(encoding, model.fit(encoding.matrix(columns)))

    def score(self, columns: Columns) -> NDArray[np.float64]:
        """Score feature rows, shape (n,): above 0 and at most 1, larger is more unusual, about 1/2 is usual."""
        if columns.n == 0:
            return np.empty(0)
        scores: NDArray[np.float64] = -self.model.score_samples(self.encoding.matrix(columns))
        return scores

    def save(self, path: Path) -> str:
        """Write the forest to a file and return its digest, `sha256:` and 64 hexadecimal digits."""
        head = {"sklearn": _library("sklearn").__version__, "encoding": self.encoding.to_json()}
        body = io.BytesIO()
        _library("joblib").dump(self.model, body)
        content = json.dumps(head, sort_keys=True).encode() + b"\n" + body.getvalue()
        path.write_bytes(content)
        return _digest(content)

    @classmethod
    def load(cls, path: Path, digest: str) -> Forest:
        """Read a forest that `save` wrote.

        Raises:
            LayoutMismatch: If the file does not have the digest; nothing of it was run then.
            SetupError: If scikit-learn is absent, or not the version that fitted the forest.
        """
        content = path.read_bytes()
        if (found := _digest(content)) != digest:
            raise LayoutMismatch(f"expected a forest with digest {digest}, given one of {found}: it was not read.")
        line, _, body = content.partition(b"\n")
        head, here = json.loads(line), _library("sklearn").__version__
        if head["sklearn"] != here:
            raise SetupError(
                f"expected scikit-learn {head['sklearn']}, which fitted this forest, given {here}: scores could "
                "differ, so it was not read. Install that version, or fit the forest again."
            )
        return cls(Encoding.from_json(head["encoding"]), _library("joblib").load(io.BytesIO(body)))


def _library(name: str) -> Any:
    """Import a part of scikit-learn or what comes with it, only when a forest is asked for."""
    try:
        return import_module(name)
    except ImportError as error:
        raise SetupError(
            f"expected the package {name} for isolation forests, given none: install pegel[forest]. No forest."
        ) from error


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
