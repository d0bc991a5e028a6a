"""What adversarial-robustness-toolbox asks, in an environment of its own; kept below `build/` for the next run."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from benchmarks.adversarial.asked_models import AskedModel
from benchmarks.adversarial.searches import Rows
from benchmarks.profile import peers

LOCKS = Path(__file__).parent / "locks"
SCRIPT = Path(__file__).parent / "contenders" / "with_art.py"
KEPT = Path("build/adversarial")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def asked(models: Sequence[AskedModel], kept: Path = KEPT) -> Mapping[str, Mapping[str, Rows]]:
    """Return the rows that each search asks of each model, by both names, before they are rounded.

    They are looked for once: again where the models, the script or its lock file are others.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for model in models:
        np.savez(
            kept / f"{model.name}.npz",
            trained=model.trained,
            classes=model.classes,
            fresh=model.fresh,
            digits=model.digits,
        )
    stamp, wanted = kept / "made_of.sha256", _digest(models)
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        python = peers.install("art", LOCKS)
        subprocess.run([python, SCRIPT, kept], check=True, env=os.environ | ONE_THREAD)
        stamp.write_text(wanted, encoding="ascii")
    return {model.name: dict(np.load(kept / f"{model.name}.art.npz")) for model in models}


def _digest(models: Sequence[AskedModel]) -> str:
    found = hashlib.sha256(SCRIPT.read_bytes() + (LOCKS / "art.txt").read_bytes())
    for model in models:
        found.update(model.trained.tobytes() + model.fresh.tobytes())
    return found.hexdigest()
