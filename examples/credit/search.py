"""Look for where the answer turns from no to yes, one question after the other: `python search.py URL RATE SECONDS`.

HopSkipJump (Chen et al. 2020), of which a question is one application, in whole numbers as a form takes them. It needs
nothing but answers: how the answers around a point on the border differ says where to go.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd

CLIENT = "search"
AROUND = 30
"""Questions around each point on the border."""
NEAR = 0.1
"""How far around, as a part of the distance that is still to go."""


def search(ask: Callable[[np.ndarray], bool], refused: np.ndarray, accepted: np.ndarray, spread: np.ndarray) -> None:
    """Come ever nearer to a refused application that is accepted, until `ask` ends it."""
    rng, at = np.random.default_rng(0), accepted
    while True:
        low, high = 0.0, 1.0
        for _ in range(10):  # to the border, on the way to what was refused
            middle = (low + high) / 2
            low, high = (low, middle) if ask(refused + middle * (at - refused)) else (middle, high)
        at = refused + high * (at - refused)
        distance = np.linalg.norm((at - refused) / spread)
        around = rng.normal(size=(AROUND, at.size))
        around /= np.linalg.norm(around, axis=1, keepdims=True)
        answers = np.array([ask(at + NEAR * distance * spread * step) for step in around], dtype=float)
        slope = (answers - answers.mean()) @ around
        step = distance * slope / max(np.linalg.norm(slope), 1e-9)
        for _ in range(10):  # as far from the border as the answer stays the same
            if ask(at + step * spread):
                break
            step /= 2
        at = at + step * spread


def asked_by_http(url: str, columns: list[str], rate: float, seconds: float) -> Callable[[np.ndarray], bool]:
    """Return a function that asks an endpoint, so many times a second, and ends the process when the time is over."""
    began, number = time.monotonic(), 0

    def ask(values: np.ndarray) -> bool:
        nonlocal number
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if time.monotonic() > began + seconds:
            print(f"{number} questions asked")
            sys.exit(0)
        number += 1
        row = dict(zip(columns, np.rint(values).clip(0).tolist(), strict=True))
        body = json.dumps({"instances": [row]}).encode()
        headers = {"Content-Type": "application/json", "X-Client-Id": CLIENT}
        request = urllib.request.Request(url, body, headers)  # noqa: S310  the endpoint's own address
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)["predictions"][0]["granted"] == "yes"

    return ask


if __name__ == "__main__":
    known = pd.read_parquet("past.parquet")
    features = known.drop(columns=["granted", "granted_probability", "asked"])
    first = {answer: features[known.granted == answer].to_numpy(float)[0] for answer in ("no", "yes")}
    print(f"asking since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", flush=True)
    asked = asked_by_http(sys.argv[1], list(features), float(sys.argv[2]), float(sys.argv[3]))
    search(asked, first["no"], first["yes"], features.std().to_numpy())
