"""Which counts say whether the data of a field have gone bad: nulls, infinities, nonsense, values never seen before."""

from __future__ import annotations

from pegel.detect.count_tests import CountTest
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary

LEAST_NULL_DIFFERENCE = 0.001
"""A smaller change of the rate of nulls is not worth a page."""
OFF_GRID = "off grid"
"""The test of values that are finer than any of training."""
HARDLY = 0.05
"""An excess of variance below this leaves the exact law as it is."""
TWICE = 2
NONE = Dispersion(n_ref=1, blocks=0, factors={})
"""Where nothing is known of bursts, rows count as independent."""


def quality_tests(
    baseline: FeatureSummary,
    window: FeatureSummary,
    dispersion: Dispersion | None = None,
    off_grid: int | None = None,
) -> list[CountTest]:
    """Return the count tests of one field; where what they count comes in bursts, `dispersion` allows for it.

    `off_grid`: values of the window that are finer than any of training, of which that has none; None where nobody
    counts them.
    """
    rows = (window.n, baseline.n)
    bursts = dispersion or NONE
    tests = [
        CountTest(
            "nulls",
            window.n_null + window.n_nan,
            window.n,
            baseline.n_null + baseline.n_nan,
            baseline.n,
            two_sided=True,
            least_difference=LEAST_NULL_DIFFERENCE,
            factor=bursts.factor("nulls", window.n),
        ),
        # What cannot be read is missing where a baseline is replayed, so it comes in the bursts of nulls.
        _more("unparseable", window.n_unparseable, baseline.n_unparseable, rows, bursts.factor("nulls", window.n)),
    ]
    if isinstance(baseline.layout, NumericLayout):
        infinite = [side.n_posinf + side.n_neginf for side in (window, baseline)]
        # What training hardly ever had comes in the bursts of its extremes, as far as anybody can know.
        factor = max(bursts.factor(name, window.n) for name in ("infinite", "below", "above"))
        tests.append(_more("infinite", infinite[0], infinite[1], rows, factor))
        if off_grid is not None:
            tests.append(_more(OFF_GRID, off_grid, 0, (window.counted, baseline.counted), factor))
        return [*tests, *_numeric(baseline.layout, baseline, window, bursts)]
    vocabulary = baseline.layout.vocabulary
    if vocabulary.is_open:
        return tests
    rare = (vocabulary.singletons, vocabulary.doubletons)
    return [*tests, _unseen(window.n_unseen, rare, window, baseline, bursts)]


def _numeric(
    layout: NumericLayout, baseline: FeatureSummary, window: FeatureSummary, bursts: Dispersion
) -> list[CountTest]:
    if layout.discrete:
        points = baseline.cells[layout.points]
        seen = int(window.cells[~layout.points].sum())
        rare = (int((points == 1).sum()), int((points == TWICE).sum()))
        return [_unseen(seen, rare, window, baseline, bursts)]
    counted = (window.counted, baseline.counted)
    # None of the rows that gave the edges lies beyond them; rows counted later may.
    now, before = window.cells[[0, -1]].tolist(), baseline.cells[[0, -1]].tolist()
    ends = enumerate(("below", "above"))
    return [_more(name, now[i], before[i], counted, bursts.factor(name, window.n)) for i, name in ends]


def _unseen(
    seen: int, rare: tuple[int, int], window: FeatureSummary, baseline: FeatureSummary, bursts: Dispersion
) -> CountTest:
    # So many rows of the baseline would be unseen by all its others: those whose value occurs once, or in one burst.
    expected, counted = max(rare[0], bursts.unseen), (window.counted, baseline.counted)
    factor = max(unseen_factor(expected, rare[1], *counted), bursts.factor("unseen", window.n))
    return _more("unseen", seen, expected, counted, factor)


def unseen_factor(singletons: int, doubletons: int, n: int, m: int) -> float:
    """Return by how much the count of unseen rows among n varies more than that of independent ones; 1 if hardly.

    An unseen value may occur several times in one window, which matters where windows are not much smaller than the
    baseline of m rows. With counts by Poisson laws, Var(unseen - singletons n/m) = S n/m (1 + n/m) + 2 D (n/m)^2, where
    S and D are the expected numbers of singletons and doubletons.

    Source: derived as in W. W. Esty, "A normal limit law for a nonparametric estimator of the coverage of a random
    sample", Annals of Statistics 11 (1983).
    """
    excess = 2 * (doubletons + 1) / (singletons + 1) * n / max(n + m, 1)
    return 1 + excess if excess > HARDLY else 1.0


def _more(name: str, seen: int, seen_in_baseline: int, rows: tuple[int, int], factor: float) -> CountTest:
    return CountTest(name, seen, rows[0], seen_in_baseline, rows[1], factor=factor)
