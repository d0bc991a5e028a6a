"""What a model says when it does not predict, as one sentence, with the features it can be about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pegel.data.columns import Field
from pegel.notebook.naming import listed
from pegel.spec.outside_text import shown
from pegel_serving.model_columns import Rows

SENTENCE = 300
"""Characters of what a library says, at most."""
REFUSALS = (ValueError, TypeError, LookupError, ArithmeticError)
"""What models raise on values that they cannot take."""
FAILURES = (Exception, SystemExit, KeyboardInterrupt)
"""What a model may raise at all: it may not end whoever asks it."""
_OF_MISSING = re.compile(r"\b(nan|nat|none|nonetype|null|missing)\b", re.IGNORECASE)


class ModelRefused(Exception):
    """The model cannot predict on these values; the message has its own sentence, and the features it can be about."""


class ModelFailed(Exception):
    """The model raised what no values explain, or answered something else than `metadata.json` says."""


def sentence(error: BaseException) -> str:
    """Return what an error of a library says, with its type, as one harmless line of at most `SENTENCE` characters.

    Of one that says nothing, the type alone.
    """
    message = message_of(error)
    return shown(f"{type(error).__name__}: {message}" if message else type(error).__name__, SENTENCE)


def message_of(error: BaseException) -> str:
    """Return the message of an error without blanks around it; none of one that fails to write its own."""
    try:
        return str(error).strip()
    except Exception:  # noqa: BLE001  the code of whoever has written the model
        return ""


def refusal(error: Exception, rows: Rows, features: Sequence[Field], given: Any) -> ModelRefused:
    """Return the model's refusal of `rows`, which it was `given` as a frame or a matrix.

    Features are named where the model says nothing but a value: those whose text it quotes, else, if it complains of
    missing values, those that are missing in some row.
    """
    message, names = message_of(error), [feature.name for feature in features]
    about = [name for at, name in enumerate(names) if any(_quotes(message, value) for value in set(rows[:, at]))]
    where = f" (in {listed(about)})" if about else ""
    if not about and _OF_MISSING.search(message):
        about = _missing(names, given)
        where = f" (missing: {listed(about)})" if about else ""
    return ModelRefused(f"the model cannot predict on these values: {sentence(error)}{where}")


def _quotes(message: str, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and repr(value) in message


def _missing(names: Sequence[str], given: Any) -> list[str]:
    """Return which features are missing in some row as the model sees it: a category it does not know is, too."""
    frame = given if isinstance(given, pd.DataFrame) else pd.DataFrame(np.asarray(given), columns=list(names))
    return [name for name in names if bool(frame[name].isna().any())]
