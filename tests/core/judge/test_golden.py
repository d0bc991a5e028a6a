"""The published golden vector: every printed digit of it."""

from __future__ import annotations

import numpy as np
import pytest

from pegel.detect.location import auc, location
from pegel.detect.scale import scale
from pegel.detect.shape import pool_ordered, shape
from pegel.stats import distances, hypergeometric

B = np.array((0, 100, 200, 300, 400, 400, 300, 200, 100, 0))
W = np.array((1, 3, 5, 6, 9, 12, 9, 4, 2, 3))
BOUNDS = distances.bounds(np.arange(9.0), -0.5, 9.0)


def test_location() -> None:
    """The location test gives the published z, skewness, p-value and area under the curve."""
    result = location(B, W)

    assert ("0.588692", "-0.000024", "0.556068") == (
        f"{result.z:.6f}",
        f"{result.skewness:.6f}",
        f"{result.p_value:.6f}",
    )
    assert "0.523148" == f"{auc(B, W):.6f}"


def test_scale() -> None:
    """The scale test gives the published z, skewness and p-value."""
    result = scale(B, W)

    assert ("2.703092", "0.226100", "0.0122393") == (
        f"{result.z:.6f}",
        f"{result.skewness:.6f}",
        f"{result.p_value:.7f}",
    )


def test_shape() -> None:
    """Pooling is as published; the divergence is that of scipy for the same table."""
    pools = pool_ordered(B, W)
    result = shape(B, W, pools)

    assert [0, 0, 0, 1, 2, 3, 4, 5, 5, 5] == pools.tolist()
    assert result is not None
    assert ("1.282540", 5, "0.936718") == (f"{result.divergence:.6f}", result.df, f"{result.p_value:.6f}")


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("psi", ".471488"),
        ("kl", ".373241"),
        ("js_distance", ".208019"),
        ("js_divergence", ".043272"),
        ("hellinger", ".203384"),
        ("tv", ".118519"),
        ("linf", ".055556"),
        ("ks", ".055556"),
        ("ks_upper", ".255556"),
    ],
)
def test_distances(name: str, printed: str) -> None:
    """Each distance on cells is the published one."""
    assert printed == f"{getattr(distances, name)(B, W):.6f}".lstrip("0")


def test_distances_in_feature_units() -> None:
    """The Wasserstein and the energy distance are the published ones."""
    assert "0.271032" == f"{distances.w1(B, W, BOUNDS):.6f}"
    assert "0.139435" == f"{distances.energy(B, W, BOUNDS):.6f}"


def test_counts() -> None:
    """The exact tests of underflow, overflow and null rate give the published p-values."""
    assert "0.0262902" == f"{hypergeometric.upper(1, 54, 0, 2000):.7f}"
    assert "1.71991e-05" == f"{hypergeometric.upper(3, 54, 0, 2000):.5e}"
    assert "8.6922e-06" == f"{hypergeometric.upper(9, 63, 40, 2040):.4e}"
