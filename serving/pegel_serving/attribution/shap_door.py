"""The one door to `shap`: its exact attributions of trees, path-dependent, so that no rows to compare with are needed.

It is 208 MB with what it needs and takes two seconds to import, so it is imported when a model of trees is explained
first, and by nobody else. Source: Lundberg et al. 2020, Nature Machine Intelligence 2, 56-67.
"""

from __future__ import annotations

import warnings
from typing import Any

from pegel_serving.attribution.explained import NotExplained
from pegel_serving.model_errors import sentence


def tree_explainer(estimator: Any) -> Any:
    """Return shap's explainer of a fitted model of trees, in units of its raw output.

    Raises NotExplained where shap is not installed, or does not know how the model is built.
    """
    try:
        with warnings.catch_warnings():
            # shap draws as well, and asks matplotlib for what it will do without one day.
            warnings.simplefilter("ignore")
            import shap  # noqa: PLC0415  two seconds and 208 MB, for who explains trees
    except ImportError as error:
        raise NotExplained(
            f"trees are explained by shap, which is not installed here ({sentence(error)}): install "
            f"`pegel-serving[attribution]`"
        ) from error
    try:
        return shap.TreeExplainer(estimator, feature_perturbation="tree_path_dependent")
    except Exception as error:  # whatever a library says of a model that it does not know
        raise NotExplained(f"shap cannot explain this model: {sentence(error)}") from error
