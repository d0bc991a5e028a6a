"""Why nothing of a model can be explained, before anything is: the reason is counted, the sentence is in the log."""

from __future__ import annotations

from typing import Final

NO_ARTEFACT: Final = "no_artefact"
"""There is no model that can be loaded in a folder that the worker sees."""
OTHER_ARTEFACT: Final = "other_artefact"
"""The folder holds another model than `model.digest` names."""
OTHER_FEATURES: Final = "other_features"
"""The model's own description has other features than its baseline, or another order."""
NO_ENDPOINT: Final = "no_endpoint"
"""The endpoint that is to be asked cannot be found from here, or does not answer."""
NOT_PREPARED: Final = "not_prepared"
"""Its process could not be told what it needs, or not be started, for another cause."""


class Unprepared(Exception):
    """Nothing of this model can be explained now; `reason` is one of the above, or `no_method`."""

    def __init__(self, reason: str, why: str) -> None:
        """Keep the reason."""
        super().__init__(why)
        self.reason = reason
