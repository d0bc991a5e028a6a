"""Which models a surrogate tells apart: `python -m benchmarks.explain.surrogate_answers [--windows 30] [--write]`.

Windows of 500 answers of the model of `attribution_drift`, held against a surrogate that was fitted to half of 40,000
rows, and judged as explained rows are. Twice: fitted to 20,000 rows and to 1,500, where a retrain answers otherwise by
more. Runs in the serving environment; some three minutes.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from dataclasses import replace

import numpy as np
from benchmarks.explain.streams_of_rows import IMPORTANT, LOST, NOISE, STREAMS, D, Fitted, Rows, Stream, drawn, fitted
from benchmarks.page import put, when

from pegel.data.attribution_event import Method
from pegel.data.columns import Field, Kind, Role
from pegel.data.spans import Span
from pegel.judge.attribution.attribution_judgement import CountedAttributions, explained_by, judge_attributions
from pegel.judge.attribution.learned_baseline import RowsToLearn, columns_of, learned_baseline
from pegel.judge.attribution.surrogate_identity import judge_residual
from pegel.judge.findings import Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel_serving.attribution.surrogate_model import SurrogateModel

PAGE = Path("docs/measured.md")
M, N, LEVEL, MARGINS = 20_000, 500, 0.01, (0.02, 0.05)
TRAINED_ON = (20_000, 1_500)
FIELDS = tuple(Field(f"x{at}", Kind.NUMERIC) for at in range(D))
SPEC = MonitorSpec.parse(
    {
        "model": {"name": "bench", "url": "http://models.example.org"},
        "baseline": {"source": "local://b"},
        "attribution": {"via": "endpoint", "identity": "surrogate"},
    }
)
START = datetime(2026, 11, 30, tzinfo=UTC)
SPAN = Span(START, START + timedelta(minutes=10))
WANTED = {
    "clean": "0; 0",
    "important +.5 sigma": ".27; 0",
    "noise column +3 sigma": "1.00; 0",
    "dependence in the interaction": ".96; 0",
}
"""What the specification measured: certain, and another model at 0.05; of other models 1.00 of the latter."""


class Watched:
    """A registered model behind an endpoint, those that may be deployed in its place, and its surrogate."""

    def __init__(self, rng: np.random.Generator, rows: int) -> None:
        """Fit everything, and freeze what windows are compared with."""
        registered = fitted(rng, rows=rows)
        self.models: dict[str, Fitted] = {
            "registered": registered,
            "retrain": fitted(rng, rows=rows),
            "lost": fitted(rng, rows=rows, lost=LOST),
            "flipped": fitted(rng, rows=rows, together=-0.7),
            "swapped": replace(registered, swapped=(IMPORTANT, NOISE)),
        }
        fit, other = ((half.astype(object), self.answers(half)) for half in (drawn(rng, M), drawn(rng, M)))
        self.surrogate = SurrogateModel.fitted(fit, other, FIELDS)
        x = drawn(rng, M)
        known = RowsToLearn(
            attributions=self._columns(x, self.answers(x)),
            raw=self.answers(x),
            times_us=None,
            method=Method.PERMUTATION,
            artefact=None,
            surrogate=self.surrogate.name,
        )
        self._baseline = learned_baseline(SPEC, ("one",), known)

    def answers(self, x: Rows, deployed: str = "registered") -> Rows:
        """Return what is answered."""
        fit = self.models[deployed]
        return np.asarray(fit.model.predict(fit.given(x)))

    def verdict(self, x: Rows, deployed: str, margin: float) -> Verdict:
        """Return whose answers those of one window are."""
        raw = self.answers(x, deployed)
        summary, columns = Summary.empty(self._baseline.layout), self._columns(x, raw)
        summary.update(columns_of(columns), Role.ATTRIBUTION)
        rows = CountedAttributions(summary, explained_by(self._baseline).sums_of(columns, raw))
        judged = judge_attributions(self._baseline, rows, span=SPAN, level=LEVEL, margin=margin)
        found = judge_residual(judged.residual, version=1)
        return Verdict.INSUFFICIENT if found is None else found.verdict

    def _columns(self, x: Rows, raw: Rows) -> Rows:
        """Return one attribution, of all inputs together, and the residuals."""
        return np.column_stack([raw, raw - self.surrogate.expected(x.astype(object))])


def shares(watched: Watched, stream: Stream, windows: int, rng: np.random.Generator) -> list[float]:
    """Return in which part of the windows the residuals differ for certain, and are another model's by the margins."""
    looks = []
    for _ in range(windows):
        x = stream.change(rng, N)
        found = [watched.verdict(x, stream.deployed, margin) for margin in MARGINS]
        certain = found[-1] in {Verdict.BELOW_MARGIN, Verdict.MODEL_CHANGED}
        looks.append([certain, *(one is Verdict.MODEL_CHANGED for one in found)])
    return [float(share) for share in np.mean(np.array(looks, dtype=float), axis=0)]


def main() -> None:
    """Print of each stream in which part of the windows what is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=30)
    parser.add_argument("--write", action="store_true", help=f"put it into {PAGE}")
    args = parser.parse_args()
    rng = np.random.default_rng(7)
    watched = [Watched(rng, rows) for rows in TRAINED_ON]
    columns = [f"{rows:,} rows: {what}" for rows in TRAINED_ON for what in ("certain", "at 0.02", "at 0.05")]
    lines = [f"| stream | {' | '.join(columns)} | specified |", "|---" * (len(columns) + 2) + "|"]
    for stream in STREAMS:
        wanted = WANTED.get(stream.name, "1.00" if stream.deployed != "registered" else "")
        cells = " | ".join(f"{share:.2f}" for one in watched for share in shares(one, stream, args.windows, rng))
        lines.append(f"| {stream.name} | {cells} | {wanted} |")
        print(lines[-1], flush=True)
    explained = " and ".join(f"{one.surrogate.explained:.1%}" for one in watched)
    text = "\n".join(
        [
            f"Run on {when()} by `python -m benchmarks.explain.surrogate_answers --windows {args.windows}`.",
            "",
            f"In which part of {args.windows} windows of {N} rows answers differ from what a surrogate expects, at",
            f"{LEVEL:.0%}: for certain, and as another model's, at two margins (0.05 is the default). The model was",
            f"fitted to 20,000 rows, or to 1,500. Its surrogate, fitted to {M:,} rows of a baseline, explains",
            f"{explained} of how answers vary in {M:,} others. Specified: certain; another model at 0.05.",
            "",
            "Otherwise than specified: of a model that was fitted to many rows an honest retrain answers otherwise by",
            "about as much as the surrogate is off, or less: certain, and relevant at 0.02, not at 0.05.",
            "",
            *lines,
        ]
    )
    print(text)
    if args.write:
        put(PAGE, "surrogate", text)


if __name__ == "__main__":
    main()
