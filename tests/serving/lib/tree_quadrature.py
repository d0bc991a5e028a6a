"""An independent oracle of path-dependent TreeSHAP: Gauss-Legendre quadrature over each leaf's distinct features.

Per leaf with value v and the distinct features U of its path: o_u = 1 if x passes all splits on u, r_u = the product of
cover(child)/cover(parent) over those splits, and

    phi_u += v (o_u - r_u) * integral over t in [0, 1] of prod over i in U, i != u, of (t o_i + (1 - t) r_i)

The integrand has degree |U| - 1, so ceil(|U| / 2) nodes are exact. Source: Wettenstein et al. 2026, arXiv 2605.04497.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass
class Passing:
    """The splits on one feature along a path: lo < x <= hi, whether a missing value passes them all, and r."""

    low: float = -np.inf
    high: float = np.inf
    missing: bool = True
    share: float = 1.0

    def passes(self, x: Numbers) -> Numbers:
        """Return 1 where x passes, else 0."""
        absent = np.isnan(x)
        return np.where(absent, self.missing, (x > self.low) & (x <= self.high)).astype(np.float64)


@dataclass
class PlainTree:
    """A tree as arrays over its nodes; a child of -1 marks a leaf. `value`: shape (nodes,)."""

    left: Any
    right: Any
    feature: Any
    threshold: Any
    missing_left: Any
    value: Numbers
    cover: Any
    leaves: list[tuple[float, dict[int, Passing]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Follow every path."""
        self._follow(0, {})

    def _follow(self, node: int, path: dict[int, Passing]) -> None:
        if self.left[node] < 0:
            self.leaves.append((float(self.value[node]), path))
            return
        feature, threshold = int(self.feature[node]), float(self.threshold[node])
        for child, goes_left in ((self.left[node], True), (self.right[node], False)):
            known = path.get(feature, Passing())
            share = known.share * self.cover[child] / self.cover[node]
            missing = known.missing and bool(self.missing_left[node]) == goes_left
            low = known.low if goes_left else max(known.low, threshold)
            high = min(known.high, threshold) if goes_left else known.high
            self._follow(int(child), {**path, feature: Passing(low, high, missing, share)})


def attributions(trees: list[PlainTree], x: Numbers) -> tuple[Numbers, float]:
    """Return phi, shape (rows, features), and phi of no feature."""
    phi, base = np.zeros(x.shape), 0.0
    for value, path in (leaf for tree in trees for leaf in tree.leaves):
        features = list(path)
        base += value * float(np.prod([path[u].share for u in features]))
        if not features:
            continue
        nodes, weights = np.polynomial.legendre.leggauss(-(-len(features) // 2))
        t, w = (nodes + 1) / 2, weights / 2
        o = np.stack([path[u].passes(x[:, u]) for u in features])
        r = np.array([path[u].share for u in features])
        terms = t * o[:, :, None] + (1 - t) * r[:, None, None]
        for at, u in enumerate(features):
            others = np.delete(terms, at, axis=0).prod(axis=0)
            phi[:, u] += value * (o[at] - r[at]) * (others @ w)
    return phi, base


def trees_of(model: Any, output: int = 0) -> tuple[list[PlainTree], float]:
    """Return the trees of a model of scikit-learn with leaf values as it adds them up, and what it begins with."""
    name = type(model).__name__
    if name.startswith("Hist"):
        start = float(np.ravel(model._baseline_prediction)[output])
        return [_of_histogram(iteration[output].nodes) for iteration in model._predictors], start
    if name.startswith("GradientBoosting"):
        trees = [_of_tree(one.tree_, model.learning_rate, 0) for one in model.estimators_[:, output]]
        return trees, float(np.ravel(model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32)))[output])
    members = [model] if name.startswith("DecisionTree") else list(model.estimators_)
    return [_of_tree(one.tree_, 1 / len(members), output) for one in members], 0.0


def _of_tree(tree: Any, scale: float, output: int) -> PlainTree:
    value = tree.value[:, 0, :]
    shares = value / value.sum(axis=1, keepdims=True) if value.shape[1] > 1 else value
    return PlainTree(
        tree.children_left,
        tree.children_right,
        tree.feature,
        tree.threshold,
        tree.missing_go_to_left,
        scale * shares[:, output],
        tree.weighted_n_node_samples,
    )


def _of_histogram(nodes: Any) -> PlainTree:
    leaf = nodes["is_leaf"].astype(bool)
    return PlainTree(
        np.where(leaf, -1, nodes["left"].astype(np.int64)),
        np.where(leaf, -1, nodes["right"].astype(np.int64)),
        nodes["feature_idx"],
        nodes["num_threshold"],
        nodes["missing_go_to_left"],
        nodes["value"],
        nodes["count"],
    )
