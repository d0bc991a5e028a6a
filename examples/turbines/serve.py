"""A model server that knows nothing of Pegel, `python serve.py PORT`: protocol v2, one tensor for each feature."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


def kilowatts(wind: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return the power of a turbine by wind speed (m/s) and by how far it stands out of the wind (degrees)."""
    return np.clip(1.2 * wind**3 * np.cos(np.radians(angle)), 0, 2000).round(1)


class Turbines(BaseHTTPRequestHandler):
    """Answers whether the model is ready, and what it predicts."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Be ready."""
        self.answer({"name": "turbines", "ready": True})

    def do_POST(self) -> None:
        """Predict: one tensor comes for each feature."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given = {tensor["name"]: np.ravel(tensor["data"]).astype(float) for tensor in request["inputs"]}
        power = kilowatts(given["wind"], given["angle"]).tolist()
        output = {"name": "kilowatts", "datatype": "FP64", "shape": [len(power)], "data": power}
        self.answer({"model_name": "turbines", "outputs": [output]})

    def answer(self, content: dict) -> None:
        """Answer 200 with JSON."""
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Turbines).serve_forever()
