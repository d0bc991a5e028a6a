"""Detectors of `river` over labelled events, for those who ask: ADWIN, Page-Hinkley, HDDM, DDM, FHDDM, KSWIN.

They need `pegel[river]`. Their thresholds follow from no false-alarm budget. Errors are 1 where an answer is wrong;
river's FHDDM wants 1 where it is right, and is given that: with the other sign it would never fire.
"""

from __future__ import annotations

import base64
import io
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.errors import DamagedRow, SetupError

NUMERIC = ("adwin", "page_hinkley", "kswin")
"""Those that take numbers of any size: residuals."""
NAMES = (*NUMERIC, "hddm_a", "hddm_w", "ddm", "fhddm")
"""Every chart that can be asked for. EDDM is none of them: it fires 18 times in 10,000 events without any change."""
_PLAIN = {
    ("collections", "deque"),
    ("random", "Random"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "scalar"),
}
"""What detectors keep beside classes of river."""


def follow(
    name: str, state: Mapping[str, Any] | None, losses: NDArray[np.float64], *, numbers: bool
) -> tuple[dict[str, Any], int | None]:
    """Return a chart after further events, and the position of the first at which it fired; None if it did not.

    Args:
        name: One of `NAMES`.
        state: As this returned it before; None for the first events.
        losses: Of each event, in order: 1 where the answer is wrong and 0 where it is right, or the absolute residual.
        numbers: Whether they are residuals, which only `NUMERIC` charts take; the others stay as they are.

    Raises SetupError without `river`, DamagedRow where the state is none.
    """
    if numbers and name not in NUMERIC:
        return dict(state or {}), None
    detector = _new(name) if not state else _loaded(state)
    first = None
    values = 1 - losses if name == "fhddm" else losses
    for place, value in enumerate(values.tolist()):
        detector.update(value if name in NUMERIC else bool(value))
        if detector.drift_detected and first is None:
            first = place
    return {"pickle": base64.b64encode(pickle.dumps(detector, protocol=4)).decode()}, first


def _new(name: str) -> Any:
    try:
        from river import drift  # noqa: PLC0415  an extra
        from river.drift import binary  # noqa: PLC0415  the same
    except ImportError as error:
        raise SetupError(
            f"labels.charts: {name} is a detector of river, which is not installed: install `pegel[river]`, or leave "
            "it out; no event was charted."
        ) from error
    kinds: dict[str, Callable[[], Any]] = {
        "adwin": drift.ADWIN,
        "page_hinkley": drift.PageHinkley,
        "kswin": lambda: drift.KSWIN(seed=42),
        "hddm_a": binary.HDDMA,
        "hddm_w": binary.HDDMW,
        "ddm": binary.DDM,
        "fhddm": binary.FHDDM,
    }
    return kinds[name]()


def require_readable(state: Mapping[str, Any]) -> None:
    """Raise DamagedRow for what is no chart of river. Without river nobody can say; who asks for the chart is told."""
    with suppress(ImportError):
        _loaded(state)


def _loaded(state: Mapping[str, Any]) -> Any:
    try:
        return _Unpickler(io.BytesIO(base64.b64decode(state["pickle"]))).load()
    except (KeyError, ValueError, TypeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise DamagedRow(f"a chart of river cannot be read: {error!r}; no event was charted.") from error


class _Unpickler(pickle.Unpickler):
    """Reads what river's detectors are made of, and nothing else that runs."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class of river or of plain values. Raises UnpicklingError for any other."""
        if (module, name) == ("builtins", "getattr"):
            return _method
        if "." not in name and ((module, name) in _PLAIN or module.startswith("river.")):
            found = super().find_class(module, name)
            if (module, name) in _PLAIN or (isinstance(found, type) and found.__module__.startswith("river.")):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a chart")


def _method(owner: Any, name: str) -> Any:
    """Return the method by which a detector tests, which some keep."""
    if not type(owner).__module__.startswith("river.") or not name.startswith("_test_"):
        raise pickle.UnpicklingError(f"{name} of {type(owner).__name__} is no part of a chart")
    return getattr(owner, name)
